/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_watch: see rpc_watch.h. Called by start.c; touches the roster and one file.
 *
 * The copy on disk is the packed WatchUpdate messages, each behind its u32 length, and goes
 * through the same function as what comes from authd. It stands in a folder that only proxyd can
 * write to.
 */
#include "proxy/rpc_watch.h"

#include <stdlib.h>
#include <string.h>

#include "api/role.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/version.h"
#include "base/wire.h"
#include "proto/auth.async.h"

enum {
	CACHE_MAX = 256 * 1024 * 1024,
	PACKED_MAX = 256 * 1024,
	SAVE_AFTER_MS = 1000,
	LIST_MAX = POLICY_LIST_MAX
};

struct rpc_watch {
	struct rpc_watch_config config;
	struct auth_watch *watch;
	char cache_path[1100];
	struct timer save;
	bool unsaved;
	bool lost; /* said already */
};

/* --- messages into the roster ---------------------------------------------------- */

static int
take_node(struct roster *r, const Auth__Node *m, struct span packed)
{
	struct policy_label labels[LIST_MAX];
	struct roster_node node = { .uuid = m->uuid, .name = m->name, .address = m->address };

	for (size_t i = 0; i < m->n_labels && i < LIST_MAX; i++)
		labels[i] = (struct policy_label){ m->labels[i]->key, m->labels[i]->value };
	node.labels = (struct policy_labels){ labels,
		m->n_labels < LIST_MAX ? m->n_labels : LIST_MAX };
	return roster_put_node(r, &node, packed);
}

static int
take_role(struct roster *r, const Auth__Role *m, struct span packed)
{
	const struct policy_role *role;
	struct arena a;
	int rc;

	arena_init(&a, PACKED_MAX);
	role = api_role_of(&a, m);
	rc = role ? roster_put_role(r, role, packed) : -1;
	arena_done(&a);
	return rc;
}

/* What is kept in the roster is packed again, since that is what the copy on disk needs. */
static int
take_kept(struct roster *r, const Auth__WatchUpdate *u, struct span packed)
{
	switch (u->what_case) {
	case AUTH__WATCH_UPDATE__WHAT_NODE:
		return take_node(r, u->node, packed);
	case AUTH__WATCH_UPDATE__WHAT_ROLE:
		return take_role(r, u->role, packed);
	case AUTH__WATCH_UPDATE__WHAT_CUTOFF:
		return roster_put_cutoff(r, u->cutoff->user, u->cutoff->issued_before, packed);
	case AUTH__WATCH_UPDATE__WHAT_NODE_CUTOFF:
		return roster_put_node_cutoff(r, u->node_cutoff->uuid,
		    u->node_cutoff->issued_before, packed);
	default:
		return 0;
	}
}

static void
take_packing(struct roster *r, const Auth__WatchUpdate *u)
{
	size_t n = protobuf_c_message_get_packed_size(&u->base);
	_cleanup_free_ uint8_t *p = n <= PACKED_MAX ? malloc(n + !n) : NULL;

	if (!p) {
		log_error("a node, role or user of the cluster is too big to be known here", NULL);
		return;
	}
	protobuf_c_message_pack(&u->base, p);
	if (take_kept(r, u, (struct span){ p, n }) < 0)
		log_error("out of memory for a node, role or user of the cluster", NULL);
}

static void
on_update(const Auth__WatchUpdate *u, void *arg)
{
	struct rpc_watch *w = arg;
	struct roster *r = w->config.roster;

	switch (u->what_case) {
	case AUTH__WATCH_UPDATE__WHAT_CA:
		join_take_bundle(w->config.join, u->ca);
		break;
	case AUTH__WATCH_UPDATE__WHAT_ROLE_REMOVED:
		roster_remove_role(r, u->role_removed);
		break;
	case AUTH__WATCH_UPDATE__WHAT_NODE_REMOVED:
		roster_remove_node(r, u->node_removed);
		break;
	case AUTH__WATCH_UPDATE__WHAT_COMPLETE:
		roster_complete(r);
		log_info("the cluster is known as authd has it", NULL);
		break;
	default:
		take_packing(r, u);
	}
}

static void
on_hello(enum rpc_code code, const char *why, const Auth__Empty *reply, void *arg)
{
	(void)reply, (void)arg;
	if (code != RPC_OK)
		log_warn("cannot tell authd the public address", "cause", why, NULL);
}

static void
on_begin(void *arg)
{
	struct rpc_watch *w = arg;
	Auth__ProxyHello hello = AUTH__PROXY_HELLO__INIT;

	w->lost = false;
	roster_begin(w->config.roster);
	hello.public_addr = w->config.public_addr;
	hello.ssh_addr = w->config.ssh_addr;
	hello.version = SALLYPORT_VERSION;
	auth_hello_proxy(w->config.auth, &hello, on_hello, w);
}

static void
on_lost(enum rpc_code code, const char *why, void *arg)
{
	struct rpc_watch *w = arg;

	(void)code;
	if (!w->lost)
		log_warn("authd cannot be reached; going on with what is known", "cause", why,
		    NULL);
	w->lost = true;
}

/* --- the copy on disk ------------------------------------------------------------ */

static void
add_packed(struct span packed, void *arg)
{
	wire_put_string(arg, packed);
}

static void
on_save(void *arg)
{
	struct rpc_watch *w = arg;
	struct buf b;
	struct err e;

	w->unsaved = false;
	buf_init(&b, CACHE_MAX);
	roster_each_packed(w->config.roster, add_packed, &b);
	if (!buf_ok(&b))
		log_error("the cluster is too big for the copy on disk", NULL);
	else if (file_write(w->cache_path, 0600, b.len ? buf_head(&b) : (const void *)"", b.len,
		     &e) < 0)
		log_error("cannot keep a copy of what authd said", "cause", e.text, NULL);
	buf_done(&b);
}

void
rpc_watch_roster_changed(struct rpc_watch *w)
{
	if (w->unsaved)
		return;
	w->unsaved = true;
	timer_start(&w->save, SAVE_AFTER_MS);
}

static void
load_cache(struct rpc_watch *w)
{
	_cleanup_free_ char *text = NULL;
	size_t n, count = 0;
	struct wire wire;
	struct err e;

	if (file_read(w->cache_path, CACHE_MAX, &text, &n, &e) < 0)
		return;
	wire = wire_from((struct span){ (const uint8_t *)text, n });
	while (wire.left > 0 && !wire.bad) {
		struct span packed = wire_string(&wire);
		ProtobufCMessage *m = wire.bad || packed.n > PACKED_MAX
		    ? NULL
		    : protobuf_c_message_unpack(&auth__watch_update__descriptor, NULL, packed.n,
			  packed.p);

		if (!m)
			continue;
		count += take_kept(w->config.roster, (const Auth__WatchUpdate *)m, packed) == 0;
		protobuf_c_message_free_unpacked(m, NULL);
	}
	if (count > 0)
		log_info("the cluster as it was known before was read from disk", NULL);
}

/* --- life ------------------------------------------------------------------------ */

int
rpc_watch_new(struct rpc_watch **ret, const struct rpc_watch_config *config, struct err *e)
{
	static const struct auth_watch_events events = { .begin = on_begin,
		.update = on_update,
		.lost = on_lost };
	Auth__WatchRequest q = AUTH__WATCH_REQUEST__INIT;
	struct rpc_watch *w = calloc(1, sizeof(*w));

	if (!w || timer_init(&w->save, config->loop, on_save, w) < 0) {
		free(w);
		return err_set(e, "out of memory");
	}
	w->config = *config;
	(void)str_copy(w->cache_path, sizeof(w->cache_path), config->cache_path);
	*ret = w;
	load_cache(w);
	q.nodes = true;
	if (auth_watch_new(&w->watch, config->auth, &q, &events, w) < 0) {
		rpc_watch_free(w);
		*ret = NULL;
		return err_set(e, "out of memory");
	}
	return 0;
}

void
rpc_watch_free(struct rpc_watch *w)
{
	if (!w)
		return;
	auth_watch_free(w->watch);
	if (w->unsaved)
		on_save(w);
	timer_done(&w->save);
	free(w);
}
