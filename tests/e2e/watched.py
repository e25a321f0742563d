# SPDX-License-Identifier: Apache-2.0
"""A terminal of the web app in a real Chromium, watched from inside: which bytes xterm.js was given, what its cells hold and where they
are drawn."""
import json
import re

from cluster import wait_for

# From now on `watched` has the terminal that was written to last, how many bytes all got, how many of them at most waited to be drawn,
# and, while `parts` is a list, these bytes.
WATCH = """(async () => {
    for (const { name } of performance.getEntriesByType('resource').filter((one) => /xterm\\.[0-9a-f]+\\.mjs$/.test(one.name))) {
        const { Terminal } = await import(name);
        if (!Terminal || window.watched) continue;
        const { write } = Terminal.prototype;
        window.watched = { term: null, bytes: 0, drawn: 0, behind: 0, parts: null };
        Terminal.prototype.write = function (data, done) {
            watched.term = this;
            if (typeof data === 'string') return write.call(this, data, done);
            watched.bytes += data.length;
            watched.behind = Math.max(watched.behind, watched.bytes - watched.drawn);
            watched.parts?.push(data);
            return write.call(this, data, () => {
                watched.drawn += data.length;
                done?.();
            });
        };
    }
    return Boolean(window.watched);
})()"""
LINES = """(() => {
    const { buffer: { active }, rows } = watched.term;
    return Array.from({ length: rows }, (_, y) => active.getLine(active.viewportY + y)?.translateToString(true).trimEnd() ?? '');
})()"""
# The SHA-256 of `parts`, and how many bytes they are.
SUM = """(async () => {
    const all = new Uint8Array(watched.parts.reduce((n, part) => n + part.length, 0));
    let at = 0;
    for (const part of watched.parts) {
        all.set(part, at);
        at += part.length;
    }
    watched.parts = null;
    const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', all));
    return [Array.from(sum, (b) => b.toString(16).padStart(2, '0')).join(''), at];
})()"""
# [text, width] of each cell of the first line with these words in it.
CELLS = """((words) => {
    const { buffer: { active }, rows, cols } = watched.term;
    for (let y = 0; y < rows; y++) {
        const line = active.getLine(active.viewportY + y);
        if (line.translateToString(true).includes(words))
            return Array.from({ length: cols }, (_, x) => [line.getCell(x).getChars(), line.getCell(x).getWidth()]);
    }
    return null;
})"""
# In columns: where each of these texts begins in the row that is drawn.
PLACES = """((words, texts) => {
    const screen = document.querySelector('.term:not([hidden]) .xterm-screen').getBoundingClientRect();
    const row = [...document.querySelectorAll('.term:not([hidden]) .xterm-rows > div')].find((one) => one.textContent.includes(words));
    const walk = document.createTreeWalker(row, NodeFilter.SHOW_TEXT), found = [];
    for (let node = walk.nextNode(); node; node = walk.nextNode())
        for (const text of texts) {
            const at = node.data.indexOf(text);
            if (at < 0) continue;
            const range = document.createRange();
            range.setStart(node, at);
            range.setEnd(node, at + text.length);
            found.push([text, (range.getBoundingClientRect().left - screen.left) / (screen.width / watched.term.cols)]);
        }
    return found;
})"""


class Watched:
    def __init__(self, browser):
        self.browser = browser

    def open(self, node, login):
        """A page with a terminal in it; the bytes of a first shell, which was there before anybody watched, are not counted."""
        self.browser.do('goto', path=f'/web/terminal/{node}/{login}')
        self.browser.see('Disconnect')
        assert self.browser.evaluate(WATCH)
        self.anew()
        return self

    def anew(self):
        """Another shell in the same tab; all that it writes is kept."""
        self.browser.click('button', 'Disconnect')
        self.browser.see('You have disconnected.')
        self.browser.evaluate('(() => { watched.bytes = watched.drawn = 0; watched.parts = []; })()')
        self.browser.click('button', 'Reconnect')
        self.browser.see('Disconnect')
        wait_for('a prompt', lambda: self.bytes() > 0)
        self.type("PS1='$ '; clear\n")
        wait_for('a plain prompt', lambda: [line for line in self.lines() if line] == ['$'])

    def type(self, text):
        self.browser.do('type', value=text)

    def bytes(self):
        return self.browser.evaluate('watched.bytes')

    def behind(self):
        """How many bytes waited to be drawn, at most."""
        return self.browser.evaluate('watched.behind')

    def lines(self):
        return self.browser.evaluate(LINES)

    def shows(self, pattern):
        return wait_for(pattern, lambda: re.search(pattern, '\n'.join(self.lines())))

    def size(self):
        """(columns, rows)"""
        return tuple(self.browser.evaluate('[watched.term.cols, watched.term.rows]'))

    def other_screen(self):
        return self.browser.evaluate("watched.term.buffer.active.type === 'alternate'")

    def sum(self):
        """(SHA-256, number) of the bytes of the shell; nothing is kept any more."""
        return tuple(self.browser.evaluate(SUM))

    def keep_nothing(self):
        self.browser.evaluate('(() => { watched.parts = null; })()')

    def cells(self, words):
        return self.browser.evaluate(f'{CELLS}({json.dumps(words)})')

    def places(self, words, texts):
        return dict(self.browser.evaluate(f'{PLACES}({json.dumps(words)}, {json.dumps(texts)})'))
