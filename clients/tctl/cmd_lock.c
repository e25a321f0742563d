/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl lock: makes a lock; tctl get locks and tctl rm lock/ID know it as any other resource.
 */

#include "api/client.h"
#include "base/clock.h"
#include "cli/out.h"
#include "tctl/tctl.h"

static struct {
	const char *user, *role, *login, *node, *session, *message, *expires;
	int64_t ttl_s;
} opt = { .user = "", .role = "", .login = "", .node = "", .session = "", .message = "" };

const struct cli_option cmd_lock_options[] = {
	{ 0, "user", "NAME", "this user", CLI_STRING, &opt.user },
	{ 0, "role", "NAME", "everybody who has this role", CLI_STRING, &opt.role },
	{ 0, "login", "LOGIN", "this Unix user, on every node", CLI_STRING, &opt.login },
	{ 0, "node", "NODE", "this node (name or UUID)", CLI_STRING, &opt.node },
	{ 0, "session", "ID", "this session: ends it (see also tctl sessions end)", CLI_STRING,
	    &opt.session },
	{ 0, "message", "TEXT", "why, for whoever is refused", CLI_STRING, &opt.message },
	{ 0, "ttl", "DURATION", "how long (default: until it is removed; of a session a day)", CLI_DURATION,
	    &opt.ttl_s },
	{ 0, "expires", "TIME", "until then: 2026-11-22 or 2026-11-22T10:00:00Z", CLI_STRING,
	    &opt.expires },
	{ 0 },
};

/* Milliseconds since 1970; 0: until it is removed, of a session a day. 1: what is wrong was said. */
static int
expiry(int64_t *ret)
{
	*ret = opt.ttl_s ? clock_wall_ms() + opt.ttl_s * 1000 : 0;
	if (opt.ttl_s && opt.expires)
		return cli_fail("give --ttl or --expires, not both");
	if (opt.expires && clock_parse_time(opt.expires, ret) < 0)
		return cli_fail(
		    "--expires: %s is not a time; write 2026-11-22 or 2026-11-22T10:00:00Z",
		    opt.expires);
	return 0;
}

static int
put(struct client *c, void *arg, struct err *e)
{
	Auth__PutResourceRequest q = AUTH__PUT_RESOURCE_REQUEST__INIT;
	Auth__Resource r = AUTH__RESOURCE__INIT, *kept = NULL;
	const Auth__Lock *lock = arg;

	r.kind = "lock";
	q.resource = &r;
	if (tctl_put(c, &q, &lock->base, &kept, e) < 0)
		return -1;
	printf("Created a lock with name \"%s\".\n", kept->name);
	client_free_reply(kept);
	return 0;
}

int
cmd_lock(int argc, char **argv)
{
	Auth__Lock lock = AUTH__LOCK__INIT;
	int rc;

	(void)argc;
	(void)argv;
	/* Beside a session it is whose that is, and nobody is locked. */
	if (*opt.session)
		lock.session_user = opt.user;
	else
		lock.user = opt.user;
	lock.role = opt.role;
	lock.login = opt.login;
	lock.node = opt.node;
	lock.session = opt.session;
	lock.message = opt.message;
	if ((rc = expiry(&lock.expires)) != 0)
		return rc;
	return tctl_run(put, &lock);
}
