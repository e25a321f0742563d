// SPDX-License-Identifier: Apache-2.0
/*
 * servers: the home page: the nodes that one may reach, found by name and label, and what leads to a terminal on them.
 */
import { h, fill, icon } from './h.mjs';
import { session, may } from './session.mjs';
import { go, note } from './route.mjs';
import { searchWith } from './shell.mjs';
import { Table } from './table.mjs';
import { matcher } from './glob.mjs';
import { onNodes, nodeList, nodeState, reload } from './nodelist.mjs';
import { loginsFor } from './local.mjs';
import { menu, sayError, toast } from './dialog.mjs';
import { addServer, howToAdd } from './addserver.mjs';
import { later } from './update.mjs';
import { head, button, loading, empty, failed } from './parts.mjs';
import { ago, since, moment } from './words.mjs';

const CHIPS = 10,
	RUN_MAX = 200;

export function terminalPath(node, login) {
	return `/web/terminal/${encodeURIComponent(node)}/${encodeURIComponent(login)}`;
}

/* --- one row -------------------------------------------------------------------------------------------------- */

/* By name, unless another node has the same one. */
const nameOf = (node, twins) => (twins.has(node.name) ? node.uuid : node.name);

function connect(node, twins) {
	const logins = loginsFor(node.name, session().logins),
		open = (login) => go(terminalPath(nameOf(node, twins), login));
	if (node.gone) return null;
	if (logins.length === 0) return h('span', { class: 'dim' }, 'no login');
	const more = h(
		'button',
		{
			class: 'btn small more',
			type: 'button',
			'aria-label': `Other logins on ${node.name}`,
			'aria-haspopup': 'menu',
			'aria-expanded': 'false',
			on: {
				click: () =>
					menu(
						more,
						logins.map((login) => ({ label: login, act: () => open(login) })),
					),
			},
		},
		icon('down'),
	);
	return h(
		'span',
		{ class: 'split' },
		h(
			'button',
			{ class: 'btn small go', type: 'button', on: { click: () => open(logins[0]) } },
			h('span', { class: 'opt' }, 'Connect'),
			h('span', { class: 'unseen' }, ` to ${node.name} as `),
			h('span', { class: 'as' }, logins[0]),
		),
		logins.length > 1 && more,
	);
}

function address(node) {
	if (node.gone) return h('span', { class: 'dim' }, `stopped ${ago(node.gone)}`);
	return node.tunnel
		? h('span', { class: 'dim', title: 'Through its own tunnel: it has no open port' }, '\u27f5 Tunnel')
		: h('span', { class: 'mono dim' }, node.address);
}

function version(node) {
	return node.too_old
		? h('span', { class: 'mono old', title: 'Too old for this cluster: update it' }, `${node.version} !`)
		: h('span', { class: 'mono dim' }, node.version);
}

function columns(onLabel, twins) {
	return [
		{
			key: 'name',
			title: 'Name',
			class: 'c-name',
			by: (n) => n.name,
			cell: (n) => [
				h('span', { class: n.gone ? 'dot off' : 'dot', title: n.gone ? 'stopped' : 'online' }),
				h('span', { class: 'name', title: `${n.name} \u00b7 ${n.uuid}` }, n.name),
			],
		},
		{
			key: 'address',
			title: 'Address',
			class: 'c-address opt',
			by: (n) => (n.tunnel ? '' : n.address),
			cell: address,
		},
		{
			key: 'labels',
			title: 'Labels',
			class: 'c-labels opt',
			cell: (n) =>
				h(
					'span',
					{ class: 'labels' },
					n.labels
						.map((l) => `${l.key}=${l.value}`)
						.map((label) =>
							h(
								'button',
								{
									class: 'chip',
									type: 'button',
									title: label,
									on: { click: () => onLabel(label) },
								},
								label,
							),
						),
				),
		},
		{ key: 'version', title: 'Version', class: 'c-version opt wide', by: (n) => n.version, cell: version },
		{
			key: 'joined',
			title: 'Joined',
			class: 'c-since opt wide',
			by: (n) => -n.joined,
			cell: (n) => h('span', { class: 'dim', title: moment(n.joined) }, since(n.joined)),
		},
		{ key: 'connect', title: '', class: 'c-go end', cell: (n) => connect(n, twins()) },
	];
}

/* --- the page ------------------------------------------------------------------------------------------------- */

function countLabels(nodes) {
	const counts = new Map();
	for (const node of nodes) {
		for (const { key, value } of node.labels) {
			const label = `${key}=${value}`;
			counts.set(label, (counts.get(label) ?? 0) + 1);
		}
	}
	return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([label]) => label);
}

function twinNames(nodes) {
	const seen = new Set(),
		twins = new Set();
	for (const { name } of nodes) (seen.has(name) ? twins : seen).add(name);
	return twins;
}

function howMany(shown, all) {
	const online = shown.filter((node) => !node.gone).length,
		n = (value) => value.toLocaleString();
	if (shown.length < all.length) return `${n(shown.length)} of ${n(all.length)}`;
	return online < all.length ? `${n(online)} of ${n(all.length)} online` : `${n(all.length)} online`;
}

export function show(place) {
	const filter = { q: place.query.get('q') ?? '', labels: place.query.getAll('label'), all: false };
	let twins = new Set();
	const table = new Table({
		label: 'Servers',
		columns: columns(toggle, () => twins),
		keyOf: (n) => n.uuid,
		sort: place.query.get('sort') ?? 'name',
		rowClass: (n) => (n.gone ? 'gone' : ''),
		onSort: remember,
	}).follow(place.signal);
	const counts = h('span', { class: 'count', role: 'status' }),
		chips = h('div', { class: 'chips' }),
		body = h('div', null, loading());
	const runButton = button('Run command', () => run().catch(sayError), '', 'terminal');
	const node = h(
		'div',
		null,
		head(
			'Servers',
			counts,
			runButton,
			may('token', 'create') && button('Add server', addServer, 'primary', 'plus'),
		),
		chips,
		body,
	);

	/* On those that are shown: what was searched for is what is meant, as with tsh. */
	async function run() {
		const nodes = nodeList().filter((n) => !n.gone && matcher(filter.q, filter.labels)(n));
		if (nodes.length > RUN_MAX)
			return toast(`That would be ${nodes.length} servers: search for at most ${RUN_MAX}.`);
		const { runCommand } = await later(() => import('./run.mjs'));
		runCommand(nodes.map((n) => [n, nameOf(n, twins)]));
	}
	function remember() {
		note({ q: filter.q, label: filter.labels, sort: table.sort === 'name' ? '' : table.sort });
	}
	function toggle(label) {
		filter.labels = filter.labels.includes(label)
			? filter.labels.filter((l) => l !== label)
			: [...filter.labels, label];
		remember();
		draw();
	}
	function drawChips(nodes) {
		const all = [...new Set([...filter.labels, ...countLabels(nodes)])],
			seen = filter.all ? all : all.slice(0, Math.max(CHIPS, filter.labels.length));
		fill(
			chips,
			seen.map((label) =>
				h(
					'button',
					{
						type: 'button',
						class: filter.labels.includes(label) ? 'chip on' : 'chip',
						'aria-pressed': String(filter.labels.includes(label)),
						on: { click: () => toggle(label) },
					},
					label,
				),
			),
			all.length > seen.length &&
				h(
					'button',
					{
						type: 'button',
						class: 'chip',
						on: {
							click: () => {
								filter.all = true;
								draw();
							},
						},
					},
					`${all.length - seen.length} more`,
				),
		);
	}
	function draw() {
		const { loaded, error } = nodeState(),
			nodes = nodeList(),
			fits = matcher(filter.q, filter.labels),
			shown = nodes.filter(fits);
		twins = twinNames(nodes);
		if (!loaded) return error && fill(body, failed(error, reload));
		fill(counts, howMany(shown, nodes));
		runButton.hidden = session().logins.length === 0 || !shown.some((n) => !n.gone);
		drawChips(nodes);
		if (nodes.length === 0) return fill(body, empty('No servers yet', ...howToAdd()));
		if (shown.length === 0)
			return fill(
				body,
				empty(
					'Nothing fits',
					h('p', null, 'None of your servers has all of that.'),
					h('p', null, button('Show all', clear)),
				),
			);
		if (table.node.parentNode !== body) fill(body, table.node);
		table.rows = shown;
	}
	function clear() {
		filter.q = '';
		filter.labels = [];
		document.querySelector('.find').value = '';
		remember();
		draw();
	}
	searchWith(
		(text) => {
			filter.q = text;
			remember();
			draw();
		},
		filter.q,
		place.signal,
	);
	onNodes(draw, place.signal);
	if (nodeState().loaded) requestAnimationFrame(draw);
	return node;
}
