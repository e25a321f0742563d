/* SPDX-License-Identifier: Apache-2.0 */
/* event: the catalogue is sound, and what is written says what happened, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/audit_log_priv.h"
#include "api/event.h"
#include "base/log.h"
#include "base/readable.h"
#include "base/str.h"
#include "rpc/wire_check.h"

/* --- the catalogue ------------------------------------------------------------------------------ */

static bool
is_type_name(const char *s)
{
	bool start = true;

	for (; *s; s++) {
		if (*s == '.' ? start : !((*s >= 'a' && *s <= 'z') || (*s == '_' && !start)))
			return false;
		start = *s == '.';
	}
	return !start;
}

static void
names_and_codes_are_unique(void **state)
{
	const char *codes[2 * EVENT_N];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < EVENT_N; i++) {
		const struct event_type *t = event_type(i);

		assert_true(is_type_name(t->name));
		assert_ptr_equal(event_type_find(t->name), t);
		if (t->ok.code)
			codes[n++] = t->ok.code;
		if (t->bad.code)
			codes[n++] = t->bad.code;
	}
	for (size_t i = 0; i < n; i++) {
		assert_true(strlen(codes[i]) == 6 && codes[i][0] == 'T');
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(codes[i], codes[k]);
	}
}

static void
codes_end_in_what_they_mean(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_N; i++) {
		const struct event_type *t = event_type(i);

		assert_true(t->ok.code || t->bad.code);
		assert_true(!t->ok.code || t->ok.code[5] == 'I');
		assert_true(!t->bad.code || strchr("WE", t->bad.code[5]));
		assert_true(t->ok.code || t->ok.user == EVENT_BACKED_NONE);
		assert_true(t->bad.code || t->bad.user == EVENT_BACKED_NONE);
	}
}

/* A producer may be taken over: what its kind may say of others is bounded. */
static void
a_node_never_vouches_for_a_user(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_N; i++) {
		const struct event_type *t = event_type(i);

		assert_true(t->writers && !(t->writers & (RPC_USER | RPC_ANYONE | RPC_LOCAL)));
		if (!(t->writers & RPC_NODE))
			continue;
		assert_int_not_equal(t->ok.user, EVENT_BACKED_SELF);
		assert_int_not_equal(t->bad.user, EVENT_BACKED_SELF);
		assert_int_not_equal(t->about, EVENT_ABOUT_NONE);
	}
	assert_null(event_type_find("test.event"));
}

/* `raw` names fields and members alike. */
static void
no_field_is_called_like_a_member(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_KEY_N; i++)
		assert_null(
		    protobuf_c_message_descriptor_get_field_by_name(&audit__event__descriptor,
			event_key_name(i)));
	assert_true(event_type_has(event_type(EVENT_EXEC), "command"));
	assert_false(event_type_has(event_type(EVENT_EXEC), "roles"));
	assert_false(event_type_has(event_type(EVENT_EXEC), "user"));
}

/* --- writing -------------------------------------------------------------------------------------- */

struct fixture {
	char dir[64];
	struct loop *loop;
	struct rpc_loop *rl;
	struct audit_log *log;
	Audit__Record *record;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct audit_log_config config = { .name = "test" };
	struct err e = { "" };

	assert_non_null(f);
	*state = f;
	(void)str_copy(f->dir, sizeof(f->dir), "/tmp/event_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(rpc_loop_new(&f->rl, f->loop), 0);
	config.loop = f->loop;
	config.rl = f->rl;
	config.dir = f->dir;
	assert_int_equal(audit_log_open(&f->log, &config, &e), 0);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	if (f->record)
		protobuf_c_message_free_unpacked(&f->record->base, NULL);
	audit_log_close(f->log);
	rpc_loop_free(f->rl);
	loop_free(f->loop);
	(void)str_format(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* What was written last, as auditd would unpack it. */
static const Audit__Record *
last(struct fixture *f)
{
	uint64_t seq = rec_log_last(f->log->rec);
	struct batch_out batch;
	struct buf b;

	buf_init(&b, 2 * REC_LOG_RECORD_MAX);
	batch_out_init(&batch, 2 * REC_LOG_RECORD_MAX);
	assert_int_equal(rec_log_read(f->log->rec, &seq, REC_LOG_RECORD_MAX, &batch), 0);
	assert_int_equal(batch.count, 1);
	assert_int_equal(batch_expand(buf_span(&batch.data), batch.raw_len, &b), 0);
	batch_out_done(&batch);
	buf_drain(&b, 4); /* its length */
	assert_true(wire_check_message(&audit__record__descriptor, buf_head(&b), b.len));
	if (f->record)
		protobuf_c_message_free_unpacked(&f->record->base, NULL);
	f->record = (Audit__Record *)protobuf_c_message_unpack(&audit__record__descriptor, NULL,
	    b.len, buf_head(&b));
	assert_non_null(f->record);
	buf_done(&b);
	return f->record;
}

static const char *
field(const Audit__Event *m, const char *key)
{
	for (size_t i = 0; i < m->n_fields; i++)
		if (strcmp(m->fields[i]->key, key) == 0)
			return m->fields[i]->value;
	return NULL;
}

static struct span
raw(const Audit__Event *m, const char *key)
{
	for (size_t i = 0; i < m->n_raw; i++)
		if (strcmp(m->raw[i]->key, key) == 0)
			return (struct span){ m->raw[i]->value.data, m->raw[i]->value.len };
	return (struct span){ NULL, 0 };
}

static void
an_event_says_what_happened(void **state)
{
	struct fixture *f = *state;
	struct audit_event ev = { .id = EVENT_EXEC,
		.failed = true,
		.user = span_str("alice"),
		.connection = span_str("c") };
	const Audit__Event *m;

	event_put_text(&ev, EVENT_KEY_COMMAND, "true");
	event_put_number(&ev, EVENT_KEY_EXIT_STATUS, -7);
	assert_int_equal(event_write(f->log, &ev), 0);
	m = last(f)->event;
	assert_non_null(m);
	assert_string_equal(m->type, "exec");
	assert_string_equal(m->code, "T3002E");
	assert_false(m->ok);
	assert_string_equal(m->user, "alice");
	assert_string_equal(m->connection, "c");
	assert_string_equal(m->login, "");
	assert_string_equal(field(m, "command"), "true");
	assert_string_equal(field(m, "exit_status"), "-7");
	assert_int_equal(strlen(m->id), 36);
	assert_int_equal(m->n_raw, 0);
}

static void
any_bytes_are_written_with_their_exact_bytes(void **state)
{
	static const uint8_t odd[] = "true \xff\xc0\xaf\xed\xa0\x80\0x";
	struct fixture *f = *state;
	struct audit_event ev = { .id = EVENT_SESSION_START,
		.login = { (const uint8_t *)"\x1b[A", 3 } };
	const Audit__Event *m;

	event_put(&ev, EVENT_KEY_COMMAND, (struct span){ odd, sizeof(odd) - 1 });
	event_put_text(&ev, EVENT_KEY_TERM, "xterm");
	assert_int_equal(event_write(f->log, &ev), 0);
	m = last(f)->event;
	assert_string_equal(field(m, "command"), "true \\xff\\xc0\\xaf\\xed\\xa0\\x80\\x00x");
	assert_true(span_eq(raw(m, "command"), (struct span){ odd, sizeof(odd) - 1 }));
	assert_string_equal(m->login, "\\x1b[A");
	assert_true(span_is(raw(m, "login"), "\x1b[A"));
	assert_int_equal(m->n_raw, 2);
}

/* As much as lib/ssh and the monitor let through, of the worst bytes, in all texts at once. */
static void
the_largest_command_fits_into_one_record(void **state)
{
	enum { COMMAND = 128 * 1024, ENV = 8192, SHORT = 256 };
	struct fixture *f = *state;
	struct audit_event ev = { .id = EVENT_SESSION_START };
	uint8_t *odd = malloc(COMMAND);

	assert_non_null(odd);
	memset(odd, 0xff, COMMAND);
	ev.login = ev.message = (struct span){ odd, SHORT };
	event_put(&ev, EVENT_KEY_COMMAND, (struct span){ odd, COMMAND });
	event_put(&ev, EVENT_KEY_ENV, (struct span){ odd, ENV });
	event_put(&ev, EVENT_KEY_TERM, (struct span){ odd, SHORT });
	event_put(&ev, EVENT_KEY_CLIENT, (struct span){ odd, SHORT });
	assert_int_equal(event_write(f->log, &ev), 0);
	assert_int_equal(raw(last(f)->event, "command").n, COMMAND);
	free(odd);
}

static void
what_the_catalogue_does_not_have_is_not_written(void **state)
{
	struct fixture *f = *state;
	uint64_t before = rec_log_last(f->log->rec);
	struct audit_event no_outcome = { .id = EVENT_ROLE_CREATE, .failed = true };
	struct audit_event no_field = { .id = EVENT_EXEC };
	struct audit_event too_many = { .id = EVENT_EXEC };

	event_put_text(&no_field, EVENT_KEY_ROLES, "editor");
	for (int i = 0; i <= EVENT_FIELDS_MAX; i++)
		event_put_text(&too_many, EVENT_KEY_COMMAND, "true");
	assert_true(event_write(f->log, &no_outcome) < 0);
	assert_true(event_write(f->log, &no_field) < 0);
	assert_true(event_write(f->log, &too_many) < 0);
	assert_int_equal(rec_log_last(f->log->rec), before);
}

static void
a_proof_is_written_as_it_is(void **state)
{
	struct fixture *f = *state;
	const Audit__Proof *proof;

	assert_int_equal(audit_proof(f->log, "connection", span_str("signed"),
			     span_str("signature")),
	    0);
	proof = last(f)->proof;
	assert_non_null(proof);
	assert_string_equal(proof->connection, "connection");
	assert_memory_equal(proof->signed_data.data, "signed", 6);
	assert_memory_equal(proof->signature.data, "signature", 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_codes_are_unique),
		cmocka_unit_test(codes_end_in_what_they_mean),
		cmocka_unit_test(a_node_never_vouches_for_a_user),
		cmocka_unit_test(no_field_is_called_like_a_member),
		cmocka_unit_test_setup_teardown(an_event_says_what_happened, setup, teardown),
		cmocka_unit_test_setup_teardown(any_bytes_are_written_with_their_exact_bytes, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(the_largest_command_fits_into_one_record, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(what_the_catalogue_does_not_have_is_not_written,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_proof_is_written_as_it_is, setup, teardown),
	};

	log_open("event_test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
