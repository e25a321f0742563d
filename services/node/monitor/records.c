/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records: who is logged in where, for who(1), last(1) and lastlog(8). Called by keeper.c as root;
 * files that are not there are left alone.
 */
#include "node/monitor/records.h"

#include <fcntl.h>
#include <lastlog.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>

#include "base/mem.h"
#include "base/str.h"

/* Fixed fields of login records need not end in NUL. */
static void
fill(char *dst, size_t size, const char *src)
{
	memset(dst, 0, size);
	memcpy(dst, src, strnlen(src, size));
}

static void
make_entry(struct utmpx *u, short type, const char *tty, pid_t pid)
{
	const char *line = str_starts(tty, "/dev/") ? tty + 5 : tty;
	size_t n = strlen(line);
	struct timeval now;

	memset(u, 0, sizeof(*u));
	gettimeofday(&now, NULL);
	u->ut_type = type;
	u->ut_pid = pid;
	fill(u->ut_line, sizeof(u->ut_line), line);
	/* The end of the line's name, for that is where "pts/1" and "pts/2" differ: entries of
	 * one id replace each other. */
	fill(u->ut_id, sizeof(u->ut_id), n > sizeof(u->ut_id) ? line + n - sizeof(u->ut_id) : line);
	u->ut_tv.tv_sec = (int32_t)now.tv_sec;
	u->ut_tv.tv_usec = (int32_t)now.tv_usec;
}

/* utmp says who is here, wtmp who was. */
static void
write_entry(const struct utmpx *u)
{
	setutxent();
	(void)pututxline(u);
	endutxent();
	updwtmpx("/var/log/wtmp", u);
}

static int
open_lastlog(int flags)
{
	return open("/var/log/lastlog", flags | O_CLOEXEC);
}

void
records_last_login(uid_t uid, char *dst, size_t size)
{
	struct lastlog ll;
	struct tm tm;
	char when[64], host[sizeof(ll.ll_host) + 1] = "";
	int fd = open_lastlog(O_RDONLY);

	dst[0] = '\0';
	if (fd < 0)
		return;
	/* lastlog is a sparse array by user number. */
	ssize_t n = pread(fd, &ll, sizeof(ll), (off_t)uid * (off_t)sizeof(ll));
	close(fd);
	time_t t = n == sizeof(ll) ? ll.ll_time : 0;
	if (t == 0 || !localtime_r(&t, &tm) ||
	    !strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm))
		return;
	/* It goes to a terminal, and other programs write this file too. */
	str_clean(host, sizeof(host), ll.ll_host, strnlen(ll.ll_host, sizeof(ll.ll_host)));
	if (!str_format(dst, size, host[0] ? "Last login: %s from %s\n" : "Last login: %s%s\n",
		when, host))
		dst[0] = '\0';
}

void
records_login(const char *tty, const char *login, uid_t uid, const char *host, pid_t pid)
{
	struct lastlog ll = { 0 };
	struct utmpx u;

	make_entry(&u, USER_PROCESS, tty, pid);
	fill(u.ut_user, sizeof(u.ut_user), login);
	fill(u.ut_host, sizeof(u.ut_host), host);
	write_entry(&u);
	ll.ll_time = (int32_t)u.ut_tv.tv_sec;
	memcpy(ll.ll_line, u.ut_line, sizeof(ll.ll_line));
	fill(ll.ll_host, sizeof(ll.ll_host), host);
	int fd = open_lastlog(O_WRONLY);
	if (fd < 0)
		return;
	(void)!pwrite(fd, &ll, sizeof(ll), (off_t)uid * (off_t)sizeof(ll));
	close(fd);
}

void
records_logout(const char *tty, pid_t pid)
{
	struct utmpx u;

	make_entry(&u, DEAD_PROCESS, tty, pid);
	write_entry(&u);
}
