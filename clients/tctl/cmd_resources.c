/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl get, create, edit, rm: resources as files, whatever their kind (form.h). Users, nodes and join tokens have
 * verbs of their own; rm takes them too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "rpc/wire_check.h"
#include "tctl/editor.h"
#include "tctl/form.h"
#include "tctl/place.h"
#include "tctl/tctl.h"

enum { FILE_MAX = 1 << 20 };

static struct {
	const char *format;
	bool force;
} opt = { .format = "yaml" };

const struct cli_option cmd_get_options[] = {
	{ 0, "format", CLI_FORMATS, "output format (default yaml)", CLI_CHOICE, &opt.format },
	{ 0 },
};
const struct cli_option cmd_create_options[] = {
	{ 'f', "force", NULL, "replace what is there", CLI_FLAG, &opt.force },
	{ 0 },
};

/* "role/NAME" or "roles" taken apart; *ret_name NULL: all. NULL: no kind of file; said so. */
static const struct form *
parse_ref(const char *verb, const char *ref, const char **ret_name)
{
	const char *slash = strchr(ref, '/');
	const struct form *form = NULL;
	char kind[32], known[512] = "";

	if (str_format(kind, sizeof kind, "%.*s", (int)strcspn(ref, "/"), ref))
		form = form_find(kind);
	*ret_name = slash ? slash + 1 : NULL;
	if (form)
		return form;
	for (form = forms; form->kind; form++) {
		size_t n = strlen(known);

		str_format(known + n, sizeof known - n, "%s%s, %s/NAME", n ? ", " : "",
		    form->plural, form->kind);
	}
	cli_fail("cannot %s %s; what there is: %s", verb, ref, known);
	return NULL;
}

/* --- get -------------------------------------------------------------------------------------- */

/* NULL: the bytes are no message that this tctl knows. */
static json_t *
resource_value(const struct form *form, const Auth__Resource *r)
{
	ProtobufCMessage *m = NULL;
	json_t *v;

	/* The value is bytes within a message, so that the check of the whole has not looked into
	 * it. */
	if (wire_check_message(form->type, r->value.data, r->value.len))
		m = protobuf_c_message_unpack(form->type, NULL, r->value.len, r->value.data);
	if (!m)
		return NULL;
	v = form_to_json(form, m);
	protobuf_c_message_free_unpacked(m, NULL);
	return v;
}

static int
print_all(struct client *c, const struct form *form, const Auth__ResourceList *list)
{
	json_t *all = json_array();
	enum cli_format format = strcmp(opt.format, "json") == 0 ? CLI_JSON : CLI_YAML;
	int rc = 0;

	(void)c;
	/* What cannot be shown is told, and does not hide the rest. */
	for (size_t i = 0; i < list->n_resources; i++)
		if (json_array_append_new(all, resource_value(form, list->resources[i])) < 0)
			rc = cli_fail("%s %s cannot be shown: this tctl is older than authd",
			    form->kind, list->resources[i]->name);
	if (format == CLI_JSON)
		cli_print_value(all, CLI_JSON, stdout);
	else
		for (size_t i = 0; i < json_array_size(all); i++) {
			if (i > 0)
				puts("---");
			cli_print_value(json_array_get(all, i), CLI_YAML, stdout);
		}
	json_decref(all);
	return rc;
}

/* 0 with *ret, or 1: the error was printed. */
static int
fetch(struct client *c, const struct form *form, const char *name, Auth__ResourceList **ret)
{
	Auth__GetResourcesRequest q = AUTH__GET_RESOURCES_REQUEST__INIT;
	struct err e;

	q.kind = form->kind;
	q.name = name ? name : "";
	if (auth_sync_get_resources_all(c, &q, ret, &e) < 0)
		return cli_fail_err(&e);
	if (name && (*ret)->n_resources == 0)
		return cli_fail("no such %s: %s; `tctl get %s` shows them all", form->kind, name,
		    form->plural);
	return 0;
}

/* Fetches (name NULL: all of the kind), and does something with what was found. Both print their errors. */
typedef int use_fn(struct client *c, const struct form *form, const Auth__ResourceList *list);
static int
with_found(const struct form *form, const char *name, use_fn *use)
{
	Auth__ResourceList *list = NULL;
	struct client *c = tctl_client();
	int rc;

	if (!c)
		return 1;
	rc = fetch(c, form, name, &list);
	if (rc == 0)
		rc = use(c, form, list);
	client_free_reply(list);
	client_free(c);
	return rc;
}

int
cmd_get(int argc, char **argv)
{
	const struct form *form;
	const char *name;

	(void)argc;
	if (!(form = parse_ref("get", argv[0], &name)))
		return 1;
	return with_found(form, name, print_all);
}

/* --- create ----------------------------------------------------------------------------------- */

static int
read_input(const char *path, char **ret, size_t *ret_n, struct err *e)
{
	struct buf b;
	char chunk[4096];
	size_t n;

	if (strcmp(path, "-") != 0)
		return file_read(path, FILE_MAX, ret, ret_n, e);
	buf_init(&b, FILE_MAX);
	while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
		buf_put(&b, chunk, n);
	*ret_n = b.len;
	buf_put(&b, "", 1);
	*ret = buf_ok(&b) ? malloc(b.len) : NULL;
	if (*ret)
		memcpy(*ret, buf_head(&b), b.len);
	buf_done(&b);
	return *ret ? 0 : err_set(e, "standard input is larger than 1 MiB");
}

/* What is sent. Prints what was done. */
struct put {
	struct client *client;
	bool replace;
	const Auth__Resource *over; /* NULL: any; else only that one, as it was read */
	const char *done;           /* "created" */
};

/* m stays the caller's. */
static int
send_message(const struct put *put, const struct form *form, const ProtobufCMessage *m,
    struct err *e)
{
	Auth__PutResourceRequest q = AUTH__PUT_RESOURCE_REQUEST__INIT;
	Auth__Resource r = AUTH__RESOURCE__INIT, *kept = NULL;
	int rc;

	r.kind = form->kind;
	/* What was read: authd keeps it only if that is still what is there. */
	if (put->over) {
		r.name = put->over->name;
		r.revision = put->over->revision;
	}
	q.resource = &r;
	q.replace = put->replace;
	rc = tctl_put(put->client, &q, m, &kept, e);
	if (rc == 0)
		printf("%s '%s' has been %s\n", form->kind, kept->name, put->done);
	client_free_reply(kept);
	return rc;
}

/* A refusal with its line, where authd said what it is about. */
static int
fail_at(const struct yaml_source *source, const json_t *value, const struct err *e)
{
	size_t line = place_line(value, source, e->text);

	return line ? cli_fail("%s:%zu: %s", source->name, line, e->text) : cli_fail_err(e);
}

/* One resource, from its JSON form. */
static int
put_value(const struct put *put, const json_t *value, const struct yaml_source *source)
{
	const struct form *form;
	ProtobufCMessage *m;
	struct err e;
	int rc;

	if (form_from_json(value, source, &form, &m, &e) < 0)
		return cli_fail_err(&e);
	rc = send_message(put, form, m, &e);
	protobuf_c_message_free_unpacked(m, NULL);
	return rc < 0 ? fail_at(source, value, &e) : 0;
}

/* Every document of the text, up to the first that fails. */
static int
put_text(const struct put *put, const char *name, const char *text, size_t n)
{
	struct yaml_source source = { .name = name };
	json_t *value = NULL;
	struct err e;
	int rc = 0;

	if (yaml_to_json(&source, text, n, &value, &e) < 0)
		rc = cli_fail_err(&e);
	else if (!json_is_array(value))
		rc = put_value(put, value, &source);
	else if (json_array_size(value) == 0)
		rc = cli_fail("%s: there is no resource in it", name);
	else if (put->over)
		/* The editor was opened over one; a second document would be made under the first
		 * one's revision. */
		rc = cli_fail("%s: leave one resource in it", name);
	else
		for (size_t i = 0; i < json_array_size(value) && rc == 0; i++)
			rc = put_value(put, json_array_get(value, i), &source);
	yaml_source_done(&source);
	json_decref(value);
	return rc;
}

int
cmd_create(int argc, char **argv)
{
	_cleanup_free_ char *text = NULL;
	struct put put = { .replace = opt.force, .done = opt.force ? "written" : "created" };
	struct err e;
	size_t n;
	int rc;

	(void)argc;
	if (read_input(argv[0], &text, &n, &e) < 0)
		return cli_fail_err(&e);
	if (!(put.client = tctl_client()))
		return 1;
	rc = put_text(&put, strcmp(argv[0], "-") == 0 ? "standard input" : argv[0], text, n);
	client_free(put.client);
	return rc;
}

/* --- edit ------------------------------------------------------------------------------------- */

/* As get prints it. */
static char *
text_of(const struct form *form, const Auth__Resource *r)
{
	json_t *value = resource_value(form, r);
	char *text = NULL;
	size_t n;
	FILE *f = value ? open_memstream(&text, &n) : NULL;

	if (f) {
		cli_print_value(value, CLI_YAML, f);
		fclose(f);
	}
	json_decref(value);
	return text;
}

/* Only over what was shown: who was faster is not overwritten. */
static int
edit_first(struct client *c, const struct form *form, const Auth__ResourceList *list)
{
	const Auth__Resource *r = list->resources[0];
	_cleanup_free_ char *before = text_of(form, r), *after = NULL;
	const struct put put = { c, true, r, "changed" };
	char path[EDITOR_PATH_MAX];
	struct err e;
	int rc;

	if (!before)
		return cli_fail("%s %s cannot be shown: this tctl is older than authd", form->kind,
		    r->name);
	if (editor_run(before, &after, path, &e) < 0)
		return cli_fail_err(&e);
	if (strcmp(before, after) == 0) {
		printf("%s '%s' has not been changed\n", form->kind, r->name);
		rc = 0;
	} else {
		rc = put_text(&put, path, after, strlen(after));
	}
	if (rc == 0)
		unlink(path);
	else
		/* For a second try: an hour's work must not go with a slip of the pen. */
		fprintf(stderr, "What you wrote is still in %s.\n", path);
	return rc;
}

int
cmd_edit(int argc, char **argv)
{
	const struct form *form;
	const char *name;

	(void)argc;
	if (!(form = parse_ref("edit", argv[0], &name)))
		return 1;
	if (!name)
		return cli_fail("which %s? Write %s/NAME", form->kind, form->kind);
	return with_found(form, name, edit_first);
}

/* --- rm --------------------------------------------------------------------------------------- */

/* A kind that has a form. Users, nodes and tokens are rows of cmd_rm. */
static int
remove_file(const char *ref)
{
	Auth__ResourceRef q = AUTH__RESOURCE_REF__INIT;
	const struct form *form;
	struct client *c;
	struct err e;
	int rc;

	if (!(form = parse_ref("delete", ref, &q.name)))
		return 1;
	if (!q.name)
		return cli_fail("which %s? Write %s/NAME", form->kind, form->kind);
	if (!(c = tctl_client()))
		return 1;
	q.kind = form->kind;
	rc = auth_sync_remove_resource(c, &q, NULL, &e) < 0 ? cli_fail_err(&e) : 0;
	if (rc == 0)
		printf("%s \"%s\" has been deleted\n", form->kind, q.name);
	client_free(c);
	return rc;
}

int
cmd_rm(int argc, char **argv)
{
	static const struct {
		const char *prefix, *kind;
		tctl_named_fn *remove;
	} rows[] = {
		{ "user/", "user", auth_sync_remove_user },
		{ "node/", "node", auth_sync_remove_node },
		{ "token/", "token", auth_sync_remove_token },
	};
	size_t i = 0;
	int rc;

	(void)argc;
	while (i < sizeof rows / sizeof *rows && !str_starts(argv[0], rows[i].prefix))
		i++;
	if (i == sizeof rows / sizeof *rows)
		return remove_file(argv[0]);
	rc = tctl_by_name(rows[i].remove, argv[0] + strlen(rows[i].prefix));
	if (rc == 0)
		printf("%s \"%s\" has been deleted\n", rows[i].kind,
		    argv[0] + strlen(rows[i].prefix));
	return rc;
}
