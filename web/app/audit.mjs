// SPDX-License-Identifier: Apache-2.0
/*
 * audit: what happened, newest first; found by time, type, user, server and outcome; every field of a row; files for other
 * programs.
 */
import { h, fill, icon } from './h.mjs';
import { pages } from './api.mjs';
import { may } from './session.mjs';
import { LongList } from './longlist.mjs';
import { filterForm, textFilter, checkFilter, timeFilter, times, suggestions } from './filters.mjs';
import { nodeList, onNodes } from './nodelist.mjs';
import { menuButton, sayError, toast } from './dialog.mjs';
import { head, empty, facts, badge } from './parts.mjs';
import { saveFile } from './savefile.mjs';
import { moment, utc } from './words.mjs';
import { TYPES } from './eventtypes.mjs';

const EXPORT_MAX = 20000,
	EXPORT_PAGE = 1000;
const COLUMNS = [
	'time',
	'type',
	'code',
	'ok',
	'user',
	'login',
	'node_name',
	'node',
	'session',
	'remote_addr',
	'message',
	'connection',
	'id',
];

/* --- one event ------------------------------------------------------------------------------------------------ */

const where = (event) =>
	event.node_name ? (event.login ? `${event.login}@${event.node_name}` : event.node_name) : event.login;

/* The one thing that says most about it. */
function gist(event) {
	const field = (key) => event.fields.find((f) => f.key === key)?.value;
	return event.message || field('command') || field('path') || field('name') || field('reason') || field('method') || '';
}

function detail({ event, ...about }) {
	const session = event.session && [
		h('span', { class: 'mono' }, event.session),
		' ',
		(may('session', 'read') || may('own_session', 'read')) &&
			h('a', { href: `/web/recordings/${encodeURIComponent(event.session)}` }, 'play'),
		' ',
		h('a', { href: `/web/audit?session=${encodeURIComponent(event.session)}` }, 'all its events'),
	];
	return facts([
		['Type', `${event.type} ${event.code}`],
		['Time', utc(event.time_us / 1000)],
		['User', event.user && `${event.user} (${about.backed || 'nothing backs the name'})`],
		['Login', event.login],
		['Server', event.node_name && `${event.node_name} ${event.node}`],
		['From', event.remote_addr],
		['Message', event.message],
		['Session', session],
		['Connection', event.connection],
		...event.fields.map(({ key, value }) => [key, value]),
		...event.labels.map(({ key, value }) => [`label ${key}`, value]),
		['Written by', `${about.producer_kind} ${about.producer}`],
		['Id', event.id],
		['', about.time_doubtful && 'The producer\u2019s clock cannot have been right.'],
	]);
}

function eventRow(found) {
	const { event } = found,
		box = h('tr', { class: 'detail', hidden: true }, h('td', { colspan: '6' }));
	const opener = h(
		'button',
		{
			type: 'button',
			class: 'icon-btn',
			'aria-expanded': 'false',
			'aria-label': `All of ${event.type}, ${moment(event.time_us / 1000)}`,
			on: { click: toggle },
		},
		icon('right'),
	);
	function toggle() {
		box.hidden = !box.hidden;
		opener.setAttribute('aria-expanded', String(!box.hidden));
		if (!box.hidden) fill(box.firstChild, detail(found));
	}
	const row = h(
		'tr',
		{
			on: {
				click: (event) => {
					if (!event.target.closest('button, a') && getSelection().isCollapsed) toggle();
				},
			},
		},
		h('td', { class: 'c-open' }, opener),
		h('td', { class: 'c-time' }, moment(event.time_us / 1000)),
		h(
			'td',
			{ class: 'c-type' },
			h('span', { class: 'mono', title: event.type }, event.type),
			!event.ok && badge('failed', 'bad'),
		),
		h('td', { class: 'c-mid opt' }, event.user),
		h('td', { class: 'c-where opt', title: where(event) }, where(event)),
		h('td', { class: 'opt wide dim', title: gist(event) }, gist(event)),
	);
	return [row, box];
}

/* --- files -------------------------------------------------------------------------------------------------------- */

/* A cell that a spreadsheet takes for a formula would be somebody else's program. */
function cell(value) {
	const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
	return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

function csvLine({ event }) {
	const values = { ...event, time: utc(event.time_us / 1000) };
	return [
		...COLUMNS.map((key) => cell(String(values[key]))),
		cell(event.fields.map(({ key, value }) => `${key}=${value}`).join('; ')),
	].join(',');
}

const KINDS = {
	jsonl: ['application/jsonl', () => '', (found) => JSON.stringify(found)],
	csv: ['text/csv', () => [...COLUMNS, 'fields'].join(',') + '\n', csvLine],
};

async function exportAs(kind, query, signal) {
	const [type, first, line] = KINDS[kind],
		parts = [first()];
	let n = 0;
	for await (const events of pages('events', { ...query, limit: EXPORT_PAGE }, 'events', 'after', { signal })) {
		parts.push(...events.map((found) => line(found) + '\n'));
		n += events.length;
		if (n >= EXPORT_MAX) {
			toast(`The file has the newest ${n.toLocaleString()} events; narrow the time to get the others.`);
			break;
		}
	}
	saveFile(`sallyport-events-${new Date().toISOString().slice(0, 10)}.${kind}`, type, parts);
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

export function show(place) {
	const body = h('tbody'),
		table = h(
			'div',
			{ class: 'card' },
			h(
				'table',
				{ class: 'rows events', 'aria-label': 'Events' },
				h(
					'thead',
					null,
					h(
						'tr',
						null,
						h(
							'th',
							{ scope: 'col', class: 'c-open' },
							h('span', { class: 'unseen' }, 'Open'),
						),
						h('th', { scope: 'col', class: 'c-time' }, 'Time'),
						h('th', { scope: 'col', class: 'c-type' }, 'Type'),
						h('th', { scope: 'col', class: 'c-mid opt' }, 'User'),
						h('th', { scope: 'col', class: 'c-where opt' }, 'Where'),
						h('th', { scope: 'col', class: 'opt wide' }, 'What'),
					),
				),
				body,
			),
		);
	const list = new LongList({ path: 'events', field: 'events', signal: place.signal, draw, none });
	const user = textFilter('user', 'User'),
		node = textFilter('node', 'Server');
	const { form, values } = filterForm(
		place,
		[
			timeFilter(),
			textFilter('type', 'Type', TYPES),
			user,
			node,
			textFilter('session', 'Session'),
			checkFilter('failed', 'Failed only'),
		],
		() => list.ask(query()),
	);
	let drawn = [];

	function query() {
		const v = values(),
			whole = v.type && !/[.*]/.test(v.type) ? [`${v.type}.*`] : []; /* "session" is all that sessions do */
		return {
			...times(v),
			types: [v.type, ...whole].filter(Boolean),
			user: v.user,
			node: v.node,
			session: v.session,
			failed_only: v.failed === '1',
		};
	}
	function none() {
		return empty('Nothing happened', h('p', null, 'No event that you may see fits these filters.'));
	}
	function draw(all, box) {
		const same = drawn.length <= all.length && drawn.every((found, i) => found === all[i]);
		if (!same) fill(body);
		body.append(...all.slice(same ? drawn.length : 0).flatMap(eventRow));
		drawn = all;
		suggestions(
			user,
			all.map(({ event }) => event.user),
		);
		if (table.parentNode !== box) fill(box, table);
	}
	const save = (kind) => exportAs(kind, query(), place.signal).catch(sayError);
	onNodes(
		() =>
			suggestions(
				node,
				nodeList().map((n) => n.name),
			),
		place.signal,
	);
	list.ask(query());
	return h(
		'div',
		null,
		head(
			'Audit log',
			null,
			menuButton({ class: 'btn' }, [icon('save'), h('span', null, 'Export')], () => [
				{ label: 'JSON lines', act: () => save('jsonl') },
				{ label: 'CSV', act: () => save('csv') },
			]),
		),
		form,
		list.node,
	);
}
