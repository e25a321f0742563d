/* SPDX-License-Identifier: Apache-2.0 */
/*
 * editor: by the shell, because $EDITOR may have arguments.
 */
#include "tctl/editor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { TEXT_MAX = 1 << 20 };

static int
run(const char *path, struct err *e)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return err_errno(e, "cannot start the editor");
	if (pid == 0) {
		/* The path is an argument of the script and no part of it: nothing in it is read as
		 * shell. */
		execl("/bin/sh", "sh", "-c", "eval \"exec ${VISUAL:-${EDITOR:-vi}} \\\"\\$1\\\"\"",
		    "sh", path, (char *)NULL);
		/* As a shell says "not found"; no atexit of the parent's may run here. */
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(e, "cannot wait for the editor");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(e, "the editor ended with an error; nothing was changed");
}

static int
write_all(int fd, const char *text, struct err *e)
{
	size_t n = strlen(text), at = 0;

	while (at < n) {
		ssize_t got = write(fd, text + at, n - at);

		if (got < 0 && errno != EINTR)
			return err_errno(e, "cannot write the text for the editor");
		if (got > 0)
			at += (size_t)got;
	}
	return 0;
}

int
editor_run(const char *text, char **ret, char path[EDITOR_PATH_MAX], struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	_cleanup_close_ int fd = -1;
	size_t n;
	int rc;

	/* .yaml, so that editors know what it is. */
	if (!str_format(path, EDITOR_PATH_MAX, "%s/tctl-XXXXXX.yaml", tmp && *tmp ? tmp : "/tmp"))
		return err_set(e, "TMPDIR: the path is too long");
	fd = mkstemps(path, strlen(".yaml"));
	if (fd < 0)
		return err_errno(e, "cannot make %s", path);
	/* The descriptor stays open, and the text is read again by name: editors replace the
	 * file. */
	rc = write_all(fd, text, e);
	if (rc == 0)
		rc = run(path, e);
	if (rc == 0)
		rc = file_read(path, TEXT_MAX, ret, &n, e);
	if (rc != 0)
		unlink(path);
	return rc;
}
