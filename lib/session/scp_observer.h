/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scp_observer: the file_observer of the old protocol of scp (`scp -t` and `scp -f`, before SFTP). Pure.
 *
 * One side is the source: it sends lines (C file, D and E folder, T times), and bodies; the other, the
 * sink, answers each with a zero byte, or with 1 or 2 and a line of text. A report for each file, when
 * the sink has acknowledged it, for each folder, and for each text that says what went wrong.
 */
#ifndef SESSION_SCP_OBSERVER_H
#define SESSION_SCP_OBSERVER_H

#include "session/file_observer.h"

enum {
	SCP_OBSERVER_LINE_MAX = 16 * 1024, /* as OpenSSH's */
	/* Of a line to a sink on this host, with its end: what sinks took before OpenSSH 8. A longer one would be one line
	 * here and two there. The lines that are needed hold one name. */
	SCP_OBSERVER_SINK_LINE_MAX = 2047,
	SCP_OBSERVER_DEPTH_MAX = 1024,
};

/* A file on the command line. */
struct scp_observer_word {
	const char *text;
	const char *pattern; /* for fnmatch(3); NULL: the text means itself */
};

/* to_host: the client is the source, and the one word is where to. Copies the words. NULL: out of
 * memory. */
struct file_observer *scp_observer_new(bool to_host, const struct scp_observer_word *words,
    size_t n, file_report_fn *report, void *arg);

#endif
