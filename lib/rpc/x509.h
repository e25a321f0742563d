/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509: as far as lib/rpc must look into certificates. Called by tls.c and peer.c.
 */
#ifndef RPC_X509_H
#define RPC_X509_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct rpc_x509_facts {
	int64_t not_before_s, not_after_s;
};

/* PEM texts throughout. 0, or negative with what is wrong. */
int rpc_x509_facts(const char *chain, struct rpc_x509_facts *ret, struct err *e);
int rpc_x509_check_roots(const char *roots, struct err *e);           /* each parses, and there is one */
int rpc_x509_check_pair(const char *chain, const char *key, struct err *e); /* they belong together */
/* True when one of the roots signed the leaf and both are valid now. */
bool rpc_x509_signed_by(const char *leaf, const char *roots);

#endif
