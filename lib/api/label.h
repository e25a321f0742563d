/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label: names and values, as nodes carry them, as messages bring them, and from one to the other.
 */
#ifndef API_LABEL_H
#define API_LABEL_H

#include "base/mem.h"
#include "policy/policy.h"
#include "proto/common.pb-c.h"

/* The labels as a list for a message. List and rows lie in the arena; the texts stay with their
 * owner, or with copy lie there as well. NULL without memory. */
Common__Label **api_labels(struct arena *arena, struct policy_labels labels);
Common__Label **api_labels_copy(struct arena *arena, struct policy_labels labels);

#endif
