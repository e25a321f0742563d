/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signer as a real child process: what it signs, what it refuses, how it starts and how it
 * ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/cutoffs.h"
#include "auth/signer_keys.h"
#include "auth/signer_proto.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "base/wire.h"
#include "crypto/capin.h"
#include "crypto/secret_key.h"
#include "crypto/rand.h"
#include "crypto/sshcert.h"
#include "crypto/x509.h"
#include "priv/channel.h"
#include "proto/auth.pb-c.h"
#include "some_keys.h"

static const char cluster[] = "tele.example.com";
static const char uuid[] = "01234567-89ab-4cde-8f01-23456789abcd";

struct world {
	char dir[64], state[96], key[96];
	struct signer_options options;
	struct loop *loop;
	struct signer_client *client;
	struct buf answer;
	char error[512];
	int answers, deaths;
	struct sshkey *ssh;
	struct buf spki;
	int64_t now;
	Auth__CaSet *set;
	struct buf signature;
};

static void
on_dead(void *arg)
{
	struct world *w = arg;

	w->deaths++;
}

static void
on_signed(void *arg, struct span result, const char *error)
{
	struct world *w = arg;

	w->answers++;
	buf_reset(&w->answer);
	w->error[0] = '\0';
	if (error)
		str_copy(w->error, sizeof w->error, error);
	else
		buf_put(&w->answer, result.p, result.n);
}

static void
spawn(struct world *w)
{
	struct signer_child child;
	struct err e;

	if (signer_spawn(&w->options, &child, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(signer_client_new(&w->client, w->loop, &child, on_dead, w), 0);
	signer_child_done(&child); /* the key for seeds, which nobody here needs */
	w->set = (Auth__CaSet *)protobuf_c_message_unpack(&auth__ca_set__descriptor, NULL,
	    signer_ca_set(w->client).n, signer_ca_set(w->client).p);
	assert_non_null(w->set);
}

static void
stop(struct world *w)
{
	signer_client_free(w->client);
	loop_free(w->loop);
	protobuf_c_message_free_unpacked(&w->set->base, NULL);
	w->client = NULL;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct x509_key *key;

	if (!w || crypto_init() < 0)
		return -1;
	str_copy(w->dir, sizeof w->dir, "/tmp/signer-test.XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	str_format(w->state, sizeof w->state, "%s/ca.sealed", w->dir);
	str_format(w->key, sizeof w->key, "%s/ca.key", w->dir);
	w->options = (struct signer_options){ cluster, w->state, w->key, NULL };
	buf_init(&w->answer, 1 << 17);
	buf_init(&w->spki, 1024);
	if (sshkey_generate(&w->ssh) < 0 || x509_key_generate(&key) < 0 ||
	    x509_key_spki(key, &w->spki) < 0)
		return -1;
	x509_key_free(key);
	w->now = clock_wall_ms() / 1000;
	spawn(w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	if (w->client)
		stop(w);
	unlink(w->state);
	unlink(w->key);
	rmdir(w->dir);
	buf_done(&w->answer);
	buf_done(&w->spki);
	sshkey_free(w->ssh);
	free(w);
	return 0;
}

/* Waits for the answer; true when it was a certificate. */
static bool
signed_ok(struct world *w, int asked)
{
	int before = w->answers;

	assert_int_equal(asked, 0);
	assert_int_equal(w->answers, before); /* never from inside the call */
	while (w->answers == before)
		assert_true(loop_turn(w->loop, 5000) >= 0);
	assert_int_equal(w->answers, before + 1);
	return !w->error[0];
}

static struct signer_ssh_user
user_request(struct world *w)
{
	static const char *const logins[] = { "root", "alice" };

	return (struct signer_ssh_user){ .user = "alice@example.com",
		.key = sshkey_blob(w->ssh),
		.logins = logins,
		.n_logins = 2,
		.valid_until_s = w->now + 3600,
		.permit_pty = true,
		.forward_agent = true,
		.roles = "access,editor",
		.traits = "root,alice",
		.web_session = "00ff" };
}

static bool
sign_user(struct world *w, const struct signer_ssh_user *q)
{
	struct err e;

	return signed_ok(w, signer_sign_ssh_user(w->client, q, on_signed, w, &e));
}

static bool
sign_host(struct world *w, const struct signer_ssh_host *q)
{
	struct err e;

	return signed_ok(w, signer_sign_ssh_host(w->client, q, on_signed, w, &e));
}

static bool
sign_x509(struct world *w, const struct signer_x509 *q)
{
	struct err e;

	return signed_ok(w, signer_sign_x509(w->client, q, on_signed, w, &e));
}

static struct span
span_of(ProtobufCBinaryData d)
{
	return (struct span){ d.data, d.len };
}

static void
signs_user_certificates(void **state)
{
	struct world *w = *state;
	struct signer_ssh_user q = user_request(w);
	struct span user_ca = span_of(w->set->user_ssh[0]), host_ca = span_of(w->set->host_ssh[0]);
	struct sshcert_rules rules = { SSHCERT_USER, &user_ca, 1, "root", NULL, (uint64_t)w->now };
	struct sshcert *cert;
	struct err e;

	assert_true(sign_user(w, &q));
	assert_int_equal(sshcert_parse(&cert, buf_span(&w->answer), &e), 0);
	if (sshcert_check(cert, &rules, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(cert->key_id, "alice@example.com");
	assert_int_equal(cert->valid_before, w->now + 3600);
	assert_string_equal(sshcert_extension(cert, "roles@sallyport"), "access,editor");
	assert_string_equal(sshcert_extension(cert, "traits@sallyport"), "root,alice");
	assert_string_equal(sshcert_extension(cert, "web-session@sallyport"), "00ff");
	assert_non_null(sshcert_extension(cert, "permit-pty"));
	assert_non_null(sshcert_extension(cert, "permit-agent-forwarding"));
	assert_null(sshcert_extension(cert, "permit-port-forwarding"));
	rules.ca = &host_ca;
	assert_true(sshcert_check(cert, &rules, &e) < 0);
	sshcert_free(cert);

	q.web_session = NULL;
	q.source_address = "10.0.0.0/8";
	assert_true(sign_user(w, &q));
	assert_int_equal(sshcert_parse(&cert, buf_span(&w->answer), &e), 0);
	assert_null(sshcert_extension(cert, "web-session@sallyport"));
	assert_string_equal(sshcert_critical(cert, "source-address"), "10.0.0.0/8");
	sshcert_free(cert);
}

static void
refuses_user_certificates_over_its_limits(void **state)
{
	static const char *const bad_login[] = { "root", "a,b" };
	struct world *w = *state;
	struct signer_ssh_user good = user_request(w), q;

	q = good, q.valid_until_s = w->now + SIGNER_USER_TTL_MAX_S + 600;
	assert_false(sign_user(w, &q));
	q = good, q.valid_until_s = w->now - 1;
	assert_false(sign_user(w, &q));
	q = good, q.n_logins = 0;
	assert_false(sign_user(w, &q));
	q = good, q.logins = bad_login;
	assert_false(sign_user(w, &q));
	q = good, q.user = "alice\nroot";
	assert_false(sign_user(w, &q));
	q = good, q.user = "";
	assert_false(sign_user(w, &q));
	q = good, q.key = span_str("junk");
	assert_false(sign_user(w, &q));
	q = good, q.web_session = "00FF";
	assert_false(sign_user(w, &q));
	q = good, q.roles = "a\x1b[2J";
	assert_false(sign_user(w, &q));
	assert_true(sign_user(w, &good)); /* and goes on */
}

/* Whatever authd says. */
static void
signs_keys_of_two_kinds_for_people_and_of_one_for_hosts(void **state)
{
	static const char *const lines[] = { SOME_P256, SOME_RSA, SOME_P384, SOME_TOKEN };
	static const char *const names[] = { "node-1" };
	struct world *w = *state;
	struct signer_ssh_user user = user_request(w);
	struct signer_ssh_host host = { .uuid = uuid,
		.principals = names,
		.n_principals = 1,
		.valid_until_s = w->now + 86400 };

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct buf key;

		buf_init(&key, 4096);
		assert_int_equal(sshkey_line_to_blob(lines[i], &key), 0);
		user.key = host.key = buf_span(&key);
		assert_int_equal(sign_user(w, &user), i == 0);
		assert_false(sign_host(w, &host));
		buf_done(&key);
	}
}

static void
signs_hosts_and_tunnels_by_the_host_ca(void **state)
{
	static const char *const names[] = { "node-1", "node-1.tele.example.com", uuid, "192.0.2.7",
		"2001:db8::7" };
	struct world *w = *state;
	struct signer_ssh_host q = { .uuid = uuid,
		.key = sshkey_blob(w->ssh),
		.principals = names,
		.n_principals = 5,
		.valid_until_s = w->now + 86400 },
			       bad;
	struct span user_ca = span_of(w->set->user_ssh[0]), host_ca = span_of(w->set->host_ssh[0]);
	struct sshcert_rules rules = { SSHCERT_HOST, &host_ca, 1, "node-1", NULL,
		(uint64_t)w->now };
	struct sshcert *cert;
	struct err e;

	assert_true(sign_host(w, &q));
	assert_int_equal(sshcert_parse(&cert, buf_span(&w->answer), &e), 0);
	assert_int_equal(sshcert_check(cert, &rules, &e), 0);
	rules.type = SSHCERT_USER;
	assert_true(sshcert_check(cert, &rules, &e) < 0);
	sshcert_free(cert);

	bad = q, bad.valid_until_s = w->now + SIGNER_HOST_TTL_MAX_S + 600;
	assert_false(sign_host(w, &bad));
	bad = q, bad.uuid = "node-1";
	assert_false(sign_host(w, &bad));
	bad = q, bad.n_principals = 0;
	assert_false(sign_host(w, &bad));
	bad = q, bad.tunnel = true; /* a tunnel names nothing but its UUID */
	assert_false(sign_host(w, &bad));

	q.tunnel = true, q.principals = NULL, q.n_principals = 0;
	assert_true(sign_host(w, &q));
	assert_int_equal(sshcert_parse(&cert, buf_span(&w->answer), &e), 0);
	rules.principal = uuid;
	assert_int_equal(sshcert_check(cert, &rules, &e), 0);
	assert_string_equal(sshcert_extension(cert, "tunnel@sallyport"), "");
	assert_int_equal(cert->n_principals, 1);
	rules.ca = &user_ca; /* what a node believes users by */
	assert_true(sshcert_check(cert, &rules, &e) < 0);
	sshcert_free(cert);
}

static void
signs_x509_of_the_right_kind_by_the_right_ca(void **state)
{
	static const char *const dns[] = { "authd.tele.example.com" },
				 *const other[] = { "AUTHD.Tele.example.com" };
	static const char *const own[] = { "node-1.tele.example.com", "authd.elsewhere.com" };
	struct world *w = *state;
	struct signer_x509 auth = { .kind = IDENTITY_AUTH,
		.name = uuid,
		.spki = buf_span(&w->spki),
		.dns = dns,
		.n_dns = 1,
		.valid_until_s = w->now + 3600 },
			   q;
	struct x509_cert *host_root, *user_root, *cert;
	struct identity id;
	struct err e;

	assert_int_equal(x509_cert_from_pem(&host_root, w->set->host_x509_pem[0], &e), 0);
	assert_int_equal(x509_cert_from_pem(&user_root, w->set->user_x509_pem[0], &e), 0);
	assert_true(sign_x509(w, &auth));
	buf_put(&w->answer, "", 1);
	assert_int_equal(x509_cert_from_pem(&cert, (char *)buf_head(&w->answer), &e), 0);
	assert_int_equal(x509_identify(cert, host_root, user_root, cluster, &id, &e), 0);
	assert_int_equal(id.kind, IDENTITY_AUTH);
	assert_int_equal(x509_verify(cert, host_root, X509_SERVER | X509_CLIENT, &e), 0);
	assert_true(x509_cert_has_dns(cert, "authd.tele.example.com"));
	x509_cert_free(cert);

	q = auth, q.kind = IDENTITY_NODE;
	assert_false(sign_x509(w, &q)); /* authd's name */
	q.dns = other;
	assert_false(sign_x509(w, &q));
	q.dns = own, q.n_dns = 2;
	assert_true(sign_x509(w, &q));
	q.name = "node-1";
	assert_false(sign_x509(w, &q));
	q = auth, q.kind = (enum identity_kind)77;
	assert_false(sign_x509(w, &q));
	q = auth, q.valid_until_s = w->now + SIGNER_HOST_TTL_MAX_S + 600;
	assert_false(sign_x509(w, &q));
	q = auth, q.spki.n--;
	assert_false(sign_x509(w, &q));

	q = (struct signer_x509){ .kind = IDENTITY_USER,
		.name = "alice",
		.spki = buf_span(&w->spki),
		.valid_until_s = w->now + 3600 };
	assert_true(sign_x509(w, &q));
	buf_put(&w->answer, "", 1);
	assert_int_equal(x509_cert_from_pem(&cert, (char *)buf_head(&w->answer), &e), 0);
	assert_int_equal(x509_identify(cert, host_root, user_root, cluster, &id, &e), 0);
	assert_int_equal(id.kind, IDENTITY_USER);
	assert_true(x509_verify(cert, user_root, X509_SERVER, &e) < 0);
	assert_true(x509_verify(cert, host_root, X509_CLIENT, &e) < 0);
	x509_cert_free(cert);
	q.dns = dns, q.n_dns = 1;
	assert_false(sign_x509(w, &q));
	q.n_dns = 0, q.valid_until_s = w->now + SIGNER_USER_TTL_MAX_S + 600;
	assert_false(sign_x509(w, &q));
	x509_cert_free(host_root);
	x509_cert_free(user_root);
}

/* The key of the key file, as root's tctl reads it. */
static void
prove(struct world *w, const struct backup_recipient *r, uint8_t proof[BACKUP_PROOF_BYTES])
{
	struct secret *key;
	struct err e;

	assert_int_equal(secret_key_load(&key, w->key, false, &e), 0);
	backup_proof(key, r, proof);
	secret_free(key);
}

static void
opens_with(struct world *w, const struct secret *private)
{
	struct wire a = wire_from(buf_span(&w->answer));
	struct span stream_key = wire_string(&a), box = wire_string(&a);
	struct backup_secrets s;
	struct secret *key;
	char pin[CAPIN_SIZE];
	struct err e;

	assert_true(wire_end(&a));
	assert_int_equal(backup_box_open(&s, private, box, &e), 0);
	assert_true(span_eq(s.stream_key, stream_key));
	/* What is in it opens the authorities, of this cluster and no other. */
	key = secret_new(s.ca_key.n);
	memcpy(key->p, s.ca_key.p, s.ca_key.n);
	assert_int_equal(signer_keys_try(s.state, key, cluster, pin, &e), 0);
	assert_int_equal(signer_keys_try(s.state, key, "another.cluster", pin, &e), -1);
	key->p[0] ^= 1;
	assert_int_equal(signer_keys_try(s.state, key, cluster, pin, &e), -1);
	secret_free(key);
	backup_secrets_done(&s);
}

static void
seals_backups_for_whom_root_says_and_for_nobody_else(void **state)
{
	struct world *w = *state;
	struct secret *private = secret_new(SEALED_BOX_KEY_BYTES);
	struct backup_recipient ours = { .kind = BACKUP_FOR_KEY }, other = ours;
	uint8_t proof[BACKUP_PROOF_BYTES];
	struct signer_backup q = { .recipient = &ours };
	struct err e;

	rand_bytes(private->p, private->n);
	assert_int_equal(sealed_box_public(private, ours.key), 0);
	rand_bytes(other.key, sizeof(other.key));
	/* Nobody is configured, and nobody has shown anything. */
	assert_false(signed_ok(w, signer_make_backup(w->client, &q, on_signed, w, &e)));
	prove(w, &ours, proof);
	q.proof = (struct span){ proof, sizeof(proof) };
	assert_true(signed_ok(w, signer_make_backup(w->client, &q, on_signed, w, &e)));
	opens_with(w, private);
	/* A proof is of one recipient. */
	q.recipient = &other;
	assert_false(signed_ok(w, signer_make_backup(w->client, &q, on_signed, w, &e)));
	q.proof.n--;
	assert_false(signed_ok(w, signer_make_backup(w->client, &q, on_signed, w, &e)));
	/* The configuration's needs none. */
	stop(w);
	w->options.backup_recipient = &ours;
	spawn(w);
	q = (struct signer_backup){ .recipient = &ours };
	assert_true(signed_ok(w, signer_make_backup(w->client, &q, on_signed, w, &e)));
	opens_with(w, private);
	q.recipient = &other;
	assert_false(signed_ok(w, signer_make_backup(w->client, &q, on_signed, w, &e)));
	/* Of the same key, for a passphrase that it was not made of: another one. */
	other = ours;
	other.kind = BACKUP_FOR_PASSPHRASE;
	assert_false(signed_ok(w, signer_make_backup(w->client, &q, on_signed, w, &e)));
	secret_free(private);
}

static void
signs_lists_of_cutoffs_by_the_host_ca_with_its_own_time(void **state)
{
	struct world *w = *state;
	struct bundle *ca;
	struct cutoffs list;
	struct buf entries;
	struct err e = { "" };
	Auth__CaBundle message = AUTH__CA_BUNDLE__INIT;
	uint8_t packed[16384];

	buf_init(&entries, 4096);
	cutoffs_put(&entries, "alice", 5000);
	cutoffs_put(&entries, "bob", 7000);
	struct signer_cutoffs q = { 6000, 2, buf_span(&entries) };
	assert_true(signed_ok(w, signer_sign_cutoffs(w->client, &q, on_signed, w, &e)));
	assert_int_equal(cutoffs_read(&list, buf_span(&w->answer)), 0);
	assert_true(list.issued_ms / 1000 >= w->now && list.issued_ms / 1000 <= w->now + 60);
	assert_int_equal(cutoffs_of(&list, "alice"), 6000);
	assert_int_equal(cutoffs_of(&list, "bob"), 7000);
	assert_int_equal(cutoffs_of(&list, "carol"), 6000);
	message.ca_set = (ProtobufCBinaryData){ signer_ca_set(w->client).n,
		(uint8_t *)(uintptr_t)signer_ca_set(w->client).p };
	message.signature = (ProtobufCBinaryData){ signer_ca_signature(w->client).n,
		(uint8_t *)(uintptr_t)signer_ca_signature(w->client).p };
	assert_true(protobuf_c_message_get_packed_size(&message.base) < sizeof(packed));
	size_t n = protobuf_c_message_pack(&message.base, packed);
	assert_int_equal(bundle_open(&ca, (struct span){ packed, n }, NULL, NULL, &e), 0);
	assert_int_equal(cutoffs_verify(&list, ca, &e), 0);
	buf_head(&w->answer)[30] ^= 1; /* in the name of the cluster, or its time */
	if (cutoffs_read(&list, buf_span(&w->answer)) == 0)
		assert_true(cutoffs_verify(&list, ca, &e) < 0);
	bundle_free(ca);

	/* Nothing but entries is signed. */
	q.n = 3;
	assert_false(signed_ok(w, signer_sign_cutoffs(w->client, &q, on_signed, w, &e)));
	q.n = 2;
	q.entries.n--;
	assert_false(signed_ok(w, signer_sign_cutoffs(w->client, &q, on_signed, w, &e)));
	q.entries = span_str("ssh-ed25519-cert-v01@openssh.com");
	assert_false(signed_ok(w, signer_sign_cutoffs(w->client, &q, on_signed, w, &e)));
	buf_done(&entries);
}

static void
keeps_its_keys_and_signs_the_bundle(void **state)
{
	struct world *w = *state;
	struct x509_cert *root;
	struct stat st;
	struct buf before;
	struct err e;

	assert_string_equal(w->set->cluster, cluster);
	assert_int_equal(x509_cert_from_pem(&root, w->set->host_x509_pem[0], &e), 0);
	assert_int_equal(x509_verify_data(root, signer_ca_set(w->client),
			     signer_ca_signature(w->client)),
	    0);
	x509_cert_free(root);
	assert_int_equal(stat(w->state, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(w->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_init(&before, 1 << 16);
	buf_put(&before, signer_ca_set(w->client).p, signer_ca_set(w->client).n);
	stop(w);
	spawn(w);
	assert_true(span_eq(buf_span(&before), signer_ca_set(w->client)));
	buf_done(&before);
}

static void
does_not_start_without_what_belongs_together(void **state)
{
	struct world *w = *state;
	struct signer_child child = { 0 };
	char other[128];
	struct err e;

	stop(w);
	w->options.cluster = "other.example.com";
	assert_true(signer_spawn(&w->options, &child, &e) < 0);
	assert_non_null(strstr(e.text, "a cluster keeps its name"));
	w->options.cluster = cluster;
	str_format(other, sizeof other, "%s.away", w->key);
	assert_int_equal(rename(w->key, other), 0);
	assert_true(signer_spawn(&w->options, &child, &e) < 0);
	assert_int_not_equal(access(w->key, F_OK), 0); /* no new key for an old state */
	assert_int_equal(file_write(w->key, 0600,
			     "0000000000000000000000000000000000000000000000000000000000000000", 64,
			     &e),
	    0);
	assert_true(signer_spawn(&w->options, &child, &e) < 0);
	assert_non_null(strstr(e.text, "does not open"));
	assert_int_equal(rename(other, w->key), 0);
	chmod(w->key, 0644);
	assert_true(signer_spawn(&w->options, &child, &e) < 0);
	chmod(w->key, 0600);
	w->options.user = "no-such-user";
	if (geteuid() == 0)
		assert_true(signer_spawn(&w->options, &child, &e) < 0);
	w->options.user = NULL;
	signer_child_done(&child);
	spawn(w);
}

/* What the kernel says about the child. Sanitizers need calls that the filter forbids, so it is off
 * with them. */
static void
has_given_up_its_rights(void **state)
{
	struct world *w = *state;
	struct signer_child child;
	char path[64], *text;
	struct err e;
	size_t n;

	assert_int_equal(signer_spawn(&w->options, &child, &e), 0);
	str_format(path, sizeof path, "/proc/%d/status", (int)child.pid);
	assert_int_equal(file_read(path, 1 << 16, &text, &n, &e), 0);
	assert_non_null(strstr(text, "NoNewPrivs:\t1"));
	if (geteuid() == 0)
		assert_non_null(strstr(text, "CapBnd:\t0000000000000000"));
#if !defined(__SANITIZE_ADDRESS__)
	assert_non_null(strstr(text, "Seccomp:\t2"));
#endif
	free(text);
	signer_child_done(&child);
}

static void
becomes_the_daemons_user(void **state)
{
	struct world *w = *state;
	struct signer_child child;
	char cmd[96];
	struct err e;

	if (geteuid() != 0)
		skip();
	w->options.user = "nobody";
	assert_int_equal(signer_spawn(&w->options, &child, &e), 0);
	str_format(cmd, sizeof cmd, "grep -q '^Uid:.65534.65534.65534' /proc/%d/status",
	    (int)child.pid);
	assert_int_equal(system(cmd), 0);
	w->options.user = NULL;
	signer_child_done(&child);
}

/* Sends bytes to a signer of its own and tells with what status it ended. */
static int
ends_after(struct world *w, const void *p, size_t n)
{
	struct signer_child child;
	struct channel_message m;
	struct err e;
	int status;

	assert_int_equal(signer_spawn(&w->options, &child, &e), 0);
	assert_int_equal(channel_send(child.fd, (struct span){ p, n }, NULL, 0), 0);
	assert_int_equal(channel_recv(child.fd, &m), CHANNEL_E_CLOSED);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_true(WIFEXITED(status));
	close(child.fd);
	buf_done(&child.ca_set);
	buf_done(&child.signature);
	secret_free(child.seed_key);
	return WEXITSTATUS(status);
}

static void
ends_at_anything_that_is_no_request(void **state)
{
	struct world *w = *state;
	struct signer_request q = { .kind = SIGNER_SSH_USER, .id = 1, .ssh_user = user_request(w) };
	struct buf b;

	buf_init(&b, 1 << 16);
	assert_true(signer_request_write(&b, &q));
	assert_int_equal(ends_after(w, "\x05", 1), 1);
	assert_int_equal(ends_after(w, "\x00\x00\x00\x00\x00", 5), 1);
	assert_int_equal(ends_after(w, buf_head(&b), b.len - 1), 1);
	buf_put(&b, "x", 1);
	assert_int_equal(ends_after(w, buf_head(&b), b.len), 1);
	buf_done(&b);
}

static void
requests_survive_the_wire_and_cuts_do_not(void **state)
{
	struct world *w = *state;
	struct signer_request q = { .kind = SIGNER_SSH_USER, .id = 7, .ssh_user = user_request(w) },
			      r;
	struct arena arena;
	struct buf b;

	buf_init(&b, 1 << 16);
	assert_true(signer_request_write(&b, &q));
	for (size_t n = 0; n <= b.len; n++) {
		arena_init(&arena, SIGNER_REQUEST_MEMORY);
		assert_int_equal(signer_request_read(&r, (struct span){ buf_head(&b), n }, &arena),
		    n == b.len);
		if (n == b.len) {
			assert_string_equal(r.ssh_user.user, q.ssh_user.user);
			assert_string_equal(r.ssh_user.logins[1], "alice");
			assert_int_equal(r.ssh_user.valid_until_s, q.ssh_user.valid_until_s);
			assert_string_equal(r.ssh_user.web_session, "00ff");
			assert_null(r.ssh_user.source_address);
		}
		arena_done(&arena);
	}
	buf_done(&b);
}

static void
many_at_once_come_back_in_order_up_to_the_bound(void **state)
{
	struct world *w = *state;
	struct signer_ssh_user q = user_request(w);
	struct err e;
	int asked = 0;

	while (signer_sign_ssh_user(w->client, &q, on_signed, w, &e) == 0)
		asked++;
	assert_int_equal(asked, SIGNER_QUEUE_MAX);
	while (w->answers < asked)
		assert_true(loop_turn(w->loop, 5000) >= 0);
	assert_string_equal(w->error, "");
	assert_true(sign_user(w, &q));
}

static void
forgotten_callers_are_not_called(void **state)
{
	struct world *w = *state;
	struct signer_ssh_user q = user_request(w);
	struct world gone = { .loop = w->loop };
	struct err e;

	assert_int_equal(signer_sign_ssh_user(w->client, &q, on_signed, &gone, &e), 0);
	signer_forget(w->client, &gone);
	assert_true(sign_user(w, &q));
	assert_int_equal(gone.answers, 0);
}

/* authd cannot live without it: the ones that wait hear, then authd hears, once. */
static void
its_death_is_told(void **state)
{
	struct world *w = *state;
	struct signer_child child;
	struct signer_client *client;
	struct signer_ssh_user q = user_request(w);
	struct err e;
	pid_t pid;

	assert_int_equal(signer_spawn(&w->options, &child, &e), 0);
	pid = child.pid;
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(signer_client_new(&client, w->loop, &child, on_dead, w), 0);
	signer_child_done(&child);
	assert_int_equal(signer_sign_ssh_user(client, &q, on_signed, w, &e), 0);
	kill(pid, SIGKILL);
	while (!w->deaths)
		assert_true(loop_turn(w->loop, 5000) >= 0);
	assert_int_equal(w->answers, 1);
	assert_true(w->error[0] != '\0');
	assert_true(signer_sign_ssh_user(client, &q, on_signed, w, &e) < 0);
	signer_client_free(client);
	assert_int_equal(w->deaths, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(signs_user_certificates),
		TEST(refuses_user_certificates_over_its_limits),
		TEST(signs_keys_of_two_kinds_for_people_and_of_one_for_hosts),
		TEST(signs_hosts_and_tunnels_by_the_host_ca),
		TEST(signs_x509_of_the_right_kind_by_the_right_ca),
		TEST(signs_lists_of_cutoffs_by_the_host_ca_with_its_own_time),
		TEST(seals_backups_for_whom_root_says_and_for_nobody_else),
		TEST(keeps_its_keys_and_signs_the_bundle),
		TEST(does_not_start_without_what_belongs_together),
		TEST(has_given_up_its_rights),
		TEST(becomes_the_daemons_user),
		TEST(ends_at_anything_that_is_no_request),
		TEST(requests_survive_the_wire_and_cuts_do_not),
		TEST(many_at_once_come_back_in_order_up_to_the_bound),
		TEST(forgotten_callers_are_not_called),
		TEST(its_death_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
