/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of session requests: there and back, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <termios.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/wire.h"
#include "ssh/session.h"

static struct buf b;

static struct span
payload(void)
{
	assert_true(buf_ok(&b));
	return buf_span(&b);
}

/* Every strict prefix of a payload must be refused, and so must one with a byte too many. */
#define REFUSES_CUTS(call)                                      \
	do {                                                    \
		size_t all_ = b.len;                            \
		for (size_t cut_ = 0; cut_ < all_; cut_++) {    \
			struct span s = { buf_head(&b), cut_ }; \
			assert_true((call) < 0);                \
		}                                               \
		wire_put_u8(&b, 0);                             \
		struct span s = buf_span(&b);                   \
		assert_true((call) < 0);                        \
		buf_reset(&b);                                  \
	} while (0)

static void
pty(void **state)
{
	static struct ssh_pty p, q;

	(void)state;
	assert_true(str_copy(p.term, sizeof(p.term), "xterm-256color"));
	p.cols = 132;
	p.rows = 43;
	p.width_px = 7;
	p.height_px = 8;
	memcpy(p.modes, "\x01\0\0\0\x03\0", 6);
	p.n_modes = 6;
	ssh_pty_put(&b, &p);
	assert_int_equal(ssh_pty_parse(&q, payload()), 0);
	assert_memory_equal(&p, &q, sizeof(p));
	REFUSES_CUTS(ssh_pty_parse(&q, s));
	/* a terminal's name goes into the environment and onto terminals */
	assert_true(str_copy(p.term, sizeof(p.term), "x\033]0;"));
	ssh_pty_put(&b, &p);
	assert_true(ssh_pty_parse(&q, payload()) < 0);
	buf_reset(&b);
	/* modes that are cut short */
	assert_true(str_copy(p.term, sizeof(p.term), "xterm"));
	p.n_modes = 3;
	ssh_pty_put(&b, &p);
	assert_true(ssh_pty_parse(&q, payload()) < 0);
	buf_reset(&b);
}

static void
modes_there_and_back(void **state)
{
	struct termios a = { 0 }, z = { 0 };

	(void)state;
	a.c_iflag = ICRNL | IXON | IUTF8;
	a.c_oflag = OPOST | ONLCR;
	a.c_lflag = ISIG | ICANON | ECHO | ECHOE | IEXTEN;
	a.c_cflag = CS8 | CREAD;
	a.c_cc[VINTR] = 3;
	a.c_cc[VERASE] = 0x7f;
	a.c_cc[VEOF] = 4;
	cfsetispeed(&a, B115200);
	cfsetospeed(&a, B115200);
	z.c_iflag = IGNCR;
	z.c_lflag = NOFLSH;
	z.c_cflag = CREAD;
	ssh_modes_put(&b, &a);
	assert_true(ssh_modes_valid(payload()));
	ssh_modes_apply(&z, payload());
	assert_int_equal(z.c_iflag, a.c_iflag);
	assert_int_equal(z.c_oflag, a.c_oflag);
	assert_int_equal(z.c_lflag, a.c_lflag);
	assert_int_equal(z.c_cflag & CSIZE, CS8);
	assert_int_equal(z.c_cc[VINTR], 3);
	assert_int_equal(z.c_cc[VERASE], 0x7f);
	assert_int_equal(cfgetospeed(&z), B115200);
	buf_reset(&b);
	/* 255 switches a character off */
	buf_put(&b, "\x01\0\0\0\xff\0", 6);
	ssh_modes_apply(&z, payload());
	assert_int_equal(z.c_cc[VINTR], 0);
	buf_reset(&b);
}

static void
window(void **state)
{
	struct ssh_window w = { 80, 25, 640, 480 }, v;

	(void)state;
	ssh_window_put(&b, &w);
	assert_int_equal(ssh_window_parse(&v, payload()), 0);
	assert_memory_equal(&w, &v, sizeof(w));
	REFUSES_CUTS(ssh_window_parse(&v, s));
}

static void
env(void **state)
{
	struct span name, value;

	(void)state;
	ssh_env_put(&b, "LANG", "C.UTF-8");
	assert_int_equal(ssh_env_parse(payload(), &name, &value), 0);
	assert_true(span_is(name, "LANG") && span_is(value, "C.UTF-8"));
	REFUSES_CUTS(ssh_env_parse(s, &name, &value));
	ssh_env_put(&b, "A=B", "x");
	assert_true(ssh_env_parse(payload(), &name, &value) < 0);
	buf_reset(&b);
	ssh_env_put(&b, "", "x");
	assert_true(ssh_env_parse(payload(), &name, &value) < 0);
	buf_reset(&b);
	wire_put_text(&b, "A");
	wire_put_string(&b, (struct span){ (const uint8_t *)"x\0y", 3 });
	assert_true(ssh_env_parse(payload(), &name, &value) < 0);
	buf_reset(&b);
}

static void
text(void **state)
{
	struct span t;

	(void)state;
	ssh_text_put(&b, "ls -l");
	assert_int_equal(ssh_text_parse(payload(), &t), 0);
	assert_true(span_is(t, "ls -l"));
	REFUSES_CUTS(ssh_text_parse(s, &t));
	/* Any bytes, which are written down before they are judged. */
	wire_put_string(&b, (struct span){ (const uint8_t *)"ls\0-\xff", 5 });
	assert_int_equal(ssh_text_parse(payload(), &t), 0);
	assert_true(span_eq(t, (struct span){ (const uint8_t *)"ls\0-\xff", 5 }));
	buf_reset(&b);
}

static void
exits(void **state)
{
	struct span name, why;
	uint32_t status;
	bool core;

	(void)state;
	ssh_exit_status_put(&b, 255);
	assert_int_equal(ssh_exit_status_parse(payload(), &status), 0);
	assert_int_equal(status, 255);
	REFUSES_CUTS(ssh_exit_status_parse(s, &status));
	ssh_exit_signal_put(&b, "KILL", true, "killed");
	assert_int_equal(ssh_exit_signal_parse(payload(), &name, &core, &why), 0);
	assert_true(span_is(name, "KILL") && core && span_is(why, "killed"));
	REFUSES_CUTS(ssh_exit_signal_parse(s, &name, &core, &why));
}

static void
signals(void **state)
{
	(void)state;
	assert_string_equal(ssh_signal_name(SIGINT), "INT");
	assert_null(ssh_signal_name(SIGSTOP));
	assert_int_equal(ssh_signal_number(span_str("USR2")), SIGUSR2);
	assert_int_equal(ssh_signal_number(span_str("SIGINT")), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(pty),
	cmocka_unit_test(modes_there_and_back),
	cmocka_unit_test(window),
	cmocka_unit_test(env),
	cmocka_unit_test(text),
	cmocka_unit_test(exits),
	cmocka_unit_test(signals),
};

int
main(void)
{
	buf_init(&b, 1 << 20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
