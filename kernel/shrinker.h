/* SPDX-License-Identifier: GPL-2.0-only */
/* The LRU of unpinned ranges, and purging. */
#ifndef ASHMEM_SHRINKER_H
#define ASHMEM_SHRINKER_H

struct ashmem_range;
struct ashmem_ranges;
struct ashmem_ranges_change;
struct mem_cgroup;

int ashmem_shrinker_init(void);
void ashmem_shrinker_exit(void);

struct ashmem_range *ashmem_range_alloc(struct mem_cgroup *memcg);
void ashmem_lru_apply(struct ashmem_ranges *ranges, struct ashmem_ranges_change *change);
void ashmem_lru_clear(struct ashmem_ranges *ranges);
unsigned long ashmem_purge_all(void);

#endif /* ASHMEM_SHRINKER_H */
