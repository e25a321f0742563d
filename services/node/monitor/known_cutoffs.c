/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_cutoffs: see known_cutoffs.h.
 */
#include "node/monitor/known_cutoffs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* The list points into its bytes, so the copy is read again. */
static int
keep(struct known_cutoffs *k, struct span packed, struct err *e)
{
	struct buf copy;
	struct cutoffs list;

	buf_init(&copy, CUTOFFS_MAX);
	if (!buf_put(&copy, packed.p, packed.n))
		return err_memory(e);
	if (cutoffs_read(&list, buf_span(&copy))) {
		buf_done(&copy);
		return err_set(e, "the list of cut-offs is malformed");
	}
	buf_done(&k->packed);
	k->packed = copy;
	k->list = list;
	return 0;
}

int
known_cutoffs_open(struct known_cutoffs *k, const char *path, int64_t max_age_s, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	size_t n = 0;

	*k = (struct known_cutoffs){ .max_age_s = max_age_s };
	buf_init(&k->packed, CUTOFFS_MAX);
	k->path = strdup(path);
	if (!k->path)
		return err_memory(e);
	if (access(path, F_OK) != 0)
		return 0;
	if (file_read(path, CUTOFFS_MAX, &data, &n, e))
		return -1;
	/* It was believed when it was written; nobody but us could write there since. */
	return keep(k, (struct span){ (const uint8_t *)data, n }, e) ? err_prefix(e, "%s", path)
								     : 0;
}

void
known_cutoffs_done(struct known_cutoffs *k)
{
	free(k->path);
	buf_done(&k->packed);
	*k = (struct known_cutoffs){ 0 };
}

int
known_cutoffs_take(struct known_cutoffs *k, struct span packed, const struct bundle *ca,
    struct err *e)
{
	struct cutoffs list;

	if (!ca)
		return err_set(e, "the monitor knows no certificate authority yet");
	if (cutoffs_read(&list, packed))
		return err_set(e, "the list of cut-offs is malformed");
	if (cutoffs_verify(&list, ca, e))
		return -1;
	/* Cut-offs leave the list when no certificate can be that old any more, never before. */
	if (k->packed.len > 0 && list.issued_ms < k->list.issued_ms)
		return err_set(e, "the list of cut-offs is older than the one that is known");
	/* The file first: what was acted on once must be there after a restart, or an older list
	 * could come back. */
	if (file_write(k->path, 0600, packed.p, packed.n, e))
		return -1;
	return keep(k, packed, e);
}

int
known_cutoffs_check(const struct known_cutoffs *k, const char *user, int64_t issued_ms,
    int64_t now_ms, struct err *e)
{
	/* Nobody signs in rather than somebody whose access was withdrawn. */
	if (k->packed.len == 0)
		return err_set(e,
		    "this node has not yet heard from the cluster whose access was withdrawn, try "
		    "again in a moment");
	if (k->max_age_s > 0 && (now_ms - k->list.issued_ms) / 1000 > k->max_age_s)
		return err_set(e,
		    "this node has not heard from the cluster for too long (cutoffs_max_age in "
		    "noded.yaml)");
	if (issued_ms < cutoffs_of(&k->list, user))
		return err_set(e,
		    "the certificate of %s is no longer valid: sign in again with tsh login", user);
	return 0;
}
