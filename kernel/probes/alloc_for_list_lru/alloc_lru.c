// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/slab.h>

void *probe(struct kmem_cache *cache, struct list_lru *lru)
{
	return kmem_cache_alloc_lru(cache, lru, GFP_KERNEL);
}
