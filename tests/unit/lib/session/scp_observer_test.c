/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader along of the old protocol of scp tells, and what it lets through to neither side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "session/scp_observer.h"

struct world {
	struct file_observer *o;
	struct buf told;
	bool full;
};

static const char *const names[FILE_ACTIONS] = { [FILE_READ] = "read",
	[FILE_WRITE] = "write",
	[FILE_LIST] = "list",
	[FILE_MKDIR] = "mkdir" };

static int
on_report(const struct file_report *r, void *arg)
{
	struct world *w = arg;
	char hash[2 * SHA256_BYTES + 1];

	if (w->full)
		return -1;
	buf_printf(&w->told, "%s %.*s (%.*s)", names[r->action], (int)r->path.n,
	    r->path.n ? (const char *)r->path.p : "", (int)r->name.n,
	    r->name.n ? (const char *)r->name.p : "");
	if (r->attrs.has_mode)
		buf_printf(&w->told, " mode %o", r->attrs.mode);
	if (r->attrs.has_times)
		buf_printf(&w->told, " times %u %u", r->attrs.mtime, r->attrs.atime);
	if (r->action == FILE_LIST)
		buf_printf(&w->told, " %llu", (unsigned long long)r->entries);
	else if (r->action != FILE_MKDIR)
		buf_printf(&w->told, " %llu%s", (unsigned long long)r->passed.bytes,
		    r->passed.whole ? " whole" : "");
	if (r->passed.has_hash) {
		str_hex(hash, r->passed.hash, SHA256_BYTES);
		buf_printf(&w->told, " %.8s", hash);
	}
	if (!r->ok)
		buf_printf(&w->told, " failed %u: %.*s", r->status, (int)r->why.n,
		    r->why.n ? (const char *)r->why.p : "");
	buf_printf(&w->told, "\n");
	return 0;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	buf_init(&w->told, 1 << 20);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	file_observer_free(w->o);
	buf_done(&w->told);
	free(w);
	return 0;
}

/* To the host, or from it. */
static struct world *
begin(void **state, bool to_host, const char *text, const char *pattern)
{
	struct world *w = *state;
	const struct scp_observer_word word = { text, pattern };

	w->o = scp_observer_new(to_host, &word, 1, on_report, w);
	assert_non_null(w->o);
	return w;
}

static ssize_t
client(struct world *w, const char *p, size_t n)
{
	return file_observer_client(w->o, (struct span){ (const uint8_t *)p, n });
}

static int
server(struct world *w, const char *p, size_t n)
{
	return file_observer_server(w->o, (struct span){ (const uint8_t *)p, n });
}

/* Texts that may hold NULs. */
#define says(w, s)    assert_int_equal(client(w, s, sizeof(s) - 1), sizeof(s) - 1)
#define answers(w, s) assert_int_equal(server(w, s, sizeof(s) - 1), 0)

static void
expect(struct world *w, const char *told)
{
	buf_put(&w->told, "", 1);
	assert_string_equal((char *)buf_head(&w->told), told);
	buf_reset(&w->told);
}

static void
refused(struct world *w, ssize_t taken, const char *why)
{
	assert_true(taken < 0);
	assert_string_equal(w->o->why.text, why);
}

static void
a_file_to_the_host_is_told_with_its_hash(void **state)
{
	struct world *w = begin(state, true, "there", NULL);

	answers(w, "\0");
	says(w, "T1183828267 0 1183828268 0\n");
	answers(w, "\0");
	says(w, "C0640 12 a b\n");
	answers(w, "\0");
	says(w, "hello ");
	says(w, "world\n\0");
	expect(w, ""); /* not before it is acknowledged */
	answers(w, "\0");
	expect(w, "write there (a b) mode 640 times 1183828267 1183828268 12 whole a948904f\n");
}

static void
a_file_from_the_host_is_told_with_its_hash(void **state)
{
	struct world *w = begin(state, false, "/etc/f", NULL);

	says(w, "\0");
	answers(w, "C0644 12 f\n");
	says(w, "\0");
	answers(w, "hello world\n\0");
	says(w, "\0");
	expect(w, "read /etc/f (f) mode 644 12 whole a948904f\n");
}

static void
single_bytes_tell_the_same(void **state)
{
	static const char all[] = "C0640 12 a\nhello world\n";
	struct world *w = begin(state, true, "there", NULL);

	answers(w, "\0");
	for (size_t i = 0; i < sizeof(all); i++) {
		assert_int_equal(client(w, all + i, 1), 1);
		if (all[i] == '\n' && i < 12)
			answers(w, "\0");
	}
	answers(w, "\0");
	expect(w, "write there (a) mode 640 12 whole a948904f\n");
}

static void
folders_are_told_with_what_is_below(void **state)
{
	struct world *w = begin(state, true, "there", NULL);

	answers(w, "\0");
	says(w, "D0755 0 d\n");
	answers(w, "\0");
	says(w, "D0700 0 e\n");
	answers(w, "\0");
	says(w, "C0644 0 f\n");
	answers(w, "\0");
	says(w, "\0");
	answers(w, "\0");
	says(w, "E\n");
	answers(w, "\0");
	says(w, "C0644 0 g\n");
	answers(w, "\0");
	says(w, "\0");
	answers(w, "\0");
	says(w, "E\n");
	answers(w, "\0");
	expect(w,
	    "mkdir there (d) mode 755\nmkdir there (d/e) mode 700\n"
	    "write there (d/e/f) mode 644 0 whole e3b0c442\nwrite there (d/g) mode 644 0 whole e3b0c442\n");
}

static void
folders_that_are_read_are_told_with_their_entries(void **state)
{
	struct world *w = begin(state, false, "d", NULL);

	says(w, "\0");
	answers(w, "D0755 0 d\n");
	says(w, "\0");
	answers(w, "C0644 0 f\n");
	says(w, "\0");
	answers(w, "\0");
	says(w, "\0");
	answers(w, "E\n");
	says(w, "\0");
	expect(w, "read d (d/f) mode 644 0 whole e3b0c442\nlist d (d) 1\n");
}

static void
the_path_of_what_a_pattern_found_is_known(void **state)
{
	struct world *w = begin(state, false, "/etc/*.conf", "/etc/*.conf");

	says(w, "\0");
	answers(w, "C0644 0 a.conf\n");
	says(w, "\0");
	answers(w, "\0");
	says(w, "\0");
	expect(w, "read /etc/a.conf (a.conf) mode 644 0 whole e3b0c442\n");
}

static void
what_is_refused_or_fails_is_told(void **state)
{
	struct world *w = begin(state, true, "there", NULL);

	answers(w, "\0");
	says(w, "C0644 5 a\n");
	answers(w, "\1scp: there: Permission denied\n");
	says(w, "D0755 0 d\n");
	answers(w, "\1scp: there: Not a directory\n");
	/* The client cannot read its own file to the end, */
	says(w, "C0644 5 b\n");
	answers(w, "\0");
	says(w, "12345\1b: Input/output error\n");
	answers(w, "\0");
	/* and another one not at all. */
	says(w, "\1scp: c: No such file\n");
	expect(w,
	    "write there (a) mode 644 0 failed 1: scp: there: Permission denied\n"
	    "mkdir there (d) mode 755 failed 1: scp: there: Not a directory\n"
	    "write there (b) mode 644 5 5994471a failed 1: b: Input/output error\n"
	    "write there (b) 0 failed 1: scp: c: No such file\n");
}

static void
a_sink_that_is_not_there_is_told(void **state)
{
	struct world *w = begin(state, true, "there", NULL);

	answers(w, "\1scp: there: Not a directory\n");
	expect(w, "write there () 0 failed 1: scp: there: Not a directory\n");
}

static void
what_is_on_its_way_at_the_end_is_told(void **state)
{
	struct world *w = begin(state, true, "there", NULL);

	answers(w, "\0");
	says(w, "C0644 50 a\n");
	answers(w, "\0");
	says(w, "12345");
	file_observer_end(w->o, NULL);
	expect(w,
	    "write there (a) mode 644 5 5994471a failed 0: the session ended before the file was acknowledged\n");
	file_observer_end(w->o, NULL);
	expect(w, "");
}

static void
a_client_that_does_not_wait_is_made_to(void **state)
{
	static const char all[] = "C0644 2 a\nhi";
	struct world *w = begin(state, true, "there", NULL);

	assert_int_equal(client(w, all, sizeof(all)), 0);
	answers(w, "\0");
	assert_int_equal(client(w, all, sizeof(all)), 10);
	assert_int_equal(client(w, all + 10, sizeof(all) - 10), 0);
	answers(w, "\0");
	assert_int_equal(client(w, all + 10, sizeof(all) - 10), 3);
	answers(w, "\0");
	expect(w, "write there (a) mode 644 2 whole 8f434346\n");
}

static void
what_is_not_scp_ends_it(void **state)
{
	static const char *const lines[] = { "bash -i\n", "C0644 x a\n", "C644 5\n", "C0644 5 \n",
		"C06444 5 a\n", "C0894 5 a\n", "C0644 -5 a\n", "C0644 9999999999999999999 a\n",
		"D0755\n", "E5\n", "T1 2 3\n", "T1 0 1 0 x\n", "C\n", "\3x\n", "\n" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		teardown(state);
		setup(state);
		struct world *w = begin(state, true, "there", NULL);
		answers(w, "\0");
		refused(w, client(w, lines[i], strlen(lines[i])),
		    "the client sent what is not the protocol of scp");
	}
}

static void
a_nul_in_a_line_ends_it(void **state)
{
	struct world *w = begin(state, true, "there", NULL);

	answers(w, "\0");
	refused(w, client(w, "C0644 5 a\0b\n", 12),
	    "the client sent what is not the protocol of scp");
}

static void
a_line_without_an_end_ends_it(void **state)
{
	struct world *w = begin(state, true, "there", NULL);
	char line[SCP_OBSERVER_LINE_MAX + 1];

	memset(line, 'C', sizeof line);
	answers(w, "\0");
	refused(w, client(w, line, sizeof line), "the client sent what is not the protocol of scp");
}

/* Old sinks take 2047 bytes, end included, and what follows for the next line. */
static void
a_line_that_an_old_sink_would_tear_ends_it(void **state)
{
	struct world *w = begin(state, true, "there", NULL);
	char line[SCP_OBSERVER_SINK_LINE_MAX + 1];

	memset(line, 'x', sizeof line);
	memcpy(line, "\x01scp: ", 6);
	line[sizeof line - 2] = '\n';
	answers(w, "\0");
	assert_int_equal(client(w, line, sizeof line - 1), (int)sizeof line - 1);
	line[sizeof line - 2] = 'x';
	line[sizeof line - 1] = '\n';
	refused(w, client(w, line, sizeof line), "the client sent what is not the protocol of scp");
}

static void
output_of_another_program_ends_it(void **state)
{
	struct world *w = begin(state, true, "there", NULL);

	refused(w, server(w, "root:x:0:0\n", 11),
	    "the scp program sent what is not the protocol of scp");
}

static void
an_answer_that_nothing_waits_for_ends_it(void **state)
{
	struct world *w = begin(state, true, "there", NULL);

	answers(w, "\0");
	refused(w, server(w, "\0", 1), "the scp program sent what is not the protocol of scp");
}

static void
a_program_that_does_not_wait_ends_it(void **state)
{
	struct world *w = begin(state, false, "f", NULL);

	refused(w, server(w, "C0644 2 f\nhi", 12),
	    "the scp program sent what is not the protocol of scp");
}

static void
folders_are_only_so_deep(void **state)
{
	struct world *w = begin(state, true, "there", NULL);

	answers(w, "\0");
	for (int i = 0; i < SCP_OBSERVER_DEPTH_MAX; i++) {
		says(w, "D0755 0 d\n");
		answers(w, "\0");
	}
	says(w, "D0755 0 d\n");
	refused(w, server(w, "\0", 1), "more than 1024 folders one in another");
}

static void
what_cannot_be_written_down_is_not_acknowledged(void **state)
{
	struct world *w = begin(state, true, "there", NULL);

	answers(w, "\0");
	says(w, "C0644 0 a\n");
	answers(w, "\0");
	says(w, "\0");
	w->full = true;
	refused(w, server(w, "\0", 1),
	    "this session can no longer be recorded: the node's spool is full");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_file_to_the_host_is_told_with_its_hash),
		T(a_file_from_the_host_is_told_with_its_hash),
		T(single_bytes_tell_the_same),
		T(folders_are_told_with_what_is_below),
		T(folders_that_are_read_are_told_with_their_entries),
		T(the_path_of_what_a_pattern_found_is_known),
		T(what_is_refused_or_fails_is_told),
		T(a_sink_that_is_not_there_is_told),
		T(what_is_on_its_way_at_the_end_is_told),
		T(a_client_that_does_not_wait_is_made_to),
		T(what_is_not_scp_ends_it),
		T(a_nul_in_a_line_ends_it),
		T(a_line_without_an_end_ends_it),
		T(a_line_that_an_old_sink_would_tear_ends_it),
		T(output_of_another_program_ends_it),
		T(an_answer_that_nothing_waits_for_ends_it),
		T(a_program_that_does_not_wait_ends_it),
		T(folders_are_only_so_deep),
		T(what_cannot_be_written_down_is_not_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
