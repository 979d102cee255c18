// SPDX-License-Identifier: GPL-2.0-only
#include <linux/list_lru.h>

spinlock_t *probe(struct list_lru_one *list)
{
	return &list->lock;
}
