/* SPDX-License-Identifier: GPL-2.0-only */
/* The list of all regions. */
#ifndef ASHMEM_REGIONS_H
#define ASHMEM_REGIONS_H

struct ashmem_region;

void ashmem_regions_add(struct ashmem_region *region);
void ashmem_regions_del(struct ashmem_region *region);
struct ashmem_region *ashmem_regions_next(struct ashmem_region *last);

#endif /* ASHMEM_REGIONS_H */
