/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_verb: see schema_verb.h.
 */
#include "audit/schema_verb.h"

#include <string.h>

#include "audit/conf.h"
#include "audit/store.h"
#include "base/str.h"
#include "db/db.h"

/* A name in PostgreSQL has at most 63 bytes. */
enum { ROLE_SIZE = 64 };

static struct {
	const char *config, *role, *retention;
} opt = { .config = AUDIT_CONF_PATH };

const struct cli_option schema_verb_options[] = {
	{ 'c', "config", "FILE", "whose `database` says as which role auditd connects", CLI_STRING,
	    &opt.config },
	{ 0, "role", "ROLE", "the role, instead of a configuration", CLI_STRING, &opt.role },
	{ 0, "retention", "DURATION",
	    "how long nothing may be dropped, whatever auditd says; default: as the configuration has it",
	    CLI_STRING, &opt.retention },
	{ 0 },
};

/* As libpq does: without a name in the connection string it is that of the user who runs auditd. */
static int
read_config(char role[ROLE_SIZE], int64_t *days, struct err *e)
{
	void *conf = NULL;
	int done;

	if (conf_load(opt.config, &conf_schema, &conf, e) < 0)
		return -1;
	done = conf_check(conf, e);
	if (done == 0)
		done = db_conninfo_user(((const struct conf *)conf)->database, role, ROLE_SIZE, e);
	if (done == 0 && !*role && !str_copy(role, ROLE_SIZE, conf_user(conf)))
		done = err_set(e, "the name of the user is too long");
	if (done == 0)
		*days = ((const struct conf *)conf)->retention_days;
	conf_free(&conf_schema, conf);
	return done;
}

int
schema_verb_run(int argc, char **argv)
{
	char role[ROLE_SIZE] = "";
	bool known = opt.retention || !opt.role;
	int64_t days = 0;
	struct err e = { "" };

	(void)argc;
	(void)argv;
	if (opt.role && !str_copy(role, sizeof(role), opt.role))
		return cli_fail("the name of the role is too long: PostgreSQL takes 63 bytes");
	if (!opt.role && read_config(role, &days, &e) < 0)
		return cli_fail_err(&e);
	if (opt.retention && conf_retention(opt.retention, &days, &e) < 0)
		return cli_fail_err(&e);
	store_schema_print(stdout, role, known ? (days ? days : STORE_KEEP_EVER) : 0);
	return fflush(stdout) == 0 ? 0 : cli_fail("the script cannot be written");
}
