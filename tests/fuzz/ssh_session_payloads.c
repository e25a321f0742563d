/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of session requests and of forwards.
 */
#include <termios.h>

#include "ssh/session.h"
#include "ssh_fuzz.h"

static void
use(struct span s)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum = (uint8_t)(sum + s.p[i]);
}

static void
pty(struct span payload)
{
	static struct ssh_pty p, again;
	struct termios tio = { 0 };
	struct buf b;

	if (ssh_pty_parse(&p, payload) < 0)
		return;
	ssh_modes_apply(&tio, (struct span){ p.modes, p.n_modes });
	buf_init(&b, 1 << 16);
	ssh_pty_put(&b, &p);
	if (ssh_pty_parse(&again, buf_span(&b)) < 0 || memcmp(&p, &again, sizeof(p)) != 0)
		abort();
	buf_reset(&b);
	ssh_modes_put(&b, &tio);
	if (!ssh_modes_valid(buf_span(&b)))
		abort();
	buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct span payload = { copy, n }, a, b;
	struct ssh_window w;
	uint32_t number;
	bool core;

	if (n)
		memcpy(copy, p, n);
	pty(payload);
	ssh_window_parse(&w, payload);
	if (ssh_env_parse(payload, &a, &b) == 0) {
		use(a);
		use(b);
	}
	if (ssh_text_parse(payload, &a) == 0) {
		use(a);
		ssh_signal_number(a);
	}
	ssh_exit_status_parse(payload, &number);
	if (ssh_exit_signal_parse(payload, &a, &core, &b) == 0) {
		use(a);
		use(b);
	}
	free(copy);
	return 0;
}
