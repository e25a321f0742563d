/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile: the folder of credentials below the home folder. Called by tsh and tctl; touches only that folder.
 */
#include "profile/profile.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { FILE_MAX = 65536, ITEMS_MAX = 64 };

/* --- paths ------------------------------------------------------------------------------- */

/* SALLYPORT_HOME as it is, or .sallyport in the home folder. */
static int
home(char *dst, size_t size, struct err *e)
{
	const char *own = getenv("SALLYPORT_HOME"), *h = getenv("HOME");
	const struct passwd *pw;

	if (own && *own)
		return str_copy(dst, size, own) ? 0 : err_set(e, "SALLYPORT_HOME is too long");
	if (!h || !*h) {
		/* No HOME in a cron job or a container: the user's entry has it. */
		pw = getpwuid(getuid());
		h = pw ? pw->pw_dir : "/";
	}
	return str_format(dst, size, "%s/.sallyport", h)
	    ? 0
	    : err_set(e, "the home folder's name is too long");
}

/* The host part of a proxy address names the profile. */
static int
name_of(const char *proxy, char *dst, size_t size, struct err *e)
{
	uint16_t port;

	/* It becomes the name of files: nothing in it may lead out of the folder. */
	if (!str_host_port(proxy, 3080, dst, size, &port) || strchr(dst, '/') || *dst == '.')
		return err_set(e, "%s is not the address of a proxy; write HOST:PORT", proxy);
	return 0;
}

/* dst holds PROFILE_PATH_MAX bytes. */
static int
yaml_path(const char *name, char *dst, struct err *e)
{
	char dir[PROFILE_PATH_MAX];

	if (home(dir, sizeof dir, e) < 0)
		return -1;
	return str_format(dst, PROFILE_PATH_MAX, "%s/%s.yaml", dir, name)
	    ? 0
	    : err_set(e, "path too long");
}

int
profile_path(const struct profile *p, enum profile_file which, bool make, char *dst, struct err *e)
{
	static const char *const personal[] = {
		[PROFILE_SSH_KEY] = "",
		[PROFILE_SSH_CERT] = "-cert.pub",
		[PROFILE_TLS_KEY] = ".key",
		[PROFILE_TLS_CERT] = ".crt",
	};
	static const char *const common[] = {
		[PROFILE_CA] = "ca.pem",
		[PROFILE_USER_CA] = "user_ca.pem",
		[PROFILE_KNOWN_HOSTS] = "known_hosts",
	};
	char dir[PROFILE_PATH_MAX], keys[PROFILE_PATH_MAX];
	bool fits;

	if (home(dir, sizeof dir, e) < 0 || (make && file_mkdir(dir, 0700, e) < 0))
		return -1;
	if (!str_format(keys, sizeof keys, "%s/keys/%s", dir, p->name))
		return err_set(e, "path too long");
	if (make && file_mkdir(keys, 0700, e) < 0)
		return -1;
	if (which <= PROFILE_TLS_CERT)
		fits = str_format(dst, PROFILE_PATH_MAX, "%s/%s%s", keys, p->user, personal[which]);
	else
		fits = str_format(dst, PROFILE_PATH_MAX, "%s/%s", keys, common[which]);
	return fits ? 0 : err_set(e, "path too long");
}

int
profile_read(const struct profile *p, enum profile_file which, char **ret, struct err *e)
{
	char path[PROFILE_PATH_MAX];
	size_t n;

	if (profile_path(p, which, false, path, e) < 0)
		return -1;
	if (file_read(path, FILE_MAX, ret, &n, e) < 0)
		return err_prefix(e, "your profile is incomplete, run tsh login again");
	return 0;
}

int
profile_write(const struct profile *p, enum profile_file which, const char *text, struct err *e)
{
	char path[PROFILE_PATH_MAX];

	if (profile_path(p, which, true, path, e) < 0)
		return -1;
	return file_write(path, 0600, text, strlen(text), e);
}

/* --- the profile's own file: YAML of the plainest kind, "key: value" and "key: [a, b]" ------------- */

static void
free_items(char **items, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(items[i]);
	free(items);
}

void
profile_free(struct profile *p)
{
	if (!p)
		return;
	free(p->name);
	free(p->proxy);
	free(p->ssh_addr);
	free(p->user);
	free(p->cluster);
	free_items(p->roles, p->roles_count);
	free_items(p->logins, p->logins_count);
	free_items(p->extensions, p->extensions_count);
	free(p);
}

/* Lists that are damaged stay empty: they are for show, what a login may do stands in its
 * certificate. */
static void
parse_items(char *value, char ***ret, unsigned *ret_n)
{
	char *parts[ITEMS_MAX];
	size_t n, len = strlen(value);

	if (len < 2 || value[0] != '[' || value[len - 1] != ']' || *ret)
		return;
	value[len - 1] = '\0';
	n = str_split(value + 1, ',', parts, ITEMS_MAX);
	if (!(*ret = calloc(n + 1, sizeof **ret)))
		return;
	for (size_t i = 0; i < n; i++)
		if (((*ret)[*ret_n] = strdup(parts[i])))
			(*ret_n)++;
}

static void
parse_line(struct profile *p, char *key, char *value)
{
	char **text = !strcmp(key, "proxy") ? &p->proxy
	    : !strcmp(key, "ssh_addr")      ? &p->ssh_addr
	    : !strcmp(key, "user")          ? &p->user
	    : !strcmp(key, "cluster")       ? &p->cluster
					    : NULL;

	/* The first line counts; nothing is leaked by a second one of the same name. */
	if (text && !*text)
		*text = strdup(strcmp(value, "''") == 0 ? "" : value);
	else if (!strcmp(key, "roles"))
		parse_items(value, &p->roles, &p->roles_count);
	else if (!strcmp(key, "logins"))
		parse_items(value, &p->logins, &p->logins_count);
	else if (!strcmp(key, "extensions"))
		parse_items(value, &p->extensions, &p->extensions_count);
	else if (!strcmp(key, "valid_until")) {
		uint64_t v;

		if (str_u64(value, INT64_MAX, &v))
			p->valid_until_s = (int64_t)v;
	}
}

/* Unknown keys are passed over: a newer tsh may have written them. */
static int
load_named(struct profile **ret, const char *name, struct err *e)
{
	char path[PROFILE_PATH_MAX];
	_cleanup_free_ char *text = NULL;
	struct profile *p;
	char *save = NULL;
	size_t n;

	if (yaml_path(name, path, e) < 0)
		return -1;
	if (file_read(path, FILE_MAX, &text, &n, NULL) < 0)
		return err_set(e, "not logged in to %s; run tsh login --proxy=%s:3080 --user=NAME",
		    name, name);
	if (!(p = calloc(1, sizeof *p)))
		return err_memory(e);
	p->name = strdup(name);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *colon = strstr(l, ": ");

		if (*l == '#' || !colon)
			continue;
		*colon = '\0';
		parse_line(p, l, colon + 2);
	}
	if (!p->name || !p->proxy || !p->ssh_addr || !p->user || !p->cluster) {
		profile_free(p);
		return err_set(e, "the profile %s is damaged; run tsh login again", path);
	}
	*ret = p;
	return 0;
}

int
profile_load(struct profile **ret, const char *proxy, struct err *e)
{
	char dir[PROFILE_PATH_MAX], path[PROFILE_PATH_MAX], name[256];
	_cleanup_free_ char *current = NULL;
	size_t n;

	if (proxy) {
		if (name_of(proxy, name, sizeof name, e) < 0)
			return -1;
		return load_named(ret, name, e);
	}
	if (home(dir, sizeof dir, e) < 0 || !str_format(path, sizeof path, "%s/current", dir))
		return -1;
	/* "current" holds a name, and is no link. */
	if (file_read(path, 256, &current, &n, NULL) < 0)
		return err_set(e, "not logged in; run tsh login --proxy=HOST:PORT --user=NAME");
	current[strcspn(current, "\n")] = '\0';
	return load_named(ret, current, e);
}

int
profile_load_valid(struct profile **ret, const char *proxy, struct err *e)
{
	if (profile_load(ret, proxy, e) < 0)
		return -1;
	if ((*ret)->valid_until_s > clock_wall_ms() / 1000)
		return 0;
	err_set(e, "your login has expired; run tsh login --proxy=%s --user=%s", (*ret)->proxy,
	    (*ret)->user);
	profile_free(*ret);
	*ret = NULL;
	return -1;
}

/* What is in the items was checked when they were taken over (are_printable in tsh). */
static void
put_items(struct buf *b, const char *key, char *const *items, unsigned n)
{
	buf_printf(b, "%s: [", key);
	for (unsigned i = 0; i < n; i++)
		buf_printf(b, "%s%s", i ? ", " : "", items[i]);
	buf_printf(b, "]\n");
}

int
profile_save(const struct profile *p, struct err *e)
{
	char path[PROFILE_PATH_MAX], dir[PROFILE_PATH_MAX];
	struct buf b;
	int rc;

	buf_init(&b, FILE_MAX);
	buf_printf(&b, "# Written by tsh login.\nproxy: %s\nssh_addr: %s\nuser: %s\ncluster: %s\n",
	    p->proxy, *p->ssh_addr ? p->ssh_addr : "''", p->user, p->cluster);
	put_items(&b, "roles", p->roles, p->roles_count);
	put_items(&b, "logins", p->logins, p->logins_count);
	put_items(&b, "extensions", p->extensions, p->extensions_count);
	buf_printf(&b, "valid_until: %lld\n", (long long)p->valid_until_s);
	rc = home(dir, sizeof dir, e) < 0 || file_mkdir(dir, 0700, e) < 0 ||
		yaml_path(p->name, path, e) < 0
	    ? -1
	    : 0;
	if (rc == 0 && !buf_ok(&b))
		rc = err_set(e, "the profile is too large");
	if (rc == 0)
		rc = file_write(path, 0600, buf_head(&b), b.len, e);
	buf_done(&b);
	if (rc < 0)
		return -1;
	if (!str_format(path, sizeof path, "%s/current", dir))
		return err_set(e, "path too long");
	/* Last: "current" never names a profile that is not there whole. */
	return file_write(path, 0600, p->name, strlen(p->name), e);
}

int
profile_list(char **ret_names, struct err *e)
{
	char dir[PROFILE_PATH_MAX];
	struct dirent *de;
	int n = 0;
	DIR *d;

	if (home(dir, sizeof dir, e) < 0)
		return -1;
	if (!(d = opendir(dir)))
		return errno == ENOENT ? 0 : err_errno(e, "cannot read %s", dir);
	while (n < PROFILE_LIST_MAX && (de = readdir(d)))
		if (*de->d_name != '.' && str_ends(de->d_name, ".yaml") &&
		    (ret_names[n] = strndup(de->d_name, strlen(de->d_name) - 5)))
			n++;
	closedir(d);
	return n;
}

int
profile_remove(const struct profile *p, struct err *e)
{
	char path[PROFILE_PATH_MAX];
	struct profile *current = NULL;
	bool is_current = profile_load(&current, NULL, NULL) == 0 &&
	    strcmp(current->name, p->name) == 0;

	profile_free(current);
	/* The keys first: if the rest fails, what is left is of no use to anybody. */
	for (int f = PROFILE_SSH_KEY; f <= PROFILE_KNOWN_HOSTS; f++)
		if (profile_path(p, (enum profile_file)f, false, path, e) == 0)
			(void)unlink(path);
	if (yaml_path(p->name, path, e) < 0)
		return -1;
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove %s", path);
	if (is_current) {
		*strrchr(path, '/') = '\0';
		(void)str_copy(path + strlen(path), sizeof path - strlen(path), "/current");
		(void)unlink(path);
	}
	return 0;
}
