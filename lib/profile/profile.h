/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile: the credentials that `tsh login` keeps and tsh and tctl use. Each login, a user at a proxy, has a folder of
 * its own, so that ending one touches no other:
 *
 *	~/.sallyport/                 0700; $SALLYPORT_HOME instead when set
 *	  current                     "HOST:PORT/USER": the login in use
 *	  known_nodes                 known_nodes.h
 *	  keys/HOST:PORT/USER/        0700; the proxy's public port, IPv6 in brackets
 *	    profile.yaml              cluster, roles, logins, times: nothing secret
 *	    key, key-cert.pub         SSH private key (openssh-key-v1), 0600, and certificate
 *	    tls.key, tls.crt          TLS private key and certificate (PEM)
 *	    ca.pem, user_ca.pem       X.509 host CAs and user CAs
 *	    known_hosts               SSH host CAs as @cert-authority lines, for stock ssh
 */
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { PROFILE_PATH_MAX = 1024, PROFILE_PROXY_MAX = 272 };

struct profile {
	char *proxy; /* HOST:PORT of the public port, as profile_proxy writes it */
	char *user;
	char *ssh_addr; /* HOST:PORT of the SSH-only port; "" when there is none */
	char *cluster;
	char **roles;
	unsigned roles_count;
	char **logins;
	unsigned logins_count;
	char **extensions;
	unsigned extensions_count;
	int64_t valid_until_s; /* seconds since 1970 UTC */
	bool browser;          /* it was approved in a browser, and so will the next one be */
	bool withdrawn;        /* the cluster has said that it believes this certificate no more */
	bool damaged;          /* profile.yaml cannot be read: only proxy and user are known */
	bool current;          /* the login in use, when it was loaded */
};

/* Which file of a login. */
enum profile_file {
	PROFILE_SSH_KEY,
	PROFILE_SSH_CERT,
	PROFILE_TLS_KEY,
	PROFILE_TLS_CERT,
	PROFILE_CA,
	PROFILE_USER_CA,
	PROFILE_KNOWN_HOSTS,
	PROFILE_YAML,
};

/* A proxy's address as people type it (HOST, HOST:PORT, [V6]:PORT, any case) in the one form in which it names a
 * login. dst holds PROFILE_PROXY_MAX. Negative: it is none. */
int profile_proxy(const char *typed, char *dst, struct err *e);

/* --- one of several logins ------------------------------------------------------------------- */

struct profile_list {
	struct profile **all; /* by proxy, then by user; damaged ones too */
	size_t n;
};
/* Every login. Without any n is 0. */
int profile_list(struct profile_list *ret, struct err *e);
void profile_list_done(struct profile_list *l);

/* The login that is meant: of this user, at this proxy. NULL for what was not said: the current login's, where that
 * fits what was said; else the only login that fits. Negative, with what to say or to do: none does, or several.
 * Does not look at the times. */
int profile_find(struct profile **ret, const char *proxy, const char *user, struct err *e);
/* As profile_find, and negative when it is damaged. */
int profile_load(struct profile **ret, const char *proxy, const char *user, struct err *e);
/* As profile_find, and negative when profile_check says so; then *ret is set all the same. */
int profile_load_valid(struct profile **ret, const char *proxy, const char *user, struct err *e);
/* 0, or negative with what to do: it is damaged, has expired, or was withdrawn. */
int profile_check(const struct profile *p, struct err *e);
void profile_free(struct profile *p); /* NULL is fine */

/* Writes profile.yaml. */
int profile_save(const struct profile *p, struct err *e);
/* Makes it the login in use. */
int profile_use(const struct profile *p, struct err *e);
/* Deletes the login with its keys, and nothing else. */
int profile_remove(const struct profile *p, struct err *e);

/* --- its files ------------------------------------------------------------------------------- */

/* Path of one of its files; dst holds PROFILE_PATH_MAX. Creates the folder when make is set. */
int
profile_path(const struct profile *p, enum profile_file which, bool make, char *dst, struct err *e);
/* Whole content of one of its files, NUL-terminated; caller frees. */
int profile_read(const struct profile *p, enum profile_file which, char **ret, struct err *e);
int
profile_write(const struct profile *p, enum profile_file which, const char *text, struct err *e);

#endif
