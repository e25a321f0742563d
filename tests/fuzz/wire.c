/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of SSH data types: the input's first part says what to read, the
 * rest is what is read. What was read must lie inside the input, and a reader
 * that is bad stays bad.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool promise)
{
	if (!promise)
		abort();
}

static void
check_inside(struct span s, struct span all)
{
	if (s.n == 0)
		return;
	must(s.p >= all.p && s.n <= all.n && s.p + s.n <= all.p + all.n);
}

static void
read_one(struct wire *w, uint8_t what, struct span all)
{
	char text[16];

	switch (what % 9) {
	case 0:
		wire_u8(w);
		break;
	case 1:
		wire_bool(w);
		break;
	case 2:
		wire_u32(w);
		break;
	case 3:
		wire_u64(w);
		break;
	case 4:
		check_inside(wire_bytes(w, what), all);
		break;
	case 5:
		check_inside(wire_string(w), all);
		break;
	case 6:
		wire_text(w, text, sizeof(text));
		must(strlen(text) < sizeof(text));
		break;
	case 7:
		check_inside(wire_mpint(w), all);
		break;
	default:
		check_inside(wire_rest(w), all);
	}
}

/* A number that was read is written back as the same bytes. */
static void
mpint_round_trip(struct span all)
{
	struct wire w = wire_from(all);
	struct span number = wire_mpint(&w);
	struct buf b;

	if (w.bad)
		return;
	buf_init(&b, all.n + 8);
	wire_put_mpint(&b, number);
	must(buf_ok(&b));
	must(span_eq(buf_span(&b), (struct span){ all.p, all.n - w.left }));
	buf_done(&b);
}

static void
names(struct span all)
{
	struct span list = all, name;
	size_t n = 0;

	while (wire_next_name(&list, &name)) {
		check_inside(name, all);
		must(++n <= all.n + 1);
	}
}

static void
texts(struct span all)
{
	char clean[64];

	str_clean(clean, sizeof(clean), (const char *)all.p, all.n);
	must(str_is_printable(clean, strlen(clean)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all;
	struct wire w;
	size_t n = size ? data[0] % 32 : 0;

	if (size < 1 + n)
		return 0;
	all = (struct span){ data + 1 + n, size - 1 - n };
	w = wire_from(all);
	for (size_t i = 0; i < n; i++) {
		bool bad = w.bad;

		read_one(&w, data[1 + i], all);
		must(!bad || w.bad);
		must(w.left <= all.n);
	}
	mpint_round_trip(all);
	names(all);
	texts(all);
	return 0;
}
