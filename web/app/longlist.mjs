// SPDX-License-Identifier: Apache-2.0
/*
 * longlist: a list that the servers give page by page: the first at once, more when it is asked for. A newer question makes the
 * answers to older ones worthless.
 */
import { h, fill } from './h.mjs';
import { get, ApiError } from './api.mjs';
import { busy, sayError } from './dialog.mjs';
import { button, loading, failed } from './parts.mjs';

const FOLLOW_MAX = 20000; /* rows that come by themselves: so many cost a page some ten megabytes */

/* The row of before when it has not changed. */
const same = (old, row) => (old && JSON.stringify(old) === JSON.stringify(row) ? old : row);

/* draw(all, box): shows what there is; none(): what stands there when there is nothing. */
export class LongList {
	#path;
	#field;
	#draw;
	#none;
	#signal;
	#turn = 0;
	#query = {};
	#all = [];
	#next = '';
	#rows = h('div');
	#more;
	#page;
	#refreshing = false;
	#watch = null;

	/* follow: more comes when the end of the list is near. */
	constructor({ path, field, draw, none, signal, page = 100, follow = false }) {
		Object.assign(this, { node: h('div') });
		this.#path = path;
		this.#field = field;
		this.#draw = draw;
		this.#none = none;
		this.#signal = signal;
		this.#page = page;
		this.#more = button('Show more', () => this.#fetch(), 'more-rows');
		if (follow) this.#follow(signal);
	}

	#follow(signal) {
		const near = (seen) => {
			const free = !this.node.hasAttribute('aria-busy') && this.#all.length < FOLLOW_MAX;
			if (seen.at(-1).isIntersecting && free) this.#fetch();
		};
		this.#watch = new IntersectionObserver(near, { rootMargin: '1500px' });
		this.#watch.observe(this.#more);
		signal.addEventListener('abort', () => this.#watch.disconnect());
	}

	/* It tells of changes: whoever is at the end again before it looked has changed nothing. */
	#lookAgain() {
		this.#watch?.unobserve(this.#more);
		if (!this.#signal.aborted) this.#watch?.observe(this.#more);
	}

	ask(query) {
		this.#query = query;
		this.#turn++;
		this.#all = [];
		this.#next = '';
		if (!this.node.hasChildNodes()) fill(this.node, loading());
		return this.#fetch();
	}

	async #fetch() {
		const turn = this.#turn;
		this.node.setAttribute('aria-busy', 'true');
		busy(this.#more, true);
		try {
			const reply = await get(
				this.#path,
				{ ...this.#query, limit: this.#page, after: this.#next },
				{ signal: this.#signal },
			);
			if (turn !== this.#turn) return;
			this.#all = [...this.#all, ...reply[this.#field]];
			this.#next = reply.next;
			this.#show();
			this.#lookAgain();
		} catch (error) {
			if (turn !== this.#turn || error.name === 'AbortError') return;
			/* what is there stays, and the button, which asks again */
			if (this.#all.length > 0) sayError(error);
			else
				fill(
					this.node,
					failed(error, () => this.ask(this.#query)),
				);
		} finally {
			if (turn === this.#turn) {
				this.node.removeAttribute('aria-busy');
				busy(this.#more, false);
			}
		}
	}

	/* What came since, above the rest, and what is different now: keyOf(row) says which is which. Nobody asked for it: that it
	 * failed is not shown, and while one is under way there is no other. */
	async refresh(keyOf) {
		if (this.#refreshing) return;
		const turn = this.#turn;
		this.#refreshing = true;
		try {
			const reply = await get(this.#path, { ...this.#query, limit: this.#page }, { signal: this.#signal });
			if (turn !== this.#turn || this.node.hasAttribute('aria-busy')) return;
			const before = new Map(this.#all.map((row) => [keyOf(row), row]));
			const fresh = reply[this.#field].map((row) => same(before.get(keyOf(row)), row)),
				keys = new Set(fresh.map(keyOf));
			if (fresh.every((row, i) => row === this.#all[i])) return;
			if (this.#all.length <= fresh.length) this.#next = reply.next;
			this.#all = [...fresh, ...this.#all.filter((row) => !keys.has(keyOf(row)))];
			this.#show();
		} catch (error) {
			if (!(error instanceof ApiError) && error.name !== 'AbortError') throw error;
		} finally {
			this.#refreshing = false;
		}
	}

	#show() {
		if (this.#all.length === 0) return fill(this.node, this.#none());
		this.#more.hidden = !this.#next;
		if (this.#rows.parentNode !== this.node) fill(this.node, this.#rows, this.#more);
		this.#draw(this.#all, this.#rows);
	}
}
