// SPDX-License-Identifier: GPL-2.0-only
/*
 * ashmem: anonymous shared memory whose unpinned pages the kernel may take back.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "debugfs.h"
#include "device.h"
#include "region.h"
#include "shares.h"
#include "shrinker.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init ashmem_init(void)
{
	int ret;

	ret = ashmem_device_check();
	if (ret)
		return ret;

	ret = ashmem_region_init();
	if (ret)
		return ret;

	ret = ashmem_shares_init();
	if (ret)
		goto err_region;

	ret = ashmem_shrinker_init();
	if (ret)
		goto err_shares;

	ret = ashmem_device_init();
	if (ret)
		goto err_shrinker;

	ashmem_debugfs_init();
	return 0;

err_shrinker:
	ashmem_shrinker_exit();
err_shares:
	ashmem_shares_exit();
err_region:
	ashmem_region_exit();
	return ret;
}

static void __exit ashmem_exit(void)
{
	ashmem_debugfs_exit();
	ashmem_device_exit();
	ashmem_shrinker_exit();
	ashmem_shares_exit();
	ashmem_region_exit();
}

module_init(ashmem_init);
module_exit(ashmem_exit);

MODULE_DESCRIPTION("Android's /dev/ashmem: shared memory whose unpinned pages the kernel may take back, also at the limit of a container");
MODULE_LICENSE("GPL");
/* Android in containers requests the module by the name that Linux used until 5.17. */
MODULE_ALIAS("ashmem_linux");
