/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey_file: keys as people keep them: OpenSSH private key files (PROTOCOL.key) without
 * passphrase, and the "type base64 comment" lines of *.pub, known_hosts and authorized_keys. Called
 * by daemons at start and by tsh. sshkey_save and sshkey_load touch files, the rest memory.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "crypto/b64.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"
#include "crypto/sshcert.h"
#include "crypto/sshkey_priv.h"

static const char magic[] = "openssh-key-v1"; /* its NUL belongs to it */
static const char pem_begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
static const char pem_end[] = "-----END OPENSSH PRIVATE KEY-----";
enum { FILE_MAX = 64 * 1024, COMMENT_MAX = 1024, PAD_BLOCK = 8 };

/* --- writing ----------------------------------------------------------------- */

static void
put_private_part(const struct sshkey *key, const char *comment, struct buf *b)
{
	/* The format's way to tell a wrong passphrase; without one it only shows damage. */
	uint32_t check = rand_u32();
	struct span secret = secret_span(key->secret);
	size_t mark = wire_put_open(b), start = b->len;

	wire_put_u32(b, check);
	wire_put_u32(b, check);
	wire_put_text(b, sshkey_type_name(key));
	wire_put_string(b, (struct span){ secret.p + SSHKEY_SEED_LEN, SSHKEY_PUBLIC_LEN });
	wire_put_string(b, secret);
	wire_put_text(b, comment ? comment : "");
	for (uint8_t pad = 1; buf_ok(b) && (b->len - start) % PAD_BLOCK; pad++)
		wire_put_u8(b, pad);
	wire_put_close(b, mark);
}

int
sshkey_to_file_text(const struct sshkey *key, const char *comment, struct buf *ret)
{
	struct buf raw;
	int rc = -1;

	if (!key->secret || (comment && strlen(comment) > COMMENT_MAX))
		return -1;
	buf_init(&raw, FILE_MAX);
	buf_put(&raw, magic, sizeof magic);
	wire_put_text(&raw, "none");
	wire_put_text(&raw, "none");
	wire_put_text(&raw, "");
	wire_put_u32(&raw, 1);
	wire_put_string(&raw, sshkey_blob(key));
	put_private_part(key, comment, &raw);
	if (buf_ok(&raw)) {
		buf_printf(ret, "%s\n", pem_begin);
		b64_put(ret, buf_span(&raw), B64_STD, 70);
		buf_printf(ret, "%s\n", pem_end);
		rc = buf_ok(ret) ? 0 : -1;
	}
	buf_wipe(&raw);
	return rc;
}

int
sshkey_save(const struct sshkey *key, const char *path, const char *comment, struct err *e)
{
	struct buf text;
	int rc;

	buf_init(&text, FILE_MAX);
	if (sshkey_to_file_text(key, comment, &text) < 0)
		rc = err_set(e, "cannot write %s: not a private Ed25519 key, or out of memory",
		    path);
	else
		rc = file_write(path, 0600, buf_head(&text), text.len, e);
	buf_wipe(&text);
	return rc;
}

/* --- reading ----------------------------------------------------------------- */

/* Finds the base64 text between the two PEM lines. */
static bool
pem_body(const char *text, struct span *ret)
{
	const char *from = strstr(text, pem_begin), *to;

	if (!from)
		return false;
	from += sizeof pem_begin - 1;
	to = strstr(from, pem_end);
	if (!to)
		return false;
	*ret = (struct span){ (const uint8_t *)from, (size_t)(to - from) };
	return true;
}

/* PROTOCOL.key: 1, 2, 3 and so on, to a whole block. */
static bool
padding_ok(struct span pad)
{
	if (pad.n >= 256)
		return false;
	for (size_t i = 0; i < pad.n; i++)
		if (pad.p[i] != (uint8_t)(i + 1))
			return false;
	return true;
}

static int
read_private_part(struct sshkey **ret, struct span part, struct span public_blob, struct err *e)
{
	struct wire w = wire_from(part);
	uint32_t check = wire_u32(&w);
	bool same = check == wire_u32(&w);
	struct span type = wire_string(&w), pub, secret;
	struct sshkey *key;

	if (w.bad || !same)
		return err_set(e, "the private key is damaged; restore it or make a new one");
	if (!span_is(type, "ssh-ed25519"))
		return err_set(e,
		    "the private key is not an Ed25519 key; make one with ssh-keygen -t ed25519");
	pub = wire_string(&w);
	secret = wire_string(&w);
	wire_string(&w); /* comment */
	if (w.bad || pub.n != SSHKEY_PUBLIC_LEN || secret.n != SSHKEY_SECRET_LEN ||
	    !padding_ok(wire_rest(&w)))
		return err_set(e, "the private key is damaged; restore it or make a new one");
	/* The public half is computed and not believed: signatures made with a foreign one can give the secret
	 * away (Ed25519 takes it into the challenge). */
	if (sshkey_from_seed(&key, secret.p) < 0)
		return err_memory(e);
	/* All three copies of the public half must be the one that the seed gives. */
	if (memcmp(key->secret->p + SSHKEY_SEED_LEN, pub.p, pub.n) != 0 ||
	    !secret_equal(secret_span(key->secret), secret) ||
	    !span_eq(sshkey_blob(key), public_blob)) {
		sshkey_free(key);
		return err_set(e,
		    "the private key does not fit its public key; restore the file or make a new key");
	}
	*ret = key;
	return 0;
}

static int
read_container(struct sshkey **ret, struct span raw, struct err *e)
{
	struct wire w = wire_from(raw);
	struct span head = wire_bytes(&w, sizeof magic), cipher, kdf, public_blob, part;
	uint32_t count;

	if (w.bad || memcmp(head.p, magic, sizeof magic) != 0)
		return err_set(e, "not an OpenSSH private key file");
	cipher = wire_string(&w);
	kdf = wire_string(&w);
	wire_string(&w); /* options of the kdf */
	count = wire_u32(&w);
	public_blob = wire_string(&w);
	part = wire_string(&w);
	if (w.bad || count != 1 || !wire_end(&w))
		return err_set(e, "the private key file is damaged; restore it or make a new one");
	if (!span_is(cipher, "none") || !span_is(kdf, "none"))
		return err_set(e,
		    "the private key is protected by a passphrase, which is not supported here; "
		    "remove it with ssh-keygen -p or use ssh-agent");
	return read_private_part(ret, part, public_blob, e);
}

int
sshkey_from_file_text(struct sshkey **ret, const char *text, struct err *e)
{
	struct span body;
	struct buf raw;
	int rc;

	*ret = NULL;
	if (!pem_body(text, &body))
		return err_set(e, "not an OpenSSH private key file");
	buf_init(&raw, FILE_MAX);
	if (!b64_decode(body, B64_STD, true, &raw))
		rc = err_set(e,
		    "the private key file is damaged (not base64); restore it or make a new one");
	else
		rc = read_container(ret, buf_span(&raw), e);
	buf_wipe(&raw);
	return rc;
}

int
sshkey_load(struct sshkey **ret, const char *path, struct err *e)
{
	char *text;
	size_t n;
	int rc;

	*ret = NULL;
	if (file_read_secret(path, FILE_MAX, &text, e) < 0)
		return -1;
	n = strlen(text);
	rc = sshkey_from_file_text(ret, text, e);
	if (rc < 0)
		err_prefix(e, "%s", path);
	secret_zero(text, n);
	free(text);
	return rc;
}

/* --- fingerprints ------------------------------------------------------------------ */

/* --- lines ---------------------------------------------------------------------- */

int
sshkey_blob_to_line(struct span blob, const char *comment, struct buf *ret)
{
	struct wire w = wire_from(blob);
	struct span type = wire_string(&w);

	/* A line break in a comment would be a second line, of somebody's choosing, in
	 * authorized_keys or known_hosts. */
	if (w.bad || !type.n || type.n > 64 || (comment && strpbrk(comment, "\r\n")))
		return -1;
	buf_put(ret, type.p, type.n);
	buf_put(ret, " ", 1);
	b64_put(ret, blob, B64_STD, 0);
	if (comment && *comment)
		buf_printf(ret, " %s", comment);
	return buf_ok(ret) ? 0 : -1;
}

int
sshkey_line_to_blob(const char *line, struct buf *ret_blob)
{
	size_t before = ret_blob->len, n;
	struct span type;
	struct wire w;

	line += strspn(line, " \t");
	n = strcspn(line, " \t\r\n");
	type = (struct span){ (const uint8_t *)line, n };
	line += n;
	line += strspn(line, " \t");
	n = strcspn(line, " \t\r\n");
	if (!type.n || !n || n > SSHCERT_BLOB_MAX * 2)
		return -1;
	if (!b64_decode((struct span){ (const uint8_t *)line, n }, B64_STD, false, ret_blob))
		return -1;
	w = wire_from((struct span){ buf_head(ret_blob) + before, ret_blob->len - before });
	/* The name in front must be the one inside: a line that says two things is not believed in
	 * either. */
	return span_eq(wire_string(&w), type) && !w.bad ? 0 : -1;
}
