/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role: called by get and create.
 */
#include "tctl/role.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { ITEMS_MAX = 256, TTL_S = 30 * 3600 };

/* --- to JSON ------------------------------------------------------------------------------- */

static json_t *
strings_value(const char *const *items, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_string(items[i]));
	return a;
}

static json_t *
conditions_value(const Auth__RoleConditions *c)
{
	static const Auth__RoleConditions none = AUTH__ROLE_CONDITIONS__INIT;
	json_t *v = json_object(), *labels = json_object(), *rules = json_array();

	if (!c)
		c = &none;
	for (size_t i = 0; i < c->n_node_labels; i++)
		json_object_set_new(labels, c->node_labels[i]->key,
		    strings_value((const char *const *)c->node_labels[i]->values,
			c->node_labels[i]->n_values));
	for (size_t i = 0; i < c->n_rules; i++)
		json_array_append_new(rules,
		    json_pack("{s:o, s:o}", "resources",
			strings_value((const char *const *)c->rules[i]->resources,
			    c->rules[i]->n_resources),
			"verbs",
			strings_value((const char *const *)c->rules[i]->verbs,
			    c->rules[i]->n_verbs)));
	json_object_set_new(v, "logins",
	    strings_value((const char *const *)c->logins, c->n_logins));
	json_object_set_new(v, "node_labels", labels);
	json_object_set_new(v, "rules", rules);
	return v;
}

json_t *
role_to_json(const Auth__Role *r)
{
	static const Auth__RoleOptions none = AUTH__ROLE_OPTIONS__INIT;
	const Auth__RoleOptions *o = r->options ? r->options : &none;
	char ttl[48];

	str_duration_text(o->max_session_ttl_s, ttl, sizeof ttl);
	return json_pack("{s:s, s:s, s:{s:s}, s:{s:{s:s, s:b, s:b, s:b, s:b}, s:o, s:o}}", "kind",
	    "role", "version", "v1", "metadata", "name", r->name, "spec", "options",
	    "max_session_ttl", o->max_session_ttl_s ? ttl : "0", "forward_agent", o->forward_agent,
	    "port_forwarding", o->port_forwarding, "pin_source_ip", o->pin_source_ip, "permit_pty",
	    o->permit_pty, "allow", conditions_value(r->allow), "deny", conditions_value(r->deny));
}

/* --- from JSON ------------------------------------------------------------------------------ */

/* Everything of a role is allocated as protobuf-c would, so that role_free is its free. */
static void *
message(const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *m = calloc(1, type->sizeof_message);

	if (m)
		protobuf_c_message_init(type, m);
	return m;
}

/* A string or a list of strings. */
static int
get_strings(const json_t *v, const char *key, char ***ret, size_t *ret_n, struct err *e)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 1;

	if (!v)
		return 0;
	if (n > ITEMS_MAX || !(*ret = calloc(n + 1, sizeof **ret)))
		return err_set(e, "%s: more than %d entries", key, ITEMS_MAX);
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_is_array(v) ? json_array_get(v, i) : v;
		const char *s = json_string_value(item);

		/* A zero byte would make it another text. */
		if (!s || strlen(s) != json_string_length(item) || !((*ret)[i] = strdup(s)))
			return err_set(e, "%s must be text or a list of texts", key);
		(*ret_n)++;
	}
	return 0;
}

static int
check_keys(const json_t *object, const char *where, const char *const *known, struct err *e)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return err_set(e, "%s must be a mapping", where);
	json_object_foreach ((json_t *)object, key, value) {
		bool found = false;

		for (size_t i = 0; known[i]; i++)
			found |= strcmp(known[i], key) == 0;
		if (!found)
			return err_set(e, "%s: unknown key %s", where, key);
	}
	return 0;
}

static int
get_labels(Auth__RoleConditions *c, const json_t *v, struct err *e)
{
	const char *key;
	json_t *value;

	if (!v)
		return 0;
	if (!json_is_object(v) || json_object_size(v) > ITEMS_MAX)
		return err_set(e, "node_labels must be a mapping of at most %d labels", ITEMS_MAX);
	if (!(c->node_labels = calloc(json_object_size(v) + 1, sizeof *c->node_labels)))
		return err_set(e, "out of memory");
	json_object_foreach ((json_t *)v, key, value) {
		Auth__LabelRule *l = message(&auth__label_rule__descriptor);

		if (!l)
			return err_set(e, "out of memory");
		c->node_labels[c->n_node_labels++] = l;
		l->key = strdup(key);
		if (get_strings(value, key, (char ***)&l->values, &l->n_values, e) < 0)
			return -1;
	}
	return 0;
}

static int
get_rules(Auth__RoleConditions *c, const json_t *v, struct err *e)
{
	static const char *const known[] = { "resources", "verbs", NULL };

	if (!v)
		return 0;
	if (!json_is_array(v) || json_array_size(v) > ITEMS_MAX)
		return err_set(e, "rules must be a list of at most %d rules", ITEMS_MAX);
	if (!(c->rules = calloc(json_array_size(v) + 1, sizeof *c->rules)))
		return err_set(e, "out of memory");
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *rule = json_array_get(v, i);
		Auth__VerbRule *r = message(&auth__verb_rule__descriptor);

		if (!r)
			return err_set(e, "out of memory");
		c->rules[c->n_rules++] = r;
		if (check_keys(rule, "rules", known, e) < 0 ||
		    get_strings(json_object_get(rule, "resources"), "resources",
			(char ***)&r->resources, &r->n_resources, e) < 0 ||
		    get_strings(json_object_get(rule, "verbs"), "verbs", (char ***)&r->verbs,
			&r->n_verbs, e) < 0)
			return -1;
	}
	return 0;
}

static int
get_conditions(Auth__RoleConditions **ret, const json_t *v, const char *where, struct err *e)
{
	static const char *const known[] = { "logins", "node_labels", "rules", NULL };
	Auth__RoleConditions *c = *ret = message(&auth__role_conditions__descriptor);

	if (!c)
		return err_set(e, "out of memory");
	if (!v)
		return 0;
	if (check_keys(v, where, known, e) < 0 ||
	    get_strings(json_object_get(v, "logins"), "logins", (char ***)&c->logins, &c->n_logins,
		e) < 0 ||
	    get_labels(c, json_object_get(v, "node_labels"), e) < 0)
		return -1;
	return get_rules(c, json_object_get(v, "rules"), e);
}

static int
get_switch(const json_t *options, const char *key, bool fallback, protobuf_c_boolean *ret,
    struct err *e)
{
	const json_t *v = json_object_get(options, key);

	*ret = v ? json_is_true(v) : fallback;
	return !v || json_is_boolean(v) ? 0 : err_set(e, "options: %s must be true or false", key);
}

/* A duration, or seconds as a number; 0: no limit of the role's own. */
static int
get_ttl(const json_t *v, int64_t *ret, struct err *e)
{
	char text[32];
	bool fits;

	if (!v) {
		*ret = TTL_S;
		return 0;
	}
	fits = json_is_integer(v)
	    ? str_format(text, sizeof text, "%lld", (long long)json_integer_value(v))
	    : json_is_string(v) && str_copy(text, sizeof text, json_string_value(v));
	*ret = 0;
	return fits && (strcmp(text, "0") == 0 || str_duration(text, ret))
	    ? 0
	    : err_set(e, "options: max_session_ttl must be a duration like 8h");
}

static int
get_options(Auth__RoleOptions **ret, const json_t *v, struct err *e)
{
	static const char *const known[] = {
		"max_session_ttl",
		"forward_agent",
		"port_forwarding",
		"pin_source_ip",
		"permit_pty",
		NULL,
	};
	Auth__RoleOptions *o = *ret = message(&auth__role_options__descriptor);

	if (!o)
		return err_set(e, "out of memory");
	if (v && check_keys(v, "options", known, e) < 0)
		return -1;
	if (get_ttl(json_object_get(v, "max_session_ttl"), &o->max_session_ttl_s, e) < 0)
		return -1;
	return get_switch(v, "forward_agent", false, &o->forward_agent, e) < 0 ||
		get_switch(v, "port_forwarding", false, &o->port_forwarding, e) < 0 ||
		get_switch(v, "pin_source_ip", false, &o->pin_source_ip, e) < 0 ||
		get_switch(v, "permit_pty", true, &o->permit_pty, e) < 0
	    ? -1
	    : 0;
}

static int
fill(Auth__Role *r, const json_t *v, struct err *e)
{
	static const char *const top[] = { "kind", "version", "metadata", "spec", NULL };
	static const char *const inner[] = { "options", "allow", "deny", NULL };
	static const char *const head[] = { "name", NULL };
	const char *kind = json_string_value(json_object_get(v, "kind"));
	const char *name = json_string_value(
	    json_object_get(json_object_get(v, "metadata"), "name"));
	const json_t *spec = json_object_get(v, "spec"), *version = json_object_get(v, "version");

	if (check_keys(v, "role", top, e) < 0)
		return -1;
	if (!kind || strcmp(kind, "role") != 0)
		return err_set(e, "kind must be role");
	if (version && (!json_is_string(version) || strcmp(json_string_value(version), "v1") != 0))
		return err_set(e, "version must be v1");
	if (json_object_get(v, "metadata") &&
	    check_keys(json_object_get(v, "metadata"), "metadata", head, e) < 0)
		return -1;
	if (!name || !*name || !(r->name = strdup(name)))
		return err_set(e, "metadata.name is missing");
	if (check_keys(spec, "spec", inner, e) < 0 ||
	    get_options(&r->options, json_object_get(spec, "options"), e) < 0 ||
	    get_conditions(&r->allow, json_object_get(spec, "allow"), "allow", e) < 0)
		return -1;
	return get_conditions(&r->deny, json_object_get(spec, "deny"), "deny", e);
}

int
role_from_json(Auth__Role **ret, const json_t *value, struct err *e)
{
	Auth__Role *r = message(&auth__role__descriptor);

	if (!r)
		return err_set(e, "out of memory");
	if (fill(r, value, e) < 0) {
		role_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void
role_free(Auth__Role *role)
{
	if (role)
		protobuf_c_message_free_unpacked(&role->base, NULL);
}
