// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of all regions, used by debugfs. There is one list for each CPU. A region
 * is on the list of the CPU that opened it, so opens and closes on different CPUs
 * share no lock.
 */
#include <linux/cpumask.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

#include "region.h"
#include "regions.h"

struct region_list {
	spinlock_t lock; /* guards the list; held for a few instructions */
	struct hlist_head regions;
};

static DEFINE_PER_CPU(struct region_list, region_lists) = {
	.lock = __SPIN_LOCK_UNLOCKED(region_lists.lock),
};

/**
 * ashmem_regions_add() - add a new region
 * @region: the region
 *
 * Context: Process context.
 */
void ashmem_regions_add(struct ashmem_region *region)
{
	struct region_list *list;

	region->cpu = raw_smp_processor_id();
	list = per_cpu_ptr(&region_lists, region->cpu);
	spin_lock(&list->lock);
	hlist_add_head(&region->link, &list->regions);
	spin_unlock(&list->lock);
}

/**
 * ashmem_regions_del() - remove a region without references
 * @region: the region
 *
 * Context: Process context.
 */
void ashmem_regions_del(struct ashmem_region *region)
{
	struct region_list *list = per_cpu_ptr(&region_lists, region->cpu);

	spin_lock(&list->lock);
	hlist_del(&region->link);
	spin_unlock(&list->lock);
}

/* The first region after @last on a CPU's list, with a reference, or NULL. */
static struct ashmem_region *region_list_next(int cpu, const struct ashmem_region *last)
{
	struct region_list *list = per_cpu_ptr(&region_lists, cpu);
	struct ashmem_region *region;
	struct hlist_node *node;

	spin_lock(&list->lock);
	node = last ? last->link.next : list->regions.first;
	region = hlist_entry_safe(node, struct ashmem_region, link);
	/* A region whose last reference is gone may still be on the list. */
	hlist_for_each_entry_from(region, link)
		if (kref_get_unless_zero(&region->ref))
			break;
	spin_unlock(&list->lock);
	return region;
}

/**
 * ashmem_regions_next() - iterate over all regions
 * @last: the previous region, whose reference is dropped; NULL for the first call
 *
 * The walk may or may not return regions that are opened or closed meanwhile.
 *
 * Context: Process context. The caller must hold no region's lock.
 * Return: a region with a reference, or NULL after the last one.
 */
struct ashmem_region *ashmem_regions_next(struct ashmem_region *last)
{
	int cpu = last ? last->cpu : cpumask_first(cpu_possible_mask);
	struct ashmem_region *region = region_list_next(cpu, last);

	while (!region) {
		cpu = cpumask_next(cpu, cpu_possible_mask);
		if (cpu >= nr_cpu_ids)
			break;
		region = region_list_next(cpu, NULL);
	}
	if (last)
		ashmem_region_put(last);
	return region;
}
