/* SPDX-License-Identifier: GPL-2.0-only */
/* Purging: which unpinned pages are freed, and how. */
#ifndef ASHMEM_PURGE_H
#define ASHMEM_PURGE_H

#include <linux/types.h>

struct ashmem_share;
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

/**
 * struct ashmem_purge - whose pages to purge, and the results
 * @reason: why pages are purged
 * @memcg: the memcg that pays for the pages, or NULL without memcg
 * @nid: the node of the pages
 * @last_resort: the memcg itself lacks memory: also purge what takes long
 * @want: stop when this number of pages of memory was freed
 * @freed: pages of memory freed, of that memcg and node
 * @purged: pages purged, including pages that had no memory
 * @looked: entries of the page cache looked at
 * @unmapped: a range with many mappings was purged
 */
struct ashmem_purge {
	enum ashmem_reason reason;
	struct mem_cgroup *memcg;
	int nid;
	bool last_resort;
	unsigned long want;
	unsigned long freed;
	unsigned long purged;
	unsigned long looked;
	bool unmapped;
};

/* The maximum number of entries to look at in one scan, but for those of the last range. */
#define ASHMEM_PURGE_LOOKS	512

bool ashmem_purge_share(struct ashmem_purge *purge, struct ashmem_share *share);
long ashmem_purge_all(void);
unsigned long ashmem_purged_by(enum ashmem_reason reason);

#endif /* ASHMEM_PURGE_H */
