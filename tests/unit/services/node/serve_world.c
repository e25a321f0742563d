/* SPDX-License-Identifier: Apache-2.0 */
#include "serve_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/audit_log_priv.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "net/ceiling.h"
#include "node/live.h"
#include "proto/audit.pb-c.h"

struct world *world;

/* --- what the worker asks others -------------------------------------------------------------- */

/* Instead of lib/api's: a node that has joined. */
const struct join_identity *
join_identity(const struct join *j)
{
	static const struct join_identity self = { .cluster = "test.cluster",
		.uuid = "0189abcd-ef01-4234-8567-89abcdef0123",
		.name = "node-1" };

	(void)j;
	return &self;
}

/* Instead of authorize.c, which asks the replica: the test decides. */
int
authorize_check(struct node *n, const struct sshcert *cert, const char *login, const char *address,
    struct authorized *ret, struct err *e)
{
	(void)address;
	if (world->stranger) {
		*ret = (struct authorized){ .permit_pty = false };
		err_set(e, "not of this cluster");
		return AUTHORIZE_E_STRANGER;
	}
	return authorize_still(n, cert, login, ret, e);
}

int
authorize_session(const struct node *n, const char *user, const char *session, struct err *e)
{
	(void)n, (void)user;
	if (strcmp(session, world->ended) != 0)
		return 0;
	err_set(e, "this session was ended by carol");
	return AUTHORIZE_E_DENIED;
}

int
authorize_still(struct node *n, const struct sshcert *cert, const char *login,
    struct authorized *ret, struct err *e)
{
	(void)n, (void)login;
	*ret = (struct authorized){ .permit_pty = world->permit_pty };
	str_copy(ret->user, sizeof(ret->user), cert->key_id);
	if (!world->denied)
		return 0;
	err_set(e, "%s", world->denied);
	return AUTHORIZE_E_DENIED;
}

int
authorize_labels(const struct node *n, struct policy_labels *ret)
{
	static const struct policy_label label = { "env", "test" };

	(void)n;
	*ret = (struct policy_labels){ &label, 1 };
	return 0;
}

/* --- the client -------------------------------------------------------------------------------- */

static size_t
on_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct client_chan *c = arg;
	char *dst = ext ? c->err : c->out;
	size_t *at = ext ? &c->n_err : &c->n_out;

	(void)chan;
	if (c->stalled)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (ext == 0 && p[i] != world_byte(c->total[0] + i))
			c->in_order = false;
		if (*at < TEXT_MAX - 1)
			dst[(*at)++] = (char)p[i];
	}
	c->total[ext == 1] += n;
	return n;
}

uint8_t
world_byte(size_t at)
{
	return (uint8_t)(at * 7 + at / 256 + at / 65536);
}

static void
on_opened(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	((struct client_chan *)arg)->opened = true;
}

static void
on_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	struct client_chan *c = arg;

	(void)chan;
	c->chan = NULL;
	c->refused = true;
	str_format(c->refusal, sizeof(c->refusal), "%u %s", reason, text);
}

static enum ssh_answer
on_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	struct client_chan *c = arg;
	struct span signal, text;
	bool core;

	(void)chan;
	str_format(c->last_request, sizeof(c->last_request), "%.*s", (int)name.n,
	    (const char *)name.p);
	if (span_is(name, "exit-status"))
		c->has_status = ssh_exit_status_parse(payload, &c->status) == 0;
	if (span_is(name, "exit-signal") &&
	    ssh_exit_signal_parse(payload, &signal, &core, &text) == 0)
		str_format(c->signal, sizeof(c->signal), "%.*s", (int)signal.n,
		    (const char *)signal.p);
	return SSH_FAIL;
}

static void
on_reply(struct ssh_chan *chan, bool ok, void *arg)
{
	struct client_chan *c = arg;

	(void)chan;
	if (ok)
		c->yes++;
	else
		c->no++;
}

static void
on_eof(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	((struct client_chan *)arg)->eof = true;
}

static void
on_closed(struct ssh_chan *chan, void *arg)
{
	struct client_chan *c = arg;

	(void)chan;
	c->chan = NULL;
	c->closed = true;
}

static int
on_verify(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg)
{
	(void)ssh, (void)host, (void)e, (void)arg;
	return 0;
}

static void
on_authenticated(struct ssh *ssh, void *arg)
{
	(void)ssh, (void)arg;
	world->authenticated = true;
}

static void
on_disconnected(struct ssh *ssh, uint32_t reason, const char *text, void *arg)
{
	(void)ssh, (void)reason, (void)arg;
	str_copy(world->goodbye, sizeof(world->goodbye), text);
}

static void
on_client_ended(struct ssh_link *link, const char *why, void *arg)
{
	(void)link, (void)why, (void)arg;
	world->client = NULL;
}

/* --- the client, doing things ---------------------------------------------------- */

static const struct ssh_chan_events chan_events = { .data = on_data,
	.opened = on_opened,
	.refused = on_refused,
	.request = on_request,
	.reply = on_reply,
	.eof = on_eof,
	.closed = on_closed };

static void
on_login_sent(struct ssh *ssh, void *arg)
{
	struct client_chan *c = &world->chans[0];
	struct buf text, all;

	(void)arg;
	if (!world->ahead)
		return;
	buf_init(&text, 1024);
	buf_init(&all, 1024);
	ssh_text_put(&text, world->ahead);
	ssh_request_put(&all, "exec", true, buf_span(&text));
	*c = (struct client_chan){ .in_order = true };
	c->chan = ssh_chan_open(ssh, "session", buf_span(&all), &chan_events, c);
	buf_done(&text);
	buf_done(&all);
}

void
world_connect(void)
{
	static const struct ssh_events events = { .verify_host = on_verify,
		.login_sent = on_login_sent,
		.authenticated = on_authenticated,
		.disconnected = on_disconnected };
	const struct ssh_config config = { .role = SSH_CLIENT,
		.events = &events,
		.identities = &world->identity,
		.n_identities = 1,
		.user = "root" };
	const struct conn_address address = { .client = "192.0.2.7",
		.server = "192.0.2.1",
		.client_port = 4711,
		.server_port = 3022,
		.connection = "01234567-89ab-4def-8123-456789abcdef" };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
	    0);
	assert_int_equal(serve_fd(&world->node, world->host, fds[0], &address), 0);
	assert_int_equal(ssh_link_new(&world->client, world->loop, &config, on_client_ended, NULL),
	    0);
	assert_int_equal(ssh_link_attach_fd(world->client, fds[1]), 0);
}

void
world_sign_in(void)
{
	world_connect();
	UNTIL(world->authenticated);
	UNTIL(world->monitor.proofs == 1);
	if (!world->monitor.hold_proof && !world->monitor.deny_proof)
		UNTIL(world_conn()->proof == PROOF_GOOD);
}

void
world_disconnect(void)
{
	ssh_link_close(world->client, "", 0);
	UNTIL(!world->client);
}

struct conn *
world_conn(void)
{
	return list_first(struct conn, &world->node.connections, link);
}

struct session *
world_session(int i)
{
	struct conn *c = world_conn();
	int at = 0;

	if (!c)
		return NULL;
	list_each (struct channel, ch, &c->channels, link)
		if (at++ == i)
			return (struct session *)(void *)ch;
	return NULL;
}

bool
world_open(int i, const char *type)
{
	struct client_chan *c = &world->chans[i];
	struct buf payload;

	*c = (struct client_chan){ .in_order = true };
	buf_init(&payload, 256);
	if (strstr(type, "tcpip"))
		ssh_tcpip_put(&payload, "localhost", 80, "127.0.0.1", 1);
	c->chan = ssh_chan_open(ssh_link_ssh(world->client), type, buf_span(&payload), &chan_events,
	    c);
	buf_done(&payload);
	assert_non_null(c->chan);
	UNTIL(c->opened || c->refused);
	return c->opened;
}

bool
world_ask(int i, const char *name, struct span payload)
{
	struct client_chan *c = &world->chans[i];
	int yes = c->yes, no = c->no;

	ssh_chan_request(c->chan, name, true, payload);
	UNTIL(c->yes + c->no > yes + no);
	return c->yes > yes;
}

static bool
ask_buf(int i, const char *name, struct buf *b)
{
	assert_true(buf_ok(b));
	bool ok = world_ask(i, name, buf_span(b));
	buf_done(b);
	return ok;
}

bool
world_exec(int i, const char *command)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	ssh_text_put(&b, command);
	return ask_buf(i, "exec", &b);
}

bool
world_pty(int i)
{
	const struct ssh_pty pty = { .term = "xterm", .cols = 80, .rows = 24 };
	struct buf b;

	buf_init(&b, 2048);
	ssh_pty_put(&b, &pty);
	return ask_buf(i, "pty-req", &b);
}

bool
world_env(int i, const char *name, const char *value)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	ssh_env_put(&b, name, value);
	return ask_buf(i, "env", &b);
}

bool
world_window(int i, uint32_t cols, uint32_t rows)
{
	const struct ssh_window w = { .cols = cols, .rows = rows };
	struct buf b;

	buf_init(&b, 64);
	ssh_window_put(&b, &w);
	return ask_buf(i, "window-change", &b);
}

/* --- what was written down ---------------------------------------------------------------------- */

typedef void each_record_fn(const Audit__Record *record, void *arg);

static void
each_record(each_record_fn *fn, void *arg)
{
	struct batch_out batch;
	uint64_t seq = 1;
	struct buf b;

	batch_out_init(&batch, BATCH_RAW_MAX);
	buf_init(&b, BATCH_RAW_MAX);
	do {
		buf_reset(&b);
		batch_out_reset(&batch);
		assert_int_equal(rec_log_read(world->node.audit->rec, &seq, BATCH_RAW_MAX, &batch),
		    0);
		assert_true(batch.count == 0 ||
		    batch_expand(buf_span(&batch.data), batch.raw_len, &b) == 0);
		struct wire w = wire_from(buf_span(&b));
		for (uint32_t i = 0; i < batch.count; i++, seq++) {
			struct span packed = wire_string(&w);
			Audit__Record *r =
			    (Audit__Record *)protobuf_c_message_unpack(&audit__record__descriptor,
				NULL, packed.n, packed.p);

			assert_non_null(r);
			fn(r, arg);
			protobuf_c_message_free_unpacked(&r->base, NULL);
		}
	} while (batch.count > 0);
	batch_out_done(&batch);
	buf_done(&b);
}

struct query {
	const char *type, *name;
	int count;
	char value[1024];
};

static void
on_event(const Audit__Record *record, void *arg)
{
	struct query *q = arg;
	const Audit__Event *ev = record->event;

	if (record->what_case != AUDIT__RECORD__WHAT_EVENT || strcmp(ev->type, q->type) != 0)
		return;
	const struct policy_label members[] = { { "user", ev->user }, { "login", ev->login },
		{ "session", ev->session }, { "connection", ev->connection },
		{ "remote_addr", ev->remote_addr }, { "message", ev->message },
		{ "node_name", ev->node_name }, { "ok", ev->ok ? "true" : "false" } };

	q->count++;
	q->value[0] = '\0';
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (q->name && strcmp(members[i].key, q->name) == 0)
			str_copy(q->value, sizeof(q->value), members[i].value);
	for (size_t i = 0; i < ev->n_fields; i++)
		if (q->name && strcmp(ev->fields[i]->key, q->name) == 0)
			str_copy(q->value, sizeof(q->value), ev->fields[i]->value);
}

int
world_events(const char *type)
{
	struct query q = { .type = type };

	each_record(on_event, &q);
	return q.count;
}

const char *
world_field(const char *type, const char *name)
{
	static struct query q;

	q = (struct query){ .type = type, .name = name };
	each_record(on_event, &q);
	return q.value;
}

static void
on_frames(const Audit__Record *record, void *arg)
{
	struct buf *out = arg;
	struct frame f;

	if (record->what_case != AUDIT__RECORD__WHAT_FRAMES)
		return;
	struct span in = { record->frames->data.data, record->frames->data.len };
	while (frame_next(&in, &f) > 0)
		if (f.type == FRAME_OUT)
			buf_put(out, f.data.p, f.data.n);
}

/* arg: [0] the type, [1] how many. */
static void
on_counted(const Audit__Record *record, void *arg)
{
	int *count = arg;
	struct frame f;

	if (record->what_case != AUDIT__RECORD__WHAT_FRAMES)
		return;
	struct span in = { record->frames->data.data, record->frames->data.len };
	while (frame_next(&in, &f) > 0)
		count[1] += f.type == count[0];
}

int
world_frames(uint8_t type)
{
	int count[2] = { type, 0 };

	each_record(on_counted, count);
	return count[1];
}

const char *
world_recorded(void)
{
	static char text[TEXT_MAX];
	struct buf out;

	buf_init(&out, 1 << 24);
	/* What still gathers is recorded too. */
	list_each (struct session, s, &world->node.sessions, node_link)
		assert_int_equal(recording_flush(&s->recording), 0);
	each_record(on_frames, &out);
	str_format(text, sizeof(text), "%.*s", (int)out.len, (const char *)buf_head(&out));
	buf_done(&out);
	return text;
}

void
world_fill_log(void)
{
	static uint8_t bytes[120000];

	/* Nothing that gets smaller. */
	rand_bytes(bytes, sizeof(bytes));
	while (audit_frames(world->node.audit, "filling", (struct span){ NULL, 0 },
		   (struct span){ bytes, sizeof(bytes) }) == 0)
		continue;
	while (audit_frames(world->node.audit, "filling", (struct span){ NULL, 0 },
		   (struct span){ bytes, 1 }) == 0)
		continue;
}

int
world_live_files(void)
{
	char path[128];
	int count = 0;
	DIR *d;

	str_format(path, sizeof(path), "%s/live", world->dir);
	d = opendir(path);
	assert_non_null(d);
	for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
		count += entry->d_name[0] != '.' && !str_ends(entry->d_name, ".chunk");
	closedir(d);
	return count;
}

/* --- life ----------------------------------------------------------------------------------------- */

void
world_settle(void)
{
	for (int i = 0; i < 20; i++)
		assert_true(loop_turn(world->loop, 2) >= 0);
}

static void
make_user(struct world *w)
{
	char *principals[1] = { (char *)(uintptr_t) "root" };
	struct sshkey *ca;
	struct err e = { "" };

	assert_int_equal(sshkey_generate(&ca) | sshkey_generate(&w->user_key), 0);
	struct sshcert cert = { .key = w->user_key,
		.serial = 1,
		.type = SSHCERT_USER,
		.key_id = (char *)(uintptr_t) "alice",
		.principals = principals,
		.n_principals = 1,
		.valid_before = UINT64_MAX };
	buf_init(&cert.blob, SSHCERT_BLOB_MAX);
	buf_init(&cert.ca_blob, 4096);
	if (sshcert_sign(&cert, ca, &e))
		fail_msg("%s", e.text);
	w->user_cert = cert.blob;
	buf_done(&cert.ca_blob);
	sshkey_free(ca);
	w->identity = (struct ssh_identity){ w->user_key, buf_span(&w->user_cert) };
}

static void
make_host(struct world *w)
{
	struct err e = { "" };

	assert_int_equal(sshkey_generate(&w->host_key), 0);
	if (host_new(&w->host, w->host_key, (struct span){ NULL, 0 }, &e))
		fail_msg("%s", e.text);
}

static void
open_log(struct world *w)
{
	char spool[80];
	struct err e = { "" };

	str_format(spool, sizeof(spool), "%s/spool", w->dir);
	const struct audit_log_config config = { .loop = w->loop, .dir = spool, .quota = 1 << 26 };
	if (audit_log_open(&w->node.audit, &config, &e))
		fail_msg("%s", e.text);
}

void
world_reopen_log(void)
{
	audit_log_close(world->node.audit);
	open_log(world);
}

int
world_setup(void **state)
{
	struct world *w = world = calloc(1, sizeof(*w));
	struct node *n = &w->node;
	struct err e = { "" };

	(void)state;
	assert_non_null(w);
	assert_int_equal(crypto_init(), 0);
	str_copy(w->dir, sizeof(w->dir), "/tmp/serve-world.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(loop_new(&w->loop), 0);
	w->permit_pty = true;
	w->config.max_sessions = 6;
	str_copy(w->config.name_text, sizeof(w->config.name_text), "node-1");
	n->loop = w->loop;
	n->config = &w->config;
	str_copy(n->folder, sizeof(n->folder), w->dir);
	list_init(&n->sessions);
	assert_int_equal(serve_init(n), 0);
	fake_monitor_new(&w->monitor, w->loop, &w->node);
	open_log(w);
	if (live_open(&n->live, n, &e))
		fail_msg("%s", e.text);
	make_user(w);
	make_host(w);
	return 0;
}

int
world_teardown(void **state)
{
	struct world *w = world;
	char command[128];

	(void)state;
	if (w->client)
		ssh_link_close(w->client, "", 0);
	serve_cut_all(&w->node, "the test ends");
	UNTIL(!w->client && list_empty(&w->node.connections));
	session_end_all(&w->node);
	assert_int_equal(w->node.n_sessions, 0);
	assert_int_equal(ceiling_count(w->node.strangers), 0);
	assert_int_equal(ceiling_count(w->node.strangers_by_user), 0);
	live_close(w->node.live);
	serve_done(&w->node);
	share_free_all(&w->node);
	audit_log_close(w->node.audit);
	fake_monitor_free(&w->monitor);
	monitor_client_free(w->node.monitor);
	host_unref(w->host);
	sshkey_free(w->host_key);
	sshkey_free(w->user_key);
	buf_done(&w->user_cert);
	loop_free(w->loop);
	str_format(command, sizeof(command), "rm -rf %s", w->dir);
	if (system(command) != 0)
		fail_msg("%s", command);
	free(w);
	world = NULL;
	return 0;
}
