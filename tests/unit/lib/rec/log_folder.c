/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_folder: see log_folder.h.
 */
#include "log_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

char log_folder[64];

int
log_folder_make(void **state)
{
	(void)state;
	(void)str_copy(log_folder, sizeof(log_folder), "/tmp/rec_log_test.XXXXXX");
	return mkdtemp(log_folder) ? 0 : -1;
}

int
log_folder_remove(void **state)
{
	DIR *d = opendir(log_folder);
	struct dirent *entry;

	(void)state;
	while (d && (entry = readdir(d)))
		(void)unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	return rmdir(log_folder);
}

struct rec_log *
log_folder_open(uint64_t quota)
{
	struct rec_log *log;
	struct err e = { "" };

	if (rec_log_open(&log, log_folder, quota, &e) < 0)
		fail_msg("%s", e.text);
	return log;
}

int
log_folder_read(struct rec_log *log, uint64_t *seq, size_t max, struct buf *b, uint32_t *count)
{
	struct batch_out batch;
	int done;

	batch_out_init(&batch, max + REC_LOG_RECORD_MAX);
	done = rec_log_read(log, seq, max, &batch);
	*count = done < 0 ? 0 : batch.count;
	if (*count)
		assert_int_equal(batch_expand(buf_span(&batch.data), batch.raw_len, b), 0);
	batch_out_done(&batch);
	return done;
}

void
log_folder_segment(char *path, size_t size, uint64_t first)
{
	assert_true(
	    str_format(path, size, "%s/%016llx.seg", log_folder, (unsigned long long)first));
}

uint64_t
log_folder_size(uint64_t first)
{
	char path[128];
	struct stat st;

	log_folder_segment(path, sizeof(path), first);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}
