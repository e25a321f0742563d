/* SPDX-License-Identifier: Apache-2.0 */
/*
 * served: see served.h.
 */
#include "proxy/served.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define IN_NAMES "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.+~_-"

bool
served_is_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < SERVED_NAME_SIZE && strspn(s, IN_NAMES) == n && s[0] != '.' &&
	    s[0] != '-';
}

static int
read_whole(int fd, size_t n, char *bytes)
{
	size_t at = 0;

	while (at < n) {
		ssize_t r = read(fd, bytes + at, n - at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			errno = r < 0 ? errno : EIO; /* it was cut meanwhile */
			return -1;
		}
		at += (size_t)r;
	}
	return 0;
}

int
served_load(struct served *f, int folder, const char *name, size_t max, struct err *e)
{
	/* Not blocking: a pipe of that name would have start wait for somebody who writes. */
	_cleanup_close_ int fd = openat(folder, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	memset(f, 0, sizeof(*f));
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, "%s", name);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		return err_set(e, "%s is no regular file, or too large", name);
	f->n = (size_t)st.st_size;
	f->bytes = malloc(f->n + 1);
	if (!f->bytes)
		return err_memory(e);
	if (read_whole(fd, f->n, f->bytes) < 0)
		return err_errno(e, "%s", name);
	f->bytes[f->n] = '\0';
	(void)str_copy(f->name, sizeof(f->name), name);
	sha256_hex((struct span){ (const uint8_t *)f->bytes, f->n }, f->sum);
	return 0;
}

void
served_done(struct served *f)
{
	free(f->bytes);
	f->bytes = NULL;
}

int
served_is_index(const struct served *f, struct err *e)
{
	if (strlen(f->bytes) != f->n || !str_ends(f->bytes, "\n"))
		return err_set(e, "%s does not end with a line", f->name);
	return 0;
}

char *
served_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line;
}
