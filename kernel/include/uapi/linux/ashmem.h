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

#endif /* _UAPI_LINUX_ASHMEM_H */
