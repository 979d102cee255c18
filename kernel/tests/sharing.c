// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which descriptors share a region, and what remains of it when they are closed.
 *
 * ABI, device: fork, dup and passing the descriptor share the region;
 *	reopening through /proc/PID/fd/N gives a new empty one
 * ABI, semantics: mappings outlive the descriptor; closing the last
 *	descriptor forgets the unpinned ranges
 */
#include <pthread.h>

#include "client.h"

/* @fd2 must refer to the same region as @fd. @p is a mapping of its two pages. */
static void check_same_region(int fd, int fd2, char *p)
{
	char *q = region_map(fd2, 2 * page_size);

	CHECK_EQ(2 * page_size, get_size(fd2));
	write_pages(p, 0, 2, 7);
	CHECK_PAGES(q, 0, 2, 7);
	write_pages(q, 0, 2, 8);
	CHECK_PAGES(p, 0, 2, 8);
	unpin(fd2, 0, 1);
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 0, 1));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 1, 1));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 1));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd2, 0, 1));
	unpin(fd, 1, 1);
	CHECK_EQ(1, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd2, 1, 1));
	CHECK_PAGES(p, 0, 1, 8);
	CHECK_ZERO(p, 1, 1);
	CHECK_ZERO(q, 1, 1);
	CHECK_OK(munmap(q, 2 * page_size));
}

CASE(dup_shares_the_region)
{
	int fd, fd2;
	char *p = region_of_pages(&fd, 2);

	fd2 = CHECK_OK(dup(fd));
	check_same_region(fd, fd2, p);
	close(fd);
	CHECK_EQ(2 * page_size, get_size(fd2));
}

CASE(fork_shares_the_region)
{
	int fd;
	char *p = region_of_pages(&fd, 2);
	pid_t pid = checked_fork();

	if (!pid) {
		check_same_region(fd, fd, p);
		write_pages(p, 0, 2, 9);
		unpin(fd, 0, 1);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_PAGES(p, 0, 2, 9);
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 0, 1));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 1, 1));
}

CASE(fork_before_the_size_shares_the_region)
{
	int fd = region_open();
	pid_t pid = checked_fork();

	if (!pid) {
		CHECK_EQ(0, set_size(fd, page_size));
		CHECK_EQ(0, set_mask(fd, PROT_READ));
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(page_size, get_size(fd));
	CHECK_EQ(PROT_READ, get_mask(fd));
}

CASE(passed_descriptor_shares_the_region)
{
	int fd, sockets[2];
	char *p = region_of_pages(&fd, 2);
	pid_t pid;

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid = checked_fork();
	if (!pid) {
		int fd2;

		CHECK_OK(munmap(p, 2 * page_size));
		close(fd);
		fd2 = receive_descriptor(sockets[1]);
		p = region_map(fd2, 2 * page_size);
		CHECK_PAGES(p, 0, 2, 1);
		check_same_region(fd2, fd2, p);
		write_pages(p, 0, 2, 2);
		unpin(fd2, 1, 1);
		_exit(0);
	}
	write_pages(p, 0, 2, 1);
	send_descriptor(sockets[0], fd);
	CHECK_CHILD(pid);
	CHECK_PAGES(p, 0, 2, 2);
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 1, 1));
}

CASE(descriptor_on_its_way_keeps_the_region)
{
	int fd, sockets[2];
	char *p = region_of_pages(&fd, 2);

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	write_pages(p, 0, 2, 1);
	unpin(fd, 1, 1);
	send_descriptor(sockets[0], fd);
	close(fd);
	CHECK_OK(munmap(p, 2 * page_size));
	CHECK_EQ(1, purge_all());
	fd = receive_descriptor(sockets[1]);
	p = region_map(fd, 2 * page_size);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 2));
	CHECK_PAGES(p, 0, 1, 1);
	CHECK_ZERO(p, 1, 1);
}

CASE(reopening_gives_a_new_empty_region)
{
	char path[64];
	int fd, fd2;
	char *p = region_of_pages(&fd, 1);

	write_pages(p, 0, 1, 1);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	fd2 = CHECK_OK(open(path, O_RDWR));
	CHECK_EQ(0, get_size(fd2));
	CHECK_ERRNO(EINVAL, try_map(fd2, page_size, RW, MAP_SHARED, 0));
	CHECK_EQ(0, set_size(fd2, page_size));
	CHECK_ZERO(region_map(fd2, page_size), 0, 1);
	CHECK_PAGES(p, 0, 1, 1);
}

CASE(mapping_outlives_the_descriptor)
{
	int fd;
	char *p = region_of_pages(&fd, 4);

	write_pages(p, 0, 4, 1);
	close(fd);
	CHECK_PAGES(p, 0, 4, 1);
	write_pages(p, 0, 4, 2);
	drop_caches("3");
	CHECK_EQ(0, purge_all());
	CHECK_PAGES(p, 0, 4, 2);
}

CASE(mapping_outlives_the_descriptor_in_another_process)
{
	struct meeting m = meeting_create();
	int fd;
	char *p = region_of_pages(&fd, 4);
	pid_t pid;

	write_pages(p, 0, 4, 1);
	pid = checked_fork();
	if (!pid) {
		close(fd);
		wait_for_parent(&m);
		CHECK_PAGES(p, 0, 4, 1);
		write_pages(p, 0, 4, 2);
		CHECK_PAGES(p, 0, 4, 2);
		_exit(0);
	}
	CHECK_OK(munmap(p, 4 * page_size));
	close(fd);
	tell_child(&m);
	CHECK_CHILD(pid);
}

CASE(closing_the_last_descriptor_pins_for_good)
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	unpin(fd, 0, 8);
	close(fd);
	CHECK_EQ(0, purge_all());
	drop_caches("2");
	CHECK_PAGES(p, 0, 8, 1);
}

CASE(closing_one_of_two_descriptors_forgets_nothing)
{
	int fd, fd2;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	fd2 = CHECK_OK(dup(fd));
	unpin(fd, 0, 4);
	close(fd);
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd2, 0, 4));
	CHECK_EQ(4, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd2, 0, 4));
	CHECK_PAGES(p, 4, 4, 1);
}

CASE(end_of_a_process_closes_its_descriptor_only)
{
	int fd;
	char *p = region_of_pages(&fd, 4);
	pid_t pid = checked_fork();

	if (!pid) {
		write_pages(p, 0, 4, 3);
		unpin(fd, 2, 2);
		raise(SIGKILL);
	}
	CHECK_OK(waitpid(pid, NULL, 0));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 2, 2));
	CHECK_EQ(2, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 0));
	CHECK_PAGES(p, 0, 2, 3);
	CHECK_ZERO(p, 2, 2);
}

CASE(what_was_purged_before_the_close_stays_zero)
{
	int fd;
	char *p = region_of_pages(&fd, 4);

	write_pages(p, 0, 4, 1);
	unpin(fd, 0, 2);
	CHECK_EQ(2, purge_all());
	unpin(fd, 2, 2);
	close(fd);
	CHECK_EQ(0, purge_all());
	CHECK_ZERO(p, 0, 2);
	CHECK_PAGES(p, 2, 2, 1);
	write_pages(p, 0, 4, 2);
	CHECK_PAGES(p, 0, 4, 2);
}

CASE(dead_regions_leave_nothing_on_the_lru)
{
	for (int i = 0; i < 200; i++) {
		int fd;
		char *p = region_of_pages(&fd, 16);

		write_page(p, 0, i);
		for (size_t page = 0; page < 16; page += 2)
			unpin(fd, page, 1);
		if (i % 2)
			CHECK_OK(munmap(p, 16 * page_size));
		close(fd);
	}
	drop_caches("2");
	CHECK_EQ(0, purge_all());
}

/* The pages that one thread uses, of a region that all threads share. */
struct share {
	int fd;
	char *base;
	size_t first, pages;
	uint64_t rounds;
};

static void *use_share(void *argument)
{
	struct share *s = argument;
	uint64_t random = s->first;

	while (race_goes_on(s->rounds < 10000)) {
		size_t page = s->first + random_below(&random, s->pages);

		CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(s->fd, page, 1));
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(s->fd, page, 1));
		CHECK_EQ(ASHMEM_IS_PINNED, pin_status(s->fd, page, 1));
		CHECK_PAGES(s->base, page, 1, 1);
		unpin(s->fd, page, 1);
		s->rounds++;
	}
	return NULL;
}

CASE(threads_pin_their_pages_of_one_region)
{
	enum { THREADS = 4, PAGES = 8 };
	struct share shares[THREADS];
	pthread_t threads[THREADS];
	int fd;
	char *p = region_of_pages(&fd, THREADS * PAGES);

	write_pages(p, 0, THREADS * PAGES, 1);
	for (size_t i = 0; i < THREADS * PAGES; i++)
		unpin(fd, i, 1);
	for (size_t i = 0; i < THREADS; i++) {
		shares[i] = (struct share) {
			.fd = fd, .base = p, .first = i * PAGES, .pages = PAGES,
		};
		CHECK_EQ(0, pthread_create(&threads[i], NULL, use_share,
					   &shares[i]));
	}
	for (size_t i = 0; i < THREADS; i++) {
		CHECK_EQ(0, pthread_join(threads[i], NULL));
		CHECK(shares[i].rounds);
	}
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, THREADS * PAGES));
	CHECK_PAGES(p, 0, THREADS * PAGES, 1);
}
