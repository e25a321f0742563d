/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_issue: the four kinds of certificates, lists of cut-offs, the secrets of backups, and the rules that hold even if authd
 * has been taken over: lifetimes end, a daemon's certificate never speaks for a user, a node's never for authd.
 * Called by signer.c. Pure but for nonces, serial numbers and the keys of backups.
 */
#include "auth/signer_issue.h"

#include <string.h>
#include <strings.h>

#include "api/cutoffs.h"
#include "auth/values.h"
#include "base/str.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/sshcert.h"
#include "policy/policy.h"

enum { UUID_LEN = 36, HOST_NAMES_MAX = 64, OPTIONS_MAX = 8 };

/* Times in seconds since 1970; most_s: the longest life. */
static int
check_until(int64_t until_s, int64_t now_s, int64_t most_s, struct err *e)
{
	if (until_s <= now_s)
		return err_set(e, "the certificate would have expired already");
	/* The signer's own clock and its own limit: a taken authd gets no certificate that outlives its capture
	 * by much. */
	if (until_s - now_s > most_s)
		return err_set(e, "the certificate would live longer than %lld hours",
		    (long long)most_s / 3600);
	return 0;
}

/* Lower case alone: one host has one name in certificates. */
static bool
uuid_ok(const char *s)
{
	if (strlen(s) != UUID_LEN)
		return false;
	for (int i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !strchr("0123456789abcdef", s[i]))
			return false;
	}
	return true;
}

/* --- SSH -------------------------------------------------------------------------------- */

/* Everything the struct points to belongs to somebody else but the two buffers. The kind of key is looked at here again, though
 * authd did. */
static int
sign_ssh(struct sshcert *cert, struct span key, enum key_owner owner, const struct sshkey *ca,
    struct buf *ret, struct err *e)
{
	int rc = -1;

	if (values_check_ssh_key(key, owner, e) != 0)
		return -1;
	if (sshkey_from_blob(&cert->key, key) < 0)
		return err_memory(e);
	/* Random, so that what audit trails name a certificate by needs no counter that could be set back. */
	cert->serial = rand_u64();
	if (sshcert_sign(cert, ca, e) == 0)
		rc = buf_put(ret, buf_head(&cert->blob), cert->blob.len) ? 0 : err_memory(e);
	sshkey_free(cert->key);
	buf_done(&cert->blob);
	buf_done(&cert->ca_blob);
	return rc;
}

/* value NULL: not given. "" is an option without a value. */
static void
add_option(struct sshcert_option *list, size_t *n, const char *name, const char *value)
{
	if (value)
		list[(*n)++] = (struct sshcert_option){ (char *)(uintptr_t)name,
			(char *)(uintptr_t)value };
}

static int
issue_ssh_user(const struct signer_keys *keys, const struct signer_ssh_user *q, int64_t now_s,
    struct buf *ret, struct err *e)
{
	struct sshcert_option extensions[OPTIONS_MAX], critical[1];
	struct sshcert cert = { .type = SSHCERT_USER };

	/* Checked here again, though authd did: the signer believes nothing that it can see for
	 * itself. */
	if (!identity_name_ok(span_str(q->user)))
		return err_set(e, "the user's name has characters that are not allowed");
	if (check_until(q->valid_until_s, now_s, SIGNER_USER_TTL_MAX_S, e) < 0)
		return -1;
	for (size_t i = 0; i < q->n_logins; i++)
		if (!policy_login_ok(q->logins[i]))
			return err_set(e, "a login has characters that are not allowed");
	if (q->web_session && strspn(q->web_session, "0123456789abcdef") != strlen(q->web_session))
		return err_set(e, "the key of a web session has characters that are not allowed");
	add_option(extensions, &cert.n_extensions, "permit-pty", q->permit_pty ? "" : NULL);
	add_option(extensions, &cert.n_extensions, "permit-agent-forwarding",
	    q->forward_agent ? "" : NULL);
	add_option(extensions, &cert.n_extensions, "permit-port-forwarding",
	    q->port_forwarding ? "" : NULL);
	add_option(extensions, &cert.n_extensions, "roles@sallyport", q->roles);
	add_option(extensions, &cert.n_extensions, "traits@sallyport", q->traits);
	add_option(extensions, &cert.n_extensions, "web-session@sallyport", q->web_session);
	add_option(critical, &cert.n_critical, "source-address", q->source_address);
	cert.extensions = extensions;
	cert.critical = critical;
	cert.key_id = (char *)(uintptr_t)q->user;
	cert.principals = (char **)(uintptr_t)q->logins;
	cert.n_principals = q->n_logins;
	cert.valid_after = (uint64_t)(now_s - SIGNER_BACKDATE_S);
	cert.valid_before = (uint64_t)q->valid_until_s;
	return sign_ssh(&cert, q->key, KEY_OF_PERSON, keys->sets[0].user_ssh, ret, e);
}

/* Letters of DNS names and IP addresses; a pattern (*) is neither. */
static bool
host_name_ok(const char *s)
{
	size_t n = strlen(s);

	return n && n <= 253 && s[0] != '-' &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == n;
}

/* A tunnel certificate is of type user and signed by the host CA, so no node takes it for a user's:
 * they believe users only from the user CA. */
static int
issue_ssh_host(const struct signer_keys *keys, const struct signer_ssh_host *q, int64_t now_s,
    struct buf *ret, struct err *e)
{
	struct sshcert_option tunnel = { (char *)(uintptr_t) "tunnel@sallyport",
		(char *)(uintptr_t) "" };
	struct sshcert cert = { .type = q->tunnel ? SSHCERT_USER : SSHCERT_HOST };

	if (!uuid_ok(q->uuid))
		return err_set(e, "a host is named by a UUID");
	if (check_until(q->valid_until_s, now_s, SIGNER_HOST_TTL_MAX_S, e) < 0)
		return -1;
	if (q->tunnel ? q->n_principals != 0 : q->n_principals > HOST_NAMES_MAX)
		return err_set(e,
		    "a host certificate has at most %d names, a tunnel certificate only its UUID",
		    HOST_NAMES_MAX);
	for (size_t i = 0; i < q->n_principals; i++)
		if (!host_name_ok(q->principals[i]))
			return err_set(e, "%.200s cannot be the name or address of a host",
			    q->principals[i]);
	cert.key_id = (char *)(uintptr_t)q->uuid;
	cert.principals = q->tunnel ? &cert.key_id : (char **)(uintptr_t)q->principals;
	cert.n_principals = q->tunnel ? 1 : q->n_principals;
	cert.extensions = &tunnel;
	cert.n_extensions = q->tunnel ? 1 : 0;
	cert.valid_after = (uint64_t)(now_s - SIGNER_BACKDATE_S);
	cert.valid_before = (uint64_t)q->valid_until_s;
	return sign_ssh(&cert, q->key, KEY_OF_DAEMON, keys->sets[0].host_ssh, ret, e);
}

/* --- X.509 -------------------------------------------------------------------------------- */

/* "authd.<cluster>" and "auditd.<cluster>" are how clients know that they speak with these daemons.
 */
static bool
reserved_for_other(const char *name, const char *cluster, enum identity_kind kind)
{
	static const struct {
		const char *prefix;
		enum identity_kind kind;
	} row[] = { { "authd.", IDENTITY_AUTH }, { "auditd.", IDENTITY_AUDIT } };

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		size_t n = strlen(row[i].prefix);

		if (kind != row[i].kind && strncasecmp(name, row[i].prefix, n) == 0 &&
		    strcasecmp(name + n, cluster) == 0)
			return true;
	}
	return false;
}

static int
check_x509(const struct signer_keys *keys, enum signer_kind kind, const struct signer_x509 *q,
    int64_t now_s, struct err *e)
{
	bool user = kind == SIGNER_X509_USER;

	/* The kind in the name must be one that this CA may speak for: readers believe a name by the CA that
	 * signed it. */
	if (user != (q->kind == IDENTITY_USER) || (unsigned)q->kind > IDENTITY_AUDIT)
		return err_set(e, "a certificate of this kind is not signed by this CA");
	if (!user && !uuid_ok(q->name))
		return err_set(e, "a daemon is named by a UUID");
	/* Or it could be shown as a server's. */
	if (user && (q->n_dns || q->n_ip))
		return err_set(e, "a user's certificate names no host");
	for (size_t i = 0; i < q->n_dns; i++)
		if (reserved_for_other(q->dns[i], keys->cluster, q->kind))
			return err_set(e, "the name %.200s belongs to another daemon", q->dns[i]);
	return check_until(q->valid_until_s, now_s,
	    user ? SIGNER_USER_TTL_MAX_S : SIGNER_HOST_TTL_MAX_S, e);
}

static int
issue_x509(const struct signer_keys *keys, const struct signer_request *q, int64_t now_s,
    struct buf *ret, struct err *e)
{
	const struct signer_x509 *x = &q->x509;
	bool user = q->kind == SIGNER_X509_USER;
	const struct signer_ca_set *s = &keys->sets[0];
	struct x509_request request = { .spki = x->spki,
		.dns = x->dns,
		.n_dns = x->n_dns,
		.ip = x->ip,
		.n_ip = x->n_ip,
		.not_before_s = now_s - SIGNER_BACKDATE_S,
		.not_after_s = x->valid_until_s,
		/* Daemons are servers and each other's clients; a person is never a server. */
		.usage = user ? X509_CLIENT : X509_CLIENT | X509_SERVER };
	struct identity identity;

	if (check_x509(keys, q->kind, x, now_s, e) < 0)
		return -1;
	if (!identity_set(&identity, keys->cluster, x->kind, x->name))
		return err_set(e,
		    "the name in the certificate has characters that are not allowed");
	request.identity = &identity;
	return x509_issue(&request, user ? s->user_cert : s->host_cert,
	    user ? s->user_key : s->host_key, ret, e);
}

/* --- cut-offs ------------------------------------------------------------------------------- */

/* Whatever authd says: a list can only take access away, and says when it was made. */
static int
issue_cutoffs(const struct signer_keys *keys, const struct signer_cutoffs *q, int64_t now_s,
    struct buf *ret, struct err *e)
{
	const struct cutoffs list = { .cluster = span_str(keys->cluster),
		.issued_ms = now_s * 1000,
		.everybody_ms = q->everybody_ms,
		.n = q->n,
		.entries = q->entries };

	return cutoffs_sign(&list, keys->sets[0].host_ssh, ret) < 0
	    ? err_set(e, "the list of cut-offs is malformed or too long")
	    : 0;
}

/* --- backups --------------------------------------------------------------------------------- */

/* authd is not asked: it would be the first to choose itself. */
static bool
may_open(const struct signer_keys *keys, const struct backup_recipient *r, struct span proof)
{
	uint8_t want[BACKUP_PROOF_BYTES];
	char given[BACKUP_RECIPIENT_SIZE], ours[BACKUP_RECIPIENT_SIZE];

	backup_proof(keys->file_key, r, want);
	if (secret_equal(proof, (struct span){ want, sizeof(want) }))
		return true;
	backup_recipient_text(r, given);
	backup_recipient_text(&keys->backup_recipient, ours);
	return keys->backup_recipient.kind != 0 && strcmp(given, ours) == 0;
}

static int
issue_backup(const struct signer_keys *keys, const struct signer_request *q, struct buf *ret,
    struct err *e)
{
	uint8_t stream_key[SECRET_STREAM_KEY_BYTES];
	const struct backup_secrets s = { .stream_key = { stream_key, sizeof(stream_key) },
		.ca_key = secret_span(keys->file_key),
		.state = { (const uint8_t *)keys->state, keys->state_len } };
	struct backup_recipient r;
	struct buf box;
	int rc;

	if (backup_recipient_parse(&r, q->backup.recipient, e) < 0)
		return -1;
	if (!may_open(keys, &r, q->backup.proof))
		return err_set(e,
		    "a backup is made for the backup_recipient of authd.yaml, or for whom somebody says who can read authd's key "
		    "file (root on its host)");
	rand_bytes(stream_key, sizeof(stream_key));
	buf_init(&box, BACKUP_BOX_MAX + 64);
	rc = backup_box_make(&r, &s, &box, e);
	if (rc == 0) {
		wire_put_string(ret, s.stream_key);
		wire_put_string(ret, buf_span(&box));
		rc = buf_ok(ret) ? 0 : err_memory(e);
	}
	buf_done(&box);
	secret_zero(stream_key, sizeof(stream_key));
	return rc;
}

int
signer_issue(const struct signer_keys *keys, const struct signer_request *q, int64_t now_s,
    struct buf *ret, struct err *e)
{
	switch (q->kind) {
	case SIGNER_SSH_USER:
		return issue_ssh_user(keys, &q->ssh_user, now_s, ret, e);
	case SIGNER_SSH_HOST:
		return issue_ssh_host(keys, &q->ssh_host, now_s, ret, e);
	case SIGNER_X509_HOST:
	case SIGNER_X509_USER:
		return issue_x509(keys, q, now_s, ret, e);
	case SIGNER_CUTOFFS:
		return issue_cutoffs(keys, &q->cutoffs, now_s, ret, e);
	case SIGNER_BACKUP:
		return issue_backup(keys, q, ret, e);
	}
	return err_set(e, "not a request");
}
