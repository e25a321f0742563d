/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version: the identification lines that open a connection (RFC 4253 section 4.2). A server takes
 * exactly one line; a client skips a bounded number of others before it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/version.h"
#include "ssh/ssh_priv.h"

/*
 * Clients choose what to say by this name. OpenSSH's sends eow@openssh.com (without which `ssh NODE yes | head -1` never
 * ends) and no-more-sessions@openssh.com to names that begin with OpenSSH only; asyncssh, libssh, WinSCP and node's ssh2
 * put the arguments of SFTP's SYMLINK in the order of OpenSSH's sftp-server, which is what runs on our nodes. 9.9 is in
 * nobody's list of old faults. Everything else is asked for by name in KEXINIT and EXT_INFO, and said there (strict kex,
 * hostbound signatures; ping@openssh.com and hostkeys-00 are not). Ours know each other by the comment behind the blank.
 */
#define MY_VERSION "SSH-2.0-OpenSSH_9.9 Sallyport_" SALLYPORT_VERSION

int
version_send(struct ssh *ssh)
{
	size_t n = sizeof(MY_VERSION) - 1;
	uint8_t *p = outbuf_reserve(&ssh->outbuf, n + 2, ssh->config.output_max);

	ssh->my_version = strdup(MY_VERSION);
	if (!p || !ssh->my_version)
		return -1;
	memcpy(p, MY_VERSION "\r\n", n + 2);
	outbuf_commit(&ssh->outbuf, n + 2);
	return 0;
}

static bool
is_clean(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return true;
}

/* A whole line without its end. */
static int
take_line(struct ssh *ssh, const uint8_t *p, size_t n)
{
	if (n < 4 || memcmp(p, "SSH-", 4) != 0) {
		/* Only servers may send other lines first (RFC 4253 section 4.2); for a server anything else is
		 * a scanner. */
		if (ssh->config.role == SSH_SERVER)
			return ssh_fatal(ssh, REASON_PROTOCOL_ERROR,
			    "the other side does not speak SSH");
		if (++ssh->banner_lines > VERSION_BANNER_LINES_MAX)
			return ssh_fatal(ssh, REASON_PROTOCOL_ERROR,
			    "the other side does not identify itself");
		return 0;
	}
	/* The line is hashed and shown in logs, whole: nothing in it may be invisible there. */
	if (n > VERSION_LINE_MAX - 2 || !is_clean(p, n))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed identification");
	/* A server that also speaks version 1 says 1.99, which a client takes for 2.0 (RFC 4253
	 * section 5.1). */
	if ((n < 8 || memcmp(p, "SSH-2.0-", 8) != 0) &&
	    (ssh->config.role == SSH_SERVER || n < 9 || memcmp(p, "SSH-1.99-", 9) != 0))
		return ssh_fatal(ssh, REASON_VERSION_NOT_SUPPORTED,
		    "only SSH version 2 is spoken here");
	ssh->peer_version = span_dup((struct span){ p, n });
	if (!ssh->peer_version)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "out of memory");
	ssh->state = STATE_KEX;
	return 0;
}

int
version_input(struct ssh *ssh, uint8_t **p, size_t *n)
{
	const uint8_t *end = memchr(*p, '\n', *n);
	size_t take = end ? (size_t)(end - *p) + 1 : *n;
	size_t line;
	int r;

	/* The packets' buffer; nobody else needs it until the line is there. */
	if (!ssh->part) {
		ssh->part = malloc(VERSION_BANNER_LINE_MAX);
		if (!ssh->part)
			return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "out of memory");
		ssh->part_cap = VERSION_BANNER_LINE_MAX;
	}
	if (take > ssh->part_cap - ssh->part_len)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "the identification line is too long");
	memcpy(ssh->part + ssh->part_len, *p, take);
	ssh->part_len += take;
	*p += take;
	*n -= take;
	if (!end)
		return 0;
	line = ssh->part_len - 1;
	if (line > 0 && ssh->part[line - 1] == '\r')
		line--;
	r = take_line(ssh, ssh->part, line);
	ssh->part_len = 0;
	if (r == 0 && ssh->state != STATE_VERSION)
		packet_part_done(ssh);
	return r;
}
