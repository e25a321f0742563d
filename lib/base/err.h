/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: what went wrong, in one line for a person.
 *
 * Functions that can fail for reasons a person must hear take a struct err
 * and return a negative number after filling it. The text says what happened
 * and what to do, without a trailing period or newline.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_MAX 512

struct err {
	char text[ERR_MAX];
};

/* Sets the text; always returns -1, so that "return err_set(...)" reads well. e may be NULL. */
int err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "out of memory": the one text for it. Returns -1. */
int err_memory(struct err *e);
/* As err_set, with ": " and strerror(errno) appended. */
int err_errno(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts "what: " in front of the text that is there; returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
