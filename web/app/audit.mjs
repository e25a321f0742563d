// SPDX-License-Identifier: Apache-2.0
/*
 * audit: what happened, newest first; found by time, type, user, server and outcome; how much of it there was when; every field of
 * a row; files for other programs.
 */
import { h, fill, icon } from './h.mjs';
import { get } from './api.mjs';
import { may } from './session.mjs';
import { Table } from './table.mjs';
import { LongList } from './longlist.mjs';
import { filterForm, textFilter, selectFilter, timeFilter, times, fieldTime, suggestions } from './filters.mjs';
import { nodeList, onNodes } from './nodelist.mjs';
import { menuButton, sayError } from './dialog.mjs';
import { head, empty } from './parts.mjs';
import { saveStepwise } from './savefile.mjs';
import { patiently } from './pace.mjs';
import { moment, count } from './words.mjs';
import { TYPES } from './eventtypes.mjs';
import { columns, opener, detail } from './eventrows.mjs';
import { EVENT_FILES } from './eventfile.mjs';
import { EventChart } from './eventchart.mjs';

const EXPORT_PAGE = 1000,
	USERS = 500,
	RESULTS = [
		['', 'Any'],
		['ok', 'Ok'],
		['failed', 'Failed or refused'],
	];

/* "session.*": all of what begins alike, where that is more than one. */
const GROUPS = [...new Set(TYPES.map((type) => type.split('.')[0]))]
	.filter((noun) => TYPES.filter((type) => type.startsWith(`${noun}.`)).length > 1)
	.map((noun) => `${noun}.*`);

/* Every event that fits, page by page: nothing is kept of what is written. */
async function writeEvents(kind, query, { write, tell, signal }) {
	const passes = (error) => [0, 429, 503].includes(error.status);
	let after = '',
		n = 0;
	await write(EVENT_FILES[kind].head);
	do {
		const ask = () => get('events', { ...query, limit: EXPORT_PAGE, after }, { signal });
		const page = await patiently(ask, passes, signal);
		await write(page.events.map(EVENT_FILES[kind].line).join(''));
		n += page.events.length;
		after = page.next;
		const last = page.events.at(-1);
		if (last) tell(`${count(n, 'event')} written, back to ${moment(last.event.time_us / 1000)}\u2026`);
	} while (after);
}

/* What is typed may be a name of the catalogue, a pattern, or "session", which is all that sessions do. */
function queryOf(v) {
	const whole = v.type && !/[.*]/.test(v.type) ? [`${v.type}.*`] : [];
	return {
		...times(v),
		types: [v.type, ...whole].filter(Boolean),
		user: v.user,
		node: v.node,
		session: v.session,
		failed_only: v.result === 'failed',
		ok_only: v.result === 'ok',
	};
}

function fields() {
	return {
		user: textFilter('user', 'User'),
		node: textFilter('node', 'Server'),
		type: textFilter('type', 'Type', [...GROUPS, ...TYPES].sort()),
	};
}

/* Names to choose from: of whom one may see, and of whom one has found. */
function suggestNames({ user, node }, signal) {
	onNodes(
		() =>
			suggestions(
				node,
				nodeList().map((n) => n.name),
			),
		signal,
	);
	if (!may('user', 'list')) return;
	get('users', { limit: USERS }, { signal }).then(
		(page) =>
			suggestions(
				user,
				page.users.map((u) => u.name),
			),
		() => {}, /* names can be typed */
	);
}

/* The time of one bar, and back to what there was before, unless somebody chose another time meanwhile. */
function zoom(values, set) {
	const before = [];
	const time = ({ time, from, to }) => ({ time, from, to });
	return {
		choose(from_us, to_us) {
			const own = { time: 'own', from: fieldTime(from_us), to: fieldTime(to_us) };
			before.push({ own, was: time(values()) });
			set(own);
		},
		back: () => before.length > 0 && set(before.pop().was),
		some() {
			const now = JSON.stringify(time(values()));
			if (before.length > 0 && JSON.stringify(before.at(-1).own) !== now) before.length = 0;
			return before.length > 0;
		},
	};
}

function exportMenu(save) {
	return menuButton({ class: 'btn' }, [icon('save'), h('span', null, 'Export')], () => [
		{ label: 'JSON lines', act: () => save('jsonl') },
		{ label: 'CSV', act: () => save('csv') },
	]);
}

export function show(place) {
	const { signal } = place,
		saving = h('div'),
		table = new Table({
			label: 'Events',
			columns,
			keyOf: ({ event }) => event.id,
			kind: 'events',
			detail,
			opener,
		}).follow(signal);
	const list = new LongList({ path: 'events', field: 'events', signal, draw, none, page: 200, follow: true });
	const { user, node, type } = fields();
	const { form, values, set } = filterForm(
		place,
		[timeFilter(), type, user, node, textFilter('session', 'Session'), selectFilter('result', 'Result', RESULTS)],
		ask,
	);
	const zoomed = zoom(values, set),
		chart = new EventChart({ signal, choose: zoomed.choose, back: zoomed.back });

	function ask() {
		const query = queryOf(values());
		chart.ask(query, zoomed.some());
		list.ask(query);
	}
	function none() {
		return empty('Nothing happened', h('p', null, 'No event that you may see fits these filters.'));
	}
	function draw(all, box) {
		suggestions(
			user,
			all.map(({ event }) => event.user),
		);
		if (table.node.parentNode !== box) fill(box, table.node);
		table.rows = all;
	}
	const save = (kind) =>
		saveStepwise(
			saving,
			{
				name: `sallyport-events-${new Date().toISOString().slice(0, 10)}.${kind}`,
				type: EVENT_FILES[kind].type,
				signal,
			},
			(file) => writeEvents(kind, queryOf(values()), file),
		).catch(sayError);
	suggestNames({ user, node }, signal);
	list.ask(queryOf(values()));
	/* when it has a width: it asks for as many bars as it has room for */
	requestAnimationFrame(() => signal.aborted || chart.ask(queryOf(values()), false));
	return h('div', null, head('Audit log', null, exportMenu(save)), form, saving, chart.node, list.node);
}
