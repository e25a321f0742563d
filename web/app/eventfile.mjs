// SPDX-License-Identifier: Apache-2.0
/*
 * eventfile: events as lines of a file: JSON lines as the API has them, and CSV (RFC 4180), the same as `tctl audit export` writes
 * (lib/view/event_csv.c).
 *
 * Security: what users typed and named is opened with spreadsheets: a cell that one would take for a formula has an apostrophe
 * before it.
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

/* Also by the wide forms of the characters, and behind what is skipped. */
const FORMULA = /^[ \t\r\n\v\f]*[=+\-@\uff1d\uff0b\uff0d\uff20]/;

function cell(text) {
	const formula = FORMULA.test(text);
	if (!formula && !/[",;\t\r\n]/.test(text)) return text;
	return `"${formula ? "'" : ''}${text.replace(/"/g, '""')}"`;
}

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
	jsonl: { type: 'application/jsonl', head: '', line: (found) => JSON.stringify(found) + '\n' },
	csv: { type: 'text/csv', head: COLUMNS.join(',') + '\r\n', line: csvLine },
};
