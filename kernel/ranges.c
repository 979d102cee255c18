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

/* Takes @range out of its queue; remembers the queue. */
static void queue_remove(struct ashmem_range *range)
{
	if (list_empty(&range->age))
		return;
	list_del_init(&range->age);
	WRITE_ONCE(range->queue->pages, range->queue->pages - range_pages(range));
}

/**
 * ashmem_queue_init() - initialise an empty queue
 * @queue: the queue
 */
void ashmem_queue_init(struct ashmem_queue *queue)
{
	INIT_LIST_HEAD(&queue->ranges);
	queue->pages = 0;
	queue->nr_parked = 0;
}

static void range_park(struct ashmem_range *range, bool parked)
{
	if (range->queue)
		range->queue->nr_parked += parked - range->parked;
	range->parked = parked;
}

/**
 * ashmem_queue_add() - make an unpinned range the last one of a queue
 * @queue: the queue
 * @range: the range, which leaves the queue that it is in
 */
void ashmem_queue_add(struct ashmem_queue *queue, struct ashmem_range *range)
{
	queue_remove(range);
	range->queue = queue;
	list_add_tail(&range->age, &queue->ranges);
	WRITE_ONCE(queue->pages, queue->pages + range_pages(range));
}

/**
 * ashmem_queue_forget() - take a range out of its queue: it has nothing to purge there
 * @range: the range
 */
void ashmem_queue_forget(struct ashmem_range *range)
{
	queue_remove(range);
	range->queue = NULL;
}

/**
 * ashmem_queue_oldest() - the least recently unpinned range of a queue
 * @queue: the queue
 *
 * Return: the range, or NULL if the queue is empty.
 */
struct ashmem_range *ashmem_queue_oldest(struct ashmem_queue *queue)
{
	return list_first_entry_or_null(&queue->ranges, struct ashmem_range, age);
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
	range->queue = NULL;
	range->start = start;
	range->end = end;
	range->parked = false;
	return range;
}

static void unpinned_count(struct ashmem_ranges *ranges, unsigned long pages)
{
	WRITE_ONCE(ranges->nr_unpinned, ranges->nr_unpinned + pages);
}

/* Removes @range from the unpinned tree. From here on its pages count as pinned. */
static void unpinned_erase(struct ashmem_ranges *ranges, struct ashmem_range *range)
{
	if (!range->parked)
		unpinned_count(ranges, -range_pages(range));
	if (ranges->found == range)
		ranges->found = NULL;
	rb_erase(&range->node, &ranges->unpinned);
	queue_remove(range);
	range_park(range, false);
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
			 unsigned long start, unsigned long end)
{
	bool queued = !list_empty(&range->age);
	unsigned long pages = range_pages(range);
	struct ashmem_range *rest;

	rest = range_cut(ranges, &ranges->unpinned, range, start, end);
	pages -= range_pages(range);
	if (rest) {
		pages -= range_pages(rest);
		rest->queue = range->queue;
		rest->unpinned_at = range->unpinned_at;
		if (queued)
			list_add(&rest->age, &range->age);
	}
	unpinned_count(ranges, -pages);
	if (queued)
		WRITE_ONCE(range->queue->pages, range->queue->pages - pages);
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
	INIT_LIST_HEAD(&ranges->spare);
	ranges->nr_spare = 0;
	ranges->nr_unpinned = 0;
	ranges->nr_purged = 0;
	ranges->nr_both = 0;
}

/**
 * ashmem_ranges_give() - add a range to the spare ones
 * @ranges: the region's ranges
 * @range: a range in no tree: a new one, or one that left
 */
void ashmem_ranges_give(struct ashmem_ranges *ranges, struct ashmem_range *range)
{
	list_add(&range->age, &ranges->spare);
	ranges->nr_spare++;
}

/**
 * ashmem_ranges_unpin() - allow pages to be purged
 * @ranges: the region's ranges
 * @start: first page
 * @end: the page after the last one, greater than @start
 * @left: gets the ranges that are in no tree any more, linked by ->age
 *
 * All these pages become the most recently unpinned ones, even if they were unpinned
 * before. Purged pages stay marked as purged. The caller sets ->unpinned_at of the
 * result, and adds it to a queue if ->queue is NULL.
 *
 * Return: the range [start, end), or NULL if a spare range is missing; then nothing
 * changed.
 */
struct ashmem_range *ashmem_ranges_unpin(struct ashmem_ranges *ranges, unsigned long start,
					 unsigned long end, struct list_head *left)
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
		return NULL;
	ranges->nr_both += purged_pages(ranges, start, end) - both_pages(ranges, start, end);

	/* A range that already has these bounds stays at its place in the tree. */
	if (whole && whole->start == start && whole->end == end) {
		if (whole->parked)
			unpinned_count(ranges, end - start);
	} else {
		for (range = first; range; range = next) {
			next = range_next(range, end);
			if (range->parked || (range->start >= start && range->end <= end)) {
				unpinned_erase(ranges, range);
				if (range != whole)
					list_add_tail(&range->age, left);
			} else {
				unpinned_cut(ranges, range, start, end);
			}
		}
		if (whole) {
			whole->start = start;
			whole->end = end;
		} else {
			whole = spare_take(ranges, start, end);
		}
		range_insert(&ranges->unpinned, whole);
		unpinned_count(ranges, end - start);
	}
	range_park(whole, false);
	if (whole->queue)
		ashmem_queue_add(whole->queue, whole);
	return whole;
}

/**
 * ashmem_ranges_pin() - protect pages from purging, and report whether one was purged
 * @ranges: the region's ranges
 * @start: first page
 * @end: the page after the last one, greater than @start
 * @left: gets the ranges that are in no tree any more, linked by ->age
 *
 * Return: 1 if a page was purged since it was last pinned, 0 if none was, or
 * -ENOBUFS if a spare range is missing; then nothing changed.
 */
int ashmem_ranges_pin(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
		      struct list_head *left)
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
			unpinned_count(ranges, -range_pages(range));
			queue_remove(range);
			range_park(range, true);
		} else {
			unpinned_cut(ranges, range, start, end);
		}
	}

	for (range = purged; range; range = next) {
		next = range_next(range, end);
		ranges->nr_purged -= pages_shared(range, start, end);
		if (range->start >= start && range->end <= end) {
			rb_erase(&range->node, &ranges->purged);
			list_add_tail(&range->age, left);
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
 * @left: gets the ranges that are in no tree any more, linked by ->age
 *
 * Return: 0; 1 if a page was purged since it was last pinned; -ENOBUFS if a spare
 * range is missing. Unless it returns 0, nothing changed.
 */
int ashmem_ranges_pin_intact(struct ashmem_ranges *ranges, unsigned long start,
			     unsigned long end, struct list_head *left)
{
	if (range_first(&ranges->purged, start, end))
		return 1;
	return ashmem_ranges_pin(ranges, start, end, left);
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
 * ashmem_ranges_at() - the first unpinned range among some pages
 * @ranges: the region's ranges
 * @start: first page
 * @end: the page after the last one
 *
 * Context: Does not sleep.
 * Return: the range, or NULL if all these pages are pinned.
 */
struct ashmem_range *ashmem_ranges_at(const struct ashmem_ranges *ranges, unsigned long start,
				      unsigned long end)
{
	struct ashmem_range *range = range_first(&ranges->unpinned, start, end);

	while (range && range->parked) {
		range = range_of(rb_next(&range->node));
		if (range && range->start >= end)
			range = NULL;
	}
	return range;
}

/**
 * ashmem_ranges_purge() - record that unpinned ranges were purged
 * @ranges: the region's ranges
 * @start: first page of the first range
 * @end: the page after the last range; all pages in between are unpinned
 * @left: gets the ranges that are in no tree any more, linked by ->age
 *
 * Needs no spare range: one of the ranges moves to the purged tree, and absorbs its
 * neighbours there.
 */
void ashmem_ranges_purge(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
			 struct list_head *left)
{
	struct ashmem_range *range, *next, *whole = NULL;

	ranges->nr_both -= purged_pages(ranges, start, end);
	for (range = range_first(&ranges->unpinned, start, end); range; range = next) {
		next = range_next(range, end);
		unpinned_erase(ranges, range);
		if (!whole)
			whole = range;
		else
			list_add_tail(&range->age, left);
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
		list_add_tail(&range->age, left);
	}
	whole->start = start;
	whole->end = end;
	range_insert(&ranges->purged, whole);
	ranges->nr_purged += end - start;
}

/**
 * ashmem_ranges_drop_parked() - remove parked ranges, to free their memory
 * @ranges: the region's ranges, none of which is unpinned
 * @max: remove this number at most
 * @left: gets the removed ranges, linked by ->age
 *
 * Return: true if no parked range is left.
 */
bool ashmem_ranges_drop_parked(struct ashmem_ranges *ranges, unsigned int max,
			       struct list_head *left)
{
	struct rb_node *node;

	while ((node = rb_first(&ranges->unpinned)) && max--) {
		unpinned_erase(ranges, range_of(node));
		list_add_tail(&range_of(node)->age, left);
	}
	return !node;
}

static void tree_clear(struct rb_root *root, struct list_head *left)
{
	struct ashmem_range *range, *next;

	rbtree_postorder_for_each_entry_safe(range, next, root, node) {
		list_del(&range->age);
		list_add_tail(&range->age, left);
		cond_resched();
	}
	*root = RB_ROOT;
}

/**
 * ashmem_ranges_clear() - remove all ranges: every page is pinned
 * @ranges: the region's ranges
 * @left: gets all ranges, the spare ones included, linked by ->age
 *
 * The queues of the ranges are not up to date any more.
 */
void ashmem_ranges_clear(struct ashmem_ranges *ranges, struct list_head *left)
{
	tree_clear(&ranges->unpinned, left);
	tree_clear(&ranges->purged, left);
	ranges->found = NULL;
	list_splice_tail_init(&ranges->spare, left);
	ranges->nr_spare = 0;
	WRITE_ONCE(ranges->nr_unpinned, 0);
	ranges->nr_purged = 0;
	ranges->nr_both = 0;
}
