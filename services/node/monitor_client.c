/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor_client: numbers requests, keeps them in order, matches answers. Called by the worker's
 * nouns; touches only the socket to the monitor.
 */
#include "node/monitor_client.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

/* A monitor that does not read QUEUE_MAX requests is given up, and the worker with it. */
enum { QUEUE_MAX = 8192, READS_PER_TURN = 64, SYNC_TIMEOUT_MS = 10000 };

struct request {
	struct list link; /* among those that wait for their answer */
	uint32_t id;
	monitor_answer_fn *done;
	monitor_signed_fn *got;     /* instead of it, when the answer is bytes */
	monitor_verdict_fn *judged; /* or more than yes and no */
	void *arg;
};

struct packet {
	struct list link;
	size_t n;
	uint8_t data[];
};

struct monitor_client {
	struct loop *loop;
	int fd;
	struct watch watch;
	struct list requests;
	struct list packets; /* that the socket did not take yet */
	size_t n_packets;
	uint32_t next_id;
	struct buf out;
	const struct monitor_events *events;
	void *arg;
	bool lost;
	uint8_t *in;
};

/* Without the monitor nobody can sign in, and no session be started or ended: the worker ends. */
static void
lose(struct monitor_client *m)
{
	if (m->lost)
		return;
	m->lost = true;
	watch_set(&m->watch, 0);
	m->events->lost(m->arg);
}

static void
close_fds(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mem_closep(&fds[i]);
}

/* --- out -------------------------------------------------------------------------- */

/* Copies m->out. More than QUEUE_MAX, or no memory: the monitor is lost, since a request that is
 * left out would be one that is never answered. */
static void
queue(struct monitor_client *m)
{
	struct packet *p = m->n_packets < QUEUE_MAX ? malloc(sizeof(*p) + m->out.len) : NULL;

	if (!p) {
		lose(m);
		return;
	}
	p->n = m->out.len;
	memcpy(p->data, buf_head(&m->out), p->n);
	list_add(&m->packets, &p->link);
	m->n_packets++;
	watch_set(&m->watch, WATCH_READ | WATCH_WRITE);
}

/* In order, or a proof could arrive before the exchange that it is about. */
static void
flush(struct monitor_client *m)
{
	list_each (struct packet, p, &m->packets, link) {
		int r = mon_send(m->fd, (struct span){ p->data, p->n }, NULL, 0);
		if (r > 0)
			return;
		list_del(&p->link);
		m->n_packets--;
		free(p);
		if (r < 0) {
			lose(m);
			return;
		}
	}
	watch_set(&m->watch, WATCH_READ);
}

/* Starts a request in m->out. */
static uint32_t
begin(struct monitor_client *m, enum mon_type type)
{
	/* 0 is what the monitor says unasked (an exit, a stop). */
	if (++m->next_id == 0)
		m->next_id = 1;
	mon_begin(&m->out, type, m->next_id);
	return m->next_id;
}

/* The monitor's no, or nobody to say anything. */
static void
refuse(const struct request *rq, const char *why)
{
	if (rq->got)
		rq->got((struct span){ NULL, 0 }, why, rq->arg);
	else if (rq->judged)
		rq->judged(MON_UNPROVEN, why, rq->arg);
	else if (rq->done)
		rq->done(false, why, NULL, 0, rq->arg);
}

/* Sends what is in m->out. When it cannot be sent, `what` is refused from within. */
static void
commit_request(struct monitor_client *m, const struct request *what)
{
	struct request *rq = calloc(1, sizeof(*rq));
	int r = 1;

	if (!rq || m->lost || !buf_ok(&m->out)) {
		free(rq);
		refuse(what, "the monitor cannot be asked");
		return;
	}
	*rq = *what;
	rq->id = m->next_id;
	list_add(&m->requests, &rq->link);
	/* Never past what waits already. */
	if (list_empty(&m->packets))
		r = mon_send(m->fd, buf_span(&m->out), NULL, 0);
	if (r > 0)
		queue(m);
	else if (r < 0)
		lose(m);
}

static void
commit(struct monitor_client *m, monitor_answer_fn *done, void *arg)
{
	commit_request(m, &(const struct request){ .done = done, .arg = arg });
}

/* --- in --------------------------------------------------------------------------- */

/* By number: answers come in another order, since a session's start takes as long as PAM does. */
static struct request *
take_request(struct monitor_client *m, uint32_t id)
{
	list_each (struct request, rq, &m->requests, link) {
		if (rq->id == id) {
			list_del(&rq->link);
			return rq;
		}
	}
	return NULL;
}

/* To whoever waits for bytes an answer without them is a no. */
static void
on_answer(struct monitor_client *m, uint32_t id, enum mon_verdict verdict, const char *text,
    int *fds, size_t n_fds)
{
	struct request *rq = take_request(m, id);

	if (rq && rq->got)
		refuse(rq, text);
	else if (rq && rq->judged)
		rq->judged(verdict, text, rq->arg);
	else if (rq && rq->done)
		rq->done(verdict == MON_YES, text, fds, n_fds, rq->arg);
	else
		close_fds(fds, n_fds);
	free(rq);
}

/* Only to requests that wait for bytes; to another it is no answer at all. */
static void
on_data(struct monitor_client *m, uint32_t id, struct span data)
{
	struct request *rq = take_request(m, id);

	if (rq && rq->got)
		rq->got(data, "", rq->arg);
	free(rq);
}

/* Negative: the monitor speaks nonsense. */
static int
dispatch(struct monitor_client *m, struct span packet, int *fds, size_t n_fds)
{
	char text[MON_TEXT_MAX + 1] = "";
	struct mon_exited exited;
	struct span data;
	struct wire w;
	uint8_t type;
	uint32_t id;

	if (mon_open(packet, &type, &id, &w))
		return -1;
	switch (type) {
	case MON_ANSWER: {
		uint8_t verdict = wire_u8(&w);
		wire_text(&w, text, sizeof(text));
		if (!wire_end(&w) || n_fds || verdict > MON_UNPROVEN)
			return -1;
		on_answer(m, id, verdict, text, NULL, 0);
		return 0;
	}
	case MON_DATA:
		data = wire_string(&w);
		if (!wire_end(&w) || n_fds)
			return -1;
		on_data(m, id, data);
		return 0;
	case MON_STARTED:
		/* The number of the session: who asked knows it. */
		(void)wire_u32(&w);
		/* Whoever asked owns the descriptors now; nobody asked any more: on_answer closes
		 * them. */
		on_answer(m, id, MON_YES, "", fds, n_fds);
		return wire_end(&w) ? 0 : -1;
	case MON_EXITED:
		if (mon_get_exited(&exited, &w) || n_fds)
			return -1;
		m->events->exited(&exited, m->arg);
		return 0;
	case MON_STOP:
		m->events->stop(m->arg);
		return 0;
	}
	return -1;
}

/* One packet: 1 dispatched, 0 nothing there, negative gone. */
static int
receive(struct monitor_client *m)
{
	int fds[MON_FDS_MAX];
	size_t n_fds;
	ssize_t n = mon_receive(m->fd, m->in, MON_MESSAGE_MAX, fds, &n_fds);

	if (n <= 0)
		return (int)n;
	return dispatch(m, (struct span){ m->in, (size_t)n }, fds, n_fds) ? -1 : 1;
}

static void
on_ready(struct watch *w, int ready, void *arg)
{
	struct monitor_client *m = arg;
	int r = 1;

	(void)w;
	if (ready & WATCH_WRITE)
		flush(m);
	for (int i = 0; i < READS_PER_TURN && r > 0 && !m->lost; i++)
		r = receive(m);
	if (r < 0)
		lose(m);
}

/* --- requests that wait ------------------------------------------------------------- */

/* On the caller's stack: when it gives up waiting, monitor_cancel takes it out of the request. */
struct sync {
	bool answered, ok;
	char text[MON_TEXT_MAX + 1];
	struct sshkey *key; /* monitor_host_key */
};

static void
on_sync(bool ok, const char *text, int *fds, size_t n_fds, void *arg)
{
	struct sync *s = arg;

	close_fds(fds, n_fds);
	s->answered = true;
	s->ok = ok;
	str_copy(s->text, sizeof(s->text), text);
}

/* Waits for the answer to what was sent, in which other messages are handled as always. Blocks the
 * loop: at the start, and for new authorities, on which everything else depends. */
static int
wait_for(struct monitor_client *m, struct sync *s, struct err *e)
{
	struct pollfd p = { m->fd, POLLIN, 0 };

	while (!s->answered && !m->lost) {
		/* For each packet: a monitor that answers others only is not dead. */
		if (poll(&p, 1, SYNC_TIMEOUT_MS) <= 0 || receive(m) < 0)
			break;
	}
	if (!s->answered) {
		monitor_cancel(m, s);
		return err_set(e, "the monitor does not answer");
	}
	return s->ok ? 0 : err_set(e, "%s", s->text);
}

static int
ask(struct monitor_client *m, struct sync *s, struct err *e)
{
	*s = (struct sync){ 0 };
	commit(m, on_sync, s);
	return wait_for(m, s, e);
}

static void
on_host_key(struct span blob, const char *why, void *arg)
{
	struct sync *s = arg;

	(void)why;
	s->answered = true;
	s->ok = sshkey_from_blob(&s->key, blob) == 0;
	str_copy(s->text, sizeof(s->text), "the monitor has no host key");
}

int
monitor_host_key(struct monitor_client *m, struct sshkey **ret, struct err *e)
{
	struct sync s = { 0 };

	begin(m, MON_HOSTKEY);
	commit_request(m, &(const struct request){ .got = on_host_key, .arg = &s });
	if (wait_for(m, &s, e))
		return -1;
	*ret = s.key;
	return 0;
}

int
monitor_token(struct monitor_client *m, char **ret, struct err *e)
{
	struct sync s;

	begin(m, MON_TOKEN);
	if (ask(m, &s, e))
		return -1;
	*ret = strdup(s.text);
	return *ret ? 0 : err_memory(e);
}

int
monitor_bundle(struct monitor_client *m, struct span bundle, struct err *e)
{
	struct sync s;

	begin(m, MON_BUNDLE);
	wire_put_string(&m->out, bundle);
	return ask(m, &s, e);
}

/* --- requests that do not --------------------------------------------------------------- */

void
monitor_sign(struct monitor_client *m, const struct mon_sign *sign, monitor_signed_fn *done,
    void *arg)
{
	begin(m, MON_SIGN);
	mon_put_sign(&m->out, sign);
	commit_request(m, &(const struct request){ .got = done, .arg = arg });
	buf_wipe(&m->out); /* it held the session's keys */
}

void
monitor_sign_tunnel(struct monitor_client *m, struct span data, monitor_signed_fn *done, void *arg)
{
	begin(m, MON_SIGN_TUNNEL);
	wire_put_string(&m->out, data);
	commit_request(m, &(const struct request){ .got = done, .arg = arg });
}

void
monitor_prove(struct monitor_client *m, const struct mon_prove *prove, monitor_verdict_fn *done,
    void *arg)
{
	begin(m, MON_PROVE);
	mon_put_prove(&m->out, prove);
	commit_request(m, &(const struct request){ .judged = done, .arg = arg });
}

void
monitor_start(struct monitor_client *m, const struct mon_start *start, monitor_answer_fn *done,
    void *arg)
{
	begin(m, MON_START);
	mon_put_start(&m->out, start);
	commit(m, done, arg);
}

void
monitor_cutoffs(struct monitor_client *m, struct span list, monitor_answer_fn *done, void *arg)
{
	begin(m, MON_CUTOFFS);
	wire_put_string(&m->out, list);
	commit(m, done, arg);
}

void
monitor_forget(struct monitor_client *m, uint32_t connection)
{
	begin(m, MON_FORGET);
	wire_put_u32(&m->out, connection);
	commit(m, NULL, NULL);
}

void
monitor_signal(struct monitor_client *m, uint32_t session, int signo)
{
	begin(m, MON_SIGNAL);
	wire_put_u32(&m->out, session);
	wire_put_u32(&m->out, (uint32_t)signo);
	commit(m, NULL, NULL);
}

void
monitor_kill(struct monitor_client *m, uint32_t session)
{
	begin(m, MON_KILL);
	wire_put_u32(&m->out, session);
	commit(m, NULL, NULL);
}

void
monitor_ready(struct monitor_client *m)
{
	begin(m, MON_READY);
	commit(m, NULL, NULL);
}

void
monitor_cancel(struct monitor_client *m, void *arg)
{
	list_each (struct request, rq, &m->requests, link) {
		if (rq->arg == arg) {
			/* The request stays: its answer will come, and must be found to be thrown
			 * away. */
			rq->done = NULL;
			rq->got = NULL;
			rq->judged = NULL;
		}
	}
}

/* --- life -------------------------------------------------------------------------------- */

int
monitor_client_new(struct monitor_client **ret, struct loop *loop, int fd,
    const struct monitor_events *events, void *arg, struct err *e)
{
	struct monitor_client *m = calloc(1, sizeof(*m));
	struct sync s;

	if (!m)
		return err_memory(e);
	*m = (struct monitor_client){ .loop = loop, .fd = fd, .events = events, .arg = arg };
	list_init(&m->requests);
	list_init(&m->packets);
	buf_init(&m->out, MON_MESSAGE_MAX);
	m->in = malloc(MON_MESSAGE_MAX);
	/* Set before what can fail: the caller frees it in any case. */
	*ret = m;
	if (!m->in || file_set_cloexec(fd) || file_set_nonblock(fd) ||
	    watch_init(&m->watch, loop, fd, on_ready, m))
		return err_errno(e,
		    "the worker must be started by noded: no socket to the monitor");
	/* The first word: until it is answered the monitor takes no other. */
	begin(m, MON_HELLO);
	wire_put_u32(&m->out, MON_VERSION);
	if (ask(m, &s, e))
		return -1;
	watch_set(&m->watch, WATCH_READ);
	return 0;
}

void
monitor_client_free(struct monitor_client *m)
{
	if (!m)
		return;
	watch_done(&m->watch);
	list_each (struct request, rq, &m->requests, link)
		free(rq);
	list_each (struct packet, p, &m->packets, link)
		free(p);
	buf_done(&m->out);
	free(m->in);
	mem_closep(&m->fd);
	free(m);
}
