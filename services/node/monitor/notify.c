/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify: tells the service manager how far noded is. Called by monitor.c; writes one datagram to
 * $NOTIFY_SOCKET.
 */
#include "node/monitor/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void
notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	/* A path, or an abstract name, which the kernel wants with a NUL in place of the @
	 * (sd_notify(3)). Not started by a service manager: nothing to tell. */
	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(sa.sun_path))
		return;
	memcpy(sa.sun_path, path, strlen(path));
	if (path[0] == '@')
		sa.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&sa,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	close(fd);
}

void
notify_ready(void)
{
	notify("READY=1\n");
}

void
notify_stopping(void)
{
	notify("STOPPING=1\n");
}
