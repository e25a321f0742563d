// SPDX-License-Identifier: Apache-2.0
/*
 * cluster: its authorities, and which versions run where.
 */
import { h, fill } from './h.mjs';
import { get } from './api.mjs';
import { copyable } from './dialog.mjs';
import { head, facts, failed, loading, badge } from './parts.mjs';

const versions = (all) =>
	h(
		'div',
		{ class: 'card' },
		h(
			'table',
			{ class: 'rows', 'aria-label': 'Versions' },
			h(
				'thead',
				null,
				h(
					'tr',
					null,
					['Daemon', 'Version', 'How many'].map((title) => h('th', { scope: 'col' }, title)),
				),
			),
			h(
				'tbody',
				null,
				all.map((v) =>
					h(
						'tr',
						null,
						h('td', null, v.kind),
						h(
							'td',
							{ class: 'mono' },
							v.version || 'others',
							v.too_old && badge('too old', 'warn'),
						),
						h('td', null, v.count.toLocaleString()),
					),
				),
			),
		),
	);

export function show(place) {
	const body = h('div', { class: 'stack' }, loading(4));
	async function load() {
		try {
			const status = await get('status', {}, { signal: place.signal });
			fill(
				body,
				h(
					'section',
					{ class: 'card pad' },
					facts([
						['Cluster', status.cluster],
						['Version of authd', status.version],
						['Address', status.proxy_public_addr],
						['Host CA', status.host_ca],
						['User CA', status.user_ca],
						['CA pin', status.ca_pins.map((pin) => h('div', { class: 'mono' }, pin))],
					]),
				),
				status.versions.length > 0 && versions(status.versions),
				h(
					'section',
					{ class: 'card pad' },
					h('h2', null, 'Authority'),
					h(
						'p',
						{ class: 'dim' },
						'Who trusts this certificate trusts every daemon of the cluster.',
					),
					copyable(status.ca_pem.trim(), 'The certificate'),
				),
			);
		} catch (error) {
			if (error.name !== 'AbortError') fill(body, failed(error, load));
		}
	}
	load();
	return h('div', null, head('Cluster'), body);
}
