/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_observer: the file_observer of SFTP version 3. Pure.
 *
 * Requests may be pipelined and answered in any order; numbers and handles may be used again once
 * they are free. When too many are under way the client waits; with too many open files the session
 * ends. One report for a file, when it is closed: FILE_WRITE when it was opened to be written,
 * FILE_READ when something was read or it was opened for nothing else. Looking (stat, realpath) is not
 * reported.
 */
#ifndef SESSION_SFTP_OBSERVER_H
#define SESSION_SFTP_OBSERVER_H

#include "session/file_observer.h"

enum {
	SFTP_OBSERVER_REQUESTS_MAX = 1024,     /* under way */
	SFTP_OBSERVER_NAMES_MAX = 1024 * 1024, /* bytes of their names */
	SFTP_OBSERVER_FILES_MAX = 1024, /* open; OpenSSH's server has its limit of descriptors */
};

/* NULL: out of memory. */
struct file_observer *sftp_observer_new(file_report_fn *report, void *arg);

#endif
