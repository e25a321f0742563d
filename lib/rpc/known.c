/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known: see known.h. A map by hash and, over the same entries, a list in the order in which they were last used.
 */
#include "rpc/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/str.h"
#include "crypto/sha256.h"

struct entry {
	struct list link; /* known.by_use */
	/* Of the text, of which ten thousand callers would hold a thousand bytes each for nothing. */
	char key[SHA256_HEX_SIZE];
	enum rpc_who who;
	int64_t issued_s, expires_s;
	const char *cluster; /* behind name, in texts */
	char texts[];        /* the name comes first */
};

struct known {
	struct map *by_key;
	struct list by_use; /* longest ago first */
	size_t max;
};

struct known *
known_new(size_t max)
{
	struct known *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	list_init(&k->by_use);
	k->max = max;
	k->by_key = map_new();
	if (!k->by_key) {
		free(k);
		return NULL;
	}
	return k;
}

static void
forget(struct known *k, struct entry *e)
{
	(void)map_del(k->by_key, e->key);
	list_del(&e->link);
	free(e);
}

void
known_clear(struct known *k)
{
	list_each (struct entry, e, &k->by_use, link)
		forget(k, e);
}

void
known_free(struct known *k)
{
	if (!k)
		return;
	known_clear(k);
	map_free(k->by_key);
	free(k);
}

static struct entry *
entry_new(const char *key, const struct rpc_peer *peer)
{
	size_t name = strlen(peer->name) + 1, cluster = strlen(peer->cluster) + 1;
	struct entry *e = malloc(sizeof(*e) + name + cluster);

	if (!e)
		return NULL;
	list_init(&e->link);
	memcpy(e->key, key, SHA256_HEX_SIZE);
	e->who = peer->who;
	e->issued_s = peer->issued_s;
	e->expires_s = peer->expires_s;
	memcpy(e->texts, peer->name, name);
	memcpy(e->texts + name, peer->cluster, cluster);
	e->cluster = e->texts + name;
	return e;
}

void
known_remember(struct known *k, const char *pem, const struct rpc_peer *peer)
{
	struct entry *e, *oldest;
	char key[SHA256_HEX_SIZE];

	sha256_hex(span_str(pem), key);
	e = map_get(k->by_key, key);
	if (e)
		forget(k, e);
	oldest = list_first(struct entry, &k->by_use, link);
	if (oldest && map_count(k->by_key) >= k->max)
		forget(k, oldest);
	e = entry_new(key, peer);
	if (!e)
		return;
	if (map_put(k->by_key, key, e, NULL))
		list_add(&k->by_use, &e->link);
	else
		free(e);
}

bool
known_recall(struct known *k, const char *pem, struct rpc_peer *ret)
{
	char key[SHA256_HEX_SIZE];
	struct entry *e;

	sha256_hex(span_str(pem), key);
	e = map_get(k->by_key, key);
	if (!e)
		return false;
	list_del(&e->link);
	list_add(&k->by_use, &e->link);
	ret->who = e->who;
	ret->issued_s = e->issued_s;
	ret->expires_s = e->expires_s;
	(void)str_copy(ret->name, sizeof(ret->name), e->texts);
	(void)str_copy(ret->cluster, sizeof(ret->cluster), e->cluster);
	return true;
}
