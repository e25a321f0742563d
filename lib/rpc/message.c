/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message: protobuf-c structs to gRPC's byte buffers and back. Called by call.c and client.c.
 */
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

#include "rpc/rpc_priv.h"
#include "rpc/wire_check.h"

grpc_byte_buffer *
rpc_pack(const ProtobufCMessage *message, size_t *ret_len)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	grpc_slice slice = grpc_slice_malloc(n);
	grpc_byte_buffer *buffer;

	protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
	buffer = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	*ret_len = n;
	return buffer;
}

ProtobufCMessage *
rpc_unpack(const ProtobufCMessageDescriptor *type, grpc_byte_buffer *buffer)
{
	grpc_byte_buffer_reader reader;
	ProtobufCMessage *message = NULL;
	grpc_slice slice;

	if (!grpc_byte_buffer_reader_init(&reader, buffer))
		return NULL;
	/* One piece: TLS cuts messages into slices, and a compressed one must be undone anyway. */
	slice = grpc_byte_buffer_reader_readall(&reader);
	if (wire_check_message(type, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice)))
		message = protobuf_c_message_unpack(type, NULL, GRPC_SLICE_LENGTH(slice),
		    GRPC_SLICE_START_PTR(slice));
	grpc_slice_unref(slice);
	grpc_byte_buffer_reader_destroy(&reader);
	return message;
}
