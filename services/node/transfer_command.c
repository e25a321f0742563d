/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer_command: see transfer_command.h. No I/O.
 *
 * Security: reads a command line of a user, in his own process and in the worker. Wherever shells
 * differ, or could do more than take a line apart, the line is no transfer.
 */
#include "node/transfer_command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* --- a line into words ------------------------------------------------------------------------- */

/* A word is written twice: as it is, and as a pattern. */
struct splitter {
	struct span line;
	size_t at;
	char *text, *pattern; /* where the next bytes go */
	bool expands;         /* the word holds something to expand */
	bool tilde;           /* it begins with ~, and no slash has come yet */
};

static void
put(struct splitter *s, uint8_t c, bool quoted)
{
	*s->text++ = (char)c;
	/* glob(3) takes back the meaning of a character by a backslash, as the shell does. */
	if (quoted && strchr("*?[]\\~", c))
		*s->pattern++ = '\\';
	*s->pattern++ = (char)c;
}

/* Stands for itself in every shell, outside of quotes. */
static bool
is_plain(uint8_t c)
{
	return c >= 0x80 || isalnum(c) || (c && strchr("%+,-./:=@_~", c));
}

/* What backslash takes the meaning from inside of double quotes. */
static bool
is_escaped_in_quotes(uint8_t c)
{
	return c == '"' || c == '\\' || c == '$' || c == '`';
}

/* From after the quote to after its end. False: it does not end, or a shell would do more. */
static bool
take_quoted(struct splitter *s, uint8_t quote)
{
	while (s->at < s->line.n) {
		uint8_t c = s->line.p[s->at++];

		if (c == quote)
			return true;
		if (quote == '"' && (c == '$' || c == '`'))
			return false;
		if (quote == '"' && c == '\\' && s->at < s->line.n) {
			uint8_t next = s->line.p[s->at];
			if (next == '\n')
				return false; /* two lines made one */
			if (is_escaped_in_quotes(next)) {
				c = next;
				s->at++;
			}
		}
		put(s, c, true);
	}
	return false;
}

/* The next character, or quoted piece, of a word. */
static bool
take_piece(struct splitter *s, bool first)
{
	uint8_t c = s->line.p[s->at++];

	/* ~"x" is no user's home in any shell, and would be one here. */
	if (s->tilde && (c == '\\' || c == '\'' || c == '"'))
		return false;
	if (c == '/')
		s->tilde = false;
	if (c == '\'' || c == '"')
		return take_quoted(s, c);
	if (c == '\\') {
		if (s->at == s->line.n || s->line.p[s->at] == '\n')
			return false;
		put(s, s->line.p[s->at++], true);
		return true;
	}
	if (c == '*' || c == '?' || c == '[' || c == ']' || (c == '~' && first)) {
		s->expands = true;
		s->tilde = c == '~';
	} else if (!is_plain(c) || (c == '=' && first)) {
		return false; /* `=ls` is a path for zsh */
	}
	put(s, c, c == '~' && !first);
	return true;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool
take_word(struct splitter *s, struct transfer_word *ret)
{
	ret->text = s->text;
	ret->pattern = s->pattern;
	s->expands = s->tilde = false;
	for (bool first = true; s->at < s->line.n && !is_blank(s->line.p[s->at]); first = false)
		if (!take_piece(s, first))
			return false;
	*s->text++ = '\0';
	*s->pattern++ = '\0';
	if (!s->expands)
		ret->pattern = NULL;
	return true;
}

/* False: the line needs a shell. */
static bool
split(struct transfer_command *c, struct splitter *s)
{
	for (;;) {
		while (s->at < s->line.n && is_blank(s->line.p[s->at]))
			s->at++;
		if (s->at == s->line.n)
			return true;
		if (c->n_words == TRANSFER_WORDS_MAX || !take_word(s, &c->words[c->n_words]))
			return false;
		c->n_words++;
	}
}

/* Negative: out of memory; 1: the line needs a shell. */
static int
read_words(struct transfer_command *c, struct span line)
{
	/* A byte of the line becomes at most one of a text and two of a pattern; a word adds its NUL
	 * to both, and has at least a byte and a blank, but for the last. */
	size_t room = line.n + 2;

	c->store = malloc(3 * room);
	if (!c->store)
		return -1;
	struct splitter s = { .line = line, .text = c->store, .pattern = c->store + room };
	return split(c, &s) ? 0 : 1;
}

static void
drop_first(struct transfer_command *c)
{
	c->n_words--;
	memmove(c->words, c->words + 1, c->n_words * sizeof(c->words[0]));
}

/* --- what it is -------------------------------------------------------------------------------- */

/* "scp" as clients ask for it, or the very program. */
static bool
is_program(const struct transfer_word *word, const char *path)
{
	const char *base = strrchr(path, '/') + 1;

	return !word->pattern && (strcmp(word->text, base) == 0 || strcmp(word->text, path) == 0);
}

/* Whatever folder it is in. */
static bool
is_named(const struct transfer_word *word, const char *name)
{
	const char *slash = strrchr(word->text, '/');

	return !word->pattern && strcmp(slash ? slash + 1 : word->text, name) == 0;
}

/* The letters of scp's far end, and no others: each either takes no part in what is run, or is one
 * of t and f, which stand here once. False: another option. */
static bool
read_scp_letters(struct transfer_command *c, const char *letters)
{
	for (; *letters; letters++) {
		if (*letters == 't' || *letters == 'f') {
			if (c->kind != MON_TRANSFER_NONE)
				return false;
			c->kind = *letters == 't' ? MON_TRANSFER_SCP_TO : MON_TRANSFER_SCP_FROM;
		} else if (!strchr("vrpdq", *letters)) {
			return false;
		}
	}
	return true;
}

/* scp [-vrpdq] -t|-f [--] file ... : how a client starts its other end (the old protocol). */
static bool
read_scp(struct transfer_command *c)
{
	drop_first(c);
	while (c->n_options < c->n_words) {
		const struct transfer_word *word = &c->words[c->n_options];

		if (word->text[0] != '-' || word->text[1] == '\0')
			break;
		if (strcmp(word->text, "--") == 0) {
			c->n_words--;
			memmove(&c->words[c->n_options], &c->words[c->n_options + 1],
			    (c->n_words - c->n_options) * sizeof(c->words[0]));
			break;
		}
		if (word->pattern || !read_scp_letters(c, word->text + 1))
			return false;
		c->n_options++;
	}
	size_t files = c->n_words - c->n_options;
	return (c->kind == MON_TRANSFER_SCP_TO && files == 1) ||
	    (c->kind == MON_TRANSFER_SCP_FROM && files > 0);
}

static int
read_command(struct transfer_command *c, const struct conf *config, struct span line)
{
	int r = read_words(c, line);

	if (r)
		return r;
	if (c->n_words > 0 && is_program(&c->words[0], conf_scp(config))) {
		c->program = conf_scp(config);
		return read_scp(c) ? 0 : 1;
	}
	return 1;
}

/* The configured program with its arguments, as an administrator wrote them. */
static int
read_sftp(struct transfer_command *c, const struct conf *config)
{
	int r = read_words(c, span_str(conf_sftp_server(config)));

	if (r)
		return r;
	c->kind = MON_TRANSFER_SFTP;
	c->program = c->words[0].text;
	drop_first(c);
	c->n_options = c->n_words;
	return 0;
}

int
transfer_command_read(struct transfer_command *ret, const struct conf *config, enum mon_kind kind,
    struct span command)
{
	int r = 1;

	ret->kind = MON_TRANSFER_NONE;
	ret->store = NULL;
	ret->n_words = ret->n_options = 0;
	if (kind == MON_KIND_SUBSYSTEM || span_is(command, conf_sftp_server(config)))
		r = read_sftp(ret, config);
	else if (kind == MON_KIND_EXEC)
		r = read_command(ret, config, command);
	if (r)
		ret->kind = MON_TRANSFER_NONE;
	return r < 0 ? -1 : 0;
}

/* The first "." ends the options: rsync's client always sends it, in the place of a source. */
static size_t
find_dot(const struct transfer_command *c)
{
	for (size_t i = 2; i < c->n_words; i++)
		if (strcmp(c->words[i].text, ".") == 0)
			return i;
	return c->n_words;
}

int
transfer_command_read_rsync(struct transfer_command *ret, struct span command, bool *ret_sends)
{
	int r;

	ret->kind = MON_TRANSFER_NONE;
	ret->program = NULL;
	ret->store = NULL;
	ret->n_words = ret->n_options = 0;
	r = read_words(ret, command);
	if (r)
		return r;
	if (ret->n_words < 4 || !is_named(&ret->words[0], "rsync") ||
	    strcmp(ret->words[1].text, "--server") != 0)
		return 1;
	*ret_sends = strcmp(ret->words[2].text, "--sender") == 0;
	ret->n_options = find_dot(ret) + 1;
	return ret->n_options < ret->n_words ? 0 : 1;
}

void
transfer_command_done(struct transfer_command *c)
{
	free(c->store);
	c->store = NULL;
}
