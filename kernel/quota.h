/* SPDX-License-Identifier: GPL-2.0-only */
/* How many pages of memory reclaim gets from this module. */
#ifndef ASHMEM_QUOTA_H
#define ASHMEM_QUOTA_H

struct mem_cgroup;
struct shrink_control;

/* The number of objects in a scan by reclaim; ashmem_quota() decides how many to free. */
#define ASHMEM_SCAN_BATCH	1

unsigned long ashmem_limit_lacks(unsigned long usage, unsigned long limit);
unsigned long ashmem_limit_gets(unsigned long lacks);
unsigned long ashmem_memcg_excess(struct mem_cgroup *memcg);
unsigned long ashmem_quota(const struct shrink_control *sc);

#endif /* ASHMEM_QUOTA_H */
