/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl backup: fetches a backup of authd into a file, or makes the key pair for backups.
 *
 * Security: the file comes encrypted; a passphrase stays here and only a public key made of it goes to authd. Whoever
 * chooses for whom shows with the key file that he may (lib/backup/backup.h, backup_proof).
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/client.h"
#include "backup/backup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "crypto/secret_key.h"
#include "crypto/sha256.h"
#include "tctl/tctl.h"

static struct {
	const char *recipient, *passphrase_file, *make_key, *ca_key;
	bool passphrase;
} opt = { .ca_key = "/var/lib/sallyport/authd.key" };

const struct cli_option cmd_backup_options[] = {
	{ 0, "passphrase", NULL, "for a passphrase, which is asked for (root on authd's host)",
	    CLI_FLAG, &opt.passphrase, NULL },
	{ 0, "passphrase-file", "FILE", "for the passphrase in this file", CLI_STRING,
	    &opt.passphrase_file, NULL },
	{ 0, "recipient", "KEY", "for this public key instead of authd.yaml's", CLI_STRING,
	    &opt.recipient, NULL },
	{ 0, "ca-key", "FILE", "authd's key file, which shows that you may choose for whom",
	    CLI_STRING, &opt.ca_key, NULL },
	{ 0, "make-key", "FILE",
	    "make a key pair: the private half into FILE, the public one is printed", CLI_STRING,
	    &opt.make_key, NULL },
	{ 0 },
};

/* --- for whom ------------------------------------------------------------------------------- */

static int
ask_twice(char **ret, struct err *e)
{
	char again[BACKUP_PASSPHRASE_MAX + 1];
	int rc;

	*ret = calloc(1, BACKUP_PASSPHRASE_MAX + 1);
	if (!*ret)
		return err_memory(e);
	rc = cli_prompt_secret("Passphrase of the backup: ", *ret, BACKUP_PASSPHRASE_MAX + 1, e);
	if (rc == 0)
		rc = cli_prompt_secret("Once more: ", again, sizeof(again), e);
	if (rc == 0 && strcmp(*ret, again) != 0)
		rc = err_set(e, "the two are not the same");
	secret_zero(again, sizeof(again));
	return rc;
}

static int
of_passphrase(struct backup_recipient *ret, struct err *e)
{
	char *text = NULL;
	int rc = opt.passphrase_file
	    ? file_read_secret(opt.passphrase_file, BACKUP_PASSPHRASE_MAX, &text, e)
	    : ask_twice(&text, e);

	if (rc == 0)
		rc = backup_recipient_of_passphrase(ret, text, e);
	if (text)
		secret_zero(text, strlen(text));
	free(text);
	return rc;
}

struct choice {
	char recipient[BACKUP_RECIPIENT_SIZE]; /* "": as authd.yaml has it */
	uint8_t proof[BACKUP_PROOF_BYTES];
};

static int
choose(struct choice *ret, struct err *e)
{
	struct backup_recipient r;
	struct secret *key;

	*ret = (struct choice){ .recipient = "" };
	if (!opt.recipient && !opt.passphrase && !opt.passphrase_file)
		return 0;
	if (opt.recipient && (opt.passphrase || opt.passphrase_file))
		return err_set(e, "give --recipient or a passphrase, not both");
	/* First: who may not choose is not asked for a passphrase. */
	if (secret_key_load(&key, opt.ca_key, false, e) < 0)
		return err_prefix(e,
		    "for whom a backup is only authd.yaml says (backup_recipient), and root on authd's host, by its key "
		    "file");
	if ((opt.recipient ? backup_recipient_parse(&r, opt.recipient, e) : of_passphrase(&r, e)) <
	    0) {
		secret_free(key);
		return -1;
	}
	backup_proof(key, &r, ret->proof);
	secret_free(key);
	backup_recipient_text(&r, ret->recipient);
	return 0;
}

/* --- the file ---------------------------------------------------------------------------------- */

struct fetch {
	const char *path;
	char tmp[PATH_MAX];
	int fd;
	struct sha256 hash;
	uint64_t size;
	bool whole; /* the last part was there, and fits what came */
	char recipient[BACKUP_RECIPIENT_SIZE];
	char digest[SHA256_HEX_SIZE];
	struct err error;
	bool failed;
};

static bool
fail(struct fetch *f)
{
	f->failed = true;
	return false;
}

static bool
take_last(struct fetch *f, const Auth__BackupPart *part)
{
	uint8_t digest[SHA256_BYTES];

	sha256_end(&f->hash, digest);
	str_hex(f->digest, digest, sizeof(digest));
	f->whole = part->sha256.len == sizeof(digest) && part->size == f->size &&
	    memcmp(part->sha256.data, digest, sizeof(digest)) == 0;
	return true;
}

static bool
on_part(const Auth__BackupPart *part, void *arg)
{
	struct fetch *f = arg;

	if (f->whole || f->digest[0]) {
		err_set(&f->error, "authd sent more than the backup");
		return fail(f);
	}
	if (part->done)
		return take_last(f, part);
	if (part->recipient[0])
		str_clean(f->recipient, sizeof(f->recipient), part->recipient,
		    strlen(part->recipient));
	if (file_write_all(f->fd, part->data.data, part->data.len) < 0) {
		err_errno(&f->error, "cannot write %s", f->path);
		return fail(f);
	}
	sha256_add(&f->hash, part->data.data, part->data.len);
	f->size += part->data.len;
	return true;
}

static int
begin_file(struct fetch *f, struct err *e)
{
	struct stat st;

	if (lstat(f->path, &st) == 0)
		return err_set(e, "%s is there already; choose another name", f->path);
	if (!str_format(f->tmp, sizeof(f->tmp), "%s.XXXXXX", f->path))
		return err_set(e, "cannot write %s: the name is too long", f->path);
	f->fd = mkostemp(f->tmp, O_CLOEXEC);
	return f->fd < 0 ? err_errno(e, "cannot write %s", f->path) : 0;
}

/* The name is there when the bytes are, all of them, on the disk. */
static int
end_file(struct fetch *f, struct err *e)
{
	int rc = fsync(f->fd);

	if (close(f->fd) < 0)
		rc = -1;
	f->fd = -1;
	if (rc == 0)
		rc = file_rename_new(f->tmp, f->path);
	if (rc == 0)
		rc = file_sync_folder(f->path);
	return rc < 0 ? err_errno(e, "cannot write %s", f->path) : 0;
}

static int
fetch(struct client *c, struct fetch *f, const struct choice *choice, struct err *e)
{
	Auth__BackupRequest q = AUTH__BACKUP_REQUEST__INIT;
	int rc;

	q.recipient = choice->recipient;
	if (choice->recipient[0])
		q.proof = (ProtobufCBinaryData){ sizeof(choice->proof),
			(uint8_t *)(uintptr_t)choice->proof };
	rc = auth_sync_backup(c, &q, on_part, f, e);
	if (f->failed) {
		*e = f->error;
		return -1;
	}
	if (rc == 0 && !f->whole)
		rc = err_set(e, "the backup did not arrive whole; try again");
	return rc;
}

static int
run(struct client *c, void *arg, struct err *e)
{
	const char *const *words = arg;
	struct fetch f = { .path = words[0], .fd = -1 };
	struct choice choice;
	int rc;

	sha256_init(&f.hash);
	if (choose(&choice, e) < 0 || begin_file(&f, e) < 0)
		return -1;
	rc = fetch(c, &f, &choice, e);
	if (rc == 0)
		rc = end_file(&f, e);
	mem_closep(&f.fd);
	if (rc < 0) {
		(void)unlink(f.tmp);
		return -1;
	}
	printf("%s: %llu bytes, sha256:%s\nfor %s\n", f.path, (unsigned long long)f.size, f.digest,
	    f.recipient);
	return 0;
}

/* --- the verb ------------------------------------------------------------------------------------ */

static int
make_key(void)
{
	char text[BACKUP_RECIPIENT_SIZE];
	struct backup_recipient r;
	struct err e;

	if (backup_key_make(opt.make_key, &r, &e) < 0)
		return cli_fail_err(&e);
	backup_recipient_text(&r, text);
	printf(
	    "The private key is in %s: keep it where the cluster is not, backups open with nothing else.\n"
	    "In authd.yaml, then restart authd:\n\nbackup_recipient: %s\n",
	    opt.make_key, text);
	return 0;
}

int
cmd_backup(int argc, char **argv)
{
	if (opt.make_key)
		return argc == 0 ? make_key()
				 : cli_fail("--make-key makes no backup: leave %s out", argv[0]);
	if (argc != 1)
		return cli_fail("into which file? tctl backup FILE");
	return tctl_run(run, argv);
}
