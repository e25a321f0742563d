/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor_proto: writing and reading the messages between worker and monitor. Called by both;
 * allocates only into the caller's buffers.
 *
 * Security: the monitor reads with these functions what an unprivileged and perhaps hostile worker
 * wrote.
 */
#include "node/monitor_proto.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Form of a message: type, number of the request (0: unasked), body. */
void
mon_begin(struct buf *b, enum mon_type type, uint32_t request)
{
	buf_reset(b);
	wire_put_u8(b, (uint8_t)type);
	wire_put_u32(b, request);
}

int
mon_open(struct span packet, uint8_t *ret_type, uint32_t *ret_request, struct wire *w)
{
	*w = wire_from(packet);
	*ret_type = wire_u8(w);
	*ret_request = wire_u32(w);
	return w->bad ? -1 : 0;
}

void
mon_put_sign(struct buf *b, const struct mon_sign *m)
{
	wire_put_u32(b, m->connection);
	for (size_t i = 0; i < KEX_PARTS; i++)
		wire_put_string(b, m->transcript.part[i]);
}

/* The parts point into the packet, as everything that is read here and is no text. */
int
mon_get_sign(struct mon_sign *ret, struct wire *w)
{
	ret->connection = wire_u32(w);
	for (size_t i = 0; i < KEX_PARTS; i++)
		ret->transcript.part[i] = wire_string(w);
	return wire_end(w) ? 0 : -1;
}

void
mon_put_prove(struct buf *b, const struct mon_prove *m)
{
	wire_put_u32(b, m->connection);
	wire_put_text(b, m->login);
	wire_put_text(b, m->address);
	wire_put_string(b, m->signed_data);
	wire_put_string(b, m->signature);
}

/* Negative: malformed, which costs the worker its life. */
int
mon_get_prove(struct mon_prove *ret, struct wire *w)
{
	ret->connection = wire_u32(w);
	/* Too long for its place makes w bad, as everything that does not fit. */
	wire_text(w, ret->login_, sizeof(ret->login_));
	wire_text(w, ret->address_, sizeof(ret->address_));
	ret->signed_data = wire_string(w);
	ret->signature = wire_string(w);
	ret->login = ret->login_;
	ret->address = ret->address_;
	return wire_end(w) ? 0 : -1;
}

void
mon_put_start(struct buf *b, const struct mon_start *m)
{
	wire_put_u32(b, m->connection);
	wire_put_u32(b, m->session);
	wire_put_text(b, m->uuid);
	wire_put_u8(b, m->kind);
	wire_put_u8(b, m->transfer);
	wire_put_string(b, m->command);
	wire_put_bool(b, m->pty);
	wire_put_text(b, m->term);
	wire_put_u32(b, m->cols);
	wire_put_u32(b, m->rows);
	wire_put_u32(b, m->width_px);
	wire_put_u32(b, m->height_px);
	wire_put_string(b, m->modes);
	wire_put_text(b, m->client_address);
	wire_put_u32(b, m->client_port);
	wire_put_text(b, m->server_address);
	wire_put_u32(b, m->server_port);
	wire_put_u32(b, m->n_env);
	for (uint32_t i = 0; i < m->n_env; i++) {
		wire_put_string(b, m->env[i].name);
		wire_put_string(b, m->env[i].value);
	}
}

/* In an environment or a command line a NUL would end the text for the kernel, but not for us. */
static bool
has_nul(struct span s)
{
	return s.n > 0 && memchr(s.p, 0, s.n);
}

/* Lower-case hexadecimal digits 8-4-4-4-12: the monitor makes it part of a path. */
static bool
is_uuid(const char *s)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < sizeof(form); i++)
		if (form[i] == 'x' ? !s[i] || !strchr("0123456789abcdef", s[i]) : s[i] != form[i])
			return false;
	return true;
}

int
mon_get_start(struct mon_start *ret, struct wire *w)
{
	ret->connection = wire_u32(w);
	ret->session = wire_u32(w);
	wire_text(w, ret->uuid, sizeof(ret->uuid));
	ret->kind = wire_u8(w);
	ret->transfer = wire_u8(w);
	ret->command = wire_string(w);
	ret->pty = wire_bool(w);
	wire_text(w, ret->term, sizeof(ret->term));
	ret->cols = wire_u32(w);
	ret->rows = wire_u32(w);
	ret->width_px = wire_u32(w);
	ret->height_px = wire_u32(w);
	ret->modes = wire_string(w);
	wire_text(w, ret->client_address, sizeof(ret->client_address));
	ret->client_port = wire_u32(w);
	wire_text(w, ret->server_address, sizeof(ret->server_address));
	ret->server_port = wire_u32(w);
	ret->n_env = wire_u32(w);
	if (w->bad || ret->n_env > MON_ENV_MAX || ret->kind > MON_KIND_SUBSYSTEM ||
	    ret->transfer > MON_TRANSFER_SCP_FROM || !is_uuid(ret->uuid))
		return -1;
	for (uint32_t i = 0; i < ret->n_env; i++) {
		ret->env[i].name = wire_string(w);
		ret->env[i].value = wire_string(w);
		if (has_nul(ret->env[i].name) || has_nul(ret->env[i].value))
			return -1;
	}
	/* Checked at the client already; the worker that did so may be another by now. */
	if (has_nul(ret->command) || ret->command.n > MON_COMMAND_MAX)
		return -1;
	return wire_end(w) ? 0 : -1;
}

void
mon_put_exited(struct buf *b, const struct mon_exited *m)
{
	wire_put_u32(b, m->session);
	wire_put_bool(b, m->signaled);
	wire_put_bool(b, m->core);
	wire_put_u32(b, m->code);
}

int
mon_get_exited(struct mon_exited *ret, struct wire *w)
{
	ret->session = wire_u32(w);
	ret->signaled = wire_bool(w);
	ret->core = wire_bool(w);
	ret->code = wire_u32(w);
	return wire_end(w) ? 0 : -1;
}

int
mon_pair(int fds[2])
{
	/* So that the largest message fits whatever the system's default is: it goes as a whole or
	 * not at all. */
	int room = 2 * MON_MESSAGE_MAX;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
		return -1;
	for (int i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	return 0;
}

/* Room for a control message with MON_FDS_MAX descriptors. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * MON_FDS_MAX)];
};

/* 0 sent, 1 not now, negative gone. A packet goes as a whole or not at all (SOCK_SEQPACKET). */
int
mon_send(int fd, struct span packet, const int *fds, size_t n_fds)
{
	struct iovec iov = { (void *)(uintptr_t)packet.p, packet.n };
	union control control = { 0 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds > 0 && n_fds <= MON_FDS_MAX) {
		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	for (;;) {
		if (sendmsg(fd, &mh, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		return errno == EAGAIN || errno == ENOBUFS ? 1 : -1;
	}
}

/* All that came are taken out, also those that nobody expects: a peer could fill our table with
 * them. */
static size_t
take_fds(struct msghdr *mh, int fds[MON_FDS_MAX])
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < got; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < MON_FDS_MAX)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

ssize_t
mon_receive(int fd, uint8_t *p, size_t size, int fds[MON_FDS_MAX], size_t *n_fds)
{
	struct iovec iov = { p, size };
	union control control = { 0 };
	struct msghdr mh = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	*n_fds = 0;
	do
		n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	*n_fds = take_fds(&mh, fds);
	/* Half a message is none; also the end of file is -1 here, since nothing is 0. */
	if (n == 0 || (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (size_t i = 0; i < *n_fds; i++)
			close(fds[i]);
		*n_fds = 0;
		return -1;
	}
	return n;
}
