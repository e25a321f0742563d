# SPDX-License-Identifier: Apache-2.0
"""The web app between people and programs, in a real Chromium: what one leaves is nothing for the next, what is pasted is no keys, and
nothing leads out of a recording."""
import json
import os
import re

import pytest
from browser import TOP, Browser
from cluster import wait_for

SCREEN = "[...document.querySelectorAll('.term:not([hidden]) .xterm-rows > div')].map((row) => row.textContent).join('\\n')"
# How many keys the page has kept.
KEYS = """new Promise((done, fail) => {
    const open = indexedDB.open('sallyport', 1);
    open.onupgradeneeded = () => open.result.createObjectStore('identity');
    open.onerror = () => fail(open.error);
    open.onsuccess = () => {
        const count = open.result.transaction('identity').objectStore('identity').count();
        count.onsuccess = () => { open.result.close(); done(count.result); };
    };
})"""

# What a click on a link of a terminal's own (OSC 8) does where nobody gave it a way: whether it is taken, and how often it leads out.
LINK = """(async () => {
    let led = 0;
    window.open = window.confirm = () => { led++; return null; };
    for (const { name } of performance.getEntriesByType('resource').filter((one) => /xterm\\.[0-9a-f]+\\.mjs$/.test(one.name))) {
        const { makeTerminal } = await import(name);
        if (!makeTerminal) continue;
        const { term, dispose } = makeTerminal({ disableStdin: true });
        term.options.linkHandler?.activate(new MouseEvent('click'), 'https://elsewhere.example/', null);
        const taken = term.options.linkHandler !== null;
        dispose();
        return [taken, led];
    }
})()"""


@pytest.fixture(scope='module')
def browser(cluster):
    b = Browser(os.path.join(TOP, 'build'), f'https://{cluster.proxy}')
    yield b
    b.stop()


@pytest.fixture(scope='module')
def fay(browser, cluster, login):
    person = cluster.add_user('fay', roles='access', logins=login)
    browser.log_in(person, lambda: cluster.code(person))
    return person


def shows(browser, pattern):
    return wait_for(pattern, lambda: re.search(pattern, browser.evaluate(SCREEN) or ''))


def terminal(browser, node, login):
    browser.click('link', 'Servers', nth=0)
    browser.click('button', f'Connect to {node} as {login}')
    browser.do('see', selector='.term:not([hidden]) .xterm-rows')
    browser.see('Disconnect')
    shows(browser, r'[$#]')


def test_pasted_text_ends_no_bracketed_paste(browser, fay, login):
    """A shell runs nothing of what is pasted, whatever the clipboard says."""
    terminal(browser, 'node-1', login)
    text = '"one\\u001b[201~two\\u009b201~three\\u0003\\n!"'
    browser.do('type', value="stty raw -echo; printf '\\033[?2004hready\\r\\n'; exec cat -v\n")
    shows(browser, r'\nready')
    clipboard = f"const d = new DataTransfer(); d.setData('text/plain', {text});"
    browser.evaluate(f"""(() => {{ {clipboard} document.querySelector('.term:not([hidden]) .xterm-helper-textarea').dispatchEvent(
        new ClipboardEvent('paste', {{ clipboardData: d, bubbles: true, cancelable: true }})); }})()""")
    once = r'\^\[\[200~one\[201~two201~three\^M!\^\[\[201~'
    shows(browser, once)
    browser.evaluate(f'navigator.clipboard.writeText({text})')
    browser.do('click', selector='.term:not([hidden]) .xterm-screen', button='right')
    browser.click('menuitem', 'Paste')
    shows(browser, once + once)
    browser.click('button', f'Close {login}@node-1')


def test_no_link_leads_out_of_a_recording(browser, fay):
    browser.do('goto', path='/web/terminal')
    browser.see('No terminal is open')
    assert browser.evaluate(LINK) == [True, 0]


def test_a_page_whose_files_are_gone_says_that_it_is_to_be_loaded_again(browser, fay, login):
    """As after an upgrade: the proxy hands out a page that names other files, and those that this one names are not there."""
    browser.do('goto', path='/web')
    browser.see('node-1')
    browser.evaluate("""(() => {
        const fetched = window.fetch;
        window.fetch = (what, how) => (what === '/web' ? Promise.resolve(new Response('<script src="/web/other.mjs">')) : fetched(what, how));
    })()""")
    browser.do('gone', pattern='**/worker.*.mjs')
    browser.click('button', f'Connect to node-1 as {login}')
    browser.see('The app has been updated: load this page again.')
    browser.do('gone', pattern='**/recordings.*.mjs')
    browser.click('link', 'Sessions')
    browser.do('see', selector='.empty.bad >> text=The app has been updated: load this page again.')
    browser.do('gone')
    browser.do('click', selector='#page button:has-text("Load the page again")')
    browser.do('see', selector='.empty.bad', gone=True)
    browser.do('see', selector='h1:text-is("Sessions")')
    browser.do('complaints')


def test_nothing_of_who_was_logged_in_is_there_for_the_next(browser, fay, cluster, login):
    gus = cluster.add_user('gus', roles='access', logins=login)
    browser.do('goto', path='/web')
    terminal(browser, 'node-1', login)
    terminal(browser, 'node-2', login)
    terminal(browser, 'node-3', login)
    browser.do('click', role='button', name=f'{login}@node-1')
    browser.do('see', selector='.tab.on:first-child')
    assert browser.evaluate(KEYS) == 1 and browser.do('count', selector='.term') == 3
    browser.evaluate("(() => { window.same = true; })()")
    browser.do('click', selector='button.who')
    browser.do('click', role='menuitem', name='Log out')
    browser.see('You are logged out.')
    assert browser.do('address') == '/web/login'
    wait_for('no key', lambda: browser.evaluate(KEYS) == 0)
    browser.fill('User', gus['user'])
    browser.fill('Password', gus['password'])
    browser.fill('Code', cluster.code(gus))
    browser.click('button', 'Log in')
    browser.see('node-1')
    assert browser.do('address') == '/web' and browser.evaluate('window.same')
    browser.evaluate("history.pushState(null, '', '/web/terminal'); dispatchEvent(new PopStateEvent('popstate'))")
    browser.see('No terminal is open')
    assert browser.do('count', selector='.term') == 0 and browser.do('count', selector='.tab') == 0 and browser.evaluate(KEYS) == 0
    assert browser.do('complaints') == []


def test_a_tab_begins_anew_when_another_tab_is_somebody_else_s(browser, fay, cluster, login):
    """As after an administrator has tried an invitation link: the cookie is all tabs', and nothing that this one shows is right any more."""
    hal, ivy = [cluster.add_user(name, roles='access', logins=login) for name in ('hal', 'ivy')]
    browser.log_in(hal, lambda: cluster.code(hal))
    terminal(browser, 'node-1', login)
    words = json.dumps({'user': ivy['user'], 'password': ivy['password'], 'otp': cluster.code(ivy)})
    how = f"{{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: JSON.stringify({words}) }}"
    browser.evaluate(f"""(async () => {{
        window.same = true;
        const answer = await fetch('/v1/webapi/login', {how});
        if (!answer.ok) throw new Error(await answer.text());
        setTimeout(() => dispatchEvent(new Event('focus')));
    }})()""")
    browser.do('see', role='button', name='ivy: account and more')
    browser.see('node-1')
    assert browser.do('address') == '/web' and not browser.evaluate('window.same')
    browser.evaluate("history.pushState(null, '', '/web/terminal'); dispatchEvent(new PopStateEvent('popstate'))")
    browser.see('No terminal is open')
    assert browser.do('complaints') == []


ROLE = """kind: role
metadata: {name: short}
spec: {allow: {logins: ['{{internal.logins}}'], node_labels: {'*': '*'}}, options: {max_session_ttl: 4m, permit_pty: true}}
"""


def test_the_end_is_said_before_and_a_new_login_keeps_what_is_open(browser, cluster, login):
    cluster.tctl('create', '-f', cluster.write('short.yaml', ROLE))
    kim = cluster.add_user('kim', roles='short', logins=login)
    browser.log_in(kim, lambda: cluster.code(kim))
    browser.do('see', selector='.toast.bad:has-text("Your web session ends in")')
    terminal(browser, 'node-1', login)
    browser.do('type', value='before=kept\n')
    old = browser.evaluate("fetch('/v1/webapi/session').then((r) => r.json()).then((r) => r.id)")
    browser.evaluate("(() => { window.same = true; })()")
    browser.do('click', selector='.toast button:has-text("Log in again")')
    browser.see(f'As {kim["user"]}, at ')
    browser.fill('Password', kim['password'])
    browser.fill('Code', cluster.code(kim))
    browser.do('click', selector='dialog button:has-text("Log in")')
    browser.told('You are logged in until')
    # The page, the tab and the shell in it are those of before.
    assert browser.evaluate('window.same') and browser.do('count', selector='.tab') == 1
    browser.do('click', selector='.term:not([hidden]) .xterm-screen')
    browser.do('type', value='echo "it is $before"\n')
    shows(browser, 'it is kept')
    # As when it expires, which this does not wait for.
    how = "{ method: 'DELETE', headers: { 'Content-Type': 'application/json' } }"
    ended = f"fetch('/v1/webapi/account/sessions/{old}', {how}).then((r) => r.status)"
    assert browser.evaluate(ended) == 200
    browser.see('The session is over')
    browser.click('button', 'Reconnect')
    browser.see('Disconnect')
    browser.do('type', value='echo "now $((6 * 7))"\n')
    shows(browser, 'now 42')
    assert browser.evaluate('window.same')
    browser.click('button', f'Close {login}@node-1')
    browser.do('complaints')
