// SPDX-License-Identifier: Apache-2.0
// keys: keys of WebCrypto as SSH has them (RFC 8709, RFC 5656). They are made so that nobody can export them: a page signs with
// such a key as long as it runs, and nobody takes it away. Used by the page, which makes one, and by the worker, which signs.
import { concat, u32 } from './bytes.mjs';

const bytes = new TextEncoder();
const string = (b) => concat([u32(b.length), b]);
const name = (s) => string(bytes.encode(s));
const P256 = { name: 'ECDSA', namedCurve: 'P-256' };

// { privateKey: CryptoKey, publicKey: Uint8Array, SSH's wire form }. Ed25519; P-256 where the browser has no Ed25519, or only: 'P-256'.
export async function makeKey(only = null) {
	if (only !== 'P-256') {
		try {
			const pair = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
			const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
			return { privateKey: pair.privateKey, publicKey: concat([name('ssh-ed25519'), string(raw)]) };
		} catch (error) {
			if (error.name !== 'NotSupportedError' && error.name !== 'SyntaxError') throw error;
		}
	}
	const pair = await crypto.subtle.generateKey(P256, false, ['sign', 'verify']);
	const point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
	return { privateKey: pair.privateKey, publicKey: concat([name('ecdsa-sha2-nistp256'), name('nistp256'), string(point)]) };
}

// An unsigned number as SSH's mpint.
function mpint(b) {
	let i = 0;
	while (i < b.length && b[i] === 0) i++;
	const n = b.subarray(i);
	return string(n.length && n[0] & 0x80 ? concat([new Uint8Array(1), n]) : n);
}

// The signature blob ("string alg, string sig") over data.
export async function sign(privateKey, data) {
	if (privateKey.algorithm.name === 'Ed25519') {
		const sig = new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, data));
		return concat([name('ssh-ed25519'), string(sig)]);
	}
	// WebCrypto gives r and s one behind the other, 32 bytes each.
	const rs = new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, data));
	return concat([name('ecdsa-sha2-nistp256'), string(concat([mpint(rs.subarray(0, 32)), mpint(rs.subarray(32))]))]);
}
