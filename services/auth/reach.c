/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reach: see reach.h. Users in the order of their names, of each the nodes in theirs.
 */
#include "auth/reach.h"

#include <string.h>

#include "auth/auth.h"
#include "auth/role.h"
#include "base/str.h"

/* In steps: a user read from the store, or a row without a look. Of a list of logins so many are compared in one. */
enum { USER_STEPS = 100, LOGINS_A_STEP = 8 };

/* Somebody with his roles, and what a question about him takes. */
struct seeker {
	struct subject_view view;
	const char *roles[POLICY_ROLES_MAX + 1];
	size_t n_roles;
	long plain, stars; /* label patterns; bytes of those with a star */
	long logins;       /* that roles name, each time */
	long denied;       /* what one login is compared with: patterns, and bytes of those with a star */
};

struct walk {
	struct auth *auth;
	const struct reach_query *q;
	reach_fn *fn;
	void *arg;
	long steps, locks;
	struct seeker now, drafted;
	struct host_place from;      /* of the first user's nodes */
	char done[NAME_LEN_MAX + 1]; /* "": nothing; else this user, */
	const struct host *up_to;    /* up to this node; NULL: all of his */
	struct err *e;
};

/* --- what it takes -------------------------------------------------------------------------------- */

/* Of a list of logins, each of which stands for one, but for {{internal.logins}}: that is all of the user's. */
static long
count_logins(const struct seeker *s, struct policy_names logins)
{
	long n = 0;

	for (size_t i = 0; i < logins.n; i++)
		n += str_starts(logins.v[i], "{{") ? 1 + (long)s->view.user.logins.n : 1;
	return n;
}

static long
count_stars(struct policy_names globs)
{
	long n = 0;

	for (size_t i = 0; i < globs.n; i++)
		if (strchr(globs.v[i], '*'))
			n += (long)strlen(globs.v[i]);
	return n;
}

static void
count_conditions(struct seeker *s, const struct policy_conditions *c)
{
	for (size_t i = 0; i < c->n_node_labels; i++) {
		s->plain += 1 + (long)c->node_labels[i].values.n;
		s->stars += count_stars(c->node_labels[i].values);
	}
}

/* As far as is needed to know that it is too much. */
static void
count(struct seeker *s)
{
	s->plain = 1, s->stars = s->logins = s->denied = 0;
	for (size_t i = 0; i < s->view.user.n_roles && s->plain <= REACH_PAIR_STEPS; i++) {
		const struct policy_role *r = s->view.roles[i];

		count_conditions(s, &r->allow);
		count_conditions(s, &r->deny);
		s->logins += count_logins(s, r->allow.logins);
		s->denied += count_logins(s, r->deny.logins) + count_stars(r->deny.logins);
	}
}

/* What counting took. */
static long
counted(const struct seeker *s)
{
	return s->plain + s->logins + s->denied;
}

/* Whether the roles open the node, before it is asked. */
static long
cost_of_labels(const struct seeker *s, struct policy_labels node)
{
	long bytes = 0;

	for (size_t i = 0; i < node.n; i++)
		bytes += (long)strlen(node.v[i].value);
	return s->plain * (1 + (long)node.n) + s->stars * bytes;
}

/* As whom: each login with all that are denied, and with those that were found before. */
static long
cost_of_logins(const struct seeker *s)
{
	long found = s->logins < POLICY_LOGINS_MAX ? s->logins : POLICY_LOGINS_MAX;

	return s->logins * (1 + s->denied + found / LOGINS_A_STEP);
}

static long
cost(const struct seeker *s, struct policy_labels node)
{
	return cost_of_labels(s, node) + cost_of_logins(s);
}

static int
too_long(const char *user, struct err *e)
{
	err_set(e,
	    "the roles of %s have too many patterns to be looked at here; make their lists of labels and logins shorter",
	    user);
	return AUTH_E_STATE;
}

/* --- somebody -------------------------------------------------------------------------------------- */

static void
seeker_become(struct seeker *s, const struct user *u, const char *given, subject_role_fn *lookup,
    void *arg)
{
	struct err ignored;

	s->n_roles = 0;
	for (size_t i = 0; i < u->roles.n && i < POLICY_ROLES_MAX; i++)
		s->roles[s->n_roles++] = u->roles.v[i];
	if (given && !names_have(&u->roles, given))
		s->roles[s->n_roles++] = given;
	/* Somebody of whom a role cannot be read may nothing. */
	(void)subject_view(&(struct subject){ u->name, { s->roles, s->n_roles },
			       names_view(&u->logins) },
	    lookup, arg, &s->view, &ignored);
	count(s);
}

/* Whether the draft can change anything for him. */
static bool
concerns(const struct reach_query *q, const struct user *u)
{
	return !q->changes || q->give || names_have(&u->roles, q->draft->name);
}

/* --- a pair ---------------------------------------------------------------------------------------- */

/* Takes out the logins that a lock closes; *why says so of the last. */
static size_t
drop_closed(struct walk *w, const struct seeker *s, const struct host *n, const char **logins,
    size_t n_logins, struct err *why)
{
	struct policy_identity who = { .user = s->view.user.name,
		.roles = { s->roles, s->n_roles },
		.host = n->uuid,
		.host_name = n->name };
	size_t kept = 0;

	for (size_t i = 0; i < n_logins; i++) {
		who.login = logins[i];
		if (resource_denies(w->auth, &who, why) == 0)
			logins[kept++] = logins[i];
	}
	w->steps -= (long)n_logins * (1 + w->locks);
	return kept;
}

static bool
same(struct policy_names a, struct policy_names b)
{
	bool equal = a.n == b.n;

	for (size_t i = 0; equal && i < a.n; i++)
		equal = strcmp(a.v[i], b.v[i]) == 0;
	return equal;
}

static int
look_at(struct walk *w, const struct host *n)
{
	const char *now[POLICY_LOGINS_MAX], *drafted[POLICY_LOGINS_MAX];
	struct policy_labels labels = labels_view(&n->labels);
	struct reach r = { .user = w->now.view.user.name, .node = n };
	struct err why = { "" };

	r.now = (struct policy_names){ now, policy_logins_on(&w->now.view.user, labels, now) };
	r.now.n = drop_closed(w, &w->now, n, now, r.now.n, &why);
	r.drafted = r.now;
	if (w->q->draft) {
		r.drafted = (struct policy_names){ drafted,
			policy_logins_on(&w->drafted.view.user, labels, drafted) };
		r.drafted.n = drop_closed(w, &w->drafted, n, drafted, r.drafted.n, &why);
	}
	r.closed = why.text;
	if (w->q->changes ? same(r.now, r.drafted) : !r.now.n && !r.drafted.n && !r.closed[0])
		return 0;
	return w->fn(&r, w->arg);
}

/* Of everybody, one whose roles are too long is no reason to say nothing of the others. */
static int
look_away(struct walk *w, const struct host *n)
{
	struct err why;
	struct reach r = { .user = w->now.view.user.name, .node = n };

	if (*w->q->user)
		return too_long(r.user, w->e);
	(void)too_long(r.user, &why);
	r.closed = why.text;
	return w->fn(&r, w->arg);
}

/* --- a user ---------------------------------------------------------------------------------------- */

static void
done(struct walk *w, const char *user, const struct host *up_to)
{
	str_copy(w->done, sizeof(w->done), user);
	w->up_to = up_to;
}

static int
walk_nodes(struct walk *w, const char *user)
{
	for (size_t i = 0; i < w->q->n_nodes; i++) {
		const struct host *n = w->q->nodes[i];
		struct policy_labels labels = labels_view(&n->labels);
		long steps = cost(&w->now, labels) + cost(&w->drafted, labels);
		bool too_many = steps > REACH_PAIR_STEPS;
		int rc;

		if (!host_is_behind(n, &w->from))
			continue;
		if (too_many)
			steps = USER_STEPS;
		if (w->done[0] && w->steps < steps)
			return REACH_MORE;
		w->steps -= steps;
		rc = too_many ? look_away(w, n) : look_at(w, n);
		if (rc != 0)
			return rc;
		done(w, user, n);
	}
	return 0;
}

/* In the shape of resource_each's. */
static int
walk_user(const void *object, void *arg)
{
	const struct user *u = object;
	struct walk *w = arg;
	struct role_draft draft = { w->auth, w->q->draft };
	int rc = 0;

	w->steps -= USER_STEPS;
	if (w->done[0] && w->steps < 0)
		return REACH_MORE;
	if (concerns(w->q, u)) {
		seeker_become(&w->now, u, NULL, role_lookup, w->auth);
		if (draft.role)
			seeker_become(&w->drafted, u, w->q->give ? draft.role->name : NULL,
			    role_lookup_draft, &draft);
		w->steps -= counted(&w->now) + counted(&w->drafted);
		rc = walk_nodes(w, u->name);
	}
	if (rc == 0)
		done(w, u->name, NULL);
	w->from = (struct host_place){ 0 };
	return rc;
}

static int
walk_one(struct walk *w, const char *user)
{
	struct user u;
	int rc = user_load(w->auth, user, &u, w->e);

	if (rc == 0)
		rc = walk_user(&u, w);
	user_done(&u);
	return rc;
}

/* --- the walk --------------------------------------------------------------------------------------- */

/* "USER/UUID/NAME": up to there; "USER/": all of his. False: it is none. */
static bool
read_place(struct walk *w, char user[NAME_LEN_MAX + 1])
{
	const char *text = w->q->after, *slash = strchr(text, '/');

	user[0] = '\0';
	return !*text ||
	    (slash && str_format(user, NAME_LEN_MAX + 1, "%.*s", (int)(slash - text), text) &&
		host_place_read(slash + 1, &w->from));
}

static void
write_place(const struct walk *w, char next[REACH_PLACE_SIZE])
{
	char node[HOST_PLACE_SIZE] = "";

	if (w->up_to)
		host_place_text(w->up_to->uuid, w->up_to->name, node);
	str_format(next, REACH_PLACE_SIZE, "%s/%s", w->done, node);
}

static int
walk_all(struct walk *w, const char *user)
{
	int rc = 0;

	/* Who was removed meanwhile has no further nodes. */
	if (w->from.name)
		rc = walk_one(w, user);
	if (rc == AUTH_E_NOT_FOUND) {
		w->from = (struct host_place){ 0 };
		rc = 0;
	}
	return rc ? rc : resource_each_after(w->auth, RESOURCE_USER, user, walk_user, w);
}

int
reach_walk(struct auth *a, const struct reach_query *q, reach_fn *fn, void *arg,
    char next[REACH_PLACE_SIZE], struct err *e)
{
	struct walk w = { a, q, fn, arg, .steps = q->steps, .e = e };
	char user[NAME_LEN_MAX + 1];
	size_t pos = 0;
	void *lock;
	int rc;

	next[0] = '\0';
	if (!read_place(&w, user)) {
		err_set(e, "`after` is not the `next` of a page");
		return AUTH_E_INVALID;
	}
	while (resource_next(a, RESOURCE_LOCK, &pos, &lock))
		w.locks++;
	rc = *q->user ? walk_one(&w, q->user) : walk_all(&w, user);
	if (rc == REACH_MORE)
		write_place(&w, next);
	return rc;
}

/* --- why -------------------------------------------------------------------------------------------- */

/* What roles and locks say of one login. */
static void
judge(struct auth *a, const struct seeker *s, const struct host *n, const char *login,
    struct policy_decision *d)
{
	const struct policy_identity who = { .user = s->view.user.name,
		.roles = { s->roles, s->n_roles },
		.login = login,
		.host = n->uuid,
		.host_name = n->name };
	struct err why;

	if (policy_login(&s->view.user, labels_view(&n->labels), login, d) &&
	    resource_denies(a, &who, &why) != 0) {
		d->allowed = false;
		d->role = NULL;
		str_copy(d->rule, sizeof(d->rule), "lock");
		str_copy(d->reason, sizeof(d->reason), why.text);
	}
}

int
reach_explain(struct auth *a, const struct user *u, const struct host *node, const char *login,
    reach_why_fn *fn, void *arg, struct err *e)
{
	const char *logins[POLICY_LOGINS_MAX] = { login };
	struct policy_labels labels = labels_view(&node->labels);
	struct policy_decision d;
	struct seeker s;
	size_t n = 1;
	int rc = 0;

	seeker_become(&s, u, NULL, role_lookup, a);
	if (!*login)
		n = policy_logins_named(&s.view.user, logins);
	if ((cost_of_labels(&s, labels) + s.logins + s.denied) * (long)(n + 1) > REACH_PAIR_STEPS)
		return too_long(u->name, e);
	if (n == 0) {
		(void)policy_see_node(&s.view.user, labels, &d);
		return fn("", &d, arg);
	}
	for (size_t i = 0; i < n && rc == 0; i++) {
		judge(a, &s, node, logins[i], &d);
		rc = fn(logins[i], &d, arg);
	}
	return rc;
}
