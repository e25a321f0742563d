/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_filter: see audit_filter.h.
 */
#include "tctl/audit_filter.h"

#include "view/recordings.h"

struct audit_filter audit_filter;

static const char *
text(const char *option)
{
	return option ? option : "";
}

int
audit_filter_take(Audit__SearchRequest *q, struct err *e)
{
	const struct audit_filter *f = &audit_filter;

	if (f->failed && f->ok)
		return err_set(e, "--failed and --ok leave nothing: give one of them");
	if (recordings_bounds(f->from, f->to, f->last_s, &q->from_us, &q->to_us, e) < 0)
		return -1;
	q->user = text(f->user);
	q->node = text(f->node);
	q->session = text(f->session);
	/* Wildcards are auditd's to fit: a type may be new to this tctl. */
	q->types = (const char **)f->types.item;
	q->n_types = f->types.n;
	q->failed_only = f->failed;
	q->ok_only = f->ok;
	return 0;
}
