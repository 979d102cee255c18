// SPDX-License-Identifier: GPL-2.0-only
/*
 * The debugfs files, which show all regions to an operator. README.md explains the
 * columns. Nothing else depends on them: without debugfs they are absent.
 */
#include <linux/debugfs.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "debugfs.h"
#include "purge.h"
#include "region.h"
#include "regions.h"

static const char *const reasons[ASHMEM_REASONS] = {
	[ASHMEM_REASON_LIMIT] = "limit",
	[ASHMEM_REASON_RECLAIM] = "reclaim",
	[ASHMEM_REASON_KSWAPD] = "kswapd",
	[ASHMEM_REASON_DROP_CACHES] = "drop_caches",
	[ASHMEM_REASON_REQUEST] = "request",
};

static struct dentry *folder;

/* Each read walks the list from its start: regions come and go between two reads. */
static void *regions_start(struct seq_file *m, loff_t *pos)
{
	struct ashmem_region *region;
	loff_t skip = *pos;

	if (!skip)
		return SEQ_START_TOKEN;
	region = ashmem_regions_next(NULL);
	while (region && --skip)
		region = ashmem_regions_next(region);
	return region;
}

static void *regions_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return ashmem_regions_next(v == SEQ_START_TOKEN ? NULL : v);
}

static void regions_stop(struct seq_file *m, void *v)
{
	if (v && v != SEQ_START_TOKEN)
		ashmem_region_put(v);
}

static int regions_show(struct seq_file *m, void *v)
{
	struct ashmem_region *region = v;
	char name[ASHMEM_NAME_LEN];
	struct ashmem_info info;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "region pid file_id memcg size pinned unpinned purged age_ms prot name\n");
		return 0;
	}

	if (ashmem_region_get_info(region, &info) || ashmem_region_get_name(region, name))
		return -EINTR;
	seq_printf(m, "%llu %d %llu ", region->id, region->pid, info.file_id);
	ashmem_region_show_memcgs(region, m);
	seq_printf(m, " %llu %llu %llu %llu %llu %c%c%c ", info.size, info.pinned, info.unpinned,
		   info.purged, ashmem_region_age(region),
		   info.prot_mask & PROT_READ ? 'r' : '-', info.prot_mask & PROT_WRITE ? 'w' : '-',
		   info.prot_mask & PROT_EXEC ? 'x' : '-');
	seq_escape(m, name, "\n\\");
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations regions_sops = {
	.start = regions_start,
	.next = regions_next,
	.stop = regions_stop,
	.show = regions_show,
};

DEFINE_SEQ_ATTRIBUTE(regions);

static int totals_show(struct seq_file *m, void *v)
{
	unsigned long long regions = 0, size = 0, pinned = 0, unpinned = 0, purged = 0;
	struct ashmem_region *region;
	struct ashmem_info info;
	u64 oldest = 0;
	int i;

	for (region = ashmem_regions_next(NULL); region; region = ashmem_regions_next(region)) {
		if (ashmem_region_get_info(region, &info)) {
			ashmem_region_put(region);
			return -EINTR;
		}
		regions++;
		size += info.size;
		pinned += info.pinned;
		unpinned += info.unpinned;
		purged += info.purged;
		oldest = max(oldest, ashmem_region_age(region));
	}

	seq_printf(m, "regions %llu\nsize %llu\npinned %llu\nunpinned %llu\npurged %llu\n",
		   regions, size, pinned, unpinned, purged);
	seq_printf(m, "lru_age_ms %llu\n", oldest);
	for (i = 0; i < ASHMEM_REASONS; i++)
		seq_printf(m, "purged_by_%s %llu\n", reasons[i],
			   (u64)ashmem_purged_by(i) << PAGE_SHIFT);
	return 0;
}

DEFINE_SHOW_ATTRIBUTE(totals);

/**
 * ashmem_debugfs_init() - create the files
 *
 * Context: Process context.
 */
void __init ashmem_debugfs_init(void)
{
	folder = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("regions", 0400, folder, NULL, &regions_fops);
	debugfs_create_file("totals", 0400, folder, NULL, &totals_fops);
}

/**
 * ashmem_debugfs_exit() - wait for the readers of the files, and remove the files
 *
 * Context: Process context.
 */
void ashmem_debugfs_exit(void)
{
	debugfs_remove(folder);
}
