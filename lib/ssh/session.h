/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: the payloads of channel opens and requests, read and written
 * (RFC 4254 sections 6, 7 and 8; terminal modes in modes.c and
 * modes_termios.c). Pure; used by both ends.
 */
#ifndef SSH_SESSION_H
#define SSH_SESSION_H

#include "base/buf.h"

enum { SSH_TERM_MAX = 64, SSH_MODES_MAX = 1024, SSH_ENV_MAX = 4096 };

/* pty-req, 6.2. Modes are the encoded terminal modes (section 8), checked for shape. */
struct ssh_pty {
	char term[SSH_TERM_MAX];
	uint32_t cols, rows, width_px, height_px;
	uint8_t modes[SSH_MODES_MAX];
	size_t n_modes;
};
int ssh_pty_parse(struct ssh_pty *ret, struct span payload);
void ssh_pty_put(struct buf *b, const struct ssh_pty *pty);
/* False when encoded modes are cut short. */
bool ssh_modes_valid(struct span modes);
struct termios;
/* Applies encoded modes to a termios, as far as Linux knows them; and the reverse for tsh. */
void ssh_modes_apply(struct termios *tio, struct span modes);
void ssh_modes_put(struct buf *b, const struct termios *tio);

struct ssh_window {
	uint32_t cols, rows, width_px, height_px;
};
int ssh_window_parse(struct ssh_window *ret, struct span payload); /* window-change, 6.7 */
void ssh_window_put(struct buf *b, const struct ssh_window *w);

int ssh_env_parse(struct span payload, struct span *ret_name, struct span *ret_value); /* 6.4 */
void ssh_env_put(struct buf *b, const char *name, const char *value);
/* exec, subsystem, signal: one string of any bytes, 6.5, 6.9 */
int ssh_text_parse(struct span payload, struct span *ret);
void ssh_text_put(struct buf *b, const char *text);
int ssh_exit_status_parse(struct span payload, uint32_t *ret); /* 6.10 */
void ssh_exit_status_put(struct buf *b, uint32_t status);
/* exit-signal: name without SIG, core dumped, message. */
int ssh_exit_signal_parse(struct span payload, struct span *ret_signal, bool *ret_core,
    struct span *ret_text);
void ssh_exit_signal_put(struct buf *b, const char *signal, bool core, const char *text);
/* "INT" <-> SIGINT for the names of 6.10; NULL / 0 when unknown. */
const char *ssh_signal_name(int signo);
int ssh_signal_number(struct span name);

/* A request that travels along with the opening of a session, as its type-specific data: any number of them, in order
 * (docs/PROTOCOL.md). Servers of other makers know no such thing. */
void ssh_request_put(struct buf *b, const char *name, bool want_reply, struct span payload);

/* direct-tcpip and forwarded-tcpip open payloads, 7.2. */
void ssh_tcpip_put(struct buf *b, const char *host, uint32_t port, const char *origin,
    uint32_t origin_port);
/* The most that ours send along with such an opening of the stream itself. */
enum { SSH_FIRST_MAX = 4096 };
/* tcpip-forward and cancel-tcpip-forward, 7.1. */
void ssh_forward_put(struct buf *b, const char *host, uint32_t port);

#endif
