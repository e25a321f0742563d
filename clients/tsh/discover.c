/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discover: GET /v1/webapi/ca and /v1/webapi/find of a proxy. Called by login and version.
 */
#include "tsh/discover.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/version.h"
#include "crypto/capin.h"
#include "http/fetch.h"

/* The pin a bundle itself claims: to be believed only when the connection it came over was. */
static int
own_pin(struct span packed, char *pin, struct err *e)
{
	Auth__CaBundle *b = (Auth__CaBundle *)protobuf_c_message_unpack(
	    &auth__ca_bundle__descriptor, NULL, packed.n, packed.p);
	Auth__CaSet *set = b ? (Auth__CaSet *)protobuf_c_message_unpack(&auth__ca_set__descriptor, NULL, b->ca_set.len,
				   b->ca_set.data) :
			       NULL;
	struct x509_cert *cert = NULL;
	int rc = -1;

	if (set && set->n_host_x509_pem > 0 && x509_cert_from_pem(&cert, set->host_x509_pem[0], e) == 0)
		rc = capin_of_cert(cert, pin);
	x509_cert_free(cert);
	if (set)
		protobuf_c_message_free_unpacked(&set->base, NULL);
	if (b)
		protobuf_c_message_free_unpacked(&b->base, NULL);
	return rc < 0 ? err_set(e, "the proxy's CA bundle is malformed") : 0;
}

static int
fetch_bundle(struct discovery *d, const char *proxy, const struct ca_trust *trust, bool by_roots, struct err *e)
{
	char url[400], pin[CAPIN_SIZE];
	struct fetch f = {
		.url = url, .trust = by_roots ? FETCH_SYSTEM_ROOTS : FETCH_ANYBODY, .max = CA_BUNDLE_MAX,
	};
	struct ca_trust own = { .pin = pin };
	struct fetch_reply reply = { 0 };
	int rc;

	if (!str_format(url, sizeof url, "https://%s/v1/webapi/ca", proxy))
		return err_set(e, "the proxy's address is too long");
	rc = fetch_get(&f, &reply, e);
	if (rc == FETCH_E_UNTRUSTED)
		rc = err_prefix(e, "the proxy's web certificate is not trusted by this system (use --ca-pin)");
	else if (rc == 0 && reply.status != 200)
		rc = err_set(e, "%s answers %d; is it a Sallyport proxy?", proxy, reply.status);
	if (rc == 0 && by_roots)
		rc = own_pin((struct span){ (uint8_t *)reply.body, reply.len }, pin, e);
	if (rc == 0)
		rc = ca_set_open_packed(
		    &d->ca, (struct span){ (uint8_t *)reply.body, reply.len }, by_roots ? &own : trust, e);
	fetch_reply_done(&reply);
	return rc;
}

static int
check_version(struct discovery *d, const char *min, struct err *e)
{
	long need = strtol(min, NULL, 10), have = strtol(SALLYPORT_VERSION, NULL, 10);

	if (need > have)
		return err_set(e, "this tsh (%s) is too old for the proxy (%s, needs %s)", SALLYPORT_VERSION, d->version, min);
	return 0;
}

static int
parse_find(struct discovery *d, const char *proxy, const char *body, struct err *e)
{
	json_t *v = json_loads(body, 0, NULL);
	const char *version = "", *min = "0", *ssh_addr = "";
	char host[256], ssh_host[256];
	uint16_t port;
	int rc;

	if (!v || json_unpack(v, "{s?s, s?s, s?{s?{s?s}}}", "server_version", &version, "min_client_version", &min, "proxy",
		      "ssh", "ssh_public_addr", &ssh_addr) < 0) {
		json_decref(v);
		return err_set(e, "%s does not speak our protocol; is it a Sallyport proxy?", proxy);
	}
	(void)str_copy(d->version, sizeof d->version, version);
	/* An address without a host is a port of the proxy itself. */
	if (*ssh_addr && str_host_port(ssh_addr, 3023, ssh_host, sizeof ssh_host, &port) &&
	    str_host_port(proxy, 3080, host, sizeof host, &(uint16_t){ 0 }))
		(void)str_format(d->ssh_addr, sizeof d->ssh_addr, "%s:%u", *ssh_host ? ssh_host : host, port);
	rc = check_version(d, min, e);
	json_decref(v);
	return rc;
}

/* By now the authorities are known; a proxy's web certificate comes from them or from the system's roots. */
static int
fetch_find(struct discovery *d, const char *proxy, struct err *e)
{
	char url[400];
	struct fetch f = { .url = url, .trust = FETCH_GIVEN_ROOTS, .ca_pem = d->ca->host_x509_pem };
	struct fetch_reply reply = { 0 };
	int rc;

	if (!str_format(url, sizeof url, "https://%s/v1/webapi/find", proxy))
		return err_set(e, "the proxy's address is too long");
	rc = fetch_get(&f, &reply, e);
	if (rc == FETCH_E_UNTRUSTED) {
		f.trust = FETCH_SYSTEM_ROOTS;
		rc = fetch_get(&f, &reply, e);
	}
	if (rc > 0)
		rc = -1;
	if (rc == 0 && reply.status != 200)
		rc = err_set(e, "%s answers %d; is it a Sallyport proxy?", proxy, reply.status);
	if (rc == 0)
		rc = parse_find(d, proxy, reply.body, e);
	fetch_reply_done(&reply);
	return rc;
}

int
discover(struct discovery *ret, const char *proxy, const char *pin, const char *known_pem, struct err *e)
{
	struct ca_trust trust = { .pin = pin, .known_pem = pin ? NULL : known_pem };

	*ret = (struct discovery){ 0 };
	if (fetch_bundle(ret, proxy, &trust, !pin && !known_pem, e) < 0 || fetch_find(ret, proxy, e) < 0) {
		discovery_done(ret);
		return -1;
	}
	return 0;
}

void
discovery_done(struct discovery *d)
{
	ca_set_free(d->ca);
	d->ca = NULL;
}
