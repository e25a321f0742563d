/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader along of SFTP tells of both directions, and what it lets through to neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "session/sftp_observer.h"

/* What was told, one report a line. */
struct world {
	struct file_observer *o;
	struct buf told;
	bool full;      /* the trail takes no more */
	size_t at_once; /* bytes shown at a time */
};

static const char *const names[FILE_ACTIONS] = { "read", "write", "list", "rename", "remove",
	"mkdir", "rmdir", "link", "symlink", "setstat", "copy", "other" };

static int
on_report(const struct file_report *r, void *arg)
{
	struct world *w = arg;
	char hash[2 * SHA256_BYTES + 1];

	if (w->full)
		return -1;
	buf_printf(&w->told, "%s %.*s", names[r->action], (int)r->path.n,
	    r->path.n ? (const char *)r->path.p : "");
	if (r->target.n)
		buf_printf(&w->told, " to %.*s", (int)r->target.n, (const char *)r->target.p);
	if (r->attrs.has_mode)
		buf_printf(&w->told, " mode %o", r->attrs.mode);
	if (r->attrs.has_size)
		buf_printf(&w->told, " size %llu", (unsigned long long)r->attrs.size);
	if (r->action == FILE_LIST)
		buf_printf(&w->told, " %llu", (unsigned long long)r->entries);
	if (r->action <= FILE_WRITE)
		buf_printf(&w->told, " %llu%s", (unsigned long long)r->passed.bytes,
		    r->passed.whole ? " whole" : "");
	for (unsigned i = 0; i < r->passed.n_ranges && !r->passed.whole; i++)
		buf_printf(&w->told, " [%llu,%llu)", (unsigned long long)r->passed.ranges[i].from,
		    (unsigned long long)r->passed.ranges[i].to);
	if (r->passed.has_hash) {
		str_hex(hash, r->passed.hash, SHA256_BYTES);
		buf_printf(&w->told, " %.8s", hash);
	}
	if (!r->ok)
		buf_printf(&w->told, " failed %u (%.*s)", r->has_status ? r->status : 999,
		    (int)r->why.n, r->why.n ? (const char *)r->why.p : "");
	buf_printf(&w->told, "\n");
	return 0;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	buf_init(&w->told, 1 << 20);
	w->at_once = SIZE_MAX;
	w->o = sftp_observer_new(on_report, w);
	*state = w;
	return w->o ? 0 : -1;
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

static void
expect(struct world *w, const char *told)
{
	buf_put(&w->told, "", 1);
	assert_string_equal((char *)buf_head(&w->told), told);
	buf_reset(&w->told);
}

/* --- packets -------------------------------------------------------------------------------------- */

static bool
show(struct world *w, bool client, struct span s)
{
	for (size_t at = 0; at < s.n;) {
		size_t n = s.n - at < w->at_once ? s.n - at : w->at_once;
		struct span part = { s.p + at, n };
		if (client && file_observer_client(w->o, part) != (ssize_t)n)
			return false;
		if (!client && file_observer_server(w->o, part))
			return false;
		at += n;
	}
	return true;
}

/* A packet of `format`: u a u32, q a u64, s a text, b bytes and their number (int). */
static bool
say(struct world *w, bool client, unsigned type, const char *format, ...)
{
	struct buf b;
	va_list ap;

	buf_init(&b, 1 << 20);
	size_t mark = wire_put_open(&b);
	wire_put_u8(&b, (uint8_t)type);
	va_start(ap, format);
	for (; *format; format++) {
		if (*format == 'u')
			wire_put_u32(&b, va_arg(ap, unsigned));
		else if (*format == 'q')
			wire_put_u64(&b, va_arg(ap, unsigned long long));
		else if (*format == 's')
			wire_put_text(&b, va_arg(ap, const char *));
		else {
			const uint8_t *p = va_arg(ap, const uint8_t *);
			wire_put_string(&b, (struct span){ p, (size_t)va_arg(ap, int) });
		}
	}
	va_end(ap);
	wire_put_close(&b, mark);
	bool ok = show(w, client, buf_span(&b));
	buf_done(&b);
	return ok;
}

#define asks(w, ...)            assert_true(say(w, true, __VA_ARGS__))
#define answers(w, ...)         assert_true(say(w, false, __VA_ARGS__))
#define done(w, id)             answers(w, SFTP_STATUS, "uuss", id, 0u, "", "")
#define fails(w, id, code, why) answers(w, SFTP_STATUS, "uuss", id, code, why, "")

static void
greet(struct world *w)
{
	asks(w, SFTP_INIT, "u", 3u);
	answers(w, SFTP_VERSION, "uss", 3u, "posix-rename@openssh.com", "1");
}

static void
opens(struct world *w, unsigned id, const char *path, unsigned flags, const char *handle)
{
	asks(w, SFTP_OPEN, "usuu", id, path, flags, 0u);
	answers(w, SFTP_HANDLE, "us", id, handle);
}

static void
closes(struct world *w, unsigned id, const char *handle)
{
	asks(w, SFTP_CLOSE, "us", id, handle);
	done(w, id);
}

static void
refused(struct world *w, bool taken, const char *why)
{
	assert_false(taken);
	assert_string_equal(w->o->why.text, why);
}

enum { PUT = SFTP_FOR_WRITE | SFTP_CREATE | SFTP_TRUNCATE };

/* --- bodies ----------------------------------------------------------------------------------------- */

static void
a_file_that_was_written_is_told_with_its_hash(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", PUT, "h");
	/* Pipelined, and answered later. */
	asks(w, SFTP_WRITE, "usqs", 2u, "h", 0ull, "hello ");
	asks(w, SFTP_WRITE, "usqs", 3u, "h", 6ull, "world\n");
	done(w, 3u);
	done(w, 2u);
	closes(w, 4, "h");
	expect(w, "write a 12 whole a948904f\n"); /* sha256sum of "hello world\n" */
}

static void
the_same_comes_of_single_bytes(void **state)
{
	struct world *w = *state;

	w->at_once = 1;
	a_file_that_was_written_is_told_with_its_hash(state);
}

static void
a_file_that_was_read_to_its_end_is_told_with_its_hash(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", SFTP_FOR_READ, "h");
	asks(w, SFTP_READ, "usqu", 2u, "h", 0ull, 6u);
	asks(w, SFTP_READ, "usqu", 3u, "h", 6ull, 100u);
	asks(w, SFTP_READ, "usqu", 4u, "h", 12ull, 100u);
	answers(w, SFTP_DATA, "us", 2u, "hello ");
	answers(w, SFTP_DATA, "us", 3u, "world\n");
	fails(w, 4u, 1u, "End of file");
	closes(w, 5, "h");
	expect(w, "read a 12 whole a948904f\n");
}

static void
what_did_not_pass_whole_says_what_did(void **state)
{
	struct world *w = *state;

	greet(w);
	/* Not to its end: the hash is of the range. */
	opens(w, 1, "a", SFTP_FOR_READ, "h");
	asks(w, SFTP_READ, "usqu", 2u, "h", 0ull, 12u);
	answers(w, SFTP_DATA, "us", 2u, "hello world\n");
	closes(w, 3, "h");
	expect(w, "read a 12 [0,12) a948904f\n");
	/* With a gap, and out of order. */
	opens(w, 1, "b", SFTP_FOR_READ, "h");
	asks(w, SFTP_READ, "usqu", 2u, "h", 100ull, 10u);
	asks(w, SFTP_READ, "usqu", 3u, "h", 0ull, 10u);
	answers(w, SFTP_DATA, "us", 2u, "0123456789");
	answers(w, SFTP_DATA, "us", 3u, "0123456789");
	closes(w, 4, "h");
	expect(w, "read b 20 [0,10) [100,110)\n");
	/* Into a file that was not empty. */
	opens(w, 1, "c", SFTP_FOR_WRITE | SFTP_CREATE, "h");
	asks(w, SFTP_WRITE, "usqs", 2u, "h", 0ull, "hello world\n");
	done(w, 2u);
	closes(w, 3, "h");
	expect(w, "write c 12 [0,12) a948904f\n");
	/* At the end, wherever that is. */
	opens(w, 1, "d", PUT | SFTP_APPEND, "h");
	asks(w, SFTP_WRITE, "usqs", 2u, "h", 0ull, "x");
	done(w, 2u);
	closes(w, 3, "h");
	expect(w, "write d 1 [0,1)\n");
	/* A write failed. */
	opens(w, 1, "e", PUT, "h");
	asks(w, SFTP_WRITE, "usqs", 2u, "h", 0ull, "hello world\n");
	fails(w, 2u, 4u, "No space");
	closes(w, 3, "h");
	expect(w, "write e 12 [0,12) a948904f failed 4 (No space)\n");
}

static void
a_file_that_is_cut_where_the_writing_ended_is_whole(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", SFTP_FOR_WRITE | SFTP_CREATE, "h");
	asks(w, SFTP_WRITE, "usqs", 2u, "h", 0ull, "hello world\n");
	done(w, 2u);
	asks(w, SFTP_FSETSTAT, "usuq", 3u, "h", 1u, 12ull);
	done(w, 3u);
	closes(w, 4, "h");
	expect(w, "setstat a size 12\nwrite a 12 whole a948904f\n");
	/* And one that is cut elsewhere is not. */
	opens(w, 1, "a", PUT, "h");
	asks(w, SFTP_WRITE, "usqs", 2u, "h", 0ull, "hello world\n");
	done(w, 2u);
	asks(w, SFTP_FSETSTAT, "usuq", 3u, "h", 1u, 5ull);
	done(w, 3u);
	closes(w, 4, "h");
	expect(w, "setstat a size 5\nwrite a 12 [0,12) a948904f\n");
}

static void
a_file_that_is_read_twice_is_whole(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", SFTP_FOR_READ, "h");
	asks(w, SFTP_READ, "usqu", 2u, "h", 0ull, 4u);
	answers(w, SFTP_DATA, "us", 2u, "hell");
	asks(w, SFTP_READ, "usqu", 2u, "h", 0ull, 100u);
	answers(w, SFTP_DATA, "us", 2u, "hello world\n");
	asks(w, SFTP_READ, "usqu", 2u, "h", 12ull, 100u);
	fails(w, 2u, 1u, "EOF");
	closes(w, 3, "h");
	expect(w, "read a 16 whole a948904f\n");
}

static void
an_empty_file_is_whole(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", PUT, "h");
	closes(w, 2, "h");
	opens(w, 1, "b", SFTP_FOR_READ, "h");
	asks(w, SFTP_READ, "usqu", 2u, "h", 0ull, 4u);
	fails(w, 2u, 1u, "EOF");
	closes(w, 2, "h");
	expect(w, "write a 0 whole e3b0c442\nread b 0 whole e3b0c442\n");
}

static void
a_file_may_be_read_and_written(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", PUT | SFTP_FOR_READ, "h");
	asks(w, SFTP_WRITE, "usqs", 2u, "h", 0ull, "hello world\n");
	done(w, 2u);
	asks(w, SFTP_READ, "usqu", 2u, "h", 0ull, 5u);
	answers(w, SFTP_DATA, "us", 2u, "hello");
	closes(w, 3, "h");
	expect(w, "write a 12 whole a948904f\nread a 5 [0,5) 2cf24dba\n");
}

static void
many_files_are_kept_apart(void **state)
{
	struct world *w = *state;
	char handle[8];

	greet(w);
	for (unsigned i = 0; i < 26; i++) {
		str_format(handle, sizeof handle, "h%u", i);
		opens(w, i, handle, PUT, handle);
	}
	for (unsigned i = 0; i < 26; i++) {
		str_format(handle, sizeof handle, "h%u", i);
		asks(w, SFTP_WRITE, "usqs", 100 + i, handle, 0ull, handle);
	}
	for (unsigned i = 26; i-- > 0;)
		done(w, 100 + i);
	closes(w, 1, "h25");
	closes(w, 1, "h3");
	expect(w, "write h25 3 whole 866f2a9e\nwrite h3 2 whole 97fb5f85\n");
}

/* --- everything else ---------------------------------------------------------------------------------- */

static void
what_changes_names_is_told_with_its_result(void **state)
{
	struct world *w = *state;

	greet(w);
	asks(w, SFTP_RENAME, "uss", 1u, "a", "b");
	asks(w, SFTP_REMOVE, "us", 2u, "c");
	asks(w, SFTP_MKDIR, "usuu", 3u, "d", 4u, 0700u);
	asks(w, SFTP_RMDIR, "us", 4u, "e");
	asks(w, SFTP_SYMLINK, "uss", 5u, "/points/to", "link");
	asks(w, SFTP_SETSTAT, "usuu", 6u, "f", 4u, 04755u);
	asks(w, SFTP_EXTENDED, "usss", 7u, "posix-rename@openssh.com", "g", "h");
	asks(w, SFTP_EXTENDED, "usss", 8u, "hardlink@openssh.com", "i", "j");
	asks(w, SFTP_EXTENDED, "ussuuu", 9u, "lsetstat@openssh.com", "k", 8u, 1u, 2u);
	for (unsigned i = 1; i < 10; i++) {
		if (i == 2)
			fails(w, i, 3u, "Permission denied");
		else
			done(w, i);
	}
	expect(w,
	    "rename a to b\nremove c failed 3 (Permission denied)\nmkdir d mode 700\nrmdir e\n"
	    "symlink link to /points/to\nsetstat f mode 4755\nrename g to h\nlink i to j\nsetstat k\n");
}

static void
a_folder_is_told_with_the_number_of_its_entries(void **state)
{
	struct world *w = *state;

	greet(w);
	asks(w, SFTP_OPENDIR, "us", 1u, "dir");
	answers(w, SFTP_HANDLE, "us", 1u, "d");
	asks(w, SFTP_READDIR, "us", 2u, "d");
	answers(w, SFTP_NAME, "uussussu", 2u, 2u, "a", "-rw a", 0u, "b", "-rw b", 0u);
	asks(w, SFTP_READDIR, "us", 3u, "d");
	fails(w, 3u, 1u, "EOF");
	closes(w, 4, "d");
	asks(w, SFTP_OPENDIR, "us", 5u, "no");
	fails(w, 5u, 2u, "No such file");
	expect(w, "list dir 2\nlist no 0 failed 2 (No such file)\n");
}

static void
opening_that_fails_is_told(void **state)
{
	struct world *w = *state;

	greet(w);
	asks(w, SFTP_OPEN, "usuu", 1u, "/etc/shadow", (unsigned)SFTP_FOR_READ, 0u);
	fails(w, 1u, 3u, "Permission denied");
	asks(w, SFTP_OPEN, "usuu", 1u, "/etc/passwd", (unsigned)PUT, 0u);
	fails(w, 1u, 3u, "Permission denied");
	expect(w,
	    "read /etc/shadow 0 failed 3 (Permission denied)\nwrite /etc/passwd 0 failed 3 (Permission denied)\n");
}

static void
a_copy_on_the_server_is_told_and_takes_the_hash(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "from", SFTP_FOR_READ, "f");
	opens(w, 1, "to", PUT, "t");
	asks(w, SFTP_EXTENDED, "ussqqsq", 2u, "copy-data", "f", 0ull, 0ull, "t", 0ull);
	done(w, 2u);
	closes(w, 3, "t");
	closes(w, 3, "f");
	expect(w, "copy from to to\nwrite to 0\nread from 0 e3b0c442\n");
}

static void
looking_is_not_told(void **state)
{
	struct world *w = *state;

	greet(w);
	asks(w, SFTP_REALPATH, "us", 1u, ".");
	answers(w, SFTP_NAME, "uussu", 1u, 1u, "/root", "/root", 0u);
	asks(w, SFTP_STAT, "us", 1u, "x");
	answers(w, SFTP_ATTRS, "uuq", 1u, 1u, 5ull);
	asks(w, SFTP_LSTAT, "us", 1u, "x");
	fails(w, 1u, 2u, "No such file");
	asks(w, SFTP_READLINK, "us", 1u, "x");
	answers(w, SFTP_NAME, "uussu", 1u, 1u, "/root", "", 0u);
	asks(w, SFTP_EXTENDED, "uss", 1u, "statvfs@openssh.com", "/");
	answers(w, SFTP_EXTENDED_REPLY, "uq", 1u, 4096ull);
	asks(w, SFTP_EXTENDED, "us", 1u, "what@is.this");
	fails(w, 1u, 8u, "Operation unsupported");
	expect(w, "");
	asks(w, SFTP_EXTENDED, "us", 1u, "what@is.this");
	done(w, 1u);
	expect(w, "other what@is.this\n");
}

static void
what_is_open_at_the_end_is_told(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", PUT, "h");
	asks(w, SFTP_WRITE, "usqs", 2u, "h", 0ull, "hello");
	done(w, 2u);
	opens(w, 1, "b", SFTP_FOR_READ, "i");
	asks(w, SFTP_READ, "usqu", 2u, "i", 0ull, 5u);
	answers(w, SFTP_DATA, "us", 2u, "hello");
	asks(w, SFTP_REMOVE, "us", 3u, "c");
	file_observer_end(w->o, NULL);
	expect(w,
	    "remove c failed 999 (the session ended before the server answered)\n"
	    "read b 5 [0,5) 2cf24dba failed 999 (the file was not closed)\n"
	    "write a 5 [0,5) 2cf24dba failed 999 (the file was not closed)\n");
	file_observer_end(w->o, NULL);
	expect(w, "");
}

/* --- what is not SFTP ---------------------------------------------------------------------------------- */

static void
the_client_must_greet_first(void **state)
{
	struct world *w = *state;

	refused(w, say(w, true, SFTP_REMOVE, "us", 1u, "x"), "the client does not speak SFTP");
}

static void
text_is_not_sftp(void **state)
{
	struct world *w = *state;

	refused(w, show(w, true, span_str("bash -i\n")), "the client sent what is not SFTP");
}

static void
the_server_must_speak_version_3(void **state)
{
	struct world *w = *state;

	asks(w, SFTP_INIT, "u", 6u);
	refused(w, say(w, false, SFTP_VERSION, "u", 6u),
	    "sftp_server speaks version 6 of SFTP, and not 3");
}

static void
a_banner_of_the_server_is_not_sftp(void **state)
{
	struct world *w = *state;

	asks(w, SFTP_INIT, "u", 3u);
	refused(w, show(w, false, span_str("Welcome!\n")), "sftp_server sent what is not SFTP");
}

static void
what_the_protocol_has_no_place_for_ends_it(void **state)
{
	static const struct {
		bool client;
		unsigned type;
		const char *why;
	} rows[] = {
		{ true, SFTP_INIT, "the client sent what is not SFTP" },
		{ true, SFTP_STATUS, "the client sent what is not SFTP" },
		{ true, 21, "the client sent what is not SFTP" },
		{ true, 0, "the client sent what is not SFTP" },
		{ true, SFTP_REMOVE, "the client sent what is not SFTP" }, /* without a name */
		{ false, SFTP_STATUS, "the sftp server sent an answer to nothing" },
		{ false, SFTP_VERSION, "the sftp server sent an answer to nothing" },
		{ false, SFTP_REMOVE, "the sftp server sent an answer to nothing" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		teardown(state);
		setup(state);
		struct world *w = *state;
		greet(w);
		refused(w, say(w, rows[i].client, rows[i].type, "u", 3u), rows[i].why);
	}
}

static void
an_answer_of_another_kind_ends_it(void **state)
{
	struct world *w = *state;

	greet(w);
	asks(w, SFTP_REMOVE, "us", 1u, "x");
	refused(w, say(w, false, SFTP_DATA, "us", 1u, "output of a shell"),
	    "the sftp server sent an answer to nothing");
}

static void
a_handle_that_was_guessed_ends_it(void **state)
{
	struct world *w = *state;

	greet(w);
	asks(w, SFTP_OPEN, "usuu", 1u, "a", (unsigned)SFTP_FOR_READ, 0u);
	refused(w, say(w, true, SFTP_READ, "usqu", 2u, "h", 0ull, 5u),
	    "an sftp request names a file that is not open");
}

static void
a_handle_that_is_closed_is_not_open(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", PUT, "h");
	asks(w, SFTP_CLOSE, "us", 2u, "h");
	refused(w, say(w, true, SFTP_WRITE, "usqs", 3u, "h", 0ull, "x"),
	    "an sftp request names a file that is not open");
}

/* Of a server that answers the close before the read: the file is gone, the request is not. */
static void
a_read_may_be_answered_after_the_close(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", SFTP_FOR_READ, "h");
	asks(w, SFTP_READ, "usqu", 2u, "h", 0ull, 5u);
	asks(w, SFTP_CLOSE, "us", 3u, "h");
	done(w, 3u);
	answers(w, SFTP_DATA, "us", 2u, "hello");
	expect(w, "read a 0 e3b0c442\n");
	/* And the handle is free again. */
	opens(w, 1, "b", PUT, "h");
	closes(w, 2, "h");
	expect(w, "write b 0 whole e3b0c442\n");
}

static void
the_server_sends_no_more_than_it_was_asked_for(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", SFTP_FOR_READ, "h");
	asks(w, SFTP_READ, "usqu", 2u, "h", 0ull, 4u);
	refused(w, say(w, false, SFTP_DATA, "us", 2u, "hello"),
	    "the sftp server sent more of a file than it was asked for");
}

static void
a_body_ends_with_its_packet(void **state)
{
	struct world *w = *state;

	greet(w);
	opens(w, 1, "a", PUT, "h");
	refused(w, say(w, true, SFTP_WRITE, "usqss", 2u, "h", 0ull, "x", "hidden"),
	    "the client sent what is not SFTP");
}

static void
the_client_waits_when_too_many_requests_are_under_way(void **state)
{
	struct world *w = *state;
	struct buf one;

	greet(w);
	buf_init(&one, 64);
	size_t mark = wire_put_open(&one);
	wire_put_u8(&one, SFTP_STAT);
	wire_put_u32(&one, 7);
	wire_put_text(&one, "x");
	wire_put_close(&one, mark);
	for (int i = 0; i < SFTP_OBSERVER_REQUESTS_MAX; i++)
		assert_true(show(w, true, buf_span(&one)));
	assert_int_equal(file_observer_client(w->o, buf_span(&one)), 0);
	fails(w, 7u, 2u, "No such file");
	assert_int_equal(file_observer_client(w->o, buf_span(&one)), one.len);
	buf_done(&one);
}

static void
only_so_many_files_are_open(void **state)
{
	struct world *w = *state;
	char handle[8];

	greet(w);
	for (unsigned i = 0; i < SFTP_OBSERVER_FILES_MAX; i++) {
		str_format(handle, sizeof handle, "h%u", i);
		opens(w, 1, "a", SFTP_FOR_READ, handle);
	}
	asks(w, SFTP_OPEN, "usuu", 1u, "a", 1u, 0u);
	refused(w, say(w, false, SFTP_HANDLE, "us", 1u, "one more"),
	    "more than 1024 files are open in one sftp session");
}

static void
what_cannot_be_written_down_is_not_answered(void **state)
{
	struct world *w = *state;

	greet(w);
	asks(w, SFTP_REMOVE, "us", 1u, "x");
	w->full = true;
	refused(w, say(w, false, SFTP_STATUS, "uuss", 1u, 0u, "", ""),
	    "this session can no longer be recorded: the node's spool is full");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_file_that_was_written_is_told_with_its_hash),
		T(the_same_comes_of_single_bytes),
		T(a_file_that_was_read_to_its_end_is_told_with_its_hash),
		T(what_did_not_pass_whole_says_what_did),
		T(a_file_that_is_cut_where_the_writing_ended_is_whole),
		T(a_file_that_is_read_twice_is_whole),
		T(an_empty_file_is_whole),
		T(a_file_may_be_read_and_written),
		T(many_files_are_kept_apart),
		T(what_changes_names_is_told_with_its_result),
		T(a_folder_is_told_with_the_number_of_its_entries),
		T(opening_that_fails_is_told),
		T(a_copy_on_the_server_is_told_and_takes_the_hash),
		T(looking_is_not_told),
		T(what_is_open_at_the_end_is_told),
		T(the_client_must_greet_first),
		T(text_is_not_sftp),
		T(the_server_must_speak_version_3),
		T(a_banner_of_the_server_is_not_sftp),
		T(what_the_protocol_has_no_place_for_ends_it),
		T(an_answer_of_another_kind_ends_it),
		T(a_handle_that_was_guessed_ends_it),
		T(a_handle_that_is_closed_is_not_open),
		T(a_read_may_be_answered_after_the_close),
		T(the_server_sends_no_more_than_it_was_asked_for),
		T(a_body_ends_with_its_packet),
		T(the_client_waits_when_too_many_requests_are_under_way),
		T(only_so_many_files_are_open),
		T(what_cannot_be_written_down_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
