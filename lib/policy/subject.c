/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject: see subject.h.
 */
#include "policy/subject.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* How many parts the text has at most. */
static size_t
count_parts(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == ',';
	return n;
}

/* Splits the copy at `text` into `v`, which has room for all parts. */
static struct policy_names
split(char *text, char **v, size_t room)
{
	return (
	    struct policy_names){ (const char *const *)(void *)v, str_split(text, ',', v, room) };
}

int
subject_parse(struct subject **ret, const char *name, const char *roles, const char *logins)
{
	const char *r = roles ? roles : "", *l = logins ? logins : "";
	size_t n_roles = count_parts(r), n_logins = count_parts(l);
	size_t name_size = strlen(name) + 1, r_size = strlen(r) + 1, l_size = strlen(l) + 1;
	size_t pointers = (n_roles + n_logins) * sizeof(char *);
	/* One block: the struct, the pointers, the three texts they point into. */
	struct subject *s = calloc(1, sizeof(*s) + pointers + name_size + r_size + l_size);
	char **v, *text;

	*ret = s;
	if (!s)
		return -1;
	v = (char **)(void *)(s + 1);
	text = (char *)(s + 1) + pointers;
	memcpy(text, name, name_size);
	memcpy(text + name_size, r, r_size);
	memcpy(text + name_size + r_size, l, l_size);
	s->name = text;
	s->roles = split(text + name_size, v, n_roles);
	s->logins = split(text + name_size + r_size, v + n_roles, n_logins);
	return 0;
}

void
subject_free(struct subject *s)
{
	free(s);
}

static int
add_role(struct subject_view *view, const char *name, subject_role_fn *role, void *arg,
    struct err *e)
{
	const struct policy_role *found = NULL;

	switch (role(arg, name, &found)) {
	case SUBJECT_ROLE_FOUND:
		view->roles[view->user.n_roles++] = found;
		return 0;
	case SUBJECT_ROLE_NONE:
		return 0;
	case SUBJECT_ROLE_LOST:
		break;
	}
	return err_set(e,
	    "role %s cannot be read here, so nothing is allowed to who has it; ask an administrator",
	    name);
}

int
subject_view(const struct subject *s, subject_role_fn *role, void *arg, struct subject_view *ret,
    struct err *e)
{
	ret->user =
	    (struct policy_user){ .name = s->name, .roles = ret->roles, .logins = s->logins };
	/* None counts, since the ones left out might be those that deny. */
	if (s->roles.n > POLICY_ROLES_MAX || s->logins.n > POLICY_LOGINS_MAX)
		return err_set(e, "%s has more than %d roles or %d logins, so none counts", s->name,
		    POLICY_ROLES_MAX, POLICY_LOGINS_MAX);
	for (size_t i = 0; i < s->roles.n; i++)
		if (add_role(ret, s->roles.v[i], role, arg, e) < 0) {
			ret->user.n_roles = 0;
			return -1;
		}
	return 0;
}
