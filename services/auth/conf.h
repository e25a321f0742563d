/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: authd.yaml. Every key is explained in deploy/conf/authd.yaml.
 */
#ifndef AUTH_CONF_H
#define AUTH_CONF_H

#include "backup/backup.h"
#include "conf/conf.h"

struct conf {
	char *cluster;
	char *listen;
	char *socket;
	char *state;
	char *
	    ca_key; /* default: the credential ca.key of systemd, else the path of the state folder and ".key" */
	char *proxy_addr; /* "" unless given */
	char *audit_addr;
	char *user;
	char *diag_addr;
	char *backup_recipient;
	/* defaults, filled in by the check; freed with the rest */
	char ca_key_path[4096];
	struct backup_recipient recipient; /* kind 0: none */
};

extern const cyaml_schema_value_t conf_schema;
int conf_check(void *conf, struct err *e);
const char *conf_user(const void *conf);
const char *conf_diag(const void *conf); /* "": off; for the skeleton */

#endif
