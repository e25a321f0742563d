/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approval: see approval.h.
 */
#include "auth/approval.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/signin.h"
#include "auth/user.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/secret.h"
#include "net/rate.h"

void
approvals_init(struct approvals *all)
{
	list_init(&all->list);
	all->n = 0;
}

static void
drop(struct approvals *all, struct approval *ap)
{
	list_del(&ap->link);
	all->n--;
	secret_zero(ap, sizeof(*ap));
	free(ap);
}

void
approval_drop(struct auth *a, struct approval *ap)
{
	drop(&a->approvals, ap);
}

void
approvals_done(struct approvals *all)
{
	list_each (struct approval, each, &all->list, link)
		drop(all, each);
}

void
approvals_sweep(struct auth *a)
{
	list_each (struct approval, each, &a->approvals.list, link)
		if (each->expires_ms <= a->now_ms())
			approval_drop(a, each);
}

/* --- letters that people read and type -------------------------------------------------------- */

/* No vowels, so that there are no words, and nothing that looks like another (RFC 8628 section 6.1). */
static const char letters[] = "BCDFGHJKLMNPQRSTVWXZ";

static void
make_letters(char *dst, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dst[i] = letters[rand_below(sizeof(letters) - 1)];
	dst[n] = '\0';
}

static bool
same_letters(const char *good, const char *typed)
{
	char text[APPROVAL_GRANT_LEN + 1];
	size_t n = 0;

	for (; *typed; typed++) {
		if (*typed == ' ' || *typed == '-')
			continue;
		if (n + 1 == sizeof(text))
			return false;
		text[n++] = (char)toupper((unsigned char)*typed);
	}
	text[n] = '\0';
	return *good && secret_equal(span_str(good), span_str(text));
}

/* What is guessed again and again is gone. */
static void
count_wrong(struct auth *a, struct approval *ap)
{
	if (++ap->wrong >= APPROVAL_TRIES)
		approval_drop(a, ap);
}

/* --- begin --------------------------------------------------------------------------------------- */

/* Counted with the logins by password: each is one more try for whoever comes from there. */
static int
take_rate(struct auth *a, const struct origin *o, struct err *e)
{
	if (rate_take(a->logins, o->at.ip, o->hidden ? SIGNIN_PROXY_FACTOR : 1, a->now_ms()))
		return 0;
	err_set(e, "too many logins from your address; try again in a minute");
	return AUTH_E_BUSY;
}

/* Anybody can begin them without end. */
static bool
is_strangers(const struct approval *ap)
{
	return !ap->known && !ap->grant[0];
}

/* Some of those that wait. */
struct tally {
	struct approval *oldest;
	size_t n;
};

static void
tally(struct tally *t, struct approval *ap, bool counts)
{
	if (counts && t->n++ == 0)
		t->oldest = ap;
}

/* The payer's own first, then his network's, then strangers': so that one who begins without end, from however many
 * addresses, takes nothing from whom he does not share an address with and who was approved or is known from where he is. */
static void
make_room(struct approvals *all, const struct approval *next)
{
	struct tally payers = { 0 }, nets = { 0 }, strangers = { 0 };

	list_each (struct approval, each, &all->list, link) {
		tally(&payers, each, strcmp(each->payer, next->payer) == 0);
		tally(&nets, each, is_strangers(each) && strcmp(each->net, next->net) == 0);
		tally(&strangers, each, is_strangers(each));
	}
	if (payers.n >= APPROVALS_ONE)
		drop(all, payers.oldest);
	else if (is_strangers(next) && nets.n >= APPROVALS_NET)
		drop(all, nets.oldest);
	else if (is_strangers(next) && strangers.n >= APPROVALS_STRANGERS)
		drop(all, strangers.oldest);
	else if (all->n >= APPROVALS_MAX)
		drop(all, strangers.n > 0 ? strangers.oldest
					  : list_first(struct approval, &all->list, link));
}

static int
check_spec(const struct approval_spec *spec, struct err *e)
{
	if (name_check(spec->user, "user name", e) != 0)
		return AUTH_E_INVALID;
	if (spec->secret_hash.n == SHA256_BYTES &&
	    (spec->port == 0 || (spec->port >= APPROVAL_PORT_MIN && spec->port <= UINT16_MAX)))
		return 0;
	err_set(e, "a login by a browser has the SHA-256 of a secret, and a port from %d on or 0",
	    APPROVAL_PORT_MIN);
	return AUTH_E_INVALID;
}

/* That he logged in from there before. Who cannot be looked up is a stranger. */
static bool
is_known(struct auth *a, const char *user, const char *source)
{
	struct user u;
	struct err e;
	bool yes = user_load(a, user, &u, &e) == 0 && user_knows(&u, source, a->now_ms());

	user_done(&u);
	return yes;
}

/* A proxy that hides its people is not one address. */
static void
note_payer(struct auth *a, struct approval *ap)
{
	if (ap->origin.hidden || !ap->origin.at.ip[0]) {
		(void)str_format(ap->payer, sizeof(ap->payer), "of %s", ap->user);
		(void)str_copy(ap->net, sizeof(ap->net), "hidden");
		return;
	}
	addr_prefix(ap->payer, ap->origin.at.ip, 32, 64);
	addr_prefix(ap->net, ap->origin.at.ip, 16, 48);
	ap->known = is_known(a, ap->user, ap->payer);
}

int
approval_begin(struct auth *a, const struct approval_spec *spec, const struct approval **ret,
    struct err *e)
{
	int rc = check_spec(spec, e);
	struct approval *ap;

	if (rc == 0)
		rc = take_rate(a, spec->origin, e);
	if (rc != 0)
		return rc;
	ap = calloc(1, sizeof(*ap));
	if (!ap)
		return err_memory(e);
	rand_hex(ap->id, (APPROVAL_ID_SIZE - 1) / 2);
	make_letters(ap->code, APPROVAL_CODE_LEN);
	(void)str_copy(ap->user, sizeof(ap->user), spec->user);
	str_clean(ap->tool, sizeof(ap->tool), spec->tool, strlen(spec->tool));
	memcpy(ap->secret_hash, spec->secret_hash.p, SHA256_BYTES);
	ap->port = (uint16_t)spec->port;
	ap->origin = *spec->origin;
	ap->begun_ms = a->now_ms();
	ap->expires_ms = ap->begun_ms + APPROVAL_LIFE_MS;
	note_payer(a, ap);
	make_room(&a->approvals, ap);
	list_add(&a->approvals.list, &ap->link);
	a->approvals.n++;
	*ret = ap;
	return 0;
}

/* --- in the browser ------------------------------------------------------------------------------ */

/* NULL: there is none (any more). */
static struct approval *
find(struct auth *a, const char *id, const char *user)
{
	list_each (struct approval, each, &a->approvals.list, link)
		if (secret_equal(span_str(each->id), span_str(id)))
			return strcmp(each->user, user) == 0 && each->expires_ms > a->now_ms()
			    ? each
			    : NULL;
	return NULL;
}

int
approval_find(struct auth *a, const char *id, const char *user, struct approval **ret,
    struct err *e)
{
	*ret = find(a, id, user);
	if (*ret)
		return 0;
	err_set(e,
	    "there is no such login of %s: it is over, or was begun for another user; run tsh login anew, with "
	    "--user=%s",
	    user, user);
	return AUTH_E_NOT_FOUND;
}

int
approval_check(struct auth *a, struct approval *ap, const char *code, struct err *e)
{
	if (ap->grant[0]) {
		err_set(e, "this login was approved before; if not by you, sign out everywhere");
		return AUTH_E_STATE;
	}
	if (ap->port == 0 || same_letters(ap->code, code))
		return 0;
	err_set(e, "that is not the code that tsh shows in your terminal%s",
	    ap->wrong + 1 >= APPROVAL_TRIES ? "; run tsh login anew" : "");
	count_wrong(a, ap);
	return AUTH_E_INVALID;
}

void
approval_give(struct auth *a, struct approval *ap, const struct user *u,
    const struct web_session *s, const struct origin *from)
{
	int64_t until = a->now_ms() + APPROVAL_TYPING_MS;

	make_letters(ap->grant, APPROVAL_GRANT_LEN);
	(void)str_copy(ap->web, sizeof(ap->web), s->key);
	(void)str_copy(ap->address, sizeof(ap->address), from->at.ip);
	(void)str_copy(ap->password, sizeof(ap->password), u->password);
	ap->mark = cutoff_mark(a, u->name);
	ap->expires_ms = ap->expires_ms < until ? until : ap->expires_ms;
	/* From now on wrong grants are counted. */
	ap->wrong = 0;
}

/* --- what tsh brings ------------------------------------------------------------------------------- */

static bool
is_secret(const struct approval *ap, struct span secret)
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(secret, digest);
	return secret.n == APPROVAL_SECRET_BYTES &&
	    secret_equal((struct span){ ap->secret_hash, SHA256_BYTES },
		(struct span){ digest, SHA256_BYTES });
}

/* He is still who approved: who has that password, is signed in there, and was not cut off since. */
static int
load_user(struct auth *a, const struct approval *ap, struct user *u, struct err *e)
{
	int rc = user_load(a, ap->user, u, e);

	if (rc < 0)
		return rc;
	if (rc != 0 || strcmp(u->password, ap->password) != 0) {
		err_set(e, "your account was changed at this moment; log in again");
		return AUTH_E_STATE;
	}
	/* Signing out takes it back, too. */
	if (!web_session_find(a, ap->web)) {
		err_set(e,
		    "the session in which you approved this login has ended; run tsh login anew, and stay signed in "
		    "until it is done");
		return AUTH_E_STATE;
	}
	return cutoff_check(a, ap->user, ap->mark, e);
}

int
approval_take(struct auth *a, const struct approval_answer *q, struct approval *ret, struct user *u,
    struct err *e)
{
	int rc = take_rate(a, q->origin, e);
	struct approval *ap;

	*ret = (struct approval){ .user = "" };
	*u = (struct user){ 0 };
	if (rc != 0)
		return rc;
	ap = find(a, q->id, q->user);
	/* Who has the address of the page alone cannot use up the tries of who began it. */
	if (!ap || !is_secret(ap, q->secret) || !same_letters(ap->grant, q->grant)) {
		if (ap && is_secret(ap, q->secret))
			count_wrong(a, ap);
		err_set(e,
		    "that is not what the browser showed, or it is over: a login by a browser lasts five minutes");
		return AUTH_E_UNAUTHENTICATED;
	}
	*ret = *ap;
	list_init(&ret->link);
	approval_drop(a, ap);
	return load_user(a, ret, u, e);
}
