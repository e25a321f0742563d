/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: auditd.yaml. Every key with its meaning and default: deploy/conf/auditd.yaml.
 */
#ifndef AUDIT_CONF_H
#define AUDIT_CONF_H

#include "conf/conf.h"

struct conf_tls {
	char *certificate, *key, *host_ca, *user_ca;
};

struct conf {
	char *user;
	char *state;
	char *listen;
	char *socket;
	char *authd_addr;
	char *token; /* path */
	char *ca_pin;
	char *name;
	char *database;
	char *database_password; /* path */
	char *retention;
	char *diag_addr;
	int64_t readers;
	struct conf_tls tls;
	int64_t retention_days; /* filled in by conf_check; 0: for ever */
};

extern const cyaml_schema_value_t conf_schema;

/* Defaults and ranges; for the skeleton. */
int conf_check(void *conf, struct err *e);
/* Days of a `retention`: 0 for ever (NULL, too). */
int conf_retention(const char *text, int64_t *ret_days, struct err *e);
const char *conf_user(const void *conf);
const char *conf_diag(const void *conf);       /* "": off; for the skeleton */
const char *conf_listen(const struct conf *c); /* HOST:PORT */
const char *conf_state(const struct conf *c);
/* Certificates come from files, not by joining. */
bool conf_has_tls(const struct conf *c);

#endif
