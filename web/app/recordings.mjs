// SPDX-License-Identifier: Apache-2.0
/*
 * recordings: what was done on servers, of whom the roles let one see; running sessions among them.
 */
import { h, fill } from './h.mjs';
import { may } from './session.mjs';
import { go } from './route.mjs';
import { Table } from './table.mjs';
import { LongList } from './longlist.mjs';
import { filterForm, textFilter, timeFilter, times, suggestions } from './filters.mjs';
import { nodeList, onNodes } from './nodelist.mjs';
import { head, button, empty } from './parts.mjs';
import { runningSessions, pageOf, standing, what, whose } from './running.mjs';
import { moment, span, bytes } from './words.mjs';

const REFRESH_MS = 5000;

const play = (recording) => go(pageOf(recording));

function length(recording) {
	if (!recording.ended_us) return standing(recording);
	return span((recording.ended_us - recording.started_us) / 1000);
}

const columns = [
	{ key: 'time', title: 'Began', class: 'c-time', cell: (r) => moment(r.started_us / 1000) },
	{ key: 'user', title: 'User', class: 'c-mid opt', cell: (r) => r.user },
	{
		key: 'where',
		title: 'Where',
		cell: (r) => h('span', { class: 'name', title: whose(r) }, whose(r)),
	},
	{ key: 'what', title: 'What', class: 'opt', cell: (r) => h('span', { class: 'mono', title: what(r) }, what(r)) },
	{ key: 'length', title: 'Length', class: 'c-short opt', cell: length },
	{ key: 'size', title: 'Size', class: 'c-short opt wide', cell: (r) => h('span', { class: 'dim' }, bytes(r.bytes)) },
	{ key: 'play', title: '', class: 'c-play end', cell: (r) => button('Play', () => play(r), 'small', 'play') },
];

export function show(place) {
	const table = new Table({ label: 'Recordings', columns, keyOf: (r) => r.session }).follow(place.signal);
	const running = runningSessions(place.signal);
	const list = new LongList({ path: 'recordings', field: 'recordings', signal: place.signal, draw, none, follow: true });
	const user = textFilter('user', 'User'),
		node = textFilter('node', 'Server');
	const { form, values } = filterForm(place, [timeFilter(), may('session', 'list') && user, node], ask);

	function ask(filters) {
		const who = { user: filters.user, node: filters.node };
		running.ask(who);
		list.ask({ ...times(filters), ...who });
	}
	function draw(all, box) {
		suggestions(
			user,
			all.map((r) => r.user),
		);
		if (table.node.parentNode !== box) fill(box, table.node);
		table.rows = all;
	}
	function none() {
		return empty(
			'No recording',
			h(
				'p',
				null,
				Object.values(values()).some(Boolean)
					? 'None fits these filters.'
					: 'Every session on a server is recorded, and can be played here from its first second on.',
			),
		);
	}
	onNodes(
		() =>
			suggestions(
				node,
				nodeList().map((n) => n.name),
			),
		place.signal,
	);
	const timer = setInterval(() => document.hidden || list.refresh((r) => r.session), REFRESH_MS);
	place.signal.addEventListener('abort', () => clearInterval(timer));
	ask(values());
	return h('div', null, head('Sessions'), form, running.node, h('h2', { class: 'unseen' }, 'Recorded'), list.node);
}
