/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_nodes: ListNodes, RemoveNode, LabelNode, for people. The noun is host.c.
 */
#include <string.h>

#include "auth/host_place.h"
#include "auth/rights.h"
#include "auth/rpc_faces.h"
#include "auth/rpc_node_message.h"
#include "base/str.h"

/* --- list --------------------------------------------------------------------------------- */

/* Every label that is asked for, as a selector of `tsh ls` has it. */
static bool
selected(const Auth__ListNodesRequest *m, const struct host *n)
{
	for (size_t i = 0; i < m->n_selector; i++) {
		struct policy_label want = { m->selector[i]->key, m->selector[i]->value };

		if (!policy_label_matches(&want, labels_view(&n->labels)))
			return false;
	}
	return true;
}

static bool
holds(const struct host *n, const char *word)
{
	if (strcasestr(n->name, word) || strcasestr(n->uuid, word) || strcasestr(n->address, word))
		return true;
	for (size_t i = 0; i < n->labels.n; i++)
		if (strcasestr(n->labels.v[i].key, word) || strcasestr(n->labels.v[i].value, word))
			return true;
	return false;
}

/* Every word of "a,b" somewhere. */
static bool
found(const char *search, const struct host *n)
{
	char text[1024], *words[32];
	size_t count;

	str_copy(text, sizeof(text), search);
	count = str_split(text, ',', words, sizeof(words) / sizeof(words[0]));
	for (size_t i = 0; i < count; i++)
		if (!holds(n, words[i]))
			return false;
	return true;
}

bool
nodes_visible(const struct access_person *p, const struct host *n)
{
	/* Whoever removes a node must be able to find it. */
	if (p->local || policy_verb(&p->view.user, "node", "delete", NULL))
		return true;
	return policy_see_node(&p->view.user, labels_view(&n->labels), NULL);
}

static const char *
place_text(struct face_list *l, const Auth__Node *last)
{
	char text[HOST_PLACE_SIZE];

	host_place_text(last->uuid, last->name, text);
	return face_text(l, text);
}

/* All from there on that the caller sees, in order. Proxies and audit daemons are in the registry too, and are no hosts to
 * log in to. */
static void
find_nodes(struct rpc_call *call, const Auth__ListNodesRequest *m, const struct access_person *p,
    struct face_list *ret)
{
	struct host_place from;
	struct host *n;
	size_t pos = 0;

	if (!host_place_read(m->after, &from))
		return;
	while (host_next(rpc_context(call), &pos, &n) && !ret->failed)
		/* What costs most is asked last. */
		if (n->online != m->offline && strcmp(n->kind, "node") == 0 &&
		    host_is_behind(n, &from) && selected(m, n) && found(m->search, n) &&
		    nodes_visible(p, n))
			face_list_add(ret, n);
	host_place_sort((struct host **)(void *)ret->v, ret->n);
}

/* As face_page_add. */
static int
fill(struct face_list *page, const struct face_list *hosts)
{
	int rc = hosts->failed ? -1 : 0;

	for (size_t i = 0; rc == 0 && i < hosts->n; i++) {
		const Auth__Node *m = node_message(&page->arena, hosts->v[i]);

		rc = m ? face_page_add(page, &m->base) : -1;
	}
	return rc;
}

static void
reply_nodes(struct rpc_call *call, const Auth__ListNodesRequest *m, const struct access_person *p)
{
	Auth__NodeList reply = AUTH__NODE_LIST__INIT;
	struct face_list hosts, page;
	int rc;

	face_list_init(&hosts);
	face_list_init(&page);
	page.limit = m->limit;
	find_nodes(call, m, p, &hosts);
	rc = fill(&page, &hosts);
	reply.n_nodes = page.n;
	reply.nodes = (Auth__Node **)(void *)page.v;
	if (rc == FACE_FULL)
		reply.next = place_text(&page, reply.nodes[page.n - 1]);
	/* Half a list would look like all of it. */
	if (rc < 0 || page.failed)
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	else
		auth_list_nodes_reply(call, &reply);
	face_list_done(&hosts);
	face_list_done(&page);
}

static void
on_list(struct rpc_call *call, const Auth__ListNodesRequest *m)
{
	struct access_person p;

	if (m->offline && !access_allows(call, "node", "delete"))
		return;
	if (access_person(call, &p))
		reply_nodes(call, m, &p);
	access_person_done(&p);
}

/* --- remove, label --------------------------------------------------------------------------- */

/* What an event says of a host: a copy, because a removal is written down when it has happened. */
struct noted {
	char uuid[sizeof(((struct host *)0)->uuid)];
	char name[HOST_NAME_SIZE];
	char kind[sizeof(((struct host *)0)->kind)];
};

static void
noted_of(const struct host *n, struct noted *ret)
{
	str_copy(ret->uuid, sizeof(ret->uuid), n->uuid);
	str_copy(ret->name, sizeof(ret->name), n->name);
	str_copy(ret->kind, sizeof(ret->kind), n->kind);
}

static void
note(struct rpc_call *call, enum event_id id, const struct noted *n)
{
	struct audit_event ev = { .id = id,
		.node = span_str(n->uuid),
		.node_name = span_str(n->name) };

	event_put_text(&ev, EVENT_KEY_NAME, n->name);
	event_put_text(&ev, EVENT_KEY_ROLE, n->kind);
	(void)events_write(rpc_context(call), rpc_peer(call), &ev);
}

/* Others believe a certificate whether authd knows its host or not. What kind of host it was nobody can say, so it takes the
 * right to remove any. */
static int
remove_unknown(struct auth *a, const struct access_person *p, const char *uuid, struct noted *what,
    struct err *e)
{
	struct err ignored;

	/* e says already that there is none. */
	if (!uuid_is_good(uuid) || rights_over_kind(p, "proxy", "node", &ignored) != 0)
		return AUTH_E_NOT_FOUND;
	*what = (struct noted){ .kind = "unknown" };
	str_copy(what->uuid, sizeof(what->uuid), uuid);
	str_copy(what->name, sizeof(what->name), uuid);
	return host_cut_unknown(a, uuid, e);
}

static int
remove_known(struct auth *a, const struct access_person *p, struct host *n, struct noted *what,
    struct err *e)
{
	int rc = rights_over_kind(p, n->kind, "node", e);

	if (rc != 0)
		return rc;
	noted_of(n, what);
	/* n is freed by this. */
	return host_remove(a, n, e);
}

static void
on_remove(struct rpc_call *call, const Auth__Name *m)
{
	struct auth *a = rpc_context(call);
	struct access_person p;
	struct noted what;
	struct host *n;
	struct err e;
	int rc;

	if (!access_changer(call, "node", "delete", &p)) {
		access_person_done(&p);
		return;
	}
	rc = host_by_name(a, m->name, &n, &e);
	if (rc == 0)
		rc = remove_known(a, &p, n, &what, &e);
	else if (rc == AUTH_E_NOT_FOUND)
		rc = remove_unknown(a, &p, m->name, &what, &e);
	access_person_done(&p);
	if (rc == 0) {
		note(call, EVENT_NODE_REMOVE, &what);
		face_done(call);
	} else {
		access_fail(call, rc, &e);
	}
}

/* Labels are what roles go by: who gives them gives access. */
static int
relabel(struct auth *a, const struct access_person *p, const Auth__LabelsRequest *m,
    struct host **ret, struct err *e)
{
	struct labels set = { 0 }, after = { 0 };
	char *const *remove = (char **)(void *)m->remove;
	int rc = face_labels(&set, m->set, m->n_set, e);

	if (rc == 0)
		rc = host_by_name(a, m->node, ret, e);
	if (rc == 0)
		rc = host_labels_after(*ret, &set, remove, m->n_remove, &after, e);
	if (rc == 0)
		rc = rights_over_labels(a, p, *ret, &after, e);
	if (rc == 0)
		rc = host_label(a, *ret, &set, remove, m->n_remove, e);
	labels_done(&set);
	labels_done(&after);
	return rc;
}

static void
on_label(struct rpc_call *call, const Auth__LabelsRequest *m)
{
	struct access_person p;
	struct noted what;
	struct host *n = NULL;
	struct err e;
	int rc;

	if (!access_changer(call, "node", "update", &p)) {
		access_person_done(&p);
		return;
	}
	rc = relabel(rpc_context(call), &p, m, &n, &e);
	access_person_done(&p);
	if (rc == 0) {
		noted_of(n, &what);
		note(call, EVENT_NODE_UPDATE, &what);
		face_done(call);
	} else {
		access_fail(call, rc, &e);
	}
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(ListNodes, WHO_PEOPLE, on_list),
	AUTH_METHOD(RemoveNode, WHO_PEOPLE, on_remove),
	AUTH_METHOD(LabelNode, WHO_PEOPLE, on_label),
};
const struct face face_nodes = { rows, sizeof(rows) / sizeof(rows[0]) };
