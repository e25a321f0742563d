// SPDX-License-Identifier: Apache-2.0
/*
 * terminal: the page with all open terminals as tabs. It stays alive while other pages are shown; what is open ends when its
 * tab, the browser's tab or the web session ends.
 */
import { h, fill, icon } from './h.mjs';
import { go } from './route.mjs';
import { keptPage, countTerminals } from './shell.mjs';
import { session, onSession } from './session.mjs';
import { terminalPath } from './servers.mjs';
import { Tab } from './tab.mjs';
import { menuButton, toast } from './dialog.mjs';
import { empty } from './parts.mjs';
import { usedLogin } from './local.mjs';

const TABS_MAX = 32;
let tabs = [],
	active = null,
	of = null; /* whose tabs they are */

const strip = h('ul', { class: 'tabs', 'aria-label': 'Open terminals' });
const tools = h('div', { class: 'tools' });
const panels = h('div', { class: 'panels' });
const none = empty('No terminal is open', h('p', null, h('a', { href: '/web' }, 'Choose a server')));
const node = h(
	'div',
	{ class: 'terminals' },
	h('h1', { class: 'unseen' }, 'Terminals'),
	h('div', { class: 'tab-bar' }, strip, tools),
	panels,
	none,
);

/* --- the strip -------------------------------------------------------------------------------------------------- */

function drawTab(tab) {
	const on = tab === active;
	return h(
		'li',
		{ class: `tab ${on ? 'on' : ''} ${tab.state}` },
		h(
			'button',
			{
				type: 'button',
				class: 'tab-name',
				'aria-current': on ? 'true' : null,
				title: tab.title,
				on: {
					click: () => choose(tab),
					auxclick: (event) => {
						if (event.button === 1) tab.close();
					},
				},
			},
			h('span', { class: tab.live ? 'dot' : tab.state === 'opening' ? 'dot wait' : 'dot off' }),
			h('span', { class: 'title' }, tab.title),
			tab.rang && h('span', { class: 'bell', title: 'It rang' }, '\u2022'),
		),
		h(
			'button',
			{
				type: 'button',
				class: 'icon-btn',
				'aria-label': `Close ${tab.title}`,
				on: { click: () => tab.close() },
			},
			icon('close'),
		),
	);
}

const tool = (words, glyph, act) =>
	h(
		'button',
		{ class: 'icon-btn opt', type: 'button', 'aria-label': words, title: words, on: { click: act } },
		icon(glyph),
	);

function moreTools() {
	const files = [
		{ label: 'Upload files\u2026', act: () => active.transfers.choose() },
		{ label: 'Download a file\u2026', act: () => active.transfers.download() },
		null,
	];
	return [
		...(active.live ? files : []),
		{ label: 'Search\u2026', act: () => active.find() },
		{ label: 'Larger letters', act: () => active.enlarge(1) },
		{ label: 'Smaller letters', act: () => active.enlarge(-1) },
		{ label: 'Letters as before', act: () => active.enlarge(0) },
		{ label: 'Full screen', act: fullScreen },
	];
}

function draw() {
	fill(strip, tabs.map(drawTab));
	fill(
		tools,
		active && [
			active.live && [
				tool('Upload files', 'upload', () => active.transfers.choose()),
				tool('Download a file', 'save', () => active.transfers.download()),
			],
			tool('Search in the scrollback', 'search', () => active.find()),
			tool('Full screen', 'full', fullScreen),
			menuButton({ class: 'icon-btn', 'aria-label': 'More for this terminal' }, icon('more'), moreTools),
			active.live &&
				h(
					'button',
					{ class: 'btn small danger', type: 'button', on: { click: () => active.disconnect() } },
					'Disconnect',
				),
		],
	);
	none.hidden = tabs.length > 0;
	countTerminals(tabs.length);
}

/* Keys that are the strip's also while a program on a node has the keyboard. */
function keys(event) {
	const step = event.ctrlKey && event.altKey && { PageUp: -1, PageDown: 1 }[event.key];
	if (!step) return false;
	choose(tabs[(tabs.indexOf(active) + step + tabs.length) % tabs.length]);
	return true;
}

strip.addEventListener('keydown', (event) => {
	const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
	if (!step || !event.target.classList.contains('tab-name')) return;
	choose(tabs[(tabs.indexOf(active) + step + tabs.length) % tabs.length]);
	strip.querySelector('[aria-current]')?.focus();
});

async function fullScreen() {
	try {
		await (document.fullscreenElement ? document.exitFullscreen() : node.requestFullscreen());
	} catch {
		toast('The browser does not allow full screen here.');
	}
	active?.focus();
}

/* --- tabs -------------------------------------------------------------------------------------------------------- */

/* The address is that of the tab one sees: a bookmark of it opens the same. */
function choose(tab) {
	active = tab;
	for (const one of tabs) one.show(one === tab);
	draw();
	if (!keptPage.hidden && session()) {
		history.replaceState({ tab: tab.id }, '', terminalPath(tab.node, tab.login));
		document.title = `${tab.title} \u00b7 ${session().cluster}`;
	}
}

function left(tab) {
	const at = tabs.indexOf(tab);
	if (at < 0) return;
	tabs = tabs.filter((one) => one !== tab);
	if (active === tab) active = null;
	if (tabs.length > 0 && !active) return choose(tabs[Math.min(at, tabs.length - 1)]);
	draw();
	if (tabs.length === 0 && !keptPage.hidden && session()) go('/web');
}

function openTab(values) {
	const tab = new Tab({ ...values, changed: draw, left, keys });
	tabs.push(tab);
	panels.append(tab.panel);
	usedLogin(values.node, values.login);
	return tab;
}

export function show(place) {
	if (node.parentNode !== keptPage) keptPage.append(node);
	keptPage.hidden = false;
	let tab = tabs.find((one) => one.id === place.state?.tab) ?? (place.values.node ? null : active);
	const fresh = !tab && place.values.node;
	if (fresh && tabs.length >= TABS_MAX) throw new Error(`${TABS_MAX} terminals are open: close one first.`);
	if (fresh) tab = openTab(place.values);
	requestAnimationFrame(() => {
		const isHere = tab && tabs.includes(tab);
		if (isHere) choose(tab);
		else draw();
		if (fresh && isHere) tab.open();
	});
	return keptPage;
}

/* --- ends ----------------------------------------------------------------------------------------------------------- */

/* A shell's Ctrl+W is the browser's, too: it asks before it throws away what is open. */
addEventListener('beforeunload', (event) => {
	if (tabs.some((tab) => tab.live)) event.preventDefault();
});

/* Out of the page first: none of them may be seen by whoever logs in next, even if closing one fails. */
function closeAll() {
	const old = tabs;
	tabs = [];
	active = null;
	fill(panels);
	draw();
	for (const tab of old) tab.close();
}

/* A new session of the same person leaves them: they end with the one that they are of. */
onSession((who) => {
	if ((who?.user ?? null) === of) return;
	of = who?.user ?? null;
	closeAll();
});
