/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: makes, limits, enters and kills the cgroups of sessions. Called by spawn.c and keeper.c;
 * writes below /sys/fs/cgroup.
 */
#include "node/monitor/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* A tenth of a second at most: the keeper waits here, and the monitor's sweep comes for what is
 * left. */
enum { REMOVE_TRIES = 5, REMOVE_PAUSE_MS = 20 };

/* Where the monitor and the worker are, beside the sessions. */
#define OWN "/noded"

/* Our cgroup in the v2 hierarchy, the line "0::/path" of /proc/self/cgroup. */
static bool
own_path(char *dst, size_t size)
{
	char text[4096];
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	mem_closep(&fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return false;
	line += line == text ? 3 : 4;
	line[strcspn(line, "\n")] = '\0';
	/* A monitor that was started by one before it, in its place. */
	if (str_ends(line, OWN))
		line[strlen(line) - strlen(OWN)] = '\0';
	return str_copy(dst, size, line);
}

void
cgroup_find(char *dst, size_t size)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char path[400], procs[512];

	dst[0] = '\0';
	if (!own_path(path, sizeof(path)) || strcmp(path, "/") == 0)
		return; /* the root cgroup is not ours to divide */
	for (size_t i = 0; i < 2; i++) {
		if (!str_format(procs, sizeof(procs), "%s%s/cgroup.procs", mounts[i], path))
			return;
		/* Without the right to write there (not delegated, in a container) sessions get
		 * no cgroup: dst stays empty, and everything below does nothing for it. */
		if (access(procs, W_OK) == 0 && !str_format(dst, size, "%s%s", mounts[i], path))
			dst[0] = '\0';
		if (dst[0])
			return;
	}
}

static bool
put(const char *dir, const char *name, const char *text)
{
	char path[640];

	if (!str_format(path, sizeof(path), "%s/%s", dir, name))
		return false;
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool ok = file_write_all(fd, text, strlen(text)) == 0;
	close(fd);
	return ok;
}

void
cgroup_divide(const char *parent)
{
	static const char *const controllers[] = { "+pids", "+memory", "+cpu" };
	char own[640];

	if (!parent[0] || !str_format(own, sizeof(own), "%s" OWN, parent))
		return;
	if ((mkdir(own, 0755) != 0 && errno != EEXIST) || !put(own, "cgroup.procs", "0"))
		return;
	/* One by one: the manager above may have given us some of them. With cpu every session gets a
	 * share of its own, and so do we. */
	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		(void)put(parent, "cgroup.subtree_control", controllers[i]);
}

bool
cgroup_make(const char *parent, const char *uuid, const struct cgroup_limits *limits, char *dst,
    size_t size)
{
	char text[32];

	dst[0] = '\0';
	if (!parent[0] || !str_format(dst, size, "%s/session-%s", parent, uuid))
		return false;
	if (mkdir(dst, 0755) != 0) {
		dst[0] = '\0';
		return false;
	}
	(void)str_format(text, sizeof(text), "%llu", (unsigned long long)limits->memory);
	(void)put(dst, "memory.max", text);
	(void)str_format(text, sizeof(text), "%llu", (unsigned long long)limits->processes);
	return put(dst, "pids.max", text);
}

void
cgroup_enter(const char *path)
{
	if (path[0])
		(void)put(path, "cgroup.procs", "0");
}

/* False: there is none, or the kernel has no cgroup.kill (Linux 5.14 has). */
bool
cgroup_kill(const char *path)
{
	return path[0] && put(path, "cgroup.kill", "1");
}

void
cgroup_remove(const char *path)
{
	/* What was killed with the session is gone in a moment. */
	for (int i = 0; path[0] && i < REMOVE_TRIES && rmdir(path) != 0 && errno == EBUSY; i++)
		poll(NULL, 0, REMOVE_PAUSE_MS);
}

/* rmdir does nothing to one in which processes are. */
void
cgroup_sweep(const char *parent)
{
	char path[1024];
	DIR *d = parent[0] ? opendir(parent) : NULL;

	if (!d)
		return;
	for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
		if (str_starts(entry->d_name, "session-") &&
		    str_format(path, sizeof(path), "%s/%s", parent, entry->d_name))
			rmdir(path);
	closedir(d);
}
