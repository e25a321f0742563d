/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What noded's monitor believes: bundles of authorities, and proofs that a user signed in.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "node/monitor/auth.h"
#include "no_memory.h"
#include "node_world.h"

struct fixture {
	struct world *world, *stranger;
	struct trust trust;
	struct known_cutoffs cutoffs;
	struct seen seen;
	struct sshkey *host_key;
	char trust_path[128], seen_path[128], cutoffs_path[128];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e = { "" };

	f->world = world_new();
	f->stranger = world_new();
	assert_int_equal(sshkey_generate(&f->host_key), 0);
	str_format(f->trust_path, sizeof(f->trust_path), "%s/bundle", f->world->dir);
	str_format(f->cutoffs_path, sizeof(f->cutoffs_path), "%s/cutoffs", f->world->dir);
	str_format(f->seen_path, sizeof(f->seen_path), "%s/seen", f->world->dir);
	*state = f;
	return trust_open(&f->trust, f->trust_path, f->world->pin, &e) ||
	    known_cutoffs_open(&f->cutoffs, f->cutoffs_path, 3600, &e) ||
	    seen_open(&f->seen, f->seen_path, time(NULL), &e);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	trust_done(&f->trust);
	known_cutoffs_done(&f->cutoffs);
	seen_done(&f->seen);
	sshkey_free(f->host_key);
	world_free(f->world);
	world_free(f->stranger);
	free(f);
	return 0;
}

static int
take(struct fixture *f, const struct world *w, const struct world *signer, uint64_t generation)
{
	struct err e = { "" };
	struct buf b;

	world_bundle(w, signer, generation, &b);
	int r = trust_take(&f->trust, buf_span(&b), &e);
	buf_done(&b);
	return r;
}

static struct auth_facts
facts_of(struct fixture *f, struct span session_id)
{
	return (struct auth_facts){ &f->trust, &f->cutoffs, &f->seen, f->host_key, session_id,
		time(NULL) };
}

/* The monitor's verdict on a proof; the address is 10.0.0.1. why may be NULL. */
static int
verdict_as(struct fixture *f, const struct world_proof *p, const char *login,
    struct span session_id, struct err *e)
{
	struct auth_result result;
	struct buf data, sig;

	world_prove(f->world, p, &data, &sig);
	const struct mon_prove m = { .connection = 1,
		.login = login,
		.address = "10.0.0.1",
		.signed_data = buf_span(&data),
		.signature = buf_span(&sig) };
	const struct auth_facts facts = facts_of(f, session_id);
	int r = auth_prove(&facts, &m, &result, e);
	if (r == 0) {
		assert_string_equal(result.user, "alice");
		assert_int_equal(result.permit_pty, p->permit_pty);
	}
	buf_done(&data);
	buf_done(&sig);
	return r;
}

static int
verdict(struct fixture *f, const struct world_proof *p)
{
	struct err e = { "" };

	return verdict_as(f, p, p->login, (struct span){ p->session_id, sizeof(p->session_id) },
	    &e);
}

/* --- bundles -------------------------------------------------------------------------- */

static void
a_first_bundle_needs_the_pin(void **state)
{
	struct fixture *f = *state;

	assert_int_not_equal(take(f, f->stranger, NULL, 1), 0);
	assert_null(f->trust.bundle);
	assert_int_equal(take(f, f->world, NULL, 1), 0);
	assert_string_equal(f->trust.bundle->cluster, "test.cluster");
}

/* The worker brings the bundle: without a pin it would choose the CA that root believes. */
static void
without_a_pin_no_bundle_is_the_first(void **state)
{
	struct fixture *f = *state;
	struct err e = { "" };

	trust_done(&f->trust);
	assert_int_equal(trust_open(&f->trust, f->trust_path, NULL, &e), 0);
	assert_int_not_equal(take(f, f->world, NULL, 1), 0);
	assert_null(f->trust.bundle);
}

static void
a_forged_bundle_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct err e = { "" };
	struct buf b;

	assert_int_equal(take(f, f->world, NULL, 1), 0);
	assert_int_not_equal(take(f, f->stranger, NULL, 2), 0);
	world_bundle(f->world, NULL, 2, &b);
	buf_head(&b)[b.len / 2] ^= 1;
	assert_int_not_equal(trust_take(&f->trust, buf_span(&b), &e), 0);
	assert_int_not_equal(trust_take(&f->trust, (struct span){ buf_head(&b), b.len / 2 }, &e),
	    0);
	buf_done(&b);
	assert_int_equal(f->trust.bundle->generation, 1);
}

static void
a_bundle_signed_by_a_known_authority_replaces_the_old_one_and_an_older_one_does_not(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(take(f, f->world, NULL, 5), 0);
	/* Rotation: another CA comes first, the known one signs. */
	assert_int_equal(take(f, f->stranger, f->world, 6), 0);
	assert_int_equal(take(f, f->stranger, NULL, 7), 0);
	assert_int_not_equal(take(f, f->stranger, NULL, 6), 0);
	assert_int_equal(f->trust.bundle->generation, 7);
}

static void
the_bundle_is_there_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct err e = { "" };

	assert_int_equal(take(f, f->world, NULL, 3), 0);
	trust_done(&f->trust);
	assert_int_equal(trust_open(&f->trust, f->trust_path, f->world->pin, &e), 0);
	assert_non_null(f->trust.bundle);
	assert_int_equal(f->trust.bundle->generation, 3);
}

/* --- cut-offs ---------------------------------------------------------------------------- */

static int
cut(struct fixture *f, const struct world *signer, int64_t age_s, const char *user,
    int64_t before_ago_s)
{
	struct err e = { "" };
	struct buf b;

	world_cutoffs(signer, (time(NULL) - age_s) * 1000, user, (time(NULL) - before_ago_s) * 1000,
	    &b);
	int r = known_cutoffs_take(&f->cutoffs, buf_span(&b), f->trust.bundle, &e);
	buf_done(&b);
	return r;
}

/* The cluster is believed, and has cut nobody off. */
static void
believe(struct fixture *f)
{
	assert_int_equal(take(f, f->world, NULL, 1), 0);
	assert_int_equal(cut(f, f->world, 10, NULL, 0), 0);
}

static void
a_certificate_from_before_a_cutoff_is_refused(void **state)
{
	struct fixture *f = *state;
	struct world_proof p;
	struct err e = { "" };

	believe(f);
	assert_int_equal(cut(f, f->world, 5, "alice", 30), 0); /* hers began a minute ago */
	world_proof_default(f->world, &p);
	assert_int_not_equal(verdict_as(f, &p, p.login, (struct span){ p.session_id, 32 }, &e), 0);
	assert_non_null(strstr(e.text, "sign in again"));
	p.valid_after = (uint64_t)time(NULL) - 20;
	assert_int_equal(verdict(f, &p), 0);
	/* Others are not cut. */
	assert_int_equal(cut(f, f->world, 4, "bob", 0), 0);
	world_proof_default(f->world, &p);
	assert_int_equal(verdict(f, &p), 0);
	/* Nor does a restart forget. */
	assert_int_equal(cut(f, f->world, 3, "alice", 30), 0);
	known_cutoffs_done(&f->cutoffs);
	assert_int_equal(known_cutoffs_open(&f->cutoffs, f->cutoffs_path, 3600, &e), 0);
	world_proof_default(f->world, &p);
	assert_int_not_equal(verdict(f, &p), 0);
}

/* What a worker would bring that wants alice to come in. */
static void
an_older_or_forged_list_of_cutoffs_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct world_proof p;
	struct err e = { "" };
	struct buf b;

	believe(f);
	assert_int_equal(cut(f, f->world, 5, "alice", 30), 0);
	/* Older, however long this machine took for the line above. */
	assert_int_not_equal(cut(f, f->world, 3600, NULL, 0), 0);
	assert_int_not_equal(cut(f, f->stranger, 0, NULL, 0), 0);
	world_cutoffs(f->world, time(NULL) * 1000, NULL, 0, &b);
	for (size_t i = 0; i < b.len; i++) {
		buf_head(&b)[i] ^= 1;
		assert_int_not_equal(known_cutoffs_take(&f->cutoffs, buf_span(&b), f->trust.bundle,
					 &e),
		    0);
		buf_head(&b)[i] ^= 1;
		assert_int_not_equal(known_cutoffs_take(&f->cutoffs,
					 (struct span){ buf_head(&b), i }, f->trust.bundle, &e),
		    0);
	}
	world_proof_default(f->world, &p);
	assert_int_not_equal(verdict(f, &p), 0);
	assert_int_equal(known_cutoffs_take(&f->cutoffs, buf_span(&b), f->trust.bundle, &e), 0);
	assert_int_equal(verdict(f, &p), 0);
	buf_done(&b);
}

static void
without_news_of_cutoffs_nobody_signs_in(void **state)
{
	struct fixture *f = *state;
	struct world_proof p;

	assert_int_equal(take(f, f->world, NULL, 1), 0);
	world_proof_default(f->world, &p);
	assert_int_not_equal(verdict(f, &p), 0); /* none has come yet */
	assert_int_equal(cut(f, f->world, 3700, NULL, 0), 0);
	assert_int_not_equal(verdict(f, &p), 0); /* that one is too old */
	f->cutoffs.max_age_s = 0;
	assert_int_equal(verdict(f, &p), 0); /* unless that does not matter here */
	f->cutoffs.max_age_s = 3600;
	assert_int_equal(cut(f, f->world, 0, NULL, 0), 0);
	world_proof_default(f->world, &p);
	assert_int_equal(verdict(f, &p), 0);
}

/* What an honest worker may bring, and what only one brings that was taken over: people are called for the second. */
static void
what_only_the_time_has_brought_is_told_from_what_a_worker_invents(void **state)
{
	struct fixture *f = *state;
	struct world_proof p, forged;

	world_proof_default(f->world, &p);
	assert_int_equal(verdict(f, &p), AUTH_E_UNPROVEN); /* no authority */
	assert_int_equal(take(f, f->world, NULL, 1), 0);
	assert_int_equal(verdict(f, &p), AUTH_E_UNPROVEN); /* no list of cut-offs */
	forged = p;
	forged.principal = "nobody";
	assert_true(verdict(f, &forged) < 0);
	assert_int_equal(cut(f, f->world, 3700, NULL, 0), 0);
	assert_int_equal(verdict(f, &p), AUTH_E_UNPROVEN); /* an old one */
	assert_true(verdict(f, &forged) < 0);
	assert_int_equal(cut(f, f->world, 5, "alice", 30), 0);
	assert_int_equal(verdict(f, &p),
	    AUTH_E_UNPROVEN); /* withdrawn, and the worker does not know it yet */
	assert_int_equal(cut(f, f->world, 4, NULL, 0), 0);
	assert_int_equal(verdict(f, &p), 0);
	assert_true(verdict(f, &p) < 0); /* a second time */
}

/* --- proofs ---------------------------------------------------------------------------- */

static void
nothing_is_believed_without_authorities(void **state)
{
	struct fixture *f = *state;
	struct world_proof p;

	world_proof_default(f->world, &p);
	assert_int_not_equal(verdict(f, &p), 0);
}

static void
a_good_proof_is_believed_once(void **state)
{
	struct fixture *f = *state;
	struct world_proof p;
	struct err e = { "" };

	believe(f);
	world_proof_default(f->world, &p);
	assert_int_equal(verdict(f, &p), 0);
	assert_int_not_equal(verdict(f, &p), 0);
	/* Not after a restart either. */
	seen_done(&f->seen);
	assert_int_equal(seen_open(&f->seen, f->seen_path, time(NULL), &e), 0);
	assert_int_not_equal(verdict(f, &p), 0);
	world_proof_default(f->world, &p);
	p.permit_pty = false;
	assert_int_equal(verdict(f, &p), 0);
}

static void
a_certificate_that_does_not_fit_is_refused(void **state)
{
	struct fixture *f = *state;
	struct world_proof good, p;

	believe(f);
	world_proof_default(f->world, &good);
	p = good;
	p.principal = "nobody";
	assert_int_not_equal(verdict(f, &p), 0);
	p = good;
	p.type = SSHCERT_HOST;
	assert_int_not_equal(verdict(f, &p), 0);
	p = good;
	p.ca = f->stranger->user_ca;
	assert_int_not_equal(verdict(f, &p), 0);
	p = good;
	p.ca = f->world->host_ca; /* a host CA never makes a user */
	assert_int_not_equal(verdict(f, &p), 0);
	p = good;
	p.valid_before = (uint64_t)time(NULL) - 1;
	assert_int_not_equal(verdict(f, &p), 0);
	p = good;
	p.valid_after = (uint64_t)time(NULL) + 300;
	assert_int_not_equal(verdict(f, &p), 0);
	p = good;
	p.source_address = "192.168.0.0/16";
	assert_int_not_equal(verdict(f, &p), 0);
	p.source_address = "10.0.0.0/8";
	assert_int_equal(verdict(f, &p), 0);
}

static void
a_proof_for_something_else_is_refused(void **state)
{
	struct fixture *f = *state;
	struct world_proof p;
	struct err e = { "" };
	uint8_t other[32];

	believe(f);
	world_proof_default(f->world, &p);
	p.signer = f->stranger->user;
	assert_int_not_equal(verdict(f, &p), 0);
	world_proof_default(f->world, &p);
	rand_bytes(other, sizeof(other));
	assert_int_not_equal(verdict_as(f, &p, "root", (struct span){ other, sizeof(other) }, &e),
	    0);
	assert_int_not_equal(verdict_as(f, &p, "nobody",
				 (struct span){ p.session_id, sizeof(p.session_id) }, &e),
	    0);
	assert_int_not_equal(verdict_as(f, &p, "",
				 (struct span){ p.session_id, sizeof(p.session_id) }, &e),
	    0);
	assert_int_equal(verdict(f, &p), 0);
}

/* Alice's client saw another host, which now tries to be alice here; or the same key, plain or in a
 * certificate. */
static void
a_signature_for_another_host_is_refused(void **state)
{
	struct fixture *f = *state;
	struct world_proof p;
	struct buf cert;

	believe(f);
	world_proof_default(f->world, &p);
	p.host_key = sshkey_blob(f->stranger->user);
	assert_int_not_equal(verdict(f, &p), 0);
	world_certify(f->stranger->user, f->world->host_ca, SSHCERT_HOST, "node-1", &cert);
	p.host_key = buf_span(&cert);
	assert_int_not_equal(verdict(f, &p), 0);
	buf_done(&cert);
	p.host_key = sshkey_blob(f->host_key);
	assert_int_equal(verdict(f, &p), 0);
	world_proof_default(f->world, &p);
	world_certify(f->host_key, f->world->host_ca, SSHCERT_HOST, "node-1", &cert);
	p.host_key = buf_span(&cert);
	assert_int_equal(verdict(f, &p), 0);
	buf_done(&cert);
}

static void
a_mutilated_request_is_refused(void **state)
{
	struct fixture *f = *state;
	struct auth_result result;
	struct err e = { "" };
	struct world_proof p;
	struct buf data, sig;

	believe(f);
	world_proof_default(f->world, &p);
	world_prove(f->world, &p, &data, &sig);
	for (size_t n = 0; n < data.len; n++) {
		const struct auth_facts facts = facts_of(f, (struct span){ p.session_id, 32 });
		const struct mon_prove m = { .login = "root",
			.address = "10.0.0.1",
			.signed_data = { buf_head(&data), n },
			.signature = buf_span(&sig) };
		assert_int_not_equal(auth_prove(&facts, &m, &result, &e), 0);
	}
	buf_done(&data);
	buf_done(&sig);
}

static void
identifiers_are_remembered_until_their_certificate_ends(void **state)
{
	struct seen s;
	struct err e = { "" };
	uint8_t id[32];

	(void)state;
	assert_int_equal(seen_open(&s, NULL, 1000, &e), 0);
	for (uint32_t i = 0; i < 5000; i++) {
		memset(id, 0, sizeof(id));
		memcpy(id, &i, sizeof(i));
		assert_int_equal(seen_add(&s, (struct span){ id, 32 }, i < 2500 ? 2000 : 9000,
				     1000),
		    0);
		assert_int_equal(seen_add(&s, (struct span){ id, 32 }, 2000, 1000), 1);
	}
	uint32_t size = s.size;
	/* What has ended makes room for others: the table need not grow. */
	for (uint32_t i = 5000; i < 7000; i++) {
		memset(id, 0, sizeof(id));
		memcpy(id, &i, sizeof(i));
		assert_int_equal(seen_add(&s, (struct span){ id, 32 }, 9000, 3000), 0);
	}
	assert_int_equal(s.size, size);
	assert_int_equal(seen_add(&s, (struct span){ id, 32 }, 2999, 3000), -1);
	seen_done(&s);
}

/* It is read whole at start: one that only grew would keep noded from starting one day. */
static void
the_file_of_used_identifiers_does_not_grow_for_ever(void **state)
{
	struct fixture *f = *state;
	struct err e = { "" };
	struct stat st;
	uint8_t id[32] = { 0 };
	const int64_t start_s = time(NULL); /* however long it takes */

	for (uint32_t i = 0; i < 60000; i++) {
		int64_t now_s = start_s + i;
		memcpy(id, &i, sizeof(i));
		assert_int_equal(seen_add(&f->seen, (struct span){ id, 32 }, now_s + 10, now_s), 0);
	}
	assert_int_equal(stat(f->seen_path, &st), 0);
	assert_true(st.st_size < 24 * 10000);
	/* What still counts is in it. */
	seen_done(&f->seen);
	assert_int_equal(seen_open(&f->seen, f->seen_path, start_s + 59999, &e), 0);
	assert_int_equal(seen_add(&f->seen, (struct span){ id, 32 }, start_s + 60100,
			     start_s + 59999),
	    1);
}

/* What ended this very second counts no more; what ends in the next one does. */
static void
an_identifier_goes_with_the_second_its_certificate_ends(void **state)
{
	struct fixture *f = *state;
	int64_t now_s = time(NULL);
	uint8_t id[32] = { 0 };
	struct stat st;

	for (uint8_t i = 0; i < 3; i++) {
		id[0] = i;
		/* As after a write that failed: the file is written anew. */
		mem_closep(&f->seen.fd);
		assert_int_equal(seen_add(&f->seen, (struct span){ id, 32 }, now_s + 10 + i,
				     now_s + (i == 2 ? 10 : 0)),
		    0);
	}
	assert_int_equal(stat(f->seen_path, &st), 0);
	assert_int_equal(st.st_size, 2 * 24); /* the first one is gone */
}

/* What is not on the disk would be new once more after a restart. */
static void
an_identifier_that_cannot_be_written_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t id[32] = { 1 };

	mem_closep(&f->seen.fd);
	f->seen.fd = open(f->seen_path, O_RDONLY | O_CLOEXEC);
	assert_true(f->seen.fd >= 0);
	assert_int_equal(seen_add(&f->seen, (struct span){ id, 32 }, 2000, 1000), -1);
	assert_int_equal(f->seen.fd, -1);
}

static int
opens_seen(void *arg, struct err *e)
{
	struct seen s;
	int rc = seen_open(&s, arg, 1000, e);

	assert_true(rc != 0 || s.used == 100);
	seen_done(&s);
	return rc;
}

static int
adds_seen(void *arg, struct err *e)
{
	struct seen s;
	uint8_t id[32] = { 1 };
	int rc = seen_open(&s, NULL, 1000, e);

	(void)arg;
	if (rc == 0)
		rc = seen_add(&s, (struct span){ id, 32 }, 2000, 1000);
	/* Said to be new without a place in the table it would be new once more. */
	assert_true(rc != 0 || s.used == 1);
	err_set(e, "has no text");
	seen_done(&s);
	return rc;
}

/* A proof that is not remembered is good twice. */
static void
without_memory_no_identifier_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct err e = { "" };
	uint8_t id[32] = { 0 };

	for (uint8_t i = 0; i < 100; i++) {
		id[0] = i;
		assert_int_equal(seen_add(&f->seen, (struct span){ id, 32 }, 9000, 1000), 0);
	}
	memory_runs_out(opens_seen, f->seen_path);
	memory_runs_out(adds_seen, NULL);
	seen_done(&f->seen);
	assert_int_equal(seen_open(&f->seen, f->seen_path, 1000, &e), 0);
	assert_int_equal(f->seen.used, 100);
}

static void
a_full_table_lets_nobody_new_in(void **state)
{
	struct seen s;
	struct err e = { "" };
	uint8_t id[32] = { 0 };

	(void)state;
	assert_int_equal(seen_open(&s, NULL, 1000, &e), 0);
	for (uint32_t i = 0; i < SEEN_MAX; i++) {
		memcpy(id, &i, sizeof(i));
		if (seen_add(&s, (struct span){ id, 32 }, 2000, 1000) != 0)
			fail_msg("%u", i);
	}
	id[8] = 1;
	assert_int_equal(seen_add(&s, (struct span){ id, 32 }, 2000, 1000), -1);
	assert_int_equal(seen_add(&s, (struct span){ id, 32 }, 9000, 2000), 0);
	seen_done(&s);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_first_bundle_needs_the_pin),
		T(without_a_pin_no_bundle_is_the_first),
		T(a_forged_bundle_changes_nothing),
		T(a_bundle_signed_by_a_known_authority_replaces_the_old_one_and_an_older_one_does_not),
		T(the_bundle_is_there_after_a_restart),
		T(what_only_the_time_has_brought_is_told_from_what_a_worker_invents),
		T(nothing_is_believed_without_authorities),
		T(a_good_proof_is_believed_once),
		T(a_certificate_that_does_not_fit_is_refused),
		T(a_proof_for_something_else_is_refused),
		T(a_certificate_from_before_a_cutoff_is_refused),
		T(an_older_or_forged_list_of_cutoffs_changes_nothing),
		T(without_news_of_cutoffs_nobody_signs_in),
		T(a_signature_for_another_host_is_refused),
		T(a_mutilated_request_is_refused),
		T(the_file_of_used_identifiers_does_not_grow_for_ever),
		T(an_identifier_goes_with_the_second_its_certificate_ends),
		T(an_identifier_that_cannot_be_written_is_refused),
		T(without_memory_no_identifier_is_forgotten),
		cmocka_unit_test(a_full_table_lets_nobody_new_in),
		cmocka_unit_test(identifiers_are_remembered_until_their_certificate_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
