// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much memory reclaim gets from this module. The kernel does not pass a
 * shrinker the number of pages that it wants. From 6.4 on, only reclaim for the
 * whole machine counts the pages that a shrinker freed: reclaim for a memcg goes on
 * asking until everything is purged. Therefore this file computes the number.
 */
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mmzone.h>
#include <linux/shrinker.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "compat.h"
#include "quota.h"

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
 * ashmem_limit_gets() - how many pages to free for a limit
 * @lacks: pages from ashmem_limit_lacks()
 *
 * Adds reclaim's batch size, so that reclaim need not ask for each page, but never
 * returns more than twice @lacks.
 *
 * Return: pages.
 */
unsigned long ashmem_limit_gets(unsigned long lacks)
{
	return min(2 * lacks, lacks + SWAP_CLUSTER_MAX);
}

/**
 * ashmem_memcg_excess() - how many pages to free for the limits of a memcg
 * @memcg: the memcg, or NULL
 *
 * The limits of all ancestors count too.
 *
 * Context: Any. The memcg must be the target of a running reclaim, which keeps it
 * alive.
 * Return: pages; 0 if no limit is close.
 */
unsigned long ashmem_memcg_excess(struct mem_cgroup *memcg)
{
	unsigned long lacks = 0;

#ifdef CONFIG_MEMCG
	for (; memcg; memcg = parent_mem_cgroup(memcg)) {
		unsigned long limit = min(READ_ONCE(memcg->memory.max),
					  READ_ONCE(memcg->memory.high));

		lacks = max(lacks, ashmem_limit_lacks(page_counter_read(&memcg->memory), limit));
	}
#endif
	return ashmem_limit_gets(lacks);
}

/* The free pages that the zones of a node lack until kswapd stops. */
static unsigned long node_shortage(int nid)
{
	unsigned long shortage = 0;
	struct zone *zone;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++) {
		unsigned long free, high;

		zone = &NODE_DATA(nid)->node_zones[i];
		if (!populated_zone(zone))
			continue;
		free = zone_page_state(zone, NR_FREE_PAGES);
		high = high_wmark_pages(zone);
		if (free < high)
			shortage += high - free;
	}
	return shortage;
}

/**
 * ashmem_quota() - how many pages of memory to free for the reclaiming task
 * @sc: the arguments of the shrinker
 *
 * - drop_caches wants all pages.
 * - kswapd wants the pages that its node lacks, and at least one batch.
 * - Reclaim for a memcg wants the pages that the limits lack, while one lacks any.
 * - Other reclaim wants one batch at each call while the node lacks free pages.
 * - Otherwise the reason is memory.reclaim, or a limit for which other pages were
 *   enough. It gets one batch in each of its tries: at the start of a try no page is
 *   credited yet.
 *
 * Context: Called by the reclaiming task.
 * Return: pages; ULONG_MAX for all.
 */
unsigned long ashmem_quota(const struct shrink_control *sc)
{
	unsigned long shortage, excess;

	if (!current->reclaim_state)
		/* The shrinker's file in debugfs does pass the number. */
		return sc->nr_to_scan > ASHMEM_SCAN_BATCH ? sc->nr_to_scan : ULONG_MAX;

	shortage = node_shortage(sc->nid);
	if (current_is_kswapd())
		return max(shortage, SWAP_CLUSTER_MAX);

	excess = ashmem_memcg_excess(sc->memcg);
	if (excess)
		return excess;
	return shortage || !ashmem_reclaim_credit() ? SWAP_CLUSTER_MAX : 0;
}
