// SPDX-License-Identifier: Apache-2.0
/*
 * account: who one is here, where one is logged in, one's second factors, and one's password.
 */
import { h, fill } from './h.mjs';
import { get, post, remove, name } from './api.mjs';
import { session, logout, loadSession } from './session.mjs';
import { busy, confirm, copyable, field, sayError, toast } from './dialog.mjs';
import { head, facts, failed, loading, chip, badge } from './parts.mjs';
import { ago, moment, until } from './words.mjs';
import { factors } from './factors.mjs';
import { proof } from './proof.mjs';
import { hasSecurityKeys } from './securitykey.mjs';

/* --- web sessions ----------------------------------------------------------------------------------------------- */

/* What a browser calls itself, as a name for people. */
function browserName(agent) {
	const found = [
		['Edge', /Edg\/(\d+)/],
		['Firefox', /Firefox\/(\d+)/],
		['Chrome', /Chrome\/(\d+)/],
		['Safari', /Version\/(\d+).*Safari/],
	]
		.map(([words, e]) => [words, e.exec(agent)?.[1]])
		.find(([, v]) => v);
	const system = ['Windows', 'Android', 'iPhone', 'Mac OS', 'Linux'].find((words) => agent.includes(words)) ?? '';
	return found ? `${found[0]} ${found[1]}${system && ` on ${system}`}` : agent || 'unknown browser';
}

function sessionRow(one, changed) {
	async function end() {
		await remove(`account/sessions/${name(one.id)}`);
		changed();
	}
	return h(
		'tr',
		null,
		h(
			'td',
			null,
			h('span', { title: one.browser }, browserName(one.browser)),
			one.current && badge('this one', 'ok'),
		),
		h('td', { class: 'mono opt' }, one.address),
		h('td', { class: 'opt', title: moment(one.created) }, ago(one.created)),
		h(
			'td',
			{ class: 'end' },
			!one.current &&
				h(
					'button',
					{ class: 'btn small', type: 'button', on: { click: () => end().catch(sayError) } },
					'Sign out',
				),
		),
	);
}

function sessions(signal) {
	const body = h('div', null, loading(2));
	async function load() {
		try {
			const found = await get('account/sessions', {}, { signal });
			fill(
				body,
				h(
					'div',
					{ class: 'card' },
					h(
						'table',
						{ class: 'rows', 'aria-label': 'Where you are logged in' },
						h(
							'thead',
							null,
							h(
								'tr',
								null,
								h('th', { scope: 'col' }, 'Browser'),
								h('th', { scope: 'col', class: 'opt' }, 'Address'),
								h('th', { scope: 'col', class: 'opt c-state' }, 'Since'),
								h(
									'th',
									{ scope: 'col', class: 'c-play' },
									h('span', { class: 'unseen' }, 'Actions'),
								),
							),
						),
						h(
							'tbody',
							null,
							found.sessions.map((one) => sessionRow(one, load)),
						),
					),
				),
			);
		} catch (error) {
			if (error.name !== 'AbortError') fill(body, failed(error, load));
		}
	}
	load();
	return body;
}

async function everywhere() {
	if (
		!(await confirm(
			'Sign out everywhere?',
			'Your web sessions, open terminals and API tokens end, here too. tsh has to log in anew.',
			'Sign out everywhere',
		))
	)
		return;
	await post('account/signout');
	await loadSession();
}

/* --- password ------------------------------------------------------------------------------------------------------ */

function passwordForm() {
	const input = (props) => h('input', { required: true, ...props });
	const { password: now, otp, given } = proof();
	const next = input({ type: 'password', autocomplete: 'new-password', minlength: '12', maxlength: '128' });
	const again = input({ type: 'password', autocomplete: 'new-password' });
	const problem = h('p', { class: 'problem', role: 'alert', hidden: true }),
		save = h('button', { class: 'btn primary', type: 'submit' }, 'Change password'),
		byKey = h('button', { class: 'btn', type: 'submit', formnovalidate: true }, 'Change with a security key');
	async function send(event) {
		const pressed = event.submitter === byKey ? byKey : save;
		event.preventDefault();
		problem.hidden = true;
		if (![now, next, again].every((input) => input.reportValidity())) return;
		busy(pressed, true);
		try {
			if (next.value !== again.value) throw new Error('The two new passwords are not the same.');
			/* A wrong one is no end of the session. */
			const shown = await given(pressed === byKey);
			await post('account/password', { ...shown, new_password: next.value }, { quiet: true });
			event.target.reset();
			toast('Your password is changed. Your other sessions and your API tokens have ended.');
		} catch (error) {
			fill(problem, error.message);
			problem.hidden = false;
		}
		busy(pressed, false);
	}
	return h(
		'form',
		{ class: 'form narrow', on: { submit: send } },
		h('input', { type: 'text', autocomplete: 'username', value: session().user, readonly: true, hidden: true }),
		field('Password of now', now),
		field('New password', next, 'At least 12 characters, and none that is easily guessed.'),
		field('The same again', again),
		field('Code', otp, 'The six digits that your authenticator app shows now.'),
		h('p', { class: 'help' }, 'Your other sessions, tsh and the API tokens that you made end with the old one.'),
		problem,
		h('div', { class: 'row' }, save, ' ', hasSecurityKeys() && byKey),
	);
}

/* With the pin of the cluster's authority, by which a tsh that was never here knows whom to believe. */
function tshLine(who, signal) {
	const proxy = who.proxy_public_addr || location.host,
		line = (pin) => copyable(`tsh login --proxy=${proxy} --user=${who.user}${pin}`, 'The command'),
		box = h('div', null, line(''));
	get('status', {}, { signal })
		.then(({ ca_pins: [pin] }) => pin && fill(box, line(` --ca-pin=${pin}`)))
		.catch(sayError);
	return box;
}

export function show(place) {
	const who = session();
	return h(
		'div',
		null,
		head(
			'Account',
			null,
			h('button', { class: 'btn', type: 'button', on: { click: () => logout().catch(sayError) } }, 'Log out'),
		),
		h(
			'div',
			{ class: 'stack' },
			h(
				'section',
				{ class: 'card pad' },
				facts([
					['User', who.user],
					['Roles', who.roles.map((role) => [chip(role), ' '])],
					['Logins', who.logins.join(', ') || 'none'],
					['This session ends', `${moment(who.expires)}, in ${until(who.expires)}`],
				]),
				h('p', { class: 'dim above' }, 'From a terminal:'),
				tshLine(who, place.signal),
			),
			h(
				'section',
				null,
				h(
					'div',
					{ class: 'head' },
					h('h2', null, 'Where you are logged in'),
					h('span', { class: 'grow' }),
					h(
						'button',
						{
							class: 'btn danger',
							type: 'button',
							on: { click: () => everywhere().catch(sayError) },
						},
						'Sign out everywhere',
					),
				),
				sessions(place.signal),
			),
			factors(place.signal),
			h('section', { class: 'card pad' }, h('h2', null, 'Password'), passwordForm()),
		),
	);
}
