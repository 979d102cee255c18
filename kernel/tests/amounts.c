// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much reclaim takes, from which ranges, and how much work one call may do. What
 * is purged is about what is missing, and it is memory: not what is swapped out, what
 * was never touched, or what a device uses.
 *
 * order.c tests in which order the ranges of one group are purged, containers.c which
 * group they are taken from.
 */
#include <pthread.h>

#include "cgroup.h"
#include "debugfs.h"
#include "device.h"
#include "swap.h"
#include "tracing.h"

/* Pages of a range, unless a case has ranges of one page. */
enum { RANGE = 16 };

/* The most ranges that one call of the shrinker may purge. */
enum { MOST_IN_A_SCAN = 1024 };

static size_t purged_bytes(int fd)
{
	return region_info(fd).purged;
}

/*
 * Each processor holds up to 256 KiB charged in advance. So for what is missing at
 * least half may be purged, and at most twice as much, rounded up to a range.
 */
#define CHECK_TAKEN(missing, bytes)					\
	do {								\
		size_t taken = (bytes);					\
									\
		printf("# %zu KiB were missing, %zu KiB purged\n",	\
		       (size_t)(missing) / 1024, taken / 1024);		\
		CHECK(taken >= (missing) / 2);				\
		CHECK(taken <= 2 * (missing) + RANGE * page_size);	\
	} while (0)

static void unpin_ranges(int fd, size_t first, size_t pages)
{
	for (size_t i = first; i < first + pages; i += RANGE)
		unpin(fd, i, RANGE);
}

/* Unpins every other page, @ranges pages in all: no range is adjacent to another. */
static void unpin_every_other(int fd, size_t ranges)
{
	static struct ashmem_pin_result r[4096];

	for (size_t i = 0; i < ranges;) {
		struct ashmem_pin_vector v = {
			.ranges = (uintptr_t)r,
			.operation = ASHMEM_VECTOR_UNPIN,
		};

		for (; v.count < ARRAY_SIZE(r) && i < ranges; v.count++, i++)
			r[v.count] = (struct ashmem_pin_result){
				.offset = 2 * i * page_size,
				.len = page_size,
			};
		CHECK_EQ(0, ioctl(fd, ASHMEM_PIN_VECTOR, &v));
		for (size_t k = 0; k < v.count; k++)
			CHECK_EQ(0, r[k].result);
	}
}

/* A call of the shrinker has a bound, in ranges of one page too. */
static void check_scans(void)
{
	FILE *trace = open_trace();
	uint64_t purged, most = 0;
	const char *fields;
	size_t scans = 0;

	while ((fields = next_traced(trace, "shrink_end"))) {
		purged = traced_number(fields, "purged");
		most = purged > most ? purged : most;
		scans++;
	}
	fclose(trace);
	printf("# %zu scans, the largest purged %" PRIu64 " pages\n", scans, most);
	CHECK(scans);
	CHECK(most <= MOST_IN_A_SCAN);
}

/*
 * A process in a group with a region, all of which it has filled and unpinned range by
 * range. It allocates when it is told to.
 */
struct tenant {
	int fd;
	pid_t pid;
	struct meeting m;
	size_t *allocate;
};

static struct tenant tenant_start(const char *group, size_t bytes)
{
	struct tenant t = {
		.fd = region_create(bytes),
		.m = meeting_create(),
		.allocate = map_shared(sizeof(*t.allocate)),
	};

	t.pid = fork_into(group);
	if (!t.pid) {
		write_pages(region_map(t.fd, bytes), 0, bytes / page_size, 1);
		unpin_ranges(t.fd, 0, bytes / page_size);
		for (;;) {
			tell_parent(&t.m);
			wait_for_parent(&t.m);
			touch_anonymous(*t.allocate);
		}
	}
	close(t.m.to_parent[1]);
	wait_for_child(&t.m);
	return t;
}

/* Does not wait for the process. */
static void tenant_begin(struct tenant *t, size_t bytes)
{
	*t->allocate = bytes;
	tell_child(&t->m);
}

static void tenant_allocate(struct tenant *t, size_t bytes)
{
	tenant_begin(t, bytes);
	wait_for_child(&t->m);
}

#define SWAPPINESS	"/proc/sys/vm/swappiness"

static char swappiness_at_start[16];

__attribute__((constructor)) static void remember_swappiness(void)
{
	FILE *f = fopen(SWAPPINESS, "re");

	if (f && !fgets(swappiness_at_start, sizeof(swappiness_at_start), f))
		*swappiness_at_start = 0;
	if (f)
		fclose(f);
}

AFTER_EACH_CASE(restore_swappiness)
{
	if (*swappiness_at_start)
		write_file(SWAPPINESS, swappiness_at_start);
}

/* 16 MiB are unpinned. The oldest 12 MiB are swapped out; the group misses 1 MiB. */
CASE_LIMIT(swapped_ranges_are_left_alone, 60)
{
	struct { size_t swapped, in_memory; } *purged = map_shared(sizeof(*purged));
	pid_t pid;

	make_swap();
	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f;
		size_t swapped = 12 * MIB / page_size;

		stay_on_processor(0);
		f = filled_region(16 * MIB);
		swap_out(f.base, swapped);
		/* Reclaim of a group swaps no more from now on. */
		write_file(SWAPPINESS, "0");
		unpin_ranges(f.fd, 0, f.pages);
		limit_above("a", 0);
		touch_anonymous(MIB);
		cgroup_write("a", "memory.max", "max");
		for (size_t i = 0; i < f.pages; i += RANGE) {
			if (pin(f.fd, i, RANGE) == ASHMEM_NOT_PURGED)
				CHECK_PAGES(f.base, i, RANGE, 1);
			else if (i < swapped)
				purged->swapped += RANGE * page_size;
			else
				purged->in_memory += RANGE * page_size;
		}
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
	printf("# %zu KiB purged in swap\n", purged->swapped / 1024);
	CHECK_TAKEN(MIB, purged->in_memory);
	CHECK_EQ(0, purged->swapped);
}

/*
 * A process in the group @other has 100,000 unpinned pages that were never touched,
 * older than all else. Then a process in the group "p/a" allocates 2 MiB at the limit
 * of the group @limited.
 */
static void allocate_beside_untouched_ranges(const char *other, const char *limited)
{
	enum { UNTOUCHED = 100000 };
	int fd = region_create(2 * UNTOUCHED * page_size);
	struct meeting m = meeting_create();
	struct tenant a;
	pid_t pid;

	pid = fork_into(other);
	if (!pid) {
		region_map(fd, 2 * UNTOUCHED * page_size);
		unpin_every_other(fd, UNTOUCHED);
		tell_parent(&m);
		for (;;)
			pause();
	}
	wait_for_child(&m);
	a = tenant_start("p/a", 8 * MIB);
	limit_above(limited, 0);
	start_tracing("shrink_end");
	tenant_allocate(&a, 2 * MIB);
	CHECK_EQ(0, cgroup_oom_kills("p"));
	printf("# %zu untouched pages purged\n", purged_bytes(fd) / page_size);
	CHECK_EQ(0, purged_bytes(fd));
	CHECK_TAKEN(2 * MIB, purged_bytes(a.fd));
	check_scans();
}

CASE_LIMIT(untouched_ranges_of_a_sibling_are_left_alone, 60)
{
	create_parent("p");
	/* Reclaim asks the groups in the order in which they were made. */
	cgroup_create("p/b");
	cgroup_create("p/a");
	allocate_beside_untouched_ranges("p/b", "p");
}

CASE_LIMIT(untouched_ranges_of_the_group_are_left_alone, 60)
{
	create_parent("p");
	cgroup_create("p/a");
	allocate_beside_untouched_ranges("p/a", "p/a");
}

/* A process with @ranges unpinned pages in a region that it maps @maps times. */
static pid_t start_with_single_pages(int fd, size_t ranges, size_t maps, const char *group)
{
	size_t bytes = 2 * ranges * page_size;
	struct meeting m = meeting_create();
	pid_t pid = fork_into(group);

	if (!pid) {
		char *base = region_map(fd, bytes);

		for (size_t i = 0; i < ranges; i++)
			write_page(base + 2 * i * page_size, 2 * i, 1);
		while (--maps)
			region_map(fd, bytes);
		unpin_every_other(fd, ranges);
		tell_parent(&m);
		for (;;)
			pause();
	}
	wait_for_child(&m);
	return pid;
}

CASE_LIMIT(a_scan_is_bounded, 60)
{
	enum { RANGES = 6000, MISSING = 4000 };
	int fd = region_create(2 * RANGES * page_size);

	cgroup_create("a");
	start_with_single_pages(fd, RANGES, 1, "a");
	start_tracing("shrink_end");
	cgroup_lower("a", "memory.max", MISSING * page_size);
	CHECK_EQ(0, cgroup_oom_kills("a"));
	CHECK_TAKEN(MISSING * page_size, purged_bytes(fd));
	check_scans();
}

/*
 * A task that lowers a limit purges 1,500 of 2,000 ranges. Each purge has to look at
 * 500 mappings. When it has begun, the task gets SIGKILL. A round counts if the signal
 * came before the task was half done.
 */
CASE_LIMIT(a_killed_task_stops_purging, 120)
{
	enum { RANGES = 2000, MAPS = 500, MISSING = 1500, MOST_AFTER_SIGNAL = 32 };
	bool seen = false;

	cgroup_create("a");
	while (race_goes_on(!seen)) {
		int fd = region_create(2 * RANGES * page_size), status;
		pid_t owner, pid;
		size_t before, after;

		owner = start_with_single_pages(fd, RANGES, MAPS, "a");
		pid = checked_fork();
		if (!pid) {
			cgroup_lower("a", "memory.max", MISSING * page_size);
			_exit(0);
		}
		WAIT_UNTIL(purged_bytes(fd));
		CHECK_OK(kill(pid, SIGKILL));
		before = purged_bytes(fd) / page_size;
		CHECK_OK(waitpid(pid, &status, 0));
		after = purged_bytes(fd) / page_size;
		printf("# %zu ranges purged at the signal, %zu at the end\n", before, after);
		CHECK(after - before <= MOST_AFTER_SIGNAL);
		seen = before < MISSING / 2;
		if (seen)
			CHECK(WIFSIGNALED(status));
		cgroup_write("a", "memory.max", "max");
		CHECK_OK(kill(owner, SIGKILL));
		CHECK_EQ(owner, waitpid(owner, NULL, 0));
		close(fd);
	}
}

/* What is purged is what was missing, and not what was missing to each task. */
CASE_LIMIT(tasks_that_allocate_purge_what_is_missing_once, 120)
{
	enum { TASKS = 8, ROUNDS = 6 };
	struct tenant t[TASKS];
	size_t purged, before = 0;

	cgroup_create("a");
	for (int i = 0; i < TASKS; i++)
		t[i] = tenant_start("a", 24 * MIB);
	for (int round = 0; race_goes_on(round < ROUNDS); round++) {
		size_t lowered = 8 * MIB, missing;
		uint64_t usage = current_bytes("a");

		for (int i = 0; i < TASKS; i++)
			tenant_begin(&t[i], 2 * MIB);
		cgroup_set("a", "memory.max", usage - lowered);
		for (int i = 0; i < TASKS; i++)
			wait_for_child(&t[i].m);
		missing = lowered + TASKS * 2 * MIB;
		purged = 0;
		for (int i = 0; i < TASKS; i++)
			purged += purged_bytes(t[i].fd);
		printf("# %zu KiB were missing, %zu KiB purged\n", missing / 1024,
		       (purged - before) / 1024);
		CHECK(purged - before <= missing / 4 * 5 + TASKS * RANGE * page_size);
		before = purged;
		cgroup_write("a", "memory.max", "max");
	}
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

/*
 * An owner that pins and unpins the ranges of its region all the time. They are of one
 * page. It writes to the first ones while they are pinned.
 */
enum { BUSY = 20480, BUSY_VECTOR = 1024, BUSY_WRITTEN = 1024 };

static void keep_busy(int fd, char *base, const struct meeting *m)
{
	static struct ashmem_pin_result r[BUSY_VECTOR];
	struct ashmem_pin_vector v = { .ranges = (uintptr_t)r, .count = BUSY_VECTOR };

	unpin_every_other(fd, BUSY);
	tell_parent(m);
	for (size_t first = 0;; first = (first + BUSY_VECTOR) % BUSY) {
		for (size_t i = 0; i < BUSY_VECTOR; i++)
			r[i] = (struct ashmem_pin_result){
				.offset = 2 * (first + i) * page_size,
				.len = page_size,
			};
		v.operation = ASHMEM_VECTOR_PIN;
		CHECK_EQ(0, ioctl(fd, ASHMEM_PIN_VECTOR, &v));
		for (size_t i = 0; first < BUSY_WRITTEN && i < BUSY_VECTOR; i++)
			base[r[i].offset] = 1;
		v.operation = ASHMEM_VECTOR_UNPIN;
		CHECK_EQ(0, ioctl(fd, ASHMEM_PIN_VECTOR, &v));
	}
}

/*
 * The sibling of such an owner allocates 8 MiB at the limit of both. It hardly ever waits
 * for the region, and does not purge pages that hold no memory.
 */
CASE_LIMIT(a_busy_region_is_not_waited_for, 60)
{
	uint64_t scanned = 0, purged = 0, freed = 0;
	long *slept = map_shared(sizeof(*slept));
	struct meeting m = meeting_create();
	const char *fields;
	FILE *trace;
	pid_t pid;

	create_parent("p");
	cgroup_create("p/busy");
	cgroup_create("p/a");
	if (!fork_into("p/busy")) {
		int fd;
		char *base = region_of_pages(&fd, 2 * BUSY);

		keep_busy(fd, base, &m);
	}
	wait_for_child(&m);
	pid = fork_into("p/a");
	if (!pid) {
		struct filled f = filled_region(16 * MIB);

		unpin_ranges(f.fd, 0, f.pages);
		limit_above("p", 0);
		tell_parent(&m);
		wait_for_parent(&m);
		*slept = waits();
		for (int i = 0; i < 8; i++)
			touch_anonymous(MIB);
		*slept = waits() - *slept;
		/* While this process ends, its unpinned pages cannot be purged. */
		cgroup_write("p", "memory.max", "max");
		_exit(0);
	}
	wait_for_child(&m);
	start_tracing("shrink_end");
	tell_child(&m);
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("p"));
	trace = open_trace();
	while ((fields = next_traced(trace, "shrink_end"))) {
		purged += traced_number(fields, "purged");
		freed += traced_number(fields, "freed");
		scanned++;
	}
	fclose(trace);
	printf("# %ld sleeps, %" PRIu64 " scans, %" PRIu64 " pages purged, %" PRIu64 " freed\n",
	       *slept, scanned, purged, freed);
	fflush(stdout);
	CHECK((uint64_t)*slept <= scanned / 8);
	CHECK_EQ(purged, freed);
}

/*
 * 16 MiB that a device may write to are the oldest of 24 unpinned MiB. @use lets the
 * device use them. The group misses 2 MiB.
 */
static void purge_beside_pages_in_use(void (*use)(char *base, size_t bytes))
{
	size_t *purged = map_shared(sizeof(*purged));
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(24 * MIB);
		size_t used = 16 * MIB / page_size;

		use(f.base, 16 * MIB);
		unpin_ranges(f.fd, 0, f.pages);
		limit_above("a", 0);
		touch_anonymous(2 * MIB);
		for (size_t i = 0; i < f.pages; i += RANGE) {
			if (pin(f.fd, i, RANGE) == ASHMEM_NOT_PURGED)
				CHECK_PAGES(f.base, i, RANGE, 1);
			else if (i < used)
				FAIL("page %zu was purged, but a device uses it", i);
			else
				*purged += RANGE * page_size;
		}
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
	CHECK_TAKEN(2 * MIB, *purged);
}

static void use_as_fixed_buffers_only(char *base, size_t bytes)
{
	CHECK(use_as_fixed_buffers(base, bytes));
}

CASE_LIMIT(fixed_buffers_of_io_uring_are_left_alone, 60)
{
	purge_beside_pages_in_use(use_as_fixed_buffers_only);
}

CASE_LIMIT(packet_buffers_of_a_socket_are_left_alone, 60)
{
	purge_beside_pages_in_use(use_as_packet_buffers);
}

/* Fills pages of a region, as fast as it can, from page @next up to page @end. */
struct filler {
	char *base;
	size_t end;
	atomic_size_t next;
	atomic_bool stop;
};

static void *fill(void *argument)
{
	struct filler *f = argument;

	while (!atomic_load(&f->stop) && atomic_load(&f->next) < f->end) {
		f->base[atomic_load(&f->next) * page_size] = 1;
		atomic_fetch_add(&f->next, 1);
	}
	return NULL;
}

/* A round counts if the thread filled pages during the purge. */
CASE_LIMIT(freed_pages_are_counted_while_others_come, 120)
{
	enum { PURGED = 4096, FILLED = 32768, ROUNDS = 5 };
	int seen = 0;

	while (race_goes_on(seen < ROUNDS)) {
		struct filler f = { .end = PURGED + FILLED };
		size_t freed = 0, pages = 0, during;
		const char *fields;
		pthread_t thread;
		char text[64];
		FILE *trace;
		int fd;

		f.base = region_of_pages(&fd, f.end);
		write_pages(f.base, 0, PURGED, 1);
		unpin(fd, 0, PURGED);
		snprintf(text, sizeof(text), "region=%" PRIu64 " ",
			 fdinfo_number(fd, "region"));
		start_tracing("purge");
		atomic_store(&f.next, PURGED);
		CHECK_EQ(0, pthread_create(&thread, NULL, fill, &f));
		WAIT_UNTIL(atomic_load(&f.next) > PURGED);
		during = atomic_load(&f.next);
		CHECK_EQ(PURGED, purge_all());
		during = atomic_load(&f.next) - during;
		atomic_store(&f.stop, true);
		CHECK_EQ(0, pthread_join(thread, NULL));

		trace = open_trace();
		while ((fields = next_traced(trace, "purge"))) {
			if (strncmp(fields, text, strlen(text)))
				continue;
			freed += traced_number(fields, "freed");
			pages += traced_number(fields, "pages");
		}
		fclose(trace);
		printf("# %zu pages purged, %zu freed, %zu came meanwhile\n", pages, freed,
		       during);
		CHECK_EQ(PURGED, pages);
		CHECK_EQ(PURGED, freed);
		seen += during > 0;
		CHECK_OK(munmap(f.base, f.end * page_size));
		close(fd);
	}
}

/* A process with a region, all of it unpinned, of which only a page for a device has memory. */
static void start_with_one_used_page(const char *group, int fd, size_t bytes)
{
	struct meeting m = meeting_create();

	if (!fork_into(group)) {
		char *base = region_map(fd, bytes);

		write_page(base, 0, 1);
		use_by_device(base, page_size);
		unpin(fd, 0, bytes / page_size);
		tell_parent(&m);
		for (;;)
			pause();
	}
	wait_for_child(&m);
}

/*
 * The more there is unpinned, the more scans reclaim would make if each one told that it had
 * something to do.
 */
CASE_LIMIT(regions_that_give_nothing_end_a_scan, 60)
{
	const size_t bytes = 1024 * MIB;
	struct tenant a;
	FILE *trace;
	size_t scans = 0;

	create_parent("p");
	cgroup_create("p/b");
	cgroup_create("p/a");
	for (int i = 0; i < 3; i++)
		start_with_one_used_page("p/b", region_create(bytes), bytes);
	a = tenant_start("p/a", 8 * MIB);
	limit_above("p", 0);
	start_tracing("shrink_end");
	tenant_allocate(&a, MIB);
	trace = open_trace();
	while (next_traced(trace, "shrink_end"))
		scans++;
	fclose(trace);
	printf("# %zu scans for %zu KiB\n", scans, purged_bytes(a.fd) / 1024);
	CHECK(scans < 1000);
}
