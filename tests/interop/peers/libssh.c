/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client by libssh: what a program written with it does on a node. Called by tests/interop/clients.py:
 * libssh KEY CERT KNOWN_HOSTS PROXY_COMMAND LOGIN NODE WHAT [COMMAND]. libssh knows no host certificates: the plain key
 * stands in KNOWN_HOSTS.
 */
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssh_session session;

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "libssh: %s: %s\n", what, ssh_get_error(session));
	exit(99);
}

static void
connect_node(char **a)
{
	ssh_key key = NULL, cert = NULL;
	unsigned port = 3022;
	uint64_t rekey = 1 << 20;

	session = ssh_new();
	ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &(int){ 0 });
	ssh_options_set(session, SSH_OPTIONS_HOST, a[5]);
	ssh_options_set(session, SSH_OPTIONS_PORT, &port);
	ssh_options_set(session, SSH_OPTIONS_USER, a[4]);
	ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, a[2]);
	ssh_options_set(session, SSH_OPTIONS_PROXYCOMMAND, a[3]);
	if (strcmp(a[6], "rekey") == 0)
		ssh_options_set(session, SSH_OPTIONS_REKEY_DATA, &rekey);
	must(ssh_connect(session) == SSH_OK, "connect");
	must(ssh_session_is_known_server(session) == SSH_KNOWN_HOSTS_OK, "host key");
	must(ssh_pki_import_privkey_file(a[0], NULL, NULL, NULL, &key) == SSH_OK, "key");
	must(ssh_pki_import_cert_file(a[1], &cert) == SSH_OK, "certificate");
	must(ssh_pki_copy_cert_to_privkey(cert, key) == SSH_OK, "certificate and key");
	must(ssh_userauth_publickey(session, NULL, key) == SSH_AUTH_SUCCESS, "login");
}

static ssh_channel
open_session(void)
{
	ssh_channel c = ssh_channel_new(session);

	must(c && ssh_channel_open_session(c) == SSH_OK, "session");
	return c;
}

static int
copy_out(ssh_channel c, int is_stderr, int fd)
{
	static char data[65536];
	int n = ssh_channel_read_nonblocking(c, data, sizeof(data), is_stderr);

	for (int at = 0; at < n;) {
		int w = (int)write(fd, data + at, (size_t)(n - at));

		must(w > 0, "write");
		at += w;
	}
	return n > 0;
}

/* Standard input, output and error, and the exit status. */
static int
run(const char *command)
{
	ssh_channel c = open_session();
	static char data[32768];
	const char *env = getenv("LC_MATRIX_1");
	int eof = 0;

	if (env)
		must(ssh_channel_request_env(c, "LC_MATRIX_1", env) == SSH_OK, "env");
	must(ssh_channel_request_exec(c, command) == SSH_OK, "exec");
	while (!ssh_channel_is_eof(c) || ssh_channel_poll(c, 0) > 0 || ssh_channel_poll(c, 1) > 0) {
		int moved = copy_out(c, 0, 1) + copy_out(c, 1, 2);
		unsigned room = ssh_channel_window_size(c);

		if (!eof && room > 0) {
			int n = (int)read(0, data, room < sizeof(data) ? room : sizeof(data));

			if (n > 0)
				must(ssh_channel_write(c, data, (unsigned)n) == n, "write");
			else
				ssh_channel_send_eof(c);
			eof = n <= 0;
		} else if (!moved) {
			ssh_channel_poll_timeout(c, 20, 0);
		}
		must(ssh_is_connected(session), "connection");
	}
	return ssh_channel_get_exit_status(c);
}

static int
terminal(const char *command)
{
	ssh_channel c = open_session();
	char data[1024];
	int n;

	must(ssh_channel_request_pty_size(c, "xterm", 80, 24) == SSH_OK, "terminal");
	must(ssh_channel_request_exec(c, command) == SSH_OK, "exec");
	n = ssh_channel_read(c, data, sizeof(data), 0);
	must(n > 0 && fwrite(data, 1, (size_t)n, stdout) > 0, "read");
	must(ssh_channel_change_pty_size(c, 100, 40) == SSH_OK, "size");
	must(ssh_channel_write(c, "\n", 1) == 1, "write");
	while ((n = ssh_channel_read(c, data, sizeof(data), 0)) > 0)
		fwrite(data, 1, (size_t)n, stdout);
	fflush(stdout);
	return ssh_channel_get_exit_status(c);
}

static int
many(const char *command)
{
	ssh_channel c[10];
	char text[256], data[256];

	for (int i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), command, i);
		c[i] = open_session();
		must(ssh_channel_request_exec(c[i], text) == SSH_OK, "exec");
	}
	for (int i = 0; i < 10; i++) {
		int n;

		while ((n = ssh_channel_read(c[i], data, sizeof(data), 0)) > 0)
			fwrite(data, 1, (size_t)n, stdout);
	}
	return 0;
}

static int
reader(const char *command)
{
	ssh_channel c = open_session();
	char data[256];
	int n;

	must(ssh_channel_request_exec(c, command) == SSH_OK, "exec");
	n = ssh_channel_read(c, data, sizeof(data), 0);
	must(n > 0 && fwrite(data, 1, (size_t)n, stdout) > 0, "read");
	ssh_channel_close(c);
	return 0;
}

/* In the folder "command": a file from standard input, renamed, with a link to it, read again. */
static int
files(const char *folder)
{
	sftp_session s = sftp_new(session);
	static char data[32768];
	char a[512], b[512], link[512];
	sftp_file f;
	ssize_t n;

	snprintf(a, sizeof(a), "%s/a", folder);
	snprintf(b, sizeof(b), "%s/b", folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	must(s && sftp_init(s) == SSH_OK, "sftp");
	must(sftp_mkdir(s, folder, 0755) == 0, "mkdir");
	must((f = sftp_open(s, a, O_WRONLY | O_CREAT, 0644)) != NULL, "create");
	while ((n = read(0, data, sizeof(data))) > 0)
		must(sftp_write(f, data, (size_t)n) == n, "write");
	must(sftp_close(f) == 0 && sftp_rename(s, a, b) == 0, "rename");
	must(sftp_symlink(s, "b", link) == 0, "symlink");
	must((f = sftp_open(s, link, O_RDONLY, 0)) != NULL, "open");
	while ((n = sftp_read(f, data, sizeof(data))) > 0)
		fwrite(data, 1, (size_t)n, stdout);
	sftp_close(f);
	return 0;
}

int
main(int argc, char **argv)
{
	char **a = argv + 1;
	int rc;

	(void)argc;
	connect_node(a);
	if (strcmp(a[6], "terminal") == 0)
		rc = terminal(a[7]);
	else if (strcmp(a[6], "many") == 0)
		rc = many(a[7]);
	else if (strcmp(a[6], "reader") == 0)
		rc = reader(a[7]);
	else if (strcmp(a[6], "files") == 0)
		rc = files(a[7]);
	else
		rc = run(a[7]);
	fflush(stdout);
	ssh_disconnect(session);
	return rc;
}
