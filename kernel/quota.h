/* SPDX-License-Identifier: GPL-2.0-only */
/* How many pages of memory reclaim gets from this module, and from whom. */
#ifndef ASHMEM_QUOTA_H
#define ASHMEM_QUOTA_H

#include <linux/types.h>

#include "purge.h"

struct mem_cgroup;
struct shrink_control;

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

bool ashmem_turn_comes(const struct ashmem_quota *quota, u64 memcg, unsigned long holds);
void ashmem_turn_ends(const struct ashmem_quota *quota, u64 memcg, unsigned long holds,
		      unsigned long pages);

#endif /* ASHMEM_QUOTA_H */
