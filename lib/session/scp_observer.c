/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scp_observer: see scp_observer.h. The protocol has no specification: what OpenSSH's scp.c sends and
 * takes is what is read here.
 *
 * Security: both sides may be hostile. A line that is none, an answer that nothing waits for, and a
 * source that does not wait for its answer end the session; a client that does not is made to wait.
 */
#include "session/scp_observer.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

enum { SIZE_DIGITS = 18 /* less than 2^63 */, NAMES_MAX = 256 * 1024 };

/* Whose turn it is, and with what. */
enum state {
	LINE,        /* the source: a line */
	BODY,        /* the source: the file's bytes */
	STATUS,      /* the source: whether they are good */
	WAIT_START,  /* the sink: that it is there */
	WAIT_FILE,   /* the sink: about a C line */
	WAIT_FOLDER, /* about a D line */
	WAIT_LEAVE,  /* about an E line */
	WAIT_TIMES,  /* about a T line */
	WAIT_DONE,   /* about a body */
};

struct scp_observer {
	struct file_observer base;
	bool to_host;
	enum state state;
	struct buf line;   /* of the source, as far as it came */
	struct buf answer; /* of the sink */
	struct buf names;  /* of the folders and of what the last line was about: a/b/c */
	size_t depth;
	struct {
		uint32_t n_names; /* bytes of names before it */
		uint32_t entries;
	} folders[SCP_OBSERVER_DEPTH_MAX];
	struct sftp_attrs attrs; /* of what the last line was about; times come before it */
	uint64_t left;           /* of the body */
	struct file_flow flow;
	bool in_file; /* a body is on its way, or its acknowledgement */
	bool failed;  /* the source says that the body is not good */
	char why[256];
	struct buf path; /* that the files belong to */
	struct scp_observer_word *words;
	size_t n_words;
};

static struct scp_observer *
of(struct file_observer *o)
{
	return (struct scp_observer *)(void *)o; /* its first member */
}

static int
not_scp(struct scp_observer *o, const char *who)
{
	return err_set(&o->base.why, "%s sent what is not the protocol of scp", who);
}

static const char *
source_name(const struct scp_observer *o)
{
	return o->to_host ? "the client" : "the scp program";
}

static const char *
sink_name(const struct scp_observer *o)
{
	return o->to_host ? "the scp program" : "the client";
}

/* --- which file it is ---------------------------------------------------------------------------- */

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The word that brought this name. The protocol shows only the last part of it. */
static bool
brings(const struct scp_observer_word *word, const char *name)
{
	return word->pattern ? fnmatch(base_of(word->pattern), name, 0) == 0
			     : strcmp(base_of(word->text), name) == 0;
}

/* Of a pattern in its last part alone the path is known with the name. */
static void
put_source(struct buf *b, const struct scp_observer_word *word, const char *name)
{
	const char *base = base_of(word->text);
	size_t folder = (size_t)(base - word->text);
	bool is_known = word->pattern && !memchr(word->text, '*', folder) &&
	    !memchr(word->text, '?', folder) && !memchr(word->text, '[', folder);

	if (is_known)
		buf_printf(b, "%.*s%s", (int)folder, word->text, name);
	else
		buf_printf(b, "%s", word->text);
}

/* What the path of the files is from now on: a name of the first level has come. */
static void
find_path(struct scp_observer *o, const char *name)
{
	buf_reset(&o->path);
	for (size_t i = 0; i < o->n_words; i++) {
		if (!o->to_host && brings(&o->words[i], name)) {
			put_source(&o->path, &o->words[i], name);
			return;
		}
	}
	/* A name like "/" or ".." is called otherwise by the protocol: one word is it all the same. */
	if (o->n_words == 1)
		buf_printf(&o->path, "%s", o->words[0].text);
}

/* --- reports ------------------------------------------------------------------------------------- */

static int
report(struct scp_observer *o, enum file_action action, uint32_t code, const char *why)
{
	struct file_report r = { .action = action,
		.path = buf_span(&o->path),
		.name = buf_span(&o->names),
		.ok = code == 0 && !why,
		.has_status = code != 0,
		.status = code,
		.why = span_str(why),
		.attrs = o->attrs };

	if (action == FILE_LIST && o->depth > 0)
		r.entries = o->folders[o->depth - 1].entries;
	if (o->in_file)
		file_flow_sum(&o->flow, r.ok && o->left == 0, &r.passed);
	o->in_file = false;
	if (o->base.report(&r, o->base.arg))
		return err_set(&o->base.why,
		    "this session can no longer be recorded: the node's spool is full");
	return 0;
}

static enum file_action
file_action(const struct scp_observer *o)
{
	return o->to_host ? FILE_WRITE : FILE_READ;
}

static enum file_action
folder_action(const struct scp_observer *o)
{
	return o->to_host ? FILE_MKDIR : FILE_LIST;
}

/* --- lines of the source ------------------------------------------------------------------------- */

/* Digits of a base up to a blank; takes both. */
static bool
take_number(const char **at, unsigned base, size_t max_digits, uint64_t *ret)
{
	size_t n = 0;

	*ret = 0;
	for (; (*at)[n] >= '0' && (*at)[n] < (char)('0' + base); n++) {
		if (n == max_digits)
			return false;
		*ret = *ret * base + (uint64_t)((*at)[n] - '0');
	}
	if (n == 0 || ((*at)[n] != ' ' && (*at)[n] != '\0'))
		return false;
	*at += (*at)[n] ? n + 1 : n;
	return true;
}

/* Below the folder that we are in. */
static int
set_name(struct scp_observer *o, const char *name)
{
	size_t folder = o->depth ? o->folders[o->depth - 1].n_names : 0;

	o->names.len = folder;
	buf_printf(&o->names, "%s%s", folder ? "/" : "", name);
	if (o->depth == 0)
		find_path(o, name);
	else
		o->folders[o->depth - 1].entries++;
	return buf_ok(&o->names) && buf_ok(&o->path) ? 0 : err_memory(&o->base.why);
}

/* "C0644 12 name", "D0755 0 name". */
static int
on_entry(struct scp_observer *o, const char *line)
{
	const char *at = line + 1;
	uint64_t mode, size;

	if (!take_number(&at, 8, 4, &mode) || !take_number(&at, 10, SIZE_DIGITS, &size) || !*at)
		return not_scp(o, source_name(o));
	o->attrs.has_mode = true;
	o->attrs.mode = (uint32_t)mode;
	o->left = line[0] == 'C' ? size : 0;
	o->failed = false;
	o->state = line[0] == 'C' ? WAIT_FILE : WAIT_FOLDER;
	return set_name(o, at);
}

/* "T1183828267 0 1183828267 0": of the entry that comes next. */
static int
on_times(struct scp_observer *o, const char *line)
{
	const char *at = line + 1;
	uint64_t mtime, atime, us;

	if (!take_number(&at, 10, SIZE_DIGITS, &mtime) || !take_number(&at, 10, SIZE_DIGITS, &us) ||
	    !take_number(&at, 10, SIZE_DIGITS, &atime) || !take_number(&at, 10, SIZE_DIGITS, &us) ||
	    *at)
		return not_scp(o, source_name(o));
	o->attrs = (struct sftp_attrs){ .has_times = true,
		.mtime = (uint32_t)mtime,
		.atime = (uint32_t)atime };
	o->state = WAIT_TIMES;
	return 0;
}

static void
leave_folder(struct scp_observer *o)
{
	if (o->depth > 0)
		o->depth--;
	o->names.len = o->depth ? o->folders[o->depth - 1].n_names : 0;
}

/* What went wrong there, with the file whose status it is, or with the last. */
static int
on_trouble(struct scp_observer *o, const char *text, uint32_t code)
{
	str_clean(o->why, sizeof(o->why), text, strlen(text));
	if (o->state == STATUS) {
		/* The sink still answers. */
		o->failed = true;
		o->state = WAIT_DONE;
		return 0;
	}
	o->attrs = (struct sftp_attrs){ 0 };
	if (!o->depth)
		find_path(o, "");
	return report(o, file_action(o), code, o->why);
}

static int
on_line(struct scp_observer *o, const char *line)
{
	switch (line[0]) {
	case 'C':
	case 'D':
		return on_entry(o, line);
	case 'T':
		return on_times(o, line);
	case 'E':
		o->state = WAIT_LEAVE;
		return line[1] ? not_scp(o, source_name(o)) : 0;
	case 1:
	case 2:
		return on_trouble(o, line + 1, (uint32_t)line[0]);
	}
	return not_scp(o, source_name(o));
}

/* Collects a line up to its end. 1: it is there, without its line feed and with a NUL; negative: too
 * long, or with a NUL in it, which no reader of lines would take. *ret_took: bytes of s. */
static int
take_line(struct buf *line, struct span s, size_t *ret_took)
{
	const uint8_t *end = memchr(s.p, '\n', s.n);
	size_t n = end ? (size_t)(end - s.p) : s.n;

	*ret_took = end ? n + 1 : n;
	if ((n > 0 && memchr(s.p, 0, n)) || !buf_put(line, s.p, n))
		return -1;
	if (!end)
		return 0;
	return buf_put(line, "", 1) ? 1 : -1;
}

static bool
may_begin_line(uint8_t c)
{
	return c == 'C' || c == 'D' || c == 'E' || c == 'T' || c == 1 || c == 2;
}

static ssize_t
take_source_line(struct scp_observer *o, struct span s)
{
	size_t took;

	/* At its first byte already: nothing of what is no line goes on. */
	if (o->line.len == 0 && !may_begin_line(s.p[0]))
		return not_scp(o, source_name(o));
	int r = take_line(&o->line, s, &took);
	if (r < 0)
		return not_scp(o, source_name(o));
	if (r > 0) {
		if (on_line(o, (const char *)buf_head(&o->line)))
			return -1;
		buf_reset(&o->line);
	}
	return (ssize_t)took;
}

static size_t
take_body(struct scp_observer *o, struct span s)
{
	size_t n = s.n < o->left ? s.n : (size_t)o->left;

	file_flow_add(&o->flow, (struct span){ s.p, n });
	o->left -= n;
	if (o->left == 0)
		o->state = STATUS;
	return n;
}

/* Good, or the beginning of a line that says why not. */
static ssize_t
take_status(struct scp_observer *o, struct span s)
{
	if (o->line.len > 0 || s.p[0] == 1 || s.p[0] == 2)
		return take_source_line(o, s);
	if (s.p[0] != 0)
		return not_scp(o, source_name(o));
	o->state = WAIT_DONE;
	return 1;
}

/* How much of it may go on: it stops where the sink has to answer. */
static ssize_t
on_source(struct scp_observer *o, struct span s)
{
	size_t at = 0;
	ssize_t took;

	while (at < s.n && o->state <= STATUS) {
		struct span rest = { s.p + at, s.n - at };

		if (o->state == LINE)
			took = take_source_line(o, rest);
		else if (o->state == BODY)
			took = (ssize_t)take_body(o, rest);
		else
			took = take_status(o, rest);
		if (took < 0)
			return -1;
		at += (size_t)took;
	}
	return (ssize_t)at;
}

/* --- answers of the sink -------------------------------------------------------------------------- */

static int
enter_folder(struct scp_observer *o)
{
	if (o->depth == SCP_OBSERVER_DEPTH_MAX)
		return err_set(&o->base.why, "more than %u folders one in another",
		    (unsigned)SCP_OBSERVER_DEPTH_MAX);
	o->folders[o->depth].n_names = (uint32_t)o->names.len;
	o->folders[o->depth].entries = 0;
	o->depth++;
	/* Of what is read the folder is told when it is left, with the number of its entries. */
	return o->to_host ? report(o, FILE_MKDIR, 0, NULL) : 0;
}

static void
begin_body(struct scp_observer *o)
{
	file_flow_init(&o->flow, false);
	o->in_file = true;
	o->state = o->left ? BODY : STATUS;
}

static int
on_left(struct scp_observer *o)
{
	int r = 0;

	if (o->depth > 0) {
		o->names.len = o->folders[o->depth - 1].n_names;
		o->attrs = (struct sftp_attrs){ 0 };
		r = o->to_host ? 0 : report(o, FILE_LIST, 0, NULL);
	}
	leave_folder(o);
	return r;
}

/* Zero: go on. */
static int
on_go_on(struct scp_observer *o)
{
	enum state was = o->state;
	int r = 0;

	o->state = LINE;
	switch (was) {
	case WAIT_START:
	case WAIT_TIMES:
		return 0;
	case WAIT_FILE:
		begin_body(o);
		return 0;
	case WAIT_FOLDER:
		r = enter_folder(o);
		break;
	case WAIT_LEAVE:
		r = on_left(o);
		break;
	case WAIT_DONE:
		r = report(o, file_action(o), o->failed ? 1 : 0, o->failed ? o->why : NULL);
		break;
	default:
		return not_scp(o, sink_name(o));
	}
	o->attrs = (struct sftp_attrs){ 0 };
	return r;
}

/* A text: it does not want that. The source goes on with its next line. */
static int
on_refused(struct scp_observer *o, const char *text, uint32_t code)
{
	enum file_action action = o->state == WAIT_FOLDER ? folder_action(o) : file_action(o);

	str_clean(o->why, sizeof(o->why), text, strlen(text));
	/* Some sinks complain before the body is there; it comes all the same. */
	if (o->state == BODY || o->state == STATUS) {
		o->failed = true;
		return 0;
	}
	if (o->state == WAIT_START || o->state == LINE) {
		o->attrs = (struct sftp_attrs){ 0 };
		o->names.len = 0;
		find_path(o, "");
	}
	o->state = LINE;
	return report(o, action, code, o->why);
}

static int
on_sink(struct scp_observer *o, struct span s)
{
	for (size_t at = 0; at < s.n;) {
		size_t took = 1;

		if (o->answer.len == 0 && s.p[at] == 0) {
			if (on_go_on(o))
				return -1;
		} else if (o->answer.len == 0 && s.p[at] != 1 && s.p[at] != 2) {
			return not_scp(o, sink_name(o));
		} else {
			int r = take_line(&o->answer, (struct span){ s.p + at, s.n - at }, &took);
			if (r < 0)
				return not_scp(o, sink_name(o));
			const char *text = (const char *)buf_head(&o->answer);
			if (r > 0 && on_refused(o, text + 1, (uint32_t)text[0]))
				return -1;
			if (r > 0)
				buf_reset(&o->answer);
		}
		at += took;
	}
	return 0;
}

/* --- both, and life ------------------------------------------------------------------------------- */

static ssize_t
observe_client(struct file_observer *base, struct span s)
{
	struct scp_observer *o = of(base);

	if (s.n == 0)
		return 0;
	if (o->to_host)
		return on_source(o, s);
	return on_sink(o, s) ? -1 : (ssize_t)s.n;
}

static int
observe_server(struct file_observer *base, struct span s)
{
	struct scp_observer *o = of(base);

	if (s.n == 0)
		return 0;
	if (o->to_host)
		return on_sink(o, s);
	ssize_t took = on_source(o, s);
	if (took < 0)
		return -1;
	/* It saw each answer before it could send this. */
	return (size_t)took == s.n ? 0 : not_scp(o, source_name(o));
}

static void
observe_end(struct file_observer *base, const char *why)
{
	struct scp_observer *o = of(base);

	if (o->in_file)
		(void)report(o, file_action(o), 0,
		    why ? why : "the session ended before the file was acknowledged");
}

static void
observer_free(struct file_observer *base)
{
	struct scp_observer *o = of(base);

	buf_done(&o->line);
	buf_done(&o->answer);
	buf_done(&o->names);
	buf_done(&o->path);
	for (size_t i = 0; i < o->n_words; i++) {
		free((char *)(uintptr_t)o->words[i].text);
		free((char *)(uintptr_t)o->words[i].pattern);
	}
	free(o->words);
	free(o);
}

static int
copy_words(struct scp_observer *o, const struct scp_observer_word *words, size_t n)
{
	o->words = calloc(n, sizeof(*words));
	if (!o->words)
		return -1;
	for (; o->n_words < n; o->n_words++) {
		struct scp_observer_word *to = &o->words[o->n_words];
		const struct scp_observer_word *from = &words[o->n_words];

		to->text = strdup(from->text);
		to->pattern = from->pattern ? strdup(from->pattern) : NULL;
		if (!to->text || (from->pattern && !to->pattern)) {
			o->n_words++;
			return -1;
		}
	}
	return 0;
}

struct file_observer *
scp_observer_new(bool to_host, const struct scp_observer_word *words, size_t n,
    file_report_fn *report_fn, void *arg)
{
	static const struct file_observer_ops ops = { observe_client, observe_server, observe_end,
		observer_free };
	struct scp_observer *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->base = (struct file_observer){ .ops = &ops, .report = report_fn, .arg = arg };
	o->to_host = to_host;
	o->state = WAIT_START;
	buf_init(&o->line, to_host ? SCP_OBSERVER_SINK_LINE_MAX : SCP_OBSERVER_LINE_MAX);
	buf_init(&o->answer, SCP_OBSERVER_LINE_MAX);
	buf_init(&o->names, NAMES_MAX);
	buf_init(&o->path, NAMES_MAX);
	if (copy_words(o, words, n)) {
		observer_free(&o->base);
		return NULL;
	}
	return &o->base;
}
