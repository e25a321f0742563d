// SPDX-License-Identifier: Apache-2.0
/*
 * route: which page an address stands for, and going from one to another without loading the app anew.
 *
 * A page is {path, title, load}: path is a pattern such as /web/recordings/:id, load gives a module with show(place) -> {node,
 * leave?}; place has the pattern's values, the query and the signal that ends when the page is left.
 */
import { later } from './update.mjs';

const table = [];
let current = null,
	turn = 0,
	onShow = () => {};

export function pageFor(pattern, page) {
	const names = [],
		expression = pattern.replace(/:([a-z]+)/g, (_, name) => (names.push(name), '([^/]+)'));
	table.push({ ...page, pattern, names, expression: new RegExp(`^${expression}/?$`) });
}

function find(url) {
	for (const page of table) {
		const found = page.expression.exec(url.pathname);
		if (!found) continue;
		try {
			return {
				page,
				values: Object.fromEntries(
					page.names.map((name, i) => [name, decodeURIComponent(found[i + 1])]),
				),
			};
		} catch {
			/* not UTF-8: no page of ours */
		}
	}
	return null;
}

/* listener({page, values, query, node or null, error}): what is to be seen now. */
export function onPage(listener) {
	onShow = listener;
}

export async function show() {
	const mine = ++turn,
		url = new URL(location.href),
		found = find(url);
	current?.leave();
	const control = new AbortController();
	current = { leave: () => control.abort(), shown: null };
	if (!found) return onShow({ page: null });
	const place = { ...found, query: url.searchParams, signal: control.signal, state: history.state };
	onShow({ ...place, node: null });
	try {
		const module = await later(found.page.load);
		if (mine !== turn) return;
		onShow({ ...place, node: await module.show(place) });
	} catch (error) {
		if (mine === turn && error.name !== 'AbortError') onShow({ ...place, node: null, error });
	}
}

/* Nobody is to see the page any more: it stops what it does. */
export function leave() {
	turn++;
	current?.leave();
	current = null;
}

export function go(path) {
	if (path !== location.pathname + location.search) history.pushState(null, '', path);
	return show();
}

/* The same page with other filters: remembered in the address, so that it can be a bookmark; nothing is drawn anew. */
export function note(query) {
	const q = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		for (const one of [value].flat()) {
			if (one) q.append(name, one);
		}
	}
	const text = q.toString();
	history.replaceState(history.state, '', location.pathname + (text ? '?' + text : ''));
}

/* Links of the app are followed here; everything else (other keys, other places) is the browser's. */
export function followLinks() {
	addEventListener('popstate', show);
	document.addEventListener('click', (event) => {
		const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
		if (
			!link ||
			event.defaultPrevented ||
			event.button !== 0 ||
			event.ctrlKey ||
			event.metaKey ||
			event.shiftKey ||
			event.altKey ||
			link.target ||
			link.hasAttribute('download') ||
			link.origin !== location.origin ||
			!find(new URL(link.href))
		)
			return;
		event.preventDefault();
		go(link.pathname + link.search);
	});
}
