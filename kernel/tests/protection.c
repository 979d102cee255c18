// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the protection mask forbids to a mapping: at mmap, and later.
 *
 * ABI, errors: mmap asks for a protection outside the mask; VM_MAY* bits
 *	outside the mask are cleared
 * ABI, semantics: READ_IMPLIES_EXEC
 * defect 7: mask bypass through the mapped file (CVE-2020-0009)
 * defect 16: READ_IMPLIES_EXEC adds PROT_EXEC back
 * abi.c tests how the mask itself changes.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "client.h"

#define PROT_ALL	(PROT_READ | PROT_WRITE | PROT_EXEC)

/*
 * A device node on a file system that allows execution. If /dev is mounted noexec,
 * the mount refuses PROT_EXEC, not the mask.
 */
static int open_where_exec_is_allowed(void)
{
	struct stat st;

	CHECK_OK(stat(DEVICE, &st));
	CHECK_OK(unshare(CLONE_NEWNS));
	CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK_OK(mount("none", "/tmp", "tmpfs", 0, NULL));
	CHECK_OK(mknod("/tmp/ashmem", S_IFCHR | 0600, st.st_rdev));
	return CHECK_OK(open("/tmp/ashmem", O_RDWR));
}

CASE(mask_limits_what_may_be_mapped)
{
	static const int flags[] = { MAP_SHARED, MAP_PRIVATE };
	int node = open_where_exec_is_allowed();

	close(node);
	for (int mask = PROT_NONE; mask <= PROT_ALL; mask++) {
		int fd = CHECK_OK(open("/tmp/ashmem", O_RDWR));

		CHECK_EQ(0, set_size(fd, page_size));
		CHECK_EQ(0, set_mask(fd, mask));
		for (int prot = PROT_NONE; prot <= PROT_ALL; prot++) {
			for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
				int r = try_map(fd, page_size, prot, flags[i],
						0);

				if (prot & ~mask ? r != -1 || errno != EPERM : r)
					FAIL("mask %d, prot %d, flags %d: mmap returns %s",
					     mask, prot, flags[i],
					     r ? errno_name(errno) : "success");
			}
		}
		close(fd);
	}
}

CASE(mask_limits_what_mprotect_may_give)
{
	static const int flags[] = { MAP_SHARED, MAP_PRIVATE };
	int node = open_where_exec_is_allowed();

	close(node);
	for (int mask = PROT_NONE; mask <= PROT_ALL; mask++) {
		int fd = CHECK_OK(open("/tmp/ashmem", O_RDWR));

		CHECK_EQ(0, set_size(fd, page_size));
		CHECK_EQ(0, set_mask(fd, mask));
		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			char *p = checked_map(fd, page_size, PROT_NONE,
					      flags[i], 0);

			for (int prot = PROT_NONE; prot <= PROT_ALL; prot++) {
				int r = mprotect(p, page_size, prot);

				if (prot & ~mask ? r != -1 || errno != EACCES : r)
					FAIL("mask %d, prot %d, flags %d: mprotect returns %s",
					     mask, prot, flags[i],
					     r ? errno_name(errno) : "success");
			}
			CHECK_OK(munmap(p, page_size));
		}
		close(fd);
	}
}

CASE(mapping_keeps_what_it_had_when_the_mask_shrinks)
{
	int fd = region_create(2 * page_size);
	char *p = region_map(fd, 2 * page_size);
	char *q = checked_map(fd, page_size, PROT_READ, MAP_SHARED, 0), *r;

	CHECK_EQ(0, set_mask(fd, PROT_READ));
	write_pages(p, 0, 2, 1);
	CHECK_OK(mprotect(p, page_size, PROT_READ));
	CHECK_OK(mprotect(p, page_size, RW));
	CHECK_OK(mprotect(q, page_size, RW));
	r = checked_map(fd, page_size, PROT_READ, MAP_SHARED, 0);
	CHECK_ERRNO(EACCES, mprotect(r, page_size, RW));
}

CASE(mask_holds_in_a_forked_child)
{
	int fd = region_create(page_size);
	pid_t pid;
	char *p;

	CHECK_EQ(0, set_mask(fd, PROT_READ));
	p = checked_map(fd, page_size, PROT_READ, MAP_SHARED, 0);
	pid = checked_fork();
	if (!pid) {
		CHECK_ERRNO(EACCES, mprotect(p, page_size, RW));
		CHECK_ERRNO(EPERM, try_map(fd, page_size, RW, MAP_SHARED, 0));
		_exit(0);
	}
	CHECK_CHILD(pid);
}

CASE(mask_holds_after_mremap)
{
	int fd = region_create(2 * page_size);
	char *p, *q;

	CHECK_EQ(0, set_mask(fd, PROT_READ));
	p = checked_map(fd, 2 * page_size, PROT_READ, MAP_SHARED, 0);
	q = mremap(p, 0, page_size, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED);
	CHECK_ERRNO(EACCES, mprotect(q, page_size, RW));
	q = mremap(p, 2 * page_size, page_size, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED);
	CHECK_ERRNO(EACCES, mprotect(q, page_size, RW));
}

/*
 * remap_file_pages may succeed. It may also fail after it has unmapped the pages.
 * In no case does it give a right.
 */
static void check_no_right(char *p, size_t length)
{
	static const int more[] = { PROT_WRITE, RW, PROT_READ | PROT_EXEC };

	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		CHECK_EQ(-1, mprotect(p, length, more[i]));
		CHECK(errno == EACCES || errno == ENOMEM);
	}
}

CASE(defect_07_mask_bypass_through_mapped_file)
{
	int fd = region_create(4 * page_size);
	char *w = region_map(fd, 4 * page_size), *p;

	write_pages(w, 0, 4, 1);
	CHECK_EQ(0, set_mask(fd, PROT_READ));
	for (size_t page = 0; page < 4; page++) {
		p = checked_map(fd, 4 * page_size, PROT_READ, MAP_SHARED, 0);
		remap_file_pages(p, 2 * page_size, 0, page, 0);
		check_no_right(p, 2 * page_size);
		check_no_right(p + page_size, page_size);
		check_no_right(p + 2 * page_size, 2 * page_size);
		CHECK_PAGES(p, 2, 2, 1);
	}
	CHECK_PAGES(w, 0, 4, 1);
}

CASE(defect_07_mask_bypass_by_remapping_with_the_last_descriptor_closed)
{
	int fd = region_create(2 * page_size);
	char *p;

	CHECK_EQ(0, set_mask(fd, PROT_READ));
	p = checked_map(fd, 2 * page_size, PROT_READ, MAP_SHARED, 0);
	close(fd);
	remap_file_pages(p, page_size, 0, 1, 0);
	check_no_right(p, page_size);
	check_no_right(p + page_size, page_size);
}

CASE(remap_file_pages_does_not_crash_a_writable_mapping)
{
	int fd;
	char *p = region_of_pages(&fd, 4);

	write_pages(p, 0, 4, 1);
	if (remap_file_pages(p, page_size, 0, 3, 0) == 0)
		CHECK(page_is(p, 3, 1));
	CHECK_PAGES(p, 1, 3, 1);
	unpin(fd, 1, 1);
	CHECK_EQ(1, purge_all());
	CHECK_ZERO(p, 1, 1);
	CHECK_PAGES(p, 2, 2, 1);
}

CASE(proc_mem_does_not_write_past_the_mask)
{
	static const int flags[] = { MAP_SHARED, MAP_PRIVATE };
	int mem = CHECK_OK(open("/proc/self/mem", O_RDWR));

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = region_create(page_size);
		char *p;

		CHECK_EQ(0, set_mask(fd, PROT_READ));
		p = checked_map(fd, page_size, PROT_READ, flags[i], 0);
		CHECK_EQ(-1, pwrite(mem, "x", 1, (uintptr_t)p));
		CHECK_ZERO(p, 0, 1);
		close(fd);
	}
}

CASE(write_through_vm_writev_is_refused)
{
	int fd = region_create(page_size);
	struct iovec local = { "x", 1 }, remote = { NULL, 1 };
	char *p;

	CHECK_EQ(0, set_mask(fd, PROT_READ));
	p = checked_map(fd, page_size, PROT_READ, MAP_SHARED, 0);
	remote.iov_base = p;
	CHECK_ERRNO(EFAULT, process_vm_writev(getpid(), &local, 1, &remote, 1,
					      0));
	CHECK_ZERO(p, 0, 1);
}

CASE(write_only_descriptor_follows_the_rules_of_files)
{
	int fd = CHECK_OK(open(DEVICE, O_WRONLY));

	CHECK_EQ(0, set_size(fd, page_size));
	CHECK_EQ(page_size, get_size(fd));
	CHECK_ERRNO(EACCES, try_map(fd, page_size, PROT_READ, MAP_SHARED, 0));
	CHECK_ERRNO(EACCES, try_map(fd, page_size, RW, MAP_SHARED, 0));
}

CASE(read_implies_exec_keeps_exec_that_the_mask_has)
{
	int fd = region_open();

	CHECK_OK(personality(READ_IMPLIES_EXEC));
	CHECK_EQ(0, set_mask(fd, PROT_READ));
	CHECK_EQ(PROT_READ | PROT_EXEC, get_mask(fd));
	CHECK_EQ(0, set_mask(fd, PROT_NONE));
	CHECK_EQ(PROT_NONE, get_mask(fd));
}

CASE(defect_16_read_implies_exec_does_not_add_exec)
{
	int fd = region_open();

	CHECK_EQ(0, set_mask(fd, RW));
	CHECK_OK(personality(READ_IMPLIES_EXEC));
	CHECK_EQ(0, set_mask(fd, PROT_READ));
	CHECK_EQ(PROT_READ, get_mask(fd));
	CHECK_ERRNO(EINVAL, set_mask(fd, PROT_READ | PROT_EXEC));
}

CASE(defect_16_read_implies_exec_maps_nothing_executable)
{
	int fd = open_where_exec_is_allowed();
	char *p;

	CHECK_EQ(0, set_size(fd, page_size));
	CHECK_EQ(0, set_mask(fd, RW));
	CHECK_EQ(0, try_map(fd, page_size, PROT_READ, MAP_SHARED, 0));
	CHECK_OK(personality(READ_IMPLIES_EXEC));
	CHECK_EQ(0, set_mask(fd, RW));
	/* The kernel adds PROT_EXEC to what the client asks for. */
	CHECK_ERRNO(EPERM, try_map(fd, page_size, PROT_READ, MAP_SHARED, 0));
	CHECK_ERRNO(EPERM, try_map(fd, page_size, RW, MAP_PRIVATE, 0));
	p = checked_map(fd, page_size, PROT_NONE, MAP_SHARED, 0);
	CHECK_ERRNO(EACCES, mprotect(p, page_size, PROT_EXEC));
	CHECK_OK(personality(0));
	CHECK_EQ(0, try_map(fd, page_size, PROT_READ, MAP_SHARED, 0));
}
