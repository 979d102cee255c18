/* SPDX-License-Identifier: GPL-2.0-only */
/* The shares of a region: who pays for its pages, and on which node they are. */
#ifndef ASHMEM_SHARES_H
#define ASHMEM_SHARES_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "ranges.h"

struct ashmem_region;
struct file;
struct list_lru;
struct mem_cgroup;
struct page;

/**
 * struct ashmem_share - the pages of a region that one memcg pays for on one node
 * @queue: the unpinned ranges whose first page in memory is such a page. Other ranges
 *	may have such pages, too
 * @link: in ashmem_region.shares
 * @lru: in the LRU of the memcg and the node, whose lock also keeps the share alive
 * @region: the region
 * @memcg: the memcg, as ashmem_memcg_ino() numbers it; a number is never used again
 * @nid: the node
 * @listed: is the share on the LRU? Written under the region's lock
 * @touched: a page of this share came since a search began, and is not in the queue.
 *	Written by faults, without a lock
 * @seen: there was a page of this share since a search began. Written by faults, without
 *	a lock
 * @empty: a search of the whole file found no page of this share
 * @gone: the share is being removed from its region
 * @barren: the number of the scan that visited the share last and purged nothing of it, or 0.
 *	That scan does not visit it again
 * @asked: the number of the scan that met the share last. Guarded by the LRU's lock
 * @hits: ashmem_quota_hits() when a scan for a limit last met it. Guarded by the LRU's lock
 * @vain: how many scans for a limit met the share since then, but could not visit it, or put
 *	its purge off. Written under the LRU's lock or the region's
 * @vain_for_machine: the same for scans for the machine
 * @place: the share's place on the LRU: when its oldest range was unpinned at the time
 *	when it got this place. Guarded by the LRU's lock
 * @cursor: the page at which the next search for pages of this share goes on
 * @passed: the search passed pages that a later one may purge: swapped out, locked, pinned
 *	for DMA, or put off
 * @rcu: frees the share after faults that still see it
 */
struct ashmem_share {
	struct ashmem_queue queue;
	struct list_head link;
	struct list_head lru;
	struct ashmem_region *region;
	u64 memcg;
	int nid;
	bool listed;
	bool touched;
	bool seen;
	bool empty;
	bool gone;
	bool passed;
	u64 barren;
	u64 asked;
	unsigned long hits;
	u8 vain;
	u8 vain_for_machine;
	u64 place;
	unsigned long cursor;
	struct rcu_head rcu;
};

extern struct list_lru ashmem_share_lru;

int ashmem_shares_init(void);
void ashmem_shares_exit(void);

void ashmem_shares_queue(struct ashmem_region *region, struct ashmem_range *range,
			 struct mem_cgroup **stranger, int *nid);
void ashmem_shares_learn(struct ashmem_region *region, struct mem_cgroup *memcg, int nid);
bool ashmem_shares_touch(struct file *file, unsigned long index, struct page *page);
struct ashmem_share *ashmem_shares_find(struct ashmem_region *region, struct page *page);
void ashmem_shares_list(struct ashmem_region *region);
void ashmem_share_sleep(struct ashmem_share *share);
void ashmem_share_remove(struct ashmem_share *share);
void ashmem_shares_clear(struct ashmem_region *region);

#endif /* ASHMEM_SHARES_H */
