/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is open is judged again, a slice a turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "event/review.h"

enum { MANY = 3 * REVIEW_SLICE + 7 };

static struct loop *loop;
static struct review review;
static struct thing {
	struct review_item item;
	int judged;
	bool remove;
	struct thing *remove_too;
} things[MANY];
static int judged;

static void
on_judge(struct review_item *item, void *arg)
{
	struct thing *t = container_of(item, struct thing, item);

	(void)arg;
	t->judged++;
	judged++;
	if (t->remove)
		review_remove(&t->item);
	if (t->remove_too)
		review_remove(&t->remove_too->item);
}

static int
setup(void **state)
{
	(void)state;
	memset(things, 0, sizeof(things));
	judged = 0;
	assert_int_equal(loop_new(&loop), 0);
	review_init(&review, loop, on_judge, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	review_done(&review);
	loop_free(loop);
	return 0;
}

static void
add(int n)
{
	for (int i = 0; i < n; i++)
		review_add(&review, &things[i].item);
}

static void
turns(int n)
{
	for (int i = 0; i < n; i++)
		loop_turn(loop, 0);
}

static void
each_is_judged_once_a_slice_a_turn(void **state)
{
	(void)state;
	add(MANY);
	turns(3);
	assert_int_equal(judged, 0); /* who was just added was just judged */
	review_again(&review);
	turns(1);
	assert_int_equal(judged, REVIEW_SLICE);
	turns(10);
	assert_int_equal(judged, MANY);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(things[i].judged, 1);
}

static void
asked_again_early_it_still_reaches_everybody(void **state)
{
	(void)state;
	add(MANY);
	for (int i = 0; i < 4; i++) {
		review_again(&review);
		turns(1);
	}
	for (int i = 0; i < MANY; i++)
		assert_true(things[i].judged >= 1);
	turns(10);
	assert_int_equal(judged, 3 * REVIEW_SLICE + MANY);
}

static void
judging_may_remove_the_judged_and_others(void **state)
{
	(void)state;
	add(4);
	things[0].remove = true;
	things[1].remove_too = &things[2];
	review_again(&review);
	turns(3);
	assert_int_equal(things[0].judged, 1);
	assert_int_equal(things[2].judged, 0);
	assert_int_equal(things[3].judged, 1);
	review_again(&review);
	turns(3);
	assert_int_equal(things[0].judged, 1);
	assert_int_equal(things[1].judged, 2);
}

static void
who_comes_meanwhile_is_judged_in_the_next_round(void **state)
{
	(void)state;
	add(MANY - 1);
	review_again(&review);
	turns(1);
	review_add(&review, &things[MANY - 1].item);
	turns(10);
	assert_int_equal(things[MANY - 1].judged, 0);
	review_again(&review);
	turns(10);
	assert_int_equal(things[MANY - 1].judged, 1);
}

static void
what_was_never_added_can_be_removed(void **state)
{
	struct thing t = { .judged = 0 };

	(void)state;
	review_remove(&t.item);
	review_again(&review);
	turns(2);
	assert_int_equal(judged, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_is_judged_once_a_slice_a_turn),
		TEST(asked_again_early_it_still_reaches_everybody),
		TEST(judging_may_remove_the_judged_and_others),
		TEST(who_comes_meanwhile_is_judged_in_the_next_round),
		TEST(what_was_never_added_can_be_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
