/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rights: roles, cut-offs and labels in memory. Called by rights_feed.c (changes) and access.c
 * (questions). Pure.
 */
#include "node/rights.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"

struct role_entry {
	struct policy_role *role;
	unsigned generation;
};

struct cutoff_entry {
	int64_t issued_before_ms;
	unsigned generation;
};

struct rights {
	struct map *roles;   /* name -> struct role_entry */
	struct map *cutoffs; /* user -> struct cutoff_entry */
	unsigned generation;
	bool known;
	struct policy_label server[RIGHTS_LABELS_MAX]; /* texts in server_data */
	size_t n_server;
	char *server_data;
	struct policy_label merged[2 * RIGHTS_LABELS_MAX];
};

int
rights_new(struct rights **ret)
{
	struct rights *r = calloc(1, sizeof(*r));

	if (!r)
		return -1;
	r->roles = map_new();
	r->cutoffs = map_new();
	*ret = r;
	return r->roles && r->cutoffs ? 0 : -1;
}

static void
role_entry_free(struct role_entry *entry)
{
	if (entry)
		policy_role_free(entry->role);
	free(entry);
}

/* Drops entries of other generations than `keep`; 0 keeps none. */
static void
sweep(struct rights *r, unsigned keep)
{
	const char *key;
	void *value;

	for (size_t pos = 0; r->roles && map_next(r->roles, &pos, &key, &value);) {
		struct role_entry *entry = value;
		if (entry->generation == keep)
			continue;
		map_del(r->roles, key);
		role_entry_free(entry);
	}
	for (size_t pos = 0; r->cutoffs && map_next(r->cutoffs, &pos, &key, &value);) {
		struct cutoff_entry *entry = value;
		if (entry->generation == keep)
			continue;
		map_del(r->cutoffs, key);
		free(entry);
	}
}

void
rights_free(struct rights *r)
{
	if (!r)
		return;
	sweep(r, 0);
	map_free(r->roles);
	map_free(r->cutoffs);
	free(r->server_data);
	free(r);
}

void
rights_begin(struct rights *r)
{
	if (++r->generation == 0)
		r->generation = 1;
}

int
rights_put_role(struct rights *r, const struct policy_role *role)
{
	struct role_entry *entry;
	void *old = NULL;

	if (map_count(r->roles) >= RIGHTS_ROLES_MAX && !map_get(r->roles, role->name))
		return -1;
	entry = calloc(1, sizeof(*entry));
	if (entry)
		entry->role = policy_role_copy(role);
	if (!entry || !entry->role) {
		free(entry);
		return -1;
	}
	entry->generation = r->generation;
	if (!map_put(r->roles, role->name, entry, &old)) {
		role_entry_free(entry);
		return -1;
	}
	role_entry_free(old);
	return 0;
}

void
rights_remove_role(struct rights *r, const char *name)
{
	role_entry_free(map_del(r->roles, name));
}

int
rights_put_cutoff(struct rights *r, const char *user, int64_t issued_before_ms)
{
	struct cutoff_entry *entry = map_get(r->cutoffs, user);

	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry || !map_put(r->cutoffs, user, entry, NULL)) {
			free(entry);
			return -1;
		}
	}
	entry->generation = r->generation;
	if (issued_before_ms > entry->issued_before_ms)
		entry->issued_before_ms = issued_before_ms;
	return 0;
}

int
rights_set_labels(struct rights *r, const struct policy_label *labels, size_t n)
{
	size_t size = 0, at = 0;

	if (n > RIGHTS_LABELS_MAX)
		return -1;
	for (size_t i = 0; i < n; i++)
		size += strlen(labels[i].key) + strlen(labels[i].value) + 2;
	char *data = malloc(size + 1);
	if (!data)
		return -1;
	for (size_t i = 0; i < n; i++) {
		r->server[i].key = data + at;
		str_copy(data + at, size - at + 1, labels[i].key);
		at += strlen(labels[i].key) + 1;
		r->server[i].value = data + at;
		str_copy(data + at, size - at + 1, labels[i].value);
		at += strlen(labels[i].value) + 1;
	}
	free(r->server_data);
	r->server_data = data;
	r->n_server = n;
	return 0;
}

void
rights_complete(struct rights *r)
{
	sweep(r, r->generation);
	r->known = true;
}

bool
rights_are_known(const struct rights *r)
{
	return r->known;
}

const struct policy_role *
rights_role(const struct rights *r, const char *name)
{
	const struct role_entry *entry = map_get(r->roles, name);

	return entry ? entry->role : NULL;
}

int64_t
rights_cutoff(const struct rights *r, const char *user)
{
	const struct cutoff_entry *entry = map_get(r->cutoffs, user);

	return entry ? entry->issued_before_ms : 0;
}

static bool
has_key(const struct policy_label *labels, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(labels[i].key, key) == 0)
			return true;
	return false;
}

struct policy_labels
rights_labels(struct rights *r, const struct policy_label *configured, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < r->n_server; i++)
		r->merged[total++] = r->server[i];
	for (size_t i = 0; i < n && i < RIGHTS_LABELS_MAX; i++)
		if (!has_key(r->server, r->n_server, configured[i].key))
			r->merged[total++] = configured[i];
	return (struct policy_labels){ r->merged, total };
}
