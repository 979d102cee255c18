/* SPDX-License-Identifier: GPL-2.0-only */
/* The shrinker, by which reclaim purges unpinned pages. */
#ifndef ASHMEM_SHRINKER_H
#define ASHMEM_SHRINKER_H

int ashmem_shrinker_init(void);
void ashmem_shrinker_exit(void);

#endif /* ASHMEM_SHRINKER_H */
