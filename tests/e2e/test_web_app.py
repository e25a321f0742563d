# SPDX-License-Identifier: Apache-2.0
"""The web app as people use it: a real Chromium, a real cluster. tests/e2e/browser.py says how it is driven."""
import csv
import io
import json
import os
import re
import subprocess

import pytest
from browser import TOP, Browser
from cluster import totp, wait_for

PAGES = ['/web', '/web/recordings', '/web/audit', '/web/users', '/web/roles', '/web/roles/access', '/web/newrole', '/web/tokens', '/web/nodes', '/web/cluster', '/web/account']
FIRST_PAGE_MAX = 150 * 1024
SCREEN = "[...document.querySelectorAll('.term:not([hidden]) .xterm-rows > div')].map((row) => row.textContent).join('\\n')"
TEXT = "document.body.innerText"


@pytest.fixture(scope='module')
def browser(cluster):
    b = Browser(os.path.join(TOP, 'build'), f'https://{cluster.proxy}')
    yield b
    b.stop()


@pytest.fixture(scope='module')
def people(cluster, login):
    """Who may do everything, and who may open servers."""
    return {'ada': cluster.add_user('ada', roles='editor,access,auditor', logins=f'{login},ubuntu'),
            'ben': cluster.add_user('ben', roles='access', logins=login)}


def shows(browser, expression, pattern):
    return wait_for(pattern, lambda: re.search(pattern, browser.evaluate(expression) or ''))


def comes(browser, path, text):
    """The page shows it, now or when it is asked for again: auditd may not have it yet."""
    def look():
        browser.do('goto', path=path)
        browser.do('see', selector='h1')
        wait_for('what the page loads', lambda: browser.do('count', selector='[aria-busy=true]') == 0)
        return text in browser.evaluate(TEXT)
    wait_for(text, look)


@pytest.fixture(scope='module')
def ada(browser, cluster, people):
    """Logged in once: codes count once, and half a minute passes until the next."""
    browser.log_in(people['ada'], lambda: cluster.code(people['ada']))
    return people['ada']


# --- without a browser -----------------------------------------------------------------------------------------


def static_imports(module, found):
    with open(os.path.join(TOP, 'web/app', module), encoding='utf-8') as f:
        for other in re.findall(r"from '\./([\w.]+)'", f.read()):
            if other not in found:
                found.add(other)
                static_imports(other, found)
    return found


def test_the_page_names_the_modules_that_it_begins_with():
    """So that a browser fetches all of them at once, and not one after the other as they name each other."""
    with open(os.path.join(TOP, 'web/app/app.html'), encoding='utf-8') as f:
        named = re.findall('<link rel="modulepreload" href="([^"]+)">', f.read())
    assert named == sorted(static_imports('main.mjs', set()))


# --- terminals -------------------------------------------------------------------------------------------------


def test_a_terminal_from_the_login_to_the_end(browser, ada, cluster, login):
    browser.do('goto', path='/web')
    browser.see('node-1')
    browser.click('button', f'Connect to node-1 as {login}')
    browser.see('Disconnect')
    assert browser.do('address') == f'/web/terminal/node-1/{login}'
    shows(browser, SCREEN, r'[$#]')
    browser.do('type', value='echo $((6*7))-seen; tty\n')
    shows(browser, SCREEN, r'42-seen\s+/dev/pts/')
    browser.do('type', value="printf 'wide: \\346\\274\\242\\345\\255\\227|\\n'\n")
    shows(browser, SCREEN, r'wide: \u6f22\u5b57\|')

    def size():
        browser.do('type', value='clear; stty size; echo done\n')
        return shows(browser, SCREEN, r'(\d+) (\d+)\s+done').groups()
    before = size()
    browser.do('size', width=900, height=600)
    wait_for('another size', lambda: size() != before and int(size()[1]) < int(before[1]))
    browser.do('size', width=1280, height=800)
    browser.click('button', 'Disconnect')
    browser.see('You have disconnected.')
    wait_for('the end in the audit trail', lambda: cluster.tctl('audit', 'ls', '--type=session.end', '--by=ada').stdout.count('session.end'))
    browser.click('button', 'Reconnect')
    browser.see('Disconnect')
    shows(browser, SCREEN, r'[$#]')
    browser.do('type', value='exit 3\n')
    browser.see('The session has ended with status 3.')
    browser.click('button', f'Close {login}@node-1')
    browser.see('Servers')
    assert browser.do('complaints') == []


def test_a_terminal_by_its_address_that_is_refused_says_why(browser, ada):
    browser.do('goto', path='/web/terminal/no-such-node/root')
    browser.see('Reconnect')
    assert 'no-such-node' in browser.texts('.end-bar')[0]


def test_files_go_to_a_server_and_come_back(browser, ada, login, tmp_path):
    content = os.urandom(3_000_000)
    (tmp_path / 'up load.bin').write_bytes(content)
    browser.do('goto', path=f'/web/terminal/node-1/{login}')
    browser.see('Disconnect')
    browser.do('choose', role='button', name='Upload files', files=[str(tmp_path / 'up load.bin')])
    browser.fill('Folder', str(tmp_path / 'nosuch'))
    browser.click('button', 'Upload')
    browser.do('see', selector='.transfers .bad')
    browser.do('choose', role='button', name='Upload files', files=[str(tmp_path / 'up load.bin')])
    (tmp_path / 'there').mkdir()
    browser.fill('Folder', str(tmp_path / 'there'))
    browser.click('button', 'Upload')
    browser.see(f'is {tmp_path}/there/up load.bin')
    assert (tmp_path / 'there' / 'up load.bin').read_bytes() == content
    browser.click('button', 'Download a file')
    browser.fill('File', str(tmp_path / 'there' / 'up load.bin'))
    assert browser.download('button', 'Download') == ('up load.bin', content)


def test_one_command_on_all_servers_that_were_found(browser, ada, login):
    browser.do('goto', path='/web?label=env%3Dexample')
    browser.see('node-2')
    browser.click('button', 'Run command')
    browser.see('Run on 2 servers')
    browser.fill('Command', 'echo on-$((1+1)); test $(hostname) = nowhere')
    browser.click('button', 'Run')
    browser.see('0 of 2 succeeded, 2 failed')
    assert [text for text in browser.texts('.job pre')] == ['on-2\n', 'on-2\n'] and 'status 1' in browser.texts('.job')[0]
    browser.fill('Command', "head -c 300000 /dev/zero | tr '\\0' x")
    browser.click('button', 'Run')
    browser.see('2 of 2 succeeded')
    output = browser.texts('.job pre')[0]
    assert output.count('x') == 256 * 1024 and output.endswith(f'\n\u2026 and {300000 - 256 * 1024:,} bytes more')
    browser.do('press', key='Escape')


# --- lists that live ---------------------------------------------------------------------------------------------


def test_a_server_that_joins_and_one_that_stops_are_seen_at_once(browser, ada, cluster):
    browser.do('goto', path='/web')
    browser.see('node-1')
    cluster.start_node('node-brief', labels='env=brief')
    browser.see('node-brief')
    cluster.daemons['node-brief'].stop()
    browser.see('stopped just now')
    assert 'gone' in browser.evaluate("document.querySelector('.rows .name[title^=node-brief]').closest('tr').className")


def test_servers_are_found_by_words_and_labels_which_the_address_keeps(browser, ada):
    browser.do('goto', path='/web')
    browser.see('node-3')
    browser.do('press', key='/')
    browser.do('type', value='env=prod')
    browser.do('see', selector='.name[title^="node-1 "]', gone=True)
    assert browser.texts('.rows .name') == ['node-3'] and browser.do('address') == '/web?q=env%3Dprod'
    browser.do('reload')
    browser.see('node-3')
    assert browser.texts('.rows .name') == ['node-3']


def test_what_stands_before_the_page_is_seen_in_a_narrow_window(browser, ada):
    browser.do('goto', path='/web')
    browser.do('size', width=360, height=740)
    for button, words in [('Add server', 'The line works for'), ('Run command', 'Command')]:
        browser.click('button', button)
        browser.see(words, exact=True)
        browser.click('button', 'Close', nth=0)
        browser.do('see', selector='dialog', gone=True)
    browser.do('size', width=1280, height=800)


def test_adding_a_server_gives_a_line_and_shows_who_joins(browser, ada, cluster):
    browser.do('goto', path='/web')
    browser.click('button', 'Add server')
    browser.fill('Labels', 'env=added')
    browser.click('button', 'Next')
    browser.see('Waiting for it to join')
    line = browser.texts('dialog pre')[0]
    token = re.search(r"printf '%s\\n' '(\w+)'", line).group(1)
    # This proxy has no packages that a script could install.
    assert f'--proxy={cluster.proxy}' in line and 'noded configure' in line and cluster.ca_pin() in line and line.count(token) == 1
    browser.see('Install the package sallyport-noded')
    with open(cluster.write('added.token', token + '\n'), encoding='ascii') as f:
        assert f.read()
    cluster.start_node('node-added', labels='env=added')
    browser.see('has joined')
    assert 'node-added' in browser.texts('.joined')[0]
    browser.click('button', 'Done')
    cluster.daemons['node-added'].stop()


# --- what others named -------------------------------------------------------------------------------------------


EVIL = '<img src=x onerror=document.title=1>'


def test_what_others_named_is_text(browser, ada, cluster, login):
    cluster.tctl('nodes', 'label', 'node-2', f'note={EVIL}')
    browser.do('goto', path='/web')
    browser.see(f'note={EVIL}')
    cluster.login(ada)
    cluster.tsh('ada', 'ssh', f'{login}@node-2', f"echo '{EVIL}\x1b]2;pwned\x07'", check=False)
    comes(browser, '/web/audit?type=exec', EVIL)
    browser.do('click', selector='.events button.icon-btn')
    comes(browser, '/web/recordings', EVIL)
    played_when_whole(browser)
    shows(browser, "[...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent).join('')", 'onerror')
    assert browser.evaluate("document.querySelectorAll('img').length") == 0 and 'pwned' not in browser.do('title')
    cluster.tctl('nodes', 'label', 'node-2', 'note-')
    assert browser.do('complaints') == []


# --- what happened -------------------------------------------------------------------------------------------------


def played_when_whole(browser):
    """The newest recording: it is listed when its session begins, and its end comes some seconds later."""
    browser.do('see', selector='.rows .dot.live', gone=True)
    browser.do('click', role='button', name='Play', nth=0)
    browser.do('see', selector='.player')
    assert browser.evaluate('history.state') is None  # whoever logs in next has the same history
    comes(browser, browser.do('address'), 'ended with status')


def test_a_recording_comes_by_itself_and_plays_to_its_end(browser, ada, cluster, login):
    browser.do('goto', path='/web/recordings')
    cluster.tsh('ada', 'ssh', '-t', f'{login}@node-1', 'seq 1 300; printf "\\033[2J\\033[Hthe \\033[31mlast\\033[0m screen"')
    browser.see('seq 1 300')  # by itself
    played_when_whole(browser)
    rows = "[...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent.trimEnd()).join('\\n').trim()"
    wait_for('the last screen', lambda: browser.evaluate(rows) == 'the last screen')
    browser.see('ended with status 0')
    name, text = browser.download('button', 'Download')
    head, *events = [json.loads(line) for line in text.splitlines()]
    assert head['version'] == 2 and name.endswith('.cast') and ''.join(e[2] for e in events).startswith('1\r\n2\r\n3\r\n')
    browser.click('button', 'As text')
    browser.fill('Lines with', '199')  # what was on the screen that was erased is not text
    browser.see('1 line')


def test_events_are_found_and_saved(browser, ada):
    comes(browser, '/web/audit?type=user.login&user=ada', 'user.login')
    assert set(browser.texts('.events .c-type .mono')) == {'user.login'}
    browser.do('click', selector='.events tbody button')
    assert 'T1000I' in browser.texts('.events .detail')[0]
    browser.click('button', 'Export')
    _, text = browser.download('menuitem', 'CSV')
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    assert rows and {row['type'] for row in rows} == {'user.login'} and {row['user'] for row in rows} == {'ada'}
    browser.click('button', 'Export')
    _, text = browser.download('menuitem', 'JSON lines')
    assert [json.loads(line)['event']['id'] for line in text.splitlines()] == [row['id'] for row in rows]


# --- administration ------------------------------------------------------------------------------------------------


def test_a_user_is_made_changed_and_removed(browser, ada, cluster):
    browser.do('goto', path='/web/users')
    browser.click('button', 'Add user')
    browser.fill('Name', 'carol')
    browser.fill('Logins', 'ubuntu')
    browser.click('button', 'Add')
    browser.see('carol can sign up')
    assert re.fullmatch(rf'https://{cluster.proxy}/web/invite/[0-9a-f]{{32}}', browser.texts('dialog pre')[0])
    browser.click('button', 'Done')
    browser.click('button', 'What to do with carol')
    browser.do('click', role='menuitem', name='Roles and logins', exact=False)
    browser.do('click', label='auditor')
    browser.click('button', 'Save')
    wait_for('the role', lambda: 'auditor' in next(line for line in cluster.tctl('users', 'ls').stdout.splitlines() if line.startswith('carol')))
    browser.click('button', 'What to do with carol')
    browser.do('click', role='menuitem', name='Remove', exact=False)
    browser.click('button', 'Remove')
    browser.do('see', selector='.name[title=carol]', gone=True)
    assert 'carol' not in cluster.tctl('users', 'ls').stdout


ROLE_TEXT = 'textarea[aria-label="The role as YAML"]'


def role_text(browser):
    return browser.evaluate(f"document.querySelector('{ROLE_TEXT}').value")


def write_role(browser, text):
    browser.do('fill', selector=ROLE_TEXT, value=text)


def marked(browser):
    return browser.texts('.numbers .wrong')


def can_save(browser):
    return not browser.evaluate("[...document.querySelectorAll('button')].find((b) => b.innerText === 'Save').disabled")


def found(browser):
    return [tuple(row.split('\t')) for row in browser.texts('.found tbody tr')]


@pytest.fixture
def edited(cluster, login):
    """The text of a role."""
    cluster.tctl('create', '-f', '--force', '-', input=f'kind: role\nmetadata: {{name: web-edited}}\nspec: {{allow: {{logins: [{login}], node_labels: {{env: [dev]}}}}}}\n')
    yield cluster.tctl('get', 'role/web-edited').stdout
    cluster.tctl('rm', 'role/web-edited', check=False)


def test_a_role_is_written_as_tctl_prints_it(browser, ada, cluster, login):
    browser.do('goto', path='/web/roles')
    browser.click('button', 'Add role')
    browser.see('New role')
    start = role_text(browser)
    write_role(browser, start.replace('name: NAME', 'name: web-new\n  bad: indentation'))
    wait_for('the line', lambda: marked(browser) == ['5'])
    browser.see('unknown key bad')
    write_role(browser, start.replace('name: NAME', 'name: web-new').replace('"{{internal.logins}}"', login))
    wait_for('nothing is wrong', lambda: marked(browser) == [])
    assert not can_save(browser)
    browser.click('button', 'Look at the changes')
    browser.see('Nothing changes for anybody')  # nobody has it
    assert all(line.startswith('+') for line in browser.texts('.diff > ins')) and can_save(browser)
    browser.click('button', 'Save')
    browser.see('Role web-new')
    assert browser.do('address') == '/web/roles/web-new'
    assert role_text(browser) == cluster.tctl('get', 'role/web-new').stdout
    browser.click('button', 'Remove\u2026')
    browser.click('button', 'Remove')
    browser.see('Add role')
    assert cluster.tctl('get', 'role/web-new', check=False).returncode == 1


def test_a_role_that_authd_refuses_is_marked_where(browser, ada, cluster, edited):
    browser.do('goto', path='/web/roles/web-edited')
    browser.do('see', selector=ROLE_TEXT)
    text = role_text(browser)
    write_role(browser, text.replace('      env:\n      - dev', '      env:\n      - dev\n      - ^prod$'))
    browser.click('button', 'Look at the changes')
    browser.see('looks like a regular expression')
    line = text.splitlines().index('      - dev') + 2
    assert marked(browser) == [str(line)] and not can_save(browser)
    browser.click('button', f'Line {line}')
    assert browser.evaluate(f"((t) => t.value.slice(t.selectionStart, t.selectionEnd))(document.querySelector('{ROLE_TEXT}'))") == '      - ^prod$'
    assert cluster.tctl('get', 'role/web-edited').stdout == text


def test_a_role_shows_who_reaches_what_by_it_before_it_is_saved(browser, ada, cluster, login, edited):
    cluster.tctl('users', 'add', 'web-reader', '--roles=web-edited', '--logins=ubuntu')
    cluster.tctl('nodes', 'label', 'node-1', f'note={EVIL}')
    browser.do('goto', path='/web/roles/web-edited')
    browser.do('see', selector=ROLE_TEXT)
    before = role_text(browser)
    write_role(browser, before.replace('      env:\n      - dev', f'      note:\n      - "{EVIL}"'))
    browser.click('button', 'Look at the changes')
    wait_for('what changes', lambda: found(browser))
    assert [(r[0], r[1], r[2].strip(), r[3].replace('\n', ' ').split()) for r in found(browser)] == [('web-reader', 'node-1', '\u2014', [login, 'changes'])]
    assert EVIL in ''.join(browser.texts('.diff ins')) and browser.evaluate("document.querySelectorAll('img').length") == 0
    write_role(browser, role_text(browser) + '# more\n')
    assert not can_save(browser) and browser.do('count', selector='.diff:visible') == 0
    browser.click('button', 'Look at the changes')
    wait_for('it was looked at', lambda: can_save(browser))
    browser.click('button', 'Save')
    browser.told('web-edited is saved.')
    browser.do('goto', path='/web/roles/web-edited')
    browser.do('see', selector=ROLE_TEXT)
    assert role_text(browser) == cluster.tctl('get', 'role/web-edited').stdout != before
    browser.evaluate("(() => { const s = document.querySelector('select[name=what]'); s.value = 'user'; s.dispatchEvent(new Event('change')); })()")
    browser.do('fill', selector='input[name=user]', value='web-reader')
    browser.click('button', 'Show')
    wait_for('his servers', lambda: [r[:3] for r in found(browser)] == [('web-reader', 'node-1', login)])
    browser.click('button', 'Why web-reader on node-1')
    browser.see(f'role web-edited allows the login {login} on this node')
    browser.do('press', key='Escape')
    browser.do('fill', selector='input[name=user]', value='no-such-user')
    browser.click('button', 'Show')
    browser.see('No such user')
    cluster.tctl('users', 'rm', 'web-reader')
    cluster.tctl('nodes', 'label', 'node-1', 'note-')
    assert browser.do('complaints') == []


# Answers of why somebody reaches a server come when they are told to: release each of `late`.
LATE = """(() => {
    const fetched = window.fetch;
    window.late = [];
    window.fetch = async (what, how) => {
        const answer = await fetched(what, how);
        if (!what.includes('/explain?')) return answer;
        await new Promise((go) => window.late.push(go));
        how.signal?.throwIfAborted();
        return answer;
    };
})()"""
ANSWER = """new Promise((done) => {
    window.late.splice(0).forEach((go) => go());
    setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 100);
})"""


def test_an_answer_that_comes_late_opens_one_dialog_and_none_over_another_page(browser, ada):
    browser.do('goto', path='/web/roles/access')
    browser.do('see', selector=ROLE_TEXT)
    browser.do('choose_option', selector='select[name=what]', value='node')
    browser.do('fill', selector='input[name=node]', value='node-1')
    browser.click('button', 'Show')
    why = '[aria-label="Why ada on node-1"]'
    browser.do('see', selector=why)
    browser.evaluate(LATE)
    browser.evaluate(f"(() => {{ for (let i = 0; i < 2; i++) document.querySelector('{why}').click(); }})()")
    wait_for('both are asked', lambda: browser.evaluate('late.length') == 2)
    browser.evaluate(ANSWER)
    browser.do('see', selector='dialog[open] .remarks')
    assert browser.do('count', selector='dialog') == 1
    browser.do('press', key='Escape')
    browser.do('click', selector=why)
    wait_for('it is asked', lambda: browser.evaluate('late.length') == 1)
    browser.do('click', selector='nav a[href="/web/roles"]')
    browser.see('Add role')
    browser.evaluate(ANSWER)
    assert browser.do('count', selector='dialog') == 0 and browser.do('complaints') == []


def test_who_looks_at_the_page_again_writes_on_where_he_was(browser, ada):
    """Coming back asks who is logged in: as long as that is as it was, nothing is drawn anew."""
    browser.do('goto', path='/web/roles/access')
    browser.do('see', selector=ROLE_TEXT)
    browser.evaluate(f"""(async () => {{
        const fetched = window.fetch;
        let asked = 0;
        window.fetch = (what, how) => {{ asked += what === '/v1/webapi/session'; return fetched(what, how); }};
        document.querySelector('{ROLE_TEXT}').focus();
        // Nobody asks a second time before the first answer was taken in.
        while (asked < 2) {{
            dispatchEvent(new Event('focus'));
            await new Promise((go) => setTimeout(go, 10));
        }}
    }})()""")
    assert browser.evaluate(f"document.activeElement === document.querySelector('{ROLE_TEXT}')")
    browser.do('type', value='# on')
    assert '# on' in role_text(browser)


def test_a_role_can_be_saved_when_nobody_can_say_what_it_changes(browser, ada, cluster, edited):
    browser.do('goto', path='/web/roles/web-edited')
    browser.do('see', selector=ROLE_TEXT)
    write_role(browser, edited.replace('permit_pty: true', 'permit_pty: false'))
    browser.do('gone', pattern='**/v1/webapi/reach')
    browser.click('button', 'Look at the changes')
    browser.do('see', selector='section .problem')
    wait_for('it can be saved', lambda: can_save(browser))
    browser.do('gone')
    browser.click('button', 'Save')
    browser.told('web-edited is saved.')
    assert 'permit_pty: false' in cluster.tctl('get', 'role/web-edited').stdout


def test_a_failed_look_for_what_somebody_else_changed_leaves_the_role_to_be_saved(browser, ada, edited):
    browser.do('goto', path='/web/roles/web-edited')
    browser.do('see', selector=ROLE_TEXT)
    write_role(browser, edited + '# mine\n')
    browser.click('button', 'Look at the changes')
    wait_for('it can be saved', lambda: can_save(browser))
    browser.evaluate("""(() => {
        const fetched = window.fetch, refusal = { error: { message: 'changed on purpose' } };
        window.fetch = async (what, how) => (!what.startsWith('/v1/webapi/resources') ? fetched(what, how) :
            how.method === 'POST' ? new Response(JSON.stringify(refusal), { status: 409 }) : Promise.reject(new TypeError('no network')));
    })()""")
    browser.click('button', 'Save')
    browser.see('Changed on purpose')
    wait_for('it can be saved again', lambda: can_save(browser))
    assert browser.do('complaints') == []


def test_a_role_that_is_saved_after_its_page_was_left_leads_nobody_back(browser, ada, cluster, login):
    browser.do('goto', path='/web/newrole')
    browser.do('see', selector=ROLE_TEXT)
    write_role(browser, role_text(browser).replace('name: NAME', 'name: web-late').replace('"{{internal.logins}}"', login))
    browser.click('button', 'Look at the changes')
    wait_for('it can be saved', lambda: can_save(browser))
    browser.evaluate("""(() => {
        const fetched = window.fetch;
        window.fetch = async (what, how) => {
            const answer = await fetched(what, how);
            if (what === '/v1/webapi/resources') await new Promise((go) => { window.answer = go; });
            return answer;
        };
    })()""")
    browser.click('button', 'Save')
    wait_for('the answer', lambda: browser.evaluate("typeof window.answer === 'function'"))
    browser.do('click', selector='nav a[href="/web/roles"]')
    browser.see('Add role')
    browser.evaluate('new Promise((done) => { window.answer(); setTimeout(done, 100); })')
    assert browser.do('address') == '/web/roles'
    browser.click('button', 'Add role')
    browser.do('see', selector=ROLE_TEXT)
    assert 'name: NAME' in role_text(browser)  # what was written is saved, and not here again
    cluster.tctl('rm', 'role/web-late')
    assert browser.do('complaints') == []


def test_what_is_said_while_a_dialog_is_open_can_be_closed(browser, ada, cluster):
    browser.do('goto', path='/web/tokens')
    browser.click('button', 'Add token')
    browser.do('click', selector='dialog button[type=submit]')
    browser.see('The token')
    browser.evaluate("(() => { navigator.clipboard.writeText = () => Promise.reject(new Error('on purpose')); })()")
    browser.click('button', 'The token: Copy')
    browser.do('see', selector='dialog .toast:has-text("Copying is not allowed here")')
    browser.do('click', selector='.toast [aria-label=Close]')
    browser.do('see', selector='.toast', gone=True)
    browser.click('button', 'The token: Copy')
    browser.click('button', 'Done')
    wait_for('words are over the page', lambda: browser.do('count', selector='body > .toasts') == 1)
    browser.do('complaints')


def test_what_was_not_saved_is_there_again_when_one_comes_back(browser, ada):
    browser.do('goto', path='/web/roles/access')
    browser.do('see', selector=ROLE_TEXT)
    mine = role_text(browser) + '# an hour of work'
    write_role(browser, mine)
    for way_back in ('Roles', 'access'):
        browser.do('click', role='link', name=way_back, exact=True)
    browser.do('see', selector=ROLE_TEXT)
    wait_for('my text', lambda: role_text(browser) == mine)
    browser.told('What you had not saved is here again.')
    assert not can_save(browser)
    browser.do('goto', path='/web/roles/access')  # asks, as browsers do; the tests' says yes
    browser.do('see', selector=ROLE_TEXT)
    assert role_text(browser) != mine


def test_what_somebody_else_changed_meanwhile_is_not_lost(browser, ada, cluster, tmp_path, edited):
    path = tmp_path / 'role.yaml'
    browser.do('goto', path='/web/roles/web-edited')
    browser.do('see', selector=ROLE_TEXT)
    mine = role_text(browser).replace('permit_pty: true', 'permit_pty: false')
    write_role(browser, mine)
    path.write_text(role_text(browser).replace('permit_pty: false', 'permit_pty: true').replace('omit_input: false', 'omit_input: true'))
    cluster.tctl('create', '-f', '--force', str(path))
    browser.see('Somebody else has changed this role meanwhile')
    assert role_text(browser) == mine and not can_save(browser)
    browser.click('button', 'Put mine over it')
    wait_for('the way on', lambda: can_save(browser))
    assert {'-    omit_input: true', '+    omit_input: false'} <= set(browser.texts('.diff > *'))
    browser.click('button', 'Save')
    browser.told('web-edited is saved.')
    assert 'permit_pty: false' in cluster.tctl('get', 'role/web-edited').stdout
    # Without changes of one's own the text is the new one at once; gone, it can be made anew.
    cluster.tctl('create', '-f', '--force', str(path))
    wait_for('the new text', lambda: 'omit_input: true' in role_text(browser))
    write_role(browser, mine)
    cluster.tctl('rm', 'role/web-edited')
    browser.click('button', 'Make it anew')
    wait_for('the way on', lambda: can_save(browser))
    browser.click('button', 'Save')
    browser.told('web-edited is saved.')
    assert cluster.tctl('get', 'role/web-edited').stdout == mine
    assert browser.do('complaints') == []


# --- how it looks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('width, scheme', [(1280, 'light'), (1280, 'dark'), (360, 'light')])
def test_pages_can_be_used_by_everybody(browser, ada, width, scheme):
    """axe-core finds nothing, and nothing is wider than the window."""
    browser.do('look', width=width, height=740, scheme=scheme)
    for path in PAGES:
        browser.do('goto', path=path)
        browser.do('see', selector='h1')
        wait_for('what the page loads', lambda: browser.do('count', selector='[aria-busy=true]') == 0)
        assert browser.do('axe') == [], path
        assert browser.evaluate('document.documentElement.scrollWidth <= innerWidth'), path
    browser.do('look', width=1280, height=800, scheme='light')
    assert browser.do('complaints') == []


def test_the_first_page_is_small(browser, ada):
    browser.do('goto', path='/web')
    browser.see('node-1')
    assert sum(size for _, size, _ in browser.do('loaded')) < FIRST_PAGE_MAX


# --- who may not ---------------------------------------------------------------------------------------------------


def test_an_authenticator_app_is_added_by_what_its_camera_sees(browser, ada):
    browser.do('goto', path='/web/account')
    browser.click('button', 'Add app')
    browser.fill('Name', 'tablet')
    browser.fill('Your password', ada['password'])
    browser.click('button', 'Continue')
    browser.see('Scan this with the app.')
    code = "document.querySelector('dialog svg.qr')"
    # Black on white, whole modules; the secret is there for those without a camera.
    assert browser.evaluate(f'getComputedStyle({code}).fill + getComputedStyle({code}).backgroundColor') == 'rgb(0, 0, 0)rgb(255, 255, 255)'
    side = int(browser.evaluate(f"{code}.getAttribute('viewBox')").split()[2])
    drawn = browser.evaluate(f"{code}.querySelector('path').getAttribute('d')")
    assert side % 4 == 1 and re.fullmatch(r'(M\d+ \d+h\d+v1h-\d+z)+', drawn)
    assert 'M4 4h7v1h-7zM' in drawn and f'M{side - 11} 4h7v1h-7z' in drawn  # two of the squares by which it is found
    browser.fill('Code', totp(browser.texts('dialog pre.code')[0]))
    browser.click('button', 'Add')
    browser.told('tablet is added.')
    browser.click('button', 'Actions for tablet')
    browser.click('menuitem', 'Remove')
    browser.fill('Your password', ada['password'])
    browser.click('button', 'Remove')
    wait_for('only one', lambda: not browser.texts('[aria-label="Actions for tablet"]'))


def test_who_may_not_administer_sees_nothing_of_it(browser, cluster, people):
    browser.log_in(people['ben'], lambda: cluster.code(people['ben']))
    browser.see('node-1')
    links = browser.texts('nav a')
    assert links == ['Servers', 'Sessions', 'Audit log', 'Account']
    assert browser.do('count', selector='button:has-text("Add server")') == 0
    browser.do('goto', path='/web/users')
    browser.see('That did not work')
    browser.do('goto', path='/web/roles/access')
    browser.see('That did not work')
    browser.do('goto', path='/web/account')
    browser.see(f'tsh login --proxy={cluster.proxy} --user=ben --ca-pin={cluster.ca_pin()}')
    browser.do('goto', path='/web/recordings')
    browser.see('No recording')
    assert all(not c['name'].startswith('__Host-') or (c['httpOnly'] and c['secure'] and c['sameSite'] == 'Strict') for c in browser.do('cookies'))
    assert browser.evaluate('document.cookie') == ''


def test_a_session_that_is_taken_away_shows_the_login_page_and_goes_back(browser, cluster, people, login):
    """Ben is logged in since the test before; he is changed, which ends his session and his terminal."""
    browser.do('goto', path=f'/web/terminal/node-1/{login}')
    browser.see('Disconnect')
    cluster.tctl('users', 'update', 'ben', f'--set-logins={login},ubuntu')
    browser.do('see', selector='.login .note >> text=Your session has ended')
    assert browser.do('address').startswith('/web/login?next=')


def test_wrong_words_are_said(browser, cluster, people):
    browser.do('open')
    browser.do('goto', path='/web/audit')
    browser.fill('User', 'ben')
    browser.fill('Password', 'not his password')
    browser.fill('Code', '000000')
    browser.click('button', 'Log in')
    browser.do('see', selector='.problem')
    assert browser.do('address') == '/web/login?next=%2Fweb%2Faudit'
    browser.fill('Password', people['ben']['password'])
    browser.fill('Code', cluster.code(people['ben']))
    browser.click('button', 'Log in')
    browser.see('Audit log')
    assert browser.do('address') == '/web/audit'
