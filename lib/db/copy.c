/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy: rows in the binary format of COPY (PostgreSQL manual, COPY, "Binary Format"); see db.h. Memory only.
 */
#include <string.h>

#include "base/wire.h"
#include "db/db.h"

#define UNIX_TO_POSTGRES_US INT64_C(946684800000000)    /* 2000-01-01 */
#define TIME_MIN_US         INT64_C(-62135596800000000) /* 0001-01-01 */
#define TIME_MAX_US         INT64_C(253402300799999999) /* 9999-12-31 */
#define DAY_US              INT64_C(86400000000)

void
db_copy_begin(struct buf *b)
{
	static const char signature[11] = { 'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n',
		'\0' };

	buf_put(b, signature, sizeof(signature));
	wire_put_u32(b, 0); /* flags */
	wire_put_u32(b, 0); /* extension */
}

static void
put_u16(struct buf *b, uint16_t v)
{
	wire_put_u8(b, (uint8_t)(v >> 8));
	wire_put_u8(b, (uint8_t)v);
}

void
db_copy_row(struct buf *b, int columns)
{
	put_u16(b, (uint16_t)columns);
}

void
db_copy_end(struct buf *b)
{
	put_u16(b, 0xffff);
}

void
db_copy_null(struct buf *b)
{
	wire_put_u32(b, UINT32_MAX);
}

void
db_copy_bool(struct buf *b, bool v)
{
	wire_put_u32(b, 1);
	wire_put_u8(b, v);
}

void
db_copy_i32(struct buf *b, int32_t v)
{
	wire_put_u32(b, 4);
	wire_put_u32(b, (uint32_t)v);
}

void
db_copy_i64(struct buf *b, int64_t v)
{
	wire_put_u32(b, 8);
	wire_put_u64(b, (uint64_t)v);
}

void
db_copy_bytes(struct buf *b, struct span v)
{
	wire_put_string(b, v);
}

static int64_t
clamp_time(int64_t us)
{
	if (us < TIME_MIN_US)
		return TIME_MIN_US;
	return us > TIME_MAX_US ? TIME_MAX_US : us;
}

void
db_copy_time(struct buf *b, int64_t unix_us)
{
	db_copy_i64(b, clamp_time(unix_us) - UNIX_TO_POSTGRES_US);
}

void
db_copy_date(struct buf *b, int64_t unix_us)
{
	int64_t us = clamp_time(unix_us) - UNIX_TO_POSTGRES_US;
	int64_t day = us / DAY_US - (us % DAY_US < 0);

	db_copy_i32(b, (int32_t)day);
}

void
db_copy_uuid(struct buf *b, const uint8_t uuid[16])
{
	db_copy_bytes(b, (struct span){ uuid, 16 });
}

void
db_copy_jsonb(struct buf *b, struct span json)
{
	size_t mark = wire_put_open(b);

	wire_put_u8(b, 1); /* version of the format */
	buf_put(b, json.p, json.n);
	wire_put_close(b, mark);
}
