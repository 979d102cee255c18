// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much reclaim is given. A shrinker is not told how many pages are wanted, and
 * from 6.4 on only reclaim for the whole machine sees what one gave: reclaim for a
 * memcg goes on asking until everything is gone. So we look ourselves.
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
 * ashmem_limit_lacks() - what a limit lacks until the largest allocation that it may
 * kill for fits
 * @usage: pages charged
 * @limit: pages, or PAGE_COUNTER_MAX for none
 *
 * Return: pages.
 */
unsigned long ashmem_limit_lacks(unsigned long usage, unsigned long limit)
{
	unsigned long need = usage + (1 << PAGE_ALLOC_COSTLY_ORDER);

	return limit < PAGE_COUNTER_MAX && need > limit ? need - limit : 0;
}

/**
 * ashmem_limit_gets() - what a limit gets
 * @lacks: pages that it lacks
 *
 * Reclaim's own unit on top, so that it does not ask for each page; but never more
 * than twice what it lacks.
 *
 * Return: pages.
 */
unsigned long ashmem_limit_gets(unsigned long lacks)
{
	return min(2 * lacks, lacks + SWAP_CLUSTER_MAX);
}

/**
 * ashmem_memcg_excess() - what the limits of a memcg, and of those above it, get
 * @memcg: the memcg, or NULL
 *
 * Context: Any; the memcg stays, for somebody reclaims for it.
 * Return: pages; 0 if no limit presses.
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

/* Free pages that a node's zones lack until kswapd would rest. */
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
 * ashmem_quota() - pages of memory to be given to whoever reclaims
 * @sc: for whom
 *
 * drop_caches wants all. kswapd wants what its node lacks. As long as a memcg's limit
 * presses, reclaim for it wants what is missing there. While the node is short,
 * everybody wants reclaim's own unit each time they ask. What remains is
 * memory.reclaim, and limits that other pages satisfied: these get one unit in
 * each of their tries, at whose beginning nothing is credited yet.
 *
 * Context: The task that reclaims.
 * Return: pages; ULONG_MAX for all.
 */
unsigned long ashmem_quota(const struct shrink_control *sc)
{
	unsigned long shortage, excess;

	if (!current->reclaim_state)
		/* The shrinker's file in debugfs does say how many. */
		return sc->nr_to_scan > ASHMEM_SCAN_BATCH ? sc->nr_to_scan : ULONG_MAX;

	shortage = node_shortage(sc->nid);
	if (current_is_kswapd())
		return max(shortage, SWAP_CLUSTER_MAX);

	excess = ashmem_memcg_excess(sc->memcg);
	if (excess)
		return excess;
	return shortage || !ashmem_reclaim_credit() ? SWAP_CLUSTER_MAX : 0;
}
