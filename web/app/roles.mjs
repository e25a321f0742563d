// SPDX-License-Identifier: Apache-2.0
/*
 * roles: what people may, by role. What one says, and who can reach what by it, has a page of its own (role.mjs).
 */
import { h, fill, icon } from './h.mjs';
import { pages, remove } from './api.mjs';
import { onChange } from './live.mjs';
import { may } from './session.mjs';
import { go } from './route.mjs';
import { Table } from './table.mjs';
import { menuButton, removal, sayError } from './dialog.mjs';
import { badge, button, chip, empty, failed, head, loading } from './parts.mjs';

const conditions = (role, side) => role[side] ?? { logins: [], node_labels: [], rules: [] };
const labels = (side) => side.node_labels.map(({ key, values }) => `${key}=${values.join('|')}`);
const rules = (side) => side.rules.map(({ resources, verbs }) => `${resources.join(', ')}: ${verbs.join(', ')}`);

const pageOf = (name) => `/web/roles/${encodeURIComponent(name)}`;

export const removeRole = (name, changed) =>
	removal(
		name,
		'Who has this role loses what it allows, and sessions that nothing else allows end.',
		() => remove('resources', { query: { kind: 'role', name } }),
		changed,
	);

function actions(role, changed) {
	const removable = may('role', 'delete') && !role.value.preset;
	return [
		{ label: may('role', 'update') ? 'Edit' : 'Show', act: () => go(pageOf(role.name)) },
		removable && { label: 'Remove\u2026', danger: true, act: () => removeRole(role.name, changed).catch(sayError) },
	].filter(Boolean);
}

/* --- all of them ----------------------------------------------------------------------------------------------- */

const columns = (changed) => [
	{
		key: 'name',
		title: 'Role',
		by: (r) => r.name,
		cell: (r) => [
			h('a', { class: 'name', title: r.name, href: pageOf(r.name) }, r.name),
			r.value.preset && badge('preset'),
		],
	},
	{
		key: 'labels',
		title: 'Servers with',
		class: 'opt',
		cell: (r) =>
			h(
				'span',
				{ class: 'labels' },
				labels(conditions(r.value, 'allow')).map((label) => chip(label)),
			),
	},
	{
		key: 'logins',
		title: 'As',
		class: 'opt',
		cell: (r) => h('span', { class: 'mono dim' }, conditions(r.value, 'allow').logins.join(', ')),
	},
	{
		key: 'rules',
		title: 'In the cluster',
		class: 'opt wide',
		cell: (r) =>
			h(
				'span',
				{ class: 'dim', title: rules(conditions(r.value, 'allow')).join('\n') },
				rules(conditions(r.value, 'allow')).join('; '),
			),
	},
	{
		key: 'act',
		title: '',
		class: 'c-act end',
		cell: (r) =>
			menuButton({ class: 'icon-btn', 'aria-label': `What to do with role ${r.name}` }, icon('more'), () =>
				actions(r, changed),
			),
	},
];

export function show(place) {
	const table = new Table({ label: 'Roles', columns: columns(load), keyOf: (r) => r.name, sort: 'name' }).follow(
			place.signal,
		),
		body = h('div', null, loading(3));
	async function load() {
		try {
			const all = [];
			for await (const page of pages('resources', { kind: 'role' }, 'resources', 'after', {
				signal: place.signal,
			}))
				all.push(...page);
			if (all.length === 0) return fill(body, empty('No role'));
			if (table.node.parentNode !== body) fill(body, table.node);
			requestAnimationFrame(() => {
				table.rows = all;
			});
		} catch (error) {
			if (error.name !== 'AbortError') fill(body, failed(error, load));
		}
	}
	onChange('role', load, place.signal);
	load();
	return h(
		'div',
		null,
		head('Roles', null, may('role', 'create') && button('Add role', () => go('/web/newrole'), 'primary', 'plus')),
		body,
	);
}
