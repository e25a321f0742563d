/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: how tsh and tctl speak to authd and auditd: blocking, over the proxy with the credentials of a profile, or
 * over the Unix sockets on the daemons' own host.
 */
#ifndef API_CLIENT_H
#define API_CLIENT_H

#include <stdbool.h>

#include "base/err.h"
#include "profile/profile.h"
#include "proto/audit.pb-c.h"
#include "proto/auth.pb-c.h"
#include "rpc/rpc.h"

struct client;

/* With a profile's credentials, through its proxy. Connects at the first call. */
int client_open(struct client **ret, const struct profile *profile, struct err *e);
/* Over the Unix sockets; NULL: the one is not used. */
int client_open_local(struct client **ret, const char *auth_socket, const char *audit_socket,
    struct err *e);
/* Without a certificate of our own, trusting these host CAs (PEM): for the login. */
int client_open_anonymous(struct client **ret, const char *proxy, const char *cluster,
    const char *ca_pem, struct err *e);
void client_free(struct client *c); /* NULL is fine */

/* One unary call: reply is a pointer to a pointer of the reply's type, freed with client_free_reply. Negative with
 * e filled by the server's words. */
int client_auth(struct client *c, const char *method, const void *request, void *ret_reply,
    struct err *e);
int client_audit(struct client *c, const char *method, const void *request, void *ret_reply,
    struct err *e);
void client_free_reply(void *reply); /* NULL is fine */

/* A stream of answers from auditd: part is called for each, until the end; it returns false to stop. */
int client_audit_stream(struct client *c, const char *method, const void *request,
    bool (*part)(const void *message, void *arg), void *arg, struct err *e);

#endif
