/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz: a door into the states behind the key exchange, for the fuzz targets. Compiled to nothing
 * in every normal build; only -DFUZZING opens it.
 */
#include "ssh/ssh_priv.h"

#ifdef FUZZING

#include <stdlib.h>
#include <string.h>

void
ssh_fuzz_enter(struct ssh *ssh, int state)
{
	kex_free(ssh->kex);
	ssh->kex = NULL;
	free(ssh->peer_version);
	ssh->peer_version = strdup("SSH-2.0-fuzz");
	memset(ssh->session_id, 7, sizeof(ssh->session_id));
	ssh->have_session_id = true;
	buf_reset(&ssh->host_key);
	buf_put(&ssh->host_key, "host key", 8);
	ssh->strict = true;
	ssh->state = (enum ssh_state)state;
	if ((state == STATE_AUTH || (state == STATE_OPEN && ssh->config.role == SSH_CLIENT)) &&
	    !ssh->auth)
		ssh->auth = calloc(1, sizeof(*ssh->auth));
}

#endif
