/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh scp: copies files and folders to, from and between nodes, through the nodes' SFTP. This file: which places are
 * meant, and the sessions to them; the rest is copy.c.
 */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/str.h"
#include "tsh/copy.h"
#include "tsh/glob.h"
#include "tsh/proxy.h"
#include "tsh/tsh.h"

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

/* --- places --------------------------------------------------------------------------------- */

/* One side of the copy: a path here (host empty) or on a node. */
struct place {
	char login[256], host[256], path[SFTP_PATH_MAX];
};

/* "[user@]host:path"; a colon after a slash belongs to a local path, and [V6]:path is a host. */
static int
parse_place(const char *arg, struct place *ret)
{
	const char *slash = strchr(arg, '/'), *v6 = *arg == '[' ? arg : strstr(arg, "@["), *colon,
		   *at;
	const struct passwd *pw = getpwuid(getuid());

	*ret = (struct place){ .host = "" };
	if (v6 && memchr(arg, ':', (size_t)(v6 - arg)))
		v6 = NULL; /* it stands in the path */
	colon = v6 ? strstr(v6, "]:") : strchr(arg, ':');
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

/* "dir/" is dir; returns whether it was written so. */
static bool
trim(char *path)
{
	size_t n = strlen(path);
	bool slash = n > 1 && path[n - 1] == '/';

	for (; n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	return slash;
}

/* --- sessions ------------------------------------------------------------------------------- */

/* To one node as one login; kept until the end: the next source may be there too. */
struct session {
	struct session *next;
	struct side side;
	char login[256], host[256];
};

struct scp {
	struct profile *profile;
	struct proxy *proxy;
	struct loop *loop;
	struct session *sessions;
	struct copy copy;
};

static const struct side here = { .sftp = NULL, .host = "" };

/* NULL with e: the node cannot be reached. apart: not the session that this may be the other end of. */
static const struct side *
reach(struct scp *s, const struct place *p, const struct side *apart, struct err *e)
{
	struct session *n;

	if (!*p->host)
		return &here;
	for (n = s->sessions; n; n = n->next)
		if (strcasecmp(n->host, p->host) == 0 && strcmp(n->login, p->login) == 0 &&
		    &n->side != apart && !side_is_over(&n->side))
			return &n->side;
	if (!(n = calloc(1, sizeof *n))) {
		err_memory(e);
		return NULL;
	}
	(void)str_copy(n->login, sizeof n->login, p->login);
	(void)str_copy(n->host, sizeof n->host, p->host);
	n->side.host = n->host;
	if (sftp_open(&n->side.sftp, proxy_way(s->proxy), p->host, p->login, e) < 0) {
		free(n);
		return NULL;
	}
	n->next = s->sessions;
	s->sessions = n;
	return &n->side;
}

static void
close_all(struct scp *s)
{
	while (s->sessions) {
		struct session *n = s->sessions;

		s->sessions = n->next;
		sftp_free(n->side.sftp);
		free(n);
	}
	proxy_free(s->proxy);
	loop_free(s->loop);
	profile_free(s->profile);
}

/* --- the copies ----------------------------------------------------------------------------- */

struct target {
	const struct side *side;
	char path[SFTP_PATH_MAX];
	bool is_folder;
};

/* must: what is copied there needs a folder. */
static int
find_target(struct scp *s, const struct place *p, bool must, struct target *t, struct err *e)
{
	char path[SFTP_PATH_MAX];

	if (!(t->side = reach(s, p, NULL, e)) ||
	    (t->side->sftp                                 ? glob_home(t->side, p->path, path, e)
		    : str_copy(path, sizeof path, p->path) ? 0
							   : -1) < 0)
		return -1;
	must = trim(path) || must;
	(void)str_copy(t->path, sizeof t->path, path);
	t->is_folder = side_is_folder(t->side, t->path);
	if (must && !t->is_folder)
		return err_set(e, "%s is not a folder%s%s", t->path, t->side->sftp ? " on " : "",
		    t->side->host);
	return 0;
}

/* Into the target when that is a folder, else as the target. */
static int
copy_one(struct copy *c, const char *from, const struct target *t)
{
	char path[SFTP_PATH_MAX], real[SFTP_PATH_MAX];
	const char *name = side_base_name(from);
	struct err e;

	if (!t->is_folder)
		return copy_any(c, from, t->path);
	/* ".." has no name, and would lead out of the target. */
	if (strcmp(name, "..") == 0) {
		if (side_realpath(c->from, from, real, &e) < 0)
			return copy_failed(c, &e);
		(void)trim(real);
		name = side_base_name(real);
		/* A node's answer may lead out as well. */
		if (strcmp(name, "..") == 0) {
			err_set(&e, "%s: the node answered with a path that cannot be", from);
			return copy_failed(c, &e);
		}
	}
	return side_join(path, t->path, name, &e) < 0 ? copy_failed(c, &e)
						      : copy_any(c, from, path);
}

/* One word of the command line; it may mean many files. */
static int
copy_source(struct scp *s, const struct place *p, const struct target *t)
{
	struct copy *c = &s->copy;
	struct side_names l = { 0 };
	char path[SFTP_PATH_MAX];
	struct err e;
	int rc = 0;

	c->from = reach(s, p, t->side, &e);
	if (!c->from) {
		/* The other sources may be elsewhere. */
		c->from = &here;
		return copy_failed(c, &e);
	}
	(void)str_copy(path, sizeof path, p->path);
	if (c->from->sftp)
		rc = glob_home(c->from, p->path, path, &e);
	(void)trim(path);
	if (rc == 0 && c->from->sftp)
		rc = glob_expand(c->from, path, &l, &e);
	else if (rc == 0)
		rc = side_names_add(&l, path, false) < 0 ? err_memory(&e) : 0;
	if (rc == 0 && l.n > 1 && !t->is_folder)
		rc = err_set(&e, "%s matches %zu files, and %s is not a folder", p->path, l.n,
		    t->path);
	if (rc < 0) {
		side_names_done(&l);
		return copy_failed(c, &e);
	}
	for (size_t i = 0; rc == 0 && i < l.n; i++)
		rc = copy_one(c, l.v[i].name, t);
	side_names_done(&l);
	return rc;
}

static int
copy_all(struct scp *s, const struct place *places, int n)
{
	struct copy *c = &s->copy;
	struct target t;
	struct err e;
	int rc = 0;

	if (find_target(s, &places[n - 1], n > 2, &t, &e) < 0)
		return cli_fail_err(&e);
	c->to = t.side;
	for (int i = 0; rc == 0 && i < n - 1; i++)
		rc = copy_source(s, &places[i], &t);
	/* One failure stands there already; more may have scrolled away. */
	if (c->failed > 1 || (c->failed && c->copied))
		return cli_fail("%lu copied, %lu not: see above", c->copied, c->failed);
	return c->failed ? 1 : 0;
}

/* --- the verb ------------------------------------------------------------------------------- */

static int
connect_and_copy(struct scp *s, const struct place *places, int n)
{
	struct err e;
	int rc;

	if (loop_new(&s->loop) < 0)
		return cli_fail("out of memory");
	rc = proxy_open(&s->proxy, s->loop, s->profile, &e);
	if (rc == 0)
		rc = proxy_wait(s->proxy, &e);
	if (rc == PROXY_E_REFUSED)
		return tsh_refused(s->profile, &e);
	if (rc != 0)
		return cli_fail_err(&e);
	return copy_all(s, places, n);
}

int
cmd_scp(int argc, char **argv)
{
	struct place *places = calloc((size_t)argc, sizeof *places);
	struct scp s = { .copy = { .recursive = opt.recursive, .preserve = opt.preserve } };
	bool node = false;
	int rc = places ? 0 : cli_fail("out of memory");

	progress_init(&s.copy.progress, opt.quiet);
	for (int i = 0; rc == 0 && i < argc; i++) {
		rc = parse_place(argv[i], &places[i]);
		node = node || *places[i].host;
	}
	if (rc == 0 && !node)
		rc = cli_fail("no node named; write [user@]HOST:PATH on one side");
	/* Here to here is what cp is for. */
	for (int i = 0; rc == 0 && i < argc - 1; i++)
		if (!*places[i].host && !*places[argc - 1].host)
			rc = cli_fail("%s and %s are both here; use cp", argv[i], argv[argc - 1]);
	if (rc == 0)
		rc = (s.profile = tsh_profile()) ? connect_and_copy(&s, places, argc) : 1;
	close_all(&s);
	free(places);
	return rc;
}
