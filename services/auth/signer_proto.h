/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_proto: the messages between authd and its signer, over a SEQPACKET pair (priv/channel.h),
 * in the types of base/wire.h. Used by signer.c and signer_client.c only.
 *
 *	hello    u8 done, string ca_set, string signature       signer to authd, once
 *	         u8 0, string error                             instead, when it cannot start
 *	request  u8 kind, u32 id, fields as in the struct       authd to signer
 *	reply    u32 id, u8 done, string certificate or error   signer to authd, in order
 */
#ifndef AUTH_SIGNER_PROTO_H
#define AUTH_SIGNER_PROTO_H

#include "auth/signer_client.h"
#include "base/mem.h"

enum signer_kind {
	SIGNER_SSH_USER = 1,
	SIGNER_SSH_HOST = 2, /* and tunnels */
	SIGNER_X509_HOST = 3,
	SIGNER_X509_USER = 4,
	SIGNER_CUTOFFS = 5,
	SIGNER_BACKUP = 6,
};

enum { SIGNER_NAMES_MAX = 256, SIGNER_REQUEST_MEMORY = 256 * 1024, SIGNER_MESSAGE_MAX = 60 * 1024 };

/* One question; which member counts is told by kind. */
struct signer_request {
	enum signer_kind kind;
	uint32_t id;
	union {
		struct signer_ssh_user ssh_user;
		struct signer_ssh_host ssh_host;
		struct signer_x509 x509;
		struct signer_cutoffs cutoffs;
		struct {
			const char *recipient; /* its text */
			struct span proof;
		} backup;
	};
};

/* False when it does not fit into a message. */
bool signer_request_write(struct buf *b, const struct signer_request *q);
/* Texts are copied into the arena, spans point into the message. False when the message is not
 * exactly a request. */
bool signer_request_read(struct signer_request *q, struct span message, struct arena *arena);

#endif
