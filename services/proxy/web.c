/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web: see web.h. The routes, and the pages that need no more than a template.
 */
#include "proxy/web.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/version.h"
#include "net/rate.h"
#include "proxy/asset.h"
#include "proxy/site.h"
#include "proxy/web_api.h"
#include "proxy/web_changes.h"
#include "proxy/web_live.h"
#include "proxy/web_page.h"
#include "proxy/web_turns.h"

/* The one form has three short fields; more is not a browser's doing. */
enum {
	FORM_MAX = 64 * 1024,
	REQUEST_MS = 15 *
	    1000, /* for handshake and request: who has it open longer is not at work */
	LIVE_TICK_MS = 1000,
};

/* Pages have styles only from here, and no script, or only from here. */
#define PAGE_CSP                                                                           \
	"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; " \
	"frame-ancestors 'none'; base-uri 'none'"
static const char page_csp[] = PAGE_CSP;
static const char scripted_csp[] = PAGE_CSP "; script-src 'self'; connect-src 'self'";

static void
put_page(struct http_request *r, int status, struct span template, const char *const *values)
{
	struct buf html;

	buf_init(&html, 256 * 1024);
	if (page_render(&html, template, values))
		http_reply(r, status, "text/html; charset=utf-8", buf_span(&html));
	else
		http_reply_text(r, 500, "out of memory\n");
	/* The invitation's page holds the seed of the second factor. */
	buf_wipe(&html);
}

static void
plain_page(struct http_request *r, int status, struct span template, const char *const *values)
{
	http_set_header(r, "Content-Security-Policy", page_csp);
	put_page(r, status, template, values);
}

void
web_page_scripted(struct http_request *r, int status, struct span template,
    const char *const *values)
{
	http_set_header(r, "Content-Security-Policy", scripted_csp);
	put_page(r, status, template, values);
}

void
web_login_command(const struct web *w, const char *user, char *dst, size_t size)
{
	bool pin = w->ca && w->ca->n_pins > 0;

	/* With the pin, since the certificate of this page need not be one that the system trusts. */
	(void)str_format(dst, size, "tsh login --proxy=%s --user=%s%s%s",
	    w->config.conf->public_addr, user, pin ? " --ca-pin=" : "", pin ? w->ca->pins[0] : "");
}

void
web_index(struct http_request *r, void *arg)
{
	const struct web *w = arg;
	char command[WEB_COMMAND_MAX];

	web_login_command(w, "NAME", command, sizeof(command));
	plain_page(r, 200, asset_index_html,
	    (const char *[]){ "cluster", w->config.cluster, "version", SALLYPORT_VERSION, "command",
		command, "app_class", w->site->page ? "" : "hidden", NULL });
}

void
web_notice(struct http_request *r, const struct web *w, int status, const struct web_notice *n)
{
	plain_page(r, status, asset_notice_html,
	    (const char *[]){ "title", n->title, "text", n->text, "cluster", w->config.cluster,
		"command", n->command ? n->command : "", "command_class",
		n->command ? "command" : "hidden", "next_class", n->signed_in ? "next" : "hidden",
		NULL });
}

void
web_not_found(struct http_request *r, void *arg)
{
	const struct web *w = arg;

	if (http_wants_html(r))
		web_notice(r, w, 404,
		    &(struct web_notice){ "No such page",
			"There is nothing here. Check the address, or go to the first page of this proxy.",
			NULL });
	else
		http_reply_error(r, 404, http_status_text(404));
}

/* What no route takes: words for people, JSON for programs. */
static void
web_refused(struct http_request *r, int status, void *arg)
{
	if (status == 404)
		web_not_found(r, arg);
	else if (!http_wants_html(r))
		http_reply_error(r, status, http_status_text(status));
	else
		web_notice(r, arg, status,
		    &(struct web_notice){ http_status_text(status),
			"This proxy does not take such a request.", NULL });
}

static void
web_style(struct http_request *r, void *arg)
{
	(void)arg;
	http_set_header(r, "Cache-Control", "public, max-age=3600");
	http_reply(r, 200, "text/css; charset=utf-8", asset_style_css);
}

static void
web_script(struct http_request *r, struct span script)
{
	http_set_header(r, "Cache-Control", "no-cache");
	http_reply(r, 200, "text/javascript; charset=utf-8", script);
}

static void
web_invite_script(struct http_request *r, void *arg)
{
	(void)arg;
	web_script(r, asset_invite_mjs);
}

static void
web_securitykey_script(struct http_request *r, void *arg)
{
	(void)arg;
	web_script(r, asset_securitykey_mjs);
}

static const struct http_route routes[] = {
	{ "GET", "/", web_index, 0 },
	{ "GET", "/web", web_site_front, 0 },
	{ "GET", "/web/style.css", web_style, 0 },
	{ "GET", "/web/invite.mjs", web_invite_script, 0 },
	{ "GET", "/web/securitykey.mjs", web_securitykey_script, 0 },
	{ "GET", "/webapi/find", web_find, 0 },
	{ "GET", "/v1/webapi/find", web_find, 0 },
	{ "GET", "/webapi/ping", web_find, 0 },
	{ "GET", "/v1/webapi/ping", web_find, 0 },
	{ "GET", "/webapi/ping/:connector", web_find, 0 },
	{ "GET", "/v1/webapi/ping/:connector", web_find, 0 },
	{ "GET", "/v1/webapi/ca", web_ca, 0 },
	{ "GET", "/v1/webapi/ca.pem", web_ca_pem, 0 },
	{ "GET", "/v1/webapi/ssh", web_ssh, 0 },
	{ "GET", "/v1/webapi/changes", web_changes_open, 0 },
	{ "GET", "/v1/webapi/recordings/:session/live", web_watch, 0 },
	{ "GET", "/scripts/install.sh", web_install_script, 0 },
	{ "GET", "/packages/:file", web_package, 0 },
	{ "GET", "/web/invite/:token", web_invite_show, 0 },
	{ "POST", "/web/invite/:token", web_invite_complete, FORM_MAX },
	{ "GET", "/web/site/:file", web_site_file, 0 },
	/* No addresses of the app: a link that is mistyped is not a page of it. */
	{ "GET", "/web/invite/*", web_not_found, 0 },
	{ "GET", "/web/site/*", web_not_found, 0 },
	{ "GET", "/web/*", web_site_page, 0 },
#define WEB_API(service, method, verb, path, ...) \
	{ (verb), (path), web_api_##method, WEB_API_BODY_MAX },
#include "proxy/web_api.def"
#undef WEB_API
};

static void
on_http_arrived(const struct addr *peer, void *arg)
{
	const struct web *w = arg;

	w->config.arrived(peer, w->config.arg);
}

static void
on_http_closed(const struct addr *peer, void *arg)
{
	const struct web *w = arg;

	w->config.closed(peer, w->config.arg);
}

/* Authd says when a session has ended; but it may be away when one expires. */
static void
on_live_tick(void *arg)
{
	web_live_review(arg);
}

static int
site_new(struct web *w, const char *folder, struct err *e)
{
	struct site *s;

	if (site_load(&s, folder, e) < 0)
		return err_prefix(e, "the web app");
	web_site_take(w, s);
	return 0;
}

int
web_new(struct web **ret, const struct web_config *config, struct err *e)
{
	struct web *w = calloc(1, sizeof(*w));
	unsigned per_minute = (unsigned)config->conf->limits.web_requests_per_minute;
	struct http_config http = { .routes = routes,
		.n_routes = sizeof(routes) / sizeof(routes[0]),
		.arg = w,
		.max_connections = (unsigned)config->conf->limits.web_connections,
		.max_sockets = (unsigned)config->conf->limits.web_sockets,
		.sockets_per_payer = (unsigned)config->conf->limits.web_sockets_per_user,
		.request_ms = REQUEST_MS,
		.arrived = on_http_arrived,
		.refused = web_refused,
		.closed = on_http_closed };

	if (!w)
		return err_memory(e);
	w->config = *config;
	list_init(&w->live);
	list_init(&w->invites);
	if (timer_init(&w->live_tick, config->loop, on_live_tick, w) < 0 ||
	    web_changes_new(&w->changes, w) < 0 ||
	    web_turns_new(&w->turns, config->loop, config->audit, w->changes) < 0 ||
	    tls_server_new(&w->tls) < 0 || rate_new(&w->rate, per_minute, per_minute) < 0) {
		web_free(w);
		return err_memory(e);
	}
	if (web_packages_new(w, conf_packages(config->conf), e) < 0 ||
	    site_new(w, conf_web_app(config->conf), e) < 0) {
		web_free(w);
		return -1;
	}
	struct web_api_config api = { config->loop, config->auth, config->audit, config->plays,
		config->replica };
	if (web_api_new(&w->api, &api) < 0) {
		web_free(w);
		return err_memory(e);
	}
	http.tls = w->tls;
	if (http_server_new(&w->http, config->loop, &http) < 0) {
		web_free(w);
		return err_memory(e);
	}
	timer_repeat(&w->live_tick, LIVE_TICK_MS);
	*ret = w;
	return 0;
}

void
web_cluster_changed(struct web *w, enum replica_kind kind, const char *key)
{
	/* Of nodes there are many, and no session depends on them. */
	if (kind != REPLICA_HOST)
		web_live_review(w);
	web_changes_note(w->changes, kind, key);
}

void
web_free(struct web *w)
{
	if (!w)
		return;
	timer_done(&w->live_tick);
	/* What is being sent ends with its connection. */
	http_server_free(w->http);
	web_api_free(w->api);
	web_invites_done(w);
	web_turns_free(w->turns);
	web_changes_free(w->changes);
	web_reload_forget(w);
	web_packages_done(w);
	site_unref(w->site);
	tls_server_free(w->tls);
	rate_free(w->rate);
	free(w);
}

int
web_set_certificate(struct web *w, const char *chain, const char *key, bool own, struct err *e)
{
	if (tls_server_set(w->tls, chain, key, e) < 0)
		return -1;
	w->own_certificate = own;
	http_server_strict(w->http, own);
	return 0;
}

void
web_set_authorities(struct web *w, const struct bundle *ca)
{
	w->ca = ca;
}
