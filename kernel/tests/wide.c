// SPDX-License-Identifier: GPL-2.0-only
/*
 * The requests from number 0x40 on: information, sizes and ranges of 64 bits, and
 * many ranges in one call. Also regions larger than 4 GiB.
 *
 * ashmem.h: The 64-bit requests
 * defect 14: size of 4 GiB or more with len 0
 */
#include <pthread.h>
#include <stddef.h>

#include "client.h"

#define GIB	((uint64_t)1 << 30)

static int get_info(int fd, struct ashmem_info *info)
{
	memset(info, 0, sizeof(*info));
	info->struct_size = sizeof(*info);
	return ioctl(fd, ASHMEM_GET_INFO, info);
}

static struct ashmem_info info_of(int fd)
{
	struct ashmem_info info;

	CHECK_EQ(0, get_info(fd, &info));
	return info;
}

#define CHECK_PAGES_OF(fd, pinned_pages, unpinned_pages, purged_pages)	\
	do {								\
		struct ashmem_info i = info_of(fd);			\
									\
		CHECK_EQ((pinned_pages) * page_size, i.pinned);		\
		CHECK_EQ((unpinned_pages) * page_size, i.unpinned);	\
		CHECK_EQ((purged_pages) * page_size, i.purged);		\
	} while (0)

static int request64(int fd, unsigned long request, uint64_t offset, uint64_t len)
{
	struct ashmem_pin64 range = { .offset = offset, .len = len };

	return ioctl(fd, request, &range);
}

static int pin64(int fd, uint64_t offset, uint64_t len)
{
	return request64(fd, ASHMEM_PIN64, offset, len);
}

static int unpin64(int fd, uint64_t offset, uint64_t len)
{
	return request64(fd, ASHMEM_UNPIN64, offset, len);
}

static int status64(int fd, uint64_t offset, uint64_t len)
{
	return request64(fd, ASHMEM_GET_PIN_STATUS64, offset, len);
}

static int set_size64(int fd, uint64_t size)
{
	return ioctl(fd, ASHMEM_SET_SIZE64, &size);
}

static uint64_t get_size64(int fd)
{
	uint64_t size = ~(uint64_t)0;

	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_SIZE64, &size));
	return size;
}

static int vector(int fd, uint32_t operation, void *ranges, uint64_t count)
{
	struct ashmem_pin_vector v = {
		.ranges = (uintptr_t)ranges,
		.count = count,
		.operation = operation,
	};

	return ioctl(fd, ASHMEM_PIN_VECTOR, &v);
}

static struct ashmem_pin_result range_of(size_t first, size_t pages)
{
	return (struct ashmem_pin_result){
		.offset = first * page_size,
		.len = pages * page_size,
		.result = 12345,
	};
}

/* Return: the last bytes before memory that cannot be accessed. */
static void *in_front_of_nothing(size_t bytes)
{
	char *p = (void *)map_anonymous(2 * page_size);

	CHECK_OK(mprotect(p + page_size, page_size, PROT_NONE));
	return p + page_size - bytes;
}

CASE(every_client_has_the_same_layout)
{
	CHECK_EQ(0x7740, ASHMEM_GET_INFO);
	CHECK_EQ(0x40087741, ASHMEM_SET_SIZE64);
	CHECK_EQ((int)0x80087742, (int)ASHMEM_GET_SIZE64);
	CHECK_EQ(0x40107743, ASHMEM_PIN64);
	CHECK_EQ(0x40107744, ASHMEM_UNPIN64);
	CHECK_EQ(0x40107745, ASHMEM_GET_PIN_STATUS64);
	CHECK_EQ(0x40187746, ASHMEM_PIN_VECTOR);
	CHECK_EQ(ASHMEM_INFO_SIZE_VER0, sizeof(struct ashmem_info));
	CHECK_EQ(52, offsetof(struct ashmem_info, flags));
	CHECK_EQ(24, sizeof(struct ashmem_pin_result));
	CHECK_EQ(16, offsetof(struct ashmem_pin_result, result));
	CHECK_EQ(24, sizeof(struct ashmem_pin_vector));
}

CASE(unknown_requests_are_refused)
{
	int fd = region_open();
	char bytes[256] = "";

	CHECK_ERRNO(ENOTTY, ioctl(fd, _IO(__ASHMEMIOC, 0x3f), bytes));
	CHECK_ERRNO(ENOTTY, ioctl(fd, _IO(__ASHMEMIOC, 0x47), bytes));
	CHECK_ERRNO(ENOTTY, ioctl(fd, _IO(__ASHMEMIOC, 0x41), bytes));
}

CASE(info_of_a_new_region)
{
	int fd = region_open();
	struct ashmem_info info = info_of(fd);

	CHECK_EQ(sizeof(info), info.struct_size);
	CHECK_EQ(ASHMEM_INFO_VERSION, info.version);
	CHECK_EQ(0, info.size);
	CHECK_EQ(0, info.pinned);
	CHECK_EQ(0, info.unpinned);
	CHECK_EQ(0, info.purged);
	CHECK_EQ(0, info.file_id);
	CHECK_EQ(PROT_READ | PROT_WRITE | PROT_EXEC, info.prot_mask);
	CHECK_EQ(0, info.flags);
}

CASE(info_tells_what_the_other_requests_tell)
{
	int fd = region_create(2 * page_size + 1);
	struct ashmem_info info;
	unsigned long id;

	CHECK_OK(set_mask(fd, RW));
	region_map(fd, 3 * page_size);
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_FILE_ID, &id));
	info = info_of(fd);
	CHECK_EQ(2 * page_size + 1, info.size);
	CHECK_EQ(3 * page_size, info.pinned);
	CHECK_EQ(id, info.file_id);
	CHECK_EQ(RW, info.prot_mask);
	CHECK_EQ(ASHMEM_INFO_MAPPED, info.flags);
}

CASE(info_tells_unpinned_and_purged_bytes)
{
	int fd;

	region_of_pages(&fd, 10);
	CHECK_PAGES_OF(fd, 10, 0, 0);
	unpin(fd, 2, 4);
	CHECK_PAGES_OF(fd, 6, 4, 0);
	CHECK_EQ(4, purge_all());
	CHECK_PAGES_OF(fd, 6, 0, 4);
	/* Purged pages that are unpinned again are both, and can be purged again. */
	unpin(fd, 4, 4);
	CHECK_PAGES_OF(fd, 4, 4, 4);
	CHECK_EQ(4, purge_all());
	CHECK_PAGES_OF(fd, 4, 0, 6);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 3, 2));
	CHECK_PAGES_OF(fd, 6, 0, 4);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 10));
	CHECK_PAGES_OF(fd, 10, 0, 0);
}

/* Unpins, pins and purges at random, and counts the pages itself. */
CASE_LIMIT(info_agrees_with_a_count_of_pages, 60)
{
	enum { PAGES = 64, ROUNDS = 5000 };
	bool unpinned[PAGES] = { 0 }, purged[PAGES] = { 0 };
	uint64_t random = test_seed;
	int fd;

	region_of_pages(&fd, PAGES);
	for (int round = 0; round < ROUNDS; round++) {
		size_t first = random_below(&random, PAGES);
		size_t pages = 1 + random_below(&random, PAGES - first);
		unsigned int what = random_below(&random, 16);
		size_t neither = 0, u = 0, p = 0;

		if (pages > 8 && random_below(&random, 4))
			pages = 1 + random_below(&random, 8);
		if (what == 0)
			purge_all();
		else if (what < 9)
			unpin(fd, first, pages);
		else
			pin(fd, first, pages);
		for (size_t i = 0; i < PAGES; i++) {
			bool named = i >= first && i < first + pages;

			if (what == 0) {
				purged[i] |= unpinned[i];
				unpinned[i] = false;
			} else if (named) {
				unpinned[i] = what < 9;
				purged[i] &= what < 9;
			}
			neither += !unpinned[i] && !purged[i];
			u += unpinned[i];
			p += purged[i];
		}
		CHECK_PAGES_OF(fd, neither, u, p);
	}
}

CASE(info_of_a_larger_structure)
{
	struct {
		struct ashmem_info known;
		uint64_t later[8];
	} info = { 0 };
	int fd = region_create(page_size);

	info.known.struct_size = sizeof(info);
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_INFO, &info));
	CHECK_EQ(sizeof(info.known), info.known.struct_size);
	CHECK_EQ(page_size, info.known.size);
	for (size_t i = 0; i < ARRAY_SIZE(info.later); i++)
		CHECK_EQ(0, info.later[i]);

	info.known.struct_size = sizeof(info);
	info.known.size = 1;
	info.later[7] = 1;
	CHECK_ERRNO(E2BIG, ioctl(fd, ASHMEM_GET_INFO, &info));
	CHECK_EQ(1, info.known.size);
	CHECK_EQ(sizeof(info), info.known.struct_size);
}

CASE(info_of_no_sensible_size)
{
	struct ashmem_info *info = (void *)map_anonymous(2 * page_size);
	int fd = region_open();

	for (size_t size = 0; size < sizeof(*info); size++) {
		info->struct_size = size;
		CHECK_ERRNO(EINVAL, ioctl(fd, ASHMEM_GET_INFO, info));
	}
	info->struct_size = 2 * page_size;
	CHECK_ERRNO(E2BIG, ioctl(fd, ASHMEM_GET_INFO, info));
	info->struct_size = UINT32_MAX;
	CHECK_ERRNO(E2BIG, ioctl(fd, ASHMEM_GET_INFO, info));
}

CASE(info_refuses_bad_pointers)
{
	struct ashmem_info *info;
	int fd = region_open();

	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_GET_INFO, NULL));
	info = in_front_of_nothing(sizeof(*info) - 8);
	info->struct_size = sizeof(*info);
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_GET_INFO, info));
	info = in_front_of_nothing(sizeof(*info));
	info->struct_size = sizeof(*info);
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_INFO, info));
}

CASE(sizes_of_64_bits)
{
	static const uint64_t sizes[] = {
		1, 4095, 4096, INT32_MAX, (uint64_t)1 << 31, UINT32_MAX,
		4 * GIB, 4 * GIB + 1, 64 * GIB, (uint64_t)1 << 40,
		INT64_MAX, 0,
	};
	int fd = region_open();

	CHECK_EQ(0, get_size64(fd));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CHECK_EQ(0, set_size64(fd, sizes[i]));
		CHECK_EQ(sizes[i], get_size64(fd));
		if (sizes[i] <= INT32_MAX)
			CHECK_EQ(sizes[i], get_size(fd));
		else
			CHECK_ERRNO(EOVERFLOW, get_size(fd));
	}
}

CASE(sizes_larger_than_any_file_are_refused)
{
	int fd = region_create(5);

	CHECK_ERRNO(EFBIG, set_size64(fd, (uint64_t)1 << 63));
	CHECK_ERRNO(EFBIG, set_size64(fd, UINT64_MAX));
	CHECK_EQ(5, get_size64(fd));
}

CASE(size_is_fixed_by_the_first_mapping)
{
	int fd;

	region_of_pages(&fd, 1);
	CHECK_ERRNO(EINVAL, set_size64(fd, 2 * page_size));
	CHECK_EQ(page_size, get_size64(fd));
}

CASE(requests_of_64_bits_refuse_bad_pointers)
{
	void *in_part = in_front_of_nothing(4);
	int fd;

	region_of_pages(&fd, 1);
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_SET_SIZE64, in_part));
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_GET_SIZE64, in_part));
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_PIN64, in_part));
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_UNPIN64, in_part));
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_GET_PIN_STATUS64, in_part));
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_PIN_VECTOR, in_part));
	CHECK_EQ(0, *(int *)in_part);
	CHECK_PAGES_OF(fd, 1, 0, 0);
}

CASE(ranges_of_64_bits_answer_as_those_of_32)
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	CHECK_EQ(ASHMEM_IS_PINNED, status64(fd, 0, 0));
	CHECK_EQ(0, unpin64(fd, 2 * page_size, 3 * page_size));
	CHECK_EQ(ASHMEM_IS_UNPINNED, status64(fd, 0, 0));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 4, 1));
	CHECK_EQ(ASHMEM_IS_PINNED, status64(fd, 5 * page_size, 0));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin64(fd, 2 * page_size, page_size));
	CHECK_EQ(2, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin64(fd, 0, 4 * page_size));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin64(fd, 0, 0));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin64(fd, 0, 0));
	CHECK_PAGES(p, 0, 3, 1);
	CHECK_ZERO(p, 3, 2);
	CHECK_PAGES(p, 5, 3, 1);
}

static void check_refused(int fd, uint64_t offset, uint64_t len)
{
	struct ashmem_pin_result range = { .offset = offset, .len = len };

	CHECK_ERRNO(EINVAL, pin64(fd, offset, len));
	CHECK_ERRNO(EINVAL, unpin64(fd, offset, len));
	CHECK_ERRNO(EINVAL, status64(fd, offset, len));
	for (int op = ASHMEM_VECTOR_PIN; op <= ASHMEM_VECTOR_GET_PIN_STATUS; op++) {
		range.result = 1;
		CHECK_EQ(0, vector(fd, op, &range, 1));
		CHECK_EQ(-EINVAL, range.result);
	}
}

CASE(bad_ranges_of_64_bits_are_refused)
{
	uint64_t p = page_size;
	int fd = region_create(8 * page_size);

	check_refused(fd, 0, 0);
	region_map(fd, 8 * page_size);
	check_refused(fd, 1, 0);
	check_refused(fd, 0, 1);
	check_refused(fd, p / 2, p / 2);
	check_refused(fd, 8 * p, p);
	check_refused(fd, 8 * p + 1, 0);
	check_refused(fd, 9 * p, 0);
	check_refused(fd, 0, 9 * p);
	check_refused(fd, 7 * p, 2 * p);
	check_refused(fd, 4 * GIB, p);
	check_refused(fd, 0, 4 * GIB + p);
	check_refused(fd, -p, p);
	check_refused(fd, -p, 2 * p);
	check_refused(fd, p, -p);
	check_refused(fd, p, -2 * p);
	check_refused(fd, (uint64_t)1 << 63, (uint64_t)1 << 63);
	CHECK_PAGES_OF(fd, 8, 0, 0);
}

/* Offset and length have 64 bits: the end of a region may be beyond 4 GiB. */
CASE(range_at_the_end_with_length_0_has_no_page)
{
	static const uint64_t sizes[] = { 8 * 4096, 4 * GIB, 64 * GIB };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct ashmem_pin_result r = { .offset = sizes[i] };
		int fd = region_open();

		CHECK_EQ(0, set_size64(fd, sizes[i]));
		checked_map(fd, page_size, RW, MAP_SHARED, 0);
		CHECK_EQ(0, unpin64(fd, sizes[i], 0));
		CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_UNPIN, &r, 1));
		CHECK_EQ(0, r.result);
		CHECK_EQ(0, info_of(fd).unpinned);
		CHECK_EQ(0, unpin64(fd, sizes[i] - page_size, 0));
		CHECK_EQ(1, purge_all());
		CHECK_EQ(ASHMEM_NOT_PURGED, pin64(fd, sizes[i], 0));
		CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_PIN, &r, 1));
		CHECK_EQ(ASHMEM_NOT_PURGED, r.result);
		CHECK_EQ(ASHMEM_IS_PINNED, status64(fd, sizes[i], 0));
		CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_GET_PIN_STATUS, &r, 1));
		CHECK_EQ(ASHMEM_IS_PINNED, r.result);
		CHECK_EQ(page_size, info_of(fd).purged);
		close(fd);
	}
}

/* Maps only two pages at the start and two at the end. */
CASE(region_of_64_gib)
{
	const uint64_t size = 64 * GIB, high = size - 2 * page_size;
	int fd = region_open();
	char *low, *p;

	CHECK_EQ(0, set_size64(fd, size));
	low = checked_map(fd, 2 * page_size, RW, MAP_SHARED, 0);
	p = checked_map(fd, 2 * page_size, RW, MAP_SHARED, high);
	write_pages(low, 0, 2, 1);
	write_pages(p, 0, 2, 2);
	CHECK_ERRNO(EOVERFLOW, get_size(fd));
	CHECK_EQ(size, info_of(fd).pinned);

	CHECK_EQ(0, unpin64(fd, high + page_size, 0));
	CHECK_EQ(1, purge_all());
	CHECK_PAGES(low, 0, 2, 1);
	CHECK_PAGES(p, 0, 1, 2);
	CHECK_ZERO(p, 1, 1);
	CHECK_EQ(ASHMEM_NOT_PURGED, pin64(fd, 0, size - page_size));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin64(fd, size - page_size, page_size));

	/* Android's requests can name a range in the first 4 GiB, or all. */
	CHECK_EQ(0, unpin_bytes(fd, page_size, page_size));
	CHECK_EQ(ASHMEM_IS_UNPINNED, status64(fd, 0, 4 * GIB));
	CHECK_EQ(ASHMEM_IS_PINNED, status64(fd, 4 * GIB, 0));
	CHECK_EQ(1, purge_all());
	CHECK_PAGES(low, 0, 1, 1);
	CHECK_ZERO(low, 1, 1);
	CHECK_EQ(0, unpin_bytes(fd, 0, 0));
	CHECK_EQ(size, info_of(fd).unpinned);
	CHECK_EQ(size / page_size, purge_all());
	CHECK_EQ(size, info_of(fd).purged);
	CHECK_ZERO(low, 0, 2);
	CHECK_ZERO(p, 0, 2);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin64(fd, high, page_size));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin_bytes(fd, 0, 0));
}

#ifdef __LP64__
CASE(region_of_64_gib_mapped_as_a_whole)
{
	const uint64_t size = 64 * GIB, step = 4 * GIB;
	const size_t pages = size / page_size;
	int fd = region_open();
	char *p;

	CHECK_EQ(0, set_size64(fd, size));
	p = region_map(fd, size);
	for (size_t i = 0; i < pages; i += step / page_size)
		write_page(p + i * page_size, i, 1);
	write_page(p + size - page_size, pages - 1, 1);
	CHECK_EQ(0, unpin64(fd, step, size - 2 * step));
	CHECK_EQ(pages - 2 * step / page_size, purge_all());
	for (size_t i = 0; i < pages; i += step / page_size) {
		bool kept = i == 0 || i == pages - step / page_size;

		if (kept)
			CHECK(page_is(p + i * page_size, i, 1));
		else
			CHECK_ZERO(p, i, 1);
		CHECK_EQ(kept ? ASHMEM_NOT_PURGED : ASHMEM_WAS_PURGED,
			 pin64(fd, i * page_size, page_size));
	}
	CHECK(page_is(p + size - page_size, pages - 1, 1));
}

/* The same with SET_SIZE, whose argument is a long. */
CASE(defect_14_region_of_64_gib_by_the_old_requests)
{
	const uint64_t size = 64 * GIB;
	int fd = region_create(size);
	char *p = region_map(fd, size);

	write_page(p, 0, 1);
	write_page(p + size - page_size, 1, 1);
	CHECK_EQ(size, get_size64(fd));
	CHECK_EQ(0, unpin_bytes(fd, 0, 0));
	CHECK_EQ(size / page_size, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin_bytes(fd, 0, 0));
	CHECK_ZERO(p, 0, 1);
	CHECK_ZERO(p, size / page_size - 1, 1);
}
#endif

CASE(vector_answers_for_each_range)
{
	struct ashmem_pin_result r[4];
	int fd;
	char *p = region_of_pages(&fd, 10);

	write_pages(p, 0, 10, 1);
	r[0] = range_of(1, 1);
	r[1] = range_of(9, 2);
	r[2] = range_of(4, 2);
	r[3] = range_of(8, 0);
	CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_UNPIN, r, 4));
	CHECK_EQ(0, r[0].result);
	CHECK_EQ(-EINVAL, r[1].result);
	CHECK_EQ(0, r[2].result);
	CHECK_EQ(0, r[3].result);
	CHECK_PAGES_OF(fd, 5, 5, 0);

	r[1] = range_of(2, 2);
	CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_GET_PIN_STATUS, r, 4));
	CHECK_EQ(ASHMEM_IS_UNPINNED, r[0].result);
	CHECK_EQ(ASHMEM_IS_PINNED, r[1].result);
	CHECK_EQ(ASHMEM_IS_UNPINNED, r[2].result);
	CHECK_EQ(ASHMEM_IS_UNPINNED, r[3].result);

	CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_PIN, r, 1));
	CHECK_EQ(ASHMEM_NOT_PURGED, r[0].result);
	CHECK_EQ(4, purge_all());
	CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_PIN, r, 4));
	CHECK_EQ(ASHMEM_NOT_PURGED, r[0].result);
	CHECK_EQ(ASHMEM_NOT_PURGED, r[1].result);
	CHECK_EQ(ASHMEM_WAS_PURGED, r[2].result);
	CHECK_EQ(ASHMEM_WAS_PURGED, r[3].result);
	CHECK_PAGES_OF(fd, 10, 0, 0);
	CHECK_PAGES(p, 0, 4, 1);
	CHECK_ZERO(p, 4, 2);
	CHECK_EQ(4 * page_size, r[2].offset);
	CHECK_EQ(2 * page_size, r[2].len);
}

CASE(vector_takes_many_ranges)
{
	enum { RANGES = 50000 };
	struct ashmem_pin_result *r = (void *)map_anonymous(RANGES * sizeof(*r));
	int fd;

	region_of_pages(&fd, 2 * RANGES);
	for (size_t i = 0; i < RANGES; i++)
		r[i] = range_of(2 * i, 1);
	CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_UNPIN, r, RANGES));
	CHECK_PAGES_OF(fd, RANGES, RANGES, 0);
	CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_PIN, r, RANGES / 2));
	CHECK_EQ(RANGES / 2, purge_all());
	CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_PIN, r, RANGES));
	for (size_t i = 0; i < RANGES; i++)
		CHECK_EQ(i < RANGES / 2 ? ASHMEM_NOT_PURGED : ASHMEM_WAS_PURGED,
			 r[i].result);
	CHECK_PAGES_OF(fd, 2 * RANGES, 0, 0);
}

CASE(vector_refuses_what_it_does_not_know)
{
	struct ashmem_pin_result r = range_of(0, 1);
	struct ashmem_pin_vector v = {
		.ranges = (uintptr_t)&r,
		.count = 1,
		.operation = ASHMEM_VECTOR_UNPIN,
		.reserved = 1,
	};
	int fd;

	region_of_pages(&fd, 1);
	CHECK_ERRNO(EINVAL, ioctl(fd, ASHMEM_PIN_VECTOR, &v));
	CHECK_ERRNO(EINVAL, vector(fd, 0, &r, 1));
	CHECK_ERRNO(EINVAL, vector(fd, 4, &r, 1));
	CHECK_ERRNO(EINVAL, vector(fd, UINT32_MAX, &r, 1));
	CHECK_EQ(12345, r.result);
	r.reserved = 1;
	CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_UNPIN, &r, 1));
	CHECK_EQ(-EINVAL, r.result);
	CHECK_PAGES_OF(fd, 1, 0, 0);
	CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_UNPIN, NULL, 0));
}

CASE(vector_stops_where_its_array_ends)
{
	struct ashmem_pin_result *r = in_front_of_nothing(3 * sizeof(*r));
	int fd;

	region_of_pages(&fd, 8);
	for (size_t i = 0; i < 3; i++)
		r[i] = range_of(2 * i, 1);
	CHECK_ERRNO(EFAULT, vector(fd, ASHMEM_VECTOR_UNPIN, r, UINT64_MAX));
	for (size_t i = 0; i < 3; i++)
		CHECK_EQ(0, r[i].result);
	CHECK_PAGES_OF(fd, 5, 3, 0);
	CHECK_ERRNO(EFAULT, vector(fd, ASHMEM_VECTOR_UNPIN, NULL, 1));
	CHECK_ERRNO(EFAULT, vector(fd, ASHMEM_VECTOR_UNPIN, (char *)r + 8, 3));
}

CASE(vector_does_nothing_for_a_result_that_cannot_be_written)
{
	struct ashmem_pin_result *r = (void *)map_anonymous(page_size);
	int fd;

	region_of_pages(&fd, 8);
	unpin(fd, 0, 4);
	CHECK_EQ(4, purge_all());
	unpin(fd, 4, 2);
	CHECK_PAGES_OF(fd, 2, 2, 4);
	r[0] = range_of(0, 0);
	CHECK_OK(mprotect(r, page_size, PROT_READ));
	CHECK_ERRNO(EFAULT, vector(fd, ASHMEM_VECTOR_PIN, r, 1));
	CHECK_ERRNO(EFAULT, vector(fd, ASHMEM_VECTOR_UNPIN, r, 1));
	CHECK_PAGES_OF(fd, 2, 2, 4);
	CHECK_EQ(12345, r[0].result);
}

static atomic_bool race_is_over;

static void *take_the_results_away(void *results)
{
	while (!atomic_load(&race_is_over)) {
		CHECK_OK(mprotect(results, page_size, PROT_READ));
		CHECK_OK(mprotect(results, page_size, RW));
	}
	return NULL;
}

/* Either the result that reports the purge can be read, or the next pin reports it. */
CASE_LIMIT(vector_forgets_no_purge_when_its_array_goes, 60)
{
	int memory = CHECK_OK(memfd_create("results", MFD_CLOEXEC)), fd;
	struct ashmem_pin_result *given, *seen;
	unsigned int untold = 0;
	pthread_t thread;

	CHECK_OK(ftruncate(memory, page_size));
	given = (void *)checked_map(memory, page_size, RW, MAP_SHARED, 0);
	seen = (void *)checked_map(memory, page_size, RW, MAP_SHARED, 0);
	region_of_pages(&fd, 1);
	CHECK_EQ(0, pthread_create(&thread, NULL, take_the_results_away, given));
	for (int i = 0; race_goes_on(i < 2000 || !untold); i++) {
		unpin(fd, 0, 1);
		CHECK_EQ(1, purge_all());
		*seen = range_of(0, 1);
		if (!vector(fd, ASHMEM_VECTOR_PIN, given, 1)) {
			CHECK_EQ(ASHMEM_WAS_PURGED, seen->result);
		} else {
			CHECK_EQ(EFAULT, errno);
			if (seen->result != ASHMEM_WAS_PURGED) {
				CHECK_EQ(12345, seen->result);
				CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 1));
				untold++;
			}
		}
		CHECK_OK(pin(fd, 0, 1));
	}
	atomic_store(&race_is_over, true);
	CHECK_EQ(0, pthread_join(thread, NULL));
	CHECK(untold);
}

/*
 * Kills a process in the middle of a vector. The results of each vector differ from
 * those of the vector before.
 *
 * Return: how many results the last vector has written.
 */
static size_t ranges_before_the_end(struct ashmem_pin_result *r, size_t count)
{
	pid_t pid = checked_fork();
	size_t done = 1;
	int status;

	if (!pid) {
		int fd;

		region_of_pages(&fd, 1);
		for (;;) {
			CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_GET_PIN_STATUS, r,
					   count));
			unpin(fd, 0, 1);
			CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_GET_PIN_STATUS, r,
					   count));
			pin(fd, 0, 1);
		}
	}
	WAIT_UNTIL(__atomic_load_n(&r[0].result, __ATOMIC_RELAXED) ==
		   ASHMEM_IS_PINNED);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(SIGKILL, WTERMSIG(status));
	while (done < count && r[done].result == r[0].result)
		done++;
	return done;
}

/* The signal may come between two vectors, but not each time. */
CASE_LIMIT(vector_ends_when_its_caller_is_killed, 60)
{
	enum { RANGES = 1 << 18, TRIES = 5 };
	size_t bytes = RANGES * sizeof(struct ashmem_pin_result);

	for (int i = 0; i < TRIES; i++) {
		struct ashmem_pin_result *r = map_shared(bytes);
		size_t done = ranges_before_the_end(r, RANGES);

		CHECK_OK(munmap(r, bytes));
		printf("# killed after %zu of %d ranges\n", done, RANGES);
		if (done < RANGES)
			return;
	}
	FAIL("the caller is killed only when its vector has ended");
}
