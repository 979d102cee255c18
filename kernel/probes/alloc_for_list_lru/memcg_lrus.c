// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/list_lru.h>

/* Here a memcg has its lists from its start, or has none: no allocation creates them. */
#ifdef CONFIG_MEMCG
struct list_lru_memcg __rcu *probe(struct list_lru_node *node)
{
	return node->memcg_lrus;
}
#endif
