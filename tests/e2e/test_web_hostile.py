# SPDX-License-Identifier: Apache-2.0
"""What others named, in the web app: every text of every answer, names of nodes and files, what programs print and how they call their
terminal. All of it is text: it makes no element, leads nowhere, changes no title. A real Chromium, a real cluster."""
import os
import re

import pytest
from browser import TOP, Browser
from cluster import wait_for
from watched import Watched

EVIL = '"\'><img src=x onerror=document.title=1><b class=evil>\x1b]2;evil\x07\u202e&lt;'
WORDS = '<b class=evil>'  # of it, as it is shown
PAGES = ['/web', '/web/recordings', '/web/audit', '/web/users', '/web/roles', '/web/tokens', '/web/nodes', '/web/cluster', '/web/account']
# What nothing on these pages is: elements that EVIL would make, the title that it would set, and links to anything but pages.
MADE = """(() => [...document.querySelectorAll('img, .evil, [onerror], [style*=evil], iframe, object, base')].map((e) => e.outerHTML.slice(0, 100))
    .concat([...document.querySelectorAll('a[href], form[action]')].filter((a) => !/^(https?|blob):$/.test(new URL(a.href || a.action, location.href).protocol))
        .map((a) => a.outerHTML.slice(0, 100)), document.title === '1' ? ['a title'] : []))()"""


@pytest.fixture(scope='module')
def browser(cluster):
    b = Browser(os.path.join(TOP, 'build'), f'https://{cluster.proxy}')
    yield b
    b.stop()


@pytest.fixture(scope='module')
def ada(browser, cluster, login):
    """Who sees every page; something is there on each."""
    person = cluster.add_user('hostile-ada', roles='editor,access,auditor', logins=login)
    cluster.tctl('nodes', 'label', 'node-2', 'note=x')
    cluster.tctl('lock', '--user=nobody-at-all', '--message=gone')
    cluster.token('node', '--labels=env=x')
    cluster.login(person)
    cluster.tsh('hostile-ada', 'ssh', f'{login}@node-2', 'echo there')
    browser.log_in(person, lambda: cluster.code(person))
    return person


def looks(browser):
    browser.do('see', selector='#page h1, #page .empty.bad')
    wait_for('what the page loads', lambda: browser.do('count', selector='[aria-busy=true]') == 0)


@pytest.mark.parametrize('evil', [EVIL, 'javascript:document.title=1'])
def test_every_text_of_every_answer_is_text(browser, ada, evil):
    """Whatever authd, auditd and whoever named things for them say: each text in each list ends with it, or is nothing else."""
    browser.do('spoil', text=evil, whole=not evil.startswith('"'))
    try:
        for path in PAGES:
            browser.do('goto', path=path)
            looks(browser)
            assert browser.evaluate(MADE) == [], path
            if evil == EVIL:
                assert WORDS in browser.evaluate('document.body.innerText'), path
            # What opens: the fields of an event, the menus and dialogs of rows.
            for i in range(min(2, browser.do('count', selector='main tbody button:visible'))):
                browser.do('click', selector='main tbody button:visible', nth=i)
                assert browser.evaluate(MADE) == [], path
                browser.do('press', key='Escape')
                if browser.do('address').split('?')[0] != path:
                    browser.do('goto', path=path)
                    looks(browser)
    finally:
        browser.do('gone')
    browser.do('complaints')


def test_what_a_program_prints_and_calls_itself_is_its_terminals_affair(browser, ada, login):
    term = Watched(browser).open('node-1', login)
    title = browser.do('title')
    octal = ''.join(f'\\{byte:03o}' for byte in f'\x1b]0;{WORDS}\x07\x1b]2;evil\x07\x1b]52;c;ZXZpbA==\x07{WORDS}|'.encode())
    browser.evaluate("navigator.clipboard.writeText('mine')")
    term.type(f"clear; printf '{octal}\\n'\n")
    term.shows(re.escape(WORDS) + r'\|')
    assert browser.do('title') == title and browser.evaluate(MADE) == []
    assert browser.evaluate('navigator.clipboard.readText()') == 'mine'
    assert browser.texts('.tab .title') == [f'{login}@node-1']
    assert browser.do('complaints') == []


def test_names_of_files_and_folders_are_text_on_both_ways(browser, ada, login, tmp_path):
    name = EVIL.replace('/', '')
    (tmp_path / name).write_text('what is in it')
    there = tmp_path / f'there {name}'
    there.mkdir()
    browser.do('goto', path=f'/web/terminal/node-1/{login}')
    browser.see('Disconnect')
    browser.do('choose', role='button', name='Upload files', files=[str(tmp_path / name)])
    browser.see('Folder', exact=True)
    assert browser.evaluate(MADE) == [] and WORDS in browser.texts('dialog')[0]
    browser.fill('Folder', str(there))
    browser.click('button', 'Upload')
    browser.do('see', selector='.transfers :text("is /")')
    uploaded = os.listdir(there)
    assert len(uploaded) == 1 and (there / uploaded[0]).read_text() == 'what is in it'
    assert browser.evaluate(MADE) == [] and WORDS in browser.texts('.transfers')[0]
    browser.click('button', 'Download a file')
    browser.fill('File', str(there / name) + '.none')
    browser.click('button', 'Download')
    browser.do('see', selector='.transfers .bad')
    assert browser.evaluate(MADE) == [] and WORDS in browser.texts('.transfers .bad')[0]
    assert browser.do('complaints') == []


def test_what_many_servers_print_is_text(browser, ada):
    browser.do('goto', path='/web?label=env%3Dexample')
    browser.see('node-2')
    browser.click('button', 'Run command')
    octal = ''.join(f'\\{byte:03o}' for byte in EVIL.encode())
    browser.fill('Command', f"printf '{octal}'; printf '{octal}' >&2")
    browser.click('button', 'Run')
    browser.see('2 of 2 succeeded')
    for text in browser.texts('.job pre'):
        assert text.count(WORDS) == 2 and '\x1b' not in text and '\x07' not in text
    assert browser.evaluate(MADE) == []
    browser.fill('Command', f'{EVIL}'.replace('\x1b', '').replace('\x07', ''))
    browser.click('button', 'Run')
    browser.see('2 failed')
    assert browser.evaluate(MADE) == []
    browser.do('press', key='Escape')


def test_a_node_that_is_called_by_an_address_of_markup_is_text(browser, ada):
    browser.do('goto', path='/web/terminal/%3Cimg%20src=x%3E/%3Cb%20class=evil%3E')
    browser.do('see', selector='.end-bar .why')
    assert browser.evaluate(MADE) == [] and WORDS in browser.texts('.tab .title')[-1]
    browser.do('goto', path='/web/recordings/%3Cimg%20src=x%3E')
    looks(browser)
    assert browser.evaluate(MADE) == []
