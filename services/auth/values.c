/* SPDX-License-Identifier: Apache-2.0 */
/*
 * values: lists of names, sets of labels, and whether what a caller brings will do.
 */
#include "auth/values.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "crypto/sshkey.h"
#include "crypto/x509.h"

/* --- names ---------------------------------------------------------------------------- */

int
names_add(struct names *l, const char *name)
{
	char **v;
	char *copy;

	if (names_have(l, name))
		return 0;
	if (l->n >= NAMES_MAX)
		return -1;
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v)
		return -1;
	l->v = v;
	copy = strdup(name);
	if (!copy)
		return -1;
	l->v[l->n++] = copy;
	return 0;
}

int
names_copy(struct names *dst, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (names_add(dst, v[i]) < 0)
			return -1;
	return 0;
}

void
names_done(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct names){ 0 };
}

bool
names_have(const struct names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], name) == 0)
			return true;
	return false;
}

bool
names_equal(const struct names *a, const struct names *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!names_have(b, a->v[i]))
			return false;
	return true;
}

void
names_text(const struct names *l, char *dst, size_t size)
{
	size_t used = 0;

	if (size > 0)
		dst[0] = '\0';
	for (size_t i = 0; i < l->n && used < size; i++) {
		str_format(dst + used, size - used, "%s%s", i ? ", " : "", l->v[i]);
		used += strlen(dst + used);
	}
}

/* --- labels ----------------------------------------------------------------------------- */

/* The policy sees them as constants; here they are copies of our own. */
static void
free_text(const char *text)
{
	free((char *)(uintptr_t)text);
}

/* Where the key is, or where it would go. */
static size_t
place(const struct labels *l, const char *key, bool *found)
{
	size_t i = 0;
	int order = 1;

	while (i < l->n && (order = strcmp(l->v[i].key, key)) < 0)
		i++;
	*found = i < l->n && order == 0;
	return i;
}

int
labels_set(struct labels *l, const char *key, const char *value)
{
	bool found;
	size_t at = place(l, key, &found);
	char *k = NULL, *v = strdup(value);
	struct policy_label *grown;

	if (v && found) {
		free_text(l->v[at].value);
		l->v[at].value = v;
		return 0;
	}
	grown = l->n < LABELS_MAX ? realloc(l->v, (l->n + 1) * sizeof(*grown)) : NULL;
	if (grown)
		l->v = grown;
	k = strdup(key);
	if (!v || !k || !grown) {
		free(k);
		free(v);
		return -1;
	}
	memmove(l->v + at + 1, l->v + at, (l->n - at) * sizeof(*l->v));
	l->v[at] = (struct policy_label){ k, v };
	l->n++;
	return 0;
}

void
labels_remove(struct labels *l, const char *key)
{
	bool found;
	size_t at = place(l, key, &found);

	if (!found)
		return;
	free_text(l->v[at].key);
	free_text(l->v[at].value);
	l->n--;
	memmove(l->v + at, l->v + at + 1, (l->n - at) * sizeof(*l->v));
}

int
labels_merge(struct labels *dst, const struct labels *over)
{
	for (size_t i = 0; i < over->n; i++)
		if (labels_set(dst, over->v[i].key, over->v[i].value) < 0)
			return -1;
	return 0;
}

void
labels_done(struct labels *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free_text(l->v[i].key);
		free_text(l->v[i].value);
	}
	free(l->v);
	*l = (struct labels){ 0 };
}

const char *
labels_get(const struct labels *l, const char *key)
{
	bool found;
	size_t at = place(l, key, &found);

	return found ? l->v[at].value : NULL;
}

bool
labels_equal(const struct labels *a, const struct labels *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].key, b->v[i].key) != 0 ||
		    strcmp(a->v[i].value, b->v[i].value) != 0)
			return false;
	return true;
}

/* --- which names there may be --------------------------------------------------------------- */

/* Only letters, digits and what is in extra; the first a letter, a digit or what is in first. */
static bool
is_made_of(const char *s, size_t max, const char *extra, const char *first)
{
	size_t n = strlen(s);

	if (n == 0 || n > max)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9');

		if (!alnum && !strchr(i == 0 ? first : extra, c))
			return false;
	}
	return true;
}

/* A stranger's text in a message. */
static const char *
shown(const char *s, char *dst, size_t size)
{
	str_clean(dst, size, s, strnlen(s, size));
	return dst;
}

int
name_check(const char *name, const char *what, struct err *e)
{
	char text[80];

	if (is_made_of(name, NAME_LEN_MAX, "._@+-", ""))
		return 0;
	err_set(e,
	    "%s \"%s\" is not possible: letters, digits and . _ @ + - (not first), at most %d characters",
	    what, shown(name, text, sizeof(text)), NAME_LEN_MAX);
	return AUTH_E_INVALID;
}

int
login_check(const char *login, struct err *e)
{
	char text[80];

	if (is_made_of(login, NAME_LEN_MAX, "._@+-$\\", "_"))
		return 0;
	err_set(e,
	    "login \"%s\" is not possible: letters, digits and . _ @ + - $, at most %d characters",
	    shown(login, text, sizeof(text)), NAME_LEN_MAX);
	return AUTH_E_INVALID;
}

int
host_check(const char *name, struct err *e)
{
	char text[80];

	if (is_made_of(name, 253, "._:-", "_:"))
		return 0;
	err_set(e,
	    "host name or address \"%s\" is not possible: letters, digits and . - _ :, at most 253 characters",
	    shown(name, text, sizeof(text)));
	return AUTH_E_INVALID;
}

int
label_check(const char *key, const char *value, struct err *e)
{
	char text[80];

	if (!is_made_of(key, LABEL_KEY_MAX, "._/-:", "_")) {
		err_set(e,
		    "label key \"%s\" is not possible: letters, digits and . _ / : -, at most %d characters",
		    shown(key, text, sizeof(text)), LABEL_KEY_MAX);
		return AUTH_E_INVALID;
	}
	if (strlen(value) > LABEL_VALUE_MAX || !str_is_printable(value, strlen(value))) {
		err_set(e,
		    "the value of label %s is not possible: printable text of at most %d bytes",
		    key, LABEL_VALUE_MAX);
		return AUTH_E_INVALID;
	}
	return 0;
}

bool
uuid_is_good(const char *uuid)
{
	if (strlen(uuid) != 36)
		return false;
	for (int i = 0; i < 36; i++) {
		char c = uuid[i];

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (c != '-')
				return false;
		} else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
			return false;
		}
	}
	return uuid[14] == '4' && strchr("89ab", uuid[19]) != NULL;
}

int
values_check_ssh_key(struct span key, enum key_owner owner, struct err *e)
{
	struct sshkey *k = NULL;
	bool ok = key.n <= BROUGHT_KEY_MAX && sshkey_from_blob(&k, key) == 0 &&
	    (sshkey_type(k) == SSHKEY_ED25519 ||
		(owner == KEY_OF_PERSON && sshkey_type(k) == SSHKEY_ECDSA_P256));

	sshkey_free(k);
	if (ok)
		return 0;
	err_set(e,
	    owner == KEY_OF_PERSON ? "a person's SSH key is Ed25519 or ECDSA P-256"
				   : "a daemon's SSH key is Ed25519");
	return AUTH_E_INVALID;
}

static int
check_tls_key(struct span key, struct err *e)
{
	if (key.n <= BROUGHT_KEY_MAX && x509_spki_ok(key))
		return 0;
	err_set(e, "the TLS key is P-256");
	return AUTH_E_INVALID;
}

int
values_check_keys(struct span ssh_key, struct span tls_key, enum key_owner owner, struct err *e)
{
	int rc = values_check_ssh_key(ssh_key, owner, e);

	return rc == 0 ? check_tls_key(tls_key, e) : rc;
}
