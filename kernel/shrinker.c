// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LRU of unpinned ranges, and purging.
 *
 * A range is on the list of the memcg that it is charged to: of the one that
 * mapped the region first. Within a region the least recently unpinned range is
 * purged first, always. Between regions the place in the list decides. A range
 * that is unpinned again is put in its new place unless it got its old one less
 * than a second ago: then a second chance has to do, as inodes and dentries
 * have it. So pinning and unpinning the same range again and again does not
 * touch the list, and two ranges of different regions are in the right order
 * if they were last unpinned more than a second apart.
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
MODULE_PARM_DESC(purge, "let memory pressure and drop_caches take unpinned pages (default: Y); a program with CAP_SYS_ADMIN may ask for it in any case");

/* Pages purged since the module was loaded. */
static atomic_long_t purged_by[ASHMEM_REASONS];

static struct kmem_cache *range_cache;
static struct list_lru range_lru;
static struct shrinker *range_shrinker;
/* Older kernels ask a shrinker before it has a list. */
static bool lru_ready;

/* Ranges looked at while the list's lock is held. */
#define WALK_BATCH	64

/* A range keeps its place on the LRU for so long, in jiffies, however often it is unpinned. */
#define PLACE_LASTS	HZ

/**
 * struct purge_walk - what a walk of the LRU is to do, and what it did
 * @walk: the walk itself
 * @want: stop when this many pages of memory were freed
 * @freed: pages of memory freed so far
 * @purged: pages purged so far, those without memory included
 * @reason: why
 * @skipped: a region was left alone because somebody is at work on it
 * @all: purge each region met as a whole, and wait for it if it is in use: not in
 *	reclaim, where who uses it may be who waits
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

/* Membership of the LRU changes under the region's lock only. */
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
 * @memcg: whom to charge, or NULL for the caller's memcg
 *
 * Context: Process context, no lock of ours held: may reclaim.
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
 * ashmem_lru_apply() - bring the LRU up to date with a region's ranges
 * @ranges: the region's ranges
 * @change: what was done to them
 *
 * Some of the ranges that left become spare ones, the others are freed.
 *
 * Context: The region's lock is held.
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
 * ashmem_lru_clear() - forget a region's ranges: every page is pinned
 * @ranges: the region's ranges
 *
 * Context: The region's lock is held.
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

/* Does a huge page that is swapped out as one hold @page and reach beyond the range? */
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
 * Must the range be left alone? In reclaim if one of its pages is locked: who
 * reclaims may hold that lock (the split and the collapse of a huge page allocate
 * under it) and would wait for himself. A lock that is taken after this look
 * can't close a circle either: its holder looks too before it waits, and
 * finds ours.
 *
 * Always if a huge page that is swapped out reaches beyond the range: to be cut it
 * would be swapped in, by a lock that can't be seen here, and if memory is too
 * short for that, pinned pages would be at stake.
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
 * Purges the pages [start, end), all of them unpinned. Nobody can pin them
 * meanwhile, for the region's lock is held; and from here on pinning them answers
 * that they were purged.
 *
 * Neither an inode's lock nor that of the mm is taken, as punching a hole by
 * fallocate would: MADV_REMOVE holds the former while it allocates.
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

/* Purges all that is unpinned, and clears the walk's way. Lock: the region's. */
static void region_purge(struct purge_walk *purge, struct ashmem_region *region)
{
	unsigned long start = 0, end = 0;
	struct rb_node *node, *behind;
	struct ashmem_range *range;

	/* Ranges that lie side by side are purged in one go. */
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
 * Purges a range, and with it those that were unpinned next after it as long as
 * they lie beside it and more is wanted: pages unpinned one by one are purged
 * together. Lock: the region's.
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

/* Acts on the range that the walk met at the list's head. Lock: the region's. */
static void range_visit(struct purge_walk *purge, struct ashmem_region *region,
			struct ashmem_range *met)
{
	struct ashmem_range *oldest;

	if (met->parked) {
		range_drop(region, met);
		return;
	}

	/* What is older in the same region may stand behind, after a second chance. */
	oldest = ashmem_ranges_oldest(&region->ranges);
	if (!range_busy(region, oldest, true))
		range_purge(purge, region, oldest);
	else if (met != oldest && !range_busy(region, met, true))
		range_purge(purge, region, met);
	else
		lru_rotate(met);
}

/*
 * Called under the lock of the list, which keeps the region alive: to close it,
 * one has to take its ranges off the list first. Returns LRU_RETRY with the
 * lock dropped, everything else with the lock held.
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
		/* The range may be gone by now, the region is not. */
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
 * ashmem_purge_all() - purge everything that is unpinned
 *
 * Context: Process context, no lock of ours held.
 * Return: pages that were unpinned and not yet purged.
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
 * ashmem_purged_by() - what was purged since the module was loaded
 * @reason: for that reason
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
 * With .seeks of 0 a shrinker is asked for half of what it says to have, so it says
 * twice what is to be taken. One scan takes it all.
 */
static unsigned long shrinker_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long quota;

	/* Not SHRINK_EMPTY: a memcg would not be asked again once it is switched on. */
	if (!READ_ONCE(purge_wanted))
		return 0;
	/* Pairs with the store in ashmem_shrinker_init(): the LRU is whole. */
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

	/* Twice round the list, for every range may have a second chance. */
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

	/* Who holds a region lets go of it soon; until then a limit must not kill. */
	if (purge.skipped && !purge.freed && purge.reason == ASHMEM_REASON_LIMIT)
		schedule_timeout_killable(1);

	trace_ashmem_shrink_end(sc->nid, sc->memcg, purge.reason, purge.purged, purge.freed);
	sc->nr_scanned = purge.purged;
	return purge.purged ? purge.freed : SHRINK_STOP;
}

/**
 * ashmem_shrinker_init() - make the LRU and register the shrinker
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

	/* Before Linux 6.7 reclaim may be at shrinker_count() by now. */
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
