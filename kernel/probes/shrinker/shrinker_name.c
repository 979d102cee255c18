// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/shrinker.h>

int probe(struct shrinker *shrinker)
{
	shrinker->flags = SHRINKER_MEMCG_AWARE | SHRINKER_NUMA_AWARE | SHRINKER_NONSLAB;
	return register_shrinker(shrinker, "probe");
}
