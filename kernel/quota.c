// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much memory reclaim gets from this module, and from whom. The kernel does not pass
 * a shrinker the number of pages that it wants. From 6.4 on, only reclaim for the whole
 * machine counts the pages that a shrinker freed: reclaim for a memcg goes on asking
 * until everything is purged. Therefore this file computes what is missing, anew before
 * each range.
 */
#include <linux/hash.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mmzone.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "compat.h"
#include "quota.h"
#include "region.h"

/* If less swap is free, in pages, what is swapped out is purged, too. */
#define SWAP_SHORT	1024

/**
 * ashmem_limit_lacks() - how many pages a memcg must lose to stay within its limit
 * @usage: pages charged
 * @limit: pages, or PAGE_COUNTER_MAX for none
 *
 * The result leaves room for the largest allocation that may invoke the OOM killer.
 *
 * Return: pages.
 */
unsigned long ashmem_limit_lacks(unsigned long usage, unsigned long limit)
{
	unsigned long need = usage + (1 << PAGE_ALLOC_COSTLY_ORDER);

	return limit < PAGE_COUNTER_MAX && need > limit ? need - limit : 0;
}

/**
 * ashmem_limit_room() - how many pages to free beyond what a limit lacks
 * @lacks: pages from ashmem_limit_lacks()
 *
 * Return: reclaim's batch size, but never more than @lacks.
 */
unsigned long ashmem_limit_room(unsigned long lacks)
{
	return min(lacks, SWAP_CLUSTER_MAX);
}

/* The pages that a memcg must lose to stay @room pages below its limit of memory. */
static unsigned long memory_lacks(struct mem_cgroup *memcg, unsigned long room)
{
#ifdef CONFIG_MEMCG
	return ashmem_limit_lacks(page_counter_read(&memcg->memory) + room,
				  min(READ_ONCE(memcg->memory.max), READ_ONCE(memcg->memory.high)));
#else
	return 0;
#endif
}

/*
 * The same for the limit of memory and swap together, which only version 1 of cgroups has.
 * Version 2 has another counter in its place.
 */
static unsigned long memsw_lacks(struct mem_cgroup *memcg, unsigned long room)
{
#ifdef CONFIG_MEMCG
	if (!cgroup_subsys_on_dfl(memory_cgrp_subsys))
		return ashmem_limit_lacks(page_counter_read(&memcg->memsw) + room,
					  READ_ONCE(memcg->memsw.max));
#endif
	return 0;
}

/* The pages that a memcg must lose to stay @room pages below its limits. */
static unsigned long memcg_lacks(struct mem_cgroup *memcg, unsigned long room)
{
	return max(memory_lacks(memcg, room), memsw_lacks(memcg, room));
}

/*
 * The memcg that lacks most: @memcg itself or an ancestor; or NULL if none lacks any.
 * @memcg is the target of a running reclaim, which keeps it alive.
 */
static struct mem_cgroup *memcg_short(struct mem_cgroup *memcg)
{
	struct mem_cgroup *found = NULL;
	unsigned long lacks, most = 0;

	for (; memcg; memcg = parent_mem_cgroup(memcg)) {
		lacks = memcg_lacks(memcg, 0);
		if (lacks > most) {
			most = lacks;
			found = memcg;
		}
	}
	return found;
}

/*
 * Is this reclaim for a limit that is met by now? It belongs to a task in a memcg that is
 * still close to its limit. A task that writes to memory.reclaim is usually outside.
 */
static bool limit_is_met(struct mem_cgroup *memcg)
{
	bool met = false;

#ifdef CONFIG_MEMCG
	rcu_read_lock();
	for (; memcg && !met; memcg = parent_mem_cgroup(memcg))
		met = memcg_lacks(memcg, 4 * SWAP_CLUSTER_MAX) &&
		      mem_cgroup_is_descendant(mem_cgroup_from_task(current), memcg);
	rcu_read_unlock();
#endif
	return met;
}

/*
 * The free pages that the zones of a node lack to be above a watermark, as kswapd counts them:
 * without those for CMA. What was purged a moment ago may be on the lists of the CPUs,
 * where it does not count as free.
 */
static unsigned long node_lacks(int nid, enum zone_watermarks mark)
{
	unsigned long shortage = 0, credit = ashmem_reclaim_credit();
	struct zone *zone;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++) {
		unsigned long free, wanted;

		zone = &NODE_DATA(nid)->node_zones[i];
		if (!populated_zone(zone))
			continue;
		free = zone_page_state(zone, NR_FREE_PAGES);
		free -= min(free, zone_page_state(zone, NR_FREE_CMA_PAGES));
		wanted = wmark_pages(zone, mark) + 1;
		if (free < wanted)
			shortage += wanted - free;
	}
	return shortage > credit ? shortage - credit : 0;
}

/**
 * ashmem_quota_init() - how many pages of memory to free for the reclaiming task
 * @quota: gets the result
 * @sc: the arguments of the shrinker
 *
 * - drop_caches, and the shrinker's file in debugfs, get what they ask for.
 * - kswapd wants the pages that its node lacks; if it lacks none, one batch at each call:
 *   kswapd also works for large pages.
 * - Reclaim for a memcg wants the pages that the limits lack, while one lacks any.
 * - Other reclaim wants one batch at each call while the node lacks free pages. It may be for
 *   a limit that is met by now: then a node lacks pages only if no task gets one without reclaim.
 * - Otherwise the reason is memory.reclaim, which gets one batch in each of its tries: at
 *   the start of a try no page is credited yet.
 *
 * Context: Called by the reclaiming task.
 */
void ashmem_quota_init(struct ashmem_quota *quota, const struct shrink_control *sc)
{
	struct mem_cgroup *memcg = memcg_short(sc->memcg);

	memset(quota, 0, sizeof(*quota));
	quota->nid = sc->nid;

	if (!current->reclaim_state) {
		quota->reason = ASHMEM_REASON_DROP_CACHES;
		quota->own = true;
		quota->pages = sc->nr_to_scan;
	} else if (current_is_kswapd()) {
		quota->reason = ASHMEM_REASON_KSWAPD;
		quota->pages = node_lacks(sc->nid, WMARK_HIGH) ?:
			       (ashmem_reclaim_credit() ? 0 : SWAP_CLUSTER_MAX);
	} else if (memcg) {
		unsigned long lacks = memcg_lacks(memcg, 0);

		quota->reason = ASHMEM_REASON_LIMIT;
		quota->memcg = memcg;
		quota->own = memcg == sc->memcg;
		quota->room = ashmem_limit_room(lacks);
		quota->pages = lacks + quota->room;
	} else {
		bool met = limit_is_met(sc->memcg);

		quota->reason = ASHMEM_REASON_RECLAIM;
		if (node_lacks(sc->nid, met ? WMARK_MIN : WMARK_HIGH) ||
		    (!ashmem_reclaim_credit() && !met))
			quota->pages = SWAP_CLUSTER_MAX;
	}
}

/**
 * ashmem_quota_lacks() - how many pages are still missing
 * @quota: the quota
 * @freed: pages that this scan freed so far
 *
 * Other tasks may have freed the rest meanwhile.
 *
 * Context: Called by the reclaiming task.
 * Return: pages.
 */
unsigned long ashmem_quota_lacks(const struct ashmem_quota *quota, unsigned long freed)
{
	unsigned long lacks = quota->pages > freed ? quota->pages - freed : 0;
	unsigned long now;

	if (!quota->memcg)
		return lacks;
	now = memcg_lacks(quota->memcg, 0);
	/* Once nothing is missing, the room alone is no reason to purge another range. */
	return now ? min(lacks, now + quota->room) : 0;
}

/**
 * ashmem_quota_takes_swap() - does it help to purge pages that are swapped out?
 * @quota: the quota
 *
 * It frees swap. That helps if swap is short, or if a limit counts memory and swap together
 * and memory alone is within its own limit.
 *
 * Context: Called by the reclaiming task.
 * Return: true if it helps.
 */
bool ashmem_quota_takes_swap(const struct ashmem_quota *quota)
{
	/* The limit of memory may have been met a moment ago. */
	if (quota->memcg)
		return memsw_lacks(quota->memcg, 0) && !memory_lacks(quota->memcg, 0);
	return get_nr_swap_pages() < SWAP_SHORT;
}

/**
 * ashmem_quota_hits() - how often a limit was hit
 * @quota: the quota, of a limit that presses
 *
 * Counts each try to charge a page to this memcg that fails, and each breach of its
 * memory.high, but not what its descendants do.
 *
 * Context: Called by the reclaiming task.
 * Return: a number that may overflow.
 */
unsigned long ashmem_quota_hits(const struct ashmem_quota *quota)
{
#ifdef CONFIG_MEMCG
	return atomic_long_read(&quota->memcg->memory_events_local[MEMCG_MAX]) +
	       atomic_long_read(&quota->memcg->memory_events_local[MEMCG_HIGH]);
#else
	return 0;
#endif
}

/*
 * Turns. Where the limit of an ancestor presses, or the machine lacks memory, reclaim
 * asks one memcg after the other, always in the same order. So that all give in
 * proportion to what they hold, each memcg counts what it gave, as a fraction of its
 * holdings. It is its turn while this is not ahead of the clock of the taker, which is
 * the ancestor or the machine. When every memcg that is asked is ahead, the clock goes on.
 *
 * A record that another one displaces costs fairness, nothing else.
 */
#define TURN_BITS	8
#define TURN_ALL	0x100000ULL /* all that a memcg holds */
#define TURN_STEP	(TURN_ALL >> 8) /* the clock's smallest step */
#define TURN_LEAP	(TURN_ALL >> 3) /* the largest one */

/**
 * struct giver - a memcg and a node that are asked for pages
 * @key: which
 * @given: the fraction of its holdings that it gave, with the clock's offset
 * @holds: pages that it could have given when it gave last
 * @refused: the taker's @gifts, plus 1, when this one refused last
 */
struct giver {
	u64 key;
	u64 given;
	unsigned long holds;
	u64 refused;
};

/**
 * struct taker - a memcg whose limit presses, or 0 for the machine; and a node
 * @key: which
 * @clock: what a giver may have given
 * @next: the least that those who refused have given
 * @gifts: number of gifts, and of steps of the clock
 */
struct taker {
	u64 key;
	u64 clock;
	u64 next;
	u64 gifts;
};

static DEFINE_SPINLOCK(turn_lock); /* guards all givers and takers */
static struct giver givers[1 << TURN_BITS];
static struct taker takers[1 << TURN_BITS];

static u64 turn_key(u64 memcg, int nid)
{
	return (memcg << 10) + nid + 1;
}

static struct taker *taker_find(const struct ashmem_quota *quota)
{
	u64 key = turn_key(ashmem_memcg_ino(quota->memcg), quota->nid);
	struct taker *taker = &takers[hash_64(key, TURN_BITS)];

	if (taker->key != key)
		*taker = (struct taker){ .key = key, .clock = TURN_ALL, .next = U64_MAX };
	return taker;
}

static struct giver *giver_find(const struct taker *taker, u64 memcg, int nid)
{
	u64 key = turn_key(memcg, nid);
	struct giver *giver = &givers[hash_64(key, TURN_BITS)];

	if (giver->key != key)
		*giver = (struct giver){ .key = key };
	/* It may be new, long not asked, or know the clock of another taker. */
	if (giver->given + TURN_LEAP < taker->clock || giver->given > taker->clock + TURN_ALL)
		giver->given = taker->clock;
	return giver;
}

/**
 * ashmem_turn_comes() - is it the turn of a memcg to give pages?
 * @quota: what is missing
 * @memcg: the memcg, as ashmem_memcg_ino() numbers it
 *
 * Context: Any. Takes a spinlock.
 * Return: true if it is. One that is asked again and again, while nobody else gives,
 * soon has its turn.
 */
bool ashmem_turn_comes(const struct ashmem_quota *quota, u64 memcg)
{
	struct taker *taker;
	struct giver *giver;
	bool comes;

	spin_lock(&turn_lock);
	taker = taker_find(quota);
	giver = giver_find(taker, memcg, quota->nid);
	if (giver->given > taker->clock && giver->refused == taker->gifts + 1) {
		u64 step = div64_ul(TURN_ALL * quota->pages, 8 * giver->holds + 1);

		taker->clock = min(taker->next, giver->given) +
			       clamp_t(u64, step, TURN_STEP, TURN_LEAP);
		taker->next = U64_MAX;
		/* Earlier refusals count no more: the new @next does not know them. */
		taker->gifts++;
	}
	comes = giver->given <= taker->clock;
	if (!comes) {
		giver->refused = taker->gifts + 1;
		taker->next = min(taker->next, giver->given);
	}
	spin_unlock(&turn_lock);
	return comes;
}

/**
 * ashmem_turn_ends() - record what a memcg gave
 * @quota: what was missing
 * @memcg: the memcg, as ashmem_memcg_ino() numbers it
 * @holds: pages that it could have given
 * @pages: pages that it gave, at least one
 *
 * Context: Any. Takes a spinlock.
 */
void ashmem_turn_ends(const struct ashmem_quota *quota, u64 memcg, unsigned long holds,
		      unsigned long pages)
{
	struct taker *taker;
	struct giver *giver;

	spin_lock(&turn_lock);
	taker = taker_find(quota);
	taker->gifts++;
	giver = giver_find(taker, memcg, quota->nid);
	giver->given += div64_ul(TURN_ALL * pages, max(holds, pages));
	giver->holds = holds;
	spin_unlock(&turn_lock);
}
