// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap: sizes, offsets, shared and private mappings, and what mappings survive.
 *
 * ABI, errors: mmap before SET_SIZE, or offset + length beyond PAGE_ALIGN(size)
 * ABI, semantics: MAP_SHARED maps the backing file; MAP_PRIVATE gives
 *	zero-filled private memory
 * defect 5: SET_SIZE not locked against mmap; pin reads file and size without
 *	the lock
 * defect 6: mmap longer than the size
 * defect 8: private mapping SIGBUS
 * defect 17: O_RDONLY descriptor with MAP_SHARED treated as private
 */
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include "client.h"

static void set_first_byte_of_pages(char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		p[i * page_size] = i + 1;
}

CASE(mmap_needs_a_size)
{
	int fd = region_open();

	CHECK_ERRNO(EINVAL, try_map(fd, page_size, RW, MAP_SHARED, 0));
	CHECK_ERRNO(EINVAL, try_map(fd, page_size, RW, MAP_PRIVATE, 0));
	CHECK_ERRNO(EINVAL, try_map(fd, page_size, PROT_NONE, MAP_SHARED, 0));
	CHECK_EQ(0, set_size(fd, page_size));
	CHECK_EQ(0, set_size(fd, 0));
	CHECK_ERRNO(EINVAL, try_map(fd, page_size, RW, MAP_SHARED, 0));
	CHECK_EQ(0, set_size(fd, page_size));
	CHECK_EQ(0, try_map(fd, page_size, RW, MAP_SHARED, 0));
}

CASE(size_counts_before_protection)
{
	int fd = region_open();

	CHECK_EQ(0, set_mask(fd, PROT_READ));
	CHECK_ERRNO(EINVAL, try_map(fd, page_size, RW, MAP_SHARED, 0));
	CHECK_EQ(0, set_size(fd, page_size));
	CHECK_ERRNO(EINVAL, try_map(fd, 2 * page_size, RW, MAP_SHARED, 0));
	CHECK_ERRNO(EPERM, try_map(fd, page_size, RW, MAP_SHARED, 0));
}

CASE(size_may_be_no_multiple_of_the_page)
{
	static const int flags[] = { MAP_SHARED, MAP_PRIVATE };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = region_create(page_size + 1);
		char *p = checked_map(fd, 2 * page_size, RW, flags[i], 0);

		memset(p, 1, 2 * page_size);
		CHECK_ERRNO(EINVAL, try_map(fd, 3 * page_size, RW, flags[i],
					    0));
		CHECK_EQ(0, try_map(fd, page_size + 1, RW, flags[i], 0));
		CHECK_EQ(0, try_map(fd, 1, RW, flags[i], page_size));
		CHECK_OK(munmap(p, 2 * page_size));
		close(fd);
	}
}

CASE(defect_06_mmap_longer_than_the_size)
{
	static const int flags[] = { MAP_SHARED, MAP_PRIVATE };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = region_create(page_size);

		CHECK_ERRNO(EINVAL, try_map(fd, 2 * page_size, RW, flags[i],
					    0));
		CHECK_ERRNO(EINVAL, try_map(fd, page_size + 1, RW, flags[i],
					    0));
		CHECK_EQ(0, try_map(fd, page_size, RW, flags[i], 0));
		CHECK_ERRNO(EINVAL, try_map(fd, 2 * page_size, RW, flags[i],
					    0));
		close(fd);
	}
}

CASE(defect_06_offset_counts_in)
{
	static const int flags[] = { MAP_SHARED, MAP_PRIVATE };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = region_create(4 * page_size);

		CHECK_ERRNO(EINVAL, try_map(fd, 4 * page_size, RW, flags[i],
					    page_size));
		CHECK_ERRNO(EINVAL, try_map(fd, page_size, RW, flags[i],
					    4 * page_size));
		CHECK_ERRNO(EINVAL, try_map(fd, page_size, RW, flags[i],
					    1000 * page_size));
		CHECK_EQ(0, try_map(fd, 3 * page_size, RW, flags[i],
				    page_size));
		CHECK_EQ(0, try_map(fd, page_size, RW, flags[i],
				    3 * page_size));
		close(fd);
	}
}

/* A raw system call: the C library itself refuses some of these. */
static int try_map_page_number(int fd, size_t length, unsigned long number)
{
#ifdef SYS_mmap2
	long p = syscall(SYS_mmap2, NULL, length, RW, MAP_SHARED, fd, number);
#else
	long p = syscall(SYS_mmap, NULL, length, RW, MAP_SHARED, fd,
			 number * page_size);
#endif
	if (p == -1)
		return -1;
	munmap((void *)p, length);
	return 0;
}

CASE(defect_06_offset_that_overflows)
{
	unsigned long last = sizeof(long) == 8 ? (1UL << 52) - 1 : ~0UL;
	int fd = region_create(4 * page_size);

	CHECK_EQ(4096, page_size);
	for (unsigned long back = 0; back < 5; back++) {
		CHECK_EQ(-1, try_map_page_number(fd, page_size, last - back));
		CHECK(errno == EINVAL || errno == EOVERFLOW);
		CHECK_EQ(-1, try_map_page_number(fd, 4 * page_size,
						 last - back));
		CHECK(errno == EINVAL || errno == EOVERFLOW);
	}
	CHECK_EQ(-1, try_map_page_number(fd, page_size, last / 2 + 1));
	CHECK_EQ(0, try_map_page_number(fd, page_size, 3));
}

CASE(offset_maps_the_page_it_names)
{
	int fd;
	char *p = region_of_pages(&fd, 4);

	write_pages(p, 0, 4, 1);
	for (size_t i = 0; i < 4; i++) {
		char *q = checked_map(fd, page_size, RW, MAP_SHARED,
				      i * page_size);

		CHECK(page_is(q, i, 1));
		write_page(q, i, 2);
		CHECK_OK(munmap(q, page_size));
	}
	CHECK_PAGES(p, 0, 4, 2);
}

CASE(shared_mappings_show_the_same_memory)
{
	int fd;
	char *p = region_of_pages(&fd, 3), *q = region_map(fd, 3 * page_size);

	CHECK_ZERO(p, 0, 3);
	write_pages(p, 0, 3, 1);
	CHECK_PAGES(q, 0, 3, 1);
	CHECK_OK(munmap(p, 3 * page_size));
	p = region_map(fd, 3 * page_size);
	CHECK_PAGES(p, 0, 3, 1);
}

CASE(memory_stays_while_nothing_maps_it)
{
	int fd;
	char *p = region_of_pages(&fd, 3);

	write_pages(p, 0, 3, 1);
	CHECK_OK(munmap(p, 3 * page_size));
	drop_caches("3");
	p = region_map(fd, 3 * page_size);
	CHECK_PAGES(p, 0, 3, 1);
}

CASE(other_ways_to_say_shared)
{
	static const int flags[] = {
		MAP_SHARED | MAP_POPULATE, MAP_SHARED | MAP_LOCKED,
		MAP_SHARED | MAP_NORESERVE, MAP_SHARED_VALIDATE,
		MAP_SHARED | MAP_NONBLOCK,
	};
	int fd;
	char *p = region_of_pages(&fd, 3);

	write_pages(p, 0, 3, 1);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		char *q = checked_map(fd, 3 * page_size, RW, flags[i], 0);

		CHECK_PAGES(q, 0, 3, 1);
		CHECK_OK(munmap(q, 3 * page_size));
	}
}

CASE(fixed_addresses_are_honoured)
{
	char *space = map_anonymous(8 * page_size), *q;
	int fd;
	char *p = region_of_pages(&fd, 3);

	write_pages(p, 0, 3, 1);
	q = mmap(space + page_size, 3 * page_size, RW, MAP_SHARED | MAP_FIXED,
		 fd, 0);
	CHECK(q == space + page_size);
	CHECK_PAGES(q, 0, 3, 1);
	CHECK_ZERO(space, 0, 1);
	CHECK_ZERO(space, 4, 4);
}

CASE(private_mapping_is_zero_and_writable)
{
	int fd;
	char *p = region_of_pages(&fd, 4), *q, *r;

	write_pages(p, 0, 4, 1);
	q = checked_map(fd, 4 * page_size, RW, MAP_PRIVATE, 0);
	r = checked_map(fd, 4 * page_size, RW, MAP_PRIVATE, 0);
	CHECK_ZERO(q, 0, 4);
	write_pages(q, 0, 4, 2);
	CHECK_ZERO(r, 0, 4);
	write_pages(r, 0, 4, 3);
	CHECK_PAGES(p, 0, 4, 1);
	CHECK_PAGES(q, 0, 4, 2);
	CHECK_PAGES(r, 0, 4, 3);
}

CASE(private_mapping_only_read_is_zero)
{
	int fd;
	char *p = region_of_pages(&fd, 2);

	write_pages(p, 0, 2, 1);
	CHECK_ZERO(checked_map(fd, 2 * page_size, PROT_READ, MAP_PRIVATE, 0),
		   0, 2);
	CHECK_ZERO(checked_map(fd, page_size, RW, MAP_PRIVATE, page_size),
		   0, 1);
}

CASE(private_mapping_may_come_first)
{
	int fd = region_create(2 * page_size);
	char *q = checked_map(fd, 2 * page_size, RW, MAP_PRIVATE, 0), *p;

	write_pages(q, 0, 2, 1);
	CHECK_ERRNO(EINVAL, set_size(fd, page_size));
	p = region_map(fd, 2 * page_size);
	CHECK_ZERO(p, 0, 2);
	write_pages(p, 0, 2, 2);
	CHECK_PAGES(q, 0, 2, 1);
	unpin(fd, 0, 2);
	CHECK_EQ(2, purge_all());
	CHECK_ZERO(p, 0, 2);
	CHECK_PAGES(q, 0, 2, 1);
}

CASE(defect_08_private_mapping_of_every_size)
{
	static const size_t sizes[] = { 1, 4095, 4096, 4097, 65536, 1000001 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t pages = (sizes[i] + page_size - 1) / page_size;
		int fd = region_create(sizes[i]);
		char *p = checked_map(fd, sizes[i], RW, MAP_PRIVATE, 0);

		CHECK_ZERO(p, 0, pages);
		write_pages(p, 0, pages, i);
		CHECK_PAGES(p, 0, pages, i);
		CHECK_OK(munmap(p, sizes[i]));
		close(fd);
	}
}

CASE(private_mapping_is_copied_by_fork)
{
	int fd = region_create(4 * page_size);
	char *p = checked_map(fd, 4 * page_size, RW, MAP_PRIVATE, 0);
	pid_t pid;

	write_pages(p, 0, 4, 1);
	pid = checked_fork();
	if (!pid) {
		CHECK_PAGES(p, 0, 4, 1);
		write_pages(p, 0, 4, 2);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_PAGES(p, 0, 4, 1);
}

CASE(no_page_of_the_size_is_a_sigbus)
{
	static const size_t sizes[] = { 1, 4097, 65536, 1000001 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t pages = (sizes[i] + page_size - 1) / page_size;
		int fd = region_create(sizes[i]);
		char *p = region_map(fd, sizes[i]);

		write_pages(p, 0, pages, i);
		CHECK_PAGES(p, 0, pages, i);
		unpin_bytes(fd, 0, 0);
		CHECK_EQ(pages, purge_all());
		CHECK_ZERO(p, 0, pages);
		write_pages(p, 0, pages, i);
		CHECK_OK(munmap(p, sizes[i]));
		close(fd);
	}
}

CASE(mremap_moves_a_mapping)
{
	int fd;
	char *p = region_of_pages(&fd, 4), *space = map_anonymous(4 * page_size);

	write_pages(p, 0, 4, 1);
	p = mremap(p, 4 * page_size, 4 * page_size,
		   MREMAP_MAYMOVE | MREMAP_FIXED, space);
	CHECK(p == space);
	CHECK_PAGES(p, 0, 4, 1);
	write_pages(p, 0, 4, 2);
	CHECK_PAGES(region_map(fd, 4 * page_size), 0, 4, 2);
}

CASE(mremap_shrinks_and_grows)
{
	int fd;
	char *p = region_of_pages(&fd, 4), *q;

	write_pages(p, 0, 4, 1);
	CHECK(mremap(p, 4 * page_size, 2 * page_size, 0) == p);
	CHECK_PAGES(p, 0, 2, 1);
	/* A mapping in the way: to grow, the other one must move. */
	mmap(p + 2 * page_size, page_size, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q = mremap(p, 2 * page_size, 4 * page_size, MREMAP_MAYMOVE);
	if (q == MAP_FAILED)
		FAIL("mremap: %s", errno_name(errno));
	CHECK_PAGES(q, 0, 4, 1);
}

CASE(mremap_of_length_0_maps_once_more)
{
	int fd;
	char *p = region_of_pages(&fd, 4), *q;

	write_pages(p, 0, 4, 1);
	q = mremap(p, 0, 4 * page_size, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q != p);
	CHECK_PAGES(q, 0, 4, 1);
	write_pages(q, 0, 4, 2);
	CHECK_PAGES(p, 0, 4, 2);
}

CASE(mremap_moves_a_private_mapping)
{
	int fd = region_create(4 * page_size);
	char *p = checked_map(fd, 4 * page_size, RW, MAP_PRIVATE, 0);
	char *space = map_anonymous(4 * page_size);

	write_pages(p, 0, 4, 1);
	p = mremap(p, 4 * page_size, 4 * page_size,
		   MREMAP_MAYMOVE | MREMAP_FIXED, space);
	CHECK(p == space);
	CHECK_PAGES(p, 0, 4, 1);
}

CASE(mappings_are_split_and_merged)
{
	int fd;
	char *p = region_of_pages(&fd, 9);

	write_pages(p, 0, 9, 1);
	CHECK_OK(mprotect(p + 3 * page_size, 3 * page_size, PROT_READ));
	CHECK_OK(mprotect(p + 3 * page_size, 3 * page_size, RW));
	CHECK_OK(munmap(p + 4 * page_size, page_size));
	CHECK_PAGES(p, 0, 4, 1);
	CHECK_PAGES(p, 5, 4, 1);
	CHECK(mmap(p + 4 * page_size, page_size, RW, MAP_SHARED | MAP_FIXED, fd,
		   4 * page_size) == p + 4 * page_size);
	write_pages(p, 0, 9, 2);
	CHECK_PAGES(region_map(fd, 9 * page_size), 0, 9, 2);
}

CASE(many_mappings_of_one_region)
{
	enum { MAPPINGS = 1000 };
	char *p[MAPPINGS];
	int fd = region_create(2 * page_size);

	for (size_t i = 0; i < MAPPINGS; i++) {
		p[i] = checked_map(fd, page_size, RW,
				   i % 3 ? MAP_SHARED : MAP_PRIVATE,
				   i % 2 * page_size);
		*p[i] = 1;
	}
	close(fd);
	for (size_t i = 0; i < MAPPINGS; i++)
		CHECK_OK(munmap(p[i], page_size));
}

CASE(region_larger_than_memory_with_noreserve)
{
	/* The size fits in an int, for 32-bit clients and GET_SIZE. */
	int fd = region_create(0x7ffff000);
	char *p = checked_map(fd, page_size, RW, MAP_SHARED | MAP_NORESERVE,
			      0x7fffe000);

	write_page(p, 0, 1);
	CHECK(page_is(p, 0, 1));
}

/* Does the file hold data? It does once a mapping has used a page of it. */
static bool backing_file_has_data(int fd)
{
	return lseek(fd, 0, SEEK_DATA) == 0;
}

CASE(defect_17_read_only_descriptor_maps_the_region)
{
	int fd = CHECK_OK(open(DEVICE, O_RDONLY));
	unsigned long id;
	char *p;

	CHECK_EQ(0, set_size(fd, 2 * page_size));
	CHECK_ERRNO(EACCES, try_map(fd, page_size, RW, MAP_SHARED, 0));
	p = checked_map(fd, 2 * page_size, PROT_READ, MAP_SHARED, 0);
	CHECK_ERRNO(ENXIO, lseek(fd, 0, SEEK_DATA));
	CHECK_ZERO(p, 0, 2);
	CHECK(backing_file_has_data(fd));
	if (!ioctl(fd, ASHMEM_GET_FILE_ID, &id))
		CHECK_EQ(id, maps_line_at(p).inode);
	CHECK_ERRNO(EACCES, mprotect(p, page_size, RW));
	unpin(fd, 0, 2);
	CHECK_EQ(2, purge_all());
	CHECK(!backing_file_has_data(fd));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 2));
}

/* Return: the page frame of an address; /proc/self/pagemap shows it to root. */
static uint64_t frame_at(const char *p)
{
	int map = CHECK_OK(open("/proc/self/pagemap", O_RDONLY));
	uint64_t entry;

	CHECK_EQ(sizeof(entry),
		 pread(map, &entry, sizeof(entry),
		       (off_t)((uintptr_t)p / page_size) * sizeof(entry)));
	close(map);
	CHECK(entry >> 63);
	return entry & ((1ULL << 55) - 1);
}

CASE(defect_17_read_only_mappings_share_their_pages)
{
	int fd = CHECK_OK(open(DEVICE, O_RDONLY));
	char *p, *q;

	CHECK_EQ(0, set_size(fd, 2 * page_size));
	p = checked_map(fd, 2 * page_size, PROT_READ, MAP_SHARED, 0);
	q = checked_map(fd, 2 * page_size, PROT_READ, MAP_SHARED, 0);
	CHECK_ZERO(p, 0, 2);
	CHECK_ZERO(q, 0, 2);
	CHECK(frame_at(p));
	CHECK(frame_at(p) == frame_at(q));
	CHECK(frame_at(p + page_size) == frame_at(q + page_size));
	CHECK(frame_at(p) != frame_at(p + page_size));
}

CASE(read_only_descriptor_maps_private_memory_writable)
{
	int fd = CHECK_OK(open(DEVICE, O_RDONLY));
	char *p;

	CHECK_EQ(0, set_size(fd, 2 * page_size));
	p = checked_map(fd, 2 * page_size, RW, MAP_PRIVATE, 0);
	CHECK_ZERO(p, 0, 2);
	write_pages(p, 0, 2, 1);
	CHECK_PAGES(p, 0, 2, 1);
}

struct race {
	int fd;
	atomic_bool go;
	size_t size;
};

static void *set_size_once(void *argument)
{
	struct race *r = argument;

	while (!atomic_load(&r->go))
		;
	if (set_size(r->fd, r->size))
		CHECK(errno == EINVAL);
	return NULL;
}

/* Whichever call wins: the backing file has the region's size and holds the mapping. */
static void race_size_against_mmap(size_t before, size_t after)
{
	for (int round = 0; race_goes_on(round < 500); round++) {
		struct race r = {
			.fd = region_create(before * page_size),
			.size = after * page_size,
		};
		size_t mapped = 0, pages = before;
		pthread_t thread;
		char *p;

		CHECK_EQ(0, pthread_create(&thread, NULL, set_size_once, &r));
		atomic_store(&r.go, true);
		p = mmap(NULL, pages * page_size, RW, MAP_SHARED, r.fd, 0);
		if (p == MAP_FAILED)
			CHECK(errno == EINVAL);
		else
			mapped = pages;
		CHECK_EQ(0, pthread_join(thread, NULL));
		for (size_t i = 0; i < mapped; i++)
			p[i * page_size] = 1;
		if (mapped) {
			CHECK_EQ(get_size(r.fd), lseek(r.fd, 0, SEEK_END));
			CHECK(get_size(r.fd) >= (int)(mapped * page_size));
			CHECK_OK(munmap(p, mapped * page_size));
		}
		close(r.fd);
	}
}

CASE(defect_05_size_grows_while_mmap_runs)
{
	race_size_against_mmap(1, 16);
}

CASE(defect_05_size_shrinks_while_mmap_runs)
{
	race_size_against_mmap(16, 1);
}

static void *pin_once(void *argument)
{
	struct race *r = argument;

	while (!atomic_load(&r->go))
		;
	for (int i = 0; i < 20; i++) {
		if (unpin_bytes(r->fd, 0, 0))
			CHECK(errno == EINVAL);
		if (pin_bytes(r->fd, 0, 0) == -1)
			CHECK(errno == EINVAL);
		if (status_bytes(r->fd, 0, page_size) == -1)
			CHECK(errno == EINVAL);
	}
	return NULL;
}

CASE(defect_05_pin_while_mmap_runs)
{
	for (int round = 0; race_goes_on(round < 500); round++) {
		struct race r = { .fd = region_create(4 * page_size) };
		pthread_t thread;
		char *p;

		CHECK_EQ(0, pthread_create(&thread, NULL, pin_once, &r));
		atomic_store(&r.go, true);
		p = region_map(r.fd, 4 * page_size);
		set_first_byte_of_pages(p, 4);
		CHECK_EQ(0, pthread_join(thread, NULL));
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(r.fd, 0, 4));
		for (size_t i = 0; i < 4; i++)
			CHECK_EQ(i + 1, p[i * page_size]);
		CHECK_OK(munmap(p, 4 * page_size));
		close(r.fd);
	}
}

#ifdef __aarch64__
#ifndef PROT_MTE
#define PROT_MTE	0x20
#endif
#ifndef HWCAP2_MTE
#define HWCAP2_MTE	(1 << 18)
#endif

/*
 * Memory tags. In kernels before 6.12 shmem's own mmap allows them, which only the first
 * mapping of a region calls. Newer ones allow them by the file, which is not shmem's
 * when they look: no mapping of a region can have tags.
 */
CASE(each_mapping_treats_memory_tags_alike)
{
	static const int flags[] = { MAP_SHARED, MAP_PRIVATE };

	CHECK(getauxval(AT_HWCAP2) & HWCAP2_MTE);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = region_create(page_size), allowed;
		char *p;

		allowed = try_map(fd, page_size, RW | PROT_MTE, flags[i], 0);
		CHECK(!allowed || errno == EINVAL);
		for (int again = 0; again < 3; again++)
			CHECK_EQ(allowed, try_map(fd, page_size, RW | PROT_MTE, flags[i],
						  0));
		p = checked_map(fd, page_size, RW, flags[i], 0);
		CHECK_EQ(allowed, mprotect(p, page_size, RW | PROT_MTE));
		close(fd);
	}
}
#endif
