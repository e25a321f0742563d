/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper: the process beside one session. Called by forkserver.c after fork; opens the account (PAM),
 * starts the user's process, waits for it, closes the account again.
 *
 * Security: runs as root (in the user's groups). The user's process keeps nothing of ours: every
 * descriptor but its three is closed, signals and limits are the defaults, and the change of user
 * is proven before exec.
 */
#include "node/monitor/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <poll.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "node/monitor/account.h"
#include "node/monitor/cgroup.h"
#include "node/monitor/environ.h"
#include "node/monitor/program.h"
#include "node/monitor/reaper.h"
#include "node/monitor/records.h"

enum {
	FILES_SOFT = 1024,
	ROUND_MS = 10,
	/* For what is killed to be gone. */
	KILL_MS = 10000,
	/* By PAM's modules at most, or what is more stays. */
	STACK_USED = 1024 * 1024,
};

struct life {
	struct keeper *k;
	struct account account;
	char cgroup[600];
	bool pids_limited; /* by it */
	char last_login[256];
	pid_t pid;        /* 0: the process has ended */
	bool childless;   /* nothing of the session is left */
	int64_t until_ms; /* monotonic; 0: nobody is to be killed */
	int signals;
};

/* --- words ---------------------------------------------------------------------------- */

/* To the monitor. Cut rather than refused, and never waited for: a monitor that is gone is
 * noticed by on_words. */
static void
say(const struct keeper *k, char what, const void *p, size_t n)
{
	char words[MON_TEXT_MAX];

	if (n > sizeof(words) - 1)
		n = sizeof(words) - 1;
	words[0] = what;
	if (n > 0)
		memcpy(words + 1, p, n);
	(void)!send(k->report, words, n + 1, MSG_NOSIGNAL);
}

/* --- the user's process ------------------------------------------------------------------ */

/* Handlers are reset by exec, but what is ignored stays so: the monitor ignores SIGPIPE, and the
 * user's programs would not end when nobody reads. */
static void
reset_signals(void)
{
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
take_terminal(const struct keeper *k, const struct account *a)
{
	struct group *tty = getgrnam("tty");

	/* Others may write messages to it only through set-gid programs, as on every terminal. */
	if (k->root) {
		/* The mode while it is root's, who may not have the right to change that of others' files. */
		(void)chmod(k->tty, tty ? 0620 : 0600);
		(void)!chown(k->tty, a->uid, tty ? tty->gr_gid : a->gid);
	}
}

static int
set_stdio(const struct keeper *k)
{
	int fd[3];

	/* Above 2 first, so that no dup2 overwrites one that is still needed. */
	for (int i = 0; i < 3; i++) {
		fd[i] = fcntl(k->stdio[k->tty[0] ? 0 : i], F_DUPFD, 10);
		if (fd[i] < 0)
			return -1;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(fd[i], i) < 0)
			return -1;
	/* The word to the monitor is closed too: from here on only stderr, the user's own, hears
	 * of failures. */
	return close_range(3, ~0u, 0);
}

/* Whoever shields noded from the OOM killer does not mean its sessions. */
static void
reset_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 && text[0] == '-')
		(void)!pwrite(fd, "0", 1, 0);
	close(fd);
}

/* The soft limit that programs expect; noded's own was raised. PAM (limits.conf) comes after
 * this. */
static void
reset_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FILES_SOFT) {
		files.rlim_cur = FILES_SOFT;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* After PAM, whose pam_limits takes the limits of process 1 for its own. Of the user's processes, in
 * all his sessions: where there is no cgroup that counts the session's own. Also what he may raise
 * it to himself. */
static int
limit_processes(const struct life *l)
{
	rlim_t most = (rlim_t)l->k->config->session_processes;
	struct rlimit now;

	if (l->pids_limited)
		return 0;
	if (getrlimit(RLIMIT_NPROC, &now))
		return -1;
	if (now.rlim_cur > most)
		now.rlim_cur = most;
	if (now.rlim_max > most)
		now.rlim_max = most;
	return setrlimit(RLIMIT_NPROC, &now);
}

static bool
is_interactive_login(const struct keeper *k, const struct account *a)
{
	char path[512];

	if (k->start->kind != MON_KIND_SHELL || !k->tty[0])
		return false;
	return !str_format(path, sizeof(path), "%s/.hushlogin", a->home) || access(path, F_OK) != 0;
}

/* After the change of user, since the name of the file in the home folder may be a link to
 * anywhere. */
static void
greet(const struct keeper *k, const struct account *a, const char *last_login)
{
	if (!is_interactive_login(k, a))
		return;
	(void)!write(STDOUT_FILENO, last_login, strlen(last_login));
	if (a->messages.len > 0)
		(void)!write(STDOUT_FILENO, buf_head(&a->messages), a->messages.len);
}

/* As the user: on a home over NFS root is often nobody. */
static void
go_home(const struct account *a)
{
	if (chdir(a->home) == 0)
		return;
	fprintf(stderr, "Could not change to the home folder %s: %s\n", a->home, strerror(errno));
	if (chdir("/") != 0)
		_exit(254);
}

/* The order counts: what needs root first, then the change of user, then whatever looks at the
 * user's files. */
static noreturn void
run_user(const struct life *l)
{
	const struct keeper *k = l->k;
	const struct account *a = &l->account;
	char **env = environ_make(k, a);

	/* While still root: the user may not write there, and so cannot leave it either. */
	cgroup_enter(l->cgroup);
	if (!env || setsid() < 0)
		_exit(254);
	/* After setsid, which made this the leader of a session without a terminal; no other may
	 * take one. */
	if (k->tty[0] && ioctl(k->stdio[0], TIOCSCTTY, 0))
		_exit(254);
	reset_oom_score();
	if (set_stdio(k))
		_exit(254);
	reset_signals();
	if (limit_processes(l)) {
		fprintf(stderr, "ERROR: cannot limit the processes of the session\n");
		_exit(254);
	}
	if (account_become(a)) {
		fprintf(stderr, "ERROR: cannot become the account %s\n", a->name);
		_exit(254);
	}
	greet(k, a, l->last_login);
	go_home(a);
	program_run(k, a, env);
}

/* --- the life of the session -------------------------------------------------------------- */

/* Notes who has ended, and says so of the user's process. */
static void
reap(struct life *l)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		/* Others: orphans of the session, or one that passed on a signal. */
		if (pid != l->pid)
			continue;
		l->pid = 0;
		say(l->k, 'X', &status, sizeof(status));
	}
	l->childless = pid < 0 && errno == ECHILD;
}

/* For a moment; who is still there then gets another in the next turn of wait_for_end. */
static void
kill_round(struct life *l)
{
	int64_t end_ms = clock_mono_ms() + ROUND_MS;

	do {
		reaper_kill_children(NULL, NULL);
		reap(l);
	} while (!l->childless && clock_mono_ms() < end_ms);
}

static void
kill_all(struct life *l)
{
	(void)cgroup_kill(l->cgroup);
	if (l->pid > 0)
		kill(-l->pid, SIGKILL); /* all of its group, at one moment */
	/* A session that forks as fast as it can gets no more of the processor than this. */
	(void)setpriority(PRIO_PROCESS, 0, -20);
	if (l->until_ms == 0)
		l->until_ms = clock_mono_ms() + KILL_MS;
	kill_round(l);
}

/* With the user's own rights, so that a set-user-ID program in the session is signalled no easier
 * than from its shell. */
static void
pass_signal(const struct life *l, int signo)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (account_become(&l->account) == 0)
			kill(-l->pid, signo);
		_exit(0);
	}
}

/* The monitor's: s and a number sends a signal, k kills all. False: the monitor is gone. */
static bool
on_words(struct life *l)
{
	char words[8];
	ssize_t n = recv(l->k->report, words, sizeof(words), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	if (words[0] == 's' && n == 2 && l->pid > 0)
		pass_signal(l, words[1]);
	else if (words[0] == 'k')
		kill_all(l);
	return true;
}

static void
on_signals(struct life *l)
{
	struct signalfd_siginfo info;

	if (read(l->signals, &info, sizeof(info)) != sizeof(info))
		return;
	/* SIGTERM, of a service manager for example: the session ends, and what PAM opened is
	 * still closed. */
	if (info.ssi_signo != SIGCHLD)
		kill_all(l);
	reap(l);
}

/* Until nothing of the session is left: its process has ended, and what that left behind too, by
 * itself or because the worker, which knows when the session is over, had it killed. A keeper does not outlive the
 * monitor: its end of file kills the session. */
static void
wait_for_end(struct life *l)
{
	struct pollfd p[2] = { { l->k->report, POLLIN, 0 }, { l->signals, POLLIN, 0 } };

	reap(l);
	while (!l->childless) {
		/* What does not die (it waits for a disk that is gone) is given up. */
		if (l->until_ms && clock_mono_ms() > l->until_ms)
			break;
		if (poll(p, 2, l->until_ms ? ROUND_MS : -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			on_signals(l);
		if (p[0].revents && !on_words(l)) {
			kill_all(l);
			p[0].fd = -1;
		}
		if (l->until_ms)
			kill_round(l);
	}
}

static int
watch_signals(struct life *l)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_SETMASK, &set, NULL);
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return l->signals < 0 ? -1 : 0;
}

/* Only 0 to 2 (the log), the socket to the monitor and the session's ends stay open. */
static int
close_others(const struct keeper *k)
{
	int keep[5] = { STDERR_FILENO, k->report, k->stdio[0], k->stdio[1], k->stdio[2] };

	for (int i = 1; i < 5; i++) /* sorted, four numbers */
		for (int j = i; j > 0 && keep[j] < keep[j - 1]; j--) {
			int t = keep[j];
			keep[j] = keep[j - 1];
			keep[j - 1] = t;
		}
	for (int i = 0; i < 5; i++) {
		unsigned first = keep[i] < STDERR_FILENO ? STDERR_FILENO + 1
							 : (unsigned)keep[i] + 1;
		unsigned last = i == 4 ? ~0u : (unsigned)keep[i + 1] - 1;
		if (keep[i] < 0 || (i < 4 && last < first))
			continue;
		if (close_range(first, last, 0))
			return -1;
	}
	return 0;
}

/* What opening the account needed for a moment: a keeper waits, perhaps for days, and beside it a thousand others. */
static void
give_back(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	/* Far enough below for the calls from here, which are the first to find the stack empty again. Where it
	 * was never that deep there is nothing, and the call fails behind what it did. */
	uintptr_t end = (here - 2 * page) & ~(page - 1);

	malloc_trim(0);
	(void)madvise((void *)(end - STACK_USED), STACK_USED, MADV_DONTNEED);
}

static int
begin(struct life *l, struct err *e)
{
	struct keeper *k = l->k;
	const struct mon_start *s = k->start;
	const struct cgroup_limits limits = { (uint64_t)k->config->session_processes,
		k->config->session_memory };

	if (k->start->kind == MON_KIND_SUBSYSTEM && !span_is(s->command, "sftp"))
		return err_set(e, "there is no subsystem of this name");
	l->pids_limited = cgroup_make(k->cgroup, s->uuid, &limits, l->cgroup, sizeof(l->cgroup));
	reset_limits();
	/* A session as the worker's user could read what the worker keeps: its TLS key, its
	 * spool. */
	l->account.forbidden = k->worker_uid;
	umask(022); /* before PAM: pam_umask may ask for a narrower one */
	if (account_open(&l->account, k->login, k->config->pam_service, k->tty, s->client_address,
		e) ||
	    program_check(k, &l->account, e))
		return -1;
	if (k->tty[0]) {
		take_terminal(k, &l->account);
		if (k->root)
			records_last_login(l->account.uid, l->last_login, sizeof(l->last_login));
	}
	l->pid = fork();
	if (l->pid == 0)
		run_user(l);
	return l->pid < 0 ? err_errno(e, "cannot fork") : 0;
}

static void
finish(struct life *l)
{
	account_close(&l->account);
	(void)cgroup_kill(l->cgroup);
	cgroup_remove(l->cgroup);
}

noreturn void
keeper_run(struct keeper *k)
{
	struct life l = { .k = k };
	struct err e = { "" };

	prctl(PR_SET_NAME, "noded-session");
	if (close_others(k) || watch_signals(&l) || reaper_adopt())
		_exit(1);
	if (begin(&l, &e)) {
		say(k, 'F', e.text, strlen(e.text));
		finish(&l);
		_exit(0);
	}
	pid_t pid = l.pid;
	/* Open here too, the worker would never see the end of what the session writes. */
	for (int i = 0; i < 3; i++)
		mem_closep(&k->stdio[i]);
	if (k->tty[0] && k->root)
		records_login(k->tty, l.account.name, l.account.uid, k->start->client_address, pid);
	say(k, 'S', NULL, 0);
	give_back();
	wait_for_end(&l);
	if (k->tty[0] && k->root)
		records_logout(k->tty, pid);
	finish(&l);
	_exit(0);
}
