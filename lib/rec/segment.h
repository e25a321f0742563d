/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment: one file of a record log, for log.c only.
 *
 *	file    8 bytes "SPRECLG1" | u64 number of the first record | records
 *	record  u32 length (1 .. REC_LOG_RECORD_MAX), bit 31: packed | u32 CRC-32C over u64 number, bit 63: packed, and
 *	        bytes | bytes
 *
 * The bytes of a packed record are a zstd frame (batch_compress_record). Numbers are big-endian. The name of the file is
 * the number of its first record in 16 hexadecimal digits, ".seg".
 */
#ifndef REC_SEGMENT_H
#define REC_SEGMENT_H

#include "base/buf.h"
#include "base/err.h"

enum { SEGMENT_HEADER = 16, SEGMENT_RECORD_HEADER = 8 };

struct segment {
	uint64_t first; /* number of its first record, there or to come */
	uint64_t
	    end; /* number after its last record; of old segments an upper bound until they were read */
	uint64_t size; /* bytes of good content */
};

/* A record as it stands in the file. */
struct segment_record {
	struct span bytes;
	bool packed;
};

/* Reads the records of one segment in order, a block at a time. */
struct segment_reader {
	int fd;         /* -1: closed */
	uint64_t first; /* of the segment that is open */
	uint64_t seq;   /* of the record that comes next */
	uint64_t off;   /* of the first byte that is not in block */
	struct buf block;
};

/* "0000000000000001.seg" -> number. False for any other name. */
bool segment_name_parse(const char *name, uint64_t *ret_first);
/* Creates the file for records from first on, durable in its folder; returns the descriptor or -1 with errno. */
int segment_create(int dir_fd, uint64_t first, struct segment *ret);
int segment_open(int dir_fd, uint64_t first);
void segment_remove(int dir_fd, uint64_t first);
/* Writes one record at the end; -1 with errno and the file as before. */
int segment_append(struct segment *s, int fd, struct segment_record record);

void segment_reader_init(struct segment_reader *r);
void segment_reader_close(struct segment_reader *r);
/* -1: cannot be opened, or it is no segment. */
int segment_reader_open(struct segment_reader *r, int dir_fd, uint64_t first);
/* The record r->seq, valid until the next call. limit: bytes of the file to look at. 1: a record, 0: the end, or only
 * a part of a record is there; -1: I/O error (errno) or damage (errno EBADMSG). */
int segment_reader_next(struct segment_reader *r, uint64_t limit, struct segment_record *ret);
/* Puts back the record that segment_reader_next just returned. */
void segment_reader_unget(struct segment_reader *r, struct segment_record record);
/* Offset of the record that segment_reader_next returns next. */
uint64_t segment_reader_tell(const struct segment_reader *r);

#endif
