// SPDX-License-Identifier: Apache-2.0
/*
 * h: elements from a tag, properties and texts. Every module of the app makes its elements here.
 *
 * Security: nothing here takes markup. What servers, nodes and people named is put into text nodes and attributes, and links
 * lead to pages of this app, to https, or to bytes that the page made itself. `make lint` refuses every other way.
 */
const SVG = 'http://www.w3.org/2000/svg';
const PROPERTIES = new Set([
	'value',
	'checked',
	'selected',
	'disabled',
	'readOnly',
	'indeterminate',
	'hidden',
	'open',
	'max',
	'min',
	'download',
	'multiple',
]);

/* A link that a name made by somebody else can never turn into a script. */
function safeLink(href) {
	const url = new URL(href, location.origin);
	return url.origin === location.origin || ['https:', 'blob:', 'otpauth:'].includes(url.protocol) ? href : '#';
}

function set(node, name, value) {
	if (value === null || value === undefined || value === false) return;
	if (name === 'on') {
		for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
	} else if (/^on|^style$|^src|html$/i.test(name)) {
		throw new Error(`h: ${name} is not for elements of this app`);
	} else if (name === 'href') {
		node.setAttribute('href', safeLink(value));
	} else if (PROPERTIES.has(name) && name in node) {
		node[name] = value;
	} else {
		node.setAttribute(name, value === true ? '' : String(value));
	}
}

/* kids: nodes, texts, numbers, arrays of them; null, undefined and false are nothing. */
export function h(tag, props, ...kids) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(props ?? {})) set(node, name, value);
	append(node, kids);
	return node;
}

function append(node, kids) {
	for (const kid of kids.flat(Infinity)) {
		if (kid !== null && kid !== undefined && kid !== false)
			node.append(kid instanceof Node ? kid : document.createTextNode(String(kid)));
	}
	return node;
}

/* Takes the place of everything that was in the node. */
export function fill(node, ...kids) {
	node.replaceChildren();
	return append(node, kids);
}

/* Drawn by us on a grid of 16; one stroke, in the colour of the text. */
const ICONS = {
	search: 'M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M10.5 10.5L14 14',
	plus: 'M8 3v10M3 8h10',
	close: 'M4 4l8 8M12 4l-8 8',
	down: 'M4 6l4 4l4-4',
	right: 'M6 4l4 4l-4 4',
	server: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01',
	terminal: 'M2 3h12v10H2zM4.5 6l2 2l-2 2M8.5 10h3',
	play: 'M5 3.5l7.5 4.5L5 12.5z',
	pause: 'M5 3.5v9M11 3.5v9',
	list: 'M3 4h10M3 8h10M3 12h6',
	users: 'M6 8a2.5 2.5 0 1 0 0-5a2.5 2.5 0 1 0 0 5M1.5 13.5c0-5 9-5 9 0M10.5 3.2a2.5 2.5 0 0 1 0 4.6M12 9.6c2 .6 3 2 3 4',
	key: 'M5 8a2.6 2.6 0 1 0 0 5.2a2.6 2.6 0 1 0 0-5.2M6.9 8.7L13.2 2.4M10.4 5.2l2.2 2.2',
	shield: 'M8 1.8l5 1.9v3.8c0 3.3-2.1 5.6-5 6.7c-2.9-1.1-5-3.4-5-6.7V3.7z',
	user: 'M8 8a2.8 2.8 0 1 0 0-5.6a2.8 2.8 0 1 0 0 5.6M2.8 14c0-5.2 10.4-5.2 10.4 0',
	copy: 'M6 6h7.5v7.5H6zM10 6V2.5H2.5V10H6',
	more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
	full: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
	upload: 'M8 10V2.5M4.5 5.5L8 2l3.5 3.5M2.5 13.5h11',
	save: 'M8 2.5v7.5M4.5 7L8 10.5L11.5 7M2.5 13.5h11',
	menu: 'M2.5 4h11M2.5 8h11M2.5 12h11',
	cluster: 'M8 2.5l5 2.8v5.4l-5 2.8l-5-2.8V5.3zM8 8l5-2.7M8 8v5.5M8 8L3 5.3',
	tag: 'M2.5 2.5h5.2l5.8 5.8l-5.2 5.2l-5.8-5.8zM5.2 5.2h.01',
};

/* An image of one path on a square of so many units. */
function drawn(side, d, attributes) {
	const svg = document.createElementNS(SVG, 'svg'),
		path = document.createElementNS(SVG, 'path');
	for (const [name, value] of Object.entries({ viewBox: `0 0 ${side} ${side}`, ...attributes }))
		svg.setAttribute(name, value);
	path.setAttribute('d', d);
	svg.append(path);
	return svg;
}

export const icon = (name) => drawn(16, ICONS[name], { class: 'icon', 'aria-hidden': 'true' });

/* As the API gives it, and black on white in every theme: that is how cameras know it. */
export const qrCode = ({ side, path }, label) => drawn(side, path, { class: 'qr', role: 'img', 'aria-label': label });
