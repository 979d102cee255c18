// SPDX-License-Identifier: GPL-2.0-only
#include <linux/memcontrol.h>
#include <linux/mm.h>

bool probe(struct page *page)
{
	return mem_cgroup_online(page_memcg_check(page));
}
