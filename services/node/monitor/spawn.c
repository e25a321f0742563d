/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn: starts the worker without privileges. Called by monitor.c.
 *
 * Security: the worker gets its own user, no supplementary groups, no new privileges, its one
 * socket, and nothing else.
 */
#include "node/monitor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "node/monitor/cgroup.h"

static int
find_user(struct monitor *m, struct err *e)
{
	m->worker_uid = getuid();
	m->worker_gid = getgid();
	if (!m->root)
		return 0;
	const struct passwd *pw = getpwnam(conf_user(m->config));
	if (!pw)
		return err_set(e,
		    "there is no user %s: create it (useradd --system %s) or set user in "
		    "noded.yaml",
		    conf_user(m->config), conf_user(m->config));
	if (pw->pw_uid == 0)
		return err_set(e,
		    "the worker must not run as root: set user in noded.yaml to another user");
	m->worker_uid = pw->pw_uid;
	m->worker_gid = pw->pw_gid;
	endpwent();
	return 0;
}

/* Whether the folder is as it should be, seen without the right to look into it: a root that has not all of root's rights, as
 * in a container, cannot open what is the worker's alone. */
static bool
is_made(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid &&
	    st.st_gid == gid && (st.st_mode & 07777) == mode;
}

/* The folder, ours or the worker's alone. */
static int
make_folder(const char *parent, const char *name, uid_t uid, gid_t gid, mode_t mode, struct err *e)
{
	char path[512];

	if (!str_format(path, sizeof(path), "%s%s%s", parent, name[0] ? "/" : "", name))
		return err_set(e, "state: the path is too long");
	if (file_mkdir(path, mode, e))
		return -1;
	if (is_made(path, uid, gid, mode))
		return 0;
	/* By descriptor: between looking and changing the owner the name could become a link. */
	int fd = open(path, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "cannot open %s", path);
	/* The mode while it is ours: afterwards that would take one right more. */
	int r = fchmod(fd, mode) || fchown(fd, uid, gid)
	    ? err_errno(e, "cannot set owner and mode of %s", path)
	    : 0;
	close(fd);
	return r;
}

int
spawn_prepare(struct monitor *m, struct err *e)
{
	const char *dir = conf_state(m->config);

	if (find_user(m, e))
		return -1;
	/* Below state the worker may write to its own folder alone; what root believes is in the
	 * other. */
	if (make_folder(dir, "", geteuid(), m->worker_gid, 0750, e) ||
	    make_folder(dir, "monitor", geteuid(), getegid(), 0700, e) ||
	    make_folder(dir, "worker", m->worker_uid, m->worker_gid, 0700, e))
		return -1;
	cgroup_find(m->cgroup, sizeof(m->cgroup));
	cgroup_divide(m->cgroup);
	cgroup_sweep(m->cgroup);
	return 0;
}

static int
drop_privileges(const struct monitor *m)
{
	uid_t uid = m->worker_uid;
	gid_t gid = m->worker_gid;

	/* Groups while it still may, the user last. */
	if (m->root && (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)))
		return -1;
	if (m->root && (setuid(0) == 0 || getuid() != uid || geteuid() != uid || getegid() != gid))
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* The configuration may be readable for root alone; it holds no secrets, so the worker gets a
 * copy. */
static int
copy_config(const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;

	if (file_read(path, CONF_MAX_BYTES, &text, &n, NULL))
		return -1;
	int fd = memfd_create("noded.yaml", MFD_CLOEXEC);
	if (fd < 0 || file_write_all(fd, text, n)) {
		mem_closep(&fd);
		return -1;
	}
	return fd;
}

/* The socket and the configuration at the numbers the worker expects them. */
static int
place_fds(int sock, int config)
{
	/* Out of the way first: one may stand at the other's number. */
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 10);
	config = fcntl(config, F_DUPFD_CLOEXEC, 10);
	if (sock < 0 || config < 0 || dup2(sock, MON_FD) < 0 || dup2(config, MON_CONFIG_FD) < 0)
		return -1;
	return close_range(MON_CONFIG_FD + 1, ~0u, 0);
}

static char *
writable(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void
run_worker(const struct monitor *m, int fd)
{
	char *argv[] = { writable(m->worker_path), writable("worker"),
		writable("--config=" MON_CONFIG_PATH), writable("--log-level"),
		writable(m->log_level), writable("--log-format"), writable(m->log_format), NULL };
	sigset_t none;

	if (place_fds(fd, copy_config(m->config_path)))
		_exit(127);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || drop_privileges(m))
		_exit(126);
	/* The signal of a dying parent is cleared by the change of user: ask again. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		_exit(126);
	sigemptyset(&none);
	/* Masks and ignored signals go through exec: the monitor blocks what it reads from
	 * signalfd. */
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* What the service manager hears is the monitor's word alone. */
	unsetenv("NOTIFY_SOCKET");
	execv(m->worker_path, argv);
	_exit(127);
}

pid_t
spawn_worker(struct monitor *m, int *ret_fd, struct err *e)
{
	int pair[2];

	if (mon_pair(pair))
		return err_errno(e, "cannot make the worker's socket");
	pid_t pid = fork();
	if (pid == 0)
		run_worker(m, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_errno(e, "cannot fork");
	}
	*ret_fd = pair[0];
	return pid;
}
