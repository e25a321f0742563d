/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshcert_impl: what parsing and signing of certificates share. For the files of sshcert only.
 */
#ifndef CRYPTO_SSHCERT_PRIV_H
#define CRYPTO_SSHCERT_PRIV_H

#include "crypto/sshcert.h"

enum { SSHCERT_TEXT_MAX = 8192 }; /* bytes of a key id, principal, option name or value */

/* A principal that can never be taken for two, for none or for a pattern. */
bool sshcert_principal_ok(struct span s);
/* Option names: printable ASCII without blanks or commas. */
bool sshcert_name_ok(struct span s);
/* Text of an option or a key id: valid UTF-8 without control characters, or empty. */
bool sshcert_text_ok(struct span s);

#endif
