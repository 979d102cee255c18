// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shrinker, and the LRU of shares.
 *
 * A share is on the LRU of the memcg that pays for its pages, for their node. Its place
 * there is the age of its oldest range. Places are corrected when a walk meets a share:
 * its oldest range may have been pinned, purged or unpinned again. So among all regions
 * of a memcg, the least recently unpinned range is purged first.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/shrinker.h>

#include "compat.h"
#include "purge.h"
#include "quota.h"
#include "region.h"
#include "shares.h"
#include "shrinker.h"
#include "trace.h"

static bool purge_wanted = true;
module_param_named(purge, purge_wanted, bool, 0644);
MODULE_PARM_DESC(purge, "let memory pressure and drop_caches purge unpinned pages (default: Y); ASHMEM_PURGE_ALL_CACHES, which needs CAP_SYS_ADMIN, always purges");

static struct shrinker *share_shrinker;
/* Older kernels call the shrinker before it has a list. */
static bool lru_ready;

/* The number of scans. */
static atomic64_t scans = ATOMIC64_INIT(0);

/* The last pause of a scan that held locks keep from everything, in microseconds. */
#define LONGEST_PAUSE	4096

/* The place of a share that is to be visited last. */
#define LAST_PLACE	U64_MAX

/* A scan whose walks purge nothing looks this often for the node with the oldest share. */
#define NODE_TRIES	4

/*
 * Reading a file first takes page cache. Reclaim gets a batch of it at the first four
 * priorities if there are more than about 34 MiB of inactive pages, or less with lru_gen.
 * If there is less, they are in use.
 */
#define READS_WAIT	4

/**
 * struct scan - one scan
 * @walk: the walk of the LRU
 * @number: its number
 * @nid: the node that reclaim named
 * @reads: reclaim is for the readahead of a file
 * @others: the place of the first share on the other nodes
 * @younger: the walk ended because another node has older ranges
 * @purge: whose pages to purge, and the results
 */
struct scan {
	struct ashmem_lru_walk walk;
	u64 number;
	int nid;
	bool reads;
	u64 others;
	bool younger;
	struct ashmem_purge purge;
};

static struct ashmem_share *share_of(struct list_head *item)
{
	return container_of(item, struct ashmem_share, lru);
}

/*
 * Moves a share to its place on the LRU, if it is not there. The list is ordered by
 * place, but for shares that list_lru put at its head when a cgroup was removed. Must
 * hold the list's lock, and that of the region.
 */
static bool share_moves(struct ashmem_share *share, struct list_head *list, const struct scan *scan)
{
	const struct ashmem_range *oldest = ashmem_queue_oldest(&share->queue);
	u64 place = oldest && !share->barren ? oldest->unpinned_at : LAST_PLACE;
	bool moves = place != share->place || (share->barren && share->barren != scan->number);
	int steps = ASHMEM_PURGE_VISITS;
	struct list_head *at;

	if (share->barren != scan->number)
		share->barren = 0;
	if (!moves && (list_is_last(&share->lru, list) ||
		       place <= share_of(share->lru.next)->place))
		return false;
	for (at = list->prev; at != list && steps; at = at->prev, steps--)
		if (at != &share->lru && share_of(at)->place <= place)
			break;
	share->place = place;
	if (at == &share->lru || at == share->lru.prev)
		return false;
	list_move(&share->lru, at);
	return true;
}

/*
 * Counts how often reclaim asks a share for a charge, or for the machine, until it gets
 * something. Must hold the list's lock.
 */
static void share_asked(struct ashmem_share *share, struct scan *scan)
{
	struct ashmem_quota *quota = &scan->purge.quota;
	u8 *counter = quota->memcg ? &share->vain : &share->vain_for_machine;
	u8 vain = READ_ONCE(*counter);

	if (quota->memcg && share->hits != ashmem_quota_hits(quota)) {
		share->hits = ashmem_quota_hits(quota);
		vain = 0;
	}
	/* A walk may meet a share more than once. Reclaim for a limit names each node in turn. */
	if (share->asked != scan->number && quota->nid == scan->nid && vain < U8_MAX)
		vain++;
	share->asked = scan->number;
	WRITE_ONCE(*counter, vain);
	scan->purge.vain = max(scan->purge.vain, vain);
}

/*
 * Called under the list's lock, which keeps the region alive: a close has to remove the
 * region's shares from the list first. A region whose lock is held is passed over.
 * Returns LRU_RETRY with the lock dropped, LRU_SKIP with the lock held.
 */
static enum lru_status share_met(struct ashmem_lru_walk *walk, struct list_head *item,
				 struct list_head *list, spinlock_t *lock)
	__must_hold(lock)
{
	struct scan *scan = container_of(walk, struct scan, walk);
	struct ashmem_share *share = share_of(item);
	struct ashmem_region *region = share->region;
	unsigned long looked;
	bool purged;

	share_asked(share, scan);
	if (scan->reads && scan->purge.vain < READS_WAIT) {
		walk->nr_to_walk = 0;
		return LRU_SKIP;
	}
	if (!mutex_trylock(&region->lock)) {
		scan->purge.missed = true;
		return LRU_SKIP;
	}
	scan->purge.visits++;
	if (share_moves(share, list, scan) || share->barren) {
		mutex_unlock(&region->lock);
		return LRU_SKIP;
	}
	if (share->place > scan->others) {
		mutex_unlock(&region->lock);
		scan->younger = true;
		walk->nr_to_walk = 0;
		return LRU_SKIP;
	}
	scan->purge.until = scan->others;
	if (!list_is_last(item, list))
		scan->purge.until = min(scan->purge.until, share_of(item->next)->place);
	kref_get(&region->ref);
	spin_unlock(lock);

	looked = scan->purge.looked;
	scan->purge.put_off = false;
	purged = ashmem_purge_share(&scan->purge, share);
	if (!purged && scan->purge.looked > looked)
		share->barren = scan->number;
	if (purged || !scan->purge.put_off) {
		WRITE_ONCE(share->vain, 0);
		WRITE_ONCE(share->vain_for_machine, 0);
	}
	ashmem_share_remove(share);
	mutex_unlock(&region->lock);
	ashmem_region_put(region);
	if (!ashmem_purge_goes_on(&scan->purge))
		walk->nr_to_walk = 0;
	__acquire(lock);
	return LRU_RETRY;
}

/**
 * struct holdings - what the shares of an LRU hold
 * @walk: the walk of the LRU
 * @pages: number of pages that may be purged, at most
 */
struct holdings {
	struct ashmem_lru_walk walk;
	unsigned long pages;
};

static enum lru_status share_counted(struct ashmem_lru_walk *walk, struct list_head *item,
				     struct list_head *list, spinlock_t *lock)
	__must_hold(lock)
{
	struct holdings *holdings = container_of(walk, struct holdings, walk);
	const struct ashmem_share *share = share_of(item);
	const struct ashmem_region *region = share->region;
	unsigned long pages = READ_ONCE(share->queue.pages);

	/* A search will tell which of the region's pages belong to the share. */
	if (!pages)
		pages = min(READ_ONCE(region->ranges.nr_unpinned),
			    READ_ONCE(region->file->f_mapping->nrpages));
	holdings->pages += pages;
	return LRU_SKIP;
}

/*
 * The number of pages that a memcg could give on a node, at most. If there are many shares,
 * this is an estimate from the first ones.
 */
static unsigned long lru_pages(struct shrink_control *sc)
{
	unsigned long shares = list_lru_shrink_count(&ashmem_share_lru, sc);
	struct holdings holdings = {
		.walk.visit = share_counted,
		.walk.nr_to_walk = ASHMEM_PURGE_VISITS,
	};

	list_lru_walk_one(&ashmem_share_lru, sc->nid, sc->memcg, ashmem_lru_visit, &holdings.walk,
			  &holdings.walk.nr_to_walk);
	if (shares > ASHMEM_PURGE_VISITS)
		holdings.pages = mult_frac(holdings.pages, shares, ASHMEM_PURGE_VISITS);
	return holdings.pages;
}

/*
 * With .seeks set to 0, reclaim asks for half of what this counts, at any priority:
 * unpinned pages go before pages that have to be written. At least one scan is made.
 */
static unsigned long shrinker_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long pages;

	/* After SHRINK_EMPTY, reclaim would skip the memcg even once purging is on again. */
	if (!READ_ONCE(purge_wanted))
		return 0;
	/* Pairs with the store in ashmem_shrinker_init(): the LRU is complete. */
	if (!smp_load_acquire(&lru_ready) || !list_lru_shrink_count(&ashmem_share_lru, sc))
		return SHRINK_EMPTY;
	pages = lru_pages(sc);
	/* Also without pages: a visit takes such shares off the LRU. */
	return 2 * max(pages, SWAP_CLUSTER_MAX);
}

/**
 * struct head - the first share of a list
 * @walk: the walk of the LRU, which ends there
 * @place: its place
 */
struct head {
	struct ashmem_lru_walk walk;
	u64 place;
};

static enum lru_status head_met(struct ashmem_lru_walk *walk, struct list_head *item,
				struct list_head *list, spinlock_t *lock)
	__must_hold(lock)
{
	container_of(walk, struct head, walk)->place = share_of(item)->place;
	return LRU_SKIP;
}

/*
 * The node to purge on. The limit of a memcg counts the pages of all nodes: the oldest of
 * them goes first. The first share of a list is not older than its place.
 */
static int scan_node(struct scan *scan, const struct shrink_control *sc, bool any)
{
	int nid, found = sc->nid;
	u64 place = LAST_PLACE;

	scan->others = LAST_PLACE;
	if (!any)
		return found;
	for_each_node_state(nid, N_MEMORY) {
		struct head head = {
			.walk.visit = head_met,
			.walk.nr_to_walk = 1,
			.place = LAST_PLACE,
		};

		list_lru_walk_one(&ashmem_share_lru, nid, sc->memcg, ashmem_lru_visit, &head.walk,
				  &head.walk.nr_to_walk);
		if (head.place < place) {
			scan->others = place;
			place = head.place;
			found = nid;
		} else {
			scan->others = min(scan->others, head.place);
		}
	}
	return found;
}

static void lru_walk(struct scan *scan, const struct shrink_control *sc)
{
	struct ashmem_purge *purge = &scan->purge;
	bool any = purge->quota.own && purge->quota.memcg && num_node_state(N_MEMORY) > 1;
	unsigned long purged;
	int tries = NODE_TRIES;

	purge->missed = false;
	do {
		purged = purge->purged;
		purge->quota.nid = scan_node(scan, sc, any && tries);
		scan->younger = false;
		scan->walk.nr_to_walk = ASHMEM_PURGE_VISITS;
		list_lru_walk_one(&ashmem_share_lru, purge->quota.nid, sc->memcg, ashmem_lru_visit,
				  &scan->walk, &scan->walk.nr_to_walk);
		if (purge->purged == purged)
			tries = scan->younger ? tries - 1 : 0;
		/* If the node gave nothing, because of held locks for instance, ask the other one. */
	} while ((scan->younger || (purge->purged == purged && purge->quota.nid != sc->nid)) &&
		 ashmem_purge_goes_on(purge));
}

/*
 * Purges what a walk of the LRU meets. If held locks kept it from everything, and reclaim
 * finds no other memory, gives their holders a chance and walks again: reclaim asks about
 * 200 times before the OOM killer is invoked for what the locks guard, and that may be over
 * before a holder has had a processor. Never waits for a lock itself, because its holder may
 * wait for a page that the reclaiming task has locked.
 */
static void lru_purge(struct scan *scan, const struct shrink_control *sc)
{
	struct ashmem_purge *purge = &scan->purge;
	unsigned long pause;

	for (pause = 64;; pause *= 2) {
		lru_walk(scan, sc);
		if (!purge->missed || purge->purged ||
		    purge->quota.reason > ASHMEM_REASON_RECLAIM ||
		    !ashmem_purge_presses(purge) || pause > LONGEST_PAUSE ||
		    !ashmem_purge_goes_on(purge))
			return;
		usleep_range(pause, 2 * pause);
	}
}

/*
 * A purge may wait for a page that is being swapped out, or for the lock of a page whose
 * holder reclaims memory, and waits for a filesystem. So a task that holds a lock of a
 * filesystem, or is in a transaction, must not purge. Readahead has no __GFP_FS either, but
 * holds only the locks of pages that it will read.
 */
static bool may_wait(gfp_t gfp)
{
	if (gfp & __GFP_FS)
		return true;
	return gfp & __GFP_IO && gfp & __GFP_NORETRY && !current->journal_info &&
	       !(current->flags & PF_KTHREAD);
}

static unsigned long shrinker_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct scan scan = {
		.walk.visit = share_met,
		.number = atomic64_inc_return(&scans),
		.nid = sc->nid,
		.reads = !(sc->gfp_mask & __GFP_FS),
		.purge.memcg = sc->memcg,
		.purge.asked = sc->nr_to_scan,
	};
	struct ashmem_purge *purge = &scan.purge;
	struct ashmem_quota *quota = &purge->quota;
	u64 memcg = ashmem_memcg_ino(sc->memcg);

	sc->nr_scanned = 0;
	if (!READ_ONCE(purge_wanted) || !may_wait(sc->gfp_mask))
		return SHRINK_STOP;
	ashmem_quota_init(quota, sc);
	/* For the machine, kswapd and others ask soon. */
	if ((scan.reads && !quota->memcg) || !ashmem_purge_goes_on(purge))
		return SHRINK_STOP;
	if (!quota->own && !ashmem_turn_comes(quota, memcg))
		return SHRINK_STOP;
	trace_ashmem_shrink_start(sc->nid, memcg, quota->reason, purge->want);

	lru_purge(&scan, sc);
	if (!quota->own && purge->purged)
		ashmem_turn_ends(quota, memcg, lru_pages(sc) + purge->purged, purge->purged);
	trace_ashmem_shrink_end(sc->nid, memcg, quota->reason, purge->purged, purge->freed);
	sc->nr_scanned = max3(purge->purged, purge->looked, purge->visits);
	if (!purge->purged && purge->looked < ASHMEM_PURGE_LOOKS &&
	    purge->visits < ASHMEM_PURGE_VISITS)
		return SHRINK_STOP;
	return purge->freed;
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

	share_shrinker = ashmem_shrinker_alloc("ashmem", SWAP_CLUSTER_MAX, shrinker_count,
					       shrinker_scan);
	if (!share_shrinker)
		return -ENOMEM;

	ret = list_lru_init_memcg(&ashmem_share_lru, share_shrinker);
	if (ret) {
		ashmem_shrinker_free(share_shrinker);
		return ret;
	}

	/* Before Linux 6.7, reclaim may already call shrinker_count() at this point. */
	smp_store_release(&lru_ready, true);
	ashmem_shrinker_register(share_shrinker);
	return 0;
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
	ashmem_shrinker_free(share_shrinker);
	list_lru_destroy(&ashmem_share_lru);
}
