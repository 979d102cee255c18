// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>

bool probe(struct page *page)
{
	return page_maybe_dma_pinned(page) || page_mapped(page);
}
