// SPDX-License-Identifier: Apache-2.0
/*
 * frames: a recording as it is sent (docs/PROTOCOL.md "Recording frames"), frame by frame; and as an asciicast file.
 *
 * Security: the bytes come from a node that may be hostile. What is cut or has a length that cannot be ends the reading; types
 * that are not known are skipped.
 */
export const OUT = 1,
	ERR = 2,
	RESIZE = 4,
	MARKER = 5,
	EXIT = 7,
	GAP = 10;

const FRAME_MAX = 65536,
	NUMBER_MAX = 10, /* bytes; lib/rec/frame.c, which auditd takes recordings by, reads as many */
	SIDE_MAX = 2000;

/* Takes bytes as they come, gives frames {at (seconds since the start), type, data}. */
export class FrameReader {
	#left = new Uint8Array(0);
	#at = 0;
	broken = false;

	push(bytes) {
		if (this.broken) return [];
		const all = new Uint8Array(this.#left.length + bytes.length),
			frames = [];
		all.set(this.#left);
		all.set(bytes, this.#left.length);
		let at = 0;
		while (!this.broken) {
			const next = this.#frame(all, at);
			if (!next) break;
			at = next.end;
			frames.push(next.frame);
		}
		this.#left = all.slice(at);
		return frames;
	}

	/* Bytes are left over: the last frame is not whole. */
	get cut() {
		return this.broken || this.#left.length > 0;
	}

	#frame(all, at) {
		const time = this.#number(all, at + 1),
			length = time && this.#number(all, time.end);
		if (!length) return null;
		if (length.value > FRAME_MAX) {
			this.broken = true;
			return null;
		}
		const end = length.end + length.value;
		if (end > all.length) return null;
		this.#at += time.value / 1e6;
		return { end, frame: { at: this.#at, type: all[at], data: all.slice(length.end, end) } };
	}

	/* Seven bits a byte, low ones first; not by shifts, which have 32 bits. */
	#number(all, at) {
		let value = 0,
			scale = 1;
		for (let i = at; i < all.length && i < at + NUMBER_MAX; i++) {
			value += (all[i] & 127) * scale;
			scale *= 128;
			if (all[i] < 128) return { value, end: i + 1 };
		}
		this.broken ||= all.length >= at + NUMBER_MAX;
		return null;
	}
}

const FRAME_COST = 160; /* bytes of memory, about, besides the data */

/*
 * stream: a reader of the recording's bytes; take(frames) as they come, and no more before it is done. What they cost to keep ends
 * at max. Gives "whole", "cut" (there is no more of it) or "long" (there is, and it was not asked for).
 */
export async function readFrames(stream, take, max) {
	const reader = new FrameReader();
	let held = 0;
	for (let part = await stream.read(); !part.done; part = await stream.read()) {
		const frames = reader.push(part.value);
		await take(frames);
		for (const frame of frames) held += frame.data.length + FRAME_COST;
		if (held > max) {
			await stream.cancel();
			return 'long';
		}
		if (reader.broken) {
			await stream.cancel();
			break;
		}
	}
	return reader.cut ? 'cut' : 'whole';
}

export function sizeOf({ data }) {
	const side = (i) => Math.max(2, Math.min(SIDE_MAX, data[i] * 256 + data[i + 1]));
	return data.length >= 4 ? [side(0), side(2)] : null;
}

/* Columns, of the widest that the terminal ever was; 80 before anybody says. */
export const widest = (frames) =>
	frames.reduce((most, frame) => Math.max(most, (frame.type === RESIZE && sizeOf(frame)?.[0]) || 0), 80);

/* Asciicast version 2, of what a terminal showed, piece by piece: take(frames) and end() give text for the file. What begins with
 * no size had no terminal, and ends its lines by LF alone. */
export class Cast {
	#about;
	#plain = null; /* nothing was written yet */
	#utf = new TextDecoder();

	constructor({ title, started_ms }) {
		this.#about = { timestamp: Math.floor(started_ms / 1000), title };
	}

	#head([width, height]) {
		return { version: 2, width, height, ...this.#about };
	}

	#lines(frame) {
		const shown = frame.type === OUT || frame.type === ERR,
			size = frame.type === RESIZE && sizeOf(frame);
		if (!shown && !size) return [];
		const first = this.#plain === null;
		if (first) this.#plain = !size;
		const head = first ? [this.#head(size || [80, 24])] : [];
		if (size) return first ? head : [[frame.at, 'r', size.join('x')]];
		const text = this.#utf.decode(frame.data, { stream: true });
		return [...head, [frame.at, 'o', this.#plain ? text.replace(/\r?\n/g, '\r\n') : text]];
	}

	take(frames) {
		return frames
			.flatMap((frame) => this.#lines(frame))
			.map((line) => JSON.stringify(line) + '\n')
			.join('');
	}

	end() {
		return this.#plain === null ? JSON.stringify(this.#head([80, 24])) + '\n' : '';
	}
}
