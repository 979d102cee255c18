/* SPDX-License-Identifier: GPL-2.0-only */
/* How much reclaim is given. */
#ifndef ASHMEM_QUOTA_H
#define ASHMEM_QUOTA_H

struct mem_cgroup;
struct shrink_control;

/* What a scan is asked for in reclaim; the quota says what it gives. */
#define ASHMEM_SCAN_BATCH	1

unsigned long ashmem_limit_lacks(unsigned long usage, unsigned long limit);
unsigned long ashmem_limit_gets(unsigned long lacks);
unsigned long ashmem_memcg_excess(struct mem_cgroup *memcg);
unsigned long ashmem_quota(const struct shrink_control *sc);

#endif /* ASHMEM_QUOTA_H */
