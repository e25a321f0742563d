/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle: see bundle.h. Pure but for memory; links neither gRPC nor sockets.
 *
 * Security: reads what came over a connection that is not yet trusted, in noded's monitor as root.
 */
#include "api/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "crypto/identity.h"
#include "crypto/sshkey.h"
#include "crypto/x509.h"
#include "proto/auth.pb-c.h"
#include "rpc/bytes.h"
#include "rpc/wire_check.h"

void
bundle_free(struct bundle *b)
{
	if (!b)
		return;
	free(b->host_pem);
	free(b->user_pem);
	buf_done(&b->packed);
	buf_done(&b->blobs);
	free(b);
}

/* For the caller to free; NULL: no memory. */
static char *
join_pem(const char *const *pem, size_t n)
{
	struct buf b;
	char *text = NULL;

	buf_init(&b, BUNDLE_PACKED_MAX);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", pem[i], str_ends(pem[i], "\n") ? "" : "\n");
	if (buf_ok(&b))
		text = b.len ? span_dup(buf_span(&b)) : strdup("");
	buf_done(&b);
	return text;
}

/* One behind the other, without lengths: find_blobs takes them apart by those of the message. */
static bool
put_blobs(struct buf *b, const ProtobufCBinaryData *blobs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!buf_put(b, blobs[i].data, blobs[i].len))
			return false;
	return true;
}

/* Points at the blobs inside the buffer, from *at on; each must be a key. */
static int
find_blobs(const struct buf *b, size_t *at, const ProtobufCBinaryData *blobs, size_t n,
    struct span *ret, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct sshkey *key = NULL;
		ret[i] = (struct span){ buf_head(b) + *at, blobs[i].len };
		*at += blobs[i].len;
		if (sshkey_from_blob(&key, ret[i]))
			return err_set(e, "the CA bundle holds a malformed SSH key");
		sshkey_free(key);
	}
	return 0;
}

static int
take_ssh(struct bundle *b, const Auth__CaSet *set, struct err *e)
{
	size_t at = 0;

	if (set->n_host_ssh > BUNDLE_CA_MAX || set->n_user_ssh > BUNDLE_CA_MAX)
		return err_set(e, "the CA bundle holds too many keys");
	/* All into the buffer first: it moves while it grows. */
	if (!put_blobs(&b->blobs, set->host_ssh, set->n_host_ssh) ||
	    !put_blobs(&b->blobs, set->user_ssh, set->n_user_ssh))
		return err_set(e, "the CA bundle is too large");
	b->n_host_ssh = set->n_host_ssh;
	b->n_user_ssh = set->n_user_ssh;
	if (find_blobs(&b->blobs, &at, set->host_ssh, set->n_host_ssh, b->host_ssh, e))
		return -1;
	return find_blobs(&b->blobs, &at, set->user_ssh, set->n_user_ssh, b->user_ssh, e);
}

/* Each certificate must be one, of a CA, alone in its text: a second one in it would be believed
 * without a pin. */
static int
take_pins(struct bundle *b, const Auth__CaSet *set, struct err *e)
{
	for (size_t i = 0; i < set->n_host_x509_pem; i++) {
		struct x509_cert *cert = NULL;
		if (x509_cert_from_pem(&cert, set->host_x509_pem[i], e))
			return -1;
		bool ok = x509_cert_count(cert) == 1 && x509_cert_is_ca(cert) &&
		    capin_of_cert(cert, b->pins[i]) == 0;
		x509_cert_free(cert);
		if (!ok)
			return err_set(e,
			    "the CA bundle holds a certificate that is not one of a CA");
		b->n_pins++;
	}
	return 0;
}

static int
fill(struct bundle *b, const Auth__CaSet *set, struct err *e)
{
	if (set->n_host_x509_pem == 0 || set->n_host_x509_pem > BUNDLE_CA_MAX ||
	    set->n_user_x509_pem > BUNDLE_CA_MAX)
		return err_set(e, "the CA bundle names no host CA, or too many");
	/* It goes into files and configurations of clients. */
	if (!str_copy(b->cluster, sizeof(b->cluster), set->cluster) ||
	    !identity_name_ok(span_str(b->cluster)))
		return err_set(e, "the CA bundle names no cluster");
	b->generation = set->generation;
	b->host_pem = join_pem((const char *const *)set->host_x509_pem, set->n_host_x509_pem);
	b->user_pem = join_pem((const char *const *)set->user_x509_pem, set->n_user_x509_pem);
	if (!b->host_pem || !b->user_pem)
		return err_memory(e);
	return take_ssh(b, set, e) || take_pins(b, set, e) ? -1 : 0;
}

static bool
is_trusted(const char *own, const char *pin, const struct bundle *known)
{
	if (pin && capin_equal(own, pin))
		return true;
	for (size_t i = 0; known && i < known->n_pins; i++)
		if (capin_equal(own, known->pins[i]))
			return true;
	/* Our own files, and authd over a connection that was verified: the signature must still be
	 * right. */
	return !pin && !known;
}

static bool
has_signed(const char *pem, const Auth__CaBundle *msg)
{
	struct x509_cert *cert = NULL;

	if (x509_cert_from_pem(&cert, pem, NULL))
		return false;
	bool ok = x509_verify_data(cert, bytes_span(msg->ca_set), bytes_span(msg->signature)) == 0;
	x509_cert_free(cert);
	return ok;
}

/* 0: some certificate in it that we trust, by the pin or by what we know, has signed it all. Others
 * in it need no proof of their own: they are what that one vouches for, which is how a new CA gets
 * in. */
static int
believe(const struct bundle *b, const Auth__CaSet *set, const Auth__CaBundle *msg, const char *pin,
    const struct bundle *known, struct err *e)
{
	bool trusted = false;

	if (known && strcmp(known->cluster, b->cluster) != 0)
		return err_set(e, "the CA bundle is of another cluster: %s, not %s", b->cluster,
		    known->cluster);
	for (size_t i = 0; i < b->n_pins; i++) {
		if (!is_trusted(b->pins[i], pin, known))
			continue;
		trusted = true;
		if (has_signed(set->host_x509_pem[i], msg))
			return 0;
	}
	if (pin && !trusted)
		return err_set(e,
		    "the CA pin does not match: the cluster shows %s, expected %s; compare with "
		    "`tctl status`",
		    b->pins[0], pin);
	return err_set(e, "the CA bundle is not signed by a host CA that is trusted");
}

/* Reads CaBundle and the CaSet in it, both checked before protobuf-c sees them. */
static int
unpack(struct span packed, Auth__CaBundle **ret_msg, Auth__CaSet **ret_set)
{
	*ret_msg = NULL;
	*ret_set = NULL;
	if (packed.n == 0 || packed.n > BUNDLE_PACKED_MAX ||
	    !wire_check_message(&auth__ca_bundle__descriptor, packed.p, packed.n))
		return -1;
	*ret_msg = (Auth__CaBundle *)protobuf_c_message_unpack(&auth__ca_bundle__descriptor, NULL,
	    packed.n, packed.p);
	if (!*ret_msg)
		return -1;
	ProtobufCBinaryData set = (*ret_msg)->ca_set;
	if (set.len > 0 && wire_check_message(&auth__ca_set__descriptor, set.data, set.len))
		*ret_set = (Auth__CaSet *)protobuf_c_message_unpack(&auth__ca_set__descriptor, NULL,
		    set.len, set.data);
	return *ret_set ? 0 : -1;
}

int
bundle_open(struct bundle **ret, struct span packed, const char *pin, const struct bundle *known,
    struct err *e)
{
	Auth__CaBundle *msg;
	Auth__CaSet *set;
	struct bundle *b = calloc(1, sizeof(*b));
	int r = -1;

	if (!b)
		return err_memory(e);
	buf_init(&b->packed, BUNDLE_PACKED_MAX);
	buf_init(&b->blobs, BUNDLE_PACKED_MAX);
	if (unpack(packed, &msg, &set))
		err_set(e, "the CA bundle is malformed");
	else if (!buf_put(&b->packed, packed.p, packed.n))
		err_memory(e);
	else
		r = fill(b, set, e) || believe(b, set, msg, pin, known, e) ? -1 : 0;
	if (set)
		protobuf_c_message_free_unpacked(&set->base, NULL);
	if (msg)
		protobuf_c_message_free_unpacked(&msg->base, NULL);
	if (r)
		bundle_free(b);
	else
		*ret = b;
	return r;
}
