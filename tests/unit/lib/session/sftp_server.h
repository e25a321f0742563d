/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_server: the client's engine, and a server that a test plays with bytes: it looks at requests,
 * writes answers, and feeds them cut as it likes.
 */
#ifndef TESTS_SFTP_SERVER_H
#define TESTS_SFTP_SERVER_H

#include "session/sftp_body.h"

struct request {
	uint8_t type;
	uint32_t id;
	uint64_t offset; /* of SFTP_READ and SFTP_WRITE */
	uint32_t length;
};

extern struct sftp_engine engine;
extern struct buf answers; /* the server's, until they are fed */

int server_setup(void **state);
int server_teardown(void **state);
void server_again(void); /* both */

/* The next request of the client; false when there is none. */
bool server_next(struct request *ret);
/* There is one, and it is of this type. */
struct request server_expect(uint8_t type);

/* Answers. */
size_t server_begin(uint8_t type, uint32_t id);
void server_status(uint32_t id, uint32_t code, const char *text);
void server_string(uint8_t type, uint32_t id, const void *p, size_t n);
/* Feeds what the server said, so many bytes at a time. */
void server_feed(size_t at_once);
void server_greet(void);

#endif
