/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl: the way to authd and auditd, and small things that verbs share.
 */
#include "tctl/tctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client.h"
#include "base/str.h"
#include "cli/out.h"

struct tctl_globals tctl_globals = {
	.auth_socket = "/run/sallyport/authd/authd.sock",
	.audit_socket = "/run/sallyport/auditd/auditd.sock",
};

static struct client *
open_profile(void)
{
	struct profile *p = NULL;
	struct client *c = NULL;
	struct err e;

	if (profile_load_valid(&p, tctl_globals.proxy, &e) < 0 || client_open(&c, p, &e) < 0)
		(void)cli_fail_err(&e);
	profile_free(p);
	return c;
}

struct client *
tctl_client(void)
{
	struct client *c = NULL;
	struct err e;

	if (tctl_globals.proxy || access(tctl_globals.auth_socket, R_OK | W_OK) < 0)
		return open_profile();
	if (client_open_local(&c, tctl_globals.auth_socket, tctl_globals.audit_socket, &e) < 0)
		(void)cli_fail_err(&e);
	return c;
}

int
tctl_by_name(tctl_named_fn *method, const char *name)
{
	Auth__Name q = AUTH__NAME__INIT;
	struct client *c = tctl_client();
	struct err e;
	int rc;

	if (!c)
		return 1;
	q.name = name;
	rc = method(c, &q, NULL, &e) < 0 ? cli_fail_err(&e) : 0;
	client_free(c);
	return rc;
}

void
tctl_print(json_t *value, const char *format)
{
	cli_print_value(value, cli_format_from(format), stdout);
	json_decref(value);
}

size_t
tctl_list(const char *text, char **ret_copy, char **parts, size_t max)
{
	*ret_copy = strdup(text ? text : "");
	return *ret_copy ? str_split(*ret_copy, ',', parts, max) : 0;
}
