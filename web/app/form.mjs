// SPDX-License-Identifier: Apache-2.0
/*
 * form: a resource as people write it and as the JSON API has it: the text of `tctl get role/NAME`, and the message. What
 * clients/tctl/form.c does by the messages' descriptors is here by a table of the same fields.
 *
 * A type is {show(value) -> what is written, undefined: nothing; read(node, key) -> the message's value}. Reading throws Misplaced,
 * with the line; what a resource may say is authd's to judge, and lineOf() finds the line of what it refused.
 */
import { Misplaced, readYaml, writeYaml } from './yaml.mjs';

const ITEMS_MAX = 256;

const isText = (node) => typeof node.value === 'string';

function wrong(node, words) {
	throw new Misplaced(words, node.line);
}

/* --- types ----------------------------------------------------------------------------------------------------- */

const text = {
	show: (value) => value || undefined,
	read: (node, key) => (isText(node) ? node.value : wrong(node, `${key} must be text`)),
};

/* A single text may stand for a list of one. */
const texts = {
	show: (value) => value ?? [],
	read(node, key) {
		const list = node.list ?? [node];
		if (list.length > ITEMS_MAX) wrong(node, `${key}: more than ${ITEMS_MAX} entries`);
		return list.map((item) => (isText(item) ? item.value : wrong(item, `${key} must be text or a list of texts`)));
	},
};

const flag = {
	show: (value) => value ?? false,
	read: (node, key) => (typeof node.value === 'boolean' ? node.value : wrong(node, `${key} must be true or false`)),
};

const number = {
	show(value) {
		if (!Number.isSafeInteger(value ?? 0)) throw new Error('A number in it is too long for a browser: use tctl.');
		return value ?? 0;
	},
	read: (node, key) =>
		Number.isSafeInteger(node.value) && node.value >= 0
			? node.value
			: wrong(node, `${key} must be a number from 0`),
};

const UNITS = { s: 1, m: 60, h: 3600, d: 86400 };

/* As str_duration_text writes it, and str_duration reads it. */
const duration = {
	show(seconds) {
		const s = Math.max(0, seconds ?? 0),
			rest = `${Math.floor(s / 60) % 60}m${s % 60}s`;
		return s === 0 ? '0' : s < 60 ? `${s}s` : s < 3600 ? rest : `${Math.floor(s / 3600)}h${rest}`;
	},
	read(node, key) {
		const words = String(node.value ?? ''),
			fits = /^\d{1,10}$/.test(words) || (/^(\d{1,10}[smhd])+$/.test(words) && isText(node));
		if (!fits) wrong(node, `${key} must be a duration like 8h`);
		return [...words.matchAll(/(\d+)([smhd]?)/g)].reduce((sum, [, n, unit]) => sum + n * (UNITS[unit] ?? 1), 0);
	},
};

const TIME = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d))?$/;

const time = {
	show: (ms) => (ms ? new Date(ms).toISOString() : undefined),
	read(node, key) {
		const ms = isText(node) && TIME.test(node.value) ? Date.parse(node.value.replace(' ', 'T').toUpperCase()) : NaN;
		return Number.isNaN(ms) ? wrong(node, `${key} must be a time like 2026-11-22 or 2026-11-22T10:00:00Z`) : ms;
	},
};

/* A mapping from one text to several: a list of {key, values}. */
const entries = {
	show(list) {
		const map = new Map((list ?? []).map(({ key, values }) => [key, values]));
		if (map.size < (list ?? []).length) throw new Error('There is a label in it twice, which a file cannot say.');
		return map;
	},
	read(node, key) {
		if (!node.map || node.map.length > ITEMS_MAX)
			wrong(node, `${key} must be a mapping of at most ${ITEMS_MAX} entries`);
		return node.map.map((entry) => ({ key: entry.key, values: texts.read(entry.node, entry.key) }));
	},
};

const listOf = (type) => ({
	show: (list) => (list ?? []).map((item) => type.show(item)),
	read(node, key) {
		if (!node.list || node.list.length > ITEMS_MAX)
			wrong(node, `${key} must be a list of at most ${ITEMS_MAX} entries`);
		return node.list.map((item) =>
			item.map ? type.read(item, key) : wrong(item, `${key} must be a list of mappings`),
		);
	},
});

/* fields: [as it is written, type, as the message has it]. */
const message = (...fields) => ({
	show(value) {
		const shown = fields.map(([key, type, field = key]) => [key, type.show(value?.[field])]);
		return new Map(shown.filter(([, one]) => one !== undefined));
	},
	read(node, key) {
		if (!node.map) wrong(node, `${key} must be a mapping`);
		const value = {};
		for (const entry of node.map) {
			const known = fields.find(([name]) => name === entry.key);
			if (!known) throw new Misplaced(`${key}: unknown key ${entry.key}`, entry.line);
			value[known[2] ?? known[0]] = known[1].read(entry.node, entry.key);
		}
		return value;
	},
});

/* --- kinds ----------------------------------------------------------------------------------------------------- */

const conditions = message(
	['logins', texts],
	['node_labels', entries],
	['rules', listOf(message(['resources', texts], ['verbs', texts]))],
);
const options = message(
	['max_session_ttl', duration, 'max_session_ttl_s'],
	['forward_agent', flag],
	['port_forwarding', flag],
	['pin_source_ip', flag],
	['permit_pty', flag],
	['omit_input', flag],
	['record_limit', number],
	['client_idle_timeout', duration, 'client_idle_timeout_s'],
);

/* As the rows of clients/tctl/table.c. defaults: laid under what is written. */
const KINDS = {
	role: {
		spec: message(['options', options], ['allow', conditions], ['deny', conditions]),
		defaults: (value) => ({
			...value,
			options: { max_session_ttl_s: 30 * 3600, permit_pty: true, ...value.options },
		}),
	},
	lock: {
		spec: message(
			['user', text],
			['role', text],
			['login', text],
			['node', text],
			['access_request', text],
			['session', text],
			['session_user', text],
			['message', text],
			['expires', time],
		),
		defaults: (value) => value,
	},
};

/* A resource's value as `tctl get` prints it. */
export function toText(kind, value) {
	const frame = { kind, version: 'v1', metadata: new Map([['name', value.name]]), spec: KINDS[kind].spec.show(value) };
	return writeYaml(new Map(Object.entries(frame)));
}

const find = (node, key) => node?.map?.find((entry) => entry.key === key);

function frameOf(root, kind) {
	if (!root.map) wrong(root, 'a resource must be a mapping');
	for (const { key, line } of root.map)
		if (!['kind', 'version', 'metadata', 'spec'].includes(key))
			throw new Misplaced(`${kind}: unknown key ${key}`, line);
	const part = (key) => find(root, key) ?? { line: root.line, node: { line: root.line, value: null } };
	if (part('kind').node.value !== kind) throw new Misplaced(`kind must be ${kind}`, part('kind').line);
	if ((find(root, 'version')?.node.value ?? 'v1') !== 'v1')
		throw new Misplaced('version must be v1', part('version').line);
	return part;
}

/* {value: the message, root: for lineOf}. Throws Misplaced. */
export function fromText(parser, kind, words) {
	const root = readYaml(parser, words),
		part = frameOf(root, kind),
		metadata = message(['name', text]).read(
			find(root, 'metadata')?.node ?? { line: root.line, map: [] },
			'metadata',
		);
	if (!metadata.name && kind !== 'lock') throw new Misplaced('metadata.name is missing', part('metadata').line);
	const spec = KINDS[kind].spec.read(part('spec').node, 'spec');
	return { value: KINDS[kind].defaults({ name: metadata.name ?? '', ...spec }), root };
}

/* --- where a refusal is ---------------------------------------------------------------------------------------- */

/* One step of a place, {node, line, entry}: entry, of a mapping that is a list to authd, is the value already. */
function step({ node, line, entry }, name, index) {
	if (name && entry) return { node, line };
	const found = name
		? (find(node, name) ?? find(node, name.replace(/_s$/, '')))
		: node?.map
			? node.map[index]
			: node?.list && node.list[index] && { line: node.list[index].line, node: node.list[index] };
	if (!found) return { node: !name && isText(node ?? {}) ? node : undefined, line };
	return { node: found.node, line: found.line, entry: !name && !!node.map };
}

/* The line of what authd refused: its words begin with the place ("allow.logins[2]: ..."). 0: they name none. */
export function lineOf(root, refusal) {
	const place = /^[a-z_]+(?:\.[a-z_]+|\[\d{1,9}\])*(?=: )/i.exec(refusal)?.[0].toLowerCase();
	if (!place) return 0;
	let at = { node: find(root, place === 'name' ? 'metadata' : 'spec')?.node, line: 0 };
	for (const [, name, index] of place.matchAll(/([a-z_]+)|\[(\d+)\]/g)) {
		at = step(at, name, Number(index));
		if (!at.line) return 0;
	}
	return at.line;
}
