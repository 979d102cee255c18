// SPDX-License-Identifier: GPL-2.0-only
/*
 * Purging unpinned pages. One look at the entries of a range in the page cache tells
 * whether purging it frees memory, and whose. The least recently unpinned range of a
 * share goes first.
 */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/xarray.h>

#include "compat.h"
#include "purge.h"
#include "region.h"
#include "regions.h"
#include "shares.h"
#include "trace.h"

/* Pages purged since the module was loaded. */
static atomic_long_t purged_by[ASHMEM_REASONS];

/* Changing more mappings than this takes long. */
#define MANY_MAPPINGS	64

/*
 * Reclaim asks up to 13 times for a charge before it tries the charge again, and tries 16
 * times before it invokes the OOM killer. A memcg with other memory gives it earlier.
 */
#define PRESSES_FOR_CHARGE	12
/* Reclaim for the machine is not for one charge. */
#define PRESSES			100

/* The bytes of a file to unmap at once then, so that the next purges need not. */
#define UNMAP_WINDOW	SZ_16M

/**
 * struct look - what a range has in the page cache
 * @own: pages in memory that the purge is for
 * @other: pages in memory that another memcg pays for, or on another node
 * @swapped: entries of pages that are swapped out
 * @pinned: pages that are pinned for DMA, which purging does not free
 * @where: the share of one of the other pages
 * @lost: one of the other pages is of a share that is not known
 * @locked: a page is locked; if the look was for a share, it ended there
 * @cut: a huge page extends beyond the range
 * @mapped: a page is mapped
 * @mlocked: a page is locked in memory by a mapping
 */
struct look {
	unsigned long own;
	unsigned long other;
	unsigned long swapped;
	unsigned long pinned;
	struct ashmem_share *where;
	bool lost;
	bool locked;
	bool cut;
	bool mapped;
	bool mlocked;
};

static struct xarray *region_entries(const struct ashmem_region *region)
{
	return &region->file->f_mapping->i_pages;
}

/*
 * Is the purge for this page? Without a share it is for all. The caller is in an RCU
 * read-side critical section.
 */
static bool page_wanted(const struct ashmem_purge *purge, struct ashmem_share *share,
			struct page *page)
{
	struct mem_cgroup *payer;

	if (!share)
		return true;
	/* A page may have moved, so that no share is asked for it. Limits are not for a node. */
	if (page_to_nid(page) != purge->quota.nid) {
		struct ashmem_share *other = ashmem_shares_find(share->region, page);

		if (purge->quota.reason != ASHMEM_REASON_LIMIT || (other && other != share))
			return false;
	}
	payer = ashmem_page_payer(page);
	/* With cgroup.memory=nokmem the shares of all memcgs are on the LRU of the root. */
	return payer == purge->memcg || ashmem_memcg_ino(payer) == share->memcg;
}

/*
 * The number of pages of the huge page that an entry belongs to, or 1. The caller holds
 * no reference, so the page may have another use by now.
 */
static unsigned long entry_pages(struct page *head, unsigned long index)
{
	unsigned long nr = PageCompound(head) ? compound_nr(head) : 1;

	return is_power_of_2(nr) && round_down(index, nr) + nr > index ? nr : 1;
}

/* Lets other tasks run in the middle of a walk of the page cache. Return: was that done? */
static bool look_pause(struct xa_state *xas)
{
	if (!need_resched())
		return false;
	xas_pause(xas);
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
	return true;
}

/*
 * Looks at the pages [start, end).
 *
 * A locked page must be left alone in reclaim. The reclaiming task may already hold that lock
 * (splitting and collapsing a huge page allocate under it), and would wait for itself.
 * A lock that another task takes after this look cannot complete a cycle either:
 * before that task waits, it looks too, and finds our lock.
 */
static void range_look(struct ashmem_purge *purge, struct ashmem_share *share,
		       struct ashmem_region *region, unsigned long start, unsigned long end,
		       struct look *look)
{
	XA_STATE(xas, region_entries(region), start);
	struct ashmem_share *where;
	bool locked, pinned, wanted;
	struct page *page, *head;

	memset(look, 0, sizeof(*look));
	rcu_read_lock();
	xas_for_each(&xas, page, end - 1) {
		unsigned long nr, first, pages;

		if (xas_retry(&xas, page))
			continue;
		purge->looked++;
		if (xa_is_value(page)) {
			look->swapped++;
			look_pause(&xas);
			continue;
		}

		head = compound_head(page);
		nr = entry_pages(head, xas.xa_index);
		first = round_down(xas.xa_index, nr);
		pages = min(first + nr, end) - max(first, start);
		locked = ashmem_page_locked(head);
		pinned = ashmem_page_dma_pinned(head);
		wanted = page_wanted(purge, share, head);
		where = wanted ? share : ashmem_shares_find(region, head);
		look->mapped |= ashmem_page_mapped(head);
		look->mlocked |= ashmem_page_mlocked(head);
		/* Was this the page of the entry all the time? */
		if (xas_reload(&xas) != page) {
			xas_reset(&xas);
			continue;
		}

		look->cut |= pages < nr;
		look->locked |= locked;
		if (locked && share)
			break;
		if (pinned) {
			look->pinned += pages;
		} else if (wanted) {
			look->own += pages;
		} else {
			look->other += pages;
			look->where = look->where ?: where;
			look->lost |= !where;
		}
		if (nr > 1)
			xas_set(&xas, first + nr);
		look_pause(&xas);
	}
	rcu_read_unlock();
}

/* Does a huge page that was swapped out as a whole hold @page and extend beyond the range? */
static bool cuts_swapped(const struct ashmem_region *region, unsigned long start,
			 unsigned long end, unsigned long page)
{
	struct xarray *entries = region_entries(region);
	unsigned long first, nr;

	if (!xa_is_value(xa_load(entries, page)))
		return false;
	nr = 1UL << xa_get_order(entries, page);
	first = round_down(page, nr);
	return first < start || first + nr > end;
}

/*
 * shmem would have to swap in such a huge page to split it, under a lock that range_look()
 * cannot see. If memory is too short for that, pinned pages would be at risk.
 */
static bool range_cuts_swapped(const struct ashmem_region *region, unsigned long start,
			       unsigned long end)
{
	return cuts_swapped(region, start, end, start) || cuts_swapped(region, start, end, end - 1);
}

/*
 * Purges the pages [start, end), all of which are unpinned. No task can pin them
 * meanwhile, because the caller holds the region's lock. Afterwards, pinning them
 * reports the purge.
 *
 * This takes neither the inode's lock nor mmap_lock. Punching a hole with fallocate()
 * would take the inode's lock, which MADV_REMOVE holds while it allocates.
 */
static void pages_purge(struct ashmem_purge *purge, struct ashmem_share *share,
			struct ashmem_region *region, unsigned long start, unsigned long end,
			const struct look *look)
{
	u64 began = trace_ashmem_purge_enabled() ? ktime_get_ns() : 0;
	struct address_space *mapping = region->file->f_mapping;
	loff_t first = (loff_t)start << PAGE_SHIFT;
	loff_t behind = (loff_t)end << PAGE_SHIFT;
	unsigned long freed = look->own;
	struct look after;
	LIST_HEAD(left);

	/* Truncation unmaps, page by page, what is mapped from here on. */
	if (look->mapped)
		unmap_mapping_range(mapping, first, behind - first, 0);
	/* A huge page may have been swapped out meanwhile. */
	if (range_cuts_swapped(region, start, end))
		return;
	shmem_truncate_range(file_inode(region->file), first, behind - 1);
	if (look->cut) {
		/* A part of a huge page is freed only if the huge page could be split. */
		range_look(purge, share, region, start, end, &after);
		freed -= min(freed, after.own);
	}

	purge->freed += freed;
	purge->purged += end - start;
	ashmem_account_reclaimed(freed);
	atomic_long_add(end - start, &purged_by[purge->quota.reason]);
	trace_ashmem_purge(region, ashmem_memcg_ino(purge->memcg), start, end, freed,
			   purge->quota.reason, began);
	ashmem_ranges_purge(&region->ranges, start, end, &left);
	ashmem_region_free_ranges(region, &left);
	ashmem_region_tell_purge(region);
}

/*
 * Must a range be left alone? Pages that are pinned for DMA give no memory. But a few of
 * them do not protect the others of the range.
 */
static bool range_busy(const struct look *look)
{
	return look->locked || look->pinned > look->own;
}

/*
 * Purges a range. While more is wanted, also purges the ranges that were unpinned next
 * after it, as long as each is adjacent: pages that were unpinned one by one are purged
 * together.
 */
static void range_purge(struct ashmem_purge *purge, struct ashmem_share *share,
			struct ashmem_range *range, struct look *look)
{
	unsigned long start = range->start, end = range->end;
	struct ashmem_region *region = share->region;
	struct look next;

	if (range->queue == &share->queue) {
		list_for_each_entry_continue(range, &share->queue.ranges, age) {
			if (purge->freed + look->own >= purge->want ||
			    range->unpinned_at > purge->until)
				break;
			if (range->start != end && range->end != start)
				break;
			if (range_cuts_swapped(region, range->start, range->end))
				break;
			range_look(purge, share, region, range->start, range->end, &next);
			if (range_busy(&next) || !next.own)
				break;
			start = min(start, range->start);
			end = max(end, range->end);
			look->own += next.own;
			look->cut |= next.cut;
			look->mapped |= next.mapped;
		}
	}
	pages_purge(purge, share, region, start, end, look);
}

/*
 * May a purge take what is swapped out? An entry does not tell who pays for it: a limit takes
 * only the entries of regions for which its memcg alone has ever paid.
 */
static bool takes_swap(const struct ashmem_purge *purge, const struct ashmem_region *region)
{
	const struct ashmem_share *share;

	if (!ashmem_quota_takes_swap(&purge->quota))
		return false;
	list_for_each_entry(share, &region->shares, link)
		if (purge->quota.memcg && share->memcg != ashmem_memcg_ino(purge->memcg))
			return false;
	return true;
}

/*
 * Finds an unpinned range with a page of the share though it is not in the share's queue:
 * its first page is of another share, or a page came when the region's lock was held.
 * Takes up where the last search ended. Without a result at the end of the file, the
 * share leaves the LRU.
 */
static struct ashmem_range *share_search(struct ashmem_purge *purge, struct ashmem_share *share)
{
	struct ashmem_region *region = share->region;
	struct ashmem_share *owner = NULL;
	struct ashmem_range *range = NULL;
	struct mem_cgroup *payer = NULL;
	bool swap = takes_swap(purge, region);
	struct page *page, *head;
	int nid = NUMA_NO_NODE;
	XA_STATE(xas, region_entries(region), share->cursor);

	if (!share->cursor && !READ_ONCE(share->touched) && !share->passed &&
	    list_is_singular(&region->shares)) {
		ashmem_share_sleep(share);
		return NULL;
	}
	if (!share->cursor) {
		share->passed = false;
		WRITE_ONCE(share->touched, false);
		WRITE_ONCE(share->seen, false);
		/* A page that the search misses comes after this. */
		smp_mb();
	}
	rcu_read_lock();
	xas_for_each(&xas, page, ULONG_MAX) {
		unsigned long first = max(xas.xa_index, share->cursor), nr = 1, behind;
		bool wanted;

		if (xas_retry(&xas, page))
			continue;
		if (purge->looked++ >= ASHMEM_PURGE_LOOKS)
			break;
		if (xa_is_value(page)) {
			share->passed = true;
			wanted = swap;
		} else {
			head = compound_head(page);
			nr = entry_pages(head, xas.xa_index);
			wanted = page_wanted(purge, share, head);
			/* Neighbours often belong to one share. */
			if (ashmem_page_payer(head) != payer || page_to_nid(head) != nid) {
				payer = ashmem_page_payer(head);
				nid = page_to_nid(head);
				owner = ashmem_shares_find(region, head);
			}
			if (xas_reload(&xas) != page) {
				xas_reset(&xas);
				nid = NUMA_NO_NODE;
				continue;
			}
			/* Only a share can find pages that belong to none. */
			if (!owner || owner == share)
				WRITE_ONCE(share->seen, true);
		}
		behind = round_down(xas.xa_index, nr) + nr;
		/* It serves limits only. */
		if (owner == share && !wanted && ashmem_ranges_at(&region->ranges, first, behind))
			share->passed = true;
		range = wanted ? ashmem_ranges_at(&region->ranges, first, behind) : NULL;
		share->cursor = range ? range->end : behind;
		if (range)
			break;
		if (nr > 1)
			xas_set(&xas, behind);
		/* After a pause, another memcg may have the address of the payer. */
		if (look_pause(&xas))
			nid = NUMA_NO_NODE;
	}
	rcu_read_unlock();
	if (!range && !page) {
		share->cursor = 0;
		if (!share->passed && list_empty(&share->queue.ranges)) {
			share->empty = !READ_ONCE(share->seen) && !share->queue.nr_parked;
			ashmem_share_sleep(share);
		}
	}
	return range;
}

/* Do so many mappings have to change that the purge takes long? */
static bool many_mappings(struct address_space *mapping)
{
	struct rb_node *node;
	int nr = 0;

	if (!down_read_trylock(&mapping->i_mmap_rwsem))
		return false;
	for (node = rb_first_cached(&mapping->i_mmap); node && nr < MANY_MAPPINGS; nr++)
		node = rb_next(node);
	up_read(&mapping->i_mmap_rwsem);
	return node;
}

/*
 * May the purge change the mappings of a range now? If they are many, this removes the
 * pages of a larger part of the file from all of them: a task that uses one gets it back
 * by a minor fault.
 */
static bool may_unmap(struct ashmem_purge *purge, struct ashmem_share *share,
		      const struct ashmem_range *range, struct look *look)
{
	struct address_space *mapping = share->region->file->f_mapping;
	loff_t first = round_down((loff_t)range->start << PAGE_SHIFT, UNMAP_WINDOW);
	struct look window;

	if (!many_mappings(mapping))
		return true;
	if (purge->unmapped || (!purge->quota.own && !ashmem_purge_presses(purge))) {
		purge->put_off = true;
		return false;
	}
	purge->unmapped = true;
	/* Without a mapping, a page could be swapped out, which mlock() forbids. */
	range_look(purge, NULL, share->region, first >> PAGE_SHIFT,
		   (first + UNMAP_WINDOW) >> PAGE_SHIFT, &window);
	if (window.mlocked)
		return true;
	unmap_mapping_range(mapping, first, UNMAP_WINDOW, 0);
	look->mapped = ((loff_t)range->end << PAGE_SHIFT) > first + UNMAP_WINDOW;
	return true;
}

/* Where does a range belong that has nothing to purge for this share? */
static void range_move(struct ashmem_share *share, struct ashmem_range *range,
		       const struct look *look)
{
	if (look->lost || look->where == share) {
		/*
		 * A later unpin or fault learns of the share that is not known. Or the page is
		 * on a node without kernel memory, and serves limits only.
		 */
		ashmem_queue_add(&share->queue, range);
	} else if (look->where) {
		ashmem_queue_add(&look->where->queue, range);
		ashmem_shares_list(share->region);
	} else {
		ashmem_queue_forget(range);
	}
}

/**
 * ashmem_purge_goes_on() - is there still something to do?
 * @purge: the purge
 *
 * Looks up how many pages are still missing: other tasks may have freed some.
 *
 * Context: Called by the reclaiming task.
 * Return: false if nothing is missing, if the scan has done enough, or if the task is
 * being killed.
 */
bool ashmem_purge_goes_on(struct ashmem_purge *purge)
{
	unsigned long lacks = ashmem_quota_lacks(&purge->quota, purge->freed);

	purge->want = min(purge->freed + lacks, purge->asked);
	return purge->freed < purge->want && purge->purged < purge->asked &&
	       purge->looked < ASHMEM_PURGE_LOOKS && purge->visits < ASHMEM_PURGE_VISITS &&
	       !fatal_signal_pending(current);
}

/**
 * ashmem_purge_presses() - does reclaim ask so often that it finds no other memory?
 * @purge: the purge
 *
 * What costs others much is left until then.
 *
 * Context: Called by the reclaiming task.
 * Return: true if one of the shares that it met was asked that often in vain.
 */
bool ashmem_purge_presses(const struct ashmem_purge *purge)
{
	return purge->vain >= (purge->quota.memcg ? PRESSES_FOR_CHARGE : PRESSES);
}

/**
 * ashmem_purge_share() - purge the least recently unpinned ranges of a share
 * @purge: the purge
 * @share: the share
 *
 * Passes over ranges that are swapped out, locked, or pinned for DMA.
 *
 * Context: The caller must hold the lock of the share's region.
 * Return: true if something was purged.
 */
bool ashmem_purge_share(struct ashmem_purge *purge, struct ashmem_share *share)
{
	struct ashmem_region *region = share->region;
	unsigned long purged = purge->purged;
	struct ashmem_range *range, *passed = NULL;
	struct look look;
	LIST_HEAD(left);
	bool queued;

	if (!region->ranges.nr_unpinned) {
		if (ashmem_ranges_drop_parked(&region->ranges, ASHMEM_PURGE_LOOKS, &left))
			ashmem_share_sleep(share);
		ashmem_region_free_ranges(region, &left);
		return false;
	}

	while (ashmem_purge_goes_on(purge)) {
		range = ashmem_queue_oldest(&share->queue);
		/* All that is left in the queue was passed over. */
		if (range && range == passed)
			range = NULL;
		if (!range && purge->purged == purged)
			range = share_search(purge, share);
		if (!range)
			break;
		queued = range->queue == &share->queue;
		/* A range that the search found has no place in the order. */
		if (queued && purge->purged > purged && range->unpinned_at > purge->until)
			break;

		purge->looked++;
		range_look(purge, share, region, range->start, range->end, &look);
		if (range_busy(&look) || range_cuts_swapped(region, range->start, range->end)) {
			share->passed = true;
		} else if (!look.own &&
			   !(look.swapped && !look.other && takes_swap(purge, region))) {
			/* A page that is swapped in without a fault is found by a search. */
			share->passed |= look.swapped;
			if (queued)
				range_move(share, range, &look);
			queued = look.lost || look.where == share;
		} else if (!look.mapped || may_unmap(purge, share, range, &look)) {
			range_purge(purge, share, range, &look);
			continue;
		} else {
			/* The search went past it. */
			share->passed = true;
			break;
		}
		if (queued) {
			passed = passed ?: range;
			ashmem_queue_add(&share->queue, range);
		}
	}
	return purge->purged > purged;
}

/*
 * Purges unpinned ranges side by side, for all memcgs. Only the tracepoint tells what that
 * frees. One page that is mapped tells that mappings have to change.
 */
static void run_purge(struct ashmem_purge *purge, struct ashmem_region *region,
		      unsigned long start, unsigned long end)
{
	struct look look;

	range_look(purge, NULL, region, start, start + 1, &look);
	if (!look.mapped || trace_ashmem_purge_enabled())
		range_look(purge, NULL, region, start, end, &look);
	pages_purge(purge, NULL, region, start, end, &look);
}

/* Purges all unpinned ranges of a region, adjacent ones together. Must hold its lock. */
static void region_purge(struct ashmem_purge *purge, struct ashmem_region *region)
{
	unsigned long start = 0, end = 0;
	struct ashmem_range *range;
	struct rb_node *node, *next;

	for (node = rb_first(&region->ranges.unpinned); node; node = next) {
		next = rb_next(node);
		range = rb_entry(node, struct ashmem_range, node);
		cond_resched();
		if (range->parked || range_cuts_swapped(region, range->start, range->end))
			continue;
		if (start < end && range->start != end) {
			run_purge(purge, region, start, end);
			end = start;
			if (fatal_signal_pending(current))
				return;
		}
		if (start == end)
			start = range->start;
		end = range->end;
	}
	if (start < end)
		run_purge(purge, region, start, end);
}

/**
 * ashmem_purge_all() - purge all unpinned pages
 *
 * Context: Process context. Takes the region's locks, so the caller must hold none.
 * Return: the number of pages that were unpinned and not yet purged; -EINTR if the
 * caller is being killed.
 */
long ashmem_purge_all(void)
{
	struct ashmem_purge purge = { .quota.reason = ASHMEM_REASON_REQUEST };
	struct ashmem_region *region;

	for (region = ashmem_regions_next(NULL); region; region = ashmem_regions_next(region)) {
		if (mutex_lock_killable(&region->lock)) {
			ashmem_region_put(region);
			return -EINTR;
		}
		if (region->open)
			region_purge(&purge, region);
		mutex_unlock(&region->lock);
	}
	return purge.purged;
}

/**
 * ashmem_purged_by() - the number of pages purged since the module was loaded
 * @reason: count the pages that were purged for this reason
 *
 * Context: Any.
 * Return: pages.
 */
unsigned long ashmem_purged_by(enum ashmem_reason reason)
{
	return atomic_long_read(&purged_by[reason]);
}
