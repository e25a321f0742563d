/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records: utmp, wtmp and lastlog entries of sessions with a terminal.
 */
#ifndef NODE_MONITOR_RECORDS_H
#define NODE_MONITOR_RECORDS_H

#include <stddef.h>
#include <sys/types.h>

/* "Last login: Sun Nov 22 07:00:00 2026 from 10.0.0.1" into dst, "" when there was none. */
void records_last_login(uid_t uid, char *dst, size_t size);
void records_login(const char *tty, const char *login, uid_t uid, const char *host, pid_t pid);
void records_logout(const char *tty, pid_t pid);

#endif
