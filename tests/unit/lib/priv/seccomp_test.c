/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon may still do behind its filter: sockets of the network and of this host, harmless questions to
 * descriptors; a child that does something else is killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <linux/netlink.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "priv/priv.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))

enum what { SOCKET, SOCKETPAIR, IOCTL };

static const struct row {
	enum what what;
	long a, b, c;
	bool allowed;
} rows[] = {
	{ SOCKET, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, true },
	{ SOCKET, AF_INET6, SOCK_DGRAM, 0, true },
	{ SOCKET, AF_UNIX, SOCK_STREAM, 0, true },
	{ SOCKET, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, true },
	{ SOCKET, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, true },
	{ SOCKET, AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, false },
	{ SOCKET, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, false },
	{ SOCKET, AF_INET, SOCK_RAW, 1, false },
	{ SOCKET, AF_PACKET, SOCK_RAW, 0, false },
	{ SOCKET, AF_ALG, SOCK_SEQPACKET, 0, false },
	{ SOCKET, AF_VSOCK, SOCK_STREAM, 0, false },
	{ SOCKET, AF_BLUETOOTH, SOCK_STREAM, 0, false },
	{ SOCKETPAIR, AF_UNIX, SOCK_SEQPACKET, 0, true },
	{ SOCKETPAIR, AF_TIPC, SOCK_STREAM, 0, false },
	{ IOCTL, FIONREAD, 0, 0, true },
	{ IOCTL, TCGETS, 0, 0, true },
	{ IOCTL, 0x802c542a /* TCGETS2 */, 0, 0, true },
	{ IOCTL, 0x402c542b /* TCSETS2 */, 0, 0, false },
	{ IOCTL, TIOCGWINSZ, 0, 0, true },
	{ IOCTL, TIOCSWINSZ, 0, 0, true },
	{ IOCTL, TIOCSTI, 0, 0, false },
	{ IOCTL, (long)(TIOCSTI | 0x100000000), 0, 0, false },
	{ IOCTL, 0x541c /* TIOCLINUX */, 0, 0, false },
	{ IOCTL, TIOCSCTTY, 0, 0, false },
	{ IOCTL, TIOCCONS, 0, 0, false },
	{ IOCTL, TIOCSETD, 0, 0, false },
	{ IOCTL, TCSETS, 0, 0, false },
	{ IOCTL, 0x6601 /* FS_IOC_GETFLAGS */, 0, 0, false },
};

static void
act(const struct row *r)
{
	int fd[2];
	char room[256];

	if (r->what == SOCKET)
		(void)socket((int)r->a, (int)r->b, (int)r->c);
	else if (r->what == SOCKETPAIR)
		(void)socketpair((int)r->a, (int)r->b, (int)r->c, fd);
	else
		(void)ioctl(STDIN_FILENO, (unsigned long)r->a, room);
	_exit(0);
}

/* The call itself may fail, as long as the filter lets it through. */
static void
a_call_is_let_through_by_its_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			const char *const *const lists[] = { priv_calls_base, priv_calls_server,
				NULL };
			struct err e;

			if (priv_no_new_privs(&e) < 0 || priv_seccomp_lists(lists, &e) < 0)
				_exit(2);
			act(&rows[i]);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (rows[i].allowed ? !WIFEXITED(status) || WEXITSTATUS(status) != 0
				    : !WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("row %zu: status %x", i, (unsigned)status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_let_through_by_its_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
