// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which calls must not wait for which. A case with a deadlock does not end within
 * its time limit; the harness then prints where its threads wait.
 *
 * defect 1: user copies under the mutex that mmap takes
 * defect 2: the shrinker takes the mutex that the allocating task holds
 * defect 3: purge under the mutex deadlocks with the inode lock
 * No global lock: while one client waits in the middle of a request, others make
 * theirs.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "cgroup.h"

/*
 * A page that is missing until it is delivered. A thread that touches it waits, also
 * in the middle of a request to the device.
 */
struct late_page {
	int uffd;
	char *address;
};

static struct late_page late_page_create(void)
{
	struct late_page l = {
		.uffd = CHECK_OK(syscall(SYS_userfaultfd, O_CLOEXEC |
					 O_NONBLOCK)),
		.address = map_anonymous(page_size),
	};
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = {
		.range = { (uintptr_t)l.address, page_size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	CHECK_OK(ioctl(l.uffd, UFFDIO_API, &api));
	CHECK_OK(ioctl(l.uffd, UFFDIO_REGISTER, &r));
	return l;
}

static void late_page_wait_for_reader(const struct late_page *l)
{
	struct pollfd p = { .fd = l->uffd, .events = POLLIN };
	struct uffd_msg m;

	CHECK_EQ(1, poll(&p, 1, -1));
	CHECK_EQ(sizeof(m), read(l->uffd, &m, sizeof(m)));
	CHECK_EQ(UFFD_EVENT_PAGEFAULT, m.event);
}

static void late_page_deliver(const struct late_page *l, const void *content,
			      size_t bytes)
{
	char *page = map_anonymous(page_size);
	struct uffdio_copy c = {
		.dst = (uintptr_t)l->address, .src = (uintptr_t)page,
		.len = page_size,
	};

	memcpy(page, content, bytes);
	CHECK_OK(ioctl(l->uffd, UFFDIO_COPY, &c));
	CHECK_OK(munmap(page, page_size));
}

/* A request that waits in its middle for a page of its caller. */
struct waiting_call {
	int fd;
	char *buffer;
	long (*call)(int fd, char *buffer);
	long result;
	int error;
};

static void *make_call(void *argument)
{
	struct waiting_call *w = argument;

	errno = 0;
	w->result = w->call(w->fd, w->buffer);
	w->error = errno;
	return NULL;
}

static long call_set_name(int fd, char *buffer)
{
	return ioctl(fd, ASHMEM_SET_NAME, buffer);
}

static long call_get_name(int fd, char *buffer)
{
	return ioctl(fd, ASHMEM_GET_NAME, buffer);
}

static long call_pin(int fd, char *buffer)
{
	return ioctl(fd, ASHMEM_PIN, buffer);
}

static long call_unpin(int fd, char *buffer)
{
	return ioctl(fd, ASHMEM_UNPIN, buffer);
}

static long call_status(int fd, char *buffer)
{
	return ioctl(fd, ASHMEM_GET_PIN_STATUS, buffer);
}

static long call_file_id(int fd, char *buffer)
{
	return ioctl(fd, ASHMEM_GET_FILE_ID, buffer);
}

static long call_read(int fd, char *buffer)
{
	return read(fd, buffer, page_size);
}

static long call_pread(int fd, char *buffer)
{
	return pread(fd, buffer, page_size, page_size);
}

/* All calls that other clients may make meanwhile on a region of 4 pages. */
static void use_region(int fd)
{
	char name[ASHMEM_NAME_LEN], *p, *q;
	int fd2 = CHECK_OK(dup(fd));

	p = region_map(fd, 4 * page_size);
	q = checked_map(fd, 4 * page_size, RW, MAP_PRIVATE, 0);
	write_pages(q, 0, 4, 2);
	write_pages(p, 3, 1, 1);
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_NAME, name));
	CHECK_EQ(-1, ioctl(fd, ASHMEM_SET_NAME, "late"));
	CHECK_EQ(-1, set_size(fd, page_size));
	CHECK_EQ(4 * page_size, get_size(fd));
	CHECK_EQ(0, set_mask(fd, RW));
	CHECK_EQ(RW, get_mask(fd));
	CHECK_EQ(page_size, pread(fd, name, 1, 0) * page_size);
	unpin(fd, 3, 1);
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 3, 1));
	CHECK(purge_all() >= 1);
	drop_caches("2");
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 3, 1));
	CHECK_ZERO(p, 3, 1);
	CHECK_PAGES(q, 0, 4, 2);
	CHECK_OK(munmap(p, 4 * page_size));
	CHECK_OK(munmap(q, 4 * page_size));
	close(fd2);
}

/*
 * Uses a region while @call waits for its buffer, which then gets @content.
 *
 * Return: the result of @call.
 */
static long use_region_during(int fd, long (*call)(int fd, char *buffer),
			      const void *content, size_t bytes, char **buffer)
{
	struct late_page l = late_page_create();
	struct waiting_call w = { .fd = fd, .buffer = l.address, .call = call };
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, make_call, &w));
	late_page_wait_for_reader(&l);
	use_region(fd);
	late_page_deliver(&l, content, bytes);
	CHECK_EQ(0, pthread_join(thread, NULL));
	*buffer = l.address;
	errno = w.error;
	return w.result;
}

static int mapped_region(void)
{
	int fd = region_create(4 * page_size);
	char *p = region_map(fd, 4 * page_size);

	write_pages(p, 0, 3, 1);
	CHECK_OK(munmap(p, 4 * page_size));
	return fd;
}

CASE(defect_01_set_name_waits_for_its_buffer)
{
	int fd = region_create(4 * page_size);
	char *buffer, name[ASHMEM_NAME_LEN];

	CHECK_EQ(0, ioctl(fd, ASHMEM_SET_NAME, "early"));
	/* Meanwhile the region is mapped, so it is too late for the name. */
	CHECK_ERRNO(EINVAL, use_region_during(fd, call_set_name, "x", 2,
					      &buffer));
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_NAME, name));
	CHECK_STR("early", name);
}

CASE(defect_01_get_name_waits_for_its_buffer)
{
	int fd = mapped_region();
	char *buffer;

	CHECK_EQ(0, use_region_during(fd, call_get_name, "", 1, &buffer));
	CHECK_STR(ASHMEM_NAME_DEF, buffer);
}

CASE(defect_01_pin_waits_for_its_argument)
{
	struct ashmem_pin range = { 0, page_size };
	int fd = mapped_region();
	char *buffer;

	CHECK_EQ(ASHMEM_NOT_PURGED, use_region_during(fd, call_pin, &range,
						      sizeof(range), &buffer));
}

CASE(defect_01_unpin_waits_for_its_argument)
{
	struct ashmem_pin range = { 0, page_size };
	int fd = mapped_region();
	char *buffer;

	CHECK_EQ(0, use_region_during(fd, call_unpin, &range, sizeof(range),
				      &buffer));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 0, 1));
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(fd, 1, 3));
}

CASE(defect_01_status_waits_for_its_argument)
{
	struct ashmem_pin range = { 0, page_size };
	int fd = mapped_region();
	char *buffer;

	CHECK_EQ(ASHMEM_IS_PINNED, use_region_during(fd, call_status, &range,
						     sizeof(range), &buffer));
}

CASE(file_id_waits_for_its_buffer)
{
	int fd = mapped_region();
	unsigned long id;
	char *buffer;

	CHECK_EQ(0, use_region_during(fd, call_file_id, "", 1, &buffer));
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_FILE_ID, &id));
	CHECK(!memcmp(&id, buffer, sizeof(id)));
}

CASE(defect_01_read_waits_for_its_buffer)
{
	int fd = mapped_region();
	char *buffer;

	CHECK_EQ(page_size, use_region_during(fd, call_read, "", 1, &buffer));
	CHECK(page_is(buffer, 0, 1));
}

CASE(defect_01_pread_waits_for_its_buffer)
{
	int fd = mapped_region();
	char *buffer;

	CHECK_EQ(page_size, use_region_during(fd, call_pread, "", 1, &buffer));
	CHECK(page_is(buffer, 1, 1));
}

CASE(defect_01_waiting_client_can_be_killed)
{
	struct meeting m = meeting_create();
	int fd = mapped_region(), status;
	pid_t pid = checked_fork();

	if (!pid) {
		struct late_page l = late_page_create();
		struct waiting_call w = {
			.fd = fd, .buffer = l.address, .call = call_read,
		};
		pthread_t thread;

		CHECK_EQ(0, pthread_create(&thread, NULL, make_call, &w));
		late_page_wait_for_reader(&l);
		tell_parent(&m);
		CHECK_EQ(0, pthread_join(thread, NULL));
		_exit(1);
	}
	wait_for_child(&m);
	use_region(fd);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status));
	use_region(fd);
}

/* A thread's work. All threads go on until each has done the wanted rounds. */
struct worker {
	void (*work)(struct worker *w, uint64_t *random);
	uint64_t wanted;	/* rounds, at least */
	uint64_t seed;
	int fd;
	char *base;
	size_t pages;
	pthread_t thread;
	uint64_t rounds;
};

/* The number of workers that have not done the wanted rounds yet. */
static atomic_size_t unfinished;

static void *run_worker(void *argument)
{
	struct worker *w = argument;
	uint64_t random = w->seed;

	while (race_goes_on(atomic_load(&unfinished))) {
		w->work(w, &random);
		if (++w->rounds == w->wanted)
			atomic_fetch_sub(&unfinished, 1);
	}
	return NULL;
}

static void run_workers(struct worker *workers, size_t count)
{
	atomic_store(&unfinished, count);
	for (size_t i = 0; i < count; i++) {
		CHECK(workers[i].wanted);
		workers[i].seed = test_seed + 1000 * i + 1;
		CHECK_EQ(0, pthread_create(&workers[i].thread, NULL, run_worker,
					   &workers[i]));
	}
	for (size_t i = 0; i < count; i++) {
		CHECK_EQ(0, pthread_join(workers[i].thread, NULL));
		CHECK(workers[i].rounds);
	}
}

static void work_drop_caches(struct worker *w, uint64_t *random)
{
	(void)w;
	drop_caches("2");
	sleep_ms(random_below(random, 10));
}

static void work_purge_all(struct worker *w, uint64_t *random)
{
	(void)w;
	purge_all();
	sleep_ms(random_below(random, 5));
}

/* Pins a page and checks it, or writes it if it was purged. */
static void work_pin_page(struct worker *w, uint64_t *random)
{
	size_t page = random_below(random, w->pages);
	char *p = w->base + page * page_size;

	if (pin(w->fd, page, 1) == ASHMEM_WAS_PURGED)
		write_page(p, page, 1);
	else
		CHECK_PAGES(w->base, page, 1, 1);
	unpin(w->fd, page, 1);
}

/* A region whose pages are unpinned as soon as they are written. */
static char *region_written_unpinned(int *fd, size_t pages)
{
	char *p = region_of_pages(fd, pages);

	for (size_t i = 0; i < pages; i++) {
		write_page(p + i * page_size, i, 1);
		unpin(*fd, i, 1);
	}
	return p;
}

CASE_LIMIT(defect_02_pin_storm_at_a_limit, 60)
{
	pid_t pid;

	cgroup_create("a");
	cgroup_set("a", "memory.max", 24 * MIB);
	pid = fork_into("a");
	if (!pid) {
		struct worker w[4] = { };

		for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
			w[i].work = work_pin_page;
			w[i].wanted = 500;
			w[i].pages = 10 * MIB / page_size;
			w[i].base = region_written_unpinned(&w[i].fd,
							    w[i].pages);
		}
		run_workers(w, ARRAY_SIZE(w));
		_exit(0);
	}
	/* With the original a limit kills; pressure.c tests that. */
	if (driver_is_original()) {
		CHECK_OK(waitpid(pid, NULL, 0));
		return;
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

CASE_LIMIT(defect_02_pin_storm_with_drop_caches, 60)
{
	struct worker w[] = {
		{ .work = work_pin_page, .wanted = 1000 },
		{ .work = work_pin_page, .wanted = 1000 },
		{ .work = work_drop_caches, .wanted = 3 },
		{ .work = work_purge_all, .wanted = 30 },
	};

	for (size_t i = 0; i < 2; i++) {
		w[i].pages = 256;
		w[i].base = region_written_unpinned(&w[i].fd, w[i].pages);
	}
	run_workers(w, ARRAY_SIZE(w));
}

/* Removes two thirds of the mapping at once, at a random place. */
static void work_madv_remove(struct worker *w, uint64_t *random)
{
	size_t first = random_below(random, w->pages / 3);

	CHECK_OK(madvise(w->base + first * page_size,
			 w->pages * 2 / 3 * page_size, MADV_REMOVE));
}

/*
 * Writes and unpins piece by piece. So it never has more pinned than one piece and
 * some single pages, whatever the others do, and a limit can purge the rest.
 */
static void work_write(struct worker *w, uint64_t *random)
{
	size_t first = random_below(random, w->pages);
	size_t pages = 1 + random_below(random, w->pages - first);
	size_t piece;

	for (size_t done = 0; done < pages; done += piece) {
		piece = pages - done < 64 ? pages - done : 64;
		write_pages(w->base, first + done, piece, 1);
		unpin(w->fd, first + done, piece);
	}
	unpin(w->fd, first, pages);
	first = random_below(random, w->pages);
	pin(w->fd, first, 1);
}

static void run_madv_remove(bool limited)
{
	struct worker w[] = {
		{ .work = work_madv_remove, .wanted = 30 },
		{ .work = work_write, .wanted = 20 },
		{ .work = work_madv_remove, .wanted = 30 },
		{ .work = work_write, .wanted = 20 },
		{ .work = limited ? work_purge_all : work_drop_caches,
		  .wanted = 20 },
	};
	int fd;
	char *p = region_of_pages(&fd, 6 * MIB / page_size);

	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		w[i].fd = fd;
		w[i].base = p;
		w[i].pages = 6 * MIB / page_size;
	}
	run_workers(w, ARRAY_SIZE(w));
}

CASE_LIMIT(defect_03_madv_remove_with_drop_caches, 60)
{
	run_madv_remove(false);
}

CASE_LIMIT(defect_03_madv_remove_at_a_limit, 60)
{
	pid_t pid;

	cgroup_create("a");
	cgroup_set("a", "memory.max", 4 * MIB);
	pid = fork_into("a");
	if (!pid) {
		/* The pinned pages fit many times, so nothing may be killed. */
		run_madv_remove(true);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

/* A region's whole life, with a random number of ranges. */
static void work_whole_life(struct worker *w, uint64_t *random)
{
	size_t pages = 1 + random_below(random, 32);
	char *p = region_of_pages(&w->fd, pages);

	write_pages(p, 0, 1, 1);
	for (size_t i = random_below(random, 3); i < pages; i += 2)
		unpin(w->fd, i, 1);
	if (random_below(random, 2)) {
		CHECK_OK(munmap(p, pages * page_size));
		close(w->fd);
	} else {
		close(w->fd);
		CHECK_OK(munmap(p, pages * page_size));
	}
}

CASE_LIMIT(regions_are_closed_while_they_are_purged, 60)
{
	struct worker w[] = {
		{ .work = work_whole_life, .wanted = 400 },
		{ .work = work_whole_life, .wanted = 400 },
		{ .work = work_whole_life, .wanted = 400 },
		{ .work = work_drop_caches, .wanted = 8 },
		{ .work = work_purge_all, .wanted = 40 },
	};

	run_workers(w, ARRAY_SIZE(w));
	CHECK_EQ(0, purge_all());
}

static void work_fork(struct worker *w, uint64_t *random)
{
	pid_t pid = checked_fork();

	(void)random;
	if (!pid) {
		unpin(w->fd, 0, w->pages);
		_exit(0);
	}
	CHECK_CHILD(pid);
}

static void work_map(struct worker *w, uint64_t *random)
{
	size_t first = random_below(random, w->pages);
	size_t length = (w->pages - first) * page_size;
	char *p = checked_map(w->fd, length, RW,
			      random_below(random, 3) ? MAP_SHARED : MAP_PRIVATE,
			      first * page_size);

	*p = 1;
	CHECK_OK(munmap(p, length));
}

CASE_LIMIT(regions_are_forked_and_mapped_while_they_are_purged, 60)
{
	struct worker w[] = {
		{ .work = work_fork, .wanted = 50 },
		{ .work = work_map, .wanted = 500 },
		{ .work = work_map, .wanted = 500 },
		{ .work = work_purge_all, .wanted = 50 },
		{ .work = work_drop_caches, .wanted = 8 },
	};
	int fd;
	char *p = region_of_pages(&fd, 256);

	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		w[i].fd = fd;
		w[i].base = p;
		w[i].pages = 256;
	}
	run_workers(w, ARRAY_SIZE(w));
}

/* Groups come and go; a region that outlives its group belongs to the parent. */
CASE_LIMIT(groups_are_removed_while_their_regions_are_purged, 60)
{
	atomic_int *drops = map_shared(sizeof(*drops));
	pid_t purger;

	cgroup_create("a");
	cgroup_write("a", "cgroup.subtree_control", "+memory");
	purger = checked_fork();
	if (!purger) {
		for (;;) {
			drop_caches("2");
			atomic_fetch_add(drops, 1);
			sleep_ms(2);
		}
	}
	for (int i = 0; race_goes_on(i < 40 || atomic_load(drops) < 20); i++) {
		int fd = region_create(64 * page_size);
		char name[32], path[512];
		pid_t pid;
		char *p;

		snprintf(name, sizeof(name), "a/%d", i);
		cgroup_create(name);
		pid = fork_into(name);
		if (!pid) {
			p = region_map(fd, 64 * page_size);
			write_pages(p, 0, 64, 1);
			for (size_t page = 0; page < 64; page += 2)
				unpin(fd, page, 1);
			_exit(0);
		}
		CHECK_CHILD(pid);
		cgroup_path(path, name, "");
		WAIT_UNTIL(!rmdir(path) || errno != EBUSY);
		CHECK_ERRNO(ENOENT, access(path, F_OK));
		p = region_map(fd, 64 * page_size);
		for (size_t page = 0; page < 64; page++) {
			if (pin(fd, page, 1) == ASHMEM_WAS_PURGED)
				CHECK_ZERO(p, page, 1);
			else
				CHECK_PAGES(p, page, 1, 1);
			unpin(fd, page, 1);
		}
		CHECK_OK(munmap(p, 64 * page_size));
		close(fd);
	}
}
