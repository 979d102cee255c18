// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/list_lru.h>

static enum lru_status visit(struct list_head *item, struct list_lru_one *list, spinlock_t *lock,
			     void *arg)
{
	spin_unlock(lock);
	spin_lock(lock);
	return LRU_RETRY;
}

unsigned long probe(struct list_lru *lru, unsigned long *nr_to_walk)
{
	return list_lru_walk_one(lru, 0, NULL, visit, NULL, nr_to_walk) +
	       list_lru_walk_node(lru, 0, visit, NULL, nr_to_walk);
}
