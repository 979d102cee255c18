// SPDX-License-Identifier: GPL-2.0-only
/*
 * The LRU of unpinned ranges, and purging.
 *
 * A range is on the list of the memcg that it is charged to: of the one that
 * mapped the region first. Within a region the least recently unpinned range is
 * purged first, always. Between regions the place in the list decides, and a
 * range that was unpinned anew while on it is given a second chance, as inodes
 * and dentries are: so pinning and unpinning need not touch the list.
 */
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/list_lru.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/xarray.h>

#include "compat.h"
#include "ranges.h"
#include "region.h"
#include "shrinker.h"

static struct kmem_cache *range_cache;
static struct list_lru range_lru;
static struct shrinker *range_shrinker;
/* Older kernels ask a shrinker before it has a list. */
static bool lru_ready;

/* What is on the LRU, parked ranges included; only the sums mean something. */
static DEFINE_PER_CPU(long, lru_ranges);
static DEFINE_PER_CPU(long, lru_pages);

/* Ranges looked at while the list's lock is held. */
#define WALK_BATCH	64

/**
 * struct purge_walk - what a walk of the LRU is to do, and what it did
 * @walk: the walk itself
 * @want: stop when this many pages were purged
 * @purged: pages purged so far
 * @all: purge each region met as a whole, and wait for it if it is in use: not in
 *	reclaim, where who uses it may be who waits
 */
struct purge_walk {
	struct ashmem_lru_walk walk;
	unsigned long want;
	unsigned long purged;
	bool all;
};

static struct ashmem_region *range_region(const struct ashmem_range *range)
{
	return container_of(range->owner, struct ashmem_region, ranges);
}

static void lru_add(struct ashmem_range *range)
{
	ashmem_list_lru_add(&range_lru, &range->lru);
	this_cpu_inc(lru_ranges);
}

/* Membership of the LRU changes under the region's lock only. */
static void lru_del(struct ashmem_range *range)
{
	if (list_empty(&range->lru))
		return;
	ashmem_list_lru_del(&range_lru, &range->lru);
	this_cpu_dec(lru_ranges);
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
	long pages = ranges->nr_unpinned - change->nr_unpinned;

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
	}
	if (pages)
		this_cpu_add(lru_pages, pages);
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

	ashmem_ranges_change_init(&change, ranges);
	ashmem_ranges_clear(ranges, &change);
	list_for_each_entry_safe(range, next, &change.left, age) {
		lru_del(range);
		kmem_cache_free(range_cache, range);
	}
	this_cpu_sub(lru_pages, change.nr_unpinned);
}

static void lru_rotate(struct ashmem_range *range)
{
	lru_del(range);
	lru_add(range);
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

	rcu_read_lock();
	xas_for_each(&xas, entry, range->end - 1) {
		if (xas_retry(&xas, entry))
			continue;
		if (xa_is_value(entry)) {
			unsigned long pages = 1UL << ashmem_xas_order(&xas);
			unsigned long first = round_down(xas.xa_index, pages);

			busy = first < range->start || first + pages > range->end;
		} else {
			busy = reclaim && ashmem_page_locked(entry);
		}
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
 * Purges an unpinned range. Nobody can pin it meanwhile, for the region's lock
 * is held; and from here on pinning it answers that it was purged.
 *
 * Neither an inode's lock nor that of the mm is taken, as punching a hole by
 * fallocate would: MADV_REMOVE holds the former while it allocates.
 */
static unsigned long range_purge(struct ashmem_region *region, struct ashmem_range *range)
{
	struct address_space *mapping = region->file->f_mapping;
	loff_t start = (loff_t)range->start << PAGE_SHIFT;
	loff_t end = (loff_t)range->end << PAGE_SHIFT;
	unsigned long pages = range->end - range->start;
	unsigned long before, after;
	struct ashmem_ranges_change change;

	lru_del(range);

	before = READ_ONCE(mapping->nrpages);
	unmap_mapping_range(mapping, start, end - start, 0);
	shmem_truncate_range(file_inode(region->file), start, end - 1);
	after = READ_ONCE(mapping->nrpages);
	if (before > after)
		ashmem_account_reclaimed(before - after);

	ashmem_ranges_change_init(&change, &region->ranges);
	ashmem_ranges_purge(&region->ranges, range, &change);
	ashmem_lru_apply(&region->ranges, &change);
	return pages;
}

static void range_drop(struct ashmem_region *region, struct ashmem_range *range)
{
	struct ashmem_ranges_change change;

	ashmem_ranges_change_init(&change, &region->ranges);
	ashmem_ranges_drop(&region->ranges, range, &change);
	ashmem_lru_apply(&region->ranges, &change);
}

/* Purges all that is unpinned, and clears the walk's way. Lock: the region's. */
static unsigned long region_purge(struct ashmem_region *region)
{
	struct ashmem_range *range, *next;
	struct rb_node *node, *behind;
	unsigned long purged = 0;

	list_for_each_entry_safe(range, next, &region->ranges.age, age) {
		if (range_busy(region, range, false))
			lru_rotate(range);
		else
			purged += range_purge(region, range);
	}
	for (node = rb_first(&region->ranges.unpinned); node; node = behind) {
		behind = rb_next(node);
		range = rb_entry(node, struct ashmem_range, node);
		if (range->parked)
			range_drop(region, range);
	}
	return purged;
}

/* Acts on the range that the walk met at the list's head. Lock: the region's. */
static unsigned long range_visit(struct ashmem_region *region, struct ashmem_range *met)
{
	struct ashmem_range *oldest;

	if (met->parked) {
		range_drop(region, met);
		return 0;
	}

	/* What is older in the same region may stand behind, after a second chance. */
	oldest = ashmem_ranges_oldest(&region->ranges);
	if (!range_busy(region, oldest, true))
		return range_purge(region, oldest);
	if (met != oldest && !range_busy(region, met, true))
		return range_purge(region, met);
	lru_rotate(met);
	return 0;
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
		purge->purged += region_purge(region);
	} else {
		if (!mutex_trylock(&region->lock))
			return LRU_ROTATE;
		if (!range->parked && range->referenced) {
			range->referenced = false;
			mutex_unlock(&region->lock);
			return LRU_ROTATE;
		}
		kref_get(&region->ref);
		spin_unlock(lock);
		purge->purged += range_visit(region, range);
	}
	mutex_unlock(&region->lock);
	ashmem_region_put(region);

	if (purge->purged >= purge->want)
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

#ifdef CONFIG_MEMCG
/*
 * Reclaim for a memcg does not see what a shrinker gave, and goes on asking
 * until everything is gone. So we look ourselves what is missing until reclaim's
 * own unit fits under each limit, of the memcg and of those above it. Pages.
 */
static unsigned long memcg_excess(struct mem_cgroup *memcg)
{
	unsigned long excess = 0;

	for (; memcg; memcg = parent_mem_cgroup(memcg)) {
		unsigned long need = page_counter_read(&memcg->memory) + SWAP_CLUSTER_MAX;
		unsigned long limit = min(READ_ONCE(memcg->memory.max),
					  READ_ONCE(memcg->memory.high));

		if (limit < PAGE_COUNTER_MAX && need > limit)
			excess = max(excess, need - limit);
	}
	return excess;
}
#else
static unsigned long memcg_excess(struct mem_cgroup *memcg)
{
	return 0;
}
#endif

/*
 * Tasks that a limit made reclaim not long ago; the pointers are compared, never
 * followed. Two tasks that share a slot cost a few pages too many, or a round.
 */
static struct {
	struct task_struct *task;
	unsigned long until;
} pressed[64];

/*
 * Pages to be given to whoever reclaims. As long as a memcg's limit presses, what
 * is missing; once it no longer does, nothing to the same task, which is still in
 * the same reclaim. Where no limit presses, reclaim is global or proactive, or
 * other pages satisfied the limit: its own unit, each time it asks. kswapd and
 * drop_caches take what they want.
 */
static unsigned long reclaim_quota(const struct shrink_control *sc)
{
	unsigned int slot = hash_ptr(current, ilog2(ARRAY_SIZE(pressed)));
	unsigned long excess;

	if (!current->reclaim_state || current_is_kswapd())
		return ULONG_MAX;

	excess = memcg_excess(sc->memcg);
	if (excess) {
		WRITE_ONCE(pressed[slot].task, current);
		WRITE_ONCE(pressed[slot].until, jiffies + HZ / 5);
		return excess;
	}
	if (READ_ONCE(pressed[slot].task) == current &&
	    time_before(jiffies, READ_ONCE(pressed[slot].until)))
		return 0;
	return SWAP_CLUSTER_MAX;
}

static unsigned long percpu_sum(const long __percpu *counter)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(counter, cpu);
	return max(sum, 0L);
}

/*
 * In pages: the ranges on this list times the average range. With .seeks of 0 a
 * shrinker is asked for half of what it says to have, so it says twice what is to
 * be taken. Only kswapd takes half at a time. drop_caches wants everything, and
 * an average may leave a rest: it gets what all lists have, and scans until
 * this one has no more.
 */
static unsigned long shrinker_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long ranges, pages;

	if (!READ_ONCE(lru_ready))
		return SHRINK_EMPTY;
	ranges = list_lru_shrink_count(&range_lru, sc);
	if (!ranges)
		return SHRINK_EMPTY;

	pages = percpu_sum(&lru_pages);
	if (!current->reclaim_state)
		return 2 * max(pages, 1UL);
	pages = ranges * max(pages / max(percpu_sum(&lru_ranges), 1UL), 1UL);
	if (current_is_kswapd())
		return max(pages, 2UL);
	return 2 * min(pages, reclaim_quota(sc));
}

/* Called anew after each range, as .batch is one page. */
static unsigned long shrinker_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct purge_walk purge = {
		.walk.visit = range_met,
		.want = sc->nr_to_scan,
	};
	unsigned long *nr_to_walk = &purge.walk.nr_to_walk;
	unsigned long left;

	sc->nr_scanned = 0;
	if (!(sc->gfp_mask & __GFP_FS) || !reclaim_quota(sc))
		return SHRINK_STOP;

	/* Twice round the list, for every range may have a second chance. */
	left = 2 * list_lru_shrink_count(&range_lru, sc);
	while (left && purge.purged < purge.want) {
		unsigned long batch = min_t(unsigned long, left, WALK_BATCH);

		*nr_to_walk = batch;
		list_lru_walk_one(&range_lru, sc->nid, sc->memcg, ashmem_lru_visit, &purge.walk,
				  nr_to_walk);
		if (*nr_to_walk == batch)
			break;
		left -= batch - *nr_to_walk;
		cond_resched();
	}

	sc->nr_scanned = purge.purged;
	return purge.purged ?: SHRINK_STOP;
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

	range_shrinker = ashmem_shrinker_alloc("ashmem", shrinker_count, shrinker_scan);
	if (!range_shrinker) {
		ret = -ENOMEM;
		goto err_cache;
	}

	ret = list_lru_init_memcg(&range_lru, range_shrinker);
	if (ret)
		goto err_shrinker;

	WRITE_ONCE(lru_ready, true);
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
