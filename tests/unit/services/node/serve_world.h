/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_world: noded's worker as far as it serves one client, between an SSH client and a monitor
 * that the test plays. What is written down is read from the log on disk.
 */
#ifndef TESTS_SERVE_WORLD_H
#define TESTS_SERVE_WORLD_H

#include "fake_monitor.h"
#include "node/session_priv.h"

enum { CHANNELS_MAX = 4 };

/* One session of the client. */
struct client_chan {
	struct ssh_chan *chan; /* NULL: closed, or never was */
	bool opened, refused, closed, eof;
	char refusal[256];
	int yes, no; /* answers to requests */
	char out[TEXT_MAX], err[TEXT_MAX];
	size_t n_out, n_err;
	size_t total[2]; /* all that came of both, also what did not fit */
	bool in_order;   /* bytes of `out` were those of world_byte() */
	bool stalled;    /* takes nothing */
	char last_request[64];
	bool has_status;
	uint32_t status;
	char signal[32];
};

struct world {
	char dir[64];
	struct loop *loop;
	struct node node;
	struct conf config;
	struct host *host;
	struct sshkey *host_key; /* the monitor's */
	struct fake_monitor monitor;
	/* access, as the test decides it */
	bool stranger;
	const char *denied; /* NULL: may sign in */
	bool permit_pty;
	char ended[37]; /* a session that somebody has ended */
	/* the client */
	struct ssh_link *client;
	const char
	    *ahead; /* a command that the client asks for along with its login, in chans[0] */
	struct client_chan chans[CHANNELS_MAX];
	bool authenticated;
	char goodbye[512];
	struct sshkey *user_key;
	struct buf user_cert;
	struct ssh_identity identity;
};

extern struct world *world; /* the one of the running test */

int world_setup(void **state);
int world_teardown(void **state);

/* Connects; signs in, unless told otherwise before. */
void world_connect(void);
void world_sign_in(void); /* and waits until the monitor has proven it, unless it holds that back */
void world_disconnect(void);   /* of the client, at once */
struct conn *world_conn(void); /* the only one; NULL: none */
/* The session behind the client's channel; NULL: it is gone. */
struct session *world_session(int i);

/* Opens channel i of a type and waits for the answer. */
bool world_open(int i, const char *type);
/* A request on it; waits for the answer. */
bool world_ask(int i, const char *name, struct span payload);
bool world_exec(int i, const char *command);
bool world_pty(int i);
bool world_env(int i, const char *name, const char *value);
bool world_window(int i, uint32_t cols, uint32_t rows);

/* The byte that is expected at an offset of a long stream. */
uint8_t world_byte(size_t at);

/* How many events of a type were written, of the sessions so far. */
int world_events(const char *type);
/* A field, or a member such as "user", of the last of them; "" when there is none. */
const char *world_field(const char *type, const char *name);
/* As by another worker. */
void world_reopen_log(void);
/* Recorded frames of that type. */
int world_frames(uint8_t type);
/* All recorded bytes of FRAME_OUT, NUL-terminated. */
const char *world_recorded(void);
/* Fills the log until it takes no more. */
void world_fill_log(void);
int world_live_files(void);

/* Turns the loop until it is so; fails when it never is. */
#define UNTIL(condition)                                      \
	for (int turns_ = 0; !(condition); turns_++) {        \
		if (turns_ > 3000)                            \
			fail_msg("never: %s", #condition);    \
		assert_true(loop_turn(world->loop, 10) >= 0); \
	}
void world_settle(void); /* until nothing moves any more */

#endif
