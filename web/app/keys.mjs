// SPDX-License-Identifier: Apache-2.0
/*
 * keys: what the keyboard does on every page. Nothing while somebody types, in a terminal or a field, or answers a dialog.
 */
import { h, fill } from './h.mjs';
import { dialog } from './dialog.mjs';

const SEQUENCE_MS = 1200;
const shortcuts = [];
let begun = '',
	begunAt = 0;

/* keys: "/", "?", or two one after the other, "g s". when(): whether it is there now. */
export function shortcut(keys, words, act, when = () => true) {
	shortcuts.push({ keys, words, act, when });
}

const isTyping = (node) =>
	node instanceof Element &&
	node.closest('input, textarea, select, [contenteditable], .xterm, dialog, [role=menu]') !== null;

export function listenToKeys() {
	addEventListener('keydown', (event) => {
		if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
		const both = performance.now() - begunAt < SEQUENCE_MS ? `${begun} ${event.key}` : event.key;
		const found = shortcuts.find((s) => (s.keys === both || s.keys === event.key) && s.when());
		begun = event.key;
		begunAt = performance.now();
		if (!found) return;
		begun = '';
		event.preventDefault();
		found.act();
	});
}

const TERMINAL = [
	['Ctrl Shift C', 'Copy what is selected'],
	['Ctrl Shift V', 'Paste'],
	['Ctrl Shift F', 'Search in the scrollback'],
	['Ctrl +', 'Larger letters'],
	['Ctrl -', 'Smaller letters'],
	['Ctrl Alt PgUp', 'Tab to the left'],
	['Ctrl Alt PgDn', 'Tab to the right'],
];

const row = (keys, words) =>
	h(
		'tr',
		null,
		h(
			'td',
			null,
			keys.split(' ').map((key) => [h('kbd', null, key), ' ']),
		),
		h('td', null, words),
	);

export function showKeys() {
	const box = dialog('Keyboard');
	fill(
		box.body,
		h(
			'table',
			{ class: 'keys' },
			h(
				'tbody',
				null,
				shortcuts.filter((s) => s.when()).map((s) => row(s.keys, s.words)),
			),
		),
		h('h3', null, 'In a terminal'),
		h(
			'table',
			{ class: 'keys' },
			h(
				'tbody',
				null,
				TERMINAL.map(([keys, words]) => row(keys, words)),
			),
		),
	);
}
