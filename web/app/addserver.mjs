// SPDX-License-Identifier: Apache-2.0
/*
 * addserver: how a server becomes a node: a token with labels, the one line to run there, and the node as it joins.
 */
import { h, fill } from './h.mjs';
import { get, post } from './api.mjs';
import { may } from './session.mjs';
import { dialog, field, plainInput, busy, copyable } from './dialog.mjs';
import { parseLabels } from './glob.mjs';
import { onNodes, nodeList, reload } from './nodelist.mjs';
import { button } from './parts.mjs';
import { until } from './words.mjs';

/* Words for the page without servers. */
export function howToAdd() {
	if (!may('token', 'create'))
		return [
			h(
				'p',
				null,
				'Your roles reach none. An administrator can add servers, or give you a role that reaches them.',
			),
		];
	return [
		h(
			'p',
			null,
			'A server joins by one line that is run on it. It needs no open port: it comes to the proxy by itself.',
		),
		h('p', null, button('Add server', addServer, 'primary', 'plus')),
	];
}

/* As `tctl tokens add` says it. Where the web certificate is the cluster's own, its authority is part of the line. The token comes
 * by standard input into a file that only root reads: it is on no command line. A proxy without packages installs nothing: the
 * line then is for a server that has noded. */
function joinLine(status, token) {
	const own = status.proxy_own_certificate,
		proxy = status.proxy_public_addr || location.host,
		pin = status.ca_pins[0] ?? '';
	const file = '/root/sallyport.token';
	const put = `printf '%s\\n' '${token}' | sudo install -m 600 /dev/stdin ${file} && \\\n`;
	const pinned = pin ? ` --ca-pin=${pin}` : '';
	if (!status.proxy_has_packages)
		return [
			`${put}sudo noded configure --output=file:///etc/sallyport/noded.yaml --token=${file}`,
			`  --proxy=${proxy}${pinned} &&`,
			'sudo systemctl enable --now sallyport-noded',
		].join(' \\\n');
	const run = `sudo bash -s -- --token-file=${file}${pinned}`;
	return own
		? `${put}curl -fsS https://${proxy}/scripts/install.sh | ${run}`
		: `${put}curl -fsS --cacert /dev/stdin https://${proxy}/scripts/install.sh <<'CA' | ${run}\n${status.ca_pem}CA`;
}

const LIVES = [
	['1800', '30 minutes'],
	['7200', '2 hours'],
	['86400', '1 day'],
];

export function addServer() {
	const control = new AbortController(),
		box = dialog('Add server', { wide: true, onClose: () => control.abort() });
	const labels = plainInput({ name: 'labels', placeholder: 'env=prod, team=x' });
	const life = h(
		'select',
		{ name: 'ttl' },
		LIVES.map(([value, words]) => h('option', { value }, words)),
	);
	const uses = h('input', { name: 'uses', type: 'number', min: '1', max: '1000', value: '1', required: true });
	const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
	const next = h('button', { class: 'btn primary', type: 'submit' }, 'Next');
	async function send(event) {
		event.preventDefault();
		problem.hidden = true;
		busy(next, true);
		try {
			const given = parseLabels(labels.value);
			const token = await post('tokens', {
				kind: 'node',
				ttl_s: Number(life.value),
				uses: Number(uses.value),
				labels: given,
			});
			await reload(); /* who is there already has not joined by it */
			showLine(box, token, await get('status'), control.signal);
		} catch (error) {
			fill(problem, error.message);
			problem.hidden = false;
		}
		busy(next, false);
	}
	fill(
		box.body,
		h(
			'form',
			{ class: 'form', on: { submit: send } },
			field('Labels', labels, 'Roles open servers by their labels, and people find them by these.'),
			h('div', { class: 'two' }, field('The line works for', life), field('on so many servers', uses)),
			problem,
			h(
				'footer',
				null,
				h('button', { class: 'btn', type: 'button', on: { click: box.close } }, 'Cancel'),
				next,
			),
		),
	);
	labels.focus();
}

function showLine(box, token, status, signal) {
	const known = new Set(nodeList().map((node) => node.uuid)),
		joined = h('ul', { class: 'joined' }, h('li', { class: 'waiting' }, 'Waiting for it to join\u2026'));
	fill(
		box.body,
		h(
			'p',
			null,
			status.proxy_has_packages
				? 'Run this on the server, which becomes a node of this cluster:'
				: 'Install the package sallyport-noded on the server, then run this there:',
		),
		copyable(joinLine(status, token.token), 'The line to run'),
		h(
			'p',
			{ class: 'dim' },
			`It is good for ${until(token.expires)}. Whoever has it can add a server: give it to nobody else.`,
		),
		h('div', { role: 'status' }, joined),
		h('footer', null, button('Done', box.close, 'primary')),
	);
	onNodes(() => {
		const fresh = nodeList().filter((node) => !known.has(node.uuid) && !node.gone);
		for (const node of fresh) {
			known.add(node.uuid);
			joined.prepend(
				h(
					'li',
					{ class: 'here' },
					h('span', { class: 'dot' }),
					h('span', { class: 'name' }, node.name),
					' has joined',
				),
			);
		}
	}, signal);
}
