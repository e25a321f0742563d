/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configure: the verb `noded configure`: writes a complete, commented configuration.
 */
#ifndef NODE_CONFIGURE_H
#define NODE_CONFIGURE_H

#include "cli/cli.h"

extern const struct cli_option configure_options[];
extern const char configure_help[];
int configure_run(int argc, char **argv);

#endif
