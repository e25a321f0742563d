// SPDX-License-Identifier: Apache-2.0
/*
 * xterm: xterm.js as this app uses it; loaded when a terminal or a recording is first shown.
 *
 * Security: xterm.js writes its styles as <style> elements and style attributes, which the pages' policy (style-src 'self')
 * refuses to everybody. Here the elements that it makes when it opens fill a style sheet that script has made, and what it
 * gives spans as an attribute is set as properties: both are what the policy leaves to script, so that no inline style needs to
 * be allowed.
 */
import { Terminal } from '@xterm/xterm';
import { FitAddon } from '@xterm/addon-fit';
import { SearchAddon } from '@xterm/addon-search';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { h } from './h.mjs';

/* Its own style sheet, with the first terminal. */
function loadStyles() {
	const href = new URL('@xterm/xterm/css/xterm.css', import.meta.url).href;
	document.head.append(h('link', { rel: 'stylesheet', href }));
}

/* --- styles without inline styles --------------------------------------------------------------------------- */

const made = (tag) => Document.prototype.createElement.call(document, tag);

/* Stands for a <style> element: its text goes into the sheet. */
function styleElement(sheets) {
	const node = made('template'),
		sheet = new CSSStyleSheet();
	let text = '';
	sheets.add(sheet);
	document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
	Object.defineProperty(node, 'textContent', {
		get: () => text,
		set: (value) => {
			text = value;
			sheet.replaceSync(value);
		},
	});
	return node;
}

/* open() of xterm.js makes all of its <style> elements, from the real document whatever document it is given. */
function opening(sheets, act) {
	document.createElement = (tag) => (tag === 'style' ? styleElement(sheets) : made(tag));
	try {
		act();
	} finally {
		delete document.createElement;
	}
}

/* The letters of a terminal are spans; nothing else in this app gives one a style. */
HTMLSpanElement.prototype.setAttribute = function setAttribute(name, value) {
	if (name === 'style') this.style.cssText = value;
	else Element.prototype.setAttribute.call(this, name, value);
};

/* --- a terminal --------------------------------------------------------------------------------------------- */

loadStyles();

const THEME = {
	background: '#10151c',
	foreground: '#d5dde6',
	cursor: '#7cb7ff',
	cursorAccent: '#10151c',
	selectionBackground: '#2f4f78',
	black: '#1b2430',
	red: '#ff7b72',
	green: '#7ee0a5',
	yellow: '#e3b341',
	blue: '#6fb1ff',
	magenta: '#d2a8ff',
	cyan: '#76e3ea',
	white: '#d5dde6',
	brightBlack: '#7d8b9b',
	brightRed: '#ffa198',
	brightGreen: '#a3f0c1',
	brightYellow: '#f2cc60',
	brightBlue: '#9ccbff',
	brightMagenta: '#e2c5ff',
	brightCyan: '#a5f0f5',
	brightWhite: '#ffffff',
};
const FONT = 'ui-monospace, "JetBrains Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace';

/* openLink(event, uri, hidden): hidden: the words that stood there may not be the address. Without it links do nothing. */
export function makeTerminal({ fontSize = 14, scrollback = 10000, openLink = null, ...options }) {
	const sheets = new Set();
	const term = new Terminal({
		allowProposedApi: true,
		fontFamily: FONT,
		fontSize,
		scrollback,
		theme: THEME,
		cursorBlink: false,
		macOptionIsMeta: true,
		minimumContrastRatio: 4.5,
		...options,
		/* Always one: xterm.js has its own way of opening a link where there is none. */
		linkHandler: { activate: (event, uri) => openLink?.(event, uri, true) },
	});
	const fit = new FitAddon(),
		search = new SearchAddon();
	term.loadAddon(fit);
	term.loadAddon(search);
	term.loadAddon(new Unicode11Addon());
	term.unicode.activeVersion = '11';
	if (openLink) term.loadAddon(new WebLinksAddon((event, uri) => openLink(event, uri, false)));
	function dispose() {
		term.dispose();
		document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !sheets.has(sheet));
	}
	return { term, fit, search, open: (box) => opening(sheets, () => term.open(box)), dispose };
}
