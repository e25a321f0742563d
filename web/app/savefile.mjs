// SPDX-License-Identifier: Apache-2.0
/*
 * savefile: bytes or text that the page has made, into a file of whoever asked.
 */
import { h } from './h.mjs';

export function saveFile(name, type, parts) {
	const href = URL.createObjectURL(new Blob([parts].flat(), { type })),
		link = h('a', { href, download: name.replace(/[^\w.@-]+/g, '_'), hidden: true });
	document.body.append(link);
	link.click();
	link.remove();
	setTimeout(() => URL.revokeObjectURL(href), 60000);
}
