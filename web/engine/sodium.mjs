// SPDX-License-Identifier: Apache-2.0
// sodium: what engine.wasm imports as "prims", by libsodium (npm: libsodium-sumo), which is WebAssembly with a memory of its own:
// a packet is copied in once and out once. Used by worker.mjs and by tests.

// The most that passes at once: a packet with its tag; a key exchange's transcript comes in parts.
const AREA = 512 * 1024;

// factory: the default export of libsodium-sumo's module.
export async function sodiumPrims(factory) {
	// Its own search for randomness finds none in a module of Node.js.
	const S = await factory({ getRandomValue: () => crypto.getRandomValues(new Uint32Array(1))[0] });
	if (S._sodium_init() < 0) throw new Error('libsodium does not start');
	const area = S._malloc(AREA), key = S._malloc(64), nonce = S._malloc(8), block = S._malloc(64);
	const a = S._malloc(64), b = S._malloc(64), c = S._malloc(64), state = S._malloc(S._crypto_hash_sha256_statebytes());
	const STATE = S._crypto_hash_sha256_statebytes(), STATE_ROOM = 112; // of struct sha256
	if (STATE > STATE_ROOM) throw new Error('libsodium has another SHA-256 than this program knows');
	let memory;
	const view = (at, n) => new Uint8Array(memory.buffer, at, n);
	const put = (to, at, n) => { S.HEAPU8.set(view(at, n), to); return to; };
	const get = (at, from, n) => view(at, n).set(S.HEAPU8.subarray(from, from + n));
	const wipe = (at, n) => S.HEAPU8.fill(0, at, at + n);
	const fits = (n) => { if (n > AREA - 16) throw new RangeError('too large for one call'); return n; };
	// The bytes in pieces that fit.
	const pieces = (at, n, f) => { for (let i = 0; i < n; i += AREA) f(at + i, Math.min(AREA, n - i)); };
	const begin = (k, seq) => {
		put(key, k, 64);
		wipe(nonce, 4);
		S.HEAPU8.set([seq >>> 24, seq >>> 16, seq >>> 8, seq], nonce + 4);
	};
	const xor = (at, n, counter, k) => S._crypto_stream_chacha20_xor_ic(at, at, n, 0, nonce, counter, 0, k);
	// Poly1305's key is the first block of the stream (OpenSSH PROTOCOL.chacha20poly1305).
	const polyKey = () => { wipe(block, 64); xor(block, 64, 0, key); };
	const end = () => { wipe(key, 64); wipe(block, 64); };

	return {
		attach(m) { memory = m; },
		imports: {
			random: (at, n) => pieces(at, n, (p, k) => { for (let i = 0; i < k; i += 65536) crypto.getRandomValues(view(p + i, Math.min(65536, k - i))); }),
			sha256_init: (s) => { S._crypto_hash_sha256_init(state); get(s, state, STATE); },
			sha256_add: (s, at, n) => {
				put(state, s, STATE);
				pieces(at, n, (p, k) => S._crypto_hash_sha256_update(state, put(area, p, k), k, 0));
				get(s, state, STATE);
				wipe(state, STATE);
				wipe(area, Math.min(n, AREA)); // it may be what keys are derived from
			},
			sha256_end: (s, digest) => {
				put(state, s, STATE);
				S._crypto_hash_sha256_final(state, a);
				get(digest, a, 32);
				wipe(state, STATE);
				wipe(a, 32);
			},
			x25519: (ret, secret, peer) => {
				put(b, secret, 32);
				const r = peer ? S._crypto_scalarmult(a, b, put(c, peer, 32)) : S._crypto_scalarmult_base(a, b);
				get(ret, a, 32);
				wipe(a, 32);
				wipe(b, 32);
				return r;
			},
			ed25519_pair: (seed, pub, secret) => {
				S._crypto_sign_seed_keypair(a, b, put(c, seed, 32));
				get(pub, a, 32);
				get(secret, b, 64);
				wipe(b, 64);
				wipe(c, 32);
			},
			ed25519_sign: (secret, at, n, sig) => {
				S._crypto_sign_detached(a, 0, put(area, at, fits(n)), n, 0, put(b, secret, 64));
				get(sig, a, 64);
				wipe(b, 64);
			},
			ed25519_verify: (pub, at, n, sig) => S._crypto_sign_verify_detached(put(a, sig, 64), put(area, at, fits(n)), n, 0, put(b, pub, 32)),
			chacha_length: (k, seq, at) => {
				begin(k, seq);
				xor(put(area, at, 4), 4, 0, key + 32);
				get(at, area, 4);
				end();
			},
			chacha_seal: (k, seq, at, n) => {
				begin(k, seq);
				polyKey();
				put(area, at, fits(n));
				xor(area, 4, 0, key + 32);
				xor(area + 4, n - 4, 1, key);
				S._crypto_onetimeauth_poly1305(area + n, area, n, 0, block);
				get(at, area, n + 16);
				end();
			},
			// The tag first: nothing is decrypted that was not written by the peer.
			chacha_open: (k, seq, at, n) => {
				begin(k, seq);
				polyKey();
				put(area, at, fits(n) + 16);
				const bad = S._crypto_onetimeauth_poly1305_verify(area + n, area, n, 0, block) !== 0;
				if (!bad) {
					xor(area, 4, 0, key + 32);
					xor(area + 4, n - 4, 1, key);
					get(at, area, n);
				}
				end();
				return bad ? -1 : 0;
			},
		},
	};
}
