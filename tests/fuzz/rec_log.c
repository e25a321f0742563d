/* SPDX-License-Identifier: Apache-2.0 */
/* A record log whose newest segment holds anything: opened, read, appended to, read again. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "rec/batch.h"
#include "rec/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static void
path_of(char *dst, size_t size, const char *name)
{
	(void)str_format(dst, size, "%s/%s", dir, name);
}

static void
put_file(const char *name, const void *head, size_t n_head, const uint8_t *p, size_t n)
{
	char path[128];
	FILE *f;

	path_of(path, sizeof(path), name);
	f = fopen(path, "we");
	if (!f)
		abort();
	fwrite(head, 1, n_head, f);
	fwrite(p, 1, n, f);
	fclose(f);
}

static void
remove_segments(void)
{
	static const char *const names[] = { "0000000000000001.seg", "0000010000000001.seg",
		"0000020000000001.seg" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(path, sizeof(path), names[i]);
		(void)unlink(path);
	}
}

static void
clean_up(void)
{
	static const char *const names[] = { "id", "lock", "boot" };
	char path[128];

	remove_segments();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(path, sizeof(path), names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

static void
read_all(struct rec_log *log, uint64_t *last)
{
	uint64_t seq = 1, before = 0;
	struct batch_out batch;
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	batch_out_init(&batch, 65536 + REC_LOG_RECORD_MAX);
	for (;;) {
		struct span in, record;

		buf_reset(&b);
		batch_out_reset(&batch);
		if (rec_log_read(log, &seq, 65536, &batch) < 0)
			abort();
		if (!batch.count)
			break;
		if (seq <= before)
			abort();
		/* What says it is packed may be no frame inside: auditd refuses that. */
		if (batch_expand(buf_span(&batch.data), batch.raw_len, &b) == 0) {
			in = buf_span(&b);
			while (batch_next(&in, &record) > 0)
				;
		}
		seq += batch.count;
		before = seq - 1;
	}
	if (before > rec_log_last(log))
		abort();
	*last = before;
	batch_out_done(&batch);
	buf_done(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t header[16] = { 'S', 'P', 'R', 'E', 'C', 'L', 'G', '1', 0, 0, 0, 0, 0,
		0, 0, 1 };
	bool whole_header = size && (data[0] & 1);
	struct rec_log *log;
	uint64_t seq, last;
	struct err e;

	if (!*dir) {
		(void)str_copy(dir, sizeof(dir),
		    access("/dev/shm", W_OK) == 0 ? "/dev/shm/rec_log.XXXXXX"
						  : "/tmp/rec_log.XXXXXX");
		if (!mkdtemp(dir))
			abort();
		atexit(clean_up);
	}
	remove_segments();
	if (size)
		put_file("0000000000000001.seg", header, whole_header ? sizeof(header) : 0,
		    data + 1, size - 1);
	if (rec_log_open(&log, dir, 1 << 20, &e) < 0)
		abort();
	read_all(log, &last);
	if (rec_log_append(log, span_str("one more"), &seq) < 0 || seq <= last)
		abort();
	read_all(log, &last);
	if (last != seq)
		abort();
	rec_log_close(log);
	return 0;
}
