/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca_pack: see ca_pack.h. Pure.
 */
#include "api/ca_pack.h"

#include "proto/auth.pb-c.h"
#include "rpc/bytes.h"

int
ca_pack(const struct ca_pack *set, struct buf *ret)
{
	ProtobufCBinaryData host_ssh[CA_PACK_MAX], user_ssh[CA_PACK_MAX];
	Auth__CaSet m = AUTH__CA_SET__INIT;
	uint8_t *dst;

	if (set->n > CA_PACK_MAX)
		return -1;
	for (size_t i = 0; i < set->n; i++) {
		host_ssh[i] = bytes_of(set->host_ssh[i]);
		user_ssh[i] = bytes_of(set->user_ssh[i]);
	}
	m.cluster = set->cluster;
	m.generation = set->generation;
	m.n_host_x509_pem = m.n_user_x509_pem = m.n_host_ssh = m.n_user_ssh = set->n;
	m.host_x509_pem = (const char **)(uintptr_t)set->host_pem;
	m.user_x509_pem = (const char **)(uintptr_t)set->user_pem;
	m.host_ssh = host_ssh;
	m.user_ssh = user_ssh;
	dst = buf_reserve(ret, protobuf_c_message_get_packed_size(&m.base));
	if (!dst)
		return -1;
	buf_commit(ret, protobuf_c_message_pack(&m.base, dst));
	return 0;
}
