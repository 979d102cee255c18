// SPDX-License-Identifier: GPL-2.0-only
#include <linux/memcontrol.h>
#include <linux/mm.h>

#ifdef CONFIG_MEMCG
bool probe(struct page *page)
{
	return mem_cgroup_online(page->mem_cgroup);
}
#endif
