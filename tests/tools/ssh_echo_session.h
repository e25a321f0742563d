/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ssh_echo does with a session channel. Included by ssh_echo.c only, which has the loop and
 * the block.
 */
#ifndef TESTS_TOOLS_SSH_ECHO_SESSION_H
#define TESTS_TOOLS_SSH_ECHO_SESSION_H

/* --- sessions: a process, a source or a sink ------------------------------------ */

struct session {
	struct ssh_chan *chan;
	pid_t pid;
	int status;
	bool exited;
	struct watch in, out, err; /* the child's */
	uint64_t source_left;
	bool source, sink;
};

static void
close_watch(struct watch *w)
{
	if (!w->ev)
		return;
	watch_done(w);
	close(w->fd);
	*w = (struct watch){ 0 };
}

static void
session_end(struct session *s, uint32_t status, int signo)
{
	struct buf b;

	buf_init(&b, 4096);
	if (signo && ssh_signal_name(signo)) {
		ssh_exit_signal_put(&b, ssh_signal_name(signo), false, "");
		ssh_chan_request(s->chan, "exit-signal", false, buf_span(&b));
	} else {
		ssh_exit_status_put(&b, status);
		ssh_chan_request(s->chan, "exit-status", false, buf_span(&b));
	}
	buf_done(&b);
	ssh_chan_close(s->chan);
}

static void
session_maybe_end(struct session *s)
{
	if (!s->exited || s->out.ev || s->err.ev || !s->chan)
		return;
	session_end(s, WIFEXITED(s->status) ? (uint32_t)WEXITSTATUS(s->status) : 255,
	    WIFSIGNALED(s->status) ? WTERMSIG(s->status) : 0);
}

static void
source_push(struct session *s)
{
	while (s->source_left > 0) {
		size_t n = s->source_left < sizeof(block) ? (size_t)s->source_left : sizeof(block);
		size_t took = ssh_chan_write(s->chan, 0, block, n);

		s->source_left -= took;
		if (took < n)
			return;
	}
	s->source = false;
	session_end(s, 0, 0);
}

static void
on_child_output(struct watch *w, int ready, void *arg)
{
	struct session *s = arg;
	size_t room = ssh_chan_room(s->chan);
	ssize_t n;

	(void)ready;
	if (room == 0) {
		watch_set(w, 0);
		/* asks to be told; takes nothing */
		ssh_chan_write(s->chan, 0, block, 1 + (room > sizeof(block)));
		return;
	}
	n = read(w->fd, block, room < sizeof(block) ? room : sizeof(block));
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close_watch(w);
		session_maybe_end(s);
		return;
	}
	if (ssh_chan_write(s->chan, w == &s->err, block, (size_t)n) != (size_t)n)
		die("room was a lie");
}

static void
on_child_input(struct watch *w, int ready, void *arg)
{
	struct session *s = arg;

	(void)ready;
	watch_set(w, 0);
	ssh_chan_resume(s->chan);
}

static size_t
session_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct session *s = arg;
	ssize_t took;

	(void)chan;
	(void)ext;
	if (s->sink || !s->pid)
		return s->sink ? n : 0;
	if (!s->in.ev)
		return n; /* the child closed its input */
	took = write(s->in.fd, p, n);
	if (took < 0 && errno != EAGAIN) {
		close_watch(&s->in);
		return n;
	}
	if (took < (ssize_t)n)
		watch_set(&s->in, WATCH_WRITE);
	return took < 0 ? 0 : (size_t)took;
}

static void
session_writable(struct ssh_chan *chan, void *arg)
{
	struct session *s = arg;

	(void)chan;
	if (s->source)
		source_push(s);
	if (s->out.ev)
		watch_set(&s->out, WATCH_READ);
	if (s->err.ev)
		watch_set(&s->err, WATCH_READ);
}

static void
session_eof(struct ssh_chan *chan, void *arg)
{
	struct session *s = arg;

	(void)chan;
	close_watch(&s->in);
	if (s->sink)
		session_end(s, 0, 0);
}

static void
session_closed(struct ssh_chan *chan, void *arg)
{
	struct session *s = arg;

	(void)chan;
	close_watch(&s->in);
	close_watch(&s->out);
	close_watch(&s->err);
	s->chan = NULL;
	if (s->pid && !s->exited)
		kill(s->pid, SIGHUP);
	else
		free(s);
}

static void
on_exit_of_child(pid_t pid, int status, void *arg)
{
	struct session *s = arg;

	(void)pid;
	s->exited = true;
	s->status = status;
	if (!s->chan)
		free(s);
	else
		session_maybe_end(s);
}

static void
start_watch(struct watch *w, int fd, void (*fn)(struct watch *, int, void *), struct session *s,
    int want)
{
	fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	file_set_nonblock(fd);
	file_set_cloexec(fd);
	watch_init(w, loop, fd, fn, s);
	watch_set(w, want);
}

static enum ssh_answer
session_exec(struct session *s, const char *cmd)
{
	int in[2], out[2], err[2];

	if (pipe(in) < 0 || pipe(out) < 0 || pipe(err) < 0)
		return SSH_FAIL;
	s->pid = fork();
	if (s->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
		signal(SIGPIPE, SIG_DFL);
		execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	start_watch(&s->in, in[1], on_child_input, s, 0);
	start_watch(&s->out, out[0], on_child_output, s, WATCH_READ);
	start_watch(&s->err, err[0], on_child_output, s, WATCH_READ);
	loop_on_child(loop, s->pid, on_exit_of_child, s);
	return SSH_OK;
}

static void
source_later(void *arg)
{
	source_push(arg);
}

static enum ssh_answer
session_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	struct session *s = arg;
	struct span text;
	char *cmd;
	enum ssh_answer a = SSH_OK;

	(void)chan;
	if (span_is(name, "env"))
		return SSH_OK;
	if (s->pid || s->source || s->sink || ssh_text_parse(payload, &text) < 0)
		return SSH_FAIL;
	if (span_is(name, "subsystem") && span_is(text, "sftp"))
		return session_exec(s, "exec /usr/lib/openssh/sftp-server");
	if (!span_is(name, "exec"))
		return SSH_FAIL;
	cmd = span_dup(text);
	if (!cmd)
		return SSH_FAIL;
	if (str_starts(cmd, "source ")) {
		static struct deferred later;

		s->source = str_u64(cmd + 7, UINT64_MAX, &s->source_left);
		deferred_init(&later, source_later, s);
		loop_defer(loop, &later);
	} else if (strcmp(cmd, "sink") == 0) {
		s->sink = true;
	} else {
		a = session_exec(s, cmd);
	}
	free(cmd);
	return a;
}

static const struct ssh_chan_events session_events = {
	.data = session_data,
	.writable = session_writable,
	.request = session_request,
	.eof = session_eof,
	.closed = session_closed,
};

#endif
