/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_pair: a server and a client engine in one process, with a wire between them that the test
 * holds: it decides how the bytes are cut, and what time it is.
 */
#ifndef TESTS_SSH_PAIR_H
#define TESTS_SSH_PAIR_H

#include "base/buf.h"
#include "ssh/ssh.h"

/* One end of a channel, as the tests see it. */
struct end {
	struct ssh_chan *chan;
	uint64_t got, got_err, sum; /* bytes and a running hash of what arrived */
	/* a pseudo-random stream of so many bytes is written, as fast as it is taken */
	uint64_t sent, to_send;
	uint64_t sent_sum;
	size_t take_max;             /* how much each data callback takes at most; SIZE_MAX: all */
	bool eof_after, close_after; /* once all is sent */
	bool opened, refused, eof, closed, unread;
	int replies_ok, replies_failed, requests;
	enum ssh_answer answer; /* to every request */
	bool leave_at_request;  /* ends the connection instead */
	char last_request[64];
	char order[64]; /* what happened: d(ata) e(of) u(nread) c(losed) r(equest) */
	struct buf last_payload;
};

struct pair {
	struct ssh *server, *client;
	struct ssh_config server_config, client_config;
	int64_t now_ms;
	unsigned seed;
	size_t cut; /* at most so many bytes at a time; 0: all there is */
	bool dead_server, dead_client;
	/* what the server decides and sees */
	enum ssh_verdict verdict;
	int offers, proofs;
	char auth_user[64], auth_alg[64];
	bool auth_cert;
	bool authenticated_server, authenticated_client;
	int logins_sent;
	struct span
	    ahead; /* the client opens a session with these requests when it has sent its login */
	bool opens_ahead;
	bool refuse_channels, accept_later;
	struct ssh_chan *undecided;
	struct end in;  /* the server's end of the last channel the client opened */
	struct end out; /* the client's */
	char open_type[64], open_host[64];
	uint32_t open_port;
	enum ssh_answer global_answer;
	bool leave_at_request; /* a global one: the server ends the connection over it */
	int globals;
	char last_global[64];
	/* what the client sees */
	bool host_believed, host_was_cert;
	char gone_server[256], gone_client[256];
	struct ssh_identity host_ids[1], user_ids[2];
};

/* A user who never gets in, and is not counted. */
#define PAIR_NOBODY "nobody"

void pair_keys(void); /* once a process */
/* A certificate of pair_ca_key with one principal, for whoever needs another one. */
void pair_certify(struct buf *ret, const struct sshkey *key, uint32_t type, const char *principal);
extern struct sshkey *pair_host_key, *pair_user_key, *pair_ca_key;
extern struct buf pair_host_cert, pair_user_cert;
extern const struct ssh_chan_events pair_chan_events;

/* Fills the configs with what works; change them before pair_start. */
void pair_init(struct pair *p);
void pair_start(struct pair *p);
void pair_done(struct pair *p);
/* Moves bytes both ways until nothing moves any more. */
void pair_run(struct pair *p);
/* One step: some bytes in each direction; false when there were none. */
bool pair_step(struct pair *p);
/* Until both are logged in; fails the test otherwise. */
void pair_login(struct pair *p);
/* A session channel from client to server, opened and confirmed; p->out and p->in. */
void pair_open(struct pair *p);
/* Goes on sending what is to be sent at an end. */
void end_push(struct end *e);
void end_init(struct end *e);
unsigned pair_random(unsigned *seed);

/* Sends a raw payload from one side, as a peer that does not keep to the rules would. */
void pair_forge(struct ssh *from, const void *payload, size_t n);
/* The same for what the test put together (b is done after it), and for a message that is its type alone. */
void pair_say(struct ssh *from, struct buf *b);
void pair_say_type(struct ssh *from, uint8_t type);
/* Lets it arrive: the server has ended the connection, with a text that has `why` in it. */
void pair_expect_dead_server(struct pair *p, const char *why);
struct span pair_span(const char *s);

#endif
