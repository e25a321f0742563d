/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashing: what a password's hash costs in this cluster: measured once, when authd first starts, and kept, so that all
 * hashes cost the same whatever machine authd moves to. Called by start.c; touches the store.
 */
#ifndef AUTH_HASHING_H
#define AUTH_HASHING_H

#include <stdint.h>

#include "auth/resource.h"

struct auth;

struct hashing {
	char name[16]; /* "password" */
	uint32_t passes;
	uint64_t revision;
};

/* Fills a->hash_passes. Negative: the store failed or no memory. */
int hashing_load(struct auth *a, struct err *e);

#endif
