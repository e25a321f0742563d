// SPDX-License-Identifier: Apache-2.0
/*
 * nodelist: the nodes that this person may see, as they come and go. One list for the whole app: pages watch it.
 */
import { pages } from './api.mjs';
import { onChange } from './live.mjs';
import { onSession } from './session.mjs';
import { searchable } from './glob.mjs';

const PAGE = 1000,
	GONE_MS = 10 * 60 * 1000;
const watchers = new Set();
let nodes = new Map(),
	state = { loaded: false, error: null },
	running = null,
	again = false,
	of = null; /* the web session that asked for them */

function tell() {
	for (const watcher of watchers) watcher();
}

export const nodeList = () => [...nodes.values()];
export const nodeState = () => state;

/* Objects stay the same as long as nothing about them changed: tables keep their rows. */
function same(a, b) {
	return a && !a.gone && JSON.stringify({ ...a, last_seen: 0 }) === JSON.stringify({ ...b, last_seen: 0 });
}

/* What was there and is not listed any more is shown as gone for a while. */
function leave(before, now) {
	const time = Date.now();
	for (const [uuid, node] of before) {
		if (!now.has(uuid) && time - (node.gone ?? time) < GONE_MS)
			now.set(uuid, node.gone ? node : { ...node, gone: time });
	}
	return now;
}

async function fetchAll() {
	const before = nodes,
		found = new Map(),
		first = !state.loaded,
		mine = of;
	for await (const page of pages('nodes', { limit: PAGE }, 'nodes')) {
		if (mine !== of) return;
		for (const node of page) {
			const fresh = searchable(node);
			found.set(node.uuid, same(before.get(node.uuid), fresh) ? before.get(node.uuid) : fresh);
		}
		if (first) {
			/* the first page is seen before the last one came */
			nodes = new Map(found);
			state = { loaded: true, error: null };
			tell();
		}
	}
	nodes = leave(before, found);
	state = { loaded: true, error: null };
}

/* Asks again; what is asked meanwhile is asked once more afterwards. */
export async function reload() {
	if (running) {
		again = true;
		return running;
	}
	running = fetchAll()
		.catch((error) => {
			state = { ...state, error };
		})
		.finally(() => {
			running = null;
			tell();
			if (again) {
				again = false;
				reload();
			}
		});
	return running;
}

export function onNodes(watcher, signal) {
	if (signal.aborted) return;
	watchers.add(watcher);
	signal.addEventListener('abort', () => watchers.delete(watcher));
	reload();
}

onChange('node', () => watchers.size > 0 && reload());
onSession((who) => {
	const before = of;
	of = who?.id ?? null;
	if (of !== before) {
		nodes = new Map();
		state = { loaded: false, error: null };
	}
});
