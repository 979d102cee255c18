/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The user-space interface of /dev/ashmem: anonymous shared memory whose
 * unpinned pages the kernel may take back.
 *
 * Each open of the device creates a new, empty region. A program sets the size
 * of the region and maps it. ASHMEM_UNPIN allows the kernel to purge pages
 * under memory pressure. ASHMEM_PIN protects pages again, and reports whether
 * one was purged. The requests below number 0x40 are those of Android's driver,
 * with its structures.
 */
#ifndef _UAPI_LINUX_ASHMEM_H
#define _UAPI_LINUX_ASHMEM_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Bytes in the name's buffer, the terminating NUL included. */
#define ASHMEM_NAME_LEN		256

/* ASHMEM_GET_NAME returns this while no name is set. */
#define ASHMEM_NAME_DEF		"dev/ashmem"

/* Results of ASHMEM_PIN. */
#define ASHMEM_NOT_PURGED	0	/* every byte of the range is intact */
#define ASHMEM_WAS_PURGED	1	/* at least one page was purged: it reads as zeros */

/* Results of ASHMEM_GET_PIN_STATUS. */
#define ASHMEM_IS_UNPINNED	0	/* at least one page is unpinned */
#define ASHMEM_IS_PINNED	1	/* every page is pinned */

/**
 * struct ashmem_pin - a range of a region
 * @offset: first byte, a multiple of the page size
 * @len: bytes, a multiple of the page size; 0 means up to the end of the region
 *
 * With an @offset at the end of the region and a @len of 0, the range has no page:
 * ASHMEM_PIN and ASHMEM_UNPIN return 0 and do nothing, and ASHMEM_GET_PIN_STATUS
 * returns ASHMEM_IS_PINNED. The same holds for the 64-bit requests.
 */
struct ashmem_pin {
	__u32 offset;
	__u32 len;
};

#define __ASHMEMIOC		0x77

/*
 * ASHMEM_SET_SIZE and ASHMEM_SET_PROT_MASK take their argument by value. All
 * other requests with an argument take a pointer.
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
 * These requests are for regions of any size. Android's driver lacks them. Each
 * takes a pointer to data that has the same layout for 32-bit and 64-bit
 * clients. Reserved fields must be 0. A driver without them returns ENOTTY.
 *
 * ASHMEM_GET_INFO (&struct ashmem_info)
 *	The state of the region, as of one moment. poll() and epoll report POLLPRI
 *	from the moment when a page of the region was purged until any process asks
 *	this, and POLLIN and POLLOUT always.
 *	EINVAL: struct_size is below ASHMEM_INFO_SIZE_VER0; E2BIG: a byte beyond
 *	the fields that this kernel knows is not 0, or struct_size is larger than
 *	a page.
 *
 * ASHMEM_SET_SIZE64, ASHMEM_GET_SIZE64 (__u64)
 *	The size in bytes. EINVAL: the region was mapped; EFBIG: the size is
 *	larger than a file can be.
 *
 * ASHMEM_PIN64, ASHMEM_UNPIN64, ASHMEM_GET_PIN_STATUS64 (&struct ashmem_pin64)
 *	These return the same as the requests without 64. EINVAL: the region was
 *	never mapped, or the range does not consist of whole pages of the region.
 *
 * ASHMEM_PIN_VECTOR (&struct ashmem_pin_vector)
 *	Pins or unpins many ranges, or gets their status, one after the other.
 *	Each range gets its own result, also when other ranges fail. The request
 *	returns 0 when all ranges have a result. EINVAL: the operation is unknown,
 *	or @reserved is not 0; EFAULT: an element of the array cannot be read or
 *	written; EINTR: a signal came. After EFAULT and EINTR, the preceding
 *	ranges are done and have their results. A purge whose result could not be
 *	written stays recorded: the next pin of the range reports it.
 *
 *	A signal ends the request after a few ranges. The kernel then changes
 *	@ranges and @count such that they name the ranges that are not done yet,
 *	and the same request goes on there. The kernel makes it again by itself
 *	when the process was stopped or frozen, or when the signal's handler has
 *	SA_RESTART. Otherwise the request returns EINTR, and the caller may make
 *	it again. So a request that returns 0 leaves the structure as it was,
 *	or, after a signal, as that signal left it. EFAULT: a signal came, but
 *	the structure cannot be written; it does not tell which ranges are done.
 */

/**
 * struct ashmem_info - the state of a region
 * @struct_size: the caller sets it to sizeof(struct ashmem_info); the kernel sets
 *	it to the number of bytes that it knows. The kernel writes no more bytes
 *	than the caller has. Bytes of the caller beyond the kernel's must be 0, and
 *	stay 0
 * @version: ASHMEM_INFO_VERSION of the kernel. New fields are added only at the
 *	end, and each addition increases the version by one
 * @size: bytes, as set; 0 while unset
 * @pinned: bytes in pages that are neither unpinned nor purged
 * @unpinned: bytes in pages that may be purged now
 * @purged: bytes in pages that were purged since they were last pinned. A page
 *	that was unpinned again after its purge counts in @unpinned and @purged.
 *	If there is no such page, the sum of @pinned, @unpinned and @purged is
 *	@size, rounded up to whole pages
 * @file_id: the result of ASHMEM_GET_FILE_ID; 0 before the first mmap
 * @prot_mask: the result of ASHMEM_GET_PROT_MASK
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
#define ASHMEM_INFO_SIZE_VER0	56	/* bytes of version 1, the first version */

#define ASHMEM_INFO_MAPPED	0x1	/* the region was mapped: name and size are fixed */

/**
 * struct ashmem_pin64 - a range of a region
 * @offset: first byte, a multiple of the page size
 * @len: bytes, a multiple of the page size; 0 means up to the end of the region
 */
struct ashmem_pin64 {
	__u64 offset;
	__u64 len;
};

/**
 * struct ashmem_pin_result - a range of a region, and the result for it
 * @offset: first byte, a multiple of the page size
 * @len: bytes, a multiple of the page size; 0 means up to the end of the region
 * @result: set by the kernel to the return value of the request for this range
 *	alone, or to a negative error number
 * @reserved: 0
 */
struct ashmem_pin_result {
	__u64 offset;
	__u64 len;
	__s32 result;
	__u32 reserved;
};

/**
 * struct ashmem_pin_vector - an operation on many ranges
 * @ranges: address of an array of &struct ashmem_pin_result. The kernel changes it
 *	and @count only when a signal ends the request
 * @count: number of elements in the array
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

/* ASHMEM_GET_INFO contains no size, so its number stays when the structure grows. */
#define ASHMEM_GET_INFO		_IO(__ASHMEMIOC, 0x40)
#define ASHMEM_SET_SIZE64	_IOW(__ASHMEMIOC, 0x41, __u64)
#define ASHMEM_GET_SIZE64	_IOR(__ASHMEMIOC, 0x42, __u64)
#define ASHMEM_PIN64		_IOW(__ASHMEMIOC, 0x43, struct ashmem_pin64)
#define ASHMEM_UNPIN64		_IOW(__ASHMEMIOC, 0x44, struct ashmem_pin64)
#define ASHMEM_GET_PIN_STATUS64	_IOW(__ASHMEMIOC, 0x45, struct ashmem_pin64)
#define ASHMEM_PIN_VECTOR	_IOW(__ASHMEMIOC, 0x46, struct ashmem_pin_vector)

#endif /* _UAPI_LINUX_ASHMEM_H */
