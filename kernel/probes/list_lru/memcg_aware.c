// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/list_lru.h>
#include <linux/shrinker.h>

unsigned long probe(struct list_lru *lru, struct shrinker *shrinker, struct shrink_control *sc)
{
	if (list_lru_init_memcg(lru, shrinker))
		return 0;
	list_lru_destroy(lru);
	return list_lru_shrink_count(lru, sc) + list_lru_count_node(lru, sc->nid);
}
