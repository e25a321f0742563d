/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_live: see web_live.h.
 *
 * Security: browsers send cookies with WebSockets whoever's page opens them, and ask nobody before (RFC 6455 section 10.2): the
 * Origin must be there and ours.
 */
#include "proxy/web_live.h"

#include "crypto/secret.h"
#include "proxy/web.h"
#include "proxy/web_session.h"
#include "replica/replica.h"

/* NULL: it was answered. */
static const struct replica_web_session *
who_asks(char key[RPC_SESSION_KEY_SIZE], const struct web *w, struct http_request *r)
{
	const struct replica_web_session *session;
	struct http_query query = { .rest = http_query_text(r) };
	char token[RPC_SESSION_TOKEN_SIZE];
	struct err e;
	bool known;

	if (http_query_next(&query) != 0) {
		http_reply_error(r, 400, "this takes no parameters");
		return NULL;
	}
	if (!web_from_own_page(r)) {
		http_reply_error(r, 403, "only pages of this proxy may open this");
		return NULL;
	}
	known = web_session_token(r, token) && rpc_session_key(token, key);
	secret_zero(token, sizeof(token));
	if (!known) {
		http_reply_error(r, 401, "log in first");
		return NULL;
	}
	if (replica_check_web_at(w->config.replica, key, http_peer(r)->ip, &session, &e) != 0) {
		http_reply_error(r, 401, e.text);
		return NULL;
	}
	return session;
}

int
web_live_open(struct web_live *live, struct web *w, struct http_request *r,
    struct websocket_config *config)
{
	const struct replica_web_session *session = who_asks(live->key, w, r);

	if (!session)
		return -1;
	config->payer = session->user;
	live->ws = websocket_accept(r, config);
	if (!live->ws)
		return -1;
	list_add(&w->live, &live->link);
	return 0;
}

void
web_live_close(struct web_live *live)
{
	list_del(&live->link);
	live->ws = NULL;
}

void
web_live_review(struct web *w)
{
	struct err e;

	list_each (struct web_live, live, &w->live, link)
		if (replica_check_web(w->config.replica, live->key, NULL, &e) != 0)
			live->end(live, e.text);
}
