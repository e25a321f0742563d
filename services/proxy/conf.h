/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: proxyd.yaml. Every key with its meaning and default: deploy/conf/proxyd.yaml.
 */
#ifndef PROXY_CONF_H
#define PROXY_CONF_H

#include "conf/conf.h"
#include "net/addr.h"

enum { CONF_NETS_MAX = 64 };

struct conf_tls {
	char *certificate, *key;
};

struct conf_limits {
	int64_t connections;
	int64_t unauthenticated;
	int64_t unauthenticated_per_address;
	int64_t web_connections;
	int64_t web_sockets, web_sockets_per_user;
	int64_t relays_per_user;
	int64_t web_requests_per_minute;
	char *login_grace, *keepalive;
	int64_t login_grace_s, keepalive_s;
};

struct conf {
	char *user;
	char *state_dir;
	char *public_addr;
	char *listen;
	char *ssh_listen;
	char *ssh_public_addr;
	char *authd_addr;
	char *auditd_addr;
	char *token_file;
	char *ca_pin;
	char *audit_quota;
	char *drain;
	char *packages;
	char *web_app;
	char *diag_addr;
	char **proxy_protocol_from;
	unsigned proxy_protocol_from_count;
	struct conf_tls tls;
	struct conf_limits limits;
	/* filled in by conf_check */
	char public_host[256];
	uint16_t public_port;
	char ssh_addr[300]; /* HOST:PORT for people; "" when there is no SSH-only port */
	uint64_t audit_quota_bytes;
	int64_t drain_s;
	struct addr_net balancers[CONF_NETS_MAX];
	size_t n_balancers;
};

extern const cyaml_schema_value_t conf_schema;

/* Defaults and ranges; for the skeleton. */
int conf_check(void *conf, struct err *e);
const char *conf_user(const void *conf);
/* The folder of packages. */
const char *conf_packages(const struct conf *c);
/* The folder of the web app (site.h). */
const char *conf_web_app(const struct conf *c);
const char *conf_diag(const void *conf); /* "": off; for the skeleton */

#endif
