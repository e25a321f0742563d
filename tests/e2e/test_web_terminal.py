# SPDX-License-Identifier: Apache-2.0
"""What people do in a terminal of the web app: an editor, a window of another size, letters of every width; and what must not harm it:
fifty megabytes, a program that never stops writing, large files. A real Chromium, a real cluster."""
import base64
import contextlib
import hashlib
import os
import re
import time

import pytest
from browser import TOP, Browser
from cluster import wait_for
from producers import frames_of
from watched import Watched
from webapi import Browser as Visitor

BULK = 50_000_000
FILE = 100_000_000
OUT = 1
UNTAKEN = 256 * 1024  # web/engine/service.mjs: what a page may be given ahead of what it has drawn
VIM = "vim -u NONE -N -i NONE --cmd 'set encoding=utf-8'"


@pytest.fixture(scope='module')
def browser(cluster):
    b = Browser(os.path.join(TOP, 'build'), f'https://{cluster.proxy}')
    yield b
    b.stop()


@pytest.fixture(scope='module')
def uma(browser, cluster, login):
    person = cluster.add_user('uma', roles='access', logins=login)
    browser.log_in(person, lambda: cluster.code(person))
    return person


@pytest.fixture
def term(browser, uma, login):
    terminal = Watched(browser).open('node-1', login)
    yield terminal
    browser.do('look', width=1280, height=800, scheme='light')
    assert browser.do('complaints') == []


# --- what is seen ----------------------------------------------------------------------------------------------


def test_an_editor_opens_saves_and_gives_the_screen_back(term, tmp_path):
    term.type('echo bef""ore\n')
    term.shows('\nbefore\n')
    term.type(f'{VIM} {tmp_path}/note\n')
    term.shows(r'\n~\n~\n')
    assert term.other_screen()
    term.type('ifirst line\nw\u00efde \u6f22\u5b57 \U0001f600')
    term.shows('\u6f22\u5b57')
    term.browser.do('press', key='Escape')
    term.type(':w\n')
    term.shows('written')
    term.type(':q\n')
    wait_for('the screen of before', lambda: not term.other_screen())
    assert (tmp_path / 'note').read_text() == 'first line\nw\u00efde \u6f22\u5b57 \U0001f600\n'
    term.shows(r'\nbefore\n')
    assert '~' not in term.lines() and 'first line' not in term.lines()


def test_programs_know_of_another_size_and_draw_anew(term, tmp_path):
    before = term.size()
    term.type(f'{VIM} {tmp_path}/note\n')
    term.shows(r'\n~\n~\n')
    term.browser.do('size', width=900, height=500)
    wait_for('another size', lambda: term.size() != before)
    cols, rows = term.size()
    assert cols < before[0] and rows < before[1]
    # All lines but the first and the last, and the editor agrees.
    wait_for('an editor that fills it', lambda: term.lines().count('~') == rows - 2)
    term.type(':echo &columns &lines\n')
    term.shows(rf'{cols} {rows}')
    term.type(':q\n')
    wait_for('the screen of before', lambda: not term.other_screen())
    term.type('clear; stty size\n')
    term.shows(rf'{rows} {cols}\n')
    term.browser.do('size', width=1280, height=800)
    wait_for('the size of before', lambda: term.size() == before)
    term.type('clear; stty size\n')
    term.shows(rf'{before[1]} {before[0]}\n')


def test_every_letter_is_where_its_width_says(term):
    """In the cells of the terminal, and in what is drawn, whatever the fonts of the machine think of it."""
    text = 'A\u6f22B\u5b57C\U0001f600De\u0301F\u30abG\u00e9H'
    octal = ''.join(f'\\{byte:03o}' for byte in text.encode())
    term.type(f"clear; printf '>{octal}<\\n'\n")
    term.shows('H<')
    cells = [cell for cell in term.cells('>A') if cell != ['', 1]]
    wide = [[c, 2] for c in '\u6f22\u5b57\U0001f600\u30ab']
    rest = ['', 0]  # of a wide one
    assert cells == [['>', 1], ['A', 1], wide[0], rest, ['B', 1], wide[1], rest, ['C', 1], wide[2], rest, ['D', 1], ['e\u0301', 1], ['F', 1],
                     wide[3], rest, ['G', 1], ['\u00e9', 1], ['H', 1], ['<', 1]]
    places = term.places('>A', list('ABCDFGH<'))
    right = {'A': 1, 'B': 4, 'C': 7, 'D': 10, 'F': 12, 'G': 15, 'H': 17, '<': 18}
    assert {c: round(at, 1) for c, at in places.items()} == right


# --- much of it --------------------------------------------------------------------------------------------------


def recorded(cluster, browser, status):
    """All that the terminal of the session that ended with this status was shown, out of the database."""
    look = f"SELECT id FROM sessions WHERE username = 'uma' AND exit_status = {status} AND ended IS NOT NULL"
    session = wait_for('the recording', lambda: cluster.sql(look))[0][0]
    visitor = Visitor(cluster)
    visitor.cookie = next(c['value'] for c in browser.do('cookies') if c['name'] == '__Host-sallyport')
    code, _, data = visitor.send('GET', f'/v1/webapi/recordings/{session}/frames')
    assert code == 200
    return b''.join(part for kind, part in frames_of(data) if kind == OUT)


def test_fifty_megabytes_come_whole_and_the_page_answers_meanwhile(term, cluster, browser, tmp_path):
    content = base64.encodebytes(os.urandom(BULK * 57 // 77))
    (tmp_path / 'bulk').write_bytes(content)
    # And goes on until the page has answered, however fast the machine is.
    term.type(f'cd {tmp_path}; cat bulk; until [ -e seen ]; do head -c 100000 bulk; done; exit 57\n')
    wait_for('output', lambda: term.bytes() > 100_000)
    browser.click('link', 'Servers')
    browser.see('node-2')
    (tmp_path / 'seen').touch()
    browser.see('Terminals', exact=True)
    wait_for('the end', lambda: browser.do('count', selector='.end-bar:has-text("status 57")'), 120)
    digest, size = term.sum()
    shown = recorded(cluster, browser, 57)
    assert (digest, size) == (hashlib.sha256(shown).hexdigest(), len(shown))
    assert content.replace(b'\n', b'\r\n') in shown


def memory(browser):
    """Bytes of all of the browser's processes."""
    total = 0
    for pid in browser.do('processes'):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
            with open(f'/proc/{pid}/smaps_rollup') as f:
                total += int(re.search(r'^Pss: +(\d+) kB', f.read(), re.M)[1]) * 1024
    return total


@pytest.mark.parametrize('seconds', [15, pytest.param(60, marks=pytest.mark.heavy)])
def test_a_program_that_never_stops_costs_no_memory_and_is_stopped_by_a_key(term, browser, seconds):
    term.keep_nothing()
    term.type('yes\n')
    wait_for('a full scrollback', lambda: term.bytes() > 20_000_000)
    browser.do('slow', times=5)  # what comes would be more than is drawn
    before, seen = memory(browser), term.bytes()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # The page works: it opens and closes what one clicks on.
        browser.click('button', 'More for this terminal')
        browser.do('see', role='menuitem', name='Larger letters', exact=False)
        browser.do('press', key='Escape')
        time.sleep(1)
    assert term.bytes() > seen, 'nothing came meanwhile'
    assert term.behind() <= UNTAKEN
    assert memory(browser) - before < 96 << 20
    browser.do('click', selector='.term:not([hidden]) .xterm-screen')
    browser.do('press', key='Control+C')
    term.shows(r'\^C\n\$')
    browser.do('slow', times=1)
    term.type('clear; echo $((6*7))-there\n')
    term.shows(r'^42-there\n')


# --- files ---------------------------------------------------------------------------------------------------------

# How far the transfers of this page are, whenever it changes, from now on.
PROGRESS = """(() => {
    window.steps = [];
    new MutationObserver((changes) => changes.forEach(({ target }) => steps.push(target.value)))
        .observe(document.querySelector('.transfers'), { subtree: true, attributeFilter: ['value'] });
})()"""


def steps(browser):
    """What was shown of one transfer: from nothing to everything, with something in between."""
    seen = browser.evaluate('steps.splice(0)')
    assert seen == sorted(seen) and seen[-1] == 1 and any(0 < step < 1 for step in seen), seen


def test_a_large_file_goes_up_and_comes_back_with_every_step_shown_and_told(term, browser, cluster, tmp_path):
    digest = hashlib.sha256()
    with open(tmp_path / 'large.bin', 'wb') as f:
        for _ in range(FILE // 1_000_000):
            part = os.urandom(1_000_000)
            digest.update(part)
            f.write(part)
    (tmp_path / 'there').mkdir()
    browser.evaluate(PROGRESS)
    browser.do('choose', role='button', name='Upload files', files=[str(tmp_path / 'large.bin')])
    browser.fill('Folder', str(tmp_path / 'there'))
    browser.click('button', 'Upload')
    browser.see(f'is {tmp_path}/there/large.bin')
    steps(browser)
    with open(tmp_path / 'there' / 'large.bin', 'rb') as f:
        assert hashlib.file_digest(f, 'sha256').hexdigest() == digest.hexdigest()
    browser.click('button', 'Download a file')
    browser.fill('File', str(tmp_path / 'there' / 'large.bin'))
    name, content = browser.download('button', 'Download')
    assert name == 'large.bin' and hashlib.sha256(content).hexdigest() == digest.hexdigest()
    steps(browser)
    # The trail has both, with the sum that the node itself made of what passed.
    told = f"SELECT type, ok, whole, sha256 FROM files WHERE path = '{tmp_path}/there/large.bin' AND type IN ('file.write', 'file.read') ORDER BY idx"
    rows = wait_for('both in the trail', lambda: (lambda r: r if len(r) == 2 else None)(cluster.sql(told)))
    assert rows == [[kind, 't', 't', digest.hexdigest()] for kind in ('file.write', 'file.read')]
