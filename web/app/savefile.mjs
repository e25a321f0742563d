// SPDX-License-Identifier: Apache-2.0
/*
 * savefile: bytes or text that the page has made or fetched, into a file of whoever asked.
 */
import { h } from './h.mjs';

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
