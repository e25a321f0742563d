# SPDX-License-Identifier: Apache-2.0
"""Recordings in a real Chromium: what is seen at the end is what another terminal emulator shows of the same bytes; files of recordings
of any length; text to print."""
import base64
import os
import random

import pyte
import pytest
from browser import TOP, Browser
from cluster import wait_for
from producers import frames_of

OUT, RESIZE = 1, 4
SCREEN = "[...document.querySelectorAll('.xterm-rows > div')].map((row) => row.textContent.trimEnd())"


@pytest.fixture(scope='module')
def browser(cluster):
    b = Browser(os.path.join(TOP, 'build'), f'https://{cluster.proxy}')
    yield b
    b.stop()


@pytest.fixture(scope='module')
def pia(browser, cluster, login):
    person = cluster.add_user('pia', roles='access,auditor', logins=login)
    cluster.login(person)
    browser.log_in(person, lambda: cluster.code(person), files=True)
    return person


def drawn(seed):
    """What programs do to a screen: colours, moves, lines and letters that are put in and taken out, a region that scrolls, tabs, lines that
    are longer than the screen is wide, wide letters. (Not what emulators disagree about: halves of wide letters, and going back from behind
    the last column.)"""
    rng, text = random.Random(seed), []
    for n in range(1500):
        row, col, few = rng.randint(1, 24), rng.randint(1, 70), rng.randint(1, 4)
        text.append(rng.choice([
            f'\x1b[{row};{col}H', f'\x1b[{few}{rng.choice("ABCD")}', f'\x1b[{rng.randint(30, 47)}m', '\x1b[0m', f'word-{n} ', '-' * rng.randint(70, 120),
            f'\x1b[{few % 2}K', f'\x1b[{few % 2}J', f'\x1b[{few}L', f'\x1b[{few}M', f'\x1b[{few}@', f'\x1b[{few}P', f'\x1b[{few}X', '\r\n', '\n', '\t',
            f'\x1b7\x1b[{row};{col}Hx\x1b8', '\x1bM', '\x1bD']))
    text += ['\x1b[5;20r\x1b[20;1H', 'in\r\n' * 3, '\x1b[5;1H\x1bM', 'the region', '\x1b[r']
    text += [f'\x1b[{row};1H\x1b[2K\u6f22\u5b57 {row}' for row in (2, 9, 23)]
    return ''.join(text)


def by_another(frames, cols, rows):
    screen = pyte.Screen(cols, rows)
    stream = pyte.ByteStream(screen)
    for kind, data in frames:
        if kind == OUT:
            stream.feed(data)
        elif kind == RESIZE:
            screen.resize(data[2] * 256 + data[3], data[0] * 256 + data[1])
    return [line.rstrip() for line in screen.display]


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_the_last_screen_is_what_another_terminal_shows(browser, pia, cluster, login, tmp_path, seed):
    path = tmp_path / 'drawn'
    path.write_text(drawn(seed), encoding='utf-8')
    tmp_path.chmod(0o755)
    marker = f'seed={seed}'
    cluster.tsh('pia', 'ssh', '-t', f'{login}@node-1', f'stty -opost; cat {path}; : {marker}')

    def ended():
        rows = browser.evaluate("fetch('/v1/webapi/recordings?user=pia').then((r) => r.json()).then((l) => l.recordings)")
        return next((r for r in rows if marker in r['command'] and r['ended_us']), None)
    recording = wait_for('the recording', ended)
    session = recording['session']
    browser.do('goto', path=f'/web/recordings/{session}')
    browser.do('see', selector='.player')
    browser.do('choose_option', label='Speed', value='16')
    wait_for('its end', lambda: 'ended with status' in browser.evaluate('document.body.innerText') and browser.evaluate(
        "((bar) => bar.max > 0 && bar.max - bar.value < 1e-3)(document.querySelector('.timeline')) && !!document.querySelector('[aria-label=Play]')"))
    raw = base64.b64decode(browser.evaluate(
        f"fetch('/v1/webapi/recordings/{session}/frames').then((r) => r.blob()).then((b) => new Promise((done) => "
        "{ const f = new FileReader(); f.onload = () => done(f.result.split(',')[1]); f.readAsDataURL(b); }))"))
    expected = by_another(frames_of(raw), recording['cols'], recording['rows'])
    assert any(expected)
    wait_for('the same screen', lambda: browser.evaluate(SCREEN) == expected)


def test_the_text_of_a_recording_is_for_paper_too(browser, pia, cluster, login):
    browser.do('goto', path='/web/recordings')
    browser.do('click', role='button', name='Play', nth=0)
    browser.do('see', selector='.player')
    wait_for('all of it', lambda: browser.evaluate("[...document.querySelectorAll('.head button')].every((b) => !b.disabled)"))
    browser.click('button', 'As text')
    browser.do('see', selector='.transcript')
    assert browser.evaluate("document.querySelector('.player').offsetHeight") > 0
    browser.do('look', width=800, height=600, scheme='dark', media='print')
    seen = "((e) => e.offsetHeight > 0)(document.querySelector('%s'))"
    for selector, there in (('.transcript', True), ('h1', True), ('.about', True), ('.player', False), ('header.top', False), ('nav', False),
                            ('.head .btn', False), ('input[type=search]', False)):
        assert browser.evaluate(seen % selector) == there, selector
    assert browser.evaluate("getComputedStyle(document.querySelector('.transcript')).color") == 'rgb(0, 0, 0)'
    assert browser.evaluate("((t) => t.scrollHeight === t.clientHeight)(document.querySelector('.transcript'))")
    browser.do('look', width=1280, height=800, scheme='light', media='screen')
    assert browser.do('complaints') == []


PARTS, PART = 2200, 65000
# More than a page holds: a second of each part, for as many as are asked for.
FAKE = '''(() => {
    const real = window.fetch, part = new Uint8Array(%(size)d + 7).fill(120);
    part.set([1, 0xc0, 0x84, 0x3d, %(size)d & 127 | 128, %(size)d >> 7 & 127 | 128, %(size)d >> 14]);
    window.fetch = async (url, init) => {
        if (!new URL(url, location.origin).pathname.endsWith('/frames')) return real(url, init);
        let n = 0;
        return new Response(new ReadableStream({ pull: (to) => (n++ < %(n)d ? to.enqueue(part.slice()) : to.close()) }));
    };
})()''' % {'size': PART, 'n': PARTS}


def test_a_recording_that_is_more_than_a_page_holds_is_written_whole(browser, pia):
    browser.do('goto', path='/web/recordings')
    browser.do('see', text='Play', nth=0)
    browser.evaluate(FAKE)
    browser.do('click', role='button', name='Play', nth=0)
    browser.see('This recording is too long for a browser')
    browser.click('button', 'Download')
    browser.told('is written.')
    saved = 'navigator.storage.getDirectory().then((d) => d.getFileHandle(saved)).then((f) => f.getFile())'
    assert browser.evaluate(f'{saved}.then((f) => f.size)') > PARTS * PART
    assert browser.evaluate(f'{saved}.then((f) => f.slice(-50).text())').endswith('xxx"]\n')
    assert browser.evaluate(f'{saved}.then((f) => f.slice(-{PART + 50}).text())').count(f'[{PARTS},"o","xxx') == 1
    assert browser.evaluate(f'{saved}.then((f) => f.slice(0, 200).text())').startswith('{"version":2,"width":80,"height":24')
    browser.evaluate('(async () => { const d = await navigator.storage.getDirectory(); await d.removeEntry(saved); })()')
    assert browser.do('complaints') == []
