/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh web verify: whether the web app that a proxy serves is the one of a release. What that proves, and what not, says
 * docs/ARCHITECTURE.md, "What a taken proxy can do".
 *
 * Security: the proxy may be hostile. Only what the list names is fetched, each as large as the list says, and nothing of it is
 * kept or run. It is asked as a browser asks, so that nobody serves us another page by what stands in a request.
 */
#include <stdlib.h>
#include <string.h>

#include "api/bundle_fetch.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "tsh/discover.h"
#include "tsh/signature.h"
#include "tsh/tsh.h"
#include "tsh/webcompare.h"
#include "tsh/webhashes.h"

#define INSTALLED "/usr/share/sallyport/web-hashes"
#define NAMESPACE "sallyport-web" /* of signatures, as the Makefile makes them */
enum {
	OTHER = 2, /* exit status: it was compared, and is another */
	ALL_MS = 5 * 60 * 1000,
	PATH_SIZE = 4096,
	URL_SIZE = 512,
	MORE = 64 * 1024, /* that an answer may be larger than the file in the list */
};

static struct {
	const char *hashes, *allowed_signers, *ca_pin, *format;
} opt = { .hashes = INSTALLED, .format = "text" };

static const struct cli_option verify_options[] = {
	{ 0, "hashes", "FILE", "the list of the release (default: the one that came with tsh)",
	    CLI_STRING, &opt.hashes },
	{ 0, "allowed-signers", "FILE",
	    "whose signature in HASHES.sig is believed, as ssh-keygen has it", CLI_STRING,
	    &opt.allowed_signers },
	{ 0, "ca-pin", "sha256:HEX", "the cluster's CA pin, where nobody logged in yet", CLI_STRING,
	    &opt.ca_pin, "SALLYPORT_CA_PIN" },
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &opt.format },
	{ 0 },
};

struct verifying {
	char proxy[PROFILE_PROXY_MAX];
	char *ca_pem; /* NULL: the system's roots alone */
	struct webhashes *list;
	char signer[SIGNATURE_NAME_SIZE]; /* "": nobody's signature was asked for */
	struct fetch fetch;
	struct fetch_kept
	    kept; /* all over one connection, as browsers do it; and the proxy counts handshakes */
	json_t *differences;
	size_t n_differences; /* the verdict: one of which no JSON can be made is one, too */
	size_t bytes;
	bool text;
};

/* As the browsers of most people ask for a page and its parts. */
#define BROWSER                                                                     \
	"User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 " \
	"(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n"                    \
	"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n"
static const char page_ask[] = BROWSER
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n";
static const char file_ask[] = BROWSER
    "Accept: */*\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: script\r\n";

/* --- the list ----------------------------------------------------------------------------------- */

static int
check_signature(struct verifying *v, const char *text, size_t n, struct err *e)
{
	char path[PATH_SIZE];

	if (!opt.allowed_signers)
		return 0;
	if (!str_format(path, sizeof path, "%s.sig", opt.hashes))
		return err_set(e, "the name of the list is too long");
	return signature_verify((struct span){ (const uint8_t *)text, n }, path,
	    opt.allowed_signers, NAMESPACE, v->signer, e);
}

/* The signature first: what is not signed is not read. */
static int
read_list(struct verifying *v, struct err *e)
{
	char *text;
	size_t n;

	if (file_read(opt.hashes, WEBHASHES_MAX, &text, &n, e) < 0)
		return strcmp(opt.hashes, INSTALLED) == 0
		    ? err_set(e,
			  "this tsh came without the list of the web app (%s): give that of the release, --hashes=FILE",
			  INSTALLED)
		    : -1;
	if (check_signature(v, text, n, e) < 0) {
		mem_freep(&text);
		return -1;
	}
	if (strlen(text) != n) {
		mem_freep(&text);
		return err_set(e, "%s: holds a NUL byte", opt.hashes);
	}
	return webhashes_parse(&v->list, text, e) < 0 ? err_prefix(e, "%s", opt.hashes) : 0;
}

/* --- the proxy ---------------------------------------------------------------------------------- */

static int
take_pin(struct verifying *v, struct err *e)
{
	struct bundle *b = NULL;

	if (bundle_fetch(&b, v->proxy, opt.ca_pin, e) != 0)
		return -1;
	v->ca_pem = strdup(b->host_pem);
	bundle_free(b);
	return v->ca_pem ? 0 : err_memory(e);
}

/* Of a login there, its authorities; without one, the address that was given. */
static int
find_proxy(struct verifying *v, struct err *e)
{
	struct profile *p = NULL;
	int rc = profile_find(&p, tsh_globals.proxy, tsh_globals.user, e);

	if (rc == 0)
		rc = str_copy(v->proxy, sizeof v->proxy, p->proxy) ? 0 : err_memory(e);
	else if (tsh_globals.proxy)
		rc = profile_proxy(tsh_globals.proxy, v->proxy, e);
	if (rc == 0 && opt.ca_pin)
		rc = take_pin(v, e);
	else if (rc == 0 && p)
		(void)profile_read(p, PROFILE_CA, &v->ca_pem, NULL);
	profile_free(p);
	return rc;
}

/* --- comparing ---------------------------------------------------------------------------------- */

static void
differs(const char *address, const char *what, void *arg)
{
	struct verifying *v = arg;

	v->n_differences++;
	json_array_append_new(v->differences,
	    json_pack("{s:s, s:s}", "address", address, "what", what));
	if (v->text)
		printf("%s: %s\n", address, what);
}

static int
fetch_file(struct verifying *v, const struct webhashes_file *f, int64_t end_ms,
    struct fetch_reply *ret, struct err *e)
{
	int64_t left = end_ms - clock_mono_ms();
	char url[URL_SIZE];

	if (left <= 0)
		return err_set(e, "the proxy is too slow: five minutes were not enough");
	if (!str_format(url, sizeof url, "https://%s%s", v->proxy, f->address))
		return err_set(e, "the address is too long");
	v->fetch.url = url;
	v->fetch.ask = f == v->list->files ? page_ask : file_ask;
	v->fetch.max = f->size + MORE;
	v->fetch.timeout_ms = (int)left;
	return discover_get(&v->fetch, ret, e);
}

/* Negative with e: nothing can be said of this proxy. A file that does not come is a difference. */
static int
compare(struct verifying *v, struct err *e)
{
	int64_t end_ms = clock_mono_ms() + ALL_MS;

	v->fetch = (struct fetch){ .trust = v->ca_pem ? FETCH_GIVEN_ROOTS : FETCH_SYSTEM_ROOTS,
		.ca_pem = v->ca_pem,
		.keep = &v->kept };
	for (size_t i = 0; i < v->list->n_files; i++) {
		const struct webhashes_file *f = &v->list->files[i];
		struct fetch_reply r;

		if (fetch_file(v, f, end_ms, &r, e) < 0) {
			if (i == 0 || clock_mono_ms() >= end_ms)
				return -1;
			differs(f->address, e->text, v);
			continue;
		}
		webcompare_file(v->list, f, &r, differs, v);
		if (i == 0)
			webcompare_page(v->list, &r, differs, v);
		v->bytes += f->size;
		fetch_reply_done(&r);
	}
	return 0;
}

/* --- saying it ---------------------------------------------------------------------------------- */

/* An honest proxy of another release is the likeliest cause. */
static int
say_other(const struct verifying *v)
{
	struct discovery d;
	char theirs[sizeof d.version];
	size_t n = v->n_differences;
	bool another;

	(void)discover_version(&d, v->proxy, v->ca_pem, NULL);
	str_clean(theirs, sizeof theirs, d.version, strlen(d.version));
	another = *theirs && strcmp(theirs, v->list->version) != 0;
	(void)cli_fail("%s does not serve the web app of Sallyport %s: %zu difference%s; %s%s%s",
	    v->proxy, v->list->version, n, n == 1 ? "" : "s",
	    another ? "it says that it is of "
		    : "log in with no browser there until that is explained",
	    another ? theirs : "", another ? ": give the list of that release, --hashes=FILE" : "");
	return OTHER;
}

static int
say(const struct verifying *v)
{
	size_t n = v->n_differences;

	if (!v->text) {
		json_t *value = json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:O}", "proxy",
		    v->proxy, "version", v->list->version, "hashes", opt.hashes, "signer",
		    v->signer, "same", n == 0, "files", (json_int_t)v->list->n_files, "bytes",
		    (json_int_t)v->bytes, "differences", v->differences);

		cli_print_value(value, cli_format_from(opt.format), stdout);
		json_decref(value);
	} else if (n == 0) {
		printf(
		    "%s serves the web app of Sallyport %s: %zu files, %zu bytes, as in %s%s%s.\n",
		    v->proxy, v->list->version, v->list->n_files, v->bytes, opt.hashes,
		    *v->signer ? ", signed by " : "", v->signer);
	}
	return n == 0 ? 0 : say_other(v);
}

static int
cmd_web_verify(int argc, char **argv)
{
	struct verifying v = { .differences = json_array(),
		.text = strcmp(opt.format, "text") == 0 };
	struct err e;
	int rc;

	(void)argc;
	(void)argv;
	if (!v.differences)
		return cli_fail("out of memory");
	rc = read_list(&v, &e) < 0 || find_proxy(&v, &e) < 0 || compare(&v, &e) < 0
	    ? cli_fail_err(&e)
	    : say(&v);
	fetch_kept_done(&v.kept);
	webhashes_free(v.list);
	json_decref(v.differences);
	free(v.ca_pem);
	return rc;
}

const struct cli_command cmd_web_sub[] = {
	{ .name = "verify",
	    .summary = "compare the web app that the proxy serves with that of the release",
	    .more =
		"Every file of the list, and the headers that it comes with. Exit status 2: the proxy serves something else.",
	    .options = verify_options,
	    .run = cmd_web_verify },
	{ 0 },
};
