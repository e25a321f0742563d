// SPDX-License-Identifier: Apache-2.0
/*
 * nodes: servers as members of the cluster: those that are away too, their labels from the server side, and their removal.
 */
import { h, fill, icon } from './h.mjs';
import { pages, post, remove, name } from './api.mjs';
import { may } from './session.mjs';
import { Table } from './table.mjs';
import { searchWith } from './shell.mjs';
import { matcher, searchable, parseLabels } from './glob.mjs';
import { formDialog, field, plainInput, removal, menuButton, sayError } from './dialog.mjs';
import { onChange } from './live.mjs';
import { head, loading, empty, failed, chip, badge } from './parts.mjs';
import { ago, moment, count } from './words.mjs';

function label(node, changed) {
	formDialog(`Labels of ${node.name}`, {
		button: 'Save',
		note: 'Labels that are given here win over the server\u2019s own, and stay when it joins anew.',
		fields: [
			field('Set', plainInput({ name: 'set', placeholder: 'env=prod, team=x' })),
			field(
				'Take away',
				plainInput({ name: 'remove', placeholder: 'team' }),
				'Names of labels that were given here.',
			),
		],
		async submit(values) {
			await post(`nodes/${name(node.uuid)}/labels`, {
				set: parseLabels(values.set),
				remove: values.remove.split(/[\s,]+/).filter(Boolean),
			});
			changed();
		},
	});
}

const removeNode = (node, changed) =>
	removal(
		node.name,
		'Its certificates become worthless and its sessions end. To come back it needs a new token.',
		() => remove(`nodes/${name(node.uuid)}`),
		changed,
	);

function actions(node, changed) {
	return [
		may('node', 'update') && { label: 'Labels\u2026', act: () => label(node, changed) },
		may('node', 'delete') && {
			label: 'Remove\u2026',
			danger: true,
			act: () => removeNode(node, changed).catch(sayError),
		},
	].filter(Boolean);
}

const columns = (changed) => [
	{
		key: 'name',
		title: 'Name',
		by: (n) => n.name,
		cell: (n) => [
			h('span', { class: n.online ? 'dot' : 'dot off' }),
			h('span', { class: 'name', title: n.name }, n.name),
		],
	},
	{ key: 'uuid', title: 'UUID', class: 'opt wide', cell: (n) => h('span', { class: 'mono dim', title: n.uuid }, n.uuid) },
	{
		key: 'labels',
		title: 'Labels',
		class: 'opt',
		cell: (n) =>
			h(
				'span',
				{ class: 'labels' },
				n.labels.map((l) => chip(`${l.key}=${l.value}`)),
			),
	},
	{
		key: 'version',
		title: 'Version',
		class: 'c-state opt',
		by: (n) => n.version,
		cell: (n) => [h('span', { class: 'mono dim' }, n.version), n.too_old && badge('too old', 'warn')],
	},
	{
		key: 'seen',
		title: 'Seen',
		class: 'c-state',
		by: (n) => (n.online ? Infinity : n.last_seen),
		cell: (n) =>
			h(
				'span',
				{ class: 'dim', title: moment(n.last_seen) },
				n.online ? 'online' : n.last_seen ? ago(n.last_seen) : 'never',
			),
	},
	{
		key: 'act',
		title: '',
		class: 'c-act end',
		cell: (n) =>
			menuButton({ class: 'icon-btn', 'aria-label': `What to do with ${n.name}` }, icon('more'), () =>
				actions(n, changed),
			),
	},
];

async function fetchNodes(signal) {
	const all = [];
	for (const offline of may('node', 'delete') ? [false, true] : [false]) {
		for await (const page of pages('nodes', { offline, limit: 1000 }, 'nodes', 'after', { signal }))
			all.push(...page.map((node) => ({ ...searchable(node), online: !offline })));
	}
	return all;
}

export function show(place) {
	const table = new Table({
		label: 'Nodes',
		columns: columns(load),
		keyOf: (n) => n.uuid,
		sort: 'name',
		rowClass: (n) => (n.online ? '' : 'gone'),
	}).follow(place.signal);
	const counts = h('span', { class: 'count', role: 'status' }),
		body = h('div', null, loading());
	let nodes = null /* not known yet */,
		sought = '';
	function draw() {
		if (!nodes) return;
		const shown = nodes.filter(matcher(sought));
		fill(counts, `${count(nodes.length, 'node')}, ${nodes.filter((n) => n.online).length.toLocaleString()} online`);
		if (shown.length === 0) return fill(body, empty(nodes.length ? 'Nothing fits' : 'No nodes yet'));
		if (table.node.parentNode !== body) fill(body, table.node);
		table.rows = shown;
	}
	async function load() {
		try {
			nodes = await fetchNodes(place.signal);
			requestAnimationFrame(draw);
		} catch (error) {
			if (error.name !== 'AbortError') fill(body, failed(error, load));
		}
	}
	searchWith(
		(text) => {
			sought = text;
			draw();
		},
		'',
		place.signal,
	);
	onChange('node', load, place.signal);
	load();
	return h('div', null, head('Nodes', counts), body);
}
