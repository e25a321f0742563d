// SPDX-License-Identifier: Apache-2.0
/*
 * users: people and what they may: made by a link that they get, changed, let in again, removed. authd decides about every
 * step.
 */
import { h, fill, icon } from './h.mjs';
import { pages, post, remove, name } from './api.mjs';
import { may, session } from './session.mjs';
import { Table } from './table.mjs';
import { onChange } from './live.mjs';
import { searchWith } from './shell.mjs';
import {
	formDialog,
	forDialog,
	dialog,
	field,
	plainInput,
	confirm,
	removal,
	copyable,
	menuButton,
	sayError,
	toast,
} from './dialog.mjs';
import { head, button, loading, empty, failed, chip, badge } from './parts.mjs';
import { until, moment, count } from './words.mjs';

const words = (text) => text.split(/[\s,]+/).filter(Boolean);

/* --- forms ----------------------------------------------------------------------------------------------------- */

/* Those that there are, to choose from; as words for who may not list them. */
async function knownRoles(signal) {
	const all = [];
	if (!may('role', 'list')) return all;
	for await (const page of pages('resources', { kind: 'role' }, 'resources', 'after', { signal }))
		all.push(...page.map((role) => role.name));
	return all;
}

const ROLES_HELP = 'access opens servers, editor manages the cluster, auditor sees what everybody did.';

function roleFields(known, has) {
	if (known.length === 0)
		return field(
			'Roles',
			plainInput({ name: 'roles', required: true, value: has.join(', ') }),
			`With commas between them: ${ROLES_HELP}`,
		);
	return h(
		'fieldset',
		null,
		h('legend', null, 'Roles'),
		h(
			'div',
			{ class: 'checks' },
			[...new Set([...known, ...has])].map((role) =>
				h(
					'label',
					{ class: 'check' },
					h('input', {
						type: 'checkbox',
						name: 'role',
						value: role,
						checked: has.includes(role),
					}),
					role,
				),
			),
		),
		h('p', { class: 'help' }, ROLES_HELP),
	);
}

/* What the form says, whichever it had. */
function rolesOf(values, form) {
	const chosen = values.roles === undefined ? new FormData(form).getAll('role') : words(values.roles);
	if (chosen.length === 0) throw new Error('Choose at least one role.');
	return chosen;
}

function rights(known, user) {
	return [
		roleFields(known, user?.roles ?? ['access']),
		field(
			'Logins',
			plainInput({ name: 'logins', value: user?.logins.join(', ') ?? '' }),
			'Unix users on the servers, such as ubuntu, root.',
		),
	];
}

/* The link is shown once: authd keeps no more than its hash. To nobody who has come after the one who asked for it. */
function showLink(link, why) {
	if (!session()) return;
	const box = dialog(why);
	fill(
		box.body,
		h(
			'p',
			null,
			`Give this link to ${link.user}, and to nobody else: whoever opens it first sets ` +
				`password and second factor. It works once, for ${until(link.expires)}.`,
		),
		copyable(link.url, 'The link'),
		h('footer', null, button('Done', box.close, 'primary')),
	);
}

async function addUser(changed, signal) {
	const known = await forDialog(knownRoles(signal), signal);
	if (!known) return;
	formDialog('Add user', {
		button: 'Add',
		fields: [field('Name', plainInput({ name: 'name', required: true })), rights(known, null)],
		async submit(values, box, form) {
			const link = await post('users', {
				name: values.name.trim(),
				roles: rolesOf(values, form),
				logins: words(values.logins),
			});
			box.close();
			changed();
			showLink(link, `${link.user} can sign up`);
		},
	});
}

async function editUser(user, changed, signal) {
	const known = await forDialog(knownRoles(signal), signal);
	if (!known) return;
	formDialog(`Change ${user.name}`, {
		button: 'Save',
		fields: rights(known, user),
		note: 'Certificates and web sessions of before end with the change: whoever is logged in logs in again.',
		async submit(values, box, form) {
			await post(`users/${name(user.name)}`, {
				set_roles: true,
				roles: rolesOf(values, form),
				set_logins: true,
				logins: words(values.logins),
			});
			changed();
		},
	});
}

async function resetUser(user, changed) {
	if (
		!(await confirm(
			`Reset ${user.name}?`,
			'The password and second factor of now stop working. You get a link by which new ones can be set.',
			'Reset',
		))
	)
		return;
	const link = await post(`users/${name(user.name)}/reset`);
	changed();
	showLink(link, `${link.user} can set a new password`);
}

async function unlock(user, changed) {
	await post(`users/${name(user.name)}`, { unlock: true });
	toast(`${user.name} can log in again.`);
	changed();
}

const removeUser = (user, changed) =>
	removal(
		user.name,
		'Sessions that are open end within a second. What was recorded stays.',
		() => remove(`users/${name(user.name)}`),
		changed,
	);

/* --- the list ------------------------------------------------------------------------------------------------------ */

function state(user) {
	if (user.locked_until > Date.now()) return badge(`locked, ${until(user.locked_until)}`, 'bad');
	return !user.confirmed ? badge('invited', 'warn') : user.locked ? badge('locked', 'bad') : badge('active', 'ok');
}

function actions(user, changed, signal) {
	const act = (what) => () => Promise.resolve(what(user, changed, signal)).catch(sayError),
		change = may('user', 'update');
	return [
		change && { label: 'Roles and logins\u2026', act: act(editUser) },
		change && { label: 'Reset password\u2026', act: act(resetUser) },
		change && user.locked && user.confirmed && { label: 'Unlock', act: act(unlock) },
		may('user', 'delete') &&
			user.name !== session().user && { label: 'Remove\u2026', danger: true, act: act(removeUser) },
	].filter(Boolean);
}

const columns = (changed, signal) => [
	{ key: 'name', title: 'Name', by: (u) => u.name, cell: (u) => h('span', { class: 'name', title: u.name }, u.name) },
	{
		key: 'roles',
		title: 'Roles',
		class: 'opt',
		by: (u) => u.roles.join(),
		cell: (u) =>
			h(
				'span',
				{ class: 'labels' },
				u.roles.map((role) => chip(role)),
			),
	},
	{
		key: 'logins',
		title: 'Logins',
		class: 'opt',
		by: (u) => u.logins.join(),
		cell: (u) => h('span', { class: 'mono dim', title: u.logins.join(', ') }, u.logins.join(', ')),
	},
	{ key: 'state', title: 'State', class: 'c-state', by: (u) => (u.confirmed ? 1 : 0), cell: state },
	{
		key: 'created',
		title: 'Made',
		class: 'c-time opt wide',
		by: (u) => u.created,
		cell: (u) => h('span', { class: 'dim' }, moment(u.created)),
	},
	{
		key: 'act',
		title: '',
		class: 'c-act end',
		cell: (u) =>
			actions(u, changed, signal).length > 0 &&
			menuButton({ class: 'icon-btn', 'aria-label': `What to do with ${u.name}` }, icon('more'), () =>
				actions(u, changed, signal),
			),
	},
];

export function show(place) {
	const table = new Table({
			label: 'Users',
			columns: columns(load, place.signal),
			keyOf: (u) => u.name,
			sort: 'name',
		}).follow(place.signal),
		counts = h('span', { class: 'count', role: 'status' }),
		body = h('div', null, loading());
	let users = null /* not known yet */,
		sought = '';
	function draw() {
		if (!users) return;
		const shown = users.filter((u) =>
			`${u.name} ${u.roles.join(' ')} ${u.logins.join(' ')}`.toLowerCase().includes(sought.toLowerCase()),
		);
		fill(counts, count(users.length, 'user'));
		if (shown.length === 0) return fill(body, empty('No such user'));
		if (table.node.parentNode !== body) fill(body, table.node);
		table.rows = shown;
	}
	async function load() {
		try {
			const all = [];
			for await (const page of pages('users', {}, 'users', 'after', { signal: place.signal }))
				all.push(...page);
			users = all;
			requestAnimationFrame(draw);
		} catch (error) {
			if (error.name !== 'AbortError') fill(body, failed(error, load));
		}
	}
	onChange('user', load, place.signal);
	searchWith(
		(text) => {
			sought = text;
			draw();
		},
		'',
		place.signal,
	);
	load();
	return h(
		'div',
		null,
		head(
			'Users',
			counts,
			may('user', 'create') &&
				button('Add user', () => addUser(load, place.signal).catch(sayError), 'primary', 'plus'),
		),
		body,
	);
}
