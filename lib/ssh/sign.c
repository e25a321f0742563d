/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign: signatures of a handshake: made at once by a key that we hold, or asked of the owner, whose
 * key may be in another process or on a token. Called by kex.c (server) and auth_client.c.
 *
 * At most one is under way in a connection: a server signs while keys are exchanged, a client while
 * it logs in, and both wait for it.
 */
#include "ssh/ssh_priv.h"

enum ssh_answer
sign_ask(struct ssh *ssh, const struct ssh_to_sign *what, struct buf *ret)
{
	const struct ssh_events *ev = ssh->config.events;
	enum ssh_answer answer;

	if (sshkey_is_private(what->identity->key))
		return sshkey_sign(what->identity->key, what->data, ret) < 0 ? SSH_FAIL : SSH_OK;
	if (!ev || !ev->sign)
		return SSH_FAIL;
	/* Set before asking: an owner that answers from inside, or fails inside, is told apart from one that
	 * answers later. */
	ssh->signing = ssh->asking_signer = true;
	answer = ev->sign(ssh, what, ret, ssh->config.arg);
	ssh->asking_signer = false;
	/* An owner who can ask nobody says so from inside his callback, like any later failure. */
	if (answer == SSH_LATER && !ssh->signing)
		answer = SSH_FAIL;
	ssh->signing = answer == SSH_LATER;
	if (answer == SSH_OK && (!buf_ok(ret) || ret->len == 0))
		answer = SSH_FAIL;
	return ssh->state == STATE_DEAD ? SSH_FAIL : answer;
}

static int
answer_late(struct ssh *ssh, struct span signature)
{
	int r;

	ssh->signing = false;
	ssh->busy++;
	r = ssh->config.role == SSH_SERVER ? kex_signed(ssh, signature)
					   : auth_signed(ssh, signature);
	ssh->busy--;
	ssh_stage(ssh);
	return r < 0 || ssh->state == STATE_DEAD ? -1 : 0;
}

int
ssh_signed(struct ssh *ssh, struct span signature, int64_t now_ms)
{
	if (!ssh->signing || ssh->asking_signer || ssh->state == STATE_DEAD)
		return -1;
	/* What the signer took is no path to the peer (kex.c, note_trip). */
	ssh->now_ms = now_ms;
	return answer_late(ssh, signature);
}

int
ssh_sign_failed(struct ssh *ssh, const char *why)
{
	if (!ssh->signing || ssh->state == STATE_DEAD)
		return -1;
	if (ssh->config.role == SSH_SERVER) /* it has no other key */
		return ssh_fatal(ssh, REASON_KEX_FAILED, "cannot sign with the host key: %s", why);
	if (!ssh->asking_signer)
		return answer_late(ssh, (struct span){ NULL, 0 });
	ssh->signing = false;
	return 0;
}
