/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: opens the terminal or the pipes of a session, has its keeper forked, and carries the keeper's
 * words to the worker. Called by monitor.c.
 *
 * Security: runs as root. Takes from the worker what mon_get_start read; login and right to a
 * terminal come from the proof of the connection, never from the request.
 */
#include "node/monitor/session.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/log.h"
#include "base/str.h"
#include "node/monitor/cgroup.h"
#include "node/monitor/keeper.h"
#include "ssh/session.h"

/* At most so often, however fast sessions end: a sweep reads a whole folder. */
enum { SWEEP_MS = 1000 };

/* --- the session's ends ---------------------------------------------------------------------- */

static void
close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mem_closep(&fds[i]);
}

/* As the client's own terminal is, but that what is typed is seen. Its echo is all that a recording has of it, so who wants
 * none, or holds it back (^S: until it is gone with the connection), must say so in the session: stty, which is recorded. */
static void
set_modes(struct termios *tio, struct span modes)
{
	ssh_modes_apply(tio, modes);
	tio->c_lflag |= ECHO;
	tio->c_iflag &= ~(tcflag_t)IXON;
}

/* O_NOCTTY, or it might become the monitor's own controlling terminal; the session's process
 * takes it later (TIOCSCTTY). */
static int
open_terminal(struct session *s, struct keeper *k, struct err *e)
{
	const struct mon_start *start = k->start;
	struct winsize size = { (unsigned short)start->rows, (unsigned short)start->cols,
		(unsigned short)start->width_px, (unsigned short)start->height_px };
	struct termios tio;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1;

	if (master < 0 || unlockpt(master) || ptsname_r(master, k->tty, sizeof(k->tty)) ||
	    (slave = open(k->tty, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
		err_errno(e, "cannot open a terminal");
		mem_closep(&master);
		return -1;
	}
	if (tcgetattr(slave, &tio) == 0) {
		set_modes(&tio, start->modes);
		(void)tcsetattr(slave, TCSANOW, &tio);
	}
	(void)ioctl(master, TIOCSWINSZ, &size);
	/* Ends go to their owners as they are made: s->fds to the worker, k->stdio to the keeper.
	 * Who called closes both when starting fails. */
	s->fds[0] = master;
	s->n_fds = 1;
	k->stdio[0] = slave;
	return 0;
}

static int
open_pipes(struct session *s, struct keeper *k, struct err *e)
{
	for (size_t i = 0; i < 3; i++) {
		int p[2];

		/* Those that are open have their owners, who close them (open_terminal). */
		if (pipe2(p, O_CLOEXEC))
			return err_errno(e, "cannot open pipes");
		/* Standard input is written by the worker, the others are read. */
		s->fds[i] = p[i == 0 ? 1 : 0];
		k->stdio[i] = p[i == 0 ? 0 : 1];
	}
	s->n_fds = 3;
	return 0;
}

/* --- the keeper's words ---------------------------------------------------------------------- */

static void
session_free(struct session *s)
{
	struct monitor *m = s->monitor;

	monitor_unwatch(m, &s->report);
	close_all(s->fds, MON_FDS_MAX);
	list_del(&s->link);
	m->n_sessions--;
	free(s);
}

static void
tell_started(struct session *s)
{
	struct monitor *m = s->monitor;

	mon_begin(&m->out, MON_STARTED, s->request);
	wire_put_u32(&m->out, s->id);
	s->request = 0;
	/* From here on the worker alone has them: the monitor reads no session's bytes, and end
	 * of file comes when the worker closes. */
	monitor_tell(m, s->fds, s->n_fds);
	close_all(s->fds, MON_FDS_MAX);
}

static void
tell_exited(struct session *s, int status)
{
	struct monitor *m = s->monitor;
	struct mon_exited exited = { .session = s->id };

	s->exited = true;
	exited.signaled = WIFSIGNALED(status);
	exited.core = exited.signaled && WCOREDUMP(status);
	exited.code = (uint32_t)(exited.signaled ? WTERMSIG(status) : WEXITSTATUS(status));
	mon_begin(&m->out, MON_EXITED, 0);
	mon_put_exited(&m->out, &exited);
	monitor_tell(m, NULL, 0);
}

/* A keeper could not remove the cgroup of a session that was not all gone when it ended. */
static void
sweep(struct monitor *m)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms - m->swept_ms < SWEEP_MS)
		return;
	m->swept_ms = now_ms;
	cgroup_sweep(m->cgroup);
}

/* Without keeper or words from it the session is over: what was asked is answered. */
static void
end(struct session *s)
{
	struct monitor *m = s->monitor;

	if (s->request)
		monitor_answer(m, s->request, false, "the session could not be started");
	/* The keeper was killed (by the kernel, for lack of memory); the forkserver, if it is still the one that forked it,
	 * ends what it kept. */
	else if (!s->exited && !s->orphan)
		tell_exited(s, SIGKILL);
	session_free(s);
	sweep(m);
}

/* One word of the keeper: S started, F failed and why, X how the process ended. The keeper ran
 * PAM's modules, so its lengths are checked like a stranger's. */
static void
on_report(struct source *source)
{
	struct session *s = container_of(source, struct session, report);
	char text[MON_TEXT_MAX + 1];
	int status;
	ssize_t n = recv(source->fd, text, sizeof(text) - 1, 0);

	/* ECONNRESET, once: it ended with words of ours unread (a signal for what was killed already). Its own last ones are
	 * still there. */
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
		return;
	/* End of file: the keeper is gone, with or without a word. The one place where a session
	 * is freed while the monitor runs, but for one that could not be started. */
	if (n <= 0) {
		end(s);
		return;
	}
	text[n] = '\0';
	switch (text[0]) {
	case 'S':
		if (s->request)
			tell_started(s);
		break;
	case 'F':
		if (s->request)
			monitor_answer(s->monitor, s->request, false, text + 1);
		s->request = 0;
		s->exited = true; /* nothing ran of which an end is to be told */
		break;
	case 'X':
		memcpy(&status, text + 1, sizeof(status));
		/* The worker that is here now knows nothing of an orphan; its number may be
		 * another session there. */
		if (n == 1 + (ssize_t)sizeof(status) && !s->request && !s->orphan)
			tell_exited(s, status);
		break;
	}
}

/* --- requests -------------------------------------------------------------------------------- */

struct session *
session_find(struct monitor *m, uint32_t id)
{
	list_each (struct session, s, &m->sessions, link)
		if (s->id == id && !s->orphan)
			return s;
	return NULL;
}

static int
ask_for_keeper(struct session *s, struct keeper *k, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return err_errno(e, "cannot make a socket for the session");
	k->report = pair[1];
	int r = forkserver_ask(s->monitor, k, e);
	close(pair[1]);
	if (r) {
		close(pair[0]);
		return -1;
	}
	s->report = (struct source){ pair[0], on_report };
	return monitor_watch(s->monitor, &s->report) ? err_errno(e, "cannot watch the session") : 0;
}

static int
check_start(const struct monitor *m, const struct connection *conn, const struct mon_start *start,
    struct err *e)
{
	if (m->stopping)
		return err_set(e, "this node is stopping");
	/* The worker keeps the same limit, as long as nobody has taken it over. */
	if (m->n_sessions >= (size_t)m->config->max_sessions)
		return err_set(e, "this node serves %zu sessions already, try again later",
		    m->n_sessions);
	if (clock_wall_ms() / 1000 >= conn->until_s)
		return err_set(e, "your certificate has expired: log in again with tsh login");
	if (start->pty && !conn->permit_pty)
		return err_set(e, "your certificate does not permit a terminal");
	/* Withdrawn since the sign-in: a worker may have kept the connection. */
	return known_cutoffs_check(&m->cutoffs, conn->user, conn->issued_ms, clock_wall_ms(), e);
}

int
session_start(struct monitor *m, const struct connection *conn, uint32_t request,
    const struct mon_start *start, struct err *e)
{
	if (check_start(m, conn, start, e))
		return -1;
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		return err_memory(e);
	*s = (struct session){ .monitor = m,
		.id = start->session,
		.report.fd = -1,
		.fds = { -1, -1, -1, -1 } };
	struct keeper k = { .start = start,
		.login = conn->login,
		.user = conn->user,
		.stdio = { -1, -1, -1 } };
	list_add(&m->sessions, &s->link);
	m->n_sessions++;
	/* Counted before its ends are opened, so that every way out goes through session_free. */
	int r = start->pty ? open_terminal(s, &k, e) : open_pipes(s, &k, e);
	if (r == 0)
		r = ask_for_keeper(s, &k, e);
	close_all(k.stdio, 3);
	if (r == 0)
		s->request = request;
	else
		session_free(s);
	return r;
}

static int
say(struct session *s, const char *words, size_t n)
{
	return s->report.fd < 0 || send(s->report.fd, words, n, MSG_NOSIGNAL) == (ssize_t)n ? 0
											    : -1;
}

void
session_signal(struct session *s, int signo)
{
	const char words[2] = { 's', (char)signo };

	(void)say(s, words, sizeof(words));
}

void
session_kill(struct session *s)
{
	/* A keeper that was told too much already kills at the end of file. */
	if (say(s, "k", 1))
		(void)shutdown(s->report.fd, SHUT_WR);
}

void
session_kill_all(struct monitor *m)
{
	list_each (struct session, s, &m->sessions, link)
		session_kill(s);
}

void
session_free_all(struct monitor *m)
{
	list_each (struct session, s, &m->sessions, link)
		session_free(s);
}

void
session_orphan_all(struct monitor *m)
{
	list_each (struct session, s, &m->sessions, link) {
		session_kill(s);
		close_all(s->fds, MON_FDS_MAX);
		s->request = 0;
		/* Not freed yet: its keeper ends it, and the cgroup with it. */
		s->orphan = true;
	}
}
