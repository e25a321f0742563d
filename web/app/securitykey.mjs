// SPDX-License-Identifier: Apache-2.0
/*
 * securitykey: security keys and passkeys (W3C Web Authentication): a KeyChallenge of the JSON API becomes what the browser
 * asks of the person, and the answer what the API takes. Used by the app, and by the page behind an invitation's link.
 *
 * Security: nothing is decided here. The browser writes our origin into what the key signs; authd compares.
 */
const fromText = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
const named = (ids) => ids.map((id) => ({ type: 'public-key', id: fromText(id) }));
const TIMEOUT_MS = 4 * 60 * 1000; /* a challenge lives five minutes */

/* Whether this browser has them here at all (only over HTTPS that it trusts). */
export const hasSecurityKeys = () => 'PublicKeyCredential' in globalThis && 'credentials' in navigator;

const WORDS = {
	NotAllowedError: 'The security key was not used: it was cancelled, took too long, or is not one of yours.',
	InvalidStateError: 'You have this security key already.',
	SecurityError: 'Security keys do not work here: open the page by the name of the proxy.',
	NotSupportedError: 'This security key is of a kind that is not understood here.',
};

/* The browsers' words for it are for programmers. */
async function asked(promise) {
	try {
		return await promise;
	} catch (error) {
		const words = WORDS[error.name] ?? `The browser could not use the security key (${error.name}).`;
		throw new Error(words, { cause: error });
	}
}

/* Makes a key: KeyChallenge -> NewKey. where: the cluster's name, which some authenticators show. */
export async function makeKey(challenge, where) {
	const made = await asked(
		navigator.credentials.create({
			publicKey: {
				rp: { id: challenge.rp_id, name: where },
				user: { id: fromText(challenge.user_handle), name: challenge.user, displayName: challenge.user },
				challenge: fromText(challenge.challenge),
				pubKeyCredParams: challenge.algorithms.map((alg) => ({ type: 'public-key', alg })),
				excludeCredentials: named(challenge.credentials),
				authenticatorSelection: { residentKey: 'discouraged', userVerification: 'discouraged' },
				attestation: 'none',
				timeout: TIMEOUT_MS,
			},
		}),
	);
	return {
		ticket: challenge.ticket,
		client_data: toText(made.response.clientDataJSON),
		auth_data: toText(made.response.getAuthenticatorData()),
	};
}

/* Signs with one of the keys that the challenge names: KeyChallenge -> KeySignature. */
export async function signWithKey(challenge) {
	const given = await asked(
		navigator.credentials.get({
			publicKey: {
				rpId: challenge.rp_id,
				challenge: fromText(challenge.challenge),
				allowCredentials: named(challenge.credentials),
				userVerification: 'discouraged',
				timeout: TIMEOUT_MS,
			},
		}),
	);
	return {
		ticket: challenge.ticket,
		credential: toText(given.rawId),
		client_data: toText(given.response.clientDataJSON),
		auth_data: toText(given.response.authenticatorData),
		signature: toText(given.response.signature),
	};
}
