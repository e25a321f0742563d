/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of many nodes: whole, never mixed, none lost. The functions are static, so fanout.c is part of this test, over
 * sessions that the test plays itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "tsh/fanout.c"

/* --- sessions of the test's making -------------------------------------------------------------- */

struct remote {
	struct remote_config config;
};

static struct loop *loop;
static struct remote *running[64];
static size_t n_running, most, eofs, freed;

int
remote_new(struct remote **ret, const struct remote_way *way, const struct remote_config *config)
{
	struct remote *r = calloc(1, sizeof *r);

	assert_ptr_equal(way->loop, loop);
	assert_non_null(r);
	if (strcmp(config->host, "no-memory") == 0) {
		free(r);
		return -1;
	}
	r->config = *config;
	running[n_running++] = r;
	most = n_running > most ? n_running : most;
	*ret = r;
	return 0;
}

void
remote_free(struct remote *r)
{
	freed += r != NULL;
	free(r);
}

void
remote_eof(struct remote *r)
{
	(void)r;
	eofs++;
}

static void
says(struct fanout_host *h, uint32_t ext, const char *text)
{
	assert_int_equal(on_output(NULL, ext, (const uint8_t *)text, strlen(text), h),
	    strlen(text));
}

/* --- what is printed ------------------------------------------------------------------------------- */

static int saved[2];
static FILE *file[2];

static void
capture(void)
{
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		file[i] = tmpfile();
		assert_non_null(file[i]);
		saved[i] = dup(i + 1);
		assert_true(dup2(fileno(file[i]), i + 1) >= 0);
	}
}

/* The output since capture, of descriptor 1 or 2; the caller frees. */
static char *
captured(int fd)
{
	char *text = calloc(1, 1 << 20);

	fflush(NULL);
	assert_non_null(text);
	rewind(file[fd - 1]);
	assert_true(fread(text, 1, (1 << 20) - 1, file[fd - 1]) < (1 << 20) - 1);
	return text;
}

static void
release(void)
{
	fflush(NULL);
	for (int i = 0; i < 2; i++) {
		assert_true(dup2(saved[i], i + 1) >= 0);
		close(saved[i]);
		fclose(file[i]);
	}
}

static void
expect(int fd, const char *want)
{
	char *text = captured(fd);
	bool same = strcmp(text, want) == 0;

	if (!same) {
		release();
		print_error("<%.2000s>\n", text);
	}
	assert_true(same);
	free(text);
}

static struct fanout_config config = { .login = "root", .command = "ls" };
static struct fanout fanout = { .config = &config };

static struct fanout_host
host(const char *name)
{
	struct fanout_host h = { .name = name, .fanout = &fanout };

	buf_init(&h.out, FANOUT_KEEP_MAX);
	buf_init(&h.err, FANOUT_KEEP_MAX);
	buf_init(&h.line[0], FANOUT_LINE_MAX);
	buf_init(&h.line[1], FANOUT_LINE_MAX);
	return h;
}

static void
test_lines_of_two_nodes_do_not_mix(void **state)
{
	struct fanout_host a = host("a"), b = host("b");

	(void)state;
	capture();
	says(&a, 0, "one ");
	says(&b, 0, "uno\ndos");
	says(&a, 0, "two\nthree");
	says(&b, 0, "\n");
	says(&a, 0, "\n\n");
	expect(1, "[b] uno\n[a] one two\n[b] dos\n[a] three\n[a] \n");
	expect(2, "");
	release();
	fanout_host_done(&a);
	fanout_host_done(&b);
}

static void
test_standard_error_is_apart(void **state)
{
	struct fanout_host a = host("a");

	(void)state;
	capture();
	says(&a, 0, "out");
	says(&a, 1, "err\n");
	says(&a, 0, "put\n");
	expect(1, "[a] output\n");
	expect(2, "[a] err\n");
	release();
	fanout_host_done(&a);
}

static void
test_a_last_line_without_its_end_is_printed(void **state)
{
	struct fanout_host a = host("a");

	(void)state;
	capture();
	says(&a, 0, "whole\nhalf");
	says(&a, 1, "broken");
	flush_lines(&a);
	flush_lines(&a);
	expect(1, "[a] whole\n[a] half\n");
	expect(2, "[a] broken\n");
	release();
	fanout_host_done(&a);
}

/* A line of n letters in pieces of step bytes, then its newline: how many lines come out, all bytes of it. */
static void
long_line(size_t n, size_t step, size_t want)
{
	struct fanout_host a = host("a");
	char *all = malloc(n + 2), *text;
	size_t lines = 0, letters = 0;

	assert_non_null(all);
	memset(all, 'x', n);
	memcpy(all + n, "\n", 2);
	capture();
	for (size_t i = 0; i < n + 1; i += step)
		on_output(NULL, 0, (const uint8_t *)all + i, i + step > n + 1 ? n + 1 - i : step,
		    &a);
	text = captured(1);
	release();
	for (const char *p = text; *p; p++) {
		lines += *p == '\n';
		letters += *p == 'x';
	}
	assert_int_equal(lines, want);
	assert_int_equal(letters, n);
	free(text);
	free(all);
	fanout_host_done(&a);
}

static void
test_a_line_that_is_too_long_is_cut_and_nothing_lost(void **state)
{
	(void)state;
	long_line(FANOUT_LINE_MAX - 1, 1000, 1);
	long_line(3 * (size_t)FANOUT_LINE_MAX + 10, 4096, 4);
	long_line(3 * (size_t)FANOUT_LINE_MAX + 10, 3 * (size_t)FANOUT_LINE_MAX + 11, 4);
	/* One that just fits is one line, however it comes. */
	long_line(FANOUT_LINE_MAX, FANOUT_LINE_MAX + 1, 1);
	long_line(FANOUT_LINE_MAX, FANOUT_LINE_MAX, 1);
	long_line(FANOUT_LINE_MAX, 4096, 1);
}

static void
test_what_is_kept_is_bounded_and_said_to_be_cut(void **state)
{
	struct fanout_host a = host("a");
	static char big[FANOUT_KEEP_MAX / 2 + 1];

	(void)state;
	memset(big, 'x', sizeof big - 1);
	config.keep = true;
	capture();
	says(&a, 0, big);
	says(&a, 0, big);
	assert_true(buf_ok(&a.out));
	says(&a, 0, "more");
	assert_false(buf_ok(&a.out));
	assert_int_equal(a.out.len, FANOUT_KEEP_MAX);
	says(&a, 1, "small");
	assert_true(buf_ok(&a.err));
	expect(1, "");
	release();
	config.keep = false;
	fanout_host_done(&a);
}

/* --- the run --------------------------------------------------------------------------------------------- */

/* Ends the sessions that run, each as its number in the run says. */
static void
end_some(void *arg)
{
	static const struct remote_result ends[] = {
		{ .end = REMOTE_EXITED, .status = 0 },
		{ .end = REMOTE_EXITED, .status = 2 },
		{ .end = REMOTE_SIGNALED, .signal = "KILL" },
		{ .end = REMOTE_LOST, .text = "cut" },
		{ .end = REMOTE_FAILED, .text = "away" },
	};
	static size_t count;
	size_t n = n_running;
	struct remote *now[64];

	memcpy(now, running, sizeof now);
	n_running = 0;
	for (size_t i = 0; i < n; i++) {
		const struct remote_events *ev = now[i]->config.events;

		ev->started(now[i], now[i]->config.arg);
		ev->ended(now[i], &ends[count++ % 5], now[i]->config.arg);
	}
	timer_start(arg, 1);
}

static void
say_yes(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < n_running; i++)
		(void)on_output(running[i], 0, (const uint8_t *)"y\n", 2, running[i]->config.arg);
}

static void
test_every_node_ends_in_one_of_three_and_never_more_at_once_than_asked(void **state)
{
	struct fanout_config c = { .login = "root", .command = "ls", .parallel = 3 };
	struct fanout_host hosts[11] = { 0 };
	struct fanout_summary sum;
	struct timer timer;
	char *text;

	(void)state;
	for (size_t i = 0; i < 11; i++)
		hosts[i].name = hosts[i].uuid = i == 4 ? "no-memory" : "n";
	assert_int_equal(loop_new(&loop), 0);
	const struct remote_way way = { .loop = loop };
	assert_int_equal(timer_init(&timer, loop, end_some, &timer), 0);
	timer_start(&timer, 1);
	capture();
	assert_int_equal(fanout_run(&way, hosts, 11, &c, &sum), 1);
	fanout_print_summary(hosts, 11, &sum);
	text = captured(1);
	release();
	assert_int_equal(most, 3);
	assert_int_equal(eofs, 10);
	assert_int_equal(sum.succeeded, 2);
	assert_int_equal(sum.failed, 6);
	assert_int_equal(sum.unreached, 3);
	assert_non_null(strstr(text, "[n] success\n"));
	assert_non_null(strstr(text, "[n] failed with exit code 2\n"));
	assert_non_null(strstr(text, "[n] failed with signal KILL\n"));
	assert_non_null(strstr(text, "[n] not reached: away\n"));
	assert_non_null(strstr(text, "[no-memory] not reached: out of memory\n"));
	assert_non_null(
	    strstr(text, "2 host(s) succeeded; 6 host(s) failed; 3 host(s) not reached\n"));
	free(text);
	for (size_t i = 0; i < 11; i++)
		fanout_host_done(&hosts[i]);
	timer_done(&timer);
	loop_free(loop);
}

/* `| head -1`: everything ends with the reader, also what did not begin yet; no timer ends these sessions. */
static void
test_all_of_it_ends_when_nobody_reads_any_more(void **state)
{
	struct fanout_config c = { .login = "root", .command = "yes", .parallel = 3 };
	struct fanout_host hosts[5] = { 0 };
	struct fanout_summary sum;
	struct timer timer;
	int fds[2], out = dup(1);
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);

	(void)state;
	n_running = freed = 0;
	for (size_t i = 0; i < 5; i++)
		hosts[i].name = hosts[i].uuid = "n";
	assert_int_equal(loop_new(&loop), 0);
	const struct remote_way way = { .loop = loop };
	assert_int_equal(timer_init(&timer, loop, say_yes, NULL), 0);
	timer_repeat(&timer, 1);
	fflush(NULL);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[1], 1), 1);
	close(fds[1]);
	close(fds[0]);
	int rc = fanout_run(&way, hosts, 5, &c, &sum);
	assert_int_equal(dup2(out, 1), 1);
	close(out);
	assert_int_equal(rc, 128 + SIGPIPE);
	assert_int_equal(freed, 3);
	assert_int_equal(n_running, 3);
	n_running = most = eofs = 0;
	for (size_t i = 0; i < 5; i++)
		fanout_host_done(&hosts[i]);
	timer_done(&timer);
	loop_free(loop);
	(void)signal(SIGPIPE, old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_of_two_nodes_do_not_mix),
		cmocka_unit_test(test_all_of_it_ends_when_nobody_reads_any_more),
		cmocka_unit_test(test_standard_error_is_apart),
		cmocka_unit_test(test_a_last_line_without_its_end_is_printed),
		cmocka_unit_test(test_a_line_that_is_too_long_is_cut_and_nothing_lost),
		cmocka_unit_test(test_what_is_kept_is_bounded_and_said_to_be_cut),
		cmocka_unit_test(
		    test_every_node_ends_in_one_of_three_and_never_more_at_once_than_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
