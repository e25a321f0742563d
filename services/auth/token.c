/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token: join tokens in the store, by their hash.
 */
#include "auth/token.h"

#include <string.h>

#include "auth/auth.h"
#include "auth/hostname.h"
#include "auth/stored.h"
#include "base/clock.h"
#include "base/str.h"
#include "crypto/rand.h"

/* --- how it is kept ---------------------------------------------------------------------- */

STORED_MESSAGE(stored__stored_token);
static const struct stored_field token_fields[] = {
	STORED_FIELD(STORED_TEXT, "id", token, id),
	STORED_FIELD(STORED_TEXT, "kind", token, kind),
	STORED_FIELD(STORED_INT64, "expires", token, expires_ms),
	STORED_FIELD(STORED_UINT32, "uses_left", token, uses_left),
	STORED_FIELD(STORED_LABELS, "labels", token, labels),
	STORED_FIELD(STORED_INT64, "created", token, created_ms),
	STORED_FIELD(STORED_TEXT, "created_by", token, created_by),
	STORED_FIELD(STORED_NAMES, "names", token, names),
};
const struct stored_form token_form = { STORED_KEY(token, key),
	.expires_at = offsetof(struct token, forget_ms),
	.message = &stored__stored_token__descriptor, STORED_FIELDS(token_fields) };

void
token_done(struct token *t)
{
	resource_done(RESOURCE_TOKEN, t);
}

bool
token_kind_is_good(const char *kind)
{
	return strcmp(kind, "node") == 0 || strcmp(kind, "proxy") == 0 ||
	    strcmp(kind, "audit") == 0;
}

static int
check_spec(const struct token_spec *spec, struct err *e)
{
	size_t n = strlen(spec->value);

	if (!token_kind_is_good(spec->kind))
		err_set(e,
		    "a token is for a node, a proxy, an audit daemon or calls of the API (--type=node)");
	else if (spec->ttl_s < 0 || spec->ttl_s > TOKEN_TTL_MAX_S)
		err_set(e, "a token may live 1 second to 30 days");
	else if (spec->uses > TOKEN_USES_MAX)
		err_set(e, "a token may be used at most %d times", TOKEN_USES_MAX);
	else if (n > 0 &&
	    (n < TOKEN_VALUE_MIN || n >= TOKEN_TEXT_SIZE || !str_is_printable(spec->value, n)))
		err_set(e, "a token that you choose has %d to %d printable characters",
		    TOKEN_VALUE_MIN, TOKEN_TEXT_SIZE - 1);
	else
		return 0;
	return AUTH_E_INVALID;
}

/* The patterns, in the lower case in which hosts have their names. */
static int
take_names(struct token *t, const struct names *names, struct err *e)
{
	char text[HOST_NAME_SIZE];
	int rc = 0;

	if (names->n > TOKEN_NAMES_MAX) {
		err_set(e, "a token names at most %d patterns", TOKEN_NAMES_MAX);
		return AUTH_E_INVALID;
	}
	for (size_t i = 0; i < names->n && rc == 0; i++) {
		rc = hostname_pattern_check(names->v[i], e);
		if (rc != 0)
			return rc;
		str_copy(text, sizeof(text), names->v[i]);
		hostname_normalise(text);
		rc = names_add(&t->names, text) < 0 ? err_memory(e) : 0;
	}
	return rc;
}

int
token_add(struct auth *a, const struct token_spec *spec, struct token *ret,
    char value[TOKEN_TEXT_SIZE], struct err *e)
{
	int rc = check_spec(spec, e);

	*ret = (struct token){ .revision = STORE_ABSENT };
	for (size_t i = 0; rc == 0 && i < spec->labels->n; i++)
		rc = label_check(spec->labels->v[i].key, spec->labels->v[i].value, e);
	if (rc == 0 && spec->names)
		rc = take_names(ret, spec->names, e);
	if (rc != 0)
		return rc;
	if (spec->value[0])
		str_copy(value, TOKEN_TEXT_SIZE, spec->value);
	else
		rand_hex(value, 16);
	sha256_hex(span_str(value), ret->key);
	/* The id of a chosen token is from its hash: its first characters may be most of the
	 * secret. */
	str_copy(ret->id, sizeof(ret->id), spec->value[0] ? ret->key : value);
	str_copy(ret->kind, sizeof(ret->kind), spec->kind);
	str_copy(ret->created_by, sizeof(ret->created_by), spec->by);
	ret->created_ms = a->now_ms();
	ret->expires_ms = ret->created_ms + (spec->ttl_s ? spec->ttl_s : TOKEN_TTL_S) * 1000;
	ret->forget_ms = ret->expires_ms + TOKEN_KEEP_S * 1000;
	ret->uses_left = spec->uses ? spec->uses : 1;
	if (labels_merge(&ret->labels, spec->labels) < 0)
		return err_memory(e);
	rc = resource_save(a, RESOURCE_TOKEN, ret, e);
	if (rc == AUTH_E_STATE) {
		err_set(e,
		    "this token exists already; choose another value, or let authd choose one");
		return AUTH_E_EXISTS;
	}
	return rc;
}

/* --- using ----------------------------------------------------------------------------- */

int
token_use(struct auth *a, const char *value, const char *kind, struct token *ret, struct err *e)
{
	char key[TOKEN_KEY_SIZE], when[32];
	int rc;

	sha256_hex(span_str(value), key);
	/* Found by its hash, so that no comparison takes longer the more of a token is right. */
	rc = resource_load(a, RESOURCE_TOKEN, key, ret, e);
	if (rc == AUTH_E_NOT_FOUND) {
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
	/* Kept at 0 until forget_ms, so that the next one who tries hears "used already" and not "not
	 * known". */
	ret->uses_left--;
	return resource_save(a, RESOURCE_TOKEN, ret, e);
}

/* --- lists and removal --------------------------------------------------------------------- */

bool
token_is_usable(struct auth *a, const struct token *t)
{
	return t->uses_left > 0 && t->expires_ms > a->now_ms();
}

struct search {
	const char *id;
	char key[TOKEN_KEY_SIZE];
	size_t found;
};

static int
on_token(const void *object, void *arg)
{
	const struct token *t = object;
	struct search *s = arg;

	if (strcmp(t->id, s->id) == 0 && s->found++ == 0)
		str_copy(s->key, sizeof(s->key), t->key);
	return 0;
}

/* By its id, when only one has that. */
static int
load_by_id(struct auth *a, const char *id, struct token *ret, struct err *e)
{
	struct search s = { .id = id };

	if (resource_each(a, RESOURCE_TOKEN, on_token, &s) < 0)
		return err_set(e, "the tokens cannot be read");
	if (s.found > 1) {
		err_set(e, "%zu tokens begin like that; give the whole token", s.found);
		return AUTH_E_INVALID;
	}
	return resource_load(a, RESOURCE_TOKEN, s.key, ret, e);
}

int
token_remove(struct auth *a, const char *token_or_id, struct token *ret, struct err *e)
{
	char key[TOKEN_KEY_SIZE];
	int rc;

	sha256_hex(span_str(token_or_id), key);
	rc = resource_load(a, RESOURCE_TOKEN, key, ret, e);
	if (rc == AUTH_E_NOT_FOUND)
		rc = load_by_id(a, token_or_id, ret, e);
	return rc == 0 ? resource_remove(a, RESOURCE_TOKEN, ret->key, e) : rc;
}
