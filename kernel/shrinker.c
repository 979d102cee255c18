// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LRU of unpinned ranges, and purging.
 *
 * A range is on the list of the memcg that it is charged to, which is the memcg that
 * mapped the region first. Within a region, the least recently unpinned range is
 * always purged first. Between regions, the place on the list decides. A range that
 * is unpinned again moves to a new place, unless it got its old place less than a
 * second ago. In that case it gets only a second chance, like an inode or a dentry.
 * So pinning and unpinning the same range repeatedly does not touch the list, and two
 * ranges of different regions are in the right order if they were last unpinned more
 * than a second apart.
 */
#include <linux/jiffies.h>
#include <linux/list_lru.h>
#include <linux/ktime.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/xarray.h>

#include "compat.h"
#include "quota.h"
#include "ranges.h"
#include "region.h"
#include "shrinker.h"
#include "trace.h"

static bool purge_wanted = true;
module_param_named(purge, purge_wanted, bool, 0644);
MODULE_PARM_DESC(purge, "let memory pressure and drop_caches purge unpinned pages (default: Y); ASHMEM_PURGE_ALL_CACHES, which needs CAP_SYS_ADMIN, always purges");

/* Pages purged since the module was loaded. */
static atomic_long_t purged_by[ASHMEM_REASONS];

static struct kmem_cache *range_cache;
static struct list_lru range_lru;
static struct shrinker *range_shrinker;
/* Older kernels call the shrinker before it has a list. */
static bool lru_ready;

/* The maximum number of ranges to visit in one walk under the list's lock. */
#define WALK_BATCH	64

/* How long a range keeps its place on the LRU, in jiffies, however often it is unpinned. */
#define PLACE_LASTS	HZ

/**
 * struct purge_walk - the task and the results of a walk of the LRU
 * @walk: the walk itself
 * @want: stop when this number of pages of memory was freed
 * @freed: pages of memory freed so far
 * @purged: pages purged so far, including pages that had no memory
 * @reason: why pages are purged
 * @skipped: at least one region was skipped because its lock was held
 * @all: purge each region as a whole, and wait for its lock. Not for reclaim, where
 *	the holder of the lock may be the reclaiming task itself
 */
struct purge_walk {
	struct ashmem_lru_walk walk;
	unsigned long want;
	unsigned long freed;
	unsigned long purged;
	enum ashmem_reason reason;
	bool skipped;
	bool all;
};

static struct ashmem_region *range_region(const struct ashmem_range *range)
{
	return container_of(range->owner, struct ashmem_region, ranges);
}

static void lru_add(struct ashmem_range *range)
{
	range->referenced = false;
	range->placed = jiffies;
	ashmem_list_lru_add(&range_lru, &range->lru);
}

/* The LRU gains and loses ranges under their region's lock only. */
static void lru_del(struct ashmem_range *range)
{
	if (!list_empty(&range->lru))
		ashmem_list_lru_del(&range_lru, &range->lru);
}

static void lru_rotate(struct ashmem_range *range)
{
	lru_del(range);
	lru_add(range);
}

static bool place_is_old(const struct ashmem_range *range)
{
	return time_after(jiffies, range->placed + PLACE_LASTS);
}

/**
 * ashmem_range_alloc() - allocate a range
 * @memcg: the memcg to charge, or NULL for the caller's memcg
 *
 * Context: Process context. May reclaim, so the caller must hold no lock of this
 * module.
 * Return: the range, or NULL.
 */
struct ashmem_range *ashmem_range_alloc(struct mem_cgroup *memcg)
{
	struct mem_cgroup *old = ashmem_set_active_memcg(memcg);
	struct ashmem_range *range;

	range = ashmem_kmem_cache_alloc_lru(range_cache, &range_lru, GFP_KERNEL_ACCOUNT);
	ashmem_set_active_memcg(old);
	return range;
}

/**
 * ashmem_lru_apply() - update the LRU after a change of a region's ranges
 * @ranges: the region's ranges
 * @change: the change
 *
 * Some of the ranges that left become spare ones; the others are freed.
 *
 * Context: The caller must hold the region's lock.
 */
void ashmem_lru_apply(struct ashmem_ranges *ranges, struct ashmem_ranges_change *change)
{
	struct ashmem_range *range, *next;
	struct ashmem_range *renewed = change->renewed;

	list_for_each_entry_safe(range, next, &change->joined, lru) {
		list_del_init(&range->lru);
		lru_add(range);
	}
	list_for_each_entry_safe(range, next, &change->left, age) {
		list_del_init(&range->age);
		lru_del(range);
		if (ranges->nr_spare < ASHMEM_RANGES_SPARE)
			ashmem_ranges_give(ranges, range);
		else
			kmem_cache_free(range_cache, range);
		cond_resched();
	}
	if (renewed && place_is_old(renewed))
		lru_rotate(renewed);
	else if (renewed)
		renewed->referenced = true;
}

/**
 * ashmem_lru_clear() - remove all ranges of a region: every page is pinned
 * @ranges: the region's ranges
 *
 * Context: The caller must hold the region's lock.
 */
void ashmem_lru_clear(struct ashmem_ranges *ranges)
{
	struct ashmem_ranges_change change;
	struct ashmem_range *range, *next;

	ashmem_ranges_change_init(&change);
	ashmem_ranges_clear(ranges, &change);
	list_for_each_entry_safe(range, next, &change.left, age) {
		lru_del(range);
		kmem_cache_free(range_cache, range);
		cond_resched();
	}
}

/* Does a huge page that was swapped out as a whole hold @page and extend beyond @range? */
static bool range_cuts_swapped(const struct ashmem_region *region,
			       const struct ashmem_range *range, unsigned long page)
{
	struct xarray *pages = &region->file->f_mapping->i_pages;
	unsigned long first, nr;

	if (!xa_is_value(xa_load(pages, page)))
		return false;
	nr = 1UL << xa_get_order(pages, page);
	first = round_down(page, nr);
	return first < range->start || first + nr > range->end;
}

/*
 * Must the range be left alone?
 *
 * In reclaim: yes, if one of its pages is locked. The reclaiming task may already hold
 * that lock (splitting and collapsing a huge page allocate under it), and would wait
 * for itself. A lock that another task takes after this check cannot complete a cycle
 * either: before that task waits, it makes the same check, and finds our lock.
 *
 * Always: yes, if a swapped-out huge page extends beyond the range. shmem would have to
 * swap it in to split it, under a lock that this check cannot see. If memory is too
 * short for that, pinned pages would be at risk.
 */
static bool range_busy(const struct ashmem_region *region, const struct ashmem_range *range,
		       bool reclaim)
{
	XA_STATE(xas, &region->file->f_mapping->i_pages, range->start);
	bool busy = false;
	void *entry;

	if (range_cuts_swapped(region, range, range->start) ||
	    range_cuts_swapped(region, range, range->end - 1))
		return true;
	if (!reclaim)
		return false;

	rcu_read_lock();
	xas_for_each(&xas, entry, range->end - 1) {
		if (xas_retry(&xas, entry) || xa_is_value(entry))
			continue;
		busy = ashmem_page_locked(entry);
		if (busy)
			break;
		if (need_resched()) {
			xas_pause(&xas);
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
	return busy;
}

/*
 * Purges the pages [start, end), all of which are unpinned. No task can pin them
 * meanwhile, because the caller holds the region's lock. Afterwards, pinning them
 * reports the purge.
 *
 * This takes neither the inode's lock nor mmap_lock. Punching a hole with fallocate()
 * would take the inode's lock, which MADV_REMOVE holds while it allocates.
 */
static void pages_purge(struct purge_walk *purge, struct ashmem_region *region,
			unsigned long start, unsigned long end)
{
	struct address_space *mapping = region->file->f_mapping;
	loff_t first = (loff_t)start << PAGE_SHIFT;
	loff_t behind = (loff_t)end << PAGE_SHIFT;
	struct ashmem_ranges_change change;
	unsigned long before, after;
	u64 began = trace_ashmem_purge_enabled() ? ktime_get_ns() : 0;

	before = READ_ONCE(mapping->nrpages);
	unmap_mapping_range(mapping, first, behind - first, 0);
	shmem_truncate_range(file_inode(region->file), first, behind - 1);
	after = READ_ONCE(mapping->nrpages);
	if (before > after) {
		ashmem_account_reclaimed(before - after);
		purge->freed += before - after;
	}
	purge->purged += end - start;
	atomic_long_add(end - start, &purged_by[purge->reason]);
	trace_ashmem_purge(region, start, end, max(before, after) - after, purge->reason, began);

	ashmem_ranges_change_init(&change);
	lru_del(ashmem_ranges_purge(&region->ranges, start, end, &change));
	ashmem_lru_apply(&region->ranges, &change);
}

static void range_drop(struct ashmem_region *region, struct ashmem_range *range)
{
	struct ashmem_ranges_change change;

	ashmem_ranges_change_init(&change);
	ashmem_ranges_drop(&region->ranges, range, &change);
	ashmem_lru_apply(&region->ranges, &change);
}

/*
 * Purges all unpinned ranges of a region. Drops parked ranges and rotates busy ones, so
 * that the walk passes them. Must hold the region's lock.
 */
static void region_purge(struct purge_walk *purge, struct ashmem_region *region)
{
	unsigned long start = 0, end = 0;
	struct rb_node *node, *behind;
	struct ashmem_range *range;

	/* Purge adjacent ranges together. */
	for (node = rb_first(&region->ranges.unpinned); node; node = behind) {
		behind = rb_next(node);
		range = rb_entry(node, struct ashmem_range, node);
		cond_resched();
		if (range->parked) {
			range_drop(region, range);
			continue;
		}
		if (range_busy(region, range, false)) {
			lru_rotate(range);
			continue;
		}
		if (start < end && range->start != end) {
			pages_purge(purge, region, start, end);
			cond_resched();
			end = start;
		}
		if (start == end)
			start = range->start;
		end = range->end;
	}
	if (start < end)
		pages_purge(purge, region, start, end);
}

/*
 * Purges a range. While more is wanted, also purges the ranges that were unpinned next
 * after it, as long as each is adjacent: pages that were unpinned one by one are purged
 * together. Must hold the region's lock.
 */
static void range_purge(struct purge_walk *purge, struct ashmem_region *region,
			struct ashmem_range *range)
{
	unsigned long start = range->start, end = range->end;

	list_for_each_entry_continue(range, &region->ranges.age, age) {
		if (end - start >= purge->want - purge->freed)
			break;
		if (range->start != end && range->end != start)
			break;
		if (range_busy(region, range, true))
			break;
		start = min(start, range->start);
		end = max(end, range->end);
	}
	pages_purge(purge, region, start, end);
}

/* Acts on the range at the head of the list. Must hold the region's lock. */
static void range_visit(struct purge_walk *purge, struct ashmem_region *region,
			struct ashmem_range *met)
{
	struct ashmem_range *oldest;

	if (met->parked) {
		range_drop(region, met);
		return;
	}

	/* An older range of this region may be further back, after a second chance. */
	oldest = ashmem_ranges_oldest(&region->ranges);
	if (!range_busy(region, oldest, true))
		range_purge(purge, region, oldest);
	else if (met != oldest && !range_busy(region, met, true))
		range_purge(purge, region, met);
	else
		lru_rotate(met);
}

/*
 * Called under the list's lock, which keeps the region alive: a close has to remove the
 * region's ranges from the list first. Returns LRU_RETRY with the lock dropped, all
 * other values with the lock held.
 */
static enum lru_status range_met(struct ashmem_lru_walk *walk, struct list_head *item,
				 spinlock_t *lock)
	__must_hold(lock)
{
	struct ashmem_range *range = container_of(item, struct ashmem_range, lru);
	struct purge_walk *purge = container_of(walk, struct purge_walk, walk);
	struct ashmem_region *region = range_region(range);

	if (purge->all) {
		kref_get(&region->ref);
		spin_unlock(lock);
		mutex_lock(&region->lock);
		/* The range may be gone by now; the region still exists. */
		region_purge(purge, region);
	} else {
		if (!mutex_trylock(&region->lock)) {
			purge->skipped = true;
			return LRU_ROTATE;
		}
		if (!range->parked && range->referenced && !place_is_old(range)) {
			range->referenced = false;
			range->placed = jiffies;
			mutex_unlock(&region->lock);
			return LRU_ROTATE;
		}
		kref_get(&region->ref);
		spin_unlock(lock);
		range_visit(purge, region, range);
	}
	mutex_unlock(&region->lock);
	ashmem_region_put(region);

	if (purge->freed >= purge->want)
		walk->nr_to_walk = 0;
	__acquire(lock);
	return LRU_RETRY;
}

/**
 * ashmem_purge_all() - purge all unpinned pages
 *
 * Context: Process context. The caller must hold no lock of this module.
 * Return: the number of pages that were unpinned and not yet purged.
 */
unsigned long ashmem_purge_all(void)
{
	struct purge_walk purge = {
		.walk.visit = range_met,
		.want = ULONG_MAX,
		.reason = ASHMEM_REASON_REQUEST,
		.all = true,
	};
	unsigned long *nr_to_walk = &purge.walk.nr_to_walk;
	int nid;

	for_each_node_state(nid, N_NORMAL_MEMORY) {
		unsigned long left = list_lru_count_node(&range_lru, nid);

		while (left) {
			unsigned long batch = min_t(unsigned long, left, WALK_BATCH);

			*nr_to_walk = batch;
			list_lru_walk_node(&range_lru, nid, ashmem_lru_visit, &purge.walk,
					   nr_to_walk);
			if (*nr_to_walk == batch)
				break;
			left -= batch - *nr_to_walk;
			cond_resched();
		}
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

static enum ashmem_reason reclaim_reason(const struct shrink_control *sc)
{
	if (!current->reclaim_state)
		return ASHMEM_REASON_DROP_CACHES;
	if (current_is_kswapd())
		return ASHMEM_REASON_KSWAPD;
	return ashmem_memcg_excess(sc->memcg) ? ASHMEM_REASON_LIMIT : ASHMEM_REASON_RECLAIM;
}

/*
 * With .seeks set to 0, reclaim asks a shrinker for half of the objects that it counts.
 * So this returns twice the number to free. One scan frees all of them.
 */
static unsigned long shrinker_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long quota;

	/* After SHRINK_EMPTY, reclaim would skip the memcg even once purging is on again. */
	if (!READ_ONCE(purge_wanted))
		return 0;
	/* Pairs with the store in ashmem_shrinker_init(): the LRU is complete. */
	if (!smp_load_acquire(&lru_ready) || !list_lru_shrink_count(&range_lru, sc))
		return SHRINK_EMPTY;
	quota = ashmem_quota(sc);
	return quota == ULONG_MAX ? 2 : 2 * quota;
}

static unsigned long shrinker_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct purge_walk purge = {
		.walk.visit = range_met,
		.reason = reclaim_reason(sc),
	};
	unsigned long *nr_to_walk = &purge.walk.nr_to_walk;
	unsigned long left;

	sc->nr_scanned = 0;
	if (!(sc->gfp_mask & __GFP_FS) || !READ_ONCE(purge_wanted))
		return SHRINK_STOP;
	purge.want = ashmem_quota(sc);
	trace_ashmem_shrink_start(sc->nid, sc->memcg, purge.reason, purge.want);

	/* Walk the list twice, because every range may get a second chance. */
	left = 2 * list_lru_shrink_count(&range_lru, sc);
	while (left && purge.freed < purge.want) {
		unsigned long batch = min_t(unsigned long, left, WALK_BATCH);

		*nr_to_walk = batch;
		list_lru_walk_one(&range_lru, sc->nid, sc->memcg, ashmem_lru_visit, &purge.walk,
				  nr_to_walk);
		if (*nr_to_walk == batch)
			break;
		left -= batch - *nr_to_walk;
		cond_resched();
	}

	/* The holder of a skipped region releases it soon. Until then, prevent an OOM kill. */
	if (purge.skipped && !purge.freed && purge.reason == ASHMEM_REASON_LIMIT)
		schedule_timeout_killable(1);

	trace_ashmem_shrink_end(sc->nid, sc->memcg, purge.reason, purge.purged, purge.freed);
	sc->nr_scanned = purge.purged;
	return purge.purged ? purge.freed : SHRINK_STOP;
}

/**
 * ashmem_shrinker_init() - create the LRU and register the shrinker
 *
 * Context: Process context, before any region is open.
 * Return: 0 or a negative error code.
 */
int __init ashmem_shrinker_init(void)
{
	int ret;

	range_cache = KMEM_CACHE(ashmem_range, SLAB_ACCOUNT);
	if (!range_cache)
		return -ENOMEM;

	range_shrinker = ashmem_shrinker_alloc("ashmem", ASHMEM_SCAN_BATCH, shrinker_count, shrinker_scan);
	if (!range_shrinker) {
		ret = -ENOMEM;
		goto err_cache;
	}

	ret = list_lru_init_memcg(&range_lru, range_shrinker);
	if (ret)
		goto err_shrinker;

	/* Before Linux 6.7, reclaim may already call shrinker_count() at this point. */
	smp_store_release(&lru_ready, true);
	ashmem_shrinker_register(range_shrinker);
	return 0;

err_shrinker:
	ashmem_shrinker_free(range_shrinker);
err_cache:
	kmem_cache_destroy(range_cache);
	return ret;
}

/**
 * ashmem_shrinker_exit() - unregister the shrinker and free the LRU
 *
 * No region is left, so the LRU is empty.
 *
 * Context: Process context.
 */
void ashmem_shrinker_exit(void)
{
	ashmem_shrinker_free(range_shrinker);
	list_lru_destroy(&range_lru);
	kmem_cache_destroy(range_cache);
}
