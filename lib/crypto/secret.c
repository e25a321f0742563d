/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret: libsodium's guarded memory. Called by whoever holds keys. secret_key_load touches one
 * file.
 */
#include "crypto/secret.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

enum { KEY_BYTES = 32 };

struct secret *
secret_new(size_t n)
{
	struct secret *s;

	if (!n)
		return NULL;
	s = malloc(sizeof *s);
	if (!s)
		return NULL;
	s->n = n;
	s->p = sodium_malloc(n);
	if (!s->p) {
		free(s);
		return NULL;
	}
	sodium_memzero(s->p, n);
	return s;
}

struct secret *
secret_from(struct span bytes)
{
	struct secret *s = secret_new(bytes.n);

	if (s)
		memcpy(s->p, bytes.p, bytes.n);
	return s;
}

void
secret_free(struct secret *s)
{
	if (!s)
		return;
	sodium_free(s->p); /* zeroes */
	free(s);
}

bool
secret_equal(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0);
}

void
secret_zero(void *p, size_t n)
{
	sodium_memzero(p, n);
}

static int
key_create(const char *path, struct err *e)
{
	uint8_t raw[KEY_BYTES];
	char hex[2 * KEY_BYTES + 2];
	int rc;

	randombytes_buf(raw, sizeof raw);
	str_hex(hex, raw, sizeof raw);
	hex[2 * KEY_BYTES] = '\n';
	rc = file_write(path, 0600, hex, 2 * KEY_BYTES + 1, e);
	sodium_memzero(raw, sizeof raw);
	sodium_memzero(hex, sizeof hex);
	return rc;
}

int
secret_key_load(struct secret **ret, const char *path, bool create, struct err *e)
{
	char *text;
	int rc = 0;

	*ret = NULL;
	if (create && access(path, F_OK) < 0 && errno == ENOENT && key_create(path, e) < 0)
		return -1;
	if (file_read_secret(path, 4096, &text, e) < 0)
		return -1;
	*ret = secret_new(KEY_BYTES);
	if (!*ret) {
		rc = err_set(e, "out of memory");
	} else if (!str_unhex(text, (*ret)->p, KEY_BYTES)) {
		secret_free(*ret);
		*ret = NULL;
		rc = err_set(e,
		    "%s does not hold a key of 64 hexadecimal digits; restore it from a backup",
		    path);
	}
	sodium_memzero(text, strlen(text));
	free(text);
	return rc;
}
