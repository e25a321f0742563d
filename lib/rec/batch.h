/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: zstd around what travels and what is stored, with a bound on both sides.
 *
 * A batch of records is one zstd frame or several, one after the other, that expand to the records, each as u32
 * big-endian length and bytes. So a record that was compressed by itself, when it was written, travels as it is.
 */
#ifndef REC_BATCH_H
#define REC_BATCH_H

#include "base/buf.h"

enum { BATCH_RAW_MAX = 1024 * 1024 };

/* Appends raw, compressed (level 3), to out. Negative: out is full or no memory. */
int batch_compress(struct span raw, struct buf *out);
/* A record with its length in front, compressed by itself and fast, to be part of a batch as it is. Same result. */
int batch_compress_record(struct span counted, struct buf *out);
/* How much the frames of z say they expand to; 0: nothing, or malformed, or more than BATCH_RAW_MAX. */
size_t batch_expanded(struct span z);
/* Appends what z expands to, which must be exactly raw_len bytes and at most BATCH_RAW_MAX. Negative: malformed,
 * or another length. Memory is taken for raw_len only after the frames' headers agreed with it. */
int batch_expand(struct span z, size_t raw_len, struct buf *out);

/* The same, for what is kept (level 6), beside bytes that the reader has, too: what is in both costs next to nothing in z.
 * Of lines that end with CR LF what is beside has the text with LF alone: then z is a zstd frame whose first byte is one more.
 * What was compressed without expands beside any bytes. */
int batch_compress_beside(struct span raw, struct span beside, struct buf *out);
int batch_expand_beside(struct span z, struct span beside, size_t raw_len, struct buf *out);

/* One record of a batch at a time: u32 big-endian length, bytes. 1: a record; 0: the end; negative: malformed. */
int batch_next(struct span *in, struct span *ret_record);
void batch_put(struct buf *b, struct span record);

/* A batch that is made record by record. */
struct batch_out {
	struct buf data; /* frames */
	struct buf run;  /* records that will be the next one */
	uint32_t count;  /* of records so far */
	size_t raw_len;  /* what they expand to */
};

/* max: raw_len will not be more. */
void batch_out_init(struct batch_out *b, size_t max);
void batch_out_reset(struct batch_out *b); /* empty; its memory stays */
void batch_out_done(struct batch_out *b);  /* empty and usable again, without memory */
/* A record; the same from batch_compress_record. Negative: no room, no memory. */
int batch_out_add(struct batch_out *b, struct span record);
int batch_out_add_frame(struct batch_out *b, struct span z);
/* data has everything. Negative: no memory. */
int batch_out_end(struct batch_out *b);

#endif
