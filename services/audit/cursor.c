/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor: see cursor.h. "TIME.NUMBER" or "TIME.UUID", the time in microseconds since 1970.
 *
 * Security: comes back from clients. It only says from where on they see what they may see anyway.
 */
#include "audit/cursor.h"

#include <inttypes.h>
#include <string.h>

#include "audit/record.h"
#include "base/str.h"

void
cursor_of_event(char dst[CURSOR_TEXT], int64_t us, int64_t idx)
{
	(void)str_format(dst, CURSOR_TEXT, "%" PRId64 ".%" PRId64, us, idx);
}

void
cursor_of_recording(char dst[CURSOR_TEXT], int64_t us, const char *id)
{
	(void)str_format(dst, CURSOR_TEXT, "%" PRId64 ".%s", us, id);
}

/* NULL: no cursor. What stands behind the dot. */
static const char *
read_time(struct cursor *ret, const char *text)
{
	const char *dot = strchr(text, '.');
	char number[24];
	uint64_t us;

	*ret = (struct cursor){ .set = true };
	if (!dot || (size_t)(dot - text) >= sizeof(number))
		return NULL;
	memcpy(number, text, (size_t)(dot - text));
	number[dot - text] = 0;
	/* Nothing is kept from before 1970. */
	if (!str_u64(number, INT64_MAX, &us))
		return NULL;
	ret->us = (int64_t)us;
	return dot + 1;
}

bool
cursor_read_event(struct cursor *ret, const char *text)
{
	const char *rest;
	uint64_t idx = 0;

	*ret = (struct cursor){ .set = false };
	if (!*text)
		return true;
	rest = read_time(ret, text);
	if (!rest || !str_u64(rest, INT64_MAX, &idx))
		return false;
	ret->idx = (int64_t)idx;
	return true;
}

bool
cursor_read_recording(struct cursor *ret, const char *text)
{
	const char *rest;
	uint8_t uuid[16];

	*ret = (struct cursor){ .set = false };
	if (!*text)
		return true;
	rest = read_time(ret, text);
	if (!rest || !record_uuid_read(rest, uuid))
		return false;
	record_uuid_text(uuid, ret->id);
	return true;
}
