// SPDX-License-Identifier: GPL-2.0-only
/*
 * The region as a file: read and llseek.
 *
 * ABI, errors: read with size 0, before the first mmap; llseek with size 0,
 *	before the first mmap
 * ABI, semantics: read goes through the file position; SEEK_SET, CUR, END,
 *	DATA, HOLE
 * defect 9: llseek truncated to int; pread moves the position
 * defect 20: read() into a user pointer by kernel_read
 */
#include <sys/uio.h>

#include "client.h"

static const int whences[] = {
	SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE,
};

/* Two pages and a part of a third. Byte i is i % 251. */
#define SIZE	9000

static unsigned char byte_at(size_t i)
{
	return i % 251;
}

static int region_of_bytes(void)
{
	int fd = region_create(SIZE);
	char *p = region_map(fd, SIZE);

	for (size_t i = 0; i < SIZE; i++)
		p[i] = byte_at(i);
	return fd;
}

#define CHECK_BYTES(buffer, offset, count)				\
	do {								\
		for (size_t i_ = 0; i_ < (count); i_++)			\
			if ((unsigned char)(buffer)[i_] !=		\
			    byte_at((offset) + i_))			\
				FAIL("byte %zu is %d, expected %d",	\
				     (size_t)(offset) + i_,		\
				     (unsigned char)(buffer)[i_],	\
				     byte_at((offset) + i_));		\
	} while (0)

/* Return: the address of an unmapped page, which follows a mapped one. */
static char *nowhere(void)
{
	char *p = map_anonymous(2 * page_size);

	CHECK_OK(munmap(p + page_size, page_size));
	return p + page_size;
}

CASE(read_with_size_0_is_the_end)
{
	int fd = region_open();
	char byte;

	CHECK_EQ(0, read(fd, &byte, 1));
	CHECK_EQ(0, pread(fd, &byte, 1, 100));
	CHECK_EQ(0, set_size(fd, page_size));
	CHECK_EQ(0, set_size(fd, 0));
	CHECK_EQ(0, read(fd, &byte, 1));
}

CASE(read_before_mmap_answers_ebadf)
{
	int fd = region_create(page_size);
	char byte;

	CHECK_ERRNO(EBADF, read(fd, &byte, 1));
	CHECK_ERRNO(EBADF, pread(fd, &byte, 1, 0));
	CHECK_ERRNO(EBADF, read(fd, nowhere(), 1));
	region_map(fd, page_size);
	CHECK_EQ(1, read(fd, &byte, 1));
}

CASE(llseek_before_size_and_mmap)
{
	int fd = region_open();

	for (size_t i = 0; i < ARRAY_SIZE(whences); i++)
		CHECK_ERRNO(EINVAL, lseek(fd, 0, whences[i]));
	CHECK_EQ(0, set_size(fd, page_size));
	for (size_t i = 0; i < ARRAY_SIZE(whences); i++)
		CHECK_ERRNO(EBADF, lseek(fd, 0, whences[i]));
	region_map(fd, page_size);
	CHECK_EQ(0, lseek(fd, 0, SEEK_SET));
}

CASE(defect_20_read_gives_the_content)
{
	static char buffer[SIZE + 100];
	int fd = region_of_bytes();

	CHECK_EQ(SIZE, read(fd, buffer, sizeof(buffer)));
	CHECK_BYTES(buffer, 0, SIZE);
	CHECK_EQ(0, read(fd, buffer, sizeof(buffer)));
}

CASE(read_goes_through_the_position)
{
	int fd = region_of_bytes();
	static char buffer[SIZE];

	CHECK_EQ(100, read(fd, buffer, 100));
	CHECK_BYTES(buffer, 0, 100);
	CHECK_EQ(100, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(5000, read(fd, buffer, 5000));
	CHECK_BYTES(buffer, 100, 5000);
	CHECK_EQ(SIZE - 5100, read(fd, buffer, SIZE));
	CHECK_BYTES(buffer, 5100, SIZE - 5100);
	CHECK_EQ(SIZE, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(0, read(fd, buffer, 1));
	CHECK_EQ(0, read(fd, buffer, 0));
}

CASE(read_ends_at_the_exact_size)
{
	int fd = region_of_bytes();
	char buffer[100];

	CHECK_EQ(SIZE - 10, lseek(fd, -10, SEEK_END));
	CHECK_EQ(10, read(fd, buffer, sizeof(buffer)));
	CHECK_BYTES(buffer, SIZE - 10, 10);
	CHECK_EQ(0, pread(fd, buffer, 1, SIZE));
	CHECK_EQ(0, pread(fd, buffer, 1, SIZE + 1));
	CHECK_EQ(0, pread(fd, buffer, 1, 1 << 30));
}

CASE(readv_scatters)
{
	int fd = region_of_bytes();
	char a[10], b[4096], c[100];
	struct iovec v[] = { { a, 10 }, { b, 4096 }, { c, 100 } };

	CHECK_EQ(4206, readv(fd, v, 3));
	CHECK_BYTES(a, 0, 10);
	CHECK_BYTES(b, 10, 4096);
	CHECK_BYTES(c, 4106, 100);
	CHECK_EQ(4206, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(4206, preadv(fd, v, 3, 1000));
	CHECK_BYTES(b, 1010, 4096);
	CHECK_EQ(4206, lseek(fd, 0, SEEK_CUR));
}

CASE(defect_09_pread_does_not_move_the_position)
{
	int fd = region_of_bytes();
	char buffer[100];

	CHECK_EQ(10, lseek(fd, 10, SEEK_SET));
	CHECK_EQ(100, pread(fd, buffer, 100, 5000));
	CHECK_BYTES(buffer, 5000, 100);
	CHECK_EQ(10, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(15, lseek(fd, 5, SEEK_CUR));
	CHECK_EQ(100, pread(fd, buffer, 100, 0));
	CHECK_EQ(100, read(fd, buffer, 100));
	CHECK_BYTES(buffer, 15, 100);
	CHECK_EQ(115, lseek(fd, 0, SEEK_CUR));
}

CASE(llseek_sets_and_answers_the_position)
{
	int fd = region_of_bytes();
	char byte;

	CHECK_EQ(0, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(4096, lseek(fd, 4096, SEEK_SET));
	CHECK_EQ(4106, lseek(fd, 10, SEEK_CUR));
	CHECK_EQ(4100, lseek(fd, -6, SEEK_CUR));
	CHECK_EQ(1, read(fd, &byte, 1));
	CHECK_BYTES(&byte, 4100, 1);
	CHECK_EQ(SIZE, lseek(fd, 0, SEEK_END));
	CHECK_EQ(SIZE - 1, lseek(fd, -1, SEEK_END));
	CHECK_EQ(1, read(fd, &byte, 1));
	CHECK_BYTES(&byte, SIZE - 1, 1);
	CHECK_EQ(SIZE + 1000, lseek(fd, 1000, SEEK_END));
	CHECK_EQ(0, read(fd, &byte, 1));
}

CASE(llseek_refuses_nonsense)
{
	int fd = region_of_bytes();

	CHECK_EQ(77, lseek(fd, 77, SEEK_SET));
	CHECK_ERRNO(EINVAL, lseek(fd, -1, SEEK_SET));
	CHECK_ERRNO(EINVAL, lseek(fd, -78, SEEK_CUR));
	CHECK_ERRNO(EINVAL, lseek(fd, -SIZE - 1, SEEK_END));
	CHECK_ERRNO(EINVAL, lseek(fd, 0, 5));
	CHECK_ERRNO(EINVAL, lseek(fd, 0, -1));
	CHECK_ERRNO(ENXIO, lseek(fd, SIZE, SEEK_DATA));
	CHECK_ERRNO(ENXIO, lseek(fd, SIZE + 1, SEEK_HOLE));
	CHECK_ERRNO(ENXIO, lseek(fd, -1, SEEK_DATA));
	CHECK_EQ(77, lseek(fd, 0, SEEK_CUR));
}

CASE(llseek_finds_data_and_holes)
{
	int fd;
	char *p = region_of_pages(&fd, 8);
	off_t page = page_size;

	CHECK_ERRNO(ENXIO, lseek(fd, 0, SEEK_DATA));
	CHECK_EQ(0, lseek(fd, 0, SEEK_HOLE));
	p[2 * page_size] = 1;
	p[3 * page_size] = 1;
	p[6 * page_size] = 1;
	CHECK_EQ(2 * page, lseek(fd, 0, SEEK_DATA));
	CHECK_EQ(2 * page, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(4 * page, lseek(fd, 2 * page, SEEK_HOLE));
	CHECK_EQ(3 * page + 5, lseek(fd, 3 * page + 5, SEEK_DATA));
	CHECK_EQ(6 * page, lseek(fd, 4 * page, SEEK_DATA));
	CHECK_EQ(7 * page, lseek(fd, 6 * page, SEEK_HOLE));
	CHECK_ERRNO(ENXIO, lseek(fd, 7 * page, SEEK_DATA));
	CHECK_EQ(7 * page, lseek(fd, 0, SEEK_CUR));
}

CASE(purged_pages_are_holes)
{
	int fd;
	char *p = region_of_pages(&fd, 8), buffer[16];
	off_t page = page_size;

	write_pages(p, 0, 8, 1);
	CHECK_EQ(8 * page, lseek(fd, 0, SEEK_HOLE));
	unpin(fd, 2, 3);
	CHECK_EQ(3, purge_all());
	CHECK_EQ(2 * page, lseek(fd, 0, SEEK_HOLE));
	CHECK_EQ(5 * page, lseek(fd, 2 * page, SEEK_DATA));
	memset(buffer, 1, sizeof(buffer));
	CHECK_EQ(16, pread(fd, buffer, 16, 3 * page));
	for (size_t i = 0; i < sizeof(buffer); i++)
		CHECK_EQ(0, buffer[i]);
}

CASE(defect_09_positions_beyond_2_gib)
{
	const off_t size = 3LL << 30;
	int fd = region_create(size);
	char *p = checked_map(fd, page_size, RW, MAP_SHARED | MAP_NORESERVE,
			      size - page_size);
	char buffer[100];

	for (size_t i = 0; i < page_size; i++)
		p[i] = byte_at(i);
	CHECK_EQ(size, lseek(fd, 0, SEEK_END));
	CHECK_EQ(size, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(size - 5, lseek(fd, -5, SEEK_END));
	CHECK_EQ(5, read(fd, buffer, sizeof(buffer)));
	CHECK_BYTES(buffer, page_size - 5, 5);
	CHECK_EQ(size, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(size - 100, lseek(fd, size - 100, SEEK_SET));
	CHECK_EQ(size - 90, lseek(fd, 10, SEEK_CUR));
	CHECK_EQ(90, pread(fd, buffer, sizeof(buffer), size - 90));
	CHECK_BYTES(buffer, page_size - 90, 90);
	CHECK_EQ(size - 90, lseek(fd, 0, SEEK_CUR));
	CHECK_EQ(size - (off_t)page_size, lseek(fd, 0, SEEK_DATA));
	CHECK_EQ(size, lseek(fd, size - 1, SEEK_HOLE));
	CHECK_EQ(10, lseek(fd, 10, SEEK_SET));
	CHECK_EQ(100, read(fd, buffer, 100));
	for (size_t i = 0; i < sizeof(buffer); i++)
		CHECK_EQ(0, buffer[i]);
}

CASE(position_is_shared_by_dup_and_fork)
{
	int fd = region_of_bytes(), fd2 = CHECK_OK(dup(fd));
	char buffer[10];
	pid_t pid;

	CHECK_EQ(1000, lseek(fd, 1000, SEEK_SET));
	CHECK_EQ(10, read(fd2, buffer, 10));
	CHECK_BYTES(buffer, 1000, 10);
	pid = checked_fork();
	if (!pid) {
		CHECK_EQ(10, read(fd, buffer, 10));
		CHECK_BYTES(buffer, 1010, 10);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(1020, lseek(fd, 0, SEEK_CUR));
}

CASE(read_into_bad_memory_answers_efault)
{
	int fd = region_of_bytes();
	char *p = nowhere() - page_size;
	ssize_t n;

	CHECK_EQ(20, lseek(fd, 20, SEEK_SET));
	CHECK_ERRNO(EFAULT, read(fd, p + page_size, 10));
	CHECK_EQ(20, lseek(fd, 0, SEEK_CUR));
	/* The bytes that fit may be read; the position then moves by as many. */
	n = read(fd, p + page_size - 30, 100);
	if (n == -1) {
		CHECK(errno == EFAULT);
		n = 0;
	}
	CHECK(n <= 30);
	CHECK_BYTES(p + page_size - 30, 20, (size_t)n);
	CHECK_EQ(20 + n, lseek(fd, 0, SEEK_CUR));
}

CASE(read_into_memory_of_the_same_region)
{
	int fd;
	char *p = region_of_pages(&fd, 6);

	write_pages(p, 0, 3, 1);
	CHECK_EQ(3 * page_size, read(fd, p + 3 * page_size, 3 * page_size));
	for (size_t i = 0; i < 3; i++)
		CHECK(page_is(p + (i + 3) * page_size, i, 1));
	/* Into the page that is read. */
	CHECK_EQ(page_size, pread(fd, p, page_size, 0));
	CHECK_PAGES(p, 0, 3, 1);
	/* Into purged pages. */
	unpin(fd, 3, 3);
	CHECK_EQ(3, purge_all());
	CHECK_EQ(3 * page_size, pread(fd, p + 3 * page_size, 3 * page_size, 0));
	for (size_t i = 0; i < 3; i++)
		CHECK(page_is(p + (i + 3) * page_size, i, 1));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 3, 3));
}

CASE(read_into_a_page_of_the_region_never_touched)
{
	int fd;
	char *p = region_of_pages(&fd, 4);

	CHECK_EQ(2 * page_size, pread(fd, p + 2 * page_size, 2 * page_size, 0));
	CHECK_ZERO(p, 0, 4);
	CHECK_EQ(2 * page_size, pread(fd, p + page_size, 2 * page_size, 0));
	CHECK_ZERO(p, 0, 4);
}

CASE(write_only_descriptor_is_not_read)
{
	int fd = CHECK_OK(open(DEVICE, O_WRONLY));
	char byte;

	CHECK_EQ(0, set_size(fd, page_size));
	CHECK_ERRNO(EBADF, read(fd, &byte, 1));
}

CASE(read_after_the_mapping_is_gone)
{
	int fd;
	char *p = region_of_pages(&fd, 1), *copy = map_anonymous(page_size);

	write_pages(p, 0, 1, 1);
	CHECK_OK(munmap(p, page_size));
	CHECK_EQ(page_size, read(fd, copy, page_size));
	CHECK_PAGES(copy, 0, 1, 1);
}
