/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_folder: a folder for a record log, new for each test.
 */
#ifndef TESTS_LOG_FOLDER_H
#define TESTS_LOG_FOLDER_H

#include "base/buf.h"
#include "rec/log.h"

extern char log_folder[64];

/* For cmocka. */
int log_folder_make(void **state);
int log_folder_remove(void **state);
/* The log in it; fails the test when it cannot be opened. */
struct rec_log *log_folder_open(uint64_t quota);
/* rec_log_read, and what the batch expands to appended to b. */
int log_folder_read(struct rec_log *log, uint64_t *seq, size_t max, struct buf *b, uint32_t *count);
/* The path of the segment that begins with the record first, and how many bytes it has. */
void log_folder_segment(char *path, size_t size, uint64_t first);
uint64_t log_folder_size(uint64_t first);

#endif
