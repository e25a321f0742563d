// SPDX-License-Identifier: Apache-2.0
// app: what of the app in the browser needs no browser, in Node.js. Called by `make unit-web`.
import assert from 'node:assert';
import test from 'node:test';
import { pasted } from '../../web/app/paste.mjs';

test('what is pasted is text: nothing in it closes the brackets around it', () => {
	assert.equal(pasted('echo \x1b[201~\nreboot\r\n\tdone'), 'echo [201~\nreboot\r\n\tdone');
	assert.equal(pasted('a\x9b201~b\x00c\x7fd\x08e\x03f\x0bg\x0ch'), 'a201~bcdefgh');
	assert.equal(pasted('w\u00efde \u6f22\u5b57 \u{1f512} \u00a0'), 'w\u00efde \u6f22\u5b57 \u{1f512} \u00a0');
});
