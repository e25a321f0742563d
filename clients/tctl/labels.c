/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels: called by tokens add and nodes label.
 */
#include "tctl/labels.h"

#include <stdlib.h>
#include <string.h>

int
labels_parse(struct labels *ret, const char *text, struct err *e)
{
	char *parts[TCTL_LABELS_MAX];

	*ret = (struct labels){ 0 };
	ret->n = tctl_list(text, &ret->copy, parts, TCTL_LABELS_MAX);
	for (size_t i = 0; i < ret->n; i++) {
		char *eq = strchr(parts[i], '=');

		if (!eq || eq == parts[i]) {
			err_set(e, "%s is not a label; write KEY=VALUE[,KEY=VALUE...]", parts[i]);
			labels_done(ret);
			return -1;
		}
		*eq = '\0';
		ret->v[i] = (struct policy_label){ parts[i], eq + 1 };
	}
	return 0;
}

void
labels_done(struct labels *l)
{
	free(l->copy);
	*l = (struct labels){ 0 };
}
