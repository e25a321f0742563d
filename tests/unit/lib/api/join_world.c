/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join_world: see join_world.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "crypto/identity.h"
#include "crypto/rand.h"
#include "crypto/sshcert.h"
#include "join_world.h"
#include "rpc/tls.h"

static void
issue_tls(struct join_world *f, struct span spki, const struct identity *who, const char *dns,
    struct buf *ret)
{
	const char *const names[] = { dns };
	struct x509_request q = { .spki = spki,
		.identity = who,
		.dns = names,
		.n_dns = dns ? 1 : 0,
		.not_before_s = clock_wall_ms() / 1000 - 1,
		.not_after_s = clock_wall_ms() / 1000 + f->ttl_s,
		.usage = X509_SERVER | X509_CLIENT };
	struct err e = { "" };

	buf_init(ret, X509_PEM_MAX);
	if (x509_issue(&q, f->host_ca, f->host_key, ret, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(buf_put(ret, "", 1));
}

static struct sshcert *
issue_ssh(struct join_world *f, struct span key, uint32_t type, const char *uuid,
    const char *address)
{
	struct sshcert *cert = calloc(1, sizeof *cert);
	struct err e = { "" };

	assert_int_equal(sshkey_from_blob(&cert->key, key), 0);
	cert->type = type;
	cert->key_id = strdup(uuid);
	cert->principals = calloc(2, sizeof *cert->principals);
	cert->principals[0] = strdup(uuid);
	cert->principals[1] = strdup(address);
	cert->n_principals = 2;
	cert->valid_after = (uint64_t)(clock_wall_ms() / 1000 - 1);
	cert->valid_before = (uint64_t)(clock_wall_ms() / 1000 + f->ttl_s);
	if (sshcert_sign(cert, f->ssh_host_ca, &e) < 0)
		fail_msg("%s", e.text);
	return cert;
}

/* ca_set and signature, packed; freed by the caller. */
void
join_world_bundle(struct join_world *f, struct buf *set, struct buf *sig)
{
	Auth__CaSet m = AUTH__CA_SET__INIT;
	const char *host[] = { (const char *)buf_head(&f->host_pem) },
		   *user[] = { (const char *)buf_head(&f->user_pem) };
	struct span hs = sshkey_blob(f->ssh_host_ca), us = sshkey_blob(f->ssh_user_ca);
	ProtobufCBinaryData hb = { hs.n, (uint8_t *)(uintptr_t)hs.p },
			    ub = { us.n, (uint8_t *)(uintptr_t)us.p };
	size_t n;

	m.cluster = "test";
	m.host_x509_pem = host;
	m.user_x509_pem = user;
	m.n_host_x509_pem = m.n_user_x509_pem = 1;
	m.host_ssh = &hb;
	m.user_ssh = &ub;
	m.n_host_ssh = m.n_user_ssh = 1;
	m.generation = f->generation;
	buf_init(set, 65536);
	buf_init(sig, 256);
	n = protobuf_c_message_get_packed_size(&m.base);
	protobuf_c_message_pack(&m.base, buf_reserve(set, n));
	buf_commit(set, n);
	assert_int_equal(x509_sign_data(f->host_key, buf_span(set), sig), 0);
}

void
join_world_fill_bundle(Auth__CaBundle *b, struct buf *set, struct buf *sig)
{
	b->ca_set = (ProtobufCBinaryData){ set->len, buf_head(set) };
	b->signature = (ProtobufCBinaryData){ sig->len, buf_head(sig) };
}

static void
on_bundle(struct rpc_call *call, const Auth__Empty *q)
{
	struct join_world *f = rpc_context(call);
	Auth__CaBundle b = AUTH__CA_BUNDLE__INIT;
	struct buf set, sig;

	(void)q;
	f->fetches++;
	join_world_bundle(f, &set, &sig);
	join_world_fill_bundle(&b, &set, &sig);
	auth_get_ca_bundle_reply(call, &b);
	buf_done(&set);
	buf_done(&sig);
}

static void
answer_identity(struct rpc_call *call, const char *kind, const char *uuid,
    const Auth__PublicKeys *keys, const char *address)
{
	struct join_world *f = rpc_context(call);
	Auth__HostIdentity id = AUTH__HOST_IDENTITY__INIT;
	Auth__CaBundle b = AUTH__CA_BUNDLE__INIT;
	struct span ssh = { keys->ssh.data, keys->ssh.len };
	struct sshcert *host = issue_ssh(f, ssh, SSHCERT_HOST, uuid, address),
		       *tunnel = issue_ssh(f, ssh, SSHCERT_USER, uuid, "tunnel");
	struct identity who;
	enum identity_kind k;
	struct buf tls, set, sig;

	assert_true(identity_kind_from(span_str(kind), &k) && identity_set(&who, "test", k, uuid));
	issue_tls(f, (struct span){ keys->tls.data, keys->tls.len }, &who, NULL, &tls);
	join_world_bundle(f, &set, &sig);
	join_world_fill_bundle(&b, &set, &sig);
	id.cluster = "test";
	id.uuid = uuid;
	id.tls_cert_pem = (const char *)buf_head(&tls);
	id.ssh_host_cert = (ProtobufCBinaryData){ host->blob.len, buf_head(&host->blob) };
	id.ssh_tunnel_cert = (ProtobufCBinaryData){ tunnel->blob.len, buf_head(&tunnel->blob) };
	id.ca = &b;
	auth_join_reply(call, &id);
	sshcert_free(host);
	sshcert_free(tunnel);
	buf_done(&tls);
	buf_done(&set);
	buf_done(&sig);
}

static void
on_join(struct rpc_call *call, const Auth__JoinRequest *q)
{
	struct join_world *f = rpc_context(call);

	f->joins++;
	if (f->refuse_with != RPC_OK) {
		rpc_finish(call, f->refuse_with, "the token was used before: make a new one");
	} else if (f->refuse_joins) {
		rpc_finish(call, RPC_UNAVAILABLE, "%s", "not now");
	} else if (strcmp(q->token, TOKEN) != 0) {
		rpc_finish(call, RPC_PERMISSION_DENIED, "the token is not known");
	} else {
		assert_string_equal(q->labels[0]->key, "env");
		assert_string_equal(q->addresses[0], "n1.example");
		answer_identity(call, q->kind, q->uuid, q->keys, q->addresses[0]);
	}
}

static void
on_renew(struct rpc_call *call, const Auth__RenewRequest *q)
{
	struct join_world *f = rpc_context(call);

	f->renewals++;
	assert_int_equal(rpc_peer(call)->who, RPC_NODE);
	if (f->refuse_with != RPC_OK)
		rpc_finish(call, f->refuse_with, "not now");
	else
		answer_identity(call, "node", rpc_peer(call)->name, q->keys, q->addresses[0]);
}

static void
on_watch(struct rpc_call *call, const Auth__WatchRequest *q)
{
	struct join_world *f = rpc_context(call);
	Auth__WatchUpdate u = AUTH__WATCH_UPDATE__INIT;

	(void)q;
	f->watch = call;
	u.complete = true;
	auth_watch_push(call, &u);
}

static void
on_heartbeat(struct rpc_call *call, const Auth__HeartbeatRequest *q)
{
	Auth__HeartbeatReply r = AUTH__HEARTBEAT_REPLY__INIT;

	if (strcmp(q->name, "n1") == 0)
		auth_heartbeat_reply(call, &r);
	else
		rpc_finish(call, RPC_NOT_FOUND, "no such node");
}

static void
on_other(struct rpc_call *call, const void *message)
{
	(void)message;
	rpc_finish(call, RPC_UNIMPLEMENTED, "%s", "not here");
}

/* What this test does not serve has rows too, as every method must. */
static struct rpc_method others[64];
static struct rpc_row rows[64];

static size_t
fill_rows(void)
{
	static const struct rpc_row served[] = {
		AUTH_METHOD(GetCaBundle, RPC_ANYONE, on_bundle),
		AUTH_METHOD(Join, RPC_ANYONE, on_join),
		AUTH_METHOD(Renew, RPC_NODE, on_renew),
		AUTH_METHOD(Heartbeat, RPC_NODE, on_heartbeat),
		AUTH_METHOD(Watch, RPC_NODE, on_watch),
	};
	const ProtobufCServiceDescriptor *d = &auth__auth__descriptor;

	for (unsigned i = 0; i < d->n_methods; i++) {
		others[i] = (struct rpc_method){ d, d->methods[i].name, RPC_UNARY };
		rows[i] = (struct rpc_row){ &others[i], RPC_NODE, { .message = on_other } };
		for (size_t k = 0; k < sizeof served / sizeof *served; k++)
			if (strcmp(served[k].method->name, others[i].name) == 0)
				rows[i] = served[k];
	}
	return d->n_methods;
}

void
join_world_serve(struct join_world *f, const char *address)
{
	struct rpc_server_config config = { .cluster = "test" };
	struct err e = { "" };
	int port;

	assert_int_equal(rpc_server_new(&f->server, f->rl, &config), 0);
	assert_int_equal(auth_serve_rows(f->server, rows, fill_rows(), f), 0);
	assert_int_equal(rpc_server_listen(f->server, address, f->server_id, &port, &e), 0);
	rpc_server_start(f->server);
	(void)str_format(f->target, sizeof f->target, "127.0.0.1:%d", port);
}

static void
on_stopped(void *arg)
{
	*(bool *)arg = true;
}

void
join_world_stop(struct join_world *f)
{
	f->server_down = false;
	rpc_server_stop(f->server, 0, on_stopped, &f->server_down);
	while (!f->server_down)
		loop_turn(f->loop, 100);
	rpc_server_free(f->server);
	f->server = NULL;
}

/* --- the fixture ---------------------------------------------------------------------------------- */

static void
make_ca(struct join_world *f)
{
	int64_t now = clock_wall_ms() / 1000;
	struct err e = { "" };

	buf_init(&f->host_pem, X509_PEM_MAX);
	buf_init(&f->user_pem, X509_PEM_MAX);
	assert_int_equal(x509_key_generate(&f->host_key), 0);
	assert_int_equal(x509_key_generate(&f->user_key), 0);
	assert_int_equal(x509_ca_new(f->host_key, "host", now - 3600, now + 360000, &f->host_pem,
			     &e),
	    0);
	assert_int_equal(x509_ca_new(f->user_key, "user", now - 3600, now + 360000, &f->user_pem,
			     &e),
	    0);
	assert_true(buf_put(&f->host_pem, "", 1) && buf_put(&f->user_pem, "", 1));
	assert_int_equal(x509_cert_from_pem(&f->host_ca, (const char *)buf_head(&f->host_pem), &e),
	    0);
	assert_int_equal(capin_of_cert(f->host_ca, f->pin), 0);
	assert_int_equal(sshkey_generate(&f->ssh_host_ca), 0);
	assert_int_equal(sshkey_generate(&f->ssh_user_ca), 0);
}

static void
make_server_identity(struct join_world *f)
{
	struct x509_key *key;
	struct identity who;
	struct buf spki, pem, tls;
	struct err e = { "" };

	assert_int_equal(x509_key_generate(&key), 0);
	buf_init(&spki, X509_SPKI_MAX);
	buf_init(&pem, 4096);
	assert_int_equal(x509_key_spki(key, &spki), 0);
	assert_int_equal(x509_key_to_pem(key, &pem), 0);
	assert_true(buf_put(&pem, "", 1));
	assert_true(identity_set(&who, "test", IDENTITY_AUTH, "a1"));
	issue_tls(f, buf_span(&spki), &who, "authd.test", &tls);
	assert_int_equal(rpc_identity_new(&f->server_id), 0);
	if (rpc_identity_set(f->server_id, (const char *)buf_head(&f->host_pem),
		(const char *)buf_head(&f->user_pem), (const char *)buf_head(&tls),
		(const char *)buf_head(&pem), &e) < 0)
		fail_msg("%s", e.text);
	buf_done(&spki);
	buf_done(&pem);
	buf_done(&tls);
	x509_key_free(key);
}

int
join_world_setup(void **state)
{
	struct join_world *f = calloc(1, sizeof *f);

	assert_int_equal(crypto_init(), 0);
	f->ttl_s = 3600;
	f->generation = 1;
	(void)str_copy(f->dir, sizeof f->dir, "/tmp/join-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(rpc_loop_new(&f->rl, f->loop), 0);
	make_ca(f);
	make_server_identity(f);
	join_world_serve(f, "127.0.0.1:0");
	*state = f;
	return 0;
}

int
join_world_teardown(void **state)
{
	struct join_world *f = *state;
	char command[128];

	join_free(f->join);
	if (f->server)
		join_world_stop(f);
	for (int i = 0; i < 5; i++)
		loop_turn(f->loop, 20);
	rpc_loop_free(f->rl);
	loop_free(f->loop);
	rpc_identity_free(f->server_id);
	x509_key_free(f->host_key);
	x509_key_free(f->user_key);
	x509_cert_free(f->host_ca);
	buf_done(&f->host_pem);
	buf_done(&f->user_pem);
	sshkey_free(f->ssh_host_ca);
	sshkey_free(f->ssh_user_ca);
	(void)str_format(command, sizeof command, "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}
