/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configure: from flags to noded.yaml. Called by main.c; writes two files at most, both 0600.
 */
#include "node/configure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/bundle_fetch.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/capin.h"
#include "crypto/rand.h"
#include "node/conf.h"

enum { LABELS_TEXT_MAX = 8192 };

static struct {
	const char *output, *token, *proxy, *ca_pin, *labels, *name, *state, *user, *listen;
	bool force;
} opt = { .output = "file://" CONF_PATH };

const struct cli_option configure_options[] = {
	{ 'o', "output", "file:///PATH",
	    "where to write (default file://" CONF_PATH "); stdout for the terminal", CLI_STRING,
	    &opt.output, NULL },
	{ 0, "token", "PATH", "file with the join token of `tctl tokens add --type=node`",
	    CLI_STRING, &opt.token, NULL },
	{ 0, "proxy", "HOST:PORT", "the proxy's public port", CLI_STRING, &opt.proxy, NULL },
	{ 0, "ca-pin", "sha256:HEX", "the cluster's CA pin, from `tctl status`", CLI_STRING,
	    &opt.ca_pin, NULL },
	{ 0, "labels", "K=V,...", "labels of this node", CLI_STRING, &opt.labels, NULL },
	{ 0, "name", "NAME", "name of this node (default: the host name)", CLI_STRING, &opt.name,
	    NULL },
	{ 0, "state", "PATH", "folder of keys and spool (default " NODE_STATE_PATH ")", CLI_STRING,
	    &opt.state, NULL },
	{ 0, "user", "NAME", "user of the worker when started as root (default sallyport-node)",
	    CLI_STRING, &opt.user, NULL },
	{ 0, "listen", "HOST:PORT", "serve SSH on a port too (default: none is opened)", CLI_STRING,
	    &opt.listen, NULL },
	{ 0, "force", NULL, "replace a configuration that is there", CLI_FLAG, &opt.force, NULL },
	{ 0 },
};

const char configure_help[] =
    "Example:\n"
    "  noded configure --token=/root/token.file --proxy=tele.example.com:3080 --ca-pin=sha256:... "
    "--labels=env=prod";

/* --- the text ------------------------------------------------------------------------------- */

/* A YAML scalar in double quotes. */
static void
put_quoted(struct buf *b, const char *text)
{
	buf_put(b, "\"", 1);
	for (; *text; text++)
		buf_printf(b, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	buf_put(b, "\"", 1);
}

/* "key: value", or the default commented out. */
static void
put_key(struct buf *b, const char *comment, const char *key, const char *value,
    const char *fallback)
{
	buf_printf(b, "\n# %s\n", comment);
	if (value) {
		buf_printf(b, "%s: ", key);
		put_quoted(b, value);
		buf_printf(b, "\n");
	} else {
		buf_printf(b, "#%s: %s\n", key, fallback);
	}
}

static void
put_labels(struct buf *b, const char *labels)
{
	/* One more than may be: conf_check refuses them, and none is dropped. */
	char text[LABELS_TEXT_MAX], *parts[NODE_LABELS_MAX + 1];

	buf_printf(b,
	    "\n# What this node is, for selectors and roles. Labels given by the join token or "
	    "with tctl are added.\n");
	if (!labels || !str_copy(text, sizeof(text), labels)) {
		buf_printf(b, "#labels:\n#  - env=prod\n");
		return;
	}
	size_t n = str_split(text, ',', parts, NODE_LABELS_MAX + 1);
	buf_printf(b, "labels:%s\n", n ? "" : " []");
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "  - ");
		put_quoted(b, parts[i]);
		buf_printf(b, "\n");
	}
}

static void
put_text(struct buf *b, const char *token)
{
	buf_printf(b,
	    "# Configuration of noded, written by `noded configure`. `noded --check` reads it and "
	    "says what is wrong.\n");
	put_key(b, "The proxy's public port: the node dials it, and opens no port itself.", "proxy",
	    opt.proxy, "HOST:3080");
	put_key(b, "The name in the proxy's host certificate, when it is not the host above.",
	    "proxy_name", NULL, "tele.example.com");
	put_key(b,
	    "Fingerprint of the cluster's authority, from `tctl status`: how the node knows the "
	    "right cluster.",
	    "ca_pin", opt.ca_pin, "sha256:...");
	put_key(b, "File with the join token; needed once.", "token", token,
	    "/etc/sallyport/token");
	put_key(b, "Name of this node.", "name", opt.name, "the host name");
	put_labels(b, opt.labels);
	put_key(b, "Keys, certificates, and recordings until the audit service has them.", "state",
	    opt.state, NODE_STATE_PATH);
	put_key(b,
	    "The user of the part that speaks to the network, when noded is started as root.",
	    "user", opt.user, "sallyport-node");
	put_key(b,
	    "Serve SSH on this port too; without it the node can be reached through its tunnel "
	    "alone.",
	    "listen", opt.listen, "0.0.0.0:3022");
	put_key(b, "Where that port is reached, when not as above.", "advertise", NULL,
	    "10.0.0.5:3022");
	put_key(b,
	    "PAM service of sessions; by default sallyport where /etc/pam.d has it, else sshd, "
	    "else other.",
	    "pam_service", NULL, "sallyport");
	put_key(b, "Program of the sftp subsystem.", "sftp_server", NULL,
	    "/usr/lib/openssh/sftp-server");
	put_key(b,
	    "Disk space for what the audit service has not taken yet; sessions that fill it "
	    "wait.",
	    "spool_quota", NULL, "1GB");
	put_key(b, "Sessions at the same time.", "max_sessions", NULL, "1000");
}

/* --- the verb
 * ------------------------------------------------------------------------------------ */

/* Without --ca-pin: the pin of a proxy whose web certificate the system trusts, written down like one that was given. */
static int
find_pin(struct err *e)
{
	static char pin[CAPIN_SIZE];
	struct bundle *b = NULL;

	if (crypto_init() < 0)
		return err_set(e, "the system gives no random numbers");
	if (bundle_fetch(&b, opt.proxy, NULL, e) != 0)
		return err_prefix(e, "give --ca-pin, as `tctl status` prints it");
	(void)str_copy(pin, sizeof(pin), b->pins[0]);
	bundle_free(b);
	opt.ca_pin = pin;
	return 0;
}

static int
check_flags(struct err *e)
{
	char host[256];
	uint16_t port;

	if (!opt.proxy)
		return err_set(e,
		    "--proxy is missing: give the HOST:PORT of the proxy's public port");
	if (!str_host_port(opt.proxy, 3080, host, sizeof(host), &port))
		return err_set(e, "--proxy: \"%s\" is not HOST:PORT", opt.proxy);
	if (!opt.token)
		return err_set(e,
		    "--token is missing: give the file with the join token of `tctl tokens add "
		    "--type=node`");
	if (opt.labels && strlen(opt.labels) >= LABELS_TEXT_MAX)
		return err_set(e, "--labels: they are too long together");
	if (opt.ca_pin && !capin_ok(opt.ca_pin))
		return err_set(e, "--ca-pin: \"%s\" is not sha256: and 64 hexadecimal digits",
		    opt.ca_pin);
	return opt.ca_pin ? 0 : find_pin(e);
}

/* As authd makes them: 16 bytes in hexadecimal. */
static bool
is_token(const char *text)
{
	uint8_t bytes[16];

	return strlen(text) == 32 && str_unhex(text, bytes, sizeof(bytes));
}

/* noded refuses a secret that others can read, and a shell's `>` makes the file readable: closed
 * here, once. */
static int
close_to_others(const char *path, struct err *e)
{
	int rc = file_close_to_others(path, e);

	if (rc > 0)
		cli_warn("%s could be read by others; its mode is 0600 now", path);
	return rc < 0 ? -1 : 0;
}

/* The path of the token's file; a token given in the open goes into a file beside the
 * configuration. */
static int
place_token(const char *output, char *dst, size_t size, struct err *e)
{
	/* A file of this name wins over a token that looks like one. */
	if (access(opt.token, F_OK) == 0) {
		_cleanup_free_ char *absolute = realpath(opt.token, NULL);
		if (!absolute || !str_copy(dst, size, absolute))
			return err_errno(e, "cannot resolve %s", opt.token);
		return close_to_others(dst, e);
	}
	if (!is_token(opt.token))
		return err_set(e, "there is no token file %s", opt.token);
	cli_warn(
	    "a token on the command line can be seen by every user of this host; better put it "
	    "into a file");
	if (!output)
		/* To a terminal nothing is written, not even the token: the text says where it is
		 * expected. */
		return str_copy(dst, size, "/etc/sallyport/token") ? 0 : -1;
	if (!str_format(dst, size, "%s.token", output))
		return err_set(e, "--output: the path is too long");
	return file_write(dst, 0600, opt.token, strlen(opt.token), e);
}

/* What was written must be readable for noded. */
static int
check_text(const struct buf *b, struct err *e)
{
	void *conf = NULL;

	if (!buf_ok(b))
		return err_set(e, "the configuration is too long");
	if (conf_parse("configuration", (const char *)buf_head(b), b->len, &conf_schema, &conf, e))
		return -1;
	int r = conf_check(conf, e);
	conf_free(&conf_schema, conf);
	return r;
}

static int
configure(struct err *e)
{
	const char *path = str_starts(opt.output, "file://") ? opt.output + strlen("file://")
							     : opt.output;
	bool to_stdout = strcmp(path, "stdout") == 0;
	char token[4096];
	struct buf b;

	if (check_flags(e))
		return -1;
	if (!to_stdout && path[0] != '/')
		return err_set(e, "--output: give file:///PATH with an absolute path, or stdout");
	if (!to_stdout && !opt.force && access(path, F_OK) == 0)
		return err_set(e, "%s is there already; --force replaces it", path);
	/* After everything that can be refused without touching a file. */
	if (place_token(to_stdout ? NULL : path, token, sizeof(token), e))
		return -1;
	buf_init(&b, 65536);
	put_text(&b, token);
	int r = check_text(&b, e);
	if (r == 0 && to_stdout)
		fwrite(buf_head(&b), 1, b.len, stdout);
	else if (r == 0)
		/* Also when somebody made it since it was looked for. */
		r = opt.force ? file_write(path, 0600, buf_head(&b), b.len, e)
			      : file_write_new(path, 0600, buf_head(&b), b.len, e);
	if (r == 0 && !to_stdout)
		printf("Wrote %s. Start the node with: systemctl enable --now sallyport-noded\n",
		    path);
	buf_done(&b);
	return r;
}

int
configure_run(int argc, char **argv)
{
	struct err e = { "" };

	(void)argc;
	(void)argv;
	return configure(&e) ? cli_fail_err(&e) : 0;
}
