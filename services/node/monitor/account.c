/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account: looks the login up, asks PAM, opens its session. Called by keeper.c in the keeper's
 * process, so whatever blocks here (LDAP, pam modules) blocks one session.
 *
 * Security: runs as root until account_become.
 */
#include "node/monitor/account.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* --- PAM -------------------------------------------------------------------------------- */

static pam_handle_t *
handle(const struct account *a)
{
	return (pam_handle_t *)a->pam;
}

/* Modules may tell, but not ask: who signs in has shown a certificate. */
static int
converse(int n, const struct pam_message **messages, struct pam_response **ret, void *arg)
{
	struct account *a = arg;

	if (n <= 0 || n > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	struct pam_response *replies = calloc((size_t)n, sizeof(*replies));
	if (!replies)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++) {
		int style = messages[i]->msg_style;
		if (style != PAM_TEXT_INFO && style != PAM_ERROR_MSG) {
			free(replies);
			return PAM_CONV_ERR;
		}
		if (messages[i]->msg)
			buf_printf(&a->messages, "%s\n", messages[i]->msg);
	}
	*ret = replies;
	return PAM_SUCCESS;
}

/* `sshd` so that a node without a file of ours follows the rules that its administrator made for SSH. */
const char *
account_service(const char *configured)
{
	static const char *const candidates[] = { "sallyport", "sshd", "other" };
	char path[256];

	if (configured)
		return configured;
	for (size_t i = 0; i < 3; i++) {
		if (str_format(path, sizeof(path), "/etc/pam.d/%s", candidates[i]) &&
		    access(path, R_OK) == 0)
			return candidates[i];
		if (str_format(path, sizeof(path), "/usr/lib/pam.d/%s", candidates[i]) &&
		    access(path, R_OK) == 0)
			return candidates[i];
	}
	return NULL;
}

/* The codes that people meet are told in words that say what to do, with a module's own text where
 * it gave one. */
static int
pam_refused(struct account *a, int code, struct err *e)
{
	switch (code) {
	case PAM_NEW_AUTHTOK_REQD:
		return err_set(e,
		    "the password of the account %s has expired: it must be changed on the node "
		    "first",
		    a->name);
	case PAM_ACCT_EXPIRED:
		return err_set(e, "the account %s has expired on this node", a->name);
	case PAM_PERM_DENIED:
	case PAM_AUTH_ERR:
		if (a->messages.len > 0 && a->messages.len < 300)
			return err_set(e, "the account %s may not log in here: %.*s", a->name,
			    (int)a->messages.len - 1, (const char *)buf_head(&a->messages));
		return err_set(e, "the account %s may not log in here (PAM)", a->name);
	}
	return err_set(e, "PAM refused the account %s: %s", a->name, pam_strerror(handle(a), code));
}

static int
pam_begin(struct account *a, const char *service, const char *tty, const char *rhost, struct err *e)
{
	const struct pam_conv conv = { converse, a };
	pam_handle_t *pam = NULL;
	int r = pam_start(service, a->name, &conv, &pam);

	a->pam = (struct pam_handle *)pam;
	if (r != PAM_SUCCESS)
		return err_set(e, "PAM service %s could not be started: %s", service,
		    pam_strerror(pam, r));
	if (rhost[0])
		(void)pam_set_item(pam, PAM_RHOST, rhost);
	/* Some modules (pam_access, pam_time) refuse who has no terminal name; sshd says "ssh"
	 * too. */
	(void)pam_set_item(pam, PAM_TTY, tty[0] ? tty : "ssh");
	/* No pam_authenticate: who it is was proven by the certificate. Whether the account may
	 * log in is still PAM's to say. */
	r = pam_acct_mgmt(pam, 0);
	return r == PAM_SUCCESS ? 0 : pam_refused(a, r, e);
}

static int
pam_open(struct account *a, struct err *e)
{
	/* Before the session is opened, as pam_setcred(3) wants it. */
	int r = pam_setcred(handle(a), PAM_ESTABLISH_CRED);

	if (r != PAM_SUCCESS && a->uid != 0)
		return pam_refused(a, r, e);
	a->credentials = r == PAM_SUCCESS;
	r = pam_open_session(handle(a), 0);
	if (r != PAM_SUCCESS)
		return pam_refused(a, r, e);
	/* What is open is closed again by account_close, also when something after this fails. */
	a->session_open = true;
	a->pam_env = pam_getenvlist(handle(a));
	return 0;
}

/* --- what every session loads ----------------------------------------------------------------- */

/* Not called: a name service could keep a connection open, which the sessions would then share. */
static void
load_name_service(const char *name)
{
	char library[80];

	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) &&
	    str_format(library, sizeof(library), "libnss_%s.so.2", name))
		(void)dlopen(library, RTLD_NOW);
}

static void
load_name_services(void)
{
	_cleanup_free_ char *text = NULL;
	char *lines, *words;
	size_t n;

	if (file_read("/etc/nsswitch.conf", 64 * 1024, &text, &n, NULL))
		return;
	for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		if (!str_starts(line, "passwd:") && !str_starts(line, "group:"))
			continue;
		(void)strtok_r(line, " \t", &words);
		for (char *word; (word = strtok_r(NULL, " \t", &words)) != NULL;)
			load_name_service(word);
	}
}

void
account_preload(const char *service)
{
	static pam_handle_t *kept; /* never ended, which would unload its modules */
	static const struct pam_conv conv = { converse, NULL };

	service = account_service(service);
	if (service)
		(void)pam_start(service, NULL, &conv, &kept);
	/* A module that cannot be loaded was logged: keepers close the socket of that, and libc must not think it open. */
	closelog();
	load_name_services();
}

/* --- the account --------------------------------------------------------------------------- */

static int
look_up(struct account *a, const char *login, struct err *e)
{
	/* Copied at once below: PAM's modules call it too, and it has one buffer. */
	const struct passwd *pw = getpwnam(login);

	if (!pw)
		return err_set(e, "there is no account %s on this node", login);
	/* The certificate is for this very name: name services that ignore case would give another
	 * account. */
	if (strcmp(pw->pw_name, login) != 0)
		return err_set(e, "there is no account %s on this node, only %s", login,
		    pw->pw_name);
	a->uid = pw->pw_uid;
	a->gid = pw->pw_gid;
	a->name = strdup(pw->pw_name);
	a->home = strdup(pw->pw_dir && pw->pw_dir[0] ? pw->pw_dir : "/");
	a->shell = strdup(pw->pw_shell && pw->pw_shell[0] ? pw->pw_shell : "/bin/sh");
	if (!a->name || !a->home || !a->shell)
		return err_memory(e);
	if (access(a->shell, X_OK) != 0)
		return err_set(e, "the shell %s of the account %s cannot be run on this node",
		    a->shell, a->name);
	return 0;
}

/* /etc/nologin shuts everybody but root out. */
static int
check_nologin(const struct account *a, struct err *e)
{
	static const char *const files[] = { "/etc/nologin", "/run/nologin" };

	for (size_t i = 0; i < 2 && a->uid != 0; i++) {
		_cleanup_free_ char *text = NULL;
		size_t n = 0;
		if (access(files[i], F_OK) != 0)
			continue;
		if (file_read(files[i], 400, &text, &n, NULL) || n == 0)
			return err_set(e, "logins are switched off on this node (%s)", files[i]);
		return err_set(e, "logins are switched off on this node: %s", text);
	}
	return 0;
}

int
account_open(struct account *a, const char *login, const char *service, const char *tty,
    const char *rhost, struct err *e)
{
	*a = (struct account){ .forbidden = a->forbidden };
	buf_init(&a->messages, 16 * 1024);
	if (look_up(a, login, e) || check_nologin(a, e))
		return -1;
	/* By number: another name of the same account is the same account. */
	if (geteuid() == 0 && a->uid == a->forbidden && a->uid != 0)
		return err_set(e,
		    "%s is the account noded itself works under: nobody logs in as it", a->name);
	if (geteuid() != 0) {
		if (a->uid != geteuid())
			return err_set(e,
			    "this node does not run as root: it serves only the login of its own "
			    "user, not %s",
			    a->name);
		return 0;
	}
	service = account_service(service);
	if (service && pam_begin(a, service, tty, rhost, e))
		return -1;
	/* Before the session's modules run, which may add groups (pam_group), and before the
	 * change of user, which could not add any. */
	if (initgroups(a->name, a->gid) || setgid(a->gid))
		return err_errno(e, "cannot take the groups of the account %s", a->name);
	return a->pam ? pam_open(a, e) : 0;
}

void
account_close(struct account *a)
{
	if (a->pam) {
		if (a->session_open)
			(void)pam_close_session(handle(a), 0);
		if (a->credentials)
			(void)pam_setcred(handle(a), PAM_DELETE_CRED);
		pam_end(handle(a), PAM_SUCCESS);
	}
	for (char **v = a->pam_env; v && *v; v++)
		free(*v);
	free(a->pam_env);
	free(a->name);
	free(a->home);
	free(a->shell);
	buf_done(&a->messages);
	*a = (struct account){ 0 };
}

int
account_become(const struct account *a)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (geteuid() != 0)
		return geteuid() == a->uid && getuid() == a->uid ? 0 : -1;
	/* The group first: without root it cannot be changed any more. */
	if (setresgid(a->gid, a->gid, a->gid) || setresuid(a->uid, a->uid, a->uid))
		return -1;
	if (getresuid(&ruid, &euid, &suid) || getresgid(&rgid, &egid, &sgid))
		return -1;
	if (ruid != a->uid || euid != a->uid || suid != a->uid || rgid != a->gid ||
	    egid != a->gid || sgid != a->gid)
		return -1;
	/* There must be no way back. */
	return a->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0) ? -1 : 0;
}
