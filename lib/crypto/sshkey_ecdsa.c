/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey_ecdsa: signatures on the curve NIST P-256 (RFC 5656) by mbedTLS; users have such keys, we have none. Called by
 * the files of sshkey. Pure.
 */
#include <mbedtls/ecdsa.h>

#include "crypto/sha256.h"
#include "crypto/sshkey_priv.h"

enum { POINT_LEN = 65, NUMBER_LEN = 32 };

/* string curve, string point: uncompressed, as RFC 5656 section 3.1 lets us ask. */
static struct span
point_of(struct span fields)
{
	struct wire w = wire_from(fields);
	struct span curve = wire_string(&w), q = wire_string(&w);

	return wire_end(&w) && span_is(curve, "nistp256") && q.n == POINT_LEN && q.p[0] == 4
	    ? q
	    : (struct span){ NULL, 0 };
}

struct point {
	mbedtls_ecp_group group;
	mbedtls_ecp_point q;
};

/* False: not a point of the curve. To be freed either way. */
static bool
point_read(struct point *p, struct span fields)
{
	struct span q = point_of(fields);

	mbedtls_ecp_group_init(&p->group);
	mbedtls_ecp_point_init(&p->q);
	return q.n > 0 && mbedtls_ecp_group_load(&p->group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
	    mbedtls_ecp_point_read_binary(&p->group, &p->q, q.p, q.n) == 0 &&
	    mbedtls_ecp_check_pubkey(&p->group, &p->q) == 0;
}

static void
point_free(struct point *p)
{
	mbedtls_ecp_point_free(&p->q);
	mbedtls_ecp_group_free(&p->group);
}

static bool
check(struct span fields)
{
	struct point p;
	bool ok = point_read(&p, fields);

	point_free(&p);
	return ok;
}

/* raw: mpint r, mpint s (RFC 5656 section 3.1.2). */
static int
verify(struct span fields, struct span alg, struct span raw, struct span data)
{
	struct wire w = wire_from(raw);
	struct span r = wire_mpint(&w), s = wire_mpint(&w);
	uint8_t hash[SHA256_BYTES];
	mbedtls_mpi mr, ms;
	struct point p;
	bool ok;

	(void)alg;
	/* Before the numbers are computed with: a stranger chooses their length. */
	if (!wire_end(&w) || r.n > NUMBER_LEN || s.n > NUMBER_LEN)
		return -1;
	sha256_of(data, hash);
	mbedtls_mpi_init(&mr);
	mbedtls_mpi_init(&ms);
	ok = point_read(&p, fields) && mbedtls_mpi_read_binary(&mr, r.p, r.n) == 0 &&
	    mbedtls_mpi_read_binary(&ms, s.p, s.n) == 0 &&
	    mbedtls_ecdsa_verify(&p.group, hash, sizeof hash, &p.q, &mr, &ms) == 0;
	point_free(&p);
	mbedtls_mpi_free(&mr);
	mbedtls_mpi_free(&ms);
	return ok ? 0 : -1;
}

const struct sshkey_alg sshkey_ecdsa = { check, verify };
