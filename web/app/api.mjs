// SPDX-License-Identifier: Apache-2.0
/*
 * api: the JSON API of the proxy (docs/WEBAPI.md), asked as this browser's web session. The cookie is the browser's affair:
 * script never sees it. Failures come as ApiError, whose message is for people.
 */
const BASE = '/v1/webapi/';

export class ApiError extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

/* What happened when the answer itself does not say it. */
const WORDS = {
	0: 'The proxy does not answer. Is this machine on the network?',
	401: 'You are not logged in any more.',
	403: 'Your roles do not allow this.',
	404: 'There is no such thing, or not any more.',
	413: 'That is too much at once.',
	429: 'Too many requests in a short time: wait a moment and try again.',
	503: 'The cluster does not answer at the moment: try again in a little while.',
};

let signedOut = () => {};

/* listener: called when a session that was there has ended. */
export function onSignedOut(listener) {
	signedOut = listener;
}

function query(values) {
	const q = new URLSearchParams();
	for (const [name, value] of Object.entries(values ?? {})) {
		for (const one of Array.isArray(value) ? value : [value]) {
			if (one !== undefined && one !== null && one !== '' && one !== 0 && one !== false)
				q.append(name, String(one));
		}
	}
	const text = q.toString();
	return text ? '?' + text : '';
}

async function send(method, path, options) {
	const init = {
		method,
		credentials: 'same-origin',
		redirect: 'error',
		signal: options.signal,
		headers: { Accept: options.accept ?? 'application/json' },
	};
	if (method !== 'GET') {
		init.headers['Content-Type'] =
			'application/json'; /* also of what has no body: other sites' forms cannot say that */
		if (method === 'POST') init.body = JSON.stringify(options.body ?? {});
	}
	try {
		return await fetch(BASE + path + query(options.query), init);
	} catch (error) {
		if (error.name === 'AbortError') throw error;
		throw new ApiError(0, WORDS[0]);
	}
}

async function failure(response) {
	let message = '';
	try {
		message = (await response.json()).error.message;
	} catch {
		/* not JSON: something between us and the proxy answered */
	}
	message = typeof message === 'string' && message ? message[0].toUpperCase() + message.slice(1) : '';
	return new ApiError(
		response.status,
		message || WORDS[response.status] || `The proxy answered with status ${response.status}.`,
	);
}

/* The answer, as it comes. options: query, body, signal, quiet (a refusal for want of a session is the caller's affair). */
export async function ask(method, path, options = {}) {
	const response = await send(method, path, options);
	if (response.ok) return response;
	const error = await failure(response);
	if (response.status === 401 && !options.quiet) signedOut();
	throw error;
}

async function json(method, path, options) {
	const response = await ask(method, path, options);
	try {
		return await response.json();
	} catch (error) {
		if (error.name === 'AbortError') throw error;
		throw new ApiError(response.status, 'The proxy\u2019s answer was cut: try again.');
	}
}

export const get = (path, query, options) => json('GET', path, { ...options, query });
export const post = (path, body, options) => json('POST', path, { ...options, body });
export const remove = (path, options) => json('DELETE', path, options ?? {});

/* A part of a path that is somebody's name. */
export const name = (text) => encodeURIComponent(text);

/* Page by page, until the last or until the caller has enough; field is the list's name. */
export async function* pages(path, query, field, cursor = 'after', options = {}) {
	let after = '';
	do {
		const page = await get(path, { ...query, [cursor]: after }, options);
		yield page[field];
		after = page.next;
	} while (after);
}
