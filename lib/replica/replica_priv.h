/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica_priv: what the files of lib/replica share. replica.c keeps, replica_kinds.c decodes,
 * replica_feed.c hears authd, replica_file.c is the file, replica_check.c judges.
 */
#ifndef REPLICA_REPLICA_PRIV_H
#define REPLICA_REPLICA_PRIV_H

#include "base/map.h"
#include "replica/replica.h"

enum { REPLICA_KEY_SIZE = 321, REPLICA_EPOCH_SIZE = 65 };

/* --- replica_kinds.c ----------------------------------------------------------------------------- */

struct replica_hooks {
	/* A value of its own, or NULL: not such a message, or no memory. */
	void *(*decode)(const char *key, struct span packed);
	void (*free)(void *value);
	/* Kinds that close doors: whether this one does, now, with a line for whoever is refused.
	 * NULL: not such a kind. */
	bool (*denies)(const void *value, const struct policy_identity *who, int64_t now_ms,
	    struct err *e);
};
#define REPLICA(id, noun, ...) extern const struct replica_hooks replica_##noun##_hooks;
#include "replica/kinds.def"
#undef REPLICA

/* A row of kinds.def. */
struct kind {
	const char *name;
	const struct replica_hooks *hooks;
};
extern const struct kind replica_kinds[REPLICA_KINDS];

/* What hosts and users decode to. */
struct host_value {
	struct replica_host host;
	Auth__Host *message;
	struct policy_label labels[];
};
/* A message, after wire_check; NULL: it is none. message_free may have NULL. */
void *replica_unpack(const ProtobufCMessageDescriptor *type, struct span packed);
void replica_message_free(void *message);

struct user_value {
	struct subject subject;
	Auth__User *message;
};
struct web_value {
	struct replica_web_session session;
	struct subject own;
	Auth__LiveWebSession *message;
};
struct labels_value {
	struct policy_labels labels;
	Auth__OwnLabels *message;
	struct policy_label v[];
};

/* --- replica.c ---------------------------------------------------------------------------- */

/* One thing that authd named. */
struct entry {
	uint64_t mark; /* the snapshot that named it last */
	void *value;   /* NULL: lost */
	size_t n;
	uint8_t packed[]; /* as it came, for the file */
};

/* What is told at the end of the turn. */
struct change {
	bool any, many;
	char key[REPLICA_KEY_SIZE]; /* of the only one */
};

struct replica {
	struct loop *loop;
	struct replica_events events;
	void *arg;
	unsigned wanted;
	struct map *entries[REPLICA_KINDS]; /* struct entry */
	bool blind[REPLICA_KINDS];          /* something of the kind was lost without a trace */
	bool next_blind[REPLICA_KINDS];     /* the same of the snapshot that is coming */
	size_t bytes;                       /* of all packed values */
	struct change changes[REPLICA_KINDS];
	struct deferred tell;
	bool known;
	uint64_t mark;
	/* replica_feed.c */
	struct auth_watch *watch;
	bool connected;
	struct join *join;
	const char *names[REPLICA_KINDS]; /* asked for */
	char epoch[REPLICA_EPOCH_SIZE];   /* "": the next stream brings everything */
	char next_epoch[REPLICA_EPOCH_SIZE];
	uint64_t revision;
	bool filling;   /* a snapshot is coming */
	bool deficient; /* something is lost: the next stream is to bring everything */
	bool said_lost, said_refused;
	struct timer again;
	/* replica_file.c */
	char *path;
	struct timer save;
	bool unsaved;
};

static inline bool
replica_wants(const struct replica *r, enum replica_kind kind)
{
	return r->wanted & REPLICA_BIT(kind);
}
/* REPLICA_KINDS: none of that name that is wanted. */
enum replica_kind replica_kind_of(const struct replica *r, const char *name);

/* A snapshot follows. */
void replica_begin(struct replica *r);
void replica_complete(struct replica *r);
/* Keeps it, or notes it as lost. packed.p NULL: lost already. */
void replica_put(struct replica *r, enum replica_kind kind, const char *key, struct span packed);
void replica_remove(struct replica *r, enum replica_kind kind, const char *key);
/* Everything is forgotten: the file was no good after all. */
void replica_clear(struct replica *r);

/* --- replica_feed.c --------------------------------------------------------------------------------- */

/* Memory was short; authd is asked for everything again, a while later. */
void replica_feed_again(struct replica *r);
void replica_feed_done(struct replica *r);

/* --- replica_file.c --------------------------------------------------------------------------------- */

/* Reads it. Negative: no memory for the timer. */
int replica_file_init(struct replica *r);
/* The file is behind; it is written a second later. */
void replica_file_soon(struct replica *r);
void replica_file_save(struct replica *r);

#endif
