/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer_command: whether what a client asks to run is a file transfer whose protocol this node
 * reads along, and what is executed for it. Pure text; asked by the worker, which records by it,
 * and by the keeper in the session's process, which executes by it.
 *
 * Security: the words of a transfer never reach a shell, and no variable that a user can set reaches
 * its program: what runs is the configured program with these words and nothing else. So only a
 * command line is a transfer that means the same in every shell: words, quotes, backslashes, `~`
 * and the patterns * ? [ ]. Whatever else is in it (`scp -t x; bash`) makes it a command like any
 * other: run by the login's shell, and recorded whole.
 */
#ifndef NODE_TRANSFER_COMMAND_H
#define NODE_TRANSFER_COMMAND_H

#include <stdbool.h>

#include "node/conf.h"
#include "node/monitor_proto.h"

enum { TRANSFER_WORDS_MAX = 256 };

/* One argument of the program. */
struct transfer_word {
	const char *text;    /* without quotes */
	const char *pattern; /* for glob(3), what was quoted escaped; NULL: nothing is to expand */
};

struct transfer_command {
	enum mon_transfer kind;
	const char *program; /* absolute; what is executed */
	/* The first n_options are options of it; "--" is to stand before the others, which may look
	 * like options. */
	struct transfer_word words[TRANSFER_WORDS_MAX];
	size_t n_words, n_options;
	char *store; /* what the words point into */
};

/* What is to be run as `kind` with this command (exec: its line; subsystem: its name), without a
 * terminal. 0, and ret->kind says what it is, MON_TRANSFER_NONE most of the time; negative: out
 * of memory. *ret is to be freed either way. */
int transfer_command_read(struct transfer_command *ret, const struct conf *config,
    enum mon_kind kind, struct span command);
/* The far end of rsync, `rsync --server [--sender] option ... . path ...`. It is no transfer here: it runs and is recorded
 * like any command. 0: the words from n_options on are the paths that it names, *ret_sends says that it reads them; 1: it
 * is something else, or names none (`-s`: its client tells it); negative: out of memory. *ret is to be freed. */
int transfer_command_read_rsync(struct transfer_command *ret, struct span command, bool *ret_sends);
void transfer_command_done(struct transfer_command *c);

#endif
