// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/list_lru.h>

bool probe(struct list_lru *lru, struct list_head *item)
{
	return list_lru_add_obj(lru, item) && list_lru_del_obj(lru, item);
}
