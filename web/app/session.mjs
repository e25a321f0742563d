// SPDX-License-Identifier: Apache-2.0
/*
 * session: who is logged in, as authd says it. What is hidden here is hidden for convenience: authd and auditd decide about
 * every call themselves.
 */
import { get, post, onSignedOut } from './api.mjs';
import { forget } from './identity.mjs';
import { signWithKey } from './securitykey.mjs';

const ENDED = 'Your session has ended: log in again.';
export const LOGGED_OUT = 'You are logged out.';
let current = null;
const watchers = new Set();

export const session = () => current;

/* Each is told, whatever becomes of the others: some of them take away what the next person must not see. */
function become(value, why = '') {
	current = value;
	for (const watcher of watchers) {
		try {
			watcher(current, why);
		} catch (error) {
			reportError(error);
		}
	}
}

/* watcher(session or null, why it ended): now and whenever it changes. */
export function onSession(watcher) {
	watchers.add(watcher);
	watcher(current, '');
}

/* False: nobody is logged in. What has changed since it was asked is newer than the answer. */
export async function loadSession() {
	const before = current;
	try {
		const found = await get('session', {}, { quiet: true });
		if (current === before) become(found);
	} catch (error) {
		if (error.status !== 401) throw error;
		if (current !== before) return current !== null;
		const forgotten = forget();
		become(null, current ? ENDED : '');
		await forgotten;
	}
	return current !== null;
}

export async function login(user, password, otp) {
	await forget();
	await post('login', { user, password, otp }, { quiet: true });
	return loadSession();
}

/* What shows who somebody is in two steps: the password, then one of his security keys signs. */
export async function keySignature(user, password) {
	const challenge = await post('login/begin', { user, password, origin: location.origin }, { quiet: true });
	if (challenge.credentials.length === 0)
		throw new Error('You have no security key for this address: use a code of your app.');
	return signWithKey(challenge);
}

export async function loginWithKey(user, password) {
	const key = await keySignature(user, password);
	await forget();
	await post('login', { user, key }, { quiet: true });
	return loadSession();
}

export async function logout() {
	try {
		await post('logout', {}, { quiet: true });
	} catch (error) {
		if (error.status !== 401) throw error;
	}
	await ended(LOGGED_OUT);
}

async function ended(why) {
	if (!current) return;
	const forgotten = forget();
	become(null, why);
	await forgotten;
}

onSignedOut(() => ended(ENDED));

/* Whether the roles allow one of these verbs on the resource at all. */
export function may(resource, ...verbs) {
	return (current?.may ?? []).some(
		(rule) =>
			(rule.resource === resource || rule.resource === '*') &&
			rule.verbs.some((verb) => verb === '*' || verbs.includes(verb)),
	);
}
