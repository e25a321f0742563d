/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"

int
worker_setup(void **state)
{
	struct worker *f = calloc(1, sizeof(*f));
	struct err e = { "" };
	char text[1024];
	int pair[2];

	f->world = world_new();
	str_copy(f->login, sizeof(f->login), getpwuid(getuid())->pw_name);
	str_format(f->config_path, sizeof(f->config_path), "%s/noded.yaml", f->world->dir);
	str_format(text, sizeof(text),
	    "proxy: localhost:3080\nstate: %s/state\nuser: nobody\nca_pin: %s\ntoken: %s/token\n",
	    f->world->dir, f->world->pin, f->world->dir);
	if (file_write(f->config_path, 0600, text, strlen(text), &e) ||
	    conf_load_checked(&f->config, f->config_path, &e) ||
	    monitor_init(&f->monitor, f->config, f->config_path, "/bin/false", &e))
		fail_msg("%s", e.text);
	assert_int_equal(mon_pair(pair), 0);
	f->fd = pair[0];
	f->monitor.peer.fd = pair[1];
	buf_init(&f->out, MON_MESSAGE_MAX);
	*state = f;
	return 0;
}

int
worker_teardown(void **state)
{
	struct worker *f = *state;

	monitor_done(&f->monitor);
	close(f->fd);
	buf_done(&f->out);
	conf_free(&conf_schema, f->config);
	world_free(f->world);
	free(f);
	return 0;
}

/* --- the worker's side ------------------------------------------------------------------ */

void
worker_begin(struct worker *f, enum mon_type type)
{
	mon_begin(&f->out, type, ++f->request);
}

int
worker_ask(struct worker *f)
{
	return monitor_request(&f->monitor, buf_span(&f->out));
}

void
worker_expect(struct worker *f, uint8_t type)
{
	for (int i = 0; i < 2000; i++) {
		ssize_t n = mon_receive(f->fd, f->in, sizeof(f->in), f->fds, &f->n_fds);
		assert_true(n >= 0);
		if (n > 0) {
			assert_int_equal(mon_open((struct span){ f->in, (size_t)n }, &f->type,
					     &f->answers, &f->body),
			    0);
			if (f->type == type)
				return;
			if (f->type == MON_ANSWER && type == MON_STARTED) {
				bool ok = wire_u8(&f->body) == MON_YES;
				struct span why = wire_string(&f->body);
				fail_msg("%d: %.*s", ok, (int)why.n, (const char *)why.p);
			}
			continue;
		}
		assert_true(monitor_turn(&f->monitor, 10) >= 0);
	}
	fail_msg("message %u did not come", type);
}

bool
worker_answer(struct worker *f, char *why, size_t size)
{
	worker_expect(f, MON_ANSWER);
	assert_int_equal(f->answers, f->request);
	bool ok = wire_u8(&f->body) == MON_YES;
	wire_text(&f->body, why, size);
	return ok;
}

bool
worker_is_granted(struct worker *f)
{
	char why[MON_TEXT_MAX];

	assert_int_equal(worker_ask(f), 0);
	return worker_answer(f, why, sizeof(why));
}

void
worker_hello(struct worker *f)
{
	worker_begin(f, MON_HELLO);
	wire_put_u32(&f->out, MON_VERSION);
	assert_true(worker_is_granted(f));
}

void
worker_give_cutoffs(struct worker *f, int64_t issued_ms, const char *user, int64_t before_ms)
{
	struct buf b;

	world_cutoffs(f->world, issued_ms, user, before_ms, &b);
	worker_begin(f, MON_CUTOFFS);
	wire_put_string(&f->out, buf_span(&b));
	buf_done(&b);
}

void
worker_give_bundle(struct worker *f)
{
	struct buf b;

	world_bundle(f->world, NULL, 1, &b);
	worker_begin(f, MON_BUNDLE);
	wire_put_string(&f->out, buf_span(&b));
	buf_done(&b);
	assert_true(worker_is_granted(f));
	worker_give_cutoffs(f, time(NULL) * 1000, NULL, 0);
	assert_true(worker_is_granted(f));
}

bool
worker_is_signed(struct worker *f, struct span *ret)
{
	assert_int_equal(worker_ask(f), 0);
	for (int i = 0; i < 2; i++) {
		ssize_t n = mon_receive(f->fd, f->in, sizeof(f->in), f->fds, &f->n_fds);
		assert_true(n > 0);
		mon_open((struct span){ f->in, (size_t)n }, &f->type, &f->answers, &f->body);
		if (f->answers == f->request)
			break;
	}
	assert_int_equal(f->answers, f->request);
	if (f->type == MON_ANSWER)
		return false;
	assert_int_equal(f->type, MON_DATA);
	*ret = wire_string(&f->body);
	return wire_end(&f->body);
}

void
worker_put_sign(struct worker *f, uint32_t connection, const struct kex_transcript *t)
{
	const struct mon_sign m = { connection, *t };

	worker_begin(f, MON_SIGN);
	mon_put_sign(&f->out, &m);
}

bool
worker_exchange(struct worker *f, uint32_t connection, uint8_t session_id[KEX_HASH_LEN])
{
	struct kex_transcript t;
	struct span sig;

	world_exchange(f->world, sshkey_blob(f->monitor.host_key), &t);
	worker_put_sign(f, connection, &t);
	if (!worker_is_signed(f, &sig))
		return false;
	kex_transcript_hash(&t, session_id);
	assert_int_equal(sshkey_verify(f->monitor.host_key, span_str("ssh-ed25519"), sig,
			     (struct span){ session_id, KEX_HASH_LEN }),
	    0);
	return true;
}

void
worker_prove(struct worker *f, uint32_t connection, const struct world_proof *p)
{
	struct buf data, sig;

	world_prove(f->world, p, &data, &sig);
	const struct mon_prove m = { .connection = connection,
		.login = p->login,
		.address = "127.0.0.1",
		.signed_data = buf_span(&data),
		.signature = buf_span(&sig) };
	worker_begin(f, MON_PROVE);
	mon_put_prove(&f->out, &m);
	buf_done(&data);
	buf_done(&sig);
}

void
worker_sign_in(struct worker *f, bool permit_pty)
{
	struct world_proof p;

	worker_hello(f);
	worker_give_bundle(f);
	world_proof_default(f->world, &p);
	p.principal = p.login = f->login;
	p.permit_pty = permit_pty;
	assert_true(worker_exchange(f, 7, p.session_id));
	worker_prove(f, 7, &p);
	assert_true(worker_is_granted(f));
}

void
worker_good_proof(struct worker *f, struct world_proof *p)
{
	world_proof_default(f->world, p);
	p->principal = p->login = f->login;
}

bool
worker_is_proven(struct worker *f, uint32_t connection, const struct world_proof *p)
{
	worker_prove(f, connection, p);
	return worker_is_granted(f);
}
