// SPDX-License-Identifier: Apache-2.0
/*
 * identity: the SSH key and certificate of this browser, made here and certified by authd for the time of the web session.
 *
 * Security: WebCrypto makes the key and never lets it out: script can have signatures made while it runs on this page, and no
 * more. It lives in IndexedDB, which other origins cannot read, and goes with the session.
 */
import { post } from './api.mjs';
import { later } from './update.mjs';

const STORE = 'identity',
	KEY = 'current';

/* --- the database ------------------------------------------------------------------------------------ */

function database() {
	return new Promise((done, fail) => {
		const open = indexedDB.open('sallyport', 1);
		open.onupgradeneeded = () => open.result.createObjectStore(STORE);
		open.onsuccess = () => done(open.result);
		open.onerror = () => fail(open.error);
	});
}

async function inStore(mode, act) {
	const db = await database();
	try {
		return await new Promise((done, fail) => {
			const request = act(db.transaction(STORE, mode).objectStore(STORE));
			request.onsuccess = () => done(request.result);
			request.onerror = () => fail(request.error);
		});
	} finally {
		db.close();
	}
}

/* --- the identity -------------------------------------------------------------------------------------- */

const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));

async function make(session) {
	const { makeKey } = await later(() => import('../engine/keys.mjs'));
	const { privateKey, publicKey } = await makeKey();
	const reply = await post('certificate', { ssh_key: toBase64(publicKey) });
	return {
		session: session.id,
		user: reply.user,
		privateKey,
		certificate: fromBase64(reply.ssh_cert),
		hostCa: reply.host_ca.map(fromBase64),
		proxyHost: reply.proxy_host,
		validUntil: reply.valid_until,
	};
}

let pending = null,
	turn = 0; /* another one with every forget(): what was begun before it is not kept */

/* The identity of this web session: the one that is kept, or a new one. Several callers at once make one key. */
export function identity(session) {
	if (!pending) {
		const mine = (pending = find(session).finally(() => {
			if (pending === mine) pending = null;
		}));
	}
	return pending;
}

async function find(session) {
	const mine = turn;
	let kept = null;
	try {
		kept = await inStore('readonly', (store) => store.get(KEY));
	} catch {
		/* a browser that keeps nothing: a key for as long as this page is open */
	}
	if (kept && kept.session === session.id && kept.user === session.user && kept.validUntil > Date.now() + 60000)
		return kept;
	const made = await make(session);
	if (mine !== turn) throw new Error('The session ended meanwhile.');
	try {
		await inStore('readwrite', (store) => store.put(made, KEY));
	} catch {
		/* as above */
	}
	return made;
}

/* At the end of the session, and before another begins. */
export async function forget() {
	turn++;
	pending = null;
	try {
		await inStore('readwrite', (store) => store.delete(KEY));
	} catch {
		/* a browser that keeps nothing has nothing to forget */
	}
}
