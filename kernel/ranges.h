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
 * unpinning it again needs no new node, and no look at its pages to find its queue.
 * Without that, pinning and unpinning one of 1,000,000 ranges takes 2.5 times as long as
 * with a single range, not 1.8 times (rows pin-1000000 and pin-1 of bench/bench.c, on 7.3).
 */
#ifndef ASHMEM_RANGES_H
#define ASHMEM_RANGES_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct ashmem_queue - unpinned ranges in the order in which they are to be purged
 * @ranges: the least recently unpinned first
 * @pages: number of pages in them; may be read without the region's lock
 * @nr_parked: number of parked ranges that are to return to this queue
 */
struct ashmem_queue {
	struct list_head ranges;
	unsigned long pages;
	unsigned long nr_parked;
};

/**
 * struct ashmem_range - consecutive pages of a region
 * @node: in ashmem_ranges.unpinned or ashmem_ranges.purged
 * @start: first page
 * @end: the page after the last one
 * @age: in the queue while unpinned, in ashmem_ranges.spare while in no tree; empty
 *	for an unpinned range that has nothing to purge
 * @queue: the queue of @age, also while parked; NULL while none is known
 * @unpinned_at: when the range was last unpinned, in nanoseconds since boot
 * @parked: in the unpinned tree, but its pages are pinned
 *
 * The fields that a tree search and a pin need come first, mostly in one cache line.
 */
struct ashmem_range {
	struct rb_node node;
	unsigned long start;
	unsigned long end;
	struct list_head age;
	struct ashmem_queue *queue;
	u64 unpinned_at;
	bool parked;
};

/**
 * struct ashmem_ranges - the unpinned and the purged pages of one region
 * @unpinned: unpinned and parked ranges, disjoint, ordered by page
 * @purged: purged ranges, disjoint, ordered by page
 * @found: the range of @unpinned that was looked up last, or NULL; without it the rows
 *	pin-1 to pin-1000000 of bench/bench.c take 6 to 20 % longer
 * @spare: ranges in no tree, for the next call that needs one: none is allocated under
 *	the region's lock
 * @nr_spare: number of spare ranges
 * @nr_unpinned: number of unpinned pages; may be read without the region's lock
 * @nr_purged: number of purged pages
 * @nr_both: number of pages that are both
 */
struct ashmem_ranges {
	struct rb_root unpinned;
	struct rb_root purged;
	struct ashmem_range *found;
	struct list_head spare;
	unsigned int nr_spare;
	unsigned long nr_unpinned;
	unsigned long nr_purged;
	unsigned long nr_both;
};

/* No call needs more spare ranges than this. */
#define ASHMEM_RANGES_SPARE	2

void ashmem_queue_init(struct ashmem_queue *queue);
void ashmem_queue_add(struct ashmem_queue *queue, struct ashmem_range *range);
void ashmem_queue_forget(struct ashmem_range *range);
struct ashmem_range *ashmem_queue_oldest(struct ashmem_queue *queue);

void ashmem_ranges_init(struct ashmem_ranges *ranges);
void ashmem_ranges_give(struct ashmem_ranges *ranges, struct ashmem_range *range);
struct ashmem_range *ashmem_ranges_unpin(struct ashmem_ranges *ranges, unsigned long start,
					 unsigned long end, struct list_head *left);
int ashmem_ranges_pin(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
		      struct list_head *left);
int ashmem_ranges_pin_intact(struct ashmem_ranges *ranges, unsigned long start,
			     unsigned long end, struct list_head *left);
unsigned long ashmem_ranges_not_pinned(const struct ashmem_ranges *ranges);
bool ashmem_ranges_pinned(const struct ashmem_ranges *ranges, unsigned long start,
			  unsigned long end);
struct ashmem_range *ashmem_ranges_at(const struct ashmem_ranges *ranges, unsigned long start,
				      unsigned long end);
void ashmem_ranges_purge(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
			 struct list_head *left);
bool ashmem_ranges_drop_parked(struct ashmem_ranges *ranges, unsigned int max,
			       struct list_head *left);
void ashmem_ranges_clear(struct ashmem_ranges *ranges, struct list_head *left);

#endif /* ASHMEM_RANGES_H */
