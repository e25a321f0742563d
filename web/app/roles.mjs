// SPDX-License-Identifier: Apache-2.0
/*
 * roles: what people may, by role; made, changed and removed as JSON, in the words of proto/auth.proto. What is wrong with one
 * authd says by the field's name, and nothing is kept then.
 */
import { h, fill, icon } from './h.mjs';
import { get, pages, post, remove } from './api.mjs';
import { onChange } from './live.mjs';
import { may } from './session.mjs';
import { Table } from './table.mjs';
import { copyable, dialog, field, formDialog, menuButton, removal, sayError } from './dialog.mjs';
import { badge, button, chip, empty, failed, head, loading } from './parts.mjs';

/* A role that opens something, to begin with. */
const EXAMPLE = {
	name: '',
	allow: { logins: ['{{internal.logins}}'], node_labels: [{ key: 'env', values: ['dev'] }], rules: [] },
	options: { max_session_ttl_s: 28800, port_forwarding: true, permit_pty: true },
};

const conditions = (role, side) => role[side] ?? { logins: [], node_labels: [], rules: [] };
const labels = (side) => side.node_labels.map(({ key, values }) => `${key}=${values.join('|')}`);
const rules = (side) => side.rules.map(({ resources, verbs }) => `${resources.join(', ')}: ${verbs.join(', ')}`);

/* --- one role -------------------------------------------------------------------------------------------------- */

function editor(value) {
	return h('textarea', {
		name: 'role',
		rows: '18',
		class: 'mono',
		spellcheck: 'false',
		autocapitalize: 'none',
		required: true,
		value: JSON.stringify(value, null, 2),
	});
}

/* The place of what is no JSON, as people count lines. */
function parse(text) {
	try {
		return JSON.parse(text);
	} catch (error) {
		const at = /position (\d+)/.exec(error.message),
			line = at ? text.slice(0, Number(at[1])).split('\n').length : 0;
		throw new Error(line ? `Line ${line} is no JSON.` : `That is no JSON: ${error.message}`);
	}
}

function addRole(changed) {
	formDialog('Add role', {
		button: 'Add',
		fields: [
			field(
				'Role',
				editor(EXAMPLE),
				'logins and node_labels open servers; rules are about the cluster itself. deny wins over allow.',
			),
		],
		async submit(values) {
			await post('resources', { resource: { kind: 'role', value: parse(values.role) }, replace: false });
			changed();
		},
	});
}

async function showRole(role) {
	const box = dialog(`Role ${role.name}`, { wide: true });
	fill(box.body, copyable(JSON.stringify(role.value, null, 2), 'The role'));
}

/* Only over what was read: what somebody else changed meanwhile is not lost. */
async function editRole(role, changed) {
	const {
		resources: [fresh],
	} = await get('resources', { kind: 'role', name: role.name });
	formDialog(`Role ${role.name}`, {
		button: 'Save',
		fields: [field('Role', editor(fresh.value))],
		note: 'Who has this role has what it says within a second; sessions that it does not allow any more end.',
		async submit(values) {
			await post('resources', {
				resource: {
					kind: 'role',
					name: role.name,
					revision: fresh.revision,
					value: parse(values.role),
				},
				replace: true,
			});
			changed();
		},
	});
}

const removeRole = (role, changed) =>
	removal(
		role.name,
		'Who has this role loses what it allows, and sessions that nothing else allows end.',
		() => remove('resources', { query: { kind: 'role', name: role.name } }),
		changed,
	);

function actions(role, changed) {
	const act = (what) => () => what(role, changed).catch(sayError),
		removable = may('role', 'delete') && !role.value.preset;
	return [
		may('role', 'update') ? { label: 'Edit\u2026', act: act(editRole) } : { label: 'Show', act: act(showRole) },
		removable && { label: 'Remove\u2026', danger: true, act: act(removeRole) },
	].filter(Boolean);
}

/* --- all of them ----------------------------------------------------------------------------------------------- */

const columns = (changed) => [
	{
		key: 'name',
		title: 'Role',
		by: (r) => r.name,
		cell: (r) => [h('span', { class: 'name', title: r.name }, r.name), r.value.preset && badge('preset')],
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
		head('Roles', null, may('role', 'create') && button('Add role', () => addRole(load), 'primary', 'plus')),
		body,
	);
}
