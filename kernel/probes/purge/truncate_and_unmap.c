// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/shmem_fs.h>

void probe(struct file *file, loff_t start, loff_t end)
{
	unmap_mapping_range(file->f_mapping, start, end - start, 0);
	shmem_truncate_range(file_inode(file), start, end - 1);
}
