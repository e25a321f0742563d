// SPDX-License-Identifier: Apache-2.0
// bytes: the little that SSH's wire form needs in JavaScript. Used by engine.mjs and keys.mjs.

export function u32(n) { return new Uint8Array([n >>> 24, n >>> 16, n >>> 8, n]); }

export function concat(parts) {
	const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
	let at = 0;
	for (const p of parts) { all.set(p, at); at += p.length; }
	return all;
}
