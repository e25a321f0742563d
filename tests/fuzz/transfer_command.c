/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of a user: any bytes but NUL. What is a transfer has words whose texts hold no more than the line did,
 * options that are options, and files.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/conf.h"
#include "node/transfer_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct transfer_command *c, size_t size)
{
	size_t bytes = 0;

	if (c->n_words <= c->n_options || c->n_words > TRANSFER_WORDS_MAX)
		abort();
	for (size_t i = 0; i < c->n_words; i++) {
		bytes += strlen(c->words[i].text);
		if (c->words[i].pattern && strlen(c->words[i].pattern) < strlen(c->words[i].text))
			abort();
		if (i < c->n_options && (c->words[i].pattern || c->words[i].text[0] != '-'))
			abort();
	}
	if (bytes > size)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conf config;
	struct transfer_command c;

	if (size > 0 && memchr(data, 0, size))
		return 0;
	if (transfer_command_read(&c, &config, MON_KIND_EXEC, (struct span){ data, size }) == 0 &&
	    (c.kind == MON_TRANSFER_SCP_TO || c.kind == MON_TRANSFER_SCP_FROM))
		check(&c, size);
	transfer_command_done(&c);
	return 0;
}
