/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl status and tctl version.
 */
#include <stdio.h>
#include <string.h>

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
	cli_table_uncut(t);
	cli_table_print(t, stdout);
	cli_table_free(t);
}

static void
print_value(const Auth__StatusReply *s)
{
	json_t *pins = json_array(), *v;

	for (size_t i = 0; i < s->n_ca_pins; i++)
		json_array_append_new(pins, json_string(s->ca_pins[i]));
	v = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s}", "cluster", s->cluster, "version",
	    s->version, "host_ca", s->host_ca, "user_ca", s->user_ca, "ca_pins", pins, "proxy",
	    s->proxy_public_addr);
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
