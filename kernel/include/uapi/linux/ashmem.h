/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The user-space interface of /dev/ashmem, anonymous shared memory whose
 * unpinned pages the kernel may take back.
 *
 * Each open of the device is a new, empty region. Give it a size, map it, and
 * tell the kernel by ASHMEM_UNPIN which pages it may purge under memory
 * pressure; ASHMEM_PIN takes them back and tells whether any was purged.
 * The request numbers and structures are those of Android's driver.
 */
#ifndef _UAPI_LINUX_ASHMEM_H
#define _UAPI_LINUX_ASHMEM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Bytes in the name's buffer, the terminating NUL included. */
#define ASHMEM_NAME_LEN		256

/* What ASHMEM_GET_NAME answers while no name is set. */
#define ASHMEM_NAME_DEF		"dev/ashmem"

/* What ASHMEM_PIN returns. */
#define ASHMEM_NOT_PURGED	0	/* every byte of the range is intact */
#define ASHMEM_WAS_PURGED	1	/* at least one page was purged: it reads as zeros */

/* What ASHMEM_GET_PIN_STATUS returns. */
#define ASHMEM_IS_UNPINNED	0	/* at least one page is unpinned */
#define ASHMEM_IS_PINNED	1	/* every page is pinned */

/**
 * struct ashmem_pin - a range of a region
 * @offset: first byte, a multiple of the page size
 * @len: bytes, a multiple of the page size; 0 means up to the region's end
 */
struct ashmem_pin {
	__u32 offset;
	__u32 len;
};

#define __ASHMEMIOC		0x77

/*
 * ASHMEM_SET_SIZE and ASHMEM_SET_PROT_MASK take their argument by value, the
 * others that have one take a pointer.
 */
#define ASHMEM_SET_NAME		_IOW(__ASHMEMIOC, 1, char[ASHMEM_NAME_LEN])
#define ASHMEM_GET_NAME		_IOR(__ASHMEMIOC, 2, char[ASHMEM_NAME_LEN])
#define ASHMEM_SET_SIZE		_IOW(__ASHMEMIOC, 3, __kernel_size_t)
#define ASHMEM_GET_SIZE		_IO(__ASHMEMIOC, 4)
#define ASHMEM_SET_PROT_MASK	_IOW(__ASHMEMIOC, 5, __kernel_ulong_t)
#define ASHMEM_GET_PROT_MASK	_IO(__ASHMEMIOC, 6)
#define ASHMEM_PIN		_IOW(__ASHMEMIOC, 7, struct ashmem_pin)
#define ASHMEM_UNPIN		_IOW(__ASHMEMIOC, 8, struct ashmem_pin)
#define ASHMEM_GET_PIN_STATUS	_IO(__ASHMEMIOC, 9)
#define ASHMEM_PURGE_ALL_CACHES	_IO(__ASHMEMIOC, 10)
#define ASHMEM_GET_FILE_ID	_IOR(__ASHMEMIOC, 11, __kernel_ulong_t)

/**
 * DOC: The 64-bit requests
 *
 * Beyond Android's driver, for regions of any size. All of them take a pointer
 * to something of the same layout for 32-bit and 64-bit clients. Reserved
 * fields have to be 0. A kernel that has not got them answers ENOTTY.
 *
 * ASHMEM_GET_INFO (&struct ashmem_info)
 *	What there is to know about the region, as of one moment.
 *	EINVAL: struct_size is below ASHMEM_INFO_SIZE_VER0; E2BIG: something
 *	that this kernel does not know is not 0.
 *
 * ASHMEM_SET_SIZE64, ASHMEM_GET_SIZE64 (__u64)
 *	The size in bytes. EINVAL: the region was mapped; EFBIG: larger than
 *	any file can be.
 *
 * ASHMEM_PIN64, ASHMEM_UNPIN64, ASHMEM_GET_PIN_STATUS64 (&struct ashmem_pin64)
 *	As the requests without 64, returning the same. EINVAL: before the
 *	first mmap, or not a range of whole pages inside of the region.
 *
 * ASHMEM_PIN_VECTOR (&struct ashmem_pin_vector)
 *	Pins, unpins, or tells the status of many ranges, one after the other.
 *	Each is answered for in its result, whatever became of the others; the
 *	request returns 0 when all were. EINVAL: no such operation, or @reserved
 *	is not 0; EFAULT: the array ends, or can't be written, before the last
 *	range; EINTR: the caller is being killed. The ranges in front are done
 *	then and have their results. A purge whose answer could not be written
 *	is not forgotten: pinning the range again tells it.
 */

/**
 * struct ashmem_info - what there is to know about a region
 * @struct_size: set by the caller to sizeof(struct ashmem_info); becomes the
 *	number of bytes that the kernel knows. It fills in no more than the
 *	caller has; what the caller has beyond that must be 0, and stays so
 * @version: ASHMEM_INFO_VERSION of the kernel. Fields are only ever added at
 *	the end, and each time the version is one higher
 * @size: bytes, as set; 0 while unset
 * @pinned: bytes in pages that are neither unpinned nor purged
 * @unpinned: bytes in pages that may be purged, now
 * @purged: bytes in pages that were purged since they were last pinned. Such
 *	a page may have been unpinned once more; then it is counted in both. The
 *	sum of all three is else @size, rounded up to whole pages
 * @file_id: what ASHMEM_GET_FILE_ID answers; 0 before the first mmap
 * @prot_mask: what ASHMEM_GET_PROT_MASK answers
 * @flags: ASHMEM_INFO_ bits
 */
struct ashmem_info {
	__u32 struct_size;
	__u32 version;
	__u64 size;
	__u64 pinned;
	__u64 unpinned;
	__u64 purged;
	__u64 file_id;
	__u32 prot_mask;
	__u32 flags;
};

#define ASHMEM_INFO_VERSION	1
#define ASHMEM_INFO_SIZE_VER0	56	/* bytes of version 1, the first */

#define ASHMEM_INFO_MAPPED	0x1	/* was mapped: name and size are fixed */

/**
 * struct ashmem_pin64 - a range of a region
 * @offset: first byte, a multiple of the page size
 * @len: bytes, a multiple of the page size; 0 means up to the region's end
 */
struct ashmem_pin64 {
	__u64 offset;
	__u64 len;
};

/**
 * struct ashmem_pin_result - a range of a region, and what became of it
 * @offset: first byte, a multiple of the page size
 * @len: bytes, a multiple of the page size; 0 means up to the region's end
 * @result: set by the kernel to what the request for this range alone would
 *	have returned, or to a negative error number
 * @reserved: 0
 */
struct ashmem_pin_result {
	__u64 offset;
	__u64 len;
	__s32 result;
	__u32 reserved;
};

/**
 * struct ashmem_pin_vector - what to do with many ranges
 * @ranges: address of an array of &struct ashmem_pin_result
 * @count: how many there are
 * @operation: ASHMEM_VECTOR_PIN, _UNPIN or _GET_PIN_STATUS
 * @reserved: 0
 */
struct ashmem_pin_vector {
	__u64 ranges;
	__u64 count;
	__u32 operation;
	__u32 reserved;
};

#define ASHMEM_VECTOR_PIN		1
#define ASHMEM_VECTOR_UNPIN		2
#define ASHMEM_VECTOR_GET_PIN_STATUS	3

/* The number of ASHMEM_GET_INFO carries no size, so that it stays when that grows. */
#define ASHMEM_GET_INFO		_IO(__ASHMEMIOC, 0x40)
#define ASHMEM_SET_SIZE64	_IOW(__ASHMEMIOC, 0x41, __u64)
#define ASHMEM_GET_SIZE64	_IOR(__ASHMEMIOC, 0x42, __u64)
#define ASHMEM_PIN64		_IOW(__ASHMEMIOC, 0x43, struct ashmem_pin64)
#define ASHMEM_UNPIN64		_IOW(__ASHMEMIOC, 0x44, struct ashmem_pin64)
#define ASHMEM_GET_PIN_STATUS64	_IOW(__ASHMEMIOC, 0x45, struct ashmem_pin64)
#define ASHMEM_PIN_VECTOR	_IOW(__ASHMEMIOC, 0x46, struct ashmem_pin_vector)

#endif /* _UAPI_LINUX_ASHMEM_H */
