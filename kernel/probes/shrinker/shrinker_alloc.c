// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/shrinker.h>

struct shrinker *probe(void)
{
	struct shrinker *shrinker = shrinker_alloc(SHRINKER_MEMCG_AWARE | SHRINKER_NUMA_AWARE |
						   SHRINKER_NONSLAB, "probe");

	shrinker_register(shrinker);
	shrinker_free(shrinker);
	return shrinker;
}
