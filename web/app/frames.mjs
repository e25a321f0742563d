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
	SIDE_MAX = 2000;

/* Takes bytes as they come, gives frames {at (seconds since the start), type, data}. */
class FrameReader {
	#left = new Uint8Array(0);
	#at = 0;
	broken = false;

	push(bytes) {
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
		for (let i = at; i < all.length && i < at + 8; i++) {
			value += (all[i] & 127) * scale;
			scale *= 128;
			if (all[i] < 128) return { value, end: i + 1 };
		}
		this.broken ||= all.length >= at + 8;
		return null;
	}
}

const FRAME_COST = 160; /* bytes of memory, about, besides the data */

/*
 * stream: a reader of the recording's bytes; take(frames) as they come. What they cost to keep ends at max. Gives "whole", "cut"
 * (there is no more of it) or "long" (there is, and it was not asked for).
 */
export async function readFrames(stream, take, max) {
	const reader = new FrameReader();
	let held = 0;
	for (let part = await stream.read(); !part.done; part = await stream.read()) {
		const frames = reader.push(part.value);
		take(frames);
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

/* Asciicast version 2, of what a terminal showed. */
export function asciicast(frames, { title, started_ms }) {
	const first = frames.find((frame) => frame.type === RESIZE),
		[width, height] = (first && sizeOf(first)) ?? [80, 24];
	const plain = !first,
		utf = new TextDecoder(),
		lines = [JSON.stringify({ version: 2, width, height, timestamp: Math.floor(started_ms / 1000), title })];
	for (const frame of frames) {
		if (frame.type === OUT || frame.type === ERR) {
			const text = utf.decode(frame.data, { stream: true });
			lines.push(JSON.stringify([frame.at, 'o', plain ? text.replace(/\r?\n/g, '\r\n') : text]));
		} else if (frame.type === RESIZE && frame !== first && sizeOf(frame)) {
			lines.push(JSON.stringify([frame.at, 'r', sizeOf(frame).join('x')]));
		}
	}
	return lines.join('\n') + '\n';
}
