/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webauthn_client: what the browser says it saw: the client data, which is signed along. And what a site is called.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "crypto/b64.h"
#include "crypto/secret.h"
#include "crypto/webauthn_priv.h"

enum { HTTPS_PORT = 443, CHALLENGE_TEXT_SIZE = 48 };

/* --- what a site is called --------------------------------------------------------------- */

/* Names in lower case, as browsers write them in an origin. */
static bool
is_name(char *host)
{
	unsigned char ip[sizeof(struct in6_addr)];

	if (host[0] == '\0' || inet_pton(AF_INET, host, ip) == 1 ||
	    inet_pton(AF_INET6, host, ip) == 1)
		return false;
	for (char *c = host; *c; c++) {
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '.')
			return false;
		*c = (char)tolower((unsigned char)*c);
	}
	return true;
}

bool
webauthn_site_of(const char *address, struct webauthn_site *ret)
{
	uint16_t port;

	if (!str_host_port(address, HTTPS_PORT, ret->rp_id, sizeof(ret->rp_id), &port) ||
	    !is_name(ret->rp_id))
		return false;
	if (port == HTTPS_PORT)
		return str_format(ret->origin, sizeof(ret->origin), "https://%s", ret->rp_id);
	return str_format(ret->origin, sizeof(ret->origin), "https://%s:%u", ret->rp_id, port);
}

/* --- the client data ---------------------------------------------------------------------- */

static bool
is_text(const json_t *object, const char *name, const char *want)
{
	const json_t *v = json_object_get(object, name);

	return json_is_string(v) && json_string_length(v) == strlen(want) &&
	    strcmp(json_string_value(v), want) == 0;
}

/* Compared as text: another spelling of the same bytes is not what the browser got. */
static bool
is_challenge(const json_t *object, const uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES])
{
	const json_t *v = json_object_get(object, "challenge");
	char want[CHALLENGE_TEXT_SIZE];

	return json_is_string(v) &&
	    b64_encode(want, sizeof(want), (struct span){ challenge, WEBAUTHN_CHALLENGE_BYTES },
		B64_URL) &&
	    json_string_length(v) == strlen(want) &&
	    secret_equal(span_str(json_string_value(v)), span_str(want));
}

/* In a frame of another site's page the person does not see whom the key is used for. */
static bool
is_own_page(const json_t *object)
{
	const json_t *crossed = json_object_get(object, "crossOrigin");

	return (!crossed || json_is_false(crossed)) && !json_object_get(object, "topOrigin");
}

/* Other members are let be: browsers add some, so that nobody compares the whole text (section 5.8.1.1). */
static int
check(const json_t *object, const char *type, const struct webauthn_site *site,
    const uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES], struct err *e)
{
	if (!json_is_object(object))
		return err_set(e, "the browser's part of the answer is not JSON as it should be");
	if (!is_text(object, "type", type))
		return err_set(e, "the answer is of another kind than %s", type);
	if (!is_challenge(object, challenge))
		return err_set(e, "the answer is to another request; begin again");
	if (!is_text(object, "origin", site->origin))
		return err_set(e, "the answer is of another site than %s", site->origin);
	if (!is_own_page(object))
		return err_set(e, "the answer is of a page inside another site's");
	return 0;
}

int
webauthn_client_check(struct span json, const char *type, const struct webauthn_site *site,
    const uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES], struct err *e)
{
	json_t *object;
	int rc;

	if (json.n > WEBAUTHN_CLIENT_MAX)
		return err_set(e, "the browser's part of the answer is too long");
	/* Two members of one name: who reads the other one sees another text. */
	object = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
	rc = check(object, type, site, challenge, e);
	json_decref(object);
	return rc;
}
