// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/slab.h>

void *probe(struct kmem_cache *cache)
{
	return kmem_cache_alloc_node(cache, GFP_KERNEL, 0);
}
