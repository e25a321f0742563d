// SPDX-License-Identifier: Apache-2.0
/*
 * table: a real table of which only the rows that can be seen are in the document, so that ten thousand scroll like ten. Rows
 * have one height; they are values that never change in place: a row that is the same object keeps its element.
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

	constructor({ label, columns, keyOf, sort = '', rowHeight = 44, rowClass = () => '', onSort = () => {} }) {
		this.#columns = columns;
		this.#keyOf = keyOf;
		this.#rowHeight = rowHeight;
		this.#rowClass = rowClass;
		this.#onSort = onSort;
		this.sort = sort;
		this.#head = h('tr');
		this.#body = h('tbody', null, this.#above, this.#below);
		this.#table = h('table', { class: 'rows', 'aria-label': label }, h('thead', null, this.#head), this.#body);
		this.node = h('div', { class: 'card' }, this.#table);
		this.#drawHead();
	}

	/* Until the signal ends the table follows the window. */
	follow(signal) {
		const later = () => this.#later();
		addEventListener('scroll', later, { passive: true, signal });
		addEventListener('resize', later, { passive: true, signal });
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
		this.#drawn = [-1, -1];
		this.#draw();
	}

	#drawHead() {
		fill(
			this.#head,
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
		const height = this.#rowHeight,
			n = this.#rows.length,
			top = -this.#body.getBoundingClientRect().top;
		const first = Math.max(0, Math.min(n, Math.floor(top / height)) - AHEAD);
		const last = Math.min(n, Math.max(first, Math.ceil((top + innerHeight) / height) + AHEAD));
		if (first === this.#drawn[0] && last === this.#drawn[1]) return;
		this.#drawn = [first, last];
		this.#above.style.height = `${first * height}px`;
		this.#below.style.height = `${(n - last) * height}px`;
		this.#place(first, last);
	}

	#place(first, last) {
		const made = new Map();
		let before = this.#above;
		for (let i = first; i < last; i++) {
			const row = this.#rows[i],
				key = this.#keyOf(row),
				kept = this.#made.get(key);
			const node = kept?.row === row ? kept.node : this.#make(row);
			node.setAttribute('aria-rowindex', i + 2);
			made.set(key, { row, node });
			if (before.nextSibling !== node) before.after(node);
			before = node;
		}
		while (before.nextSibling && before.nextSibling !== this.#below) before.nextSibling.remove();
		this.#made = made;
	}

	#make(row) {
		return h(
			'tr',
			{ class: this.#rowClass(row) },
			this.#columns.map((column) => h('td', { class: column.class }, column.cell(row))),
		);
	}
}
