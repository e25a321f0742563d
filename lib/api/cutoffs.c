/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cutoffs: see cutoffs.h.
 *
 * Security: read as root by noded's monitor, from the hands of a worker that may be hostile.
 */
#include "api/cutoffs.h"

#include "base/wire.h"

static const char magic[] = "cutoffs@sallyport";

enum { SIGNATURE_MAX = 1024 };

void
cutoffs_put(struct buf *entries, const char *user, int64_t before_ms)
{
	wire_put_text(entries, user);
	wire_put_u64(entries, (uint64_t)before_ms);
}

static int64_t
get_ms(struct wire *w)
{
	uint64_t v = wire_u64(w);

	/* A time that is negative afterwards would cut nothing off. */
	w->bad |= v > INT64_MAX;
	return w->bad ? 0 : (int64_t)v;
}

/* The next entry; false at the end, or when there is none any more. */
static bool
next_entry(struct wire *w, struct span *ret_user, int64_t *ret_ms)
{
	if (w->left == 0)
		return false;
	*ret_user = wire_string(w);
	*ret_ms = get_ms(w);
	return !w->bad;
}

/* Of our own list, before the signer signs it: what it lets through, a monitor must be able to
 * read. */
static bool
entries_ok(const struct cutoffs *c)
{
	struct wire w = wire_from(c->entries);
	struct span user;
	uint32_t n = 0;
	int64_t ms;

	if (c->entries.n > CUTOFFS_ENTRIES_MAX)
		return false;
	while (next_entry(&w, &user, &ms))
		n++;
	return !w.bad && n == c->n;
}

int
cutoffs_sign(const struct cutoffs *c, const struct sshkey *ca, struct buf *ret)
{
	struct buf sig;
	int r = -1;

	if (!entries_ok(c))
		return -1;
	buf_init(&sig, SIGNATURE_MAX);
	wire_put_text(ret, magic);
	wire_put_string(ret, c->cluster);
	wire_put_u64(ret, (uint64_t)c->issued_ms);
	wire_put_u64(ret, (uint64_t)c->everybody_ms);
	wire_put_u32(ret, c->n);
	buf_put(ret, c->entries.p, c->entries.n);
	if (buf_ok(ret) && sshkey_sign(ca, buf_span(ret), &sig) == 0) {
		wire_put_string(ret, buf_span(&sig));
		r = buf_ok(ret) ? 0 : -1;
	}
	buf_done(&sig);
	return r;
}

int
cutoffs_read(struct cutoffs *ret, struct span packed)
{
	struct wire w = wire_from(packed);
	struct span user;
	int64_t ms;
	size_t at;

	*ret = (struct cutoffs){ 0 };
	if (packed.n > CUTOFFS_MAX || !span_is(wire_string(&w), magic))
		return -1;
	ret->cluster = wire_string(&w);
	ret->issued_ms = get_ms(&w);
	ret->everybody_ms = get_ms(&w);
	ret->n = wire_u32(&w);
	at = packed.n - w.left;
	for (uint32_t i = 0; i < ret->n; i++)
		if (!next_entry(&w, &user, &ms))
			return -1;
	if (w.bad)
		return -1;
	ret->entries = (struct span){ packed.p + at, packed.n - w.left - at };
	ret->signed_part = (struct span){ packed.p, packed.n - w.left };
	ret->signature = wire_string(&w);
	return wire_end(&w) ? 0 : -1;
}

int
cutoffs_verify(const struct cutoffs *c, const struct bundle *ca, struct err *e)
{
	if (!span_is(c->cluster, ca->cluster))
		return err_set(e, "the list of cut-offs is of another cluster");
	for (size_t i = 0; i < ca->n_host_ssh; i++) {
		struct sshkey *key = NULL;
		int r = sshkey_from_blob(&key, ca->host_ssh[i]);

		if (r == 0)
			r = sshkey_verify(key, span_str("ssh-ed25519"), c->signature,
			    c->signed_part);
		sshkey_free(key);
		if (r == 0)
			return 0;
	}
	return err_set(e, "the list of cut-offs was not signed by the cluster");
}

int64_t
cutoffs_of(const struct cutoffs *c, const char *user)
{
	struct wire w = wire_from(c->entries);
	int64_t result = c->everybody_ms, ms;
	struct span name;

	while (next_entry(&w, &name, &ms))
		if (span_is(name, user) && ms > result)
			result = ms;
	return result;
}
