// SPDX-License-Identifier: Apache-2.0
/*
 * factors: one's second factors: authenticator apps and security keys. Adding and removing asks for the password: who finds
 * this page open gives himself no key of his own.
 */
import { h, fill, qrCode } from './h.mjs';
import { get, post, name } from './api.mjs';
import { session } from './session.mjs';
import { codeInput, copyable, field, formDialog, menuButton, sayError, toast } from './dialog.mjs';
import { button, failed, loading } from './parts.mjs';
import { hasSecurityKeys, makeKey } from './securitykey.mjs';
import { ago, moment } from './words.mjs';

const KINDS = { totp: 'Authenticator app', webauthn: 'Security key' };

/* A wrong password is no end of the session. */
const send = (path, body) => post(`account/${path}`, body, { quiet: true });

/* --- forms ------------------------------------------------------------------------------------------------------ */

const nameField = (value, placeholder) =>
	field(
		'Name',
		h('input', { name: 'name', required: true, maxlength: '64', autocomplete: 'off', value, placeholder }),
	);
const passwordField = () => [
	h('input', { type: 'text', autocomplete: 'username', value: session().user, readonly: true, hidden: true }),
	field(
		'Your password',
		h('input', { name: 'password', type: 'password', autocomplete: 'current-password', required: true }),
	),
];

function addKey(changed) {
	formDialog('Add a security key or passkey', {
		button: 'Continue',
		note: 'The browser then asks you to touch the key, or for this device\u2019s lock.',
		fields: [nameField('', 'blue key'), passwordField()],
		async submit(values) {
			const offer = await send('newfactor', {
				kind: 'webauthn',
				password: values.password,
				origin: location.origin,
			});
			await send('factors', {
				name: values.name.trim(),
				key: await makeKey(offer.key, session().cluster),
			});
			toast(`${values.name.trim()} is added: you can log in with it.`);
			changed();
		},
	});
}

/* The second step: what the app is to know, and the code that shows that it does. */
function addCode(offer, label, changed) {
	formDialog('Set up the app', {
		button: 'Add',
		fields: [
			h('p', null, offer.totp_qr ? 'Scan this with the app.' : 'Tell the app what it has to know.'),
			offer.totp_qr && qrCode(offer.totp_qr, 'QR code for the app'),
			h(
				'p',
				null,
				'Without a camera: ',
				h('a', { href: offer.totp_uri }, 'open it in an app'),
				' on this device, or type this secret into one:',
			),
			copyable(offer.totp_secret, 'The secret'),
			field(
				'Code',
				codeInput({ name: 'otp', required: true }),
				'The six digits that it shows then.',
			),
		],
		async submit(values) {
			await send('factors', { name: label, ticket: offer.ticket, otp: values.otp.replace(/\s/g, '') });
			toast(`${label} is added.`);
			changed();
		},
	});
}

function addApp(changed) {
	formDialog('Add an authenticator app', {
		button: 'Continue',
		fields: [nameField('', 'phone'), passwordField()],
		async submit(values, box) {
			const offer = await send('newfactor', { kind: 'totp', password: values.password });
			box.close();
			addCode(offer, values.name.trim(), changed);
		},
	});
}

function rename(one, changed) {
	formDialog(`Rename ${one.name}`, {
		button: 'Save',
		fields: nameField(one.name, ''),
		async submit(values) {
			await send(`factors/${name(one.id)}`, { name: values.name.trim() });
			changed();
		},
	});
}

function drop(one, changed) {
	formDialog(`Remove ${one.name}?`, {
		button: 'Remove',
		danger: true,
		note: 'It is asked for no more. Who is logged in stays so.',
		fields: passwordField(),
		async submit(values) {
			await send(`factors/${name(one.id)}/remove`, { password: values.password });
			changed();
		},
	});
}

/* --- the list ------------------------------------------------------------------------------------------------------ */

function row(one, last, changed) {
	const kind = one.site && one.site !== location.hostname ? `${KINDS[one.kind]} for ${one.site}` : KINDS[one.kind];
	return h(
		'tr',
		null,
		h('td', null, one.name),
		h('td', { class: 'opt' }, kind),
		h('td', { class: 'opt c-state', title: moment(one.created) }, ago(one.created)),
		h('td', { class: 'c-state', title: one.used ? moment(one.used) : '' }, one.used ? ago(one.used) : 'never'),
		h(
			'td',
			{ class: 'end' },
			menuButton({ class: 'btn small', 'aria-label': `Actions for ${one.name}` }, '\u22ef', () => [
				{ label: 'Rename', act: () => rename(one, changed) },
				...(last ? [] : [{ label: 'Remove', danger: true, act: () => drop(one, changed) }]),
			]),
		),
	);
}

function table(found, changed) {
	const column = (words, kind = '') => h('th', { scope: 'col', class: kind }, words);
	return h(
		'div',
		{ class: 'card' },
		h(
			'table',
			{ class: 'rows', 'aria-label': 'Second factors' },
			h(
				'thead',
				null,
				h(
					'tr',
					null,
					column('Name'),
					column('Kind', 'opt'),
					column('Added', 'opt c-state'),
					column('Last used', 'c-state'),
					column(h('span', { class: 'unseen' }, 'Actions'), 'c-state'),
				),
			),
			h(
				'tbody',
				null,
				found.factors.map((one) => row(one, found.factors.length === 1, changed)),
			),
		),
	);
}

/* The section of the account page. */
export function factors(signal) {
	const body = h('div', null, loading(1));
	async function load() {
		try {
			fill(body, table(await get('account/factors', {}, { signal }), load));
		} catch (error) {
			if (error.name !== 'AbortError') fill(body, failed(error, load));
		}
	}
	load().catch(sayError);
	return h(
		'section',
		null,
		h(
			'div',
			{ class: 'head' },
			h('h2', null, 'Second factors'),
			h('span', { class: 'grow' }),
			hasSecurityKeys() && button('Add security key', () => addKey(load)),
			button('Add app', () => addApp(load)),
		),
		body,
	);
}
