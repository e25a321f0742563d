/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels: called by tokens add and nodes label.
 */
#include "tctl/labels.h"

#include <string.h>

int
labels_parse(struct labels *ret, const char *text, struct err *e)
{
	*ret = (struct labels){ 0 };
	if (tctl_words_split(&ret->words, text, e) < 0) {
		labels_done(ret);
		return -1;
	}
	for (; ret->n < ret->words.n; ret->n++) {
		char *word = ret->words.v[ret->n];
		char *eq = strchr(word, '=');

		if (!eq || eq == word) {
			err_set(e, "%s is not a label; write KEY=VALUE[,KEY=VALUE...]", word);
			labels_done(ret);
			return -1;
		}
		/* The labels point into words, which has its own copy of the text. */
		*eq = '\0';
		for (size_t i = 0; i < ret->n; i++)
			if (strcmp(ret->v[i].key, word) == 0) {
				err_set(e, "the label %s is given twice", word);
				labels_done(ret);
				return -1;
			}
		ret->v[ret->n] = (struct policy_label){ word, eq + 1 };
	}
	return 0;
}

void
labels_done(struct labels *l)
{
	tctl_words_done(&l->words);
	*l = (struct labels){ 0 };
}
