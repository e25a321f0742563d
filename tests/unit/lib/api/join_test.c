/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining, renewing and refusals, against a server that issues certificates like authd.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/auth_watch.h"
#include "api/join.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/capin.h"
#include "crypto/identity.h"
#include "crypto/rand.h"
#include "crypto/sshcert.h"
#include "crypto/x509.h"
#include "proto/auth.async.h"
#include "proto/auth.server.h"
#include "rpc/tls.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

struct fixture {
	struct loop *loop;
	struct rpc_loop *rl;
	/* the cluster */
	struct x509_key *host_key, *user_key;
	struct x509_cert *host_ca;
	struct buf host_pem, user_pem;
	struct sshkey *ssh_host_ca, *ssh_user_ca;
	char pin[CAPIN_SIZE];
	struct rpc_identity *server_id;
	struct rpc_server *server;
	char target[64];
	int64_t ttl_s;
	const char *address; /* that the host is configured with; NULL: n1.example */
	int joins, renewals, fetches;
	enum rpc_code refuse_with; /* RPC_OK: does not */
	uint64_t generation;
	bool watching;
	struct rpc_call *watch;
	/* the host */
	char dir[64];
	struct join *join;
	int ready, changed, refused;
	char why[512], uuid[40];
	bool server_down;
};

/* --- a server like authd ------------------------------------------------------------------------- */

static void
issue_tls(struct fixture *f, struct span spki, const struct identity *who, const char *dns,
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
issue_ssh(struct fixture *f, struct span key, uint32_t type, const char *uuid, const char *address)
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
static void
make_bundle(struct fixture *f, struct buf *set, struct buf *sig)
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

static void
fill_bundle(Auth__CaBundle *b, struct buf *set, struct buf *sig)
{
	b->ca_set = (ProtobufCBinaryData){ set->len, buf_head(set) };
	b->signature = (ProtobufCBinaryData){ sig->len, buf_head(sig) };
}

static void
on_bundle(struct rpc_call *call, const Auth__Empty *q)
{
	struct fixture *f = rpc_context(call);
	Auth__CaBundle b = AUTH__CA_BUNDLE__INIT;
	struct buf set, sig;

	(void)q;
	f->fetches++;
	make_bundle(f, &set, &sig);
	fill_bundle(&b, &set, &sig);
	auth_get_ca_bundle_reply(call, &b);
	buf_done(&set);
	buf_done(&sig);
}

static void
answer_identity(struct rpc_call *call, const char *kind, const char *uuid,
    const Auth__PublicKeys *keys, const char *address)
{
	struct fixture *f = rpc_context(call);
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
	make_bundle(f, &set, &sig);
	fill_bundle(&b, &set, &sig);
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
	struct fixture *f = rpc_context(call);

	f->joins++;
	if (f->refuse_with != RPC_OK) {
		rpc_finish(call, f->refuse_with, "the token was used before: make a new one");
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
	struct fixture *f = rpc_context(call);

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
	struct fixture *f = rpc_context(call);
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

static void
start_server(struct fixture *f, const char *address)
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

static void
stop_server(struct fixture *f)
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
make_ca(struct fixture *f)
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
make_server_identity(struct fixture *f)
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

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_int_equal(crypto_init(), 0);
	f->ttl_s = 3600;
	f->generation = 1;
	(void)str_copy(f->dir, sizeof f->dir, "/tmp/join-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(rpc_loop_new(&f->rl, f->loop), 0);
	make_ca(f);
	make_server_identity(f);
	start_server(f, "127.0.0.1:0");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	join_free(f->join);
	if (f->server)
		stop_server(f);
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

static void
on_ready(const struct join_identity *id, void *arg)
{
	struct fixture *f = arg;

	f->ready++;
	(void)str_copy(f->uuid, sizeof f->uuid, id->uuid);
}

static void
on_changed(const struct join_identity *id, void *arg)
{
	(void)id;
	((struct fixture *)arg)->changed++;
}

static void
on_refused(const char *why, void *arg)
{
	struct fixture *f = arg;

	f->refused++;
	(void)str_copy(f->why, sizeof f->why, why);
}

static void
begin(struct fixture *f, const char *token, const char *pin)
{
	static const struct join_events events = { on_ready, on_changed, on_refused };
	static const struct policy_label label = { "env", "example" };
	const char *const addresses[] = { f->address ? f->address : "n1.example" };
	struct join_config config = { .kind = "node",
		.state_dir = f->dir,
		.name = "n1",
		.authd = f->target,
		.token = token,
		.ca_pin = pin,
		.labels = &label,
		.n_labels = 1,
		.addresses = addresses,
		.n_addresses = 1 };
	struct err e = { "" };

	if (join_new(&f->join, f->loop, f->rl, &config, &events, f, &e) < 0)
		fail_msg("%s", e.text);
}

static void
until(struct fixture *f, const int *what, int n)
{
	for (int i = 0; i < 3000 && *what < n; i++)
		loop_turn(f->loop, 10);
	assert_true(*what >= n);
}

static void
again(struct fixture *f)
{
	join_free(f->join);
	f->join = NULL;
	f->ready = f->changed = f->refused = 0;
}

/* --- tests ------------------------------------------------------------------------------------------ */

static void
a_host_joins_and_is_itself_after_a_restart(void **state)
{
	struct fixture *f = *state;
	const struct join_identity *id;
	char path[128], uuid[40];
	struct stat st;

	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	id = join_identity(f->join);
	assert_string_equal(id->cluster, "test");
	assert_string_equal(id->auth_server, "authd.test");
	assert_true(sshkey_is_private(id->host_key));
	assert_true(sshcert_is_cert(id->ssh_host_cert) && sshcert_is_cert(id->tunnel_cert));
	assert_int_equal(id->ca->n_host_ssh, 1);
	assert_int_equal(f->fetches, 1);
	assert_int_equal(f->joins, 1);
	static const char *const files[] = { "tls.key", "tls.crt", "ssh_host_key", "ssh_host_cert",
		"tunnel_cert", "ca_bundle", "uuid" };
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		(void)str_format(path, sizeof path, "%s/%s", f->dir, files[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	(void)str_copy(uuid, sizeof uuid, f->uuid);
	again(f);
	stop_server(f);
	begin(f, NULL, NULL); /* no token, no pin, no authd: the identity is on disk */
	until(f, &f->ready, 1);
	assert_string_equal(f->uuid, uuid);
	assert_int_equal(f->joins, 1);
}

static void
a_wrong_pin_is_refused_before_the_token_is_sent(void **state)
{
	struct fixture *f = *state;
	char pin[CAPIN_SIZE];

	(void)str_copy(pin, sizeof pin, f->pin);
	pin[10] = pin[10] == 'a' ? 'b' : 'a';
	begin(f, TOKEN, pin);
	until(f, &f->refused, 1);
	assert_non_null(strstr(f->why, "CA pin does not match"));
	assert_int_equal(f->joins, 0);
}

static void
without_a_pin_nothing_is_trusted(void **state)
{
	struct fixture *f = *state;

	begin(f, TOKEN, NULL);
	until(f, &f->refused, 1);
	assert_non_null(strstr(f->why, "CA pin"));
	assert_int_equal(f->fetches, 0);
}

static void
a_used_token_is_a_definite_refusal(void **state)
{
	struct fixture *f = *state;
	struct err e = { "" };

	f->refuse_with = RPC_PERMISSION_DENIED;
	begin(f, TOKEN, f->pin);
	assert_int_equal(join_wait(f->join, NULL, &e), -1);
	assert_string_equal(e.text, "the token was used before: make a new one");
	assert_int_equal(f->refused, 1);
	assert_int_equal(f->joins, 1);
	assert_null(join_identity(f->join));
}

static void
a_host_without_a_token_says_how_to_get_one(void **state)
{
	struct fixture *f = *state;

	begin(f, NULL, f->pin);
	until(f, &f->refused, 1);
	assert_non_null(strstr(f->why, "tctl tokens add"));
}

static void
while_authd_is_away_or_busy_the_host_tries_again(void **state)
{
	struct fixture *f = *state;
	char address[64];

	(void)str_copy(address, sizeof address, f->target);
	stop_server(f);
	begin(f, TOKEN, f->pin);
	for (int i = 0; i < 30; i++)
		loop_turn(f->loop, 20);
	assert_int_equal(f->ready + f->refused, 0);
	f->refuse_with = RPC_UNAVAILABLE;
	start_server(f, address);
	until(f, &f->joins, 1);
	f->refuse_with = RPC_OK;
	until(f, &f->ready, 1);
}

static void
a_new_token_is_tried_until_it_is_answered(void **state)
{
	struct fixture *f = *state;
	char path[128];

	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	again(f);
	/* As if it had joined with another one. */
	(void)str_format(path, sizeof path, "%s/token_used", f->dir);
	assert_int_equal(file_write(path, 0600, "another", 7, NULL), 0);
	f->refuse_with = RPC_UNAVAILABLE;
	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1); /* nobody waits for that */
	f->refuse_with = RPC_OK;
	until(f, &f->joins, 3);
}

static void
an_identity_is_renewed_before_it_ends(void **state)
{
	struct fixture *f = *state;
	int64_t until_s;

	f->ttl_s = 4;
	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	until_s = join_identity(f->join)->valid_until_s;
	f->ttl_s = 3600;
	until(f, &f->changed, 1);
	assert_int_equal(f->joins, 1);
	assert_int_equal(f->renewals, 1);
	assert_true(join_identity(f->join)->valid_until_s > until_s + 3000);
}

static void
another_address_is_in_the_certificates_at_once(void **state)
{
	struct fixture *f = *state;
	struct sshcert *cert;
	struct err e;

	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	again(f);
	f->address = "N1.example"; /* the same, as names are */
	begin(f, NULL, NULL);
	until(f, &f->ready, 1);
	for (int i = 0; i < 100; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(f->renewals, 0);
	again(f);
	f->address = "n2.example";
	f->refuse_with = RPC_UNAVAILABLE;
	begin(f, NULL, NULL);
	until(f, &f->renewals, 1); /* authd is busy: it asks again, and goes on meanwhile */
	assert_int_equal(f->ready, 1);
	f->refuse_with = RPC_OK;
	until(f, &f->changed, 1);
	assert_int_equal(f->joins, 1);
	assert_int_equal(sshcert_parse(&cert, join_identity(f->join)->ssh_host_cert, &e), 0);
	assert_string_equal(cert->principals[1], "n2.example");
	sshcert_free(cert);
}

static void
an_identity_that_nobody_renewed_is_joined_again(void **state)
{
	struct fixture *f = *state;

	f->ttl_s = 2;
	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	f->refuse_with = RPC_UNAVAILABLE;
	until(f, &f->joins, 2);
	f->ttl_s = 3600;
	f->refuse_with = RPC_OK;
	until(f, &f->joins, 3);
	for (int i = 0;
	     i < 1000 && join_identity(f->join)->valid_until_s < clock_wall_ms() / 1000 + 1000; i++)
		loop_turn(f->loop, 10);
	assert_true(join_identity(f->join)->valid_until_s > clock_wall_ms() / 1000 + 1000);
}

static void
a_new_bundle_is_taken_and_an_older_or_foreign_one_is_not(void **state)
{
	struct fixture *f = *state;
	Auth__CaBundle b = AUTH__CA_BUNDLE__INIT;
	struct buf set, sig;

	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	f->generation = 5;
	make_bundle(f, &set, &sig);
	fill_bundle(&b, &set, &sig);
	join_take_bundle(f->join, &b);
	assert_int_equal(f->changed, 1);
	assert_int_equal(join_identity(f->join)->ca->generation, 5);
	join_take_bundle(f->join, &b); /* the same */
	assert_int_equal(f->changed, 1);
	set.data[set.off + 4] ^= 1; /* the signature does not cover this one */
	join_take_bundle(f->join, &b);
	assert_int_equal(f->changed, 1);
	buf_done(&set);
	buf_done(&sig);
	f->generation = 4;
	make_bundle(f, &set, &sig);
	fill_bundle(&b, &set, &sig);
	join_take_bundle(f->join, &b);
	assert_int_equal(f->changed, 1);
	buf_done(&set);
	buf_done(&sig);
}

/* --- what a joined host asks -------------------------------------------------------------------- */

struct asked {
	int done, begun, complete, lost;
	enum rpc_code code;
};

static void
on_beaten(enum rpc_code code, const char *why, const Auth__HeartbeatReply *reply, void *arg)
{
	struct asked *a = arg;

	(void)why;
	assert_int_equal(code == RPC_OK, reply != NULL);
	a->code = code;
	a->done++;
}

static void
on_ask(Auth__WatchRequest *q, void *arg)
{
	(void)q, (void)arg;
}

static void
on_begin(void *arg)
{
	((struct asked *)arg)->begun++;
}

static void
on_update(const Auth__WatchUpdate *u, void *arg)
{
	((struct asked *)arg)->complete += u->complete;
}

static void
on_lost(enum rpc_code code, const char *why, void *arg)
{
	(void)code, (void)why;
	((struct asked *)arg)->lost++;
}

static void
a_joined_host_beats_and_its_watch_survives_authd(void **state)
{
	static const struct auth_watch_events events = { on_ask, on_begin, on_update, on_lost };
	struct fixture *f = *state;
	struct rpc_channel_config config = { .server_name = "authd.test", .keepalive = true };
	Auth__HeartbeatRequest q = AUTH__HEARTBEAT_REQUEST__INIT;
	struct rpc_client *c;
	struct auth_watch *watch;
	struct asked a = { 0 };
	struct err e = { "" };
	char address[64];

	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	(void)str_copy(address, sizeof address, f->target);
	config.target = join_auth_target(f->join);
	config.identity = join_rpc_identity(f->join);
	assert_int_equal(rpc_client_new(&c, f->rl, &config, &e), 0);
	q.name = "n1";
	auth_heartbeat(c, &q, on_beaten, &a);
	until(f, &a.done, 1);
	assert_int_equal(a.code, RPC_OK);
	q.name = "nobody";
	auth_heartbeat(c, &q, on_beaten, &a);
	until(f, &a.done, 2);
	assert_int_equal(a.code, RPC_NOT_FOUND);
	assert_int_equal(auth_watch_new(&watch, c, &events, &a), 0);
	until(f, &a.complete, 1);
	stop_server(f);
	until(f, &a.lost, 1);
	start_server(f, address);
	until(f, &a.complete, 2);
	assert_int_equal(a.begun, 2);
	auth_heartbeat(c, &q, on_beaten, &a); /* not answered before the client goes: no callback */
	auth_watch_free(watch);
	rpc_client_free(c);
	for (int i = 0; i < 20; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(a.done, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_host_joins_and_is_itself_after_a_restart, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_wrong_pin_is_refused_before_the_token_is_sent,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_pin_nothing_is_trusted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_used_token_is_a_definite_refusal, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_host_without_a_token_says_how_to_get_one, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(while_authd_is_away_or_busy_the_host_tries_again,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_token_is_tried_until_it_is_answered, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(an_identity_is_renewed_before_it_ends, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(another_address_is_in_the_certificates_at_once,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(an_identity_that_nobody_renewed_is_joined_again,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_new_bundle_is_taken_and_an_older_or_foreign_one_is_not, setup, teardown),
		cmocka_unit_test_setup_teardown(a_joined_host_beats_and_its_watch_survives_authd,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
