# SPDX-License-Identifier: Apache-2.0
"""The web app in a real Chromium: how large and how soon the first page, how quick a key, how fast much output, how soon Ctrl-C; and
what its WebSockets cost the proxy.

ttyd, the terminal in a page that one would compare with, is not in Debian 12. What stands beside much output is xterm.js alone, which
ttyd draws with as we do: the same bytes, already in the page.
"""
import os
import pty
import statistics
import sys
import time

from field import NODE, TOP, medians

sys.path.insert(0, os.path.join(TOP, 'tests', 'e2e'))

import idle_sockets  # noqa: E402
from browser import Browser  # noqa: E402
from cluster import wait_for  # noqa: E402
from watched import Watched  # noqa: E402

KEYS = 200
IDLE, IDLE_KIB = 1000, 20
BULK = 100_000_000
LINE = 'the quick brown fox jumps over the lazy dog 0123456789 and so on, line by line, as logs are\n'
# From a key to what is written next; `until`: how the bytes end.
STOPWATCH = """(() => {
    const { write } = Object.getPrototypeOf(watched.term), text = new TextDecoder();
    window.took = [];
    let began = 0, tail = '';
    document.addEventListener('keydown', (event) => { if (event.key !== 'Control') began = event.timeStamp; }, { capture: true });
    Object.getPrototypeOf(watched.term).write = function (data, done) {
        return write.call(this, data, () => {
            done?.();
            if (!began || typeof data === 'string') return;
            tail = (tail + text.decode(data.subarray(-64))).slice(-64);
            if (!tail.endsWith(window.until ?? '')) return;
            took.push(performance.now() - began);
            began = 0;
        });
    };
})()"""
# Seconds that xterm.js needs for so many of these bytes, in the pieces in which they come from a session.
ALONE = """(async (line, size) => {
    const one = new TextEncoder().encode(line.replace('\\n', '\\r\\n')), part = new Uint8Array(Math.floor(65536 / one.length) * one.length);
    for (let at = 0; at < part.length; at += one.length) part.set(one, at);
    const began = performance.now();
    let left = size, under = 0, go;
    const { write } = watched.alone;
    while (left > 0) {
        under++;
        write.call(watched.term, part.slice(), () => { under--; go?.(); });
        left -= part.length;
        while (under >= 4) await new Promise((next) => { go = next; });
    }
    while (under > 0) await new Promise((next) => { go = next; });
    return (performance.now() - began) / 1000;
})"""


def first_page(f, browser):
    """Beside how soon: a page of the same proxy that is one file, without script."""
    seen, again, bare = [], [], []
    for _ in range(f.args.rounds):
        seen.append(browser.do('arrive', path='/web', selector='.rows button.go'))
        again.append(browser.do('arrive', path='/web', selector='.rows button.go', again=True)['ms'])
        bare.append(browser.do('arrive', path='/', selector='h1')['ms'])
    f.figure('web: first page, compressed', 'KiB', {'ours': statistics.median(one['bytes'] for one in seen) / 1024}, None, 150)
    f.figure('web: servers page, interactive', 'ms', {'ours': statistics.median(one['ms'] for one in seen)}, None, 200,
             beside=statistics.median(bare))
    f.figure('web: the same, files kept', 'ms', {'ours': statistics.median(again)}, None, 200, beside=statistics.median(bare))


def percentiles(ms):
    ms = sorted(ms)
    return statistics.median(ms), ms[len(ms) * 95 // 100]


def keys_of_tsh(f):
    """ms from each key to its echo, in `tsh ssh` on a terminal of its own."""
    side = f.sides['ours']
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(side.tsh().argv[0], side.tsh().argv, side.env)
    seen = os.read(fd, 65536)  # a prompt: tsh forgets what was typed before
    os.write(fd, b"stty -icanon; PS1=; echo re''ady; cat >/dev/null\n")
    while b'ready\r\n' not in seen:
        seen += os.read(fd, 65536)
    ms = []
    for _ in range(KEYS):
        time.sleep(0.02)
        began = time.perf_counter()
        os.write(fd, b'x')
        os.read(fd, 65536)
        ms.append((time.perf_counter() - began) * 1000)
    os.close(fd)
    os.waitpid(pid, 0)
    return ms


def keys_of_page(term):
    term.type("stty -icanon; PS1=; echo re''ady; cat >/dev/null\n")
    term.shows('\nready')
    term.browser.evaluate('(() => { until = "x"; took.length = 0; })()')
    for i in range(KEYS):
        time.sleep(0.02)
        term.type('x')
        wait_for('the echo', lambda n=i + 1: term.browser.evaluate('took.length') >= n, pause=0.001)
    term.browser.do('press', key='Control+C')
    return term.browser.evaluate('took')


def echo(f, term):
    """In a page a key goes through four threads of the browser's before it is on the way, and its echo through as many; tsh has one, and
    what is timed of it ends before any terminal has drawn it."""
    ours, peer = percentiles(keys_of_page(term)), percentiles(keys_of_tsh(f))
    for name, mine, theirs in zip(('p50', 'p95'), ours, peer):
        f.figure(f'web: key to echo, {name}, tsh ssh', 'ms', {'ours': mine}, theirs, 1.5)


def bulk(f, term):
    path = os.path.join(f.dir, 'bulk')
    with open(path, 'w') as out:
        out.write(LINE * (BULK // len(LINE)))

    def page():
        term.anew()
        term.keep_nothing()
        term.type(f"cat {path}; echo o''ver\n")
        wait_for('output', lambda: term.bytes() > 10000)
        began = time.perf_counter()
        wait_for('all of it', lambda: term.bytes() > BULK and term.lines()[-2:][0] == 'over', 300)
        return BULK / 1e6 / (time.perf_counter() - began)

    def alone():
        return BULK / 1e6 / term.browser.evaluate(f'{ALONE}({LINE!r}, {BULK})')
    mbs = medians({'ours': page, 'alone': alone}, 3, lambda run: run())
    f.figure('web: cat of 100 MB, xterm.js alone', 'MB/s', {'ours': mbs['ours']}, mbs['alone'], 0.5, lower=False)


def interrupt(f, term):
    ms = []
    for _ in range(f.args.rounds):
        term.anew()
        term.keep_nothing()
        term.browser.evaluate('(() => { until = "$ "; took.length = 0; })()')
        term.type('yes\n')
        wait_for('a flood', lambda: term.bytes() > 5_000_000)
        term.browser.evaluate('(() => { took.length = 0; })()')
        term.browser.do('press', key='Control+C')
        ms.append(wait_for('the prompt', lambda: term.browser.evaluate('took[0]')))
    f.figure('web: Ctrl-C during yes', 'ms', {'ours': statistics.median(ms)}, None, 300)


def sockets(f, browser):
    token = next(c['value'] for c in browser.do('cookies') if c['name'] == '__Host-sallyport')
    kib = idle_sockets.cost(f.sides['ours'].cluster, token, '/v1/webapi/changes', IDLE, IDLE_KIB)
    f.figure(f'web: {IDLE} idle WebSockets, each', 'KiB', {'ours': kib}, None, IDLE_KIB)


def web(f):
    side = f.sides['ours']
    person = side.cluster.add_user('webby', logins=side.login)
    browser = Browser(os.path.join(TOP, 'build'), f'https://{side.cluster.proxy}')
    try:
        browser.log_in(person, lambda: side.cluster.code(person))
        browser.see(NODE)
        first_page(f, browser)
        term = Watched(browser).open(NODE, side.login)
        browser.evaluate('(() => { watched.alone = { write: Object.getPrototypeOf(watched.term).write }; })()')
        browser.evaluate(STOPWATCH)
        echo(f, term)
        bulk(f, term)
        interrupt(f, term)
        sockets(f, browser)
    finally:
        browser.stop()
