/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webauthn_data: the authenticator's data (section 6.1): its head, and that the rest is what the head says and nothing else.
 * The meaning of the CBOR in it is libfido2's.
 *
 * Security: libcbor takes memory for as many members as a map says that it has, which may be 2^60 in a message of nine
 * bytes. What comes to it from here has no more than there are bytes.
 */
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "crypto/webauthn_priv.h"

enum {
	AAGUID_BYTES = 16,
	HEAD_BYTES = SHA256_BYTES + 1 + 4, /* hash of the rp id, flags, counter */
	FLAG_PRESENT = 0x01,
	FLAG_BACKUP_ELIGIBLE = 0x08,
	FLAG_BACKED_UP = 0x10,
	FLAG_CREDENTIAL = 0x40,
	FLAG_EXTENSIONS = 0x80,
	/* Keys are flat, extensions hold at most a map or a list; CTAP2 allows four. */
	CBOR_DEPTH = 4,
};
/* RFC 8949 section 3.1. */
enum cbor_major {
	CBOR_UNSIGNED,
	CBOR_NEGATIVE,
	CBOR_BYTES,
	CBOR_TEXT,
	CBOR_LIST,
	CBOR_MAP,
	CBOR_TAG,
	CBOR_SIMPLE
};

static bool
skip(struct span *s, uint64_t n)
{
	if (n > s->n)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

/* --- CBOR ------------------------------------------------------------------------------------ */

static bool
cbor_head(struct span *s, enum cbor_major *major, uint64_t *value)
{
	unsigned info, bytes;

	if (s->n == 0)
		return false;
	*major = s->p[0] >> 5;
	info = s->p[0] & 31;
	/* CTAP2's form of CBOR has no lengths that come later (31), and nobody has the ones between. */
	if (info > 27)
		return false;
	bytes = info < 24 ? 0 : 1U << (info - 24);
	if (s->n < 1 + bytes)
		return false;
	*value = info < 24 ? info : 0;
	for (unsigned i = 1; i <= bytes; i++)
		*value = *value << 8 | s->p[i];
	return skip(s, 1 + bytes);
}

/* One item, whatever it is. Each takes a byte at least, so that the work is bounded by what is there. */
static bool
cbor_item(struct span *s, unsigned depth)
{
	enum cbor_major major;
	uint64_t value;

	if (depth == 0 || !cbor_head(s, &major, &value) || major == CBOR_TAG)
		return false;
	if (major == CBOR_BYTES || major == CBOR_TEXT)
		return skip(s, value);
	if (major != CBOR_LIST && major != CBOR_MAP)
		return true;
	if (value > s->n)
		return false;
	for (uint64_t n = major == CBOR_MAP ? 2 * value : value; n > 0; n--)
		if (!cbor_item(s, depth - 1))
			return false;
	return true;
}

static bool
cbor_map(struct span *s)
{
	return s->n > 0 && s->p[0] >> 5 == CBOR_MAP && cbor_item(s, CBOR_DEPTH);
}

/* --- the parts -------------------------------------------------------------------------------- */

/* Section 6.5.1: who made it, the credential's id with its length, the key. */
static bool
skip_credential(struct span *s)
{
	size_t n;

	if (!skip(s, AAGUID_BYTES) || s->n < 2)
		return false;
	n = (size_t)s->p[0] << 8 | s->p[1];
	return skip(s, 2) && n > 0 && n <= WEBAUTHN_ID_MAX && skip(s, n) && cbor_map(s);
}

static bool
is_whole(struct span data, bool credential)
{
	uint8_t flags = data.p[SHA256_BYTES];
	struct span rest = data;

	return skip(&rest, HEAD_BYTES) && (!credential || skip_credential(&rest)) &&
	    (!(flags & FLAG_EXTENSIONS) || cbor_map(&rest)) && rest.n == 0;
}

/* User verification (a PIN, a finger) is not asked for: the other factor is the password. */
int
webauthn_data_check(struct span data, const char *rp_id, bool credential, struct err *e)
{
	uint8_t hash[SHA256_BYTES], flags;

	if (data.n < HEAD_BYTES || data.n > WEBAUTHN_AUTH_DATA_MAX)
		return err_set(e, "the authenticator's part of the answer has a wrong length");
	sha256_of(span_str(rp_id), hash);
	if (!secret_equal((struct span){ data.p, SHA256_BYTES },
		(struct span){ hash, SHA256_BYTES }))
		return err_set(e, "the answer is of a key for another site than %s", rp_id);
	flags = data.p[SHA256_BYTES];
	if (!(flags & FLAG_PRESENT))
		return err_set(e, "nobody touched the security key");
	if ((flags & FLAG_BACKED_UP) && !(flags & FLAG_BACKUP_ELIGIBLE))
		return err_set(e, "the authenticator contradicts itself about backups");
	if (credential && !(flags & FLAG_CREDENTIAL))
		return err_set(e, "the security key made no credential");
	if (!credential && (flags & FLAG_CREDENTIAL))
		return err_set(e, "the security key made a credential instead of a signature");
	if (!is_whole(data, credential))
		return err_set(e, "the authenticator's part of the answer is damaged");
	return 0;
}
