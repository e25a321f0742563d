/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config: noded.yaml, as both the monitor and the worker read it. deploy/conf/noded.yaml shows every key.
 */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct node_label {
	char *name;
	char *value;
};

struct node_config {
	char *proxy;        /* HOST:PORT of proxyd's public port */
	char *proxy_name;   /* name expected in proxyd's host certificate; NULL: the host of `proxy` */
	char *ca_pin;       /* NULL: the first bundle is believed, and remembered */
	char *token_file;   /* join token; needed until the node has joined */
	char *name;         /* NULL: the host name */
	char *state_dir;
	char *user;         /* the worker's, when started as root */
	char *listen;       /* HOST:PORT: serve SSH directly too; NULL: no port is opened */
	char *advertise;    /* HOST:PORT under which `listen` is reached; NULL: as `listen` */
	char *pam_service;  /* NULL: sallyport, else sshd, else other */
	char *sftp_server;
	char *log_level;
	char *log_format;
	uint64_t record_limit; /* bytes of output recorded of each stream of a command without terminal */
	uint64_t spool_quota;  /* bytes */
	uint32_t max_sessions;
	struct node_label *labels;
	unsigned n_labels;
};

/* Reads and checks the file; defaults are filled in. Negative with the line that is wrong. */
int node_config_load(struct node_config **ret, const char *path, struct err *e);
void node_config_free(struct node_config *c);

#endif
