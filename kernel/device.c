// SPDX-License-Identifier: GPL-2.0-only
/*
 * The misc device: its file operations and its ioctls. All copies from and to user
 * space are made here, without the region's lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include <uapi/linux/ashmem.h>

#include "device.h"
#include "purge.h"
#include "region.h"

/* The ranges of a vector between two looks for a signal. */
#define VECTOR_BATCH	16

static int ashmem_open(struct inode *inode, struct file *file)
{
	struct ashmem_region *region;
	int ret;

	ret = generic_file_open(inode, file);
	if (ret)
		return ret;

	region = ashmem_region_create();
	if (IS_ERR(region))
		return PTR_ERR(region);

	file->private_data = region;
	return 0;
}

static int ashmem_release(struct inode *inode, struct file *file)
{
	ashmem_region_close(file->private_data);
	return 0;
}

static int ashmem_mmap(struct file *file, struct vm_area_struct *vma)
{
	return ashmem_region_map(file->private_data, vma);
}

static ssize_t ashmem_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct ashmem_region *region = iocb->ki_filp->private_data;
	/* It lives as long as the region, and so longer than this call. */
	struct file *backing = ashmem_region_file(region);

	if (!ashmem_region_get_size(region))
		return 0;
	if (!backing)
		return -EBADF;
	return vfs_iter_read(backing, iter, &iocb->ki_pos, 0);
}

static loff_t ashmem_llseek(struct file *file, loff_t offset, int whence)
{
	struct file *backing = ashmem_region_file(file->private_data);
	size_t size = ashmem_region_get_size(file->private_data);

	if (!size)
		return -EINVAL;
	if (!backing)
		return -EBADF;

	switch (whence) {
	case SEEK_DATA:
	case SEEK_HOLE:
		/* The backing file knows its holes; the position is that of @file. */
		offset = vfs_llseek(backing, offset, whence);
		return offset < 0 ? offset : vfs_setpos(file, offset, MAX_LFS_FILESIZE);
	default:
		return generic_file_llseek_size(file, offset, whence, MAX_LFS_FILESIZE, size);
	}
}

/*
 * Reading and writing never wait. This takes no lock of the region, because a purge may
 * hold it for long.
 */
static __poll_t ashmem_poll(struct file *file, poll_table *wait)
{
	struct ashmem_region *region = file->private_data;
	__poll_t events = EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;

	poll_wait(file, &region->purges, wait);
	/*
	 * A purge that this misses finds the task in the queue. Not every poll_wait() is a
	 * barrier.
	 */
	smp_mb();
	return READ_ONCE(region->news) ? events | EPOLLPRI : events;
}

static long ashmem_set_name(struct ashmem_region *region, const char __user *user)
{
	char name[ASHMEM_NAME_LEN];
	long len;

	len = strncpy_from_user(name, user, sizeof(name));
	if (len < 0)
		return len;
	name[sizeof(name) - 1] = '\0';
	return ashmem_region_set_name(region, name);
}

static long ashmem_get_name(struct ashmem_region *region, char __user *user)
{
	char name[ASHMEM_NAME_LEN];
	int ret = ashmem_region_get_name(region, name);

	if (ret)
		return ret;
	return copy_to_user(user, name, strlen(name) + 1) ? -EFAULT : 0;
}

static long ashmem_get_size(struct ashmem_region *region)
{
	size_t size = ashmem_region_get_size(region);

	/* The kernel's ioctl path truncates this value to an int. */
	return size > INT_MAX ? -EOVERFLOW : size;
}

static long ashmem_get_file_id(struct ashmem_region *region, unsigned long *id)
{
	struct file *backing = ashmem_region_file(region);

	if (!backing)
		return -EINVAL;
	*id = file_inode(backing)->i_ino;
	return 0;
}

static int ashmem_range_call(struct ashmem_region *region, unsigned int operation,
			     const struct ashmem_pin64 *pin)
{
	switch (operation) {
	case ASHMEM_VECTOR_PIN:
		return ashmem_region_pin(region, pin);
	case ASHMEM_VECTOR_UNPIN:
		return ashmem_region_unpin(region, pin);
	default:
		return ashmem_region_pin_status(region, pin);
	}
}

static long ashmem_pin_ioctl(struct ashmem_region *region, unsigned int operation,
			     const struct ashmem_pin __user *user)
{
	struct ashmem_pin64 pin64;
	struct ashmem_pin pin;

	if (copy_from_user(&pin, user, sizeof(pin)))
		return -EFAULT;
	pin64.offset = pin.offset;
	pin64.len = pin.len;
	return ashmem_range_call(region, operation, &pin64);
}

static long ashmem_pin64_ioctl(struct ashmem_region *region, unsigned int operation,
			       const struct ashmem_pin64 __user *user)
{
	struct ashmem_pin64 pin;

	if (copy_from_user(&pin, user, sizeof(pin)))
		return -EFAULT;
	return ashmem_range_call(region, operation, &pin);
}

/*
 * A range whose result cannot be written is left unchanged. Pinning clears the
 * record of a purge, and the memory for the result may become unwritable at any
 * time. Therefore the result "purged" is written before the range is pinned.
 */
static int ashmem_vector_range(struct ashmem_region *region, unsigned int operation,
			       struct ashmem_pin_result __user *user)
{
	struct ashmem_pin_result range;
	struct ashmem_pin64 pin;
	int ret;

	if (copy_from_user(&range, user, sizeof(range)) || put_user(range.result, &user->result))
		return -EFAULT;
	if (range.reserved)
		return put_user(-EINVAL, &user->result);

	pin.offset = range.offset;
	pin.len = range.len;
	if (operation == ASHMEM_VECTOR_PIN) {
		ret = ashmem_region_pin_intact(region, &pin);
		if (ret == ASHMEM_WAS_PURGED) {
			if (put_user(ret, &user->result))
				return -EFAULT;
			ret = ashmem_region_pin(region, &pin);
			if (ret >= 0)
				return 0;
		}
	} else {
		ret = ashmem_range_call(region, operation, &pin);
	}
	return put_user(ret, &user->result);
}

/*
 * Makes the vector name the ranges from @done on, so that the same request goes on
 * there.
 */
static long ashmem_vector_interrupted(struct ashmem_pin_vector *vector, u64 done,
				      struct ashmem_pin_vector __user *user)
{
	vector->ranges += done * sizeof(struct ashmem_pin_result);
	vector->count -= done;
	return copy_to_user(user, vector, offsetofend(struct ashmem_pin_vector, count)) ?
	       -EFAULT : -ERESTARTSYS;
}

static long ashmem_vector_ioctl(struct ashmem_region *region,
				struct ashmem_pin_vector __user *user)
{
	struct ashmem_pin_result __user *ranges;
	struct ashmem_pin_vector vector;
	int ret;
	u64 i;

	if (copy_from_user(&vector, user, sizeof(vector)))
		return -EFAULT;
	if (vector.reserved)
		return -EINVAL;
	if (vector.operation < ASHMEM_VECTOR_PIN ||
	    vector.operation > ASHMEM_VECTOR_GET_PIN_STATUS)
		return -EINVAL;
	ranges = u64_to_user_ptr(vector.ranges);
	if ((unsigned long)ranges != vector.ranges)
		return -EFAULT;

	for (i = 0; i < vector.count; i++) {
		/* At least one batch is done in each call, however often signals come. */
		if (i && i % VECTOR_BATCH == 0 && signal_pending(current))
			return ashmem_vector_interrupted(&vector, i, user);
		ret = ashmem_vector_range(region, vector.operation, ranges + i);
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}

static long ashmem_set_size64(struct ashmem_region *region, const __u64 __user *user)
{
	u64 size;

	if (get_user(size, user))
		return -EFAULT;
	if (size > MAX_LFS_FILESIZE || size > SIZE_MAX)
		return -EFBIG;
	return ashmem_region_set_size(region, size);
}

static long ashmem_get_size64(struct ashmem_region *region, __u64 __user *user)
{
	return put_user((u64)ashmem_region_get_size(region), user);
}

static long ashmem_get_info(struct ashmem_region *region, struct ashmem_info __user *user)
{
	struct ashmem_info info;
	bool news;
	u32 size;
	int ret;

	BUILD_BUG_ON(sizeof(info) != ASHMEM_INFO_SIZE_VER0);

	if (get_user(size, &user->struct_size))
		return -EFAULT;
	if (size < ASHMEM_INFO_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&info, sizeof(info), user, size);
	if (ret)
		return ret;

	/* A purge from here on is news again. */
	news = xchg(&region->news, false);
	ret = ashmem_region_get_info(region, &info);
	if (!ret && copy_to_user(user, &info, min_t(size_t, size, sizeof(info))))
		ret = -EFAULT;
	if (ret && news)
		ashmem_region_tell_purge(region);
	return ret;
}

static long ashmem_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ashmem_region *region = file->private_data;
	void __user *user = (void __user *)arg;
	unsigned long id;
	long ret;

	switch (cmd) {
	case ASHMEM_SET_NAME:
		return ashmem_set_name(region, user);
	case ASHMEM_GET_NAME:
		return ashmem_get_name(region, user);
	case ASHMEM_SET_SIZE:
		return ashmem_region_set_size(region, arg);
	case ASHMEM_GET_SIZE:
		return ashmem_get_size(region);
	case ASHMEM_SET_PROT_MASK:
		return ashmem_region_set_prot_mask(region, arg);
	case ASHMEM_GET_PROT_MASK:
		return ashmem_region_get_prot_mask(region);
	case ASHMEM_PIN:
		return ashmem_pin_ioctl(region, ASHMEM_VECTOR_PIN, user);
	case ASHMEM_UNPIN:
		return ashmem_pin_ioctl(region, ASHMEM_VECTOR_UNPIN, user);
	case ASHMEM_GET_PIN_STATUS:
		return ashmem_pin_ioctl(region, ASHMEM_VECTOR_GET_PIN_STATUS, user);
	case ASHMEM_PURGE_ALL_CACHES:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		return min_t(long, ashmem_purge_all(), INT_MAX);
	case ASHMEM_GET_FILE_ID:
		ret = ashmem_get_file_id(region, &id);
		return ret ?: put_user(id, (unsigned long __user *)user);
	case ASHMEM_GET_INFO:
		return ashmem_get_info(region, user);
	case ASHMEM_SET_SIZE64:
		return ashmem_set_size64(region, user);
	case ASHMEM_GET_SIZE64:
		return ashmem_get_size64(region, user);
	case ASHMEM_PIN64:
		return ashmem_pin64_ioctl(region, ASHMEM_VECTOR_PIN, user);
	case ASHMEM_UNPIN64:
		return ashmem_pin64_ioctl(region, ASHMEM_VECTOR_UNPIN, user);
	case ASHMEM_GET_PIN_STATUS64:
		return ashmem_pin64_ioctl(region, ASHMEM_VECTOR_GET_PIN_STATUS, user);
	case ASHMEM_PIN_VECTOR:
		return ashmem_vector_ioctl(region, user);
	default:
		return -ENOTTY;
	}
}

#ifdef CONFIG_COMPAT
/* The requests whose number contains the size of a long, as 32-bit clients see them. */
#define COMPAT_ASHMEM_SET_SIZE		_IOW(__ASHMEMIOC, 3, compat_size_t)
#define COMPAT_ASHMEM_SET_PROT_MASK	_IOW(__ASHMEMIOC, 5, compat_ulong_t)
#define COMPAT_ASHMEM_GET_FILE_ID	_IOR(__ASHMEMIOC, 11, compat_ulong_t)

static long ashmem_compat_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	unsigned long id;
	long ret;

	switch (cmd) {
	case COMPAT_ASHMEM_SET_SIZE:
		return ashmem_ioctl(file, ASHMEM_SET_SIZE, arg);
	case COMPAT_ASHMEM_SET_PROT_MASK:
		return ashmem_ioctl(file, ASHMEM_SET_PROT_MASK, arg);
	case COMPAT_ASHMEM_GET_FILE_ID:
		ret = ashmem_get_file_id(file->private_data, &id);
		if (ret)
			return ret;
		if (id > U32_MAX)
			return -EOVERFLOW;
		return put_user((compat_ulong_t)id, (compat_ulong_t __user *)compat_ptr(arg));
	/* The same requests of 64-bit clients. */
	case ASHMEM_SET_SIZE:
	case ASHMEM_SET_PROT_MASK:
	case ASHMEM_GET_FILE_ID:
		return -ENOTTY;
	default:
		return ashmem_ioctl(file, cmd, (unsigned long)compat_ptr(arg));
	}
}
#endif

#ifdef CONFIG_PROC_FS
static void ashmem_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct ashmem_region *region = file->private_data;
	char name[ASHMEM_NAME_LEN];
	struct ashmem_info info;

	if (ashmem_region_get_name(region, name) || ashmem_region_get_info(region, &info))
		return;
	seq_printf(m, "ashmem-region:\t%llu\n", region->id);
	seq_puts(m, "ashmem-name:\t");
	seq_escape(m, name, "\n\\");
	seq_printf(m, "\nashmem-size:\t%llu\n", info.size);
	seq_printf(m, "ashmem-prot:\t%c%c%c\n", info.prot_mask & PROT_READ ? 'r' : '-',
		   info.prot_mask & PROT_WRITE ? 'w' : '-', info.prot_mask & PROT_EXEC ? 'x' : '-');
	seq_printf(m, "ashmem-pinned:\t%llu\n", info.pinned);
	seq_printf(m, "ashmem-unpinned:\t%llu\n", info.unpinned);
	seq_printf(m, "ashmem-purged:\t%llu\n", info.purged);
}
#endif

static const struct file_operations ashmem_fops = {
	.owner = THIS_MODULE,
	.open = ashmem_open,
	.release = ashmem_release,
	.read_iter = ashmem_read_iter,
	.llseek = ashmem_llseek,
	.mmap = ashmem_mmap,
	.poll = ashmem_poll,
	.unlocked_ioctl = ashmem_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = ashmem_compat_ioctl,
#endif
#ifdef CONFIG_PROC_FS
	.show_fdinfo = ashmem_show_fdinfo,
#endif
};

static struct miscdevice ashmem_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ashmem",
	.fops = &ashmem_fops,
	.mode = 0666,
};

/**
 * ashmem_device_check() - check that no other driver has the device
 *
 * This is the first step of loading, because sysfs warns with a stack trace when a
 * name is added twice. Only a registered misc device gives access to the class of
 * misc devices, so one is registered for a moment.
 *
 * Context: Process context.
 * Return: 0; -EBUSY if another driver has a device of that name; or another
 * negative error code.
 */
int __init ashmem_device_check(void)
{
	struct miscdevice probe = {
		.minor = MISC_DYNAMIC_MINOR,
		.name = "ashmem_probe",
	};
	struct device *other;
	int ret;

	ret = misc_register(&probe);
	if (ret)
		return ret;
	other = class_find_device_by_name(probe.this_device->class, ashmem_misc.name);
	misc_deregister(&probe);
	if (!other)
		return 0;

	/* modprobe takes EEXIST to mean that this module is loaded, and prints nothing. */
	put_device(other);
	pr_err("another driver provides /dev/ashmem already; if that is the module ashmem_linux, blacklist it in /etc/modprobe.d and reboot, as it can't be unloaded\n");
	return -EBUSY;
}

/**
 * ashmem_device_init() - register /dev/ashmem
 *
 * This is the last step of loading but for debugfs. From here on, regions can be
 * opened.
 *
 * Context: Process context.
 * Return: 0 or a negative error code.
 */
int __init ashmem_device_init(void)
{
	return misc_register(&ashmem_misc);
}

/**
 * ashmem_device_exit() - unregister /dev/ashmem
 *
 * Context: Process context.
 */
void ashmem_device_exit(void)
{
	misc_deregister(&ashmem_misc);
}
