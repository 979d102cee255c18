/* SPDX-License-Identifier: GPL-2.0-only */
/* How many pages of memory reclaim gets from this module, and from whom. */
#ifndef ASHMEM_QUOTA_H
#define ASHMEM_QUOTA_H

#include <linux/types.h>

struct mem_cgroup;
struct shrink_control;

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
 * struct ashmem_quota - how many pages one scan is to free
 * @reason: why
 * @own: the memcg that is asked lacks them itself, or everything is asked for: no other
 *	memcg is to give a part
 * @memcg: the memcg whose limit presses, or NULL
 * @nid: the node
 * @room: pages to free beyond what is missing, so that reclaim need not ask for each
 * @pages: pages to free
 */
struct ashmem_quota {
	enum ashmem_reason reason;
	bool own;
	struct mem_cgroup *memcg;
	int nid;
	unsigned long room;
	unsigned long pages;
};

unsigned long ashmem_limit_lacks(unsigned long usage, unsigned long limit);
unsigned long ashmem_limit_room(unsigned long lacks);
void ashmem_quota_init(struct ashmem_quota *quota, const struct shrink_control *sc);
unsigned long ashmem_quota_lacks(const struct ashmem_quota *quota, unsigned long freed);
bool ashmem_quota_takes_swap(const struct ashmem_quota *quota);
unsigned long ashmem_quota_hits(const struct ashmem_quota *quota);

bool ashmem_turn_comes(const struct ashmem_quota *quota, u64 memcg);
void ashmem_turn_ends(const struct ashmem_quota *quota, u64 memcg, unsigned long holds,
		      unsigned long pages);

#endif /* ASHMEM_QUOTA_H */
