// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shares of a region. There is one for each memcg and node that has pages of the
 * region. A fault sees each page when it comes, and makes the share that is missing.
 *
 * The LRU has shares, not ranges. A share joins it when something of its region is
 * unpinned, and leaves it when reclaim found nothing to purge in it. So pinning and
 * unpinning do not touch the LRU, and a region is one entry, however many ranges it
 * has. No share keeps its memcg: when a cgroup is removed, list_lru moves its shares to
 * the LRU of the parent.
 */
#include <linux/ktime.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "compat.h"
#include "region.h"
#include "shares.h"

struct list_lru ashmem_share_lru;
static struct kmem_cache *share_cache;

/*
 * The share of a memcg and a node, or NULL. The caller must hold the region's lock, or
 * be in an RCU read-side critical section.
 */
static struct ashmem_share *share_find(struct ashmem_region *region, u64 memcg, int nid)
{
	struct ashmem_share *share;

	list_for_each_entry_rcu(share, &region->shares, link, lockdep_is_held(&region->lock))
		if (share->memcg == memcg && share->nid == nid)
			return share;
	return NULL;
}

/**
 * ashmem_shares_find() - the share that a page belongs to
 * @region: the region
 * @page: a page of its backing file
 *
 * Context: The caller must hold the region's lock, and be in an RCU read-side critical
 * section.
 * Return: the share, or NULL while none is known.
 */
struct ashmem_share *ashmem_shares_find(struct ashmem_region *region, struct page *page)
{
	return share_find(region, ashmem_memcg_ino(ashmem_page_payer(page)), page_to_nid(page));
}

/*
 * The LRU takes node and memcg from the memory of the share itself. So that memory must
 * be charged to this memcg, and be of this node, unless kernel objects cannot be there.
 * Then the share serves limits, but not a lack of memory on its node. Never invokes the
 * OOM killer: the memcg need not be the caller's.
 */
static struct ashmem_share *share_alloc(struct mem_cgroup *memcg, int nid)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN;
	struct mem_cgroup *old = ashmem_set_active_memcg(memcg);
	struct ashmem_share *share;

	/* Only this call makes the lists of the memcg, but it does not take a node. */
	share = ashmem_kmem_cache_alloc_lru(share_cache, &ashmem_share_lru, gfp);
	if (share && page_to_nid(virt_to_page(share)) != nid && node_state(nid, N_NORMAL_MEMORY)) {
		kmem_cache_free(share_cache, share);
		share = kmem_cache_alloc_node(share_cache, gfp | __GFP_THISNODE, nid);
	}
	ashmem_set_active_memcg(old);
	if (!share)
		return NULL;

	memset(share, 0, sizeof(*share));
	ashmem_queue_init(&share->queue);
	INIT_LIST_HEAD(&share->lru);
	share->memcg = ashmem_memcg_ino(memcg);
	share->nid = nid;
	share->touched = true;
	share->seen = true;
	return share;
}

static void share_free(struct rcu_head *rcu)
{
	kmem_cache_free(share_cache, container_of(rcu, struct ashmem_share, rcu));
}

/**
 * ashmem_shares_list() - put all shares of a region on the LRU
 * @region: the region, something of which is unpinned
 *
 * A range has pages of one share only, if there is only one. Otherwise all shares have to
 * search it.
 *
 * Context: The caller must hold the region's lock.
 */
void ashmem_shares_list(struct ashmem_region *region)
{
	struct ashmem_share *share;

	list_for_each_entry(share, &region->shares, link) {
		WRITE_ONCE(share->touched, share->touched || !list_is_singular(&region->shares));
		if (share->listed)
			continue;
		share->cursor = 0;
		share->place = ktime_get_ns();
		WRITE_ONCE(share->listed, true);
		ashmem_list_lru_add(&ashmem_share_lru, &share->lru);
	}
	region->nr_asleep = 0;
}

/**
 * ashmem_share_sleep() - take a share off the LRU, because it has nothing to purge
 * @share: the share
 *
 * The share stays if a page of it came meanwhile. An unpin, or a fault, puts it back.
 *
 * Context: The caller must hold the region's lock.
 */
void ashmem_share_sleep(struct ashmem_share *share)
{
	if (!share->listed)
		return;
	WRITE_ONCE(share->listed, false);
	/* Pairs with the barrier in share_takes(): this task or a fault sees the other. */
	smp_mb();
	if (READ_ONCE(share->touched) && share->region->ranges.nr_unpinned) {
		WRITE_ONCE(share->listed, true);
		return;
	}
	ashmem_list_lru_del(&ashmem_share_lru, &share->lru);
	share->region->nr_asleep++;
}

/* Faults may use the share until the end of their RCU read-side critical sections. */
static void share_unlink(struct ashmem_share *share)
{
	if (share->listed)
		ashmem_list_lru_del(&ashmem_share_lru, &share->lru);
	list_del_rcu(&share->link);
	call_rcu(&share->rcu, share_free);
}

/**
 * ashmem_share_remove() - remove a share if it is empty
 * @share: the share, which the caller must not use afterwards
 *
 * Else a region would keep a share of each cgroup that ever used it. The share stays if a
 * page of it came meanwhile.
 *
 * Context: The caller must hold the region's lock.
 */
void ashmem_share_remove(struct ashmem_share *share)
{
	if (!share->empty)
		return;
	share->empty = false;
	WRITE_ONCE(share->gone, true);
	/* Pairs with the barrier in share_takes(): this task or a fault sees the other. */
	smp_mb();
	if (READ_ONCE(share->seen)) {
		WRITE_ONCE(share->gone, false);
		return;
	}
	share->region->nr_asleep -= !share->listed;
	share_unlink(share);
}

/**
 * ashmem_shares_queue() - add an unpinned range to the queue of the share that it belongs to
 * @region: the region
 * @range: the range, which has no queue
 * @stranger: gets the memcg that pays for the first page, with a reference, if the
 *	region knows no share of it; the caller passes it to ashmem_shares_learn()
 * @nid: gets the node of that page
 *
 * A range without pages joins no queue.
 *
 * Context: The caller must hold the region's lock.
 */
void ashmem_shares_queue(struct ashmem_region *region, struct ashmem_range *range,
			 struct mem_cgroup **stranger, int *nid)
{
	struct ashmem_share *share = NULL;
	unsigned long index = range->start;
	struct mem_cgroup *memcg;
	struct page *page;

	/* Pairs with the barrier in share_takes(). */
	smp_mb();
	rcu_read_lock();
	page = xa_find(&region->file->f_mapping->i_pages, &index, range->end - 1, XA_PRESENT);
	if (xa_is_value(page)) {
		/* A visit looks at all of its pages. */
		share = list_first_or_null_rcu(&region->shares, struct ashmem_share, link);
	} else if (page) {
		page = compound_head(page);
		share = ashmem_shares_find(region, page);
		memcg = ashmem_page_payer(page);
		if (!share && ashmem_memcg_tryget(memcg)) {
			*stranger = memcg;
			*nid = page_to_nid(page);
		}
	}
	rcu_read_unlock();
	if (share)
		ashmem_queue_add(&share->queue, range);
}

/**
 * ashmem_shares_learn() - make a share, and put it on the LRU
 * @region: the region
 * @memcg: the memcg that has a page of the region, or NULL without memcg
 * @nid: the node of that page
 *
 * If this fails, the next fault or unpin that meets such a page tries again.
 *
 * Context: Process context. Takes the region's lock. May reclaim, so the caller must hold
 * no lock of this module, and no page.
 */
void ashmem_shares_learn(struct ashmem_region *region, struct mem_cgroup *memcg, int nid)
{
	struct ashmem_share *share = NULL, *new = NULL;

	for (;;) {
		if (mutex_lock_killable(&region->lock))
			break;
		share = share_find(region, ashmem_memcg_ino(memcg), nid);
		if (!share && new && region->open) {
			share = new;
			share->region = region;
			list_add_rcu(&share->link, &region->shares);
			region->nr_asleep++;
			new = NULL;
		}
		if (share && region->ranges.nr_unpinned)
			ashmem_shares_list(region);
		mutex_unlock(&region->lock);
		if (share || new)
			break;
		new = share_alloc(memcg, nid);
		if (!new)
			break;
	}
	if (new)
		kmem_cache_free(share_cache, new);
}

/*
 * Sees to it that reclaim finds what came: @nr pages from page @index on, if they are
 * unpinned. Return: false if this has to wait for the region's lock.
 */
static bool share_takes(struct ashmem_share *share, unsigned long index, unsigned long nr)
{
	struct ashmem_region *region = share->region;
	struct ashmem_range *range;

	/*
	 * The page is in the file. Pairs with the barriers in ashmem_shares_queue() and
	 * share_search(): the unpin, the search, or this sees the other.
	 */
	smp_mb();
	if (!READ_ONCE(share->seen)) {
		WRITE_ONCE(share->seen, true);
		/* Pairs with the barrier in ashmem_share_remove(). */
		smp_mb();
	}
	if (READ_ONCE(share->gone))
		return false;
	if (!READ_ONCE(region->ranges.nr_unpinned))
		return true;
	if (mutex_trylock(&region->lock)) {
		/* The payer of the page may have changed since the share was found. */
		if (share->gone) {
			mutex_unlock(&region->lock);
			return false;
		}
		range = ashmem_ranges_at(&region->ranges, index, index + nr);
		if (range && !range->queue)
			ashmem_queue_add(&share->queue, range);
		if (range && (range->queue != &share->queue || nr > 1))
			WRITE_ONCE(share->touched, true);
		if (range && !share->listed)
			ashmem_shares_list(region);
		mutex_unlock(&region->lock);
		return true;
	}
	WRITE_ONCE(share->touched, true);
	/* Pairs with the barrier in ashmem_share_sleep(). */
	smp_mb();
	return READ_ONCE(share->listed) && !READ_ONCE(share->gone);
}

/**
 * ashmem_shares_touch() - take notice of a page that a fault brings
 * @file: the backing file
 * @index: the place of the page in the file, in pages
 * @page: the page, locked
 *
 * Context: Called by a fault, which holds mmap_lock or the lock of the VMA. May release
 * the page's lock and take it again.
 * Return: true if the page is locked and still belongs to the file.
 */
bool ashmem_shares_touch(struct file *file, unsigned long index, struct page *page)
{
	struct page *head = compound_head(page);
	unsigned long nr = compound_nr(head);
	struct ashmem_region *region;
	struct ashmem_share *share;
	struct mem_cgroup *memcg;

	rcu_read_lock();
	region = READ_ONCE(file->private_data);
	if (!region)
		goto done;
	memcg = ashmem_page_payer(head);
	share = share_find(region, ashmem_memcg_ino(memcg), page_to_nid(head));
	if (share && share_takes(share, round_down(index, nr), nr))
		goto done;
	if (!kref_get_unless_zero(&region->ref))
		goto done;
	if (!ashmem_memcg_tryget(memcg)) {
		rcu_read_unlock();
		ashmem_region_put(region);
		return true;
	}
	rcu_read_unlock();

	/* The region's lock comes before those of pages. */
	unlock_page(page);
	ashmem_shares_learn(region, memcg, page_to_nid(head));
	ashmem_memcg_put(memcg);
	ashmem_region_put(region);
	lock_page(page);
	return compound_head(page)->mapping == file->f_mapping;

done:
	rcu_read_unlock();
	return true;
}

/**
 * ashmem_shares_clear() - remove all shares of a region that is closed
 * @region: the region, no range of which is in a queue
 *
 * Context: The caller must hold the region's lock.
 */
void ashmem_shares_clear(struct ashmem_region *region)
{
	struct ashmem_share *share, *next;

	list_for_each_entry_safe(share, next, &region->shares, link)
		share_unlink(share);
}

/**
 * ashmem_shares_init() - create the cache of shares
 *
 * Context: Process context, before any region is open.
 * Return: 0 or -ENOMEM.
 */
int __init ashmem_shares_init(void)
{
	share_cache = KMEM_CACHE(ashmem_share, SLAB_ACCOUNT);
	return share_cache ? 0 : -ENOMEM;
}

/**
 * ashmem_shares_exit() - free the cache of shares
 *
 * Context: Process context. No region is left.
 */
void ashmem_shares_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(share_cache);
}
