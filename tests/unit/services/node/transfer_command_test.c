/* SPDX-License-Identifier: Apache-2.0 */
/* Which command lines are transfers, and with which words; everything else needs a shell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "node/transfer_command.h"

static struct conf config;

static enum mon_transfer
kind_of(const char *line)
{
	struct transfer_command c;

	assert_int_equal(transfer_command_read(&c, &config, MON_KIND_EXEC, span_str(line)), 0);
	enum mon_transfer kind = c.kind;
	transfer_command_done(&c);
	return kind;
}

/* The words of a transfer, one a line; patterns begin with a star and a blank. */
static void
expect_words(const char *line, const char *expected)
{
	struct transfer_command c;
	struct buf words;

	assert_int_equal(transfer_command_read(&c, &config, MON_KIND_EXEC, span_str(line)), 0);
	assert_int_not_equal(c.kind, MON_TRANSFER_NONE);
	buf_init(&words, 4096);
	for (size_t i = 0; i < c.n_words; i++) {
		const struct transfer_word *w = &c.words[i];
		buf_printf(&words, "%s%s%s\n", i == c.n_options ? "| " : "", w->pattern ? "* " : "",
		    w->pattern ? w->pattern : w->text);
	}
	buf_put(&words, "", 1);
	assert_string_equal((char *)buf_head(&words), expected);
	buf_done(&words);
	transfer_command_done(&c);
}

/* "send" or "receive" and the paths, or "none". */
static void
expect_rsync(const char *line, const char *expected)
{
	struct transfer_command c;
	bool sends = false;
	struct buf words;
	int r = transfer_command_read_rsync(&c, span_str(line), &sends);

	buf_init(&words, 4096);
	buf_printf(&words, "%s", r ? "none" : sends ? "send" : "receive");
	for (size_t i = c.n_options; r == 0 && i < c.n_words; i++)
		buf_printf(&words, " %s", c.words[i].text);
	buf_put(&words, "", 1);
	assert_string_equal((char *)buf_head(&words), expected);
	buf_done(&words);
	transfer_command_done(&c);
}

static void
the_far_end_of_rsync_names_its_paths(void **state)
{
	(void)state;
	expect_rsync("rsync --server -logDtpre.iLsfxCIvu . /srv/backup", "receive /srv/backup");
	expect_rsync("rsync --server --sender -re.iLsfxCIvu . /etc/passwd \"/a b\" c*",
	    "send /etc/passwd /a b c*");
	expect_rsync("/opt/bin/rsync --server -r --delete --temp-dir /tmp . x", "receive x");
	expect_rsync("rsync --server -s", "none");
	expect_rsync("rsync --server -se.iLsfxCIvu . ", "none");
	expect_rsync("rsync -a /etc . x", "none");
	expect_rsync("myrsync --server -r . x", "none");
	expect_rsync("rsync --server -r . x; sh", "none");
	expect_rsync("", "none");
	/* It is no transfer all the same: nothing of it is left out of the recording. */
	assert_int_equal(kind_of("rsync --server -r . x"), MON_TRANSFER_NONE);
}

static void
the_far_end_of_scp_is_a_transfer(void **state)
{
	(void)state;
	assert_int_equal(kind_of("scp -t x"), MON_TRANSFER_SCP_TO);
	assert_int_equal(kind_of("scp -f x"), MON_TRANSFER_SCP_FROM);
	assert_int_equal(kind_of("scp -v -r -p -d -t x"), MON_TRANSFER_SCP_TO);
	assert_int_equal(kind_of("scp -rpf a b c"), MON_TRANSFER_SCP_FROM);
	assert_int_equal(kind_of("/usr/bin/scp -t x"), MON_TRANSFER_SCP_TO);
	assert_int_equal(kind_of("scp -t -- -x"), MON_TRANSFER_SCP_TO);
	assert_int_equal(kind_of("scp\t-t  ''"), MON_TRANSFER_SCP_TO);
	assert_int_equal(kind_of("/usr/lib/openssh/sftp-server"), MON_TRANSFER_SFTP);
}

static void
what_would_run_more_than_scp_is_none(void **state)
{
	static const char *const lines[] = { "scp -t x; bash -i", "scp -t $(bash)", "scp -t `bash`",
		"scp -t \"$(bash)\"", "scp -t \"`bash`\"", "scp -t x | bash", "scp -t x & bash",
		"scp -t x\nbash", "scp -t x && bash", "scp -t x || bash", "(scp -t x)",
		"scp -t x > y", "scp -t x < y", "scp -t $HOME", "scp -t \"$HOME\"", "scp -t {a,b}",
		"scp -t x #y", "A=b scp -t x", "scp -t x\\\ny", "scp -t \"x\\\ny\"", "scp -t x\\",
		"scp -t 'x", "scp -t \"x", "scp -t =x", "scp -t !x", "scp -t ^x", "exec scp -t x",
		"./scp -t x", "/tmp/scp -t x", "'scp' -S prog -t x", "scp -oProxyCommand=x -t x",
		"scp -t -S x y", "scp -t -f x", "scp -tf x", "scp -tt x", "scp -t", "scp -t a b",
		"scp -f", "scp a b", "scp -t x -- y", "scp -T -t x", "scp -*t x", "scp* -t x",
		"scp -t ~'x'", "scp -t ~\\x", "scp -t x\ry", "scp -t x\vy", "scp -3 -f x",
		"rsync --server . x", "bash", "", " ", "scp", "sftp-server",
		"/usr/lib/openssh/sftp-server -x", "/usr/lib/openssh/sftp-server;sh" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (kind_of(lines[i]) != MON_TRANSFER_NONE)
			fail_msg("a transfer: %s", lines[i]);
}

static void
words_are_what_a_shell_would_make_of_them(void **state)
{
	(void)state;
	expect_words("scp -t a\\ b", "-t\n| a b\n");
	expect_words("scp -p -t 'a b'\"c d\"e", "-p\n-t\n| a bc de\n");
	expect_words("scp -t '$(x);`y`'", "-t\n| $(x);`y`\n");
	expect_words("scp -t \"a\\\"b\\\\c\\d\"", "-t\n| a\"b\\c\\d\n");
	expect_words("scp -t 'it'\\''s'", "-t\n| it's\n");
	expect_words("scp -t -- -x", "-t\n| -x\n");
	expect_words("scp -t \303\251\377", "-t\n| \303\251\377\n");
	expect_words("scp -f '' ''", "-f\n| \n\n");
	expect_words("scp -f a\\;b\\&c", "-f\n| a;b&c\n");
}

static void
only_what_is_not_quoted_expands(void **state)
{
	(void)state;
	expect_words("scp -f *.txt", "-f\n| * *.txt\n");
	expect_words("scp -f '*'.txt", "-f\n| *.txt\n");
	expect_words("scp -f '*'?[ab]\\*", "-f\n| * \\*?[ab]\\*\n");
	expect_words("scp -f ~/x ~bob/y a~b '~'", "-f\n| * ~/x\n* ~bob/y\na~b\n~\n");
}

static void
the_subsystem_is_the_configured_program_with_its_arguments(void **state)
{
	struct conf more = { .sftp_server = (char *)(uintptr_t) "/opt/sftp-server -l INFO" };
	struct conf shell = { .sftp_server = (char *)(uintptr_t) "/opt/sftp-server; sh" };
	struct transfer_command c;

	(void)state;
	assert_int_equal(transfer_command_read(&c, &more, MON_KIND_SUBSYSTEM, span_str("sftp")), 0);
	assert_int_equal(c.kind, MON_TRANSFER_SFTP);
	assert_string_equal(c.program, "/opt/sftp-server");
	assert_int_equal(c.n_words, 2);
	assert_string_equal(c.words[1].text, "INFO");
	transfer_command_done(&c);
	assert_int_equal(transfer_command_read(&c, &shell, MON_KIND_SUBSYSTEM, span_str("sftp")),
	    0);
	assert_int_equal(c.kind, MON_TRANSFER_NONE);
	transfer_command_done(&c);
}

static void
a_shell_is_none(void **state)
{
	struct transfer_command c;

	(void)state;
	assert_int_equal(transfer_command_read(&c, &config, MON_KIND_SHELL, span_str("")), 0);
	assert_int_equal(c.kind, MON_TRANSFER_NONE);
	transfer_command_done(&c);
}

static void
there_are_only_so_many_words(void **state)
{
	struct buf line;

	(void)state;
	buf_init(&line, 4096);
	buf_printf(&line, "scp -f");
	for (int i = 0; i < TRANSFER_WORDS_MAX - 2; i++)
		buf_printf(&line, " a");
	buf_put(&line, "", 1);
	assert_int_equal(kind_of((char *)buf_head(&line)), MON_TRANSFER_SCP_FROM);
	buf_head(&line)[line.len - 1] = ' ';
	buf_put(&line, "a", 2);
	assert_int_equal(kind_of((char *)buf_head(&line)), MON_TRANSFER_NONE);
	buf_done(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_far_end_of_scp_is_a_transfer),
		cmocka_unit_test(the_far_end_of_rsync_names_its_paths),
		cmocka_unit_test(what_would_run_more_than_scp_is_none),
		cmocka_unit_test(words_are_what_a_shell_would_make_of_them),
		cmocka_unit_test(only_what_is_not_quoted_expands),
		cmocka_unit_test(the_subsystem_is_the_configured_program_with_its_arguments),
		cmocka_unit_test(a_shell_is_none),
		cmocka_unit_test(there_are_only_so_many_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
