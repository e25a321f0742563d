/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: zstd around what travels and what is stored, with a bound on both sides.
 */
#ifndef REC_BATCH_H
#define REC_BATCH_H

#include "base/buf.h"

enum { BATCH_RAW_MAX = 1024 * 1024 };

/* Appends raw, compressed (level 3), to out. Negative: out is full or no memory. */
int batch_compress(struct span raw, struct buf *out);
/* Appends what z expands to, which must be exactly raw_len bytes and at most BATCH_RAW_MAX. Negative: malformed,
 * or another length. Memory is taken for raw_len only after the frame header agreed with it. */
int batch_expand(struct span z, size_t raw_len, struct buf *out);

/* The same, for what is kept (level 6), beside bytes that the reader has, too: what is in both costs next to nothing in z.
 * What was compressed without expands beside any bytes. */
int batch_compress_beside(struct span raw, struct span beside, struct buf *out);
int batch_expand_beside(struct span z, struct span beside, size_t raw_len, struct buf *out);

/* One record of a batch at a time: u32 big-endian length, bytes. 1: a record; 0: the end; negative: malformed. */
int batch_next(struct span *in, struct span *ret_record);
void batch_put(struct buf *b, struct span record);

#endif
