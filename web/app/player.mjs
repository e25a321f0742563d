// SPDX-License-Identifier: Apache-2.0
/*
 * player: one recording, in a terminal, with time. Frames come while it plays; a jump back begins at the beginning, without
 * waiting.
 *
 * Security: there is no keyboard into this terminal and no link out of it.
 */
import { h, fill, icon } from './h.mjs';
import { ask, get, name } from './api.mjs';
import { makeTerminal } from './xterm.mjs';
import { readFrames, RESIZE, MARKER, EXIT, GAP, Cast } from './frames.mjs';
import { Player, beginning } from './playback.mjs';
import { saveFile, saveStepwise } from './savefile.mjs';
import { what, whose, pageOf } from './running.mjs';
import { head, button, failed, facts } from './parts.mjs';
import { later } from './update.mjs';
import { sayError, toast } from './dialog.mjs';
import { remember } from './local.mjs';
import { clock, moment, bytes } from './words.mjs';

const SPEEDS = [0.5, 1, 2, 4, 8, 16],
	STEP_S = 5,
	REMARKS_MAX = 500,
	HELD_MAX = 128 << 20; /* of page memory: a jump back needs everything from the beginning */

/* --- what is seen -------------------------------------------------------------------------------------------- */

const glyphButton = (words, glyph, act) =>
	h('button', { class: 'icon-btn', type: 'button', 'aria-label': words, title: words, on: { click: act } }, icon(glyph));

function controls(player) {
	const toggle = glyphButton('Play', 'play', () => (player.playing ? player.pause() : player.play()));
	const bar = h('input', {
		type: 'range',
		min: '0',
		max: '0',
		step: 'any',
		value: '0',
		class: 'timeline',
		'aria-label': 'Time',
		on: { input: () => player.seek(Number(bar.value)) },
	});
	const time = h('span', { class: 'mono time' });
	const speed = h(
		'select',
		{ 'aria-label': 'Speed', on: { change: () => remember('speed', (player.speed = Number(speed.value))) } },
		SPEEDS.map((value) => h('option', { value, selected: value === player.speed }, `${value}\u00d7`)),
	);
	const skip = h('input', {
		type: 'checkbox',
		checked: player.skipIdle,
		on: { change: () => remember('skip-idle', (player.skipIdle = skip.checked)) },
	});
	function draw() {
		fill(toggle, icon(player.playing ? 'pause' : 'play'));
		toggle.setAttribute('aria-label', player.playing ? 'Pause' : 'Play');
		toggle.title = player.playing ? 'Pause' : 'Play';
		bar.max = player.length;
		bar.value = player.at;
		bar.setAttribute('aria-valuetext', clock(player.at));
		fill(time, `${clock(player.at)} / ${clock(player.length)}`);
	}
	draw();
	return {
		draw,
		node: h(
			'div',
			{ class: 'play-bar' },
			toggle,
			bar,
			time,
			speed,
			h('label', { class: 'check' }, skip, 'Skip idle'),
		),
	};
}

/* What the recording says between the lines: ends, gaps, what was typed unseen. "": nothing. */
function remark({ type, data }) {
	const utf = new TextDecoder(),
		view = new DataView(data.buffer, data.byteOffset, data.length);
	if (type === MARKER) return utf.decode(data);
	if (type === GAP && data.length >= 8) return `${bytes(Number(view.getBigUint64(0)))} were not recorded`;
	if (type !== EXIT || data.length < 4) return '';
	return data.length > 4 ? `ended by signal ${utf.decode(data.slice(4))}` : `ended with status ${view.getUint32(0)}`;
}

function remarks(player, list, from) {
	for (const frame of player.frames.slice(from)) {
		const words = list.childElementCount < REMARKS_MAX && remark(frame);
		if (!words) continue;
		const jump = () => player.seek(frame.at);
		const at = h('button', { type: 'button', class: 'link mono', on: { click: jump } }, clock(frame.at));
		list.append(h('li', null, at, ' ', words));
	}
}

export function describe(recording) {
	return facts([
		['User', recording.user],
		['Server', whose(recording)],
		['From', recording.remote_addr],
		['Began', moment(recording.started_us / 1000)],
		['What', what(recording)],
		['Recording', h('span', { class: 'mono' }, recording.session)],
		['', h('a', { href: `/web/audit?session=${encodeURIComponent(recording.session)}` }, 'Its events')],
	]);
}

/* Who and where: the address is all that is known, and all that a history keeps. */
export async function lookUp(id, signal) {
	const found = await get('recordings', { session: id, limit: 1 }, { signal });
	if (found.recordings.length === 0)
		throw new Error(
			'There is no such recording, or none that you may see. It appears some seconds after its session began.',
		);
	return found.recordings[0];
}

async function readAll(id, signal, take, max) {
	const response = await ask('GET', `recordings/${name(id)}/frames`, { signal, accept: 'application/octet-stream' });
	return readFrames(response.body.getReader(), take, max);
}

/* Read once more, and written as it comes: of a recording that is more than a page holds. */
async function writeCast({ session, bytes: size }, cast, { write, tell, signal }) {
	let n = 0;
	async function take(frames) {
		for (const frame of frames) n += frame.data.length;
		await write(cast.take(frames));
		tell(`${bytes(n)} of ${bytes(Math.max(n, size))} written\u2026`);
	}
	const how = await readAll(session, signal, take, Infinity);
	await write(cast.end());
	if (how === 'cut') toast('The recording is cut: the file has what there is of it.');
}

function downloadOf(recording, title, player, box, signal) {
	const name = `${title}-${recording.session.slice(0, 8)}.cast`,
		type = 'application/x-asciicast';
	return () => {
		const cast = new Cast({ title, started_ms: recording.started_us / 1000 });
		if (!player.short) return saveFile(name, type, [cast.take(player.frames), cast.end()]);
		saveStepwise(box, { name, type, signal }, (file) => writeCast(recording, cast, file)).catch(sayError);
	};
}

/* For reading and printing. What is not all of it says so. */
async function textOf(player, id) {
	const { transcript } = await later(() => import('./transcript.mjs')),
		short = `Of its first ${clock(player.length)}; of all of it: tsh play ${id}`;
	return [player.short && h('p', { class: 'dim above' }, short), await transcript(player.frames)];
}

/* Letters as large as the box allows, and so that all lines are seen at once. */
function fitTo(box, term) {
	const width = box.clientWidth - 28,
		height = Math.max(240, innerHeight - 290);
	const size = Math.min(width / term.cols / 0.61, height / term.rows / 1.2);
	if (width > 0) term.options.fontSize = Math.max(5, Math.min(15, Math.floor(size * 2) / 2));
}

/* Into the box with the next frame of the page, for as long as its place is there; opened() then. */
export function openIn(box, view, signal, opened) {
	const fit = () => signal.aborted || fitTo(box, view.term),
		observer = new ResizeObserver(() => requestAnimationFrame(fit)); /* browsers call a change at once a loop */
	view.term.onResize(fit);
	signal.addEventListener('abort', () => {
		observer.disconnect();
		view.dispose();
	});
	requestAnimationFrame(() => {
		if (signal.aborted) return;
		view.open(box);
		observer.observe(box);
		opened();
	});
}

function onKeys(player, signal) {
	const acts = {
		' ': () => (player.playing ? player.pause() : player.play()),
		ArrowLeft: () => player.seek(player.at - STEP_S),
		ArrowRight: () => player.seek(player.at + STEP_S),
		Home: () => player.seek(0),
		End: () => player.seek(player.length),
	};
	addEventListener(
		'keydown',
		(event) => {
			if (
				event.ctrlKey ||
				event.altKey ||
				event.metaKey ||
				event.target.closest?.('input, select, button, a, dialog') ||
				!acts[event.key]
			)
				return;
			event.preventDefault();
			acts[event.key]();
		},
		{ signal },
	);
}

export async function show(place) {
	const { id } = place.values,
		recording = await lookUp(id, place.signal);
	const view = makeTerminal({ scrollback: 5000, disableStdin: true }),
		box = h('div', { class: 'xterm-box', tabindex: '0', role: 'group', 'aria-label': 'What the terminal showed' });
	const list = h('ul', { class: 'remarks' }),
		player = new Player(view.term, () => bar.draw()),
		bar = controls(player);
	const state = h('p', { class: 'dim', role: 'status' }, 'Loading\u2026');
	const title = recording.login ? whose(recording) : 'Recording';
	const saving = h('div'),
		download = button('Download', downloadOf(recording, title, player, saving, place.signal), '', 'save');
	const text = h('div', { hidden: true }),
		textButton = button('As text', () => showText().catch(sayError), '', 'list');
	for (const one of [textButton, download]) one.disabled = true; /* until all of it is here */
	async function showText() {
		text.hidden = !text.hidden;
		textButton.setAttribute('aria-pressed', String(!text.hidden));
		if (text.hidden) return;
		fill(text, await textOf(player, id));
	}
	const node = h(
		'div',
		{ class: 'recording' },
		head(
			title,
			h('span', { class: 'count' }, recording.user),
			h('a', { class: 'btn', href: '/web/recordings' }, 'All sessions'),
			textButton,
			download,
		),
		saving,
		h('div', { class: 'player card' }, box, bar.node),
		state,
		text,
		list,
		h('div', { class: 'card pad about' }, describe(recording)),
	);
	place.signal.addEventListener('abort', () => player.pause());
	onKeys(player, place.signal);
	openIn(box, view, place.signal, () => {
		read(place, recording, player, view.term, list, state).then(() => {
			bar.draw();
			for (const one of [textButton, download]) one.disabled = !player.whole;
		});
	});
	return node;
}

async function read(place, recording, player, term, list, state) {
	let begun = false;
	const from = beginning(place.query, recording.started_us);
	function take(frames) {
		const n = player.frames.length;
		for (const frame of frames) player.frames.push(frame);
		remarks(player, list, n);
		if (!begun && player.frames.length > 0) {
			/* a command without a terminal ends its lines by LF alone */
			begun = true;
			term.options.convertEol = player.frames[0].type !== RESIZE;
			if (!from) player.play();
		}
	}
	try {
		const how = await readAll(place.values.id, place.signal, take, HELD_MAX);
		player.whole = true;
		player.short = how === 'long';
		const ended = player.frames.some((frame) => frame.type === EXIT);
		if (how === 'long')
			fill(
				state,
				`This recording is too long for a browser: this is its beginning, ${clock(player.length)}. `,
				`All of it: tsh play ${place.values.id}, or Download.`,
			);
		else if (how === 'cut') fill(state, 'The recording is cut: this is all there is of it.');
		else if (ended) fill(state);
		else
			fill(
				state,
				'The session goes on: this is what has come so far. ',
				h('a', { class: 'btn small', href: pageOf(recording, '/live') }, 'Watch it'),
			);
		if (from) await player.seek(from);
	} catch (error) {
		if (error.name !== 'AbortError') fill(state, failed(error));
	}
}
