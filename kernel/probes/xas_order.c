// SPDX-License-Identifier: GPL-2.0-only
/* exported: xas_get_order */
#include <linux/xarray.h>

int probe(struct xa_state *xas)
{
	return xas_get_order(xas);
}
