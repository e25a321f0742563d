// SPDX-License-Identifier: Apache-2.0
/*
 * eventrows: an event as a row of the audit log, and all its fields below it, with ways to what it is about.
 */
import { h } from './h.mjs';
import { may } from './session.mjs';
import { facts, badge } from './parts.mjs';
import { moment, utc } from './words.mjs';

const where = (event) =>
	event.node_name ? (event.login ? `${event.login}@${event.node_name}` : event.node_name) : event.login;

/* The one thing that says most about it. */
function gist(event) {
	const field = (key) => event.fields.find((f) => f.key === key)?.value;
	return event.message || field('command') || field('path') || field('name') || field('reason') || field('method') || '';
}

export const columns = [
	{ key: 'time', title: 'Time', class: 'c-time', cell: ({ event }) => moment(event.time_us / 1000) },
	{
		key: 'type',
		title: 'Type',
		class: 'c-type',
		cell: ({ event }) => [
			h('span', { class: 'mono', title: event.type }, event.type),
			!event.ok && badge('failed', 'bad'),
		],
	},
	{ key: 'user', title: 'User', class: 'c-mid opt', cell: ({ event }) => event.user },
	{
		key: 'where',
		title: 'Where',
		class: 'c-where opt',
		cell: ({ event }) => h('span', { title: where(event) }, where(event)),
	},
	{
		key: 'what',
		title: 'What',
		class: 'opt wide dim',
		cell: ({ event }) => h('span', { title: gist(event) }, gist(event)),
	},
];

export const opener = ({ event }) => `All of ${event.type}, ${moment(event.time_us / 1000)}`;

const found = (name, value) => `/web/audit?${new URLSearchParams({ [name]: value })}`;

/* The recording begins to play when the event happened. */
function session({ session: id, time_us }) {
	return [
		h('span', { class: 'mono' }, id),
		' ',
		(may('session', 'read') || may('own_session', 'read')) &&
			h('a', { href: `/web/recordings/${encodeURIComponent(id)}?at=${time_us}` }, 'play from here'),
		' ',
		h('a', { href: found('session', id) }, 'all its events'),
	];
}

export function detail({ event, ...about }) {
	const user = [
		h('a', { href: found('user', event.user) }, event.user),
		` (${about.backed || 'nothing backs the name'})`,
	];
	const server = [h('a', { href: found('node', event.node) }, event.node_name), ` ${event.node}`];
	return facts([
		['Type', `${event.type} ${event.code}`],
		['Time', utc(event.time_us / 1000)],
		['Received', utc(about.received_us / 1000)],
		['User', event.user && user],
		['Login', event.login],
		['Server', event.node_name && server],
		['From', event.remote_addr],
		['Message', event.message],
		['Session', event.session && session(event)],
		['Connection', event.connection],
		...event.fields.map(({ key, value }) => [key, value]),
		...event.labels.map(({ key, value }) => [`label ${key}`, value]),
		...event.raw.map(({ key, value }) => [`exact bytes of ${key}, base64`, value]),
		['Written by', `${about.producer_kind} ${about.producer}`],
		['Id', event.id],
		['', about.time_doubtful && 'The producer\u2019s clock cannot have been right.'],
	]);
}
