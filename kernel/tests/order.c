// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory pressure purges the least recently unpinned ranges first, and no more than
 * it needs.
 *
 * ABI, semantics: least recently unpinned first; NOT_PURGED promises every byte
 * defect 10: a request for a little memory purges everything
 */
#include "cgroup.h"

/*
 * 12 MiB are unpinned in 200 ranges, in random order. Then the group has to give
 * 2 MiB. The purged ranges must be the first of that order, with some slack, and
 * have at most twice the missing pages and one range more.
 */
enum { RANGES = 200, RANGE_PAGES = 15, SLACK = 10 };

static size_t most_pages(void)
{
	return 2 * (2 * MIB / page_size) + RANGE_PAGES;
}

struct survivors {
	atomic_int purged[RANGES];	/* in the order of unpinning */
};

static void unpin_in_random_order(const struct filled *f, size_t stride,
				  size_t order[RANGES])
{
	uint64_t random = test_seed;

	for (size_t i = 0; i < RANGES; i++)
		order[i] = i;
	for (size_t i = RANGES - 1; i > 0; i--) {
		size_t j = random_below(&random, i + 1), other = order[i];

		order[i] = order[j];
		order[j] = other;
	}
	for (size_t i = 0; i < RANGES; i++)
		unpin(f->fd, order[i] * stride, RANGE_PAGES);
}

static void squeeze_ranges(size_t stride, void (*squeeze)(const char *))
{
	struct survivors *s = map_shared(sizeof(*s));
	struct meeting m = meeting_create();
	size_t purged = 0, last = 0;
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(RANGES * stride * page_size);
		size_t order[RANGES];

		unpin_in_random_order(&f, stride, order);
		tell_parent(&m);
		wait_for_parent(&m);
		for (size_t i = 0; i < RANGES; i++) {
			size_t first = order[i] * stride;

			s->purged[i] = pin(f.fd, first, RANGE_PAGES);
			if (!s->purged[i])
				CHECK_PAGES(f.base, first, RANGE_PAGES, 1);
			CHECK_PAGES(f.base, first + RANGE_PAGES,
				    stride - RANGE_PAGES, 1);
		}
		_exit(0);
	}
	wait_for_child(&m);
	squeeze("a");
	tell_child(&m);
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
	for (size_t i = 0; i < RANGES; i++) {
		if (!s->purged[i])
			continue;
		purged++;
		last = i;
	}
	printf("# %zu of %d ranges purged, the youngest is number %zu\n",
	       purged, RANGES, last);
	CHECK(purged > 0);
	CHECK(last < purged + SLACK);
	CHECK(purged * RANGE_PAGES <= most_pages());
}

static void lower_max(const char *group)
{
	cgroup_lower(group, "memory.max", 2 * MIB);
}

static void lower_high(const char *group)
{
	cgroup_lower(group, "memory.high", 2 * MIB);
}

/* Kernels before 5.19 have no memory.reclaim; a temporary limit does the same. */
static void ask_for_reclaim(const char *group)
{
	uint64_t before = cgroup_get(group, "memory.current", NULL);
	char path[512];
	int fd;

	cgroup_path(path, group, "memory.reclaim");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		CHECK(errno == ENOENT);
		lower_high(group);
		cgroup_write(group, "memory.high", "max");
	} else {
		/* EAGAIN: reclaim does not count the pages that a shrinker freed. */
		if (write(fd, "2M", 2) < 0)
			CHECK(errno == EAGAIN);
		close(fd);
	}
	CHECK(cgroup_get(group, "memory.current", NULL) <= before - 2 * MIB);
}

CASE_LIMIT(defect_10_limit_missed_by_a_little_takes_the_oldest_ranges, 60)
{
	squeeze_ranges(RANGE_PAGES, lower_max);
}

CASE_LIMIT(defect_10_limit_missed_by_a_little_with_pinned_pages_between, 60)
{
	squeeze_ranges(RANGE_PAGES + 1, lower_max);
}

CASE_LIMIT(defect_10_high_mark_missed_by_a_little, 60)
{
	squeeze_ranges(RANGE_PAGES, lower_high);
}

CASE_LIMIT(defect_10_proactive_reclaim_takes_what_was_asked_for, 60)
{
	squeeze_ranges(RANGE_PAGES, ask_for_reclaim);
}

/* Little by little, as when a client allocates. */
CASE_LIMIT(defect_10_allocating_at_the_limit_takes_little, 60)
{
	size_t *purged = map_shared(sizeof(*purged));
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(12 * MIB);

		for (size_t i = 0; i < f.pages; i += 15)
			unpin(f.fd, i, f.pages - i < 15 ? f.pages - i : 15);
		cgroup_set("a", "memory.max",
			   cgroup_get("a", "memory.current", NULL) + MIB);
		touch_anonymous(3 * MIB);
		*purged = check_and_count_purged(&f);
		_exit(0);
	}
	CHECK_CHILD(pid);
	printf("# %zu of %zu pages purged for 512\n", *purged,
	       12 * MIB / page_size);
	CHECK(*purged >= MIB / page_size);
	CHECK(*purged <= most_pages());
}

CASE_LIMIT(unpinned_again_is_young_again, 60)
{
	struct survivors *s = map_shared(sizeof(*s));
	struct meeting m = meeting_create();
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(RANGES * 15 * page_size);

		for (size_t i = 0; i < RANGES; i++)
			unpin(f.fd, i * 15, 15);
		/* The first tenth is unpinned again, half of it after a pin. */
		for (size_t i = 0; i < RANGES / 10; i++) {
			if (i % 2)
				CHECK_EQ(ASHMEM_NOT_PURGED,
					 pin(f.fd, i * 15, 15));
			unpin(f.fd, i * 15, 15);
		}
		tell_parent(&m);
		wait_for_parent(&m);
		for (size_t i = 0; i < RANGES; i++)
			s->purged[i] = pin(f.fd, i * 15, 15);
		_exit(0);
	}
	wait_for_child(&m);
	lower_max("a");
	tell_child(&m);
	CHECK_CHILD(pid);
	for (size_t i = 0; i < RANGES / 10; i++)
		if (s->purged[i])
			FAIL("range %zu was purged, but it was used again",
			     i);
	CHECK(s->purged[RANGES / 10]);
	CHECK(!s->purged[RANGES - 1]);
}

CASE_LIMIT(part_unpinned_again_is_young_again, 60)
{
	struct meeting m = meeting_create();
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(12 * MIB);
		size_t quarter = f.pages / 4;

		unpin(f.fd, 0, quarter);
		unpin(f.fd, quarter, 3 * quarter);
		/* In the middle of the oldest range. */
		unpin(f.fd, 100, 100);
		tell_parent(&m);
		wait_for_parent(&m);
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(f.fd, 100, 100));
		CHECK_PAGES(f.base, 100, 100, 1);
		CHECK_EQ(ASHMEM_WAS_PURGED, pin(f.fd, 0, 100));
		CHECK_EQ(ASHMEM_WAS_PURGED, pin(f.fd, 200, quarter - 200));
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(f.fd, quarter, 3 * quarter));
		CHECK_PAGES(f.base, quarter, 3 * quarter, 1);
		_exit(0);
	}
	wait_for_child(&m);
	lower_max("a");
	tell_child(&m);
	CHECK_CHILD(pid);
}

CASE_LIMIT(older_region_goes_first, 60)
{
	struct meeting m = meeting_create();
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled a = filled_region(6 * MIB);
		struct filled b = filled_region(6 * MIB);
		size_t purged;

		for (size_t i = 0; i < b.pages; i += 16)
			unpin(b.fd, i, 16);
		for (size_t i = 0; i < a.pages; i += 16)
			unpin(a.fd, i, 16);
		tell_parent(&m);
		wait_for_parent(&m);
		purged = check_and_count_purged(&b);
		CHECK(purged);
		CHECK(purged < b.pages);
		CHECK_EQ(0, check_and_count_purged(&a));
		_exit(0);
	}
	wait_for_child(&m);
	lower_max("a");
	tell_child(&m);
	CHECK_CHILD(pid);
}

/*
 * Of two ranges, the one that was last unpinned earlier is purged first. This holds for
 * any regions and after any calls before.
 */
CASE_LIMIT(regions_age_by_their_last_unpin, 60)
{
	struct meeting m = meeting_create();
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled oldest = filled_region(4 * MIB);
		struct filled middle = filled_region(4 * MIB);
		struct filled youngest = filled_region(4 * MIB);

		unpin(youngest.fd, 0, youngest.pages);
		unpin(oldest.fd, 0, oldest.pages);
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(oldest.fd, 0, oldest.pages));
		unpin(oldest.fd, 0, oldest.pages);
		unpin(middle.fd, 0, middle.pages);
		CHECK_EQ(ASHMEM_NOT_PURGED,
			 pin(youngest.fd, 0, youngest.pages));
		unpin(youngest.fd, 0, youngest.pages);
		tell_parent(&m);
		wait_for_parent(&m);
		CHECK_EQ(oldest.pages, check_and_count_purged(&oldest));
		CHECK_EQ(0, check_and_count_purged(&middle));
		CHECK_EQ(0, check_and_count_purged(&youngest));
		_exit(0);
	}
	wait_for_child(&m);
	lower_max("a");
	tell_child(&m);
	CHECK_CHILD(pid);
}
