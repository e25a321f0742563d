/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_flow: what of one file passed in one direction: how many bytes, which ranges, and their SHA-256
 * as long as they pass in order from the beginning. Pure. Used by the observers of transfers.
 */
#ifndef SESSION_FILE_FLOW_H
#define SESSION_FILE_FLOW_H

#include "crypto/sha256.h"

enum { FILE_RANGES_MAX = 16 };

struct file_range {
	uint64_t from, to; /* bytes; `to` is not in it */
};

struct file_flow {
	uint64_t bytes; /* those that passed twice count twice */
	uint64_t next;  /* where the hash stands, while in_order */
	bool in_order;  /* from 0 on, without a gap or a way back */
	bool may_restart;
	struct sha256 hash;
	struct file_range ranges[FILE_RANGES_MAX];
	unsigned n_ranges, current;
	bool more_ranges; /* than can be kept */
};

/* What is told of it. */
struct file_flow_sum {
	uint64_t bytes;
	bool whole;    /* from 0 to the end of the file, all of it good */
	bool has_hash; /* whole, or in order from 0: SHA-256 of the bytes 0 to ranges[0].to */
	uint8_t hash[SHA256_BYTES];
	struct file_range ranges[FILE_RANGES_MAX]; /* sorted, apart from each other */
	unsigned n_ranges;
	bool more_ranges;
};

/* may_restart: beginning anew at 0 begins the hash anew, as for who reads a file twice. */
void file_flow_init(struct file_flow *f, bool may_restart);
/* The next bytes are those from this offset on. */
void file_flow_seek(struct file_flow *f, uint64_t offset);
void file_flow_add(struct file_flow *f, struct span s);
/* The hash means nothing: the order of what passed is not that of the file. */
void file_flow_disorder(struct file_flow *f);
/* Everything that passed was bytes 0 to n, in order. */
bool file_flow_reaches(const struct file_flow *f, uint64_t n);
/* Ends the hash: once. whole: what reaches the end, as far as the order goes, is all of the file. */
void file_flow_sum(struct file_flow *f, bool whole, struct file_flow_sum *ret);

#endif
