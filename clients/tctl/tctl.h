/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl: what its verbs share.
 */
#ifndef TCTL_TCTL_H
#define TCTL_TCTL_H

#include <jansson.h>

#include "base/err.h"
#include "cli/cli.h"
#include "proto/auth.sync.h"

enum { TCTL_LABELS_MAX = 64, TCTL_LABELS_ARENA = 65536 };

struct tctl_globals {
	const char *auth_socket, *audit_socket;
	const char *proxy, *as;
};
extern struct tctl_globals tctl_globals;

/* On the host of authd, for root and authd's own user: over the Unix sockets, with full rights. Anywhere else: with
 * the credentials of tsh, through the proxy. On failure prints the error. */
struct client *tctl_client(void);
/* The shape of most verbs: what is done once there is a connection. arg: the verb's words (char **), or NULL.
 * Negative: an error, which tctl_run prints. */
typedef int tctl_verb(struct client *c, void *arg, struct err *e);
/* Connects, does it, disconnects. Returns the exit status. */
int tctl_run(tctl_verb *verb, void *arg);
/* The same for a method of authd that takes a name and answers nothing. */
typedef int
tctl_named_fn(struct client *c, const Auth__Name *request, Auth__Empty **ret, struct err *e);
int tctl_by_name(tctl_named_fn *method, const char *name);
/* Sends q with m as the value of its resource. *ret is what authd keeps: client_free_reply. */
int tctl_put(struct client *c, Auth__PutResourceRequest *q, const ProtobufCMessage *m,
    Auth__Resource **ret, struct err *e);
/* Prints a JSON value that a verb made, in its --format, and lets go of it. */
void tctl_print(json_t *value, const char *format);

/* "a,b,c" taken apart, for a repeated field of a request; the parts point into the copy. NULL is an empty list.
 * Negative: too many. To be released with tctl_words_done, whatever the answer was. */
struct tctl_words {
	char *copy;
	char *v[TCTL_LABELS_MAX + 1];
	size_t n;
};
int tctl_words_split(struct tctl_words *w, const char *text, struct err *e);
void tctl_words_done(struct tctl_words *w);

extern const struct cli_command tctl_commands[]; /* table.c */
extern const struct cli_command cmd_users_sub[], cmd_tokens_sub[], cmd_nodes_sub[],
    cmd_recordings_sub[], cmd_audit_sub[], cmd_sessions_sub[];
extern const struct cli_option cmd_status_options[], cmd_get_options[], cmd_create_options[],
    cmd_lock_options[], cmd_backup_options[], cmd_top_options[], cmd_version_options[],
    cmd_explain_options[], cmd_audit_count_options[], cmd_audit_export_options[];
int cmd_audit_count(int argc, char **argv);
int cmd_audit_export(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_edit(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_lock(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
