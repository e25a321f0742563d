// SPDX-License-Identifier: Apache-2.0
/*
 * savefile: bytes or text that the page has made or fetched, into a file of whoever asked.
 */
import { h, fill } from './h.mjs';
import { button } from './parts.mjs';
import { toast } from './dialog.mjs';

const KEEP_MS = 60000; /* the browser takes its time with a large one */

/* A name that is one on every system. */
const plain = (name) =>
	name
		.replace(/[^\p{L}\p{N}.@+=, _-]+/gu, '_')
		.replace(/^\.+/, '_')
		.slice(-200) || 'file';

export function saveAs(name, blob) {
	const href = URL.createObjectURL(blob),
		link = h('a', { href, download: plain(name), hidden: true });
	document.body.append(link);
	link.click();
	link.remove();
	setTimeout(() => URL.revokeObjectURL(href), KEEP_MS);
}

export function saveFile(name, type, parts) {
	saveAs(name, new Blob([parts].flat(), { type }));
}

/* --- piece by piece --------------------------------------------------------------------------------------------- */

const PART_BYTES = 1 << 20;

/* For browsers that cannot write into a file: they keep large blobs on disk, and so not in the page's memory. */
class Gathered {
	#blobs = [];
	#texts = [];
	#length = 0;

	async write(text) {
		this.#texts.push(text);
		this.#length += text.length;
		if (this.#length < PART_BYTES) return;
		this.#blobs.push(new Blob(this.#texts));
		this.#texts = [];
		this.#length = 0;
	}

	async close(name, type) {
		saveAs(name, new Blob([...this.#blobs, ...this.#texts], { type }));
	}

	async abort() {
		this.#blobs = this.#texts = [];
	}
}

/* Asks where to. What was there stays as it was until all is written. */
async function open(name) {
	if (!globalThis.showSaveFilePicker) return new Gathered();
	try {
		const handle = await globalThis.showSaveFilePicker({ suggestedName: plain(name) });
		return await handle.createWritable();
	} catch (error) {
		if (error.name !== 'SecurityError' && error.name !== 'NotAllowedError') throw error;
		return new Gathered(); /* an administrator's policy */
	}
}

/*
 * A file of any size, of which the page holds a piece at a time. work({write(text), tell(words), signal}) writes it; meanwhile box
 * shows how far it is, and a button that gives it up: then, or when it fails, there is no file. Called from a click.
 */
export async function saveStepwise(box, { name, type, signal }, work) {
	if (box.hasChildNodes()) return toast('A file is being written: let it end first.');
	const stop = new AbortController(),
		words = h('span', { role: 'status' }, 'Writing\u2026'),
		give = () => stop.abort();
	signal.addEventListener('abort', give);
	fill(box, h('div', { class: 'saving card' }, words, button('Cancel', give, 'small')));
	let file = null;
	try {
		file = await open(name);
		stop.signal.throwIfAborted();
		await work({ write: (text) => file.write(text), tell: (now) => fill(words, now), signal: stop.signal });
		stop.signal.throwIfAborted();
		await file.close(name, type);
		toast(`${plain(name)} is written.`);
	} catch (error) {
		await file?.abort();
		throw error;
	} finally {
		signal.removeEventListener('abort', give);
		fill(box);
	}
}
