/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc: protobuf-c services over the gRPC C core, driven by the event loop.
 *
 * Methods are called and served through the headers that tools/gen-stubs makes of the .proto files
 * ("proto/NAME.server.h", ".async.h", ".sync.h"): there every request and reply has its type. Here messages are
 * void *: what those headers stand on.
 *
 * One call object and one set of events on both sides. Every callback runs on
 * the thread of the loop (or, without one, on the thread inside rpc_loop_run /
 * rpc_call_sync); none of it needs locks. docs/ARCHITECTURE.md, "RPC", tells
 * how completion queue and loop meet.
 */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/err.h"
#include "event/loop.h"
#include "net/addr.h"

struct rpc_loop;
struct rpc_call;
struct rpc_server;
struct rpc_channel;
struct rpc_identity; /* rpc/tls.h */

/* The codes of gRPC, by their numbers. */
enum rpc_code {
	RPC_OK = 0,
	RPC_CANCELLED = 1,
	RPC_UNKNOWN = 2,
	RPC_INVALID_ARGUMENT = 3,
	RPC_DEADLINE_EXCEEDED = 4,
	RPC_NOT_FOUND = 5,
	RPC_ALREADY_EXISTS = 6,
	RPC_PERMISSION_DENIED = 7,
	RPC_RESOURCE_EXHAUSTED = 8,
	RPC_FAILED_PRECONDITION = 9,
	RPC_ABORTED = 10,
	RPC_OUT_OF_RANGE = 11,
	RPC_UNIMPLEMENTED = 12,
	RPC_INTERNAL = 13,
	RPC_UNAVAILABLE = 14,
	RPC_DATA_LOSS = 15,
	RPC_UNAUTHENTICATED = 16,
};

enum {
	RPC_SESSION_TOKEN_SIZE = 65, /* 64 hexadecimal digits */
	RPC_SESSION_KEY_SIZE = 65,
	RPC_SESSION_ID_LEN = 16, /* digits that people see */
};

struct rpc_status {
	enum rpc_code code;
	const char *message; /* never NULL; clean text of at most 1 KiB */
};

/* --- who is calling --------------------------------------------------------------- */

/* From the URI SAN sallyport://<cluster>/<kind>/<name> of the verified client certificate AND the CA that
 * signed it (a host CA never makes a user), or from the local socket. Bits, so that a method row can list them. */
enum rpc_who {
	RPC_ANYONE = 1 << 0, /* no certificate; in a row: everyone */
	RPC_USER = 1 << 1,   /* user CA */
	RPC_NODE = 1 << 2,   /* host CA, kind node */
	RPC_PROXY = 1 << 3,  /* host CA, kind proxy */
	RPC_AUTH = 1 << 4,   /* host CA, kind auth */
	RPC_AUDIT = 1 << 5,  /* host CA, kind audit */
	RPC_LOCAL = 1 << 6,  /* root or the daemon's own user, on the Unix socket */
	/* In a row only: a proxy may call it for a browser that has no session yet, and say where that is. Everything else that
	 * a proxy calls it calls from its own address. */
	RPC_BROWSER = 1 << 7,
};

/* "user", "node", ...; "anyone" for RPC_ANYONE and for 0. For logs and events. */
const char *rpc_who_name(enum rpc_who who);
/* "ipv4:10.0.0.1:5555", "ipv6:%5B::1%5D:5555". False: nothing of this kind (the local socket). */
bool rpc_peer_addr(const char *peer_address, struct addr *ret);

struct rpc_peer {
	enum rpc_who who; /* 0 in the `refused` hook: a certificate that was not believed */
	char cluster[256];
	char name
	    [256]; /* user name, node uuid, proxy name; "" for RPC_ANYONE, "root" for RPC_LOCAL */
	char address[128]; /* transport address, for logs: "ipv4:10.0.0.1:5555" */
	int64_t issued_s;  /* not_before and not_after of the certificate; 0 when none */
	int64_t expires_s;
	/* Of a call that a proxy makes for somebody (behalf.c): */
	bool told; /* address is his, as the proxy tells it, and not the connection's */
	char web[RPC_SESSION_KEY_SIZE]; /* the web session that he calls in; "": none */
	char via[64];                   /* UUID of the proxy */
};

/* Whether he comes from that address, of whatever port: for sessions that are pinned to one; and what he is told if not. */
bool rpc_peer_is_at(const struct rpc_peer *peer, const char *ip);
extern const char rpc_pinned_text[];

/* Whether it can be the token of a web session: hexadecimal digits in lower case. */
bool rpc_is_session_token(const char *text);
/* A web session's key, by which everybody knows it: the SHA-256 of its token, in hexadecimal digits. False: that is no
 * token. */
bool rpc_session_key(const char *token, char ret[RPC_SESSION_KEY_SIZE]);

/* --- methods --------------------------------------------------------------------------- */

enum rpc_kind {
	RPC_UNARY = 0,
	RPC_SEND_STREAM = 1,
	RPC_RECEIVE_STREAM = 2,
	RPC_DUPLEX = 3
}; /* as the server sees it */

/* What the generated stubs say of a method. */
struct rpc_method {
	const ProtobufCServiceDescriptor *service;
	const char *name; /* as in the .proto */
	enum rpc_kind kind;
};

/* A function whose type the generated stubs know: they cast it back before they call it. */
typedef void rpc_typed_fn(void);
/* fn as an rpc_typed_fn, if it has the type; otherwise the program does not compile. */
#define RPC_TYPED(type, fn) _Generic((fn), type * : (rpc_typed_fn *)(fn))

/* --- calls, either side ---------------------------------------------------------------- */

/* What happens to a call. On either side `closed` comes last, and exactly once; then the call is gone. */
struct rpc_events {
	/* Freed when this returns. NULL message: the peer sends no more (streams). */
	void (*message)(struct rpc_call *call, const void *message);
	/* Everything queued was taken by the transport: queue the next. */
	void (*writable)(struct rpc_call *call);
	void (*closed)(struct rpc_call *call, const struct rpc_status *status);
	/* Of the stubs: the handler that `message` calls. */
	rpc_typed_fn *typed;
};

/* Queues a message (packed before this returns); never blocks. Look at rpc_queued() and wait for writable. It must be
 * of the method's type: the generated X_push and X_send see to that. */
void rpc_send(struct rpc_call *call, const void *message);
size_t rpc_queued(const struct rpc_call *call); /* messages not yet taken by the transport */
void rpc_pause(struct rpc_call *call);          /* stop reading: flow control reaches the peer */
void rpc_resume(struct rpc_call *call);
void rpc_cancel(struct rpc_call *call);
void rpc_set_data(struct rpc_call *call, void *data);
void *rpc_data(const struct rpc_call *call);
rpc_typed_fn *rpc_typed(const struct rpc_call *call);

/* --- server ------------------------------------------------------------------------- */

/* One row a method: who may call it is data, checked before the handler sees anything. The generated X_METHOD(...)
 * writes one. */
struct rpc_row {
	const struct rpc_method *method;
	unsigned who; /* enum rpc_who bits */
	struct rpc_events on;
};

/* Whose connection it is, in *ret. False: a proxy's, and not yet known for whom. peer_address: as in struct rpc_peer. */
typedef bool rpc_origin_fn(const char *peer_address, struct addr *ret, void *arg);

/* Whose web session has that key. *peer is the proxy that asks on its behalf; with RPC_OK it becomes the person: who,
 * name, issued_s, expires_s. Otherwise the code that the call ends with, and why. */
typedef enum rpc_code
rpc_session_fn(const char *key, struct rpc_peer *peer, void *arg, struct err *e);

/* Callers without a certificate have small shares (guard.c): messages of 64 KiB, 32 calls and 64 connections of an
 * address at the same time, ten seconds for a request, a minute and 256 KiB for a connection. Where no row is for
 * RPC_ANYONE nobody without a certificate gets beyond the handshake. */
struct rpc_server_config {
	size_t max_message;  /* bytes; 0: 1 MiB */
	const char *cluster; /* peers of another cluster are nobody */
	/* Told about every refused call (who-may-call), for the audit trail; may be NULL. */
	void (*refused)(const struct rpc_peer *peer, const char *method, void *arg);
	/* What connections and calls may take of memory together, bytes; over it gRPC lets reads wait and ends calls. The last
	 * line, behind the shares of strangers. 0: no limit. */
	size_t memory_max;
	/* What a stream may send before anybody reads it, bytes; 0: gRPC's choice, 64 KiB and growing. */
	size_t stream_window;
	rpc_origin_fn *origin;   /* NULL: connections are whose address they come from */
	rpc_session_fn *session; /* NULL: nobody may call on behalf of somebody */
	/* Connections of one address that have not shown a certificate; 0: 64. */
	unsigned strangers_of_one;
	/* Calls at the same time of one user, or node: who does not read an answer has it in our memory; 0: 64. */
	unsigned calls_of_one;
	void *arg;
};

/* rl must have a loop. */
int rpc_server_new(struct rpc_server **ret, struct rpc_loop *loop,
    const struct rpc_server_config *config);
/* Every method of the service must have one row, and no row may be of another service: negative otherwise (a bug).
 * The rows are kept, not copied. Called through the generated X_serve_rows. */
int rpc_server_serve(struct rpc_server *server, const ProtobufCServiceDescriptor *service,
    const struct rpc_row *rows, size_t n, void *context);
/* "HOST:PORT" (as listen_bind has it) with mutual TLS, after the rows are served; callers without a certificate are
 * RPC_ANYONE, wrong certificates are refused at the handshake. Returns the port through ret_port (may be NULL). */
int rpc_server_listen(struct rpc_server *server, const char *address, struct rpc_identity *identity,
    int *ret_port, struct err *e);
/* A Unix socket, mode 0600: whoever may connect is RPC_LOCAL. An old socket file is replaced. */
int rpc_server_listen_local(struct rpc_server *server, const char *path, struct err *e);
void rpc_server_start(struct rpc_server *server);
/* Drains: new calls refused, running ones get grace_ms; then stopped(arg) from the loop; then free it. */
void
rpc_server_stop(struct rpc_server *server, int grace_ms, void (*stopped)(void *arg), void *arg);
void rpc_server_free(struct rpc_server *server); /* from outside its callbacks, or from `stopped` */

void rpc_reply(struct rpc_call *call, const void *message); /* the message, then OK */
/* Ends with a status; the text is for people, says what to do, and is cut at 1 KiB. */
void rpc_finish(struct rpc_call *call, enum rpc_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void *rpc_context(const struct rpc_call *call);
const struct rpc_peer *rpc_peer(const struct rpc_call *call);
const char *rpc_method_name(const struct rpc_call *call);

/* --- loop --------------------------------------------------------------------------- */

/* Starts gRPC (and its threads): after privileges were dropped and signals blocked. loop NULL: a client program
 * without an event loop, pumped by rpc_loop_run or rpc_call_sync. */
int rpc_loop_new(struct rpc_loop **ret, struct loop *loop);
void rpc_loop_run(struct rpc_loop *rl, const bool *until);
void rpc_loop_free(struct rpc_loop *rl); /* after everything on it has closed */

/* --- client ------------------------------------------------------------------------- */

/* Whether a call ended so because its answer has more bytes than the channel's max_message: asked again it ends the same
 * way, and RPC_RESOURCE_EXHAUSTED alone says to wait. */
bool rpc_is_too_large(const struct rpc_status *status);

struct rpc_options {
	int timeout_ms; /* 0: none */
	bool wait_for_ready;
	/* A proxy's calls on behalf of somebody: as for rpc_client_for. NULL: its own. */
	const char *session, *client;
};

struct rpc_channel_config {
	const char *target; /* "HOST:PORT" or "unix:/path" */
	const char
	    *server_name; /* name expected in the certificate and sent as SNI; NULL for unix: */
	struct rpc_identity *identity; /* roots, and our certificate if any; NULL for unix: */
	size_t max_message;            /* 0: 1 MiB */
	size_t stream_window; /* as of a server: what is held of a stream that nobody reads */
	bool keepalive;       /* daemons: ping an idle connection every 20 s */
	bool
	    any_server; /* encrypted, to whoever answers; only for what is checked by other means (CA pin) */
};
/* The channel follows its identity: calls made after rpc_identity_set() use the new certificate. Negative: our own
 * certificate is out of its dates, or nothing is known to verify the server with. Connects with the first call. */
int
rpc_channel_new(struct rpc_channel **ret, const struct rpc_channel_config *config, struct err *e);
void rpc_channel_free(struct rpc_channel *channel);

/* One request, one answer: `message` (when the call succeeded), then `closed`. Never NULL: failures come as closed.
 * The method is not kept. */
struct rpc_call *rpc_invoke(struct rpc_loop *rl, struct rpc_channel *channel,
    const struct rpc_method *method, const void *request, const struct rpc_events *on, void *data,
    const struct rpc_options *options);
/* A stream, either way or both. */
struct rpc_call *
rpc_open(struct rpc_loop *rl, struct rpc_channel *channel, const struct rpc_method *method,
    const struct rpc_events *on, void *data, const struct rpc_options *options);
void rpc_half_close(struct rpc_call *call); /* no more rpc_send; the queue is flushed first */

/* Blocking unary call, for programs without a loop (rl made with NULL). *ret_reply is freed by the caller with
 * protobuf_c_message_free_unpacked; ret_reply NULL: the reply is of no interest. 0 or negative with e filled;
 * *ret_code (may be NULL) has the status. */
int rpc_call_sync(struct rpc_loop *rl, struct rpc_channel *channel, const struct rpc_method *method,
    const void *request, int timeout_ms, void *ret_reply, enum rpc_code *ret_code, struct err *e);

/* --- what a daemon asks another (async.c) ------------------------------------------------ */

/* A channel to one daemon, and the calls that are under way on it. The generated "proto/NAME.async.h" has a function
 * for every method; `done` of a call comes from the loop, once, also when the call fails. */
struct rpc_client;
/* config as for rpc_channel_new. */
int rpc_client_new(struct rpc_client **ret, struct rpc_loop *rl,
    const struct rpc_channel_config *config, struct err *e);
/* NULL is fine; may be called from a done. Calls under way end without their done. Streams are their owner's, who takes
 * his data away (rpc_set_data) and cancels them. */
void rpc_client_free(struct rpc_client *c);
struct loop *rpc_client_loop(const struct rpc_client *c);
/* The same channel, for what is asked on behalf of one person: small, made for one request, and freed like any other (its
 * calls end then without their done); may outlive c. session: the token of his web session, or NULL where he has none
 * yet. client: "IP:PORT" that he comes from. Copied. NULL: no memory, or what cannot be such a text. */
struct rpc_client *
rpc_client_for(const struct rpc_client *c, const char *session, const char *client);

/* Of the stubs. tell(a, RPC_OK, "", reply), with the reply valid until it returns; or tell(a, code, why, NULL). It is
 * not called when done is NULL. */
struct rpc_answer {
	void (*tell)(const struct rpc_answer *a, enum rpc_code code, const char *why,
	    const void *reply);
	rpc_typed_fn *done;
	void *arg;
};
/* Without memory done is called before this returns. */
void rpc_client_ask(struct rpc_client *c, const struct rpc_method *method, const void *request,
    const struct rpc_answer *answer);
struct rpc_call *rpc_client_open(struct rpc_client *c, const struct rpc_method *method,
    const struct rpc_events *on, void *data);

#endif
