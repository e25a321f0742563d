/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note: see note.h.
 */
#include "audit/note.h"

#include <stdlib.h>
#include <string.h>

#include "api/audit_log.h"
#include "base/log.h"
#include "base/str.h"

enum { NOTE_QUOTA = 64 * 1024 * 1024, NOTE_PER_MINUTE = 20, NOTE_MINUTE_MS = 60000 };

struct note {
	struct loop *loop;
	struct audit_log *log;
	char target[300];
	int64_t minute_ms; /* when counting began */
	int refused;
};

/* Where this process itself can be reached: the address that it listens on, or loopback for any. */
static int
own_address(struct note *n, const struct conf *conf, struct err *e)
{
	char host[256];
	uint16_t port;

	if (!str_host_port(conf_listen(conf), 3026, host, sizeof(host), &port))
		return err_set(e, "listen: \"%s\" is not HOST:PORT", conf_listen(conf));
	if (!*host || strcmp(host, "0.0.0.0") == 0)
		(void)str_copy(host, sizeof(host), "127.0.0.1");
	else if (strcmp(host, "::") == 0)
		(void)str_copy(host, sizeof(host), "::1");
	(void)str_format(n->target, sizeof(n->target), strchr(host, ':') ? "[%s]:%u" : "%s:%u",
	    host, port);
	return 0;
}

int
note_new(struct note **ret, struct loop *loop, struct rpc_loop *rl, const struct conf *conf,
    struct err *e)
{
	struct audit_log_config config = { .loop = loop,
		.rl = rl,
		.quota = NOTE_QUOTA,
		.name = "auditd" };
	struct note *n = calloc(1, sizeof(*n));
	char dir[1100];

	*ret = NULL;
	if (!n)
		return err_set(e, "out of memory");
	n->loop = loop;
	(void)str_format(dir, sizeof(dir), "%s/audit", conf_state(conf));
	config.dir = dir;
	if (own_address(n, conf, e) < 0 || audit_log_open(&n->log, &config, e) < 0) {
		free(n);
		return -1;
	}
	*ret = n;
	return 0;
}

int
note_connect(struct note *n, const char *cluster, struct rpc_identity *identity, struct err *e)
{
	char name[300];

	(void)str_format(name, sizeof(name), "auditd.%s", cluster);
	return audit_log_connect(n->log, n->target, name, identity, e);
}

void
note_free(struct note *n)
{
	if (!n)
		return;
	audit_log_close(n->log);
	free(n);
}

static int
write_event(struct note *n, const struct rpc_peer *peer, struct audit_event *event)
{
	if (peer->who == RPC_USER || peer->who == RPC_LOCAL)
		event->user = peer->name;
	event->remote_addr = peer->address;
	if (audit_event(n->log, event) == 0)
		return 0;
	log_error("an audit event could not be written: check the disk of the state folder", "type",
	    event->type, NULL);
	return -1;
}

int
note_playing(struct note *n, const struct rpc_peer *peer, const char *session, const char *owner)
{
	const struct api_label fields[] = { { "owner", owner } };
	struct audit_event event = { .type = "session.recording.access",
		.code = "T2012I",
		.ok = true,
		.session = session,
		.fields = fields,
		.n_fields = 1 };

	return write_event(n, peer, &event);
}

void
note_refused(struct note *n, const struct rpc_peer *peer, const char *method, const char *why)
{
	const struct api_label fields[] = { { "method", method }, { "caller", peer->name } };
	struct audit_event event = { .type = "access.denied",
		.code = "TA000W",
		.message = why,
		.fields = fields,
		.n_fields = 2 };
	int64_t now = loop_now_ms(n->loop);

	if (now - n->minute_ms > NOTE_MINUTE_MS) {
		n->minute_ms = now;
		n->refused = 0;
	}
	if (n->refused++ >= NOTE_PER_MINUTE)
		return;
	log_warn("call refused", "method", method, "peer", peer->name, "address", peer->address,
	    NULL);
	(void)write_event(n, peer, &event);
}
