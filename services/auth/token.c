/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token: join tokens in the store, by their hash.
 */
#include "auth/token.h"

#include <string.h>

#include "auth/auth.h"
#include "auth/stored.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"

enum { TOKENS_MAX = 100000 };
#define PREFIX "token/"

static int
store_failed(struct auth *a, struct err *e)
{
	return err_set(e, "%s", store_error(a->store));
}

static void
key_of(char key[STORE_KEY_MAX], const char *value)
{
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHA256_BYTES + 1];

	sha256_of(span_str(value), digest);
	str_hex(hex, digest, sizeof(digest));
	str_format(key, STORE_KEY_MAX, PREFIX "%s", hex);
}

void
token_done(struct token *t)
{
	labels_done(&t->labels);
	*t = (struct token){ 0 };
}

bool
kind_is_good(const char *kind)
{
	return strcmp(kind, "node") == 0 || strcmp(kind, "proxy") == 0 ||
	    strcmp(kind, "audit") == 0;
}

static int
save(struct auth *a, const char *key, struct token *t, struct err *e)
{
	struct buf b;
	int rc = -1;

	buf_init(&b, STORE_VALUE_MAX);
	if (!stored_put_token(&b, t))
		err_set(e, "out of memory");
	else if ((rc = store_put(a->store, key, buf_span(&b), t->expires_ms + TOKEN_KEEP_S * 1000,
		      t->revision, &t->revision)) < 0)
		store_failed(a, e);
	buf_done(&b);
	return rc;
}

static int
check_spec(const struct token_spec *spec, struct err *e)
{
	size_t n = strlen(spec->value);

	if (!kind_is_good(spec->kind))
		err_set(e, "a token is for a node, a proxy or an audit daemon (--type=node)");
	else if (spec->ttl_s < 0 || spec->ttl_s > TOKEN_TTL_MAX_S)
		err_set(e, "a token may live 1 second to 30 days");
	else if (spec->uses > TOKEN_USES_MAX)
		err_set(e, "a token may be used at most %d times", TOKEN_USES_MAX);
	else if (n > 0 &&
	    (n < TOKEN_VALUE_MIN || n >= TOKEN_TEXT_SIZE || !str_is_printable(spec->value, n)))
		err_set(e, "a token of one's own choice has %d to %d printable characters",
		    TOKEN_VALUE_MIN, TOKEN_TEXT_SIZE - 1);
	else
		return 0;
	return AUTH_E_INVALID;
}

int
token_add(struct auth *a, const struct token_spec *spec, struct token *ret,
    char value[TOKEN_TEXT_SIZE], struct err *e)
{
	char key[STORE_KEY_MAX];
	int rc = check_spec(spec, e);

	*ret = (struct token){ .revision = STORE_ABSENT };
	for (size_t i = 0; rc == 0 && i < spec->labels->n; i++)
		rc = label_check(spec->labels->v[i].key, spec->labels->v[i].value, e);
	if (rc != 0)
		return rc;
	if (spec->value[0])
		str_copy(value, TOKEN_TEXT_SIZE, spec->value);
	else
		rand_hex(value, 16);
	key_of(key, value);
	/* The id of a chosen token is from its hash: its first characters may be most of the
	 * secret. */
	str_copy(ret->id, sizeof(ret->id), spec->value[0] ? key + strlen(PREFIX) : value);
	str_copy(ret->kind, sizeof(ret->kind), spec->kind);
	str_copy(ret->created_by, sizeof(ret->created_by), spec->by);
	ret->created_ms = a->now_ms();
	ret->expires_ms = ret->created_ms + (spec->ttl_s ? spec->ttl_s : TOKEN_TTL_S) * 1000;
	ret->uses_left = spec->uses ? spec->uses : 1;
	if (labels_merge(&ret->labels, spec->labels) < 0)
		return err_set(e, "out of memory");
	rc = save(a, key, ret, e);
	if (rc == STORE_E_CONFLICT) {
		err_set(e, "this token exists already; choose another value or leave it to us");
		return AUTH_E_EXISTS;
	}
	return rc;
}

/* --- using ----------------------------------------------------------------------------- */

static int
load(struct auth *a, const char *key, struct token *ret, struct err *e)
{
	struct buf b;
	int rc;

	*ret = (struct token){ 0 };
	buf_init(&b, STORE_VALUE_MAX);
	rc = store_get(a->store, key, &b, &ret->revision, NULL);
	if (rc == 0 && !stored_get_token(buf_span(&b), ret))
		rc = err_set(e, "the record of a token is damaged");
	else if (rc < 0)
		store_failed(a, e);
	buf_done(&b);
	return rc;
}

int
token_use(struct auth *a, const char *value, const char *kind, struct token *ret, struct err *e)
{
	char key[STORE_KEY_MAX], when[32];
	int rc;

	key_of(key, value);
	rc = load(a, key, ret, e);
	if (rc == STORE_E_NOT_FOUND) {
		err_set(e,
		    "this join token is not known here; make one with `tctl tokens add --type=%s` and check that "
		    "the proxy is the right one",
		    kind);
		return AUTH_E_NOT_FOUND;
	}
	if (rc < 0)
		return rc;
	if (ret->uses_left == 0) {
		err_set(e,
		    "join token %s... was used already; make a new one with `tctl tokens add --type=%s`",
		    ret->id, kind);
		return AUTH_E_STATE;
	}
	if (ret->expires_ms <= a->now_ms()) {
		clock_rfc3339(ret->expires_ms, when, sizeof(when));
		err_set(e,
		    "join token %s... expired at %s; make a new one with `tctl tokens add --type=%s`",
		    ret->id, when, kind);
		return AUTH_E_STATE;
	}
	if (strcmp(ret->kind, kind) != 0) {
		err_set(e,
		    "join token %s... is for kind %s, not %s; make one with `tctl tokens add --type=%s`",
		    ret->id, ret->kind, kind, kind);
		return AUTH_E_DENIED;
	}
	ret->uses_left--;
	rc = save(a, key, ret, e);
	return rc == STORE_E_CONFLICT ? err_set(e, "the token changed under our hands") : rc;
}

/* --- lists and removal --------------------------------------------------------------------- */

struct each_token {
	struct auth *auth;
	int (*fn)(const struct token *t, void *arg);
	void *arg;
	/* when looking for one */
	const char *id;
	char key[STORE_KEY_MAX];
	size_t found;
};

static int
on_token(const struct store_item *item, void *arg)
{
	struct each_token *each = arg;
	struct token t = { .revision = item->revision };
	int rc = 0;

	if (!stored_get_token(item->value, &t)) {
		log_error("damaged record", "key", item->key, NULL);
	} else if (each->id) {
		if (strcmp(t.id, each->id) == 0 && each->found++ == 0)
			str_copy(each->key, sizeof(each->key), item->key);
	} else if (t.uses_left > 0 && t.expires_ms > each->auth->now_ms()) {
		rc = each->fn(&t, each->arg);
	}
	token_done(&t);
	return rc;
}

int
token_each(struct auth *a, int (*fn)(const struct token *t, void *arg), void *arg)
{
	struct each_token each = { .auth = a, .fn = fn, .arg = arg };

	return store_range(a->store, PREFIX, NULL, TOKENS_MAX, on_token, &each);
}

int
token_remove(struct auth *a, const char *token_or_id, struct token *ret, struct err *e)
{
	struct each_token each = { .auth = a, .id = token_or_id };
	int rc;

	key_of(each.key, token_or_id);
	rc = load(a, each.key, ret, e);
	if (rc == STORE_E_NOT_FOUND) {
		if (store_range(a->store, PREFIX, NULL, TOKENS_MAX, on_token, &each) < 0)
			return store_failed(a, e);
		if (each.found > 1) {
			err_set(e, "%zu tokens begin like that; give the whole token", each.found);
			return AUTH_E_INVALID;
		}
		if (each.found == 1)
			rc = load(a, each.key, ret, e);
	}
	if (rc == 0 && (rc = store_delete(a->store, each.key, STORE_ANY)) < 0)
		return store_failed(a, e);
	if (rc == STORE_E_NOT_FOUND) {
		err_set(e, "no such token; `tctl tokens ls` shows them all");
		return AUTH_E_NOT_FOUND;
	}
	return rc;
}
