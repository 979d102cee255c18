// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched.h>
#include <linux/swap.h>

unsigned long probe(void)
{
	mm_account_reclaimed_pages(1);
	return current->reclaim_state->reclaimed;
}
