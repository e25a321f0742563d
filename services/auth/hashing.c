/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashing: see hashing.h.
 */
#include "auth/hashing.h"

#include "auth/auth.h"
#include "auth/stored.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/password.h"

STORED_MESSAGE(stored__stored_hashing);
static const struct stored_field hashing_fields[] = {
	STORED_FIELD(STORED_TEXT, "name", hashing, name),
	STORED_FIELD(STORED_UINT32, "passes", hashing, passes),
};
const struct stored_form hashing_form = { STORED_KEY(hashing, name),
	.message = &stored__stored_hashing__descriptor, STORED_FIELDS(hashing_fields) };

/* Over whatever is there: a record that is damaged must not keep anybody from logging in, and hashes say their own
 * cost. */
static int
measure(struct auth *a, struct hashing *h, struct err *e)
{
	char passes[16];

	*h = (struct hashing){ .name = "password", .revision = STORE_ANY };
	h->passes = password_measure();
	if (h->passes == 0)
		return err_memory(e);
	str_format(passes, sizeof(passes), "%u", h->passes);
	log_info("what a password costs was measured", "passes", passes, NULL);
	return resource_save(a, RESOURCE_HASHING, h, e) == 0 ? 0 : -1;
}

int
hashing_load(struct auth *a, struct err *e)
{
	struct hashing h;
	int rc = resource_load(a, RESOURCE_HASHING, "password", &h, e);

	if (rc != 0 || h.passes < PASSWORD_PASSES_MIN || h.passes > PASSWORD_PASSES_MAX)
		rc = measure(a, &h, e);
	a->hash_passes = h.passes;
	return rc;
}
