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
#include "shares.h"

/*
 * The file and VM operations of shmem, recorded at the first mapping of a backing
 * file. They are the same for every file and mapping. backing_vm_ops is never
 * written again once a mapping uses it.
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
 * A file with these operations keeps the module loaded until the last mapping of
 * the file is gone. A caller that reaches the file through a mapping
 * (remap_file_pages, CVE-2020-0009) cannot map it again past the protection mask.
 * .get_unmapped_area is missing: mremap uses that of the mm, because shmem's
 * requires shmem's own operations.
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
 * Marks each huge page dirty before it is mapped. Otherwise a huge page that is
 * read before it is written stays clean in the page cache, but is mapped writable,
 * so that only page tables record the write. Kernels lose this record: older ones
 * when the mapping of a whole huge page goes away (5.10: zap_huge_pmd()), newer
 * ones still when a huge page that is mapped in parts becomes mapped as a whole
 * (collapse_pte_mapped_thp()). Reclaim then drops the clean page and its content.
 * Without this function the written_after_reading tests in swap.c fail.
 */
static vm_fault_t backing_fault(struct vm_fault *vmf)
{
	unsigned int flags = vmf->flags;
	vm_fault_t ret;

	/*
	 * A fault that may be retried drops mmap_lock. Then the last mapping may go away,
	 * and the module with it, before this function returns.
	 */
	vmf->flags &= ~FAULT_FLAG_ALLOW_RETRY;
	ret = READ_ONCE(shmem_vm_ops)->fault(vmf);
	vmf->flags = flags;

	/* A page that is not locked may be mapped already, or be in another file. */
	if (!(ret & VM_FAULT_LOCKED))
		return ret;
	ashmem_huge_page_dirty(vmf->page);
	if (ashmem_shares_touch(vmf->vma->vm_file, vmf->pgoff, vmf->page))
		return ret;
	/* The page is gone: let the fault happen again. */
	unlock_page(vmf->page);
	put_page(vmf->page);
	return VM_FAULT_NOPAGE;
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
 * ashmem_backing_create() - create a backing file
 * @path: what /proc/PID/maps shows after the first slash
 * @size: bytes
 *
 * As with memfd, a page counts as committed memory from the first access on. So a
 * region may be sparse, and larger than the machine's memory.
 *
 * Context: Process context. May reclaim.
 * Return: the file, with one reference, or an error pointer (-ENOMEM).
 */
struct file *ashmem_backing_create(const char *path, loff_t size)
{
	struct file *file = ashmem_shmem_file_setup(path, size, VM_NORESERVE);

	/* shmem returns this when it gets no memory for an inode. */
	if (file == ERR_PTR(-ENOSPC))
		return ERR_PTR(-ENOMEM);
	if (!IS_ERR(file))
		file->f_mode |= FMODE_LSEEK;
	return file;
}

/*
 * Gives a shmem file our operations, and takes a reference to the module, which
 * the file drops when its last user is gone.
 *
 * An open through /proc/PID/map_files, which requires CAP_CHECKPOINT_RESTORE, takes
 * the operations from the inode: they are shmem's. Therefore the file is treated as
 * if it were being executed: it can neither be opened for writing nor truncated.
 * deny_write_access() cannot fail here, because the file is new.
 */
static void file_guard(struct file *file)
{
	deny_write_access(file);
	__module_get(THIS_MODULE);
	WRITE_ONCE(shmem_fops, file->f_op);
	file->f_op = &backing_fops;
}

/**
 * ashmem_backing_map() - set up a shared mapping of a backing file
 * @file: the backing file
 * @vma: the new mapping
 *
 * At the first mapping the file still has shmem's own operations, and shmem sets
 * up the mapping.
 *
 * Context: Called by mmap(2). The caller must hold mmap_lock for writing, and one
 * lock that serialises all mappings of @file.
 * Return: 0, an error of shmem, or -EINVAL if the architecture does not support
 * these VM flags for a file.
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
	/* 5.10's mmap checks them last, and then drops the device's file, not this one. */
	if (!arch_validate_flags(vma->vm_flags))
		return -EINVAL;
	vma->vm_ops = &backing_vm_ops;
	ashmem_vma_set_file(vma, file);
	return 0;
}

/**
 * ashmem_backing_map_private() - set up anonymous memory that shows a file's name
 * @file: a file that is used for such mappings only
 * @vma: the new mapping
 *
 * Context: Called by mmap(2). The caller must hold mmap_lock for writing, and one
 * lock that serialises all mappings of @file.
 * Return: 0, or -EINVAL if the architecture does not support these VM flags for a
 * file.
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
