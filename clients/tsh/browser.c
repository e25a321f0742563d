/* SPDX-License-Identifier: Apache-2.0 */
/*
 * browser: see browser.h. Where a browser can be opened here it brings the answer to a port of this machine; otherwise the
 * person types it in.
 */
#include "tsh/browser.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "base/version.h"
#include "cli/cli.h"
#include "crypto/rand.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "rpc/bytes.h"
#include "tsh/loopback.h"

enum { SECRET_BYTES = 32, GRANT_SIZE = 64, ADDRESS_SIZE = 400, TOOL_SIZE = 160 };

/* --- a browser here -------------------------------------------------------------------------------- */

static bool
is_in_path(const char *program)
{
	const char *path = getenv("PATH");
	char file[1024];

	for (size_t n; path && *path; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		if (str_format(file, sizeof(file), "%.*s/%s", (int)n, path, program) &&
		    access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

/* NULL: none. Unasked only where somebody sits before this machine's own screen; and root's browser nobody wants. */
static const char *
opener(const struct login_wish *wish)
{
	if (wish->opener && *wish->opener)
		return strcmp(wish->opener, "none") == 0 ? NULL : wish->opener;
	return (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")) && !is_set("SSH_CONNECTION") &&
		geteuid() != 0 && is_in_path("xdg-open")
	    ? "xdg-open"
	    : NULL;
}

/* On its own: it outlives us, and what it says is nobody's business here. The address is an argument and is read by no shell. */
static void
run_opener(const char *program, const char *address)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = fork();

	if (pid == 0) {
		if (fork() != 0)
			_exit(0);
		(void)setsid();
		(void)signal(SIGPIPE, SIG_DFL);
		for (int fd = 0; null >= 0 && fd < 3; fd++)
			(void)dup2(null, fd);
		execlp(program, program, address, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	if (null >= 0)
		close(null);
}

/* --- the answer -------------------------------------------------------------------------------------- */

struct run {
	const struct login_wish *wish;
	const char *opener;
	struct loopback *port; /* NULL: the person types the answer in */
	uint8_t secret[SECRET_BYTES];
	char grant[GRANT_SIZE];
};

static int
wait_for_browser(struct run *r, const Auth__BrowserLogin *begun, const char *address, struct err *e)
{
	char then[ADDRESS_SIZE];

	(void)str_format(then, sizeof(then), "https://%s/web/approved", r->wish->proxy);
	fprintf(stderr,
	    "The browser of this machine opens\n  %s\nand asks %s for this code: %s\n"
	    "(With a browser elsewhere: tsh login --auth=browser --browser=none)\n",
	    address, r->wish->user, begun->code);
	run_opener(r->opener, address);
	return loopback_wait(r->port, begun->id, then, begun->life_ms, r->grant, sizeof(r->grant),
	    e);
}

static int
ask_person(struct run *r, const char *address, struct err *e)
{
	fprintf(stderr, "Open in a browser, and log in there as %s:\n  %s\n", r->wish->user,
	    address);
	return cli_prompt_line("The code that the page shows in the end: ", r->grant,
	    sizeof(r->grant), e);
}

static int
get_grant(struct run *r, const Auth__BrowserLogin *begun, struct err *e)
{
	char address[ADDRESS_SIZE];
	uint8_t id[16];

	/* It goes onto a terminal and into an argument, and came over the network. */
	if (!str_unhex(begun->id, id, sizeof(id)) ||
	    !str_is_printable(begun->code, strlen(begun->code)))
		return err_set(e, "authd answered with an address that cannot be");
	(void)str_format(address, sizeof(address), "https://%s/web/approve/%s", r->wish->proxy,
	    begun->id);
	return r->port ? wait_for_browser(r, begun, address, e) : ask_person(r, address, e);
}

/* --- the calls ------------------------------------------------------------------------------------------ */

static int
begin(const struct browser_login *b, struct run *r, Auth__BrowserLogin **ret, struct err *e)
{
	Auth__BeginBrowserLoginRequest q = AUTH__BEGIN_BROWSER_LOGIN_REQUEST__INIT;
	uint8_t hash[SHA256_BYTES];
	char host[65] = "", tool[TOOL_SIZE];
	struct client *c = NULL;
	int rc;

	rand_bytes(r->secret, sizeof(r->secret));
	sha256_of((struct span){ r->secret, sizeof(r->secret) }, hash);
	(void)gethostname(host, sizeof(host) - 1);
	(void)str_format(tool, sizeof(tool), "tsh %s on %s", SALLYPORT_VERSION, host);
	q.user = r->wish->user;
	q.secret_hash = bytes_at(hash, sizeof(hash));
	q.port = r->port ? loopback_port(r->port) : 0;
	q.tool = str_is_printable(tool, strlen(tool)) ? tool : "tsh";
	rc = b->open(&c, b->arg, e);
	if (rc == 0)
		rc = auth_sync_begin_browser_login(c, &q, ret, e);
	client_free(c);
	return rc;
}

/* With a client of its own: minutes have passed, and authd keeps no stranger's connection for so long. */
static int
finish(const struct browser_login *b, struct run *r, const char *id, Auth__UserIdentity **ret,
    struct err *e)
{
	Auth__LoginRequest q = AUTH__LOGIN_REQUEST__INIT;
	Auth__BrowserGrant grant = AUTH__BROWSER_GRANT__INIT;
	struct client *c = NULL;
	int rc = b->open(&c, b->arg, e);

	grant.id = id;
	grant.secret = bytes_at(r->secret, sizeof(r->secret));
	grant.grant = r->grant;
	q.user = r->wish->user;
	q.keys = b->keys;
	q.ttl_s = r->wish->ttl_s;
	q.grant = &grant;
	if (rc == 0)
		rc = auth_sync_login(c, &q, ret, e);
	client_free(c);
	return rc;
}

int
browser_login(const struct browser_login *b, Auth__UserIdentity **ret, struct err *e)
{
	struct run r = { .wish = b->wish, .opener = opener(b->wish) };
	Auth__BrowserLogin *begun = NULL;
	int rc = r.opener ? loopback_open(&r.port, e) : 0;

	if (rc == 0)
		rc = begin(b, &r, &begun, e);
	if (rc == 0)
		rc = get_grant(&r, begun, e);
	if (rc == 0)
		rc = finish(b, &r, begun->id, ret, e);
	client_free_reply(begun);
	loopback_free(r.port);
	secret_zero(&r, sizeof(r));
	return rc;
}
