// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched.h>

#ifdef CONFIG_MEMCG
void probe(struct mem_cgroup *memcg)
{
	current->active_memcg = memcg;
}
#endif
