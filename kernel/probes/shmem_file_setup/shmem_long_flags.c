// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/shmem_fs.h>

struct file *probe(unsigned long flags)
{
	return shmem_file_setup("", 0, flags);
}
