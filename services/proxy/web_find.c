/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_find: who this proxy is, for anybody who asks: clients before they log in, nodes before
 * they join. The shape is the one that people's scripts know (server_version, cluster_name,
 * proxy.ssh.*).
 */
#include "base/str.h"
#include "base/version.h"
#include "proxy/web.h"

static json_t *
find_proxy(const struct conf *c)
{
	json_t *ssh = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "listen_addr",
	    c->ssh_addr[0] ? conf_text(c->ssh_listen, ":3023") : "", "tunnel_listen_addr",
	    conf_text(c->listen, ":3080"), "web_listen_addr", conf_text(c->listen, ":3080"),
	    "public_addr", c->public_addr, "ssh_public_addr", c->ssh_addr, "ssh_tunnel_public_addr",
	    c->public_addr, "dial_timeout", (json_int_t)30 * 1000 * 1000 * 1000);

	return json_pack("{s:o, s:{s:b}, s:{s:b}, s:b}", "ssh", ssh, "kube", "enabled", 0, "db",
	    "enabled", 0, "tls_routing_enabled", 1);
}

void
web_find(struct http_request *r, void *arg)
{
	const struct web *w = arg;
	json_t *auth = json_pack("{s:s, s:s, s:{s:s}, s:b, s:b, s:I, s:b, s:s}", "type", "local",
	    "second_factor", "otp", "local", "name", "", "allow_passwordless", 0, "allow_headless",
	    0, "default_session_ttl", (json_int_t)12 * 3600 * 1000 * 1000 * 1000, "has_motd", 0,
	    "signature_algorithm_suite", "balanced-v1");

	http_reply_json(r, 200,
	    json_pack("{s:o, s:o, s:s, s:s, s:s, s:b, s:s, s:b}", "auth", auth, "proxy",
		find_proxy(w->config.conf), "server_version", SALLYPORT_VERSION,
		"min_client_version", SALLYPORT_MIN_CLIENT_VERSION, "cluster_name",
		w->config.cluster, "automatic_upgrades", 0, "edition", "community", "fips", 0));
}

/* The signed bundle, to be believed for its pin and signature and not because it comes from here.
 */
void
web_ca(struct http_request *r, void *arg)
{
	const struct web *w = arg;

	if (w->ca)
		http_reply(r, 200, "application/x-protobuf", buf_span(&w->ca->packed));
	else
		http_reply_error(r, 503, "this proxy has not joined its cluster yet, try again");
}

void
web_ca_pem(struct http_request *r, void *arg)
{
	const struct web *w = arg;

	if (w->ca)
		http_reply(r, 200, "application/x-pem-file", span_str(w->ca->host_pem));
	else
		http_reply_error(r, 503, "this proxy has not joined its cluster yet, try again");
}
