// SPDX-License-Identifier: Apache-2.0
/*
 * ssh: this page's one SSH connection to the proxy, by which all its terminals reach their nodes; made when first needed, and
 * made anew when somebody opens a terminal after it has ended, or has logged in again.
 */
import { Ssh, WORKER, ENGINE } from './engine.mjs';
import { identity, forget } from './identity.mjs';
import { whyNotLoaded } from './update.mjs';
import { session, onSession, loadSession } from './session.mjs';

let current = null /* of the connection, once it stands or while it is made */,
	of = null; /* the web session that it is of */
const before = new Set(); /* of sessions of the same person that a new one has followed: they end with those */

async function connect() {
	const who = session();
	if (!who) throw new Error('You are not logged in any more.');
	const mine = await identity(who),
		ssh = new Ssh({ worker: WORKER, wasm: ENGINE });
	const address = new URL('/v1/webapi/ssh', location.href);
	address.protocol = 'wss:';
	try {
		await ssh.connect({
			url: address.href,
			user: mine.user,
			privateKey: mine.privateKey,
			certificate: mine.certificate,
			hostCa: mine.hostCa,
			proxyHost: mine.proxyHost,
		});
	} catch (error) {
		await giveUp(ssh);
		throw await whyNotLoaded(error); /* the worker and the engine are files of the app, too */
	}
	return ssh;
}

/* Whatever was wrong with the certificate, the next one is new; and a web session that has ended is seen. */
async function giveUp(ssh) {
	end(ssh);
	await forget();
	loadSession().catch(() => {});
}

/* The worker, too: it would wait for ever. */
function end(ssh) {
	ssh.close();
	setTimeout(() => ssh.port.terminate?.(), 1000);
}

/* Rejects with words for people. */
export function connection() {
	if (!current) {
		const mine = (current = connect());
		const over = () => {
			if (current === mine) current = null;
		};
		mine.then((ssh) => {
			ssh.onclose = () => {
				/* An old one says nothing of the key that there is now. */
				if (before.delete(mine)) return end(ssh);
				over();
				giveUp(ssh);
			};
		}, over);
	}
	return current;
}

function endAll() {
	for (const one of [current, ...before]) one?.then(end, () => {});
	before.clear();
	current = null;
}

onSession((who) => {
	const was = of;
	of = who;
	if (who?.user !== was?.user) endAll();
	else if (who?.id !== was?.id && current) {
		before.add(current);
		current = null;
	}
});
