/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environ: what a session finds in its environment: the account's, the connection's, PAM's and the
 * few variables that are taken from the client (LANG, LC_*). Of a file transfer only the first two:
 * PAM's may come from a file of the user (~/.pam_environment). Called by keeper.c in the session's
 * process.
 */
#include "node/monitor/environ.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { ENVIRON_MAX = 256 };

struct vars {
	char *v[ENVIRON_MAX + 1];
	size_t n;
};

static size_t
name_length(const char *var)
{
	return strcspn(var, "=");
}

/* Takes ownership of a NAME=VALUE text; replaces one of that name. */
static void
put(struct vars *vars, char *var)
{
	size_t n;

	if (!var)
		return;
	n = name_length(var);
	for (size_t i = 0; i < vars->n; i++) {
		if (strncmp(vars->v[i], var, n) == 0 && vars->v[i][n] == '=') {
			free(vars->v[i]);
			vars->v[i] = var;
			return;
		}
	}
	/* Full: what comes later is left out, rather than the session. */
	if (vars->n < ENVIRON_MAX)
		vars->v[vars->n++] = var;
	else
		free(var);
}

static void __attribute__((format(printf, 2, 3))) putf(struct vars *vars, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0)
		put(vars, text);
	va_end(ap);
}

/* Of a variable's name in the shell (POSIX.1, 3.231 "Name"). */
static bool
is_name_char(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    c == '_';
}

/* Of what the client sends only what says how texts look. Anything else could change what
 * programs load or run (LD_PRELOAD, BASH_ENV, PATH). */
static bool
is_accepted(struct span name)
{
	if (span_is(name, "LANG") || span_is(name, "LANGUAGE") || span_is(name, "COLORTERM") ||
	    span_is(name, "NO_COLOR"))
		return true;
	if (name.n < 4 || memcmp(name.p, "LC_", 3) != 0)
		return false;
	for (size_t i = 3; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return false;
	return true;
}

static void
put_client(struct vars *vars, const struct mon_start *start)
{
	for (uint32_t i = 0; i < start->n_env; i++) {
		struct span name = start->env[i].name, value = start->env[i].value;
		if (is_accepted(name))
			putf(vars, "%.*s=%.*s", (int)name.n, (const char *)name.p, (int)value.n,
			    value.n ? (const char *)value.p : "");
	}
}

static void
put_account(struct vars *vars, const struct account *a)
{
	putf(vars, "USER=%s", a->name);
	putf(vars, "LOGNAME=%s", a->name);
	putf(vars, "HOME=%s", a->home);
	putf(vars, "SHELL=%s", a->shell);
	putf(vars, "MAIL=/var/mail/%s", a->name);
	putf(vars, "PATH=%s",
	    a->uid == 0 ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
			: "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games");
	if (getenv("TZ"))
		putf(vars, "TZ=%s", getenv("TZ"));
}

/* What modules set (pam_env: /etc/environment), but nothing that changes how programs are
 * loaded. */
static void
put_pam(struct vars *vars, const struct account *a)
{
	for (char **v = a->pam_env; v && *v; v++)
		if (!str_starts(*v, "LD_") && !str_starts(*v, "SSH_") && strchr(*v, '='))
			put(vars, strdup(*v));
}

static void
put_connection(struct vars *vars, const struct keeper *k)
{
	const struct mon_start *s = k->start;

	putf(vars, "SSH_CLIENT=%s %u %u", s->client_address, s->client_port, s->server_port);
	putf(vars, "SSH_CONNECTION=%s %u %s %u", s->client_address, s->client_port,
	    s->server_address, s->server_port);
	if (k->tty[0])
		putf(vars, "SSH_TTY=%s", k->tty);
	if (s->pty)
		putf(vars, "TERM=%s", s->term[0] ? s->term : "dumb");
	putf(vars, "SALLYPORT_SESSION=%s", s->uuid);
	putf(vars, "SALLYPORT_USER=%s", k->user);
	putf(vars, "SALLYPORT_NODE=%s", conf_name(k->config));
}

char **
environ_make(const struct keeper *k, const struct account *a)
{
	struct vars *vars = calloc(1, sizeof(*vars));
	bool chosen = k->start->transfer == MON_TRANSFER_NONE;

	if (!vars)
		return NULL;
	/* Later ones replace earlier ones: the client's come first, so that neither the account's
	 * nor PAM's nor ours can be set by it. */
	if (chosen)
		put_client(vars, k->start);
	put_account(vars, a);
	if (chosen)
		put_pam(vars, a);
	put_connection(vars, k);
	return vars->v;
}
