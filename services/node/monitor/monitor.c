/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor: starts the worker, answers its requests by the table below, starts it again when it
 * dies.
 *
 * Security: runs as root. What a worker may ask, and when, is the table; anything else kills it.
 */
#include "node/monitor/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/sshcert.h"
#include "node/monitor/account.h"
#include "node/monitor/hostkey.h"
#include "node/monitor/notify.h"
#include "node/monitor/session.h"
#include "node/monitor/spawn.h"

enum {
	/* A worker that dies at once is started again ever more slowly; one that lived for
	 * STEADY_MS starts the pauses anew. GIVE_UP_MS: from hanging up to its death.
	 * LAST_SESSIONS_MS: for keepers to close what PAM opened, when noded stops. */
	BACKOFF_MIN_MS = 100,
	BACKOFF_MAX_MS = 5000,
	STEADY_MS = 10000,
	GIVE_UP_MS = 2000,
	LAST_SESSIONS_MS = 3000,
	SIGNATURE_MAX = 1024
};

int
monitor_watch(struct monitor *m, struct source *s)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };

	return epoll_ctl(m->epoll, EPOLL_CTL_ADD, s->fd, &ev);
}

void
monitor_unwatch(struct monitor *m, struct source *s)
{
	if (s->fd < 0)
		return;
	(void)epoll_ctl(m->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	close(s->fd);
	s->fd = -1;
}

static void monitor_kill_worker(struct monitor *m, const char *why);

void
monitor_tell(struct monitor *m, const int *fds, size_t n_fds)
{
	if (m->peer.fd < 0)
		return;
	/* Never waits: root must not hang on a worker that stopped reading. */
	if (!buf_ok(&m->out) || mon_send(m->peer.fd, buf_span(&m->out), fds, n_fds) != 0)
		monitor_kill_worker(m, "it does not read its answers");
}

static void
answer(struct monitor *m, uint32_t request, enum mon_verdict verdict, const char *text)
{
	mon_begin(&m->out, MON_ANSWER, request);
	wire_put_u8(&m->out, (uint8_t)verdict);
	wire_put_text(&m->out, text);
	monitor_tell(m, NULL, 0);
}

void
monitor_answer(struct monitor *m, uint32_t request, bool ok, const char *text)
{
	answer(m, request, ok ? MON_YES : MON_NO, text);
}

/* It is dead to us at once, for its socket is closed; its end is noticed by SIGCHLD, as any
 * other. */
static void
monitor_kill_worker(struct monitor *m, const char *why)
{
	if (m->worker <= 0)
		return;
	log_error("worker killed", "cause", why, NULL);
	kill(m->worker, SIGKILL);
	monitor_unwatch(m, &m->peer);
}

/* --- requests --------------------------------------------------------------------------- */

/* Handlers return negative when the worker broke the rules. */
typedef int request_fn(struct monitor *m, uint32_t request, struct wire *w);

static int
on_hello(struct monitor *m, uint32_t request, struct wire *w)
{
	uint32_t version = wire_u32(w);

	if (!wire_end(w))
		return -1;
	m->greeted = version == MON_VERSION;
	if (!m->greeted)
		/* An upgrade has put another program in the place of the one that this monitor knows
		 * (packages do not restart noded while sessions are open). Its end is the monitor's
		 * too: the service manager starts the new one. */
		m->was_ready = false;
	monitor_answer(m, request, m->greeted,
	    m->greeted ? "" : "monitor and worker are of different versions");
	return 0;
}

/* The worker needs it to join, and cannot read root's file. No other file's content is handed
 * out. */
static int
on_token(struct monitor *m, uint32_t request, struct wire *w)
{
	_cleanup_free_ char *token = NULL;
	struct err e = { "" };

	if (!wire_end(w))
		return -1;
	if (!m->config->token)
		monitor_answer(m, request, false,
		    "no join token is configured: set token in noded.yaml");
	else if (file_read_secret(m->config->token, 4096, &token, &e))
		monitor_answer(m, request, false, e.text);
	else
		monitor_answer(m, request, true, token);
	return 0;
}

/* A refusal is an answer, not a broken rule: an honest worker passes on what it was sent, and
 * does not judge it. */
static int
on_bundle(struct monitor *m, uint32_t request, struct wire *w)
{
	struct span bundle = wire_string(w);
	struct err e = { "" };

	if (!wire_end(w))
		return -1;
	bool ok = trust_take(&m->trust, bundle, &e) == 0;
	if (!ok)
		log_warn("CA bundle refused", "cause", e.text, NULL);
	monitor_answer(m, request, ok, e.text);
	return 0;
}

static int
on_cutoffs(struct monitor *m, uint32_t request, struct wire *w)
{
	struct span list = wire_string(w);
	struct err e = { "" };

	if (!wire_end(w))
		return -1;
	bool ok = known_cutoffs_take(&m->cutoffs, list, m->trust.bundle, &e) == 0;
	if (!ok)
		log_warn("list of cut-offs refused", "cause", e.text, NULL);
	monitor_answer(m, request, ok, e.text);
	return 0;
}

/* Answers with bytes; for on_sign it is a signature, never a key. */
static void
answer_data(struct monitor *m, uint32_t request, struct span data)
{
	mon_begin(&m->out, MON_DATA, request);
	wire_put_string(&m->out, data);
	monitor_tell(m, NULL, 0);
}

static int
on_hostkey(struct monitor *m, uint32_t request, struct wire *w)
{
	if (!wire_end(w))
		return -1;
	answer_data(m, request, sshkey_blob(m->host_key));
	return 0;
}

/* Signs, and remembers the first exchange of a connection. Later ones are rekeys, and no proof can
 * ever be about them. */
static int
sign_exchange(struct monitor *m, const struct mon_sign *sign, struct buf *ret, struct err *e)
{
	uint8_t hash[KEX_HASH_LEN];

	if (hostkey_sign_exchange(m->host_key, &sign->transcript, hash, ret, e))
		return -1;
	if (connection_find(&m->connections, sign->connection) ||
	    connection_add(&m->connections, sign->connection, hash, clock_mono_ms()))
		return 0;
	return err_set(e, "too many connections, try again later");
}

static int
on_sign(struct monitor *m, uint32_t request, struct wire *w)
{
	struct mon_sign sign;
	struct err e = { "" };
	struct buf sig;

	if (mon_get_sign(&sign, w))
		return -1;
	buf_init(&sig, SIGNATURE_MAX);
	if (sign_exchange(m, &sign, &sig, &e) == 0) {
		answer_data(m, request, buf_span(&sig));
	} else {
		log_warn("key exchange not signed", "cause", e.text, NULL);
		monitor_answer(m, request, false, e.text);
	}
	buf_done(&sig);
	return 0;
}

/* The login at the proxy is signed with the same key as exchanges. What may be signed as which is
 * told apart in hostkey.c. */
static int
on_sign_tunnel(struct monitor *m, uint32_t request, struct wire *w)
{
	struct span data = wire_string(w);
	struct err e = { "" };
	struct buf sig;

	if (!wire_end(w))
		return -1;
	buf_init(&sig, SIGNATURE_MAX);
	if (hostkey_sign_tunnel(m->host_key, &m->trust, data, &sig, &e) == 0) {
		answer_data(m, request, buf_span(&sig));
	} else {
		log_warn("login at the proxy not signed", "cause", e.text, NULL);
		monitor_answer(m, request, false, e.text);
	}
	buf_done(&sig);
	return 0;
}

/* Whether it may still be proven whose connection this is, and is. As auth_prove. */
static int
prove(struct monitor *m, const struct mon_prove *prove, struct connection *c, struct err *e)
{
	struct auth_result result;

	if (!c)
		return err_set(e, "no keys were exchanged on this connection");
	if (!connection_is_open(c, clock_mono_ms())) {
		err_set(e, "the login took too long");
		return AUTH_E_UNPROVEN;
	}
	const struct auth_facts facts = {
		.trust = &m->trust,
		.cutoffs = &m->cutoffs,
		.seen = &m->seen,
		.host_key = m->host_key,
		.session_id = { c->session_id, sizeof(c->session_id) },
		.now_s = clock_wall_ms() / 1000,
	};
	int r = auth_prove(&facts, prove, &result, e);
	if (r)
		return r;
	/* Kept from the proof, and used for every session of the connection: what MON_START says
	 * about any of this is not read. */
	c->proven = true;
	c->permit_pty = result.permit_pty;
	c->until_s = result.until_s;
	c->issued_ms = result.issued_ms;
	str_copy(c->login, sizeof(c->login), prove->login);
	str_copy(c->user, sizeof(c->user), result.user);
	str_copy(c->address, sizeof(c->address), prove->address);
	return 0;
}

static int
on_prove(struct monitor *m, uint32_t request, struct wire *w)
{
	struct mon_prove p;
	struct err e = { "" };

	if (mon_get_prove(&p, w))
		return -1;
	struct connection *c = connection_find(&m->connections, p.connection);
	/* An honest worker proves a connection once. Another proof would put another user behind
	 * a connection that has one. */
	if (c && c->proven)
		return -1;
	int r = prove(m, &p, c, &e);
	if (r)
		log_warn(r < 0 ? "proof of a sign-in refused" : "sign-in cannot be proven", "login",
		    p.login, "address", p.address, "cause", e.text, NULL);
	answer(m, request, r == 0 ? MON_YES : r < 0 ? MON_NO : MON_UNPROVEN, e.text);
	return 0;
}

/* Also for one that is not known: the worker tells of every connection that it began to sign for,
 * and signing may have been refused. */
static int
on_forget(struct monitor *m, uint32_t request, struct wire *w)
{
	struct connection *c = connection_find(&m->connections, wire_u32(w));

	if (!wire_end(w))
		return -1;
	if (c)
		connection_free(&m->connections, c);
	monitor_answer(m, request, true, "");
	return 0;
}

static int
on_start(struct monitor *m, uint32_t request, struct wire *w)
{
	static struct mon_start start; /* large; one request at a time */
	struct err e = { "" };

	/* Numbers of sessions are the worker's. Two of one number could not be told apart in what
	 * it asks later. */
	if (mon_get_start(&start, w) || session_find(m, start.session))
		return -1;
	const struct connection *conn = connection_find(&m->connections, start.connection);
	if (!conn || !conn->proven)
		return -1; /* nobody signed in there: the worker must not even ask */
	/* What the proof was checked against, not what comes now, is the client's address. */
	str_copy(start.client_address, sizeof(start.client_address), conn->address);
	if (session_start(m, conn, request, &start, &e))
		monitor_answer(m, request, false, e.text);
	return 0;
}

/* A session that has ended is no fault: the request may have crossed its end. */
static int
on_signal(struct monitor *m, uint32_t request, struct wire *w)
{
	struct session *s = session_find(m, wire_u32(w));
	uint32_t signo = wire_u32(w);

	if (!wire_end(w) || signo == 0 || signo >= NSIG)
		return -1;
	if (s)
		session_signal(s, (int)signo);
	monitor_answer(m, request, s != NULL, s ? "" : "the session has ended");
	return 0;
}

static int
on_kill(struct monitor *m, uint32_t request, struct wire *w)
{
	struct session *s = session_find(m, wire_u32(w));

	if (!wire_end(w))
		return -1;
	if (s)
		session_kill(s);
	monitor_answer(m, request, s != NULL, s ? "" : "the session has ended");
	return 0;
}

static int
on_ready(struct monitor *m, uint32_t request, struct wire *w)
{
	if (!wire_end(w))
		return -1;
	notify_ready();
	/* From here on a worker is started again whatever it ends with: see on_worker_dead. */
	m->was_ready = true;
	monitor_answer(m, request, true, "");
	return 0;
}

enum { MON_ONCE = 1, MON_FIRST = 2 };

static const struct row {
	enum mon_type type;
	const char *name;
	unsigned flags; /* MON_ONCE: once in a worker's life; MON_FIRST: before the greeting */
	size_t max;     /* bytes of the body */
	request_fn *fn;
} rows[] = {
	{ MON_HELLO, "hello", MON_ONCE | MON_FIRST, 16, on_hello },
	{ MON_TOKEN, "token", MON_ONCE, 0, on_token },
	{ MON_BUNDLE, "bundle", 0, BUNDLE_PACKED_MAX + 16, on_bundle },
	{ MON_PROVE, "prove", 0, MON_MESSAGE_MAX, on_prove },
	{ MON_FORGET, "forget", 0, 4, on_forget },
	{ MON_START, "start", 0, MON_MESSAGE_MAX, on_start },
	{ MON_SIGNAL, "signal", 0, 8, on_signal },
	{ MON_KILL, "kill", 0, 4, on_kill },
	{ MON_READY, "ready", MON_ONCE, 0, on_ready },
	{ MON_HOSTKEY, "hostkey", 0, 0, on_hostkey },
	{ MON_SIGN, "sign", 0, MON_MESSAGE_MAX, on_sign },
	{ MON_CUTOFFS, "cutoffs", 0, CUTOFFS_MAX + 16, on_cutoffs },
	{ MON_SIGN_TUNNEL, "sign_tunnel", 0, SSHCERT_BLOB_MAX * 2, on_sign_tunnel },
};

/* The row that allows this request now, or NULL. */
static const struct row *
row_allowed(struct monitor *m, uint8_t type, size_t n)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		if (row->type != type)
			continue;
		if (n > row->max || (!(row->flags & MON_FIRST) && !m->greeted))
			return NULL;
		if ((row->flags & MON_ONCE) && (m->done_once & 1u << type))
			return NULL;
		/* Counted when it is asked for, not when it succeeded: no second try. The types
		 * are below 32. */
		m->done_once |= 1u << type;
		return row;
	}
	return NULL;
}

int
monitor_request(struct monitor *m, struct span packet)
{
	uint8_t type;
	uint32_t request;
	struct wire w;

	if (mon_open(packet, &type, &request, &w) || request == 0)
		return -1;
	const struct row *row = row_allowed(m, type, w.left);
	if (!row)
		return -1;
	return row->fn(m, request, &w);
}

static void
wake_after(struct monitor *m, int64_t ms)
{
	struct itimerspec its = { .it_value = { ms / 1000, ms % 1000 * 1000000 } };

	(void)timerfd_settime(m->wake.fd, 0, &its, NULL);
}

static void
on_worker_readable(struct source *s)
{
	struct monitor *m = container_of(s, struct monitor, peer);
	static uint8_t packet[MON_MESSAGE_MAX];
	int fds[MON_FDS_MAX];
	size_t n_fds;
	ssize_t n = mon_receive(s->fd, packet, sizeof(packet), fds, &n_fds);

	if (n == 0)
		return;
	/* No request carries descriptors. They are in our table all the same, so closed before
	 * anything else. */
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	if (n < 0) {
		/* It is ending, and SIGCHLD tells how: killed now, it could not say so by its exit
		 * status. */
		monitor_unwatch(m, &m->peer);
		if (m->worker > 0)
			wake_after(m, GIVE_UP_MS);
	} else {
		if (n_fds > 0 || monitor_request(m, (struct span){ packet, (size_t)n }))
			monitor_kill_worker(m, "it broke the rules of the monitor");
		explicit_bzero(packet, (size_t)n); /* session keys, perhaps */
	}
}

/* --- the worker's life ---------------------------------------------------------------------- */

static void
start_worker(struct monitor *m)
{
	struct err e = { "" };
	int fd;

	m->greeted = false;
	m->done_once = 0;
	m->started_ms = clock_mono_ms();
	m->worker = spawn_worker(m, &fd, &e);
	if (m->worker < 0) {
		log_error("cannot start the worker", "cause", e.text, NULL);
		m->worker = 0;
		m->stopping = true;
		m->exit_code = 1;
		return;
	}
	m->peer.fd = fd;
	m->peer.fn = on_worker_readable;
	if (monitor_watch(m, &m->peer))
		monitor_kill_worker(m, "epoll refused its socket");
	log_debug("worker started", NULL);
}

/* One timer for two things, of which only one can be due: a worker that hung up and lives, or the
 * next one to be started. */
static void
on_wake(struct source *s)
{
	struct monitor *m = container_of(s, struct monitor, wake);
	uint64_t ticks;

	if (read(s->fd, &ticks, sizeof(ticks)) < 0)
		return;
	if (m->worker > 0 && m->peer.fd < 0)
		kill(m->worker, SIGKILL); /* it hung up long ago and did not end */
	else if (!m->stopping && m->worker == 0)
		start_worker(m);
}

static void
on_worker_dead(struct monitor *m, int status)
{
	char code[32];

	m->worker = 0;
	monitor_unwatch(m, &m->peer);
	/* The next worker counts connections from 1 again: what was proven for the old one must
	 * not be there. */
	connections_done(&m->connections);
	/* Nobody reads what these sessions write, and nobody records it: they end. */
	session_orphan_all(m);
	if (m->stopping)
		return;
	/* What a worker gives up before it was ever ready (a refused join) would only repeat
	 * itself. */
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && !m->was_ready) {
		m->stopping = true;
		m->exit_code = 1;
		return;
	}
	if (clock_mono_ms() - m->started_ms > STEADY_MS)
		m->backoff_ms = 0;
	m->backoff_ms = m->backoff_ms ? 2 * m->backoff_ms : BACKOFF_MIN_MS;
	if (m->backoff_ms > BACKOFF_MAX_MS)
		m->backoff_ms = BACKOFF_MAX_MS;
	str_format(code, sizeof(code), "%s %d", WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	log_error("worker died, its sessions were ended; starting it again", "with", code, NULL);
	wake_after(m, m->backoff_ms);
}

static void
stop(struct monitor *m)
{
	m->stopping = true;
	notify_stopping();
	/* Asked in words where it can hear them, so that it ends sessions and uploads; before its
	 * greeting it has nothing to lose. */
	if (m->peer.fd >= 0 && m->greeted) {
		mon_begin(&m->out, MON_STOP, 0);
		monitor_tell(m, NULL, 0);
	} else if (m->worker > 0) {
		kill(m->worker, SIGTERM);
	}
}

static void
on_signal_readable(struct source *s)
{
	struct monitor *m = container_of(s, struct monitor, signals);
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(s->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGCHLD) {
		if (m->stopping && m->worker > 0)
			kill(m->worker, SIGKILL); /* asked twice */
		stop(m);
		return;
	}
	/* Signals of one kind do not queue up: one may stand for several children. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == m->worker)
			on_worker_dead(m, status);
		else
			(void)forkserver_reap(m, pid);
	}
}

/* --- life
 * ---------------------------------------------------------------------------------------- */

static int
open_sources(struct monitor *m, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	/* Before anything is forked: a child that dies early must be found by signalfd. Children
	 * set their own masks. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* the configuration is read at start alone */
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->signals = (struct source){ signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		on_signal_readable };
	m->wake = (struct source){ timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		on_wake };
	if (m->epoll < 0 || m->signals.fd < 0 || m->wake.fd < 0 || monitor_watch(m, &m->signals) ||
	    monitor_watch(m, &m->wake))
		return err_errno(e, "cannot set up the monitor's events");
	return 0;
}

/* Sessions would work, and cost three times as much, and nobody would know why. */
static void
tell_pam_service(const struct monitor *m)
{
	const char *service = account_service(m->config->pam_service);

	if (!m->root || m->config->pam_service || (service && strcmp(service, "sallyport") == 0))
		return;
	log_warn(
	    "there is no PAM service of ours, so that sessions follow another, which may run the scripts of the message of "
	    "the day for every command: put deploy/pam/sallyport into /etc/pam.d, or set pam_service",
	    "follows", service ? service : "none", NULL);
}

int
monitor_init(struct monitor *m, const struct conf *config, const char *config_path,
    const char *worker_path, struct err *e)
{
	const char *state = conf_state(config);
	char trust[512], seen[512], key[512], cutoffs[512];

	*m = (struct monitor){ .config = config,
		.config_path = config_path,
		.worker_path = worker_path,
		.epoll = -1,
		/* Without root it serves the login of its own user alone (account.c). */
		.root = geteuid() == 0,
		.log_level = m->log_level,
		.log_format = m->log_format };
	m->signals.fd = m->peer.fd = m->wake.fd = m->seen.fd = m->forkserver.fd = -1;
	connections_init(&m->connections);
	list_init(&m->sessions);
	buf_init(&m->out, MON_MESSAGE_MAX);
	/* The server before the host key, which it has no use for. */
	if (spawn_prepare(m, e) || forkserver_start(m, e))
		return -1;
	tell_pam_service(m);
	if (!str_format(trust, sizeof(trust), "%s/monitor/ca-bundle", state) ||
	    !str_format(seen, sizeof(seen), "%s/monitor/seen-sessions", state) ||
	    !str_format(key, sizeof(key), "%s/monitor/ssh_host_key", state) ||
	    !str_format(cutoffs, sizeof(cutoffs), "%s/monitor/cutoffs", state))
		return err_set(e, "state: the path is too long");
	if (trust_open(&m->trust, trust, config->ca_pin, e) ||
	    seen_open(&m->seen, seen, clock_wall_ms() / 1000, e) ||
	    known_cutoffs_open(&m->cutoffs, cutoffs, config->cutoffs_max_age_s, e) ||
	    hostkey_open(&m->host_key, key, e))
		return -1;
	return open_sources(m, e);
}

int
monitor_turn(struct monitor *m, int timeout_ms)
{
	struct epoll_event ev;
	/* One event at a time: what it sets off may free the source of the next. */
	int n = epoll_wait(m->epoll, &ev, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -1;
	if (n == 1) {
		struct source *s = ev.data.ptr;
		s->fn(s);
	}
	return n;
}

int
monitor_run(struct monitor *m)
{
	start_worker(m);
	while (!m->stopping || m->worker > 0)
		if (monitor_turn(m, -1) < 0)
			return 1;
	/* The keepers close their PAM sessions; systemd kills what is left when we are gone. */
	session_kill_all(m);
	int64_t until = clock_mono_ms() + LAST_SESSIONS_MS;
	while (!list_empty(&m->sessions) && clock_mono_ms() < until)
		if (monitor_turn(m, 100) < 0)
			break;
	return m->exit_code;
}

void
monitor_done(struct monitor *m)
{
	connections_done(&m->connections);
	session_free_all(m);
	forkserver_stop(m);
	trust_done(&m->trust);
	known_cutoffs_done(&m->cutoffs);
	seen_done(&m->seen);
	sshkey_free(m->host_key);
	buf_done(&m->out);
	monitor_unwatch(m, &m->peer);
	monitor_unwatch(m, &m->wake);
	monitor_unwatch(m, &m->signals);
	mem_closep(&m->epoll);
}
