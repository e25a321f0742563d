// SPDX-License-Identifier: Apache-2.0
/*
 * transcript: a recording as text, as a terminal would have it in its scrollback; with the lines that have certain words in them.
 */
import { h, fill } from './h.mjs';
import { makeTerminal } from './xterm.mjs';
import { RESIZE, widest } from './frames.mjs';
import { writeAll } from './playback.mjs';
import { button } from './parts.mjs';
import { count } from './words.mjs';

const CELLS_MAX = 16e6 /* of 12 bytes each: 200 000 lines of 80 columns */,
	SHOWN_MAX = 5000;

/* Without a page: xterm.js reads the bytes and is asked for its lines. */
async function linesOf(frames) {
	const { term, dispose } = makeTerminal({
		scrollback: Math.floor(CELLS_MAX / widest(frames)),
		convertEol: frames[0]?.type !== RESIZE,
	});
	await writeAll(term, frames);
	const buffer = term.buffer.normal,
		lines = [];
	for (let i = 0; i < buffer.length; i++) {
		const line = buffer.getLine(i),
			text = line.translateToString(true);
		if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
		else lines.push(text);
	}
	dispose();
	while (lines.length > 0 && lines[lines.length - 1] === '') lines.pop();
	return lines;
}

function marked(line, words) {
	const parts = [],
		low = line.toLowerCase();
	let at = 0;
	for (let hit = low.indexOf(words); hit >= 0; hit = low.indexOf(words, at)) {
		parts.push(line.slice(at, hit), h('mark', null, line.slice(hit, hit + words.length)));
		at = hit + words.length;
	}
	return [...parts, line.slice(at)];
}

export async function transcript(frames) {
	const lines = await linesOf(frames),
		found = h('span', { class: 'dim', role: 'status' });
	const text = h('pre', { class: 'code transcript', tabindex: '0', 'aria-label': 'What was shown, as text' });
	const search = h('input', {
		type: 'search',
		'aria-label': 'Lines with',
		placeholder: 'Lines with\u2026',
		spellcheck: 'false',
		on: { input: draw },
	});
	function draw() {
		const words = search.value.toLowerCase(),
			hits = words ? lines.filter((line) => line.toLowerCase().includes(words)) : lines;
		const shown = hits.slice(0, SHOWN_MAX);
		fill(
			found,
			words ? count(hits.length, 'line') : count(lines.length, 'line'),
			hits.length > shown.length && `, the first ${SHOWN_MAX.toLocaleString()} are shown`,
		);
		fill(text, words ? shown.flatMap((line) => [...marked(line, words), '\n']) : shown.join('\n'));
	}
	draw();
	return h(
		'div',
		{ class: 'as-text' },
		h('div', { class: 'filters' }, h('div', { class: 'filter' }, search), button('Print', () => print(), ''), found),
		text,
	);
}
