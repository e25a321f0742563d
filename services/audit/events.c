/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: see events.h.
 */
#include "audit/events.h"

#include <stdlib.h>
#include <string.h>

#include "api/audit_log.h"
#include "api/event.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/str.h"

/* Callers of no right write as many refusals as they call: bounded, so that they cannot fill this
 * log. */
enum { QUOTA = 64 * 1024 * 1024, REFUSED_PER_MINUTE = 20, REFUSED_MINUTE_MS = 60000 };

struct events {
	struct loop *loop;
	struct audit_log *log;
	char target[300];
	int64_t minute_ms; /* when counting began */
	int refused;
};

/* Where this process itself can be reached: the address that it listens on, or loopback for any. */
static int
own_address(struct events *n, const struct conf *conf, struct err *e)
{
	char host[256];
	uint16_t port;

	if (!str_host_port(conf_listen(conf), 3026, host, sizeof(host), &port))
		return err_set(e, "listen: \"%s\" is not HOST:PORT", conf_listen(conf));
	if (!*host || strcmp(host, "0.0.0.0") == 0)
		(void)str_copy(host, sizeof(host), "127.0.0.1");
	else if (strcmp(host, "::") == 0)
		(void)str_copy(host, sizeof(host), "::1");
	(void)str_put_host_port(n->target, sizeof(n->target), host, port);
	return 0;
}

int
events_new(struct events **ret, struct loop *loop, struct rpc_loop *rl, const struct conf *conf,
    struct err *e)
{
	struct audit_log_config config = { .loop = loop,
		.rl = rl,
		.quota = QUOTA,
		.name = "auditd" };
	struct events *n = calloc(1, sizeof(*n));
	char dir[1100];

	*ret = NULL;
	if (!n)
		return err_memory(e);
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

/* Certificates are checked as anybody's would be: this process is a client of itself. */
int
events_connect(struct events *n, const char *cluster, struct rpc_identity *identity, struct err *e)
{
	char name[300];

	(void)str_format(name, sizeof(name), "auditd.%s", cluster);
	return audit_log_connect(n->log, n->target, name, identity, e);
}

void
events_free(struct events *n)
{
	if (!n)
		return;
	audit_log_close(n->log);
	free(n);
}

const struct audit_log *
events_log(const struct events *n)
{
	return n->log;
}

/* Adds who called, and writes it. */
static int
write_event(struct events *n, const struct rpc_peer *peer, struct audit_event *ev)
{
	bool person = peer->who == RPC_USER || peer->who == RPC_LOCAL;

	if (person)
		ev->user = span_str(peer->name);
	ev->remote_addr = span_str(peer->address);
	event_put_text(ev, EVENT_KEY_CALLER, rpc_who_name(peer->who));
	if (peer->web[0]) {
		event_put_text(ev, EVENT_KEY_CALLER_NAME, peer->via);
		event_put(ev, EVENT_KEY_WEB_SESSION,
		    (struct span){ (const uint8_t *)peer->web, RPC_SESSION_ID_LEN });
	}
	/* A name is believed as far as a certificate gave it. */
	if (!person && peer->who > RPC_ANYONE)
		event_put_text(ev, EVENT_KEY_CALLER_NAME, peer->name);
	return event_write(n->log, ev);
}

int
events_playing(struct events *n, const struct rpc_peer *peer, const char *session,
    const char *owner, bool live)
{
	struct audit_event ev = { .id = EVENT_SESSION_RECORDING_ACCESS,
		.session = span_str(session) };

	event_put_text(&ev, EVENT_KEY_OWNER, owner);
	event_put_text(&ev, EVENT_KEY_METHOD, live ? "live" : NULL);
	return write_event(n, peer, &ev);
}

void
events_refused(struct events *n, const struct rpc_peer *peer, const char *method, const char *why)
{
	struct audit_event ev = { .id = EVENT_ACCESS_DENY,
		.failed = true,
		.message = span_str(why) };
	int64_t now = loop_now_ms(n->loop);
	char more[LOG_LIMIT_TEXT];

	if (now - n->minute_ms > REFUSED_MINUTE_MS) {
		n->minute_ms = now;
		n->refused = 0;
	}
	/* Of all callers together: one who floods hides others' refusals for the rest of the minute;
	 * every call is refused all the same. */
	if (n->refused++ >= REFUSED_PER_MINUTE)
		return;
	if (log_limit(peer->address, more))
		log_warn("call refused", "method", method, "peer", peer->name, "address",
		    peer->address, *more ? "left_out" : NULL, more, NULL);
	event_put_text(&ev, EVENT_KEY_METHOD, method);
	(void)write_event(n, peer, &ev);
}
