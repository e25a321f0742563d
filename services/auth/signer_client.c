/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_client: starts the signer and speaks with it from authd's loop. Called by authd's main.c
 * (spawn, new, free) and by everything that issues certificates. Touches the socket to the child.
 */
#include "auth/signer_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/signer.h"
#include "auth/signer_proto.h"
#include "base/list.h"
#include "base/wire.h"
#include "priv/channel.h"
#include "priv/priv.h"

/* The start may make CA keys, and waits before the loop runs: bounded, so that authd does not
 * hang. */
enum { START_TIMEOUT_MS = 30 * 1000, CHILD_FD = 3 };

struct pending {
	struct list link;
	uint32_t id;
	signer_fn fn; /* NULL: the caller is gone */
	void *arg;
};

struct signer_client {
	struct channel channel;
	struct list pending; /* in the order of the answers */
	size_t n_pending;
	uint32_t next_id;
	bool dead;
	void (*on_dead)(void *arg);
	void *arg;
	struct buf ca_set, signature;
};

/* --- the start ----------------------------------------------------------------------------- */

/* The child keeps its end of the pair and the log. */
static void
run_child(int fd, const struct signer_options *options)
{
	if (fd != CHILD_FD) {
		if (dup2(fd, CHILD_FD) < 0)
			_exit(1);
	}
	/* The child keeps nothing of authd's: no store, no listener, no other socket. */
	(void)close_range(CHILD_FD + 1, ~0U, 0);
	/* Never returns into authd's code: the child has its memory, and must not run its exit
	 * handlers. */
	_exit(signer_run(CHILD_FD, options));
}

/* The signer's word, done or why not; then the public halves. */
static int
read_hello(struct signer_child *child, const struct channel_message *m, struct err *e)
{
	struct wire w = wire_from((struct span){ m->data, m->n });
	bool done = wire_bool(&w);
	struct span set, sig, seed;
	char text[ERR_MAX];

	if (!done) {
		wire_text(&w, text, sizeof text);
		return err_set(e, "%s", w.bad ? "the signer could not start" : text);
	}
	set = wire_string(&w);
	sig = wire_string(&w);
	seed = wire_string(&w);
	if (!wire_end(&w) || seed.n != SIGNER_SEED_KEY_BYTES ||
	    !buf_put(&child->ca_set, set.p, set.n) || !buf_put(&child->signature, sig.p, sig.n))
		return err_set(e, "the signer's first message is malformed");
	child->seed_key = secret_new(seed.n);
	if (!child->seed_key)
		return err_memory(e);
	memcpy(child->seed_key->p, seed.p, seed.n);
	return 0;
}

static int
wait_hello(struct signer_child *child, struct err *e)
{
	struct pollfd p = { .fd = child->fd, .events = POLLIN };
	struct channel_message *m;
	int rc;

	do
		rc = poll(&p, 1, START_TIMEOUT_MS);
	while (rc < 0 && errno == EINTR);
	if (rc <= 0)
		return err_set(e, "the signer did not start within %d s", START_TIMEOUT_MS / 1000);
	m = malloc(sizeof *m);
	if (!m)
		return err_memory(e);
	if (channel_recv(child->fd, m) != 0)
		rc = err_set(e, "the signer ended at its start");
	else
		rc = read_hello(child, m, e);
	channel_message_done(m);
	secret_zero(m, sizeof *m);
	free(m);
	return rc;
}

int
signer_spawn(const struct signer_options *options, struct signer_child *ret, struct err *e)
{
	int fd[2];

	*ret = (struct signer_child){ .fd = -1 };
	buf_init(&ret->ca_set, SIGNER_MESSAGE_MAX);
	buf_init(&ret->signature, SIGNER_MESSAGE_MAX);
	if (channel_pair(fd) < 0)
		return err_errno(e, "cannot start the signer");
	/* Before authd has threads, a store or a listener: what the child does not have nobody
	 * can take from it. */
	ret->pid = priv_fork(true);
	if (ret->pid == 0)
		run_child(fd[1], options); /* does not return */
	close(fd[1]);
	ret->fd = fd[0];
	if (ret->pid < 0)
		err_errno(e, "cannot start the signer");
	else if (wait_hello(ret, e) == 0)
		return 0;
	signer_child_done(ret);
	return -1;
}

/* Waits for the child: closing its socket ends it. */
void
signer_child_done(struct signer_child *child)
{
	secret_free(child->seed_key); /* also where a client has taken the rest */
	child->seed_key = NULL;
	if (child->pid <= 0)
		return;
	if (child->fd >= 0)
		close(child->fd); /* which ends it */
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	buf_done(&child->ca_set);
	buf_done(&child->signature);
	*child = (struct signer_child){ .fd = -1 };
}

/* --- answers ------------------------------------------------------------------------------- */

static void
answer(struct signer_client *c, struct pending *p, struct span result, const char *error)
{
	/* Off the list first: the callback may ask for the next certificate. */
	list_del(&p->link);
	c->n_pending--;
	if (p->fn)
		p->fn(p->arg, result, error);
	free(p);
}

static void
fail_all(struct signer_client *c)
{
	while (!list_empty(&c->pending))
		answer(c, list_first(struct pending, &c->pending, link), (struct span){ NULL, 0 },
		    "the signer is gone; try again in a moment");
}

static void
die(struct signer_client *c)
{
	void (*on_dead)(void *arg) = c->on_dead;

	if (c->dead)
		return;
	/* First: an answer that asks again is refused, instead of being put into the list that is
	 * emptied. */
	c->dead = true;
	fail_all(c);
	if (on_dead)
		on_dead(c->arg);
}

static void
on_closed(struct channel *channel, void *arg)
{
	(void)channel;
	die(arg);
}

static void
on_message(struct channel *channel, struct channel_message *m, void *arg)
{
	struct signer_client *c = arg;
	struct pending *p = list_first(struct pending, &c->pending, link);
	struct wire w = wire_from((struct span){ m->data, m->n });
	uint32_t id = wire_u32(&w);
	bool done = wire_bool(&w);
	struct span result = wire_string(&w);
	char *error;

	(void)channel;
	/* Answers come in the order of the questions. One out of order means that certificates could go to the
	 * wrong caller: the signer is not believed any more. */
	if (!wire_end(&w) || !p || p->id != id) {
		die(c);
		return;
	}
	if (done) {
		answer(c, p, result, NULL);
		return;
	}
	/* Its text, with an end. */
	error = span_dup(result);
	answer(c, p, (struct span){ NULL, 0 }, error ? error : "the signer refused");
	free(error);
}

static void
on_child(pid_t pid, int status, void *arg)
{
	(void)pid;
	(void)status;
	(void)arg; /* only to reap it: that it is gone shows on the channel */
}

/* --- the client ------------------------------------------------------------------------------ */

int
signer_client_new(struct signer_client **ret, struct loop *loop, struct signer_child *child,
    void (*on_dead)(void *arg), void *arg)
{
	struct signer_client *c = calloc(1, sizeof *c);

	*ret = NULL;
	if (!c)
		return -1;
	list_init(&c->pending);
	c->on_dead = on_dead;
	c->arg = arg;
	if (loop_on_child(loop, child->pid, on_child, NULL) < 0 ||
	    channel_init(&c->channel, loop, child->fd, on_message, on_closed, c) < 0) {
		free(c);
		return -1;
	}
	c->ca_set = child->ca_set;
	c->signature = child->signature;
	*child = (struct signer_child){ .fd = -1, .seed_key = child->seed_key };
	*ret = c;
	return 0;
}

size_t
signer_client_waiting(const struct signer_client *client)
{
	return client->n_pending;
}

void
signer_client_free(struct signer_client *c)
{
	if (!c)
		return;
	c->on_dead = NULL;
	die(c);
	channel_done(&c->channel);
	buf_done(&c->ca_set);
	buf_done(&c->signature);
	free(c);
}

struct span
signer_ca_set(const struct signer_client *c)
{
	return buf_span(&c->ca_set);
}

struct span
signer_ca_signature(const struct signer_client *c)
{
	return buf_span(&c->signature);
}

/* --- requests ----------------------------------------------------------------------------------
 */

static int
ask(struct signer_client *c, struct signer_request *q, signer_fn on_signed, void *arg,
    struct err *e)
{
	struct pending *p;
	struct buf b;
	int rc = 0;

	if (c->dead)
		return err_set(e, "the signer is gone; try again in a moment");
	/* Signing is fast; a longer queue means that somebody asks faster than is good for anybody. */
	if (c->n_pending >= SIGNER_QUEUE_MAX)
		return err_set(e, "too many certificates are being signed; try again in a moment");
	p = calloc(1, sizeof *p);
	if (!p)
		return err_memory(e);
	*p = (struct pending){ .id = c->next_id++, .fn = on_signed, .arg = arg };
	q->id = p->id;
	buf_init(&b, SIGNER_MESSAGE_MAX);
	if (!signer_request_write(&b, q))
		rc = err_set(e, "what is to be signed is too large");
	else if (channel_put(&c->channel, buf_span(&b), NULL, 0) < 0)
		rc = err_set(e, "the signer does not take requests; try again in a moment");
	buf_done(&b);
	if (rc < 0) {
		free(p);
		return rc;
	}
	/* Only when it was sent: the order here is the order of the answers. */
	list_add(&c->pending, &p->link);
	c->n_pending++;
	return 0;
}

int
signer_sign_ssh_user(struct signer_client *c, const struct signer_ssh_user *q, signer_fn on_signed,
    void *arg, struct err *e)
{
	struct signer_request r = { .kind = SIGNER_SSH_USER, .ssh_user = *q };

	return ask(c, &r, on_signed, arg, e);
}

int
signer_sign_ssh_host(struct signer_client *c, const struct signer_ssh_host *q, signer_fn on_signed,
    void *arg, struct err *e)
{
	struct signer_request r = { .kind = SIGNER_SSH_HOST, .ssh_host = *q };

	return ask(c, &r, on_signed, arg, e);
}

int
signer_sign_x509(struct signer_client *c, const struct signer_x509 *q, signer_fn on_signed,
    void *arg, struct err *e)
{
	struct signer_request r = { .kind = q->kind == IDENTITY_USER ? SIGNER_X509_USER
								     : SIGNER_X509_HOST,
		.x509 = *q };

	return ask(c, &r, on_signed, arg, e);
}

int
signer_sign_cutoffs(struct signer_client *c, const struct signer_cutoffs *q, signer_fn on_signed,
    void *arg, struct err *e)
{
	struct signer_request r = { .kind = SIGNER_CUTOFFS, .cutoffs = *q };

	return ask(c, &r, on_signed, arg, e);
}

int
signer_make_backup(struct signer_client *c, const struct signer_backup *q, signer_fn on_made,
    void *arg, struct err *e)
{
	char text[BACKUP_RECIPIENT_SIZE];
	struct signer_request r = { .kind = SIGNER_BACKUP,
		.backup = { .recipient = text, .proof = q->proof } };

	backup_recipient_text(q->recipient, text);
	return ask(c, &r, on_made, arg, e);
}

/* The entry stays, because its answer will come and must find its place. */
void
signer_forget(struct signer_client *c, void *arg)
{
	list_each (struct pending, p, &c->pending, link)
		if (p->arg == arg)
			p->fn = NULL;
}
