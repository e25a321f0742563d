/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gunzip: see gunzip.h.
 *
 * Security: what a stranger sent. It is unpacked into memory of the size that the caller expects, and no more, however much it
 * claims to be.
 */
#include "http/gunzip.h"

#include <limits.h>
#include <stdlib.h>

#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16 /* gzip alone, not zlib's own form */ };

int
gunzip(struct span packed, size_t max, char **ret, size_t *ret_n, struct err *e)
{
	z_stream z = { .next_in = (z_const Bytef *)packed.p, .avail_in = (uInt)packed.n };
	char *out;
	int r;

	if (packed.n > UINT_MAX || max >= UINT_MAX)
		return err_set(e, "too large to be unpacked");
	out = malloc(max + 1);
	if (!out || inflateInit2(&z, GZIP_WINDOW) != Z_OK) {
		free(out);
		return err_memory(e);
	}
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)max;
	r = inflate(&z, Z_FINISH);
	(void)inflateEnd(&z);
	if (r != Z_STREAM_END || z.avail_in > 0) {
		free(out);
		return err_set(e, "%s",
		    r == Z_BUF_ERROR && z.avail_out == 0 ? "more than it may be"
							 : "damaged gzip, or more behind it");
	}
	out[z.total_out] = '\0';
	*ret = out;
	*ret_n = z.total_out;
	return 0;
}
