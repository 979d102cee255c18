// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/shrinker.h>

int probe(struct shrinker *shrinker)
{
	return register_shrinker(shrinker, "probe");
}
