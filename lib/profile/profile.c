/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile: one login's folder and the files in it. Called by tsh and tctl; touches only the folder of credentials.
 */
#include "profile/profile.h"

#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "profile/profile_priv.h"

enum { FILE_MAX = 65536, ITEMS_MAX = 64, PROXY_PORT = 3080 };

/* --- paths ------------------------------------------------------------------------------- */

int
profile_home(char *dst, const char *below, struct err *e)
{
	const char *own = getenv("SALLYPORT_HOME"), *h = getenv("HOME");
	const char *slash = *below ? "/" : "";
	const struct passwd *pw;
	bool fits;

	if (!h || !*h) {
		/* No HOME in a cron job or a container: the user's entry has it. */
		pw = getpwuid(getuid());
		h = pw ? pw->pw_dir : "/";
	}
	fits = own && *own
	    ? str_format(dst, PROFILE_PATH_MAX, "%s%s%s", own, slash, below)
	    : str_format(dst, PROFILE_PATH_MAX, "%s/.sallyport%s%s", h, slash, below);
	return fits ? 0 : err_set(e, "the name of the folder of credentials is too long");
}

int
profile_proxy(const char *typed, char *dst, struct err *e)
{
	char host[256];
	uint16_t port;

	/* It becomes the name of a folder, and stands in lines of an ssh_config. */
	if (!str_host_port(typed, PROXY_PORT, host, sizeof host, &port) || !*host || *host == '.' ||
	    *host == '-' || !str_is_printable(host, strlen(host)) || strpbrk(host, "/ \"\\"))
		return err_set(e, "%s is not the address of a proxy; write HOST:PORT%s", typed,
		    strchr(typed, ':') != strrchr(typed, ':')
			? ", and [ADDRESS]:PORT of an IPv6 address"
			: "");
	for (char *c = host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return str_put_host_port(dst, PROFILE_PROXY_MAX, host, port)
	    ? 0
	    : err_set(e, "the proxy's address is too long");
}

/* Both become names of folders: neither may lead out of its own. */
static bool
is_name(const char *s)
{
	return *s && *s != '.' && !strchr(s, '/');
}

int
profile_dir(const char *proxy, const char *user, char *dst, struct err *e)
{
	char below[PROFILE_PATH_MAX];

	if (!is_name(proxy) || !is_name(user))
		return err_set(e, "%s at %s cannot be the name of a login", user, proxy);
	if (!str_format(below, sizeof below, "keys/%s/%s", proxy, user))
		return err_set(e, "the name of the login is too long");
	return profile_home(dst, below, e);
}

int
profile_path(const struct profile *p, enum profile_file which, bool make, char *dst, struct err *e)
{
	static const char *const names[] = {
		[PROFILE_SSH_KEY] = "key",
		[PROFILE_SSH_CERT] = "key-cert.pub",
		[PROFILE_TLS_KEY] = "tls.key",
		[PROFILE_TLS_CERT] = "tls.crt",
		[PROFILE_CA] = "ca.pem",
		[PROFILE_USER_CA] = "user_ca.pem",
		[PROFILE_KNOWN_HOSTS] = "known_hosts",
		[PROFILE_YAML] = "profile.yaml",
	};
	char home[PROFILE_PATH_MAX], dir[PROFILE_PATH_MAX];

	if (profile_home(home, "", e) < 0 || profile_dir(p->proxy, p->user, dir, e) < 0 ||
	    /* Its own mode, before folders are made in it. */
	    (make && (file_mkdir(home, 0700, e) < 0 || file_mkdir(dir, 0700, e) < 0)))
		return -1;
	return str_format(dst, PROFILE_PATH_MAX, "%s/%s", dir, names[which])
	    ? 0
	    : err_set(e, "the name of the folder of credentials is too long");
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

/* --- profile.yaml: YAML of the plainest kind, "key: value" and "key: [a, b]" -------------------- */

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
	char **text = !strcmp(key, "ssh_addr") ? &p->ssh_addr
	    : !strcmp(key, "cluster")          ? &p->cluster
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
	else if (!strcmp(key, "withdrawn"))
		p->withdrawn = strcmp(value, "true") == 0;
	else if (!strcmp(key, "browser"))
		p->browser = strcmp(value, "true") == 0;
	else if (!strcmp(key, "valid_until")) {
		uint64_t v;

		if (str_u64(value, INT64_MAX, &v))
			p->valid_until_s = (int64_t)v;
	}
}

/* Unknown keys are passed over: a newer tsh may have written them. */
static void
parse(struct profile *p, char *text)
{
	char *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *colon = strstr(l, ": ");

		if (*l == '#' || !colon)
			continue;
		*colon = '\0';
		parse_line(p, l, colon + 2);
	}
	p->damaged = !p->ssh_addr || !p->cluster;
}

struct profile *
profile_open(const char *proxy, const char *user)
{
	struct profile *p = calloc(1, sizeof *p);
	_cleanup_free_ char *text = NULL;

	if (!p)
		return NULL;
	p->proxy = strdup(proxy);
	p->user = strdup(user);
	if (!p->proxy || !p->user) {
		profile_free(p);
		return NULL;
	}
	/* Whoever it is of is known by its name: it can be ended, and replaced by a new login. */
	p->damaged = true;
	if (profile_read(p, PROFILE_YAML, &text, NULL) == 0)
		parse(p, text);
	return p;
}

int
profile_check(const struct profile *p, struct err *e)
{
	if (p->damaged)
		return err_set(e,
		    "the login of %s at %s is damaged; run tsh login --proxy=%s --user=%s", p->user,
		    p->proxy, p->proxy, p->user);
	if (p->withdrawn)
		return err_set(e,
		    "your login was withdrawn by a change of your account; run tsh login --proxy=%s --user=%s",
		    p->proxy, p->user);
	if (p->valid_until_s <= clock_wall_ms() / 1000)
		return err_set(e, "your login has expired; run tsh login --proxy=%s --user=%s",
		    p->proxy, p->user);
	return 0;
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
	struct buf b;
	int rc;

	buf_init(&b, FILE_MAX);
	buf_printf(&b, "# Written by tsh login.\nssh_addr: %s\ncluster: %s\n",
	    *p->ssh_addr ? p->ssh_addr : "''", p->cluster);
	put_items(&b, "roles", p->roles, p->roles_count);
	put_items(&b, "logins", p->logins, p->logins_count);
	put_items(&b, "extensions", p->extensions, p->extensions_count);
	buf_printf(&b, "valid_until: %lld\n", (long long)p->valid_until_s);
	if (p->browser)
		buf_printf(&b, "browser: true\n");
	if (p->withdrawn)
		buf_printf(&b, "withdrawn: true\n");
	buf_put(&b, "", 1);
	rc = buf_ok(&b) ? profile_write(p, PROFILE_YAML, (const char *)buf_head(&b), e)
			: err_set(e, "the profile is too large");
	buf_done(&b);
	return rc;
}
