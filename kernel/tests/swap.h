/* SPDX-License-Identifier: GPL-2.0-only */
/* A swap device of zram that a case makes, and that is removed behind it. */
#ifndef SWAP_H
#define SWAP_H

#include <sys/swap.h>

#include "client.h"

#define SHMEM_ENABLED	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define ZRAM		"/dev/zram0"

static inline void run(const char *command)
{
	int status = system(command);

	if (status)
		FAIL("%s: status %d", command, status);
}

AFTER_EACH_CASE(remove_swap)
{
	swapoff(ZRAM);
	if (system("rmmod zram 2>/dev/null; echo never >" SHMEM_ENABLED))
		return;
}

static inline void make_swap(void)
{
	run("modprobe zram num_devices=1");
	write_file("/sys/block/zram0/disksize", "64M");
	run("mkswap " ZRAM " 2>/dev/null >/dev/null");
	CHECK_OK(swapon(ZRAM, 0));
}

#endif /* SWAP_H */
