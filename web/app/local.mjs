// SPDX-License-Identifier: Apache-2.0
/*
 * local: what this browser remembers of what its user likes: last logins, size of letters. Nothing secret, nothing that another
 * cluster's pages could not do without; a browser that keeps nothing is fine.
 */
const PREFIX = 'sallyport.';

export function recall(name, otherwise) {
	try {
		const text = localStorage.getItem(PREFIX + name);
		return text === null ? otherwise : JSON.parse(text);
	} catch {
		return otherwise;
	}
}

export function remember(name, value) {
	try {
		localStorage.setItem(PREFIX + name, JSON.stringify(value));
	} catch {
		/* full, or not allowed */
	}
}

const LOGINS_MAX = 300;

/* The logins that the roles give, the one last used on this node first, then the one last used anywhere. */
export function loginsFor(node, logins) {
	const kept = recall('logins', []);
	const first = [kept.find(([name]) => name === node)?.[1], kept[0]?.[1]].filter((login) => logins.includes(login));
	return [...new Set([...first, ...logins])];
}

export function usedLogin(node, login) {
	remember('logins', [[node, login], ...recall('logins', []).filter(([name]) => name !== node)].slice(0, LOGINS_MAX));
}
