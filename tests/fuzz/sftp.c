/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an SFTP server may send to our client while every kind of request is under way, and the bodies of two files.
 * Whoever waits is told exactly once, whatever comes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "session/sftp_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sent, told;

static void
on_wake(void *arg)
{
	(void)arg;
}

static void
on_answer(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	char name[SFTP_NAME_MAX];
	struct sftp_attrs attrs;
	struct err e;

	(void)s, (void)call;
	told++;
	if (!a)
		return;
	while (sftp_wire_name(a, name, &attrs))
		if (!*name)
			abort();
	(void)sftp_wire_status(a, &e);
}

static int
store(uint64_t offset, struct span piece, struct err *e, void *arg)
{
	volatile uint8_t sum = 0;

	(void)offset, (void)e, (void)arg;
	for (size_t i = 0; i < piece.n; i++)
		sum ^= piece.p[i];
	return 0;
}

static ssize_t
load(uint8_t *p, size_t n, struct err *e, void *arg)
{
	unsigned *left = arg;

	(void)p, (void)n, (void)e;
	return *left > 0 && (*left)-- ? 10 : 0;
}

/* The ids count from 1, so that a fuzzer can hit them. */
static void
ask_everything(struct sftp_engine *s)
{
	const struct sftp_call call = { .fn = on_answer };
	struct buf body;

	buf_init(&body, 16);
	for (int type = SFTP_OPEN; type <= SFTP_STAT; type++)
		sent += sftp_engine_send(s, type, &body, &call) == 0;
	buf_done(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned left = 5;
	const struct sftp_transfer t = { .path = "p", .store = store, .load = load, .arg = &left };
	struct sftp_engine s;
	struct sftp_body get, put;
	size_t at_once = size > 0 && data[0] ? data[0] : 1;

	sent = told = 0;
	sftp_engine_init(&s, on_wake, NULL);
	sftp_engine_start(&s);
	sftp_body_get(&get, &s, &t);
	sftp_body_put(&put, &s, &t);
	ask_everything(&s);
	for (size_t at = 1; at < size; at += at_once)
		sftp_engine_input(&s, data + at, size - at < at_once ? size - at : at_once);
	sftp_engine_end(&s, "the end");
	if (told != sent || !get.finished || !put.finished)
		abort();
	sftp_body_done(&get);
	sftp_body_done(&put);
	sftp_engine_done(&s);
	return 0;
}
