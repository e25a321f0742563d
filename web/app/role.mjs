// SPDX-License-Identifier: Apache-2.0
/*
 * role: one role, or a new one: its text (resource.mjs), and what it comes to (reach.mjs).
 */
import { h, fill } from './h.mjs';
import { may } from './session.mjs';
import { go } from './route.mjs';
import { sayError } from './dialog.mjs';
import { badge, button, empty, head } from './parts.mjs';
import { loadResource, NOTHING, ResourceEditor } from './resource.mjs';
import { reachPanel } from './reach.mjs';
import { toText } from './form.mjs';
import { removeRole } from './roles.mjs';

/* A role that opens something, to begin with; its name is for whoever writes it. */
const EXAMPLE = {
	name: 'NAME',
	allow: { logins: ['{{internal.logins}}'], node_labels: [{ key: 'env', values: ['dev'] }], rules: [] },
	deny: null,
	options: { max_session_ttl_s: 28800, port_forwarding: true, permit_pty: true },
};

const HELP =
	'logins and node_labels open servers; rules are about the cluster itself. deny wins over allow. What is saved counts ' +
	'within a second: sessions that no role allows any more end.';

function page(title, base, start, signal) {
	const isNew = base.revision === 0,
		canReach = may('user', 'list') && may('role', 'list') && may('node', 'list');
	const editor = new ResourceEditor({
		kind: 'role',
		base,
		start,
		signal,
		writable: may('role', isNew ? 'create' : 'update'),
		saved: (name) => name !== base.name && go(`/web/roles/${encodeURIComponent(name)}`),
		looked: () => (canReach ? panel.changes() : undefined),
		written: () => panel.forget(),
	});
	const panel = reachPanel({
		signal,
		draft: (always) => (always || editor.dirty ? editor.value().value : null),
		onRefused(error, answer) {
			const marked = error.line !== undefined || editor.refused(error);
			const words = marked ? 'The text has a mistake, which is marked above.' : error.message;
			fill(answer, h('p', { class: 'problem', role: 'alert' }, words));
		},
	});
	const drop = () => removeRole(base.name, () => go('/web/roles')).catch(sayError);
	const removable = !isNew && may('role', 'delete') && !base.value.preset;
	return h(
		'div',
		{ class: 'stack' },
		h(
			'div',
			null,
			head(title, base.value?.preset && badge('preset'), removable && button('Remove\u2026', drop, 'danger')),
			h('p', { class: 'help' }, HELP),
		),
		editor.node,
		canReach && panel.node,
	);
}

export async function show({ values, signal }) {
	if (values.name === undefined && !may('role', 'create'))
		return h('div', null, head('New role'), empty('Your roles do not allow to make roles'));
	if (values.name === undefined) return page('New role', NOTHING, toText('role', EXAMPLE), signal);
	const base = await loadResource('role', values.name, signal);
	if (base) return page(`Role ${base.name}`, base, base.text, signal);
	return h(
		'div',
		null,
		head(`Role ${values.name}`),
		empty('There is no such role', h('p', null, h('a', { href: '/web/roles' }, 'All roles'))),
	);
}
