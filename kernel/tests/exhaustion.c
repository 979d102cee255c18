// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who asks for as much kernel memory, or for as long requests, as there can be:
 * it is the caller who pays and who is stopped, and nobody else waits.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include "cgroup.h"

enum {
	MILLION = 1000000,
	BATCH = 4096,		/* ranges in a vector */
	LIMIT = 16,		/* MiB */
	/* No kernel gets along with less for one. */
	RANGE_BYTES = 96, FILE_BYTES = 160, INODE_BYTES = 600,
};

static int vector(int fd, uint32_t operation, struct ashmem_pin_result *r,
		  uint64_t count)
{
	struct ashmem_pin_vector v = {
		.ranges = (uintptr_t)r,
		.count = count,
		.operation = operation,
	};

	return ioctl(fd, ASHMEM_PIN_VECTOR, &v);
}

/*
 * A million. A kernel with debugging on takes a hundred times as long to free one,
 * and what matters is seen with fewer there.
 */
static size_t very_many(void)
{
	return MILLION / time_scale() / time_scale();
}

/* A region for so many ranges of one page that do not touch; without memory. */
static int sparse_region(size_t ranges)
{
	uint64_t size = 2 * ranges * page_size;
	int fd = region_open();

	CHECK_EQ(0, ioctl(fd, ASHMEM_SET_SIZE64, &size));
	region_map(fd, page_size);
	return fd;
}

/* Unpins pages so far from each other, as many as are asked for or can be had. */
static void unpin_every(size_t step, int fd, size_t ranges,
			atomic_size_t *done)
{
	struct ashmem_pin_result *r = calloc(BATCH, sizeof(*r));

	CHECK(r);
	for (size_t i = 0; i < ranges; ) {
		size_t n = ranges - i < BATCH ? ranges - i : BATCH;

		for (size_t j = 0; j < n; j++)
			r[j] = (struct ashmem_pin_result){
				.offset = step * (i + j) * page_size,
				.len = page_size,
			};
		CHECK_EQ(0, vector(fd, ASHMEM_VECTOR_UNPIN, r, n));
		for (size_t j = 0; j < n; j++) {
			if (r[j].result == -ENOMEM) {
				free(r);
				return;
			}
			CHECK_EQ(0, r[j].result);
		}
		i += n;
		atomic_store(done, i);
	}
	free(r);
}

static void unpin_singly(int fd, size_t ranges, atomic_size_t *done)
{
	unpin_every(2, fd, ranges, done);
}

static int pin_all(int fd)
{
	struct ashmem_pin64 all = { };

	return ioctl(fd, ASHMEM_PIN64, &all);
}

static int unpin_all(int fd)
{
	struct ashmem_pin64 all = { };

	return ioctl(fd, ASHMEM_UNPIN64, &all);
}

static int purge_request(int fd)
{
	return ioctl(fd, ASHMEM_PURGE_ALL_CACHES);
}

static uint64_t slab_bytes(const char *group)
{
	return cgroup_get(group, "memory.stat", "slab");
}

CASE_LIMIT(million_ranges_are_charged_to_their_group, 60)
{
	atomic_size_t *done = map_shared(sizeof(*done));
	struct meeting m = meeting_create();
	size_t many = very_many();
	uint64_t before;
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		int fd = sparse_region(many);

		become_nobody();
		tell_parent(&m);
		wait_for_parent(&m);
		unpin_singly(fd, many, done);
		tell_parent(&m);
		wait_for_parent(&m);
		close(fd);
		tell_parent(&m);
		wait_for_parent(&m);
		_exit(0);
	}
	wait_for_child(&m);
	before = cgroup_get("a", "memory.current", NULL);
	tell_child(&m);
	wait_for_child(&m);
	CHECK_EQ(many, atomic_load(done));
	/* What memory.stat says may be two seconds old. */
	for (int i = 0; slab_bytes("a") < many * RANGE_BYTES; i++) {
		CHECK(i < 500);
		sleep_ms(10);
	}
	CHECK(cgroup_get("a", "memory.current", NULL) >=
	      before + many * RANGE_BYTES);
	tell_child(&m);
	wait_for_child(&m);
	/* And given back; slab keeps some of it. */
	for (int i = 0; cgroup_get("a", "memory.current", NULL) >
			before + many * RANGE_BYTES / 2; i++) {
		CHECK(i < 500);
		sleep_ms(10);
	}
	tell_child(&m);
	CHECK_CHILD(pid);
}

/* Somebody with a region, in another group, whose limit is as tight. */
struct bystander {
	atomic_bool over;
	atomic_size_t rounds;
	double longest;
};

static pid_t bystander_start(struct bystander *b)
{
	pid_t pid;

	cgroup_create("other");
	cgroup_set("other", "memory.max", LIMIT * MIB);
	pid = fork_into("other");
	if (!pid) {
		struct filled f = filled_region(2 * MIB);

		become_nobody();
		while (!atomic_load(&b->over)) {
			double start = now(), took;
			int fd;

			unpin(f.fd, 0, f.pages);
			munmap(touch_anonymous(MIB), MIB);
			CHECK_EQ(ASHMEM_NOT_PURGED, pin(f.fd, 0, f.pages));
			region_of_pages(&fd, 1);
			close(fd);
			took = now() - start;
			if (took > b->longest)
				b->longest = took;
			atomic_fetch_add(&b->rounds, 1);
		}
		CHECK_PAGES(f.base, 0, f.pages, 1);
		_exit(0);
	}
	while (!atomic_load(&b->rounds))
		sleep_ms(1);
	return pid;
}

static void bystander_end(struct bystander *b, pid_t pid)
{
	size_t rounds = atomic_load(&b->rounds);

	while (atomic_load(&b->rounds) < rounds + 2)
		sleep_ms(1);
	atomic_store(&b->over, true);
	CHECK_CHILD(pid);
	printf("# the other group did %zu rounds, the longest took %.3f s\n",
	       atomic_load(&b->rounds), b->longest);
	CHECK(b->longest < 5 * time_scale());
	CHECK_EQ(0, cgroup_oom_kills("other"));
}

/* Takes what it can get until the call fails or the process is killed. */
static void check_caller_is_stopped(void (*take)(atomic_size_t *done),
				    size_t bytes_each)
{
	struct bystander *b = map_shared(sizeof(*b));
	atomic_size_t *done = map_shared(sizeof(*done));
	pid_t bystander, pid;
	uint64_t kills;
	int status;

	expect_call_trace();
	bystander = bystander_start(b);
	cgroup_create("thief");
	cgroup_set("thief", "memory.max", LIMIT * MIB);
	pid = fork_into("thief");
	if (!pid) {
		take(done);
		_exit(0);
	}
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	kills = cgroup_oom_kills("thief");
	printf("# stopped after %zu, by %s\n", atomic_load(done),
	       kills ? "the OOM killer" : "an error");
	if (WIFSIGNALED(status)) {
		CHECK_EQ(SIGKILL, WTERMSIG(status));
		CHECK_EQ(1, kills);
	} else {
		CHECK_EQ(0, WEXITSTATUS(status));
	}
	CHECK(atomic_load(done));
	CHECK(atomic_load(done) * bytes_each <= LIMIT * MIB);
	bystander_end(b, bystander);
}

static void take_ranges(atomic_size_t *done)
{
	int fd = sparse_region(MILLION);

	become_nobody();
	unpin_singly(fd, MILLION, done);
}

CASE_LIMIT(million_ranges_stop_their_caller_and_nobody_else, 60)
{
	check_caller_is_stopped(take_ranges, RANGE_BYTES);
}

static void take_regions(atomic_size_t *done)
{
	struct rlimit most = { MILLION, MILLION };

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &most));
	become_nobody();
	while (open(DEVICE, O_RDWR) >= 0)
		CHECK(atomic_fetch_add(done, 1) < MILLION);
	CHECK_EQ(ENOMEM, errno);
}

CASE_LIMIT(million_regions_stop_their_caller_and_nobody_else, 60)
{
	check_caller_is_stopped(take_regions, 2 * FILE_BYTES);
}

/* Their mappings stay when the descriptors are closed. */
static void take_mappings(atomic_size_t *done)
{
	become_nobody();
	for (;;) {
		int fd = open(DEVICE, O_RDWR);
		void *p;

		if (fd < 0)
			break;
		CHECK_EQ(0, set_size(fd, page_size));
		p = mmap(NULL, page_size, RW, MAP_SHARED, fd, 0);
		close(fd);
		if (p == MAP_FAILED)
			break;
		CHECK(atomic_fetch_add(done, 1) < MILLION);
	}
	CHECK_EQ(ENOMEM, errno);
}

CASE_LIMIT(million_mapped_regions_stop_their_caller_and_nobody_else, 60)
{
	check_caller_is_stopped(take_mappings, FILE_BYTES + INODE_BYTES);
}

CASE(open_regions_are_limited_as_open_files)
{
	struct rlimit few = { 64, 64 }, more = { 65, 65 };
	int fd, opened = 0;

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &few));
	become_nobody();
	while ((fd = open(DEVICE, O_RDWR)) >= 0)
		CHECK(++opened < 64);
	CHECK_EQ(EMFILE, errno);
	CHECK(opened);
	CHECK_ERRNO(EPERM, setrlimit(RLIMIT_NOFILE, &more));
}

/*
 * Somebody who got the descriptor asks for more ranges than there will ever be. The
 * owner, and all who have other regions, go on.
 */
CASE_LIMIT(endless_vector_delays_nobody, 60)
{
	enum { ENTRIES = 8 << 20 };
	size_t bytes = ENTRIES * sizeof(struct ashmem_pin_result), pins = 0;
	struct meeting m = meeting_create();
	int fd, own, status;
	double end, start, longest = 0;
	pid_t pid;

	region_of_pages(&fd, 1);
	region_of_pages(&own, 1);
	pid = checked_fork();
	if (!pid) {
		struct ashmem_pin_result *r = (void *)map_anonymous(bytes);

		become_nobody();
		tell_parent(&m);
		/* It ends where the memory for the answers does. */
		for (;;)
			vector(fd, ASHMEM_VECTOR_UNPIN, r, UINT64_MAX);
	}
	wait_for_child(&m);
	end = now() + 1;
	while ((start = now()) < end) {
		pin(fd, 0, 1);
		pin(own, 0, 1);
		unpin(own, 0, 1);
		pins++;
		if (now() - start > longest)
			longest = now() - start;
	}
	CHECK_EQ(0, waitpid(pid, &status, WNOHANG));
	printf("# %zu rounds, the longest took %.3f s\n", pins, longest);
	CHECK(pins > 20);
	CHECK(longest < time_scale());
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(pid, waitpid(pid, &status, 0));
}

/* On the processor of the requests: how long it did not run though it could. */
static atomic_bool watch_is_over;
static double longest_gap;

static void use_processor_0(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	CHECK_OK(sched_setaffinity(0, sizeof(cpus), &cpus));
}

static void *watch_the_processor(void *arg)
{
	struct sched_param urgent = { .sched_priority = 10 };
	double last, time;

	use_processor_0();
	CHECK_OK(sched_setscheduler(0, SCHED_FIFO, &urgent));
	for (last = now(); !atomic_load(&watch_is_over); last = time) {
		/* It goes first: on a slow processor nothing else would run. */
		sleep_ms(time_scale());
		time = now();
		if (time - last > longest_gap)
			longest_gap = time - last;
	}
	return arg;
}

static double watch(int (*request)(int fd), int fd)
{
	double start = now(), took;
	pthread_t watcher;

	longest_gap = 0;
	atomic_store(&watch_is_over, false);
	CHECK_EQ(0, pthread_create(&watcher, NULL, watch_the_processor, NULL));
	sleep_ms(20);
	start = now();
	CHECK_OK(request(fd));
	took = now() - start;
	atomic_store(&watch_is_over, true);
	CHECK_EQ(0, pthread_join(watcher, NULL));
	printf("# took %.3f s, the longest gap was %.3f s\n", took,
	       longest_gap);
	return took;
}

/*
 * A quarter of a request is much. A busy host takes the processor away as well, but
 * not each time.
 */
static void check_shares(int (*request)(int fd))
{
	for (int i = 0; i < 5; i++) {
		int fd = sparse_region(very_many());
		atomic_size_t done = 0;
		double took;

		/* What lies side by side is purged in one go. */
		unpin_every(request == purge_request ? 1 : 2, fd, very_many(),
			    &done);
		CHECK_EQ(very_many(), done);
		took = watch(request, fd);
		if (request != close)
			close(fd);
		if (longest_gap < took / 4 || longest_gap < 0.02 * time_scale())
			return;
	}
	FAIL("the request keeps the processor to itself");
}

CASE_LIMIT(requests_for_a_million_ranges_share_the_processor, 120)
{
	use_processor_0();
	check_shares(pin_all);
	check_shares(unpin_all);
	check_shares(close);
	check_shares(purge_request);
}
