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

/* How the last call ended that is no stream; RPC_OK before the first. */
enum rpc_code client_code(const struct client *c);

void client_free_reply(void *reply); /* a message that a call gave; NULL is fine */

/* For the generated "proto/NAME.sync.h", which has a typed function for every method: one request and its answer
 * (ret_reply: a pointer to a pointer of the reply's type, freed with client_free_reply; or NULL), and a stream of
 * answers, for each of which part is called until it returns false. Negative with e filled by the server's words. */
int client_call(struct client *c, const struct rpc_method *method, const void *request,
    void *ret_reply, struct err *e);
/* Of a list that comes in pages (proto/auth.proto, ListUsersRequest) all of them, as one reply. Request and reply have
 * `after` and `next`, and the reply one list of messages. */
int client_call_all(struct client *c, const struct rpc_method *method, const void *request,
    void *ret_reply, struct err *e);
int client_stream(struct client *c, const struct rpc_method *method, const void *request,
    bool (*part)(const void *message, void *arg), void *arg, struct err *e);

#endif
