/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stranger's JSON and query as messages: whatever is taken must unpack, and be written as JSON that is taken again
 * and is the same then. The first byte chooses the type, the second whether it is a body or a query.
 */
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "proto/audit.pb-c.h"
#include "proto/auth.pb-c.h"
#include "tests/echo.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWER_MAX = 64 * 1024 * 1024 };

static ProtobufCMessage *
take(const ProtobufCMessageDescriptor *type, struct span from, bool query)
{
	struct api_json in;
	ProtobufCMessage *m = NULL;
	struct err e;

	api_json_begin(&in, type);
	if ((query ? api_json_take_query(&in, from, &e) : api_json_take_body(&in, from, &e)) == 0 &&
	    api_json_finish(&in, &m, &e) < 0)
		abort(); /* it was made within the limits of what unpacks */
	api_json_done(&in);
	return m;
}

/* Without what a oneof's other member makes of "null": as it was written, it is read. */
static void
write_read_write(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *m)
{
	ProtobufCMessage *again;
	struct buf first, second;

	buf_init(&first, ANSWER_MAX);
	buf_init(&second, ANSWER_MAX);
	if (api_json_put(&first, m)) {
		again = take(type, buf_span(&first), false);
		if (!again || !api_json_put(&second, again) ||
		    !span_eq(buf_span(&first), buf_span(&second)))
			abort();
		api_json_free(again);
	}
	buf_done(&first);
	buf_done(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const ProtobufCMessageDescriptor *const types[] = { &echo__msg__descriptor,
		&auth__put_resource_request__descriptor, &auth__list_nodes_request__descriptor,
		&auth__update_user_request__descriptor, &audit__search_request__descriptor,
		&audit__recording__descriptor };
	ProtobufCMessage *m;

	if (size < 2)
		return 0;
	const ProtobufCMessageDescriptor *type =
	    types[data[0] % (sizeof(types) / sizeof(types[0]))];

	m = take(type, (struct span){ data + 2, size - 2 }, data[1] & 1);
	if (m)
		write_read_write(type, m);
	api_json_free(m);
	return 0;
}
