/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_priv: what both directions of json.h know.
 */
#ifndef API_JSON_PRIV_H
#define API_JSON_PRIV_H

#include <protobuf-c/protobuf-c.h>

/* The type of the message that f, a field of `type`, holds: its own, or where f is Resource.value that of the kind
 * (NULL: not said). NULL: it holds none, or the kind is not known here. */
const ProtobufCMessageDescriptor *api_json_inner(const ProtobufCMessageDescriptor *type,
    const ProtobufCFieldDescriptor *f, const char *kind);

#endif
