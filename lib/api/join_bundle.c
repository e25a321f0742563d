/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join_bundle: where a host that joins gets the CA bundle from, and how a new one is believed later.
 * Called by join.c; fetching over HTTPS blocks, so it is done on a thread, which touches struct fetching only.
 */
#include <stdlib.h>

#include "api/bundle_fetch.h"
#include "api/join_priv.h"
#include "base/log.h"
#include "base/str.h"
#include "proto/auth.async.h"

/* What the thread works on; it touches nothing else. */
struct fetching {
	struct join *join;
	char proxy[300], pin[CAPIN_SIZE + 64];
	struct bundle *bundle;
	struct err e;
	int result;
};

/* Owns bundle. */
static void
bundle_came(struct join *j, struct bundle *bundle)
{
	struct err e = { "" };

	if (host_state_take_bundle(j->host, bundle, &e) < 0) {
		join_refuse(j, e.text);
		return;
	}
	j->state = JOIN_JOINING;
	join_step(j);
}

/* On the pool's thread: blocks for as long as HTTPS takes. */
static void
fetch_work(void *arg)
{
	struct fetching *f = arg;

	f->result = bundle_fetch(&f->bundle, f->proxy, f->pin[0] ? f->pin : NULL, &f->e);
}

static void
fetch_done(void *arg, bool ran)
{
	struct fetching *f = arg;
	struct join *j = f->join;

	/* The owner gave up meanwhile, or the pool ended with the work still in its queue. */
	if (!ran || j->state != JOIN_FETCHING)
		bundle_free(f->bundle);
	else if (f->result == 0)
		bundle_came(j, f->bundle);
	else if (f->result == BUNDLE_E_UNREACHABLE)
		join_pause(j, "the cluster cannot be joined yet", f->e.text);
	else
		join_refuse(j, f->e.text);
	free(f);
}

static void
fetch_from_proxy(struct join *j)
{
	struct fetching *f = calloc(1, sizeof *f);

	/* A pool only while it is needed: a host joins once in its life. */
	if (!f || (!j->pool && pool_new(&j->pool, j->loop, 1, 1) < 0)) {
		free(f);
		join_pause(j, "the cluster cannot be joined yet", "out of memory");
		return;
	}
	f->join = j;
	(void)str_copy(f->proxy, sizeof f->proxy, j->proxy);
	(void)str_copy(f->pin, sizeof f->pin, j->pin ? j->pin : "");
	if (pool_submit(j->pool, fetch_work, fetch_done, f) < 0) {
		free(f);
		join_pause(j, "the cluster cannot be joined yet", "no thread");
	}
}

static void join_pack_bundle(const Auth__CaBundle *message, struct buf *ret);

static void
on_bundle(enum rpc_code code, const char *why, const Auth__CaBundle *message, void *arg)
{
	struct join *j = arg;
	struct bundle *bundle = NULL;
	struct err e = { "" };
	struct buf packed;

	if (code != RPC_OK) {
		join_pause(j, "the cluster cannot be joined yet", why);
		return;
	}
	join_pack_bundle(message, &packed);
	if (bundle_open(&bundle, buf_span(&packed), j->pin, NULL, &e) < 0)
		join_refuse(j, e.text);
	else
		bundle_came(j, bundle);
	buf_done(&packed);
}

static void
fetch_from_authd(struct join *j)
{
	Auth__Empty q = AUTH__EMPTY__INIT;
	struct err e = { "" };

	if (join_open_client(j, true, &e) < 0)
		join_pause(j, "the cluster cannot be joined yet", e.text);
	else
		auth_get_ca_bundle(j->client, &q, on_bundle, j);
}

/* The bundle that is known will do at first; after a failure it is fetched, if there is a pin to know it by. */
void
join_get_bundle(struct join *j)
{
	if (j->host->bundle && (j->failures == 0 || !j->pin)) {
		j->state = JOIN_JOINING;
		join_do_join(j);
	} else if (!j->pin) {
		join_refuse(j,
		    "this host has not joined yet: it needs the CA pin of the cluster (`tctl status` shows it)");
	} else if (j->proxy) {
		fetch_from_proxy(j);
	} else {
		fetch_from_authd(j);
	}
}

/* The message as bytes, as bundle_open takes them; the caller frees. */
static void
join_pack_bundle(const Auth__CaBundle *message, struct buf *ret)
{
	size_t n = protobuf_c_message_get_packed_size(&message->base);

	buf_init(ret, BUNDLE_PACKED_MAX);
	if (!buf_reserve(ret, n))
		return; /* too large: bundle_open refuses the empty one */
	protobuf_c_message_pack(&message->base, buf_head(ret));
	buf_commit(ret, n);
}

void
join_take_bundle(struct join *j, const Auth__CaBundle *message)
{
	struct bundle *fresh = NULL;
	struct err e = { "" };
	struct buf packed;

	join_pack_bundle(message, &packed);
	if (j->host->bundle && span_eq(buf_span(&packed), buf_span(&j->host->bundle->packed)))
		goto out;
	if (!j->host->bundle)
		goto out;
	if (bundle_open(&fresh, buf_span(&packed), NULL, j->host->bundle, &e) < 0 ||
	    /* An older one is signed as well, and would bring back a CA that was taken out. */
	    fresh->generation < j->host->bundle->generation) {
		log_warn("a new CA bundle was not believed", "cause",
		    e.text[0] ? e.text : "it is older", NULL);
		bundle_free(fresh);
		goto out;
	}
	if (host_state_take_bundle(j->host, fresh, &e) < 0)
		log_warn("the new CA bundle cannot be stored", "cause", e.text, NULL);
	else if (j->ready)
		(void)join_publish(j);
out:
	buf_done(&packed);
}
