/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_limit: how many lines of the log a stranger can make. Asked before every line that somebody causes who has not
 * shown who he is: refused logins and calls, failed handshakes. Memory only, of a fixed size; the monotonic clock.
 *
 * One source has LOG_LIMIT_OF_ONE lines a minute, all of them together LOG_LIMIT_OF_ALL; the next line of a source that
 * is written says how many of it were not.
 *
 * Security: sources share a place in the table when their hashes do, so that who has many addresses costs others lines
 * of the log, and never memory.
 */
#ifndef BASE_LOG_LIMIT_H
#define BASE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_LIMIT_OF_ONE = 10, LOG_LIMIT_OF_ALL = 200, LOG_LIMIT_TEXT = 24 };

/* Whether the line may be written now. source: an address, "" when it is not known. more: how many lines of this source
 * were left out since the last one, in digits; "" for none. As the last pair of a line:
 *	if (log_limit(ip, more))
 *		log_info("login refused", "peer", ip, *more ? "left_out" : NULL, more, NULL);
 */
bool log_limit(const char *source, char more[LOG_LIMIT_TEXT]);
/* The same at a moment of the caller's clock, in milliseconds. */
bool log_limit_at(const char *source, char more[LOG_LIMIT_TEXT], int64_t now_ms);

#endif
