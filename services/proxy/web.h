/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web: what proxyd answers over HTTPS: discovery, the authorities, the invite page, the web app with its JSON API and
 * WebSockets, packages and the script that installs them, a page that says what this is. One file a group of routes; the
 * table is in web.c.
 */
#ifndef PROXY_WEB_H
#define PROXY_WEB_H

#include "api/bundle.h"
#include "http/server.h"
#include "proxy/conf.h"
#include "replica/replica.h"

struct ceiling;
struct packages;
struct site;
struct ssh_server;
struct web_changes;
struct web_turns;
struct pool;
struct rate;
struct web_api;
struct web_reload;

struct web_config {
	struct loop *loop;
	struct pool *pool; /* outlives what is read on it */
	const struct conf *conf;
	struct rpc_client *auth, *audit, *plays; /* as in web_api_config */
	struct replica *replica;
	struct ssh_server *ssh_server;   /* of connections that come by WebSocket */
	struct ceiling *strangers, *all; /* where those count */
	const char *cluster;
	void (*arrived)(const struct addr *peer, void *arg); /* as in http_config */
	void (*closed)(const struct addr *peer, void *arg);
	void (*reloaded)(void *arg); /* web_reload, or some of it */
	void *arg;
};

struct web {
	struct web_config config;
	struct tls_server *tls;
	struct http_server *http;
	const struct bundle *ca; /* the present one */
	bool own_certificate;    /* not issued by those */
	struct rate *rate;
	struct web_api *api;
	struct packages *packages; /* the present ones */
	struct site *site;         /* the present web app */
	struct web_reload *reload; /* both are being read again; or NULL */
	struct ceiling *handouts;  /* packages that are being sent */
	struct list live;          /* WebSockets */
	struct list invites;       /* that wait for authd (web_invite.c) */
	struct timer live_tick;    /* looks which have expired */
	struct web_changes *changes;
	struct web_turns *turns; /* what they hear of sessions */
};

int web_new(struct web **ret, const struct web_config *config, struct err *e);
void web_free(struct web *w); /* NULL is fine */
/* The certificate that browsers see, as PEM; own: it is not of the cluster's authorities. And those (valid until the next
 * call). */
int web_set_certificate(struct web *w, const char *chain, const char *key, bool own, struct err *e);
void web_set_authorities(struct web *w, const struct bundle *ca);

/* Something that the replica has is different (replica_events): what is open is judged again, and told. */
void web_cluster_changed(struct web *w, enum replica_kind kind, const char *key);

/* web_find.c */
void web_find(struct http_request *r, void *arg);
void web_ca(struct http_request *r, void *arg);
void web_ca_pem(struct http_request *r, void *arg);
/* web_invite.c */
void web_invite_show(struct http_request *r, void *arg);
void web_invite_complete(struct http_request *r, void *arg);
void web_invites_done(struct web *w);
/* web_ssh.c */
void web_ssh(struct http_request *r, void *arg);
/* web_watch.c */
void web_watch(struct http_request *r, void *arg);
/* web_packages.c */
void web_package(struct http_request *r, void *arg);
void web_install_script(struct http_request *r, void *arg);
/* Reads the folder before it returns; the parts of struct web that are its own. */
int web_packages_new(struct web *w, const char *folder, struct err *e);
void web_packages_done(struct web *w);
bool web_has_packages(const struct web *w);
/* Owns fresh. */
void web_packages_take(struct web *w, struct packages *fresh);
/* web_site.c */
void web_site_file(struct http_request *r, void *arg);
void web_site_page(struct http_request *r, void *arg);
void web_site_front(struct http_request *r, void *arg);
void web_site_take(struct web *w, struct site *fresh); /* owns it */
/* web_reload.c: packages and web app again, on the pool: what is there now stays until then, and when it fails. */
struct web_folders {
	char packages[1024], site[1024];
};
void web_reload(struct web *w, const struct web_folders *folders);
void web_reload_forget(struct web *w); /* it is being freed */
/* web.c: the page that says what this is. */
void web_index(struct http_request *r, void *arg);
/* 404, in words or JSON; arg: struct web. */
void web_not_found(struct http_request *r, void *arg);
/* An HTML page from a template of web/, which may load script from here and ask the JSON API with it; values alternate
 * name and text, ended by NULL. */
void web_page_scripted(struct http_request *r, int status, struct span template,
    const char *const *values);
/* A page of a few words. */
struct web_notice {
	const char *title, *text;
	const char *command; /* to be typed next; NULL: none */
	bool signed_in;      /* and has a session now */
};
void
web_notice(struct http_request *r, const struct web *w, int status, const struct web_notice *n);
/* The "tsh login" that works here: with proxy, user and CA pin. dst holds WEB_COMMAND_MAX. */
enum { WEB_COMMAND_MAX = 1024 };
void web_login_command(const struct web *w, const char *user, char *dst, size_t size);

#endif
