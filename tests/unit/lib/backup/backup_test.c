/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/backup: what was saved comes back, and nothing else does: cut, changed, exchanged, for somebody else, of a stranger's
 * making.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup.h"
#include "base/str.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"

enum { FILE_MAX = 8 * 1024 * 1024, BIG = BACKUP_VALUE_MAX };

static const uint8_t stream_key[SECRET_STREAM_KEY_BYTES] = { 1 },
		     ca_key[BACKUP_CA_KEY_BYTES] = { 2 };
static struct secret *private;
static struct backup_recipient recipient;

static int
group_setup(void **state)
{
	(void)state;
	assert_int_equal(crypto_init(), 0);
	private = secret_new(SEALED_BOX_KEY_BYTES);
	rand_bytes(private->p, private->n);
	recipient.kind = BACKUP_FOR_KEY;
	return sealed_box_public(private, recipient.key);
}

static int
group_teardown(void **state)
{
	(void)state;
	secret_free(private);
	return 0;
}

/* --- a backup of some items -------------------------------------------------------------------- */

static const uint8_t big[BIG] = { 7 };

static const struct backup_item items[] = {
	{ "role/a", { (const uint8_t *)"x", 1 }, 3, 0 },
	{ "user/alice", { big, BIG }, 17, 1234567 },
	{ "user/bob", { NULL, 0 }, 5, 0 },
	{ "user/carol", { big, BACKUP_CHUNK }, 6, 0 },
};
enum { N_ITEMS = sizeof(items) / sizeof(items[0]) };

static void
make_box(const struct backup_recipient *r, struct buf *box)
{
	const struct backup_secrets s = { .stream_key = { stream_key, sizeof(stream_key) },
		.ca_key = { ca_key, sizeof(ca_key) },
		.state = span_str("sealed authorities") };
	struct err e;

	buf_init(box, BACKUP_BOX_MAX + 64);
	assert_int_equal(backup_box_make(r, &s, box, &e), 0);
}

static struct backup_writer *
begin(struct buf *out)
{
	struct backup_head head = { .cluster = "tele.example.com",
		.version = "1.2.3",
		.made_ms = 1234,
		.recipient = recipient };
	struct backup_writer *w;
	struct buf box;

	make_box(&recipient, &box);
	buf_init(out, FILE_MAX);
	assert_int_equal(backup_writer_new(&w, &head, buf_span(&box),
			     (struct span){ stream_key, sizeof(stream_key) }, out),
	    0);
	buf_done(&box);
	return w;
}

static void
make(struct buf *out, size_t n)
{
	struct backup_writer *w = begin(out);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(backup_put(w, &items[i], out), 0);
	assert_int_equal(backup_end(w, 99, out), 0);
	backup_writer_free(w);
}

/* --- reading it ------------------------------------------------------------------------------------ */

struct source {
	struct span s;
	size_t most; /* of one read; 0: all */
};

static ssize_t
pull(void *arg, void *p, size_t n)
{
	struct source *s = arg;

	if (s->most && n > s->most)
		n = s->most;
	if (n > s->s.n)
		n = s->s.n;
	if (n == 0)
		return 0;
	memcpy(p, s->s.p, n);
	s->s.p += n;
	s->s.n -= n;
	return (ssize_t)n;
}

static int
on_item(const struct backup_item *item, void *arg, struct err *e)
{
	size_t *at = arg;

	(void)e;
	assert_true(*at < N_ITEMS);
	assert_string_equal(item->key, items[*at].key);
	assert_int_equal(item->value.n, items[*at].value.n);
	if (item->value.n)
		assert_memory_equal(item->value.p, items[*at].value.p, item->value.n);
	assert_int_equal(item->revision, items[*at].revision);
	assert_int_equal(item->expires_ms, items[*at].expires_ms);
	++*at;
	return 0;
}

static int
read_with(struct span file, size_t most, const struct secret *key, size_t *n, struct err *e)
{
	struct source s = { file, most };
	struct backup_reader *r;
	uint64_t revision = 0;
	int rc = backup_reader_new(&r, pull, &s, e);

	*n = 0;
	if (rc == 0)
		rc = backup_reader_unlock(r, key, e);
	if (rc == 0)
		rc = backup_reader_each(r, on_item, n, &revision, e);
	if (rc == 0)
		assert_int_equal(revision, 99);
	backup_reader_free(r);
	return rc;
}

static int
read_all(struct span file, size_t *n, struct err *e)
{
	return read_with(file, 0, private, n, e);
}

static void
what_was_saved_comes_back(void **state)
{
	size_t n;

	(void)state;
	for (size_t saved = 0; saved <= N_ITEMS; saved++) {
		struct buf b;
		struct err e;

		make(&b, saved);
		assert_int_equal(read_all(buf_span(&b), &n, &e), 0);
		assert_int_equal(n, saved);
		/* Whatever the pieces in which it is read. */
		assert_int_equal(read_with(buf_span(&b), 1000, private, &n, &e), 0);
		assert_int_equal(n, saved);
		buf_done(&b);
	}
}

static void
the_head_and_the_secrets_come_back(void **state)
{
	struct backup_reader *r;
	struct source s;
	struct err e;
	struct buf b;

	(void)state;
	make(&b, 1);
	s = (struct source){ buf_span(&b), 0 };
	assert_int_equal(backup_reader_new(&r, pull, &s, &e), 0);
	assert_string_equal(backup_reader_head(r)->cluster, "tele.example.com");
	assert_string_equal(backup_reader_head(r)->version, "1.2.3");
	assert_int_equal(backup_reader_head(r)->made_ms, 1234);
	assert_memory_equal(backup_reader_head(r)->recipient.key, recipient.key,
	    sizeof(recipient.key));
	/* Nothing is read before it is open. */
	assert_int_equal(backup_reader_each(r, NULL, NULL, NULL, &e), -1);
	assert_int_equal(backup_reader_unlock(r, private, &e), 0);
	assert_memory_equal(backup_reader_secrets(r)->ca_key.p, ca_key, sizeof(ca_key));
	assert_true(span_is(backup_reader_secrets(r)->state, "sealed authorities"));
	backup_reader_free(r);
	buf_done(&b);
}

static void
what_was_saved_is_not_in_the_file(void **state)
{
	struct backup_writer *w;
	struct buf b;

	(void)state;
	w = begin(&b);
	assert_int_equal(backup_put(w,
			     &(struct backup_item){ "user/very-secret-name",
				 span_str("and its value"), 1, 0 },
			     &b),
	    0);
	assert_int_equal(backup_end(w, 99, &b), 0);
	backup_writer_free(w);
	assert_null(memmem(buf_head(&b), b.len, "very-secret-name", 16));
	assert_null(memmem(buf_head(&b), b.len, "and its value", 13));
	assert_null(memmem(buf_head(&b), b.len, "sealed authorities", 18));
	assert_null(memmem(buf_head(&b), b.len, ca_key, sizeof(ca_key)));
	buf_done(&b);
}

/* --- what is no whole backup ---------------------------------------------------------------------------- */

static void
one_that_was_cut_is_refused_wherever(void **state)
{
	struct buf b;
	struct err e;
	size_t n;

	(void)state;
	make(&b, N_ITEMS);
	/* All of the front, where every byte is another state of the reader, and some of the chunks. */
	for (size_t len = 0; len < b.len; len += len < 1000 ? 1 : 4099) {
		assert_int_equal(read_all((struct span){ buf_head(&b), len }, &n, &e), -1);
		assert_non_null(strstr(e.text, "cut off"));
	}
	/* Exactly behind a chunk. */
	assert_int_equal(read_all((struct span){ buf_head(&b), b.len - 1 }, &n, &e), -1);
	buf_done(&b);
}

static void
a_changed_byte_is_refused_wherever(void **state)
{
	struct buf b;
	struct err e;
	size_t n;

	(void)state;
	make(&b, N_ITEMS);
	for (size_t i = 0; i < b.len; i += i < 600 ? 1 : 9973) {
		buf_head(&b)[i] ^= 0x10;
		assert_int_equal(read_all(buf_span(&b), &n, &e), -1);
		buf_head(&b)[i] ^= 0x10;
	}
	assert_int_equal(read_all(buf_span(&b), &n, &e), 0);
	/* Nothing behind the end. */
	assert_true(buf_put(&b, "", 1));
	assert_int_equal(read_all(buf_span(&b), &n, &e), -1);
	buf_done(&b);
}

/* What is in the clear can be read by anybody, and exchanged by nobody: the name of the cluster. */
static void
the_head_of_another_is_refused(void **state)
{
	struct buf b;
	struct err e;
	uint8_t *name;
	size_t n;

	(void)state;
	make(&b, 1);
	name = memmem(buf_head(&b), b.len, "tele.example.com", 16);
	assert_non_null(name);
	name[0] = 'm';
	assert_int_equal(read_all(buf_span(&b), &n, &e), -1);
	assert_non_null(strstr(e.text, "damaged or was changed"));
	buf_done(&b);
}

static void
chunks_cannot_change_places(void **state)
{
	const size_t chunk = 4 + BACKUP_CHUNK + SECRET_STREAM_MORE;
	struct buf b, empty;
	struct err e;
	uint8_t *first, *copy = malloc(chunk);
	size_t n;

	(void)state;
	make(&empty, 0);
	make(&b, N_ITEMS);
	/* Where the chunks begin: both have the same front. */
	first = buf_head(&b) + empty.len - (4 + 4 + 17 + SECRET_STREAM_MORE);
	memcpy(copy, first + chunk, chunk);
	memmove(first + 2 * chunk, first + chunk, chunk);
	assert_int_equal(read_all(buf_span(&b), &n, &e), -1);
	memcpy(first, copy, chunk);
	assert_int_equal(read_all(buf_span(&b), &n, &e), -1);
	free(copy);
	buf_done(&b);
	buf_done(&empty);
}

/* Who can write to where a backup lies can exchange it between two looks. */
static void
one_that_is_read_again_is_the_same_or_refused(void **state)
{
	struct buf b, other;
	struct backup_reader *r;
	struct source s;
	struct err e;
	uint64_t revision;
	size_t n = 0, front;

	(void)state;
	make(&b, N_ITEMS);
	make(&other, N_ITEMS);
	s = (struct source){ buf_span(&b), 0 };
	assert_int_equal(backup_reader_new(&r, pull, &s, &e), 0);
	assert_int_equal(backup_reader_again(r, &e), -1);
	assert_int_equal(backup_reader_unlock(r, private, &e), 0);
	front = backup_reader_front(r);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(backup_reader_each(r, on_item, &n, &revision, &e), 0);
		assert_int_equal(n, N_ITEMS);
		n = 0;
		s.s = (struct span){ buf_head(&b) + front, b.len - front };
		assert_int_equal(backup_reader_again(r, &e), 0);
		assert_true(span_is(backup_reader_secrets(r)->state, "sealed authorities"));
	}
	/* Another one, as good in itself and with the same key. */
	s.s = (struct span){ buf_head(&other) + front, other.len - front };
	assert_int_equal(backup_reader_each(r, on_item, &n, &revision, &e), -1);
	assert_int_equal(n, 0);
	backup_reader_free(r);
	buf_done(&b);
	buf_done(&other);
}

static void
another_format_is_named(void **state)
{
	struct buf b;
	struct err e;
	size_t n;

	(void)state;
	make(&b, 0);
	buf_head(&b)[11] = 2;
	assert_int_equal(read_all(buf_span(&b), &n, &e), -1);
	assert_non_null(strstr(e.text, "version 2"));
	assert_int_equal(read_all(span_str("#!/bin/sh\necho this is something else\n"), &n, &e),
	    -1);
	assert_non_null(strstr(e.text, "no backup"));
	buf_done(&b);
}

static void
another_key_does_not_open_it(void **state)
{
	struct secret *other = secret_new(SEALED_BOX_KEY_BYTES);
	struct buf b;
	struct err e;
	size_t n;

	(void)state;
	rand_bytes(other->p, other->n);
	make(&b, 1);
	assert_int_equal(read_with(buf_span(&b), 0, other, &n, &e), -1);
	assert_non_null(strstr(e.text, "does not open"));
	secret_free(other);
	buf_done(&b);
}

/* A stranger who has somebody's public key makes a file with records of his choice: it opens, and is judged. */
static void
write_records(struct buf *out, struct span records)
{
	struct backup_writer *w = begin(out);
	uint8_t head[SECRET_STREAM_HEAD], bound[SHA256_BYTES];
	struct secret_stream s;

	backup_writer_free(w);
	secret_stream_begin(&s, stream_key, head);
	memcpy(buf_head(out) + out->len - sizeof(head), head, sizeof(head));
	sha256_of(buf_span(out), bound);
	wire_put_u32(out, (uint32_t)(records.n + SECRET_STREAM_MORE));
	assert_int_equal(secret_stream_close(&s, records, (struct span){ bound, sizeof(bound) },
			     true, out),
	    0);
}

static void
refused(struct buf *records)
{
	struct buf b;
	struct err e;
	size_t n;

	assert_true(buf_ok(records));
	write_records(&b, buf_span(records));
	assert_int_equal(read_all(buf_span(&b), &n, &e), -1);
	buf_done(&b);
	buf_reset(records);
}

static void
put_record(struct buf *b, uint8_t type, const char *key, size_t value, uint64_t expires)
{
	size_t mark = wire_put_open(b);

	wire_put_u8(b, type);
	wire_put_text(b, key);
	wire_put_string(b, (struct span){ big, value });
	wire_put_u64(b, items[0].revision);
	wire_put_u64(b, expires);
	wire_put_close(b, mark);
}

static void
put_end(struct buf *b, uint64_t n, uint64_t revision)
{
	size_t mark = wire_put_open(b);

	wire_put_u8(b, 2);
	wire_put_u64(b, n);
	wire_put_u64(b, revision);
	wire_put_close(b, mark);
}

static void
records_that_no_writer_makes_are_refused(void **state)
{
	char key[BACKUP_KEY_MAX + 2];
	struct buf b;

	(void)state;
	buf_init(&b, 4 * 1024 * 1024);
	refused(&b); /* no end */
	put_end(&b, 1, 99);
	refused(&b); /* one is missing */
	put_end(&b, 0, 99);
	put_end(&b, 0, 99);
	refused(&b);
	put_end(&b, 0, UINT64_MAX);
	refused(&b);
	put_end(&b, 0, 99);
	put_record(&b, 1, "role/a", 1, 0);
	refused(&b); /* behind the end */
	put_record(&b, 3, "role/a", 1, 0);
	put_end(&b, 0, 99);
	refused(&b); /* another type */
	put_record(&b, 1, "", 1, 0);
	put_end(&b, 1, 99);
	refused(&b);
	put_record(&b, 1, "role/a", 1, UINT64_MAX);
	put_end(&b, 1, 99);
	refused(&b);
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	put_record(&b, 1, key, 1, 0);
	put_end(&b, 1, 99);
	refused(&b);
	wire_put_u32(&b, UINT32_MAX);
	refused(&b); /* a length beyond all */
	put_end(&b, 0, 99);
	wire_put_u8(&b, 0);
	refused(&b); /* half a record at the end */
	buf_done(&b);
}

static void
a_writer_refuses_what_no_reader_takes(void **state)
{
	struct backup_item item = { "user/alice", { big, BIG + 1 }, 1, 0 };
	struct backup_writer *w;
	struct buf b;

	(void)state;
	w = begin(&b);
	assert_int_equal(backup_put(w, &item, &b), -1);
	backup_writer_free(w);
	buf_done(&b);
}

/* --- for whom ---------------------------------------------------------------------------------------------- */

static void
a_mistyped_recipient_is_refused(void **state)
{
	char text[BACKUP_RECIPIENT_SIZE], wrong[BACKUP_RECIPIENT_SIZE + 8];
	struct backup_recipient r;
	struct err e;

	(void)state;
	backup_recipient_text(&recipient, text);
	assert_int_equal(backup_recipient_parse(&r, text, &e), 0);
	assert_memory_equal(r.key, recipient.key, sizeof(r.key));
	for (size_t i = 0; text[i]; i++) {
		str_copy(wrong, sizeof(wrong), text);
		wrong[i] = wrong[i] == 'A' ? 'B' : 'A';
		assert_int_equal(backup_recipient_parse(&r, wrong, &e), -1);
		str_copy(wrong, sizeof(wrong), text);
		wrong[i] = '\0';
		assert_int_equal(backup_recipient_parse(&r, wrong, &e), -1);
	}
	str_format(wrong, sizeof(wrong), "%s ", text);
	assert_int_equal(backup_recipient_parse(&r, wrong, &e), -1);
}

static void
a_key_file_is_its_owners_and_never_written_over(void **state)
{
	char dir[] = "/tmp/backup-test-XXXXXX", path[64];
	struct backup_recipient r, again;
	struct secret *key;
	struct stat st;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	str_format(path, sizeof(path), "%s/key", dir);
	assert_int_equal(backup_key_make(path, &r, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(backup_key_make(path, &again, &e), -1);
	assert_int_equal(backup_key_read(&key, path, &e), 0);
	assert_int_equal(sealed_box_public(key, again.key), 0);
	assert_memory_equal(again.key, r.key, sizeof(r.key));
	secret_free(key);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(backup_key_read(&key, path, &e), -1);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, st.st_size - 3), 0);
	assert_int_equal(backup_key_read(&key, path, &e), -1);
	unlink(path);
	rmdir(dir);
}

static void
a_passphrase_opens_what_was_made_for_it(void **state)
{
	struct backup_recipient r, other;
	struct secret *key;
	struct err e;

	(void)state;
	assert_int_equal(backup_recipient_of_passphrase(&r, "too short", &e), -1);
	assert_int_equal(backup_recipient_of_passphrase(&r, "correct horse battery", &e), 0);
	assert_int_equal(backup_secret_of_passphrase(&key, &r, "correct horse batterz", &e), -1);
	assert_non_null(strstr(e.text, "wrong"));
	assert_int_equal(backup_secret_of_passphrase(&key, &r, "correct horse battery", &e), 0);
	secret_free(key);
	/* A file of a stranger's cannot ask for any amount of memory and time. */
	other = r;
	other.cost.memory_kib = UINT32_MAX;
	assert_int_equal(backup_secret_of_passphrase(&key, &other, "correct horse battery", &e),
	    -1);
	other = r;
	other.cost.passes = 1000000;
	assert_int_equal(backup_secret_of_passphrase(&key, &other, "correct horse battery", &e),
	    -1);
	/* Of the same passphrase never the same key. */
	assert_int_equal(backup_recipient_of_passphrase(&other, "correct horse battery", &e), 0);
	assert_memory_not_equal(other.key, r.key, sizeof(r.key));
}

static void
a_proof_is_for_one_key_and_one_recipient(void **state)
{
	uint8_t a[BACKUP_PROOF_BYTES], b[BACKUP_PROOF_BYTES];
	struct backup_recipient other = recipient;
	struct secret *key = secret_new(BACKUP_CA_KEY_BYTES);

	(void)state;
	backup_proof(key, &recipient, a);
	backup_proof(key, &recipient, b);
	assert_memory_equal(a, b, sizeof(a));
	other.key[0] ^= 1;
	backup_proof(key, &other, b);
	assert_memory_not_equal(a, b, sizeof(a));
	key->p[0] = 1;
	backup_proof(key, &recipient, b);
	assert_memory_not_equal(a, b, sizeof(a));
	secret_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_saved_comes_back),
		cmocka_unit_test(the_head_and_the_secrets_come_back),
		cmocka_unit_test(what_was_saved_is_not_in_the_file),
		cmocka_unit_test(one_that_was_cut_is_refused_wherever),
		cmocka_unit_test(a_changed_byte_is_refused_wherever),
		cmocka_unit_test(the_head_of_another_is_refused),
		cmocka_unit_test(chunks_cannot_change_places),
		cmocka_unit_test(one_that_is_read_again_is_the_same_or_refused),
		cmocka_unit_test(another_format_is_named),
		cmocka_unit_test(another_key_does_not_open_it),
		cmocka_unit_test(records_that_no_writer_makes_are_refused),
		cmocka_unit_test(a_writer_refuses_what_no_reader_takes),
		cmocka_unit_test(a_mistyped_recipient_is_refused),
		cmocka_unit_test(a_key_file_is_its_owners_and_never_written_over),
		cmocka_unit_test(a_passphrase_opens_what_was_made_for_it),
		cmocka_unit_test(a_proof_is_for_one_key_and_one_recipient),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
