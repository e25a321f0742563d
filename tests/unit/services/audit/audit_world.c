/* SPDX-License-Identifier: Apache-2.0 */
/* audit_world: see audit_world.h. */
#include "audit_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/wire.h"
#include "crypto/rand.h"
#include "proto/audit.pb-c.h"

void
proof_world_init(struct proof_world *w)
{
	*w = (struct proof_world){ .user_ca = NULL };
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(sshkey_generate(&w->user_ca), 0);
	assert_int_equal(sshkey_generate(&w->host_ca), 0);
	assert_int_equal(sshkey_generate(&w->stranger), 0);
	assert_int_equal(sshkey_generate(&w->user), 0);
	assert_int_equal(sshkey_generate(&w->host), 0);
	w->bundle.user_ssh[0] = sshkey_blob(w->user_ca);
	w->bundle.n_user_ssh = 1;
	w->bundle.host_ssh[0] = sshkey_blob(w->host_ca);
	w->bundle.n_host_ssh = 1;
}

void
proof_world_done(struct proof_world *w)
{
	sshkey_free(w->user_ca);
	sshkey_free(w->host_ca);
	sshkey_free(w->stranger);
	sshkey_free(w->user);
	sshkey_free(w->host);
}

static void
certify(const struct sshkey *key, const struct sshkey *ca, struct sshcert *cert,
    const char *principal, struct buf *blob)
{
	char *principals[1] = { (char *)(uintptr_t)principal };
	struct err e;

	cert->key = (struct sshkey *)(uintptr_t)key;
	cert->principals = principals;
	cert->n_principals = 1;
	buf_init(&cert->blob, SSHCERT_BLOB_MAX);
	buf_init(&cert->ca_blob, 4096);
	assert_int_equal(sshcert_sign(cert, ca, &e), 0);
	buf_put(blob, buf_head(&cert->blob), cert->blob.len);
	buf_done(&cert->blob);
	buf_done(&cert->ca_blob);
}

static void
user_certificate(struct proof_world *w, const struct proof_spec *spec, struct buf *blob)
{
	struct sshcert_option pin = { .name = (char *)(uintptr_t) "source-address",
		.value = (char *)(uintptr_t)spec->pinned };
	struct sshcert cert = {
		.serial = 7,
		.type = spec->type ? spec->type : SSHCERT_USER,
		.key_id = (char *)(uintptr_t)(spec->user ? spec->user : "alice"),
		.valid_after = (uint64_t)(spec->from_s ? spec->from_s : NOW_S - 3600),
		.valid_before = (uint64_t)(spec->until_s ? spec->until_s : NOW_S + 3600),
		.critical = &pin,
		.n_critical = spec->pinned ? 1 : 0,
	};

	certify(w->user, spec->ca ? spec->ca : w->user_ca, &cert,
	    spec->principal ? spec->principal : "root", blob);
}

static void
host_key(struct proof_world *w, const struct proof_spec *spec, struct buf *blob)
{
	struct sshcert cert = {
		.serial = 8,
		.type = SSHCERT_HOST,
		.key_id = (char *)(uintptr_t) "node-1",
		.valid_after = (uint64_t)(NOW_S - 3600),
		.valid_before = (uint64_t)(NOW_S + 3600),
	};

	if (spec->plain_host_key)
		buf_put(blob, sshkey_blob(w->host).p, sshkey_blob(w->host).n);
	else
		certify(w->host, spec->host_ca ? spec->host_ca : w->host_ca, &cert, spec->host,
		    blob);
}

void
proof_make(struct proof_world *w, const struct proof_spec *spec, struct buf *signed_data,
    struct buf *signature)
{
	bool bound = spec->host || spec->plain_host_key;
	struct buf blob;

	buf_init(signed_data, 65536);
	buf_init(signature, 4096);
	buf_init(&blob, SSHCERT_BLOB_MAX);
	user_certificate(w, spec, &blob);
	wire_put_text(signed_data,
	    spec->session_id ? spec->session_id : "a session identifier of 32 byte");
	wire_put_u8(signed_data, (uint8_t)(spec->message ? spec->message : 50));
	wire_put_text(signed_data, spec->login ? spec->login : "root");
	wire_put_text(signed_data, spec->service ? spec->service : "ssh-connection");
	if (spec->method)
		wire_put_text(signed_data, spec->method);
	else
		wire_put_text(signed_data,
		    bound ? "publickey-hostbound-v00@openssh.com" : "publickey");
	wire_put_bool(signed_data, true);
	wire_put_text(signed_data, "ssh-ed25519-cert-v01@openssh.com");
	wire_put_string(signed_data, buf_span(&blob));
	if (bound) {
		buf_reset(&blob);
		host_key(w, spec, &blob);
		wire_put_string(signed_data, buf_span(&blob));
	}
	buf_done(&blob);
	assert_int_equal(sshkey_sign(spec->signer ? spec->signer : w->user, buf_span(signed_data),
			     signature),
	    0);
}

/* --- what lib/replica answers ---------------------------------------------------------------- */

const struct bundle *world_bundle;
int64_t world_joined_ms;

const struct replica_host *
replica_host(const struct replica *r, const char *uuid)
{
	static const struct policy_label label = { "env", "prod" };
	static struct replica_host hosts[] = {
		{ .uuid = NODE, .kind = "node", .name = "node-1", .labels = { &label, 1 } },
		{ .uuid = OTHER, .kind = "node", .name = "node-2" },
	};

	(void)r;
	hosts[0].joined_ms = world_joined_ms;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (strcmp(hosts[i].uuid, uuid) == 0)
			return &hosts[i];
	}
	return NULL;
}

const struct bundle *
replica_bundle(const struct replica *r)
{
	(void)r;
	return world_bundle;
}

/* --- records ---------------------------------------------------------------------- */

static struct span
pack(const Audit__Record *m, struct buf *b)
{
	size_t n = protobuf_c_message_get_packed_size(&m->base);
	uint8_t *p;

	buf_reset(b);
	p = buf_reserve(b, n);
	assert_non_null(p);
	protobuf_c_message_pack(&m->base, p);
	buf_commit(b, n);
	return buf_span(b);
}

static const char *
text(const char *t)
{
	return t ? t : "";
}

struct span
pack_event(struct buf *b, const struct event_spec *spec)
{
	Audit__Record m = AUDIT__RECORD__INIT;
	Audit__Event e = AUDIT__EVENT__INIT;
	Audit__RawField raw = AUDIT__RAW_FIELD__INIT, *raws[] = { &raw };
	Common__Label fields[40], *pointers[40], label = COMMON__LABEL__INIT,
						 *labels[] = { &label };

	e.id = "1";
	e.type = text(spec->type);
	e.code = text(spec->code);
	e.ok = !spec->failed;
	e.user = text(spec->user);
	e.login = text(spec->login);
	e.node = text(spec->node);
	e.node_name = text(spec->node_name);
	e.session = text(spec->session);
	e.connection = text(spec->connection);
	e.remote_addr = text(spec->remote_addr);
	e.message = text(spec->message);
	e.time_us = spec->time_us ? spec->time_us : NOW_US;
	for (; spec->fields && spec->fields[2 * e.n_fields]; e.n_fields++) {
		common__label__init(&fields[e.n_fields]);
		fields[e.n_fields].key = spec->fields[2 * e.n_fields];
		fields[e.n_fields].value = spec->fields[2 * e.n_fields + 1];
		pointers[e.n_fields] = &fields[e.n_fields];
	}
	e.fields = pointers;
	raw.key = text(spec->raw);
	raw.value = (ProtobufCBinaryData){ 1, (uint8_t *)(uintptr_t) "\xff" };
	e.raw = raws;
	e.n_raw = spec->raw ? 1 : 0;
	label.key = "env";
	label.value = text(spec->label);
	e.labels = labels;
	e.n_labels = spec->label ? 1 : 0;
	m.what_case = AUDIT__RECORD__WHAT_EVENT;
	m.event = &e;
	return pack(&m, b);
}

struct span
pack_frames(struct buf *b, const char *session, struct span data)
{
	Audit__Record m = AUDIT__RECORD__INIT;
	Audit__Frames f = AUDIT__FRAMES__INIT;

	f.session = session;
	f.data = (ProtobufCBinaryData){ data.n, (uint8_t *)(uintptr_t)data.p };
	m.what_case = AUDIT__RECORD__WHAT_FRAMES;
	m.frames = &f;
	return pack(&m, b);
}

struct span
pack_proof(struct buf *b, const char *connection, struct span signed_data, struct span signature,
    int64_t time_us)
{
	Audit__Record m = AUDIT__RECORD__INIT;
	Audit__Proof p = AUDIT__PROOF__INIT;

	p.connection = connection;
	p.signed_data = (ProtobufCBinaryData){ signed_data.n, (uint8_t *)(uintptr_t)signed_data.p };
	p.signature = (ProtobufCBinaryData){ signature.n, (uint8_t *)(uintptr_t)signature.p };
	p.time_us = time_us;
	m.what_case = AUDIT__RECORD__WHAT_PROOF;
	m.proof = &p;
	return pack(&m, b);
}
