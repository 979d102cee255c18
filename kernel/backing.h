/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The backing file of a region: a shmem file with our operations.
 */
#ifndef ASHMEM_BACKING_H
#define ASHMEM_BACKING_H

#include <linux/fs.h>
#include <linux/mm.h>

struct file *ashmem_backing_create(const char *path, loff_t size);
int ashmem_backing_map(struct file *file, struct vm_area_struct *vma);
int ashmem_backing_map_private(struct file *file, struct vm_area_struct *vma);

#endif /* ASHMEM_BACKING_H */
