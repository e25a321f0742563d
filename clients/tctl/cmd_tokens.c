/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl tokens: add, ls, rm.
 */
#include <stdlib.h>
#include <string.h>

#include "api/label.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli/out.h"
#include "tctl/labels.h"
#include "tctl/tctl.h"

static struct {
	const char *type, *labels, *names, *roles, *value, *format;
	int64_t ttl_s, uses;
	bool secrets;
} opt = { .type = "node", .format = NULL };

static const struct cli_option add_options[] = {
	{ 0, "type", "node|proxy|audit|api",
	    "what may join with it (default node); api: calls of the web API", CLI_CHOICE,
	    &opt.type },
	{ 0, "roles", "ROLE,...", "of an api token: what it may", CLI_STRING, &opt.roles },
	{ 0, "ttl", "DURATION", "life (default 30m; of an api token 720h)", CLI_DURATION,
	    &opt.ttl_s },
	{ 0, "uses", "N", "how often it may be used (default 1)", CLI_INT, &opt.uses },
	{ 0, "labels", "KEY=VALUE,...", "labels for the nodes that join with it", CLI_STRING,
	    &opt.labels },
	{ 0, "name", "PATTERN,...",
	    "what may join with it: names, * for any characters (default any)", CLI_STRING,
	    &opt.names },
	{ 0, "value", "TOKEN", "a token of your own making (at least 32 characters)", CLI_STRING,
	    &opt.value },
	{ 'f', "format", CLI_FORMATS, "text prints the token and nothing else", CLI_CHOICE,
	    &opt.format },
	{ 0 },
};
static const struct cli_option ls_options[] = {
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &opt.format },
	{ 0, "with-secrets", NULL, "no effect: tokens are kept as hashes", CLI_FLAG, &opt.secrets },
	{ 0 },
};

/* The line that installs, configures and starts a node, to be pasted into a shell. Where the web certificate is one of the
 * cluster's own, its authority is part of the line: whatever of such a line is left out, curl then trusts nobody, which a
 * hash beside --insecure would not give. Nothing is indented: the certificate would not be one. */
static void
print_install(const Auth__StatusReply *s, const char *proxy, const char *pin)
{
	bool own = s->proxy_own_certificate;

	printf("Put it into a file on the new host (token.file, mode 0600) and run there:\n\n"
	       "curl -fsS %shttps://%s/scripts/install.sh %s| sudo bash -s -- "
	       "--token-file=token.file --ca-pin=%s\n%s%s\n",
	    own ? "" : "--cacert /dev/stdin ", proxy, own ? "" : "<<'CA' ", pin,
	    own ? "" : s->ca_pem, own ? "" : "CA\n");
}

static void
print_node_help(const Auth__StatusReply *s)
{
	const char *proxy = *s->proxy_public_addr ? s->proxy_public_addr : "PROXY:3080";
	const char *pin = s->n_ca_pins ? s->ca_pins[0] : "";

	if (s->proxy_has_packages)
		print_install(s, proxy, pin);
	/* install.sh has nothing to install then. */
	printf("%s:\n\n"
	       "  noded configure --output=file:///etc/sallyport/noded.yaml \\\n"
	       "    --token=/root/token.file --proxy=%s \\\n    --ca-pin=%s\n"
	       "  systemctl enable --now sallyport-noded\n",
	    s->proxy_has_packages
		? "Where noded is installed already"
		: "Install the package sallyport-noded on the new host, put the token into a file there "
		  "(/root/token.file, mode 0600), and run",
	    proxy, pin);
}

static int
print_api_help(const Auth__StatusReply *s, const Auth__Token *t, const char *span)
{
	const char *proxy = *s->proxy_public_addr ? s->proxy_public_addr : "PROXY:3080";

	printf(
	    "The token: %s\nIts calls are those of api:%s; it expires in %s.\n\n"
	    "Put it into a file that only your program can read (token.file), and ask:\n\n"
	    "  curl -fsS -H \"Authorization: Bearer $(cat token.file)\" https://%s/v1/webapi/nodes\n",
	    t->token, t->id, span, proxy);
	return 0;
}

/* Without --format: the token, its life, and the command that uses it. */
static int
print_help(struct client *c, const Auth__Token *t)
{
	Auth__Empty q = AUTH__EMPTY__INIT;
	Auth__StatusReply *s = NULL;
	char span[48];
	struct err e;
	int rc;

	if (auth_sync_get_status(c, &q, &s, &e) < 0)
		return cli_fail_err(&e);
	/* Rounded up: "30m", and not "29m59s" for what was just made. */
	str_duration_text((t->expires - clock_wall_ms() + 999) / 1000, span, sizeof span);
	if (strcmp(t->kind, "api") == 0) {
		rc = print_api_help(s, t, span);
		client_free_reply(s);
		return rc;
	}
	printf("The token: %s\nIt is for one %s%s and expires in %s.\n\n", t->token, t->kind,
	    t->uses_left > 1 ? " and more" : "", span);
	if (strcmp(t->kind, "node") == 0)
		print_node_help(s);
	else
		printf(
		    "Put it into a file on the new host (token.file, mode 0600) and say there:\n\n"
		    "  (in /etc/sallyport/%sd.yaml)\n  token: /root/token.file\n  ca_pin: %s\n",
		    t->kind, s->n_ca_pins ? s->ca_pins[0] : "");
	client_free_reply(s);
	return 0;
}

/* The only time that the token is shown: authd keeps a hash. */
static int
print_added(struct client *c, const Auth__Token *t)
{
	char when[40];
	json_t *v;

	if (!opt.format)
		return print_help(c, t);
	/* For scripts: TOKEN=$(tctl tokens add --format=text). */
	if (strcmp(opt.format, "text") == 0) {
		puts(t->token);
		return 0;
	}
	clock_rfc3339(t->expires, when, sizeof when);
	v = json_pack("{s:s, s:[s], s:s, s:i}", "token", t->token, "roles", t->kind, "expires",
	    when, "uses", (int)t->uses_left);
	tctl_print(v, opt.format);
	return 0;
}

static int
add(int argc, char **argv)
{
	Auth__AddTokenRequest q = AUTH__ADD_TOKEN_REQUEST__INIT;
	struct tctl_words names = { 0 }, roles = { 0 };
	struct arena arena;
	Auth__Token *t = NULL;
	struct labels labels;
	struct client *c;
	struct err e;
	int rc;

	(void)argc;
	(void)argv;
	if (labels_parse(&labels, opt.labels, &e) < 0)
		return cli_fail_err(&e);
	if (tctl_words_split(&names, opt.names, &e) < 0 ||
	    tctl_words_split(&roles, opt.roles, &e) < 0) {
		tctl_words_done(&names);
		labels_done(&labels);
		return cli_fail_err(&e);
	}
	arena_init(&arena, TCTL_LABELS_ARENA);
	q.kind = opt.type;
	q.ttl_s = opt.ttl_s;
	q.uses = (uint32_t)opt.uses;
	q.labels = api_labels(&arena, (struct policy_labels){ labels.v, labels.n });
	q.n_labels = labels.n;
	q.names = (const char **)(void *)names.v;
	q.n_names = names.n;
	q.roles = (const char **)(void *)roles.v;
	q.n_roles = roles.n;
	q.value = opt.value ? opt.value : "";
	c = q.labels ? tctl_client() : NULL;
	rc = !q.labels                               ? cli_fail("out of memory")
	    : !c                                     ? 1
	    : auth_sync_add_token(c, &q, &t, &e) < 0 ? cli_fail_err(&e)
						     : 0;
	if (rc == 0)
		rc = print_added(c, t);
	client_free_reply(t);
	client_free(c);
	labels_done(&labels);
	tctl_words_done(&names);
	tctl_words_done(&roles);
	arena_done(&arena);
	return rc;
}

/* "web-*,db-1", or nothing: any name. Of an API token its roles. */
static void
names_text(const Auth__Token *t, struct buf *b)
{
	for (size_t i = 0; i < t->n_roles; i++)
		buf_printf(b, "%s%s", i ? "," : "", t->roles[i]);
	for (size_t i = 0; i < t->n_names; i++)
		buf_printf(b, "%s%s", i ? "," : "", t->names[i]);
	buf_put(b, "", 1);
}

static void
labels_text(const Auth__Token *t, struct buf *b)
{
	for (size_t i = 0; i < t->n_labels; i++)
		buf_printf(b, "%s%s=%s", i ? "," : "", t->labels[i]->key, t->labels[i]->value);
	buf_put(b, "", 1);
}

static struct cli_table *
tokens_table(void)
{
	return cli_table_new("Token", "Type", "Names or Roles", "Labels", "Uses",
	    "Expiry Time (UTC)", NULL);
}

static void
tokens_row(struct cli_table *t, const void *found, size_t i)
{
	const Auth__Token *k = ((const Auth__TokenList *)found)->tokens[i];
	char name[64], uses[16], when[40], span[48], expiry[100];
	struct buf labels, names;

	(void)str_format(name, sizeof name, "%s********", k->id);
	(void)str_format(uses, sizeof uses, "%u", k->uses_left);
	clock_rfc3339(k->expires, when, sizeof when);
	str_duration_text((k->expires - clock_wall_ms()) / 1000, span, sizeof span);
	(void)str_format(expiry, sizeof expiry, "%s (%s)", when, span);
	buf_init(&labels, 65536);
	labels_text(k, &labels);
	buf_init(&names, 65536);
	names_text(k, &names);
	cli_table_add(t, name, k->kind, buf_ok(&names) ? (char *)buf_head(&names) : "",
	    buf_ok(&labels) ? (char *)buf_head(&labels) : "", uses, expiry, NULL);
	buf_done(&labels);
	buf_done(&names);
}

static json_t *
tokens_value(const void *found, size_t i)
{
	const Auth__Token *k = ((const Auth__TokenList *)found)->tokens[i];
	json_t *labels = json_object(), *names = json_array(), *roles = json_array();
	char when[40];

	for (size_t j = 0; j < k->n_labels; j++)
		json_object_set_new(labels, k->labels[j]->key, json_string(k->labels[j]->value));
	for (size_t j = 0; j < k->n_names; j++)
		json_array_append_new(names, json_string(k->names[j]));
	for (size_t j = 0; j < k->n_roles; j++)
		json_array_append_new(roles, json_string(k->roles[j]));
	clock_rfc3339(k->expires, when, sizeof when);
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:i}", "id", k->id, "type", k->kind,
	    "names", names, "roles", roles, "labels", labels, "created_by", k->created_by,
	    "expires", when, "uses", (int)k->uses_left);
}

static const struct cli_listing tokens = { tokens_table, tokens_row, tokens_value,
	"No active tokens found." };

static int
by_expiry(const void *a, const void *b)
{
	const Auth__Token *t = *(Auth__Token *const *)a, *u = *(Auth__Token *const *)b;

	return t->expires < u->expires ? -1 : t->expires > u->expires ? 1 : strcmp(t->id, u->id);
}

static int
list_tokens(struct client *c, void *arg, struct err *e)
{
	Auth__ListTokensRequest q = AUTH__LIST_TOKENS_REQUEST__INIT;
	Auth__TokenList *list = NULL;

	(void)arg;
	if (auth_sync_list_tokens_all(c, &q, &list, e) < 0)
		return -1;
	if (list->n_tokens > 0)
		qsort(list->tokens, list->n_tokens, sizeof *list->tokens, by_expiry);
	cli_print_listing(&tokens, list, list->n_tokens, opt.format, stdout);
	client_free_reply(list);
	return 0;
}

static int
ls(int argc, char **argv)
{
	(void)argc;
	return tctl_run(list_tokens, argv);
}

static int
rm(int argc, char **argv)
{
	int rc = tctl_by_name(auth_sync_remove_token, argv[0]);

	(void)argc;
	if (rc == 0)
		printf("Token %.8s has been deleted\n", argv[0]);
	return rc;
}

const struct cli_command cmd_tokens_sub[] = {
	{ .name = "add",
	    .summary = "make a token: to join, or for the web API",
	    .options = add_options,
	    .run = add },
	{ .name = "ls",
	    .summary = "list tokens that can still be used",
	    .options = ls_options,
	    .run = ls },
	{ .name = "rm",
	    .args = "TOKEN",
	    .summary = "delete a token (whole, or its first 8 digits)",
	    .min_args = 1,
	    .max_args = 1,
	    .run = rm },
	{ 0 },
};
