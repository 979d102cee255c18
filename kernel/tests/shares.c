// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unpinned memory is found, whatever else reclaim meets before it: regions that were
 * pinned again, pages that a device uses, pages of other groups and nodes, many
 * mappings, huge pages. Most cases let a group reach its limit. If the memory is not
 * found, the OOM killer ends the case. Where it is cheap, a control does the same
 * without what might hide the memory.
 *
 * amounts.c tests how much is purged, payers.c whose memory it is.
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <linux/mempolicy.h>

#include "cgroup.h"
#include "device.h"
#include "swap.h"
#include "tracing.h"

/* Pages of a range, unless a case has other ranges. */
enum { RANGE = 16 };

static size_t purged_bytes(int fd)
{
	return region_info(fd).purged;
}

static size_t pages_in(size_t bytes)
{
	return bytes / page_size;
}

static void unpin_ranges(int fd, size_t first, size_t pages)
{
	for (size_t i = first; i < first + pages; i += RANGE)
		unpin(fd, i, RANGE);
}

/*
 * This process, which is in @group, needs @missing bytes more than the limit of @limited
 * allows. The region has to give them: half at least, as each CPU holds up to 256 KiB
 * charged in advance, and twice as much at most, or @range bytes.
 */
static void exceed(const char *limited, int fd, size_t missing, size_t range)
{
	size_t before = purged_bytes(fd), taken;

	limit_above(limited, 0);
	touch_anonymous(missing);
	cgroup_write(limited, "memory.max", "max");
	CHECK_EQ(0, cgroup_oom_kills(limited));
	taken = purged_bytes(fd) - before;
	if (taken < missing / 2 || taken > 2 * missing + range)
		FAIL("%zu KiB were missing, %zu KiB purged", missing / 1024, taken / 1024);
}

/* Regions that were unpinned once, and are in use again. */
static void find_beside_pinned_regions(size_t regions)
{
	struct filled f;

	while (regions--) {
		int fd;
		char *base = region_of_pages(&fd, 1);

		*base = 1;
		unpin(fd, 0, 1);
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 1));
	}
	f = filled_region(24 * MIB);
	unpin_ranges(f.fd, 0, f.pages);
	exceed("a", f.fd, 8 * MIB, RANGE * page_size);
}

CASE(unpinned_memory_is_found)
{
	cgroup_create("a");
	IN_GROUP("a", find_beside_pinned_regions(0));
}

CASE(regions_that_were_pinned_again_hide_nothing)
{
	cgroup_create("a");
	IN_GROUP("a", find_beside_pinned_regions(300));
}

/* The oldest MiB may be used by a device. The rest came after its unpin. */
static void find_what_came_after_its_unpin(bool used)
{
	size_t first = pages_in(MIB), rest = pages_in(24 * MIB);
	int fd;
	char *base = region_of_pages(&fd, first + rest);

	write_pages(base, 0, first, 1);
	if (used)
		use_by_device(base, MIB);
	unpin_ranges(fd, 0, first + rest);
	write_pages(base, first, rest, 1);
	exceed("a", fd, 8 * MIB, RANGE * page_size);
	if (used)
		CHECK_PAGES(base, 0, first, 1);
}

CASE(memory_that_came_after_its_unpin_is_found)
{
	cgroup_create("a");
	IN_GROUP("a", find_what_came_after_its_unpin(false));
}

CASE(a_range_in_use_does_not_hide_memory_that_came_after_its_unpin)
{
	cgroup_create("a");
	IN_GROUP("a", find_what_came_after_its_unpin(true));
}

/* The first page of each range is of group B. Only a search finds A's other pages. */
static void find_behind_pages_of_b(bool used)
{
	size_t first = pages_in(MIB), rest = pages_in(24 * MIB);
	int fd;
	char *base = region_of_pages(&fd, first + rest);

	cgroup_create("a");
	cgroup_create("b");
	IN_GROUP("b", ({
		for (size_t i = first; i < first + rest; i += RANGE)
			base[i * page_size] = 1;
	}));
	IN_GROUP("a", ({
		write_pages(base, 0, first + rest, 1);
		if (used)
			use_by_device(base, MIB);
		unpin_ranges(fd, 0, first + rest);
		exceed("a", fd, 8 * MIB, RANGE * page_size);
		if (used)
			CHECK_PAGES(base, 0, first, 1);
	}));
}

CASE(ranges_that_begin_with_a_page_of_another_group_are_found)
{
	find_behind_pages_of_b(false);
}

CASE(a_range_in_use_does_not_hide_ranges_that_begin_with_a_page_of_another_group)
{
	find_behind_pages_of_b(true);
}

/* 64 MiB of the group "p/b" are one range, of which a device may use the last pages. */
enum { LARGE = 64 };

static int large_range(size_t used)
{
	int fd = region_create(LARGE * MIB);
	char *base = region_map(fd, LARGE * MIB);

	for (size_t i = 0; i < LARGE * MIB; i += page_size)
		base[i] = 1;
	if (used)
		use_by_device(base + LARGE * MIB - used, used);
	unpin(fd, 0, pages_in(LARGE * MIB));
	return fd;
}

static void create_siblings(void)
{
	create_parent("p");
	cgroup_create("p/b");
	cgroup_create("p/a");
}

/*
 * A process in "p/a" allocates at the limit of "p". Return: how it ended. @purged gets
 * the bytes that were purged in the large range.
 */
static int allocate_beside(size_t used, size_t *purged)
{
	struct meeting m = meeting_create();
	size_t *result = map_shared(sizeof(*result));
	pid_t a, b;
	int status;

	create_siblings();
	b = fork_into("p/b");
	if (!b) {
		int fd = large_range(used);

		/* If one has to be killed, let it be the other one. */
		write_file("/proc/self/oom_score_adj", "-1000");
		tell_parent(&m);
		wait_for_parent(&m);
		*result = purged_bytes(fd);
		_exit(0);
	}
	wait_for_child(&m);
	a = fork_into("p/a");
	if (!a) {
		limit_above("p", 0);
		touch_anonymous(4 * MIB);
		cgroup_write("p", "memory.max", "max");
		_exit(0);
	}
	CHECK_EQ(a, waitpid(a, &status, 0));
	cgroup_write("p", "memory.max", "max");
	tell_child(&m);
	CHECK_CHILD(b);
	*purged = *result;
	return status;
}

static void check_sibling_gets_memory(size_t used)
{
	size_t purged;

	CHECK_EQ(0, allocate_beside(used, &purged));
	CHECK_EQ(0, cgroup_oom_kills("p"));
	CHECK(purged >= 2 * MIB);
}

CASE(a_sibling_gets_a_large_range)
{
	check_sibling_gets_memory(0);
}

CASE(a_sibling_gets_a_large_range_with_a_page_in_use)
{
	check_sibling_gets_memory(page_size);
}

/* It is not found out late that there is nothing to give, and then again and again. */
CASE(a_sibling_is_answered_though_a_large_range_is_in_use)
{
	size_t purged;

	expect_call_trace();
	CHECK(WIFSIGNALED(allocate_beside(LARGE * MIB, &purged)));
	CHECK_EQ(0, purged);
}

CASE(the_group_itself_gets_a_large_range_with_a_page_in_use)
{
	create_siblings();
	IN_GROUP("p/b", exceed("p/b", large_range(page_size), 4 * MIB, LARGE * MIB));
}

/*
 * Two regions have a page each that came after its unpin. If a device uses it, the
 * region has nothing to give, and some walks find that out. The second one then gets
 * 24 MiB.
 */
static void find_in_second_region(bool first_used, bool second_used)
{
	enum { WALKS = 6 };
	size_t pages = pages_in(24 * MIB);
	int fd[2];
	char *first = region_of_pages(&fd[0], 1);
	char *second = region_of_pages(&fd[1], pages + 1);

	unpin(fd[0], 0, 1);
	*first = 1;
	if (first_used)
		use_by_device(first, page_size);
	unpin(fd[1], pages, 1);
	second[pages * page_size] = 1;
	if (second_used)
		use_by_device(second + pages * page_size, page_size);
	for (int i = 0; i < WALKS; i++)
		drop_caches("2");
	write_pages(second, 0, pages, 1);
	unpin_ranges(fd[1], 0, pages);
	exceed("a", fd[1], 8 * MIB, RANGE * page_size);
}

CASE(a_region_that_had_nothing_to_give_is_asked_again)
{
	cgroup_create("a");
	IN_GROUP("a", find_in_second_region(false, false));
	IN_GROUP("a", find_in_second_region(false, true));
}

CASE(two_regions_with_nothing_to_give_do_not_stop_the_walk)
{
	cgroup_create("a");
	IN_GROUP("a", find_in_second_region(true, true));
}

/* No region is where the order of the unpins has its place any more. */
static void find_regions_unpinned_again(size_t regions, bool again)
{
	const struct rlimit most = { regions + 64, regions + 64 };
	size_t purged = 0;
	int fd[regions];

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &most));
	/* All regions are of one node. */
	stay_on_processor(sched_getcpu());
	for (size_t i = 0; i < regions; i++) {
		char *base = region_of_pages(&fd[i], 1);

		*base = 1;
		CHECK_OK(munmap(base, page_size));
		unpin(fd[i], 0, 1);
	}
	for (size_t i = 0; again && i < regions; i++) {
		pin(fd[i], 0, 1);
		unpin(fd[i], 0, 1);
	}
	limit_above("a", 0);
	touch_anonymous(2 * MIB);
	cgroup_write("a", "memory.max", "max");
	CHECK_EQ(0, cgroup_oom_kills("a"));
	for (size_t i = 0; i < regions; i++)
		purged += purged_bytes(fd[i]);
	if (purged < MIB || purged > 4 * MIB)
		FAIL("%zu KiB purged", purged / 1024);
}

enum { REGIONS = 5000 };

CASE(one_of_thousands_of_regions_is_found)
{
	cgroup_create("a");
	IN_GROUP("a", find_regions_unpinned_again(REGIONS, false));
}

CASE(one_of_thousands_of_regions_that_were_unpinned_again_is_found)
{
	cgroup_create("a");
	IN_GROUP("a", find_regions_unpinned_again(REGIONS, true));
}

/*
 * A device uses the first page, and nobody the second one. To the kernel a page with
 * more than 1,024 references looks as if a device used it.
 */
static void purge_with_mappings(int mappings)
{
	enum { PAGES = 2 };
	int fd;
	char *base = region_of_pages(&fd, PAGES);

	write_pages(base, 0, PAGES, 1);
	use_by_device(base, page_size);
	for (int i = 1; i < mappings; i++)
		checked_map(fd, PAGES * page_size, PROT_READ, MAP_SHARED | MAP_POPULATE, 0);
	for (int i = 0; i < PAGES; i++)
		unpin(fd, i, 1);
	WAIT_UNTIL((drop_caches("2"), purged_bytes(fd)));
	CHECK_EQ(page_size, purged_bytes(fd));
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 1));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 1, 1));
	CHECK_PAGES(base, 0, 1, 1);
	CHECK_ZERO(base, 1, 1);
}

CASE(a_page_that_few_mappings_have_is_purged)
{
	purge_with_mappings(2);
}

CASE(a_page_that_1100_mappings_have_is_purged)
{
	purge_with_mappings(1100);
}

static bool is_mapped(const char *page)
{
	const uint64_t present = 1ull << 63;
	uint64_t entry;
	int fd = CHECK_OK(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));

	CHECK_EQ(sizeof(entry), pread(fd, &entry, sizeof(entry),
				      (uintptr_t)page / page_size * sizeof(entry)));
	close(fd);
	return entry & present;
}

/* If a purge unmaps more than its range, what mlock() locked must not be part of that. */
static void purge_beside_locked_pages(int mappings)
{
	enum { PAGES = 64 };
	int fd;
	char *base = region_of_pages(&fd, PAGES);

	write_pages(base, 0, PAGES, 1);
	CHECK_OK(mlock(base, PAGES * page_size));
	for (int i = 1; i < mappings; i++)
		checked_map(fd, PAGES * page_size, PROT_READ, MAP_SHARED | MAP_POPULATE, 0);
	for (int i = 0; i < PAGES; i += 16)
		unpin(fd, i, 1);
	WAIT_UNTIL((drop_caches("2"), purged_bytes(fd) == PAGES / 16 * page_size));
	for (int i = 0; i < PAGES; i++)
		CHECK(is_mapped(base + i * page_size) == !!(i % 16));
}

CASE(locked_pages_beside_a_purge_stay_mapped)
{
	purge_beside_locked_pages(1);
}

CASE(locked_pages_beside_a_purge_stay_mapped_if_mappings_are_many)
{
	purge_beside_locked_pages(100);
}

/* swapoff brings pages into memory without a fault, after reclaim looked at them. */
static void find_what_swapoff_brings(bool walked)
{
	enum { PAGES = 1024 };
	int fd;
	char *base = region_of_pages(&fd, PAGES + 2 * RANGE);
	size_t before;

	make_swap();
	stay_on_processor(0);
	write_pages(base, 0, PAGES + RANGE, 1);
	unpin_ranges(fd, PAGES, 2 * RANGE);
	/* Nothing is left for a search. */
	for (int i = 0; i < 4; i++)
		drop_caches("2");
	unpin_ranges(fd, 0, PAGES);
	swap_out(base, PAGES);
	for (int i = 0; walked && i < 4; i++)
		drop_caches("2");
	CHECK_OK(swapoff(ZRAM));
	before = purged_bytes(fd);
	limit_above("a", 0);
	touch_anonymous(2 * MIB);
	CHECK(purged_bytes(fd) > before);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

CASE_LIMIT(memory_that_swapoff_brings_back_is_found, 60)
{
	cgroup_create("a");
	IN_GROUP("a", find_what_swapoff_brings(false));
}

CASE_LIMIT(memory_that_swapoff_brings_back_after_a_walk_is_found, 60)
{
	cgroup_create("a");
	IN_GROUP("a", find_what_swapoff_brings(true));
}

static void take_memory_of(int node)
{
	unsigned long mask = 1ul << node;

	CHECK_OK(syscall(SYS_set_mempolicy, MPOL_BIND, &mask, 8 * sizeof(mask)));
}

/* Return: is all of the region on the node? */
static bool move_to_node(const struct filled *f, int node)
{
	void *pages[f->pages];
	int nodes[f->pages], result[f->pages];
	bool moved = true;

	for (size_t i = 0; i < f->pages; i++) {
		pages[i] = f->base + i * page_size;
		nodes[i] = node;
	}
	CHECK_OK(syscall(SYS_move_pages, 0, f->pages, pages, nodes, result, MPOL_MF_MOVE));
	for (size_t i = 0; i < f->pages; i++)
		moved &= result[i] == node;
	return moved;
}

static void find_on_node(bool moved)
{
	struct filled f;

	take_memory_of(0);
	f = filled_region(24 * MIB);
	unpin_ranges(f.fd, 0, f.pages);
	if (moved)
		WAIT_UNTIL(move_to_node(&f, 1));
	CHECK_OK(syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0));
	exceed("a", f.fd, 8 * MIB, RANGE * page_size);
}

CASE(memory_of_one_node_is_found)
{
	cgroup_create("a");
	IN_GROUP("a", find_on_node(false));
}

CASE(memory_that_moved_to_another_node_after_its_unpin_is_found)
{
	cgroup_create("a");
	IN_GROUP("a", find_on_node(true));
}

/*
 * Group A has all pages but the first one, which is B's. An empty range at the end lets a
 * search for A begin. Each walk takes it some hundred pages on: past the range that is
 * unpinned then, and not to the end.
 */
static void find_what_is_unpinned_after(int walks)
{
	enum { UNPINNED = 1024, PINNED = 32768, PAGES = UNPINNED + PINNED };
	int fd;
	char *base;

	stay_on_processor(sched_getcpu());
	base = region_of_pages(&fd, PAGES + 1);
	IN_GROUP("b", write_pages(base, 0, 1, 1));
	IN_GROUP("a", ({
		write_pages(base, 1, PAGES - 1, 1);
		unpin(fd, PAGES, 1);
		for (int i = 0; i < walks; i++)
			drop_caches("2");
		unpin(fd, 0, UNPINNED);
		exceed("a", fd, 2 * MIB, UNPINNED * page_size);
		CHECK_PAGES(base, UNPINNED, PINNED, 1);
	}));
	CHECK_OK(munmap(base, (PAGES + 1) * page_size));
	close(fd);
}

CASE(a_range_of_another_payer_is_found)
{
	cgroup_create("a");
	cgroup_create("b");
	find_what_is_unpinned_after(0);
}

CASE(a_range_of_another_payer_that_is_unpinned_during_a_search_is_found)
{
	cgroup_create("a");
	cgroup_create("b");
	for (int walks = 1; walks <= 8; walks *= 2)
		find_what_is_unpinned_after(walks);
}

/* Wakes up all the time, on the processor of the case: the scheduler wants to switch. */
static void *disturb(void *unused)
{
	struct sched_param p = { .sched_priority = 1 };
	struct timespec t = { .tv_nsec = 300000 };

	CHECK_EQ(0, pthread_setschedparam(pthread_self(), SCHED_FIFO, &p));
	for (;;)
		nanosleep(&t, NULL);
	return unused;
}

/* A region of two huge pages, a part of which is purged. */
static void purge_part(size_t first, size_t pages)
{
	int fd = region_create(2 * HUGE);
	char *base = map_aligned(fd, 2 * HUGE);

	CHECK_OK(madvise(base, 2 * HUGE, MADV_HUGEPAGE));
	for (size_t i = 0; i < 2 * HUGE; i += page_size)
		base[i] = 1;
	CHECK_EQ(2 * HUGE >> 10, huge_in(base));
	unpin(fd, first, pages);
	WAIT_UNTIL((drop_caches("2"), purged_bytes(fd)));
	CHECK_EQ(pages * page_size, purged_bytes(fd));
	CHECK_OK(munmap(base, 2 * HUGE));
	close(fd);
}

CASE_LIMIT(no_more_of_huge_pages_is_freed_than_is_purged, 60)
{
	enum { ROUNDS = 20 };
	size_t half = pages_in(HUGE), seen = 0;
	const char *fields;
	pthread_t thread;
	FILE *trace;

	stay_on_processor(sched_getcpu());
	write_file(SHMEM_ENABLED, "advise");
	CHECK_EQ(0, pthread_create(&thread, NULL, disturb, NULL));
	start_tracing("purge");
	for (int i = 0; race_goes_on(i < ROUNDS); i++) {
		purge_part(0, 100);
		purge_part(half - 100, 100);
		purge_part(half - 100, 200);
		purge_part(0, 2 * half);
	}
	trace = open_trace();
	while ((fields = next_traced(trace, "purge"))) {
		if (traced_number(fields, "freed") > traced_number(fields, "pages"))
			FAIL("a purge: %s", fields);
		seen++;
	}
	fclose(trace);
	CHECK(seen);
}
