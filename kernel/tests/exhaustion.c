// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client takes as much kernel memory as it can, or makes the longest possible
 * requests. The caller is charged and stopped; no other client has to wait.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "cgroup.h"

enum {
	MILLION = 1000000,
	MANY = 50000,		/* ranges: enough to be seen in a group's memory */
	BATCH = 4096,		/* ranges in a vector */
	LIMIT = 8,		/* MiB */
	/* No kernel needs less for one. */
	RANGE_BYTES = 80, FILE_BYTES = 160, INODE_BYTES = 600,
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

/* A region for @ranges separate ranges of one page. No page of it has memory. */
static int sparse_region(size_t ranges)
{
	uint64_t size = 2 * ranges * page_size;
	int fd = region_open();

	CHECK_EQ(0, ioctl(fd, ASHMEM_SET_SIZE64, &size));
	region_map(fd, page_size);
	return fd;
}

/* A client in its own group, which goes on while another takes all it can get. */
struct bystander {
	atomic_bool over;
	atomic_size_t rounds;
};

/* Waits until the bystander has ended a round. */
static void let_pass(struct bystander *b)
{
	size_t rounds = atomic_load(&b->rounds);

	WAIT_UNTIL(atomic_load(&b->rounds) > rounds);
}

/*
 * Unpins single pages with @step pages from each to the next, until @ranges are
 * unpinned or no more can be had. If there is a bystander, it ends a round
 * between two vectors.
 */
static void unpin_every(size_t step, int fd, size_t ranges,
			atomic_size_t *done, struct bystander *b)
{
	struct ashmem_pin_result *r = calloc(BATCH, sizeof(*r));

	CHECK(r);
	for (size_t i = 0; i < ranges; ) {
		size_t n = ranges - i < BATCH ? ranges - i : BATCH;

		if (b)
			let_pass(b);
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
	uint64_t before;
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		int fd = sparse_region(MANY);

		become_nobody();
		tell_parent(&m);
		wait_for_parent(&m);
		unpin_every(2, fd, MANY, done, NULL);
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
	CHECK_EQ(MANY, atomic_load(done));
	/* memory.stat may be two seconds old. */
	WAIT_UNTIL(slab_bytes("a") >= MANY * RANGE_BYTES);
	CHECK(cgroup_get("a", "memory.current", NULL) >=
	      before + MANY * RANGE_BYTES);
	tell_child(&m);
	wait_for_child(&m);
	/* The ranges are given back; slab keeps some of the memory. */
	WAIT_UNTIL(cgroup_get("a", "memory.current", NULL) <=
		   before + MANY * RANGE_BYTES / 2);
	tell_child(&m);
	CHECK_CHILD(pid);
}

/* The bystander's group has a limit too, but the bystander loses nothing. */
static pid_t bystander_start(struct bystander *b)
{
	pid_t pid;

	cgroup_create("other");
	cgroup_set("other", "memory.max", 2 * LIMIT * MIB);
	pid = fork_into("other");
	if (!pid) {
		struct filled f = filled_region(2 * MIB);

		become_nobody();
		while (!atomic_load(&b->over)) {
			char *p;
			int fd;

			unpin(f.fd, 0, f.pages);
			munmap(touch_anonymous(MIB), MIB);
			CHECK_EQ(ASHMEM_NOT_PURGED, pin(f.fd, 0, f.pages));
			p = region_of_pages(&fd, 1);
			munmap(p, page_size);
			close(fd);
			atomic_fetch_add(&b->rounds, 1);
		}
		CHECK_PAGES(f.base, 0, f.pages, 1);
		_exit(0);
	}
	let_pass(b);
	return pid;
}

static void bystander_end(struct bystander *b, pid_t pid)
{
	let_pass(b);
	atomic_store(&b->over, true);
	CHECK_CHILD(pid);
	printf("# the other group did %zu rounds\n", atomic_load(&b->rounds));
	CHECK_EQ(0, cgroup_oom_kills("other"));
}

/*
 * A process takes what it can get until the call fails or the process is killed. In
 * between it waits for rounds of the bystander: if the bystander had to wait for
 * the end of the process, the case would not end.
 */
static void check_caller_is_stopped(void (*take)(atomic_size_t *done,
						 struct bystander *b),
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
		take(done, b);
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

static void take_ranges(atomic_size_t *done, struct bystander *b)
{
	int fd = sparse_region(MILLION);

	become_nobody();
	unpin_every(2, fd, MILLION, done, b);
}

CASE_LIMIT(million_ranges_stop_their_caller_and_nobody_else, 60)
{
	check_caller_is_stopped(take_ranges, RANGE_BYTES);
}

static void take_regions(atomic_size_t *done, struct bystander *b)
{
	struct rlimit most = { MILLION, MILLION };

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &most));
	become_nobody();
	while (open(DEVICE, O_RDWR) >= 0) {
		size_t regions = atomic_fetch_add(done, 1);

		CHECK(regions < MILLION);
		if (regions % 256 == 0)
			let_pass(b);
	}
	CHECK_EQ(ENOMEM, errno);
}

CASE_LIMIT(million_regions_stop_their_caller_and_nobody_else, 60)
{
	check_caller_is_stopped(take_regions, 2 * FILE_BYTES);
}

/* The mappings remain after the descriptors are closed. */
static void take_mappings(atomic_size_t *done, struct bystander *b)
{
	become_nobody();
	for (;;) {
		int fd = open(DEVICE, O_RDWR);
		size_t regions;
		void *p;

		if (fd < 0)
			break;
		CHECK_EQ(0, set_size(fd, page_size));
		p = mmap(NULL, page_size, RW, MAP_SHARED, fd, 0);
		close(fd);
		if (p == MAP_FAILED)
			break;
		regions = atomic_fetch_add(done, 1);
		CHECK(regions < MILLION);
		if (regions % 256 == 0)
			let_pass(b);
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
 * A process that got the descriptor asks for more ranges than there will ever be.
 * The owner, and clients of other regions, go on. If they had to wait for the end
 * of a vector, there would be an end for each of their rounds.
 */
CASE_LIMIT(endless_vector_delays_nobody, 60)
{
	enum { ENTRIES = 8 << 20, ROUNDS = 200 };
	size_t bytes = ENTRIES * sizeof(struct ashmem_pin_result);
	atomic_int *ended = map_shared(sizeof(*ended));
	int fd, own, status;
	pid_t pid;

	region_of_pages(&fd, 1);
	region_of_pages(&own, 1);
	pid = checked_fork();
	if (!pid) {
		char *r = map_anonymous(bytes + page_size);

		CHECK_OK(mprotect(r + bytes, page_size, PROT_NONE));
		become_nobody();
		/* A vector ends where the memory for its results ends. */
		for (;;) {
			CHECK_ERRNO(EFAULT, vector(fd, ASHMEM_VECTOR_UNPIN,
						   (void *)r, UINT64_MAX));
			atomic_fetch_add(ended, 1);
		}
	}
	for (int i = 0; i < ROUNDS; i++) {
		/* The vector has unpinned the page again: it is still at work. */
		WAIT_UNTIL(pin_status(fd, 0, 1) == ASHMEM_IS_UNPINNED);
		pin(fd, 0, 1);
		pin(own, 0, 1);
		unpin(own, 0, 1);
	}
	printf("# %d rounds, %d vectors ended meanwhile\n", ROUNDS,
	       atomic_load(ended));
	CHECK(atomic_load(ended) < ROUNDS / 4);
	CHECK_EQ(0, waitpid(pid, &status, WNOHANG));
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(pid, waitpid(pid, &status, 0));
}

/* A thread that is always ready to run, on the processor of the requests. */
static atomic_bool rival_is_over;

static void *rival_run(void *arg)
{
	while (!atomic_load(&rival_is_over))
		;
	return arg;
}

/* Return: how often the scheduler has taken the processor from this thread. */
static long preemptions(void)
{
	struct rusage usage;

	CHECK_OK(getrusage(RUSAGE_THREAD, &usage));
	return usage.ru_nivcsw;
}

static long preemptions_during(int (*request)(int fd), int fd)
{
	pthread_t rival;
	long before;

	atomic_store(&rival_is_over, false);
	CHECK_EQ(0, pthread_create(&rival, NULL, rival_run, NULL));
	before = preemptions();
	CHECK_OK(request(fd));
	before = preemptions() - before;
	atomic_store(&rival_is_over, true);
	CHECK_EQ(0, pthread_join(rival, NULL));
	return before;
}

/*
 * A request that keeps the processor to itself is preempted at most when it begins
 * and when it ends, however long it lasts. A request that shares the processor is
 * preempted once in each time slice. A faster processor needs more ranges for a
 * request that lasts some slices.
 */
static void check_shares(int (*request)(int fd))
{
	enum { ENOUGH = 3, MOST = 32 * MANY };

	for (size_t ranges = MANY; ranges <= MOST; ranges *= 2) {
		int fd = sparse_region(ranges);
		atomic_size_t done = 0;
		long count;

		/* Ranges that lie side by side are purged together. */
		unpin_every(request == purge_request ? 1 : 2, fd, ranges,
			    &done, NULL);
		CHECK_EQ(ranges, done);
		count = preemptions_during(request, fd);
		if (request != close)
			close(fd);
		printf("# preempted %ld times with %zu ranges\n", count, ranges);
		if (count >= ENOUGH)
			return;
	}
	FAIL("the request keeps the processor to itself");
}

CASE_LIMIT(requests_for_a_million_ranges_share_the_processor, 120)
{
	stay_on_processor(0);
	check_shares(pin_all);
	check_shares(unpin_all);
	check_shares(close);
	check_shares(purge_request);
}
