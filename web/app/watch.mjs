// SPDX-License-Identifier: Apache-2.0
/*
 * watch: a session while it runs: what it has shown until now at once, then what it shows, as it comes. Nothing is kept: whoever
 * wants to go back plays the recording.
 *
 * Security: there is no keyboard into this terminal and no link out of it. The bytes come from a node that may be hostile, and
 * are drawn as a recording's are.
 */
import { h, fill } from './h.mjs';
import { get, name } from './api.mjs';
import { makeTerminal } from './xterm.mjs';
import { FrameReader, RESIZE } from './frames.mjs';
import { writeAll } from './playback.mjs';
import { describe, fitTo, lookUp } from './player.mjs';
import { endSession, mayEnd, pageOf, standing, whose } from './running.mjs';
import { head, button } from './parts.mjs';

const AGAIN_MS = [1000, 2000, 5000, 10000],
	/* Codes of the close: docs/WEBAPI.md. */
	ENDED = 1000,
	REFUSED = 1008;

/*
 * The WebSocket of one session, opened again when it broke. on.frames(frames) is waited for, and what it took is said to the
 * proxy, which sends no more than a MiB ahead; on.begin() comes before the first; on.recording(recording) as it stands;
 * on.broken(words) and on.over(words).
 */
export function follow(id, on, signal) {
	const url = new URL(`/v1/webapi/recordings/${name(id)}/live`, location.href.replace(/^http/, 'ws'));
	let tries = 0;

	function connect() {
		const socket = new WebSocket(url),
			reader = new FrameReader();
		let queue = Promise.resolve(),
			taken = 0;
		socket.binaryType = 'arraybuffer';
		const close = () => socket.close();
		signal.addEventListener('abort', close);
		socket.onopen = () => {
			queue = queue.then(() => on.begin());
		};
		async function take(bytes) {
			const frames = reader.push(bytes);
			if (frames.length > 0) await on.frames(frames);
			taken += bytes.length;
			if (socket.readyState === WebSocket.OPEN) socket.send(String(taken));
		}
		socket.onmessage = ({ data }) => {
			tries = 0;
			if (typeof data === 'string') on.recording(JSON.parse(data));
			else queue = queue.then(() => take(new Uint8Array(data)));
		};
		socket.onclose = ({ code, reason }) => {
			signal.removeEventListener('abort', close);
			if (signal.aborted) return;
			queue.then(() => {
				if (code === ENDED) return on.over('The session has ended.');
				if (code === REFUSED) return on.over(reason || 'You may not see this session.');
				on.broken(reason || 'The connection is broken.');
				setTimeout(again, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
			});
		};
	}
	/* Why it was refused a WebSocket does not say; whoever asks for the recording hears it, and whether he is logged in. */
	async function again() {
		if (signal.aborted) return;
		try {
			const found = await get('recordings', { session: id, limit: 1 }, { signal });
			if (found.recordings.length === 0)
				return on.over('There is no such session, or none that you may see.');
			connect();
		} catch (error) {
			if (error.name === 'AbortError') return;
			if (error.status === 401 || error.status === 403) return on.over(error.message);
			on.broken(error.message);
			setTimeout(again, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
		}
	}
	connect();
}

export async function show(place) {
	let recording = await lookUp(place.values.id, place.signal);
	const view = makeTerminal({ scrollback: 5000, disableStdin: true }),
		box = h('div', { class: 'xterm-box', tabindex: '0', role: 'group', 'aria-label': 'What the terminal shows' });
	const stands = h('span'),
		state = h('p', { class: 'dim', role: 'status' });
	const end = mayEnd() && button('End session', () => endSession(recording), 'danger');
	const stand = () => fill(stands, standing(recording));
	function over(words) {
		fill(stands);
		if (end) end.hidden = true;
		fill(state, `${words} `, h('a', { href: pageOf(recording) }, 'Play the recording'));
	}
	let first = true;
	const on = {
		begin() {
			view.term.reset();
			first = true;
			fill(state);
		},
		frames(frames) {
			/* a command without a terminal ends its lines by LF alone */
			if (first) view.term.options.convertEol = frames[0].type !== RESIZE;
			first = false;
			return writeAll(view.term, frames);
		},
		recording(row) {
			recording = row;
			stand();
		},
		broken: (words) => fill(state, `${words} Trying again\u2026`),
		over,
	};
	stand();
	const node = h(
		'div',
		null,
		head(
			whose(recording),
			[h('span', { class: 'count' }, recording.user), stands],
			h('a', { class: 'btn', href: '/web/recordings' }, 'All sessions'),
			end,
		),
		h('div', { class: 'player card' }, box),
		state,
		h('div', { class: 'card pad about' }, describe(recording)),
	);
	view.term.onResize(() => fitTo(box, view.term));
	const observer = new ResizeObserver(() => fitTo(box, view.term));
	place.signal.addEventListener('abort', () => {
		observer.disconnect();
		view.dispose();
	});
	requestAnimationFrame(() => {
		if (place.signal.aborted) return;
		view.open(box);
		observer.observe(box);
		follow(place.values.id, on, place.signal);
	});
	return node;
}
