/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell: joins one remote session to standard input, output and error. Called by `tsh ssh`.
 *
 * Nothing is buffered here: output is taken from the engine as the descriptor takes it, input is read when the
 * channel has room. Pipes and sockets of ours are made non-blocking (and put back), since a program on both ends
 * of us (rsync, git) must never make us wait for it on one while it waits for us on the other.
 */
#include "tsh/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "tsh/term.h"

enum { INPUT_MAX = 32768, ENV_MAX = 32, ENV_BYTES_MAX = 4096 };

/* One of our own descriptors. */
struct end {
	int fd;
	int old_flags;
	bool pollable; /* not a regular file */
	bool broken;   /* of an output: it takes nothing any more */
	struct watch watch;
};

struct shell {
	const struct shell_config *config;
	const struct remote_way *way;
	struct loop *loop;
	struct remote *remote;
	struct end in, out, err;
	struct term_filter filter;
	struct deferred pump;
	uint8_t pending[2 * INPUT_MAX]; /* read and filtered, not yet taken */
	size_t pending_off, pending_len;
	bool in_eof, done;
	struct remote_result result;
};

/* --- our descriptors ------------------------------------------------------------------------- */

/* A descriptor that epoll refuses is used all the same, blocking. */
static void
end_open(struct end *x, struct shell *s, int fd, void (*fn)(struct watch *, int, void *))
{
	struct stat st;

	x->fd = fd;
	x->old_flags = fcntl(fd, F_GETFL);
	x->pollable = fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
	if (x->pollable && watch_init(&x->watch, s->loop, fd, fn, s) < 0)
		x->pollable = false;
	/* Not a terminal: its flags are shared with the shell that started us, which would find it
	 * non-blocking if we were killed. */
	if (x->pollable && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		(void)file_set_nonblock(fd);
}

static void
end_close(struct end *x)
{
	if (x->pollable)
		watch_done(&x->watch);
	if (x->old_flags >= 0)
		(void)fcntl(x->fd, F_SETFL, x->old_flags);
}

/* --- output ------------------------------------------------------------------------------------ */

/* As a program on this machine that died of SIGPIPE; the session hears that its terminal, or connection, is gone. */
static void
end_unread(struct shell *s)
{
	s->result = (struct remote_result){ .end = REMOTE_SIGNALED, .signal = "PIPE" };
	s->done = true;
}

/*
 * An output takes nothing any more. Of the first one the node is told, so that the command gets its SIGPIPE when it writes
 * on, and the session ends as it then does: `tsh ssh NODE yes | head -1`. With both gone nothing of it can be seen.
 */
static void
lose_output(struct shell *s, struct end *x, int cause)
{
	struct end *other = x == &s->out ? &s->err : &s->out;

	if (cause != EPIPE) {
		/* A full disk, for one: going on would say in the end that all went well. */
		s->result = (struct remote_result){ .end = REMOTE_LOST };
		(void)snprintf(s->result.text, sizeof s->result.text, "cannot write its output: %s",
		    strerror(cause));
		s->done = true;
		return;
	}
	x->broken = true;
	/* `2>&1 | head`: what is written to the one would come to the same reader. */
	if (file_is_same(x->fd, other->fd))
		other->broken = true;
	if (s->out.broken && s->err.broken)
		end_unread(s);
	else if (s->out.broken)
		remote_eow(s->remote);
}

static size_t
on_output(struct remote *r, uint32_t ext, const uint8_t *p, size_t n, void *arg)
{
	struct shell *s = arg;
	struct end *x = ext == 1 ? &s->err : &s->out;
	size_t done = 0;

	(void)r;
	while (done < n && !x->broken && !s->done) {
		ssize_t w = write(x->fd, p + done, n - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN && x->pollable) {
			watch_set(&x->watch, WATCH_WRITE);
			return done;
		}
		if (w < 0)
			lose_output(s, x, errno);
		else
			done += (size_t)w;
	}
	return n;
}

/* Asks for what the session kept meanwhile; on_output watches again if it is not all taken. */
static void
on_out_ready(struct watch *w, int ready, void *arg)
{
	struct shell *s = arg;

	(void)ready;
	watch_set(w, 0);
	remote_resume(s->remote);
}

/* --- input --------------------------------------------------------------------------------------- */

static void pump_later(struct shell *s);

static void
suspend(struct shell *s)
{
	term_restore();
	/* The whole group, as the terminal does at ^Z: whoever is in one pipe with us stops,
	 * too. */
	(void)kill(0, SIGTSTP);
	term_raw();
	(void)s;
}

static void
obey(struct shell *s, enum term_escape escape)
{
	static const char help[] =
	    "\r\nSupported escapes:\r\n"
	    "  ~.   end the session\r\n  ~^Z  suspend tsh\r\n  ~~   send a ~\r\n"
	    "  ~?   this text\r\n(Escapes are only recognised right after a newline.)\r\n";

	if (escape == TERM_HELP)
		(void)file_write_all(STDERR_FILENO, help, sizeof help - 1);
	else if (escape == TERM_SUSPEND)
		suspend(s);
	else if (escape == TERM_DISCONNECT) {
		s->result = (struct remote_result){ .end = REMOTE_LOST, .text = "ended by ~." };
		s->done = true;
	}
}

/* Hands what was read to the channel; true when all is gone. */
static bool
push(struct shell *s)
{
	size_t n = remote_write(s->remote, s->pending + s->pending_off, s->pending_len);

	s->pending_off += n;
	s->pending_len -= n;
	/* The rest goes when the channel is writable again; until then no more is read. */
	if (s->pending_len > 0)
		return false;
	s->pending_off = 0;
	if (s->in_eof)
		remote_eof(s->remote);
	return true;
}

/* pending has room for two chunks: the filter may give back a tilde that it held, and is only
 * called when pending is empty. */
static void
take(struct shell *s, const uint8_t *p, size_t n)
{
	while (n > 0 && !s->done) {
		enum term_escape escape;
		size_t used;

		s->pending_len += term_filter(&s->filter, p, n, s->pending + s->pending_len, &used,
		    &escape);
		obey(s, escape);
		p += used;
		n -= used;
	}
}

/* While the channel takes nothing, nothing is read: the pipe behind us fills, and its writer
 * waits. */
static void
want_input(struct shell *s, bool want)
{
	if (s->in.pollable)
		watch_set(&s->in.watch, want ? WATCH_READ : 0);
	else if (want)
		/* Regular files are always ready, and epoll does not take them. */
		pump_later(s);
}

/* One chunk. */
static void
read_input(struct shell *s)
{
	uint8_t chunk[INPUT_MAX];
	ssize_t n = read(s->in.fd, chunk, sizeof chunk);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		want_input(s, true);
		return;
	}
	if (n <= 0)
		s->in_eof = true;
	else
		take(s, chunk, (size_t)n);
	want_input(s, push(s) && !s->in_eof && !s->done);
}

static void
on_pump(void *arg)
{
	struct shell *s = arg;

	if (!s->done && !s->in_eof && s->pending_len == 0)
		read_input(s);
}

static void
pump_later(struct shell *s)
{
	loop_defer(s->loop, &s->pump);
}

static void
on_in_ready(struct watch *w, int ready, void *arg)
{
	(void)w;
	(void)ready;
	read_input(arg);
}

/* --- the session ------------------------------------------------------------------------------------ */

static void
on_started(struct remote *r, void *arg)
{
	struct shell *s = arg;

	/* Not before the session runs: until then ^C ends tsh. */
	if (s->config->tty && term_is_tty())
		term_raw();
	if (s->config->no_stdin)
		remote_eof(r);
	else
		want_input(s, true);
}

static void
on_writable(struct remote *r, void *arg)
{
	struct shell *s = arg;

	(void)r;
	if (s->pending_len > 0 || s->in_eof)
		want_input(s, push(s) && !s->in_eof);
}

/* shell_run ends its loop after this turn, and frees the remote. */
static void
on_ended(struct remote *r, const struct remote_result *result, void *arg)
{
	struct shell *s = arg;

	(void)r;
	/* What ended it first is the result: "~." is not a lost connection. */
	if (!s->done)
		s->result = *result;
	s->done = true;
}

static void
on_winch(int signo, void *arg)
{
	struct shell *s = arg;
	struct ssh_window w;

	(void)signo;
	if (!s->remote || s->done)
		return;
	term_size(&w);
	remote_resize(s->remote, &w);
}

/* Without a terminal of its own the remote command hears of our signals by name. */
static void
on_signal(int signo, void *arg)
{
	struct shell *s = arg;

	if (s->remote && !s->done)
		remote_signal(s->remote, ssh_signal_name(signo));
	if (signo == SIGHUP || signo == SIGTERM || signo == SIGINT) {
		s->result = (struct remote_result){ .end = REMOTE_SIGNALED, .text = "interrupted" };
		(void)snprintf(s->result.signal, sizeof s->result.signal, "%s",
		    ssh_signal_name(signo));
		s->done = true;
	}
}

/* 128 and the signal's number, as shells have it. */
static int
exit_code(const struct remote_result *r)
{
	if (r->end == REMOTE_EXITED)
		return (int)(r->status & 255);
	if (r->end == REMOTE_SIGNALED)
		return 128 + ssh_signal_number(span_str(r->signal));
	return 1;
}

static void
watch_signals(struct shell *s)
{
	static const int forwarded[] = { SIGHUP, SIGTERM, SIGINT };

	if (s->config->tty)
		(void)loop_on_signal(s->loop, SIGWINCH, on_winch, s);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		(void)loop_on_signal(s->loop, forwarded[i], on_signal, s);
}

/* What says how texts look, as stock ssh sends it (SendEnv LANG LC_*) and nodes take it. */
static void
list_environment(const char *ret[ENV_MAX + 1])
{
	size_t n = 0, room = ENV_BYTES_MAX;

	for (char **v = environ; *v && n < ENV_MAX; v++) {
		size_t len = strlen(*v);

		if ((!str_starts(*v, "LANG=") && !str_starts(*v, "LC_")) || len > room)
			continue;
		room -= len;
		ret[n++] = *v;
	}
	ret[n] = NULL;
}

static int
start(struct shell *s)
{
	static const struct remote_events events = {
		.started = on_started,
		.output = on_output,
		.writable = on_writable,
		.ended = on_ended,
	};
	const char *list[ENV_MAX + 1];
	struct ssh_pty pty;
	struct remote_config rc = {
		.host = s->config->node,
		.login = s->config->login,
		.command = s->config->command,
		.env = list,
		.timeout_ms = s->config->timeout_ms,
		.events = &events,
		.arg = s,
	};

	list_environment(list);
	if (s->config->tty) {
		term_describe(&pty);
		rc.pty = &pty;
	}
	return remote_new(&s->remote, s->way, &rc);
}

int
shell_run(const struct remote_way *way, const struct shell_config *config,
    struct remote_result *ret)
{
	struct shell *s = calloc(1, sizeof *s);
	int code;

	if (!s)
		return 1;
	s->config = config;
	s->way = way;
	s->loop = way->loop;
	deferred_init(&s->pump, on_pump, s);
	term_filter_init(&s->filter, config->escapes && config->tty);
	end_open(&s->in, s, STDIN_FILENO, on_in_ready);
	end_open(&s->out, s, STDOUT_FILENO, on_out_ready);
	end_open(&s->err, s, STDERR_FILENO, on_out_ready);
	watch_signals(s);
	s->result = (struct remote_result){ .end = REMOTE_FAILED, .text = "out of memory" };
	s->done = start(s) < 0;
	while (!s->done)
		if (loop_turn(s->loop, -1) < 0)
			break;
	term_restore();
	deferred_cancel(&s->pump);
	end_close(&s->in);
	end_close(&s->out);
	end_close(&s->err);
	*ret = s->result;
	code = exit_code(ret);
	remote_free(s->remote);
	free(s);
	return code;
}
