// SPDX-License-Identifier: GPL-2.0-only
#include <linux/xarray.h>

int probe(struct xarray *entries, unsigned long index)
{
	return xa_get_order(entries, index);
}
