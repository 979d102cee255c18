// SPDX-License-Identifier: GPL-2.0-only
#include <linux/swap.h>

void probe(void)
{
	mm_account_reclaimed_pages(1);
}
