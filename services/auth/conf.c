/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: authd.yaml into a struct. Called by the skeleton (lib/daemon); reads nothing but what it is
 * given.
 */
#include "auth/conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "crypto/identity.h"

#define TEXT(key, flags, field) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), struct conf, field, 1, 1024)

static const cyaml_schema_field_t fields[] = {
	TEXT("cluster", 0, cluster),
	TEXT("listen", CYAML_FLAG_OPTIONAL, listen),
	TEXT("socket", CYAML_FLAG_OPTIONAL, socket),
	TEXT("state", CYAML_FLAG_OPTIONAL, state),
	TEXT("ca_key", CYAML_FLAG_OPTIONAL, ca_key),
	TEXT("proxy_addr", CYAML_FLAG_OPTIONAL, proxy_addr),
	TEXT("auditd_addr", CYAML_FLAG_OPTIONAL, audit_addr),
	TEXT("user", CYAML_FLAG_OPTIONAL, user),
	CYAML_FIELD_STRING_PTR("diag_addr", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct conf,
	    diag_addr, 0, 255),
	TEXT("backup_recipient", CYAML_FLAG_OPTIONAL, backup_recipient),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t conf_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct conf, fields),
};

static int
fallback(char **value, const char *text, struct err *e)
{
	if (!*value)
		*value = strdup(text);
	return *value ? 0 : err_memory(e);
}

/* HOST:PORT, or ":PORT" for every address. */
static int
check_listen(const char *listen, struct err *e)
{
	uint64_t port;

	if (listen[0] != ':')
		return conf_address("listen", listen, e);
	if (str_u64(listen + 1, 65535, &port) && port > 0)
		return 0;
	return err_set(e, "listen: '%s' is not an address (write HOST:PORT or :PORT)", listen);
}

/* Not in the folder of what it opens, so that a copy of that folder is no use: the credential that systemd gives, or a
 * file beside the folder. */
static int
find_key(struct conf *c, struct err *e)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	size_t n = strlen(c->state);
	bool fits;

	while (n > 1 && c->state[n - 1] == '/')
		n--;
	if (c->ca_key)
		fits = str_copy(c->ca_key_path, sizeof(c->ca_key_path), c->ca_key);
	else if (credentials &&
	    str_format(c->ca_key_path, sizeof(c->ca_key_path), "%s/ca.key", credentials) &&
	    access(c->ca_key_path, F_OK) == 0)
		fits = true;
	else
		fits = str_format(c->ca_key_path, sizeof(c->ca_key_path), "%.*s.key", (int)n,
		    c->state);
	return fits ? 0 : err_set(e, "ca_key: the path is too long");
}

int
conf_check(void *arg, struct err *e)
{
	struct conf *c = arg;

	if (!identity_name_ok(span_str(c->cluster)))
		return err_set(e,
		    "cluster: a name like tele.example.com: letters, digits and . _ @ -");
	if (fallback(&c->listen, ":3025", e) < 0 ||
	    fallback(&c->socket, "/run/sallyport/authd/authd.sock", e) < 0 ||
	    fallback(&c->state, "/var/lib/sallyport/authd", e) < 0 ||
	    fallback(&c->audit_addr, "127.0.0.1:3026", e) < 0)
		return -1;
	if (check_listen(c->listen, e) < 0 || conf_address("auditd_addr", c->audit_addr, e) < 0 ||
	    conf_path("socket", c->socket, false, e) < 0 ||
	    conf_path("state", c->state, false, e) < 0 ||
	    conf_path("ca_key", c->ca_key, true, e) < 0)
		return -1;
	if (c->proxy_addr && conf_address("proxy_addr", c->proxy_addr, e) < 0)
		return -1;
	if (conf_diag_addr(c->diag_addr, e) < 0)
		return -1;
	c->recipient = (struct backup_recipient){ 0 };
	if (c->backup_recipient &&
	    backup_recipient_parse(&c->recipient, c->backup_recipient, e) < 0)
		return err_prefix(e, "backup_recipient");
	if (strlen(c->socket) > 100)
		return err_set(e, "socket: a path of at most 100 bytes");
	return find_key(c, e);
}

const char *
conf_user(const void *conf)
{
	const struct conf *c = conf;

	return c->user ? c->user : "";
}

const char *
conf_diag(const void *conf)
{
	return conf_text(((const struct conf *)conf)->diag_addr, "127.0.0.1:3082");
}
