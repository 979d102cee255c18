// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm_types.h>
#include <linux/page-flags.h>

bool probe(struct page *page)
{
	return test_bit(PG_locked, (const unsigned long *)&page->flags);
}
