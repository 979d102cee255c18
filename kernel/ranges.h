/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The unpinned and the purged pages of a region.
 *
 * A pure data structure: no locks, no I/O, no allocation. It has two sets of
 * pages. Each set is kept as disjoint ranges in an rbtree:
 *
 *   unpinned  pages that may be purged. Adjacent ranges are not merged, because
 *             each has its own age.
 *   purged    pages that were purged since they were last pinned. Pinning such a
 *             page reports the purge. Adjacent ranges are merged, because their
 *             age no longer matters.
 *
 * The sets are independent: a purged page that is unpinned again is in both. A
 * page in neither set is pinned.
 *
 * A range that is pinned as a whole stays in the unpinned tree and is "parked":
 * unpinning it again needs neither a new node nor the LRU's lock.
 */
#ifndef ASHMEM_RANGES_H
#define ASHMEM_RANGES_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct ashmem_ranges;

/**
 * struct ashmem_range - consecutive pages of a region
 * @node: in ashmem_ranges.unpinned or ashmem_ranges.purged
 * @start: first page
 * @end: the page after the last one
 * @age: in ashmem_ranges.age while unpinned, in .spare while in no tree
 * @parked: in the unpinned tree, but its pages are pinned
 * @referenced: unpinned again since the range got its place on the LRU; set by
 *	the shrinker
 * @placed: when the range got that place, in jiffies; set by the shrinker
 * @lru: the shrinker's link; empty while the range is not on the LRU
 * @owner: the set of ranges that this one belongs to
 *
 * The fields that a tree search and a pin need come first, mostly in one cache line.
 */
struct ashmem_range {
	struct rb_node node;
	unsigned long start;
	unsigned long end;
	struct list_head age;
	bool parked;
	bool referenced;
	unsigned long placed;
	struct list_head lru;
	struct ashmem_ranges *owner;
};

/**
 * struct ashmem_ranges - the unpinned and the purged pages of one region
 * @unpinned: unpinned and parked ranges, disjoint, ordered by page
 * @purged: purged ranges, disjoint, ordered by page
 * @found: the range of @unpinned that was looked up last, or NULL
 * @age: unpinned ranges, the least recently unpinned first
 * @spare: ranges in no tree, for the next call that needs one
 * @nr_spare: number of spare ranges
 * @nr_unpinned: number of unpinned pages
 * @nr_purged: number of purged pages
 * @nr_both: number of pages that are both
 */
struct ashmem_ranges {
	struct rb_root unpinned;
	struct rb_root purged;
	struct ashmem_range *found;
	struct list_head age;
	struct list_head spare;
	unsigned int nr_spare;
	unsigned long nr_unpinned;
	unsigned long nr_purged;
	unsigned long nr_both;
};

/* No call needs more spare ranges than this. */
#define ASHMEM_RANGES_SPARE	2

/**
 * struct ashmem_ranges_change - how a call changed the set of ranges
 * @joined: ranges to be added to the LRU, linked by ->lru
 * @left: ranges that are no longer in a tree, linked by ->age; they may still
 *	be on the LRU
 * @renewed: the range that was unpinned again while on the LRU, or NULL
 */
struct ashmem_ranges_change {
	struct list_head joined;
	struct list_head left;
	struct ashmem_range *renewed;
};

void ashmem_ranges_init(struct ashmem_ranges *ranges);
void ashmem_ranges_change_init(struct ashmem_ranges_change *change);
void ashmem_ranges_give(struct ashmem_ranges *ranges, struct ashmem_range *range);
int ashmem_ranges_unpin(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
			struct ashmem_ranges_change *change);
int ashmem_ranges_pin(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
		      struct ashmem_ranges_change *change);
int ashmem_ranges_pin_intact(struct ashmem_ranges *ranges, unsigned long start,
			     unsigned long end, struct ashmem_ranges_change *change);
unsigned long ashmem_ranges_not_pinned(const struct ashmem_ranges *ranges);
bool ashmem_ranges_pinned(const struct ashmem_ranges *ranges, unsigned long start,
			  unsigned long end);
struct ashmem_range *ashmem_ranges_oldest(struct ashmem_ranges *ranges);
struct ashmem_range *ashmem_ranges_purge(struct ashmem_ranges *ranges, unsigned long start,
					 unsigned long end, struct ashmem_ranges_change *change);
void ashmem_ranges_drop(struct ashmem_ranges *ranges, struct ashmem_range *range,
			struct ashmem_ranges_change *change);
void ashmem_ranges_clear(struct ashmem_ranges *ranges, struct ashmem_ranges_change *change);

#endif /* ASHMEM_RANGES_H */
