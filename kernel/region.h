/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One region: its name, size, protection mask, backing file and mappings.
 *
 * Order of locks: mmap_lock, then the region's lock, then the LRU's lock or
 * what purging takes (i_mmap_rwsem, folio locks). Reclaim may enter while any
 * of them is held, therefore the shrinker takes a region by trylock only. User
 * memory is never touched under the region's lock, for a fault takes mmap_lock.
 */
#ifndef ASHMEM_REGION_H
#define ASHMEM_REGION_H

#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mutex.h>

#include <uapi/linux/ashmem.h>

#include "ranges.h"

/* What stands before a region's name in /proc/PID/maps, behind the first slash. */
#define ASHMEM_NAME_PREFIX	ASHMEM_NAME_DEF "/"
#define ASHMEM_PREFIX_LEN	(sizeof(ASHMEM_NAME_PREFIX) - 1)

/**
 * struct ashmem_region - what one open of the device stands for
 * @ref: held by the open file, by the shrinker while it purges, and by who lists
 *	all regions
 * @id: its number, never used again
 * @pid: the process that opened it
 * @cpu: whose list of regions it is on
 * @link: in that list
 * @lock: guards everything below
 * @ranges: unpinned and purged pages; empty until the first mmap
 * @file: the backing file, made by the first mmap and then never replaced
 * @private_file: what private mappings are linked to, made by the first of them
 * @memcg: whom @ranges are charged to: who mapped first; NULL without memcg
 * @size: bytes as set, fixed by the first mmap; 0 while unset
 * @prot_mask: the PROT_ bits that a mapping may have
 * @path: ASHMEM_NAME_PREFIX and the name, which is empty while unset
 */
struct ashmem_region {
	struct kref ref;
	u64 id;
	pid_t pid;
	int cpu;
	struct hlist_node link;
	struct mutex lock; /* see the order of locks above */
	struct ashmem_ranges ranges;
	struct file *file;
	struct file *private_file;
	struct mem_cgroup *memcg;
	size_t size;
	unsigned long prot_mask;
	char path[ASHMEM_PREFIX_LEN + ASHMEM_NAME_LEN];
};

struct ashmem_region *ashmem_region_create(void);
void ashmem_region_close(struct ashmem_region *region);
void ashmem_region_put(struct ashmem_region *region);

int ashmem_region_set_name(struct ashmem_region *region, const char *name);
void ashmem_region_get_name(struct ashmem_region *region, char name[ASHMEM_NAME_LEN]);
int ashmem_region_set_size(struct ashmem_region *region, size_t size);
size_t ashmem_region_get_size(struct ashmem_region *region);
int ashmem_region_set_prot_mask(struct ashmem_region *region, unsigned long prot);
unsigned long ashmem_region_get_prot_mask(struct ashmem_region *region);
struct file *ashmem_region_file(struct ashmem_region *region, size_t *size);
void ashmem_region_get_info(struct ashmem_region *region, struct ashmem_info *info);
unsigned int ashmem_region_age(struct ashmem_region *region);
u64 ashmem_region_memcg(struct ashmem_region *region);
int ashmem_region_map(struct ashmem_region *region, struct vm_area_struct *vma);

int ashmem_region_pin(struct ashmem_region *region, const struct ashmem_pin64 *pin);
int ashmem_region_pin_intact(struct ashmem_region *region, const struct ashmem_pin64 *pin);
int ashmem_region_unpin(struct ashmem_region *region, const struct ashmem_pin64 *pin);
int ashmem_region_pin_status(struct ashmem_region *region, const struct ashmem_pin64 *pin);

/**
 * ashmem_region_name() - the name of a region
 * @region: the region
 *
 * Context: The region's lock is held.
 * Return: the name, or ASHMEM_NAME_DEF while it has none.
 */
static inline const char *ashmem_region_name(const struct ashmem_region *region)
{
	const char *own = region->path + ASHMEM_PREFIX_LEN;

	return *own ? own : ASHMEM_NAME_DEF;
}

/**
 * ashmem_memcg_ino() - how a memcg is named in traces and in debugfs
 * @memcg: the memcg, or NULL
 *
 * Return: the inode number of the cgroup's folder, or 0.
 */
static inline u64 ashmem_memcg_ino(const struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	return memcg ? cgroup_ino(memcg->css.cgroup) : 0;
#else
	return 0;
#endif
}

#endif /* ASHMEM_REGION_H */
