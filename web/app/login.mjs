// SPDX-License-Identifier: Apache-2.0
/*
 * login: who are you. After it the page that was wanted; or, once more in time, the page that is there.
 */
import { h, fill } from './h.mjs';
import { busy, codeInput, dialog, field, plainInput } from './dialog.mjs';
import { login, loginWithKey, session } from './session.mjs';
import { hasSecurityKeys } from './securitykey.mjs';
import { recall, remember } from './local.mjs';

/* Only back into the app. */
function wanted(place) {
	const next = place.query.get('next') ?? '';
	return /^\/web(\/|\?|$)/.test(next) && !next.startsWith('/web/login') ? next : '/web';
}

/* Password and code, or password and a security key. user: an input. then(): somebody is logged in. */
function loginForm(user, then) {
	const password = h('input', { name: 'password', type: 'password', autocomplete: 'current-password', required: true });
	const otp = codeInput({ name: 'otp', required: true });
	const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
	const button = h('button', { class: 'btn primary big', type: 'submit' }, 'Log in');

	const byKey = h('button', { class: 'btn big', type: 'submit', formnovalidate: true }, 'Use a security key');

	/* A code is not asked for where a key signs. */
	function prove(pressed) {
		if (pressed !== byKey) return login(user.value.trim(), password.value, otp.value.replace(/\s/g, ''));
		if (!user.reportValidity() || !password.reportValidity()) return false;
		return loginWithKey(user.value.trim(), password.value);
	}

	async function send(event) {
		const pressed = event.submitter === byKey ? byKey : button;
		event.preventDefault();
		problem.hidden = true;
		busy(pressed, true);
		try {
			if ((await prove(pressed)) === false) return busy(pressed, false);
			password.value = '';
			then();
		} catch (error) {
			fill(problem, error.message);
			problem.hidden = false;
			otp.value = '';
			(error.status === 401 || error.status === 403 ? password : otp).focus();
		}
		busy(pressed, false);
	}
	const form = h(
		'form',
		{ class: 'form', on: { submit: send } },
		user.hidden ? user : field('User', user),
		field('Password', password),
		field('Code', otp, 'The six digits that your authenticator app shows now.'),
		problem,
		button,
		hasSecurityKeys() && byKey,
	);
	return { form, focus: () => (user.value ? password : user).focus() };
}

/* Who is logged in does so once more, before the session ends: for a new one. Nothing that is open is left. */
export function loginAgain(then) {
	const { user } = session();
	const box = dialog('Log in again');
	const { form, focus } = loginForm(
		h('input', { type: 'text', autocomplete: 'username', value: user, readonly: true, hidden: true }),
		() => {
			box.close();
			then();
		},
	);
	fill(box.body, h('p', { class: 'dim' }, `As ${user}, at ${location.host}.`), form);
	focus();
}

/* then(path): what happens when somebody is logged in. why: why he has to, if there is something to say. */
export function loginPage(place, then, why = '') {
	const user = plainInput({ name: 'user', autocomplete: 'username', required: true, value: recall('user', '') });
	const { form, focus } = loginForm(user, () => {
		remember('user', user.value.trim());
		then(wanted(place));
	});
	setTimeout(focus);
	return h(
		'main',
		{ class: 'login' },
		h('p', { class: 'mark' }, h('span', { class: 'gate', 'aria-hidden': 'true' }), 'Sallyport'),
		h('h1', null, 'Log in'),
		h('p', { class: 'dim host' }, location.host),
		why && h('p', { class: 'note', role: 'status' }, why),
		form,
		h(
			'p',
			{ class: 'dim foot' },
			'No account yet? An administrator gives you a link. ',
			h('a', { href: '/', target: '_self' }, 'With tsh from a terminal'),
		),
	);
}
