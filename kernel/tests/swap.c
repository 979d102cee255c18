// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of a region that are swapped out, huge ones above all, to a zram swap device that
 * each case makes and removes.
 *
 * ABI, semantics: NOT_PURGED promises every byte, and pinned pages stay
 *
 * Since 6.12 a huge page is swapped out as one entry. If the page reaches beyond an
 * unpinned range, a purge of the range would first have to swap the page in. The
 * purging task may itself be swapping in that page, and would wait forever. Older
 * kernels split the page when it is swapped out; the same must hold there.
 */
#include <sys/wait.h>

#include "cgroup.h"
#include "swap.h"

#define SWPOUT		"/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/stats/swpout"

/* Return: pages swapped out as a whole so far; -1 if the kernel splits huge pages. */
static long swapped_out_whole(void)
{
	FILE *f = fopen(SWPOUT, "re");
	long n;

	if (!f && errno == ENOENT)
		return -1;
	CHECK(f && fscanf(f, "%ld", &n) == 1);
	fclose(f);
	return n;
}

/* Fills two huge pages and swaps them out, each as a whole if the kernel can. */
static struct filled swapped_region(void)
{
	struct filled f = { .pages = 2 * HUGE / page_size };
	unsigned char resident[f.pages];
	long before = swapped_out_whole();

	write_file(SHMEM_ENABLED, "advise");
	f.fd = region_create(2 * HUGE);
	f.base = map_aligned(f.fd, 2 * HUGE);
	CHECK_OK(madvise(f.base, 2 * HUGE, MADV_HUGEPAGE));
	write_pages(f.base, 0, f.pages, 1);
	CHECK_OK(madvise(f.base, 2 * HUGE, MADV_PAGEOUT));
	CHECK_OK(mincore(f.base, 2 * HUGE, resident));
	for (size_t i = 0; i < f.pages; i++)
		CHECK(!(resident[i] & 1));
	if (before >= 0)
		CHECK_EQ(before + 2, swapped_out_whole());
	return f;
}

/*
 * The limit is hit while a pinned page of a huge page is swapped in. The limit leaves
 * room for some pages, as reclaim cannot take the very last ones, but not for a huge
 * page.
 */
CASE_LIMIT(fault_on_a_pinned_page_of_a_huge_page_unpinned_in_part, 60)
{
	pid_t pid;

	make_swap();
	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f = swapped_region();
		size_t quarter = f.pages / 8;

		unpin(f.fd, 0, quarter);
		cgroup_set("a", "memory.max",
			   cgroup_get("a", "memory.current", NULL) + HUGE / 4);
		CHECK_PAGES(f.base, quarter, f.pages - quarter, 1);
		if (pin(f.fd, 0, quarter) == ASHMEM_NOT_PURGED)
			CHECK_PAGES(f.base, 0, quarter, 1);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

CASE_LIMIT(purge_spares_the_pinned_part_of_a_huge_page, 60)
{
	struct filled f;
	size_t quarter;

	make_swap();
	f = swapped_region();
	quarter = f.pages / 8;
	unpin(f.fd, 0, quarter);
	unpin(f.fd, f.pages - quarter, quarter);
	purge_all();
	drop_caches("2");
	CHECK_PAGES(f.base, quarter, f.pages - 2 * quarter, 1);
	if (pin(f.fd, 0, quarter) == ASHMEM_NOT_PURGED)
		CHECK_PAGES(f.base, 0, quarter, 1);
	if (pin(f.fd, f.pages - quarter, quarter) == ASHMEM_NOT_PURGED)
		CHECK_PAGES(f.base, f.pages - quarter, quarter, 1);
}

/* A huge page that lies in the range as a whole is purged in swap as in memory. */
CASE_LIMIT(huge_page_unpinned_as_a_whole_is_purged_in_swap, 60)
{
	struct filled f;

	make_swap();
	f = swapped_region();
	unpin(f.fd, 0, f.pages / 2);
	CHECK_EQ(f.pages / 2, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(f.fd, 0, f.pages / 2));
	CHECK_ZERO(f.base, 0, f.pages / 2);
	CHECK_PAGES(f.base, f.pages / 2, f.pages / 2, 1);
}

/* A region is swapped out and unpinned. Return: bytes of it that reclaim then purges. */
static size_t purge_what_is_swapped(void)
{
	struct filled f;

	stay_on_processor(0);
	f = filled_region(MIB);
	swap_out(f.base, f.pages);
	unpin(f.fd, 0, f.pages);
	for (int i = 0; i < 4; i++)
		drop_caches("2");
	return region_info(f.fd).purged;
}

CASE_LIMIT(swapped_pages_are_left_while_swap_is_free, 60)
{
	make_swap();
	CHECK_EQ(0, purge_what_is_swapped());
}

CASE_LIMIT(swapped_pages_are_given_up_when_swap_is_short, 60)
{
	make_swap_of("3M");
	CHECK_EQ(MIB, purge_what_is_swapped());
}

/*
 * Maps a huge page by a read fault. The kernel takes the page for clean, although it
 * is mapped writable.
 */
static char *read_huge_page(int fd)
{
	char *base = map_aligned(fd, HUGE);

	write_file(SHMEM_ENABLED, "advise");
	CHECK_OK(madvise(base, HUGE, MADV_HUGEPAGE));
	CHECK_ZERO(base, 0, HUGE / page_size);
	CHECK_EQ(HUGE >> 10, huge_in(base));
	return base;
}

/* All content survives swap-out and swap-in. */
static void check_kept(char *base)
{
	unsigned char resident[HUGE / page_size];

	CHECK_PAGES(base, 0, HUGE / page_size, 1);
	CHECK_OK(madvise(base, HUGE, MADV_PAGEOUT));
	CHECK_OK(mincore(base, HUGE, resident));
	for (size_t i = 0; i < HUGE / page_size; i++)
		CHECK(!(resident[i] & 1));
	CHECK_PAGES(base, 0, HUGE / page_size, 1);
}

CASE_LIMIT(huge_page_written_after_reading_is_kept_at_munmap, 60)
{
	int fd = region_create(HUGE);
	char *base;

	make_swap();
	base = read_huge_page(fd);
	write_pages(base, 0, HUGE / page_size, 1);
	CHECK_OK(munmap(base, HUGE));
	check_kept(map_aligned(fd, HUGE));
}

CASE_LIMIT(huge_page_written_after_reading_is_kept_at_collapse, 60)
{
	int fd = region_create(HUGE);
	char *parts = map_aligned(fd, HUGE), *whole;

	make_swap();
	/* Where a page table exists already, a huge page is mapped page by page. */
	write_pages(parts, 0, 1, 1);
	CHECK_OK(madvise(parts, HUGE, MADV_REMOVE));
	whole = read_huge_page(fd);
	CHECK_ZERO(parts, 0, HUGE / page_size);
	CHECK_EQ(0, huge_in(parts));
	CHECK_OK(munmap(whole, HUGE));
	write_pages(parts, 0, HUGE / page_size, 1);
	/* Kernels before 6.1 do not have it. */
	if (madvise(parts, HUGE, 25 /* MADV_COLLAPSE */)) {
		CHECK_EQ(EINVAL, errno);
		CHECK_PAGES(parts, 0, HUGE / page_size, 1);
		return;
	}
	CHECK_EQ(HUGE >> 10, huge_in(parts));
	check_kept(parts);
}
