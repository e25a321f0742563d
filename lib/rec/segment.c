/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment: one file of a record log; see segment.h. Touches that file and its folder.
 */
#include "rec/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/wire.h"
#include "rec/crc32c.h"
#include "rec/log.h"

enum {
	SEGMENT_NAME = 16 + sizeof(".seg"),
	SEGMENT_BLOCK = 128 * 1024, /* read at once */
	/* A record and its header always fit, whatever was read before. */
	SEGMENT_BLOCK_MAX = REC_LOG_RECORD_MAX + SEGMENT_RECORD_HEADER + SEGMENT_BLOCK,
};

#define PACKED_LENGTH (UINT32_C(1) << 31)
#define PACKED_NUMBER (UINT64_C(1) << 63)

static const char magic[8] = { 'S', 'P', 'R', 'E', 'C', 'L', 'G', '1' };

static void
name_of(char dst[SEGMENT_NAME], uint64_t first)
{
	(void)str_format(dst, SEGMENT_NAME, "%016" PRIx64 ".seg", first);
}

bool
segment_name_parse(const char *name, uint64_t *ret_first)
{
	char digits[17], again[SEGMENT_NAME];
	uint8_t bytes[8];
	struct wire w;

	if (strlen(name) != SEGMENT_NAME - 1 || strcmp(name + 16, ".seg") != 0)
		return false;
	memcpy(digits, name, 16);
	digits[16] = 0;
	if (!str_unhex(digits, bytes, sizeof(bytes)))
		return false;
	w = wire_from((struct span){ bytes, sizeof(bytes) });
	*ret_first = wire_u64(&w);
	/* One spelling for each number, or two files could claim the same records. */
	name_of(again, *ret_first);
	return strcmp(name, again) == 0;
}

static uint32_t
checksum(uint64_t seq, struct segment_record record)
{
	uint8_t number[8];

	if (record.packed)
		seq |= PACKED_NUMBER;
	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(seq >> (56 - 8 * i));
	return crc32c(crc32c(0, number, sizeof(number)), record.bytes.p, record.bytes.n);
}

int
segment_create(int dir_fd, uint64_t first, struct segment *ret)
{
	_cleanup_close_ int fd = -1;
	char name[SEGMENT_NAME];
	struct buf header;
	int done;

	name_of(name, first);
	fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	buf_init(&header, SEGMENT_HEADER);
	buf_put(&header, magic, sizeof(magic));
	wire_put_u64(&header, first);
	done = buf_ok(&header) ? file_write_all(fd, header.data, header.len) : -1;
	buf_done(&header);
	/* The folder must know the file before its numbers are used: a file that vanishes with the
	 * power would take its epoch with it, and the next one would use the same numbers. */
	if (done < 0 || fdatasync(fd) < 0 || fsync(dir_fd) < 0) {
		(void)unlinkat(dir_fd, name, 0);
		return -1;
	}
	*ret = (struct segment){ .first = first, .end = first, .size = SEGMENT_HEADER };
	done = fd;
	fd = -1;
	return done;
}

int
segment_open(int dir_fd, uint64_t first)
{
	char name[SEGMENT_NAME];

	name_of(name, first);
	return openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
}

void
segment_remove(int dir_fd, uint64_t first)
{
	char name[SEGMENT_NAME];

	name_of(name, first);
	(void)unlinkat(dir_fd, name, 0);
}

int
segment_append(struct segment *s, int fd, struct segment_record record)
{
	uint32_t len = (uint32_t)record.bytes.n | (record.packed ? PACKED_LENGTH : 0);
	uint32_t crc = checksum(s->end, record);
	uint8_t header[SEGMENT_RECORD_HEADER];
	struct iovec parts[2] = { { header, sizeof(header) },
		{ (void *)(uintptr_t)record.bytes.p, record.bytes.n } };
	ssize_t want = (ssize_t)(sizeof(header) + record.bytes.n);
	ssize_t n;

	for (int i = 0; i < 4; i++) {
		header[i] = (uint8_t)(len >> (24 - 8 * i));
		header[4 + i] = (uint8_t)(crc >> (24 - 8 * i));
	}
	do
		/* At its own offset and not appended: what a failed write left behind is written over by the
		 * next. */
		n = pwritev(fd, parts, 2, (off_t)s->size);
	while (n < 0 && errno == EINTR);
	if (n != want) {
		int saved = n < 0 ? errno : ENOSPC;

		if (n > 0 && ftruncate(fd, (off_t)s->size) < 0)
			saved = errno;
		errno = saved;
		return -1;
	}
	s->size += (uint64_t)n;
	s->end++;
	return 0;
}

void
segment_reader_init(struct segment_reader *r)
{
	*r = (struct segment_reader){ .fd = -1 };
	buf_init(&r->block, SEGMENT_BLOCK_MAX);
}

void
segment_reader_close(struct segment_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	buf_done(&r->block);
}

/* Reads from r->off, at most up to limit, until the block holds need bytes. 1: it does, 0: the file ends before. */
static int
fill(struct segment_reader *r, size_t need, uint64_t limit)
{
	while (r->block.len < need) {
		uint64_t left = limit > r->off ? limit - r->off : 0;
		size_t want = left < SEGMENT_BLOCK ? (size_t)left : SEGMENT_BLOCK;
		uint8_t *dst;
		ssize_t n;

		if (!want)
			return 0;
		dst = buf_reserve(&r->block, want);
		if (!dst) {
			errno = ENOMEM;
			return -1;
		}
		n = pread(r->fd, dst, want, (off_t)r->off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : 0;
		buf_commit(&r->block, (size_t)n);
		r->off += (uint64_t)n;
	}
	return 1;
}

int
segment_reader_open(struct segment_reader *r, int dir_fd, uint64_t first)
{
	struct wire w;

	segment_reader_close(r);
	r->fd = segment_open(dir_fd, first);
	if (r->fd < 0)
		return -1;
	r->first = r->seq = first;
	r->off = 0;
	buf_reset(&r->block);
	switch (fill(r, SEGMENT_HEADER, SEGMENT_HEADER)) {
	case 1:
		w = wire_from(buf_span(&r->block));
		if (span_eq(wire_bytes(&w, sizeof(magic)),
			(struct span){ (const uint8_t *)magic, sizeof(magic) }) &&
		    wire_u64(&w) == first) {
			buf_drain(&r->block, SEGMENT_HEADER);
			return 0;
		}
		/* fall through */
	case 0:
		errno = EBADMSG;
	}
	segment_reader_close(r);
	return -1;
}

int
segment_reader_next(struct segment_reader *r, uint64_t limit, struct segment_record *ret)
{
	struct wire w;
	uint32_t len, crc;
	int got = fill(r, SEGMENT_RECORD_HEADER, limit);

	if (got <= 0)
		return got;
	w = wire_from(buf_span(&r->block));
	len = wire_u32(&w);
	crc = wire_u32(&w);
	ret->packed = (len & PACKED_LENGTH) != 0;
	len &= ~PACKED_LENGTH;
	/* Zeroes are what a file system leaves at the end of a file after a power cut. */
	if (len == 0 || len > REC_LOG_RECORD_MAX)
		goto damaged;
	got = fill(r, SEGMENT_RECORD_HEADER + len, limit);
	if (got <= 0)
		return got;
	w = wire_from(buf_span(&r->block));
	(void)wire_bytes(&w, SEGMENT_RECORD_HEADER);
	ret->bytes = wire_bytes(&w, len);
	/* The number is in the checksum: a record that is whole, but stands in another's place, is damage
	 * too. */
	if (checksum(r->seq, *ret) != crc)
		goto damaged;
	/* Only the offset moves: the bytes stay where ret points until the next call. */
	r->block.off += SEGMENT_RECORD_HEADER + len;
	r->block.len -= SEGMENT_RECORD_HEADER + len;
	r->seq++;
	return 1;
damaged:
	errno = EBADMSG;
	return -1;
}

void
segment_reader_unget(struct segment_reader *r, struct segment_record record)
{
	r->block.off -= SEGMENT_RECORD_HEADER + record.bytes.n;
	r->block.len += SEGMENT_RECORD_HEADER + record.bytes.n;
	r->seq--;
}

uint64_t
segment_reader_tell(const struct segment_reader *r)
{
	return r->off - r->block.len;
}
