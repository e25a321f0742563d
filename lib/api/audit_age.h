/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_age: how long the oldest record has waited that auditd does not have yet, for audit_log.c. Records bear no time of
 * their own, so some of their numbers are kept with the time at which they were written: the more apart the longer it takes,
 * at most AUDIT_AGE_MARKS. What is told is right to within a few seconds, or a tenth. Pure.
 */
#ifndef API_AUDIT_AGE_H
#define API_AUDIT_AGE_H

#include <stdint.h>

enum { AUDIT_AGE_MARKS = 32 };

struct audit_age {
	struct {
		uint64_t seq;     /* the first record of those up to the next mark */
		int64_t ms;       /* when it was written */
	} marks[AUDIT_AGE_MARKS]; /* oldest first */
	unsigned n;
	int64_t step_ms; /* between two marks, at least */
};

/* The record seq was written. Times in milliseconds, of one clock. */
void audit_age_wrote(struct audit_age *a, uint64_t seq, int64_t now_ms);
/* Everything up to seq is with auditd; last: the last that was written. */
void audit_age_committed(struct audit_age *a, uint64_t seq, uint64_t last);
/* 0: nothing waits. */
int64_t audit_age_ms(const struct audit_age *a, int64_t now_ms);

#endif
