/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp: lists of system calls into a filter; see priv.h. The lists name
 * calls by what a process is for, so that a daemon's own list is short.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "priv/priv.h"

const char *const priv_calls_base[] = {
	/* memory */
	"brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mlock", "munlock", "mlock2",
	/* time */
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
	"timerfd_create", "timerfd_settime", "timerfd_gettime",
	/* signals and the end */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack",
	"restart_syscall", "exit", "exit_group", "kill", "tgkill", "gettid", "getpid", "getppid",
	"getuid", "geteuid", "getgid", "getegid",
	/* the loop and descriptors */
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
	"select", "pselect6", "eventfd2", "pipe2", "read", "readv", "write", "writev", "close",
	"close_range", "dup", "dup2", "dup3", "fcntl", "fstat", "newfstatat", "statx", "lseek",
	"getrandom", "futex", "futex_time64", "sched_yield", "sched_getaffinity", "membarrier",
	"rseq", "set_robust_list", "prctl", "prlimit64", "getrlimit", "getrusage", "uname",
	"sysinfo",
	/* the other end of a channel */
	"recvmsg", "sendmsg", "recvfrom", "sendto", "shutdown", "getsockopt", NULL
};

const char *const priv_calls_server[] = {
	/* sockets */
	"socket", "socketpair", "bind", "listen", "accept", "accept4", "connect", "getsockname",
	"getpeername", "setsockopt", "sendmmsg", "recvmmsg", "ioctl", "splice", "tee",
	/* files */
	"open", "openat", "stat", "lstat", "access", "faccessat", "faccessat2", "readlink",
	"readlinkat", "getdents64", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink",
	"unlinkat", "ftruncate", "truncate", "rmdir", "fallocate", "fsync", "fdatasync",
	"sync_file_range", "pread64", "pwrite64", "preadv", "pwritev", "flock", "fchmod",
	"fchmodat", "chmod", "fchown", "umask", "getcwd", "statfs", "fstatfs", "fadvise64",
	"utimensat", "sendfile", "copy_file_range", "msync",
	/* threads */
	"clone", "clone3", "setpriority", "sched_getparam", "sched_getscheduler",
	"sched_setscheduler", "getcpu", "get_mempolicy", "arch_prctl", "set_tid_address", "wait4",
	"waitid", "getpgrp", "getgroups", "capget", NULL
};

/* --- calls that are allowed with some arguments alone; with others they end the process ------------------- */

static const struct {
	int family, type, protocol; /* protocol -1: any */
} sockets[] = {
	{ AF_UNIX, SOCK_STREAM, -1 },
	{ AF_UNIX, SOCK_DGRAM, -1 },
	{ AF_UNIX, SOCK_SEQPACKET, -1 },
	{ AF_INET, SOCK_STREAM, -1 },
	{ AF_INET, SOCK_DGRAM, -1 },
	{ AF_INET6, SOCK_STREAM, -1 },
	{ AF_INET6, SOCK_DGRAM, -1 },
	/* getaddrinfo asks which addresses this host has. */
	{ AF_NETLINK, SOCK_RAW, NETLINK_ROUTE },
};

/* How much waits, whether reading blocks, what a terminal's size is, a break on it (RFC 4335), names of interfaces. Nothing
 * that types into a terminal (TIOCSTI, TIOCLINUX), takes one, or asks a device. 0x8004f50c: SQLite asks F2FS for atomic
 * writes. tcgetattr and isatty make TCGETS2 from glibc 2.42 on. */
#define TCGETS2_HERE UINT32_C(0x802c542a) /* its own header does not go with <sys/ioctl.h> */
static const unsigned long requests[] = { FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TIOCOUTQ, TCGETS,
	TCGETS2_HERE, TCSBRK, TCSBRKP, TIOCGWINSZ, TIOCSWINSZ, SIOCGIFINDEX, SIOCGIFNAME,
	0x8004f50c };

enum { TYPE_MASK = 0xf, REQUEST_MASK = 0xffffffff };

static int
add_sockets(scmp_filter_ctx ctx)
{
	int r = 0;

	for (size_t i = 0; i < sizeof sockets / sizeof sockets[0] && r == 0; i++) {
		const scmp_datum_t family = (scmp_datum_t)sockets[i].family,
				   type = (scmp_datum_t)sockets[i].type,
				   protocol = (scmp_datum_t)sockets[i].protocol;

		r = sockets[i].protocol < 0
		    ? seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
			  SCMP_A0(SCMP_CMP_MASKED_EQ, REQUEST_MASK, family),
			  SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE_MASK, type))
		    : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
			  SCMP_A0(SCMP_CMP_MASKED_EQ, REQUEST_MASK, family),
			  SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE_MASK, type),
			  SCMP_A2(SCMP_CMP_MASKED_EQ, REQUEST_MASK, protocol));
	}
	return r;
}

static int
add_requests(scmp_filter_ctx ctx)
{
	int r = 0;

	/* The kernel looks at 32 bits of it. */
	for (size_t i = 0; i < sizeof requests / sizeof requests[0] && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, REQUEST_MASK, (scmp_datum_t)requests[i]));
	return r;
}

/* Negative: libseccomp's; 1: the call is allowed whatever its arguments are. */
static int
add_filtered(scmp_filter_ctx ctx, const char *name)
{
	if (strcmp(name, "socket") == 0)
		return add_sockets(ctx);
	if (strcmp(name, "ioctl") == 0)
		return add_requests(ctx);
	if (strcmp(name, "socketpair") == 0)
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, REQUEST_MASK, AF_UNIX));
	return 1;
}

/* One filter for all lists; a name that is unknown here (another architecture, an older libseccomp) is skipped. */
static int
add_list(scmp_filter_ctx ctx, const char *const *names)
{
	for (; *names; names++) {
		int nr = seccomp_syscall_resolve_name(*names);
		int r;

		if (nr == __NR_SCMP_ERROR)
			continue;
		r = add_filtered(ctx, *names);
		if (r == 1)
			r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
		if (r < 0 && r != -EEXIST && r != -EDOM)
			return r;
	}
	return 0;
}

int
priv_seccomp_lists(const char *const *const *lists, struct err *e)
{
	bool debug = getenv("SALLYPORT_SECCOMP_DEBUG") != NULL;
	scmp_filter_ctx ctx = seccomp_init(debug ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS);
	int r = 0;

	if (!ctx)
		return err_memory(e);
	if (debug)
		(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	/* A binary tree: an allowed call costs some ten comparisons instead of a hundred. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (; *lists && r == 0; lists++)
		r = add_list(ctx, *lists);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r == 0)
		return 0;
	errno = -r;
	return err_errno(e, "cannot install the seccomp filter");
}

int
priv_seccomp(const char *const *allow, struct err *e)
{
	const char *const *const lists[] = { allow, NULL };

	return priv_seccomp_lists(lists, e);
}
