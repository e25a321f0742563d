/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_rights: WatchUpdate messages into rights.c, and into the file <state>/worker/rights, so that
 * a node that starts while authd is away serves by what it knew last. Called by start.c and, from
 * the loop, by lib/api.
 */
#include "node/rpc_rights.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/auth_watch.h"
#include "api/role.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "node/rights.h"
#include "node/serve.h"
#include "rpc/wire_check.h"

enum {
	FILE_MAX = 16 * 1024 * 1024,
	UPDATE_MAX = 1024 * 1024,
	KEY_SIZE = 320,
	SAVE_AFTER_MS = 1000
};

/* One update as it came, for the file. */
struct kept {
	unsigned generation;
	size_t n;
	uint8_t data[];
};

struct rights_feed {
	struct node *node;
	struct auth_watch *watch;
	struct map *kept; /* "role:NAME", "cutoff:USER", "labels" -> struct kept */
	unsigned generation;
	bool complete; /* the stream has told everything */
	struct timer save;
	char path[NODE_FOLDER_MAX + 16];
};

/* --- the file -------------------------------------------------------------------------- */

/* The name under which an update replaces an older one; false: not kept. */
static bool
key_of(const Auth__WatchUpdate *u, char *dst, size_t size)
{
	switch (u->what_case) {
	case AUTH__WATCH_UPDATE__WHAT_ROLE:
		return str_format(dst, size, "role:%s", u->role->name);
	case AUTH__WATCH_UPDATE__WHAT_CUTOFF:
		return str_format(dst, size, "cutoff:%s", u->cutoff->user);
	case AUTH__WATCH_UPDATE__WHAT_OWN_LABELS:
		return str_copy(dst, size, "labels");
	default:
		return false;
	}
}

static void
keep(struct rights_feed *f, const Auth__WatchUpdate *u)
{
	char key[KEY_SIZE];
	void *old = NULL;

	if (!key_of(u, key, sizeof(key)))
		return;
	size_t n = protobuf_c_message_get_packed_size(&u->base);
	struct kept *k = n <= UPDATE_MAX ? malloc(sizeof(*k) + n) : NULL;
	if (!k)
		return;
	k->generation = f->generation;
	k->n = protobuf_c_message_pack(&u->base, k->data);
	if (map_put(f->kept, key, k, &old))
		free(old);
	else
		free(k);
	timer_start(&f->save, SAVE_AFTER_MS);
}

static void
forget(struct rights_feed *f, const char *kind, const char *name)
{
	char key[KEY_SIZE];

	if (str_format(key, sizeof(key), "%s:%s", kind, name))
		free(map_del(f->kept, key));
	timer_start(&f->save, SAVE_AFTER_MS);
}

/* Drops what the stream did not name again; generation 0 drops everything. */
static void
sweep(struct rights_feed *f, unsigned generation)
{
	const char *key;
	void *value;

	for (size_t pos = 0; f->kept && map_next(f->kept, &pos, &key, &value);) {
		struct kept *k = value;
		if (k->generation == generation)
			continue;
		map_del(f->kept, key);
		free(k);
	}
}

static void
on_save(void *arg)
{
	struct rights_feed *f = arg;
	struct err e = { "" };
	const char *key;
	struct buf b;
	void *value;

	if (!f->complete)
		return;
	buf_init(&b, FILE_MAX);
	for (size_t pos = 0; map_next(f->kept, &pos, &key, &value);) {
		const struct kept *k = value;
		wire_put_string(&b, (struct span){ k->data, k->n });
	}
	if (!buf_ok(&b) ||
	    file_write(f->path, 0600, b.len ? buf_head(&b) : (const void *)"", b.len, &e))
		log_warn("roles could not be kept on disk", "cause", e.text, NULL);
	buf_done(&b);
}

/* --- updates ------------------------------------------------------------------------------- */

static void
take_role(struct rights_feed *f, const Auth__Role *m)
{
	struct arena arena;

	arena_init(&arena, UPDATE_MAX);
	const struct policy_role *role = api_role_of(&arena, m);
	if (!role || rights_put_role(f->node->rights, role)) {
		/* A role that cannot be held must not stay in an older form either. */
		log_error("a role is too large for this node and counts as absent", "role", m->name,
		    NULL);
		rights_remove_role(f->node->rights, m->name);
	}
	arena_done(&arena);
}

static void
take_labels(struct rights_feed *f, const Auth__HeartbeatReply *m)
{
	struct policy_label labels[RIGHTS_LABELS_MAX];
	size_t n = 0;

	for (; n < m->n_server_labels && n < RIGHTS_LABELS_MAX; n++)
		labels[n] = (struct policy_label){ m->server_labels[n]->key,
			m->server_labels[n]->value };
	(void)rights_set_labels(f->node->rights, labels, n);
}

static void
take_cutoff(struct rights_feed *f, const Auth__UserCutoff *m)
{
	(void)rights_put_cutoff(f->node->rights, m->user, m->issued_before);
	serve_cut_user(f->node, m->user, m->issued_before);
}

static void
apply(struct rights_feed *f, const Auth__WatchUpdate *u)
{
	struct rights *r = f->node->rights;

	switch (u->what_case) {
	case AUTH__WATCH_UPDATE__WHAT_CA:
		join_take_bundle(f->node->join, u->ca);
		break;
	case AUTH__WATCH_UPDATE__WHAT_ROLE:
		take_role(f, u->role);
		break;
	case AUTH__WATCH_UPDATE__WHAT_ROLE_REMOVED:
		rights_remove_role(r, u->role_removed);
		forget(f, "role", u->role_removed);
		break;
	case AUTH__WATCH_UPDATE__WHAT_CUTOFF:
		take_cutoff(f, u->cutoff);
		break;
	case AUTH__WATCH_UPDATE__WHAT_OWN_LABELS:
		take_labels(f, u->own_labels);
		break;
	case AUTH__WATCH_UPDATE__WHAT_COMPLETE:
		rights_complete(r);
		break;
	default:
		break;
	}
}

static void
on_begin(void *arg)
{
	struct rights_feed *f = arg;

	if (++f->generation == 0)
		f->generation = 1;
	rights_begin(f->node->rights);
}

static void
on_update(const Auth__WatchUpdate *u, void *arg)
{
	struct rights_feed *f = arg;

	apply(f, u);
	keep(f, u);
	if (u->what_case == AUTH__WATCH_UPDATE__WHAT_COMPLETE) {
		sweep(f, f->generation);
		f->complete = true;
		timer_start(&f->save, 0);
		log_debug("roles are known", NULL);
	}
}

static void
on_lost(enum rpc_code code, const char *why, void *arg)
{
	(void)code;
	(void)arg;
	log_debug("watch lost, trying again", "cause", why, NULL);
}

static const struct auth_watch_events watch_events = { .begin = on_begin,
	.update = on_update,
	.lost = on_lost };

/* --- life ------------------------------------------------------------------------------------- */

static int
replay(struct rights_feed *f, struct span packed)
{
	if (!wire_check_message(&auth__watch_update__descriptor, packed.p, packed.n))
		return -1;
	ProtobufCMessage *m = protobuf_c_message_unpack(&auth__watch_update__descriptor, NULL,
	    packed.n, packed.p);
	if (!m)
		return -1;
	apply(f, (const Auth__WatchUpdate *)m);
	protobuf_c_message_free_unpacked(m, NULL);
	return 0;
}

/* What the last run knew; a file that is damaged counts as none. */
static void
load(struct rights_feed *f)
{
	_cleanup_free_ char *data = NULL;
	size_t n = 0;

	if (access(f->path, F_OK) != 0 || file_read(f->path, FILE_MAX, &data, &n, NULL))
		return;
	struct wire w = wire_from((struct span){ (const uint8_t *)data, n });
	on_begin(f);
	while (w.left > 0 && !w.bad) {
		struct span packed = wire_string(&w);
		if (w.bad || replay(f, packed)) {
			log_warn("the file of known roles is damaged and not used", "file", f->path,
			    NULL);
			return;
		}
	}
	rights_complete(f->node->rights);
}

int
rights_feed_new(struct rights_feed **ret, struct node *n, struct err *e)
{
	struct rights_feed *f = calloc(1, sizeof(*f));

	if (!f)
		return err_set(e, "out of memory");
	*ret = f;
	f->node = n;
	f->kept = map_new();
	if (!f->kept || timer_init(&f->save, n->loop, on_save, f) ||
	    !str_format(f->path, sizeof(f->path), "%s/rights", n->folder))
		return err_set(e, "out of memory");
	load(f);
	return 0;
}

int
rights_feed_start(struct rights_feed *f, struct err *e)
{
	const Auth__WatchRequest q = AUTH__WATCH_REQUEST__INIT;

	if (auth_watch_new(&f->watch, f->node->auth, &q, &watch_events, f))
		return err_set(e, "cannot watch authd: out of memory");
	return 0;
}

void
rights_feed_free(struct rights_feed *f)
{
	if (!f)
		return;
	auth_watch_free(f->watch);
	timer_done(&f->save);
	sweep(f, 0);
	map_free(f->kept);
	free(f);
}
