/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_feed: a producer for the tests of auditd, over lib/api/audit_log as noded and proxyd use it.
 *
 *	audit_feed TARGET CLUSTER PKI NODE USER LOGDIR SECONDS RATE [SESSION]
 *
 * PKI is a folder with host_ca.pem, NODE.crt, NODE.key, and USER.ssh, USER.ssh-cert: his key and the bytes of his
 * certificate. He signs in as root, on one connection; SESSION is recorded.
 *
 * Writes RATE events and frames a second (0: as fast as the log takes them) for SECONDS, then waits until auditd has
 * committed all of them. With 0 SECONDS it writes RATE events at once, prints "prepared", and connects when it may read
 * a line: then what is measured is auditd. Every record's content follows from its number, so that the test can tell what
 * must be in the database: prints "appended N bytes B" and "committed N".
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/audit_log.h"
#include "api/event.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/sshkey.h"
#include "rec/frame.h"
#include "rpc/tls.h"

enum {
	QUOTA = 1 << 30,
	STEP_MS = 5,
	BURST = 2000,
	PENDING_MAX = 100000,
	WAIT_S = 120,
	FRAME_SIZE = 700
};

struct feed {
	struct loop *loop;
	struct audit_log *log;
	struct timer step;
	uint64_t events, frames, bytes;
	int64_t start_ms, seconds, rate;
	bool with_frames, finished;
	char session[37], connection[RAND_UUID_SIZE];
	const char *user;
};

static void
die(const char *what)
{
	fprintf(stderr, "audit_feed: %s\n", what);
	exit(1);
}

/* The text of a file PKI/NAMEENDING; its length through n (may be NULL). */
static char *
read_pki(const char *pki, const char *name, const char *ending, size_t *n)
{
	char path[1024], *text = NULL;
	struct err e = { "" };

	(void)str_format(path, sizeof(path), "%s/%s%s", pki, name, ending);
	if (file_read(path, 1 << 20, &text, n, &e) < 0)
		die(e.text);
	return text;
}

static struct rpc_identity *
read_identity(const char *pki, const char *name)
{
	char *ca = read_pki(pki, "host_ca", ".pem", NULL);
	char *cert = read_pki(pki, name, ".crt", NULL), *key = read_pki(pki, name, ".key", NULL);
	struct rpc_identity *id = NULL;
	struct err e = { "" };

	if (rpc_identity_new(&id) < 0 || rpc_identity_set(id, ca, NULL, cert, key, &e) < 0)
		die(e.text);
	free(ca);
	free(cert);
	free(key);
	return id;
}

/* What the user signs when he signs in (RFC 4252 section 7), and his signature. */
static void
sign_in(struct feed *f, const char *pki)
{
	size_t n = 0;
	char *text = read_pki(pki, f->user, ".ssh", NULL);
	char *cert = read_pki(pki, f->user, ".ssh-cert", &n);
	struct sshkey *key = NULL;
	struct buf data, signature;
	uint8_t session_id[32];
	struct err e = { "" };

	if (sshkey_from_file_text(&key, text, &e) < 0)
		die(e.text);
	rand_uuid(f->connection);
	rand_bytes(session_id, sizeof(session_id));
	buf_init(&data, 65536);
	buf_init(&signature, 4096);
	wire_put_string(&data, (struct span){ session_id, sizeof(session_id) });
	wire_put_u8(&data, 50);
	wire_put_text(&data, "root");
	wire_put_text(&data, "ssh-connection");
	wire_put_text(&data, "publickey");
	wire_put_bool(&data, true);
	wire_put_text(&data, "ssh-ed25519-cert-v01@openssh.com");
	wire_put_string(&data, (struct span){ (const uint8_t *)cert, n });
	if (sshkey_sign(key, buf_span(&data), &signature) < 0 ||
	    audit_proof(f->log, f->connection, buf_span(&data), buf_span(&signature)) < 0)
		die("the user cannot sign in");
	buf_done(&data);
	buf_done(&signature);
	sshkey_free(key);
	free(text);
	free(cert);
}

static bool
write_event(struct feed *f)
{
	struct audit_event ev = { .id = EVENT_EXEC,
		.failed = f->events % 7 == 0,
		.user = span_str(f->user),
		.login = span_str("root"),
		.connection = span_str(f->connection),
		.remote_addr = span_str("192.0.2.1:5") };

	event_put_text(&ev, EVENT_KEY_COMMAND, "\"\\\t\xc3\xa9\xff");
	event_put_number(&ev, EVENT_KEY_EXIT_STATUS, (int64_t)f->events);
	if (event_write(f->log, &ev) < 0)
		return false;
	f->events++;
	return true;
}

enum { LINE = 64 };

/* A letter that follows from its place; every line has LINE bytes. */
static uint8_t
byte_at(uint64_t at)
{
	return at % LINE == LINE - 1 ? '\n' : (uint8_t)('a' + (at * 7 + at / LINE) % 26);
}

/* As a node does: each record brings along the line in which it begins. */
static bool
write_frames(struct feed *f)
{
	uint8_t text[LINE + FRAME_SIZE];
	size_t begun = f->bytes % LINE;
	struct buf before, b;
	bool fine;

	buf_init(&b, 64 * 1024);
	buf_init(&before, 1024);
	for (size_t i = 0; i < begun + FRAME_SIZE; i++)
		text[i] = byte_at(f->bytes - begun + i);
	if (begun)
		frame_put(&before, FRAME_OUT, 0, (struct span){ text, begun });
	frame_put(&b, FRAME_OUT, 1000, (struct span){ text + begun, FRAME_SIZE });
	fine = audit_frames(f->log, f->session, buf_span(&before), buf_span(&b)) == 0;
	buf_done(&before);
	buf_done(&b);
	if (!fine)
		return false;
	f->frames++;
	f->bytes += FRAME_SIZE;
	return true;
}

static void
session_event(struct feed *f, enum event_id id)
{
	struct audit_event ev = { .id = id,
		.user = span_str(f->user),
		.login = span_str("root"),
		.connection = span_str(f->connection),
		.session = span_str(f->session) };

	event_put_text(&ev, EVENT_KEY_KIND, "shell");
	event_put_flag(&ev, EVENT_KEY_INTERACTIVE, true);
	if (id == EVENT_SESSION_START) {
		event_put_number(&ev, EVENT_KEY_COLS, 80);
		event_put_number(&ev, EVENT_KEY_ROWS, 24);
	} else {
		event_put_number(&ev, EVENT_KEY_EXIT_STATUS, 0);
	}
	if (event_write(f->log, &ev) < 0)
		die("the log takes nothing");
}

static void
on_step(void *arg)
{
	struct feed *f = arg;
	int64_t ms = clock_mono_ms() - f->start_ms;
	uint64_t due = f->rate ? (uint64_t)(ms * f->rate / 1000) : UINT64_MAX;

	if (ms >= f->seconds * 1000) {
		if (!f->finished) {
			if (f->with_frames)
				session_event(f, EVENT_SESSION_END);
			printf("appended %llu bytes %llu\n", (unsigned long long)f->events,
			    (unsigned long long)f->bytes);
			fflush(stdout);
		}
		f->finished = true;
		if (audit_log_pending(f->log) == 0) {
			printf("committed %llu ms %lld\n", (unsigned long long)f->events,
			    (long long)ms);
			loop_stop(f->loop);
		} else if (ms > (f->seconds + WAIT_S) * 1000) {
			die("auditd did not commit everything in time");
		}
		return;
	}
	for (int i = 0; i < BURST && f->events < due && audit_log_pending(f->log) < PENDING_MAX;
	     i++) {
		if (!write_event(f))
			break;
		if (f->with_frames && i % 4 == 0 && !write_frames(f))
			break;
	}
}

static void
prepare(struct feed *f)
{
	while (f->events < (uint64_t)f->rate) {
		if (!write_event(f))
			die("the log takes nothing");
	}
	printf("prepared %lld\n", (long long)f->rate);
	fflush(stdout);
	(void)getchar();
}

int
main(int argc, char **argv)
{
	struct feed f = { 0 };
	struct audit_log_config config = { .quota = QUOTA, .name = "feed" };
	struct rpc_identity *id = NULL;
	uint64_t number[2];
	char server[300];
	struct err e = { "" };

	if (argc < 9 || crypto_init() < 0)
		die("usage: audit_feed TARGET CLUSTER PKI NODE USER LOGDIR SECONDS RATE [SESSION]");
	signal(SIGPIPE, SIG_IGN);
	log_open("audit_feed", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	id = read_identity(argv[3], argv[4]);
	f.user = argv[5];
	if (!str_u64(argv[7], 100000, &number[0]) || !str_u64(argv[8], 10000000, &number[1]))
		die("SECONDS and RATE are numbers");
	f.seconds = (int64_t)number[0];
	f.rate = (int64_t)number[1];
	f.with_frames = argc > 9;
	(void)str_copy(f.session, sizeof(f.session), argc > 9 ? argv[9] : "");
	if (loop_new(&f.loop) < 0 || rpc_loop_new(&config.rl, f.loop) < 0 ||
	    timer_init(&f.step, f.loop, on_step, &f) < 0)
		die("out of memory");
	config.loop = f.loop;
	config.dir = argv[6];
	(void)str_format(server, sizeof(server), "auditd.%s", argv[2]);
	if (audit_log_open(&f.log, &config, &e) < 0)
		die(e.text);
	sign_in(&f, argv[3]);
	if (f.seconds == 0)
		prepare(&f);
	f.start_ms = clock_mono_ms();
	if (audit_log_connect(f.log, argv[1], server, id, &e) < 0)
		die(e.text);
	if (f.with_frames)
		session_event(&f, EVENT_SESSION_START);
	timer_repeat(&f.step, STEP_MS);
	loop_run(f.loop);
	timer_done(&f.step);
	audit_log_close(f.log);
	return 0;
}
