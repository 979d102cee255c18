// SPDX-License-Identifier: GPL-2.0-only
/*
 * The limit of memory and swap together, which only version 1 of cgroups has. It cannot be
 * less than that of memory alone, but is reached earlier if something is swapped out.
 * Needs version 1 of cgroups, and up to Linux 6.0 a kernel booted with swapaccount=1.
 */
#define CGROUP_ROOT "/sys/fs/cgroup/memory"

#include "cgroup.h"
#include "debugfs.h"
#include "swap.h"

#define MEMORY	"memory.limit_in_bytes"
#define MEMSW	"memory.memsw.limit_in_bytes"

/* Pages of a range. */
enum { RANGE = 16 };

/* What the process in the group says of its region at the end. */
struct found {
	size_t purged, swapped_and_purged;
};

/* The memory controller of version 1 has nothing to switch on for the groups below. */
static void create_group(const char *group)
{
	if (mkdir(CGROUP_TOP, 0755) && errno != EEXIST)
		FAIL("mkdir %s: %s", CGROUP_TOP, errno_name(errno));
	cgroup_create(group);
}

static uint64_t oom_kills(const char *group)
{
	return cgroup_get(group, "memory.oom_control", "oom_kill");
}

/* The group reaches its limit of memory and swap with its next page. */
static void limit_to_usage(const char *group)
{
	uint64_t usage = cgroup_get(group, "memory.memsw.usage_in_bytes", NULL);

	cgroup_set(group, MEMORY, usage);
	cgroup_set(group, MEMSW, usage);
}

static void unlimit(const char *group)
{
	cgroup_write(group, MEMSW, "-1");
	cgroup_write(group, MEMORY, "-1");
}

static void unpin_ranges(int fd, size_t first, size_t end)
{
	for (size_t i = first; i < end; i += RANGE)
		unpin(fd, i, RANGE);
}

/* Each range from page @first on was purged as a whole, or is intact. */
static void look(const struct filled *f, size_t first, size_t swapped, struct found *found)
{
	for (size_t i = first; i < f->pages; i += RANGE) {
		if (pin(f->fd, i, RANGE) == ASHMEM_NOT_PURGED) {
			CHECK_PAGES(f->base, i, RANGE, 1);
			continue;
		}
		found->purged += RANGE * page_size;
		if (i < swapped)
			found->swapped_and_purged += RANGE * page_size;
	}
}

/*
 * At least half of what is missing, as processors hold up to 256 KiB charged in advance, and
 * at most twice as much, rounded up to a range.
 */
static void check_taken(size_t missing, size_t purged)
{
	printf("# %zu KiB were missing, %zu KiB purged\n", missing / 1024, purged / 1024);
	CHECK(purged >= missing / 2);
	CHECK(purged <= 2 * missing + RANGE * page_size);
}

/*
 * The first pages of a region of 16 MiB are swapped out, and the ranges from page @unpinned
 * on are unpinned. Then the process allocates 2 MiB at the limit.
 */
static void allocate_at_the_limit(size_t swapped, size_t unpinned, struct found *found)
{
	pid_t pid;

	make_swap();
	create_group("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f;

		stay_on_processor(0);
		f = filled_region(16 * MIB);
		swap_out(f.base, swapped);
		unpin_ranges(f.fd, unpinned, f.pages);
		limit_to_usage("a");
		touch_anonymous(2 * MIB);
		unlimit("a");
		look(&f, unpinned, swapped, found);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, oom_kills("a"));
}

/* 256 KiB are swapped out: the memory stays that much below the same limit. */
CASE_LIMIT(limit_is_reached_while_memory_is_nearly_at_its_own, 60)
{
	struct found *found = map_shared(sizeof(*found));
	size_t swapped = MIB / 4 / page_size;

	allocate_at_the_limit(swapped, swapped, found);
	check_taken(2 * MIB, found->purged);
}

CASE_LIMIT(limit_is_reached_while_memory_is_far_below_its_own, 60)
{
	struct found *found = map_shared(sizeof(*found));
	uint64_t before = total("purged_by_limit");
	size_t swapped = 4 * MIB / page_size;

	allocate_at_the_limit(swapped, swapped, found);
	check_taken(2 * MIB, found->purged);
	CHECK_EQ(before + found->purged, total("purged_by_limit"));
}

/* All that is unpinned is swapped out, and counts for the limit there. */
CASE_LIMIT(swapped_ranges_are_given_to_the_limit, 60)
{
	struct found *found = map_shared(sizeof(*found));

	allocate_at_the_limit(16 * MIB / page_size, 0, found);
	check_taken(2 * MIB, found->purged);
}

/* The limit of memory alone is reached, too: what is swapped out does not help it. */
CASE_LIMIT(swapped_ranges_are_no_memory, 60)
{
	struct found *found = map_shared(sizeof(*found));
	pid_t pid;

	make_swap();
	create_group("a");
	pid = fork_into("a");
	if (!pid) {
		size_t swapped = 8 * MIB / page_size;
		struct filled f;

		stay_on_processor(0);
		f = filled_region(16 * MIB);
		swap_out(f.base, swapped);
		unpin_ranges(f.fd, 0, f.pages);
		cgroup_set("a", MEMORY, cgroup_get("a", "memory.usage_in_bytes", NULL));
		cgroup_set("a", MEMSW, cgroup_get("a", "memory.memsw.usage_in_bytes", NULL));
		touch_anonymous(2 * MIB);
		unlimit("a");
		look(&f, 0, swapped, found);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, oom_kills("a"));
	check_taken(2 * MIB, found->purged);
	CHECK_EQ(0, found->swapped_and_purged);
}

/*
 * The older half of a region is swapped out, and another group pays for it. An entry of swap
 * does not tell who pays.
 */
CASE_LIMIT(swapped_ranges_of_another_group_are_left_alone, 60)
{
	struct found *found = map_shared(sizeof(*found));
	struct filled f = { .pages = 16 * MIB / page_size };
	size_t half = f.pages / 2;
	pid_t pid;

	make_swap();
	create_group("a");
	create_group("b");
	f.base = region_of_pages(&f.fd, f.pages);
	IN_GROUP("b", (stay_on_processor(0), write_pages(f.base, 0, half, 1),
		       swap_out(f.base, half)));
	pid = fork_into("a");
	if (!pid) {
		struct filled pinned;

		stay_on_processor(0);
		write_pages(f.base, half, half, 1);
		unpin_ranges(f.fd, 0, f.pages);
		pinned = filled_region(MIB);
		swap_out(pinned.base, pinned.pages);
		limit_to_usage("a");
		touch_anonymous(2 * MIB);
		unlimit("a");
		look(&f, 0, half, found);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, oom_kills("a"));
	check_taken(2 * MIB, found->purged);
	CHECK_EQ(0, found->swapped_and_purged);
}
