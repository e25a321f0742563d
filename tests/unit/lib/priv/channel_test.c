/* SPDX-License-Identifier: Apache-2.0 */
/* priv: messages between processes, rights given away, forbidden calls. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/wire.h"
#include "priv/channel.h"
#include "priv/priv.h"

static struct channel_message message;

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
messages_and_descriptors_arrive_whole(void **state)
{
	int pair[2], pipe_fds[2];
	char c = 0;

	(void)state;
	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(channel_send(pair[0], span_str("one"), NULL, 0), 0);
	assert_int_equal(channel_send(pair[0], span_str("two"), &pipe_fds[1], 1), 0);
	assert_int_equal(channel_recv(pair[1], &message), 0);
	assert_true(span_is((struct span){ message.data, message.n }, "one"));
	assert_int_equal(message.n_fds, 0);
	assert_int_equal(channel_recv(pair[1], &message), 0);
	assert_int_equal(message.n_fds, 1);
	assert_true(fcntl(message.fds[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(message.fds[0], "x", 1), 1);
	channel_message_done(&message);
	assert_int_equal(read(pipe_fds[0], &c, 1), 1);
	assert_int_equal(c, 'x');
	close(pair[0]);
	assert_int_equal(channel_recv(pair[1], &message), CHANNEL_E_CLOSED);
	assert_int_equal(channel_send(pair[1], span_str("x"), NULL, 0), CHANNEL_E_CLOSED);
	close(pair[1]);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void
what_is_over_the_bounds_is_refused_and_leaks_nothing(void **state)
{
	static uint8_t big[CHANNEL_MAX_BYTES + 1];
	int before, pair[2];
	int fds[CHANNEL_MAX_FDS + 1] = { 0 };
	char space[CMSG_SPACE(sizeof(fds))] = { 0 };
	struct iovec iov = { big, sizeof(big) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	(void)state;
	before = open_fds();
	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(channel_send(pair[0], (struct span){ big, sizeof(big) }, NULL, 0), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(channel_send(pair[0], (struct span){ big, 0 }, NULL, 0), -1);
	assert_int_equal(channel_send(pair[0], span_str("x"), fds, CHANNEL_MAX_FDS + 1), -1);
	/* A hostile other side does not use channel_send. */
	assert_int_equal(sendmsg(pair[0], &msg, 0), (ssize_t)sizeof(big));
	assert_int_equal(channel_recv(pair[1], &message), -1);
	assert_int_equal(errno, EMSGSIZE);
	iov.iov_len = 1;
	msg.msg_control = space;
	msg.msg_controllen = sizeof(space);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	assert_int_equal(sendmsg(pair[0], &msg, 0), 1);
	assert_int_equal(channel_recv(pair[1], &message), -1);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(open_fds(), before);
}

struct world {
	struct loop *loop;
	struct channel a, b;
	unsigned received, closed;
	bool done_in_callback, in_order;
};

static void
on_message(struct channel *c, struct channel_message *m, void *arg)
{
	struct world *w = arg;
	struct wire r = wire_from((struct span){ m->data, m->n });

	if (wire_u32(&r) != w->received)
		w->in_order = false;
	w->received++;
	if (w->done_in_callback)
		channel_done(c);
}

static void
on_closed(struct channel *c, void *arg)
{
	struct world *w = arg;

	w->closed++;
	channel_done(c);
}

static void
make_world(struct world *w)
{
	int pair[2];

	*w = (struct world){ .in_order = true };
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(channel_init(&w->a, w->loop, pair[0], on_message, on_closed, w), 0);
	assert_int_equal(channel_init(&w->b, w->loop, pair[1], on_message, on_closed, w), 0);
}

static void
free_world(struct world *w)
{
	channel_done(&w->a);
	channel_done(&w->b);
	loop_free(w->loop);
}

/* Numbered messages until the queue is full; returns how many went in. */
static unsigned
put_until_full(struct world *w)
{
	unsigned n = 0;

	for (;; n++) {
		static uint8_t padding[2000];
		struct buf b;
		int r;

		buf_init(&b, 4096);
		wire_put_u32(&b, n);
		buf_put(&b, padding, sizeof(padding));
		r = channel_put(&w->a, buf_span(&b), NULL, 0);
		buf_done(&b);
		if (r < 0)
			return n;
	}
}

static void
a_full_queue_says_so_and_loses_nothing(void **state)
{
	struct world w;
	unsigned n;

	(void)state;
	make_world(&w);
	n = put_until_full(&w);
	assert_true(n >= CHANNEL_MAX_QUEUE);
	for (int i = 0; i < 100000 && w.received < n; i++)
		loop_turn(w.loop, 100);
	assert_int_equal(w.received, n);
	assert_true(w.in_order);
	assert_int_equal(w.a.queued, 0);
	free_world(&w);
}

static void
a_channel_may_be_freed_in_its_callback(void **state)
{
	struct world w;
	int before = open_fds();

	(void)state;
	make_world(&w);
	w.done_in_callback = true;
	assert_int_equal(channel_put(&w.a, span_str("\0\0\0\0"), NULL, 0), -1);
	put_until_full(&w);
	for (int i = 0; i < 100 && !w.closed; i++)
		loop_turn(w.loop, 100);
	assert_int_equal(w.received, 1);
	assert_int_equal(w.closed, 1);
	free_world(&w);
	assert_int_equal(open_fds(), before);
}

/* The exit status of fn in a child; 100 + N when signal N ended it. */
static int
in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		const struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		_exit(fn());
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int
drop_to_nobody(void)
{
	struct priv_user user;
	struct err e;

	if (priv_user_find("nobody", &user, &e) < 0 || priv_no_capabilities(&e) < 0 ||
	    priv_drop(&user, &e) < 0)
		return 1;
	if (getuid() != user.uid || getegid() != user.gid || setuid(0) == 0 ||
	    open("/etc/shadow", O_RDONLY) >= 0)
		return 2;
	if (prctl(PR_CAPBSET_READ, 0) != 0)
		return 3;
	return priv_drop(&user, &e) == 0 ? 0 : 4; /* again: nothing to do */
}

static int
drop_to_another(void)
{
	struct priv_user user = { "nobody", 65534, 65534 };
	struct err e;

	if (setresuid(12345, 12345, 12345) < 0)
		return 1;
	return priv_drop(&user, &e) < 0 ? 0 : 2;
}

static void
rights_are_given_away_for_good(void **state)
{
	struct priv_user user;
	struct err e;

	(void)state;
	assert_true(priv_user_find("no-such-user-here", &user, &e) < 0);
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(drop_to_nobody), 0);
	assert_int_equal(in_child(drop_to_another), 0);
}

static const char *const few_calls[] = { "write", "exit_group", "no_such_call", NULL };
static const char *const *const few_lists[] = { few_calls, NULL };

static int
call_what_is_forbidden(void)
{
	struct err e;

	unsetenv("SALLYPORT_SECCOMP_DEBUG");
	if (priv_seccomp_lists(few_lists, &e) < 0)
		return 1;
	(void)mkdir("/tmp/never", 0700);
	return 2;
}

static int
call_what_is_allowed(void)
{
	struct err e;

	if (priv_seccomp(few_calls, &e) < 0)
		return 1;
	return write(-1, "", 0) < 0 && errno == EBADF ? 0 : 2;
}

static int
debug_only_refuses(void)
{
	struct err e;

	setenv("SALLYPORT_SECCOMP_DEBUG", "1", 1);
	if (priv_seccomp(few_calls, &e) < 0)
		return 1;
	return mkdir("/tmp/never", 0700) < 0 && errno == EPERM ? 0 : 2;
}

static void
calls_that_are_not_listed_end_the_process(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip(); /* the sanitizer makes calls of its own */
#endif
	assert_int_equal(in_child(call_what_is_allowed), 0);
	assert_int_equal(in_child(call_what_is_forbidden), 100 + SIGSYS);
	assert_int_equal(in_child(debug_only_refuses), 0);
}

static int
child_has_default_signals(void)
{
	pid_t pid;
	int status;

	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	pid = priv_fork(true);
	if (pid == 0) {
		raise(SIGTERM);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM ? 0 : 1;
}

static void
a_forked_child_starts_with_default_signals(void **state)
{
	(void)state;
	assert_int_equal(in_child(child_has_default_signals), 0);
}

static void
a_child_dies_with_its_parent(void **state)
{
	int fd[2];
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		if (priv_fork(true) == 0)
			for (;;)
				pause();
		_exit(0);
	}
	close(fd[1]);
	waitpid(pid, NULL, 0);
	/* The write end is open in the grandchild only: the end of the pipe is its end. */
	assert_int_equal(read(fd[0], &c, 1), 0);
	close(fd[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_and_descriptors_arrive_whole),
		cmocka_unit_test(what_is_over_the_bounds_is_refused_and_leaks_nothing),
		cmocka_unit_test(a_full_queue_says_so_and_loses_nothing),
		cmocka_unit_test(a_channel_may_be_freed_in_its_callback),
		cmocka_unit_test(rights_are_given_away_for_good),
		cmocka_unit_test(calls_that_are_not_listed_end_the_process),
		cmocka_unit_test(a_forked_child_starts_with_default_signals),
		cmocka_unit_test(a_child_dies_with_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
