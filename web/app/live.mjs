// SPDX-License-Identifier: Apache-2.0
/*
 * live: what changes in the cluster while somebody looks: a WebSocket that says which kind of thing did, by which pages ask
 * anew. While there is none they ask now and then, and when the window is looked at again.
 */
import { onSession, loadSession } from './session.mjs';
import { paced } from './pace.mjs';

const ASK_MS = 10000,
	AGAIN_MS = [500, 1000, 2000, 5000, 10000],
	SETTLE_MS = 150,
	REST_MS = 2000;
const listeners = new Map();
let socket = null,
	tries = 0,
	timer = 0,
	who = null;

/* --- listeners -------------------------------------------------------------------------------------------------- */

const pending = new Set();

/* A burst of changes is one question. */
function tell(kind) {
	if (pending.has(kind)) return;
	pending.add(kind);
	setTimeout(() => {
		pending.delete(kind);
		for (const listener of listeners.get(kind) ?? []) listener();
	}, SETTLE_MS);
}

const tellAll = () => [...listeners.keys()].forEach(tell);

/*
 * listener(): things of that kind have changed, or may have; what it gives is waited for before it is called again, so that a
 * list is fetched once at a time and not all the time. Without a signal for as long as the app is there.
 */
export function onChange(kind, listener, signal = null) {
	if (signal?.aborted) return;
	const told = paced(listener, REST_MS, signal);
	if (!listeners.has(kind)) listeners.set(kind, new Set());
	listeners.get(kind).add(told);
	signal?.addEventListener('abort', () => listeners.get(kind).delete(told));
}

/* --- the WebSocket ----------------------------------------------------------------------------------------------- */

function heard(event) {
	let message = null;
	try {
		message = JSON.parse(event.data);
	} catch {
		/* of a newer proxy: nothing for this page */
	}
	if (typeof message?.kind === 'string') tell(message.kind);
}

function connect() {
	const mine = (socket = new WebSocket(new URL('/v1/webapi/changes', location.href.replace(/^http/, 'ws'))));
	mine.onopen = () => {
		tries = 0;
		tellAll(); /* what happened while nobody listened */
	};
	mine.onmessage = heard;
	mine.onclose = () => {
		if (socket !== mine) return;
		socket = null;
		timer = setTimeout(again, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
	};
}

/* Why it ended the WebSocket does not say: a session that is over, or another's by now, shows when one asks. */
async function again() {
	try {
		if (who && (await loadSession()) && !socket) connect();
	} catch {
		/* the proxy does not answer either */
		timer = setTimeout(again, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
	}
}

function disconnect() {
	const old = socket;
	socket = null;
	clearTimeout(timer);
	old?.close();
}

setInterval(() => {
	if (who && !document.hidden && socket?.readyState !== WebSocket.OPEN) tellAll();
}, ASK_MS);

let looking = false;

/* Somebody looks again: the session may have ended meanwhile, or another tab may have begun another's. */
async function lookedAt() {
	if (!who || document.hidden || looking) return;
	looking = true;
	try {
		await loadSession();
	} catch {
		/* the proxy does not answer: lists say so */
	}
	looking = false;
	if (who && socket?.readyState !== WebSocket.OPEN) tellAll();
}
document.addEventListener('visibilitychange', lookedAt);
addEventListener('focus', lookedAt);

onSession((session) => {
	const before = who;
	who = session;
	if (session?.id === before?.id) return;
	disconnect();
	tries = 0;
	if (session) connect();
});
