/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value: what check functions of configurations need: defaults, durations,
 * sizes, ranges; see conf.h. Pure.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "conf/conf.h"

const char *
conf_text(const char *value, const char *fallback)
{
	return value ? value : fallback;
}

int
conf_duration(int64_t *ret_s, const char *key, const char *value, const char *fallback,
    struct err *e)
{
	const char *text = value ? value : fallback;

	if (str_duration(text, ret_s))
		return 0;
	return err_set(e, "%s: '%s' is not a duration (write 90s, 30m, 12h or 7d)", key, text);
}

int
conf_size(uint64_t *ret, const char *key, const char *value, const char *fallback, struct err *e)
{
	static const struct {
		const char *unit;
		int shift;
	} units[] = { { "KB", 10 }, { "MB", 20 }, { "GB", 30 }, { "", 0 } };
	const char *text = value ? value : fallback;
	char number[32];
	uint64_t v;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!str_ends(text, units[i].unit))
			continue;
		if (!str_format(number, sizeof(number), "%.*s",
			(int)(strlen(text) - strlen(units[i].unit)), text) ||
		    !str_u64(number, UINT64_MAX >> units[i].shift, &v))
			break;
		*ret = v << units[i].shift;
		return 0;
	}
	return err_set(e, "%s: '%s' is not a size (write 512, 64KB, 16MB or 2GB)", key, text);
}

int
conf_address(const char *key, const char *value, struct err *e)
{
	char host[256];
	uint16_t port;

	if (value && str_host_port(value, 0, host, sizeof(host), &port))
		return 0;
	return err_set(e, "%s: '%s' is not an address (write HOST:PORT or [IPV6]:PORT)", key,
	    value ? value : "");
}

int
conf_diag_addr(const char *value, struct err *e)
{
	uint8_t bytes[sizeof(struct in6_addr)];
	char host[256];
	uint16_t port;

	if (!value || !*value)
		return 0;
	if (conf_address("diag_addr", value, e) < 0)
		return -1;
	(void)str_host_port(value, 0, host, sizeof(host), &port);
	/* Names of hosts are for those who call; the daemon listens on an address of its own, or not at all. */
	if (inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1 ||
	    strcmp(host, "localhost") == 0)
		return 0;
	return err_set(e, "diag_addr: '%s' is not an IP address of this host and a port", value);
}

int
conf_range(int64_t *value, const char *key, int64_t fallback, int64_t min, int64_t max,
    struct err *e)
{
	if (*value == 0)
		*value = fallback;
	if (*value >= min && *value <= max)
		return 0;
	return err_set(e, "%s: %lld is outside of %lld to %lld", key, (long long)*value,
	    (long long)min, (long long)max);
}

int
conf_path(const char *key, const char *value, bool optional, struct err *e)
{
	if (!value)
		return optional ? 0 : err_set(e, "missing key '%s'", key);
	if (value[0] == '/')
		return 0;
	return err_set(e, "%s: '%s' is not an absolute path", key, value);
}
