// SPDX-License-Identifier: GPL-2.0-only
/*
 * The requests: their numbers, their values, and the order of the errors.
 *
 * ABI, device: an open is a new, empty region; st_size is 0
 * ABI, ioctls: every number, 64-bit and 32-bit; SET_SIZE, GET_SIZE,
 *	SET_PROT_MASK, GET_PROT_MASK, GET_FILE_ID and what they return
 * ABI, errors: unknown request; SET_SIZE after the first mmap; bad pointer;
 *	SET_PROT_MASK adds a bit; PIN, UNPIN, GET_PIN_STATUS before the first
 *	mmap; PURGE_ALL_CACHES without CAP_SYS_ADMIN; write
 * ABI, semantics: GET_SIZE from 2 GiB on
 * name.c tests names, pinning.c ranges, protection.c what a mask does to mmap.
 */
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "client.h"

CASE(requests_have_the_numbers_of_the_abi)
{
	bool wide = sizeof(long) == 8;

	CHECK_EQ(0x41007701, ASHMEM_SET_NAME);
	CHECK_EQ(0x81007702, ASHMEM_GET_NAME);
	CHECK_EQ(wide ? 0x40087703 : 0x40047703, ASHMEM_SET_SIZE);
	CHECK_EQ(0x7704, ASHMEM_GET_SIZE);
	CHECK_EQ(wide ? 0x40087705 : 0x40047705, ASHMEM_SET_PROT_MASK);
	CHECK_EQ(0x7706, ASHMEM_GET_PROT_MASK);
	CHECK_EQ(0x40087707, ASHMEM_PIN);
	CHECK_EQ(0x40087708, ASHMEM_UNPIN);
	CHECK_EQ(0x7709, ASHMEM_GET_PIN_STATUS);
	CHECK_EQ(0x770a, ASHMEM_PURGE_ALL_CACHES);
	CHECK_EQ(wide ? 0x8008770b : 0x8004770b, ASHMEM_GET_FILE_ID);
}

/* The mode that devtmpfs gives it. A udev rule may set no other one. */
CASE(device_is_for_every_user)
{
	struct stat st;

	CHECK_OK(stat(DEVICE, &st));
	CHECK(S_ISCHR(st.st_mode));
	CHECK_EQ(0666, st.st_mode & 0777);
}

CASE(literal_numbers_are_served)
{
	bool wide = sizeof(long) == 8;
	struct ashmem_pin all = { 0, 0 };
	char name[256] = "x";
	int fd = region_open();

	CHECK_EQ(0, ioctl(fd, 0x41007701, name));
	CHECK_EQ(0, ioctl(fd, 0x81007702, name));
	CHECK_EQ(0, ioctl(fd, wide ? 0x40087703 : 0x40047703, page_size));
	CHECK_EQ(page_size, ioctl(fd, 0x7704));
	CHECK_EQ(0, ioctl(fd, wide ? 0x40087705 : 0x40047705, RW));
	CHECK_EQ(RW, ioctl(fd, 0x7706));
	region_map(fd, page_size);
	CHECK_EQ(0, ioctl(fd, 0x40087708, &all));
	CHECK_EQ(0, ioctl(fd, 0x7709, &all));
	CHECK_EQ(0, ioctl(fd, 0x40087707, &all));
	CHECK_EQ(1, ioctl(fd, 0x7709, &all));
	CHECK_OK(ioctl(fd, 0x770a));
}

CASE(unknown_requests_answer_enotty)
{
	static const unsigned int unknown[] = {
		0, 0x7700, 0x7701, 0x7702, 0x7703, 0x7705, 0x7707, 0x7708,
		/* Requests 11 to 14 of other vendors. */
		0x770b, 0x770c, 0x770d, 0x770e,
		/* Another direction, size or magic. */
		0x81007701, 0x41007702, 0x40ff7701, 0x80087703, 0xc0087707,
		0x40087704, 0x40087709, 0x8008770a, 0x40107707, 0x40087607,
		0x40087807, 0x4008770b, 0x77, 0x7700770a, 0xffffffff,
	};
	static const unsigned int of_32_bits[] = {
		0x40047703, 0x40047705, 0x8004770b,
	};
	static const unsigned int of_64_bits[] = {
		0x40087703, 0x40087705, 0x8008770b,
	};
	const unsigned int *others = sizeof(long) == 8 ? of_32_bits : of_64_bits;
	unsigned char argument[512] = "";
	int fd = region_create(page_size);

	region_map(fd, page_size);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		if (ioctl(fd, unknown[i], argument) != -1 || errno != ENOTTY)
			FAIL("request 0x%x: %s, expected ENOTTY", unknown[i],
			     errno_name(errno));
	for (size_t i = 0; i < ARRAY_SIZE(of_32_bits); i++)
		if (ioctl(fd, others[i], argument) != -1 || errno != ENOTTY)
			FAIL("request 0x%x of clients of another width: %s, expected ENOTTY",
			     others[i], errno_name(errno));
	for (size_t i = 0; i < sizeof(argument); i++)
		CHECK_EQ(0, argument[i]);
	CHECK_EQ(page_size, get_size(fd));
}

CASE(unknown_request_comes_before_all_other_errors)
{
	int fd = region_open();

	CHECK_ERRNO(ENOTTY, ioctl(fd, 0x770c, (void *)1));
	CHECK_ERRNO(ENOTTY, ioctl(fd, 0xc0087707, (void *)1));
}

CASE(new_region_is_empty)
{
	int fd = region_open();
	struct stat st;

	CHECK_EQ(0, get_size(fd));
	CHECK_EQ(PROT_READ | PROT_WRITE | PROT_EXEC, get_mask(fd));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(0, st.st_size);
	CHECK(S_ISCHR(st.st_mode));
}

CASE(each_open_is_a_region_of_its_own)
{
	int a = region_create(page_size), b = region_open();

	CHECK_EQ(0, get_size(b));
	CHECK_EQ(0, set_size(b, 3 * page_size));
	CHECK_EQ(page_size, get_size(a));
	*region_map(a, page_size) = 1;
	CHECK_EQ(0, *region_map(b, page_size));
}

CASE(size_is_answered_exactly_as_set)
{
	static const size_t sizes[] = {
		1, 2, 4095, 4096, 4097, 12345, 65536, 1 << 20, 0x7ffff000,
		0x7fffffff, 0,
	};
	int fd = region_open();

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		CHECK_EQ(0, set_size(fd, sizes[i]));
		CHECK_EQ(sizes[i], get_size(fd));
	}
}

CASE(size_stays_exact_after_mmap)
{
	int fd = region_create(page_size + 1);
	struct stat st;

	region_map(fd, 2 * page_size);
	CHECK_EQ(page_size + 1, get_size(fd));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(0, st.st_size);
}

CASE(get_size_from_2_gib_on_answers_eoverflow)
{
	static const uint64_t sizes[] = {
		0x80000000, 0x80000001, 0xffffffff, 0x100000000, 0x100000001,
		0x180000000, 0x4000000000,
	};
	int fd = region_open();

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (sizes[i] > SIZE_MAX)
			continue;
		CHECK_EQ(0, set_size(fd, sizes[i]));
		CHECK_ERRNO(EOVERFLOW, get_size(fd));
	}
}

CASE(size_is_fixed_by_the_first_mmap)
{
	int fd = region_create(page_size);
	char *p;

	CHECK_EQ(0, set_size(fd, 2 * page_size));
	p = region_map(fd, page_size);
	CHECK_ERRNO(EINVAL, set_size(fd, page_size));
	CHECK_ERRNO(EINVAL, set_size(fd, 2 * page_size));
	CHECK_ERRNO(EINVAL, set_size(fd, 0));
	CHECK_OK(munmap(p, page_size));
	CHECK_ERRNO(EINVAL, set_size(fd, 3 * page_size));
	CHECK_EQ(2 * page_size, get_size(fd));
}

CASE(size_is_not_fixed_by_an_mmap_that_is_refused)
{
	int fd = region_create(page_size);

	CHECK_OK(set_mask(fd, PROT_READ));
	CHECK_ERRNO(EPERM, try_map(fd, page_size, RW, MAP_SHARED, 0));
	CHECK_ERRNO(EINVAL, try_map(fd, 2 * page_size, PROT_READ, MAP_SHARED,
				    0));
	CHECK_EQ(0, set_size(fd, 2 * page_size));
	CHECK_EQ(0, try_map(fd, 2 * page_size, PROT_READ, MAP_SHARED, 0));
}

CASE(absurd_sizes_do_no_harm)
{
	static const size_t sizes[] = {
		SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4095, SIZE_MAX / 2,
		SIZE_MAX / 2 + 1, (size_t)1 << (sizeof(size_t) * 8 - 2),
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = region_open();

		if (set_size(fd, sizes[i]) == -1)
			CHECK_EQ(EINVAL, errno);
		try_map(fd, page_size, RW, MAP_SHARED, 0);
		try_map(fd, page_size, RW, MAP_PRIVATE, 0);
		unpin_bytes(fd, 0, 0);
		pin_bytes(fd, 0, 0);
		close(fd);
	}
	CHECK_EQ(0, purge_all());
}

CASE(mask_only_loses_bits)
{
	int fd = region_open();

	CHECK_EQ(0, set_mask(fd, 7));
	CHECK_EQ(7, get_mask(fd));
	CHECK_EQ(0, set_mask(fd, RW));
	CHECK_EQ(RW, get_mask(fd));
	CHECK_ERRNO(EINVAL, set_mask(fd, 7));
	CHECK_ERRNO(EINVAL, set_mask(fd, PROT_EXEC));
	CHECK_EQ(RW, get_mask(fd));
	CHECK_EQ(0, set_mask(fd, RW));
	CHECK_EQ(0, set_mask(fd, PROT_READ));
	CHECK_ERRNO(EINVAL, set_mask(fd, RW));
	CHECK_EQ(PROT_READ, get_mask(fd));
	CHECK_EQ(0, set_mask(fd, PROT_NONE));
	CHECK_EQ(PROT_NONE, get_mask(fd));
	CHECK_ERRNO(EINVAL, set_mask(fd, PROT_READ));
}

CASE(mask_refuses_bits_that_are_no_protection)
{
	int fd = region_open();

	CHECK_ERRNO(EINVAL, set_mask(fd, 8));
	CHECK_ERRNO(EINVAL, set_mask(fd, PROT_READ | PROT_GROWSDOWN));
	CHECK_ERRNO(EINVAL, set_mask(fd, -1L));
	CHECK_EQ(7, get_mask(fd));
}

CASE(mask_may_shrink_after_mmap)
{
	int fd = region_create(page_size);
	char *p = region_map(fd, page_size);

	CHECK_EQ(0, set_mask(fd, PROT_READ));
	CHECK_EQ(PROT_READ, get_mask(fd));
	*p = 1;
	CHECK_ERRNO(EPERM, try_map(fd, page_size, RW, MAP_SHARED, 0));
	CHECK_EQ(1, *checked_map(fd, page_size, PROT_READ, MAP_SHARED, 0));
}

/* Return: the last bytes before a page that is not mapped. */
static char *end_of_page(size_t bytes)
{
	char *p = map_anonymous(2 * page_size);

	CHECK_OK(munmap(p + page_size, page_size));
	return p + page_size - bytes;
}

static const unsigned long range_requests[] = {
	ASHMEM_PIN, ASHMEM_UNPIN, ASHMEM_GET_PIN_STATUS,
};

CASE(range_requests_before_mmap_see_the_pointer_first)
{
	int fd = region_create(page_size), empty = region_open();
	struct ashmem_pin range = { 0, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(range_requests); i++) {
		unsigned long r = range_requests[i];

		CHECK_ERRNO(EFAULT, ioctl(empty, r, NULL));
		CHECK_ERRNO(EFAULT, ioctl(fd, r, NULL));
		CHECK_ERRNO(EFAULT, ioctl(fd, r, end_of_page(4)));
		CHECK_ERRNO(EINVAL, ioctl(empty, r, &range));
		CHECK_ERRNO(EINVAL, ioctl(fd, r, &range));
	}
}

CASE(range_requests_refuse_bad_pointers)
{
	int fd;
	char *p = region_of_pages(&fd, 2), *half = end_of_page(4);

	write_pages(p, 0, 2, 1);
	memset(half, 0, 4);
	for (size_t i = 0; i < ARRAY_SIZE(range_requests); i++) {
		unsigned long r = range_requests[i];

		CHECK_ERRNO(EFAULT, ioctl(fd, r, NULL));
		CHECK_ERRNO(EFAULT, ioctl(fd, r, (void *)1));
		CHECK_ERRNO(EFAULT, ioctl(fd, r, half));
		CHECK_ERRNO(EFAULT, ioctl(fd, r, (void *)-page_size));
	}
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 0, 2));
	CHECK_EQ(0, purge_all());
	CHECK_PAGES(p, 0, 2, 1);
}

CASE(range_requests_read_no_more_than_the_range)
{
	int fd;
	struct ashmem_pin *last = (void *)end_of_page(sizeof(*last));

	region_of_pages(&fd, 1);
	last->offset = 0;
	last->len = page_size;
	CHECK_EQ(0, ioctl(fd, ASHMEM_UNPIN, last));
	CHECK_EQ(ASHMEM_IS_UNPINNED, ioctl(fd, ASHMEM_GET_PIN_STATUS, last));
	CHECK_EQ(ASHMEM_NOT_PURGED, ioctl(fd, ASHMEM_PIN, last));
	CHECK_EQ(ASHMEM_IS_PINNED, ioctl(fd, ASHMEM_GET_PIN_STATUS, last));
}

CASE(range_requests_read_read_only_memory)
{
	const struct ashmem_pin *range = (void *)
		checked_map(-1, page_size, PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS, 0);
	int fd;

	region_of_pages(&fd, 1);
	CHECK_EQ(0, ioctl(fd, ASHMEM_UNPIN, range));
	CHECK_EQ(ASHMEM_IS_UNPINNED, ioctl(fd, ASHMEM_GET_PIN_STATUS, range));
	CHECK_EQ(ASHMEM_NOT_PURGED, ioctl(fd, ASHMEM_PIN, range));
}

CASE(file_id_is_the_inode_that_maps_shows)
{
	unsigned long id[2] = { 0, 0x5a5a5a5a }, again;
	int fd = region_create(page_size);
	char *p;

	CHECK_ERRNO(EINVAL, ioctl(fd, ASHMEM_GET_FILE_ID, id));
	CHECK_EQ(0, id[0]);
	p = region_map(fd, page_size);
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_FILE_ID, id));
	CHECK_EQ(maps_line_at(p).inode, id[0]);
	CHECK_EQ(0x5a5a5a5a, id[1]);
	CHECK_OK(munmap(p, page_size));
	CHECK_EQ(0, ioctl(fd, sizeof(long) == 8 ? 0x8008770b : 0x8004770b,
			  &again));
	CHECK_EQ(id[0], again);
}

CASE(file_id_refuses_bad_pointers)
{
	int fd = region_create(page_size);
	unsigned long id;

	region_map(fd, page_size);
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_GET_FILE_ID, NULL));
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_GET_FILE_ID,
				  end_of_page(sizeof(long) / 2)));
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_FILE_ID, end_of_page(sizeof(long))));
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_FILE_ID, &id));
}

CASE(file_ids_of_two_regions_differ)
{
	int a = region_create(page_size), b = region_create(page_size);
	unsigned long id_a, id_b;

	region_map(a, page_size);
	region_map(b, page_size);
	CHECK_EQ(0, ioctl(a, ASHMEM_GET_FILE_ID, &id_a));
	CHECK_EQ(0, ioctl(b, ASHMEM_GET_FILE_ID, &id_b));
	CHECK(id_a != id_b);
}

CASE(write_is_no_operation_of_the_device)
{
	int fd = region_create(page_size);
	struct iovec v = { "xyz", 3 };
	char *p;

	CHECK_ERRNO(EINVAL, write(fd, "x", 1));
	p = region_map(fd, page_size);
	CHECK_ERRNO(EINVAL, write(fd, "xyz", 3));
	CHECK_ERRNO(EINVAL, pwrite(fd, "xyz", 3, 0));
	CHECK_ERRNO(EINVAL, writev(fd, &v, 1));
	CHECK_ZERO(p, 0, 1);
}

static void set_capabilities(uint32_t low)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { { low, low, 0 }, { 0, 0, 0 } };

	CHECK_OK(syscall(SYS_capset, &h, d));
}

/* The region has an unpinned page, so a purge would be seen. */
static void check_purge_is_refused(void (*become)(void))
{
	int fd;
	char *p = region_of_pages(&fd, 1);
	pid_t pid;

	write_pages(p, 0, 1, 1);
	unpin(fd, 0, 1);
	pid = checked_fork();
	if (!pid) {
		become();
		CHECK_ERRNO(EPERM, ioctl(fd, ASHMEM_PURGE_ALL_CACHES));
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 1));
	CHECK_PAGES(p, 0, 1, 1);
}

static void become_root_without_sys_admin(void)
{
	set_capabilities(~(1U << CAP_SYS_ADMIN));
}

static void become_root_of_a_user_namespace(void)
{
	CHECK_OK(unshare(CLONE_NEWUSER));
}

CASE(purge_all_is_refused_to_other_users)
{
	check_purge_is_refused(become_nobody);
}

CASE(purge_all_is_refused_without_cap_sys_admin)
{
	check_purge_is_refused(become_root_without_sys_admin);
}

CASE(purge_all_is_refused_in_a_user_namespace)
{
	check_purge_is_refused(become_root_of_a_user_namespace);
}

CASE(purge_all_needs_no_other_capability)
{
	int fd;

	region_of_pages(&fd, 3);
	unpin(fd, 0, 3);
	set_capabilities(1U << CAP_SYS_ADMIN);
	CHECK_EQ(3, ioctl(fd, ASHMEM_PURGE_ALL_CACHES));
}

CASE(purge_all_ignores_its_argument)
{
	int fd = region_open();

	CHECK_EQ(0, ioctl(fd, ASHMEM_PURGE_ALL_CACHES, (void *)1));
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_SIZE, (void *)1));
	CHECK_EQ(7, ioctl(fd, ASHMEM_GET_PROT_MASK, (void *)1));
}
