/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh version: our version, and the proxy's when there is one.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/version.h"
#include "cli/out.h"
#include "tsh/discover.h"
#include "tsh/tsh.h"

static struct {
	const char *format;
	bool client;
} opt = { .format = "text" };

const struct cli_option cmd_version_options[] = {
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &opt.format },
	{ 0, "client", NULL, "only our own version", CLI_FLAG, &opt.client },
	{ 0 },
};

static void
print(const char *proxy_version, const char *proxy)
{
	json_t *v;

	if (strcmp(opt.format, "text") == 0) {
		printf("Sallyport tsh v%s\n", SALLYPORT_VERSION);
		if (*proxy_version)
			printf("Proxy version: v%s\nProxy: %s\n", proxy_version, proxy);
		return;
	}
	v = json_pack("{s:s, s:s, s:s}", "version", SALLYPORT_VERSION, "proxyVersion",
	    proxy_version, "proxyPublicAddress", proxy);
	cli_print_value(v, cli_format_from(opt.format), stdout);
	json_decref(v);
}

int
cmd_version(int argc, char **argv)
{
	_cleanup_free_ char *known = NULL;
	struct discovery d = { 0 };
	struct profile *p = NULL;
	char version[sizeof d.version];
	struct err e;

	(void)argc;
	(void)argv;
	if (opt.client || profile_load(&p, tsh_globals.proxy, tsh_globals.user, NULL) < 0) {
		print("", "");
		return 0;
	}
	if (profile_read(p, PROFILE_CA, &known, &e) < 0 ||
	    discover_version(&d, p->proxy, known, &e) < 0)
		cli_warn("the proxy's version is unknown: %s", e.text);
	/* What a proxy calls itself goes to a terminal. */
	str_clean(version, sizeof version, d.version, strlen(d.version));
	print(version, p->proxy);
	profile_free(p);
	return 0;
}
