/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forkserver: see forkserver.h. Called by monitor.c and session.c.
 *
 * One packet is one keeper: texts login, user and terminal, then struct mon_start; with the report's socket and the session's
 * ends, one with a terminal and three without. There is no answer: the keeper's words are.
 *
 * A PAM service is read anew by every keeper, so that what an administrator changes there holds at once. A module whose
 * file was replaced stays the old one until noded is started again, as libpam itself does.
 */
#include "node/monitor/forkserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/sshkey.h"
#include "node/monitor/account.h"
#include "node/monitor/monitor.h"
#include "node/monitor/reaper.h"

/* What the worker sent, and three short texts of ours. */
enum { PACKET_MAX = MON_MESSAGE_MAX + 4096, FD = 3, WAIT_MS = 2000 };

/* --- in the server ------------------------------------------------------------------------------ */

struct request {
	struct mon_start start;
	char login[MON_LOGIN_MAX], user[MON_LOGIN_MAX];
	struct keeper keeper;
};

/* The monitor's own words: what does not fit is a fault of ours, and ends that session alone. */
static bool
read_request(struct request *q, struct span packet, const int *fds, size_t n_fds)
{
	struct wire w = wire_from(packet);
	struct keeper *k = &q->keeper;

	wire_text(&w, q->login, sizeof(q->login));
	wire_text(&w, q->user, sizeof(q->user));
	wire_text(&w, k->tty, sizeof(k->tty));
	if (mon_get_start(&q->start, &w) || n_fds != (k->tty[0] ? 2 : 4))
		return false;
	k->start = &q->start;
	k->login = q->login;
	k->user = q->user;
	k->report = fds[0];
	for (size_t i = 0; i < 3; i++)
		k->stdio[i] = i + 1 < n_fds ? fds[i + 1] : -1;
	return true;
}

/* Those that live, in no order. */
static struct {
	pid_t *v;
	size_t n, size;
} keepers;

/* Before the fork: one that nobody knows would be killed as a stray. */
static bool
make_room(void)
{
	if (keepers.n < keepers.size)
		return true;
	size_t size = keepers.size ? 2 * keepers.size : 64;
	pid_t *v = reallocarray(keepers.v, size, sizeof(*v));
	if (!v)
		return false;
	keepers.v = v;
	keepers.size = size;
	return true;
}

static bool
is_keeper(pid_t pid, const void *arg)
{
	(void)arg;
	for (size_t i = 0; i < keepers.n; i++)
		if (keepers.v[i] == pid)
			return true;
	return false;
}

/* False: it was none. */
static bool
forget_keeper(pid_t pid)
{
	for (size_t i = 0; i < keepers.n; i++)
		if (keepers.v[i] == pid) {
			keepers.v[i] = keepers.v[--keepers.n];
			return true;
		}
	return false;
}

/* A keeper ends when nothing of its session is left. One that was killed has left it to us, and each that dies leaves its
 * own children. */
static void
reap(void)
{
	bool strays = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		strays = !forget_keeper(pid) || WIFSIGNALED(status) || strays;
	if (strays)
		reaper_kill_children(is_keeper, NULL);
}

static void
fork_keeper(const struct monitor *m, struct span packet, const int *fds, size_t n_fds)
{
	static struct request q; /* large */

	q.keeper = (struct keeper){ .config = m->config,
		.root = m->root,
		.worker_uid = m->worker_uid,
		.cgroup = m->cgroup };
	if (!read_request(&q, packet, fds, n_fds))
		return;
	pid_t pid = make_room() ? fork() : -1;
	/* Never returns. Everything that it points to is its own copy. */
	if (pid == 0)
		keeper_run(&q.keeper);
	if (pid < 0)
		log_error("cannot fork for a session", "cause", strerror(errno), NULL);
	else
		keepers.v[keepers.n++] = pid;
}

/* False: the monitor is gone. */
static bool
on_packet(const struct monitor *m)
{
	static uint8_t packet[PACKET_MAX];
	int fds[MON_FDS_MAX];
	size_t n_fds;
	ssize_t n = mon_receive(FD, packet, sizeof(packet), fds, &n_fds);

	if (n > 0)
		fork_keeper(m, (struct span){ packet, (size_t)n }, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	return n >= 0;
}

/* Only the log and the socket stay open; SIGTERM is for the monitor, whose end this one follows. */
static int
leave_monitor(struct monitor *m, int fd)
{
	sigset_t set;

	prctl(PR_SET_NAME, "noded-forks");
	sshkey_free(m->host_key);
	m->host_key = NULL;
	if ((fd != FD && dup2(fd, FD) < 0) || close_range(FD + 1, ~0u, 0))
		return -1;
	(void)fcntl(FD, F_SETFD, FD_CLOEXEC);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigdelset(&set, SIGTERM);
	sigdelset(&set, SIGINT);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static noreturn void
serve(struct monitor *m, int fd)
{
	struct signalfd_siginfo info;
	int signals = leave_monitor(m, fd);

	if (signals < 0 || reaper_adopt())
		_exit(1);
	if (m->root)
		account_preload(m->config->pam_service);
	struct pollfd p[2] = { { FD, POLLIN, 0 }, { signals, POLLIN, 0 } };
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if (p[1].revents && read(signals, &info, sizeof(info)) > 0)
			reap();
		if (p[0].revents && !on_packet(m))
			_exit(0);
	}
}

/* --- in the monitor ----------------------------------------------------------------------------- */

int
forkserver_start(struct monitor *m, struct err *e)
{
	int pair[2];

	if (mon_pair(pair))
		return err_errno(e, "cannot make a socket for the keepers' server");
	pid_t pid = fork();
	if (pid == 0)
		serve(m, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_errno(e, "cannot fork");
	}
	m->forkserver = (struct forkserver){ pair[0], pid };
	return 0;
}

/* A burst of sessions with long commands is more than the socket takes, and waits as long as its forks take, as it would if
 * the monitor forked itself. A server that reads nothing for so long is as good as dead. */
static int
send_soon(int fd, struct span packet, const int *fds, size_t n_fds)
{
	int64_t until_ms = clock_mono_ms() + WAIT_MS;
	struct pollfd p = { fd, POLLOUT, 0 };
	int r;

	while ((r = mon_send(fd, packet, fds, n_fds)) > 0) {
		int64_t left = until_ms - clock_mono_ms();

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -1;
		/* For lack of memory, and not of room in the socket: nothing tells when there is more. */
		(void)poll(NULL, 0, 1);
	}
	return r;
}

static int
send_request(const struct monitor *m, const struct keeper *k)
{
	const int fds[MON_FDS_MAX] = { k->report, k->stdio[0], k->stdio[1], k->stdio[2] };
	struct buf b;

	buf_init(&b, PACKET_MAX);
	wire_put_text(&b, k->login);
	wire_put_text(&b, k->user);
	wire_put_text(&b, k->tty);
	mon_put_start(&b, k->start);
	int r = buf_ok(&b) ? send_soon(m->forkserver.fd, buf_span(&b), fds, k->tty[0] ? 2 : 4) : 1;
	buf_done(&b);
	return r;
}

static void
lose(struct monitor *m)
{
	if (m->forkserver.fd < 0)
		return;
	log_error("the process that starts sessions died; the next session starts another", NULL);
	mem_closep(&m->forkserver.fd);
	if (m->forkserver.pid > 0)
		kill(m->forkserver.pid, SIGKILL);
	m->forkserver.pid = 0;
}

int
forkserver_ask(struct monitor *m, const struct keeper *k, struct err *e)
{
	int r = -1;

	if (m->forkserver.fd >= 0)
		r = send_request(m, k);
	if (r < 0) {
		/* It has died, and its end was perhaps not noticed yet. */
		lose(m);
		if (forkserver_start(m, e))
			return -1;
		r = send_request(m, k);
	}
	return r == 0 ? 0 : err_set(e, "the session could not be started");
}

bool
forkserver_reap(struct monitor *m, pid_t pid)
{
	if (pid != m->forkserver.pid)
		return false;
	m->forkserver.pid = 0; /* already waited for: the number may be another's by now */
	lose(m);
	return true;
}

void
forkserver_stop(struct monitor *m)
{
	mem_closep(&m->forkserver.fd);
	if (m->forkserver.pid <= 0)
		return;
	/* Nothing is lost with it: each keeper is a process of its own. */
	kill(m->forkserver.pid, SIGKILL);
	(void)waitpid(m->forkserver.pid, NULL, 0);
	m->forkserver.pid = 0;
}
