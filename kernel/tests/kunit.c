// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of what is pure or needs only a region. A module built with
 * ASHMEM_KUNIT=y contains them and runs them when it is loaded.
 */
#include <kunit/test.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mman.h>
#include <linux/personality.h>
#include <linux/page_counter.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../quota.h"
#include "../ranges.h"
#include "../region.h"

/* The subject of a test of ranges: the ranges, and a list instead of the LRU. */
struct set {
	struct ashmem_ranges ranges;
	struct list_head lru;
};

static void set_apply(struct set *set, struct ashmem_ranges_change *change)
{
	struct ashmem_range *range, *next;

	list_for_each_entry_safe(range, next, &change->joined, lru)
		list_move_tail(&range->lru, &set->lru);
	list_for_each_entry_safe(range, next, &change->left, age) {
		list_del_init(&range->age);
		list_del_init(&range->lru);
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

static void set_unpin(struct kunit *test, unsigned long start, unsigned long end)
{
	struct set *set = test->priv;
	struct ashmem_ranges_change change;

	set_give(test, set);
	ashmem_ranges_change_init(&change);
	KUNIT_ASSERT_EQ(test, ashmem_ranges_unpin(&set->ranges, start, end, &change), 0);
	set_apply(set, &change);
}

static int set_pin(struct kunit *test, unsigned long start, unsigned long end)
{
	struct set *set = test->priv;
	struct ashmem_ranges_change change;
	int ret;

	set_give(test, set);
	ashmem_ranges_change_init(&change);
	ret = ashmem_ranges_pin(&set->ranges, start, end, &change);
	set_apply(set, &change);
	return ret;
}

/* Purges the least recently unpinned range. Return: the purged range that has it. */
static struct ashmem_range *set_purge(struct kunit *test)
{
	struct set *set = test->priv;
	struct ashmem_range *range = ashmem_ranges_oldest(&set->ranges);
	struct ashmem_ranges_change change;

	KUNIT_ASSERT_NOT_NULL(test, range);
	ashmem_ranges_change_init(&change);
	range = ashmem_ranges_purge(&set->ranges, range->start, range->end, &change);
	list_del_init(&range->lru);
	set_apply(set, &change);
	return range;
}

static int set_init(struct kunit *test)
{
	struct set *set = kunit_kzalloc(test, sizeof(*set), GFP_KERNEL);

	if (!set)
		return -ENOMEM;
	ashmem_ranges_init(&set->ranges);
	INIT_LIST_HEAD(&set->lru);
	test->priv = set;
	return 0;
}

static void set_exit(struct kunit *test)
{
	struct set *set = test->priv;
	struct ashmem_ranges_change change;
	struct ashmem_range *range, *next;

	ashmem_ranges_change_init(&change);
	ashmem_ranges_clear(&set->ranges, &change);
	list_for_each_entry_safe(range, next, &change.left, age)
		kfree(range);
}

static void ranges_all_pinned_at_first(struct kunit *test)
{
	struct set *set = test->priv;

	KUNIT_EXPECT_TRUE(test, ashmem_ranges_pinned(&set->ranges, 0, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, ashmem_ranges_not_pinned(&set->ranges), 0);
	KUNIT_EXPECT_NULL(test, ashmem_ranges_oldest(&set->ranges));
	KUNIT_EXPECT_EQ(test, set_pin(test, 0, 10), 0);
}

static void ranges_lacking_a_spare_one_change_nothing(struct kunit *test)
{
	struct set *set = test->priv;
	struct ashmem_ranges_change change;

	ashmem_ranges_change_init(&change);
	KUNIT_EXPECT_EQ(test, ashmem_ranges_unpin(&set->ranges, 0, 10, &change), -ENOBUFS);
	KUNIT_EXPECT_TRUE(test, list_empty(&change.joined));
	KUNIT_EXPECT_TRUE(test, list_empty(&change.left));
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
	KUNIT_EXPECT_EQ(test, set_purge(test)->start, 0);
	KUNIT_EXPECT_EQ(test, set_purge(test)->start, 20);
}

static void ranges_purged_side_by_side_become_one(struct kunit *test)
{
	struct ashmem_range *range;

	set_unpin(test, 0, 1);
	set_unpin(test, 2, 3);
	set_unpin(test, 1, 2);
	set_purge(test);
	set_purge(test);
	range = set_purge(test);
	KUNIT_EXPECT_EQ(test, range->start, 0);
	KUNIT_EXPECT_EQ(test, range->end, 3);
}

static void ranges_stay_parked_while_pinned(struct kunit *test)
{
	struct set *set = test->priv;
	struct ashmem_range *range;

	set_unpin(test, 3, 4);
	range = ashmem_ranges_oldest(&set->ranges);
	KUNIT_EXPECT_EQ(test, set_pin(test, 3, 4), 0);
	KUNIT_EXPECT_TRUE(test, range->parked);
	KUNIT_EXPECT_NULL(test, ashmem_ranges_oldest(&set->ranges));
	set_unpin(test, 3, 4);
	KUNIT_EXPECT_PTR_EQ(test, ashmem_ranges_oldest(&set->ranges), range);
}

static void ranges_reach_the_last_page(struct kunit *test)
{
	struct set *set = test->priv;

	set_unpin(test, ULONG_MAX - 2, ULONG_MAX);
	set_purge(test);
	KUNIT_EXPECT_FALSE(test, ashmem_ranges_pinned(&set->ranges, ULONG_MAX - 1, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, set_pin(test, 0, ULONG_MAX), 1);
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
			range = ashmem_ranges_oldest(&set->ranges);
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
		KUNIT_ASSERT_EQ(test, set->ranges.nr_purged, hweight64(purged));
		KUNIT_ASSERT_EQ(test, set->ranges.nr_both, hweight64(unpinned & purged));
		mask = GENMASK_ULL(end - 1, start);
		KUNIT_ASSERT_EQ(test, ashmem_ranges_pinned(&set->ranges, start, end),
				!((unpinned | purged) & mask));
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
	KUNIT_EXPECT_EQ(test, ashmem_limit_gets(0), 0);
	KUNIT_EXPECT_EQ(test, ashmem_limit_gets(1), 2);
	KUNIT_EXPECT_EQ(test, ashmem_limit_gets(32), 64);
	KUNIT_EXPECT_EQ(test, ashmem_limit_gets(33), 65);
	KUNIT_EXPECT_EQ(test, ashmem_limit_gets(10000), 10032);
}

static void no_memcg_has_no_excess(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ashmem_memcg_excess(NULL), 0);
}

static struct kunit_case quota_cases[] = {
	KUNIT_CASE(limit_lacks_until_the_largest_allocation_fits),
	KUNIT_CASE(limit_gets_at_most_twice_what_it_lacks),
	KUNIT_CASE(no_memcg_has_no_excess),
	{}
};

static struct kunit_suite quota_suite = {
	.name = "ashmem_quota",
	.test_cases = quota_cases,
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
	ashmem_region_get_name(test->priv, name);
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

kunit_test_suites(&ranges_suite, &quota_suite, &mask_suite, &name_suite);
