// SPDX-License-Identifier: Apache-2.0
/*
 * parts: what pages are put together from: their head, and what stands where there is nothing, nothing yet, or an error.
 */
import { h, icon } from './h.mjs';

/* Title, how many, and what can be done here. */
export function head(title, count = null, ...actions) {
	return h('div', { class: 'head' }, h('h1', { tabindex: '-1' }, title), count, h('span', { class: 'grow' }), actions);
}

export const button = (words, act, kind = '', glyph = null) =>
	h('button', { class: `btn ${kind}`, type: 'button', on: { click: act } }, glyph && icon(glyph), h('span', null, words));

/* Rows that are not there yet, as high as those that will be. */
export function loading(rows = 6) {
	return h(
		'div',
		{ class: 'card skeleton', 'aria-busy': 'true', 'aria-label': 'Loading' },
		Array.from({ length: rows }, () => h('div', null, h('span'))),
	);
}

export function empty(title, ...kids) {
	return h('div', { class: 'empty' }, h('h2', null, title), kids);
}

export function failed(error, again) {
	return h(
		'div',
		{ class: 'empty bad', role: 'alert' },
		h('h2', null, 'That did not work'),
		h('p', null, error.message),
		error.reload
			? h('p', null, button('Load the page again', () => location.reload(), 'primary'))
			: again && h('p', null, button('Try again', again)),
	);
}

export const chip = (label, on = false) => h('span', { class: on ? 'chip on' : 'chip' }, label);
export const badge = (words, kind = '') => h('span', { class: `badge ${kind}` }, words);

/* name and value one below the other. */
export function facts(pairs) {
	return h(
		'dl',
		{ class: 'facts' },
		pairs
			.filter(([, value]) => value !== null && value !== '' && value !== undefined)
			.map(([name, value]) => [h('dt', null, name), h('dd', null, value)]),
	);
}
