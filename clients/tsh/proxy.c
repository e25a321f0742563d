/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy: tsh's SSH connection to proxyd. Called by the verbs that reach nodes; touches the network and the
 * profile's files.
 */
#include "tsh/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "profile/known_nodes.h"

enum { CONNECT_TIMEOUT_MS = 15000, LOGIN_TIMEOUT_MS = 20000, CA_MAX = 8, KEEPALIVE_MS = 15000 };

struct proxy {
	struct loop *loop;
	const struct profile *profile;
	struct ssh_link *link;
	struct sshkey *key;
	struct buf cert;
	struct ssh_identity identity;
	struct remote_way way;
	struct buf ca[CA_MAX];
	size_t n_ca;
	char host[256];
	bool asked; /* for the login: the proxy is believed */
	bool authenticated;
	bool dead;
	char why[ERR_MAX];
};

/* The key that signs, and the certificate that says whose it is. */
static int
load_identity(struct proxy *p, struct err *e)
{
	char path[PROFILE_PATH_MAX];
	_cleanup_free_ char *line = NULL;

	if (profile_path(p->profile, PROFILE_SSH_KEY, false, path, e) < 0 ||
	    sshkey_load(&p->key, path, e) < 0 ||
	    profile_read(p->profile, PROFILE_SSH_CERT, &line, e) < 0)
		return -1;
	buf_init(&p->cert, SSHCERT_BLOB_MAX);
	if (sshkey_line_to_blob(line, &p->cert) < 0)
		return err_set(e,
		    "the SSH certificate of your profile is damaged; run tsh login again");
	p->identity = (struct ssh_identity){ p->key, buf_span(&p->cert) };
	return 0;
}

/* The host CAs stand in known_hosts as "@cert-authority PATTERNS TYPE BASE64". */
static int
load_authorities(struct proxy *p, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;

	if (profile_read(p->profile, PROFILE_KNOWN_HOSTS, &text, e) < 0)
		return -1;
	for (char *l = strtok_r(text, "\n", &save); l && p->n_ca < CA_MAX;
	     l = strtok_r(NULL, "\n", &save)) {
		char *at = str_starts(l, "@cert-authority ") ? strchr(l + 16, ' ') : NULL;

		if (!at)
			continue;
		buf_init(&p->ca[p->n_ca], 1024);
		if (sshkey_line_to_blob(at + 1, &p->ca[p->n_ca]) == 0)
			p->n_ca++;
	}
	if (p->n_ca == 0)
		return err_set(e, "your profile knows no host CA; run tsh login again");
	return 0;
}

/* A host certificate of the cluster's host CAs, for the name that was asked for. */
static int
verify(const struct proxy *p, const struct ssh_host *host, const char *name, struct err *e)
{
	struct span ca[CA_MAX];
	struct sshcert_rules rules = {
		.type = SSHCERT_HOST,
		.ca = ca,
		.n_ca = p->n_ca,
		.principal = name,
		.now_s = (uint64_t)(clock_wall_ms() / 1000),
	};

	if (!host->cert)
		/* Never a question "do you believe this key?": people say yes. */
		return err_set(e, "%s shows a plain host key, not a certificate of this cluster",
		    name);
	for (size_t i = 0; i < p->n_ca; i++)
		ca[i] = buf_span(&p->ca[i]);
	if (sshcert_check(host->cert, &rules, e) < 0)
		return err_prefix(e, "host certificate of %s", name);
	return 0;
}

/* The name is the one that was dialled: a certificate for another proxy of the cluster is not for
 * this one. */
static int
on_verify_host(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg)
{
	struct proxy *p = arg;

	(void)ssh;
	return verify(p, host, p->host, e);
}

static void
on_login_sent(struct ssh *ssh, void *arg)
{
	struct proxy *p = arg;

	(void)ssh;
	p->asked = true;
}

static void
on_authenticated(struct ssh *ssh, void *arg)
{
	struct proxy *p = arg;

	(void)ssh;
	p->authenticated = true;
}

static void
on_ended(struct ssh_link *link, const char *why, void *arg)
{
	struct proxy *p = arg;

	(void)link;
	p->link = NULL;
	/* Before or after the login: wait_for looks at this, and nodes find the link gone. */
	p->dead = true;
	(void)str_copy(p->why, sizeof p->why, *why ? why : "the proxy closed the connection");
}

/* The connected, non-blocking socket, or negative with e. */
static int
connect_one(const struct addrinfo *ai, struct err *e)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	int failure = 0;
	socklen_t len = sizeof failure;

	if (fd < 0)
		return err_errno(e, "no socket");
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return fd;
	if (errno != EINPROGRESS)
		failure = errno;
	else if (poll(&pfd, 1, CONNECT_TIMEOUT_MS) != 1)
		failure = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len);
	if (failure == 0)
		return fd;
	close(fd);
	return err_set(e, "%s", strerror(failure));
}

/* Blocking, since there is nothing else to do yet. Each address in the resolver's order (RFC 6724),
 * with its own time. */
static int
dial(const char *host, uint16_t port, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	char service[8];
	int fd = -1, rc;

	(void)str_format(service, sizeof service, "%u", port);
	if ((rc = getaddrinfo(host, service, &hints, &list)) != 0)
		return err_set(e, "cannot resolve the proxy's name %s: %s", host, gai_strerror(rc));
	for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next)
		fd = connect_one(ai, e);
	freeaddrinfo(list);
	if (fd < 0) {
		char address[300];

		(void)str_put_host_port(address, sizeof address, host, port);
		return err_prefix(e, "cannot connect to the proxy %s", address);
	}
	return fd;
}

bool
proxy_refused(const struct proxy *p, struct err *e)
{
	if (!p->dead || p->authenticated)
		return false;
	err_set(e, "cannot log in to the proxy %s: %s", p->profile->proxy, p->why);
	return true;
}

/* Turns the loop until the connection is so far, or over: PROXY_E_REFUSED. */
static int
wait_for(struct proxy *p, const bool *so_far, struct err *e)
{
	int64_t deadline = clock_mono_ms() + LOGIN_TIMEOUT_MS;

	while (!*so_far && !p->dead) {
		int64_t left = deadline - clock_mono_ms();

		if (left <= 0)
			return err_set(e, "the proxy %s did not answer in time", p->profile->proxy);
		if (loop_turn(p->loop, (int)left) < 0)
			return err_set(e, "the event loop failed");
	}
	return proxy_refused(p, e) ? PROXY_E_REFUSED : 0;
}

int
proxy_wait(struct proxy *p, struct err *e)
{
	return wait_for(p, &p->authenticated, e);
}

static int
start(struct proxy *p, struct err *e)
{
	static const struct ssh_events events = {
		.verify_host = on_verify_host,
		.login_sent = on_login_sent,
		.authenticated = on_authenticated,
	};
	const char *address = *p->profile->ssh_addr ? p->profile->ssh_addr : p->profile->proxy;
	struct ssh_config config = {
		.role = SSH_CLIENT,
		.guess_kex = true,
		.events = &events,
		.arg = p,
		.identities = &p->identity,
		.n_identities = 1,
		.user = p->profile->user,
		.keepalive_ms = KEEPALIVE_MS,
	};
	uint16_t port;
	int fd;

	if (!str_host_port(address, 3023, p->host, sizeof p->host, &port))
		return err_set(e,
		    "the proxy address %s of your profile is malformed; run tsh login again",
		    address);
	if ((fd = dial(p->host, port, e)) < 0)
		return -1;
	if (ssh_link_new(&p->link, p->loop, &config, on_ended, p) < 0) {
		close(fd);
		return err_memory(e);
	}
	if (ssh_link_attach_fd(p->link, fd) < 0)
		return err_set(e, "cannot use the connection to the proxy");
	return wait_for(p, &p->asked, e);
}

/* --- the way to the nodes ------------------------------------------------------------------- */

static int
connect_node(struct ssh_link *link, const char *host, struct err *e, void *arg)
{
	struct proxy *p = arg;

	if (!p->link)
		return err_set(e, "the connection to the proxy is gone");
	return remote_connect_via(ssh_link_ssh(p->link), link, host, e);
}

/* By the name that was asked for. Which of the node's names that may be stands in its certificate; that a name is the
 * machine's that had it before, only we know. A UUID is the machine, and addresses change hands. */
static int
verify_node(const struct ssh_host *shown, const char *host, struct err *e, void *arg)
{
	struct proxy *p = arg;
	uint8_t address[16];

	if (verify(p, shown, host, e) < 0)
		return -1;
	if (str_is_uuid(host) || inet_pton(AF_INET, host, address) == 1 ||
	    inet_pton(AF_INET6, host, address) == 1)
		return 0;
	return known_nodes_check(p->profile->cluster, host, shown->cert->key_id, e) == 0 ? 0 : -1;
}

int
proxy_open(struct proxy **ret, struct loop *loop, const struct profile *profile, struct err *e)
{
	struct proxy *p = calloc(1, sizeof *p);
	int rc = -1;

	if (!p)
		return err_memory(e);
	p->loop = loop;
	p->profile = profile;
	p->way = (struct remote_way){ .loop = loop,
		.identities = &p->identity,
		.n_identities = 1,
		.connect = connect_node,
		.verify = verify_node,
		.arg = p };
	if (load_identity(p, e) < 0 || load_authorities(p, e) < 0 || (rc = start(p, e)) != 0) {
		proxy_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

void
proxy_free(struct proxy *p)
{
	if (!p)
		return;
	if (p->link) {
		ssh_link_close(p->link, "", 500);
		for (int turns = 0; p->link && turns < 100; turns++)
			(void)loop_turn(p->loop, 10);
		/* Sessions that were let go of end with the connection, at the end of a turn. */
		for (int turns = 0; turns < 3; turns++)
			(void)loop_turn(p->loop, 0);
	}
	for (size_t i = 0; i < p->n_ca; i++)
		buf_done(&p->ca[i]);
	buf_done(&p->cert);
	sshkey_free(p->key);
	free(p);
}

const struct remote_way *
proxy_way(const struct proxy *p)
{
	return &p->way;
}
