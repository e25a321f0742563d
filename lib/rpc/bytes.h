/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes: a message's field of bytes and a span, lent from each other. Called by whoever fills or reads messages. Pure.
 */
#ifndef RPC_BYTES_H
#define RPC_BYTES_H

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"

/* protobuf-c has no const; packing only reads. */
static inline ProtobufCBinaryData
bytes_of(struct span s)
{
	return (ProtobufCBinaryData){ s.n, (uint8_t *)(uintptr_t)s.p };
}

/* n 0: none. */
static inline ProtobufCBinaryData
bytes_at(const void *p, size_t n)
{
	return bytes_of((struct span){ n ? p : NULL, n });
}

static inline struct span
bytes_span(ProtobufCBinaryData b)
{
	return (struct span){ b.data, b.len };
}

#endif
