/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stranger's message goes through: wire_check, then protobuf-c, then out again. Whatever wire_check lets
 * pass must unpack within bounds or be refused by protobuf-c, and must survive a round trip.
 */
#include <stdlib.h>
#include <string.h>

#include "rpc/wire_check.h"
#include "tests/echo.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ProtobufCMessage *m;
	uint8_t *packed;
	size_t n;

	if (!wire_check_message(&echo__msg__descriptor, data, size))
		return 0;
	m = protobuf_c_message_unpack(&echo__msg__descriptor, NULL, size, data);
	if (!m)
		return 0;
	n = protobuf_c_message_get_packed_size(m);
	packed = malloc(n ? n : 1);
	if (protobuf_c_message_pack(m, packed) != n)
		abort();
	protobuf_c_message_free_unpacked(m, NULL);
	m = protobuf_c_message_unpack(&echo__msg__descriptor, NULL, n, packed);
	if (!m)
		abort();
	protobuf_c_message_free_unpacked(m, NULL);
	free(packed);
	return 0;
}
