/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_keys: see rpc_keys.h.
 */
#include "auth/rpc_keys.h"

#include <string.h>

#include "auth/auth.h"
#include "crypto/sha256.h"
#include "rpc/bytes.h"

/* Keys of other sites are none here. */
void
rpc_keys_ask_signature(const struct ticket *t, const struct factor_list *l,
    struct key_challenge *ret)
{
	Auth__KeyChallenge *m = &ret->message;

	auth__key_challenge__init(m);
	m->ticket = t->id;
	m->challenge = bytes_at(t->challenge, sizeof(t->challenge));
	m->rp_id = t->site.rp_id;
	m->credentials = ret->credentials;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].kind == FACTOR_WEBAUTHN && strcmp(l->v[i].rp_id, t->site.rp_id) == 0)
			m->credentials[m->n_credentials++] = bytes_at(l->v[i].key.id,
			    l->v[i].key.n_id);
}

/* The authenticator keeps one key for each handle at a site, and shows the name beside it. The handle says nothing about
 * the person to whoever reads it there (section 14.6.1). */
static void
handle_of(struct auth *a, const char *user, uint8_t ret[SHA256_BYTES])
{
	static const char label[] = "sallyport user handle 1";
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, label, sizeof(label));
	sha256_add(&h, a->cluster, strlen(a->cluster) + 1);
	sha256_add(&h, user, strlen(user));
	sha256_end(&h, ret);
}

void
rpc_keys_ask_new(struct auth *a, const struct ticket *t, const struct factor_list *l,
    struct key_challenge *ret)
{
	Auth__KeyChallenge *m = &ret->message;

	rpc_keys_ask_signature(t, l, ret);
	m->user = t->user;
	handle_of(a, t->user, ret->user_handle);
	m->user_handle = bytes_at(ret->user_handle, sizeof(ret->user_handle));
	m->algorithms = ret->algorithms;
	for (; webauthn_algorithms[m->n_algorithms]; m->n_algorithms++)
		ret->algorithms[m->n_algorithms] = webauthn_algorithms[m->n_algorithms];
}

struct webauthn_answer
rpc_keys_new(const Auth__NewKey *m)
{
	return (struct webauthn_answer){ .client_data = { m->client_data.data, m->client_data.len },
		.auth_data = { m->auth_data.data, m->auth_data.len } };
}

struct signin_key
rpc_keys_signature(const Auth__KeySignature *m)
{
	return (struct signin_key){ .ticket = m->ticket,
		.credential = { m->credential.data, m->credential.len },
		.answer = { { m->client_data.data, m->client_data.len },
		    { m->auth_data.data, m->auth_data.len },
		    { m->signature.data, m->signature.len } } };
}
