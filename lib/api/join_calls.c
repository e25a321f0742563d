/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join_calls: the calls Join and Renew, and the channel they use. Called by join.c and join_bundle.c.
 */
#include <stdlib.h>
#include <string.h>

#include "api/join_priv.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "base/version.h"

enum { CALL_TIMEOUT_MS = 20000, TOKEN_MAX = 1024 };

void
join_drop_channel(struct join *j)
{
	rpc_channel_free(j->channel);
	j->channel = NULL;
}

int
join_open_channel(struct join *j, bool anybody, struct err *e)
{
	struct rpc_channel_config config = { .target = join_auth_target(j),
		.identity = j->rpc_id,
		.any_server = anybody,
		.server_name = anybody ? NULL : j->auth_server };

	join_drop_channel(j);
	return rpc_channel_new(&j->channel, &config, e);
}

void
join_start_call(struct join *j, const char *method, const void *request,
    const struct rpc_events *on)
{
	static const struct rpc_options options = { .timeout_ms = CALL_TIMEOUT_MS };

	j->call = rpc_invoke(j->rl, j->channel, &auth__auth__descriptor, method, request, on, j,
	    &options);
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
		log_warn("the renewed identity cannot be used", "cause", e.text, NULL);
	else
		join_refuse(j, e.text);
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
		join_done(j);
	} else if (j->state == JOIN_RENEWING) {
		j->state = JOIN_JOINED;
		join_drop_channel(j);
		join_pause(j, "the identity cannot be renewed yet", status->message);
	} else if (is_definite(status->code)) {
		join_refuse(j, status->message);
	} else {
		/* Perhaps because the authorities have changed since the bundle that we know. */
		j->state = JOIN_FETCHING;
		join_drop_channel(j);
		join_pause(j, "the cluster cannot be joined yet", status->message);
	}
}

static const struct rpc_events identity_events = { .message = on_identity,
	.closed = on_identity_closed };

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
		return (*ret = strdup(j->token)) ? 0 : err_set(e, "out of memory");
	if (!j->token_file)
		return err_set(e,
		    "this host has no valid identity in %s and no join token is configured: make one with "
		    "`tctl tokens add`",
		    j->host->dir);
	return file_read_secret(j->token_file, TOKEN_MAX, ret, e);
}

static void
send_join(struct join *j, char *token)
{
	Auth__JoinRequest q = AUTH__JOIN_REQUEST__INIT;
	Auth__PublicKeys keys = AUTH__PUBLIC_KEYS__INIT;
	Common__Label labels[JOIN_LISTS_MAX], *label_list[JOIN_LISTS_MAX];
	struct buf spki;

	for (size_t i = 0; i < j->n_labels; i++) {
		labels[i] = (Common__Label)COMMON__LABEL__INIT;
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
		join_start_call(j, "Join", &q, &identity_events);
	else
		join_pause(j, "the cluster cannot be joined yet", "out of memory");
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
	if (join_open_channel(j, false, &e) < 0)
		join_pause(j, "the cluster cannot be joined yet", e.text);
	else
		send_join(j, token);
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

	if (join_open_channel(j, false, &e) < 0) {
		join_pause(j, "the identity cannot be renewed", e.text);
		return;
	}
	j->state = JOIN_RENEWING;
	q.keys = &keys;
	q.addresses = (void *)j->addresses;
	q.n_addresses = j->n_addresses;
	if (public_keys(j, &keys, &spki) == 0) {
		join_start_call(j, "Renew", &q, &identity_events);
	} else {
		j->state = JOIN_JOINED;
		join_pause(j, "the identity cannot be renewed", "out of memory");
	}
	buf_done(&spki);
}
