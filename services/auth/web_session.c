/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_session: see web_session.h.
 */
#include "auth/web_session.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/cutoff.h"
#include "auth/stored.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"

/* --- how it is kept ---------------------------------------------------------------------- */

STORED_MESSAGE(stored__stored_web_session);
static const struct stored_field web_session_fields[] = {
	STORED_FIELD(STORED_TEXT, "user", web_session, user),
	STORED_FIELD(STORED_INT64, "created", web_session, created_ms),
	STORED_FIELD(STORED_INT64, "expires", web_session, expires_ms),
	STORED_FIELD(STORED_TEXT, "address", web_session, address),
	STORED_FIELD(STORED_TEXT, "browser", web_session, browser),
	STORED_FIELD(STORED_INT64, "valid_after_s", web_session, valid_after_s),
	STORED_FIELD(STORED_BOOL, "api", web_session, api),
	STORED_FIELD(STORED_NAMES, "roles", web_session, roles),
	STORED_FIELD(STORED_TEXT, "created_by", web_session, created_by),
	STORED_FIELD(STORED_BOOL, "pinned", web_session, pinned),
};
const struct stored_form web_session_form = { STORED_KEY(web_session, key),
	.expires_at = offsetof(struct web_session, expires_ms),
	.message = &stored__stored_web_session__descriptor, STORED_FIELDS(web_session_fields) };

/* --- looking ----------------------------------------------------------------------------- */

/* The copy in memory goes a while after the end (resources_sweep). */
static bool
is_over(struct auth *a, const struct web_session *s)
{
	return s->expires_ms <= a->now_ms();
}

const struct web_session *
web_session_find(struct auth *a, const char *key)
{
	const struct web_session *s = resource_find(a, RESOURCE_WEB_SESSION, key);

	return s && !is_over(a, s) ? s : NULL;
}

struct span
web_session_id(const char *key)
{
	return (struct span){ (const uint8_t *)key, strnlen(key, WEB_SESSION_ID_LEN) };
}

/* Into its place among those that are there. */
static void
insert(const struct web_session *ret[], size_t n, const struct web_session *s)
{
	for (; n > 0 && ret[n - 1]->created_ms > s->created_ms; n--)
		ret[n] = ret[n - 1];
	ret[n] = s;
}

size_t
web_sessions_of(struct auth *a, const char *user,
    const struct web_session *ret[WEB_SESSIONS_OF_ONE])
{
	size_t pos = 0, n = 0;
	void *object;

	while (n < WEB_SESSIONS_OF_ONE && resource_next(a, RESOURCE_WEB_SESSION, &pos, &object)) {
		const struct web_session *s = object;

		if (strcmp(s->user, user) == 0 && !is_over(a, s))
			insert(ret, n++, s);
	}
	return n;
}

/* --- ending ------------------------------------------------------------------------------ */

int
web_session_end(struct auth *a, const char *key, struct err *e)
{
	char copy[WEB_SESSION_KEY_SIZE];
	int rc;

	/* key may stand in what is freed. */
	(void)str_copy(copy, sizeof(copy), key);
	rc = resource_remove(a, RESOURCE_WEB_SESSION, copy, e);
	resource_forget(a, RESOURCE_WEB_SESSION, copy);
	return rc;
}

void
web_sessions_end(struct auth *a, const char *user, const char *but)
{
	size_t pos = 0;
	void *object;
	struct err e;

	while (resource_next(a, RESOURCE_WEB_SESSION, &pos, &object)) {
		const struct web_session *s = object;

		if (strcmp(s->user, user) != 0 || (but && strcmp(s->key, but) == 0))
			continue;
		if (web_session_end(a, s->key, &e) < 0)
			log_error("cannot remove a web session from the store", "user", user,
			    "cause", e.text, NULL);
	}
}

void
web_session_outlive(struct auth *a, const char *key)
{
	const struct web_session *old = web_session_find(a, key);
	struct web_session *s = old ? resource_new(RESOURCE_WEB_SESSION) : NULL;
	struct err e = { "out of memory" };

	/* An API token has no password that it could change; its lists would be two sessions'. */
	if (!old || old->api) {
		resource_free(RESOURCE_WEB_SESSION, s);
		return;
	}
	if (s) {
		*s = *old;
		s->valid_after_s = cutoff_get(a, RESOURCE_CUTOFF, old->user) /
		    1000; /* the first second after it */
		if (resource_save(a, RESOURCE_WEB_SESSION, s, &e) == 0)
			return;
	}
	log_error("cannot let a web session go on", "cause", e.text, NULL);
	resource_free(RESOURCE_WEB_SESSION, s);
}

/* --- beginning --------------------------------------------------------------------------- */

/* Room for one more of the user. */
static int
make_room(struct auth *a, const struct web_session_spec *spec, struct err *e)
{
	const struct web_session *all[WEB_SESSIONS_OF_ONE];

	if (web_sessions_of(a, spec->user, all) < WEB_SESSIONS_OF_ONE)
		return 0;
	if (spec->ret_ended)
		(void)str_format(spec->ret_ended, WEB_SESSION_ID_LEN + 1, "%.*s",
		    WEB_SESSION_ID_LEN, all[0]->key);
	return web_session_end(a, all[0]->key, e) < 0 ? -1 : 0;
}

bool
web_session_is_api(const char *name)
{
	return str_starts(name, WEB_SESSION_API_PREFIX);
}

/* For people, rules and locks the first digits say which API token it is. */
static bool
has_twin(struct auth *a, const char *key)
{
	size_t pos = 0;
	void *object;

	while (resource_next(a, RESOURCE_WEB_SESSION, &pos, &object)) {
		const struct web_session *s = object;

		if (s->api && strncmp(s->key, key, WEB_SESSION_API_ID_LEN) == 0)
			return true;
	}
	return false;
}

/* Whose it is. */
static int
give(struct web_session *s, const struct web_session_spec *spec, struct err *e)
{
	if (!spec->roles) {
		(void)str_copy(s->user, sizeof(s->user), spec->user);
		return 0;
	}
	s->api = true;
	(void)str_format(s->user, sizeof(s->user), WEB_SESSION_API_PREFIX "%.*s",
	    WEB_SESSION_API_ID_LEN, s->key);
	(void)str_copy(s->created_by, sizeof(s->created_by), spec->by);
	return names_copy(&s->roles, spec->roles->v, spec->roles->n) < 0 ? err_memory(e) : 0;
}

/* Everything but the key. */
static int
fill(struct auth *a, struct web_session *s, const struct web_session_spec *spec, struct err *e)
{
	int64_t now_ms = a->now_ms(),
		longest_s = spec->roles ? WEB_SESSION_API_TTL_MAX_S : WEB_SESSION_TTL_MAX_S;

	(void)str_copy(s->address, sizeof(s->address), spec->address);
	str_clean(s->browser, sizeof(s->browser), spec->browser, strlen(spec->browser));
	s->pinned = spec->pinned;
	s->created_ms = now_ms;
	s->valid_after_s = now_ms / 1000 - SIGNER_BACKDATE_S;
	s->expires_ms = spec->expires_s * 1000;
	if (s->expires_ms > now_ms + longest_s * 1000)
		s->expires_ms = now_ms + longest_s * 1000;
	s->revision = STORE_ABSENT;
	return give(s, spec, e);
}

int
web_session_new(struct auth *a, const struct web_session_spec *spec,
    char token[WEB_SESSION_TOKEN_SIZE], const struct web_session **ret, struct err *e)
{
	struct web_session *s;
	int rc = spec->roles ? 0 : make_room(a, spec, e);

	if (rc != 0)
		return rc;
	s = resource_new(RESOURCE_WEB_SESSION);
	if (!s)
		return err_memory(e);
	/* A new one with each login, whatever the browser sent: a token that somebody else planted is worth nothing. */
	do {
		rand_hex(token, (WEB_SESSION_TOKEN_SIZE - 1) / 2);
		(void)rpc_session_key(token, s->key);
	} while (spec->roles && has_twin(a, s->key));
	rc = fill(a, s, spec, e);
	if (rc == 0)
		rc = resource_save(a, RESOURCE_WEB_SESSION, s, e);
	if (rc != 0) {
		resource_free(RESOURCE_WEB_SESSION, s);
		return rc;
	}
	*ret = s;
	return 0;
}
