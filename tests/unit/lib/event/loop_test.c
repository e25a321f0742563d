/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: what runs, in which order, and what is never run. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/loop.h"
#include "metric/histogram.h"

struct world {
	struct loop *loop;
	struct timer timer;
	struct deferred deferred, second;
	struct watch watch;
	int count, target;
	char order[16];
	int status;
	int ran, dropped;
};

static int
make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	return loop_new(&w->loop);
}

static int
free_world(void **state)
{
	struct world *w = *state;

	timer_done(&w->timer);
	watch_done(&w->watch);
	loop_free(w->loop);
	free(w);
	return 0;
}

static void
count_and_stop(void *arg)
{
	struct world *w = arg;

	if (++w->count >= w->target)
		loop_stop(w->loop);
}

static void
a_timer_repeats_until_stopped(void **state)
{
	struct world *w = *state;

	w->target = 3;
	assert_int_equal(timer_init(&w->timer, w->loop, count_and_stop, w), 0);
	timer_repeat(&w->timer, 1);
	assert_int_equal(loop_run(w->loop), 0);
	assert_int_equal(w->count, 3);
	timer_stop(&w->timer);
	loop_turn(w->loop, 20);
	assert_int_equal(w->count, 3);
}

static void
a_timer_fires_once(void **state)
{
	struct world *w = *state;

	w->target = 1;
	timer_init(&w->timer, w->loop, count_and_stop, w);
	timer_start(&w->timer, 0);
	loop_run(w->loop);
	loop_turn(w->loop, 20);
	assert_int_equal(w->count, 1);
}

static void
stop_before_run_ends_it_at_once(void **state)
{
	struct world *w = *state;

	loop_stop(w->loop);
	assert_int_equal(loop_run(w->loop), 0);
}

static void
mark(struct world *w, char c)
{
	size_t n = strlen(w->order);

	assert_true(n + 1 < sizeof(w->order));
	w->order[n] = c;
}

static void
mark_second(void *arg)
{
	mark(arg, '2');
}

static void
mark_first(void *arg)
{
	struct world *w = arg;

	mark(w, '1');
	loop_defer(w->loop, &w->second);
	if (++w->count == 1)
		loop_defer(w->loop, &w->deferred);
}

static void
deferred_work_runs_once_at_the_end_of_a_turn(void **state)
{
	struct world *w = *state;

	deferred_init(&w->deferred, mark_first, w);
	deferred_init(&w->second, mark_second, w);
	loop_defer(w->loop, &w->deferred);
	loop_defer(w->loop, &w->deferred);
	loop_turn(w->loop, -1);
	assert_string_equal(w->order, "1");
	loop_turn(w->loop, -1);
	assert_string_equal(w->order, "121");
	loop_turn(w->loop, -1);
	assert_string_equal(w->order, "1212");
	loop_turn(w->loop, 0);
	assert_string_equal(w->order, "1212");
}

static void
cancel_second(void *arg)
{
	deferred_cancel(&((struct world *)arg)->second);
}

static void
cancelled_work_of_the_same_turn_does_not_run(void **state)
{
	struct world *w = *state;

	deferred_init(&w->deferred, cancel_second, w);
	deferred_init(&w->second, mark_second, w);
	loop_defer(w->loop, &w->deferred);
	loop_defer(w->loop, &w->second);
	loop_turn(w->loop, 0);
	loop_turn(w->loop, 0);
	assert_string_equal(w->order, "");
}

static void
on_ready(struct watch *watch, int ready, void *arg)
{
	struct world *w = arg;
	char c;

	w->status = ready;
	w->count++;
	if ((ready & WATCH_READ) && read(watch->fd, &c, 1) <= 0)
		watch_set(watch, 0);
}

static void
a_watch_sees_what_it_wants_and_only_that(void **state)
{
	struct world *w = *state;
	int fd[2];

	assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(watch_init(&w->watch, w->loop, fd[0], on_ready, w), 0);
	assert_int_equal(write(fd[1], "ab", 2), 2);
	loop_turn(w->loop, 0);
	assert_int_equal(w->count, 0);
	watch_set(&w->watch, WATCH_READ);
	loop_turn(w->loop, -1);
	loop_turn(w->loop, -1);
	assert_int_equal(w->count, 2);
	assert_int_equal(w->status, WATCH_READ);
	watch_set(&w->watch, 0);
	assert_int_equal(write(fd[1], "c", 1), 1);
	loop_turn(w->loop, 0);
	assert_int_equal(w->count, 2);
	close(fd[0]);
	close(fd[1]);
}

static void
a_regular_file_is_always_ready(void **state)
{
	struct world *w = *state;
	char path[] = "/tmp/loop-test-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	assert_int_equal(write(fd, "xyz", 3), 3);
	lseek(fd, 0, SEEK_SET);
	watch_init(&w->watch, w->loop, fd, on_ready, w);
	watch_set(&w->watch, WATCH_READ);
	for (int i = 0; i < 8; i++)
		loop_turn(w->loop, 50);
	assert_int_equal(w->count, 4); /* three bytes and the end */
	close(fd);
}

static void
on_signal_count(int signo, void *arg)
{
	struct world *w = arg;

	w->status = signo;
	count_and_stop(w);
}

static void
a_signal_reaches_its_handler(void **state)
{
	struct world *w = *state;

	w->target = 1;
	assert_int_equal(loop_on_signal(w->loop, SIGUSR1, on_signal_count, w), 0);
	raise(SIGUSR1);
	loop_run(w->loop);
	assert_int_equal(w->status, SIGUSR1);
	assert_int_equal(loop_on_signal(w->loop, 1000, on_signal_count, w), -1);
}

static void
on_child_end(pid_t pid, int status, void *arg)
{
	struct world *w = arg;

	assert_true(pid > 0);
	w->status += WEXITSTATUS(status);
	count_and_stop(w);
}

static pid_t
child_with(int status)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(status);
	return pid;
}

static void
children_are_reaped_even_when_they_ended_before(void **state)
{
	struct world *w = *state;
	pid_t first = child_with(3), other = child_with(4);
	siginfo_t info;

	w->target = 1;
	waitid(P_PID, (id_t)first, &info, WEXITED | WNOWAIT);
	assert_int_equal(loop_on_child(w->loop, first, on_child_end, w), 0);
	loop_run(w->loop);
	assert_int_equal(w->status, 3);
	w->target = 2;
	loop_on_child(w->loop, other, on_child_end, w);
	loop_run(w->loop);
	assert_int_equal(w->status, 7);
}

static void
work_nothing(void *arg)
{
	(void)arg;
}

static void
work_wait_for_byte(void *arg)
{
	int *fd = arg;
	char c;

	if (read(fd[0], &c, 1) != 1)
		abort();
}

static struct world *the_world;

static void
on_done(void *arg, bool ran)
{
	(void)arg;
	if (ran)
		the_world->ran++;
	else
		the_world->dropped++;
	count_and_stop(the_world);
}

static void
the_pool_is_bounded_and_loses_nothing(void **state)
{
	struct world *w = the_world = *state;
	struct pool *pool;
	int fd[2];
	int submitted = 1;

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(pool_new(&pool, w->loop, 1, 4), 0);
	assert_int_equal(pool_submit(pool, work_wait_for_byte, on_done, fd), 0);
	while (pool_submit(pool, work_nothing, on_done, NULL) == 0)
		submitted++;
	assert_in_range(submitted, 4, 5);
	assert_int_equal(write(fd[1], "x", 1), 1);
	w->target = submitted;
	loop_run(w->loop);
	assert_int_equal(w->ran, submitted);

	w->count = w->ran = 0;
	w->target = 1000;
	assert_int_equal(pool_submit(pool, work_nothing, on_done, NULL), 0);
	assert_int_equal(pool_submit(pool, work_nothing, on_done, NULL), 0);
	pool_free(pool);
	assert_int_equal(w->ran + w->dropped, 2);
	close(fd[0]);
	close(fd[1]);
}

static void
work_priority(void *arg)
{
	int *ret = arg;

	*ret = getpriority(PRIO_PROCESS, (id_t)gettid());
}

static void
a_pool_that_gives_way_takes_nothing_from_the_loop(void **state)
{
	struct world *w = the_world = *state;
	int before = getpriority(PRIO_PROCESS, 0), first = -1, second = -1;
	struct pool *pool;

	assert_int_equal(pool_new(&pool, w->loop, 1, 4), 0);
	w->target = 1;
	assert_int_equal(pool_submit(pool, work_priority, on_done, &first), 0);
	loop_run(w->loop);
	pool_give_way(pool);
	w->count = 0;
	assert_int_equal(pool_submit(pool, work_priority, on_done, &second), 0);
	loop_run(w->loop);
	pool_free(pool);
	assert_int_equal(first, before);
	assert_int_equal(second, before < 10 ? 10 : before);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
}

static void
sleep_and_stop(void *arg)
{
	struct world *w = arg;

	usleep(20000);
	loop_stop(w->loop);
}

static void
turns_count_the_work_and_not_the_waiting(void **state)
{
	struct world *w = *state;
	const struct histogram *h = loop_turns(w->loop);

	assert_true(h->sum_us == 0);
	assert_int_equal(loop_turn(w->loop, 300), 0);
	assert_true(h->sum_us < 300000);
	assert_int_equal(timer_init(&w->timer, w->loop, sleep_and_stop, w), 0);
	timer_start(&w->timer, 0);
	assert_int_equal(loop_run(w->loop), 0);
	assert_true(h->sum_us >= 20000);
	deferred_init(&w->deferred, sleep_and_stop, w);
	loop_defer(w->loop, &w->deferred);
	assert_int_equal(loop_turn(w->loop, 0), 0);
	assert_true(h->sum_us >= 40000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_timer_repeats_until_stopped),
		TEST(a_timer_fires_once),
		TEST(stop_before_run_ends_it_at_once),
		TEST(deferred_work_runs_once_at_the_end_of_a_turn),
		TEST(cancelled_work_of_the_same_turn_does_not_run),
		TEST(a_watch_sees_what_it_wants_and_only_that),
		TEST(a_regular_file_is_always_ready),
		TEST(a_signal_reaches_its_handler),
		TEST(children_are_reaped_even_when_they_ended_before),
		TEST(the_pool_is_bounded_and_loses_nothing),
		TEST(a_pool_that_gives_way_takes_nothing_from_the_loop),
		TEST(turns_count_the_work_and_not_the_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
