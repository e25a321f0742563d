/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer: the process that holds the CA keys and answers six requests.
 *
 * Security: forked by authd before it has threads or has opened anything; reads its two files,
 * becomes the daemon's user, drops capabilities, and then may only receive, send, draw random
 * numbers, write its log and end (seccomp). It believes nothing that authd says: names, kinds and
 * lifetimes are checked here again (signer_issue.c). A message that is not exactly a request ends
 * it, and with it authd.
 */
#include "auth/signer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "auth/signer_issue.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/secret.h"
#include "priv/channel.h"
#include "priv/priv.h"

static const char *const calls[] = { "recvmsg", "sendmsg", "getrandom", "write", "writev", "close",
	"exit", "exit_group", "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mlock",
	"munlock", "futex", "clock_gettime", "gettimeofday", "time", "restart_syscall",
	"rt_sigreturn", "rt_sigprocmask", "getpid", "gettid", "tgkill", NULL };

static int
send_buf(int fd, struct buf *b)
{
	int rc = buf_ok(b) ? channel_send(fd, buf_span(b), NULL, 0) : -1;

	buf_done(b);
	return rc == 0 ? 0 : -1;
}

/* --- the start ------------------------------------------------------------------------ */

static bool
sandboxed(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return false; /* the sanitizers' own calls are many */
#else
	const char *mode = getenv("SALLYPORT_SECCOMP");

	return !mode || strcmp(mode, "off") != 0;
#endif
}

static int
confine(const struct signer_options *options, struct err *e)
{
	struct priv_user user;

	tzset();                         /* would open a file later */
	if (priv_no_capabilities(e) < 0) /* while it still may */
		return -1;
	if (options->user && *options->user &&
	    (priv_user_find(options->user, &user, e) < 0 || priv_drop(&user, e) < 0))
		return -1;
	if (priv_no_dump(e) < 0 || priv_no_new_privs(e) < 0)
		return -1;
	return sandboxed() ? priv_seccomp(calls, e) : 0;
}

static int
hello(int fd, struct signer_keys *keys, struct err *e)
{
	struct buf b, set, sig;
	int rc = -1;

	buf_init(&b, SIGNER_MESSAGE_MAX);
	buf_init(&set, SIGNER_MESSAGE_MAX);
	buf_init(&sig, X509_SIGNATURE_MAX);
	if (signer_keys_ca_set(keys, &set) < 0 ||
	    x509_sign_data(keys->sets[0].host_key, buf_span(&set), &sig) < 0) {
		err_set(e, "the CA bundle could not be signed");
	} else {
		wire_put_bool(&b, true);
		wire_put_string(&b, buf_span(&set));
		wire_put_string(&b, buf_span(&sig));
		wire_put_string(&b, (struct span){ keys->seed_key, sizeof keys->seed_key });
		rc = send_buf(fd, &b);
	}
	secret_zero(keys->seed_key, sizeof keys->seed_key);
	buf_wipe(&b);
	buf_done(&set);
	buf_done(&sig);
	return rc;
}

static int
complain(int fd, const struct err *e)
{
	struct buf b;

	buf_init(&b, SIGNER_MESSAGE_MAX);
	wire_put_bool(&b, false);
	wire_put_text(&b, e->text);
	(void)send_buf(fd, &b);
	return 1;
}

/* --- serving ------------------------------------------------------------------------------ */

static int
answer(int fd, const struct signer_keys *keys, const struct signer_request *q)
{
	struct buf b, cert;
	struct err e = { "" };
	int rc;

	buf_init(&b, SIGNER_MESSAGE_MAX);
	buf_init(&cert, SIGNER_MESSAGE_MAX - 64);
	rc = signer_issue(keys, q, clock_wall_ms() / 1000, &cert, &e);
	wire_put_u32(&b, q->id);
	wire_put_bool(&b, rc == 0);
	if (rc == 0)
		wire_put_string(&b, buf_span(&cert));
	else
		wire_put_text(&b, e.text);
	buf_done(&cert);
	return send_buf(fd, &b);
}

/* One message; false when it was not a request. */
static bool
serve_one(int fd, const struct signer_keys *keys, const struct channel_message *m)
{
	struct signer_request q;
	struct arena arena;
	bool ok;

	arena_init(&arena, SIGNER_REQUEST_MEMORY);
	ok = m->n_fds == 0 && signer_request_read(&q, (struct span){ m->data, m->n }, &arena);
	if (!ok)
		log_error("the signer was asked something that it does not know; it ends", NULL);
	else
		ok = answer(fd, keys, &q) == 0;
	arena_done(&arena);
	return ok;
}

static int
serve(int fd, const struct signer_keys *keys)
{
	static struct channel_message m;

	for (;;) {
		int rc = channel_recv(fd, &m);

		if (rc == CHANNEL_E_CLOSED)
			return 0; /* authd is gone */
		if (rc != 0 || !serve_one(fd, keys, &m))
			return 1;
	}
}

int
signer_run(int fd, const struct signer_options *options)
{
	struct signer_keys keys;
	struct err e = { "" };
	int status = 1;

	/* It goes when authd goes, which sees these signals too and wants to drain first. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NAME, "authd-signer", 0, 0, 0);
	if (crypto_init() < 0) {
		err_set(&e, "this machine gives no random numbers");
		return complain(fd, &e);
	}
	if (signer_keys_open(&keys, options, &e) < 0)
		return complain(fd, &e);
	if (confine(options, &e) < 0)
		status = complain(fd, &e);
	else if (hello(fd, &keys, &e) < 0)
		status = complain(fd, &e);
	else
		status = serve(fd, &keys);
	signer_keys_done(&keys);
	return status;
}
