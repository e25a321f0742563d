// SPDX-License-Identifier: Apache-2.0
/*
 * approve: a login of tsh's that waits for its user's word. What that gives, the grant, goes to a port of this machine, or is
 * shown to be typed into the terminal: to the one who approved, in any case, and not to whoever began the login.
 */
import { h, fill } from './h.mjs';
import { get, post, name } from './api.mjs';
import { busy, field, plainInput } from './dialog.mjs';
import { head, facts, badge, button } from './parts.mjs';
import { ago, moment } from './words.mjs';
import { session } from './session.mjs';
import { hasSecurityKeys } from './securitykey.mjs';
import { proof } from './proof.mjs';

const HALF = 4;
const words = {
	elsewhere: 'It was begun at another address than yours. ',
	unknown: 'It may have been begun at another address than yours. ',
	yourself:
		'Go on only if you ran tsh login on that machine yourself, ' +
		'a moment ago: not because somebody sent you this link.',
	code:
		'The four letters that tsh shows in your terminal. If no terminal of yours shows any, ' +
		'somebody else wants to log in as you.',
	grant: 'You will be shown a code to type into the terminal in which you ran tsh login.',
	warning:
		'Nobody else needs it. Whoever asks you for this code, on the phone or in a message, ' +
		'wants to log in as you.',
	proof: 'You logged in here a while ago: show once more that it is you.',
	told: (address) =>
		`That login gets nothing, and the audit log names ${address}. ` +
		'If somebody sent you the link, tell whoever looks after the cluster.',
};

/* --- who asks ---------------------------------------------------------------------------------------------------- */

/* A proxy that does not say whose its connections are leaves either unknown. */
const isKnown = (asked) => Boolean(asked.address && asked.own_address);
const isYours = (asked) => isKnown(asked) && asked.address === asked.own_address;
const address = (text) => (text ? h('span', { class: 'mono' }, text) : 'not known');

function whereFrom(asked) {
	const verdict = isYours(asked) ? badge('yours', 'ok') : badge('not yours', 'warn');
	return [address(asked.address), isKnown(asked) && [' ', verdict]];
}

function whoAsks(asked) {
	return [
		facts([
			['What asks', `${asked.tool} (as it calls itself)`],
			['From the address', whereFrom(asked)],
			['You are at', address(asked.own_address)],
			['Since', h('span', { title: moment(asked.begun) }, ago(asked.begun))],
			['It will act as', session().user],
		]),
		!isYours(asked) &&
			h(
				'p',
				{ class: 'note warn above', role: 'alert' },
				isKnown(asked) ? words.elsewhere : words.unknown,
				words.yourself,
			),
	];
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

function showGrant(box, grant) {
	fill(
		box,
		h('p', null, 'Type this into the terminal in which you ran tsh login:'),
		h('p', { class: 'grant', role: 'status' }, `${grant.slice(0, HALF)}-${grant.slice(HALF)}`),
		h('p', { class: 'note warn' }, words.warning),
	);
}

function showRefused(box, asked) {
	fill(
		box,
		h('h2', null, 'Refused'),
		h(
			'p',
			null,
			!isYours(asked) && asked.address ? words.told(asked.address) : 'That login gets nothing.',
		),
	);
}

/* --- the form ------------------------------------------------------------------------------------------------------- */

function form(id, asked, box) {
	const code = plainInput({ required: true, maxlength: '9', class: 'code-input', placeholder: 'WDJB' }),
		{ password, otp, given } = proof();
	const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
	const yes = h('button', { class: 'btn primary', type: 'submit' }, 'Log in'),
		byKey = h('button', { class: 'btn', type: 'submit', formnovalidate: true }, 'Use a security key'),
		no = button('It was not me', refuse, 'danger');

	function fail(error) {
		fill(problem, error.message);
		problem.hidden = false;
	}

	async function approve(pressed) {
		const shown = asked.proof_wanted ? await given(pressed === byKey) : {};
		/* A wrong password is no end of the session. */
		const answer = await post(
			`approve/${name(id)}`,
			{ ...(asked.port ? { code: code.value } : {}), ...shown },
			{ quiet: asked.proof_wanted },
		);
		if (answer.port) location.replace(`http://127.0.0.1:${answer.port}/${id}?grant=${answer.grant}`);
		else showGrant(box, answer.grant);
	}

	async function send(event) {
		const pressed = event.submitter === byKey ? byKey : yes,
			wanted = [asked.port && code, asked.proof_wanted && password].filter(Boolean);
		event.preventDefault();
		problem.hidden = true;
		if (!wanted.every((input) => input.reportValidity())) return;
		busy(pressed, true);
		try {
			await approve(pressed);
		} catch (error) {
			fail(error);
		}
		busy(pressed, false);
	}

	async function refuse() {
		busy(no, true);
		try {
			await post(`approve/${name(id)}/refuse`);
			showRefused(box, asked);
		} catch (error) {
			fail(error);
		}
		busy(no, false);
	}

	return h(
		'form',
		{ class: 'form narrow above', on: { submit: send } },
		asked.port ? field('Code', code, words.code) : h('p', { class: 'dim' }, words.grant),
		asked.proof_wanted && [
			h('p', { class: 'dim' }, words.proof),
			field('Password', password),
			field('One-time code', otp, 'The six digits that your authenticator app shows now.'),
		],
		problem,
		h('div', { class: 'actions' }, yes, asked.proof_wanted && hasSecurityKeys() && byKey, no),
	);
}

export async function show(place) {
	const { id } = place.values,
		asked = await get(`approve/${name(id)}`, {}, { signal: place.signal }),
		box = h('section', { class: 'card pad' });
	fill(box, whoAsks(asked), form(id, asked, box));
	return h('div', null, head('Log in with tsh?'), box);
}

/* Where the port of this machine sends the browser. */
export function showDone() {
	return h(
		'div',
		null,
		head('Approved'),
		h('section', { class: 'card pad' }, h('p', null, 'tsh goes on in your terminal. This page can be closed.')),
	);
}
