/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One region: its name, size, protection mask, backing file and mappings.
 *
 * Lock order: mmap_lock, then the region's lock, then the LRU's lock or the locks
 * that purging takes (i_mmap_rwsem, folio locks). Reclaim may start while any of
 * them is held; therefore the shrinker takes a region's lock by trylock only. No memory
 * is allocated under the region's lock, so that its holder never waits for reclaim.
 * User memory is never accessed under it, because a fault takes mmap_lock.
 */
#ifndef ASHMEM_REGION_H
#define ASHMEM_REGION_H

#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/wait.h>

#include <uapi/linux/ashmem.h>

#include "ranges.h"

/* The prefix of a region's name in /proc/PID/maps, after the first slash. */
#define ASHMEM_NAME_PREFIX	ASHMEM_NAME_DEF "/"
#define ASHMEM_PREFIX_LEN	(sizeof(ASHMEM_NAME_PREFIX) - 1)

/**
 * struct ashmem_region - the region that one open of the device creates
 * @ref: held by the open file, by the shrinker while it purges, and by a walk of
 *	the list of all regions
 * @id: the region's number, never reused
 * @pid: the process that opened the region
 * @cpu: the CPU whose list of regions contains this one
 * @link: link in that list
 * @purges: tasks that poll, woken when pages are purged
 * @news: pages were purged since the last ASHMEM_GET_INFO
 * @rcu: frees the region after faults that still see it
 * @lock: guards all fields below
 * @open: no: the last descriptor is closed
 * @ranges: unpinned and purged pages; empty until the first mmap
 * @shares: one for each memcg and node with pages of the region; faults read the list
 *	under RCU
 * @nr_asleep: number of shares that are not on the LRU
 * @file: the backing file, created by the first mmap and never replaced
 * @private_file: the file of private mappings, created by the first one
 * @size: bytes, as set; fixed by the first mmap; 0 while unset
 * @prot_mask: the PROT_ bits that a mapping may have
 * @path: ASHMEM_NAME_PREFIX and the name; the name is empty while unset
 */
struct ashmem_region {
	struct kref ref;
	u64 id;
	pid_t pid;
	int cpu;
	struct hlist_node link;
	struct wait_queue_head purges;
	bool news;
	struct rcu_head rcu;
	struct mutex lock; /* see the lock order above */
	bool open;
	struct ashmem_ranges ranges;
	struct list_head shares;
	unsigned int nr_asleep;
	struct file *file;
	struct file *private_file;
	size_t size;
	unsigned long prot_mask;
	char path[ASHMEM_PREFIX_LEN + ASHMEM_NAME_LEN];
};

struct seq_file;

int ashmem_region_init(void);
void ashmem_region_exit(void);
struct ashmem_region *ashmem_region_create(void);
void ashmem_region_close(struct ashmem_region *region);
void ashmem_region_put(struct ashmem_region *region);

int ashmem_region_set_name(struct ashmem_region *region, const char *name);
int ashmem_region_get_name(struct ashmem_region *region, char name[ASHMEM_NAME_LEN]);
int ashmem_region_set_size(struct ashmem_region *region, size_t size);
size_t ashmem_region_get_size(struct ashmem_region *region);
int ashmem_region_set_prot_mask(struct ashmem_region *region, unsigned long prot);
unsigned long ashmem_region_get_prot_mask(struct ashmem_region *region);
struct file *ashmem_region_file(struct ashmem_region *region);
int ashmem_region_get_info(struct ashmem_region *region, struct ashmem_info *info);
u64 ashmem_region_age(struct ashmem_region *region);
void ashmem_region_show_memcgs(struct ashmem_region *region, struct seq_file *m);
int ashmem_region_map(struct ashmem_region *region, struct vm_area_struct *vma);

int ashmem_region_pin(struct ashmem_region *region, const struct ashmem_pin64 *pin);
int ashmem_region_pin_intact(struct ashmem_region *region, const struct ashmem_pin64 *pin);
int ashmem_region_unpin(struct ashmem_region *region, const struct ashmem_pin64 *pin);
int ashmem_region_pin_status(struct ashmem_region *region, const struct ashmem_pin64 *pin);

void ashmem_region_free_ranges(struct ashmem_region *region, struct list_head *left);
void ashmem_region_tell_purge(struct ashmem_region *region);

/**
 * ashmem_region_name() - get the name of a region
 * @region: the region
 *
 * Context: The caller must hold the region's lock.
 * Return: the name, or ASHMEM_NAME_DEF while none is set.
 */
static inline const char *ashmem_region_name(const struct ashmem_region *region)
{
	const char *own = region->path + ASHMEM_PREFIX_LEN;

	return *own ? own : ASHMEM_NAME_DEF;
}

#endif /* ASHMEM_REGION_H */
