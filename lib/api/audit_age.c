/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_age: see audit_age.h.
 */
#include "api/audit_age.h"

#include <string.h>

enum { STEP_MS = 1000 };

/* Every second one goes, and from now on they are twice as far apart: what waits for long needs no seconds. */
static void
thin_out(struct audit_age *a)
{
	for (unsigned i = 0; i < AUDIT_AGE_MARKS / 2; i++)
		a->marks[i] = a->marks[2 * i];
	a->n = AUDIT_AGE_MARKS / 2;
	a->step_ms *= 2;
}

void
audit_age_wrote(struct audit_age *a, uint64_t seq, int64_t now_ms)
{
	if (a->n == 0)
		a->step_ms = STEP_MS;
	else if (now_ms - a->marks[a->n - 1].ms < a->step_ms)
		return;
	if (a->n == AUDIT_AGE_MARKS)
		thin_out(a);
	a->marks[a->n].seq = seq;
	a->marks[a->n++].ms = now_ms;
}

void
audit_age_committed(struct audit_age *a, uint64_t seq, uint64_t last)
{
	unsigned gone = 0;

	/* The mark of the first record that still waits, or of one before it. */
	while (gone + 1 < a->n && a->marks[gone + 1].seq <= seq + 1)
		gone++;
	if (seq >= last)
		gone = a->n;
	/* All that is marked has gone: what waits came after it, and the steps of a long wait are too long for it. */
	else if (a->n > 0 && gone + 1 == a->n && a->marks[gone].seq <= seq)
		a->step_ms = STEP_MS;
	a->n -= gone;
	memmove(a->marks, a->marks + gone, a->n * sizeof(*a->marks));
}

int64_t
audit_age_ms(const struct audit_age *a, int64_t now_ms)
{
	/* A clock that was set back is no age. */
	return a->n > 0 && now_ms > a->marks[0].ms ? now_ms - a->marks[0].ms : 0;
}
