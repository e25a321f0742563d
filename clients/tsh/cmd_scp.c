/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh scp: copies files and folders to and from nodes, through the nodes' SFTP.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "session/sftp.h"
#include "tsh/proxy.h"
#include "tsh/tsh.h"

enum { DEPTH_MAX = 128, NAMES_MAX = 1 << 20 };

static struct {
	const char *login;
	int64_t port;
	bool recursive, preserve, quiet;
} opt;

const struct cli_option cmd_scp_options[] = {
	{ 'r', "recursive", NULL, "copy folders with all that is in them", CLI_FLAG,
	    &opt.recursive },
	{ 'p', "preserve", NULL, "keep permissions and times", CLI_FLAG, &opt.preserve },
	{ 'q', "quiet", NULL, "no progress", CLI_FLAG, &opt.quiet },
	{ 'l', "login", "USER", "Unix user to log in as", CLI_STRING, &opt.login,
	    "SALLYPORT_LOGIN" },
	{ 'P', "port", "PORT", "ignored; for people who are used to it", CLI_INT, &opt.port },
	{ 0 },
};

/* One side of the copy: a path here (host empty) or on a node. */
struct place {
	char login[256], host[256], path[SFTP_PATH_MAX];
};

struct copy {
	struct sftp *sftp;
	char name[64]; /* of the file under way, for progress; a hostile node chooses it */
	int64_t began_ms, shown_ms;
	int fd;        /* of that file, here */
	uint64_t size; /* of it, as stat says */
	struct err e;
};

/* "[user@]host:path"; a colon after a slash belongs to a local path, and [V6]:path is a host. */
static int
parse_place(const char *arg, struct place *ret)
{
	const char *slash = strchr(arg, '/'), *colon, *at;
	const struct passwd *pw = getpwuid(getuid());

	*ret = (struct place){ .host = "" };
	colon = *arg == '[' || strstr(arg, "@[") ? strstr(arg, "]:") : strchr(arg, ':');
	if (colon && *colon == ']')
		colon++;
	if (!colon || (slash && slash < colon))
		return str_copy(ret->path, sizeof ret->path, arg)
		    ? 0
		    : cli_fail("path too long: %s", arg);
	at = memrchr(arg, '@', (size_t)(colon - arg));
	if (!(at ? str_format(ret->login, sizeof ret->login, "%.*s", (int)(at - arg), arg)
		 : str_copy(ret->login, sizeof ret->login,
		       opt.login ? opt.login
			   : pw  ? pw->pw_name
				 : "root")))
		return cli_fail("user name too long: %s", arg);
	at = at ? at + 1 : arg;
	if (!str_format(ret->host, sizeof ret->host, "%.*s", (int)(colon - at), at) ||
	    !*ret->host || !str_copy(ret->path, sizeof ret->path, colon[1] ? colon + 1 : "."))
		return cli_fail("%s names no file on a node; write [user@]HOST:PATH", arg);
	return 0;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* "dir/" is dir when it is a source. */
static void
trim(char *path)
{
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
}

static int
join(char *dst, const char *dir, const char *name, struct err *e)
{
	size_t n = strlen(dir);

	if (str_format(dst, SFTP_PATH_MAX, "%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name))
		return 0;
	return err_set(e, "path too long: %s/%s", dir, name);
}

/* --- progress ------------------------------------------------------------------------------------ */

static void
show(struct copy *c, uint64_t done, uint64_t total, bool last)
{
	int64_t now = clock_mono_ms();
	double seconds = (double)(now - c->began_ms + 1) / 1000.0;

	if (opt.quiet || !isatty(STDERR_FILENO) || (!last && now - c->shown_ms < 200))
		return;
	c->shown_ms = now;
	fprintf(stderr, "\r%-40.40s %3d%% %10.1f MB %8.1f MB/s%s", c->name,
	    total ? (int)(done * 100 / total > 100 ? 100 : done * 100 / total) : 100,
	    (double)done / 1e6, (double)done / 1e6 / seconds, last ? "\n" : "");
}

static void
on_progress(uint64_t done, void *arg)
{
	struct copy *c = arg;

	show(c, done, c->size, false);
}

/* For the line of progress. */
static void
begin(struct copy *c, const char *path)
{
	const char *name = base_name(path);

	str_clean(c->name, sizeof c->name, name, strlen(name));
	c->began_ms = c->shown_ms = clock_mono_ms();
}

/* --- from a node -------------------------------------------------------------------------------------- */

static int get_any(struct copy *c, const char *from, const char *to, int depth);

/* What a node says about modes: never more than the three triples, so that no copy is set-user-ID; and without -p no
 * more than our umask leaves. */
static mode_t
local_mode(uint32_t mode)
{
	mode_t mask = umask(0);

	(void)umask(mask);
	return mode & 0777 & (opt.preserve ? 0777 : ~mask);
}

static int
store(uint64_t offset, struct span data, struct err *e, void *arg)
{
	const struct copy *c = arg;

	while (data.n > 0) {
		ssize_t n = pwrite(c->fd, data.p, data.n, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(e, "cannot write");
		offset += (uint64_t)n;
		data.p += n;
		data.n -= (size_t)n;
	}
	return 0;
}

/* 0, or negative with c->e. What was written before a failure stays: it may be most of a large
 * file. */
static int
get_file(struct copy *c, const char *from, const char *to, const struct sftp_attrs *attrs)
{
	mode_t mode = attrs->has_mode ? attrs->mode & 0777 : 0666;
	struct sftp_transfer t = {
		.path = from,
		.size = attrs->has_size ? attrs->size : 0,
		.store = store,
		.progress = on_progress,
		.arg = c,
	};
	int rc;

	c->size = t.size;
	c->fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (c->fd < 0)
		return err_errno(&c->e, "cannot create %s", to);
	begin(c, from);
	rc = sftp_get(c->sftp, &t, &c->e);
	if (rc == 0 && opt.preserve && attrs->has_times) {
		struct timespec times[2] = { { .tv_sec = attrs->atime },
			{ .tv_sec = attrs->mtime } };

		if (attrs->has_mode)
			(void)fchmod(c->fd, local_mode(attrs->mode));
		(void)futimens(c->fd, times);
	}
	/* NFS and quotas tell of a write that failed only here. */
	if (close(c->fd) < 0 && rc == 0)
		rc = err_errno(&c->e, "cannot write %s", to);
	if (rc == 0)
		show(c, t.size, t.size, true);
	return rc;
}

/* Names first, then their content: the list's handle is not kept open over a tree. */
struct names {
	char **name;
	size_t n;
};

static int
on_name(const char *name, const struct sftp_attrs *attrs, void *arg)
{
	struct names *l = arg;
	char **more;

	(void)attrs;
	/* A node that never ends its list must not use up this machine's memory. */
	if (l->n >= NAMES_MAX)
		return -1;
	/* Full at each power of two. */
	if ((l->n & (l->n - 1)) == 0) {
		more = realloc(l->name, (l->n ? l->n * 2 : 1) * sizeof *more);
		if (!more)
			return -1;
		l->name = more;
	}
	if (!(l->name[l->n] = strdup(name)))
		return -1;
	l->n++;
	return 0;
}

static void
names_done(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
}

static int
get_folder(struct copy *c, const char *from, const char *to, const struct sftp_attrs *attrs,
    int depth)
{
	struct names l = { 0 };
	char a[SFTP_PATH_MAX], b[SFTP_PATH_MAX];
	bool made;
	int rc;

	if (!opt.recursive)
		return err_set(&c->e, "%s is a folder; use -r", from);
	/* Nobody else looks in before the last file has its mode. */
	made = mkdir(to, 0700) == 0;
	if (!made && errno != EEXIST)
		return err_errno(&c->e, "cannot create %s", to);
	rc = sftp_list(c->sftp, from, on_name, &l, &c->e);
	for (size_t i = 0; rc == 0 && i < l.n; i++)
		rc = join(a, from, l.name[i], &c->e) < 0 || join(b, to, l.name[i], &c->e) < 0
		    ? -1
		    : get_any(c, a, b, depth + 1);
	names_done(&l);
	/* A folder that was here keeps its mode: the node must not open it to others. */
	if (rc == 0 && attrs->has_mode && (made || opt.preserve))
		(void)chmod(to, local_mode(attrs->mode));
	return rc;
}

/* Follows links on the node, as scp does; DEPTH_MAX ends loops of them. */
static int
get_any(struct copy *c, const char *from, const char *to, int depth)
{
	struct sftp_attrs attrs = { 0 };

	if (depth > DEPTH_MAX)
		return err_set(&c->e, "%s: folders nest too deep (a loop of links?)", from);
	if (sftp_stat(c->sftp, from, &attrs, &c->e) < 0)
		return -1;
	if (attrs.has_mode && S_ISDIR(attrs.mode))
		return get_folder(c, from, to, &attrs, depth);
	return get_file(c, from, to, &attrs);
}

static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* many: several sources go to one place, which must then be a folder. */
static int
get_one(struct copy *c, const char *from, const char *to, bool many)
{
	char path[SFTP_PATH_MAX];

	if (many && !is_folder(to))
		return err_set(&c->e, "%s is not a folder", to);
	if (!is_folder(to))
		return get_any(c, from, to, 0);
	return join(path, to, base_name(from), &c->e) < 0 ? -1 : get_any(c, from, path, 0);
}

/* The last part of a path may hold wildcards. */
static int
get_glob(struct copy *c, const char *from, const char *to, bool many)
{
	const char *pattern = base_name(from);
	char dir[SFTP_PATH_MAX], path[SFTP_PATH_MAX];
	struct names l = { 0 };
	size_t matched = 0;
	int rc;

	/* Matched here and not on the node: a node that answers with other names than were asked
	 * for (CVE-2019-6111) gets none of them written. */
	if (!strpbrk(pattern, "*?["))
		return get_one(c, from, to, many);
	(void)str_format(dir, sizeof dir, "%.*s", (int)(pattern - from), from);
	rc = sftp_list(c->sftp, *dir ? dir : ".", on_name, &l, &c->e);
	for (size_t i = 0; rc == 0 && i < l.n; i++)
		matched += fnmatch(pattern, l.name[i], FNM_PERIOD) == 0;
	for (size_t i = 0; rc == 0 && i < l.n; i++) {
		if (fnmatch(pattern, l.name[i], FNM_PERIOD) != 0)
			continue;
		rc = *dir                                    ? join(path, dir, l.name[i], &c->e)
		    : str_copy(path, sizeof path, l.name[i]) ? 0
							     : -1;
		if (rc == 0)
			rc = get_one(c, path, to, many || matched > 1);
	}
	names_done(&l);
	return rc == 0 && matched == 0 ? err_set(&c->e, "%s: nothing matches", from) : rc;
}

/* --- to a node ------------------------------------------------------------------------------------------ */

static int put_any(struct copy *c, const char *from, const char *to, int depth);

static ssize_t
load(uint8_t *p, size_t n, struct err *e, void *arg)
{
	const struct copy *c = arg;
	ssize_t got;

	do
		got = read(c->fd, p, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_errno(e, "cannot read") : got;
}

/* opt.preserve: modes and times are set afterwards, since writing changes the times. */
static int
put_file(struct copy *c, const char *from, const char *to, const struct stat *st)
{
	struct sftp_transfer t = {
		.path = to,
		.mode = st->st_mode & 0777,
		.size = (uint64_t)st->st_size,
		.load = load,
		.progress = on_progress,
		.arg = c,
	};
	struct sftp_attrs attrs = {
		.has_mode = true,
		.has_times = true,
		.mode = st->st_mode,
		.atime = (uint32_t)st->st_atime,
		.mtime = (uint32_t)st->st_mtime,
	};
	int rc;

	c->size = t.size;
	c->fd = open(from, O_RDONLY | O_CLOEXEC);
	if (c->fd < 0)
		return err_errno(&c->e, "cannot read %s", from);
	begin(c, from);
	rc = sftp_put(c->sftp, &t, &c->e);
	close(c->fd);
	if (rc == 0 && opt.preserve)
		rc = sftp_setstat(c->sftp, to, &attrs, &c->e);
	if (rc == 0)
		show(c, t.size, t.size, true);
	return rc;
}

static int
put_folder(struct copy *c, const char *from, const char *to, const struct stat *st, int depth)
{
	struct sftp_attrs attrs = { 0 };
	char a[SFTP_PATH_MAX], b[SFTP_PATH_MAX];
	struct dirent *de;
	int rc = 0;
	DIR *d;

	if (!opt.recursive)
		return err_set(&c->e, "%s is a folder; use -r", from);
	if (sftp_stat(c->sftp, to, &attrs, NULL) < 0 &&
	    /* We must be able to write into it, whatever the mode here. */
	    sftp_mkdir(c->sftp, to, (st->st_mode & 0777) | 0700, &c->e) < 0)
		return -1;
	if (!(d = opendir(from)))
		return err_errno(&c->e, "cannot read %s", from);
	while (rc == 0 && (de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			rc = join(a, from, de->d_name, &c->e) < 0 ||
				join(b, to, de->d_name, &c->e) < 0
			    ? -1
			    : put_any(c, a, b, depth + 1);
	closedir(d);
	return rc;
}

static int
put_any(struct copy *c, const char *from, const char *to, int depth)
{
	struct stat st;

	if (depth > DEPTH_MAX)
		return err_set(&c->e, "%s: folders nest too deep (a loop of links?)", from);
	if (stat(from, &st) < 0)
		return err_errno(&c->e, "cannot read %s", from);
	if (S_ISDIR(st.st_mode))
		return put_folder(c, from, to, &st, depth);
	/* A FIFO would wait for a writer, and a device has no end. */
	if (!S_ISREG(st.st_mode))
		return err_set(&c->e, "%s is neither a file nor a folder", from);
	return put_file(c, from, to, &st);
}

/* many: as in get_one. */
static int
put_one(struct copy *c, const char *from, const char *to, bool many)
{
	struct sftp_attrs attrs = { 0 };
	char path[SFTP_PATH_MAX];
	bool folder = sftp_stat(c->sftp, to, &attrs, NULL) == 0 && attrs.has_mode &&
	    S_ISDIR(attrs.mode);

	if (many && !folder)
		return err_set(&c->e, "%s is not a folder on the node", to);
	if (!folder)
		return put_any(c, from, to, 0);
	return join(path, to, base_name(from), &c->e) < 0 ? -1 : put_any(c, from, path, 0);
}

/* --- the verb ---------------------------------------------------------------------------------------------- */

static int
copy_all(struct sftp *sftp, int argc, char **argv, const struct place *to)
{
	struct copy c = { .sftp = sftp };
	struct place from;
	int rc = 0;

	for (int i = 0; i < argc - 1; i++) {
		if (parse_place(argv[i], &from) != 0)
			return 1;
		trim(from.path);
		if (*from.host ? get_glob(&c, from.path, to->path, argc > 2)
			       : put_one(&c, from.path, to->path, argc > 2))
			/* Told, and on to the next source. */
			rc = cli_fail_err(&c.e);
	}
	return rc;
}

/* All sources are here and the target is on a node, or all sources are on one node and the target is here. */
static int
find_node(int argc, char **argv, struct place *node, struct place *to)
{
	struct place p;

	if (parse_place(argv[argc - 1], to) != 0)
		return 1;
	/* Stays without a host until a source names one. */
	*node = *to;
	for (int i = 0; i < argc - 1; i++) {
		if (parse_place(argv[i], &p) != 0)
			return 1;
		if (*p.host && *to->host)
			return cli_fail(
			    "one side of the copy must be here; copy to here first, then from here");
		if (*p.host && *node->host &&
		    (strcmp(p.host, node->host) != 0 || strcmp(p.login, node->login) != 0))
			return cli_fail("all files must come from one node");
		if (*p.host)
			*node = p;
		else if (!*to->host)
			return cli_fail("no node named; write [user@]HOST:PATH on one side");
	}
	return 0;
}

int
cmd_scp(int argc, char **argv)
{
	struct profile *p = NULL;
	struct proxy *proxy = NULL;
	struct sftp *sftp = NULL;
	struct loop *loop = NULL;
	struct place node, to;
	struct err e;
	int rc = find_node(argc, argv, &node, &to);

	if (rc != 0)
		return rc;
	if (!(p = tsh_profile()))
		return 1;
	if (loop_new(&loop) < 0)
		rc = cli_fail("out of memory");
	else if ((rc = proxy_open(&proxy, loop, p, &e)) == PROXY_E_REFUSED)
		rc = tsh_refused(p, &e);
	else if (rc != 0 || sftp_open(&sftp, proxy_way(proxy), node.host, node.login, &e) < 0)
		rc = cli_fail_err(&e);
	else
		rc = copy_all(sftp, argc, argv, &to);
	sftp_free(sftp);
	proxy_free(proxy);
	loop_free(loop);
	profile_free(p);
	return rc;
}
