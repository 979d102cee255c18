/* SPDX-License-Identifier: GPL-2.0-only */
/* The LRU of unpinned ranges, and purging. */
#ifndef ASHMEM_SHRINKER_H
#define ASHMEM_SHRINKER_H

struct ashmem_range;
struct ashmem_ranges;
struct ashmem_ranges_change;
struct mem_cgroup;

/* Why pages are purged. */
enum ashmem_reason {
	ASHMEM_REASON_LIMIT, /* a memcg is at its own limit or at that of an ancestor */
	ASHMEM_REASON_RECLAIM, /* direct reclaim for the whole machine, or memory.reclaim */
	ASHMEM_REASON_KSWAPD,
	ASHMEM_REASON_DROP_CACHES, /* or the shrinker's file in debugfs */
	ASHMEM_REASON_REQUEST, /* ASHMEM_PURGE_ALL_CACHES */
	ASHMEM_REASONS
};

int ashmem_shrinker_init(void);
void ashmem_shrinker_exit(void);

struct ashmem_range *ashmem_range_alloc(struct mem_cgroup *memcg);
void ashmem_lru_apply(struct ashmem_ranges *ranges, struct ashmem_ranges_change *change);
void ashmem_lru_clear(struct ashmem_ranges *ranges);
unsigned long ashmem_purge_all(void);
unsigned long ashmem_purged_by(enum ashmem_reason reason);

#endif /* ASHMEM_SHRINKER_H */
