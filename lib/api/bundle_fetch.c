/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_fetch: see bundle_fetch.h.
 *
 * Security: with a pin the connection is encrypted to whoever answers, and what comes is believed for its pin and
 * signature alone. Without one the system's roots must vouch for the proxy's web certificate.
 */
#include "api/bundle_fetch.h"

#include "base/str.h"
#include "http/fetch.h"

enum { TIMEOUT_MS = 10000 };

int
bundle_fetch(struct bundle **ret, const char *proxy, const char *pin, struct err *e)
{
	char url[512];
	struct fetch f = {
		.url = url,
		.trust = pin ? FETCH_ANYBODY : FETCH_SYSTEM_ROOTS,
		.timeout_ms = TIMEOUT_MS,
		.max = BUNDLE_PACKED_MAX,
	};
	struct fetch_reply reply;
	int r;

	if (pin && !capin_ok(pin))
		return err_set(e,
		    "the CA pin must look like sha256: and 64 hexadecimal digits, not \"%s\"", pin);
	if (!str_format(url, sizeof url, "https://%s/v1/webapi/ca", proxy))
		return err_set(e, "the address of the proxy is too long");
	r = fetch_get(&f, &reply, e);
	if (r == FETCH_E_UNTRUSTED)
		return err_prefix(e,
		    "the proxy's web certificate is not trusted by this system (use --ca-pin)");
	if (r != 0)
		return BUNDLE_E_UNREACHABLE;
	if (reply.status != 200) {
		err_set(e,
		    "%s answers %d to the question for its authorities: it is no proxy, or not yet ready",
		    proxy, reply.status);
		r = BUNDLE_E_UNREACHABLE;
	} else {
		r = bundle_open(ret, (struct span){ (const uint8_t *)reply.body, reply.len }, pin,
		    NULL, e);
	}
	fetch_reply_done(&reply);
	return r;
}
