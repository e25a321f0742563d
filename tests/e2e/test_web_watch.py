# SPDX-License-Identifier: Apache-2.0
"""Sessions that run, in the web app: seen in the list as they begin, watched while they run, ended with a reason. A real Chromium."""
import os
import re

import pexpect
import pytest

from browser import TOP
from browser import Browser as Chromium
from cluster import wait_for
from test_live_sessions import Session, browsers, town  # noqa: F401 (fixtures)

ROWS = "[...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent.trimEnd()).join('\\n')"
EVIL = '<img src=x onerror=alert(1)>'


@pytest.fixture(scope='module')
def chromium(town):  # noqa: F811
    b = Chromium(os.path.join(TOP, 'build'), f'https://{town.proxy}')
    yield b
    b.stop()


def shown(chromium, text):
    wait_for(text, lambda: text in chromium.evaluate(ROWS))


def test_a_session_is_seen_watched_and_ended(town, login, browsers, chromium):  # noqa: F811
    ed = town.people['ed']
    chromium.log_in(ed, lambda: town.code(ed), path='/web/recordings')
    chromium.see('No recording')
    s = Session(town, login, browsers('carol'))
    chromium.see('Running now')  # by itself
    assert s.id[:8] not in chromium.evaluate('document.body.innerText')  # ids are for addresses
    row = chromium.texts('.running tbody tr:not(.gap)')
    assert len(row) == 1 and 'alice' in row[0] and 'node-1' in row[0] and '127.0.0.1' in row[0] and re.search('just now|minute', row[0])
    chromium.click('button', 'Watch')
    shown(chromium, 'ready')
    for word in 'one', EVIL, '\\033]2;pwned\\007':
        s.child.sendline(word)
    shown(chromium, f'heard {EVIL}')
    assert chromium.evaluate("document.querySelectorAll('img').length") == 0 and 'pwned' not in chromium.do('title')
    assert chromium.do('axe') == []
    chromium.click('button', 'End session')
    chromium.fill('Reason', 'lunch')
    chromium.do('click', selector='dialog button.danger')
    s.child.expect('this session was ended by ed: lunch')
    s.child.expect(pexpect.EOF)
    chromium.see('The session has ended.')
    # The dialog is there until it can say what came of it.
    wait_for('nothing to end', lambda: chromium.do('count', selector='button:has-text("End session"):visible') == 0)
    chromium.click('link', 'Play the recording')
    chromium.see('this session was ended by ed: lunch')
    assert chromium.do('complaints') == []


def test_a_flood_is_watched_at_the_pace_of_the_page(town, login, browsers, chromium):  # noqa: F811
    """Seven megabytes that come faster than they are drawn: the end of them is seen."""
    flood = pexpect.spawn(town.bin('tsh'), ['ssh', '-t', f'{login}@node-1', 'echo begin; read x; seq 1000000; echo flooded; read x'],
                          encoding='utf-8', timeout=120, env={**os.environ, **town.env('alice')})
    flood.expect('begin')
    chromium.do('goto', path='/web/recordings')
    chromium.do('click', role='button', name='Watch', nth=0)
    shown(chromium, 'begin')
    flood.sendline('')
    flood.expect('flooded', searchwindowsize=100)
    wait_for('the end of the flood', lambda: '1000000\nflooded' in chromium.evaluate(ROWS), 150)
    flood.sendline('')
    flood.expect(pexpect.EOF)
    chromium.see('The session has ended.')


def test_a_row_that_changes_keeps_the_focus(town, login, browsers, chromium):  # noqa: F811
    s = Session(town, login, browsers('carol'))
    chromium.do('goto', path='/web/recordings')
    chromium.see('Running now')
    chromium.evaluate("(window.was = [...document.querySelectorAll('.running tbody tr button')].find((b) => b.textContent.includes('End'))).focus()")
    s.say('more')  # its size is another: the row is made anew
    wait_for('the row made anew', lambda: not chromium.evaluate('window.was.isConnected'))
    assert chromium.evaluate("document.activeElement.closest('.running') && document.activeElement.textContent.trim()") == 'End'
    s.leave()
    wait_for('the row gone', lambda: chromium.do('count', selector='.running:visible') == 0)
    assert chromium.do('complaints') == []


def test_a_watch_that_may_not_be_any_more_says_so(town, login, browsers, chromium):  # noqa: F811
    person = town.add_user('wanda', roles='access,auditor', logins=login)
    s = Session(town, login, browsers('carol'))
    chromium.log_in(person, lambda: town.code(person), path=f'/web/recordings/{s.id}/live')
    shown(chromium, 'ready')
    assert chromium.do('count', selector='button:has-text("End session")') == 0
    town.tctl('users', 'update', 'wanda', '--set-roles=access')
    chromium.do('see', selector='.login')  # changed roles end the web session
    s.say('after')
    assert 'heard after' not in chromium.evaluate('document.body.innerText')
    s.leave()


def test_who_may_not_see_it_sees_nothing_of_it(town, login, browsers, chromium):  # noqa: F811
    s = Session(town, login, browsers('carol'))
    mallory = town.people['mallory']
    chromium.log_in(mallory, lambda: town.code(mallory), path='/web/recordings')
    chromium.see('No recording')
    assert chromium.do('count', selector='.running:visible') == 0
    chromium.do('goto', path=f'/web/recordings/{s.id}/live')
    chromium.see('There is no such recording, or none that you may see')
    assert not re.search('alice|ready', chromium.evaluate('document.body.innerText'))
    s.leave()
