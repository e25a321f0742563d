/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: payloads of channel opens and requests; see session.h. Pure: bytes to values and back.
 */
#include "ssh/session.h"

#include <signal.h>
#include <string.h>

#include "base/str.h"
#include "base/wire.h"

static const struct {
	const char *name;
	int signo;
} signals[] = {
	{ "ABRT", SIGABRT },
	{ "ALRM", SIGALRM },
	{ "FPE", SIGFPE },
	{ "HUP", SIGHUP },
	{ "ILL", SIGILL },
	{ "INT", SIGINT },
	{ "KILL", SIGKILL },
	{ "PIPE", SIGPIPE },
	{ "QUIT", SIGQUIT },
	{ "SEGV", SIGSEGV },
	{ "TERM", SIGTERM },
	{ "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 },
};

const char *
ssh_signal_name(int signo)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (signals[i].signo == signo)
			return signals[i].name;
	return NULL;
}

int
ssh_signal_number(struct span name)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (span_is(name, signals[i].name))
			return signals[i].signo;
	return 0;
}

int
ssh_pty_parse(struct ssh_pty *ret, struct span payload)
{
	struct wire w = wire_from(payload);
	struct span modes;

	memset(ret, 0, sizeof(*ret));
	wire_text(&w, ret->term, sizeof(ret->term));
	ret->cols = wire_u32(&w);
	ret->rows = wire_u32(&w);
	ret->width_px = wire_u32(&w);
	ret->height_px = wire_u32(&w);
	modes = wire_string(&w);
	/* The name becomes TERM in a shell's environment, and is shown in events. */
	if (!wire_end(&w) || modes.n > SSH_MODES_MAX ||
	    !str_is_printable(ret->term, strlen(ret->term)))
		return -1;
	if (!ssh_modes_valid(modes))
		return -1;
	if (modes.n)
		memcpy(ret->modes, modes.p, modes.n);
	ret->n_modes = modes.n;
	return 0;
}

void
ssh_pty_put(struct buf *b, const struct ssh_pty *pty)
{
	wire_put_text(b, pty->term);
	wire_put_u32(b, pty->cols);
	wire_put_u32(b, pty->rows);
	wire_put_u32(b, pty->width_px);
	wire_put_u32(b, pty->height_px);
	wire_put_string(b, (struct span){ pty->modes, pty->n_modes });
}

int
ssh_window_parse(struct ssh_window *ret, struct span payload)
{
	struct wire w = wire_from(payload);

	ret->cols = wire_u32(&w);
	ret->rows = wire_u32(&w);
	ret->width_px = wire_u32(&w);
	ret->height_px = wire_u32(&w);
	return wire_end(&w) ? 0 : -1;
}

void
ssh_window_put(struct buf *b, const struct ssh_window *w)
{
	wire_put_u32(b, w->cols);
	wire_put_u32(b, w->rows);
	wire_put_u32(b, w->width_px);
	wire_put_u32(b, w->height_px);
}

int
ssh_env_parse(struct span payload, struct span *ret_name, struct span *ret_value)
{
	struct wire w = wire_from(payload);

	*ret_name = wire_string(&w);
	*ret_value = wire_string(&w);
	if (!wire_end(&w) || payload.n > SSH_ENV_MAX || ret_name->n == 0)
		return -1;
	/* A '=' in the name would set another variable than was checked. */
	if (memchr(ret_name->p, '=', ret_name->n) || memchr(ret_name->p, 0, ret_name->n) ||
	    (ret_value->n && memchr(ret_value->p, 0, ret_value->n)))
		return -1;
	return 0;
}

void
ssh_env_put(struct buf *b, const char *name, const char *value)
{
	wire_put_text(b, name);
	wire_put_text(b, value);
}

int
ssh_text_parse(struct span payload, struct span *ret)
{
	struct wire w = wire_from(payload);

	*ret = wire_string(&w);
	return wire_end(&w) ? 0 : -1;
}

void
ssh_text_put(struct buf *b, const char *text)
{
	wire_put_text(b, text);
}

int
ssh_exit_status_parse(struct span payload, uint32_t *ret)
{
	struct wire w = wire_from(payload);

	*ret = wire_u32(&w);
	return wire_end(&w) ? 0 : -1;
}

void
ssh_exit_status_put(struct buf *b, uint32_t status)
{
	wire_put_u32(b, status);
}

int
ssh_exit_signal_parse(struct span payload, struct span *ret_signal, bool *ret_core,
    struct span *ret_text)
{
	struct wire w = wire_from(payload);

	*ret_signal = wire_string(&w);
	*ret_core = wire_bool(&w);
	*ret_text = wire_string(&w);
	wire_string(&w); /* language */
	return wire_end(&w) ? 0 : -1;
}

void
ssh_exit_signal_put(struct buf *b, const char *signal, bool core, const char *text)
{
	wire_put_text(b, signal);
	wire_put_bool(b, core);
	wire_put_text(b, text);
	wire_put_text(b, "");
}

void
ssh_tcpip_put(struct buf *b, const char *host, uint32_t port, const char *origin,
    uint32_t origin_port)
{
	wire_put_text(b, host);
	wire_put_u32(b, port);
	wire_put_text(b, origin);
	wire_put_u32(b, origin_port);
}

void
ssh_forward_put(struct buf *b, const char *host, uint32_t port)
{
	wire_put_text(b, host);
	wire_put_u32(b, port);
}

void
ssh_request_put(struct buf *b, const char *name, bool want_reply, struct span payload)
{
	wire_put_text(b, name);
	wire_put_bool(b, want_reply);
	wire_put_string(b, payload);
}
