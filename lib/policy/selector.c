/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector: "env=prod,team=*": which nodes a command means. Called by authd, proxyd and the
 * clients. Pure.
 */
#include <string.h>

#include "base/str.h"
#include "policy/policy.h"

enum { LABELS_MAX = sizeof((struct policy_selector *)0)->v / sizeof(struct policy_label) };

static int
parse_one(struct policy_selector *s, char *part, struct err *e)
{
	char *value = strchr(part, '=');
	size_t n;

	if (!value)
		return err_set(e, "%s is not a label; write key=value", part);
	*value++ = '\0';
	for (n = strlen(part); n && part[n - 1] == ' '; n--)
		part[n - 1] = '\0';
	value += strspn(value, " ");
	if (!policy_label_ok(part, value))
		return err_set(e, "%s=%s is not a label; write key=value", part, value);
	if (s->n == LABELS_MAX)
		return err_set(e, "more than %d labels", LABELS_MAX);
	s->v[s->n++] = (struct policy_label){ part, value };
	return 0;
}

int
policy_selector_parse(struct policy_selector *ret, const char *text, struct err *e)
{
	char *parts[LABELS_MAX + 1];
	size_t n;

	ret->n = 0;
	if (!str_copy(ret->text, sizeof ret->text, text))
		return err_set(e, "the labels are too long");
	n = str_split(ret->text, ',', parts, LABELS_MAX + 1);
	for (size_t i = 0; i < n; i++)
		if (parse_one(ret, parts[i], e) < 0)
			return -1;
	return 0;
}

bool
policy_label_matches(const struct policy_label *want, struct policy_labels node)
{
	for (size_t i = 0; i < node.n; i++)
		if (strcmp(node.v[i].key, want->key) == 0 && str_glob(want->value, node.v[i].value))
			return true;
	return false;
}
