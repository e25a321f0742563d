/* SPDX-License-Identifier: Apache-2.0 */
/* What auditd does with a record of a producer, up to the rows. The first byte is who writes and what else happens. */
#include <string.h>

#include "audit/batch.h"
#include "audit/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum rpc_who who[] = { RPC_NODE, RPC_PROXY, RPC_AUTH, RPC_AUDIT };
	struct batch_item item = { .name = "11111111-2222-4333-8444-555555555555",
		.source = 1,
		.seq = 7 };
	struct batch b;

	if (size < 1)
		return 0;
	item.who = who[data[0] & 3];
	item.lost = data[0] >> 6;
	item.record = (struct span){ data + 1, size - 1 };
	if (batch_init(&b, 0, 0) == 0) {
		(void)batch_add(&b, &item);
		item.seq++;
		(void)batch_add(&b, &item);
		(void)batch_finish(&b);
	}
	batch_done(&b);
	return 0;
}
