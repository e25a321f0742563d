/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal: what the files of lib/rpc know of each other; nobody else includes it.
 *
 * loop.c     completion queue -> event loop
 * message.c  protobuf bytes <-> structs
 * call.c     one call, either side: the operations under way, the queue of messages
 * server.c   accept, dispatch by table, drain
 * guard.c    connections of a server, and what those may who have not shown who they are
 * client.c   channels, invoke, open, the blocking call
 * async.c    one daemon asks another: calls that are forgotten together
 * tls.c      identities and credentials
 * peer.c     who the caller is
 * behalf.c   for whom a proxy calls
 *
 * gRPC ends the process when it finds no memory; the small allocations here come from the same place
 * (gpr_zalloc) and do the same, so that no half-made call has to be thought about.
 */
#ifndef RPC_RPC_PRIV_H
#define RPC_RPC_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "base/list.h"
#include "metric/histogram.h"
#include "rpc/rpc.h"
#include "rpc/tls.h"

#define RPC_CODES (RPC_UNAUTHENTICATED + 1)
/* A status may be any number that the other side writes; those that gRPC's documents do not name are UNKNOWN. */
enum rpc_code rpc_known_code(int code);

enum {
	RPC_ASKED_METHODS = 32,     /* that a daemon calls at others, and are timed each */
	RPC_MESSAGE_MAX = 1 << 20,  /* default limit of a received message, bytes */
	RPC_LISTENERS = 4,          /* of a server, as guard.c */
	RPC_QUEUE_MAX = 64 << 20,   /* bytes waiting in one call before it is given up */
	RPC_STATUS_TEXT_MAX = 1024, /* gRPC replaces longer texts (8 KiB) by an error of its own */
	RPC_METHOD_MAX = 256,
	RPC_STRANGER_MAX = 64 * 1024, /* bytes of a message of somebody without a certificate */
};

/* --- loop.c --------------------------------------------------------------------- */

/* The tag of a completion: what to do on the loop's thread when it is there. */
struct rpc_op {
	void (*done)(void *arg, bool ok);
	void *arg;
	struct rpc_op *next;
	bool ok, pending;
	atomic_bool handed; /* given to gRPC; tells ThreadSanitizer what gRPC's own locks ensure */
};

struct rpc_opq {
	struct rpc_op *head, **tail;
};

/* How long answers to a method took, on either side. */
struct rpc_times {
	const char *method; /* NULL: not used yet */
	struct histogram took;
};

struct rpc_loop {
	grpc_completion_queue *cq;
	struct loop *loop; /* NULL: pumped by rpc_loop_run */
	struct watch wake;
	struct deferred later;
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	struct rpc_opq done;  /* completed on gRPC's threads; under lock */
	struct rpc_opq local; /* completed while being started; the loop's thread only */
	/* What was asked of others (async.c), for those who watch (metrics.c). */
	struct rpc_times asked[RPC_ASKED_METHODS];
	uint64_t asked_failed[RPC_CODES];
};

/* Starts a batch; op->done(arg, ok) follows from the loop, also when gRPC refuses the batch (ok false). */
void rpc_loop_start(struct rpc_loop *rl, grpc_call *call, const grpc_op *ops, size_t n,
    struct rpc_op *op);
/* Marks an operation as being with gRPC; before grpc_server_request_call and its like. */
void rpc_op_hand(struct rpc_op *op, void (*done)(void *arg, bool ok), void *arg);

/* Servers: failed handshakes are shown at info. */
void rpc_loop_log_handshakes(void);

/* --- message.c -------------------------------------------------------------------- */

grpc_byte_buffer *rpc_pack(const ProtobufCMessage *message, size_t *ret_len);
/* NULL: not a message of this type, or not one that we believe (wire_check.h). */
ProtobufCMessage *rpc_unpack(const ProtobufCMessageDescriptor *type, grpc_byte_buffer *buffer);

/* --- call.c ----------------------------------------------------------------------- */

struct rpc_outgoing {
	struct rpc_outgoing *next;
	grpc_byte_buffer *buffer;
	size_t len;
};

struct rpc_service {
	struct rpc_service *next;
	const ProtobufCServiceDescriptor *type;
	const struct rpc_row **rows; /* by index in the descriptor */
	struct rpc_times *times;     /* likewise */
	void *context;
};

struct rpc_call {
	struct rpc_loop *rl;
	grpc_call *grpc;
	struct rpc_server *server;   /* NULL on the client's side */
	struct rpc_channel *channel; /* NULL on the server's side; a reference */
	const struct rpc_service *service;
	const struct rpc_row *row;
	struct rpc_times *times; /* of a server's method with one answer */
	int64_t began_us;        /* when its request was whole; 0: it is not */
	struct rpc_events on;
	const ProtobufCMessageDescriptor *in, *out;
	bool reads_many; /* RPC_MESSAGE after RPC_MESSAGE may come in */
	void *data;
	void *keep; /* rpc_call_sync: ProtobufCMessage ** that takes the answer */
	struct rpc_peer peer;
	/* A caller without a certificate: what guard.c counts. */
	struct {
		struct list link;
		char *share; /* NULL: not one */
		int64_t since_ms;
	} stranger;
	char *payer; /* of one with a certificate; NULL: not counted */

	struct rpc_op accept, receive, transmit, end;
	grpc_call_details details;
	grpc_metadata_array initial, trailing;
	grpc_byte_buffer *inbox, *outbox;
	struct rpc_outgoing *queue, **queue_tail;
	size_t queued, queued_bytes;
	bool wait_for_ready;
	bool greeting; /* send the initial metadata even without a message */
	bool greeted, welcomed, paused, eof, broken, ending, end_sent, ended;

	grpc_status_code status;
	grpc_slice status_text;
	int cancelled;
	grpc_metadata told[2]; /* a client's, on behalf of whom */
	size_t n_told;
};

struct rpc_call *rpc_call_new(struct rpc_loop *rl, const struct rpc_events *on, void *data);
void rpc_call_free(struct rpc_call *call);
void rpc_call_receive(struct rpc_call *call);
void rpc_call_transmit(struct rpc_call *call);
/* Unpacks the inbox and hands it to the owner. False: unreadable. */
bool rpc_call_deliver(struct rpc_call *call);
/* Completion of RECV_CLOSE_ON_SERVER and RECV_STATUS_ON_CLIENT. */
void rpc_call_ended(void *arg, bool ok);
size_t rpc_call_put_greeting(struct rpc_call *call, grpc_op *op);
/* Cleans a text for a status and cuts it; the result is a slice that the caller owns. */
grpc_slice rpc_status_slice(const char *text);

/* server.c */
struct rpc_server {
	struct rpc_loop *rl;
	grpc_server *grpc;
	struct rpc_service *services;
	struct rpc_server_config config;
	char cluster[256];
	struct rpc_peers *peers;
	struct rpc_guard *guard;
	struct rpc_identity *identity; /* of the last TLS listener; they share one */
	struct rpc_listener *listeners[RPC_LISTENERS];
	size_t n_listeners;
	char socket_path[108];

	struct rpc_op down_op;
	struct timer grace;
	void (*stopped)(void *arg);
	void *stopped_arg;
	size_t waiting, active;     /* calls not yet accepted; accepted and not yet freed */
	uint64_t failed[RPC_CODES]; /* calls that ended with the code */
	bool started, stopping, down;
};
void rpc_server_call_freed(struct rpc_call *call, bool accepted);
/* client.c: what a status means for people, in dst; the code may be made clearer. */
void rpc_client_explain(const struct rpc_call *call, const char *text, char *dst, size_t size);
void rpc_channel_unref(struct rpc_channel *channel);
struct rpc_channel *rpc_channel_ref(struct rpc_channel *channel);

/* --- tls.c ------------------------------------------------------------------------ */

struct rpc_listener;
/* must: who shows no certificate is refused in the handshake. */
grpc_server_credentials *
rpc_tls_server(struct rpc_identity *id, bool must, struct rpc_listener **ret_listener);
void rpc_tls_listener_free(struct rpc_listener *listener);
/* Credentials as of now, and their generation. NULL with e: no roots, certificate out of its dates. */
grpc_channel_credentials *
rpc_tls_client(struct rpc_identity *id, unsigned *ret_generation, struct err *e);
/* Encrypted to whoever answers: for fetching what is checked by other means (a CA bundle by its pin). */
grpc_channel_credentials *rpc_tls_anybody(void);
unsigned rpc_identity_generation(struct rpc_identity *id);
/* 0, or negative when our own certificate is not valid now. */
int rpc_identity_check_dates(struct rpc_identity *id, struct err *e);
/* Ends of our certificate, and of the host and user CA that sign now; seconds since 1970, 0: there is none. */
void rpc_identity_ends(struct rpc_identity *id, int64_t *ret_own_s, int64_t *ret_host_ca_s,
    int64_t *ret_user_ca_s);
/* Copies of the trusted roots; freed by the caller, each may be NULL. */
void rpc_identity_roots(struct rpc_identity *id, char **ret_host, char **ret_user);

/* --- guard.c ---------------------------------------------------------------------- */

struct rpc_guard;
struct rpc_guard_config {
	struct loop *loop;
	unsigned per_address; /* connections without a certificate; 0: 64 */
	unsigned per_person;  /* calls of one user or node; 0: 64 */
	rpc_origin_fn *origin;
	void *arg;
};
/* NULL without memory. Ended before the server's core, freed after it. */
struct rpc_guard *rpc_guard_new(const struct rpc_guard_config *config);
void rpc_guard_free(struct rpc_guard *g);
/* For the core's arguments: where it puts its door. */
grpc_arg rpc_guard_arg(struct rpc_guard *g);
int rpc_guard_listen(struct rpc_guard *g, grpc_server *core, const char *address,
    grpc_server_credentials *creds, int *ret_port, struct err *e);
void rpc_guard_start(struct rpc_guard *g);               /* after the core */
unsigned rpc_guard_strangers(const struct rpc_guard *g); /* connections without a certificate */
void rpc_guard_stop(struct rpc_guard *g);                /* takes no more connections */
/* Somebody whom we believe has called on the connection: from now on it is not counted. peer: as gRPC tells it. */
void rpc_guard_known(struct rpc_guard *g, const char *peer);
/* A call on it was refused. */
void rpc_guard_refused(struct rpc_guard *g, const char *peer);
/* Whether a call of somebody without a certificate may go on; true is to be given back with rpc_guard_release, which may
 * be called for any call. */
bool rpc_guard_admit(struct rpc_guard *g, struct rpc_call *call);
/* The same of a call of somebody with one: proxies and the like, which speak for many, always. */
bool rpc_guard_admit_known(struct rpc_guard *g, struct rpc_call *call);
void rpc_guard_release(struct rpc_guard *g, struct rpc_call *call);

/* --- peer.c ----------------------------------------------------------------------- */

struct rpc_peers; /* what is known of the certificates seen lately, so that each is verified once */
struct rpc_peers *rpc_peers_new(const char *cluster);
void rpc_peers_free(struct rpc_peers *peers);
/* Fills call->peer.address. */
void rpc_peer_locate(struct rpc_call *call);
/* Fills the rest of call->peer. 0, or negative with why the caller is not to be believed. */
int rpc_peer_identify(struct rpc_peers *peers, struct rpc_identity *id, struct rpc_call *call,
    struct err *e);

/* --- behalf.c --------------------------------------------------------------------- */

/* A server's call whose peer is known: if it is on behalf of somebody, call->peer becomes him. RPC_OK; or the code and
 * reason with which it ends. *ret_denied: it was nobody who may do that, which belongs in the audit trail. */
enum rpc_code rpc_behalf_read(struct rpc_call *call, bool *ret_denied, struct err *e);
/* A client's, before it begins. */
void rpc_behalf_tell(struct rpc_call *call, const struct rpc_options *options);
void rpc_behalf_done(struct rpc_call *call);

#endif
