// SPDX-License-Identifier: Apache-2.0
/*
 * tokens: what lets hosts join, until it is used up or over; and what lets programs call the API.
 */
import { h, fill } from './h.mjs';
import { pages, post, remove, name } from './api.mjs';
import { may, session } from './session.mjs';
import { Table } from './table.mjs';
import { formDialog, dialog, field, plainInput, removal, copyable, sayError } from './dialog.mjs';
import { addServer } from './addserver.mjs';
import { parseLabels } from './glob.mjs';
import { head, button, loading, empty, failed, chip } from './parts.mjs';
import { until, moment } from './words.mjs';

const KINDS = [
	['node', 'a server'],
	['proxy', 'a proxy'],
	['audit', 'an audit daemon'],
];

const isApi = (token) => token.kind === 'api';

function showToken(token) {
	if (!session()) return; /* it is not for who comes after */
	const box = dialog('The token');
	fill(
		box.body,
		h(
			'p',
			null,
			`It is good for ${until(token.expires)} and is shown only now. Put it into a file on the host ` +
				'that only root reads, and name that file in its configuration.',
		),
		copyable(token.token, 'The token'),
		h('footer', null, button('Done', box.close, 'primary')),
	);
}

function addToken(changed) {
	formDialog('Add token', {
		button: 'Add',
		fields: [
			field(
				'For',
				h(
					'select',
					{ name: 'kind' },
					KINDS.map(([value, words]) => h('option', { value }, words)),
				),
			),
			h(
				'div',
				{ class: 'two' },
				field(
					'Minutes',
					plainInput({
						name: 'minutes',
						type: 'number',
						min: '1',
						max: '2880',
						value: '30',
						required: true,
					}),
				),
				field(
					'How often',
					plainInput({
						name: 'uses',
						type: 'number',
						min: '1',
						max: '1000',
						value: '1',
						required: true,
					}),
				),
			),
			field('Labels', plainInput({ name: 'labels', placeholder: 'env=prod, team=x' })),
			field(
				'Names',
				plainInput({ name: 'names', placeholder: 'any' }),
				'What a host that joins may be called, such as web-*.',
			),
		],
		async submit(values, box) {
			const token = await post('tokens', {
				kind: values.kind,
				ttl_s: Number(values.minutes) * 60,
				uses: Number(values.uses),
				labels: parseLabels(values.labels),
				names: values.names.split(/[\s,]+/).filter(Boolean),
			});
			box.close();
			changed();
			showToken(token);
		},
	});
}

const columns = (changed) => [
	{ key: 'id', title: 'Token', by: (t) => t.id, cell: (t) => h('span', { class: 'mono name' }, `${t.id}\u2026`) },
	{ key: 'kind', title: 'For', class: 'c-short', by: (t) => t.kind, cell: (t) => (isApi(t) ? 'API' : t.kind) },
	{
		key: 'labels',
		title: 'Labels, roles',
		class: 'opt',
		cell: (t) =>
			h(
				'span',
				{ class: 'labels' },
				t.labels.map((l) => chip(`${l.key}=${l.value}`)),
				t.names.map((n) => h('span', { class: 'mono dim' }, n)),
				t.roles.map((role) => chip(role)),
			),
	},
	{
		key: 'uses',
		title: 'Uses left',
		class: 'c-short opt',
		by: (t) => t.uses_left,
		cell: (t) => (isApi(t) ? '' : t.uses_left),
	},
	{
		key: 'expires',
		title: 'Good for',
		class: 'c-state',
		by: (t) => t.expires,
		cell: (t) => h('span', { title: moment(t.expires) }, until(t.expires)),
	},
	{
		key: 'act',
		title: '',
		class: 'c-play end',
		cell: (t) =>
			may('token', 'delete') &&
			h(
				'button',
				{
					class: 'btn small',
					type: 'button',
					on: { click: () => removeToken(t, changed).catch(sayError) },
				},
				'Remove',
				h('span', { class: 'unseen' }, ` ${t.id}`),
			),
	},
];

const removeToken = (token, changed) =>
	removal(
		`${token.id}\u2026`,
		isApi(token)
			? 'No program can call the API with it any more.'
			: 'No host can join with it any more. Those that have joined stay.',
		() => remove(`tokens/${name(token.id)}`),
		changed,
	);

export function show(place) {
	const table = new Table({ label: 'Tokens', columns: columns(load), keyOf: (t) => t.id, sort: 'expires' }).follow(
			place.signal,
		),
		body = h('div', null, loading(3));
	async function load() {
		try {
			const all = [];
			for await (const page of pages('tokens', {}, 'tokens', 'after', { signal: place.signal }))
				all.push(...page);
			if (all.length === 0)
				return fill(
					body,
					empty('No token', h('p', null, 'None is open: no host can join at the moment.')),
				);
			if (table.node.parentNode !== body) fill(body, table.node);
			requestAnimationFrame(() => {
				table.rows = all;
			});
		} catch (error) {
			if (error.name !== 'AbortError') fill(body, failed(error, load));
		}
	}
	load();
	return h(
		'div',
		null,
		head(
			'Tokens',
			null,
			may('token', 'create') && [
				button('Add token', () => addToken(load)),
				button('Add server', addServer, 'primary', 'plus'),
			],
		),
		body,
	);
}
