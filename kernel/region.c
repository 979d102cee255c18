// SPDX-License-Identifier: GPL-2.0-only
/*
 * One region: its name, size, protection mask, mappings and pins.
 */
#include <linux/err.h>
#include <linux/memcontrol.h>
#include <linux/mman.h>
#include <linux/personality.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "backing.h"
#include "compat.h"
#include "region.h"
#include "regions.h"
#include "shrinker.h"
#include "trace.h"

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
	ashmem_ranges_init(&region->ranges);
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
	if (region->memcg)
		mem_cgroup_put(region->memcg);
	mutex_destroy(&region->lock);
	kfree(region);
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
	mutex_lock(&region->lock);
	ashmem_lru_clear(&region->ranges);
	mutex_unlock(&region->lock);

	ashmem_region_put(region);
}

/**
 * ashmem_region_set_name() - set the name of a region that was never mapped
 * @region: the region
 * @name: what /proc/PID/maps shows after /dev/ashmem/; "" for no name
 *
 * Context: Process context. Takes the region's lock.
 * Return: 0, or -EINVAL once the region was mapped.
 */
int ashmem_region_set_name(struct ashmem_region *region, const char *name)
{
	int ret = -EINVAL;

	mutex_lock(&region->lock);
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
 */
void ashmem_region_get_name(struct ashmem_region *region, char name[ASHMEM_NAME_LEN])
{
	mutex_lock(&region->lock);
	strscpy(name, ashmem_region_name(region), ASHMEM_NAME_LEN);
	mutex_unlock(&region->lock);
}

/**
 * ashmem_region_set_size() - set the size of a region that was never mapped
 * @region: the region
 * @size: bytes, any number; 0 unsets it
 *
 * Context: Process context. Takes the region's lock.
 * Return: 0, or -EINVAL once the region was mapped.
 */
int ashmem_region_set_size(struct ashmem_region *region, size_t size)
{
	int ret = -EINVAL;

	mutex_lock(&region->lock);
	if (!region->file) {
		region->size = size;
		ret = 0;
	}
	mutex_unlock(&region->lock);
	return ret;
}

/**
 * ashmem_region_get_size() - get the size of a region
 * @region: the region
 *
 * Context: Process context. Takes the region's lock.
 * Return: bytes, as set; 0 while unset.
 */
size_t ashmem_region_get_size(struct ashmem_region *region)
{
	size_t size;

	mutex_lock(&region->lock);
	size = region->size;
	mutex_unlock(&region->lock);
	return size;
}

/**
 * ashmem_region_set_prot_mask() - remove protection bits from future mappings
 * @region: the region
 * @prot: the PROT_ bits to keep
 *
 * Context: Process context. Takes the region's lock.
 * Return: 0, or -EINVAL if @prot has a bit that the mask lacks.
 */
int ashmem_region_set_prot_mask(struct ashmem_region *region, unsigned long prot)
{
	int ret = -EINVAL;

	mutex_lock(&region->lock);
	if (!(prot & ~region->prot_mask)) {
		/* Does the caller's personality let PROT_READ imply PROT_EXEC? */
		if ((prot & PROT_READ) && (current->personality & READ_IMPLIES_EXEC))
			prot |= PROT_EXEC;
		region->prot_mask &= prot;
		ret = 0;
	}
	mutex_unlock(&region->lock);
	return ret;
}

/**
 * ashmem_region_get_prot_mask() - get the protection mask of a region
 * @region: the region
 *
 * Context: Process context. Takes the region's lock.
 * Return: PROT_ bits.
 */
unsigned long ashmem_region_get_prot_mask(struct ashmem_region *region)
{
	unsigned long mask;

	mutex_lock(&region->lock);
	mask = region->prot_mask;
	mutex_unlock(&region->lock);
	return mask;
}

/**
 * ashmem_region_file() - get the backing file of a region
 * @region: the region
 * @size: gets the region's size in bytes
 *
 * Context: Process context. Takes the region's lock.
 * Return: the file, valid as long as the caller holds a reference to the region,
 * or NULL before the first mmap.
 */
struct file *ashmem_region_file(struct ashmem_region *region, size_t *size)
{
	struct file *file;

	mutex_lock(&region->lock);
	file = region->file;
	*size = region->size;
	mutex_unlock(&region->lock);
	return file;
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

static struct file *region_new_file(const struct ashmem_region *region)
{
	const char *path = region->path[ASHMEM_PREFIX_LEN] ? region->path : ASHMEM_NAME_DEF;

	return ashmem_backing_create(path, region->size);
}

/*
 * A private mapping is anonymous memory that shows the region's name. It is linked
 * to a separate, empty file. If it were linked to the backing file, it would lose
 * the huge pages that faults gave it when a purge unmaps a range of that file.
 */
static int map_private(struct ashmem_region *region, struct vm_area_struct *vma)
{
	struct file *file = region->private_file;
	int ret;

	if (!file) {
		file = region_new_file(region);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	ret = ashmem_backing_map_private(file, vma);
	if (ret && !region->private_file)
		fput(file);
	else
		region->private_file = file;
	return ret;
}

/**
 * ashmem_region_map() - set up a mapping of a region
 * @region: the region
 * @vma: the new mapping
 *
 * The first mapping creates the backing file, and fixes name and size.
 *
 * Context: Called by mmap(2). The caller must hold mmap_lock for writing. Takes the
 * region's lock.
 * Return: 0; -EINVAL if the region has no size, if @vma reaches beyond the region, or
 * if the architecture does not support the VM flags; -EPERM if the protection mask
 * does not allow @vma; -ENOMEM; or another error of shmem.
 */
int ashmem_region_map(struct ashmem_region *region, struct vm_area_struct *vma)
{
	/* VM_SHARED is not set for a read-only descriptor. */
	bool shared = vma->vm_flags & VM_MAYSHARE;
	struct file *file, *new = NULL;
	int ret;

	mutex_lock(&region->lock);
	ret = map_check(region, vma);
	if (ret)
		goto out;

	file = region->file;
	if (!file) {
		new = region_new_file(region);
		if (IS_ERR(new)) {
			ret = PTR_ERR(new);
			goto out;
		}
		file = new;
	}

	ashmem_vm_flags_clear(vma, may_flags(~region->prot_mask));
	ret = shared ? ashmem_backing_map(file, vma) : map_private(region, vma);

	if (ret && new) {
		fput(new);
	} else if (new) {
		region->file = new;
		region->memcg = get_mem_cgroup_from_mm(current->mm);
	}
	if (!ret)
		trace_ashmem_map(region, vma);
out:
	mutex_unlock(&region->lock);
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
	if (pin->offset >= limit || pin->len > limit - pin->offset)
		return -EINVAL;

	*start = pin->offset >> PAGE_SHIFT;
	*end = (pin->len ? pin->offset + pin->len : limit) >> PAGE_SHIFT;
	return 0;
}

/* Adds a spare range to the region. Memory is never allocated under the region's lock. */
static int region_stock(struct ashmem_region *region)
{
	struct ashmem_range *range = ashmem_range_alloc(region->memcg);

	if (!range)
		return -ENOMEM;

	mutex_lock(&region->lock);
	ashmem_ranges_give(&region->ranges, range);
	mutex_unlock(&region->lock);
	return 0;
}

typedef int (*ranges_call)(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
			   struct ashmem_ranges_change *change);

static int region_change(struct ashmem_region *region, const struct ashmem_pin64 *pin,
			 ranges_call call)
{
	struct ashmem_ranges_change change;
	unsigned long start, end;
	int ret;

	do {
		mutex_lock(&region->lock);
		ret = pin_range(region, pin, &start, &end);
		if (!ret) {
			ashmem_ranges_change_init(&change);
			ret = call(&region->ranges, start, end, &change);
			if (ret >= 0)
				ashmem_lru_apply(&region->ranges, &change);
		}
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
 * -ENOMEM, and nothing changed.
 */
int ashmem_region_pin(struct ashmem_region *region, const struct ashmem_pin64 *pin)
{
	int ret = region_change(region, pin, ashmem_ranges_pin);

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
 * nothing changed; -EINVAL for a bad range or before the first mmap; -ENOMEM,
 * and nothing changed.
 */
int ashmem_region_pin_intact(struct ashmem_region *region, const struct ashmem_pin64 *pin)
{
	int ret = region_change(region, pin, ashmem_ranges_pin_intact);

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
 * Return: 0; -EINVAL for a bad range or before the first mmap; -ENOMEM, and
 * nothing changed.
 */
int ashmem_region_unpin(struct ashmem_region *region, const struct ashmem_pin64 *pin)
{
	int ret = region_change(region, pin, ashmem_ranges_unpin);

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
	int ret;

	mutex_lock(&region->lock);
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
 */
void ashmem_region_get_info(struct ashmem_region *region, struct ashmem_info *info)
{
	const struct ashmem_ranges *ranges = &region->ranges;
	unsigned long pages;

	memset(info, 0, sizeof(*info));
	info->struct_size = sizeof(*info);
	info->version = ASHMEM_INFO_VERSION;

	mutex_lock(&region->lock);
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
}

/**
 * ashmem_region_age() - get the age of a region's oldest unpinned range
 * @region: the region
 *
 * Unpinning a range again, also after a pin, resets its age only if the range got its
 * place on the LRU more than one second ago.
 *
 * Context: Process context. Takes the region's lock.
 * Return: milliseconds; 0 if no page is unpinned.
 */
unsigned int ashmem_region_age(struct ashmem_region *region)
{
	const struct ashmem_range *oldest;
	unsigned int age;

	mutex_lock(&region->lock);
	oldest = ashmem_ranges_oldest(&region->ranges);
	age = oldest ? jiffies_to_msecs(jiffies - oldest->placed) : 0;
	mutex_unlock(&region->lock);
	return age;
}

/**
 * ashmem_region_memcg() - get the memcg that a region is charged to
 * @region: the region
 *
 * Context: Process context. Takes the region's lock.
 * Return: the inode number of the cgroup's directory; 0 before the first mmap.
 */
u64 ashmem_region_memcg(struct ashmem_region *region)
{
	u64 ino;

	mutex_lock(&region->lock);
	ino = ashmem_memcg_ino(region->memcg);
	mutex_unlock(&region->lock);
	return ino;
}
