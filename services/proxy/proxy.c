/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy: see proxy.h. Each part knows only its own work; what one learns and another must act on
 * passes through here.
 */
#include "proxy/proxy.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "crypto/x509.h"
#include "net/ceiling.h"
#include "proxy/rpc_hello.h"
#include "proxy/ssh_server.h"
#include "proxy/web.h"

enum { PEM_MAX = 256 * 1024 };

const char *
proxy_path(const struct proxy *p, const char *name, char *dst, size_t size)
{
	return str_format(dst, size, "%s/%s", p->state_dir, name) ? dst : "";
}

/* --- identity -------------------------------------------------------------------- */

/* What browsers see: the configured certificate, or the one that authd gave us. */
/* For those who watch: who keeps it elsewhere forgets that it ends. */
static int64_t
end_of(const char *chain)
{
	struct x509_cert *cert = NULL;
	int64_t end_s = x509_cert_from_pem(&cert, chain, NULL) == 0 ? x509_cert_not_after(cert) : 0;

	x509_cert_free(cert);
	return end_s;
}

static int
load_web_certificate(struct proxy *p, const struct conf *conf, struct err *e)
{
	char own_chain[1100], own_key[1100];
	const char *chain_path = conf->tls.certificate, *key_path = conf->tls.key;
	_cleanup_free_ char *chain = NULL, *key = NULL;
	size_t n;
	int r;

	if (!chain_path) {
		chain_path = proxy_path(p, "tls.crt", own_chain, sizeof(own_chain));
		key_path = proxy_path(p, "tls.key", own_key, sizeof(own_key));
	}
	if (file_read(chain_path, PEM_MAX, &chain, &n, e) < 0 ||
	    file_read_secret(key_path, PEM_MAX, &key, e) < 0)
		return -1;
	r = web_set_certificate(p->web, chain, key, conf->tls.certificate != NULL, e);
	secret_zero(key, strlen(key));
	/* That of the cluster renews itself, and is told as such. */
	if (r == 0)
		p->web_end_s = conf->tls.certificate ? end_of(chain) : 0;
	return r < 0 ? err_prefix(e, "%s", chain_path) : 0;
}

int
proxy_take_identity(struct proxy *p, const struct join_identity *id, struct err *e)
{
	ssh_server_set_authorities(p->ssh_server, id->ca);
	web_set_authorities(p->web, id->ca);
	if (ssh_server_set_identity(p->ssh_server, id->host_key, id->ssh_host_cert) < 0)
		return err_memory(e);
	return load_web_certificate(p, p->conf, e);
}

void
proxy_joined(const struct join_identity *id, void *arg)
{
	(void)arg;
	log_info("joined", "cluster", id->cluster, "uuid", id->uuid, NULL);
}

void
proxy_identity_changed(const struct join_identity *id, void *arg)
{
	struct proxy *p = arg;
	struct err e;

	/* It may come while the parts are still being made; make_clients takes the identity
	 * itself. */
	if (!p->web)
		return;
	log_info("certificates or authorities renewed", NULL);
	if (proxy_take_identity(p, id, &e) < 0)
		log_error(e.text, NULL);
}

void
proxy_refused(const char *why, void *arg)
{
	struct proxy *p = arg;

	log_error("this proxy is not part of the cluster", "cause", why, NULL);
	if (p->front)
		daemon_fail(p->run);
}

/* --- what the cluster says -------------------------------------------------------------- */

/* Whatever it is, it may be what somebody was let in by. */
void
proxy_cluster_changed(enum replica_kind kind, const char *key, void *arg)
{
	struct proxy *p = arg;

	if (p->ssh_server && kind == REPLICA_WEB_SESSION)
		ssh_server_review_web(p->ssh_server, key);
	else if (p->ssh_server && kind != REPLICA_CA)
		ssh_server_review(p->ssh_server);
	if (p->web)
		web_cluster_changed(p->web, kind, key);
}

void
proxy_authd_there(void *arg)
{
	struct proxy *p = arg;

	hello_send(p->auth,
	    &(struct hello){ .public_addr = p->conf->public_addr,
		.ssh_addr = p->conf->ssh_addr,
		.own_certificate = p->web->own_certificate,
		.has_packages = web_has_packages(p->web) });
}

void
proxy_web_reloaded(void *arg)
{
	proxy_authd_there(arg);
}

void
proxy_web_arrived(const struct addr *peer, void *arg)
{
	struct proxy *p = arg;

	ceiling_drop(p->strangers, peer->ip);
}

void
proxy_web_closed(const struct addr *peer, void *arg)
{
	struct proxy *p = arg;

	ceiling_drop(p->all, peer->ip);
}

void
proxy_status(void *arg)
{
	const struct proxy *p = arg;

	daemon_status("%zu tunnels, %zu people, %zu connections to nodes, %u connections in all",
	    tunnels_count(p->tunnels), ssh_server_count_users(p->ssh_server), p->relays.count,
	    ceiling_count(p->all));
}

/* Only the web certificate, the packages and the web app can change without a restart. */
void
proxy_reload(struct daemon_run *run, const void *fresh)
{
	struct proxy *p = run->state;
	struct web_folders folders;
	struct err e;

	if (load_web_certificate(p, fresh, &e) < 0)
		log_error("the web certificate stays as it was", "cause", e.text, NULL);
	else
		log_info("web certificate read again", NULL);
	proxy_authd_there(p);
	if (str_copy(folders.packages, sizeof(folders.packages), conf_packages(fresh)) &&
	    str_copy(folders.site, sizeof(folders.site), conf_web_app(fresh)))
		web_reload(p->web, &folders);
}
