// SPDX-License-Identifier: Apache-2.0
/*
 * running: sessions that run now, of whom the roles let one see: watched from here, and ended by those who may.
 */
import { h, fill } from './h.mjs';
import { get, post, ApiError } from './api.mjs';
import { may } from './session.mjs';
import { go } from './route.mjs';
import { Table } from './table.mjs';
import { onChange } from './live.mjs';
import { formDialog, field, plainInput, toast } from './dialog.mjs';
import { button } from './parts.mjs';
import { moment, ago, since, bytes, count } from './words.mjs';

const SHOWN_MAX = 500,
	REFRESH_MS = 5000;

export const what = (recording) => (recording.kind === 'shell' ? 'shell' : recording.command || recording.kind);
export const whose = (recording) => `${recording.login}@${recording.node_name}`;
export const pageOf = (recording, more = '') => `/web/recordings/${encodeURIComponent(recording.session)}${more}`;

/* Of a server that is away nobody knows whether its sessions go on. */
export function standing(recording) {
	if (recording.producer_online) return [h('span', { class: 'dot live' }), 'running'];
	const heard = recording.heard_us / 1000;
	return [
		h('span', { class: 'dot wait' }),
		h('span', { title: `last heard of ${moment(heard)}` }, `server away, heard ${ago(heard)}`),
	];
}

/* The same with how long it lasts. */
function lasting(recording) {
	if (!recording.producer_online) return standing(recording);
	const began = recording.started_us / 1000;
	return [h('span', { class: 'dot live' }), h('span', { title: `since ${moment(began)}` }, recording.lasts)];
}

/* --- ending one -------------------------------------------------------------------------------------------------- */

/* authd decides whether this person may; it is a lock of the session, for a day. */
export const mayEnd = () => may('lock', 'create');

const ASK_MS = 250,
	ASKED_MAX = 20;

/* Whether the audit trail has its end; waits for that, a few seconds. */
async function hasEnded(recording) {
	for (let i = 0; i < ASKED_MAX; i++) {
		if (i) await new Promise((resolve) => setTimeout(resolve, ASK_MS));
		const found = await get('recordings', { session: recording.session, limit: 1 }).catch(() => null);
		if (!found) return false;
		if (found.recordings[0]?.ended_us) return true;
	}
	return false;
}

/* The lock is made; what came of it. */
async function outcome(recording) {
	const its = `The session of ${recording.user}`;
	if (!recording.producer_online) return `${its} ends when ${recording.node_name} is back.`;
	if (await hasEnded(recording)) return `${its} is ended.`;
	return `${its} has not ended yet: ${recording.node_name} was told to end it.`;
}

export function endSession(recording, ended = () => {}) {
	const message = plainInput({ name: 'message', maxlength: '200' });
	formDialog(`End the session of ${recording.user}?`, {
		button: 'End session',
		danger: true,
		note:
			`${whose(recording)}: what runs in it is killed. ` +
			(recording.producer_online
				? ''
				: 'The server is away: it ends the session when it is back, if that is within a day.'),
		fields: [field('Reason', message, `${recording.user} reads it, and it is in the audit log.`)],
		async submit(values) {
			const value = {
				session: recording.session,
				session_user: recording.user,
				message: values.message.trim(),
			};
			await post('resources', { resource: { kind: 'lock', value } });
			toast(await outcome(recording));
			ended();
		},
	});
}

/* --- the list ------------------------------------------------------------------------------------------------------ */

const filter = (name, value) => h('a', { href: `/web/recordings?${name}=${encodeURIComponent(value)}` }, value);

const columns = (changed) => [
	{ key: 'time', title: 'Since', class: 'c-mid opt', cell: lasting },
	{ key: 'user', title: 'User', class: 'c-short', cell: (r) => filter('user', r.user) },
	{
		key: 'where',
		title: 'Where',
		cell: (r) => h('span', { class: 'name', title: whose(r) }, `${r.login}@`, filter('node', r.node_name)),
	},
	{ key: 'from', title: 'From', class: 'c-mid opt wide', cell: (r) => h('span', { class: 'mono' }, r.remote_addr) },
	{ key: 'what', title: 'What', class: 'opt', cell: (r) => h('span', { class: 'mono', title: what(r) }, what(r)) },
	{ key: 'size', title: 'Size', class: 'c-short opt wide', cell: (r) => h('span', { class: 'dim' }, bytes(r.bytes)) },
	{
		key: 'acts',
		title: '',
		class: 'c-acts end',
		cell: (r) => [
			button('Watch', () => go(pageOf(r, '/live')), 'small', 'play'),
			mayEnd() && button('End', () => endSession(r, changed), 'small opt'),
		],
	},
];

/* What looks the same as before keeps its row. */
function kept(before, rows) {
	const old = new Map(before.map((row) => [row.session, row]));
	return rows.map((found) => {
		const row = { ...found, lasts: since(found.started_us / 1000) };
		const was = old.get(row.session);
		return was && JSON.stringify(was) === JSON.stringify(row) ? was : row;
	});
}

/* {node, ask(filters)}: the part of the page above the recordings; not there while nothing runs. */
export function runningSessions(signal) {
	const number = h('span', { class: 'count' }),
		box = h('div'),
		node = h('section', { class: 'running', hidden: true }, h('h2', null, 'Running now', number), box);
	let filters = {},
		turn = 0 /* of the filters */,
		loading = -1 /* the turn for which a question is under way */,
		rows = [];
	const table = new Table({ label: 'Sessions that run', columns: columns(load), keyOf: (r) => r.session }).follow(signal);
	fill(box, table.node);

	/* One at a time, or answers that take longer than the timer were never seen. That it failed the list below says. */
	async function load() {
		const mine = turn;
		if (loading === mine) return;
		loading = mine;
		try {
			const found = await get('recordings', { ...filters, running: true, limit: SHOWN_MAX }, { signal });
			if (mine !== turn) return;
			rows = kept(rows, found.recordings);
			node.hidden = rows.length === 0;
			fill(number, found.next ? `the newest ${rows.length}` : count(rows.length, 'session'));
			table.rows = rows;
		} catch (error) {
			if (!(error instanceof ApiError) && error.name !== 'AbortError') throw error;
		} finally {
			if (loading === mine) loading = -1;
		}
	}
	onChange('session', load, signal);
	onChange('node', load, signal);
	const timer = setInterval(() => document.hidden || load(), REFRESH_MS);
	signal.addEventListener('abort', () => clearInterval(timer));
	return {
		node,
		ask(next) {
			filters = next;
			turn++;
			return load();
		},
	};
}
