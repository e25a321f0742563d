/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join_calls: the calls Join and Renew, and the client they use. Called by join.c and join_bundle.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/join_priv.h"
#include "api/label.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/version.h"
#include "proto/auth.async.h"
#include "rpc/bytes.h"

enum { TOKEN_MAX = 1024, ARENA_MAX = 64 * 1024 };

void
join_drop_client(struct join *j)
{
	rpc_client_free(j->client);
	j->client = NULL;
}

int
join_open_client(struct join *j, bool anybody, struct err *e)
{
	struct rpc_channel_config config = { .target = join_auth_target(j),
		.identity = j->rpc_id,
		.any_server = anybody,
		.server_name = anybody ? NULL : j->auth_server };

	join_drop_client(j);
	return rpc_client_new(&j->client, j->rl, &config, e);
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

/* --- the token ----------------------------------------------------------------------------------------------- */

/* For the caller to wipe and free. */
static int
read_token(const struct join *j, char **ret, struct err *e)
{
	if (j->token)
		/* A copy, as of the file: the caller wipes and frees either. */
		return (*ret = strdup(j->token)) ? 0 : err_memory(e);
	if (!j->token_file)
		return err_set(e,
		    "this host has no valid identity in %s and no join token is configured: make one with "
		    "`tctl tokens add`",
		    j->host->dir);
	return file_read_secret(j->token_file, TOKEN_MAX, ret, e);
}

bool
join_has_new_token(const struct join *j)
{
	struct err e = { "" };
	char *token = NULL;
	bool other = false;

	/* Most have none any more: it was needed once. */
	if (!j->token && (!j->token_file || (access(j->token_file, F_OK) < 0 && errno == ENOENT)))
		return false;
	if (read_token(j, &token, &e) == 0) {
		other = host_state_is_other_token(j->host, token);
		explicit_bzero(token, strlen(token));
	} else {
		log_warn(
		    "whether there is a new token is not known; going on as the host that it is",
		    "cause", e.text, NULL);
	}
	free(token);
	return other;
}

static void
note_token(struct join *j)
{
	struct err e = { "" };
	char *token = NULL;

	if (read_token(j, &token, &e) < 0 || host_state_note_token(j->host, token, &e) < 0)
		log_warn("which token this host joined with cannot be noted", "cause", e.text,
		    NULL);
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
}

/* --- Join and Renew ----------------------------------------------------------------------------------------- */

/* What comes is checked by host_state as if a stranger had sent it. */
static void
take_identity(struct join *j, const Auth__HostIdentity *id)
{
	bool joining = j->state == JOIN_JOINING;
	struct err e = { "" };
	int rc;

	/* First, since the new certificates may be of a CA that only the new bundle names. */
	if (id->ca)
		join_take_bundle(j, id->ca);
	if (j->state == JOIN_REFUSED)
		return;
	rc = host_state_take_identity(j->host, id, &e);
	if (rc < 0 && !j->ready) {
		join_refuse(j, e.text);
		return;
	}
	/* Last: a token of which nothing was kept is tried at the next start. */
	if (rc == 0 && joining)
		note_token(j);
	if (joining)
		j->again = false;
	if (rc == 0) {
		join_done(j);
		return;
	}
	/* What we have is good until it ends. */
	j->state = JOIN_JOINED;
	join_drop_client(j);
	join_pause(j, "the new identity cannot be used", e.text);
	(void)join_publish(j);
}

/* Both calls are answered by an identity. */
static void
on_identity(enum rpc_code code, const char *why, const Auth__HostIdentity *id, void *arg)
{
	struct join *j = arg;

	if (code == RPC_OK) {
		/* Also when authd has left out a name: it would again. */
		j->renamed = false;
		take_identity(j, id);
	} else if (j->state == JOIN_RENEWING) {
		j->state = JOIN_JOINED;
		join_drop_client(j);
		join_pause(j, "the identity cannot be renewed yet", why);
	} else if (is_definite(code)) {
		join_refuse(j, why);
	} else {
		/* Perhaps because the authorities have changed since the bundle that we know. */
		j->state = JOIN_FETCHING;
		join_drop_client(j);
		join_pause(j, "the cluster cannot be joined yet", why);
	}
}

/* Points keys at the host's own; spki holds the TLS one and is the caller's to free, also after
 * -1. */
static int
public_keys(const struct join *j, Auth__PublicKeys *keys, struct buf *spki)
{
	struct span ssh = sshkey_blob(j->host->ssh_key);

	buf_init(spki, X509_SPKI_MAX);
	if (x509_key_spki(j->host->tls_key, spki) < 0)
		return -1;
	keys->ssh = bytes_of(ssh);
	keys->tls = bytes_of(buf_span(spki));
	return 0;
}

static void
send_join(struct join *j, char *token)
{
	Auth__JoinRequest q = AUTH__JOIN_REQUEST__INIT;
	Auth__PublicKeys keys = AUTH__PUBLIC_KEYS__INIT;
	struct arena arena;
	struct buf spki;

	arena_init(&arena, ARENA_MAX);
	q.token = token;
	q.kind = j->host->kind;
	q.name = j->id.name;
	q.uuid = j->host->uuid;
	q.version = SALLYPORT_VERSION;
	q.keys = &keys;
	q.labels = api_labels(&arena, (struct policy_labels){ j->labels, j->n_labels });
	q.n_labels = j->n_labels;
	q.addresses = (void *)j->addresses;
	q.n_addresses = j->n_addresses;
	if (public_keys(j, &keys, &spki) == 0 && q.labels)
		auth_join(j->client, &q, on_identity, j);
	else
		join_pause(j, "the cluster cannot be joined yet", "out of memory");
	arena_done(&arena);
	buf_done(&spki);
}

void
join_do_join(struct join *j)
{
	struct err e = { "" };
	char *token = NULL;

	join_fill_identity(j);
	if (read_token(j, &token, &e) < 0 || join_set_rpc_identity(j, &e) < 0) {
		free(token);
		join_refuse(j, e.text);
		return;
	}
	if (join_open_client(j, false, &e) < 0)
		join_pause(j, "the cluster cannot be joined yet", e.text);
	else
		send_join(j, token);
	/* It may be good for more hosts than this one. */
	explicit_bzero(token, strlen(token));
	free(token);
}

void
join_do_renew(struct join *j)
{
	Auth__RenewRequest q = AUTH__RENEW_REQUEST__INIT;
	Auth__PublicKeys keys = AUTH__PUBLIC_KEYS__INIT;
	struct err e = { "" };
	struct buf spki;

	if (join_open_client(j, false, &e) < 0) {
		join_pause(j, "the identity cannot be renewed", e.text);
		return;
	}
	j->state = JOIN_RENEWING;
	q.keys = &keys;
	q.addresses = (void *)j->addresses;
	q.n_addresses = j->n_addresses;
	if (public_keys(j, &keys, &spki) == 0) {
		auth_renew(j->client, &q, on_identity, j);
	} else {
		j->state = JOIN_JOINED;
		join_pause(j, "the identity cannot be renewed", "out of memory");
	}
	buf_done(&spki);
}
