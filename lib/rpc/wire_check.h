/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_check: looks at the bytes of a protobuf message from a stranger before protobuf-c unpacks them, for what
 * protobuf-c does not look at. Called by message.c and by whoever unpacks messages that came by other ways.
 */
#ifndef RPC_WIRE_CHECK_H
#define RPC_WIRE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

enum { WIRE_CHECK_DEPTH = 32, WIRE_CHECK_ITEMS = 100000 };

/* True when: tags and lengths are whole; strings are UTF-8 without NUL (protobuf-c would show "ad\0in" as "ad");
 * messages nest at most WIRE_CHECK_DEPTH deep (protobuf-c recurses without limit); and fields, elements and unknown
 * fields together are at most WIRE_CHECK_ITEMS (a 4 MiB message can otherwise cost 100 MB). */
bool wire_check_message(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len);

#endif
