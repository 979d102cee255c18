// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched.h>
#include <linux/swap.h>

void probe(void)
{
	current->reclaim_state->reclaimed_slab += 1;
}
