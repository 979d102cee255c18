/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A zram swap device that a case makes and that is removed after the case, and
 * mappings that can have huge pages.
 */
#ifndef SWAP_H
#define SWAP_H

#include <sys/swap.h>

#include "cgroup.h"

#define SHMEM_ENABLED	"/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define ZRAM		"/dev/zram0"
#define HUGE		(2 * MIB)

static inline void run(const char *command)
{
	int status = system(command);

	if (status)
		FAIL("%s: status %d", command, status);
}

AFTER_EACH_CASE(remove_swap)
{
	swapoff(ZRAM);
	if (system("rmmod zram 2>/dev/null; test ! -e " SHMEM_ENABLED " || "
		   "echo never >" SHMEM_ENABLED))
		return;
}

/* Maps a whole region at an address that is a multiple of the huge page size. */
static inline char *map_aligned(int fd, size_t length)
{
	char *room = checked_map(-1, length + HUGE, PROT_NONE, MAP_PRIVATE |
				 MAP_ANONYMOUS, 0);
	char *base = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));

	if (base > room)
		CHECK_OK(munmap(room, base - room));
	CHECK_OK(munmap(base + length, room + HUGE - base));
	if (mmap(base, length, RW, MAP_SHARED | MAP_FIXED, fd, 0) != base)
		FAIL("mmap: %s", errno_name(errno));
	return base;
}

/* Return: kilobytes of a mapping that are mapped as huge pages. */
static inline unsigned long huge_in(const char *base)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long kilobytes = 0, start, end;
	bool here = false, found = false;
	char line[512];

	CHECK(f);
	while (!found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			here = start == (uintptr_t)base;
		else if (here)
			found = sscanf(line, "ShmemPmdMapped: %lu", &kilobytes);
	}
	fclose(f);
	CHECK(found);
	return kilobytes;
}

/* A disk of less than 4 MiB is always one on which swap is short. */
static inline void make_swap_of(const char *size)
{
	run("modprobe zram num_devices=1");
	write_file("/sys/block/zram0/disksize", size);
	run("mkswap " ZRAM " 2>/dev/null >/dev/null");
	CHECK_OK(swapon(ZRAM, 0));
}

static inline void make_swap(void)
{
	make_swap_of("64M");
}

/*
 * Swaps pages of a mapping out. The process stays on one processor: madvise() does not
 * find pages that wait in the batch of another one.
 */
static inline void swap_out(char *base, size_t pages)
{
	unsigned char resident[pages];
	size_t in_memory;

	do {
		CHECK_OK(madvise(base, pages * page_size, MADV_PAGEOUT));
		CHECK_OK(mincore(base, pages * page_size, resident));
		in_memory = 0;
		for (size_t i = 0; i < pages; i++)
			in_memory += resident[i] & 1;
	} while (in_memory);
}

#endif /* SWAP_H */
