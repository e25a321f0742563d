/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof: see proof.h. Security: bytes of a node that may be hostile.
 */
#include "audit/proof.h"

#include <string.h>

#include "base/str.h"
#include "base/wire.h"
#include "crypto/sshcert.h"

enum {
	USERAUTH_REQUEST = 50,
	SESSION_ID_MIN = 20, /* SHA-1, the shortest hash of a key exchange */
};

/* What the user signed. */
struct request {
	struct span session_id, login, alg, certificate;
	struct span host_key; /* hostbound only */
	bool hostbound;
};

/* RFC 4252 section 7; hostbound: OpenSSH's PROTOCOL, with the host's key at the end. Every byte
 * is looked at: two readings of one signature must not be possible. */
static int
read_request(struct request *ret, struct span data)
{
	struct wire w = wire_from(data);
	struct span service, method;
	bool has_signature;
	uint8_t message;

	*ret = (struct request){ .session_id = wire_string(&w) };
	message = wire_u8(&w);
	ret->login = wire_string(&w);
	service = wire_string(&w);
	method = wire_string(&w);
	has_signature = wire_bool(&w);
	ret->alg = wire_string(&w);
	ret->certificate = wire_string(&w);
	ret->hostbound = span_is(method, "publickey-hostbound-v00@openssh.com");
	if (ret->hostbound)
		ret->host_key = wire_string(&w);
	if (!wire_end(&w) || message != USERAUTH_REQUEST || !has_signature)
		return -1;
	if (!span_is(service, "ssh-connection") ||
	    (!ret->hostbound && !span_is(method, "publickey")))
		return -1;
	return ret->session_id.n >= SESSION_ID_MIN ? 0 : -1;
}

/* The algorithm of the signature itself: a certificate's name without its ending. */
static struct span
plain_alg(struct span alg, char *dst, size_t size)
{
	static const char ending[] = "-cert-v01@openssh.com";
	size_t n_ending = sizeof(ending) - 1;
	size_t n = alg.n - n_ending;

	if (alg.n <= n_ending || memcmp(alg.p + n, ending, n_ending) != 0)
		return alg;
	if (n < 3 || memcmp(alg.p, "sk-", 3) != 0)
		return (struct span){ alg.p, n };
	/* PROTOCOL.u2f: the plain name keeps the domain. */
	if (!str_format(dst, size, "%.*s@openssh.com", (int)n, (const char *)alg.p))
		return (struct span){ NULL, 0 };
	return span_str(dst);
}

/* The moment at which a certificate is judged here: its time is held against the events' by judge.c. */
static uint64_t
while_valid(const struct sshcert *cert)
{
	return cert->valid_after;
}

static int
check_user(const struct bundle *bundle, const struct sshcert *cert, const char *login,
    struct err *e)
{
	const char *pinned = sshcert_critical(cert, "source-address");
	char address[64] = "";
	struct sshcert_rules rules = {
		.type = SSHCERT_USER,
		.ca = bundle->user_ssh,
		.n_ca = bundle->n_user_ssh,
		.principal = login,
		.now_s = while_valid(cert),
	};

	/* Where he came from is the node's word in any case; the pin was for the proxy and the node to hold. */
	if (pinned && strcspn(pinned, ",/") < sizeof(address)) {
		memcpy(address, pinned, strcspn(pinned, ",/"));
		rules.source_address = address;
	}
	return sshcert_check(cert, &rules, e);
}

/* A signature that is bound to a host is good for that host alone. A plain host key says nothing: the registry has
 * none to hold it against. */
static int
check_host(const struct bundle *bundle, struct span host_key, const char *node, struct err *e)
{
	struct sshcert *cert = NULL;
	int done;

	if (!sshcert_is_cert(host_key))
		return 0;
	if (sshcert_parse(&cert, host_key, e) < 0)
		return -1;
	done = sshcert_check(cert,
	    &(struct sshcert_rules){
		.type = SSHCERT_HOST,
		.ca = bundle->host_ssh,
		.n_ca = bundle->n_host_ssh,
		.principal = node,
		.now_s = while_valid(cert),
	    },
	    e);
	sshcert_free(cert);
	return done < 0 ? err_prefix(e, "signed for another host") : 0;
}

static int64_t
seconds_to_us(uint64_t s)
{
	return s > INT64_MAX / 1000000 ? INT64_MAX : (int64_t)s * 1000000;
}

static int
check_request(struct proof *ret, const struct bundle *bundle, const struct request *rq,
    const struct sshcert *cert, struct err *e)
{
	if (!str_is_printable((const char *)rq->login.p, rq->login.n) || !rq->login.n ||
	    !str_format(ret->login, sizeof(ret->login), "%.*s", (int)rq->login.n,
		(const char *)rq->login.p))
		return err_set(e, "no login");
	if (!*cert->key_id || !str_is_printable(cert->key_id, strlen(cert->key_id)) ||
	    !str_format(ret->user, sizeof(ret->user), "%s", cert->key_id))
		return err_set(e, "the certificate names no user");
	/* As one length, whatever hash the exchange had: it is a key in the database. */
	sha256_of(rq->session_id, ret->session_id);
	ret->from_us = seconds_to_us(cert->valid_after);
	ret->until_us = seconds_to_us(cert->valid_before);
	return check_user(bundle, cert, ret->login, e);
}

/* Without looking at the rest: for what is asked before the signature is checked. */
int
proof_session_id(struct span signed_data, uint8_t ret[SHA256_BYTES])
{
	struct wire w = wire_from(signed_data);
	struct span id = wire_string(&w);

	if (w.bad || id.n < SESSION_ID_MIN)
		return -1;
	sha256_of(id, ret);
	return 0;
}

int
proof_check(struct proof *ret, const struct bundle *bundle, const char *node,
    struct span signed_data, struct span signature, struct err *e)
{
	struct sshcert *cert = NULL;
	struct request rq;
	char alg[128];
	int done;

	*ret = (struct proof){ .until_us = 0 };
	if (read_request(&rq, signed_data) < 0)
		return err_set(e, "the signed request is malformed");
	if (sshcert_parse(&cert, rq.certificate, e) < 0)
		return -1;
	/* The cheap things first; the user's signature is what costs. */
	done = check_request(ret, bundle, &rq, cert, e);
	if (done == 0 && rq.hostbound)
		done = check_host(bundle, rq.host_key, node, e);
	if (done == 0 &&
	    sshkey_verify(cert->key, plain_alg(rq.alg, alg, sizeof(alg)), signature, signed_data) <
		0)
		done = err_set(e, "the signature is not the user's");
	sshcert_free(cert);
	return done;
}
