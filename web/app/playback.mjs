// SPDX-License-Identifier: Apache-2.0
/*
 * playback: a recording's clock, and what it writes to a terminal as time goes on or somebody jumps.
 */
import { OUT, ERR, RESIZE, sizeOf } from './frames.mjs';
import { recall } from './local.mjs';

const IDLE_S = 1.5,
	UNDRAWN_MAX = 1 << 20;

/* What was written until now is drawn. */
const drawn = (term) => new Promise((done) => term.write('', done));

/* All of it at once, without a page. A size counts at once: it waits for what was written before it, and is of what follows. */
export async function writeAll(term, frames) {
	let size = null,
		undrawn = 0;
	for (const frame of frames) {
		if (frame.type === RESIZE) size = sizeOf(frame) ?? size;
		if (frame.type !== OUT && frame.type !== ERR) continue;
		if (size || undrawn > UNDRAWN_MAX) {
			await drawn(term);
			undrawn = 0;
		}
		if (size) term.resize(...size);
		size = null;
		undrawn += frame.data.length;
		term.write(frame.data);
	}
	await drawn(term);
}

/* Where to begin, in seconds: "t", or "at", a moment in microseconds since 1970, as events have it. query: URLSearchParams. */
export function beginning(query, started_us) {
	const at_us = Number(query.get('at')),
		t = at_us ? (at_us - started_us) / 1e6 : Number(query.get('t'));
	return Math.max(0, t || 0);
}

export class Player {
	frames = [];
	at = 0;
	next = 0;
	playing = false;
	whole = false; /* no more frames come */
	short = false; /* and there were more than a page holds */
	#term;
	#changed;
	#turn = 0;
	#last = 0;
	#undrawn = 0; /* bytes */

	constructor(term, changed) {
		this.#term = term;
		this.#changed = changed;
		this.speed = recall('speed', 1);
		this.skipIdle = recall('skip-idle', true);
	}

	get length() {
		return this.frames.length ? this.frames[this.frames.length - 1].at : 0;
	}

	/* xterm.js takes a flood only as fast as it draws. Somebody may have jumped elsewhere meanwhile. */
	async #drawn() {
		if (this.#undrawn > 0) await drawn(this.#term);
	}

	#feed({ type, data }) {
		if (type === OUT || type === ERR) {
			this.#undrawn += data.length;
			this.#term.write(data, () => (this.#undrawn -= data.length));
		} else if (type === RESIZE && sizeOf({ data })) {
			this.#term.resize(...sizeOf({ data }));
		}
	}

	/* A size or a reset counts at once, what was written only when it is drawn: they wait for it. */
	async seek(to) {
		const turn = ++this.#turn;
		to = Math.max(0, Math.min(to, this.length));
		this.at = to;
		if (this.next > 0 && this.frames[this.next - 1].at > to) {
			await this.#drawn();
			if (turn !== this.#turn) return;
			this.#term.reset();
			this.next = 0;
		}
		while (this.next < this.frames.length && this.frames[this.next].at <= to) {
			const frame = this.frames[this.next];
			if (frame.type === RESIZE || this.#undrawn > UNDRAWN_MAX) {
				await this.#drawn();
				if (turn !== this.#turn) return;
			}
			this.next++;
			this.#feed(frame);
		}
		await this.#drawn();
		if (turn === this.#turn) this.#changed();
	}

	play() {
		if (this.whole && this.at >= this.length) this.seek(0);
		this.playing = true;
		this.#last = performance.now();
		requestAnimationFrame((now) => this.#tick(now));
		this.#changed();
	}

	pause() {
		this.playing = false;
		this.#changed();
	}

	async #tick(now) {
		if (!this.playing) return;
		let to = this.at + ((now - this.#last) / 1000) * this.speed;
		const coming = this.frames[this.next];
		this.#last = now;
		if (this.skipIdle && coming && coming.at - this.at > IDLE_S) to = Math.max(to, coming.at - IDLE_S / 4);
		if (coming || !this.whole || this.at < this.length) await this.seek(Math.min(to, Math.max(this.length, this.at)));
		if (this.whole && this.next >= this.frames.length && this.at >= this.length) this.pause();
		else requestAnimationFrame((then) => this.#tick(then));
	}
}
