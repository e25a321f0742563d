/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one line a message, key=value, to stderr. journald adds the time when
 * it listens; otherwise an RFC 3339 time is put in front.
 *
 *	log_info("node joined", "node", name, "uuid", uuid, NULL);
 *
 * Keys and values alternate, all strings, ended by NULL. Values are quoted
 * when they need it; control characters never reach the terminal.
 * Library floors log at debug only: an error is logged once, by the unit of
 * work that decides what it means.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* name: of the process, put into every line ("proxyd"); not copied. */
void log_open(const char *name, enum log_level level, enum log_format format);
enum log_level log_level(void);
/* "error", "warn", "info", "debug"; -1 for anything else. */
int log_level_from(const char *name);

void log_write(enum log_level level, const char *msg, ...) __attribute__((sentinel));
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                           \
	do {                                                     \
		if (log_level() >= LOG_LEVEL_DEBUG)              \
			log_write(LOG_LEVEL_DEBUG, __VA_ARGS__); \
	} while (0)

#endif
