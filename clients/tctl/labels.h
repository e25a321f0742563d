/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels: "key=value,..." of a command line, taken apart.
 */
#ifndef TCTL_LABELS_H
#define TCTL_LABELS_H

#include <stddef.h>

#include "base/err.h"
#include "policy/policy.h"
#include "tctl/tctl.h"

struct labels {
	struct tctl_words words; /* what v points into */
	struct policy_label v[TCTL_LABELS_MAX];
	size_t n;
};

/* text NULL or "": none. Negative: not of that form, a key twice, or too many. */
int labels_parse(struct labels *ret, const char *text, struct err *e);
void labels_done(struct labels *l);

#endif
