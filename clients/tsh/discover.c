/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discover: GET /v1/webapi/ca and /v1/webapi/find of a proxy. Called by login, and by version, which knows the authorities.
 */
#include "tsh/discover.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/bundle_fetch.h"
#include "base/str.h"
#include "base/version.h"
#include "crypto/capin.h"
#include "http/fetch.h"

/* The pin of the host CA of an earlier login. */
static int
pin_of(const char *pem, char *pin, struct err *e)
{
	struct x509_cert *cert = NULL;
	int rc = x509_cert_from_pem(&cert, pem, e);

	if (rc == 0)
		rc = capin_of_cert(cert, pin);
	x509_cert_free(cert);
	return rc;
}

/* -1 with e, whatever bundle_fetch says: for people both are "it did not work". */
static int
fetch_authorities(struct discovery *d, const char *proxy, const char *pin, const char *known_pem,
    struct err *e)
{
	char known_pin[CAPIN_SIZE];

	/* Whoever logged in here before need not give the pin again, and notices when the CA is
	 * another. */
	if (!pin && known_pem && pin_of(known_pem, known_pin, e) == 0)
		pin = known_pin;
	return bundle_fetch(&d->ca, proxy, pin, e) == 0 ? 0 : -1;
}

/* The first number alone counts: within it client and proxy understand each other. */
static int
check_version(struct discovery *d, const char *min, struct err *e)
{
	long need = strtol(min, NULL, 10), have = strtol(SALLYPORT_VERSION, NULL, 10);

	if (need > have)
		return err_set(e,
		    "this tsh (%s) is too old for the proxy (%s, needs %s): upgrade it with the proxy's install.sh --clients",
		    SALLYPORT_VERSION, d->version, min);
	return 0;
}

/* It goes into an ssh_config: nothing there may begin an option or a line. */
static bool
is_host(const char *s)
{
	return *s != '-' &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") ==
	    strlen(s);
}

static int
parse_find(struct discovery *d, const char *proxy, const char *body, struct err *e)
{
	json_t *v = json_loads(body, 0, NULL);
	const char *version = "", *min = "0", *ssh_addr = "";
	char host[256], ssh_host[256];
	uint16_t port;
	int rc;

	if (!v ||
	    json_unpack(v, "{s?s, s?s, s?{s?{s?s}}}", "server_version", &version,
		"min_client_version", &min, "proxy", "ssh", "ssh_public_addr", &ssh_addr) < 0) {
		json_decref(v);
		return err_set(e, "%s does not speak our protocol; is it a Sallyport proxy?",
		    proxy);
	}
	(void)str_copy(d->version, sizeof d->version, version);
	/* An address without a host is a port of the proxy itself. */
	if (*ssh_addr && str_host_port(ssh_addr, 3023, ssh_host, sizeof ssh_host, &port) &&
	    is_host(ssh_host) && str_host_port(proxy, 3080, host, sizeof host, &(uint16_t){ 0 }))
		(void)str_put_host_port(d->ssh_addr, sizeof d->ssh_addr,
		    *ssh_host ? ssh_host : host, port);
	rc = check_version(d, min, e);
	json_decref(v);
	return rc;
}

int
discover_get(struct fetch *f, struct fetch_reply *ret, struct err *e)
{
	int rc = fetch_get(f, ret, e);

	if (rc == FETCH_E_UNTRUSTED && f->trust == FETCH_GIVEN_ROOTS) {
		f->trust = FETCH_SYSTEM_ROOTS;
		rc = fetch_get(f, ret, e);
	}
	return rc > 0 ? -1 : rc;
}

static int
fetch_find(struct discovery *d, const char *proxy, const char *ca_pem, struct err *e)
{
	char url[400];
	struct fetch f = { .url = url, .trust = FETCH_GIVEN_ROOTS, .ca_pem = ca_pem };
	struct fetch_reply reply = { 0 };
	int rc;

	if (!str_format(url, sizeof url, "https://%s/v1/webapi/find", proxy))
		return err_set(e, "the proxy's address is too long");
	rc = discover_get(&f, &reply, e);
	if (rc == 0 && reply.status != 200)
		rc = err_set(e, "%s answers %d; is it a Sallyport proxy?", proxy, reply.status);
	if (rc == 0)
		rc = parse_find(d, proxy, reply.body, e);
	fetch_reply_done(&reply);
	return rc;
}

int
discover(struct discovery *ret, const char *proxy, const char *pin, const char *known_pem,
    struct err *e)
{
	*ret = (struct discovery){ 0 };
	if (fetch_authorities(ret, proxy, pin, known_pem, e) < 0 ||
	    fetch_find(ret, proxy, ret->ca->host_pem, e) < 0) {
		discover_done(ret);
		return -1;
	}
	return 0;
}

int
discover_version(struct discovery *ret, const char *proxy, const char *known_pem, struct err *e)
{
	*ret = (struct discovery){ 0 };
	return fetch_find(ret, proxy, known_pem, e);
}

void
discover_done(struct discovery *d)
{
	bundle_free(d->ca);
	d->ca = NULL;
}
