// SPDX-License-Identifier: Apache-2.0
/*
 * editor: a text with the numbers of its lines, in which one line can be marked as wrong; and two texts line by line. A
 * textarea, so that keys, screen readers and undo are the browser's.
 */
import { h, fill } from './h.mjs';
import { diff } from './diff.mjs';

let ids = 0;

export class Editor {
	#area;
	#numbers = h('div', { class: 'numbers', 'aria-hidden': 'true' });
	#problem;
	#wrong = 0;

	/* oninput(): after every change by whoever writes. */
	constructor({ label, text, readOnly = false, oninput = () => {} }) {
		const id = `editor-${++ids}`;
		this.#area = h('textarea', {
			'aria-label': label,
			'aria-describedby': id,
			class: 'mono',
			wrap: 'off',
			spellcheck: 'false',
			autocapitalize: 'none',
			autocomplete: 'off',
			readOnly,
			on: {
				input: () => {
					this.#count();
					oninput();
				},
			},
		});
		this.#problem = h('div', { class: 'problem', id, role: 'alert', hidden: true });
		this.node = h('div', null, h('div', { class: 'editor' }, this.#numbers, this.#area), this.#problem);
		this.text = text;
	}

	get text() {
		return this.#area.value;
	}

	set text(text) {
		this.#area.value = text;
		this.#count();
		this.mark(null);
	}

	#count() {
		const n = this.text.split('\n').length,
			have = this.#numbers.childElementCount;
		for (let i = have; i < n; i++) this.#numbers.append(h('span', null, i + 1));
		for (let i = have; i > n; i--) this.#numbers.lastElementChild.remove();
		this.#area.rows = n;
	}

	/* error: {message, line (0: of no line), column}; null: nothing is wrong. */
	mark(error) {
		this.#numbers.children[this.#wrong - 1]?.classList.remove('wrong');
		this.#wrong = error ? Math.min(error.line ?? 0, this.#numbers.childElementCount) : 0;
		this.#numbers.children[this.#wrong - 1]?.classList.add('wrong');
		this.#area.setAttribute('aria-invalid', String(!!error));
		this.#problem.hidden = !error;
		if (!error) return fill(this.#problem);
		const place = error.column > 0 ? `Line ${this.#wrong}, column ${error.column}` : `Line ${this.#wrong}`;
		fill(
			this.#problem,
			this.#wrong > 0 && [
				h(
					'button',
					{ class: 'link', type: 'button', on: { click: () => this.goTo(this.#wrong) } },
					place,
				),
				': ',
			],
			error.message,
		);
	}

	/* Selects the line, as whoever searched for it would; beyond the end the last one. */
	goTo(wanted) {
		const lines = this.text.split('\n'),
			line = Math.min(wanted, lines.length),
			from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
		this.#area.focus();
		this.#area.setSelectionRange(from, from + lines[line - 1].length);
		this.#numbers.children[line - 1].scrollIntoView({ block: 'nearest' });
	}

	focus() {
		this.#area.focus();
	}
}

const KINDS = { '-': 'del', '+': 'ins', '@': 'div', ' ': 'div' };

/* What is different; null: nothing is. */
export function diffView(before, after, label) {
	const rows = diff(before, after);
	if (rows.length === 0) return null;
	return h(
		'div',
		{ class: 'diff mono', role: 'region', tabindex: '0', 'aria-label': label },
		rows.map(({ sign, text }) =>
			h(KINDS[sign], { class: sign === '@' ? 'dim' : '' }, sign === '@' ? text : sign + text),
		),
	);
}
