/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: where gRPC's completion queue meets the event loop.
 *
 * One thread does nothing but take completions off the queue, put them on a list and write an eventfd when the
 * list was empty; the loop's thread swaps the list and runs them. What completes while it is being started never
 * leaves the loop's thread (gRPC's thread-local cache): that is worth a factor of ten on small messages.
 * Without a loop (clients) the caller of rpc_loop_run takes completions off the queue itself.
 *
 * Called by everything in lib/rpc; touches no call, no message.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include "base/clock.h"
#include "base/log.h"
#include "rpc/rpc_priv.h"

enum {
	LOCAL_TURNS = 256
}; /* completions of the loop's own thread in one turn; other events wait no longer */

static void
opq_init(struct rpc_opq *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void
opq_put(struct rpc_opq *q, struct rpc_op *op)
{
	op->next = NULL;
	*q->tail = op;
	q->tail = &op->next;
}

static struct rpc_op *
opq_take(struct rpc_opq *q)
{
	struct rpc_op *op = q->head;

	if (op && !(q->head = op->next))
		q->tail = &q->head;
	return op;
}

/* On the loop's thread, or that of rpc_loop_run; never on gRPC's. */
static void
op_run(struct rpc_op *op)
{
	/* Before done: it may start the same operation again, or free what holds it. */
	op->pending = false;
	op->done(op->arg, op->ok);
}

static struct rpc_op *
op_completed(const grpc_event *ev)
{
	struct rpc_op *op = ev->tag;

	/* Pairs with rpc_op_hand: what the loop's thread wrote into op before handing it over is seen here,
	 * whichever thread gRPC completes it on. */
	(void)atomic_load_explicit(&op->handed, memory_order_acquire);
	op->ok = ev->success;
	return op;
}

static grpc_event
next_event(struct rpc_loop *rl)
{
	return grpc_completion_queue_next(rl->cq, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
}

/* The thread beside the loop. */
static void *
collect(void *arg)
{
	struct rpc_loop *rl = arg;
	grpc_event ev;

	while ((ev = next_event(rl)).type != GRPC_QUEUE_SHUTDOWN) {
		struct rpc_op *op = op_completed(&ev);

		pthread_mutex_lock(&rl->lock);
		/* One wake-up for as many completions as come before the loop looks. */
		bool first = rl->done.head == NULL;
		opq_put(&rl->done, op);
		pthread_mutex_unlock(&rl->lock);
		if (first)
			eventfd_write(rl->fd, 1);
	}
	return NULL;
}

static void
run_local(void *arg)
{
	struct rpc_loop *rl = arg;
	struct rpc_op *op;

	/* Running one may put the next on this list, without an end. */
	for (int turns = LOCAL_TURNS; turns > 0 && (op = opq_take(&rl->local)) != NULL; turns--)
		op_run(op);
	if (rl->local.head && rl->loop)
		loop_defer(rl->loop, &rl->later);
}

/* The whole list at once: the lock is not held while callbacks run. */
static void
run_collected(struct rpc_loop *rl)
{
	struct rpc_op *op;

	pthread_mutex_lock(&rl->lock);
	op = rl->done.head;
	opq_init(&rl->done);
	pthread_mutex_unlock(&rl->lock);
	for (struct rpc_op *next; op; op = next) {
		next = op->next;
		op_run(op);
	}
}

static void
on_wake(struct watch *w, int ready, void *arg)
{
	struct rpc_loop *rl = arg;
	eventfd_t n;

	(void)ready;
	/* Before the list is taken: what comes in between wakes us once more, for nothing. */
	(void)eventfd_read(w->fd, &n);
	run_collected(rl);
	run_local(rl);
}

void
rpc_op_hand(struct rpc_op *op, void (*done)(void *arg, bool ok), void *arg)
{
	op->done = done;
	op->arg = arg;
	op->pending = true;
	atomic_store_explicit(&op->handed, true, memory_order_release);
}

/* op->done(arg, ok) from the loop, soon. */
static void
rpc_loop_post(struct rpc_loop *rl, struct rpc_op *op, bool ok)
{
	op->ok = ok;
	op->pending = true;
	opq_put(&rl->local, op);
	if (rl->loop)
		loop_defer(rl->loop, &rl->later);
}

void
rpc_loop_start(struct rpc_loop *rl, grpc_call *call, const grpc_op *ops, size_t n,
    struct rpc_op *op)
{
	grpc_call_error error;
	void *tag;
	int ok;

	if (rl->loop)
		grpc_completion_queue_thread_local_cache_init(rl->cq);
	error = call ? grpc_call_start_batch(call, ops, n, op, NULL) : GRPC_CALL_ERROR;
	if (rl->loop && grpc_completion_queue_thread_local_cache_flush(rl->cq, &tag, &ok))
		rpc_loop_post(rl, tag, ok);
	if (error != GRPC_CALL_OK) {
		log_debug("rpc: batch refused", "error", grpc_call_error_to_string(error), NULL);
		rpc_loop_post(rl, op, false);
	}
}

/* --- gRPC's log ------------------------------------------------------------------- */

static atomic_llong handshake_logged_ms;
static atomic_bool log_handshakes; /* servers; clients have the reason in their status */

/* Runs on any thread. A failed handshake is what an operator looks for, so it is shown, but not more than once a
 * second: strangers cause it. */
static void
on_grpc_log(gpr_log_func_args *args)
{
	const char *file = strrchr(args->file, '/');
	bool handshake = strstr(args->message, "Handshake failed") != NULL;
	long long now = clock_mono_ms(), before = atomic_load(&handshake_logged_ms);

	if (handshake && atomic_load(&log_handshakes) && now - before >= 1000 &&
	    atomic_compare_exchange_strong(&handshake_logged_ms, &before, now))
		log_info("TLS handshake failed", "cause", args->message, NULL);
	else
		log_debug("grpc", "message", args->message, "file", file ? file + 1 : args->file,
		    NULL);
}

void
rpc_loop_log_handshakes(void)
{
	atomic_store(&log_handshakes, true);
}

/* gRPC and its TLS read the environment once. TLS 1.3 only: there is no setter for the version from C, but a list
 * of 1.2 suites that needs an RSA key leaves 1.2 without a common cipher, since all our keys are ECDSA. */
static void
start_grpc(void)
{
	setenv("GRPC_SSL_CIPHER_SUITES", "ECDHE-RSA-AES128-GCM-SHA256", 1);
	gpr_set_log_function(on_grpc_log);
	if (log_level() >= LOG_LEVEL_DEBUG)
		gpr_set_log_verbosity(GPR_LOG_SEVERITY_INFO);
	grpc_init();
}

/* --- life ------------------------------------------------------------------------- */

/* 0, or -1; rpc_loop_free takes back what was made. */
static int
attach(struct rpc_loop *rl, struct loop *loop)
{
	rl->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (rl->fd < 0)
		return -1;
	if (watch_init(&rl->wake, loop, rl->fd, on_wake, rl) < 0)
		return -1;
	deferred_init(&rl->later, run_local, rl);
	watch_set(&rl->wake, WATCH_READ);
	if (pthread_create(&rl->thread, NULL, collect, rl) != 0) {
		watch_done(&rl->wake);
		return -1;
	}
	rl->loop = loop;
	return 0;
}

int
rpc_loop_new(struct rpc_loop **ret, struct loop *loop)
{
	struct rpc_loop *rl;

	start_grpc();
	rl = gpr_zalloc(sizeof *rl);
	rl->cq = grpc_completion_queue_create_for_next(NULL);
	opq_init(&rl->done);
	opq_init(&rl->local);
	rl->fd = -1;
	pthread_mutex_init(&rl->lock, NULL);
	if (loop && attach(rl, loop) < 0) {
		rpc_loop_free(rl);
		return -1;
	}
	*ret = rl;
	return 0;
}

void
rpc_loop_run(struct rpc_loop *rl, const bool *until)
{
	while (!*until) {
		if (rl->local.head) {
			run_local(rl);
			continue;
		}
		grpc_event ev = next_event(rl);
		if (ev.type != GRPC_OP_COMPLETE)
			return;
		op_run(op_completed(&ev));
	}
}

void
rpc_loop_free(struct rpc_loop *rl)
{
	const bool never = false;

	if (!rl)
		return;
	grpc_completion_queue_shutdown(rl->cq);
	if (rl->loop) {
		pthread_join(rl->thread, NULL);
		run_collected(rl);
		while (rl->local.head)
			run_local(rl);
		deferred_cancel(&rl->later);
		watch_done(&rl->wake);
	} else {
		rpc_loop_run(rl, &never);
	}
	if (rl->fd >= 0)
		close(rl->fd);
	grpc_completion_queue_destroy(rl->cq);
	pthread_mutex_destroy(&rl->lock);
	gpr_free(rl);
	grpc_shutdown();
}
