/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: see conf.h.
 */
#include "proxy/conf.h"

#include <string.h>

#include "base/str.h"
#include "priv/priv.h"

/* The most that the default may be: a limit of descriptors that is none is no promise of memory. */
enum { FILES_OF_OURS = 256, CONNECTIONS_MIN = 10, CONNECTIONS_DEFAULT_MAX = 200000 };

#define ADDR_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]"
#define TEXT(key, type, member) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, 1023)
#define NUMBER(key, type, member) CYAML_FIELD_INT(key, CYAML_FLAG_OPTIONAL, type, member)

static const cyaml_schema_field_t tls_fields[] = {
	TEXT("certificate", struct conf_tls, certificate),
	TEXT("key", struct conf_tls, key),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t limits_fields[] = {
	NUMBER("connections", struct conf_limits, connections),
	NUMBER("unauthenticated", struct conf_limits, unauthenticated),
	NUMBER("unauthenticated_per_address", struct conf_limits, unauthenticated_per_address),
	NUMBER("web_connections", struct conf_limits, web_connections),
	NUMBER("web_sockets", struct conf_limits, web_sockets),
	NUMBER("web_sockets_per_user", struct conf_limits, web_sockets_per_user),
	NUMBER("relays_per_user", struct conf_limits, relays_per_user),
	NUMBER("web_requests_per_minute", struct conf_limits, web_requests_per_minute),
	TEXT("login_grace", struct conf_limits, login_grace),
	TEXT("keepalive", struct conf_limits, keepalive),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t net_entry = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1,
    63) };
static const cyaml_schema_field_t conf_fields[] = {
	TEXT("user", struct conf, user),
	TEXT("state", struct conf, state_dir),
	TEXT("public_addr", struct conf, public_addr),
	TEXT("listen", struct conf, listen),
	TEXT("ssh_listen", struct conf, ssh_listen),
	TEXT("ssh_public_addr", struct conf, ssh_public_addr),
	TEXT("authd_addr", struct conf, authd_addr),
	TEXT("auditd_addr", struct conf, auditd_addr),
	TEXT("token", struct conf, token_file),
	TEXT("ca_pin", struct conf, ca_pin),
	TEXT("spool_quota", struct conf, audit_quota),
	TEXT("drain", struct conf, drain),
	TEXT("packages", struct conf, packages),
	TEXT("web_app", struct conf, web_app),
	CYAML_FIELD_STRING_PTR("diag_addr", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct conf,
	    diag_addr, 0, 255),
	CYAML_FIELD_SEQUENCE("proxy_protocol_from", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	    struct conf, proxy_protocol_from, &net_entry, 0, CONF_NETS_MAX),
	CYAML_FIELD_MAPPING("tls", CYAML_FLAG_OPTIONAL, struct conf, tls, tls_fields),
	CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct conf, limits, limits_fields),
	CYAML_FIELD_END,
};
const cyaml_schema_value_t conf_schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct conf,
    conf_fields) };

/* What the descriptors are enough for: a node has three connections (its tunnel, and those passed on to authd and auditd)
 * of five descriptors together; at rest, a minute after its last record, two and three. Some are for listeners, files and the
 * pages of the browser. */
static int64_t
connections_that_fit(void)
{
	int64_t files = priv_raise_files();
	int64_t fit = (files - FILES_OF_OURS) * 3 / 5;

	if (fit < CONNECTIONS_MIN)
		return CONNECTIONS_MIN;
	return fit < CONNECTIONS_DEFAULT_MAX ? fit : CONNECTIONS_DEFAULT_MAX;
}

static int
check_limits(struct conf_limits *l, struct err *e)
{
	if (conf_range(&l->connections, "limits.connections", connections_that_fit(),
		CONNECTIONS_MIN, 1000000, e) < 0 ||
	    conf_range(&l->unauthenticated, "limits.unauthenticated", 4096, 10, 100000, e) < 0 ||
	    conf_range(&l->unauthenticated_per_address, "limits.unauthenticated_per_address", 128,
		1, 100000, e) < 0 ||
	    conf_range(&l->web_connections, "limits.web_connections", 1000, 1, 100000, e) < 0 ||
	    conf_range(&l->web_sockets, "limits.web_sockets", 4000, 1, 100000, e) < 0 ||
	    conf_range(&l->web_sockets_per_user, "limits.web_sockets_per_user", 100, 1, 100000, e) <
		0 ||
	    conf_range(&l->web_requests_per_minute, "limits.web_requests_per_minute", 20, 1, 100000,
		e) < 0 ||
	    conf_range(&l->relays_per_user, "limits.relays_per_user", 2000, 1, 100000, e) < 0)
		return -1;
	if (conf_duration(&l->login_grace_s, "limits.login_grace", l->login_grace, "20s", e) < 0)
		return -1;
	return conf_duration(&l->keepalive_s, "limits.keepalive", l->keepalive, "20s", e);
}

static int
check_public(struct conf *c, struct err *e)
{
	char host[256];
	uint16_t port;

	if (!c->public_addr)
		return err_set(e,
		    "public_addr is missing: HOST:PORT by which people and nodes reach this proxy");
	if (!str_host_port(c->public_addr, 3080, c->public_host, sizeof(c->public_host),
		&c->public_port))
		return err_set(e, "public_addr: \"%s\" is not HOST:PORT", c->public_addr);
	/* It stands in commands and scripts that people run. */
	if (strspn(c->public_addr, ADDR_CHARACTERS) != strlen(c->public_addr))
		return err_set(e, "public_addr: \"%s\" has a character that no host has",
		    c->public_addr);
	if (strcmp(conf_text(c->ssh_listen, ""), "off") == 0)
		return 0;
	if (c->ssh_public_addr) {
		if (!str_host_port(c->ssh_public_addr, 3023, host, sizeof(host), &port))
			return err_set(e, "ssh_public_addr: \"%s\" is not HOST:PORT",
			    c->ssh_public_addr);
		(void)str_copy(c->ssh_addr, sizeof(c->ssh_addr), c->ssh_public_addr);
		return 0;
	}
	const char *colon = strrchr(conf_text(c->ssh_listen, ":3023"), ':');
	if (!str_format(c->ssh_addr, sizeof(c->ssh_addr),
		strchr(c->public_host, ':') ? "[%s]%s" : "%s%s", c->public_host,
		colon ? colon : ":3023"))
		return err_set(e, "public_addr is too long");
	return 0;
}

int
conf_check(void *conf, struct err *e)
{
	struct conf *c = conf;

	if (check_public(c, e) < 0 || check_limits(&c->limits, e) < 0)
		return -1;
	if (conf_duration(&c->drain_s, "drain", c->drain, "20s", e) < 0 ||
	    conf_size(&c->audit_quota_bytes, "spool_quota", c->audit_quota, "1GB", e) < 0 ||
	    conf_path("state", c->state_dir, true, e) < 0 ||
	    conf_path("token", c->token_file, true, e) < 0 ||
	    conf_path("packages", c->packages, true, e) < 0 ||
	    conf_path("web_app", c->web_app, true, e) < 0 ||
	    conf_path("tls.certificate", c->tls.certificate, true, e) < 0 ||
	    conf_path("tls.key", c->tls.key, true, e) < 0)
		return -1;
	if (!c->tls.certificate != !c->tls.key)
		return err_set(e, "tls: certificate and key must be given together");
	if (!c->authd_addr)
		return err_set(e, "authd_addr is missing: HOST:PORT of authd, usually port 3025");
	if (conf_address("authd_addr", c->authd_addr, e) < 0)
		return -1;
	if (c->auditd_addr && conf_address("auditd_addr", c->auditd_addr, e) < 0)
		return -1;
	if (conf_diag_addr(c->diag_addr, e) < 0)
		return -1;
	for (unsigned i = 0; i < c->proxy_protocol_from_count; i++)
		if (addr_net_parse(&c->balancers[i], c->proxy_protocol_from[i], e) < 0)
			return err_prefix(e, "proxy_protocol_from");
	c->n_balancers = c->proxy_protocol_from_count;
	return 0;
}

const char *
conf_user(const void *conf)
{
	return conf_text(((const struct conf *)conf)->user, "sallyport-proxyd");
}

const char *
conf_packages(const struct conf *c)
{
	return conf_text(c->packages, "/usr/share/sallyport/packages");
}

const char *
conf_web_app(const struct conf *c)
{
	return conf_text(c->web_app, "/usr/share/sallyport/web");
}

const char *
conf_diag(const void *conf)
{
	return conf_text(((const struct conf *)conf)->diag_addr, "127.0.0.1:3081");
}
