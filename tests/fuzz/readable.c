/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of strangers as events show them: printable whatever they hold, the text itself exactly when readable_put says so,
 * and, when nothing is cut, only one text has that form.
 */
#include <stdlib.h>
#include <string.h>

#include "base/readable.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
value_of(uint8_t c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* One escape at p, behind the backslash; returns how many bytes it has. */
static size_t
unescape(const uint8_t *p, struct buf *out)
{
	uint8_t c = *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == 't' ? '\t' : *p;

	if (*p == 'x')
		c = (uint8_t)(value_of(p[1]) << 4 | value_of(p[2]));
	buf_put(out, &c, 1);
	return *p == 'x' ? 3 : 1;
}

static void
check_way_back(struct span form, struct span text)
{
	struct buf back;

	buf_init(&back, READABLE_MAX);
	for (size_t i = 0; i < form.n; i++) {
		if (form.p[i] == '\\')
			i += unescape(form.p + i + 1, &back);
		else
			buf_put(&back, form.p + i, 1);
	}
	if (!span_eq(buf_span(&back), text))
		abort();
	buf_done(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { data, size }, shown;
	struct buf form;
	bool same;

	buf_init(&form, READABLE_MAX + READABLE_MARK_MAX);
	same = readable_put(&form, text);
	shown = buf_span(&form);
	if (!buf_ok(&form) || same != span_eq(shown, text) ||
	    !str_is_printable((const char *)shown.p, shown.n))
		abort();
	if (!same && size <= READABLE_MAX / 4)
		check_way_back(shown, text);
	buf_done(&form);
	buf_init(&form, READABLE_WIDEST * size + 1);
	readable_line(&form, text);
	if (!buf_ok(&form))
		abort();
	for (size_t i = 0, len; i < form.len; i += len) {
		const uint8_t *at = buf_head(&form);

		len = at[i] == '\t' ? 1 : str_printable_len(at + i, form.len - i);
		if (!len)
			abort();
	}
	buf_done(&form);
	return 0;
}
