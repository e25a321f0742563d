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
	*ret = (struct labels){ 0 };
	ret->n = tctl_list(text, &ret->copy, ret->key, TCTL_LABELS_MAX);
	for (size_t i = 0; i < ret->n; i++) {
		char *eq = strchr(ret->key[i], '=');

		if (!eq || eq == ret->key[i]) {
			err_set(e, "%s is no label; write KEY=VALUE[,KEY=VALUE...]", ret->key[i]);
			labels_done(ret);
			return -1;
		}
		*eq = '\0';
		ret->value[i] = eq + 1;
	}
	return 0;
}

void
labels_done(struct labels *l)
{
	free(l->copy);
	*l = (struct labels){ 0 };
}
