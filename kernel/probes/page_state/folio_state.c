// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>

bool probe(struct folio *folio)
{
	return folio_maybe_dma_pinned(folio) || folio_mapped(folio);
}
