/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema_verb: `auditd schema`: the schema of the database as a script for psql, so that an administrator makes it and
 * auditd itself needs no right to. Called by the skeleton; reads auditd.yaml, prints to standard output.
 */
#ifndef AUDIT_SCHEMA_VERB_H
#define AUDIT_SCHEMA_VERB_H

#include "cli/cli.h"

#define AUDIT_CONF_PATH "/etc/sallyport/auditd.yaml"

extern const struct cli_option schema_verb_options[];
int schema_verb_run(int argc, char **argv);

#endif
