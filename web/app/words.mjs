// SPDX-License-Identifier: Apache-2.0
/*
 * words: numbers and times as people read them. Times come in milliseconds; those of the audit trail in microseconds.
 */
const UNITS = [
	['day', 86400],
	['hour', 3600],
	['minute', 60],
];

/* "3 days", "1 hour", "just now". */
export function since(ms, now = Date.now()) {
	const s = Math.max(0, Math.floor((now - ms) / 1000));
	for (const [unit, size] of UNITS) {
		const n = Math.floor(s / size);
		if (n) return `${n} ${unit}${n === 1 ? '' : 's'}`;
	}
	return 'just now';
}

export const ago = (ms, now) => (since(ms, now) === 'just now' ? 'just now' : since(ms, now) + ' ago');
/* How long still, to the nearest minute. */
export function until(ms, now = Date.now()) {
	return ms <= now ? 'over' : since(now, ms + 30000).replace('just now', 'less than a minute');
}

/* As machines write it. A time that somebody made up need not be one. */
export function utc(ms) {
	const d = new Date(ms);
	return Number.isNaN(d.getTime()) ? 'no time' : d.toISOString();
}

/* In the time of whoever reads it, in the order that sorts: "2026-11-29 06:42:11". */
export function moment(ms) {
	if (!ms) return '';
	return utc(ms - new Date(ms).getTimezoneOffset() * 60000)
		.slice(0, 19)
		.replace('T', ' ');
}

/* 754 -> "12:34", 3754 -> "1:02:34". */
export function clock(seconds) {
	const s = Math.max(0, Math.floor(seconds)),
		pair = (n) => String(n).padStart(2, '0');
	return s >= 3600
		? `${Math.floor(s / 3600)}:${pair(Math.floor(s / 60) % 60)}:${pair(s % 60)}`
		: `${Math.floor(s / 60)}:${pair(s % 60)}`;
}

/* How long something took: "45 s", "12 min", "3 h 5 min". */
export function span(ms) {
	const s = Math.max(0, Math.round(ms / 1000));
	if (s < 60) return `${s} s`;
	return s < 3600 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
}

export function bytes(n) {
	for (const [unit, size] of [
		['GiB', 2 ** 30],
		['MiB', 2 ** 20],
		['KiB', 2 ** 10],
	]) {
		if (n >= size) return `${(n / size).toFixed(n / size < 10 ? 1 : 0)} ${unit}`;
	}
	return `${n} B`;
}

export const count = (n, one, many = one + 's') => `${n.toLocaleString()} ${n === 1 ? one : many}`;
