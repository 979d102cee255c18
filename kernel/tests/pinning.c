// SPDX-License-Identifier: GPL-2.0-only
/*
 * PIN, UNPIN and GET_PIN_STATUS, one rule at a time; model.c tests them together.
 *
 * ABI, ioctls: PIN, UNPIN, GET_PIN_STATUS, PURGE_ALL_CACHES
 * ABI, errors: pin range not page-aligned, overflowing, or beyond
 *	PAGE_ALIGN(size)
 * ABI, semantics: all pages are pinned at first; purged pages are zero;
 *	NOT_PURGED promises that every byte is intact
 * defect 14: size of 4 GiB or more with len 0; offset == size with len 0
 * defect 15: unpin merges a purged neighbour
 * defect 19: O(n) per pin
 */
#include "client.h"

static const unsigned long range_requests[] = {
	ASHMEM_PIN, ASHMEM_UNPIN, ASHMEM_GET_PIN_STATUS,
};

CASE(all_pages_are_pinned_at_first)
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 0, 8));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 8));
	CHECK_EQ(0, purge_all());
	CHECK_PAGES(p, 0, 8, 1);
}

CASE(unpin_and_pin_lose_nothing)
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	unpin(fd, 2, 3);
	CHECK_PAGES(p, 0, 8, 1);
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 2, 3));
	CHECK_EQ(0, purge_all());
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 8));
	CHECK_PAGES(p, 0, 8, 1);
}

CASE(status_is_unpinned_if_one_page_is)
{
	int fd;

	region_of_pages(&fd, 8);
	unpin(fd, 3, 2);
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 0, 3));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 0, 4));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 3, 1));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 4, 1));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 5, 3));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 4, 4));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 0, 0));
	CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, 5 * page_size, 0));
	CHECK_EQ(2, purge_all());
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 4, 4));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 5, 3));
}

CASE(status_changes_nothing)
{
	int fd;

	region_of_pages(&fd, 8);
	unpin(fd, 3, 2);
	pin_status(fd, 0, 8);
	CHECK_EQ(2, purge_all());
	pin_status(fd, 0, 8);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 8));
}

CASE(length_0_means_to_the_end)
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	CHECK_EQ(0, unpin_bytes(fd, 5 * page_size, 0));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 0, 5));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 5, 1));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 7, 1));
	CHECK_EQ(3, purge_all());
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 5));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin_bytes(fd, 6 * page_size, 0));
	CHECK_EQ(ASHMEM_IS_UNPINNED, status_bytes(fd, 0, 0));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin_bytes(fd, 0, 0));
	CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, 0, 0));
	CHECK_PAGES(p, 0, 5, 1);
	CHECK_ZERO(p, 5, 3);
}

CASE(partial_last_page_is_a_page)
{
	int fd = region_create(page_size + 1);
	char *p = region_map(fd, 2 * page_size);

	write_pages(p, 0, 2, 1);
	CHECK_EQ(0, unpin_bytes(fd, 0, 2 * page_size));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin_bytes(fd, page_size, page_size));
	CHECK_EQ(0, unpin_bytes(fd, page_size, 0));
	CHECK_ERRNO(EINVAL, unpin_bytes(fd, 0, page_size + 1));
	CHECK_ERRNO(EINVAL, unpin_bytes(fd, 0, 3 * page_size));
	CHECK_ERRNO(EINVAL, unpin_bytes(fd, 3 * page_size, 0));
	CHECK_EQ(0, unpin_bytes(fd, 2 * page_size, 0));
	CHECK_EQ(2, purge_all());
	CHECK_ZERO(p, 0, 2);
}

CASE(bad_ranges_are_refused_and_change_nothing)
{
	enum { PAGES = 8 };
	const uint32_t page = page_size, end = PAGES * page;
	const struct ashmem_pin bad[] = {
		{ 1, 0 }, { 1, page }, { page - 1, page }, { page + 1, 0 },
		{ 0, 1 }, { 0, page - 1 }, { 0, page + 1 }, { page, 12 },
		{ 1, page - 1 }, { 12, 34 }, { 0xffffffff, 0xffffffff },
		{ 0, end + page }, { page, end }, { end, page },
		{ end - page, 2 * page }, { end + page, page },
		{ end + page, 0 }, { end + 1, 0 }, { end - 1, 0 }, { 0x80000000, 0 }, { 0x80000000, page },
		{ 0, 0x80000000 }, { 0, -page }, { page, -page },
		{ -page, page }, { -page, 0 }, { -page, 2 * page },
		{ end, -end }, { end, -page }, { 0x80000000, 0x80000000 },
		{ 2 * page, -page },
	};
	int fd;
	char *p = region_of_pages(&fd, PAGES);

	write_pages(p, 0, PAGES, 1);
	unpin(fd, 2, 2);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		for (size_t r = 0; r < ARRAY_SIZE(range_requests); r++) {
			int result = ioctl(fd, range_requests[r], &bad[i]);

			if (result != -1 || errno != EINVAL)
				FAIL("request 0x%lx {0x%x, 0x%x} returns %d (%s), expected EINVAL",
				     range_requests[r], bad[i].offset,
				     bad[i].len, result,
				     result == -1 ? errno_name(errno) : "");
		}
	}
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 0, 2));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 2, 1));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 3, 1));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 4, 4));
	CHECK_EQ(2, purge_all());
	CHECK_PAGES(p, 0, 2, 1);
	CHECK_PAGES(p, 4, 4, 1);
}

CASE(purge_takes_the_unpinned_pages_and_no_other)
{
	int fd;
	char *p = region_of_pages(&fd, 32);

	write_pages(p, 0, 32, 1);
	for (size_t i = 1; i < 32; i += 2)
		unpin(fd, i, 1);
	CHECK_EQ(16, purge_all());
	CHECK_EQ(0, purge_all());
	for (size_t i = 0; i < 32; i++) {
		if (i % 2)
			CHECK_ZERO(p, i, 1);
		else
			CHECK_PAGES(p, i, 1, 1);
		CHECK_EQ(i % 2 ? ASHMEM_WAS_PURGED : ASHMEM_NOT_PURGED,
			 pin(fd, i, 1));
	}
}

CASE(purge_all_counts_pages_never_touched)
{
	int fd;

	region_of_pages(&fd, 1000);
	unpin(fd, 0, 1000);
	CHECK_EQ(1000, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 999, 1));
}

CASE(page_unpinned_twice_counts_once)
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	unpin(fd, 1, 4);
	unpin(fd, 1, 4);
	unpin(fd, 2, 1);
	unpin(fd, 0, 3);
	unpin(fd, 4, 3);
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 2, 1));
	CHECK_EQ(6, purge_all());
	CHECK_PAGES(p, 2, 1, 1);
	CHECK_PAGES(p, 7, 1, 1);
}

CASE(pins_are_not_counted)
{
	int fd;

	region_of_pages(&fd, 4);
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 4));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 4));
	unpin(fd, 0, 4);
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 0, 4));
	CHECK_EQ(4, purge_all());
}

CASE(pin_tells_of_a_purge_once)
{
	int fd;

	region_of_pages(&fd, 8);
	unpin(fd, 0, 8);
	CHECK_EQ(8, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 2, 3));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 2, 3));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 2, 3));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 0, 2));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 3));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 4, 4));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 8));
	CHECK_EQ(0, purge_all());
}

CASE(pages_keep_what_is_written_after_the_purge)
{
	int fd;
	char *p = region_of_pages(&fd, 4);

	write_pages(p, 0, 4, 1);
	unpin(fd, 0, 4);
	CHECK_EQ(4, purge_all());
	write_pages(p, 0, 4, 2);
	CHECK_EQ(0, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 4));
	CHECK_PAGES(p, 0, 4, 2);
}

CASE(writing_to_an_unpinned_page_does_not_pin_it)
{
	int fd;
	char *p = region_of_pages(&fd, 4);

	unpin(fd, 0, 4);
	write_pages(p, 0, 4, 1);
	CHECK_PAGES(p, 0, 4, 1);
	CHECK_EQ(4, purge_all());
	CHECK_ZERO(p, 0, 4);
}

CASE(purged_page_unpinned_again_may_be_purged_again)
{
	int fd;
	char *p = region_of_pages(&fd, 4);

	write_pages(p, 0, 4, 1);
	unpin(fd, 0, 4);
	CHECK_EQ(4, purge_all());
	write_pages(p, 0, 4, 2);
	unpin(fd, 1, 2);
	CHECK_PAGES(p, 0, 4, 2);
	CHECK_EQ(2, purge_all());
	CHECK_PAGES(p, 0, 1, 2);
	CHECK_ZERO(p, 1, 2);
	CHECK_PAGES(p, 3, 1, 2);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 4));
}

CASE(purged_page_unpinned_again_still_tells_of_the_purge)
{
	int fd;

	region_of_pages(&fd, 4);
	unpin(fd, 0, 4);
	CHECK_EQ(4, purge_all());
	unpin(fd, 0, 4);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 1, 1));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 4));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 4));
	CHECK_EQ(0, purge_all());
}

CASE(two_regions_know_nothing_of_each_other)
{
	int a, b;
	char *p = region_of_pages(&a, 4), *q = region_of_pages(&b, 4);

	write_pages(p, 0, 4, 1);
	write_pages(q, 0, 4, 2);
	unpin(a, 0, 2);
	unpin(b, 1, 3);
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(a, 0, 1));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(b, 0, 1));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(a, 0, 4));
	CHECK_EQ(3, purge_all());
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(a, 0, 4));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(b, 0, 4));
	CHECK_PAGES(p, 0, 4, 1);
	CHECK_PAGES(q, 0, 1, 2);
	CHECK_ZERO(q, 1, 3);
}

/* The range has no page. Clients with an empty segment make such requests. */
CASE(defect_14_offset_at_the_size_with_length_0)
{
	static const size_t sizes[] = { 1, 4095, 4096, 4097, 3 * 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t pages = (sizes[i] + page_size - 1) / page_size;
		size_t end = pages * page_size;
		int fd = region_create(sizes[i]);
		char *p;

		for (size_t r = 0; r < ARRAY_SIZE(range_requests); r++)
			CHECK_ERRNO(EINVAL, range_request(fd, range_requests[r],
							  end, 0));
		p = region_map(fd, end);
		write_pages(p, 0, pages, 1);
		CHECK_EQ(0, unpin_bytes(fd, end, 0));
		CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, end, 0));
		CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, 0, 0));
		CHECK_EQ(0, purge_all());
		CHECK_PAGES(p, 0, pages, 1);
		unpin(fd, 0, pages);
		CHECK_EQ(ASHMEM_NOT_PURGED, pin_bytes(fd, end, 0));
		CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, end, 0));
		CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, pages - 1, 1));
		CHECK_EQ(pages, purge_all());
		CHECK_EQ(ASHMEM_NOT_PURGED, pin_bytes(fd, end, 0));
		CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, end, 0));
		CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, pages - 1, 1));
		CHECK_EQ(0, purge_all());
		for (size_t r = 0; r < ARRAY_SIZE(range_requests); r++)
			CHECK_ERRNO(EINVAL, range_request(fd, range_requests[r],
							  end + page_size, 0));
		close(fd);
	}
}

/* Checks the first and the last page of a huge region, and the number of pages. */
static void check_huge_region(uint64_t size)
{
	const uint64_t pages = (size + page_size - 1) / page_size;
	int fd = region_create(size);
	char *p, *q;

	p = checked_map(fd, page_size, RW, MAP_SHARED | MAP_NORESERVE, 0);
	q = checked_map(fd, page_size, RW, MAP_SHARED | MAP_NORESERVE,
			(pages - 1) * page_size);
	write_page(p, 0, 1);
	write_page(q, 0, 2);
	CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, 0, 0));
	CHECK_EQ(0, unpin_bytes(fd, 0, 0));
	CHECK_EQ(ASHMEM_IS_UNPINNED, status_bytes(fd, 0, 0));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin_bytes(fd, 0, 0));
	CHECK_EQ(0, purge_all());
	CHECK_EQ(0, unpin_bytes(fd, page_size, 0));
	CHECK_EQ(pages - 1, purge_all());
	CHECK(page_is(p, 0, 1));
	CHECK(page_is_zero(q));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin_bytes(fd, 0, page_size));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin_bytes(fd, page_size, 0));
	CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, 0, 0));
	CHECK_EQ(0, unpin_bytes(fd, 0, 0));
	CHECK_EQ(pages, purge_all());
	CHECK(page_is_zero(p));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin_bytes(fd, 0, 0));
	CHECK_EQ(0, purge_all());
	close(fd);
}

CASE(defect_14_4_gib_and_more_with_length_0)
{
	/* The largest size that a 32-bit client can set. It rounds up to 4 GiB. */
	check_huge_region(0xffffffff);
	if (sizeof(size_t) == 8) {
		check_huge_region(0x100000000);
		check_huge_region(0x100000001);
		check_huge_region(0x180000000);
	}
}

CASE(defect_14_range_that_ends_at_4_gib)
{
	uint64_t size = 0xffffffff;
	uint32_t last = -page_size;
	int fd = region_create(size);
	char *p = checked_map(fd, page_size, RW, MAP_SHARED | MAP_NORESERVE,
			      last);

	write_page(p, 0, 1);
	CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, last, page_size));
	CHECK_EQ(0, unpin_bytes(fd, last, page_size));
	CHECK_EQ(ASHMEM_IS_UNPINNED, status_bytes(fd, last, 0));
	CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, 0, last));
	CHECK_EQ(1, purge_all());
	CHECK(page_is_zero(p));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin_bytes(fd, last, page_size));
	CHECK_EQ(0, unpin_bytes(fd, page_size, last));
	CHECK_EQ(size / page_size, purge_all());
	CHECK_ERRNO(EINVAL, unpin_bytes(fd, last, 2 * page_size));
	CHECK_ERRNO(EINVAL, unpin_bytes(fd, 2 * page_size, last));
}

CASE(defect_15_unpin_merges_a_purged_neighbour)
{
	int fd;
	char *p = region_of_pages(&fd, 2);

	write_pages(p, 0, 2, 1);
	unpin(fd, 0, 1);
	CHECK_EQ(1, purge_all());
	unpin(fd, 0, 2);
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 1, 1));
	CHECK_PAGES(p, 1, 1, 1);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 1));
}

CASE(defect_15_neighbour_of_a_purged_page_is_purgeable)
{
	int fd;
	char *p = region_of_pages(&fd, 3);

	write_pages(p, 0, 3, 1);
	unpin(fd, 1, 1);
	CHECK_EQ(1, purge_all());
	unpin(fd, 0, 3);
	CHECK_EQ(3, purge_all());
	CHECK_ZERO(p, 0, 3);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 1));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 2, 1));
}

/*
 * Each request finds its range among 100,000. Android's driver walks a list from
 * the last page, so the first pages are the farthest. With a tree the case makes
 * some 500,000 short requests. With a list these are more than 10^10 steps, which
 * most machines do not end within the time limit. kunit.c counts how deep the tree
 * is; ./run bench kernel measures how long a pin takes.
 */
CASE(defect_19_pin_among_many_ranges)
{
	enum { RANGES = 100000, STRIDE = 7919 };
	int fd = region_create(2 * RANGES * page_size);

	region_map(fd, page_size);
	for (size_t i = RANGES; i-- > 0;)
		unpin(fd, 2 * i, 1);
	for (size_t i = 0; i < RANGES; i++) {
		size_t page = 2 * (i * STRIDE % RANGES);

		CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, page, 1));
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, page, 1));
		CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, page, 2));
		if (i % 2)
			unpin(fd, page, 1);
	}
	for (size_t i = 0; i < RANGES; i++)
		CHECK_EQ(i % 2 ? ASHMEM_IS_UNPINNED : ASHMEM_IS_PINNED,
			 pin_status(fd, 2 * (i * STRIDE % RANGES), 1));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 2 * RANGES));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 0, 2 * RANGES));
	CHECK_EQ(0, purge_all());
}
