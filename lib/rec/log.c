/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: the record log of a producer; see log.h. Its folder holds
 *
 *	id      UUID of the log            lock    flock(2) of the process that has it open
 *	boot    "<boot id> open|clean"     *.seg   the segments (segment.h)
 */
#include "rec/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "rec/batch.h"
#include "rec/segment.h"

enum {
	LOG_SEGMENT_MIN = 64 * 1024,
	LOG_SEGMENT_MAX = 4 * 1024 * 1024,
	LOG_SEGMENTS_PER_QUOTA = 8,
	LOG_SEGMENTS_MAX = 1 << 20,
	LOG_BOOT_ID_SIZE = 37,
	LOG_NEARLY_FULL_PERCENT = 90,
	LOG_DISK_ROOM = 1024 * 1024,
	COUNT = 4, /* a record's length in a batch */
};

struct rec_log {
	char *dir;
	int dir_fd, lock_fd;
	int fd; /* of the newest segment, for appending */
	char id[REC_LOG_ID_SIZE];
	struct segment *segments; /* oldest first; at least one */
	size_t count, cap;
	uint64_t quota, segment_max, bytes;
	uint64_t last, committed;
	uint64_t found; /* the last that was there at opening, before an epoch was skipped */
	struct buf
	    packed; /* kept: bulk output would have it taken and given back a thousand times a second */
	struct segment_reader reader;
};

static struct segment *
newest(const struct rec_log *log)
{
	return &log->segments[log->count - 1];
}

static int
add_segment(struct rec_log *log, struct segment s)
{
	if (log->count == LOG_SEGMENTS_MAX) {
		errno = ENOSPC;
		return -1;
	}
	if (log->count == log->cap) {
		size_t cap = log->cap ? log->cap * 2 : 16;
		struct segment *more = reallocarray(log->segments, cap, sizeof(*more));

		if (!more)
			return -1;
		log->segments = more;
		log->cap = cap;
	}
	log->segments[log->count++] = s;
	log->bytes += s.size;
	return 0;
}

/* --- opening ---------------------------------------------------------------------- */

static int
open_folder(struct rec_log *log, struct err *e)
{
	if (file_mkdir(log->dir, 0700, e) < 0)
		return -1;
	log->dir_fd = open(log->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log->dir_fd < 0)
		return err_errno(e, "cannot open folder %s", log->dir);
	log->lock_fd = openat(log->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log->lock_fd < 0)
		return err_errno(e, "cannot open %s/lock", log->dir);
	if (flock(log->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return err_set(e, "%s is in use by another process: stop that one first",
			    log->dir);
		return err_errno(e, "cannot lock %s/lock", log->dir);
	}
	return 0;
}

static void
make_uuid(char dst[REC_LOG_ID_SIZE])
{
	uint8_t r[16];
	char hex[33];

	while (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		;
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40); /* version 4, variant 1: RFC 4122 section 4.4 */
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	str_hex(hex, r, sizeof(r));
	(void)str_format(dst, REC_LOG_ID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
	    hex + 16, hex + 20);
}

static int
path_in(const struct rec_log *log, const char *name, char *dst, size_t size, struct err *e)
{
	if (str_format(dst, size, "%s/%s", log->dir, name))
		return 0;
	return err_set(e, "%s: the path is too long", log->dir);
}

static int
read_id(struct rec_log *log, struct err *e)
{
	char path[PATH_MAX];
	_cleanup_free_ char *text = NULL;
	size_t n;

	if (path_in(log, "id", path, sizeof(path), e) < 0)
		return -1;
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		make_uuid(log->id);
		return file_write(path, 0600, log->id, strlen(log->id), e);
	}
	if (file_read(path, REC_LOG_ID_SIZE, &text, &n, e) < 0)
		return -1;
	text[strcspn(text, "\r\n")] = 0;
	if (strlen(text) != REC_LOG_ID_SIZE - 1 || !str_is_printable(text, strlen(text)))
		return err_set(e,
		    "%s is damaged: move the folder away, so that a new log is started", path);
	(void)str_copy(log->id, sizeof(log->id), text);
	return 0;
}

static int
compare_segments(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int
list_segments(struct rec_log *log, struct err *e)
{
	int fd = openat(log->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int done = 0;

	if (!d) {
		mem_closep(&fd);
		return err_errno(e, "cannot read folder %s", log->dir);
	}
	while (done == 0 && (entry = readdir(d))) {
		struct segment s = { 0 };
		struct stat st;

		if (!segment_name_parse(entry->d_name, &s.first) || s.first == 0)
			continue;
		if (fstatat(log->dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		s.size = (uint64_t)st.st_size;
		done = add_segment(log, s);
	}
	closedir(d);
	if (done < 0)
		return err_errno(e, "cannot read folder %s", log->dir);
	if (log->count)
		qsort(log->segments, log->count, sizeof(*log->segments), compare_segments);
	for (size_t i = 0; i + 1 < log->count; i++)
		log->segments[i].end = log->segments[i + 1].first;
	return 0;
}

/* Reads the newest segment to its end and cuts what a dying process or machine left half written. 1: the file is
 * no segment at all, nothing may be appended to it. */
static int
scan_newest(struct rec_log *log, struct err *e)
{
	struct segment *s = newest(log);
	struct segment_reader *r = &log->reader;
	struct segment_record record;
	int got;

	s->end = s->first;
	if (segment_reader_open(r, log->dir_fd, s->first) < 0) {
		if (errno == EBADMSG)
			return 1;
		return err_errno(e, "cannot read the log in %s", log->dir);
	}
	do
		got = segment_reader_next(r, s->size, &record);
	while (got > 0);
	if (got < 0 && errno != EBADMSG) {
		err_errno(e, "cannot read the log in %s", log->dir);
		segment_reader_close(r);
		return -1;
	}
	s->end = r->seq;
	log->bytes -= s->size - segment_reader_tell(r);
	s->size = segment_reader_tell(r);
	segment_reader_close(r);
	log->fd = segment_open(log->dir_fd, s->first);
	if (log->fd < 0 || ftruncate(log->fd, (off_t)s->size) < 0)
		return err_errno(e, "cannot cut the unfinished end of the log in %s", log->dir);
	return 0;
}

/* A new segment for the numbers from first on; the old one is made durable and stays for reading. */
static int
roll(struct rec_log *log, uint64_t first)
{
	struct segment s;
	int fd;

	if (log->fd >= 0 && fdatasync(log->fd) < 0)
		return -1;
	fd = segment_create(log->dir_fd, first, &s);
	if (fd < 0)
		return -1;
	if (add_segment(log, s) < 0) {
		close(fd);
		segment_remove(log->dir_fd, first);
		return -1;
	}
	mem_closep(&log->fd);
	log->fd = fd;
	return 0;
}

static uint64_t
next_epoch(uint64_t seq)
{
	return (seq / REC_LOG_EPOCH + 1) * REC_LOG_EPOCH;
}

static void
read_boot_id(char dst[LOG_BOOT_ID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, dst, LOG_BOOT_ID_SIZE - 1);

	/* Without /proc every opening counts as a new boot: that is safe. */
	dst[n > 0 ? n : 0] = 0;
	mem_closep(&fd);
}

static int
write_boot(struct rec_log *log, const char *state, struct err *e)
{
	char path[PATH_MAX], text[LOG_BOOT_ID_SIZE + 16], boot[LOG_BOOT_ID_SIZE];

	read_boot_id(boot);
	if (path_in(log, "boot", path, sizeof(path), e) < 0)
		return -1;
	(void)str_format(text, sizeof(text), "%s %s\n", boot, state);
	return file_write(path, 0600, text, strlen(text), e);
}

/* Whether the machine went down while the log was open, so that its end may be missing. */
static bool
lost_power(struct rec_log *log)
{
	char path[PATH_MAX], boot[LOG_BOOT_ID_SIZE];
	_cleanup_free_ char *text = NULL;
	struct err ignored;

	read_boot_id(boot);
	if (path_in(log, "boot", path, sizeof(path), &ignored) < 0 ||
	    file_read(path, 256, &text, NULL, &ignored) < 0)
		return true;
	if (strstr(text, " clean"))
		return false;
	return !boot[0] || !str_starts(text, boot);
}

/* A process that was killed while it made a segment leaves a file without a whole header. None of its numbers was
 * used: they are on disk before the first record is taken. Returns the number that a new log begins with. */
static uint64_t
drop_unborn(struct rec_log *log)
{
	uint64_t first = 1;

	while (log->count > 0 && newest(log)->size < SEGMENT_HEADER) {
		first = newest(log)->first;
		log->bytes -= newest(log)->size;
		segment_remove(log->dir_fd, first);
		log->count--;
	}
	return first;
}

static int
open_segments(struct rec_log *log, struct err *e)
{
	uint64_t first;
	int damaged = 0;

	if (list_segments(log, e) < 0)
		return -1;
	first = drop_unborn(log);
	if (log->count == 0) {
		if (write_boot(log, "open", e) < 0)
			return -1;
		if (roll(log, first) < 0)
			return err_errno(e, "cannot write to the log in %s", log->dir);
		log->last = log->found = first - 1;
		return 0;
	}
	damaged = scan_newest(log, e);
	if (damaged < 0)
		return -1;
	log->last = log->found = newest(log)->end - 1;
	if (damaged || lost_power(log)) {
		/* Records that auditd has committed may be missing from the disk after a power cut. Their
		 * numbers must not be given out again: auditd would take the new records for repetitions and drop
		 * them. */
		log->last = next_epoch(log->last);
		if (roll(log, log->last + 1) < 0)
			return err_errno(e, "cannot write to the log in %s", log->dir);
	}
	return write_boot(log, "open", e);
}

int
rec_log_open(struct rec_log **ret, const char *dir, uint64_t quota, struct err *e)
{
	struct rec_log *log = calloc(1, sizeof(*log));

	*ret = NULL;
	if (!log)
		return err_memory(e);
	log->dir_fd = log->lock_fd = log->fd = -1;
	segment_reader_init(&log->reader);
	buf_init(&log->packed, COUNT + 2 * REC_LOG_RECORD_MAX);
	log->quota = quota;
	log->segment_max = quota / LOG_SEGMENTS_PER_QUOTA;
	if (log->segment_max < LOG_SEGMENT_MIN)
		log->segment_max = LOG_SEGMENT_MIN;
	if (log->segment_max > LOG_SEGMENT_MAX)
		log->segment_max = LOG_SEGMENT_MAX;
	log->dir = strdup(dir);
	if (!log->dir) {
		err_memory(e);
		goto fail;
	}
	if (open_folder(log, e) < 0 || read_id(log, e) < 0 || open_segments(log, e) < 0)
		goto fail;
	*ret = log;
	return 0;
fail:
	mem_closep(&log->fd); /* so that closing does not call it clean */
	rec_log_close(log);
	return -1;
}

void
rec_log_close(struct rec_log *log)
{
	if (!log)
		return;
	if (log->fd >= 0) {
		/* "clean" only after the data is on the disk: the word is what keeps the next start from
		 * skipping an epoch. */
		if (fdatasync(log->fd) == 0)
			(void)write_boot(log, "clean", NULL);
		close(log->fd);
	}
	segment_reader_close(&log->reader);
	mem_closep(&log->lock_fd);
	mem_closep(&log->dir_fd);
	buf_done(&log->packed);
	free(log->segments);
	free(log->dir);
	free(log);
}

/* --- appending ---------------------------------------------------------------------- */

static int
append(struct rec_log *log, struct segment_record record, uint64_t *ret_seq)
{
	uint64_t need = SEGMENT_RECORD_HEADER + record.bytes.n;
	struct segment *s = newest(log);

	if (record.bytes.n == 0 || record.bytes.n > REC_LOG_RECORD_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	/* Room for the header of a new segment is kept, so that a log that is full can still roll and be
	 * emptied. */
	if (log->bytes + need + SEGMENT_HEADER > log->quota) {
		errno = EDQUOT;
		return -1;
	}
	if (s->size > SEGMENT_HEADER && s->size + need > log->segment_max) {
		if (roll(log, log->last + 1) < 0)
			return -1;
		s = newest(log);
	}
	if (segment_append(s, log->fd, record) < 0)
		return -1;
	log->bytes += need;
	log->last = s->end - 1;
	if (ret_seq)
		*ret_seq = log->last;
	return 0;
}

int
rec_log_append(struct rec_log *log, struct span record, uint64_t *ret_seq)
{
	return append(log, (struct segment_record){ record, false }, ret_seq);
}

int
rec_log_append_packed(struct rec_log *log, struct span counted, uint64_t *ret_seq)
{
	struct buf *z = &log->packed;
	int done = -1;

	if (counted.n <= COUNT || counted.n > COUNT + REC_LOG_RECORD_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	buf_reset(z);
	if (batch_compress_record(counted, z))
		errno = ENOMEM;
	/* The largest may grow beyond what a record may be, when nothing in it can be compressed. */
	else if (z->len > REC_LOG_RECORD_MAX)
		done = rec_log_append(log, (struct span){ counted.p + COUNT, counted.n - COUNT },
		    ret_seq);
	else
		done = append(log, (struct segment_record){ buf_span(z), true }, ret_seq);
	return done;
}

int
rec_log_dup(const struct rec_log *log)
{
	return fcntl(log->fd, F_DUPFD_CLOEXEC, 3);
}

int
rec_log_advance(struct rec_log *log, uint64_t seq)
{
	uint64_t last = next_epoch(seq > log->last ? seq : log->last);

	if (roll(log, last + 1) < 0)
		return -1;
	log->last = last;
	return 0;
}

/* --- reading ---------------------------------------------------------------------- */

/* The segment that holds the first record from seq on, or NULL. */
static struct segment *
find_segment(struct rec_log *log, uint64_t seq)
{
	size_t lo = 0, hi = log->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (log->segments[mid].end > seq)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < log->count ? &log->segments[lo] : NULL;
}

/* Nothing from the number `from` on can be read in segment i: reading goes on behind it. */
static int
give_up(struct rec_log *log, size_t i, uint64_t from)
{
	if (i == log->count - 1) {
		/* Damage in the file that is being written: what comes now goes to another one. */
		if (rec_log_advance(log, log->last) < 0)
			return -1;
	}
	log->segments[i].end = from;
	return 0;
}

/* Brings the reader to the record seq of s. 1: it is there, 0: nothing there to read, -1: I/O error. */
static int
seek(struct rec_log *log, const struct segment *s, uint64_t seq)
{
	struct segment_reader *r = &log->reader;
	struct segment_record record;

	if (r->fd < 0 || r->first != s->first || r->seq > seq) {
		if (segment_reader_open(r, log->dir_fd, s->first) < 0)
			return errno == EBADMSG || errno == ENOENT ? 0 : -1;
	}
	while (r->seq < seq) {
		int got = segment_reader_next(r, s->size, &record);

		if (got <= 0)
			return got < 0 && errno != EBADMSG ? -1 : 0;
	}
	return 1;
}

/* What a record is in a batch; 0: it is damaged. */
static size_t
expanded(struct segment_record record)
{
	return record.packed ? batch_expanded(record.bytes) : COUNT + record.bytes.n;
}

/* Takes records of s from the reader's place until max, the end of s, or damage. Negative: I/O error. */
static int
take_records(struct rec_log *log, const struct segment *s, size_t max, struct batch_out *b)
{
	struct segment_reader *r = &log->reader;

	while (r->seq < s->end) {
		struct segment_record record;
		int got = segment_reader_next(r, s->size, &record);
		size_t n = got > 0 ? expanded(record) : 0;

		if (got < 0 && errno != EBADMSG)
			return -1;
		if (n == 0)
			return 0;
		size_t data = b->data.len + b->run.len + record.bytes.n;
		if (b->count && (b->raw_len + n > max || data > REC_LOG_READ_MAX)) {
			/* The first record is taken whatever its size: a batch that could not hold it would
			 * never hold it, and the log would stand still. */
			segment_reader_unget(r, record);
			return 0;
		}
		if (record.packed ? batch_out_add_frame(b, record.bytes)
				  : batch_out_add(b, record.bytes)) {
			errno = ENOBUFS;
			return -1;
		}
	}
	return 0;
}

int
rec_log_read(struct rec_log *log, uint64_t *seq, size_t max, struct batch_out *b)
{
	uint64_t from = *seq ? *seq : 1;
	struct segment *s;

	while ((s = find_segment(log, from))) {
		int got;

		if (from < s->first) {
			from = s->first; /* which may be still to come: look again */
			continue;
		}
		got = seek(log, s, from);
		if (got > 0)
			got = take_records(log, s, max, b);
		if (got < 0)
			return -1;
		if (b->count) {
			*seq = from;
			return batch_out_end(b);
		}
		if (give_up(log, (size_t)(s - log->segments), from) < 0)
			return -1;
	}
	return 0;
}

/* --- committing ---------------------------------------------------------------------- */

static void
drop_oldest(struct rec_log *log, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		segment_remove(log->dir_fd, log->segments[i].first);
		log->bytes -= log->segments[i].size;
		if (log->reader.first == log->segments[i].first)
			segment_reader_close(&log->reader);
	}
	log->count -= n;
	memmove(log->segments, log->segments + n, log->count * sizeof(*log->segments));
}

void
rec_log_commit(struct rec_log *log, uint64_t seq)
{
	size_t n = 0;

	/* auditd cannot have more than was written. A mark from beyond must not count records as committed that
	 * are still to come. */
	if (seq > log->last)
		seq = log->last;
	if (seq <= log->committed)
		return;
	log->committed = seq;
	/* A large segment that is wholly committed makes room at once; the number of the next one is in the name of
	 * the empty file that replaces it. */
	if (seq == log->last && newest(log)->size > log->segment_max / 4)
		(void)roll(log, log->last + 1);
	while (n + 1 < log->count && log->segments[n + 1].first <= seq + 1)
		n++;
	if (n)
		drop_oldest(log, n);
}

/* --- looking ---------------------------------------------------------------------- */

const char *
rec_log_id(const struct rec_log *log)
{
	return log->id;
}

uint64_t
rec_log_last(const struct rec_log *log)
{
	return log->last;
}

uint64_t
rec_log_found(const struct rec_log *log)
{
	return log->found;
}

uint64_t
rec_log_committed(const struct rec_log *log)
{
	return log->committed;
}

uint64_t
rec_log_bytes(const struct rec_log *log)
{
	return log->bytes;
}

uint64_t
rec_log_quota(const struct rec_log *log)
{
	return log->quota;
}

int64_t
rec_log_oldest_ms(const struct rec_log *log)
{
	int fd = segment_open(log->dir_fd, log->segments[0].first);
	struct stat st;
	int64_t ms = 0;

	if (fd >= 0 && fstat(fd, &st) == 0)
		ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	if (fd >= 0)
		close(fd);
	return ms;
}

uint64_t
rec_log_room(const struct rec_log *log)
{
	uint64_t most = log->quota / 100 * LOG_NEARLY_FULL_PERCENT;

	return log->bytes < most ? most - log->bytes : 0;
}

bool
rec_log_is_nearly_full(const struct rec_log *log)
{
	return rec_log_room(log) == 0;
}

bool
rec_log_disk_has_room(const struct rec_log *log)
{
	struct statvfs at;

	return fstatvfs(log->dir_fd, &at) == 0 &&
	    (uint64_t)at.f_bavail * at.f_frsize >= LOG_DISK_ROOM;
}
