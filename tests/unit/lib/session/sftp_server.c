/* SPDX-License-Identifier: Apache-2.0 */
#include "sftp_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sftp_engine engine;
struct buf answers;
static int wakes;

static void
on_wake(void *arg)
{
	assert_ptr_equal(arg, &wakes);
	wakes++;
}

bool
server_next(struct request *ret)
{
	struct wire w = wire_from(sftp_engine_output(&engine));
	struct span packet = wire_string(&w);

	if (w.bad)
		return false;
	w = wire_from(packet);
	*ret = (struct request){ .offset = 0 };
	ret->type = wire_u8(&w);
	ret->id = wire_u32(&w);
	if (ret->type == SFTP_READ || ret->type == SFTP_WRITE) {
		assert_true(span_is(wire_string(&w), "handle"));
		ret->offset = wire_u64(&w);
		ret->length = wire_u32(&w);
	}
	sftp_engine_drain(&engine, packet.n + 4);
	return true;
}

struct request
server_expect(uint8_t type)
{
	struct request r;

	assert_true(server_next(&r));
	assert_int_equal(r.type, type);
	return r;
}

size_t
server_begin(uint8_t type, uint32_t id)
{
	size_t mark = wire_put_open(&answers);

	wire_put_u8(&answers, type);
	wire_put_u32(&answers, id);
	return mark;
}

void
server_status(uint32_t id, uint32_t code, const char *text)
{
	size_t mark = server_begin(SFTP_STATUS, id);

	wire_put_u32(&answers, code);
	wire_put_text(&answers, text);
	wire_put_text(&answers, "en");
	wire_put_close(&answers, mark);
}

void
server_string(uint8_t type, uint32_t id, const void *p, size_t n)
{
	size_t mark = server_begin(type, id);

	wire_put_string(&answers, (struct span){ p, n });
	wire_put_close(&answers, mark);
}

void
server_feed(size_t at_once)
{
	struct buf now = answers;

	buf_init(&answers, 1 << 24);
	for (size_t at = 0; at < now.len; at += at_once)
		sftp_engine_input(&engine, buf_head(&now) + at,
		    now.len - at < at_once ? now.len - at : at_once);
	buf_done(&now);
}

void
server_greet(void)
{
	struct request r;

	sftp_engine_start(&engine);
	r = server_expect(SFTP_INIT);
	assert_int_equal(r.id, 3);
	wire_put_close(&answers, server_begin(SFTP_VERSION, 3));
	server_feed(1);
	assert_true(engine.ready);
	assert_false(engine.over);
}

int
server_setup(void **state)
{
	(void)state;
	wakes = 0;
	buf_init(&answers, 1 << 24);
	sftp_engine_init(&engine, on_wake, &wakes);
	return 0;
}

int
server_teardown(void **state)
{
	(void)state;
	sftp_engine_done(&engine);
	buf_done(&answers);
	return 0;
}

void
server_again(void)
{
	server_teardown(NULL);
	server_setup(NULL);
}
