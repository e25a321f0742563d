/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join: see join.h. One state at a time, one thing under way in it:
 *
 *	FETCHING  the CA bundle      (a thread with HTTPS, or a call to authd)   -> JOINING, or a pause
 *	JOINING   the call Join                                                  -> JOINED, REFUSED, or a pause
 *	JOINED    looks at the clock                                             -> RENEWING at two thirds
 *	RENEWING  the call Renew                                                 -> JOINED
 */
#include "api/join.h"

#include <stdlib.h>
#include <string.h>

#include "api/bundle_fetch.h"
#include "api/host_state.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/version.h"
#include "crypto/rand.h"

enum {
	CALL_TIMEOUT_MS = 20000,
	RETRY_MIN_MS = 500,
	RETRY_MAX_MS = 30000,
	RENEW_RETRY_MAX_MS = 300000,
	LOOK_MAX_MS = 60000, /* the wall clock may jump */
	LISTS_MAX = 64,
	TOKEN_MAX = 1024,
};

enum join_state { JOIN_FETCHING, JOIN_JOINING, JOIN_JOINED, JOIN_RENEWING, JOIN_REFUSED };

/* What the thread works on; it touches nothing else. */
struct fetching {
	struct join *join;
	char proxy[300], pin[CAPIN_SIZE + 64];
	struct bundle *bundle;
	struct err e;
	int result;
};

struct join {
	struct loop *loop;
	struct rpc_loop *rl;
	struct join_events events;
	void *arg;

	char *name, *proxy, *authd, *token, *token_file, *pin;
	struct api_label labels[LISTS_MAX];
	char *addresses[LISTS_MAX];
	size_t n_labels, n_addresses;

	enum join_state state;
	struct host_state *host;
	struct rpc_identity *rpc_id;
	struct join_identity id;
	char auth_server[300], audit_server[300];
	struct pool *pool;
	struct rpc_channel *channel;
	struct rpc_call *call;
	struct timer timer;
	unsigned failures;
	bool ready, anybody; /* the channel trusts anybody: for the bundle only */
	char why[ERR_MAX];   /* of the refusal */
};

static void step(void *arg);

/* --- the configuration ---------------------------------------------------------------------- */

static bool
copy_text(char **dst, const char *src)
{
	*dst = src && *src ? strdup(src) : NULL;
	return *dst || !src || !*src;
}

static int
copy_config(struct join *j, const struct join_config *c, struct err *e)
{
	bool ok = copy_text(&j->name, c->name) && copy_text(&j->proxy, c->proxy) && copy_text(&j->authd, c->authd) &&
	    copy_text(&j->token, c->token) && copy_text(&j->token_file, c->token_file) && copy_text(&j->pin, c->ca_pin);

	if (!j->proxy && !j->authd)
		return err_set(e, "neither the address of a proxy nor that of authd is configured");
	if (j->pin && !capin_ok(j->pin))
		return err_set(e, "the CA pin must look like sha256: and 64 hexadecimal digits, not \"%s\"", j->pin);
	if (c->n_labels > LISTS_MAX || c->n_addresses > LISTS_MAX)
		return err_set(e, "more than %d labels or addresses are configured", LISTS_MAX);
	for (size_t i = 0; ok && i < c->n_labels; i++, j->n_labels++) {
		j->labels[i].key = strdup(c->labels[i].key);
		j->labels[i].value = strdup(c->labels[i].value);
		ok = j->labels[i].key && j->labels[i].value;
	}
	for (size_t i = 0; ok && i < c->n_addresses; i++, j->n_addresses++)
		ok = (j->addresses[i] = strdup(c->addresses[i])) != NULL;
	return ok ? 0 : err_set(e, "no memory");
}

static void
free_config(struct join *j)
{
	for (size_t i = 0; i < LISTS_MAX; i++) {
		free((char *)(uintptr_t)j->labels[i].key);
		free((char *)(uintptr_t)j->labels[i].value);
		free(j->addresses[i]);
	}
	if (j->token)
		explicit_bzero(j->token, strlen(j->token));
	free(j->token);
	free(j->name);
	free(j->proxy);
	free(j->authd);
	free(j->token_file);
	free(j->pin);
}

/* --- pauses and refusals --------------------------------------------------------------------------- */

static void
drop_channel(struct join *j)
{
	rpc_channel_free(j->channel);
	j->channel = NULL;
}

static void
pause_then_step(struct join *j, const char *what, const char *why)
{
	int64_t max = j->state == JOIN_JOINED ? RENEW_RETRY_MAX_MS : RETRY_MAX_MS;
	int64_t ms = RETRY_MIN_MS << (j->failures < 10 ? j->failures : 10);
	char text[32];

	if (ms > max)
		ms = max;
	ms = ms / 2 + rand_below((uint32_t)ms); /* half to one and a half: hosts do not come in step */
	j->failures++;
	(void)str_format(text, sizeof text, "%lld ms", (long long)ms);
	log_warn(what, "why", why, "again_in", text, NULL);
	timer_start(&j->timer, ms);
}

static void
refuse(struct join *j, const char *why)
{
	j->state = JOIN_REFUSED;
	(void)str_copy(j->why, sizeof j->why, why);
	timer_stop(&j->timer);
	if (j->events.refused)
		j->events.refused(j->why, j->arg);
}

/* --- calls ------------------------------------------------------------------------------------------- */

static const char *
target(const struct join *j)
{
	return j->proxy ? j->proxy : j->authd;
}

static int
open_channel(struct join *j, bool anybody, struct err *e)
{
	struct rpc_channel_config config = { .target = target(j), .identity = j->rpc_id, .any_server = anybody,
		.server_name = anybody ? NULL : j->auth_server };

	drop_channel(j);
	return rpc_channel_new(&j->channel, &config, e);
}

static void
start_call(struct join *j, const char *method, const void *request, const struct rpc_events *on)
{
	static const struct rpc_options options = { .timeout_ms = CALL_TIMEOUT_MS };

	j->call = rpc_invoke(j->rl, j->channel, &auth__auth__descriptor, method, request, on, j, &options);
}

/* Trying again cannot change the answer. */
static bool
is_definite(enum rpc_code code)
{
	switch (code) {
	case RPC_INVALID_ARGUMENT:
	case RPC_NOT_FOUND:
	case RPC_ALREADY_EXISTS:
	case RPC_PERMISSION_DENIED:
	case RPC_FAILED_PRECONDITION:
	case RPC_UNAUTHENTICATED:
		return true;
	default:
		return false;
	}
}

/* --- what we are -------------------------------------------------------------------------------------- */

static int
set_rpc_identity(struct join *j, struct err *e)
{
	const struct host_state *h = j->host;
	const char *user_pem = h->bundle->user_pem[0] ? h->bundle->user_pem : NULL;
	struct buf key;
	int r;

	if (!h->tls_cert_pem)
		return rpc_identity_set(j->rpc_id, h->bundle->host_pem, user_pem, NULL, NULL, e);
	if (host_state_tls_key_pem(h, &key) < 0)
		return err_set(e, "no memory");
	r = rpc_identity_set(j->rpc_id, h->bundle->host_pem, user_pem, h->tls_cert_pem, (const char *)buf_head(&key), e);
	buf_wipe(&key);
	return r;
}

static void
fill_identity(struct join *j)
{
	const struct host_state *h = j->host;

	(void)str_format(j->auth_server, sizeof j->auth_server, "authd.%s", h->bundle->cluster);
	(void)str_format(j->audit_server, sizeof j->audit_server, "auditd.%s", h->bundle->cluster);
	j->id = (struct join_identity){ .cluster = h->bundle->cluster, .uuid = h->uuid, .name = j->name ? j->name : "",
		.host_key = h->ssh_key, .ssh_host_cert = buf_span(&h->ssh_host_cert),
		.tunnel_cert = buf_span(&h->tunnel_cert), .ca = h->bundle, .valid_until_s = h->valid_until_s,
		.auth_server = j->auth_server, .audit_server = j->audit_server };
}

static int64_t
renew_at_s(const struct join *j)
{
	int64_t life = j->host->valid_until_s - j->host->valid_from_s;

	return j->host->valid_from_s + life * 2 / 3;
}

/* Looks at the clock often enough for the life at hand. */
static void
sleep_until_renewal(struct join *j)
{
	int64_t ms = (renew_at_s(j) * 1000 - clock_wall_ms());

	if (ms < 200)
		ms = 200;
	if (ms > LOOK_MAX_MS)
		ms = LOOK_MAX_MS;
	timer_start(&j->timer, ms + rand_below((uint32_t)(ms / 10 + 1)));
}

/* What host_state has now becomes what everybody uses. */
static int
publish(struct join *j)
{
	struct err e = { "" };

	fill_identity(j);
	if (set_rpc_identity(j, &e) < 0) {
		refuse(j, e.text);
		return -1;
	}
	if (j->ready && j->events.changed)
		j->events.changed(&j->id, j->arg);
	return 0;
}

static void
joined(struct join *j)
{
	drop_channel(j);
	pool_free(j->pool);
	j->pool = NULL;
	j->failures = 0;
	j->state = JOIN_JOINED;
	if (publish(j) < 0)
		return;
	sleep_until_renewal(j);
	if (j->ready)
		return;
	j->ready = true;
	if (j->events.ready)
		j->events.ready(&j->id, j->arg);
}

/* --- fetching the bundle --------------------------------------------------------------------------------- */

static void
bundle_came(struct join *j, struct bundle *bundle)
{
	struct err e = { "" };

	if (host_state_take_bundle(j->host, bundle, &e) < 0) {
		refuse(j, e.text);
		return;
	}
	j->state = JOIN_JOINING;
	step(j);
}

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

	if (!ran || j->state != JOIN_FETCHING)
		bundle_free(f->bundle);
	else if (f->result == 0)
		bundle_came(j, f->bundle);
	else if (f->result == BUNDLE_E_UNREACHABLE)
		pause_then_step(j, "the cluster cannot be joined yet", f->e.text);
	else
		refuse(j, f->e.text);
	free(f);
}

static void
fetch_from_proxy(struct join *j)
{
	struct fetching *f = calloc(1, sizeof *f);

	if (!f || (!j->pool && pool_new(&j->pool, j->loop, 1, 1) < 0)) {
		free(f);
		pause_then_step(j, "the cluster cannot be joined yet", "no memory");
		return;
	}
	f->join = j;
	(void)str_copy(f->proxy, sizeof f->proxy, j->proxy);
	(void)str_copy(f->pin, sizeof f->pin, j->pin ? j->pin : "");
	if (pool_submit(j->pool, fetch_work, fetch_done, f) < 0) {
		free(f);
		pause_then_step(j, "the cluster cannot be joined yet", "no thread");
	}
}

static void
on_bundle(struct rpc_call *call, const void *message)
{
	struct join *j = rpc_data(call);
	const ProtobufCMessage *m = message;
	struct bundle *bundle = NULL;
	struct err e = { "" };
	struct buf packed;
	size_t n;

	if (!j || !message)
		return;
	buf_init(&packed, BUNDLE_PACKED_MAX);
	n = protobuf_c_message_get_packed_size(m);
	if (buf_reserve(&packed, n)) {
		protobuf_c_message_pack(m, buf_head(&packed));
		buf_commit(&packed, n);
	}
	if (bundle_open(&bundle, buf_span(&packed), j->pin, NULL, &e) < 0)
		refuse(j, e.text);
	else
		bundle_came(j, bundle);
	buf_done(&packed);
}

static void
on_bundle_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct join *j = rpc_data(call);

	if (!j || j->call != call)
		return; /* the next call is under way, or nobody waits */
	j->call = NULL;
	if (status->code != RPC_OK)
		pause_then_step(j, "the cluster cannot be joined yet", status->message);
}

static void
fetch_from_authd(struct join *j)
{
	static const struct rpc_events on = { .message = on_bundle, .closed = on_bundle_closed };
	Auth__Empty q = AUTH__EMPTY__INIT;
	struct err e = { "" };

	if (open_channel(j, true, &e) < 0)
		pause_then_step(j, "the cluster cannot be joined yet", e.text);
	else
		start_call(j, "GetCaBundle", &q, &on);
}

/* --- Join and Renew ----------------------------------------------------------------------------------------- */

static void
on_identity(struct rpc_call *call, const void *message)
{
	struct join *j = rpc_data(call);
	const Auth__HostIdentity *id = message;
	struct err e = { "" };

	if (!j || !id)
		return;
	if (id->ca)
		join_take_bundle(j, id->ca);
	if (host_state_take_identity(j->host, id, &e) == 0)
		return;
	if (j->ready) /* what we have is good until it ends */
		log_warn("the renewed identity cannot be used", "why", e.text, NULL);
	else
		refuse(j, e.text);
}

static void
on_identity_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct join *j = rpc_data(call);

	if (!j)
		return;
	j->call = NULL;
	if (j->state == JOIN_REFUSED)
		return;
	if (status->code == RPC_OK) {
		joined(j);
	} else if (j->state == JOIN_RENEWING) {
		j->state = JOIN_JOINED;
		drop_channel(j);
		pause_then_step(j, "the identity cannot be renewed yet", status->message);
	} else if (is_definite(status->code)) {
		refuse(j, status->message);
	} else {
		/* Perhaps because the authorities have changed since the bundle that we know. */
		j->state = JOIN_FETCHING;
		drop_channel(j);
		pause_then_step(j, "the cluster cannot be joined yet", status->message);
	}
}

static const struct rpc_events identity_events = { .message = on_identity, .closed = on_identity_closed };

static int
public_keys(const struct join *j, Auth__PublicKeys *keys, struct buf *spki)
{
	struct span ssh = sshkey_blob(j->host->ssh_key);

	buf_init(spki, X509_SPKI_MAX);
	if (x509_key_spki(j->host->tls_key, spki) < 0)
		return -1;
	keys->ssh = (ProtobufCBinaryData){ ssh.n, (uint8_t *)(uintptr_t)ssh.p };
	keys->tls = (ProtobufCBinaryData){ spki->len, buf_head(spki) };
	return 0;
}

static int
read_token(const struct join *j, char **ret, struct err *e)
{
	if (j->token)
		return (*ret = strdup(j->token)) ? 0 : err_set(e, "no memory");
	if (!j->token_file)
		return err_set(e, "this host has no valid identity in %s and no join token is configured: make one with "
		    "`tctl tokens add`", j->host->dir);
	return file_read_secret(j->token_file, TOKEN_MAX, ret, e);
}

static void
send_join(struct join *j, char *token)
{
	Auth__JoinRequest q = AUTH__JOIN_REQUEST__INIT;
	Auth__PublicKeys keys = AUTH__PUBLIC_KEYS__INIT;
	Auth__JoinRequest__LabelsEntry labels[LISTS_MAX], *label_list[LISTS_MAX];
	struct buf spki;

	for (size_t i = 0; i < j->n_labels; i++) {
		labels[i] = (Auth__JoinRequest__LabelsEntry)AUTH__JOIN_REQUEST__LABELS_ENTRY__INIT;
		labels[i].key = j->labels[i].key;
		labels[i].value = j->labels[i].value;
		label_list[i] = &labels[i];
	}
	q.token = token;
	q.kind = j->host->kind;
	q.name = j->id.name;
	q.uuid = j->host->uuid;
	q.version = SALLYPORT_VERSION;
	q.keys = &keys;
	q.labels = label_list;
	q.n_labels = j->n_labels;
	q.addresses = (void *)j->addresses;
	q.n_addresses = j->n_addresses;
	if (public_keys(j, &keys, &spki) == 0)
		start_call(j, "Join", &q, &identity_events);
	else
		pause_then_step(j, "the cluster cannot be joined yet", "no memory");
	buf_done(&spki);
}

static void
do_join(struct join *j)
{
	struct err e = { "" };
	char *token = NULL;

	fill_identity(j);
	if (read_token(j, &token, &e) < 0 || set_rpc_identity(j, &e) < 0) {
		free(token);
		refuse(j, e.text);
		return;
	}
	if (open_channel(j, false, &e) < 0)
		pause_then_step(j, "the cluster cannot be joined yet", e.text);
	else
		send_join(j, token);
	explicit_bzero(token, strlen(token));
	free(token);
}

static void
do_renew(struct join *j)
{
	Auth__RenewRequest q = AUTH__RENEW_REQUEST__INIT;
	Auth__PublicKeys keys = AUTH__PUBLIC_KEYS__INIT;
	struct err e = { "" };
	struct buf spki;

	if (open_channel(j, false, &e) < 0) {
		pause_then_step(j, "the identity cannot be renewed", e.text);
		return;
	}
	j->state = JOIN_RENEWING;
	q.keys = &keys;
	q.addresses = (void *)j->addresses;
	q.n_addresses = j->n_addresses;
	if (public_keys(j, &keys, &spki) == 0) {
		start_call(j, "Renew", &q, &identity_events);
	} else {
		j->state = JOIN_JOINED;
		pause_then_step(j, "the identity cannot be renewed", "no memory");
	}
	buf_done(&spki);
}

/* The bundle that is known will do at first; after a failure it is fetched, if there is a pin to know it by. */
static void
get_bundle(struct join *j)
{
	if (j->host->bundle && (j->failures == 0 || !j->pin)) {
		j->state = JOIN_JOINING;
		do_join(j);
	} else if (!j->pin) {
		refuse(j, "this host has not joined yet: it needs the CA pin of the cluster (`tctl status` shows it)");
	} else if (j->proxy) {
		fetch_from_proxy(j);
	} else {
		fetch_from_authd(j);
	}
}

/* Nobody renewed in time, authd was away for too long: only a token helps. */
static void
start_over(struct join *j)
{
	log_warn("the identity of this host has expired: joining again", NULL);
	host_state_forget(j->host);
	j->state = JOIN_FETCHING;
	get_bundle(j);
}

/* What is to be done now. */
static void
step(void *arg)
{
	struct join *j = arg;

	switch (j->state) {
	case JOIN_FETCHING:
		if (host_state_is_valid(j->host))
			joined(j);
		else
			get_bundle(j);
		break;
	case JOIN_JOINING:
		do_join(j);
		break;
	case JOIN_JOINED:
		if (!host_state_is_valid(j->host))
			start_over(j);
		else if (clock_wall_ms() / 1000 >= renew_at_s(j))
			do_renew(j);
		else
			sleep_until_renewal(j);
		break;
	case JOIN_RENEWING:
	case JOIN_REFUSED:
		break;
	}
}

void
join_renew(struct join *j)
{
	if (j->state == JOIN_JOINED)
		do_renew(j);
}

void
join_take_bundle(struct join *j, const Auth__CaBundle *message)
{
	struct bundle *fresh = NULL;
	struct err e = { "" };
	struct buf packed;
	size_t n = protobuf_c_message_get_packed_size(&message->base);

	buf_init(&packed, BUNDLE_PACKED_MAX);
	if (buf_reserve(&packed, n)) {
		protobuf_c_message_pack(&message->base, buf_head(&packed));
		buf_commit(&packed, n);
	}
	if (j->host->bundle && span_eq(buf_span(&packed), buf_span(&j->host->bundle->packed)))
		goto out;
	if (!j->host->bundle)
		goto out;
	if (bundle_open(&fresh, buf_span(&packed), NULL, j->host->bundle, &e) < 0 ||
	    fresh->generation < j->host->bundle->generation) {
		log_warn("a new CA bundle was not believed", "why", e.text[0] ? e.text : "it is older", NULL);
		bundle_free(fresh);
		goto out;
	}
	if (host_state_take_bundle(j->host, fresh, &e) < 0)
		log_warn("the new CA bundle cannot be stored", "why", e.text, NULL);
	else if (j->ready)
		(void)publish(j);
out:
	buf_done(&packed);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static int
start(struct join *j, const struct join_config *config, struct err *e)
{
	if (copy_config(j, config, e) < 0 || host_state_open(&j->host, config->state_dir, config->kind, e) < 0)
		return -1;
	if (rpc_identity_new(&j->rpc_id) < 0 || timer_init(&j->timer, j->loop, step, j) < 0)
		return err_set(e, "no memory");
	timer_start(&j->timer, 0);
	return 0;
}

int
join_new(struct join **ret, struct loop *loop, struct rpc_loop *rl, const struct join_config *config,
    const struct join_events *events, void *arg, struct err *e)
{
	struct join *j = calloc(1, sizeof *j);

	if (!j)
		return err_set(e, "no memory");
	j->loop = loop;
	j->rl = rl;
	j->events = *events;
	j->arg = arg;
	if (start(j, config, e) < 0) {
		join_free(j);
		return -1;
	}
	*ret = j;
	return 0;
}

void
join_free(struct join *j)
{
	if (!j)
		return;
	j->events = (struct join_events){ 0 };
	j->state = JOIN_REFUSED;
	if (j->call) {
		rpc_set_data(j->call, NULL);
		rpc_cancel(j->call);
	}
	drop_channel(j);
	pool_free(j->pool);
	timer_done(&j->timer);
	host_state_free(j->host);
	rpc_identity_free(j->rpc_id);
	free_config(j);
	free(j);
}

int
join_wait(struct join *j, const bool *give_up, struct err *e)
{
	while (!j->ready && j->state != JOIN_REFUSED && !(give_up && *give_up))
		if (loop_turn(j->loop, 1000) < 0)
			return err_set(e, "the event loop failed");
	if (j->state == JOIN_REFUSED)
		return err_set(e, "%s", j->why);
	return j->ready ? 0 : err_set(e, "stopped before this host had joined");
}

const struct join_identity *
join_identity(const struct join *j)
{
	return j->ready ? &j->id : NULL;
}

struct rpc_identity *
join_rpc_identity(struct join *j)
{
	return j->rpc_id;
}

const char *
join_auth_target(const struct join *j)
{
	return target(j);
}
