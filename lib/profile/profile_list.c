/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_list: all logins, and which of them is meant. Called by tsh and tctl; touches only the folder of credentials.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "profile/profile_priv.h"

enum { LOGINS_MAX = 4096 };

/* --- all of them ---------------------------------------------------------------------------- */

void
profile_list_done(struct profile_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		profile_free(l->all[i]);
	free(l->all);
	*l = (struct profile_list){ 0 };
}

/* Folders are logins, whatever is in them. */
static int
add(struct profile_list *l, const char *proxy, const char *user, const char *current, struct err *e)
{
	char dir[PROFILE_PATH_MAX], name[PROFILE_PATH_MAX];
	struct profile **more;
	struct stat st;

	if (profile_dir(proxy, user, dir, NULL) < 0 || lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	if (l->n == LOGINS_MAX)
		return err_set(e, "more than %d logins; end some with tsh logout", LOGINS_MAX);
	more = reallocarray(l->all, l->n + 1, sizeof *more);
	if (!more)
		return err_memory(e);
	l->all = more;
	if (!(l->all[l->n] = profile_open(proxy, user)))
		return err_memory(e);
	l->all[l->n++]->current = str_format(name, sizeof name, "%s/%s", proxy, user) &&
	    strcmp(name, current) == 0;
	return 0;
}

/* Calls each for the names in a folder; one that is not there has none. */
static int
each_name(const char *path, int (*each)(const char *name, void *arg), void *arg, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *de;
	int rc = 0;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0
							   : err_errno(e, "cannot read %s", path);
	while (rc == 0 && (de = readdir(d)))
		if (*de->d_name != '.')
			rc = each(de->d_name, arg);
	closedir(d);
	return rc;
}

struct walk {
	struct profile_list *list;
	const char *current, *proxy;
	struct err *e;
};

static int
on_user(const char *user, void *arg)
{
	const struct walk *w = arg;

	return add(w->list, w->proxy, user, w->current, w->e);
}

static int
on_proxy(const char *proxy, void *arg)
{
	struct walk *w = arg;
	char dir[PROFILE_PATH_MAX], below[PROFILE_PATH_MAX];

	if (!str_format(below, sizeof below, "keys/%s", proxy) ||
	    profile_home(dir, below, w->e) < 0)
		return -1;
	w->proxy = proxy;
	return each_name(dir, on_user, w, w->e);
}

static int
by_name(const void *a, const void *b)
{
	const struct profile *p = *(struct profile *const *)a, *q = *(struct profile *const *)b;
	int order = strcmp(p->proxy, q->proxy);

	return order ? order : strcmp(p->user, q->user);
}

int
profile_list(struct profile_list *ret, struct err *e)
{
	char path[PROFILE_PATH_MAX];
	_cleanup_free_ char *current = NULL;
	struct walk w = { .list = ret, .e = e };
	size_t n;

	*ret = (struct profile_list){ 0 };
	if (profile_home(path, "current", e) < 0)
		return -1;
	/* Without it, or when it is damaged, no login is the current one. */
	if (file_read(path, PROFILE_PATH_MAX, &current, &n, NULL) == 0)
		current[strcspn(current, "\n")] = '\0';
	w.current = current ? current : "";
	if (profile_home(path, "keys", e) < 0 || each_name(path, on_proxy, &w, e) < 0) {
		profile_list_done(ret);
		return -1;
	}
	if (ret->n > 0)
		qsort(ret->all, ret->n, sizeof *ret->all, by_name);
	return 0;
}

/* --- the one that is meant ------------------------------------------------------------------ */

/* What was said; NULL for what was not. */
struct choice {
	const char *proxy, *user;
};

static bool
fits(const struct profile *p, const struct choice *c)
{
	return (!c->proxy || strcmp(p->proxy, c->proxy) == 0) &&
	    (!c->user || strcmp(p->user, c->user) == 0);
}

/* "alice at tele.example.com:3080, bob at ..." */
static void
name_them(const struct profile_list *l, const struct choice *c, char *dst, size_t size)
{
	size_t at = 0;

	*dst = '\0';
	for (size_t i = 0; i < l->n && at + 1 < size; i++) {
		if (!fits(l->all[i], c))
			continue;
		(void)str_format(dst + at, size - at, "%s%s at %s", at ? ", " : "", l->all[i]->user,
		    l->all[i]->proxy);
		at += strlen(dst + at);
	}
}

static int
none_fits(const struct profile_list *l, const struct choice *c, struct err *e)
{
	const struct choice elsewhere = { .user = c->user };
	char others[256];

	name_them(l, &elsewhere, others, sizeof others);
	if (c->user && *others)
		return err_set(e,
		    "%s is not logged in to %s, but is: %s; run tsh login --proxy=%s --user=%s, or name "
		    "the proxy of another login with --proxy",
		    c->user, c->proxy, others, c->proxy, c->user);
	return err_set(e, "%s%s; run tsh login --proxy=%s --user=%s", c->user ? c->user : "",
	    c->user ? " is not logged in" : "not logged in", c->proxy ? c->proxy : "HOST:PORT",
	    c->user ? c->user : "NAME");
}

/* The index of the login that is meant. */
static int
choose(const struct profile_list *l, struct choice c, struct err *e)
{
	int found = -1;
	char names[256];

	for (size_t i = 0; i < l->n; i++)
		if (l->all[i]->current && fits(l->all[i], &c))
			return (int)i;
	/* A user alone is that user at the proxy in use, and never at another by accident. */
	for (size_t i = 0; i < l->n && !c.proxy && c.user; i++)
		if (l->all[i]->current)
			c.proxy = l->all[i]->proxy;
	for (size_t i = 0; i < l->n; i++) {
		if (!fits(l->all[i], &c))
			continue;
		if (found >= 0) {
			name_them(l, &c, names, sizeof names);
			return err_set(e,
			    "several logins fit: %s; choose with --proxy and --user, or make one the "
			    "current with tsh login",
			    names);
		}
		found = (int)i;
	}
	return found >= 0 ? found : none_fits(l, &c, e);
}

int
profile_find(struct profile **ret, const char *proxy, const char *user, struct err *e)
{
	char normal[PROFILE_PROXY_MAX];
	struct profile_list l;
	int i;

	*ret = NULL;
	if (proxy && profile_proxy(proxy, normal, e) < 0)
		return -1;
	if (profile_list(&l, e) < 0)
		return -1;
	i = choose(&l, (struct choice){ proxy ? normal : NULL, user }, e);
	if (i >= 0) {
		*ret = l.all[i];
		l.all[i] = NULL; /* profile_free of NULL is fine */
	}
	profile_list_done(&l);
	return i < 0 ? -1 : 0;
}

int
profile_load(struct profile **ret, const char *proxy, const char *user, struct err *e)
{
	if (profile_find(ret, proxy, user, e) < 0)
		return -1;
	if (!(*ret)->damaged)
		return 0;
	(void)profile_check(*ret, e);
	profile_free(*ret);
	*ret = NULL;
	return -1;
}

int
profile_load_valid(struct profile **ret, const char *proxy, const char *user, struct err *e)
{
	return profile_find(ret, proxy, user, e) < 0 ? -1 : profile_check(*ret, e);
}

int
profile_use(const struct profile *p, struct err *e)
{
	char path[PROFILE_PATH_MAX], name[PROFILE_PATH_MAX];

	if (!str_format(name, sizeof name, "%s/%s\n", p->proxy, p->user))
		return err_set(e, "the name of the login is too long");
	return profile_home(path, "current", e) < 0 ? -1
						    : file_write(path, 0600, name, strlen(name), e);
}

/* --- the end of one ------------------------------------------------------------------------- */

struct folder {
	int fd;
};

static int
remove_file(const char *name, void *arg)
{
	const struct folder *f = arg;

	/* A folder in it is nobody's doing here: it stays, and with it the login's folder. */
	(void)unlinkat(f->fd, name, 0);
	return 0;
}

int
profile_remove(const struct profile *p, struct err *e)
{
	char dir[PROFILE_PATH_MAX], current[PROFILE_PATH_MAX];
	struct folder f;
	int rc;

	if (profile_dir(p->proxy, p->user, dir, e) < 0)
		return -1;
	/* O_NOFOLLOW: a link in its place must not turn this on another folder. */
	f.fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f.fd < 0)
		return err_errno(e, "cannot open %s", dir);
	/* Also what a write that was cut off left behind: it may be a key. */
	rc = each_name(dir, remove_file, &f, e);
	close(f.fd);
	if (rc < 0)
		return -1;
	if (rmdir(dir) < 0)
		return err_errno(e, "cannot remove %s", dir);
	if (p->current && profile_home(current, "current", NULL) == 0)
		(void)unlink(current);
	/* The proxy's folder goes with its last login. */
	*strrchr(dir, '/') = '\0';
	(void)rmdir(dir);
	return 0;
}
