/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh ssh: a shell or a command on one node, or a command on every node with a label.
 */
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "crypto/b64.h"
#include "tsh/fanout.h"
#include "tsh/proxy.h"
#include "tsh/shell.h"
#include "tsh/term.h"
#include "tsh/tsh.h"
#include "view/nodes.h"

enum { COMMAND_MAX = 128 * 1024 };

static struct {
	const char *login, *format;
	int64_t parallel, timeout_s, port;
	bool tty, no_tty, escapes, no_stdin, raw;
} opt = { .format = "text", .parallel = FANOUT_PARALLEL, .timeout_s = 30, .escapes = true };

const struct cli_option cmd_ssh_options[] = {
	{ 'l', "login", "USER", "Unix user to log in as", CLI_STRING, &opt.login,
	    "SALLYPORT_LOGIN" },
	{ 't', "tty", NULL, "ask for a terminal also for a command", CLI_FLAG, &opt.tty },
	{ 'T', NULL, NULL, "no terminal, also for a shell", CLI_FLAG, &opt.no_tty },
	{ 'n', NULL, NULL, "no standard input", CLI_FLAG, &opt.no_stdin },
	{ 'P', "parallel", "N", "nodes at once with LABEL=VALUE (default 64)", CLI_INT,
	    &opt.parallel },
	{ 0, "timeout", "DURATION", "time to reach a node (default 30s)", CLI_DURATION,
	    &opt.timeout_s },
	{ 'f', "format", "text|json", "with LABEL=VALUE: lines for people, or one JSON value",
	    CLI_CHOICE, &opt.format },
	{ 0, "raw", NULL,
	    "with LABEL=VALUE, into a file or pipe: lines as they are, also what a terminal obeys",
	    CLI_FLAG, &opt.raw },
	{ 'p', "port", "PORT", "ignored; for people who are used to it", CLI_INT, &opt.port },
	{ 0, "escape-sequences", NULL, "~. ~^Z ~? in a terminal (default on)", CLI_FLAG,
	    &opt.escapes },
	{ 0 },
};

/* "[login@]host" taken apart; login falls back to -l, then to our own name. */
static void
split_target(const char *target, char *login, size_t size, const char **ret_host)
{
	const char *at = strrchr(target, '@');
	const struct passwd *pw = getpwuid(getuid());

	*ret_host = at ? at + 1 : target;
	if (at)
		(void)str_format(login, size, "%.*s", (int)(at - target), target);
	else
		(void)str_copy(login, size, opt.login ? opt.login : pw ? pw->pw_name : "root");
}

/* As ssh: the words of the command joined by blanks. */
static int
join_command(int argc, char **argv, struct buf *b)
{
	for (int i = 0; i < argc; i++) {
		if (i)
			buf_put(b, " ", 1);
		buf_put(b, argv[i], strlen(argv[i]));
	}
	return buf_put(b, "", 1) ? 0 : -1;
}

/* --- one node ------------------------------------------------------------------------------- */

/* The command's exit code, or 1. */
static int
run_one(struct profile *p, struct proxy *proxy, const char *node, const char *login,
    const char *command)
{
	struct shell_config config = {
		.node = node,
		.login = login,
		.command = command,
		.tty = !opt.no_tty && (opt.tty || (!command && term_is_tty())),
		.escapes = opt.escapes,
		.no_stdin = opt.no_stdin,
		.timeout_ms = (int)opt.timeout_s * 1000,
	};
	struct remote_result result;
	struct err e;
	int code = shell_run(proxy_way(proxy), &config, &result);

	if (result.end == REMOTE_FAILED && proxy_refused(proxy, &e))
		return tsh_refused(p, &e);
	if (result.end == REMOTE_FAILED)
		return cli_fail("%s: %s", node, result.text);
	if (result.end == REMOTE_LOST)
		return cli_fail("the session on %s ended: %s", node, result.text);
	/* Whoever is back at his own prompt sees where he is. */
	if (config.tty && !command)
		fprintf(stderr, "the session on %s ended\n", node);
	return code;
}

/* --- many nodes --------------------------------------------------------------------------------- */

/* "stdout": as text; and, when that is not all of it, "stdout_base64": every byte. */
static void
add_output(json_t *object, const char *key, const struct buf *b)
{
	bool exact;
	json_t *text = cli_bytes_value(buf_head(b), b->len, &exact);
	char name[32];
	struct buf all;

	json_object_set_new(object, key, text ? text : json_null());
	if (exact)
		return;
	(void)str_format(name, sizeof name, "%s_base64", key);
	buf_init(&all, 2 * b->len + 8);
	json_object_set_new(object, name,
	    b64_put(&all, buf_span(b), B64_STD, 0)
		? json_stringn((const char *)buf_head(&all), all.len)
		: json_null());
	buf_done(&all);
}

static json_t *
host_value(const struct fanout_host *h)
{
	const struct remote_result *r = &h->result;
	const char *state = fanout_host_ok(h) ? "success"
	    : fanout_host_reached(h)          ? "failed"
					      : "unreached";
	json_t *v = json_pack("{s:s, s:s, s:s, s:I}", "node", h->name, "uuid", h->uuid, "result",
	    state, "duration_ms", (json_int_t)h->took_ms);

	if (r->end == REMOTE_EXITED)
		json_object_set_new(v, "exit_status", json_integer(r->status));
	else if (r->end == REMOTE_SIGNALED)
		json_object_set_new(v, "signal", json_string(r->signal));
	else
		json_object_set_new(v, "error", json_string(r->text));
	if (fanout_host_reached(h)) {
		add_output(v, "stdout", &h->out);
		add_output(v, "stderr", &h->err);
		json_object_set_new(v, "truncated", json_boolean(h->out.failed || h->err.failed));
	}
	return v;
}

static void
print_json(const struct fanout_host *hosts, size_t n, const struct fanout_summary *sum)
{
	json_t *list = json_array();
	json_t *all = json_pack("{s:o, s:{s:i, s:i, s:i}}", "hosts", list, "summary", "succeeded",
	    (int)sum->succeeded, "failed", (int)sum->failed, "unreached", (int)sum->unreached);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, host_value(&hosts[i]));
	cli_print_value(all, CLI_JSON, stdout);
	json_decref(all);
}

static int
run_many(struct proxy *proxy, const Auth__NodeList *list, const char *login, const char *command)
{
	bool json = strcmp(opt.format, "json") == 0;
	struct fanout_config config = {
		.login = login,
		.command = command,
		.parallel = (unsigned)opt.parallel,
		.raw = opt.raw,
		.timeout_ms = (int)opt.timeout_s * 1000,
		.keep = json,
	};
	struct fanout_host *hosts = calloc(list->n_nodes, sizeof *hosts);
	struct fanout_summary sum;
	int rc;

	if (!hosts)
		return cli_fail("out of memory");
	for (size_t i = 0; i < list->n_nodes; i++) {
		hosts[i].name = list->nodes[i]->name;
		hosts[i].uuid = list->nodes[i]->uuid;
	}
	rc = fanout_run(proxy_way(proxy), hosts, list->n_nodes, &config, &sum);
	fflush(stdout);
	if (rc == 128 + SIGPIPE)
		; /* nobody is there for a summary */
	else if (json)
		print_json(hosts, list->n_nodes, &sum);
	else
		fanout_print_summary(hosts, list->n_nodes, &sum);
	for (size_t i = 0; i < list->n_nodes; i++)
		fanout_host_done(&hosts[i]);
	free(hosts);
	return rc;
}

/* A selector: the nodes are authd's answer, by which roles are applied too. */
static int
by_label(struct profile *p, const char *selector, const char *login, const char *command)
{
	Auth__NodeList *list = NULL;
	struct client *c = NULL;
	struct proxy *proxy = NULL;
	struct loop *loop = NULL;
	struct err e;
	int rc = 1;

	if (client_open(&c, p, &e) < 0 ||
	    nodes_list(c, &(const struct nodes_query){ .selector = selector }, &list, &e) < 0) {
		rc = tsh_call_failed(p, c, &e);
		goto out;
	}
	if (list->n_nodes == 0) {
		rc = cli_fail("no node matches %s; see tsh ls", selector);
		goto out;
	}
	if (loop_new(&loop) < 0) {
		rc = cli_fail("out of memory");
		goto out;
	}
	if ((rc = proxy_open(&proxy, loop, p, &e)) != 0 || (rc = proxy_wait(proxy, &e)) != 0) {
		rc = rc == PROXY_E_REFUSED ? tsh_refused(p, &e) : cli_fail_err(&e);
		goto out;
	}
	if (command) {
		rc = run_many(proxy, list, login, command);
	} else {
		if (list->n_nodes > 1)
			cli_warn("%zu nodes match; opening a shell on the first, %s", list->n_nodes,
			    list->nodes[0]->name);
		/* By UUID: several nodes may have one name. */
		rc = run_one(p, proxy, list->nodes[0]->uuid, login, NULL);
	}
out:
	proxy_free(proxy);
	loop_free(loop);
	client_free_reply(list);
	client_free(c);
	return rc;
}

/* The proxy finds the node: also one that authd cannot be asked about now. */
static int
by_name(struct profile *p, const char *host, const char *login, const char *command)
{
	struct proxy *proxy = NULL;
	struct loop *loop = NULL;
	struct err e;
	int rc;

	if (loop_new(&loop) < 0)
		return cli_fail("out of memory");
	rc = proxy_open(&proxy, loop, p, &e);
	if (rc == PROXY_E_REFUSED)
		rc = tsh_refused(p, &e);
	else if (rc != 0)
		rc = cli_fail_err(&e);
	else
		rc = run_one(p, proxy, host, login, command);
	proxy_free(proxy);
	loop_free(loop);
	return rc;
}

int
cmd_ssh(int argc, char **argv)
{
	struct profile *p = tsh_profile();
	const char *host, *command = NULL;
	char login[256];
	struct buf b;
	int rc = 1;

	buf_init(&b, COMMAND_MAX);
	if (!p)
		goto out;
	if (opt.parallel < 1 || opt.parallel > 1000) {
		rc = cli_fail("-P takes 1 to 1000");
		goto out;
	}
	/* Many nodes, and one of them may have been taken: its bytes are not for a terminal. */
	if (opt.raw && isatty(STDOUT_FILENO)) {
		rc = cli_fail("--raw is for a file or a pipe, and standard output is a terminal");
		goto out;
	}
	split_target(argv[0], login, sizeof login, &host);
	if (argc > 1) {
		if (join_command(argc - 1, argv + 1, &b) < 0) {
			rc = cli_fail(
			    "the command is too long: a node takes %d bytes; put it into a file and run tsh ssh %s sh < FILE",
			    COMMAND_MAX - 1, argv[0]);
			goto out;
		}
		command = (const char *)buf_head(&b);
	}
	rc = strchr(host, '=') ? by_label(p, host, login, command)
			       : by_name(p, host, login, command);
out:
	buf_done(&b);
	profile_free(p);
	return rc;
}
