/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl status and tctl version.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/version.h"
#include "cli/out.h"
#include "tctl/tctl.h"

static const char *format = "text";

const struct cli_option cmd_status_options[] = {
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &format },
	{ 0 },
};
const struct cli_option cmd_version_options[] = {
	{ 0 },
};

/* "0.9.1 (3, too old), 2.0.0 (12)": of one kind. Their versions are what hosts say, and the table cleans it. */
static void
versions_row(struct cli_table *t, const Auth__StatusReply *s, const char *kind, const char *title)
{
	struct buf text;

	buf_init(&text, 65536);
	for (size_t i = 0; i < s->n_versions; i++) {
		const Auth__VersionCount *v = s->versions[i];

		if (strcmp(v->kind, kind) == 0)
			(void)buf_printf(&text, "%s%s (%u%s)", text.len > 0 ? ", " : "",
			    *v->version ? v->version : "other", v->count,
			    v->too_old ? ", too old: upgrade" : "");
	}
	if (text.len > 0 && buf_put(&text, "", 1))
		cli_table_add(t, title, (char *)buf_head(&text), NULL);
	buf_done(&text);
}

static void
print_text(const Auth__StatusReply *s)
{
	struct cli_table *t = cli_table_new("", "", NULL);

	cli_table_headless(t);
	cli_table_add(t, "Cluster", s->cluster, NULL);
	cli_table_add(t, "Version", s->version, NULL);
	cli_table_add(t, "Host CA", s->host_ca, NULL);
	cli_table_add(t, "User CA", s->user_ca, NULL);
	for (size_t i = 0; i < s->n_ca_pins; i++)
		cli_table_add(t, "CA pin", s->ca_pins[i], NULL);
	versions_row(t, s, "proxy", "Proxies");
	versions_row(t, s, "audit", "Audit");
	versions_row(t, s, "node", "Nodes");
	cli_table_uncut(t);
	cli_table_print(t, stdout);
	cli_table_free(t);
}

static void
print_value(const Auth__StatusReply *s)
{
	json_t *pins = json_array(), *versions = json_array(), *v;

	for (size_t i = 0; i < s->n_ca_pins; i++)
		json_array_append_new(pins, json_string(s->ca_pins[i]));
	for (size_t i = 0; i < s->n_versions; i++)
		json_array_append_new(versions,
		    json_pack("{s:s, s:s, s:i, s:b}", "kind", s->versions[i]->kind, "version",
			s->versions[i]->version, "count", (int)s->versions[i]->count, "too_old",
			s->versions[i]->too_old));
	v = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:o}", "cluster", s->cluster, "version",
	    s->version, "host_ca", s->host_ca, "user_ca", s->user_ca, "ca_pins", pins, "proxy",
	    s->proxy_public_addr, "versions", versions);
	tctl_print(v, format);
}

static int
show(struct client *c, void *arg, struct err *e)
{
	Auth__Empty q = AUTH__EMPTY__INIT;
	Auth__StatusReply *s = NULL;

	(void)arg;
	if (auth_sync_get_status(c, &q, &s, e) < 0)
		return -1;
	if (version_too_old(SALLYPORT_VERSION, s->version))
		cli_warn(
		    "this tctl (%s) is more than one major version behind the cluster (%s): upgrade it",
		    SALLYPORT_VERSION, s->version);
	if (strcmp(format, "text") == 0)
		print_text(s);
	else
		print_value(s);
	client_free_reply(s);
	return 0;
}

int
cmd_status(int argc, char **argv)
{
	(void)argc;
	return tctl_run(show, argv);
}

int
cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("Sallyport tctl v%s\n", SALLYPORT_VERSION);
	return 0;
}
