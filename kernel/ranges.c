// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unpinned and the purged pages of a region. ranges.h describes the model. The
 * caller must hold the region's lock, and may sleep.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "ranges.h"

static unsigned long range_pages(const struct ashmem_range *range)
{
	return range->end - range->start;
}

static struct ashmem_range *range_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct ashmem_range, node);
}

/* The first range that ends after @page, or NULL. */
static struct ashmem_range *range_find(const struct rb_root *root, unsigned long page)
{
	struct rb_node *node = root->rb_node;
	struct ashmem_range *found = NULL;

	while (node) {
		struct ashmem_range *range = range_of(node);

		if (range->end <= page) {
			node = node->rb_right;
			continue;
		}
		found = range;
		if (range->start <= page)
			break;
		node = node->rb_left;
	}
	return found;
}

/* The first range that shares a page with [start, end), or NULL. */
static struct ashmem_range *range_first(const struct rb_root *root, unsigned long start,
					unsigned long end)
{
	struct ashmem_range *range = range_find(root, start);

	return range && range->start < end ? range : NULL;
}

/* As range_first(), for the unpinned tree. Calls in a row often want the same range. */
static struct ashmem_range *unpinned_first(struct ashmem_ranges *ranges, unsigned long start,
					   unsigned long end)
{
	struct ashmem_range *range = ranges->found;

	if (!range || start < range->start || start >= range->end)
		range = range_first(&ranges->unpinned, start, end);
	ranges->found = range;
	return range;
}

/*
 * The range after @range, if it starts before @end, or NULL. There may be millions of
 * ranges, so this yields the CPU to other tasks.
 */
static struct ashmem_range *range_next(struct ashmem_range *range, unsigned long end)
{
	if (range->end >= end)
		return NULL;
	cond_resched();
	range = range_of(rb_next(&range->node));
	return range && range->start < end ? range : NULL;
}

static void range_insert(struct rb_root *root, struct ashmem_range *new)
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = new->start < range_of(parent)->start ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&new->node, parent, link);
	rb_insert_color(&new->node, root);
}

/* Does @range, the first one of [start, end), contain it and reach beyond both ends? */
static bool range_splits(const struct ashmem_range *range, unsigned long start, unsigned long end)
{
	return range && !range->parked && range->start < start && range->end > end;
}

static unsigned long pages_shared(const struct ashmem_range *range, unsigned long start,
				  unsigned long end)
{
	return min(range->end, end) - max(range->start, start);
}

/* The number of purged pages in [start, end). */
static unsigned long purged_pages(const struct ashmem_ranges *ranges, unsigned long start,
				  unsigned long end)
{
	struct ashmem_range *range;
	unsigned long pages = 0;

	if (!ranges->nr_purged)
		return 0;
	for (range = range_first(&ranges->purged, start, end); range;
	     range = range_next(range, end))
		pages += pages_shared(range, start, end);
	return pages;
}

/* The number of pages in [start, end) that are both unpinned and purged. */
static unsigned long both_pages(const struct ashmem_ranges *ranges, unsigned long start,
				unsigned long end)
{
	struct ashmem_range *range;
	unsigned long pages = 0;

	if (!ranges->nr_both)
		return 0;
	for (range = range_first(&ranges->unpinned, start, end); range;
	     range = range_next(range, end))
		if (!range->parked)
			pages += purged_pages(ranges, max(range->start, start),
					      min(range->end, end));
	return pages;
}

static struct ashmem_range *spare_take(struct ashmem_ranges *ranges, unsigned long start,
				       unsigned long end)
{
	struct ashmem_range *range = list_first_entry(&ranges->spare, struct ashmem_range, age);

	list_del_init(&range->age);
	ranges->nr_spare--;
	range->owner = ranges;
	range->start = start;
	range->end = end;
	range->parked = false;
	return range;
}

/* Removes @range from the unpinned tree. From here on its pages count as pinned. */
static void unpinned_erase(struct ashmem_ranges *ranges, struct ashmem_range *range)
{
	if (!range->parked)
		ranges->nr_unpinned -= range_pages(range);
	if (ranges->found == range)
		ranges->found = NULL;
	rb_erase(&range->node, &ranges->unpinned);
	list_del_init(&range->age);
}

/*
 * Cuts [start, end) out of @range, which reaches beyond it at one or both sides. If
 * both sides remain, the part from @end on becomes a new range, which is returned. The
 * caller makes an unpinned one as old as @range.
 */
static struct ashmem_range *range_cut(struct ashmem_ranges *ranges, struct rb_root *root,
				      struct ashmem_range *range, unsigned long start,
				      unsigned long end)
{
	struct ashmem_range *rest = NULL;

	if (range->start < start && range->end > end) {
		rest = spare_take(ranges, end, range->end);
		range->end = start;
		range_insert(root, rest);
	} else if (range->start < start) {
		range->end = start;
	} else {
		range->start = end;
	}
	return rest;
}

static void unpinned_cut(struct ashmem_ranges *ranges, struct ashmem_range *range,
			 unsigned long start, unsigned long end,
			 struct ashmem_ranges_change *change)
{
	unsigned long pages = range_pages(range);
	struct ashmem_range *rest;

	rest = range_cut(ranges, &ranges->unpinned, range, start, end);
	ranges->nr_unpinned -= pages - range_pages(range);
	if (rest) {
		ranges->nr_unpinned += range_pages(rest);
		list_add(&rest->age, &range->age);
		list_add_tail(&rest->lru, &change->joined);
	}
}

/**
 * ashmem_ranges_init() - initialise an empty set: every page is pinned
 * @ranges: the set
 */
void ashmem_ranges_init(struct ashmem_ranges *ranges)
{
	ranges->unpinned = RB_ROOT;
	ranges->purged = RB_ROOT;
	ranges->found = NULL;
	INIT_LIST_HEAD(&ranges->age);
	INIT_LIST_HEAD(&ranges->spare);
	ranges->nr_spare = 0;
	ranges->nr_unpinned = 0;
	ranges->nr_purged = 0;
	ranges->nr_both = 0;
}

/**
 * ashmem_ranges_change_init() - initialise an empty change
 * @change: the change
 */
void ashmem_ranges_change_init(struct ashmem_ranges_change *change)
{
	INIT_LIST_HEAD(&change->joined);
	INIT_LIST_HEAD(&change->left);
	change->renewed = NULL;
}

/**
 * ashmem_ranges_give() - add a range to the spare ones
 * @ranges: the region's ranges
 * @range: a range in no tree: a new one, or one from the list @left of a change that
 *	was removed from the LRU
 */
void ashmem_ranges_give(struct ashmem_ranges *ranges, struct ashmem_range *range)
{
	INIT_LIST_HEAD(&range->lru);
	list_add(&range->age, &ranges->spare);
	ranges->nr_spare++;
}

/**
 * ashmem_ranges_unpin() - allow pages to be purged
 * @ranges: the region's ranges
 * @start: first page
 * @end: the page after the last one, greater than @start
 * @change: gets the ranges that joined and left
 *
 * All these pages become the most recently unpinned ones, even if they were unpinned
 * before. Purged pages stay marked as purged.
 *
 * Return: 0, or -ENOBUFS if a spare range is missing; then nothing changed.
 */
int ashmem_ranges_unpin(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
			struct ashmem_ranges_change *change)
{
	struct ashmem_range *first, *range, *next, *whole = NULL;

	first = unpinned_first(ranges, start, end);
	for (range = first; range; range = range_next(range, end)) {
		if (range->start >= start && range->end <= end) {
			whole = range;
			break;
		}
	}
	if (!whole && ranges->nr_spare < 1 + range_splits(first, start, end))
		return -ENOBUFS;
	ranges->nr_both += purged_pages(ranges, start, end) - both_pages(ranges, start, end);

	/* The range already has these bounds: it stays at its place in the tree. */
	if (whole && whole->start == start && whole->end == end) {
		if (whole->parked)
			ranges->nr_unpinned += end - start;
		whole->parked = false;
		list_move_tail(&whole->age, &ranges->age);
		change->renewed = whole;
		return 0;
	}

	for (range = first; range; range = next) {
		next = range_next(range, end);
		if (range->parked || (range->start >= start && range->end <= end)) {
			unpinned_erase(ranges, range);
			if (range != whole)
				list_add_tail(&range->age, &change->left);
		} else {
			unpinned_cut(ranges, range, start, end, change);
		}
	}

	if (whole) {
		/* The range is still on the LRU, at its old place. */
		whole->start = start;
		whole->end = end;
		whole->parked = false;
		change->renewed = whole;
	} else {
		whole = spare_take(ranges, start, end);
		list_add_tail(&whole->lru, &change->joined);
	}
	range_insert(&ranges->unpinned, whole);
	list_add_tail(&whole->age, &ranges->age);
	ranges->nr_unpinned += end - start;
	return 0;
}

/**
 * ashmem_ranges_pin() - protect pages from purging, and report whether one was purged
 * @ranges: the region's ranges
 * @start: first page
 * @end: the page after the last one, greater than @start
 * @change: gets the ranges that joined and left
 *
 * Return: 1 if a page was purged since it was last pinned, 0 if none was, or
 * -ENOBUFS if a spare range is missing; then nothing changed.
 */
int ashmem_ranges_pin(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
		      struct ashmem_ranges_change *change)
{
	struct ashmem_range *unpinned = unpinned_first(ranges, start, end);
	struct ashmem_range *purged = range_first(&ranges->purged, start, end);
	struct ashmem_range *range, *next;

	if (ranges->nr_spare < range_splits(unpinned, start, end) +
			       range_splits(purged, start, end))
		return -ENOBUFS;
	ranges->nr_both -= both_pages(ranges, start, end);

	for (range = unpinned; range; range = next) {
		next = range_next(range, end);
		if (range->parked)
			continue;
		if (range->start >= start && range->end <= end) {
			ranges->nr_unpinned -= range_pages(range);
			list_del_init(&range->age);
			range->parked = true;
		} else {
			unpinned_cut(ranges, range, start, end, change);
		}
	}

	for (range = purged; range; range = next) {
		next = range_next(range, end);
		ranges->nr_purged -= pages_shared(range, start, end);
		if (range->start >= start && range->end <= end) {
			rb_erase(&range->node, &ranges->purged);
			list_add_tail(&range->age, &change->left);
		} else {
			range_cut(ranges, &ranges->purged, range, start, end);
		}
	}
	return !!purged;
}

/**
 * ashmem_ranges_pin_intact() - protect pages from purging, unless one was purged
 * @ranges: the region's ranges
 * @start: first page
 * @end: the page after the last one, greater than @start
 * @change: gets the ranges that joined and left
 *
 * Return: 0; 1 if a page was purged since it was last pinned; -ENOBUFS if a spare
 * range is missing. Unless it returns 0, nothing changed.
 */
int ashmem_ranges_pin_intact(struct ashmem_ranges *ranges, unsigned long start,
			     unsigned long end, struct ashmem_ranges_change *change)
{
	if (range_first(&ranges->purged, start, end))
		return 1;
	return ashmem_ranges_pin(ranges, start, end, change);
}

/**
 * ashmem_ranges_not_pinned() - the number of pages that are unpinned or purged
 * @ranges: the region's ranges
 *
 * Return: pages; a page that is both counts once.
 */
unsigned long ashmem_ranges_not_pinned(const struct ashmem_ranges *ranges)
{
	return ranges->nr_unpinned + ranges->nr_purged - ranges->nr_both;
}

/**
 * ashmem_ranges_pinned() - check whether every page is pinned
 * @ranges: the region's ranges
 * @start: first page
 * @end: the page after the last one
 *
 * Return: false if at least one page is unpinned or purged.
 */
bool ashmem_ranges_pinned(const struct ashmem_ranges *ranges, unsigned long start,
			  unsigned long end)
{
	struct ashmem_range *range;

	if (range_first(&ranges->purged, start, end))
		return false;
	for (range = range_first(&ranges->unpinned, start, end); range;
	     range = range_next(range, end))
		if (!range->parked)
			return false;
	return true;
}

/**
 * ashmem_ranges_oldest() - the least recently unpinned range
 * @ranges: the region's ranges
 *
 * Return: the range, or NULL if no page is unpinned.
 */
struct ashmem_range *ashmem_ranges_oldest(struct ashmem_ranges *ranges)
{
	return list_first_entry_or_null(&ranges->age, struct ashmem_range, age);
}

/**
 * ashmem_ranges_purge() - record that unpinned ranges were purged
 * @ranges: the region's ranges
 * @start: first page of the first range
 * @end: the page after the last range; all pages in between are unpinned
 * @change: gets the ranges that left
 *
 * Needs no spare range: one of the ranges moves to the purged tree, and absorbs its
 * neighbours there.
 *
 * Return: the moved range, which may still be on the LRU.
 */
struct ashmem_range *ashmem_ranges_purge(struct ashmem_ranges *ranges, unsigned long start,
					 unsigned long end, struct ashmem_ranges_change *change)
{
	struct ashmem_range *range, *next, *whole = NULL;

	ranges->nr_both -= purged_pages(ranges, start, end);
	for (range = range_first(&ranges->unpinned, start, end); range; range = next) {
		next = range_next(range, end);
		unpinned_erase(ranges, range);
		if (!whole)
			whole = range;
		else
			list_add_tail(&range->age, &change->left);
	}

	/* Search one page further at each side, to merge with neighbours. */
	for (range = range_find(&ranges->purged, start ? start - 1 : 0);
	     range && range->start <= end; range = next) {
		cond_resched();
		next = range_of(rb_next(&range->node));
		start = min(start, range->start);
		end = max(end, range->end);
		ranges->nr_purged -= range_pages(range);
		rb_erase(&range->node, &ranges->purged);
		list_add_tail(&range->age, &change->left);
	}
	whole->start = start;
	whole->end = end;
	range_insert(&ranges->purged, whole);
	ranges->nr_purged += end - start;
	return whole;
}

/**
 * ashmem_ranges_drop() - remove a parked range
 * @ranges: the region's ranges
 * @range: a parked range
 * @change: gets @range as left
 */
void ashmem_ranges_drop(struct ashmem_ranges *ranges, struct ashmem_range *range,
			struct ashmem_ranges_change *change)
{
	unpinned_erase(ranges, range);
	list_add_tail(&range->age, &change->left);
}

static void tree_clear(struct rb_root *root, struct ashmem_ranges_change *change)
{
	struct ashmem_range *range, *next;

	rbtree_postorder_for_each_entry_safe(range, next, root, node) {
		list_del(&range->age);
		list_add_tail(&range->age, &change->left);
		cond_resched();
	}
	*root = RB_ROOT;
}

/**
 * ashmem_ranges_clear() - remove all ranges: every page is pinned
 * @ranges: the region's ranges
 * @change: gets all ranges as left, the spare ones included
 */
void ashmem_ranges_clear(struct ashmem_ranges *ranges, struct ashmem_ranges_change *change)
{
	tree_clear(&ranges->unpinned, change);
	tree_clear(&ranges->purged, change);
	ranges->found = NULL;
	list_splice_tail_init(&ranges->spare, &change->left);
	ranges->nr_spare = 0;
	ranges->nr_unpinned = 0;
	ranges->nr_purged = 0;
	ranges->nr_both = 0;
}
