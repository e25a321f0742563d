// SPDX-License-Identifier: Apache-2.0
/*
 * filters: the row of fields above a list that the servers filter: what was typed stands in the address, so that it can be a
 * bookmark.
 */
import { h } from './h.mjs';
import { note } from './route.mjs';
import { plainInput } from './dialog.mjs';
import { moment } from './words.mjs';

const WAIT_MS = 350;
const HOUR = 3600e6;
const SPANS = [
	['', 'Any time'],
	['1h', 'Last hour', HOUR],
	['24h', 'Last 24 hours', 24 * HOUR],
	['7d', 'Last 7 days', 168 * HOUR],
	['30d', 'Last 30 days', 720 * HOUR],
	['own', 'From \u2026 to \u2026'],
];
let ids = 0;

/* options: [value, words]. */
export const selectFilter = (name, label, options) =>
	h(
		'label',
		{ class: 'filter' },
		h('span', null, label),
		h(
			'select',
			{ name },
			options.map(([value, words]) => h('option', { value }, words)),
		),
	);

/* suggest: words to choose from, which may grow: suggestions(list, more). */
export function textFilter(name, label, suggest = []) {
	const list = h(
		'datalist',
		{ id: `suggest-${++ids}` },
		suggest.map((value) => h('option', { value })),
	);
	return h(
		'label',
		{ class: 'filter' },
		h('span', null, label),
		plainInput({ name, list: list.id, placeholder: 'any' }),
		list,
	);
}

export function suggestions(filter, more) {
	const list = filter.querySelector('datalist'),
		have = new Set([...list.children].map((option) => option.value));
	for (const value of more) {
		if (value && !have.has(value) && have.size < 500) {
			have.add(value);
			list.append(h('option', { value }));
		}
	}
}

export function timeFilter() {
	const own = h(
		'span',
		{ class: 'own-time', hidden: true },
		h('label', { class: 'filter' }, h('span', null, 'From'), h('input', { name: 'from', type: 'datetime-local' })),
		h('label', { class: 'filter' }, h('span', null, 'To'), h('input', { name: 'to', type: 'datetime-local' })),
	);
	const span = selectFilter('time', 'Time', SPANS);
	span.addEventListener('change', () => {
		own.hidden = span.querySelector('select').value !== 'own';
	});
	return [span, own];
}

const us = (text) => (text ? new Date(text).getTime() * 1000 : 0);

/* {from_us, to_us} of the fields of timeFilter(). */
export function times(values) {
	if (values.time === 'own') return { from_us: us(values.from), to_us: us(values.to) };
	const length = SPANS.find(([value]) => value === values.time)?.[2];
	return length ? { from_us: Date.now() * 1000 - length } : {};
}

/* A time as a field of timeFilter() has it. */
export const fieldTime = (at_us) => moment(at_us / 1000).slice(0, 16).replace(' ', 'T');

/* The form around the fields; changed(values) is called when they have settled, not for each key. set(values): changes some. */
export function filterForm(place, fields, changed) {
	const form = h(
		'form',
		{
			class: 'filters',
			role: 'search',
			'aria-label': 'Filters',
			on: { submit: (event) => event.preventDefault() },
		},
		fields,
	);
	let timer = 0;
	const own = form.querySelector('.own-time');
	function put(pairs) {
		for (const [name, value] of pairs) {
			const input = form.elements.namedItem(name);
			if (input instanceof HTMLInputElement && input.type === 'checkbox') input.checked = value === '1';
			else if (input) input.value = value;
		}
		if (own) own.hidden = form.elements.time.value !== 'own';
	}
	put(place.query);
	const values = () => Object.fromEntries(new FormData(form));
	const settle = () => {
		note(values());
		changed(values());
	};
	form.addEventListener('input', () => {
		clearTimeout(timer);
		timer = setTimeout(settle, WAIT_MS);
	});
	place.signal.addEventListener('abort', () => clearTimeout(timer));
	const set = (some) => {
		clearTimeout(timer);
		put(Object.entries(some));
		settle();
	};
	return { form, values, set };
}
