/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaper: see reaper.h. Called by keeper.c and forkserver.c; reads /proc and sends signals.
 *
 * Security: it races with processes that fork while they are killed. A signal to a process is seen
 * before its next fork returns, so each round leaves at most what was born during it, and that is
 * found in the next. Who keeps forking away must win every round; who kills, but once.
 */
#include "node/monitor/reaper.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/str.h"

int
reaper_adopt(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* The kernel's own list, as text: numbers with a blank behind each. False: this kernel has none. */
static bool
kill_listed(reaper_spare_fn spare, const void *arg)
{
	char path[64], text[4096];
	pid_t pid = 0;
	ssize_t n;

	str_format(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	/* At once, piece by piece: the longer a number waits, the likelier what it meant has forked. */
	while ((n = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + (text[i] - '0');
			} else if (pid > 0) {
				if (!spare || !spare(pid, arg))
					kill(pid, SIGKILL);
				pid = 0;
			}
		}
	close(fd);
	return true;
}

/* The fourth word of its stat; the second is its name in parentheses, which may hold anything. */
static pid_t
parent_of(const char *pid)
{
	char path[64], text[512];
	ssize_t n = -1;

	if (!str_format(path, sizeof(path), "/proc/%s/stat", pid))
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return 0;
	text[n] = '\0';
	const char *end = strrchr(text, ')');
	/* ") S 123" */
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

/* Kernels without that list (CONFIG_PROC_CHILDREN): all processes are looked at. */
static void
kill_found(reaper_spare_fn spare, const void *arg)
{
	DIR *d = opendir("/proc");

	if (!d)
		return;
	for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && parent_of(entry->d_name) == getpid() && (!spare || !spare(pid, arg)))
			kill(pid, SIGKILL);
	}
	closedir(d);
}

void
reaper_kill_children(reaper_spare_fn spare, const void *arg)
{
	if (!kill_listed(spare, arg))
		kill_found(spare, arg);
}
