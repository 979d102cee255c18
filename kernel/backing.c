// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backing file of a region: a shmem file with our operations.
 */
#include <linux/err.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/shmem_fs.h>

#include "backing.h"
#include "compat.h"

/*
 * What shmem's files and mappings can do, learned from the first of each; always
 * the same. A mapping's operations are never written again once they are used.
 */
static const struct file_operations *shmem_fops;
static const struct vm_operations_struct *shmem_vm_ops;
static struct vm_operations_struct backing_vm_ops;
static DEFINE_MUTEX(learning);

static loff_t backing_llseek(struct file *file, loff_t offset, int whence)
{
	return shmem_fops->llseek(file, offset, whence);
}

static ssize_t backing_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	return shmem_fops->read_iter(iocb, iter);
}

static long backing_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	return shmem_fops->fallocate(file, mode, offset, len);
}

static int backing_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -EPERM;
}

/*
 * A backing file with these operations keeps the module loaded until its last
 * mapping is gone. Whoever gets at it through a mapping (remap_file_pages,
 * CVE-2020-0009) can't map it anew around the protection mask. mremap uses the
 * mm's own .get_unmapped_area, as shmem's insists on shmem's operations.
 */
static const struct file_operations backing_fops = {
	.owner = THIS_MODULE,
	.llseek = backing_llseek,
	.read_iter = backing_read_iter,
	.fallocate = backing_fallocate,
	.fsync = noop_fsync,
	.mmap = backing_mmap,
};

/*
 * Makes each huge page dirty before it is mapped. One that is read before it is
 * written is clean to the page cache, and is mapped writable: that it was written
 * is noted in page tables only. Kernels forget that there: older ones when the
 * mapping of a whole huge page goes (5.10: zap_huge_pmd()), newer ones still when
 * one mapped by its parts is then mapped as a whole (collapse_pte_mapped_thp()).
 * What is clean, reclaim drops. The tests of written_after_reading in swap.c fail without.
 */
static vm_fault_t backing_fault(struct vm_fault *vmf)
{
	vm_fault_t ret = READ_ONCE(shmem_vm_ops)->fault(vmf);

	/* Unlocked, it would be in a mapping already, or in another's. */
	if (ret & VM_FAULT_LOCKED)
		ashmem_huge_page_dirty(vmf->page);
	return ret;
}

static void vm_ops_learn(const struct vm_operations_struct *ops)
{
	mutex_lock(&learning);
	if (!shmem_vm_ops) {
		backing_vm_ops = *ops;
		backing_vm_ops.fault = backing_fault;
		WRITE_ONCE(shmem_vm_ops, ops);
	}
	mutex_unlock(&learning);
}

/**
 * ashmem_backing_create() - make a backing file
 * @path: what /proc/PID/maps shows behind the first slash
 * @size: bytes
 *
 * A page counts as committed memory from its first touch on, as a memfd's: a
 * region may be sparse, and larger than the machine.
 *
 * Context: Process context. May reclaim.
 * Return: the file, with one reference, or an error pointer (-ENOMEM).
 */
struct file *ashmem_backing_create(const char *path, loff_t size)
{
	struct file *file = ashmem_shmem_file_setup(path, size, VM_NORESERVE);

	/* shmem says so where it gets no memory for an inode. */
	if (file == ERR_PTR(-ENOSPC))
		return ERR_PTR(-ENOMEM);
	if (!IS_ERR(file))
		file->f_mode |= FMODE_LSEEK;
	return file;
}

/*
 * Gives a shmem file our operations. The reference goes with the file's last user.
 *
 * Opened once more by /proc/PID/map_files, which takes CAP_CHECKPOINT_RESTORE, the
 * inode would give shmem's operations instead. As if it were being executed, nobody
 * gets it open for writing then, nor is it truncated: new as it is, that can't fail.
 */
static void file_guard(struct file *file)
{
	deny_write_access(file);
	__module_get(THIS_MODULE);
	WRITE_ONCE(shmem_fops, file->f_op);
	file->f_op = &backing_fops;
}

/**
 * ashmem_backing_map() - make a mapping one of a backing file
 * @file: the backing file
 * @vma: the mapping to be, a shared one
 *
 * The first time the file still has shmem's own operations, and shmem sets the
 * mapping up.
 *
 * Context: Called by mmap(2), with mmap_lock held for writing, and one lock for all
 * mappings of @file.
 * Return: 0, shmem's error, or -EINVAL if the processor has no such mapping of a file.
 */
int ashmem_backing_map(struct file *file, struct vm_area_struct *vma)
{
	if (file->f_op != &backing_fops) {
		int ret = ashmem_vfs_mmap(file, vma);

		if (ret)
			return ret;
		vm_ops_learn(vma->vm_ops);
		file_guard(file);
	}
	/* 5.10's mmap checks these last, and then drops the device's file, not ours. */
	if (!arch_validate_flags(vma->vm_flags))
		return -EINVAL;
	vma->vm_ops = &backing_vm_ops;
	ashmem_vma_set_file(vma, file);
	return 0;
}

/**
 * ashmem_backing_map_private() - make a mapping anonymous memory under a file's name
 * @file: a file that nothing else is mapped from
 * @vma: the mapping to be
 *
 * Context: Called by mmap(2), with mmap_lock held for writing, and one lock for all
 * mappings of @file.
 * Return: 0, or -EINVAL if the processor has no such mapping of a file.
 */
int ashmem_backing_map_private(struct file *file, struct vm_area_struct *vma)
{
	if (file->f_op != &backing_fops)
		file_guard(file);
	if (!arch_validate_flags(vma->vm_flags))
		return -EINVAL;
	vma_set_anonymous(vma);
	ashmem_vma_set_file(vma, file);
	return 0;
}
