/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label: the one place where a list of labels becomes a message's. Called by clients, daemons and
 * authd's wire faces.
 */
#include "api/label.h"

Common__Label **
api_labels(struct arena *arena, struct policy_labels labels)
{
	/* One more, so that a list of none is not taken for a lack of memory. */
	Common__Label **list = arena_alloc(arena, (labels.n + 1) * sizeof(*list));
	Common__Label *rows = arena_alloc(arena, (labels.n + 1) * sizeof(*rows));

	if (!list || !rows)
		return NULL;
	for (size_t i = 0; i < labels.n; i++) {
		common__label__init(&rows[i]);
		rows[i].key = labels.v[i].key;
		rows[i].value = labels.v[i].value;
		list[i] = &rows[i];
	}
	return list;
}

Common__Label **
api_labels_copy(struct arena *arena, struct policy_labels labels)
{
	Common__Label **list = api_labels(arena, labels);

	for (size_t i = 0; list && i < labels.n; i++) {
		list[i]->key = arena_strdup(arena, labels.v[i].key);
		list[i]->value = arena_strdup(arena, labels.v[i].value);
		if (!list[i]->key || !list[i]->value)
			return NULL;
	}
	return list;
}
