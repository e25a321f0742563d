/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer: the process that holds the CA keys. Started by signer_spawn (signer_client.h).
 */
#ifndef AUTH_SIGNER_H
#define AUTH_SIGNER_H

#include "auth/signer_client.h"

/* The life of the child: opens the keys, gives up all rights, says hello on fd, answers until authd
 * is gone. Returns the exit status. */
int signer_run(int fd, const struct signer_options *options);

#endif
