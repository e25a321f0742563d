/* SPDX-License-Identifier: Apache-2.0 */
/* What webauthn.c, webauthn_client.c and webauthn_data.c share. */
#ifndef CRYPTO_WEBAUTHN_PRIV_H
#define CRYPTO_WEBAUTHN_PRIV_H

#include "crypto/webauthn.h"

/* Whether the client data is of that type ("webauthn.create", "webauthn.get"), of this challenge, and of a page of the
 * site itself (section 5.8.1, "Client Data"). Negative with e. */
int webauthn_client_check(struct span json, const char *type, const struct webauthn_site *site,
    const uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES], struct err *e);
/* Whether the authenticator's data is of that site, of somebody who was there, and whole: with a new credential in it, or
 * without one. Negative with e. */
int webauthn_data_check(struct span data, const char *rp_id, bool credential, struct err *e);

#endif
