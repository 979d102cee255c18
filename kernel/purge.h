/* SPDX-License-Identifier: GPL-2.0-only */
/* Purging: which unpinned pages are freed, and how. */
#ifndef ASHMEM_PURGE_H
#define ASHMEM_PURGE_H

#include <linux/types.h>

#include "quota.h"

struct ashmem_share;
struct mem_cgroup;

/**
 * struct ashmem_purge - whose pages to purge, how many, and the results
 * @quota: why pages are purged, and how many are missing
 * @memcg: the memcg that pays for the pages, or NULL without memcg
 * @asked: pages that reclaim asked for in this scan
 * @want: stop when this number of pages of memory was freed
 * @until: stop at ranges that were unpinned later: another share has older ones
 * @freed: pages of memory freed, of that memcg and node
 * @purged: pages purged, including pages that had no memory
 * @looked: entries of the page cache looked at
 * @visits: shares met whose region was not locked
 * @vain: how often one of the shares met was asked in vain
 * @put_off: the purge of the share that is visited was put off
 * @missed: the last walk could not visit a region, because its lock was held
 * @unmapped: many mappings were changed
 */
struct ashmem_purge {
	struct ashmem_quota quota;
	struct mem_cgroup *memcg;
	unsigned long asked;
	unsigned long want;
	u64 until;
	unsigned long freed;
	unsigned long purged;
	unsigned long looked;
	unsigned long visits;
	u8 vain;
	bool put_off;
	bool missed;
	bool unmapped;
};

/* The maximum number of shares to visit in one scan, or to count. */
#define ASHMEM_PURGE_VISITS	64

/* The maximum number of entries to look at in one scan, but for those of the last range. */
#define ASHMEM_PURGE_LOOKS	512

bool ashmem_purge_goes_on(struct ashmem_purge *purge);
bool ashmem_purge_presses(const struct ashmem_purge *purge);
bool ashmem_purge_share(struct ashmem_purge *purge, struct ashmem_share *share);
long ashmem_purge_all(void);
unsigned long ashmem_purged_by(enum ashmem_reason reason);

#endif /* ASHMEM_PURGE_H */
