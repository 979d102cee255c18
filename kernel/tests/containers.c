// SPDX-License-Identifier: GPL-2.0-only
/*
 * Containers: sibling and nested groups, each with its own limit; limits that
 * change; groups that are removed; pressure that is reported to a group.
 * pressure.c tests that a limit purges at all, order.c which ranges of one group
 * are purged first, and how many.
 */
#include <poll.h>

#include "cgroup.h"

/* The ranges of an owner's region; they are not unpinned in the order of pages. */
enum { RANGES = 192, RANGE_PAGES = 16, STRIDE = 7, SLACK = 10 };

enum command { ALLOCATE, MOVE, LEAVE };

/* The parent's command to a child, and the child's results. */
struct orders {
	enum command command;
	size_t bytes;
	char group[64];
	size_t purged, youngest;	/* purged ranges: their number, the last one */
};

/*
 * A process in a group that has unpinned its whole region, range by range. The
 * ranges of the owner that was started first are the oldest: a walk of the wrong
 * group's ranges meets them first.
 */
struct owner {
	int fd;
	pid_t pid;
	struct meeting m;
	struct orders *orders;
};

static size_t region_bytes(void)
{
	return RANGES * RANGE_PAGES * page_size;
}

static size_t place_of(size_t i)
{
	return i * STRIDE % RANGES * RANGE_PAGES;
}

/* Each range must be intact, or be reported as purged by its pin. */
static void owner_look(struct orders *o, const struct filled *f)
{
	for (size_t i = 0; i < RANGES; i++) {
		if (pin(f->fd, place_of(i), RANGE_PAGES) == ASHMEM_WAS_PURGED) {
			o->purged++;
			o->youngest = i;
		} else {
			CHECK_PAGES(f->base, place_of(i), RANGE_PAGES, 1);
		}
	}
}

static void owner_run(const struct owner *o)
{
	struct filled f = { .fd = o->fd, .pages = RANGES * RANGE_PAGES };

	f.base = region_map(o->fd, region_bytes());
	write_pages(f.base, 0, f.pages, 1);
	for (size_t i = 0; i < RANGES; i++)
		unpin(f.fd, place_of(i), RANGE_PAGES);
	for (;;) {
		tell_parent(&o->m);
		wait_for_parent(&o->m);
		switch (o->orders->command) {
		case ALLOCATE:
			touch_anonymous(o->orders->bytes);
			break;
		case MOVE:
			cgroup_enter(o->orders->group);
			break;
		case LEAVE:
			owner_look(o->orders, &f);
			_exit(0);
		}
	}
}

static struct owner owner_start(const char *group)
{
	struct owner o = {
		.fd = region_create(region_bytes()),
		.m = meeting_create(),
		.orders = map_shared(sizeof(*o.orders)),
	};

	o.pid = fork_into(group);
	if (!o.pid)
		owner_run(&o);
	/* Only the owner can write now: if it dies, a read ends instead of waiting. */
	close(o.m.to_parent[1]);
	wait_for_child(&o.m);
	return o;
}

/* Lets the owner allocate, but does not wait for it. */
static void owner_begin(struct owner *o, size_t bytes)
{
	o->orders->command = ALLOCATE;
	o->orders->bytes = bytes;
	tell_child(&o->m);
}

static void owner_allocate(struct owner *o, size_t bytes)
{
	owner_begin(o, bytes);
	wait_for_child(&o->m);
}

static void owner_move(struct owner *o, const char *group)
{
	o->orders->command = MOVE;
	snprintf(o->orders->group, sizeof(o->orders->group), "%s", group);
	tell_child(&o->m);
	wait_for_child(&o->m);
}

/* Ends the owner. No purged range may be younger than one kept, with some slack. */
static void owner_end(struct owner *o)
{
	o->orders->command = LEAVE;
	tell_child(&o->m);
	CHECK_CHILD(o->pid);
	close(o->fd);
	printf("# %zu of %d ranges purged, the youngest is number %zu\n",
	       o->orders->purged, RANGES, o->orders->youngest);
	if (o->orders->purged)
		CHECK(o->orders->youngest < o->orders->purged + SLACK);
}

static size_t purged_bytes(const struct owner *o)
{
	return region_info(o->fd).purged;
}

/*
 * A shortfall of some MiB must purge at least half of it, because each CPU holds up
 * to 256 KiB charged in advance, and at most twice as much, rounded up to a range.
 */
#define CHECK_TAKEN(shortfall, bytes)					\
	do {								\
		size_t taken = (bytes);					\
									\
		printf("# %zu KiB lacked, %zu KiB purged\n",		\
		       (size_t)(shortfall) / 1024, taken / 1024);	\
		CHECK(taken >= (shortfall) / 2);			\
		CHECK(taken <= 2 * (shortfall) +			\
		      RANGE_PAGES * page_size);				\
	} while (0)

CASE_LIMIT(each_of_two_groups_purges_for_itself, 60)
{
	struct owner a, b;
	size_t before;

	cgroup_create("a");
	cgroup_create("b");
	a = owner_start("a");
	b = owner_start("b");
	limit_above("a", MIB);
	limit_above("b", MIB);

	owner_allocate(&a, 3 * MIB);
	CHECK_TAKEN(2 * MIB, purged_bytes(&a));
	CHECK_EQ(0, purged_bytes(&b));

	before = purged_bytes(&a);
	owner_allocate(&b, 4 * MIB);
	CHECK_TAKEN(3 * MIB, purged_bytes(&b));
	CHECK_EQ(before, purged_bytes(&a));

	owner_end(&a);
	owner_end(&b);
	CHECK_EQ(0, cgroup_oom_kills("a"));
	CHECK_EQ(0, cgroup_oom_kills("b"));
}

/* One group lacks four times as much as another, a third one lacks nothing. */
CASE_LIMIT(two_groups_under_pressure_at_once_purge_for_themselves, 60)
{
	struct owner a, b, c;

	cgroup_create("a");
	cgroup_create("b");
	cgroup_create("c");
	a = owner_start("a");
	b = owner_start("b");
	c = owner_start("c");
	limit_above("a", 0);
	limit_above("b", 0);
	limit_above("c", MIB);
	for (int i = 0; i < 4; i++) {
		owner_begin(&a, MIB / 2);
		owner_begin(&b, 2 * MIB);
		wait_for_child(&a.m);
		wait_for_child(&b.m);
	}
	CHECK_TAKEN(2 * MIB, purged_bytes(&a));
	CHECK_TAKEN(8 * MIB, purged_bytes(&b));
	CHECK_EQ(0, purged_bytes(&c));
	owner_end(&a);
	owner_end(&b);
	owner_end(&c);
	CHECK_EQ(0, cgroup_oom_kills("a"));
	CHECK_EQ(0, cgroup_oom_kills("b"));
}

/* The parent's limit applies to all groups below it, and to no other group. */
CASE_LIMIT(limit_of_a_parent_is_for_all_below_it, 60)
{
	struct owner x, y, other;

	cgroup_create("other");
	other = owner_start("other");
	create_parent("p");
	cgroup_create("p/x");
	cgroup_create("p/y");
	x = owner_start("p/x");
	y = owner_start("p/y");
	limit_above("p", MIB);
	limit_above("other", MIB);
	owner_allocate(&x, 4 * MIB);
	CHECK_TAKEN(3 * MIB, purged_bytes(&x) + purged_bytes(&y));
	CHECK_EQ(0, purged_bytes(&other));
	owner_end(&x);
	owner_end(&y);
	owner_end(&other);
	CHECK_EQ(0, cgroup_oom_kills("p"));
}

/* More than the allocating group has unpinned: its sibling must give too. */
CASE_LIMIT(limit_of_a_parent_reaches_a_sibling, 60)
{
	struct owner x, y;
	size_t lacking;

	create_parent("p");
	cgroup_create("p/x");
	cgroup_create("p/y");
	x = owner_start("p/x");
	y = owner_start("p/y");
	limit_above("p", 0);
	lacking = region_bytes() + region_bytes() / 4;
	owner_allocate(&x, lacking);
	CHECK(purged_bytes(&x));
	CHECK(purged_bytes(&y));
	CHECK_TAKEN(lacking, purged_bytes(&x) + purged_bytes(&y));
	owner_end(&x);
	owner_end(&y);
	CHECK_EQ(0, cgroup_oom_kills("p"));
}

CASE_LIMIT(limit_of_a_nested_group_leaves_its_siblings_alone, 60)
{
	struct owner x, y;

	create_parent("p");
	cgroup_create("p/y");
	cgroup_create("p/x");
	y = owner_start("p/y");
	x = owner_start("p/x");
	limit_above("p", 16 * MIB);
	limit_above("p/x", MIB);
	owner_allocate(&x, 3 * MIB);
	CHECK_TAKEN(2 * MIB, purged_bytes(&x));
	CHECK_EQ(0, purged_bytes(&y));
	owner_end(&x);
	owner_end(&y);
	CHECK_EQ(0, cgroup_oom_kills("p"));
}

CASE_LIMIT(lowered_limit_takes_what_is_needed_each_time, 60)
{
	struct owner a;
	size_t before;

	cgroup_create("a");
	a = owner_start("a");
	for (int i = 0; i < 4; i++) {
		before = purged_bytes(&a);
		cgroup_lower("a", "memory.max", 2 * MIB);
		CHECK_TAKEN(2 * MIB, purged_bytes(&a) - before);
	}
	/* A raised limit purges nothing. */
	before = purged_bytes(&a);
	cgroup_write("a", "memory.max", "max");
	owner_allocate(&a, 4 * MIB);
	CHECK_EQ(before, purged_bytes(&a));
	owner_end(&a);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

CASE_LIMIT(lowered_limit_of_a_parent_takes_what_is_needed, 60)
{
	struct owner x, y;

	create_parent("p");
	cgroup_create("p/x");
	cgroup_create("p/y");
	x = owner_start("p/x");
	y = owner_start("p/y");
	cgroup_lower("p", "memory.max", 3 * MIB);
	CHECK_TAKEN(3 * MIB, purged_bytes(&x) + purged_bytes(&y));
	owner_end(&x);
	owner_end(&y);
	CHECK_EQ(0, cgroup_oom_kills("p"));
}

CASE_LIMIT(lowered_limit_of_a_nested_group_takes_its_own, 60)
{
	struct owner x, y;

	create_parent("p");
	cgroup_create("p/y");
	cgroup_create("p/x");
	y = owner_start("p/y");
	x = owner_start("p/x");
	cgroup_lower("p/x", "memory.max", 2 * MIB);
	CHECK_TAKEN(2 * MIB, purged_bytes(&x));
	CHECK_EQ(0, purged_bytes(&y));
	owner_end(&x);
	owner_end(&y);
	CHECK_EQ(0, cgroup_oom_kills("p"));
}

/* The unpinned memory of a removed group belongs to the parent and its limit. */
CASE_LIMIT(removed_group_leaves_what_it_unpinned_to_its_parent, 60)
{
	struct owner x, y;
	char path[512];

	create_parent("p");
	cgroup_create("p/x");
	cgroup_create("p/y");
	x = owner_start("p/x");
	y = owner_start("p/y");
	owner_move(&x, "p/y");
	cgroup_path(path, "p/x", "");
	CHECK_OK(rmdir(path));
	CHECK_EQ(0, purged_bytes(&x));

	/* The limit of the remaining sibling does not apply to that memory. */
	cgroup_lower("p/y", "memory.max", 2 * MIB);
	CHECK_TAKEN(2 * MIB, purged_bytes(&y));
	CHECK_EQ(0, purged_bytes(&x));
	cgroup_write("p/y", "memory.max", "max");

	limit_above("p", 0);
	owner_allocate(&y, 2 * region_bytes() - 4 * MIB - purged_bytes(&y));
	CHECK(purged_bytes(&x) >= MIB);
	owner_end(&x);
	owner_end(&y);
	CHECK_EQ(0, cgroup_oom_kills("p"));
}

/* The region is freed with its last user, though its group was removed before. */
CASE_LIMIT(region_dies_without_its_group, 60)
{
	uint64_t before;
	char path[512];
	struct owner x;
	pid_t keeper;

	purge_all();
	create_parent("p");
	cgroup_create("p/keeper");
	keeper = fork_into("p/keeper");
	if (!keeper) {
		for (;;)
			pause();
	}
	for (int i = 0; i < 4; i++) {
		cgroup_create("p/x");
		before = current_bytes("p");
		x = owner_start("p/x");
		owner_move(&x, "p/keeper");
		cgroup_path(path, "p/x", "");
		CHECK_OK(rmdir(path));
		CHECK(current_bytes("p") > before + region_bytes() / 2);
		if (i % 2)
			close(x.fd);
		CHECK_OK(kill(x.pid, SIGKILL));
		CHECK_EQ(x.pid, waitpid(x.pid, NULL, 0));
		if (i % 2 == 0)
			close(x.fd);
		CHECK_EQ(0, purge_all());
		/* Its pages are freed. */
		WAIT_UNTIL(current_bytes("p") <= before + MIB);
	}
	CHECK_OK(kill(keeper, SIGKILL));
}

/* Return: the total of the line "some ... total=N", in microseconds. */
static uint64_t stalled(const char *group)
{
	unsigned long long total;
	char path[512];
	FILE *f;

	cgroup_path(path, group, "memory.pressure");
	f = fopen(path, "re");
	if (!f)
		FAIL("open %s: %s", path, errno_name(errno));
	if (fscanf(f, "some %*s %*s %*s total=%llu", &total) != 1)
		FAIL("%s cannot be read", path);
	fclose(f);
	return total;
}

enum { HIGH_REGION = 24, HIGH_MARK = 32 };	/* MiB */

/* The results of a process above the high mark of its group. */
struct excess {
	uint64_t high, current;		/* bytes */
	long waits;
};

/*
 * A process with a region touches other memory, up to 2 MiB above the high mark
 * of its group. The kernel makes it sleep after each batch of pages above the
 * mark. How long it sleeps depends on the excess only; with more excess, seconds.
 */
static struct excess exceed_high_mark(const char *group, bool unpinned)
{
	struct excess *e = map_shared(sizeof(*e));
	pid_t pid;

	cgroup_create(group);
	pid = fork_into(group);
	if (!pid) {
		struct filled f = filled_region(HIGH_REGION * MIB);
		size_t purged;

		if (unpinned)
			unpin(f.fd, 0, f.pages);
		e->high = current_bytes(group) + 6 * MIB;
		cgroup_set(group, "memory.high", e->high);
		e->waits = waits();
		for (int i = 0; i < 8; i++)
			touch_anonymous(MIB);
		e->waits = waits() - e->waits;
		e->current = current_bytes(group);
		purged = check_and_count_purged(&f);
		CHECK(unpinned ? purged : !purged);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills(group));
	return *e;
}

CASE_LIMIT(high_mark_purges_and_does_not_kill, 120)
{
	struct excess unpinned = exceed_high_mark("unpinned", true);
	struct excess pinned = exceed_high_mark("pinned", false);

	CHECK(unpinned.current <= unpinned.high + MIB);
	/* Without unpinned memory the mark is exceeded, so the check above counts. */
	CHECK(pinned.current >= pinned.high + MIB);
	CHECK(cgroup_get("pinned", "memory.events", "high"));
}

/* For the same work, a process whose memory can be purged waits less often. */
CASE_LIMIT(unpinned_memory_keeps_the_pressure_low, 120)
{
	struct excess unpinned = exceed_high_mark("unpinned", true);
	struct excess pinned = exceed_high_mark("pinned", false);

	printf("# waited %ld times unpinned, %ld times pinned\n",
	       unpinned.waits, pinned.waits);
	CHECK(pinned.waits > 0);
	CHECK(unpinned.waits <= pinned.waits / 2);
}

/* The time that a task waits for a purge counts as pressure, as for any reclaim. */
CASE_LIMIT(waiting_for_a_purge_counts_as_pressure, 60)
{
	struct owner a;
	uint64_t before;

	cgroup_create("a");
	a = owner_start("a");
	limit_above("a", 0);
	/* The kernel updates the total every two seconds: wait until it has done so. */
	do {
		before = stalled("a");
		sleep_ms(2500);
	} while (stalled("a") != before);
	owner_allocate(&a, 8 * MIB);
	CHECK(purged_bytes(&a));
	WAIT_UNTIL(stalled("a") > before);
	owner_end(&a);
}

/*
 * A program unpins when a trigger reports that memory is short. Until then the
 * group's high mark slows down the process in the group.
 */
CASE_LIMIT(pressure_trigger_tells_when_to_unpin, 120)
{
	atomic_bool *unpinned = map_shared(sizeof(*unpinned));
	struct meeting m = meeting_create();
	int fd = region_create(HIGH_REGION * MIB);
	struct pollfd p = { .events = POLLPRI };
	char path[512];
	pid_t pid;

	cgroup_create("a");
	cgroup_set("a", "memory.high", HIGH_MARK * MIB);
	pid = fork_into("a");
	if (!pid) {
		struct filled f = { fd, region_map(fd, HIGH_REGION * MIB),
				    HIGH_REGION * MIB / page_size };

		write_pages(f.base, 0, f.pages, 1);
		tell_parent(&m);
		/* Above the high mark each MiB takes longer. */
		while (!atomic_load(unpinned))
			touch_anonymous(MIB);
		touch_anonymous(2 * MIB);
		tell_parent(&m);
		wait_for_parent(&m);
		CHECK(check_and_count_purged(&f));
		_exit(0);
	}
	wait_for_child(&m);
	cgroup_path(path, "a", "memory.pressure");
	p.fd = CHECK_OK(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC));
	/* 10 ms within one second. The kernel wants the NUL too. */
	CHECK_OK(write(p.fd, "some 10000 1000000", 19));
	CHECK_EQ(1, poll(&p, 1, -1));
	CHECK_EQ(POLLPRI, p.revents);
	CHECK_EQ(0, unpin_bytes(fd, 0, 0));
	atomic_store(unpinned, true);
	wait_for_child(&m);
	CHECK(current_bytes("a") <= (HIGH_MARK + 1) * MIB);
	tell_child(&m);
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}
