/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages that a device may use: they are pinned for DMA until the process ends. */
#ifndef DEVICE_H
#define DEVICE_H

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <linux/if_xdp.h>
#include <linux/io_uring.h>

#include "client.h"

/* As buffers of io_uring. Return: false if the kernel takes no pages of a file. */
static inline bool use_as_fixed_buffers(char *base, size_t bytes)
{
	struct io_uring_params p = { .flags = 0 };
	struct iovec v = { base, bytes };
	int ring = CHECK_OK(syscall(SYS_io_uring_setup, 4, &p));

	if (!syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &v, 1))
		return true;
	CHECK_EQ(EOPNOTSUPP, errno);
	return false;
}

/* As buffers of a socket for packets. */
static inline void use_as_packet_buffers(char *base, size_t bytes)
{
	struct xdp_umem_reg r = {
		.addr = (uintptr_t)base,
		.len = bytes,
		.chunk_size = page_size,
	};
	int fd = CHECK_OK(socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));

	CHECK_OK(setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &r, sizeof(r)));
}

/* In one of the two ways. */
static inline void use_by_device(char *base, size_t bytes)
{
	if (!use_as_fixed_buffers(base, bytes))
		use_as_packet_buffers(base, bytes);
}

#endif /* DEVICE_H */
