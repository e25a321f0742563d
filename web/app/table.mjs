// SPDX-License-Identifier: Apache-2.0
/*
 * table: a real table of which only the rows that can be seen are in the document, so that ten thousand scroll like ten. Rows
 * have one height; they are values that never change in place: a row that is the same object keeps its element. What opens
 * below a row (detail(row) -> nodes; opener(row) names its button) has the height that it needs.
 *
 * A column is {key, title, class, cell(row) -> nodes, by(row) -> what to sort by}; the title of one without `by` is no button.
 */
import { h, fill, icon } from './h.mjs';

const AHEAD = 12; /* rows above and below what is seen */
const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' }).compare;
const order = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : compare(String(a), String(b)));

export class Table {
	#columns;
	#keyOf;
	#onSort;
	#rows = [];
	#made = new Map();
	#body;
	#head;
	#table;
	#scheduled = false;
	#rowHeight;
	#rowClass;
	#above = h('tr', { class: 'gap', 'aria-hidden': 'true' });
	#below = h('tr', { class: 'gap', 'aria-hidden': 'true' });
	#drawn = [-1, -1];
	#detail;
	#opener;
	#open = new Map(); /* by key: {node, height} */
	#opened = []; /* [index, {node, height}] of those, in order */

	constructor({
		label,
		columns,
		keyOf,
		sort = '',
		rowHeight = 44,
		rowClass = () => '',
		onSort = () => {},
		kind = '',
		detail = null,
		opener = () => 'More',
	}) {
		this.#columns = columns;
		this.#keyOf = keyOf;
		this.#rowHeight = rowHeight;
		this.#rowClass = rowClass;
		this.#onSort = onSort;
		this.#detail = detail;
		this.#opener = opener;
		this.sort = sort;
		this.#head = h('tr');
		this.#body = h('tbody', null, this.#above, this.#below);
		this.#table = h('table', { class: `rows ${kind}`, 'aria-label': label }, h('thead', null, this.#head), this.#body);
		this.node = h('div', { class: 'card' }, this.#table);
		this.#drawHead();
	}

	/* Until the signal ends the table follows the window. */
	follow(signal) {
		const later = () => this.#later();
		addEventListener('scroll', later, { passive: true, signal });
		addEventListener(
			'resize',
			() => {
				this.#drawn = [-1, -1]; /* what is open has another height */
				later();
			},
			{ passive: true, signal },
		);
		return this;
	}

	/* `sort` is a column's key, "-key" is the other way round; "": as they come. */
	set rows(rows) {
		this.#rows = rows;
		this.#order();
	}

	#order() {
		const key = this.sort.replace(/^-/, ''),
			column = this.#columns.find((c) => c.key === key);
		if (column?.by) {
			const sign = this.sort[0] === '-' ? -1 : 1;
			this.#rows = this.#rows
				.map((row) => [column.by(row), row])
				.sort((a, b) => sign * order(a[0], b[0]))
				.map(([, row]) => row);
		}
		this.#table.setAttribute('aria-rowcount', this.#rows.length + 1);
		this.#findOpen();
		this.#drawn = [-1, -1];
		this.#draw();
	}

	/* Where the open ones are now; those whose rows have gone are closed. */
	#findOpen() {
		const found = new Map();
		this.#opened = [];
		for (let i = 0; found.size < this.#open.size && i < this.#rows.length; i++) {
			const key = this.#keyOf(this.#rows[i]),
				one = this.#open.get(key);
			if (!one) continue;
			found.set(key, one);
			this.#opened.push([i, one]);
		}
		this.#open = found;
	}

	#toggle(row, button) {
		const key = this.#keyOf(row);
		if (!this.#open.delete(key)) {
			const node = h('tr', { class: 'detail' }, h('td', null, this.#detail(row)));
			this.#open.set(key, { node, height: 0 });
		}
		button.setAttribute('aria-expanded', String(this.#open.has(key)));
		this.#findOpen();
		this.#drawn = [-1, -1];
		this.#draw();
	}

	/* How far down a row begins, and which row is there. */
	#topOf(i) {
		return this.#opened.reduce((y, [at, { height }]) => (at < i ? y + height : y), i * this.#rowHeight);
	}

	#rowAt(y) {
		let below = y;
		for (const [at, { height }] of this.#opened) {
			if (below < (at + 1) * this.#rowHeight) break;
			if (below < (at + 1) * this.#rowHeight + height) return at;
			below -= height;
		}
		return Math.floor(below / this.#rowHeight);
	}

	#drawHead() {
		fill(
			this.#head,
			this.#detail && h('th', { scope: 'col', class: 'c-open' }, h('span', { class: 'unseen' }, 'Open')),
			this.#columns.map((column) => {
				const sorted = this.sort.replace(/^-/, '') === column.key && column.by;
				const direction = !sorted ? null : this.sort[0] === '-' ? 'descending' : 'ascending';
				return h(
					'th',
					{ scope: 'col', class: column.class, 'aria-sort': direction },
					column.by
						? h(
								'button',
								{
									type: 'button',
									class: 'sort',
									on: { click: () => this.#sortBy(column.key) },
								},
								column.title,
								sorted && icon('down'),
							)
						: column.title
							? column.title
							: h('span', { class: 'unseen' }, 'Actions'),
				);
			}),
		);
	}

	#sortBy(key) {
		this.sort = this.sort === key ? '-' + key : key;
		this.#drawHead();
		this.#order();
		this.#onSort(this.sort);
		this.#head.querySelector('[aria-sort] button')?.focus();
	}

	#later() {
		if (this.#scheduled) return;
		this.#scheduled = true;
		requestAnimationFrame(() => {
			this.#scheduled = false;
			this.#draw();
		});
	}

	#draw() {
		const n = this.#rows.length,
			top = -this.#body.getBoundingClientRect().top;
		const first = Math.max(0, Math.min(n, this.#rowAt(top)) - AHEAD);
		const last = Math.min(n, Math.max(first, this.#rowAt(top + innerHeight) + 1 + AHEAD));
		if (first === this.#drawn[0] && last === this.#drawn[1]) return;
		this.#drawn = [first, last];
		this.#above.style.height = `${this.#topOf(first)}px`;
		this.#place(first, last);
		this.#measure(first, last);
		this.#below.style.height = `${this.#topOf(n) - this.#topOf(last)}px`;
	}

	/* What is open goes over the columns that a window of this width shows: one more would take room from the others. */
	#measure(first, last) {
		const shown = [...this.#head.children].filter((th) => th.offsetWidth > 0).length;
		for (const [at, { node }] of this.#opened) {
			if (at >= first && at < last) node.firstChild.colSpan = shown;
		}
		for (const [at, one] of this.#opened) {
			if (at >= first && at < last) one.height = one.node.offsetHeight;
		}
	}

	/* Which of a row's buttons and links has the focus: [key, index]; null: none. */
	#focused() {
		for (const [key, { node }] of this.#made) {
			if (node.contains(document.activeElement))
				return [key, [...node.querySelectorAll('button, a')].indexOf(document.activeElement)];
		}
		return null;
	}

	/* A row that was made anew, or moved, keeps it. */
	#refocus([key, index]) {
		const node = this.#made.get(key)?.node;
		if (node && !node.contains(document.activeElement))
			node.querySelectorAll('button, a')[index]?.focus({ preventScroll: true });
	}

	#place(first, last) {
		const made = new Map(),
			focused = this.#focused();
		let before = this.#above;
		for (let i = first; i < last; i++) {
			const row = this.#rows[i],
				key = this.#keyOf(row),
				kept = this.#made.get(key);
			const node = kept?.row === row ? kept.node : this.#make(row);
			node.setAttribute('aria-rowindex', i + 2);
			made.set(key, { row, node });
			for (const one of [node, this.#open.get(key)?.node]) {
				if (!one) continue;
				if (before.nextSibling !== one) before.after(one);
				before = one;
			}
		}
		while (before.nextSibling && before.nextSibling !== this.#below) before.nextSibling.remove();
		this.#made = made;
		if (focused) this.#refocus(focused);
	}

	/* The row itself opens, too, for whoever has a mouse and is not choosing text. */
	#make(row) {
		if (!this.#detail) return this.#makeRow(row, {});
		const button = h(
			'button',
			{
				type: 'button',
				class: 'icon-btn',
				'aria-expanded': String(this.#open.has(this.#keyOf(row))),
				'aria-label': this.#opener(row),
				on: { click: () => this.#toggle(row, button) },
			},
			icon('right'),
		);
		const click = (event) => {
			if (!event.target.closest('button, a') && getSelection().isCollapsed) this.#toggle(row, button);
		};
		return this.#makeRow(row, { click }, h('td', { class: 'c-open' }, button));
	}

	#makeRow(row, on, opener = null) {
		return h(
			'tr',
			{ class: this.#rowClass(row), on },
			opener,
			this.#columns.map((column) => h('td', { class: column.class }, column.cell(row))),
		);
	}
}
