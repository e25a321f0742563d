/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore: see restore.h. Reads the backup twice: to the end, so that a damaged one changes nothing; and again, into a new
 * folder beside what is there. Then the files change places. A mark tells authd, and the next try, of one that was broken off.
 *
 * Security: run by root. What is done in the state folder, which authd's user can write to, is done as that user, so that
 * no link in there leads root anywhere else.
 */
#include "auth/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/cutoffs.h"
#include "auth/auth.h"
#include "auth/conf.h"
#include "auth/cutoff.h"
#include "auth/events.h"
#include "auth/restore_file.h"
#include "auth/start.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "priv/priv.h"

/* One item of the store until authd's next start has told auditd: u64 when the backup was made, u64 when it was restored, ms. */
static const char mark_key[] = "restored/last";
/* In the state folder. The mark is there for as long as what is in there is no state that authd may start with; in it is the
 * name of the folder for what was there before, or nothing. */
static const char mark_file[] = "restore.unfinished", new_dir[] = "restore.new";
static const char replaced_prefix[] = "replaced-";
static const char default_user[] = "sallyport-authd";
static const char *const store_files[] = { "authd.sqlite", "authd.sqlite-wal", "authd.sqlite-shm",
	"ca.sealed" };
enum { N_STORE_FILES = sizeof(store_files) / sizeof(store_files[0]) };

static struct restore_options_set opt;

const struct cli_option restore_options[] = {
	{ 0, "restore", "FILE", "make the state of a backup (tctl backup), and end", CLI_STRING,
	    &opt.file, NULL },
	{ 0, "backup-key", "FILE", "with --restore: the private key that opens the backup",
	    CLI_STRING, &opt.key_file, NULL },
	{ 0, "passphrase-file", "FILE", "with --restore: its passphrase, instead of asking",
	    CLI_STRING, &opt.passphrase_file, NULL },
	{ 0, "replace", NULL,
	    "with --restore: also where there is a state, which is kept beside it", CLI_FLAG,
	    &opt.replace, NULL },
	{ 0, "dry-run", NULL,
	    "with --restore: read all of the backup, say what is in it, change nothing", CLI_FLAG,
	    &opt.dry_run, NULL },
	{ 0 },
};

/* --- in the state folder, as authd's user ---------------------------------------------------------------- */

struct restore {
	const struct conf *conf;
	struct restore_file file;
	char replaced[64]; /* folder for what was there, or "" */
	bool again; /* an earlier try was broken off: what is beside that folder is its work */
	int lock_fd;
	struct priv_user user; /* whose the state is; name "": ours */
};

static bool
path_of(const struct restore *r, char dst[4096], const char *dir, const char *name)
{
	return str_format(dst, 4096, "%s/%s%s%s", r->conf->state, dir, *dir ? "/" : "", name);
}

static bool
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 || errno != ENOENT;
}

/* Of the state: any of its files. */
static bool
has_state(const struct restore *r)
{
	char path[4096];

	for (size_t i = 0; i < N_STORE_FILES; i++)
		if (path_of(r, path, "", store_files[i]) && is_there(path))
			return true;
	return is_there(r->conf->ca_key_path);
}

static bool
has_mark(const struct conf *conf)
{
	char path[4096];

	return str_format(path, sizeof(path), "%s/%s", conf->state, mark_file) && is_there(path);
}

static int
sync_state(const struct restore *r, struct err *e)
{
	_cleanup_close_ int fd = open(r->conf->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0 ? 0 : err_errno(e, "cannot write %s", r->conf->state);
}

static int
write_mark(const struct restore *r, struct err *e)
{
	char path[4096];

	if (!path_of(r, path, "", mark_file))
		return err_set(e, "state: the path is too long");
	return file_write(path, 0600, r->replaced, strlen(r->replaced), e);
}

/* Authd's user can write there, and root goes by that name later: it is one of ours, or none. */
static int
read_mark(struct restore *r, struct err *e)
{
	_cleanup_free_ char *name = NULL;
	char path[4096];

	if (!path_of(r, path, "", mark_file))
		return err_set(e, "state: the path is too long");
	if (file_read(path, sizeof(r->replaced) - 1, &name, NULL, e) < 0)
		return -1;
	if (*name &&
	    (!str_starts(name, replaced_prefix) ||
		name[strspn(name, "replaced-0123456789TZ:.")] != '\0' ||
		!str_copy(r->replaced, sizeof(r->replaced), name)))
		return err_set(e,
		    "%s does not say where the state of before is; look for %s* beside it", path,
		    replaced_prefix);
	r->again = true;
	return 0;
}

static int
remove_mark(const struct restore *r, struct err *e)
{
	char path[4096];

	if (path_of(r, path, "", mark_file) && unlink(path) < 0)
		return err_errno(e, "cannot remove %s", path);
	return sync_state(r, e);
}

/* What an earlier try left: files of known names, and no others. */
static int
clear_new(const struct restore *r, struct err *e)
{
	char path[4096];

	for (size_t i = 0; i < N_STORE_FILES; i++)
		if (path_of(r, path, new_dir, store_files[i]) && unlink(path) < 0 &&
		    errno != ENOENT)
			return err_errno(e, "cannot remove %s", path);
	if (path_of(r, path, new_dir, "authd.sqlite.lock"))
		(void)unlink(path);
	if (path_of(r, path, "", new_dir) && rmdir(path) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove %s", path);
	return 0;
}

struct fill {
	struct store *store;
	const struct restore_file *file;
	int64_t now_ms;
};

static int
on_item(const struct backup_item *item, void *arg, struct err *e)
{
	struct fill *f = arg;
	const struct store_item out = { item->key, item->value, item->revision,
		restore_expiry(f->file, item, f->now_ms) };

	if (restore_leaves_out(item->key))
		return 0;
	if (store_fill(f->store, &out) == 0)
		return 0;
	return err_set(e, "%s: %s", item->key, store_error(f->store));
}

static int
put_marks(struct store *store, const struct restore *r, struct err *e)
{
	struct auth *a = calloc(1, sizeof(*a)); /* nothing but what cutoff_set needs */
	int64_t now = clock_wall_ms();
	struct buf b;
	int rc;

	if (!a)
		return err_memory(e);
	a->store = store;
	a->now_ms = clock_wall_ms;
	rc = cutoff_set(a, RESOURCE_CUTOFF, CUTOFF_EVERYBODY, now + RESTORE_CUTOFF_MS, e);
	free(a);
	buf_init(&b, 16);
	wire_put_u64(&b, (uint64_t)r->file.made_ms);
	wire_put_u64(&b, (uint64_t)now);
	if (rc == 0 &&
	    (!buf_ok(&b) || store_put(store, mark_key, buf_span(&b), 0, STORE_ANY, NULL) != 0))
		rc = err_set(e, "%s", store_error(store));
	buf_done(&b);
	return rc == 0 ? 0 : -1;
}

static int
fill_store(struct restore *r, struct store *store, struct err *e)
{
	struct fill f = { store, &r->file, clock_wall_ms() };
	uint64_t revision;

	if (store_begin(store) < 0)
		return err_set(e, "%s", store_error(store));
	if (restore_file_each(&r->file, on_item, &f, &revision, e) < 0)
		return -1;
	if (store_set_revision(store, revision) < 0)
		return err_set(e, "%s", store_error(store));
	if (put_marks(store, r, e) < 0)
		return -1;
	return store_commit(store) < 0 ? err_set(e, "%s", store_error(store)) : 0;
}

/* Everything new, on the disk, in a folder of its own. */
static int
make_new(struct restore *r, struct err *e)
{
	char dir[4096], path[4096];
	struct store *store;
	struct span state;
	int rc;

	if (clear_new(r, e) < 0)
		return -1;
	if (!path_of(r, dir, "", new_dir) || !path_of(r, path, new_dir, "authd.sqlite"))
		return err_set(e, "state: the path is too long");
	if (mkdir(dir, 0700) < 0)
		return err_errno(e, "cannot create folder %s", dir);
	if (store_open_sqlite(&store, path, NULL, e) < 0)
		return -1;
	rc = fill_store(r, store, e);
	/* Only that one file takes the place of what is there. */
	if (rc == 0 && store_settle(store) < 0)
		rc = err_set(e, "%s", store_error(store));
	store_close(store);
	state = restore_file_state(&r->file);
	if (rc == 0 && path_of(r, path, new_dir, "ca.sealed"))
		rc = file_write(path, 0600, state.p, state.n, e);
	return rc;
}

static int
move(const struct restore *r, const char *name, const char *from, const char *to, struct err *e)
{
	char old[4096], new[4096];

	if (!path_of(r, old, from, name) || !path_of(r, new, to, name))
		return err_set(e, "state: the path is too long");
	if (rename(old, new) == 0 || errno == ENOENT)
		return 0;
	return err_errno(e, "cannot move %s to %s", old, new);
}

/* What an earlier try put there is worth nothing: the backup has it. */
static int
drop(const struct restore *r, const char *name, struct err *e)
{
	char path[4096];

	if (path_of(r, path, "", name) && (unlink(path) == 0 || errno == ENOENT))
		return 0;
	return err_errno(e, "cannot remove %s", path);
}

static bool
is_aside(const struct restore *r, const char *name)
{
	char path[4096];

	return path_of(r, path, r->replaced, name) && is_there(path);
}

/* What is there goes into a folder of its own: nobody can say yet that it is worth nothing. Done again after a broken
 * try it goes on in the same folder, so that one state lies in one place. */
static int
set_aside(const struct restore *r, struct err *e)
{
	char dir[4096];
	int rc = 0;

	if (!path_of(r, dir, "", r->replaced))
		return err_set(e, "state: the path is too long");
	if (*r->replaced && mkdir(dir, 0700) < 0 && !(r->again && errno == EEXIST))
		return err_errno(e, "cannot create folder %s", dir);
	for (size_t i = 0; rc == 0 && i < N_STORE_FILES; i++)
		rc = !*r->replaced || is_aside(r, store_files[i])
		    ? drop(r, store_files[i], e)
		    : move(r, store_files[i], "", r->replaced, e);
	return rc;
}

static void
name_aside(struct restore *r)
{
	char when[40];

	clock_rfc3339(clock_wall_ms(), when, sizeof(when));
	str_format(r->replaced, sizeof(r->replaced), "%s%s", replaced_prefix, when);
}

static int
change_places(struct restore *r, struct err *e)
{
	if (!r->again && has_state(r))
		name_aside(r);
	if (write_mark(r, e) < 0 || set_aside(r, e) < 0 ||
	    move(r, "authd.sqlite", new_dir, "", e) < 0 ||
	    move(r, "ca.sealed", new_dir, "", e) < 0 || clear_new(r, e) < 0)
		return -1;
	return sync_state(r, e);
}

/* --- as whom -------------------------------------------------------------------------------------------------- */

/* Whose the state is to be: of the configuration, else whose the folder is already, else the package's user. */
static int
find_user(struct restore *r, struct err *e)
{
	const char *name = conf_user(r->conf);
	struct passwd *pw = NULL;
	struct stat st;

	r->user.name[0] = '\0';
	if (geteuid() != 0)
		return 0;
	if (!*name && lstat(r->conf->state, &st) == 0)
		pw = getpwuid(st.st_uid);
	if (!*name && !pw && getpwnam(default_user))
		name = default_user;
	if (!*name && pw && pw->pw_uid != 0)
		name = pw->pw_name;
	return *name ? priv_user_find(name, &r->user, e) : 0;
}

static int
become(const struct restore *r, struct err *e)
{
	if (!r->user.name[0])
		return 0;
	if (setgroups(0, NULL) < 0 || setegid(r->user.gid) < 0 || seteuid(r->user.uid) < 0)
		return err_errno(e, "cannot become %s", r->user.name);
	return 0;
}

static int
become_root_again(const struct restore *r, struct err *e)
{
	if (!r->user.name[0])
		return 0;
	return seteuid(0) < 0 || setegid(0) < 0 ? err_errno(e, "cannot become root again") : 0;
}

static int
as_user(struct restore *r, int (*fn)(struct restore *r, struct err *e), struct err *e)
{
	struct err later;
	int rc;

	if (become(r, e) < 0)
		return -1;
	rc = fn(r, e);
	return become_root_again(r, rc == 0 ? e : &later) < 0 ? -1 : rc;
}

/* --- the whole ------------------------------------------------------------------------------------------------- */

/* A state that is there stays good until the files change places. */
static int
make_new_beside(struct restore *r, struct err *e)
{
	struct err ignored;

	if (make_new(r, e) == 0)
		return 0;
	(void)clear_new(r, &ignored);
	return -1;
}

/* Without one authd would make itself a cluster of what the power left. */
static int
make_first(struct restore *r, struct err *e)
{
	struct err ignored;

	if (write_mark(r, e) < 0)
		return -1;
	if (make_new_beside(r, e) == 0)
		return 0;
	(void)remove_mark(r, &ignored);
	return -1;
}

static int
begin_in_state(struct restore *r, struct err *e)
{
	char path[4096];

	if (!path_of(r, path, "", "authd.sqlite"))
		return err_set(e, "state: the path is too long");
	if (store_take_sqlite(path, &r->lock_fd, e) < 0)
		return -1;
	if (has_mark(r->conf) && read_mark(r, e) < 0)
		return -1;
	if (!opt.replace && !r->again && has_state(r))
		return err_set(e,
		    "there is a state already (%s, or %s); to put the backup in its place, which keeps what is there "
		    "beside it, add --replace",
		    r->conf->state, r->conf->ca_key_path);
	return *r->replaced || has_state(r) ? make_new_beside(r, e) : make_first(r, e);
}

static int
end_in_state(struct restore *r, struct err *e)
{
	return remove_mark(r, e);
}

static int
write_key(const struct restore *r, struct err *e)
{
	const char *path = r->conf->ca_key_path;
	char hex[2 * BACKUP_CA_KEY_BYTES + 2], old[4096];
	int rc;

	if (r->replaced[0] && !str_format(old, sizeof(old), "%s.%s", path, r->replaced))
		return err_set(e, "ca_key: the path is too long");
	/* Once: after a broken try the one that is there is the backup's. */
	if (r->replaced[0] && !is_there(old) && rename(path, old) < 0 && errno != ENOENT)
		return err_errno(e, "cannot move %s out of the way", path);
	str_hex(hex, restore_file_ca_key(&r->file).p, BACKUP_CA_KEY_BYTES);
	hex[2 * BACKUP_CA_KEY_BYTES] = '\n';
	rc = file_write(path, 0600, hex, sizeof(hex) - 1, e);
	secret_zero(hex, sizeof(hex));
	return rc;
}

static int
write_all(struct restore *r, struct err *e)
{
	int rc = find_user(r, e);

	r->lock_fd = -1;
	if (rc == 0)
		rc = start_make_folder(r->conf->state, 0700, r->user.name, e);
	if (rc == 0)
		rc = as_user(r, begin_in_state, e);
	if (rc == 0)
		rc = as_user(r, change_places, e);
	/* Last: a state without its key does not start, and says what is missing. */
	if (rc == 0)
		rc = write_key(r, e);
	if (rc == 0)
		rc = as_user(r, end_in_state, e);
	mem_closep(&r->lock_fd);
	return rc;
}

static void
say_done(const struct restore *r)
{
	char when[40];

	clock_rfc3339(r->file.made_ms, when, sizeof(when));
	printf("Restored into %s, and its key into %s.\n", r->conf->state, r->conf->ca_key_path);
	if (r->replaced[0])
		printf(
		    "What was there is in %s/%s, and its key in %s.%s: delete both when all is well.\n",
		    r->conf->state, r->replaced, r->conf->ca_key_path, r->replaced);
	printf(
	    "\nWhat was changed after %s is undone. Once authd runs:\n"
	    "  everybody logs in again (tsh login); nodes, proxies and audit daemons come back by themselves\n"
	    "  what was changed since then is in the audit trail: tctl audit ls --from-utc=%.10s\n"
	    "  join tokens and invitation links are gone: tctl tokens add, tctl users reset NAME\n"
	    "  nodes that joined since then join again with a new token\n",
	    when, when);
}

int
restore_run(const void *conf, struct err *e)
{
	struct restore r = { .conf = conf };
	int rc;

	if (!opt.file)
		return opt.key_file || opt.passphrase_file || opt.replace || opt.dry_run
		    ? err_set(e,
			  "--backup-key, --passphrase-file, --replace and --dry-run belong to --restore=FILE")
		    : 0;
	if (crypto_init() < 0)
		return err_set(e, "this machine gives no random numbers");
	if (priv_no_dump(e) < 0)
		return -1;
	umask(0077);
	rc = restore_file_open(&r.file, &opt, r.conf->cluster, e);
	if (rc == 0)
		restore_file_show(&r.file);
	if (rc == 0 && !opt.dry_run) {
		rc = write_all(&r, e);
		if (rc == 0)
			say_done(&r);
	}
	restore_file_done(&r.file);
	return rc < 0 ? -1 : 1;
}

/* --- at authd's next start --------------------------------------------------------------------------------------- */

int
restore_refuse_half(const struct conf *conf, struct err *e)
{
	return has_mark(conf)
	    ? err_set(e,
		  "%s/%s says that a restore was not finished; run authd --restore once more",
		  conf->state, mark_file)
	    : 0;
}

void
restore_note(struct auth *a)
{
	struct audit_event ev = { .id = EVENT_AUTH_RESTORE };
	struct buf b;

	buf_init(&b, 64);
	if (store_get(a->store, mark_key, &b, NULL, NULL) == 0) {
		struct wire w = wire_from(buf_span(&b));

		event_put_number(&ev, EVENT_KEY_MADE_MS, (int64_t)wire_u64(&w));
		event_put_number(&ev, EVENT_KEY_STARTED_US, (int64_t)wire_u64(&w) * 1000);
		/* Kept until it is written down. */
		if (events_write(a, NULL, &ev) == 0 &&
		    store_delete(a->store, mark_key, STORE_ANY) < 0)
			log_error("cannot clean the store up", "cause", store_error(a->store),
			    NULL);
	}
	buf_done(&b);
}
