/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kinds: the resources that tctl get, create, edit and rm handle as files: a row each.
 */
#include <stddef.h>
#include <string.h>

#include "tctl/form.h"

static const char *const role_spec[] = { "options", "allow", "deny", NULL };

const struct form forms[] = {
	{ .kind = "role",
	    .plural = "roles",
	    .type = &auth__role__descriptor,
	    .spec = role_spec,
	    .defaults = "options: {max_session_ttl: 30h, permit_pty: true}" },
	{ .kind = NULL },
};

const struct form *
form_find(const char *kind)
{
	const struct form *f = forms;

	while (f->kind && strcmp(f->kind, kind) != 0 && strcmp(f->plural, kind) != 0)
		f++;
	return f->kind ? f : NULL;
}
