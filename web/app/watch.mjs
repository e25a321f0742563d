// SPDX-License-Identifier: Apache-2.0
/*
 * watch: a session while it runs: what it has shown until now at once, then what it shows, as it comes. Nothing is kept: whoever
 * wants to go back plays the recording.
 *
 * Security: there is no keyboard into this terminal and no link out of it. The bytes come from a node that may be hostile, and
 * are drawn as a recording's are.
 */
import { h, fill } from './h.mjs';
import { makeTerminal } from './xterm.mjs';
import { follow } from './follow.mjs';
import { RESIZE } from './frames.mjs';
import { writeAll } from './playback.mjs';
import { describe, lookUp, openIn } from './player.mjs';
import { endSession, mayEnd, pageOf, standing, whose } from './running.mjs';
import { head, button } from './parts.mjs';

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
	openIn(box, view, place.signal, () => follow(place.values.id, on, place.signal));
	return node;
}
