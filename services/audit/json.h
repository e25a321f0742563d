/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: the few JSON objects that auditd writes into jsonb columns, straight into a buffer.
 */
#ifndef AUDIT_JSON_H
#define AUDIT_JSON_H

#include "base/buf.h"

/* "text" with quotes; text is UTF-8 without NUL. */
void json_text(struct buf *b, const char *text);
/* ,"key":"text" (without the comma when the object is empty so far); nothing for an empty text. */
void json_member(struct buf *b, const char *key, const char *text);
/* ,"key": and the value is the caller's. */
void json_key(struct buf *b, const char *key);
/* ,"key":"00ff" */
void json_hex(struct buf *b, const char *key, struct span bytes);
void json_number(struct buf *b, const char *key, int64_t v);
void json_bool(struct buf *b, const char *key, bool v);
/* ,"key":"2026-11-22T23:00:00.123456Z" */
void json_time(struct buf *b, const char *key, int64_t unix_us);

#endif
