/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust: keeps the bundle the monitor believes. Called by monitor.c.
 *
 * Security: the worker brings bundles; only one that carries the pin, or the signature of a CA that
 * is trusted already, replaces the file, which only the monitor may write.
 */
#include "node/monitor/trust.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

int
trust_open(struct trust *t, const char *path, const char *pin, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	size_t n = 0;

	*t = (struct trust){ 0 };
	t->path = strdup(path);
	t->pin = pin ? strdup(pin) : NULL;
	if (!t->path || (pin && !t->pin))
		return err_memory(e);
	if (access(path, F_OK) != 0)
		return 0;
	if (file_read(path, BUNDLE_PACKED_MAX, &data, &n, e))
		return -1;
	/* It was believed when it was written; nobody but us could write there since. */
	if (bundle_open(&t->bundle, (struct span){ (const uint8_t *)data, n }, NULL, NULL, e))
		return err_prefix(e, "%s", path);
	return 0;
}

void
trust_done(struct trust *t)
{
	free(t->path);
	free(t->pin);
	bundle_free(t->bundle);
	*t = (struct trust){ 0 };
}

int
trust_take(struct trust *t, struct span packed, struct err *e)
{
	struct bundle *fresh = NULL;

	if (t->bundle && span_eq(packed, buf_span(&t->bundle->packed)))
		return 0;
	/* The worker must not be able to choose whom root believes. */
	if (!t->bundle && !t->pin)
		return err_set(e, "ca_pin is missing in noded.yaml: `tctl status` shows it");
	/* The pin is for the first bundle alone: from then on the authorities that are known sign
	 * their successors. */
	if (bundle_open(&fresh, packed, t->bundle ? NULL : t->pin, t->bundle, e))
		return -1;
	int r = 0;
	if (t->bundle && fresh->generation < t->bundle->generation)
		r = err_set(e, "the CA bundle is older than the one that is known");
	if (r == 0)
		/* The file first: a bundle that was believed must not be forgotten by a restart. */
		r = file_write(t->path, 0600, packed.p, packed.n, e);
	if (r) {
		bundle_free(fresh);
		return r;
	}
	bundle_free(t->bundle);
	t->bundle = fresh;
	return 0;
}
