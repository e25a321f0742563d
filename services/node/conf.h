/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: noded.yaml, as both the monitor and the worker read it. deploy/conf/noded.yaml shows
 * every key.
 */
#ifndef NODE_CONF_H
#define NODE_CONF_H

#include "conf/conf.h"
#include "policy/policy.h"

#define CONF_PATH       "/etc/sallyport/noded.yaml"
#define NODE_STATE_PATH "/var/lib/sallyport/noded"

enum { NODE_LABELS_MAX = 64 };

struct conf {
	/* as the file says; NULL where it says nothing, until conf_check */
	char *proxy;      /* HOST:PORT of proxyd's public port */
	char *proxy_name; /* in proxyd's host certificate; default: the host of `proxy` */
	char *ca_pin;     /* NULL: the first bundle is believed, and remembered */
	char *token;      /* file with the join token; needed until the node has joined */
	char *name;       /* default: the host name */
	char *state;
	char *user;              /* the worker's, when started as root */
	char *listen;            /* HOST:PORT: serve SSH directly too; NULL: no port is opened */
	char *advertise;         /* HOST:PORT under which `listen` is reached; NULL: as `listen` */
	char *diag_addr;         /* ADDRESS:PORT of /metrics; "": none */
	char *pam_service;       /* NULL: sallyport, else sshd, else other */
	char *sftp_server, *scp; /* programs of transfers, run without a shell */
	char *spool_quota_text, *cutoffs_max_age_text, *session_memory_text;
	int64_t max_sessions;
	int64_t session_processes; /* of one session at a time */
	char **label_texts;        /* "env=prod" */
	unsigned label_texts_count;

	/* from those, by conf_check */
	char proxy_host[256];
	uint16_t proxy_port;
	uint64_t spool_quota;      /* bytes */
	uint64_t session_memory;   /* bytes; where cgroups are there */
	int64_t cutoffs_max_age_s; /* how old the latest list of cut-offs may be; 0: any age */
	char name_text[256];
	char label_data[8192]; /* what the labels point into */
	struct policy_label labels[NODE_LABELS_MAX];
	size_t n_labels;
};

extern const cyaml_schema_value_t conf_schema;
/* Defaults and ranges; the hook of the skeleton. */
int conf_check(void *conf, struct err *e);
/* Both at once. Freed with conf_free(&conf_schema, ...). */
int conf_load_checked(struct conf **ret, const char *path, struct err *e);

/* Getters where the file may be silent. */
const char *conf_name(const struct conf *c);
const char *conf_state(const struct conf *c);
const char *conf_user(const struct conf *c);
const char *conf_sftp_server(const struct conf *c);
const char *conf_scp(const struct conf *c);
const char *conf_proxy_name(const struct conf *c);
const char *conf_diag(const void *conf); /* for the skeleton */

#endif
