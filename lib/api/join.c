/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join: see join.h; join_priv.h shows the states. Configuration, pauses, the clock, and what the owner is told.
 */
#include "api/join_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/sshcert.h"

enum {
	RETRY_MIN_MS = 500,
	RETRY_MAX_MS = 30000,
	RENEW_RETRY_MAX_MS = 300000,
	LOOK_MAX_MS = 60000, /* the wall clock may jump */
};

/* --- the configuration ---------------------------------------------------------------------- */

/* Nothing and an empty text are the same: not configured. */
static bool
copy_text(char **dst, const char *src)
{
	*dst = src && *src ? strdup(src) : NULL;
	return *dst || !src || !*src;
}

static int
copy_config(struct join *j, const struct join_config *c, struct err *e)
{
	/* Copied: the configuration may be gone before the host has joined. */
	bool ok = copy_text(&j->name, c->name) && copy_text(&j->proxy, c->proxy) &&
	    copy_text(&j->authd, c->authd) && copy_text(&j->token, c->token) &&
	    copy_text(&j->token_file, c->token_file) && copy_text(&j->pin, c->ca_pin);

	if (!j->proxy && !j->authd)
		return err_set(e, "neither the address of a proxy nor that of authd is configured");
	if (j->pin && !capin_ok(j->pin))
		return err_set(e,
		    "the CA pin must look like sha256: and 64 hexadecimal digits, not \"%s\"",
		    j->pin);
	if (c->n_labels > JOIN_LISTS_MAX || c->n_addresses > JOIN_LISTS_MAX)
		return err_set(e, "more than %d labels or addresses are configured",
		    JOIN_LISTS_MAX);
	for (size_t i = 0; ok && i < c->n_labels; i++, j->n_labels++) {
		j->labels[i].key = strdup(c->labels[i].key);
		j->labels[i].value = strdup(c->labels[i].value);
		ok = j->labels[i].key && j->labels[i].value;
	}
	for (size_t i = 0; ok && i < c->n_addresses; i++, j->n_addresses++)
		ok = (j->addresses[i] = strdup(c->addresses[i])) != NULL;
	return ok ? 0 : err_memory(e);
}

static void
free_config(struct join *j)
{
	for (size_t i = 0; i < JOIN_LISTS_MAX; i++) {
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

static void serve(struct join *j);

/* --- pauses and refusals --------------------------------------------------------------------------- */

/* With a new token under way: what it has is still good. */
static bool
may_go_on(const struct join *j)
{
	return j->again && j->state != JOIN_JOINED && host_state_is_valid(j->host);
}

void
join_pause(struct join *j, const char *what, const char *why)
{
	bool go_on = may_go_on(j);
	int64_t max = go_on || j->state == JOIN_JOINED ? RENEW_RETRY_MAX_MS : RETRY_MAX_MS;
	int64_t ms = RETRY_MIN_MS << (j->failures < 10 ? j->failures : 10);
	char text[32];

	if (ms > max)
		ms = max;
	ms = ms / 2 +
	    rand_below((uint32_t)ms); /* half to one and a half: hosts do not come in step */
	j->failures++;
	(void)str_format(text, sizeof text, "%lld ms", (long long)ms);
	log_warn(what, "cause", why, "again_in", text, NULL);
	timer_start(&j->timer, ms);
	/* Whoever waits for this host does not wait for that; the token is tried again. */
	if (go_on && !j->ready)
		serve(j);
	else if (go_on)
		j->state = JOIN_JOINED;
}

/* The end of trying: only a person can help. */
void
join_refuse(struct join *j, const char *why)
{
	if (may_go_on(j)) {
		j->again = false;
		log_warn(
		    "this host cannot join again with the new token; going on as the host that it is",
		    "cause", why, NULL);
		join_done(j);
		return;
	}
	j->state = JOIN_REFUSED;
	(void)str_copy(j->why, sizeof j->why, why);
	timer_stop(&j->timer);
	if (j->events.refused)
		j->events.refused(j->why, j->arg);
}

/* --- what we are -------------------------------------------------------------------------------------- */

int
join_set_rpc_identity(struct join *j, struct err *e)
{
	const struct host_state *h = j->host;
	const char *user_pem = h->bundle->user_pem[0] ? h->bundle->user_pem : NULL;
	struct buf key;
	int r;

	if (!h->tls_cert_pem)
		return rpc_identity_set(j->rpc_id, h->bundle->host_pem, user_pem, NULL, NULL, e);
	if (host_state_tls_key_pem(h, &key) < 0)
		return err_memory(e);
	r = rpc_identity_set(j->rpc_id, h->bundle->host_pem, user_pem, h->tls_cert_pem,
	    (const char *)buf_head(&key), e);
	buf_wipe(&key);
	return r;
}

void
join_fill_identity(struct join *j)
{
	const struct host_state *h = j->host;

	(void)str_format(j->auth_server, sizeof j->auth_server, "authd.%s", h->bundle->cluster);
	(void)str_format(j->audit_server, sizeof j->audit_server, "auditd.%s", h->bundle->cluster);
	j->id = (struct join_identity){ .cluster = h->bundle->cluster,
		.uuid = h->uuid,
		.name = j->name ? j->name : "",
		.host_key = h->ssh_key,
		.ssh_host_cert = buf_span(&h->ssh_host_cert),
		.tunnel_cert = buf_span(&h->tunnel_cert),
		.ca = h->bundle,
		.valid_until_s = h->valid_until_s,
		.auth_server = j->auth_server,
		.audit_server = j->audit_server };
}

static bool
has_principal(const struct sshcert *cert, const char *name)
{
	for (size_t i = 0; i < cert->n_principals; i++)
		if (strcasecmp(cert->principals[i], name) == 0)
			return true;
	return false;
}

/* Whether the host certificate lacks an address that is configured now: whoever comes by it would be told that this is
 * another host, until the identity is renewed. */
static bool
is_renamed(const struct join *j)
{
	struct sshcert *cert = NULL;
	bool all = true;
	struct err e;

	if (sshcert_parse(&cert, buf_span(&j->host->ssh_host_cert), &e) < 0)
		return false;
	for (size_t i = 0; all && i < j->n_addresses; i++)
		all = has_principal(cert, j->addresses[i]);
	sshcert_free(cert);
	return !all;
}

static int64_t
renew_at_s(const struct join *j)
{
	int64_t life = j->host->valid_until_s - j->host->valid_from_s;

	if (j->renamed)
		return 0;
	/* A third of the life is left for an authd that is away. */
	return j->host->valid_from_s + life * 2 / 3;
}

/* Looks at the clock often enough for the life at hand. */
static void
sleep_until_renewal(struct join *j)
{
	int64_t ms = renew_at_s(j) * 1000 - clock_wall_ms();

	if (ms < 200)
		ms = 200;
	if (ms > LOOK_MAX_MS)
		ms = LOOK_MAX_MS;
	/* A tenth at random: hosts that joined together need not renew together. */
	timer_start(&j->timer, ms + rand_below((uint32_t)(ms / 10 + 1)));
}

/* What host_state has now becomes what everybody uses. */
int
join_publish(struct join *j)
{
	struct err e = { "" };

	join_fill_identity(j);
	if (join_set_rpc_identity(j, &e) < 0) {
		join_refuse(j, e.text);
		return -1;
	}
	/* Not before `ready`, which brings the first one. */
	if (j->ready && j->events.changed)
		j->events.changed(&j->id, j->arg);
	return 0;
}

/* With what it has. */
static void
serve(struct join *j)
{
	join_drop_client(j);
	pool_free(j->pool);
	j->pool = NULL;
	j->state = JOIN_JOINED;
	if (join_publish(j) < 0 || j->ready)
		return;
	j->ready = true;
	if (j->events.ready)
		j->events.ready(&j->id, j->arg);
}

void
join_done(struct join *j)
{
	j->failures = 0;
	sleep_until_renewal(j);
	serve(j);
}

/* --- the clock ------------------------------------------------------------------------------------------ */

/* Nobody renewed in time, authd was away for too long: only a token helps. */
static void
start_over(struct join *j)
{
	log_warn("the identity of this host has expired: joining again", NULL);
	/* Keys and UUID stay: it comes back as the host that it was. */
	host_state_forget(j->host);
	j->state = JOIN_FETCHING;
	join_get_bundle(j);
}

/* Keys and UUID stay here as well. */
static void
join_again(struct join *j)
{
	if (!j->again)
		log_info("there is a new token: joining again", NULL);
	j->again = true;
	j->state = JOIN_JOINING;
	join_do_join(j);
}

/* What is to be done now. */
void
join_step(struct join *j)
{
	bool renews = clock_wall_ms() / 1000 >= renew_at_s(j);

	switch (j->state) {
	case JOIN_FETCHING:
		j->renamed = host_state_is_valid(j->host) && is_renamed(j);
		if (!host_state_is_valid(j->host))
			join_get_bundle(j);
		else if (!j->ready && join_has_new_token(j))
			join_again(j);
		else
			join_done(j);
		break;
	case JOIN_JOINING:
		join_do_join(j);
		break;
	case JOIN_JOINED:
		if (!host_state_is_valid(j->host))
			start_over(j);
		/* By turns when both are due: of a token that is never answered the identity must not run out. */
		else if (j->again && (!renews || j->failures % 2 == 0))
			join_again(j);
		else if (renews)
			join_do_renew(j);
		else
			sleep_until_renewal(j);
		break;
	case JOIN_RENEWING:
	case JOIN_REFUSED:
		break;
	}
}

static void
on_timer(void *arg)
{
	join_step(arg);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static int
start(struct join *j, const struct join_config *config, struct err *e)
{
	if (copy_config(j, config, e) < 0 ||
	    host_state_open(&j->host, config->state_dir, config->kind, config->host_key, e) < 0)
		return -1;
	if (rpc_identity_new(&j->rpc_id) < 0 || timer_init(&j->timer, j->loop, on_timer, j) < 0)
		return err_memory(e);
	timer_start(&j->timer, 0);
	return 0;
}

int
join_new(struct join **ret, struct loop *loop, struct rpc_loop *rl,
    const struct join_config *config, const struct join_events *events, void *arg, struct err *e)
{
	struct join *j = calloc(1, sizeof *j);

	if (!j)
		return err_memory(e);
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
	/* What still comes back from calls and threads finds nobody to tell, and a state in which
	 * nothing is begun. */
	j->events = (struct join_events){ 0 };
	j->state = JOIN_REFUSED;
	join_drop_client(j);
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
	return j->proxy ? j->proxy : j->authd;
}
