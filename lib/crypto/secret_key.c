/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_key: see secret_key.h.
 */
#include "crypto/secret_key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "crypto/rand.h"

enum { KEY_BYTES = 32 };

static int
key_create(const char *path, struct err *e)
{
	uint8_t raw[KEY_BYTES];
	char hex[2 * KEY_BYTES + 2];
	int rc;

	rand_bytes(raw, sizeof raw);
	str_hex(hex, raw, sizeof raw);
	hex[2 * KEY_BYTES] = '\n';
	rc = file_write(path, 0600, hex, 2 * KEY_BYTES + 1, e);
	secret_zero(raw, sizeof raw);
	secret_zero(hex, sizeof hex);
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
		rc = err_memory(e);
	} else if (!str_unhex(text, (*ret)->p, KEY_BYTES)) {
		secret_free(*ret);
		*ret = NULL;
		rc = err_set(e,
		    "%s does not hold a key of 64 hexadecimal digits; restore it from a backup",
		    path);
	}
	secret_zero(text, strlen(text));
	free(text);
	return rc;
}
