/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_api: see web_api.h. A request is admitted (whose page asks, how often), becomes the method's message by its
 * descriptor (lib/api/json.h), is asked for with a handle of the person's, and its answer is written as JSON.
 */
#include "proxy/web_api.h"

#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/str.h"
#include "event/loop.h"
#include "net/ceiling.h"
#include "net/rate.h"
#include "proto/audit.async.h"
#include "proto/auth.async.h"
#include "proxy/web.h"
#include "proxy/web_api_priv.h"
#include "proxy/web_page.h"
#include "proxy/web_session.h"

enum {
	/* A page asks for a handful when it opens, and for a page of a list while somebody scrolls. Many people share an
	 * address. */
	REQUESTS_PER_MIN = 600,
	REQUESTS_BURST = 200,
	OF_ADDRESS = 4, /* times that */
	/* Calls and answers that are under way, besides a person's share of them (web_share.h). */
	CALLS_OF_ADDRESS = 64,
	ANSWER_MAX = 4 * 1024 * 1024,
	QR_MAX = 64 * 1024,
	NEWS_MS = 50,    /* until what authd told is looked for again, ... */
	NEWS_WAITS = 60, /* ... so often */
};

#define RETRY_S "10"

struct web_api {
	struct web_api_config config;
	struct rate *by_address, *by_session;
	struct ceiling *of_address;
	struct web_shares *shares;
	struct list calls;
};

/* --- the table ------------------------------------------------------------------------------- */

enum row_id {
#define WEB_API(service, method, ...) ROW_##method,
#include "proxy/web_api.def"
#undef WEB_API
};

static const struct web_api_row rows[] = {
#define WEB_API(service, method_, verb_, path, field_, kind_)        \
	[ROW_##method_] = { .method = &service##_##method_##_method, \
		.verb = (verb_),                                     \
		.field = (field_),                                   \
		.kind = WEB_API_##kind_ },
#include "proxy/web_api.def"
#undef WEB_API
};

static void handle(struct http_request *r, const struct web *w, const struct web_api_row *row);
static void ask(struct web_call *c);
static void send_answer(struct web_call *c);
static bool wait_for_news(struct web_call *c);

#define WEB_API(service, method, ...)                            \
	void web_api_##method(struct http_request *r, void *arg) \
	{                                                        \
		handle(r, arg, &rows[ROW_##method]);             \
	}
#include "proxy/web_api.def"
#undef WEB_API

static const ProtobufCMessageDescriptor *
request_type(const struct rpc_method *m)
{
	return protobuf_c_service_descriptor_get_method_by_name(m->service, m->name)->input;
}

/* --- answers --------------------------------------------------------------------------------- */

void
web_call_free(struct web_call *c)
{
	list_del(&c->link);
	ceiling_drop(c->api->of_address, c->peer.ip);
	if (c->counted)
		web_share_drop(c->api->shares, c->who);
	if (c->playing)
		web_share_drop_play(c->api->shares, c->who);
	web_share_drop_bytes(c->api->shares, c->who, c->taken);
	timer_done(&c->later);
	rpc_client_free(c->as);
	api_json_free(c->message);
	/* A new user's link stands in some. */
	buf_wipe(&c->answer);
	free(c);
}

void
web_call_refuse(struct web_call *c, int status, const char *why)
{
	http_reply_error(c->request, status, why);
	web_call_free(c);
}

/* docs/WEBAPI.md, "Errors". */
static int
status_of(enum rpc_code code)
{
	switch (code) {
	case RPC_OK:
		return 200;
	case RPC_INVALID_ARGUMENT:
	case RPC_OUT_OF_RANGE:
		return 400;
	case RPC_UNAUTHENTICATED:
		return 401;
	case RPC_PERMISSION_DENIED:
		return 403;
	case RPC_NOT_FOUND:
		return 404;
	case RPC_ALREADY_EXISTS:
	case RPC_FAILED_PRECONDITION:
	case RPC_ABORTED:
		return 409;
	case RPC_RESOURCE_EXHAUSTED:
		return 429;
	case RPC_UNAVAILABLE:
	case RPC_DEADLINE_EXCEEDED:
		return 503;
	default:
		return 500;
	}
}

/* --- news of sessions ------------------------------------------------------------------------- */

/* A session is good at authd at once; the others hear of it from authd's watch, a moment later. A page that has just
 * logged in must not be told by one of them that it did not: a login is answered when this proxy knows of it, and where it
 * does and auditd does not yet, auditd is asked again. */
static bool
is_of_audit(const struct web_call *c)
{
	return c->row->method->service == &audit__audit__descriptor;
}

static bool
session_is_good(const struct web_call *c)
{
	struct err e;

	return replica_check_web_at(c->api->config.replica, c->key, c->peer.ip, NULL, &e) == 0;
}

static void
on_later(void *arg)
{
	struct web_call *c = arg;

	if (c->answer.len == 0)
		ask(c);
	else if (session_is_good(c) || !wait_for_news(c))
		send_answer(c);
}

/* False: long enough, or no memory. */
static bool
wait_for_news(struct web_call *c)
{
	if (c->waits++ >= NEWS_WAITS)
		return false;
	if (!c->later.ev && timer_init(&c->later, c->api->config.loop, on_later, c) < 0)
		return false;
	timer_start(&c->later, NEWS_MS);
	return true;
}

static const char too_long[] = "the answer is too long; ask for less of it, with `limit`";

void
web_call_fail(struct web_call *c, enum rpc_code code, const char *why)
{
	int status = status_of(code);
	char more[LOG_LIMIT_TEXT];

	if (code == RPC_UNAUTHENTICATED && is_of_audit(c) && session_is_good(c) && wait_for_news(c))
		return;
	/* What went wrong on the way is for whoever runs this, and no words for somebody else's browser. */
	if (status >= 500) {
		if (log_limit(c->peer.ip, more))
			log_warn("web request failed", "method", c->row->method->name, "cause", why,
			    *more ? "left_out" : NULL, more, NULL);
		why = status == 503 ? "the cluster does not answer; try again in a moment"
				    : "something is wrong in the cluster; its logs say what";
	}
	if (rpc_is_too_large(&(struct rpc_status){ code, why })) {
		web_call_refuse(c, 400, too_long);
		return;
	}
	if (status == 429)
		http_set_header(c->request, "Retry-After", RETRY_S);
	web_call_refuse(c, status, why);
}

static void
on_sent(void *arg)
{
	web_call_free(arg);
}

static void
send_answer(struct web_call *c)
{
	struct http_long body = { .bytes = buf_span(&c->answer), .done = on_sent, .arg = c };
	struct http_request *r = c->request;

	c->request = NULL;
	http_reply_long(r, 200, "application/json", &body);
}

const char web_api_many_plays[] =
    "too many recordings are played at the same time; end one, or wait a moment";

bool
web_call_take_play(struct web_call *c)
{
	/* It may be asked for again (web_call_fail). */
	if (!c->playing)
		c->playing = web_share_take_play(c->api->shares, c->who);
	if (c->playing)
		return true;
	/* Which frees it. */
	web_call_fail(c, RPC_RESOURCE_EXHAUSTED, web_api_many_plays);
	return false;
}

/* False: answered with why not. */
static bool
make_answer(struct web_call *c, const ProtobufCMessage *m)
{
	buf_init(&c->answer, ANSWER_MAX);
	if (!api_json_put(&c->answer, m)) {
		web_call_refuse(c, 400, too_long);
		return false;
	}
	/* What has been done is answered: what is long is what was only read. */
	if (web_share_take_bytes(c->api->shares, c->who, c->answer.len)) {
		c->taken = c->answer.len;
		return true;
	}
	web_call_fail(c, RPC_RESOURCE_EXHAUSTED,
	    "earlier answers were not read yet; read them, or ask for less");
	return false;
}

/* --- what is asked --------------------------------------------------------------------------- */

static void
answer_login(struct web_call *c, const Auth__WebLoginReply *reply)
{
	static const Auth__Empty nothing = AUTH__EMPTY__INIT;

	/* Who has signed up and may do nothing yet has none. */
	if (!reply->session && c->row->kind == WEB_API_SIGNUP) {
		if (make_answer(c, &nothing.base))
			send_answer(c);
		return;
	}
	if (!reply->session) {
		web_call_fail(c, RPC_INTERNAL, "authd's answer to a login has no session");
		return;
	}
	web_session_keep(c->request, reply->token);
	(void)rpc_session_key(reply->token, c->key);
	if (make_answer(c, &reply->session->base) && (session_is_good(c) || !wait_for_news(c)))
		send_answer(c);
}

/* An app takes what it is to know by its camera. authd speaks to programs as well, and draws nothing. */
static void
answer_offer(struct web_call *c, const Auth__FactorOffer *reply)
{
	Auth__FactorOffer drawn = *reply;
	Auth__QrCode qr = AUTH__QR_CODE__INIT;
	struct buf path;
	int side;

	buf_init(&path, QR_MAX);
	side = *reply->totp_uri ? page_put_qr_path(&path, reply->totp_uri) : -1;
	/* Without it there is still the secret to type. */
	if (side > 0 && buf_put(&path, "", 1)) {
		qr.side = (uint32_t)side;
		qr.path = (const char *)buf_head(&path);
		drawn.totp_qr = &qr;
	}
	if (make_answer(c, &drawn.base))
		send_answer(c);
	/* It is the seed. */
	buf_wipe(&path);
}

/* The stubs know each method's types; here every method is the same, and its descriptor says what the reply is. */
static void
on_reply(const struct rpc_answer *a, enum rpc_code code, const char *why, const void *reply)
{
	struct web_call *c = a->arg;

	/* Whatever authd thinks of a session: whoever wants none any more has none. */
	if (c->row->kind == WEB_API_LOGOUT && (code == RPC_OK || code == RPC_UNAUTHENTICATED))
		web_session_forget(c->request);
	if (code != RPC_OK)
		web_call_fail(c, code, why);
	else if (c->row->kind == WEB_API_LOGIN || c->row->kind == WEB_API_SIGNUP)
		answer_login(c, reply);
	else if (c->row->kind == WEB_API_OFFER)
		answer_offer(c, reply);
	else if (make_answer(c, reply))
		send_answer(c);
}

static void
on_asked(void)
{
}

static void
ask(struct web_call *c)
{
	/* `done` is only looked at for being there. */
	const struct rpc_answer answer = { .tell = on_reply, .done = on_asked, .arg = c };

	if (c->row->kind == WEB_API_FRAMES)
		web_play(c, (const Audit__PlayRequest *)c->message);
	else
		rpc_client_ask(c->as, c->row->method, c->message, &answer);
}

/* --- the message ----------------------------------------------------------------------------- */

/* Where the fields may come from. A query stands in logs and histories of whatever is between: not what changes
 * something. */
static int
take_all(struct web_call *c, struct api_json *in, struct err *e)
{
	const struct http_request *r = c->request;
	char browser[WEB_BROWSER_SIZE];

	if (c->row->field && api_json_take_field(in, c->row->field, span_str(http_param(r)), e) < 0)
		return -1;
	if (c->row->kind == WEB_API_LOGIN || c->row->kind == WEB_API_SIGNUP) {
		web_browser(r, browser);
		if (api_json_take_field(in, "browser", span_str(browser), e) < 0)
			return -1;
	}
	if (strcmp(c->row->verb, "POST") == 0 && http_query_text(r).n > 0)
		return err_set(e, "this has no query: its fields come in the body");
	if (strcmp(c->row->verb, "POST") != 0 && http_body(r).n > 0)
		return err_set(e, "this has no body: its fields come in the query");
	if (api_json_take_query(in, http_query_text(r), e) < 0)
		return -1;
	return http_body(r).n > 0 ? api_json_take_body(in, http_body(r), e) : 0;
}

static void
make_and_ask(struct web_call *c)
{
	struct api_json in;
	struct err e;
	bool made;

	api_json_begin(&in, request_type(c->row->method));
	made = take_all(c, &in, &e) == 0 && api_json_finish(&in, &c->message, &e) == 0;
	api_json_done(&in);
	if (made)
		ask(c);
	else
		web_call_refuse(c, in.no_memory ? 503 : 400, e.text);
}

/* --- who asks -------------------------------------------------------------------------------- */

static void
refuse_busy(struct http_request *r, const char *why)
{
	http_set_header(r, "Retry-After", RETRY_S);
	http_reply_error(r, 429, why);
}

/* NULL: answered. */
static struct web_call *
call_new(struct web_api *api, const struct web_api_row *row, struct http_request *r)
{
	const struct addr *peer = http_peer(r);
	struct web_call *c;

	if (!rate_take(api->by_address, peer->ip, OF_ADDRESS, loop_now_ms(api->config.loop))) {
		refuse_busy(r, "too many requests from your address; wait a moment");
		return NULL;
	}
	if (!ceiling_take(api->of_address, peer->ip)) {
		refuse_busy(r, "too many requests at the same time from your address");
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		ceiling_drop(api->of_address, peer->ip);
		http_reply_error(r, 503, "out of memory");
		return NULL;
	}
	*c = (struct web_call){ .api = api, .row = row, .request = r, .peer = *peer };
	(void)str_copy(c->who, sizeof(c->who), peer->ip);
	list_add(&api->calls, &c->link);
	return c;
}

/* Whose share it is: the person's, however many sessions he has; where this proxy does not know the session, or not yet,
 * the address's. No name of a user is an address with that in front. */
static void
find_who(const struct web_api *api, const char *key, char who[WEB_SHARE_WHO_SIZE])
{
	const struct replica_web_session *s = replica_web_session(api->config.replica, key);

	if (s && s->user)
		(void)str_format(who, WEB_SHARE_WHO_SIZE, "user:%s", s->user);
}

/* Used from elsewhere than it may be: what others have stolen takes nothing of the person's share. What this proxy does not
 * know (yet) authd judges. */
static bool
is_elsewhere(const struct web_api *api, const char *key, const struct addr *peer)
{
	const struct replica_web_session *s = replica_web_session(api->config.replica, key);

	return s && !replica_web_is_at(s, peer->ip);
}

/* False: answered. How often is counted by the session, and how much by the person: nobody else can use that up. */
static bool
count_session(struct web_call *c, const char *token)
{
	if (!rpc_session_key(token, c->key)) {
		web_call_refuse(c, 401, "log in first");
		return false;
	}
	if (is_elsewhere(c->api, c->key, &c->peer)) {
		if (c->row->kind == WEB_API_LOGOUT)
			web_session_forget(c->request);
		web_call_refuse(c, 401, rpc_pinned_text);
		return false;
	}
	find_who(c->api, c->key, c->who);
	c->counted = rate_take(c->api->by_session, c->key, 1, loop_now_ms(c->api->config.loop)) &&
	    web_share_take(c->api->shares, c->who);
	if (c->counted)
		return true;
	web_call_fail(c, RPC_RESOURCE_EXHAUSTED, "too many requests of yours; wait a moment");
	return false;
}

/* A program says who it is with every request, and a browser by itself. */
static bool
token_of(const struct http_request *r, char dst[RPC_SESSION_TOKEN_SIZE])
{
	bool any;

	return web_session_bearer(r, dst, &any) || (!any && web_session_token(r, dst));
}

/* The proxy's own: recordings that nobody reads fill no connection but theirs. */
static const struct rpc_client *
own_client(const struct web_call *c)
{
	const struct web_api_config *config = &c->api->config;

	if (!is_of_audit(c))
		return config->auth;
	return c->row->kind == WEB_API_FRAMES ? config->plays : config->audit;
}

/* False: answered. The handle that the call is made with. */
static bool
become(struct web_call *c)
{
	const struct rpc_client *own = own_client(c);
	bool has_session = c->row->kind < WEB_API_ANYBODY;
	char token[RPC_SESSION_TOKEN_SIZE], client[ADDR_TEXT_SIZE + 8];
	bool ok;

	if (has_session && !token_of(c->request, token)) {
		web_call_refuse(c, 401, "log in first");
		return false;
	}
	if (has_session && !count_session(c, token))
		return false;
	if (!own) {
		explicit_bzero(token, sizeof(token));
		web_call_refuse(c, 503, "this proxy has no auditd (auditd_addr in proxyd.yaml)");
		return false;
	}
	addr_text(&c->peer, client, sizeof(client));
	c->as = rpc_client_for(own, has_session ? token : NULL, client);
	ok = c->as != NULL;
	explicit_bzero(token, sizeof(token));
	if (!ok)
		web_call_refuse(c, 503, "out of memory");
	return ok;
}

static bool
is_json(struct span type)
{
	static const char json[] = "application/json";
	const size_t n = sizeof(json) - 1;

	/* Parameters say nothing (RFC 8259 section 11): it is UTF-8, or refused for that. */
	return type.n >= n && memcmp(type.p, json, n) == 0 && (type.n == n || type.p[n] == ';');
}

static const char must_be_json[] = "this must be JSON (Content-Type: application/json)";

static bool
is_json_if_any(const struct http_request *r)
{
	return http_body(r).n == 0 || is_json(http_header(r, "content-type"));
}

/* A page of somebody else's can make a browser send what a form sends, and ask for anything; it cannot make it say that
 * it is ours, nor send JSON without being asked first (CORS), which is never allowed. */
static const char *
refused_for(const struct http_request *r, const struct web_api_row *row)
{
	/* No browser sends that by itself. */
	if (row->kind < WEB_API_ANYBODY && http_header(r, "authorization").p)
		return is_json_if_any(r) ? NULL : must_be_json;
	if (strcmp(row->verb, "GET") == 0)
		return web_from_elsewhere(r) ? "this was asked for by another site" : NULL;
	if (!web_from_own_page(r))
		return "this must come from a page of this proxy (Origin)";
	if (!is_json(http_header(r, "content-type")))
		return must_be_json;
	return NULL;
}

static void
handle(struct http_request *r, const struct web *w, const struct web_api_row *row)
{
	struct web_call *c = call_new(w->api, row, r);
	const char *why;

	if (!c)
		return;
	why = refused_for(r, row);
	if (why)
		web_call_refuse(c, 403, why);
	else if ((row->kind == WEB_API_INVITE || row->kind == WEB_API_SIGNUP) &&
	    !rate_take(w->rate, c->peer.ip, 1, loop_now_ms(c->api->config.loop)))
		/* As the page that is a form. */
		web_call_fail(c, RPC_RESOURCE_EXHAUSTED,
		    "too many requests; wait a minute, then try again");
	else if (become(c))
		make_and_ask(c);
}

bool
web_api_may_ask(struct web_api *api, const struct addr *peer, const char *key)
{
	int64_t now = loop_now_ms(api->config.loop);

	return rate_take(api->by_address, peer->ip, OF_ADDRESS, now) &&
	    (is_elsewhere(api, key, peer) || rate_take(api->by_session, key, 1, now));
}

bool
web_api_take_play(struct web_api *api, const char *key, char who[WEB_SHARE_WHO_SIZE])
{
	who[0] = '\0';
	find_who(api, key, who);
	if (who[0] && web_share_take_play(api->shares, who))
		return true;
	who[0] = '\0';
	return false;
}

void
web_api_drop_play(struct web_api *api, const char *who)
{
	web_share_drop_play(api->shares, who);
}

/* --- the whole ------------------------------------------------------------------------------- */

int
web_api_new(struct web_api **ret, const struct web_api_config *config)
{
	struct web_api *api = calloc(1, sizeof(*api));

	if (!api)
		return -1;
	api->config = *config;
	list_init(&api->calls);
	if (rate_new(&api->by_address, REQUESTS_PER_MIN, REQUESTS_BURST) < 0 ||
	    rate_new(&api->by_session, REQUESTS_PER_MIN, REQUESTS_BURST) < 0 ||
	    ceiling_new(&api->of_address, WEB_SHARE_CALLS, CALLS_OF_ADDRESS) < 0 ||
	    web_shares_new(&api->shares) < 0) {
		web_api_free(api);
		return -1;
	}
	/* Two addresses do not hold all places. */
	ceiling_early(api->of_address, WEB_SHARE_CALLS / 2);
	*ret = api;
	return 0;
}

void
web_api_free(struct web_api *api)
{
	if (!api)
		return;
	/* Their connections are gone; what is asked for them is forgotten with their handles. */
	list_each (struct web_call, c, &api->calls, link) {
		if (c->play)
			web_play_drop(c);
		else
			web_call_refuse(c, 503, "this proxy stops");
	}
	rate_free(api->by_address);
	rate_free(api->by_session);
	ceiling_free(api->of_address);
	web_shares_free(api->shares);
	free(api);
}
