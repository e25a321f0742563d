/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resource: what authd keeps, by kinds. A kind is one row of resource.def; loading, saving with
 * the revision that was read, walking, removing, expiry and the copies in memory are written here,
 * once. The nouns (user.c, host.c, role.c, token.c, invite.c, lockout.c) add their rules and call
 * these functions; touches the store and memory.
 *
 * A kind's object is a plain struct (stored.h, struct stored_form). The copies of a cached kind are
 * authd's truth: they live on the heap, belong to the cache and are found without the store.
 *
 * Returns: 0, AUTH_E_* as said, or negative: the store failed, a record is damaged, no memory.
 */
#ifndef AUTH_RESOURCE_H
#define AUTH_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/event.h"
#include "auth/values.h"
#include "base/buf.h"
#include "policy/policy.h"

struct access_person;
struct auth;
struct map;
struct stored_form;

enum resource_kind {
#define RESOURCE(id, noun, ...) RESOURCE_##id,
#include "auth/resource.def"
#undef RESOURCE
	RESOURCE_KINDS
};

/* What a noun adds to its kind; every function may be NULL. */
struct resource_hooks {
	/* Cached kinds: fills members that are not stored, after reading and before every saving.
	 * Negative: the object is not possible. */
	int (*derive)(struct auth *a, void *object);
	/* Kinds that people manage as files: whether the object makes sense; may fill in what its
	 * author left out. old: the one it replaces, or NULL. 0 or AUTH_E_*, with a line that begins with the place
	 * ("allow.logins[2]: ...", policy_role_check), from which editors show the line. */
	int (*check)(struct auth *a, void *object, const void *old, struct err *e);
	/* Kinds that people manage as files: whether this caller may, whose roles allow the verb (rights.h). next NULL:
	 * it goes; old NULL: there was none; both NULL: there is one that cannot be read, and it goes. 0 or AUTH_E_*. */
	int (*may_change)(struct auth *a, const struct access_person *by, const void *next,
	    const void *old, struct err *e);
	/* Kinds that people manage as files: writes into the object who made it, whatever its author says of that. */
	void (*sign)(void *object, const struct access_person *by);
	/* 0 or AUTH_E_*. */
	int (*may_remove)(struct auth *a, const void *object, struct err *e);
	/* Cached kinds that close doors: whether this one does, now, with a line for whoever is
	 * refused. */
	bool (*denies)(const void *object, const struct policy_identity *who, int64_t now_ms,
	    struct err *e);
	/* What it is about, for its events. */
	void (*describe)(const void *object, char *dst, size_t size);
};

/* What the nouns export: NOUN_form (stored.h) and, when the row names them, NOUN_hooks. */
#define RESOURCE(id, noun, ...)                      \
	extern const struct stored_form noun##_form; \
	extern const struct resource_hooks noun##_hooks;
#include "auth/resource.def"
#undef RESOURCE

/* A row of resource.def. */
struct resource {
	const char *name;   /* "role" */
	const char *prefix; /* of its keys in the store: "role/" */
	const struct stored_form *form;
	const struct resource_hooks *hooks; /* NULL: none */
	size_t max;                         /* how many there may be */
	bool cached;                        /* every one is in memory */
	const char *where; /* shows people what there is: "`tctl users ls`"; NULL: they never ask */
	/* Cached kinds that people manage as files (GetResources, PutResource, RemoveResource): a
	 * file is the stored message, and `name` the resource of the rules that decide. */
	bool is_file;
	unsigned watched_by; /* enum rpc_who: which callers may watch it, under its name */
	/* What watchers get: appends the present value to b. 0, WATCH_GONE or negative without
	 * memory. NULL: the stored message as it is. */
	int (*pack)(struct auth *a, const char *key, struct buf *b);
	const char
	    *tells; /* the kind, of the same keys, of which a change of this one is a change */
	enum event_id created, updated, removed; /* with is_file: what is written down */
};
enum { WATCH_GONE = 1 };
/* In rpc_watch_kinds.c. */
int watch_pack_user(struct auth *a, const char *key, struct buf *b);
int watch_pack_host(struct auth *a, const char *key, struct buf *b);
int watch_pack_web_session(struct auth *a, const char *key, struct buf *b);

extern const struct resource resource_table[RESOURCE_KINDS];

struct resources {
	struct map *cached[RESOURCE_KINDS]; /* by key; NULL for kinds that are not */
	size_t damaged[RESOURCE_KINDS];     /* records of cached kinds that could not be read */
};

/* Reads every cached kind; records that are damaged are logged and left out. */
int resources_load(struct auth *a, struct err *e);
void resources_done(struct auth *a);
/* Drops from memory what has expired; the store's own sweep takes it off the disk. */
void resources_sweep(struct auth *a);

/* A zeroed object on the heap, or NULL. */
void *resource_new(enum resource_kind kind);
/* Empties an object (and zeroes its secrets); free also returns its memory, NULL is fine. */
void resource_done(enum resource_kind kind, void *object);
void resource_free(enum resource_kind kind, void *object);

/* Fills *ret, which resource_done must empty in any case. AUTH_E_NOT_FOUND. */
int
resource_load(struct auth *a, enum resource_kind kind, const char *key, void *ret, struct err *e);
/* Writes under the object's own key, over the revision in it (STORE_ABSENT: must be new; STORE_ANY),
 * which becomes the new one, until its expires_at. Of a cached kind the object is on the heap, and
 * after 0 belongs to the cache in place of the one that had the key. AUTH_E_STATE: somebody was
 * faster, or it exists already; also: there are too many. */
int resource_save(struct auth *a, enum resource_kind kind, void *object, struct err *e);
/* Off the disk. Of a cached kind the copy in memory stays until resource_forget, so that a
 * transaction may still be rolled back. AUTH_E_NOT_FOUND. */
int resource_remove(struct auth *a, enum resource_kind kind, const char *key, struct err *e);
void resource_forget(struct auth *a, enum resource_kind kind, const char *key);

/* What somebody wants to be kept, as bytes that wire_check has seen. */
struct resource_file {
	enum resource_kind kind;
	const char *name;  /* "": the one in the value, or one that the kind makes up */
	struct span value; /* the stored message, packed */
	uint64_t revision; /* STORE_ABSENT, STORE_ANY, or the one that was read */
	const struct access_person *by;
	/* what came of it */
	bool replaced;    /* one that was there */
	const void *kept; /* as it is now in memory */
};
/* For kinds that are files. AUTH_E_INVALID, AUTH_E_EXISTS, AUTH_E_STATE, AUTH_E_DENIED. */
int resource_put(struct auth *a, struct resource_file *file, struct err *e);
/* The same for their removal. AUTH_E_NOT_FOUND, AUTH_E_STATE, AUTH_E_DENIED. */
int resource_drop(struct auth *a, enum resource_kind kind, const char *key,
    const struct access_person *by, struct err *e);
/* The kind of file of that name; RESOURCE_KINDS: there is none. */
enum resource_kind resource_kind_of(const char *name);
/* Whether a resource of any kind closes the door for this identity: 0, or AUTH_E_DENIED with a line
 * that says why. One that cannot be read closes it for everybody but root on this host. */
int resource_denies(struct auth *a, const struct policy_identity *who, struct err *e);
/* "" when the kind says nothing. */
void resource_describe(enum resource_kind kind, const void *object, char *dst, size_t size);
const char *resource_key(enum resource_kind kind, const void *object);
uint64_t resource_revision(enum resource_kind kind, const void *object);

/* In the order of the keys, from the store; fn must not change the store and may stop with a value
 * other than 0, which is returned. The object is emptied afterwards. */
int resource_each(struct auth *a, enum resource_kind kind, int (*fn)(const void *object, void *arg),
    void *arg);
/* The same for those whose key sorts after `after` ("": all). */
int resource_each_after(struct auth *a, enum resource_kind kind, const char *after,
    int (*fn)(const void *object, void *arg), void *arg);
/* Removes all for which fn answers true. */
int resource_remove_if(struct auth *a, enum resource_kind kind,
    bool (*fn)(const void *object, void *arg), void *arg, struct err *e);

/* Cached kinds: NULL when there is none; in no order. */
void *resource_find(struct auth *a, enum resource_kind kind, const char *key);
bool resource_next(struct auth *a, enum resource_kind kind, size_t *pos, void **ret);

/* Everything between happens or nothing does: end takes the result so far, commits when it is 0,
 * rolls back otherwise, and returns what came of it. */
int resource_begin(struct auth *a, struct err *e);
int resource_end(struct auth *a, int rc, struct err *e);

#endif
