// SPDX-License-Identifier: Apache-2.0
/*
 * tab: one terminal on one node: what is seen, what the keys do in it, how it ends. terminal.mjs has the strip of all of them.
 *
 * Security: what comes from the node is bytes for xterm.js and nothing else: it sets no title, writes no clipboard, opens
 * nothing.
 */
import { h, fill, icon } from './h.mjs';
import { makeTerminal } from './xterm.mjs';
import { connection } from './ssh.mjs';
import { pasted } from './paste.mjs';
import { Transfers } from './transfers.mjs';
import { confirm, menu, toast } from './dialog.mjs';
import { button } from './parts.mjs';
import { recall, remember } from './local.mjs';

const FONT_MIN = 8,
	FONT_MAX = 32;
/* Back from what a program that was cut off has left on: its other screen, mouse, bracketed paste. */
const PLAIN = '\x1b[?1047l\x1b[?1000;1002;1003;1006;2004l\x1b[!p\x1b[?25h';
let ids = 0;

/* Control and click, as terminals have it. Words that hide another address are asked about first. */
async function openLink(event, uri, hidden) {
	if (!event.ctrlKey && !event.metaKey) return;
	let url = null;
	try {
		url = new URL(uri);
	} catch {
		/* no address */
	}
	if (!url || !/^https?:$/.test(url.protocol)) return;
	if (!hidden || (await confirm('Open this address?', url.href, 'Open'))) open(url.href, '_blank', 'noopener,noreferrer');
}

export class Tab {
	#view;
	#channel = null;
	#box;
	#bar;
	#searchBar;
	#seen;
	#observer;
	#size = [0, 0];
	#attempt = 0;

	/* changed(): the strip shows it otherwise. left(): it is closed. keys(event): true for a key that is the strip's. */
	constructor({ node, login, changed, left, keys }) {
		Object.assign(this, {
			id: ++ids,
			node,
			login,
			title: `${login}@${node}`,
			state: 'opening',
			rang: false,
			changed,
			left,
		});
		this.#seen = h('div', { class: 'xterm-box' });
		this.#bar = h('div', { class: 'end-bar', role: 'status' });
		this.#searchBar = this.#makeSearch();
		this.transfers = new Transfers({ node, login });
		this.#box = h(
			'div',
			{ class: 'term', role: 'group', 'aria-label': this.title, hidden: true, id: `panel-${this.id}` },
			this.#searchBar,
			this.#seen,
			this.transfers.view,
			this.#bar,
		);
		this.#view = makeTerminal({ fontSize: recall('font', 14), openLink });
		this.#view.open(this.#seen);
		this.#view.term.attachCustomKeyEventHandler((event) => this.#key(event, keys));
		this.#view.term.onData((text) => this.#type(text));
		this.#view.term.onBinary((text) => this.#type(Uint8Array.from(text, (c) => c.charCodeAt(0))));
		this.#view.term.onBell(() => {
			if (this.#box.hidden) {
				this.rang = true;
				changed(this);
			}
		});
		this.#view.term.onResize(({ cols, rows }) => this.#channel?.resize(cols, rows));
		this.#seen.addEventListener('contextmenu', (event) => this.#contextMenu(event));
		this.#takeFiles();
		this.#takePastes();
		this.#observer = new ResizeObserver(() => requestAnimationFrame(() => this.fit()));
		this.#observer.observe(this.#seen);
	}

	get panel() {
		return this.#box;
	}

	get live() {
		return this.#channel !== null;
	}

	/* --- its life --------------------------------------------------------------------------------------------- */

	async open() {
		const attempt = ++this.#attempt,
			{ term } = this.#view;
		this.#become('opening', `Connecting to ${this.node}\u2026`);
		try {
			const ssh = await connection();
			if (attempt !== this.#attempt) return;
			this.fit();
			const channel = await ssh.terminal({
				node: this.node,
				login: this.login,
				cols: term.cols,
				rows: term.rows,
				term: 'xterm-256color',
			});
			if (attempt !== this.#attempt) return channel.close();
			channel.ondata = (bytes, taken) => term.write(bytes, taken);
			channel.onexit = (end) => this.#ended(channel, end);
			this.#channel = channel;
			this.#become('open', '');
			this.fit();
			this.focus();
		} catch (error) {
			if (attempt === this.#attempt) this.#become('ended', error.message, true, error.reload);
		}
	}

	#become(state, words, again = false, reload = false) {
		this.state = state;
		fill(
			this.#bar,
			words && h('span', { class: state === 'ended' ? 'why' : 'why wait' }, words),
			again && [
				reload
					? button('Load the page again', () => location.reload(), 'small primary')
					: button('Reconnect', () => this.open(), 'small primary'),
				button('Close', () => this.close(), 'small'),
			],
		);
		this.#bar.hidden = !words;
		this.changed(this);
	}

	/* Never by itself: whoever sits there says whether it begins anew. */
	#ended(channel, { status, signal, reason }) {
		if (this.#channel !== channel) return;
		this.#channel = null;
		const how =
			reason ||
			(signal
				? `ended by signal ${signal}`
				: status === 0 || status === null
					? 'ended'
					: `ended with status ${status}`);
		this.#view.term.write(`${PLAIN}\r\n`);
		this.#become('ended', reason ? `The session is over: ${how}` : `The session has ${how}.`, true);
	}

	/* Ends the session; the tab stays and says so. */
	disconnect() {
		const channel = this.#channel;
		this.#attempt++;
		this.#channel = null;
		channel?.close();
		this.transfers.close();
		this.#view.term.write(`${PLAIN}\r\n`);
		this.#become('ended', 'You have disconnected.', true);
	}

	close() {
		this.#attempt++;
		this.#channel?.close();
		this.#channel = null;
		this.transfers.close();
		this.#observer.disconnect();
		this.#view.dispose();
		this.#box.remove();
		this.left(this);
	}

	async #type(data) {
		try {
			await this.#channel?.write(data);
		} catch {
			/* it has ended meanwhile, which says itself */
		}
	}

	/* --- seeing ------------------------------------------------------------------------------------------------- */

	show(on) {
		this.#box.hidden = !on;
		if (!on) return;
		this.rang = false;
		this.fit();
		this.focus();
	}

	focus() {
		if (!this.#box.hidden && !document.querySelector('dialog')) this.#view.term.focus();
	}

	fit() {
		const { width, height } = this.#seen.getBoundingClientRect();
		if (this.#box.hidden || width < 40 || height < 20 || (width === this.#size[0] && height === this.#size[1]))
			return;
		this.#size = [width, height];
		this.#view.fit.fit();
	}

	enlarge(by) {
		const size = by === 0 ? 14 : Math.max(FONT_MIN, Math.min(FONT_MAX, this.#view.term.options.fontSize + by));
		this.#view.term.options.fontSize = size;
		remember('font', size);
		this.#size = [0, 0];
		this.fit();
	}

	/* What is dropped onto a terminal goes to its server. */
	#takeFiles() {
		this.#seen.addEventListener('dragover', (event) => {
			event.preventDefault();
			event.dataTransfer.dropEffect = this.live ? 'copy' : 'none';
		});
		this.#seen.addEventListener('drop', (event) => {
			event.preventDefault();
			if (this.live) this.transfers.upload([...event.dataTransfer.files]);
		});
	}

	/* --- keys, clipboard ---------------------------------------------------------------------------------------- */

	/* False: not for the program on the node. */
	#key(event, keys) {
		if (this.state === 'ended') return false; /* the keys are the page's again */
		if (event.type !== 'keydown') return true;
		if (keys(event)) {
			event.preventDefault();
			return false;
		}
		if (!event.ctrlKey && !event.metaKey) return true;
		const act = event.shiftKey
			? { KeyC: () => this.copy(), KeyF: () => this.find() }[event.code]
			: {
					Equal: () => this.enlarge(1),
					Minus: () => this.enlarge(-1),
					Digit0: () => this.enlarge(0),
					NumpadAdd: () => this.enlarge(1),
					NumpadSubtract: () => this.enlarge(-1),
				}[event.code];
		if (act) {
			event.preventDefault();
			act();
			return false;
		}
		/* The browser pastes it itself, see #takePastes. */
		return !(event.code === 'KeyV' && (event.shiftKey || event.metaKey));
	}

	async copy() {
		const text = this.#view.term.getSelection();
		if (text)
			await navigator.clipboard
				.writeText(text)
				.catch(() => toast('The browser does not allow copying here.', 'bad'));
		this.focus();
	}

	/* Every way leads here: xterm.js would take what the browser pastes as it is. */
	#takePastes() {
		const take = (event) => {
			event.preventDefault();
			event.stopPropagation();
			this.#paste(event.clipboardData?.getData('text/plain') ?? '');
		};
		this.#seen.addEventListener('paste', take, { capture: true });
	}

	#paste(text) {
		const clean = pasted(text);
		if (clean) this.#view.term.paste(clean);
	}

	async paste() {
		try {
			this.#paste(await navigator.clipboard.readText());
		} catch {
			toast('The browser does not let this page read the clipboard: press Ctrl+Shift+V.');
		}
		this.focus();
	}

	/* With Shift the browser's own. */
	#contextMenu(event) {
		if (event.shiftKey) return;
		event.preventDefault();
		const at = new DOMRect(event.clientX, event.clientY, 0, 0),
			anchor = h('span');
		anchor.getBoundingClientRect = () => at;
		anchor.focus = () => this.focus();
		menu(anchor, [
			...(this.#view.term.hasSelection() ? [{ label: 'Copy', act: () => this.copy() }] : []),
			{ label: 'Paste', act: () => this.paste() },
			{ label: 'Select all', act: () => this.#view.term.selectAll() },
			null,
			{ label: 'Search\u2026', act: () => this.find() },
			{ label: 'Clear scrollback', act: () => this.#view.term.clear() },
		]);
	}

	/* --- search ----------------------------------------------------------------------------------------------------- */

	#makeSearch() {
		const words = h('input', {
			type: 'search',
			'aria-label': 'Search in the scrollback',
			placeholder: 'Search',
			spellcheck: 'false',
		});
		const found = h('span', { class: 'dim', role: 'status' });
		const look = (back) => {
			const hit =
				words.value !== '' &&
				this.#view.search[back ? 'findPrevious' : 'findNext'](words.value, { incremental: false });
			fill(found, words.value === '' || hit ? '' : 'not found');
		};
		const close = () => {
			this.#searchBar.hidden = true;
			this.#view.search.clearDecorations();
			this.focus();
		};
		words.addEventListener('keydown', (event) => {
			if (event.key === 'Enter') look(!event.shiftKey);
			else if (event.key === 'Escape') close();
		});
		return h(
			'div',
			{ class: 'term-search', hidden: true },
			words,
			found,
			h('button', { class: 'btn small', type: 'button', on: { click: () => look(true) } }, 'Up'),
			h('button', { class: 'btn small', type: 'button', on: { click: () => look(false) } }, 'Down'),
			h(
				'button',
				{ class: 'icon-btn', type: 'button', 'aria-label': 'Close the search', on: { click: close } },
				icon('close'),
			),
		);
	}

	find() {
		this.#searchBar.hidden = false;
		const input = this.#searchBar.querySelector('input');
		input.focus();
		input.select();
	}
}
