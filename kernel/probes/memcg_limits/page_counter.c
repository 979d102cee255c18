// SPDX-License-Identifier: GPL-2.0-only
#include <linux/memcontrol.h>
#include <linux/mm.h>

#ifdef CONFIG_MEMCG
bool probe(struct mm_struct *mm)
{
	struct mem_cgroup *memcg = parent_mem_cgroup(get_mem_cgroup_from_mm(mm));

	mem_cgroup_put(memcg);
	if (mem_cgroup_is_descendant(mem_cgroup_from_task(current), memcg))
		return true;
	if (!cgroup_subsys_on_dfl(memory_cgrp_subsys) &&
	    page_counter_read(&memcg->memsw) > memcg->memsw.max)
		return true;
	return page_counter_read(&memcg->memory) > memcg->memory.max ||
	       page_counter_read(&memcg->memory) > memcg->memory.high;
}
#endif
