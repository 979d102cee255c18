// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/list_lru.h>

/* A memcg has its lists from the start, or is without: no allocation has to see to it. */
#ifdef CONFIG_MEMCG
struct list_lru_memcg __rcu *probe(struct list_lru_node *node)
{
	return node->memcg_lrus;
}
#endif
