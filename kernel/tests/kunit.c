// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what is pure or needs only a region. A module built with
 * ASHMEM_KUNIT=y contains them and runs them when it is loaded.
 */
#include <kunit/test.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mman.h>
#include <linux/personality.h>
#include <linux/page_counter.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/swap.h>

#include "../quota.h"
#include "../ranges.h"
#include "../region.h"

/* The subject of a test of ranges, with a clock that ticks at each unpin. */
struct set {
	struct ashmem_ranges ranges;
	struct ashmem_queue queue;
	u64 now;
};

static void set_take_back(struct set *set, struct list_head *left)
{
	struct ashmem_range *range, *next;

	list_for_each_entry_safe(range, next, left, age) {
		list_del_init(&range->age);
		if (set->ranges.nr_spare < ASHMEM_RANGES_SPARE)
			ashmem_ranges_give(&set->ranges, range);
		else
			kfree(range);
	}
}

static void set_give(struct kunit *test, struct set *set)
{
	while (set->ranges.nr_spare < ASHMEM_RANGES_SPARE) {
		struct ashmem_range *range = kzalloc(sizeof(*range), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, range);
		ashmem_ranges_give(&set->ranges, range);
	}
}

/* Unpins without adding a new range to a queue. */
static struct ashmem_range *set_unpin_untouched(struct kunit *test, unsigned long start,
						unsigned long end)
{
	struct set *set = test->priv;
	struct ashmem_range *range;
	LIST_HEAD(left);

	set_give(test, set);
	range = ashmem_ranges_unpin(&set->ranges, start, end, &left);
	KUNIT_ASSERT_NOT_NULL(test, range);
	KUNIT_EXPECT_EQ(test, range->start, start);
	KUNIT_EXPECT_EQ(test, range->end, end);
	range->unpinned_at = ++set->now;
	set_take_back(set, &left);
	return range;
}

static struct ashmem_range *set_unpin(struct kunit *test, unsigned long start, unsigned long end)
{
	struct ashmem_range *range = set_unpin_untouched(test, start, end);
	struct set *set = test->priv;

	if (!range->queue)
		ashmem_queue_add(&set->queue, range);
	return range;
}

static int set_pin(struct kunit *test, unsigned long start, unsigned long end)
{
	struct set *set = test->priv;
	LIST_HEAD(left);
	int ret;

	set_give(test, set);
	ret = ashmem_ranges_pin(&set->ranges, start, end, &left);
	set_take_back(set, &left);
	return ret;
}

static struct ashmem_range *set_oldest(struct kunit *test)
{
	struct set *set = test->priv;

	return ashmem_queue_oldest(&set->queue);
}

/* Purges the least recently unpinned range. Return: its first page. */
static unsigned long set_purge(struct kunit *test)
{
	struct ashmem_range *range = set_oldest(test);
	struct set *set = test->priv;
	unsigned long start;
	LIST_HEAD(left);

	KUNIT_ASSERT_NOT_NULL(test, range);
	start = range->start;
	ashmem_ranges_purge(&set->ranges, start, range->end, &left);
	set_take_back(set, &left);
	return start;
}

static int set_init(struct kunit *test)
{
	struct set *set = kunit_kzalloc(test, sizeof(*set), GFP_KERNEL);

	if (!set)
		return -ENOMEM;
	ashmem_ranges_init(&set->ranges);
	ashmem_queue_init(&set->queue);
	test->priv = set;
	return 0;
}

static void set_exit(struct kunit *test)
{
	struct ashmem_range *range, *next;
	struct set *set = test->priv;
	LIST_HEAD(left);

	ashmem_ranges_clear(&set->ranges, &left);
	list_for_each_entry_safe(range, next, &left, age)
		kfree(range);
}

static void ranges_all_pinned_at_first(struct kunit *test)
{
	struct set *set = test->priv;

	KUNIT_EXPECT_TRUE(test, ashmem_ranges_pinned(&set->ranges, 0, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, ashmem_ranges_not_pinned(&set->ranges), 0);
	KUNIT_EXPECT_NULL(test, ashmem_ranges_at(&set->ranges, 0, ULONG_MAX));
	KUNIT_EXPECT_NULL(test, set_oldest(test));
	KUNIT_EXPECT_EQ(test, set_pin(test, 0, 10), 0);
}

static void ranges_lacking_a_spare_one_change_nothing(struct kunit *test)
{
	struct set *set = test->priv;
	LIST_HEAD(left);

	KUNIT_EXPECT_NULL(test, ashmem_ranges_unpin(&set->ranges, 0, 10, &left));
	KUNIT_EXPECT_TRUE(test, list_empty(&left));
	KUNIT_EXPECT_TRUE(test, ashmem_ranges_pinned(&set->ranges, 0, 10));
}

static void ranges_pinned_in_the_middle(struct kunit *test)
{
	struct set *set = test->priv;

	set_unpin(test, 0, 10);
	KUNIT_EXPECT_EQ(test, set_pin(test, 4, 6), 0);
	KUNIT_EXPECT_TRUE(test, ashmem_ranges_pinned(&set->ranges, 4, 6));
	KUNIT_EXPECT_FALSE(test, ashmem_ranges_pinned(&set->ranges, 3, 4));
	KUNIT_EXPECT_FALSE(test, ashmem_ranges_pinned(&set->ranges, 6, 7));
	KUNIT_EXPECT_EQ(test, ashmem_ranges_not_pinned(&set->ranges), 8);
}

static void ranges_purged_are_told_once(struct kunit *test)
{
	set_unpin(test, 0, 10);
	set_purge(test);
	KUNIT_EXPECT_EQ(test, set_pin(test, 9, 20), 1);
	KUNIT_EXPECT_EQ(test, set_pin(test, 9, 20), 0);
	KUNIT_EXPECT_EQ(test, set_pin(test, 0, 9), 1);
	KUNIT_EXPECT_EQ(test, set_pin(test, 0, 20), 0);
}

static void ranges_purged_and_unpinned_count_once(struct kunit *test)
{
	struct set *set = test->priv;

	set_unpin(test, 0, 10);
	set_purge(test);
	set_unpin(test, 5, 15);
	KUNIT_EXPECT_EQ(test, set->ranges.nr_unpinned, 10);
	KUNIT_EXPECT_EQ(test, set->ranges.nr_purged, 10);
	KUNIT_EXPECT_EQ(test, set->ranges.nr_both, 5);
	KUNIT_EXPECT_EQ(test, ashmem_ranges_not_pinned(&set->ranges), 15);
	KUNIT_EXPECT_EQ(test, set_pin(test, 5, 15), 1);
	KUNIT_EXPECT_EQ(test, ashmem_ranges_not_pinned(&set->ranges), 5);
}

static void ranges_go_oldest_first(struct kunit *test)
{
	set_unpin(test, 20, 30);
	set_unpin(test, 0, 10);
	set_unpin(test, 20, 30);
	KUNIT_EXPECT_EQ(test, set_purge(test), 0);
	KUNIT_EXPECT_EQ(test, set_purge(test), 20);
	KUNIT_EXPECT_NULL(test, set_oldest(test));
}

static void ranges_purged_side_by_side_become_one(struct kunit *test)
{
	struct set *set = test->priv;
	struct ashmem_range *range;

	set_unpin(test, 0, 1);
	set_unpin(test, 2, 3);
	set_unpin(test, 1, 2);
	set_purge(test);
	set_purge(test);
	set_purge(test);
	range = rb_entry_safe(rb_first(&set->ranges.purged), struct ashmem_range, node);
	KUNIT_ASSERT_NOT_NULL(test, range);
	KUNIT_EXPECT_EQ(test, range->start, 0);
	KUNIT_EXPECT_EQ(test, range->end, 3);
	KUNIT_EXPECT_NULL(test, rb_next(&range->node));
}

static void ranges_stay_parked_while_pinned(struct kunit *test)
{
	struct set *set = test->priv;
	struct ashmem_range *range;

	range = set_unpin(test, 3, 4);
	KUNIT_EXPECT_EQ(test, set_pin(test, 3, 4), 0);
	KUNIT_EXPECT_TRUE(test, range->parked);
	KUNIT_EXPECT_PTR_EQ(test, range->queue, &set->queue);
	KUNIT_EXPECT_NULL(test, set_oldest(test));
	KUNIT_EXPECT_EQ(test, set->queue.pages, 0);
	KUNIT_EXPECT_PTR_EQ(test, set_unpin_untouched(test, 3, 4), range);
	KUNIT_EXPECT_PTR_EQ(test, set_oldest(test), range);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 1);
}

static void ranges_reach_the_last_page(struct kunit *test)
{
	struct set *set = test->priv;

	set_unpin(test, ULONG_MAX - 2, ULONG_MAX);
	set_purge(test);
	KUNIT_EXPECT_FALSE(test, ashmem_ranges_pinned(&set->ranges, ULONG_MAX - 1, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, set_pin(test, 0, ULONG_MAX), 1);
}

static void ranges_are_found_among_parked_ones(struct kunit *test)
{
	struct set *set = test->priv;
	struct ashmem_range *range;

	set_unpin(test, 0, 4);
	set_unpin(test, 4, 8);
	range = set_unpin(test, 8, 12);
	KUNIT_EXPECT_EQ(test, set_pin(test, 0, 8), 0);
	KUNIT_EXPECT_NULL(test, ashmem_ranges_at(&set->ranges, 0, 8));
	KUNIT_EXPECT_PTR_EQ(test, ashmem_ranges_at(&set->ranges, 0, 9), range);
	KUNIT_EXPECT_PTR_EQ(test, ashmem_ranges_at(&set->ranges, 11, 12), range);
	KUNIT_EXPECT_NULL(test, ashmem_ranges_at(&set->ranges, 12, 20));
	range = set_unpin(test, 4, 8);
	KUNIT_EXPECT_PTR_EQ(test, ashmem_ranges_at(&set->ranges, 0, 9), range);
}

static void ranges_parked_are_dropped_a_few_at_a_time(struct kunit *test)
{
	struct set *set = test->priv;
	LIST_HEAD(left);

	for (unsigned long page = 0; page < 10; page += 2)
		set_unpin(test, page, page + 1);
	KUNIT_EXPECT_EQ(test, set_pin(test, 0, 10), 0);
	KUNIT_EXPECT_FALSE(test, ashmem_ranges_drop_parked(&set->ranges, 4, &left));
	KUNIT_EXPECT_EQ(test, list_count_nodes(&left), 4);
	KUNIT_EXPECT_TRUE(test, ashmem_ranges_drop_parked(&set->ranges, 1, &left));
	KUNIT_EXPECT_EQ(test, list_count_nodes(&left), 5);
	KUNIT_EXPECT_TRUE(test, ashmem_ranges_drop_parked(&set->ranges, 4, &left));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&set->ranges.unpinned));
	KUNIT_EXPECT_TRUE(test, ashmem_ranges_pinned(&set->ranges, 0, 10));
	set_take_back(set, &left);
}

static void queue_counts_the_pages_that_cuts_leave(struct kunit *test)
{
	struct set *set = test->priv;

	set_unpin(test, 0, 10);
	set_unpin(test, 20, 30);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 20);
	set_pin(test, 4, 6);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 18);
	set_pin(test, 0, 2);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 16);
	set_unpin(test, 8, 22);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 26);
	set_pin(test, 6, 8);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 24);
	KUNIT_EXPECT_EQ(test, set_purge(test), 2);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 22);
	KUNIT_EXPECT_EQ(test, set_purge(test), 22);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 14);
	set_pin(test, 0, 30);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 0);
	KUNIT_EXPECT_NULL(test, set_oldest(test));
}

/* Both parts of a range that is cut keep its place in the queue, and its time. */
static void queue_keeps_the_age_of_what_is_cut(struct kunit *test)
{
	struct set *set = test->priv;
	struct ashmem_range *first, *second;

	first = set_unpin(test, 0, 10);
	set_unpin(test, 20, 30);
	set_pin(test, 4, 6);
	second = ashmem_ranges_at(&set->ranges, 6, 10);
	KUNIT_ASSERT_NOT_NULL(test, second);
	KUNIT_EXPECT_PTR_EQ(test, second->queue, &set->queue);
	KUNIT_EXPECT_EQ(test, first->unpinned_at, 1);
	KUNIT_EXPECT_EQ(test, second->unpinned_at, 1);
	KUNIT_EXPECT_EQ(test, set_purge(test), 0);
	KUNIT_EXPECT_EQ(test, set_purge(test), 6);
	KUNIT_EXPECT_EQ(test, set_purge(test), 20);
}

static void queue_has_no_range_that_was_not_added(struct kunit *test)
{
	struct set *set = test->priv;
	struct ashmem_range *range, *rest;

	range = set_unpin_untouched(test, 0, 10);
	KUNIT_EXPECT_NULL(test, range->queue);
	KUNIT_EXPECT_NULL(test, set_oldest(test));
	set_pin(test, 4, 6);
	rest = ashmem_ranges_at(&set->ranges, 6, 10);
	KUNIT_ASSERT_NOT_NULL(test, rest);
	KUNIT_EXPECT_NULL(test, rest->queue);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 0);
	KUNIT_EXPECT_EQ(test, set->ranges.nr_unpinned, 8);

	ashmem_queue_add(&set->queue, range);
	KUNIT_EXPECT_PTR_EQ(test, set_oldest(test), range);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 4);
	ashmem_queue_forget(range);
	KUNIT_EXPECT_NULL(test, range->queue);
	KUNIT_EXPECT_NULL(test, set_oldest(test));
	KUNIT_EXPECT_EQ(test, set->queue.pages, 0);
	KUNIT_EXPECT_EQ(test, set->ranges.nr_unpinned, 8);
}

static void queue_may_be_left_for_another(struct kunit *test)
{
	struct set *set = test->priv;
	struct ashmem_range *range;
	struct ashmem_queue other;

	ashmem_queue_init(&other);
	set_unpin(test, 0, 10);
	range = set_unpin(test, 20, 25);
	ashmem_queue_add(&other, range);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 10);
	KUNIT_EXPECT_EQ(test, other.pages, 5);
	KUNIT_EXPECT_PTR_EQ(test, ashmem_queue_oldest(&other), range);
	/* From now on an unpin adds it to the new queue. */
	set_pin(test, 20, 25);
	KUNIT_EXPECT_EQ(test, other.pages, 0);
	set_unpin(test, 20, 25);
	KUNIT_EXPECT_EQ(test, set->queue.pages, 10);
	KUNIT_EXPECT_EQ(test, other.pages, 5);
	set_pin(test, 0, 30);
}

/*
 * Defect 19. To find a range takes at most as many steps as the tree is deep: in a
 * red-black tree, twice the logarithm of the number of ranges.
 */
static void ranges_are_found_in_few_steps(struct kunit *test)
{
	struct set *set = test->priv;
	unsigned long count = 10000, met = 0, deepest = 0;
	struct rb_node *node;

	for (unsigned long i = count; i-- > 0;)
		set_unpin(test, 2 * i, 2 * i + 1);
	for (node = rb_first(&set->ranges.unpinned); node; node = rb_next(node)) {
		unsigned long depth = 0;

		for (struct rb_node *up = node; up; up = rb_parent(up))
			depth++;
		deepest = max(deepest, depth);
		met++;
	}
	KUNIT_EXPECT_EQ(test, met, count);
	KUNIT_EXPECT_LE(test, deepest, 2UL * (ilog2(count) + 1));
}

static unsigned long next_random(unsigned long *state)
{
	*state = *state * 6364136223846793005UL + 1442695040888963407UL;
	return *state >> 33;
}

/* A short form of the model in tests/host, on the kernel's own rbtree. */
static void ranges_agree_with_a_model(struct kunit *test)
{
	struct set *set = test->priv;
	unsigned long state = 1;
	u64 unpinned = 0, purged = 0;

	for (int i = 0; i < 20000; i++) {
		unsigned long start = next_random(&state) % 63;
		unsigned long end = start + 1 + next_random(&state) % (63 - start);
		u64 mask = GENMASK_ULL(end - 1, start);
		struct ashmem_range *range;

		switch (next_random(&state) % 8) {
		case 0 ... 3:
			set_unpin(test, start, end);
			unpinned |= mask;
			break;
		case 4 ... 6:
			KUNIT_ASSERT_EQ(test, set_pin(test, start, end), !!(purged & mask));
			unpinned &= ~mask;
			purged &= ~mask;
			break;
		default:
			range = set_oldest(test);
			KUNIT_ASSERT_EQ(test, !range, !unpinned);
			if (!range)
				break;
			mask = GENMASK_ULL(range->end - 1, range->start);
			KUNIT_ASSERT_EQ(test, unpinned & mask, mask);
			set_purge(test);
			unpinned &= ~mask;
			purged |= mask;
		}
		KUNIT_ASSERT_EQ(test, set->ranges.nr_unpinned, hweight64(unpinned));
		KUNIT_ASSERT_EQ(test, set->queue.pages, hweight64(unpinned));
		KUNIT_ASSERT_EQ(test, set->ranges.nr_purged, hweight64(purged));
		KUNIT_ASSERT_EQ(test, set->ranges.nr_both, hweight64(unpinned & purged));
		mask = GENMASK_ULL(end - 1, start);
		KUNIT_ASSERT_EQ(test, ashmem_ranges_pinned(&set->ranges, start, end),
				!((unpinned | purged) & mask));
		KUNIT_ASSERT_EQ(test, !ashmem_ranges_at(&set->ranges, start, end),
				!(unpinned & mask));
	}
}

static struct kunit_case ranges_cases[] = {
	KUNIT_CASE(ranges_all_pinned_at_first),
	KUNIT_CASE(ranges_lacking_a_spare_one_change_nothing),
	KUNIT_CASE(ranges_pinned_in_the_middle),
	KUNIT_CASE(ranges_purged_are_told_once),
	KUNIT_CASE(ranges_purged_and_unpinned_count_once),
	KUNIT_CASE(ranges_go_oldest_first),
	KUNIT_CASE(ranges_purged_side_by_side_become_one),
	KUNIT_CASE(ranges_stay_parked_while_pinned),
	KUNIT_CASE(ranges_reach_the_last_page),
	KUNIT_CASE(ranges_are_found_among_parked_ones),
	KUNIT_CASE(ranges_parked_are_dropped_a_few_at_a_time),
	KUNIT_CASE(queue_counts_the_pages_that_cuts_leave),
	KUNIT_CASE(queue_keeps_the_age_of_what_is_cut),
	KUNIT_CASE(queue_has_no_range_that_was_not_added),
	KUNIT_CASE(queue_may_be_left_for_another),
	KUNIT_CASE(ranges_are_found_in_few_steps),
	KUNIT_CASE(ranges_agree_with_a_model),
	{}
};

static struct kunit_suite ranges_suite = {
	.name = "ashmem_ranges",
	.init = set_init,
	.exit = set_exit,
	.test_cases = ranges_cases,
};

/* 8 pages always count as missing: the largest allocation that a limit kills for. */
static void limit_lacks_until_the_largest_allocation_fits(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ashmem_limit_lacks(0, PAGE_COUNTER_MAX), 0);
	KUNIT_EXPECT_EQ(test, ashmem_limit_lacks(ULONG_MAX / 2, PAGE_COUNTER_MAX), 0);
	KUNIT_EXPECT_EQ(test, ashmem_limit_lacks(100, 108), 0);
	KUNIT_EXPECT_EQ(test, ashmem_limit_lacks(100, 107), 1);
	KUNIT_EXPECT_EQ(test, ashmem_limit_lacks(100, 100), 8);
	KUNIT_EXPECT_EQ(test, ashmem_limit_lacks(1000, 100), 908);
	KUNIT_EXPECT_EQ(test, ashmem_limit_lacks(1000, 0), 1008);
}

static void limit_gets_at_most_twice_what_it_lacks(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ashmem_limit_room(0), 0);
	KUNIT_EXPECT_EQ(test, ashmem_limit_room(1), 1);
	KUNIT_EXPECT_EQ(test, ashmem_limit_room(32), 32);
	KUNIT_EXPECT_EQ(test, ashmem_limit_room(33), 32);
	KUNIT_EXPECT_EQ(test, ashmem_limit_room(10000), 32);
}

static void drop_caches_gets_what_it_asks_for(struct kunit *test)
{
	struct shrink_control sc = { .nr_to_scan = 100 };
	struct ashmem_quota quota;

	ashmem_quota_init(&quota, &sc);
	KUNIT_EXPECT_EQ(test, quota.reason, ASHMEM_REASON_DROP_CACHES);
	KUNIT_EXPECT_TRUE(test, quota.own);
	KUNIT_EXPECT_NULL(test, quota.memcg);
	KUNIT_EXPECT_EQ(test, ashmem_quota_lacks(&quota, 0), 100);
	KUNIT_EXPECT_EQ(test, ashmem_quota_lacks(&quota, 99), 1);
	KUNIT_EXPECT_EQ(test, ashmem_quota_lacks(&quota, 100), 0);
	KUNIT_EXPECT_EQ(test, ashmem_quota_lacks(&quota, 200), 0);
}

/* As when others have freed what a limit lacked, and always with version 2 of cgroups. */
static void limit_that_is_met_takes_no_swap(struct kunit *test)
{
	struct ashmem_quota quota = { .reason = ASHMEM_REASON_LIMIT };

	rcu_read_lock();
	/* That of the root, which has no limit. */
	quota.memcg = mem_cgroup_from_task(current);
	rcu_read_unlock();
	KUNIT_ASSERT_NOT_NULL(test, quota.memcg);
	KUNIT_EXPECT_FALSE(test, ashmem_quota_takes_swap(&quota));
}

static struct kunit_case quota_cases[] = {
	KUNIT_CASE(limit_lacks_until_the_largest_allocation_fits),
	KUNIT_CASE(limit_gets_at_most_twice_what_it_lacks),
	KUNIT_CASE(drop_caches_gets_what_it_asks_for),
	KUNIT_CASE(limit_that_is_met_takes_no_swap),
	{}
};

static struct kunit_suite quota_suite = {
	.name = "ashmem_quota",
	.test_cases = quota_cases,
};

/*
 * A memcg that is asked for pages. It fills up again, so it always holds the same number.
 * The nodes below do not exist, so that the reclaim of this machine has no part in it.
 */
struct giver {
	u64 memcg;
	unsigned long holds;
	unsigned long unit; /* pages of one range; 0 if it can't give any */
	unsigned long gave;
	unsigned int refused; /* times in a row */
};

#define NODE(n)	(900 + (n))

/* Asks for a batch. Return: the number of pages that were given. */
static unsigned long giver_asked(struct giver *giver, int nid, unsigned long missing)
{
	struct ashmem_quota quota = {
		.reason = ASHMEM_REASON_LIMIT,
		.nid = nid,
		.room = ashmem_limit_room(missing),
		.pages = missing + ashmem_limit_room(missing),
	};
	unsigned long pages;

	if (!ashmem_turn_comes(&quota, giver->memcg)) {
		giver->refused++;
		return 0;
	}
	giver->refused = 0;
	if (!giver->unit)
		return 0;
	pages = roundup(min(missing, SWAP_CLUSTER_MAX), giver->unit);
	ashmem_turn_ends(&quota, giver->memcg, giver->holds, pages);
	giver->gave += pages;
	return pages;
}

/* As reclaim does: asks each giver until it refuses, and begins again with the first one. */
static void givers_asked(struct kunit *test, struct giver *givers, int nr, int nid, long missing)
{
	for (int tries = 0; missing > 0; tries++) {
		KUNIT_ASSERT_LT(test, tries, 1000);
		for (int i = 0; i < nr; i++) {
			unsigned long pages = 1;

			while (pages && missing > 0) {
				pages = giver_asked(&givers[i], nid, missing);
				missing -= pages;
			}
		}
	}
}

/* Did each give the same part of what it holds, within a factor of 1.5? */
static void givers_compared(struct kunit *test, const struct giver *givers, int nr)
{
	for (int i = 0; i < nr; i++)
		for (int j = 0; j < nr; j++)
			KUNIT_EXPECT_LE(test, 2 * givers[i].gave * givers[j].holds,
					3 * givers[j].gave * givers[i].holds);
}

static void turns_in_proportion(struct kunit *test, int nid, unsigned long missing,
				unsigned long unit)
{
	struct giver givers[] = {
		{ .memcg = 1, .holds = 2560, .unit = unit },
		{ .memcg = 2, .holds = 10240, .unit = unit },
		{ .memcg = 3, .holds = 40960, .unit = unit },
	};

	while (givers[2].gave < 10 * givers[2].holds)
		givers_asked(test, givers, ARRAY_SIZE(givers), nid, missing);
	givers_compared(test, givers, ARRAY_SIZE(givers));
}

static void turns_give_in_proportion(struct kunit *test)
{
	turns_in_proportion(test, NODE(0), 40, 32);
}

static void turns_give_large_units_in_proportion(struct kunit *test)
{
	turns_in_proportion(test, NODE(1), 40, 256);
}

static void turns_give_much_in_proportion(struct kunit *test)
{
	turns_in_proportion(test, NODE(2), 8192, 32);
	turns_in_proportion(test, NODE(3), 8192, 256);
}

/* One unit is more than the clock's largest step, for one giver. */
static void turns_give_huge_units_in_proportion(struct kunit *test)
{
	turns_in_proportion(test, NODE(7), 40, 1024);
	turns_in_proportion(test, NODE(8), 8192, 1024);
}

static void turns_do_not_refuse_a_single_giver_twice(struct kunit *test)
{
	static const unsigned long units[] = { 1, 32, 256, 2560 };

	for (int i = 0; i < ARRAY_SIZE(units); i++) {
		struct giver giver = { .memcg = 1, .holds = 2560, .unit = units[i] };

		for (int n = 0; n < 1000; n++) {
			giver_asked(&giver, NODE(10 + i), 40);
			KUNIT_ASSERT_LE(test, giver.refused, 1);
		}
	}
}

static void turns_do_not_wait_for_a_giver_that_left(struct kunit *test)
{
	struct giver givers[] = {
		{ .memcg = 1, .holds = 40960, .unit = 32 },
		{ .memcg = 2, .holds = 2560, .unit = 256 },
	};

	for (int n = 0; n < 1000; n++) {
		givers_asked(test, givers, ARRAY_SIZE(givers), NODE(4), 40);
		givers[1].refused = 0;
		for (int asked = 0; asked < 5; asked++) {
			giver_asked(&givers[1], NODE(4), 40);
			KUNIT_ASSERT_LE(test, givers[1].refused, 2);
		}
	}
}

static void turns_pass_by_a_giver_that_cannot_give(struct kunit *test)
{
	struct giver givers[] = {
		{ .memcg = 1, .holds = 2560, .unit = 32 },
		{ .memcg = 2, .holds = 10240 },
		{ .memcg = 3, .holds = 40960, .unit = 32 },
	};

	while (givers[2].gave < 10 * givers[2].holds)
		givers_asked(test, givers, ARRAY_SIZE(givers), NODE(5), 40);
	swap(givers[1], givers[2]);
	givers_compared(test, givers, 2);
}

/* A new giver need not give what it missed, nor does one that was not asked for long. */
static void turns_begin_at_the_clock(struct kunit *test)
{
	struct giver givers[] = {
		{ .memcg = 1, .holds = 10240, .unit = 32 },
		{ .memcg = 2, .holds = 10240, .unit = 32 },
	};

	for (int n = 0; n < 2; n++) {
		while (givers[0].gave < 10 * givers[0].holds)
			givers_asked(test, givers, 1, NODE(6), 40);
		givers[0].gave = 0;
		while (givers[0].gave + givers[1].gave < givers[0].holds)
			givers_asked(test, givers, ARRAY_SIZE(givers), NODE(6), 40);
		givers_compared(test, givers, ARRAY_SIZE(givers));
		givers[1].gave = 0;
	}
}

static struct kunit_case turns_cases[] = {
	KUNIT_CASE(turns_give_in_proportion),
	KUNIT_CASE(turns_give_large_units_in_proportion),
	KUNIT_CASE(turns_give_much_in_proportion),
	KUNIT_CASE(turns_give_huge_units_in_proportion),
	KUNIT_CASE(turns_do_not_refuse_a_single_giver_twice),
	KUNIT_CASE(turns_do_not_wait_for_a_giver_that_left),
	KUNIT_CASE(turns_pass_by_a_giver_that_cannot_give),
	KUNIT_CASE(turns_begin_at_the_clock),
	{}
};

static struct kunit_suite turns_suite = {
	.name = "ashmem_turns",
	.test_cases = turns_cases,
};

static int region_init(struct kunit *test)
{
	struct ashmem_region *region = ashmem_region_create();

	if (IS_ERR(region))
		return PTR_ERR(region);
	test->priv = region;
	return 0;
}

static void region_exit(struct kunit *test)
{
	ashmem_region_close(test->priv);
}

static void mask_has_all_bits_at_first(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ashmem_region_get_prot_mask(test->priv),
			PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void mask_only_loses_bits(struct kunit *test)
{
	struct ashmem_region *region = test->priv;

	KUNIT_EXPECT_EQ(test, ashmem_region_set_prot_mask(region, PROT_READ | PROT_WRITE), 0);
	KUNIT_EXPECT_EQ(test, ashmem_region_set_prot_mask(region, PROT_READ | PROT_EXEC), -EINVAL);
	KUNIT_EXPECT_EQ(test, ashmem_region_get_prot_mask(region), PROT_READ | PROT_WRITE);
	KUNIT_EXPECT_EQ(test, ashmem_region_set_prot_mask(region, PROT_READ), 0);
	KUNIT_EXPECT_EQ(test, ashmem_region_set_prot_mask(region, PROT_READ | PROT_WRITE), -EINVAL);
	KUNIT_EXPECT_EQ(test, ashmem_region_set_prot_mask(region, 0), 0);
	KUNIT_EXPECT_EQ(test, ashmem_region_get_prot_mask(region), PROT_NONE);
}

static void mask_refuses_what_is_no_protection(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ashmem_region_set_prot_mask(test->priv, PROT_SEM), -EINVAL);
	KUNIT_EXPECT_EQ(test, ashmem_region_set_prot_mask(test->priv, ~0UL), -EINVAL);
}

static void mask_follows_the_personality(struct kunit *test)
{
	struct ashmem_region *region = test->priv;
	unsigned int before = current->personality;

	current->personality |= READ_IMPLIES_EXEC;
	KUNIT_EXPECT_EQ(test, ashmem_region_set_prot_mask(region, PROT_READ), 0);
	KUNIT_EXPECT_EQ(test, ashmem_region_get_prot_mask(region), PROT_READ | PROT_EXEC);
	KUNIT_EXPECT_EQ(test, ashmem_region_set_prot_mask(region, PROT_EXEC), 0);
	/* The personality does not bring back a bit that is lost. */
	KUNIT_EXPECT_EQ(test, ashmem_region_set_prot_mask(region, PROT_READ), -EINVAL);
	current->personality = before;
}

static struct kunit_case mask_cases[] = {
	KUNIT_CASE(mask_has_all_bits_at_first),
	KUNIT_CASE(mask_only_loses_bits),
	KUNIT_CASE(mask_refuses_what_is_no_protection),
	KUNIT_CASE(mask_follows_the_personality),
	{}
};

static struct kunit_suite mask_suite = {
	.name = "ashmem_mask",
	.init = region_init,
	.exit = region_exit,
	.test_cases = mask_cases,
};

static void expect_name(struct kunit *test, const char *expected)
{
	char name[ASHMEM_NAME_LEN];

	memset(name, 'x', sizeof(name));
	KUNIT_EXPECT_EQ(test, ashmem_region_get_name(test->priv, name), 0);
	KUNIT_EXPECT_STREQ(test, name, expected);
}

static void name_has_a_default(struct kunit *test)
{
	expect_name(test, ASHMEM_NAME_DEF);
}

static void name_is_what_was_set_last(struct kunit *test)
{
	struct ashmem_region *region = test->priv;

	KUNIT_EXPECT_EQ(test, ashmem_region_set_name(region, "first, and longer"), 0);
	KUNIT_EXPECT_EQ(test, ashmem_region_set_name(region, "second"), 0);
	expect_name(test, "second");
	KUNIT_EXPECT_STREQ(test, region->path, ASHMEM_NAME_PREFIX "second");
}

static void name_may_be_taken_away(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ashmem_region_set_name(test->priv, "name"), 0);
	KUNIT_EXPECT_EQ(test, ashmem_region_set_name(test->priv, ""), 0);
	expect_name(test, ASHMEM_NAME_DEF);
}

static void name_is_cut_where_it_ends(struct kunit *test)
{
	char *longest = kunit_kzalloc(test, 2 * ASHMEM_NAME_LEN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, longest);
	memset(longest, 'n', 2 * ASHMEM_NAME_LEN - 1);
	KUNIT_EXPECT_EQ(test, ashmem_region_set_name(test->priv, longest), 0);
	longest[ASHMEM_NAME_LEN - 1] = '\0';
	expect_name(test, longest);
}

static struct kunit_case name_cases[] = {
	KUNIT_CASE(name_has_a_default),
	KUNIT_CASE(name_is_what_was_set_last),
	KUNIT_CASE(name_may_be_taken_away),
	KUNIT_CASE(name_is_cut_where_it_ends),
	{}
};

static struct kunit_suite name_suite = {
	.name = "ashmem_name",
	.init = region_init,
	.exit = region_exit,
	.test_cases = name_cases,
};

kunit_test_suites(&ranges_suite, &quota_suite, &turns_suite, &mask_suite, &name_suite);
