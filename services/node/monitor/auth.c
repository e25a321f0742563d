/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth: checks the proof that a user signed in to a connection. Called by monitor.c for MON_PROVE.
 *
 * Security: everything here reads what the worker sent, and the worker may be hostile: only the
 * certificate, checked against the monitor's own CAs, and the user's signature over this session
 * identifier count.
 */
#include "node/monitor/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/sshcert.h"
#include "node/monitor/hostkey.h"
#include "ssh/userauth.h"

/* --- session identifiers that were used ----------------------------------------------- */

struct seen_entry {
	uint8_t id[SEEN_ID_SIZE];
	int64_t until_s; /* 0: free */
};

static uint32_t
seen_slot(const struct seen *s, const uint8_t *id)
{
	uint32_t h;

	memcpy(&h, id, sizeof(h)); /* session identifiers are hashes already */
	return h & (s->size - 1);
}

/* The entry of id, or the free one where it belongs. Ends only because the table is never more
 * than half full (seen_make_room). */
static struct seen_entry *
seen_find(const struct seen *s, const uint8_t *id)
{
	for (uint32_t i = seen_slot(s, id);; i = (i + 1) & (s->size - 1)) {
		struct seen_entry *entry = &s->entries[i];
		if (entry->until_s == 0 || memcmp(entry->id, id, SEEN_ID_SIZE) == 0)
			return entry;
	}
}

/* A table of new_size with what has not expired. */
static int
seen_rebuild(struct seen *s, uint32_t new_size, int64_t now_s)
{
	struct seen old = *s;

	s->entries = calloc(new_size, sizeof(*s->entries));
	if (!s->entries) {
		s->entries = old.entries;
		return -1;
	}
	s->size = new_size;
	s->used = 0;
	for (uint32_t i = 0; i < old.size; i++) {
		/* Only here entries go: taken out one by one they would break the rows that
		 * others were found along. */
		if (old.entries[i].until_s <= now_s)
			continue;
		*seen_find(s, old.entries[i].id) = old.entries[i];
		s->used++;
	}
	free(old.entries);
	return 0;
}

/* Keeps the table at most half full: drops what expired, then grows. */
static int
seen_make_room(struct seen *s, int64_t now_s)
{
	if (s->size > 0 && s->used < s->size / 2)
		return 0;
	if (seen_rebuild(s, s->size ? s->size : 64, now_s))
		return -1;
	if (s->used < s->size / 4 + 16)
		return 0;
	/* At the limit nobody new signs in until certificates expire: to forget would be to allow
	 * again. */
	if (s->size >= 2 * SEEN_MAX)
		return s->used < SEEN_MAX ? 0 : -1;
	return seen_rebuild(s, 2 * s->size, now_s);
}

/* 0 taken, 1 there already, negative no room. */
static int
seen_insert(struct seen *s, const uint8_t *id, int64_t until_s, int64_t now_s)
{
	if (seen_make_room(s, now_s))
		return -1;
	struct seen_entry *entry = seen_find(s, id);
	if (entry->until_s != 0)
		return 1;
	memcpy(entry->id, id, SEEN_ID_SIZE);
	entry->until_s = until_s;
	s->used++;
	return 0;
}

/* Writes the live entries to a fresh file, so that it does not grow for ever, and opens it. */
static int
seen_rewrite(struct seen *s, int64_t now_s, struct err *e)
{
	struct buf b;
	int r;

	/* Closed first: the old file is another one from here on, and what is written to it is
	 * lost. */
	mem_closep(&s->fd);
	s->n_file = 0;
	buf_init(&b, sizeof(struct seen_entry) * (SEEN_MAX + 1));
	for (uint32_t i = 0; i < s->size; i++) {
		if (s->entries[i].until_s <= now_s)
			continue;
		buf_put(&b, &s->entries[i], sizeof(s->entries[i]));
		s->n_file++;
	}
	r = buf_ok(&b)
	    ? file_write(s->path, 0600, b.len ? buf_head(&b) : (const void *)"", b.len, e)
	    : err_memory(e);
	buf_done(&b);
	if (r)
		return r;
	s->fd = open(s->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	return s->fd < 0 ? err_errno(e, "cannot open %s", s->path) : 0;
}

/* One more entry behind the others. The file holds whole entries only, and not many that ended. */
static int
seen_append(struct seen *s, const struct seen_entry *entry, int64_t now_s)
{
	if (s->fd < 0 || s->n_file >= 2 * (size_t)s->used + SEEN_FILE_SLACK)
		return seen_rewrite(s, now_s,
		    NULL); /* the entry is in the table, so in the file now */
	if (write(s->fd, entry, sizeof(*entry)) != (ssize_t)sizeof(*entry)) {
		mem_closep(&s->fd); /* perhaps torn: the next one writes the file anew */
		return -1;
	}
	s->n_file++;
	return 0;
}

int
seen_open(struct seen *s, const char *path, int64_t now_s, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	size_t n = 0;

	*s = (struct seen){ .fd = -1 };
	if (!path)
		return 0;
	if (access(path, F_OK) == 0 &&
	    file_read(path, sizeof(struct seen_entry) * 4 * SEEN_MAX, &data, &n, e))
		return -1;
	/* A last entry that is torn is left out: its proof was answered with an error, or not at
	 * all. */
	for (size_t at = 0; n - at >= sizeof(struct seen_entry); at += sizeof(struct seen_entry)) {
		struct seen_entry entry;
		memcpy(&entry, data + at, sizeof(entry));
		if (entry.until_s > now_s && seen_insert(s, entry.id, entry.until_s, now_s) < 0)
			return err_set(e, "%s holds too many entries", path);
	}
	s->path = strdup(path);
	/* Anew, so that every start begins with whole entries only. */
	return s->path ? seen_rewrite(s, now_s, e) : err_memory(e);
}

void
seen_done(struct seen *s)
{
	free(s->entries);
	free(s->path);
	mem_closep(&s->fd);
	*s = (struct seen){ .fd = -1 };
}

int
seen_add(struct seen *s, struct span id, int64_t until_s, int64_t now_s)
{
	struct seen_entry entry = { .until_s = until_s };

	/* Shorter than what is compared: two identifiers could be taken for one. */
	if (id.n < SEEN_ID_SIZE || until_s <= now_s)
		return -1;
	memcpy(entry.id, id.p, SEEN_ID_SIZE);
	int r = seen_insert(s, entry.id, until_s, now_s);
	/* Written before the answer. Otherwise a worker could make the monitor start again and
	 * show the same transcript and signature once more. */
	if (r == 0 && s->path && seen_append(s, &entry, now_s))
		return -1;
	return r;
}

/* --- the proof ------------------------------------------------------------------------- */

static int64_t
issued_ms(const struct sshcert *cert)
{
	return cert->valid_after > INT64_MAX / 1000 ? INT64_MAX : (int64_t)cert->valid_after * 1000;
}

static int
check_certificate(const struct auth_facts *facts, const struct sshcert *cert,
    const struct mon_prove *m, struct err *e)
{
	const struct sshcert_rules rules = {
		.type = SSHCERT_USER,
		.ca = facts->trust->bundle->user_ssh,
		.n_ca = facts->trust->bundle->n_user_ssh,
		.principal = m->login,
		.source_address = m->address[0] ? m->address : NULL,
		.now_s = (uint64_t)facts->now_s,
	};
	return sshcert_check(cert, &rules, e);
}

/* What was signed is about this connection, this login and this host. */
static int
check_request(const struct auth_facts *facts, const struct mon_prove *m, struct userauth *u,
    struct err *e)
{
	struct span session_id;

	/* The bytes that were signed are read, not what the worker says beside them: what is
	 * compared below is the user's word. */
	if (userauth_read_signed(u, &session_id, m->signed_data))
		return err_set(e, "the signed request is malformed");
	if (!span_eq(session_id, facts->session_id))
		return err_set(e,
		    "the signature belongs to a key exchange that the monitor took no part in");
	if (!m->login[0] || !span_is(u->user, m->login))
		return err_set(e, "the signature belongs to another login");
	/* OpenSSH's publickey-hostbound: the client names the host that it meant, so that the
	 * signature is of no use at another. */
	if (u->hostbound && !hostkey_is_shown(facts->host_key, u->host_key))
		return err_set(e, "the signature was given to another host");
	return 0;
}

/* The algorithm must be one for certificates, and the one of this key: it is the client's choice,
 * and is signed too. */
static int
check_signature(const struct sshcert *cert, const struct userauth *u, const struct mon_prove *m,
    struct err *e)
{
	const struct userauth_alg *alg = userauth_alg_find(u->alg);
	struct wire blob = wire_from(u->blob);

	if (!alg || !alg->cert || !span_is(wire_string(&blob), alg->blob_type))
		return err_set(e, "the signature's algorithm is not one for this certificate");
	if (sshkey_verify(cert->key, span_str(alg->sig_alg), m->signature, m->signed_data))
		return err_set(e, "the signature over the session identifier is wrong");
	return 0;
}

/* Everything holds: the session identifier is used now, whatever comes. */
static int
take(const struct auth_facts *facts, const struct sshcert *cert, struct auth_result *ret,
    struct err *e)
{
	ret->until_s = cert->valid_before > INT64_MAX ? INT64_MAX : (int64_t)cert->valid_before;
	ret->issued_ms = issued_ms(cert);
	ret->permit_pty = sshcert_extension(cert, "permit-pty") != NULL;
	str_copy(ret->user, sizeof(ret->user), cert->key_id);
	/* A worker can have the same exchange signed twice; the user's signature counts once. */
	int known = seen_add(facts->seen, facts->session_id, ret->until_s, facts->now_s);
	if (known == 0)
		return 0;
	if (known > 0)
		return err_set(e, "this session identifier was used before");
	err_set(e, "the session identifier cannot be remembered");
	return AUTH_E_UNPROVEN;
}

int
auth_prove(const struct auth_facts *facts, const struct mon_prove *m, struct auth_result *ret,
    struct err *e)
{
	struct userauth u;
	struct sshcert *cert = NULL;

	if (!facts->trust->bundle || facts->trust->bundle->n_user_ssh == 0) {
		err_set(e, "the monitor knows no certificate authority yet");
		return AUTH_E_UNPROVEN;
	}
	if (check_request(facts, m, &u, e) || sshcert_parse(&cert, u.blob, e))
		return -1;
	/* What a worker invents is told from what only the time has brought, so that comes first. The session identifier is
	 * taken last: only a signature that a user really gave may use up a place in the table. */
	int r = check_certificate(facts, cert, m, e);
	if (r == 0)
		r = check_signature(cert, &u, m, e);
	if (r == 0 &&
	    known_cutoffs_check(facts->cutoffs, cert->key_id, issued_ms(cert), facts->now_s * 1000,
		e))
		r = AUTH_E_UNPROVEN;
	if (r == 0)
		r = take(facts, cert, ret, e);
	sshcert_free(cert);
	return r;
}
