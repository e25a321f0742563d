/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor: where a list of events or recordings goes on: the place of its last row in the order of the list. Opaque to
 * whoever asks. Rows that come meanwhile move no other rows: nothing is left out, nothing is there twice. Memory only.
 * Made and read by rpc_search.c, used by store_search.c.
 */
#ifndef AUDIT_CURSOR_H
#define AUDIT_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CURSOR_TEXT = 64 };

/* Of an event: when it happened, and its number. Of a recording: when it began, and its UUID. */
struct cursor {
	bool set;
	int64_t us;
	int64_t idx;
	char id[37];
};

void cursor_of_event(char dst[CURSOR_TEXT], int64_t us, int64_t idx);
void cursor_of_recording(char dst[CURSOR_TEXT], int64_t us, const char *id);
/* "" is no cursor: the list begins. False: it is none that was made here. */
bool cursor_read_event(struct cursor *ret, const char *text);
bool cursor_read_recording(struct cursor *ret, const char *text);

#endif
