/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: see conf.h.
 */
#include "audit/conf.h"

#include <string.h>

#define TEXT(key, type, member, max) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, max)

/* A reader is a connection to PostgreSQL: so many searches run beside each other. */
enum { CONF_READERS = 4, CONF_READERS_MAX = 16, CONF_DAY_S = 86400, CONF_RETENTION_MIN_DAYS = 2 };

static const cyaml_schema_field_t tls_fields[] = {
	TEXT("certificate", struct conf_tls, certificate, 1023),
	TEXT("key", struct conf_tls, key, 1023),
	TEXT("host_ca", struct conf_tls, host_ca, 1023),
	TEXT("user_ca", struct conf_tls, user_ca, 1023),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t conf_fields[] = {
	TEXT("user", struct conf, user, 63),
	TEXT("state", struct conf, state, 1023),
	TEXT("listen", struct conf, listen, 255),
	TEXT("socket", struct conf, socket, 100),
	TEXT("authd_addr", struct conf, authd_addr, 255),
	TEXT("token", struct conf, token, 1023),
	TEXT("ca_pin", struct conf, ca_pin, 255),
	TEXT("name", struct conf, name, 255),
	TEXT("database", struct conf, database, 4095),
	TEXT("database_password", struct conf, database_password, 1023),
	TEXT("retention", struct conf, retention, 31),
	CYAML_FIELD_STRING_PTR("diag_addr", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct conf,
	    diag_addr, 0, 255),
	CYAML_FIELD_INT("readers", CYAML_FLAG_OPTIONAL, struct conf, readers),
	CYAML_FIELD_MAPPING("tls", CYAML_FLAG_OPTIONAL, struct conf, tls, tls_fields),
	CYAML_FIELD_END,
};
const cyaml_schema_value_t conf_schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct conf,
    conf_fields) };

const char *
conf_listen(const struct conf *c)
{
	return conf_text(c->listen, "[::]:3026");
}

const char *
conf_state(const struct conf *c)
{
	return conf_text(c->state, "/var/lib/sallyport/auditd");
}

bool
conf_has_tls(const struct conf *c)
{
	return c->tls.certificate != NULL;
}

static int
check_tls(const struct conf *c, struct err *e)
{
	const struct conf_tls *t = &c->tls;

	if (!t->certificate && !t->key && !t->host_ca && !t->user_ca)
		return 0;
	if (!t->certificate || !t->key || !t->host_ca || !t->user_ca)
		return err_set(e,
		    "tls: certificate, key, host_ca and user_ca must be given together");
	if (conf_path("tls.certificate", t->certificate, false, e) < 0 ||
	    conf_path("tls.key", t->key, false, e) < 0 ||
	    conf_path("tls.host_ca", t->host_ca, false, e) < 0)
		return -1;
	return conf_path("tls.user_ca", t->user_ca, false, e);
}

int
conf_retention(const char *text, int64_t *ret_days, struct err *e)
{
	int64_t s;

	*ret_days = 0;
	if (!text || strcmp(text, "forever") == 0)
		return 0;
	if (conf_duration(&s, "retention", text, NULL, e) < 0)
		return -1;
	/* Days are dropped as partitions, so there are only whole ones. */
	if (s / CONF_DAY_S < CONF_RETENTION_MIN_DAYS)
		return err_set(e,
		    "retention: \"%s\" is less than two days; whole days are kept, for example 365d",
		    text);
	*ret_days = s / CONF_DAY_S;
	return 0;
}

int
conf_check(void *conf, struct err *e)
{
	struct conf *c = conf;

	if (!c->database)
		return err_set(e,
		    "database is missing: how PostgreSQL is reached, for example "
		    "\"host=/run/postgresql dbname=sallyport\"");
	/* Also with certificates from files: authd says which hosts and users there are. */
	if (!c->authd_addr)
		return err_set(e, "authd_addr is missing: HOST:PORT of authd, usually port 3025");
	if (check_tls(c, e) < 0 || conf_retention(c->retention, &c->retention_days, e) < 0)
		return -1;
	if (conf_address("authd_addr", c->authd_addr, e) < 0 ||
	    (c->listen && conf_address("listen", c->listen, e) < 0))
		return -1;
	if (conf_path("state", c->state, true, e) < 0 ||
	    conf_path("socket", c->socket, true, e) < 0 ||
	    conf_path("token", c->token, true, e) < 0 ||
	    conf_path("database_password", c->database_password, true, e) < 0 ||
	    conf_diag_addr(c->diag_addr, e) < 0)
		return -1;
	return conf_range(&c->readers, "readers", CONF_READERS, 1, CONF_READERS_MAX, e);
}

const char *
conf_user(const void *conf)
{
	return conf_text(((const struct conf *)conf)->user, "sallyport-auditd");
}

const char *
conf_diag(const void *conf)
{
	return conf_text(((const struct conf *)conf)->diag_addr, "127.0.0.1:3083");
}
