// SPDX-License-Identifier: Apache-2.0
/*
 * eventfile: events as lines of a file: JSON lines as the API has them, and CSV (RFC 4180), the same as `tctl audit export` writes
 * (lib/view/event_csv.c).
 *
 * Security: what users typed and named is opened with spreadsheets, and shown by terminals. What one would take for a formula, at
 * the beginning of a cell or behind a comma or semicolon in it, has an apostrophe before it; what a terminal might obey is escaped.
 */
import { utc } from './words.mjs';

const COLUMNS = [
	'time',
	'received',
	'type',
	'code',
	'ok',
	'user',
	'backed',
	'login',
	'node_name',
	'node',
	'session',
	'connection',
	'remote_addr',
	'message',
	'producer_kind',
	'producer',
	'id',
	'fields',
];

/* Control characters, and those that move others about, as lib/base/str.c has them. */
const ODD = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;
const ESCAPES = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };
const hex = (n, digits) => n.toString(16).padStart(digits, '0');
const escaped = (c) => ESCAPES[c] ?? [...new TextEncoder().encode(c)].map((byte) => `\\x${hex(byte, 2)}`).join('');

/* As lib/base/readable.h says. */
const readable = (text) => (ODD.test(text) ? text.replace(new RegExp(`${ODD.source}|\\\\`, 'g'), escaped) : text);

/* Also by the wide forms of the characters, and behind what is skipped. */
const FORMULA = /(^|[,;])(?=[ "]*[=+\-@\uff1d\uff0b\uff0d\uff20])/g;

function cell(value) {
	const text = readable(value),
		safe = text.replace(FORMULA, "$1'");
	return safe === text && !/[",;]/.test(text) ? text : `"${safe.replace(/"/g, '""')}"`;
}

/* What JSON does not escape. */
const jsonLine = (found) =>
	JSON.stringify(found).replace(new RegExp(ODD.source, 'g'), (c) => `\\u${hex(c.charCodeAt(0), 4)}`) + '\n';

function csvLine({ event, ...about }) {
	const values = {
		...event,
		...about,
		time: utc(event.time_us / 1000),
		received: utc(about.received_us / 1000),
		fields: event.fields.map(({ key, value }) => `${key}=${value}`).join('; '),
	};
	return COLUMNS.map((key) => cell(String(values[key]))).join(',') + '\r\n';
}

/* By the ending of the file's name: its type, what stands first in it, and the line of an event. */
export const EVENT_FILES = {
	jsonl: { type: 'application/jsonl', head: '', line: jsonLine },
	csv: { type: 'text/csv', head: COLUMNS.join(',') + '\r\n', line: csvLine },
};
