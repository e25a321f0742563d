// SPDX-License-Identifier: Apache-2.0
/*
 * pace: how often, and how many at once. Whoever makes work for the servers, because things change or files are dropped, has it
 * done through here. It knows no page.
 */

/*
 * A function that has act() done: at once, or when the one before is over and rest_ms have gone by since it began; once, however
 * often it was called until then. act() takes care of its own failures.
 */
export function paced(act, rest_ms, signal = null) {
	let busy = false,
		again = false;
	async function run() {
		busy = true;
		again = false;
		const rest = new Promise((done) => setTimeout(done, rest_ms));
		try {
			await act();
		} finally {
			await rest;
			busy = false;
			if (again && !signal?.aborted) run();
		}
	}
	return () => {
		if (busy) again = true;
		else run();
	};
}

/* A function that has act() done, and gives what it gives, when fewer than n of those before it are under way. */
export function atMost(n) {
	const waiting = [];
	let busy = 0;
	return async (act) => {
		if (busy < n) busy++;
		else await new Promise((go) => waiting.push(go));
		try {
			return await act();
		} finally {
			const next = waiting.shift();
			if (next) next(); /* the place is handed on */
			else busy--;
		}
	};
}

/*
 * What act() gives; where it fails and mayPass(error) says that this can pass by itself, it is done again, after a rest that grows,
 * some times.
 */
export async function patiently(act, mayPass, signal, { times = 6, rest_ms = 1000 } = {}) {
	for (let n = 1; ; n++) {
		try {
			return await act();
		} catch (error) {
			if (n === times || signal.aborted || !mayPass(error)) throw error;
		}
		await new Promise((done) => setTimeout(done, n * rest_ms));
		signal.throwIfAborted();
	}
}
