/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_nodes: see known_nodes.h. The file is small and read whole; a line is added by one write, so that programs that do
 * it at once lose none, and lines are taken out by writing a new file (a line that comes just then is lost with it: that name
 * is met anew).
 */
#include "profile/known_nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "profile/profile_priv.h"

enum { FILE_MAX = 4 << 20, NAME_SIZE = 256, UUID_LEN = 36 };

/* Content of the file, "" when there is none yet. */
static int
load(char path[PROFILE_PATH_MAX], char **ret, struct err *e)
{
	if (profile_home(path, "known_nodes", e) < 0)
		return -1;
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return file_read(path, FILE_MAX, ret, NULL, e);
	*ret = strdup("");
	return *ret ? 0 : err_memory(e);
}

/* "Web-1.example.com" as "web-1" in cluster example.com. False: no line could hold it. */
static bool
bare_name(const char *cluster, const char *name, char dst[NAME_SIZE])
{
	size_t n = strlen(name), tail = strlen(cluster);

	if (n > tail + 1 && name[n - tail - 1] == '.' && strcasecmp(name + n - tail, cluster) == 0)
		n -= tail + 1;
	if (n == 0 || n >= NAME_SIZE || strcspn(name, " \n") < n || strcspn(cluster, " \n") < tail)
		return false;
	for (size_t i = 0; i < n; i++)
		dst[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
	dst[n] = '\0';
	return true;
}

/* What stands behind "CLUSTER NAME " in the line; NULL: it is another's, or a full disk left a part of it. */
static const char *
uuid_in(const char *line, const char *cluster, const char *name)
{
	size_t c = strlen(cluster), n = strlen(name);

	if (strncmp(line, cluster, c) != 0 || line[c] != ' ' ||
	    strncmp(line + c + 1, name, n) != 0 || line[c + 1 + n] != ' ')
		return NULL;
	line += c + n + 2;
	return strcspn(line, "\n") == UUID_LEN ? line : NULL;
}

static const char *
next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

/* Whoever cannot write here knows nobody the next time, as without this file. */
static void
append(const char *path, const char *text, const char *cluster, const char *name, const char *uuid)
{
	/* Whoever edited it may have left the last line open. */
	bool new_line = *text && text[strlen(text) - 1] != '\n';
	char line[2 * NAME_SIZE + UUID_LEN + 8], home[PROFILE_PATH_MAX];
	int fd;

	if (!str_format(line, sizeof line, "%s%s %s %s\n", new_line ? "\n" : "", cluster, name,
		uuid) ||
	    strlen(text) + strlen(line) > FILE_MAX || profile_home(home, "", NULL) < 0 ||
	    file_mkdir(home, 0700, NULL) < 0)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	(void)file_write_all(fd, line, strlen(line));
	close(fd);
}

int
known_nodes_check(const char *cluster, const char *name, const char *uuid, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char path[PROFILE_PATH_MAX], bare[NAME_SIZE];
	const char *known = NULL;

	if (!bare_name(cluster, name, bare) || strlen(uuid) != UUID_LEN)
		return 0;
	if (load(path, &text, e) < 0)
		return -1;
	/* The first that is there counts: two programs may have met two machines at once. */
	for (const char *l = text; *l && !known; l = next_line(l))
		known = uuid_in(l, cluster, bare);
	if (!known) {
		append(path, text, cluster, bare, uuid);
		return 0;
	}
	if (memcmp(known, uuid, UUID_LEN) == 0)
		return 0;
	err_set(e,
	    "%s is another machine than before: it was %.*s and is %s; if it was set up anew, run tsh forget %s",
	    bare, UUID_LEN, known, uuid, bare);
	return KNOWN_NODES_E_OTHER;
}

int
known_nodes_forget(const char *cluster, const char *name, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char path[PROFILE_PATH_MAX], bare[NAME_SIZE];
	struct buf kept;
	bool found = false;
	int rc;

	if (!bare_name(cluster, name, bare))
		return KNOWN_NODES_NONE;
	if (load(path, &text, e) < 0)
		return -1;
	buf_init(&kept, FILE_MAX + 1);
	for (const char *l = text; *l; l = next_line(l)) {
		bool it = uuid_in(l, cluster, bare) != NULL;

		found |= it;
		if (!it)
			buf_put(&kept, l, (size_t)(next_line(l) - l));
	}
	rc = !found         ? KNOWN_NODES_NONE
	    : buf_ok(&kept) ? file_write(path, 0600, buf_head(&kept), kept.len, e)
			    : err_memory(e);
	buf_done(&kept);
	return rc;
}
