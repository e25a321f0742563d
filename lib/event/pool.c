/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool: a bounded pool of threads for work that would hold up the loop; see
 * loop.h. The loop hears of finished work through an eventfd.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "event/loop.h"

enum { POOL_MAX_THREADS = 64, NICE = 10 };

struct job {
	struct list link;
	void (*work)(void *arg);
	void (*done)(void *arg, bool ran);
	void *arg;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list queue;    /* under lock */
	struct list finished; /* under lock */
	int queued;           /* under lock */
	bool stop;            /* under lock */
	bool gives_way;       /* under lock */
	int queue_max;
	int wake_fd;
	struct watch watch;
	pthread_t threads[POOL_MAX_THREADS];
	int n_threads;
};

/* Of this thread alone: on Linux setpriority(2) takes a thread's number. Where it is not permitted nothing is lost but
 * the good turn. */
static void
give_way(bool *given)
{
	if (!*given)
		(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	*given = true;
}

/* given: whether this thread gives way already. */
static struct job *
next_job(struct pool *pool, bool *given)
{
	struct job *job = NULL;
	bool gives_way;

	pthread_mutex_lock(&pool->lock);
	while (!pool->stop && list_empty(&pool->queue))
		pthread_cond_wait(&pool->wake, &pool->lock);
	/* On stop the queue stays as it is: pool_free tells its owners that the work did not run. */
	if (!pool->stop) {
		job = list_first(struct job, &pool->queue, link);
		list_del(&job->link);
		pool->queued--;
	}
	gives_way = pool->gives_way;
	pthread_mutex_unlock(&pool->lock);
	if (gives_way)
		give_way(given);
	return job;
}

static void *
run_thread(void *arg)
{
	struct pool *pool = arg;
	const uint64_t one = 1;
	struct job *job;
	bool given = false;

	while ((job = next_job(pool, &given)) != NULL) {
		job->work(job->arg);
		pthread_mutex_lock(&pool->lock);
		list_add(&pool->finished, &job->link);
		pthread_mutex_unlock(&pool->lock);
		/* Cannot block: the counter would have to reach 2^64 - 1. */
		if (write(pool->wake_fd, &one, sizeof(one)) < 0)
			continue;
	}
	return NULL;
}

static struct job *
pop(struct pool *pool, struct list *from)
{
	struct job *job;

	pthread_mutex_lock(&pool->lock);
	job = list_first(struct job, from, link);
	if (job)
		list_del(&job->link);
	pthread_mutex_unlock(&pool->lock);
	return job;
}

static void
finish_all(struct pool *pool, struct list *from, bool ran)
{
	struct job *job;

	while ((job = pop(pool, from)) != NULL) {
		/* The job is freed first: `done` may free the pool, and with it what the job stands in. */
		struct job gone = *job;

		free(job);
		gone.done(gone.arg, ran);
	}
}

static void
on_finished(struct watch *w, int ready, void *arg)
{
	struct pool *pool = arg;
	uint64_t count;

	(void)ready;
	if (read(w->fd, &count, sizeof(count)) < 0)
		return;
	finish_all(pool, &pool->finished, true);
}

/* Signals are the loop's: threads take none. */
static int
start_threads(struct pool *pool, int threads)
{
	sigset_t all, before;
	int r = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (pool->n_threads < threads && r == 0) {
		r = pthread_create(&pool->threads[pool->n_threads], NULL, run_thread, pool);
		if (r == 0)
			pool->n_threads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r == 0 ? 0 : -1;
}

int
pool_new(struct pool **ret, struct loop *loop, int threads, int queue_max)
{
	struct pool *pool;

	*ret = NULL;
	if (threads < 1 || threads > POOL_MAX_THREADS || queue_max < 1)
		return -1;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -1;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	list_init(&pool->queue);
	list_init(&pool->finished);
	pool->queue_max = queue_max;
	pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->wake_fd < 0 ||
	    watch_init(&pool->watch, loop, pool->wake_fd, on_finished, pool) < 0 ||
	    start_threads(pool, threads) < 0) {
		pool_free(pool);
		return -1;
	}
	watch_set(&pool->watch, WATCH_READ);
	*ret = pool;
	return 0;
}

void
pool_give_way(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->gives_way = true;
	pthread_mutex_unlock(&pool->lock);
}

void
pool_free(struct pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	/* By now no thread is left; `done` runs here so that whoever gave a job away gets it back, also at the
	 * end. */
	finish_all(pool, &pool->finished, true);
	finish_all(pool, &pool->queue, false);
	watch_done(&pool->watch);
	if (pool->wake_fd >= 0)
		close(pool->wake_fd);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

int
pool_submit(struct pool *pool, void (*work)(void *arg), void (*done)(void *arg, bool ran),
    void *arg)
{
	struct job *job = calloc(1, sizeof(*job));
	bool full;

	if (!job)
		return -1;
	job->work = work;
	job->done = done;
	job->arg = arg;
	pthread_mutex_lock(&pool->lock);
	full = pool->stop || pool->queued >= pool->queue_max;
	if (!full) {
		list_add(&pool->queue, &job->link);
		pool->queued++;
		pthread_cond_signal(&pool->wake);
	}
	pthread_mutex_unlock(&pool->lock);
	if (full)
		free(job);
	return full ? -1 : 0;
}
