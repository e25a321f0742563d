/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve: see resolve.h. Called by relay.c for each direct-tcpip channel.
 *
 * A UUID names one node. A name may be borne by several: then those that can be reached now
 * count, and if that leaves more than one, the person must say which.
 */
#include "proxy/resolve.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { HOST_MAX = 300, NAMED_MAX = 4, SSH_PORT = 22, NODE_PORT = 3022 };

struct found {
	const struct replica_host *node[NAMED_MAX];
	size_t n; /* may pass NAMED_MAX */
	const struct replica_host *offline;
	struct err closed; /* "": none that is closed whatever roles allow; else why */
};

/* Cuts ".cluster" off; without one the name stays. */
static bool
bare_name(const char *host, const char *cluster, char dst[HOST_MAX])
{
	size_t n = strlen(host), c = strlen(cluster);

	if (n == 0 || !str_copy(dst, HOST_MAX, host))
		return false;
	if (n > c + 1 && host[n - c - 1] == '.' && strcasecmp(host + n - c, cluster) == 0)
		dst[n - c - 1] = '\0';
	return true;
}

/* UUIDs are kept in lower case; people paste them as they find them. */
static const struct replica_host *
host_by_uuid(struct replica *replica, const char *text)
{
	char uuid[HOST_MAX];
	size_t i = 0;

	for (; text[i] && i < HOST_MAX - 1; i++)
		uuid[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
	uuid[i] = '\0';
	return replica_host(replica, uuid);
}

static bool
is_address_of(const struct replica_host *node, const char *host, uint32_t port)
{
	char ip[HOST_MAX];
	uint16_t node_port;

	if (node->address[0] == '\0' ||
	    !str_host_port(node->address, NODE_PORT, ip, sizeof(ip), &node_port))
		return false;
	return strcasecmp(ip, host) == 0 &&
	    (port == node_port || port == SSH_PORT || port == NODE_PORT);
}

static bool
is_reachable(const struct resolve_query *q, const struct replica_host *node)
{
	/* An address is a promise only: whether something listens there shows when it is
	 * dialled. */
	return node->address[0] != '\0' || q->has_tunnel(node->uuid, q->arg);
}

/* Whatever the roles allow. */
static bool
is_closed(struct replica *replica, const struct subject *who, const struct replica_host *host,
    struct err *e)
{
	return replica_denies(replica,
		   &(struct policy_identity){ .user = who->name,
		       .roles = who->roles,
		       .host = host->uuid,
		       .host_name = host->name },
		   e) != 0;
}

static int
may_see(struct replica *replica, const struct subject *who, const struct replica_host *host,
    struct err *e)
{
	struct policy_decision decision;
	struct subject_view view;

	if (subject_view(who, replica_role, replica, &view, e) < 0)
		return -1;
	if (policy_see_node(&view.user, host->labels, &decision))
		return 0;
	return err_set(e, "you may no longer reach node %s: %s", host->name, decision.reason);
}

int
resolve_may_see(struct replica *replica, const struct subject *who, const struct replica_host *host,
    struct err *e)
{
	if (!host)
		return err_set(e, "the node is no longer part of the cluster");
	if (may_see(replica, who, host, e) < 0)
		return -1;
	return is_closed(replica, who, host, e) ? -1 : 0;
}

static void
take(struct found *f, const struct resolve_query *q, const struct replica_host *node)
{
	/* Only whoever may see it learns that it is closed, also when it is silent for that. One that
	 * is silent is not listed, whether or not it still keeps a tunnel. */
	if (strcmp(node->kind, "node") != 0 || may_see(q->replica, q->who, node, NULL) < 0 ||
	    is_closed(q->replica, q->who, node, &f->closed) || !node->online)
		return;
	if (!is_reachable(q, node)) {
		f->offline = node;
		return;
	}
	if (f->n < NAMED_MAX)
		f->node[f->n] = node;
	f->n++;
}

static void
take_all_named(struct found *f, const struct resolve_query *q, const char *name, uint32_t port)
{
	const struct replica_host *node;
	size_t pos = 0;

	while (replica_next_host(q->replica, &pos, &node))
		/* As names in DNS, in any case of letters. */
		if (strcasecmp(node->name, name) == 0)
			take(f, q, node);
	/* A node says its address itself: it must not stand beside one that bears the name. */
	if (f->n > 0 || f->offline)
		return;
	pos = 0;
	while (replica_next_host(q->replica, &pos, &node))
		if (is_address_of(node, name, port))
			take(f, q, node);
}

static int
say_ambiguous(const struct found *f, const char *name, struct err *e)
{
	char list[NAMED_MAX * 40] = "";
	size_t n = f->n < NAMED_MAX ? f->n : NAMED_MAX, at = 0;

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "",
		    f->node[i]->uuid);
	(void)err_set(e, "%zu nodes are named %s; use the UUID: %s%s", f->n, name, list,
	    f->n > n ? ", ..." : "");
	return RESOLVE_E_AMBIGUOUS;
}

/* 0, or RESOLVE_E_* with a line for the person. */
static int
choose(const struct replica_host **ret, const struct found *f, const char *name, struct err *e)
{
	if (f->n == 1) {
		*ret = f->node[0];
		return 0;
	}
	if (f->n > 1)
		return say_ambiguous(f, name, e);
	if (f->closed.text[0]) {
		*e = f->closed;
		return RESOLVE_E_CLOSED;
	}
	if (f->offline) {
		(void)err_set(e, "node %s is offline: it keeps no tunnel to this proxy now", name);
		return RESOLVE_E_OFFLINE;
	}
	/* The same words for a node that there is not and one that he may not see: nobody learns
	 * names by asking. */
	(void)err_set(e, "no node \"%s\" that you may see; tsh ls lists yours", name);
	return RESOLVE_E_UNKNOWN;
}

int
resolve(const struct replica_host **ret, const struct resolve_query *q, const char *host,
    uint32_t port, struct err *e)
{
	char name[HOST_MAX], clean[HOST_MAX];
	struct found f = { .n = 0 };
	const struct replica_host *node;
	int r;

	*ret = NULL;
	if (!bare_name(host, q->cluster, name)) {
		(void)err_set(e, "not a node's name");
		return RESOLVE_E_UNKNOWN;
	}
	str_clean(clean, sizeof(clean), name, strlen(name));
	/* By its UUID first, which is the replica's key: no name can stand in for one, since names that look
	 * like UUIDs are refused at join. */
	node = host_by_uuid(q->replica, name);
	if (node)
		take(&f, q, node);
	else
		take_all_named(&f, q, name, port);
	r = choose(ret, &f, clean, e);
	if (r != 0 || is_address_of(*ret, name, port) || port == NODE_PORT || port == SSH_PORT ||
	    port == 0)
		return r;
	*ret = NULL;
	(void)err_set(e, "port %u of node %s is not SSH; connect to port %d and forward from there",
	    (unsigned)port, clean, NODE_PORT);
	return RESOLVE_E_PORT;
}
