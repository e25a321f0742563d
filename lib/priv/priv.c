/* SPDX-License-Identifier: Apache-2.0 */
/*
 * priv: giving rights away; see priv.h.
 *
 * Security: this file is what stands between a daemon's bug and root. Each
 * step is checked, and dropping root is proved by trying to take it back.
 */
#include "priv/priv.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/str.h"

int
priv_user_find(const char *name, struct priv_user *ret, struct err *e)
{
	struct passwd pw, *found = NULL;
	char text[4096];
	int r = getpwnam_r(name, &pw, text, sizeof(text), &found);

	if (r != 0) {
		errno = r;
		return err_errno(e, "cannot look up user '%s'", name);
	}
	if (!found)
		return err_set(e,
		    "there is no user '%s': create it (useradd --system %s) or change `user`", name,
		    name);
	if (!str_copy(ret->name, sizeof(ret->name), name))
		return err_set(e, "user name '%s' is too long", name);
	ret->uid = pw.pw_uid;
	ret->gid = pw.pw_gid;
	return 0;
}

static int
prove_dropped(const struct priv_user *user, struct err *e)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
		return err_errno(e, "cannot check the rights of this process");
	if (ruid != user->uid || euid != user->uid || suid != user->uid || rgid != user->gid ||
	    egid != user->gid || sgid != user->gid)
		return err_set(e, "cannot become user '%s': the rights did not change", user->name);
	/* Capabilities do not show in the ids: trying is the only proof. */
	if ((user->uid != 0 && setuid(0) == 0) ||
	    (user->uid != 0 && user->gid != 0 && setegid(0) == 0))
		return err_set(e, "cannot become user '%s': root could be had back", user->name);
	return 0;
}

int
priv_drop(const struct priv_user *user, struct err *e)
{
	if (geteuid() != 0) {
		if (geteuid() == user->uid && getuid() == user->uid)
			return 0;
		return err_set(e, "cannot become user '%s': start as root or as that user",
		    user->name);
	}
	/* Groups first, then the group, then the user: each step needs the rights that the next one gives away. */
	if (initgroups(user->name, user->gid) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return err_errno(e, "cannot become user '%s'", user->name);
	return prove_dropped(user, e);
}

int
priv_no_new_privs(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(e, "cannot set no_new_privs");
	return 0;
}

int
priv_no_dump(struct err *e)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_errno(e, "cannot forbid core files");
	/* Also keeps other processes of the same user from attaching with ptrace, and /proc/PID/mem shut. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_errno(e, "cannot make the process not dumpable");
	return 0;
}

int
priv_no_capabilities(struct err *e)
{
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM && errno != EINVAL)
			return err_errno(e, "cannot drop capability %d", cap);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return err_errno(e, "cannot clear the ambient capabilities");
	return 0;
}

long
priv_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	if (limit.rlim_cur < limit.rlim_max) {
		rlim_t before = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			limit.rlim_cur = before;
	}
	return (long)limit.rlim_cur;
}

static void
reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	for (int signo = 1; signo < NSIG; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			(void)sigaction(signo, &action, NULL);
}

pid_t
priv_fork(bool die_with_parent)
{
	pid_t parent = getpid();
	sigset_t all, before, none;
	pid_t pid;
	int saved;

	sigfillset(&all);
	/* No handler of the parent's may run in the child: it would write into the pair of sockets by which the
	 * parent's loop hears of signals. */
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	saved = errno;
	if (pid != 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		errno = saved;
		return pid;
	}
	reset_signals();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (die_with_parent) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != parent)
			_exit(1); /* it ended before the line above */
	}
	return 0;
}
