/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's end of SFTP against a server that the test plays with bytes: answers in every order,
 * torn anywhere, and such as no honest server sends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sftp_server.h"

static void
name_entry(const char *name)
{
	wire_put_text(&answers, name);
	wire_put_text(&answers, "-rw-r--r-- 1 root");
	wire_put_u32(&answers, 1 | 2 | 4 | 8 | 0x80000000u);
	wire_put_u64(&answers, 77);
	wire_put_u32(&answers, 0);
	wire_put_u32(&answers, 0);
	wire_put_u32(&answers, 0100644);
	wire_put_u32(&answers, 11);
	wire_put_u32(&answers, 22);
	wire_put_u32(&answers, 1);
	wire_put_text(&answers, "some@extension");
	wire_put_text(&answers, "value");
}

/* --- calls ------------------------------------------------------------------------------------ */

struct heard {
	int times;
	bool none; /* no answer will come */
	enum sftp_type type;
	uint32_t code;
	struct sftp_attrs attrs;
	char names[256];
};

static void
on_answer(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	struct heard *h = call->arg;
	size_t n = 0;
	char name[SFTP_NAME_MAX];

	assert_ptr_equal(s, &engine);
	h->times++;
	h->none = !a;
	if (!a)
		return;
	h->type = a->type;
	h->code = a->code;
	h->attrs = a->attrs;
	while (sftp_wire_name(a, name, &h->attrs))
		n += (size_t)snprintf(h->names + n, sizeof h->names - n, "%s ", name);
}

static struct request
call(struct heard *h, enum sftp_type type)
{
	const struct sftp_call c = { .fn = on_answer, .arg = h };
	struct buf body;

	buf_init(&body, 256);
	wire_put_text(&body, "/path");
	assert_int_equal(sftp_engine_send(&engine, type, &body, &c), 0);
	buf_done(&body);
	return server_expect((uint8_t)type);
}

static void
answers_come_to_those_who_asked_in_any_order(void **state)
{
	struct heard a = { 0 }, b = { 0 }, c = { 0 };
	struct request ra, rb, rc;

	(void)state;
	server_greet();
	ra = call(&a, SFTP_STAT);
	rb = call(&b, SFTP_MKDIR);
	rc = call(&c, SFTP_READDIR);
	size_t mark = server_begin(SFTP_NAME, rc.id);
	wire_put_u32(&answers, 3);
	name_entry("one");
	name_entry("..");
	name_entry("three");
	wire_put_close(&answers, mark);
	server_status(rb.id, 4, "no");
	mark = server_begin(SFTP_ATTRS, ra.id);
	wire_put_u32(&answers, 4);
	wire_put_u32(&answers, 040755);
	wire_put_close(&answers, mark);
	server_feed(1);
	assert_int_equal(a.times + b.times + c.times, 3);
	assert_true(a.type == SFTP_ATTRS && a.attrs.has_mode && !a.attrs.has_size);
	assert_int_equal(a.attrs.mode, 040755);
	assert_true(b.type == SFTP_STATUS && b.code == 4);
	assert_string_equal(c.names, "one .. three ");
	assert_int_equal(c.attrs.size, 77);
	assert_int_equal(c.attrs.mtime, 22);
	assert_int_equal(engine.n_pending, 0);
}

/* Every cut of a stream of answers gives the same, and whatever is cut off at its end waits. */
static void
a_torn_answer_waits_for_its_rest(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < 60; cut++) {
		struct heard a = { 0 };
		struct buf whole;
		struct request r;

		server_again();
		server_greet();
		r = call(&a, SFTP_STAT);
		server_status(r.id, 2, "no such file");
		whole = answers;
		buf_init(&answers, 1 << 24);
		if (cut >= whole.len) {
			buf_done(&whole);
			break;
		}
		sftp_engine_input(&engine, buf_head(&whole), cut);
		assert_int_equal(a.times, 0);
		assert_false(engine.over);
		sftp_engine_input(&engine, buf_head(&whole) + cut, whole.len - cut);
		assert_int_equal(a.times, 1);
		assert_int_equal(a.code, 2);
		buf_done(&whole);
	}
}

static void
too_many_requests_are_not_sent(void **state)
{
	struct heard h = { 0 };
	const struct sftp_call c = { .fn = on_answer, .arg = &h };
	struct buf body;

	(void)state;
	server_greet();
	buf_init(&body, 16);
	for (int i = 0; i < SFTP_PENDING_MAX; i++)
		(void)call(&h, SFTP_STAT);
	assert_int_not_equal(sftp_engine_send(&engine, SFTP_STAT, &body, &c), 0);
	sftp_engine_end(&engine, "gone");
	sftp_engine_end(&engine, "another reason");
	assert_int_equal(h.times, SFTP_PENDING_MAX);
	assert_true(h.none);
	assert_string_equal(engine.why.text, "gone");
	assert_int_not_equal(sftp_engine_send(&engine, SFTP_STAT, &body, &c), 0);
}

static void
what_does_not_fit_a_request_is_not_sent(void **state)
{
	struct heard h = { 0 };
	const struct sftp_call c = { .fn = on_answer, .arg = &h };
	struct buf body;

	(void)state;
	server_greet();
	buf_init(&body, 4);
	wire_put_text(&body, "longer than four");
	assert_int_not_equal(sftp_engine_send(&engine, SFTP_STAT, &body, &c), 0);
	assert_int_equal(sftp_engine_output(&engine).n, 0);
	assert_int_equal(engine.n_pending, 0);
	buf_done(&body);
}

/* --- hostile servers -------------------------------------------------------------------------- */

static void
over_because(const char *why)
{
	server_feed(SIZE_MAX);
	assert_true(engine.over);
	assert_non_null(strstr(engine.why.text, why));
}

static void
a_login_shell_that_prints_is_not_sftp(void **state)
{
	(void)state;
	sftp_engine_start(&engine);
	buf_put(&answers, "Welcome to this machine!\r\n", 26);
	over_because("not SFTP");
}

static void
a_server_that_is_too_old_or_does_not_greet(void **state)
{
	(void)state;
	sftp_engine_start(&engine);
	wire_put_close(&answers, server_begin(SFTP_VERSION, 2));
	over_because("too old");
	server_again();
	sftp_engine_start(&engine);
	server_status(1, 0, "");
	over_because("does not greet");
}

static void
an_answer_to_nothing_ends_the_session(void **state)
{
	struct heard h = { 0 };

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct request r;

		server_again();
		server_greet();
		h = (struct heard){ 0 };
		r = call(&h, SFTP_STAT);
		/* another id; the id of free rows; one that was answered */
		server_status(kind == 0 ? r.id + 1 : kind == 1 ? 0 : r.id, 0, "");
		if (kind == 2)
			server_status(r.id, 0, "");
		over_because("answer to nothing");
		assert_int_equal(h.times, 1);
		assert_int_equal(h.none, kind != 2);
	}
}

static void
a_length_that_lies_is_not_believed(void **state)
{
	(void)state;
	server_greet();
	wire_put_u32(&answers, SFTP_PACKET_MAX + 1);
	over_because("not SFTP");
	server_again();
	server_greet();
	wire_put_u32(&answers, 4); /* not even a type and an id */
	over_because("not SFTP");
}

/* Puts an answer of raw bytes to a call. */
static void
malformed(enum sftp_type type, const void *body, size_t n)
{
	struct heard h = { 0 };
	struct request r;
	size_t mark;

	server_again();
	server_greet();
	r = call(&h, SFTP_STAT);
	mark = server_begin((uint8_t)type, r.id);
	buf_put(&answers, body, n);
	wire_put_close(&answers, mark);
	over_because("malformed answer");
	assert_int_equal(h.times, 1);
	assert_true(h.none);
}

static void
a_malformed_answer_is_not_acted_on(void **state)
{
	(void)state;
	malformed(SFTP_STATUS, "\0\0", 2);
	malformed(SFTP_STATUS, "\0\0\0\1\0\0\0\5cut", 11);
	malformed(SFTP_HANDLE, "\0\0\0\5cut", 7);
	malformed(SFTP_DATA, "\xff\xff\xff\xff", 4);
	malformed(SFTP_ATTRS, "\0\0\0\1\0\0\0", 7);
	malformed(SFTP_ATTRS, "\x80\0\0\0\xff\xff\xff\xff\0\0\0\0", 12); /* extensions */
	malformed(SFTP_NAME, "\xff\xff\xff\xff", 4);
	malformed(SFTP_NAME, "\0\0\0\1\0\0\0\1a\0\0\0\0", 13); /* no attributes */
	malformed(42, "", 0);
	malformed(SFTP_VERSION, "", 0);
}

/* Each would make a copy write where nobody asked it to. */
static void
a_name_that_leaves_its_folder_spoils_the_list(void **state)
{
	static const char *const names[] = { "../x", "/etc/passwd", "a/b", "" };
	char longest[SFTP_NAME_MAX + 1];

	(void)state;
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	for (size_t i = 0; i <= 4; i++) {
		struct heard h = { 0 };
		struct request r;

		server_again();
		server_greet();
		r = call(&h, SFTP_READDIR);
		size_t mark = server_begin(SFTP_NAME, r.id);
		wire_put_u32(&answers, 2);
		name_entry("harmless");
		name_entry(i < 4 ? names[i] : longest);
		wire_put_close(&answers, mark);
		over_because("malformed answer");
		assert_string_equal(h.names, "");
	}
}

static void
the_words_of_a_server_hold_no_escapes(void **state)
{
	struct sftp_answer a = { .type = SFTP_STATUS,
		.code = 4,
		.text = span_str("\033]0;owned\007no") };
	struct err e;

	(void)state;
	assert_int_equal(sftp_wire_status(&a, &e), -1);
	assert_string_equal(e.text, "?]0;owned?no");
	a.text = (struct span){ NULL, 0 };
	assert_int_equal(sftp_wire_status(&a, &e), -1);
	assert_string_equal(e.text, "failed");
	a.code = 1;
	assert_int_equal(sftp_wire_status(&a, &e), 1);
	a.code = 0;
	assert_int_equal(sftp_wire_status(&a, &e), 0);
	a.type = SFTP_DATA;
	assert_int_equal(sftp_wire_status(&a, &e), -1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)
	const struct CMUnitTest tests[] = {
		T(answers_come_to_those_who_asked_in_any_order),
		T(a_torn_answer_waits_for_its_rest),
		T(too_many_requests_are_not_sent),
		T(what_does_not_fit_a_request_is_not_sent),
		T(a_login_shell_that_prints_is_not_sftp),
		T(a_server_that_is_too_old_or_does_not_greet),
		T(an_answer_to_nothing_ends_the_session),
		T(a_length_that_lies_is_not_believed),
		T(a_malformed_answer_is_not_acted_on),
		T(a_name_that_leaves_its_folder_spoils_the_list),
		T(the_words_of_a_server_hold_no_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
