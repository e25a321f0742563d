/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_resources: GetResources, PutResource, RemoveResource: what people manage as files, by the
 * rows of resource.def. A row says whose rules decide and which events are written.
 */
#include <string.h>

#include "auth/resource.h"
#include "auth/rpc_faces.h"
#include "auth/rpc_tokens.h"
#include "auth/stored.h"
#include "rpc/bytes.h"
#include "rpc/wire_check.h"

enum { TARGET_MAX = 1024 };

static void
note(struct rpc_call *call, enum event_id id, const char *name, const char *target)
{
	struct audit_event ev = { .id = id };

	event_put_text(&ev, EVENT_KEY_NAME, name);
	event_put_text(&ev, EVENT_KEY_TARGET, *target ? target : NULL);
	(void)events_write(rpc_context(call), rpc_peer(call), &ev);
}

/* False: answered. */
static bool
kind_from(struct rpc_call *call, const char *name, enum resource_kind *ret)
{
	*ret = resource_kind_of(name);
	if (*ret != RESOURCE_KINDS)
		return true;
	rpc_finish(call, RPC_INVALID_ARGUMENT, "there is no such kind of resource here");
	return false;
}

/* --- get -------------------------------------------------------------------------------------- */

struct listing {
	enum resource_kind kind;
	struct face_list list;
};

/* As face_page_add. */
static int
add(const void *object, void *arg)
{
	struct listing *l = arg;
	Auth__Resource *m = arena_alloc(&l->list.arena, sizeof(*m));
	struct buf value;
	uint8_t *copy = NULL;

	buf_init(&value, STORE_VALUE_MAX);
	if (m && stored_pack(resource_table[l->kind].form, object, &value))
		/* One more, since an empty value is a value too, and no failure. */
		copy = arena_alloc(&l->list.arena, value.len + 1);
	if (copy) {
		memcpy(copy, buf_head(&value), value.len);
		auth__resource__init(m);
		m->kind = resource_table[l->kind].name;
		m->name = face_text(&l->list, resource_key(l->kind, object));
		m->revision = resource_revision(l->kind, object);
		m->value = (ProtobufCBinaryData){ value.len, copy };
	}
	buf_done(&value);
	return copy && !l->list.failed ? face_page_add(&l->list, &m->base) : -1;
}

/* Damaged ones are not found here: tctl shows what there is, and rm removes them by name. */
static int
add_one(struct auth *a, const char *name, struct listing *l)
{
	const void *object = resource_find(a, l->kind, name);

	return object ? add(object, l) : 0;
}

static void
on_get(struct rpc_call *call, const Auth__GetResourcesRequest *m)
{
	Auth__ResourceList reply = AUTH__RESOURCE_LIST__INIT;
	struct auth *a = rpc_context(call);
	struct listing l;
	int rc;

	if (!kind_from(call, m->kind, &l.kind) ||
	    !access_allows(call, resource_table[l.kind].name, "list"))
		return;
	face_list_init(&l.list);
	l.list.limit = m->limit;
	rc = m->name[0] ? add_one(a, m->name, &l)
			: resource_each_after(a, l.kind, m->after, add, &l);
	reply.n_resources = l.list.n;
	reply.resources = (Auth__Resource **)(void *)l.list.v;
	if (rc == FACE_FULL)
		reply.next = reply.resources[reply.n_resources - 1]->name;
	if (rc < 0)
		rpc_finish(call, RPC_INTERNAL,
		    "they could not be read; the log of authd has the cause");
	else
		auth_get_resources_reply(call, &reply);
	face_list_done(&l.list);
}

/* --- put -------------------------------------------------------------------------------------- */

/* What `tctl create` means: there must be none; `create -f`: whatever is there; `edit`: the one
 * that was shown. */
static uint64_t
condition_of(const Auth__PutResourceRequest *m)
{
	if (!m->replace)
		return STORE_ABSENT;
	return m->resource->revision ? m->resource->revision : STORE_ANY;
}

static void
put(struct rpc_call *call, const Auth__PutResourceRequest *m, struct resource_file *file)
{
	const struct resource *row = &resource_table[file->kind];
	const Auth__Resource *r = m->resource;
	Auth__Resource reply = AUTH__RESOURCE__INIT;
	char target[TARGET_MAX];
	struct err e;
	int rc;

	/* protobuf-c alone takes texts with a NUL in them, and would show less than it keeps. */
	if (!wire_check_message(row->form->message, r->value.data, r->value.len)) {
		rpc_finish(call, RPC_INVALID_ARGUMENT, "the value is not a %s", row->name);
		return;
	}
	file->name = r->name;
	file->value = bytes_span(r->value);
	file->revision = condition_of(m);
	rc = resource_put(rpc_context(call), file, &e);
	if (rc != 0) {
		access_fail(call, rc, &e);
		return;
	}
	reply.kind = row->name;
	reply.name = resource_key(file->kind, file->kept);
	reply.revision = resource_revision(file->kind, file->kept);
	resource_describe(file->kind, file->kept, target, sizeof(target));
	note(call, file->replaced ? row->updated : row->created, reply.name, target);
	rpc_tokens_end_orphans(rpc_context(call), rpc_peer(call));
	auth_put_resource_reply(call, &reply);
}

static void
on_put(struct rpc_call *call, const Auth__PutResourceRequest *m)
{
	struct resource_file file = { 0 };
	struct access_person p;

	if (!m->resource) {
		rpc_finish(call, RPC_INVALID_ARGUMENT, "no resource was given");
		return;
	}
	if (!kind_from(call, m->resource->kind, &file.kind))
		return;
	file.by = &p;
	if (access_changer(call, resource_table[file.kind].name, m->replace ? "update" : "create",
		&p))
		put(call, m, &file);
	access_person_done(&p);
}

/* --- remove ----------------------------------------------------------------------------------- */

static void
on_remove(struct rpc_call *call, const Auth__ResourceRef *m)
{
	enum resource_kind kind;
	struct access_person p;
	char target[TARGET_MAX];
	struct err e;
	int rc;

	if (!kind_from(call, m->kind, &kind))
		return;
	if (!access_changer(call, resource_table[kind].name, "delete", &p)) {
		access_person_done(&p);
		return;
	}
	/* Before it is gone. */
	resource_describe(kind, resource_find(rpc_context(call), kind, m->name), target,
	    sizeof(target));
	rc = resource_drop(rpc_context(call), kind, m->name, &p, &e);
	access_person_done(&p);
	if (rc != 0) {
		access_fail(call, rc, &e);
		return;
	}
	note(call, resource_table[kind].removed, m->name, target);
	rpc_tokens_end_orphans(rpc_context(call), rpc_peer(call));
	face_done(call);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(GetResources, WHO_PEOPLE, on_get),
	AUTH_METHOD(PutResource, WHO_PEOPLE, on_put),
	AUTH_METHOD(RemoveResource, WHO_PEOPLE, on_remove),
};
const struct face face_resources = { rows, sizeof(rows) / sizeof(rows[0]) };
