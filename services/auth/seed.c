/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed: see seed.h.
 */
#include "auth/seed.h"

#include <string.h>

#include "auth/auth.h"
#include "base/str.h"
#include "crypto/sealed.h"

enum { LABEL_SIZE = NAME_LEN_MAX + 64 };

/* Whose it is belongs to the seal: the seed of one user does not open as another's. */
static void
label_of(const char *user, char dst[LABEL_SIZE])
{
	str_format(dst, LABEL_SIZE, "sallyport second factor 1 %s", user);
}

int
seed_close(struct auth *a, const char *user, const uint8_t totp[TOTP_SECRET_BYTES],
    uint8_t ret[SEED_SEALED_BYTES], struct err *e)
{
	char label[LABEL_SIZE];
	struct buf b;
	int rc = -1;

	label_of(user, label);
	buf_init(&b, SEED_SEALED_BYTES);
	if (sealed_close(a->seed_key, label, (struct span){ totp, TOTP_SECRET_BYTES }, &b) == 0 &&
	    b.len == SEED_SEALED_BYTES) {
		memcpy(ret, buf_head(&b), SEED_SEALED_BYTES);
		rc = 0;
	}
	buf_done(&b);
	return rc == 0 ? 0 : err_memory(e);
}

int
seed_open(struct auth *a, const char *user, const uint8_t sealed[SEED_SEALED_BYTES],
    uint8_t ret[TOTP_SECRET_BYTES], struct err *e)
{
	char label[LABEL_SIZE];
	struct secret *plain;
	int rc = -1;

	label_of(user, label);
	if (sealed_open(a->seed_key, label, (struct span){ sealed, SEED_SEALED_BYTES }, &plain) ==
		0 &&
	    plain->n == TOTP_SECRET_BYTES) {
		memcpy(ret, plain->p, TOTP_SECRET_BYTES);
		rc = 0;
	} else {
		err_set(e,
		    "the second factor of %s cannot be opened: no memory, or not sealed with this key file; restore store and "
		    "key file together, or give a new one (tctl users reset %s)",
		    user, user);
	}
	secret_free(plain);
	return rc;
}
