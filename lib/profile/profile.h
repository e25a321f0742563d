/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile: the credentials that `tsh login` keeps and tsh and tctl use.
 *
 *	~/.sallyport/                     0700; $SALLYPORT_HOME instead when set
 *	  current                         name of the profile in use
 *	  PROXYHOST.yaml                  proxy, user, cluster, roles, logins, times: nothing secret
 *	  keys/PROXYHOST/USER             SSH private key (openssh-key-v1), 0600
 *	  keys/PROXYHOST/USER-cert.pub    SSH certificate
 *	  keys/PROXYHOST/USER.key .crt    TLS private key and certificate (PEM)
 *	  keys/PROXYHOST/ca.pem           X.509 host CAs
 *	  keys/PROXYHOST/user_ca.pem      X.509 user CAs
 *	  keys/PROXYHOST/known_hosts      SSH host CAs as @cert-authority lines, for stock ssh
 */
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { PROFILE_LIST_MAX = 64, PROFILE_PATH_MAX = 1024 };

struct profile {
	char *name;     /* the proxy's host name: file name of the profile */
	char *proxy;    /* HOST:PORT of the public port */
	char *ssh_addr; /* HOST:PORT of the SSH-only port; "" when there is none */
	char *user;
	char *cluster;
	char **roles;
	unsigned roles_count;
	char **logins;
	unsigned logins_count;
	char **extensions;
	unsigned extensions_count;
	int64_t valid_until_s; /* seconds since 1970 UTC */
};

/* Which file of a profile. */
enum profile_file {
	PROFILE_SSH_KEY,
	PROFILE_SSH_CERT,
	PROFILE_TLS_KEY,
	PROFILE_TLS_CERT,
	PROFILE_CA,
	PROFILE_USER_CA,
	PROFILE_KNOWN_HOSTS,
};

/* The profile in use, or that of the proxy named (HOST or HOST:PORT; NULL: the current one). Negative: none there,
 * with a text that says to log in. Does not look at the times. */
int profile_load(struct profile **ret, const char *proxy, struct err *e);
/* As profile_load, and negative when the certificate has expired. */
int profile_load_valid(struct profile **ret, const char *proxy, struct err *e);
void profile_free(struct profile *p); /* NULL is fine */

/* Writes PROXYHOST.yaml and makes it the current profile. */
int profile_save(const struct profile *p, struct err *e);
/* Names of all profiles, at most PROFILE_LIST_MAX; caller frees each. Returns how many, or negative. */
int profile_list(char **ret_names, struct err *e);
/* Deletes a profile with its keys. */
int profile_remove(const struct profile *p, struct err *e);

/* Path of one of its files; dst holds PROFILE_PATH_MAX. Creates the folder when make is set. */
int
profile_path(const struct profile *p, enum profile_file which, bool make, char *dst, struct err *e);
/* Whole content of one of its files, NUL-terminated; caller frees. */
int profile_read(const struct profile *p, enum profile_file which, char **ret, struct err *e);
int
profile_write(const struct profile *p, enum profile_file which, const char *text, struct err *e);

#endif
