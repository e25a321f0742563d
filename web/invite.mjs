// SPDX-License-Identifier: Apache-2.0
/*
 * invite: what the page behind an invitation's link can do with script beside what its form does without: a security key or
 * passkey as the second factor.
 */
import { hasSecurityKeys, makeKey } from './securitykey.mjs';

const form = document.querySelector('form');
const problem = document.querySelector('.form-problem');
const button = form.querySelector('button');
const code = form.querySelector('#otp');
const byKey = () => form.elements.kind.value === 'key';

async function post(path, body) {
	let response;
	try {
		response = await fetch('/v1/webapi/invites/' + form.dataset.token + path, {
			method: 'POST',
			credentials: 'same-origin',
			headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
			body: JSON.stringify(body),
		});
	} catch {
		throw new Error('The proxy does not answer. Is this machine on the network?');
	}
	const answer = await response.json().catch(() => ({}));
	if (response.ok) return answer;
	const why = answer.error?.message || `The proxy answered with status ${response.status}.`;
	throw new Error(why[0].toUpperCase() + why.slice(1));
}

function say(text) {
	problem.textContent = text;
	problem.hidden = !text;
}

/* The part of the form that is for the other kind is not there. */
function choose() {
	form.querySelector('.by-app').hidden = byKey();
	form.querySelector('.by-key').hidden = !byKey();
	code.disabled = byKey();
	button.textContent = byKey() ? 'Save and use the security key' : 'Save';
	say('');
}

async function complete() {
	const { password, password2, keyname } = form.elements;
	if (password.value !== password2.value) throw new Error('The two passwords are not the same.');
	const challenge = await post('/key', { origin: location.origin });
	const key = await makeKey(challenge, form.dataset.cluster);
	const session = await post('', { password: password.value, key, name: keyname.value.trim() });
	form.reset();
	return Boolean(session.user);
}

function done(isSignedIn) {
	const main = document.querySelector('main');
	const title = document.createElement('h1');
	const text = document.createElement('p');
	const link = document.createElement('a');
	title.textContent = 'All set';
	title.tabIndex = -1;
	text.textContent = 'Your password and security key are stored. ';
	link.href = '/web';
	link.textContent = isSignedIn ? 'See your servers' : 'Log in';
	text.append(link);
	main.replaceChildren(title, text);
	title.focus();
}

form.addEventListener('submit', async (event) => {
	if (!byKey()) return;
	event.preventDefault();
	say('');
	button.disabled = true;
	try {
		done(await complete());
	} catch (error) {
		say(error.message);
	}
	button.disabled = false;
});

if (hasSecurityKeys()) {
	form.querySelector('.choice').hidden = false;
	for (const kind of form.elements.kind) kind.addEventListener('change', choose);
	choose();
}
