// SPDX-License-Identifier: GPL-2.0-only
/*
 * One region: its name, size, protection mask, mappings and pins.
 */
#include <linux/err.h>
#include <linux/memcontrol.h>
#include <linux/mman.h>
#include <linux/personality.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "backing.h"
#include "compat.h"
#include "region.h"
#include "regions.h"
#include "shares.h"
#include "trace.h"

static struct kmem_cache *range_cache;
static atomic64_t last_id = ATOMIC64_INIT(0);

/**
 * ashmem_region_create() - create an empty region
 *
 * Return: a region with one reference, or an error pointer (-ENOMEM).
 */
struct ashmem_region *ashmem_region_create(void)
{
	struct ashmem_region *region = kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);

	if (!region)
		return ERR_PTR(-ENOMEM);

	kref_init(&region->ref);
	mutex_init(&region->lock);
	init_waitqueue_head(&region->purges);
	region->open = true;
	ashmem_ranges_init(&region->ranges);
	INIT_LIST_HEAD(&region->shares);
	region->prot_mask = PROT_READ | PROT_WRITE | PROT_EXEC;
	memcpy(region->path, ASHMEM_NAME_PREFIX, ASHMEM_PREFIX_LEN);
	region->id = atomic64_inc_return(&last_id);
	region->pid = task_tgid_nr(current);
	ashmem_regions_add(region);
	trace_ashmem_create(region);
	return region;
}

static void region_free(struct kref *ref)
{
	struct ashmem_region *region = container_of(ref, struct ashmem_region, ref);

	ashmem_regions_del(region);
	if (region->file)
		fput(region->file);
	if (region->private_file)
		fput(region->private_file);
	mutex_destroy(&region->lock);
	kfree_rcu(region, rcu);
}

/**
 * ashmem_region_put() - drop a reference to a region
 * @region: the region
 *
 * Context: Any. The caller must not hold the region's lock.
 */
void ashmem_region_put(struct ashmem_region *region)
{
	kref_put(&region->ref, region_free);
}

/**
 * ashmem_region_close() - release a region when its last descriptor is closed
 * @region: the region
 *
 * Mappings stay valid. No process can pin pages any more, so the unpinned pages that
 * are not purged yet become pinned for good.
 *
 * Context: Process context. Takes the region's lock.
 */
void ashmem_region_close(struct ashmem_region *region)
{
	struct ashmem_range *range, *next;
	LIST_HEAD(left);

	mutex_lock(&region->lock);
	region->open = false;
	if (region->file)
		WRITE_ONCE(region->file->private_data, NULL);
	ashmem_ranges_clear(&region->ranges, &left);
	ashmem_shares_clear(region);
	mutex_unlock(&region->lock);

	list_for_each_entry_safe(range, next, &left, age) {
		kmem_cache_free(range_cache, range);
		cond_resched();
	}

	ashmem_region_put(region);
}

/**
 * ashmem_region_set_name() - set the name of a region that was never mapped
 * @region: the region
 * @name: what /proc/PID/maps shows after /dev/ashmem/; "" for no name
 *
 * Context: Process context. Takes the region's lock.
 * Return: 0; -EINVAL once the region was mapped; -EINTR if the caller is being killed.
 */
int ashmem_region_set_name(struct ashmem_region *region, const char *name)
{
	int ret = mutex_lock_killable(&region->lock);

	if (ret)
		return ret;
	ret = -EINVAL;
	if (!region->file) {
		strscpy(region->path + ASHMEM_PREFIX_LEN, name, ASHMEM_NAME_LEN);
		ret = 0;
	}
	mutex_unlock(&region->lock);
	return ret;
}

/**
 * ashmem_region_get_name() - get the name of a region
 * @region: the region
 * @name: gets the name, or ASHMEM_NAME_DEF while none is set
 *
 * Context: Process context. Takes the region's lock.
 * Return: 0, or -EINTR if the caller is being killed.
 */
int ashmem_region_get_name(struct ashmem_region *region, char name[ASHMEM_NAME_LEN])
{
	int ret = mutex_lock_killable(&region->lock);

	if (ret)
		return ret;
	strscpy(name, ashmem_region_name(region), ASHMEM_NAME_LEN);
	mutex_unlock(&region->lock);
	return 0;
}

/**
 * ashmem_region_set_size() - set the size of a region that was never mapped
 * @region: the region
 * @size: bytes, any number; 0 unsets it
 *
 * Context: Process context. Takes the region's lock.
 * Return: 0; -EINVAL once the region was mapped; -EINTR if the caller is being killed.
 */
int ashmem_region_set_size(struct ashmem_region *region, size_t size)
{
	int ret = mutex_lock_killable(&region->lock);

	if (ret)
		return ret;
	ret = -EINVAL;
	if (!region->file) {
		WRITE_ONCE(region->size, size);
		ret = 0;
	}
	mutex_unlock(&region->lock);
	return ret;
}

/**
 * ashmem_region_get_size() - get the size of a region
 * @region: the region
 *
 * Return: bytes, as set; 0 while unset.
 */
size_t ashmem_region_get_size(struct ashmem_region *region)
{
	return READ_ONCE(region->size);
}

/**
 * ashmem_region_set_prot_mask() - remove protection bits from future mappings
 * @region: the region
 * @prot: the PROT_ bits to keep
 *
 * Context: Process context. Takes the region's lock.
 * Return: 0; -EINVAL if @prot has a bit that the mask lacks; -EINTR if the caller is being
 * killed.
 */
int ashmem_region_set_prot_mask(struct ashmem_region *region, unsigned long prot)
{
	int ret = mutex_lock_killable(&region->lock);

	if (ret)
		return ret;
	ret = -EINVAL;
	if (!(prot & ~region->prot_mask)) {
		/* Does the caller's personality let PROT_READ imply PROT_EXEC? */
		if ((prot & PROT_READ) && (current->personality & READ_IMPLIES_EXEC))
			prot |= PROT_EXEC;
		WRITE_ONCE(region->prot_mask, region->prot_mask & prot);
		ret = 0;
	}
	mutex_unlock(&region->lock);
	return ret;
}

/**
 * ashmem_region_get_prot_mask() - get the protection mask of a region
 * @region: the region
 *
 * Return: PROT_ bits.
 */
unsigned long ashmem_region_get_prot_mask(struct ashmem_region *region)
{
	return READ_ONCE(region->prot_mask);
}

/**
 * ashmem_region_file() - get the backing file of a region
 * @region: the region
 *
 * Return: the file, valid as long as the caller holds a reference to the region,
 * or NULL before the first mmap.
 */
struct file *ashmem_region_file(struct ashmem_region *region)
{
	/* Pairs with the release in ashmem_region_map(). */
	return smp_load_acquire(&region->file);
}

/* The pages of a region, including a partial last one; cannot overflow. */
static unsigned long region_pages(const struct ashmem_region *region)
{
	return (region->size >> PAGE_SHIFT) + !!(region->size & ~PAGE_MASK);
}

/* Converts PROT_ bits, which equal VM_READ, VM_WRITE and VM_EXEC, to VM_MAY bits. */
static vm_flags_t may_flags(unsigned long prot)
{
	return (prot & PROT_READ ? VM_MAYREAD : 0) | (prot & PROT_WRITE ? VM_MAYWRITE : 0) |
	       (prot & PROT_EXEC ? VM_MAYEXEC : 0);
}

static int map_check(const struct ashmem_region *region, struct vm_area_struct *vma)
{
	unsigned long pages = region_pages(region);

	if (vma_pages(vma) > pages || vma->vm_pgoff > pages - vma_pages(vma))
		return -EINVAL;
	if (vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC) & ~region->prot_mask)
		return -EPERM;
	return 0;
}

/**
 * struct new_files - files for a region, created without its lock
 * @file: a backing file, or NULL
 * @private_file: a file for private mappings, or NULL
 * @size: the size of both, in bytes
 * @path: their name
 */
struct new_files {
	struct file *file;
	struct file *private_file;
	size_t size;
	char path[ASHMEM_PREFIX_LEN + ASHMEM_NAME_LEN];
};

static void files_put(struct new_files *files)
{
	if (files->file)
		fput(files->file);
	if (files->private_file)
		fput(files->private_file);
	files->file = NULL;
	files->private_file = NULL;
}

static int file_create(const struct new_files *files, struct file **file)
{
	const char *path = files->path[ASHMEM_PREFIX_LEN] ? files->path : ASHMEM_NAME_DEF;
	struct file *new = ashmem_backing_create(path, files->size);

	if (IS_ERR(new))
		return PTR_ERR(new);
	*file = new;
	return 0;
}

/*
 * Takes the region's lock, checks @vma, and creates the files that the mapping needs.
 * Return: 0 with the lock held, or an error without it.
 */
static int map_begin(struct ashmem_region *region, struct vm_area_struct *vma, bool shared,
		     struct new_files *files)
{
	bool lacks_file, lacks_private;
	int ret;

	for (;;) {
		ret = mutex_lock_killable(&region->lock);
		if (ret)
			return ret;
		ret = map_check(region, vma);
		if (ret)
			break;
		lacks_file = !region->file;
		lacks_private = !shared && !region->private_file;
		if (!lacks_file && !lacks_private)
			return 0;
		/* Name and size may change until the region has a backing file. */
		if ((files->file || !lacks_file) && (files->private_file || !lacks_private) &&
		    files->size == region->size && !strcmp(files->path, region->path))
			return 0;
		files->size = region->size;
		strscpy(files->path, region->path, sizeof(files->path));
		mutex_unlock(&region->lock);

		files_put(files);
		if (lacks_file)
			ret = file_create(files, &files->file);
		if (!ret && lacks_private)
			ret = file_create(files, &files->private_file);
		if (ret)
			return ret;
	}
	mutex_unlock(&region->lock);
	return ret;
}

/**
 * ashmem_region_map() - set up a mapping of a region
 * @region: the region
 * @vma: the new mapping
 *
 * The first mapping creates the backing file, and fixes name and size.
 *
 * A private mapping is anonymous memory that shows the region's name. It is linked
 * to a separate, empty file. If it were linked to the backing file, it would lose
 * the huge pages that faults gave it when a purge unmaps a range of that file.
 *
 * Context: Called by mmap(2). The caller must hold mmap_lock for writing. Takes the
 * region's lock.
 * Return: 0; -EINVAL if the region has no size, if @vma reaches beyond the region, or
 * if the architecture does not support the VM flags; -EPERM if the protection mask
 * does not allow @vma; -ENOMEM; -EINTR if the caller is being killed; or another error
 * of shmem.
 */
int ashmem_region_map(struct ashmem_region *region, struct vm_area_struct *vma)
{
	/* VM_SHARED is not set for a read-only descriptor. */
	bool shared = vma->vm_flags & VM_MAYSHARE;
	struct new_files files = {};
	int ret;

	ret = map_begin(region, vma, shared, &files);
	if (ret)
		goto out;

	ashmem_vm_flags_clear(vma, may_flags(~region->prot_mask));
	ret = shared ? ashmem_backing_map(region->file ?: files.file, vma) :
		       ashmem_backing_map_private(region->private_file ?: files.private_file, vma);
	if (!ret && !region->file) {
		files.file->private_data = region;
		/* Pairs with the acquire in ashmem_region_file(). */
		smp_store_release(&region->file, files.file);
		files.file = NULL;
	}
	if (!ret && !shared && !region->private_file) {
		region->private_file = files.private_file;
		files.private_file = NULL;
	}
	if (!ret)
		trace_ashmem_map(region, vma);
	mutex_unlock(&region->lock);
out:
	files_put(&files);
	return ret;
}

/* Converts a client's range to the pages [start, end). Must hold the region's lock. */
static int pin_range(const struct ashmem_region *region, const struct ashmem_pin64 *pin,
		     unsigned long *start, unsigned long *end)
{
	u64 limit = (u64)region_pages(region) << PAGE_SHIFT;

	if (!region->file)
		return -EINVAL;
	if (!IS_ALIGNED(pin->offset | pin->len, PAGE_SIZE))
		return -EINVAL;
	/* Android's driver accepts the range without a page at the end of the region. */
	if (pin->offset > limit || pin->len > limit - pin->offset)
		return -EINVAL;

	*start = pin->offset >> PAGE_SHIFT;
	*end = (pin->len ? pin->offset + pin->len : limit) >> PAGE_SHIFT;
	return 0;
}

/**
 * ashmem_region_free_ranges() - keep some ranges as spare ones, and free the others
 * @region: the region
 * @left: ranges in no tree, linked by ->age
 *
 * Context: The caller must hold the region's lock.
 */
void ashmem_region_free_ranges(struct ashmem_region *region, struct list_head *left)
{
	struct ashmem_range *range, *next;

	list_for_each_entry_safe(range, next, left, age) {
		list_del_init(&range->age);
		if (region->ranges.nr_spare < ASHMEM_RANGES_SPARE)
			ashmem_ranges_give(&region->ranges, range);
		else
			kmem_cache_free(range_cache, range);
		cond_resched();
	}
}

/*
 * Adds a spare range to the region. It is charged to the caller's memcg. Memory is never
 * allocated under the region's lock.
 */
static int region_stock(struct ashmem_region *region)
{
	struct ashmem_range *range = kmem_cache_alloc(range_cache, GFP_KERNEL_ACCOUNT);
	int ret;

	if (!range)
		return -ENOMEM;
	INIT_LIST_HEAD(&range->age);

	ret = mutex_lock_killable(&region->lock);
	if (ret) {
		kmem_cache_free(range_cache, range);
		return ret;
	}
	ashmem_ranges_give(&region->ranges, range);
	mutex_unlock(&region->lock);
	return 0;
}

typedef int (*pin_call)(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
			struct list_head *left);

static int region_pin(struct ashmem_region *region, const struct ashmem_pin64 *pin, pin_call call)
{
	unsigned long start, end;
	LIST_HEAD(left);
	int ret;

	do {
		ret = mutex_lock_killable(&region->lock);
		if (ret)
			break;
		ret = pin_range(region, pin, &start, &end);
		if (!ret && start < end)
			ret = call(&region->ranges, start, end, &left);
		ashmem_region_free_ranges(region, &left);
		mutex_unlock(&region->lock);
	} while (ret == -ENOBUFS && !(ret = region_stock(region)));

	return ret;
}

/**
 * ashmem_region_pin() - protect a range from purging
 * @region: the region
 * @pin: the range
 *
 * Context: Process context. Takes the region's lock.
 * Return: ASHMEM_NOT_PURGED if every byte is intact, and stays so until it is
 * unpinned; ASHMEM_WAS_PURGED; -EINVAL for a bad range or before the first mmap;
 * -ENOMEM or -EINTR, and nothing changed.
 */
int ashmem_region_pin(struct ashmem_region *region, const struct ashmem_pin64 *pin)
{
	int ret = region_pin(region, pin, ashmem_ranges_pin);

	trace_ashmem_pin(region, pin, ret);
	return ret;
}

/**
 * ashmem_region_pin_intact() - protect a range from purging, unless it was purged
 * @region: the region
 * @pin: the range
 *
 * For callers that must deliver the result "purged" before pinning clears the record
 * of the purge.
 *
 * Context: Process context. Takes the region's lock.
 * Return: ASHMEM_NOT_PURGED, as ashmem_region_pin(); ASHMEM_WAS_PURGED, and
 * nothing changed; -EINVAL for a bad range or before the first mmap; -ENOMEM
 * or -EINTR, and nothing changed.
 */
int ashmem_region_pin_intact(struct ashmem_region *region, const struct ashmem_pin64 *pin)
{
	int ret = region_pin(region, pin, ashmem_ranges_pin_intact);

	if (ret != ASHMEM_WAS_PURGED)
		trace_ashmem_pin(region, pin, ret);
	return ret;
}

/**
 * ashmem_region_unpin() - allow a range to be purged
 * @region: the region
 * @pin: the range
 *
 * Context: Process context. Takes the region's lock.
 * Return: 0; -EINVAL for a bad range or before the first mmap; -ENOMEM or
 * -EINTR, and nothing changed.
 */
int ashmem_region_unpin(struct ashmem_region *region, const struct ashmem_pin64 *pin)
{
	struct ashmem_range *range = NULL;
	struct mem_cgroup *memcg = NULL;
	int ret, nid = NUMA_NO_NODE;
	unsigned long start, end;
	LIST_HEAD(left);

	do {
		ret = mutex_lock_killable(&region->lock);
		if (ret)
			break;
		ret = pin_range(region, pin, &start, &end);
		if (!ret && start < end) {
			range = ashmem_ranges_unpin(&region->ranges, start, end, &left);
			ret = range ? 0 : -ENOBUFS;
		}
		if (range) {
			range->unpinned_at = ktime_get_ns();
			if (!range->queue)
				ashmem_shares_queue(region, range, &memcg, &nid);
			if (region->nr_asleep || !list_is_singular(&region->shares))
				ashmem_shares_list(region);
			ashmem_region_free_ranges(region, &left);
		}
		mutex_unlock(&region->lock);
	} while (ret == -ENOBUFS && !(ret = region_stock(region)));

	if (nid != NUMA_NO_NODE) {
		ashmem_shares_learn(region, memcg, nid);
		ashmem_memcg_put(memcg);
	}
	trace_ashmem_unpin(region, pin, ret);
	return ret;
}

/**
 * ashmem_region_pin_status() - check whether a range is pinned
 * @region: the region
 * @pin: the range
 *
 * Context: Process context. Takes the region's lock.
 * Return: ASHMEM_IS_PINNED if every page is pinned; ASHMEM_IS_UNPINNED; -EINVAL for a
 * bad range or before the first mmap.
 */
int ashmem_region_pin_status(struct ashmem_region *region, const struct ashmem_pin64 *pin)
{
	unsigned long start, end;
	int ret = mutex_lock_killable(&region->lock);

	if (ret)
		return ret;
	ret = pin_range(region, pin, &start, &end);
	if (!ret)
		ret = ashmem_ranges_pinned(&region->ranges, start, end) ? ASHMEM_IS_PINNED :
									  ASHMEM_IS_UNPINNED;
	mutex_unlock(&region->lock);
	return ret;
}

/**
 * ashmem_region_get_info() - get the state of a region
 * @region: the region
 * @info: gets the state, as of one moment
 *
 * Context: Process context. Takes the region's lock.
 * Return: 0, or -EINTR if the caller is being killed.
 */
int ashmem_region_get_info(struct ashmem_region *region, struct ashmem_info *info)
{
	const struct ashmem_ranges *ranges = &region->ranges;
	unsigned long pages;
	int ret = mutex_lock_killable(&region->lock);

	if (ret)
		return ret;
	memset(info, 0, sizeof(*info));
	info->struct_size = sizeof(*info);
	info->version = ASHMEM_INFO_VERSION;
	pages = region_pages(region) - ashmem_ranges_not_pinned(ranges);
	info->size = region->size;
	info->pinned = (u64)pages << PAGE_SHIFT;
	info->unpinned = (u64)ranges->nr_unpinned << PAGE_SHIFT;
	info->purged = (u64)ranges->nr_purged << PAGE_SHIFT;
	info->prot_mask = region->prot_mask;
	if (region->file) {
		info->file_id = file_inode(region->file)->i_ino;
		info->flags = ASHMEM_INFO_MAPPED;
	}
	mutex_unlock(&region->lock);
	return 0;
}

/**
 * ashmem_region_tell_purge() - wake the tasks that poll a region: pages were purged
 * @region: the region
 *
 * Context: Process context. Allocates nothing.
 */
void ashmem_region_tell_purge(struct ashmem_region *region)
{
	if (!xchg(&region->news, true))
		wake_up_interruptible_poll(&region->purges, EPOLLPRI);
}

/**
 * ashmem_region_age() - get the age of the oldest range that may be purged
 * @region: the region
 *
 * Ranges without pages do not count.
 *
 * Context: Process context. Takes the region's lock.
 * Return: milliseconds since the range was unpinned; 0 if there is none, or if the
 * caller is being killed.
 */
u64 ashmem_region_age(struct ashmem_region *region)
{
	const struct ashmem_range *oldest;
	struct ashmem_share *share;
	u64 now = ktime_get_ns(), age = 0;

	if (mutex_lock_killable(&region->lock))
		return 0;
	list_for_each_entry(share, &region->shares, link) {
		oldest = ashmem_queue_oldest(&share->queue);
		if (oldest && now > oldest->unpinned_at)
			age = max(age, now - oldest->unpinned_at);
	}
	mutex_unlock(&region->lock);
	return div_u64(age, NSEC_PER_MSEC);
}

/**
 * ashmem_region_show_memcgs() - show which memcgs have pages of a region
 * @region: the region
 * @m: gets the inode numbers of their directories, separated by commas, or 0; nothing if
 *	the caller is being killed
 *
 * Context: Process context. Takes the region's lock.
 */
void ashmem_region_show_memcgs(struct ashmem_region *region, struct seq_file *m)
{
	const struct ashmem_share *share, *last = NULL;

	if (mutex_lock_killable(&region->lock))
		return;
	list_for_each_entry(share, &region->shares, link) {
		if (!last || share->memcg != last->memcg)
			seq_printf(m, last ? ",%llu" : "%llu", share->memcg);
		last = share;
	}
	mutex_unlock(&region->lock);
	if (!last)
		seq_putc(m, '0');
}

/**
 * ashmem_region_init() - create the cache of ranges
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int __init ashmem_region_init(void)
{
	range_cache = KMEM_CACHE(ashmem_range, SLAB_ACCOUNT);
	return range_cache ? 0 : -ENOMEM;
}

/**
 * ashmem_region_exit() - free the cache of ranges
 *
 * Context: Process context. No region is left.
 */
void ashmem_region_exit(void)
{
	kmem_cache_destroy(range_cache);
}
