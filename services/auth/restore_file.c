/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore_file: see restore_file.h.
 */
#include "auth/restore_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/join.h"
#include "auth/resource.h"
#include "auth/signer_keys.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"

bool
restore_leaves_out(const char *key)
{
	static const enum resource_kind kinds[] = { RESOURCE_TOKEN, RESOURCE_INVITE,
		RESOURCE_WEB_SESSION };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_starts(key, resource_table[kinds[i]].prefix))
			return true;
	return false;
}

int64_t
restore_expiry(const struct restore_file *f, const struct backup_item *item, int64_t now_ms)
{
	static const enum resource_kind kinds[] = { RESOURCE_HOST, RESOURCE_HOST_CUTOFF };
	int64_t latest = now_ms + INT64_C(1000) * HOST_TTL_S;

	/* What never expires, and what was over when the backup was made. */
	if (item->expires_ms <= f->made_ms || item->expires_ms >= latest)
		return item->expires_ms;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_starts(item->key, resource_table[kinds[i]].prefix))
			return latest;
	return item->expires_ms;
}

static ssize_t
read_more(void *arg, void *p, size_t n)
{
	const struct restore_file *f = arg;

	return read(f->fd, p, n);
}

static int
passphrase(const struct restore_options_set *o, char **ret, struct err *e)
{
	if (o->passphrase_file)
		return file_read_secret(o->passphrase_file, BACKUP_PASSPHRASE_MAX, ret, e);
	*ret = calloc(1, BACKUP_PASSPHRASE_MAX + 1);
	if (!*ret)
		return err_memory(e);
	return cli_prompt_secret("Passphrase of the backup: ", *ret, BACKUP_PASSPHRASE_MAX + 1, e);
}

static int
find_key(struct restore_file *f, const struct restore_options_set *o, struct err *e)
{
	const struct backup_recipient *r = &backup_reader_head(f->reader)->recipient;
	char *text = NULL;
	int rc;

	if (r->kind == BACKUP_FOR_KEY) {
		if (o->key_file)
			return backup_key_read(&f->key, o->key_file, e);
		return err_set(e, "the backup was made for a key: give its file with --backup-key");
	}
	rc = passphrase(o, &text, e);
	if (rc == 0)
		rc = backup_secret_of_passphrase(&f->key, r, text, e);
	if (text)
		secret_zero(text, strlen(text));
	free(text);
	return rc;
}

static int
count(const struct backup_item *item, void *arg, struct err *e)
{
	struct restore_file *f = arg;

	(void)e;
	if (restore_leaves_out(item->key))
		f->left_out++;
	else if (str_starts(item->key, resource_table[RESOURCE_USER].prefix))
		f->users++;
	else if (str_starts(item->key, resource_table[RESOURCE_ROLE].prefix))
		f->roles++;
	else if (str_starts(item->key, resource_table[RESOURCE_HOST].prefix))
		f->hosts++;
	else
		f->others++;
	return 0;
}

/* The key of the key file, in guarded memory. */
static int
try_authorities(struct restore_file *f, struct err *e)
{
	const struct backup_secrets *s = backup_reader_secrets(f->reader);
	struct secret *key = secret_new(s->ca_key.n);
	int rc;

	if (!key)
		return err_memory(e);
	memcpy(key->p, s->ca_key.p, s->ca_key.n);
	rc = signer_keys_try(s->state, key, f->cluster, f->pin, e);
	secret_free(key);
	return rc;
}

static int
open_file(struct restore_file *f, struct err *e)
{
	struct stat st;

	f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return err_errno(e, "cannot read %s", f->path);
	/* It is read twice. */
	return S_ISREG(st.st_mode) ? 0 : err_set(e, "%s is not a regular file", f->path);
}

int
restore_file_open(struct restore_file *f, const struct restore_options_set *o, const char *cluster,
    struct err *e)
{
	const struct backup_head *head;
	uint64_t revision;

	*f = (struct restore_file){ .path = o->file, .fd = -1 };
	if (open_file(f, e) < 0)
		return -1;
	if (backup_reader_new(&f->reader, read_more, f, e) < 0)
		return err_prefix(e, "%s", f->path);
	head = backup_reader_head(f->reader);
	if (strcmp(head->cluster, cluster) != 0)
		return err_set(e,
		    "%s is of the cluster %s, but the configuration says %s; a cluster keeps its name",
		    f->path, head->cluster, cluster);
	f->made_ms = head->made_ms;
	str_copy(f->version, sizeof(f->version), head->version);
	str_copy(f->cluster, sizeof(f->cluster), head->cluster);
	if (find_key(f, o, e) < 0)
		return -1;
	if (backup_reader_unlock(f->reader, f->key, e) < 0 || try_authorities(f, e) < 0 ||
	    backup_reader_each(f->reader, count, f, &revision, e) < 0)
		return err_prefix(e, "%s", f->path);
	return 0;
}

void
restore_file_done(struct restore_file *f)
{
	backup_reader_free(f->reader);
	secret_free(f->key);
	mem_closep(&f->fd);
}

void
restore_file_show(const struct restore_file *f)
{
	char when[40];

	clock_rfc3339(f->made_ms, when, sizeof(when));
	printf(
	    "Backup of the cluster %s, made %s by authd %s: %zu users, %zu roles, %zu nodes and other hosts, %zu other records\n"
	    "(and %zu tokens, links and such that do not come back). CA pin:\n%s\n\n",
	    f->cluster, when, f->version, f->users, f->roles, f->hosts, f->others, f->left_out,
	    f->pin);
}

struct span
restore_file_state(const struct restore_file *f)
{
	return backup_reader_secrets(f->reader)->state;
}

struct span
restore_file_ca_key(const struct restore_file *f)
{
	return backup_reader_secrets(f->reader)->ca_key;
}

int
restore_file_each(struct restore_file *f,
    int (*fn)(const struct backup_item *item, void *arg, struct err *e), void *arg,
    uint64_t *ret_revision, struct err *e)
{
	/* What was checked is what is read: in front of the records stands the key of all of them, and that is not read
	 * again. */
	if (lseek(f->fd, (off_t)backup_reader_front(f->reader), SEEK_SET) < 0)
		return err_errno(e, "cannot read %s", f->path);
	if (backup_reader_again(f->reader, e) < 0)
		return err_prefix(e, "%s", f->path);
	return backup_reader_each(f->reader, fn, arg, ret_revision, e);
}
