/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: the schema of noded.yaml and its checks. Called at start-up by noded, its monitor and its
 * worker.
 */
#include "node/conf.h"

#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "crypto/capin.h"
#include "policy/policy.h"

static const cyaml_schema_value_t label_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 512),
};

/* Two of authd's lists; see check_cutoffs. */
enum { CUTOFFS_MAX_AGE_MIN_S = 600 };

#define OPTIONAL          (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(key, member) CYAML_FIELD_STRING_PTR(key, OPTIONAL, struct conf, member, 1, 4096)

static const cyaml_schema_field_t fields[] = {
	TEXT("proxy", proxy),
	TEXT("proxy_name", proxy_name),
	TEXT("ca_pin", ca_pin),
	TEXT("token", token),
	TEXT("name", name),
	TEXT("state", state),
	TEXT("user", user),
	TEXT("listen", listen),
	TEXT("advertise", advertise),
	TEXT("pam_service", pam_service),
	CYAML_FIELD_STRING_PTR("diag_addr", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct conf,
	    diag_addr, 0, 255),
	TEXT("sftp_server", sftp_server),
	TEXT("scp", scp),
	TEXT("spool_quota", spool_quota_text),
	TEXT("cutoffs_max_age", cutoffs_max_age_text),
	TEXT("session_memory", session_memory_text),
	CYAML_FIELD_INT("max_sessions", CYAML_FLAG_OPTIONAL, struct conf, max_sessions),
	CYAML_FIELD_INT("session_processes", CYAML_FLAG_OPTIONAL, struct conf, session_processes),
	CYAML_FIELD_SEQUENCE_COUNT("labels", OPTIONAL, struct conf, label_texts, label_texts_count,
	    &label_schema, 0, NODE_LABELS_MAX),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t conf_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct conf, fields),
};

/* Splits the texts in place, in label_data: n_labels and labels point there, as long as the
 * struct lives. */
static int
check_labels(struct conf *c, struct err *e)
{
	char *at = c->label_data, *end = c->label_data + sizeof(c->label_data);

	c->n_labels = 0;
	for (unsigned i = 0; i < c->label_texts_count; i++) {
		const char *text = c->label_texts[i];
		if (!str_copy(at, (size_t)(end - at), text))
			return err_set(e, "labels: they are too long together");
		char *eq = strchr(at, '=');
		if (!eq || eq == at)
			return err_set(e, "labels: \"%s\" must be written as key=value", text);
		*eq = '\0';
		if (!policy_label_ok(at, eq + 1))
			return err_set(e, "labels: \"%s\" holds characters that are not allowed",
			    text);
		/* Which of the two would count depended on who reads them first. */
		for (size_t j = 0; j < c->n_labels; j++)
			if (strcmp(c->labels[j].key, at) == 0)
				return err_set(e, "labels: \"%s\" is given twice", at);
		c->labels[c->n_labels++] = (struct policy_label){ at, eq + 1 };
		at += strlen(text) + 1;
	}
	return 0;
}

static int
check_name(struct conf *c, struct err *e)
{
	if (c->name) {
		if (!str_copy(c->name_text, sizeof(c->name_text), c->name))
			return err_set(e, "name: too long");
	} else if (gethostname(c->name_text, sizeof(c->name_text) - 1)) {
		return err_errno(e, "cannot find the host name; set name");
	}
	/* Also the machine's own name is checked: it goes into certificates and to other people's
	 * terminals. */
	if (!identity_name_ok(span_str(c->name_text)))
		return err_set(e, "name: \"%s\" is not a host name", c->name_text);
	return 0;
}

/* The pin may be missing: once the authorities are known it is not needed (monitor/trust.c). */
static int
check_proxy(struct conf *c, struct err *e)
{
	if (!c->proxy)
		return err_set(e,
		    "proxy is missing: set it to the HOST:PORT of the proxy's public port");
	if (!str_host_port(c->proxy, 3080, c->proxy_host, sizeof(c->proxy_host), &c->proxy_port))
		return err_set(e, "proxy: \"%s\" is not HOST:PORT", c->proxy);
	if (c->ca_pin && !capin_ok(c->ca_pin))
		return err_set(e, "ca_pin: \"%s\" is not sha256: and 64 hexadecimal digits",
		    c->ca_pin);
	return 0;
}

/* Authd signs every five minutes: less than two of these would refuse at every hiccup. */
static int
check_cutoffs(struct conf *c, struct err *e)
{
	if (c->cutoffs_max_age_text && strcmp(c->cutoffs_max_age_text, "never") == 0) {
		c->cutoffs_max_age_s = 0;
		return 0;
	}
	if (conf_duration(&c->cutoffs_max_age_s, "cutoffs_max_age", c->cutoffs_max_age_text, "24h",
		e))
		return -1;
	if (c->cutoffs_max_age_s < CUTOFFS_MAX_AGE_MIN_S)
		return err_set(e, "cutoffs_max_age: at least 10m, or never");
	return 0;
}

/* Unless given three quarters of the machine: what is left is for the others. */
static int
check_memory(struct conf *c, struct err *e)
{
	if (!c->session_memory_text) {
		c->session_memory = (uint64_t)sysconf(_SC_PHYS_PAGES) *
		    (uint64_t)sysconf(_SC_PAGESIZE) / 4 * 3;
		return 0;
	}
	return conf_size(&c->session_memory, "session_memory", c->session_memory_text, "", e);
}

int
conf_check(void *conf, struct err *e)
{
	struct conf *c = conf;

	if (check_proxy(c, e) || check_name(c, e) || check_labels(c, e) || check_cutoffs(c, e))
		return -1;
	if (conf_size(&c->spool_quota, "spool_quota", c->spool_quota_text, "1GB", e) ||
	    conf_range(&c->max_sessions, "max_sessions", 1000, 1, 10000, e) ||
	    conf_range(&c->session_processes, "session_processes", 4096, 16, 4194304, e) ||
	    check_memory(c, e))
		return -1;
	if (c->spool_quota < 16 * 1024 * 1024)
		return err_set(e, "spool_quota: at least 16MB, so that recordings have room");
	if (conf_path("token", c->token, true, e) || conf_path("state", c->state, true, e) ||
	    conf_path("sftp_server", c->sftp_server, true, e) || conf_path("scp", c->scp, true, e))
		return -1;
	/* Looked at here, though only the worker binds it: `noded --check` must find what is
	 * wrong. */
	if ((c->listen && conf_address("listen", c->listen, e)) ||
	    (c->advertise && conf_address("advertise", c->advertise, e)) ||
	    conf_diag_addr(c->diag_addr, e))
		return -1;
	return 0;
}

int
conf_load_checked(struct conf **ret, const char *path, struct err *e)
{
	void *conf = NULL;

	if (conf_load(path, &conf_schema, &conf, e))
		return -1;
	if (conf_check(conf, e)) {
		conf_free(&conf_schema, conf);
		return err_prefix(e, "%s", path);
	}
	*ret = conf;
	return 0;
}

const char *
conf_name(const struct conf *c)
{
	return c->name_text;
}

const char *
conf_state(const struct conf *c)
{
	return c->state ? c->state : NODE_STATE_PATH;
}

const char *
conf_user(const struct conf *c)
{
	return c->user ? c->user : "sallyport-node";
}

const char *
conf_sftp_server(const struct conf *c)
{
	return c->sftp_server ? c->sftp_server : "/usr/lib/openssh/sftp-server";
}

const char *
conf_scp(const struct conf *c)
{
	return c->scp ? c->scp : "/usr/bin/scp";
}

const char *
conf_proxy_name(const struct conf *c)
{
	return c->proxy_name ? c->proxy_name : c->proxy_host;
}

const char *
conf_diag(const void *conf)
{
	return conf_text(((const struct conf *)conf)->diag_addr, "127.0.0.1:3084");
}
