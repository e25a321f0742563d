/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh: what its verbs share: the global options and the profile they choose.
 */
#ifndef TSH_TSH_H
#define TSH_TSH_H

#include "api/client.h"
#include "base/err.h"
#include "cli/cli.h"
#include "profile/profile.h"

struct tsh_globals {
	const char *proxy; /* HOST:PORT; NULL: the current profile's */
	const char *user;
};
extern struct tsh_globals tsh_globals;

/* The login to work with, its certificate valid: one that has ended, a person at the terminal renews at once. On
 * failure prints the error. */
struct profile *tsh_profile(void);
/* A verb could not begin: the proxy or a daemon refused it, or was not reached. Prints e and returns 1; when the login
 * turns out to be withdrawn, says that instead, and a person at the terminal logs in again and starts the verb anew. */
int tsh_refused(struct profile *p, const struct err *e);
/* As tsh_refused, after a failed call: what could not be reached has refused nothing. */
int tsh_call_failed(struct profile *p, const struct client *c, const struct err *e);

/* The verbs, one file each. They return exit statuses. */
extern const struct cli_option cmd_login_options[], cmd_logout_options[], cmd_status_options[],
    cmd_ls_options[], cmd_ssh_options[], cmd_scp_options[], cmd_config_options[],
    cmd_play_options[], cmd_version_options[];
extern const struct cli_command cmd_recordings_sub[], cmd_sessions_sub[], cmd_web_sub[];
int cmd_login(int argc, char **argv);
int cmd_logout(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_ssh(int argc, char **argv);
int cmd_scp(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_forget(int argc, char **argv);
int cmd_play(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
