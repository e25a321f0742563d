// SPDX-License-Identifier: Apache-2.0
/*
 * shell: what is around every page: header with search, navigation by what the roles allow, and the place of the page itself.
 */
import { h, fill, icon } from './h.mjs';
import { session, may, logout } from './session.mjs';
import { go } from './route.mjs';
import { menuButton, sayError, closeDialogs, placeToasts } from './dialog.mjs';
import { failed } from './parts.mjs';
import { showKeys } from './keys.mjs';

const anything = () => true;

/* What leads where; `when` hides what would only be refused. */
const NAVIGATION = [
	[
		'',
		[
			{ href: '/web', words: 'Servers', glyph: 'server', when: anything },
			{ href: '/web/terminal', words: 'Terminals', glyph: 'terminal', when: () => terminals > 0 },
			{
				href: '/web/recordings',
				words: 'Sessions',
				glyph: 'play',
				when: () => may('session', 'list') || may('own_session', 'list'),
			},
			{
				href: '/web/audit',
				words: 'Audit log',
				glyph: 'list',
				when: () => may('event', 'list') || may('own_event', 'list'),
			},
		],
	],
	[
		'Administration',
		[
			{ href: '/web/users', words: 'Users', glyph: 'users', when: () => may('user', 'list') },
			{ href: '/web/roles', words: 'Roles', glyph: 'shield', when: () => may('role', 'list') },
			{ href: '/web/tokens', words: 'Tokens', glyph: 'key', when: () => may('token', 'list') },
			{ href: '/web/nodes', words: 'Nodes', glyph: 'tag', when: () => may('node', 'update', 'delete') },
			{ href: '/web/cluster', words: 'Cluster', glyph: 'cluster', when: () => may('cluster', 'update') },
		],
	],
	['You', [{ href: '/web/account', words: 'Account', glyph: 'user', when: anything }]],
];

let terminals = 0,
	here = '/web';
const nav = h('nav', { 'aria-label': 'Pages', id: 'nav' });
const page = h('div', { id: 'page' }),
	kept = h('div', { id: 'kept', hidden: true });
const main = h('main', { id: 'main', tabindex: '-1' }, page, kept);
const find = h('input', {
	class: 'find',
	type: 'search',
	placeholder: 'Search servers, or env=prod',
	'aria-label': 'Search servers',
	autocomplete: 'off',
	spellcheck: 'false',
	enterkeyhint: 'search',
});
let searching = null;

/* --- navigation ------------------------------------------------------------------------------------------- */

function link({ href, words, glyph }) {
	const current = here === href;
	return h(
		'a',
		{ href, 'aria-current': current ? 'page' : null },
		icon(glyph),
		h('span', null, words),
		href === '/web/terminal' && h('span', { class: 'n' }, terminals),
	);
}

function drawNavigation() {
	fill(
		nav,
		NAVIGATION.map(([title, all]) => {
			const seen = all.filter((entry) => entry.when());
			return seen.length > 0 && [title && h('h2', null, title), seen.map(link)];
		}),
	);
}

/* How many terminals are open. */
export function countTerminals(n) {
	terminals = n;
	drawNavigation();
}

export const openTerminals = () => terminals;

function toggleNavigation(open) {
	document.body.classList.toggle('nav-open', open);
	document.querySelector('.nav-button')?.setAttribute(
		'aria-expanded',
		String(document.body.classList.contains('nav-open')),
	);
}

/* --- header ------------------------------------------------------------------------------------------------- */

/* The page that is shown takes what is typed into the search field; without one it is looked for among the servers. */
export function searchWith(listener, text, signal) {
	searching = listener;
	find.value = text;
	signal.addEventListener('abort', () => {
		if (searching === listener) {
			searching = null;
			find.value = '';
		}
	});
}

export function focusSearch() {
	find.focus();
	find.select();
}

find.addEventListener('input', () => searching?.(find.value));
find.addEventListener('keydown', (event) => {
	if (event.key === 'Enter' && !searching) go('/web?q=' + encodeURIComponent(find.value));
	else if (event.key === 'Escape' && find.value === '') main.focus();
});

function whoMenu() {
	return [
		{ label: 'Account', act: () => go('/web/account') },
		{ label: 'Keyboard', act: showKeys },
		null,
		{ label: 'Log out', act: () => logout().catch(sayError) },
	];
}

function header() {
	const who = session();
	return h(
		'header',
		{ class: 'top' },
		h(
			'button',
			{
				class: 'icon-btn nav-button',
				type: 'button',
				'aria-label': 'Pages',
				'aria-expanded': 'false',
				'aria-controls': 'nav',
				on: { click: () => toggleNavigation() },
			},
			icon('menu'),
		),
		h(
			'a',
			{ class: 'mark', href: '/web', 'aria-label': 'Sallyport: servers' },
			h('span', { class: 'gate', 'aria-hidden': 'true' }),
			h('span', { class: 'words' }, 'Sallyport'),
		),
		h('span', { class: 'cluster' }, who.cluster),
		h('span', { class: 'grow' }),
		h(
			'div',
			{ class: 'search', role: 'search', 'aria-label': 'Servers' },
			icon('search'),
			find,
			h('kbd', { 'aria-hidden': 'true' }, '/'),
		),
		menuButton(
			{ class: 'who', 'aria-label': `${who.user}: account and more` },
			[icon('user'), h('span', { class: 'words' }, who.user), icon('down')],
			whoMenu,
		),
	);
}

/* --- pages ----------------------------------------------------------------------------------------------------- */

/* What stays alive while other pages are shown: terminals. */
export const keptPage = kept;

function drawFrame() {
	if (document.body.classList.contains('app')) return;
	document.body.className = 'app';
	fill(document.body, h('a', { class: 'skip', href: '#main' }, 'Skip to the page'), header(), nav, main);
	placeToasts();
}

/* A page without anything around it: login. Nothing stays of what was seen before. */
export function showBare(node) {
	closeDialogs();
	fill(page);
	kept.hidden = true;
	find.value = '';
	document.body.className = 'bare';
	fill(document.body, node);
}

export function showFramed({ page: what, values, node, error }, again) {
	here = what?.nav ?? what?.pattern ?? '';
	drawFrame();
	drawNavigation();
	toggleNavigation(false);
	const isKept = node === kept;
	kept.hidden = !isKept;
	page.hidden = isKept;
	document.title = [what ? what.title(values ?? {}) : 'No such page', session().cluster].join(' \u00b7 ');
	if (isKept) return;
	if (error) fill(page, failed(error, again));
	else if (!what)
		fill(
			page,
			h(
				'div',
				{ class: 'empty' },
				h('h1', null, 'No such page'),
				h('p', null, h('a', { href: '/web' }, 'To the servers')),
			),
		);
	else fill(page, node ?? h('div', { class: 'wait', 'aria-busy': 'true' }));
	if (node || error) page.querySelector('h1')?.focus({ preventScroll: true });
	scrollTo(0, 0);
}
