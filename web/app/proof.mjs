// SPDX-License-Identifier: Apache-2.0
/*
 * proof: who somebody is who is logged in already, anew: the password, and a code or a security key.
 */
import { h } from './h.mjs';
import { codeInput } from './dialog.mjs';
import { session, keySignature } from './session.mjs';

/* Two inputs, for the form that asks; given(byKey) is what the JSON API takes. */
export function proof() {
	const password = h('input', { type: 'password', autocomplete: 'current-password', required: true }),
		otp = codeInput({ required: true });
	async function given(byKey) {
		if (byKey) return { key: await keySignature(session().user, password.value) };
		return { password: password.value, otp: otp.value.replace(/\s/g, '') };
	}
	return { password, otp, given };
}
