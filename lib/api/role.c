/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role: from sallyport.auth.Role to struct policy_role. Pure. Called by whoever watches authd.
 */
#include "api/role.h"

static int
conditions_of(struct arena *arena, const Auth__RoleConditions *m, struct policy_conditions *ret)
{
	if (!m)
		return 0;
	/* Such a role is lost and counts against whoever has it: a list that was cut might lack
	 * what denies. */
	if (m->n_logins > POLICY_LIST_MAX || m->n_node_labels > POLICY_LIST_MAX ||
	    m->n_rules > POLICY_LIST_MAX)
		return -1;
	struct policy_label_rule *labels = arena_alloc(arena,
	    (m->n_node_labels + 1) * sizeof(*labels));
	struct policy_verb_rule *rules = arena_alloc(arena, (m->n_rules + 1) * sizeof(*rules));
	if (!labels || !rules)
		return -1;
	for (size_t i = 0; i < m->n_node_labels; i++) {
		const Auth__LabelRule *from = m->node_labels[i];
		labels[i] = (struct policy_label_rule){ from->key,
			{ from->values, from->n_values } };
	}
	for (size_t i = 0; i < m->n_rules; i++) {
		const Auth__VerbRule *from = m->rules[i];
		rules[i] = (struct policy_verb_rule){ { from->resources, from->n_resources },
			{ from->verbs, from->n_verbs } };
	}
	*ret = (struct policy_conditions){ { m->logins, m->n_logins }, labels, m->n_node_labels,
		rules, m->n_rules };
	return 0;
}

const struct policy_role *
api_role_of(struct arena *arena, const Auth__Role *m)
{
	struct policy_role *role = arena_alloc(arena, sizeof(*role));

	if (!role || conditions_of(arena, m->allow, &role->allow) ||
	    conditions_of(arena, m->deny, &role->deny))
		return NULL;
	role->name = m->name;
	/* Without options all of them are off. */
	if (m->options)
		role->options = (struct policy_options){
			.max_session_ttl_s = m->options->max_session_ttl_s,
			.forward_agent = m->options->forward_agent,
			.port_forwarding = m->options->port_forwarding,
			.permit_pty = m->options->permit_pty,
			.pin_source_ip = m->options->pin_source_ip,
			.omit_input = m->options->omit_input,
			.record_limit = m->options->record_limit,
			.client_idle_timeout_s = m->options->client_idle_timeout_s,
		};
	return role;
}
