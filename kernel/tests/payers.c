// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays for a page has it purged, and nobody else: groups and NUMA nodes that
 * share a region, groups that are removed, and what each sibling gives.
 * containers.c tests groups whose regions are their own.
 */
#include <sys/syscall.h>
#include <linux/mempolicy.h>

#include "cgroup.h"
#include "debugfs.h"

/* Ranges of 64 KiB. */
enum { RANGE_PAGES = 16 };

static size_t range_bytes(void)
{
	return RANGE_PAGES * page_size;
}

/* A region of the case that its processes in all groups share. */
struct region {
	int fd;
	char *base;
	size_t ranges;
};

/* Writes @pages pages of each range, from page @first of the range on. */
static void write_ranges(const struct region *r, size_t first, size_t pages)
{
	for (size_t i = 0; i < r->ranges; i++)
		write_pages(r->base, i * RANGE_PAGES + first, pages, 1);
}

static void unpin_ranges(const struct region *r)
{
	for (size_t i = 0; i < r->ranges; i++)
		unpin(r->fd, i * RANGE_PAGES, RANGE_PAGES);
}

static size_t purged_bytes(const struct region *r)
{
	struct ashmem_info info = { .struct_size = sizeof(info) };

	CHECK_EQ(0, ioctl(r->fd, ASHMEM_GET_INFO, &info));
	return info.purged;
}

/* Each range was purged as a whole, or is as it was written; a look at the first page. */
static void check_ranges(const struct region *r)
{
	char *page = map_anonymous(page_size);

	for (size_t i = 0; i < r->ranges; i++) {
		size_t first = i * RANGE_PAGES;
		int purged = pin(r->fd, first, RANGE_PAGES);

		CHECK_EQ(page_size, pread(r->fd, page, page_size, first * page_size));
		CHECK(purged ? page_is_zero(page) : page_is(page, first, 1));
	}
	CHECK_OK(munmap(page, page_size));
}

/* A process in @mapper maps the region first. */
static struct region region_of(size_t bytes, const char *mapper)
{
	struct region r = {
		.fd = region_create(bytes),
		.ranges = bytes / range_bytes(),
	};

	IN_GROUP(mapper, region_map(r.fd, bytes));
	r.base = region_map(r.fd, bytes);
	return r;
}

/* A process in @group needs @bytes more than the limit of @limited allows. */
static void exceed(const char *limited, const char *group, size_t bytes)
{
	size_t spare = MIB;

	limit_above(limited, spare);
	IN_GROUP(group, touch_anonymous(spare + bytes));
	CHECK_EQ(0, cgroup_oom_kills(limited));
	cgroup_write(limited, "memory.max", "max");
}

/* Reclaims @bytes in a group, but kills nobody if there is nothing. */
static void press(const char *group, size_t bytes)
{
	cgroup_lower(group, "memory.high", bytes);
	cgroup_write(group, "memory.high", "max");
}

/*
 * What was purged for @needed bytes: half of it at least, as each CPU holds up to
 * 256 KiB charged in advance, and twice as much at most, with a range more.
 */
#define CHECK_TAKEN(needed, bytes)					\
	do {								\
		size_t taken = (bytes);					\
									\
		printf("# %zu KiB needed, %zu KiB purged\n",		\
		       (size_t)(needed) / 1024, taken / 1024);		\
		CHECK(taken >= (needed) / 2);				\
		CHECK(taken <= 2 * (needed) + range_bytes());		\
	} while (0)

/* M maps a region, U fills it and unpins it. */
static struct region mapped_by_m_filled_by_u(size_t bytes)
{
	struct region r;

	cgroup_create("m");
	cgroup_create("u");
	r = region_of(bytes, "m");
	IN_GROUP("u", (write_ranges(&r, 0, RANGE_PAGES), unpin_ranges(&r)));
	CHECK(current_bytes("u") >= bytes);
	return r;
}

CASE_LIMIT(limit_of_the_payer_purges_though_another_group_mapped, 60)
{
	struct region r = mapped_by_m_filled_by_u(48 * MIB);

	exceed("u", "u", 8 * MIB);
	CHECK_TAKEN(8 * MIB, purged_bytes(&r));
	check_ranges(&r);
}

/* M has memory, but no page of the region: to purge that would free nothing of M. */
static void press_m_in_vain(const struct region *r)
{
	struct meeting m = meeting_create();
	pid_t pid = fork_into("m");

	if (!pid) {
		touch_anonymous(8 * MIB);
		tell_parent(&m);
		wait_for_parent(&m);
		_exit(0);
	}
	wait_for_child(&m);
	press("m", 4 * MIB);
	CHECK_EQ(0, purged_bytes(r));
	tell_child(&m);
	CHECK_CHILD(pid);
	check_ranges(r);
}

CASE_LIMIT(limit_of_the_mapper_purges_nothing_that_another_group_pays, 60)
{
	struct region r = mapped_by_m_filled_by_u(48 * MIB);

	press_m_in_vain(&r);
}

/* Ranges that are older than M's own, but U's. */
CASE_LIMIT(limit_of_the_mapper_purges_its_own_only, 60)
{
	struct region r = mapped_by_m_filled_by_u(24 * MIB);
	struct region own = region_of(24 * MIB, "m");

	IN_GROUP("m", (write_ranges(&own, 0, RANGE_PAGES), unpin_ranges(&own)));
	exceed("m", "m", 4 * MIB);
	CHECK_TAKEN(4 * MIB, purged_bytes(&own));
	CHECK_EQ(0, purged_bytes(&r));
	check_ranges(&own);
	check_ranges(&r);
}

/* In each range, the first @pages pages are M's and the rest is U's. */
static struct region shared_ranges(size_t bytes, size_t pages)
{
	struct region r;

	cgroup_create("m");
	cgroup_create("u");
	r = region_of(bytes, "m");
	IN_GROUP("m", write_ranges(&r, 0, pages));
	IN_GROUP("u", write_ranges(&r, pages, RANGE_PAGES - pages));
	unpin_ranges(&r);
	return r;
}

CASE_LIMIT(ranges_that_begin_with_a_page_of_another_group, 60)
{
	struct region r = shared_ranges(24 * MIB, 1);

	exceed("u", "u", 4 * MIB);
	CHECK_TAKEN(4 * MIB, purged_bytes(&r));
	check_ranges(&r);
}

/* One page of each range is U's: U lives, though each range frees only that one. */
CASE_LIMIT(ranges_with_a_single_page_of_the_group, 60)
{
	struct region r = shared_ranges(48 * MIB, RANGE_PAGES - 1);

	exceed("u", "u", MIB);
	CHECK_TAKEN(MIB * RANGE_PAGES, purged_bytes(&r));
	check_ranges(&r);
}

/* The first page of each range was there when it was unpinned; U touches the others. */
static void touch_unpinned_ranges(size_t there)
{
	struct region r;

	cgroup_create("m");
	cgroup_create("u");
	r = region_of(24 * MIB, "m");
	IN_GROUP("m", (write_ranges(&r, 0, there), unpin_ranges(&r)));
	IN_GROUP("u", write_ranges(&r, there, RANGE_PAGES - there));
	exceed("u", "u", 4 * MIB);
	CHECK_TAKEN(4 * MIB, purged_bytes(&r));
	check_ranges(&r);
}

CASE_LIMIT(pages_that_come_to_unpinned_ranges_are_their_payers, 60)
{
	touch_unpinned_ranges(1);
}

CASE_LIMIT(pages_that_come_to_empty_unpinned_ranges_are_their_payers, 60)
{
	touch_unpinned_ranges(0);
}

/* M unpinned the ranges while they were empty: it has nothing to give. */
CASE_LIMIT(ranges_that_were_empty_when_unpinned_are_not_their_mappers, 60)
{
	struct region r;

	cgroup_create("m");
	cgroup_create("u");
	r = region_of(24 * MIB, "m");
	IN_GROUP("m", unpin_ranges(&r));
	IN_GROUP("u", write_ranges(&r, 0, RANGE_PAGES));
	press_m_in_vain(&r);
}

static void remove_group(const char *group)
{
	char path[512];

	cgroup_path(path, group, "");
	CHECK_OK(rmdir(path));
}

/* The payer's group is removed, and the group that mapped has another parent. */
static void remove_payer(bool unpinned_before)
{
	struct region r;

	cgroup_create("m");
	create_parent("p");
	cgroup_create("p/u");
	cgroup_create("p/other");
	r = region_of(24 * MIB, "m");
	IN_GROUP("p/u", write_ranges(&r, 0, RANGE_PAGES));
	if (unpinned_before)
		unpin_ranges(&r);
	remove_group("p/u");
	if (!unpinned_before)
		unpin_ranges(&r);
	CHECK_EQ(0, purged_bytes(&r));
	exceed("p", "p/other", 4 * MIB);
	CHECK_TAKEN(4 * MIB, purged_bytes(&r));
	check_ranges(&r);
}

CASE_LIMIT(limit_of_the_parent_gets_what_a_removed_payer_left, 60)
{
	remove_payer(true);
}

CASE_LIMIT(limit_of_the_parent_gets_what_was_unpinned_after_its_payer_was_removed, 60)
{
	remove_payer(false);
}

enum { DEAD_GROUPS = 40 };

static uint64_t dying(void)
{
	return cgroup_get("", "cgroup.stat", "nr_dying_descendants");
}

static int new_region(size_t bytes)
{
	return region_create(bytes);
}

static int new_memfd(size_t bytes)
{
	int fd = CHECK_OK(memfd_create("memfd", MFD_CLOEXEC));

	CHECK_OK(ftruncate(fd, bytes));
	return fd;
}

static void use_nothing(int fd)
{
	region_map(fd, 64 * page_size);
}

static void use_and_unpin(int fd)
{
	char *p = region_map(fd, 64 * page_size);

	write_pages(p, 0, 64, 1);
	for (size_t i = 0; i < 64; i += 2)
		unpin(fd, i, 1);
	CHECK_OK(unpin_bytes(fd, 0, 0));
}

/* Pages hold their group on many kernels; holes do not. */
static void use_and_punch(int fd)
{
	write_pages(region_map(fd, 64 * page_size), 0, 64, 1);
	CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			   64 * page_size));
}

/* Groups are made, used for a file each, and removed; the files live on. */
static void outlive_groups(int (*new_file)(size_t bytes), void (*use)(int fd))
{
	int files[DEAD_GROUPS], socket[2];

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, socket));
	cgroup_create("first");
	for (size_t i = 0; i < DEAD_GROUPS; i++) {
		char name[16];
		pid_t pid;

		snprintf(name, sizeof(name), "g%zu", i);
		cgroup_create(name);
		pid = fork_into(name);
		if (!pid) {
			int fd = new_file(64 * page_size);

			use(fd);
			send_descriptor(socket[0], fd);
			_exit(0);
		}
		files[i] = receive_descriptor(socket[1]);
		CHECK_CHILD(pid);
		remove_group(name);
	}
	purge_all();
	/* A group goes some time after its last page; the caches of each CPU hold some. */
	while (dying()) {
		drop_caches("1");
		sleep_ms(10);
	}
	for (size_t i = 0; i < DEAD_GROUPS; i++)
		close(files[i]);
}

CASE_LIMIT(removed_groups_do_not_stay_for_a_memfd, 60)
{
	outlive_groups(new_memfd, use_nothing);
}

CASE_LIMIT(removed_groups_do_not_stay_for_an_empty_region, 60)
{
	outlive_groups(new_region, use_nothing);
}

CASE_LIMIT(removed_groups_do_not_stay_for_a_memfd_with_holes, 60)
{
	outlive_groups(new_memfd, use_and_punch);
}

CASE_LIMIT(removed_groups_do_not_stay_for_a_purged_region, 60)
{
	outlive_groups(new_region, use_and_unpin);
}

static size_t groups_charged(int fd)
{
	struct row row = row_of(fd);
	size_t groups = 1;

	for (char *p = row.memcgs; *p; p++)
		groups += *p == ',';
	return groups;
}

/*
 * A region outlives many groups that each used a page of it. The last one's pages are
 * pinned all the time, and have to be found afterwards.
 */
static void forget_groups(bool removed_while_pinned)
{
	enum { GROUPS = 24, KEPT = 1024 };
	int fd = new_region((GROUPS + KEPT + 1) * page_size);
	char *p = region_map(fd, (GROUPS + KEPT + 1) * page_size);

	cgroup_create("kept");
	IN_GROUP("kept", write_pages(p, GROUPS, KEPT, 1));
	/* Without an unpinned range reclaim drops what is remembered of the pinned ones. */
	unpin(fd, GROUPS + KEPT, 1);
	for (size_t i = 0; i < GROUPS; i++) {
		cgroup_create("gone");
		IN_GROUP("gone", write_pages(p, i, 1, 1));
		unpin(fd, i, 1);
		if (removed_while_pinned) {
			CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, i, 1));
			CHECK_OK(madvise(p + i * page_size, page_size, MADV_REMOVE));
		}
		remove_group("gone");
	}
	CHECK_EQ(1 + GROUPS, groups_charged(fd));
	for (size_t i = 0; removed_while_pinned && i < GROUPS; i++) {
		unpin(fd, GROUPS, 1);
		drop_caches("2");
	}
	for (size_t i = 0; i < GROUPS; i++)
		unpin(fd, i, 1);
	do {
		unpin(fd, GROUPS, 1);
		drop_caches("2");
	} while (groups_charged(fd) > 1);
	CHECK_EQ((KEPT - 1) * page_size, region_info(fd).pinned);
	CHECK_PAGES(p, GROUPS + 1, KEPT - 1, 1);
	for (size_t i = 0; i < KEPT; i += 16)
		unpin(fd, GROUPS + i, 16);
	IN_GROUP("kept", ({
		size_t before = region_info(fd).purged;

		limit_above("kept", 0);
		touch_anonymous(2 * MIB);
		CHECK_TAKEN(2 * MIB, region_info(fd).purged - before);
		cgroup_write("kept", "memory.max", "max");
	}));
}

CASE_LIMIT(region_forgets_the_removed_groups_whose_pages_were_purged, 60)
{
	forget_groups(false);
}

CASE_LIMIT(region_forgets_the_removed_groups_whose_pages_were_removed, 60)
{
	forget_groups(true);
}

/*
 * Three siblings have 10, 40 and 160 MiB unpinned. A fourth one allocates a third of
 * that at the limit of their parent.
 */
static const char *const siblings[] = { "p/small", "p/medium", "p/large" };
static const size_t unpinned[] = { 10 * MIB, 40 * MIB, 160 * MIB };

static void check_shares(const int order[3])
{
	struct region r[3];
	size_t purged[3], needed = 70 * MIB, total = 0;

	create_parent("p");
	for (int i = 0; i < 3; i++) {
		int s = order[i];

		cgroup_create(siblings[s]);
		r[s] = region_of(unpinned[s], siblings[s]);
		IN_GROUP(siblings[s], (write_ranges(&r[s], 0, RANGE_PAGES),
				       unpin_ranges(&r[s])));
	}
	cgroup_create("p/fourth");
	exceed("p", "p/fourth", needed);
	for (int s = 0; s < 3; s++) {
		purged[s] = purged_bytes(&r[s]);
		total += purged[s];
		printf("# %s: %zu of %zu KiB purged\n", siblings[s],
		       purged[s] / 1024, unpinned[s] / 1024);
	}
	CHECK(total >= needed - MIB);
	CHECK(total <= needed + needed / 4);
	for (int s = 0; s < 3; s++) {
		size_t share = unpinned[s] * (total / MIB) / 210;

		printf("# share %zu KiB\n", (size_t)share / 1024);
		CHECK(purged[s] >= share / 2);
		CHECK(purged[s] <= 2 * share);
		check_ranges(&r[s]);
	}
}

CASE_LIMIT(siblings_give_in_proportion_to_what_they_have, 60)
{
	check_shares((const int[]){ 0, 1, 2 });
}

CASE_LIMIT(siblings_give_in_proportion_if_the_largest_is_the_oldest, 60)
{
	check_shares((const int[]){ 2, 1, 0 });
}

/* The two nodes of NUMA machines. Each has a processor, and its own memory. */
static void run_on_node(int node)
{
	char path[64], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
	fd = CHECK_OK(open(path, O_RDONLY));
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	stay_on_processor(atoi(text));
}

static void take_memory_of(int node)
{
	unsigned long mask = 1ul << node;

	CHECK_OK(syscall(SYS_set_mempolicy, MPOL_BIND, &mask, 8 * sizeof(mask)));
}

static void take_any_memory(void)
{
	CHECK_OK(syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0));
}

static size_t free_bytes_of(int node)
{
	char path[64], line[128];
	size_t kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
	f = fopen(path, "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f) && !kib)
		sscanf(line, "Node %*d MemFree: %zu", &kib);
	fclose(f);
	CHECK(kib);
	return kib * 1024;
}

/* The memory is of one node; the task that unpins it runs on the other one. */
static struct region unpinned_across(size_t bytes, int node)
{
	struct region r = { .fd = region_create(bytes), .ranges = bytes / range_bytes() };
	pid_t pid;

	r.base = region_map(r.fd, bytes);
	pid = checked_fork();
	if (!pid) {
		take_memory_of(node);
		write_ranges(&r, 0, RANGE_PAGES);
		take_any_memory();
		run_on_node(!node);
		unpin_ranges(&r);
		_exit(0);
	}
	CHECK_CHILD(pid);
	return r;
}

/*
 * A task that takes memory of one node only goes on until @bytes of a region were
 * purged. If the region does not give them, the OOM killer ends it.
 */
static void exhaust_node(int node, const struct region *r, size_t bytes)
{
	pid_t pid;

	drop_caches("1");
	pid = checked_fork();
	if (!pid) {
		write_file("/proc/self/oom_score_adj", "1000");
		take_memory_of(node);
		touch_anonymous(free_bytes_of(node));
		while (purged_bytes(r) < bytes)
			touch_anonymous(MIB);
		_exit(0);
	}
	CHECK_CHILD(pid);
}

CASE_LIMIT(memory_of_a_node_is_found_though_it_was_unpinned_on_another, 120)
{
	struct region r = unpinned_across(256 * MIB, 0);

	exhaust_node(0, &r, 128 * MIB);
	check_ranges(&r);
}

/* The older ranges are of the other node. */
CASE_LIMIT(memory_of_another_node_is_left_alone, 120)
{
	struct region other = unpinned_across(128 * MIB, 1);
	struct region r = unpinned_across(256 * MIB, 0);

	exhaust_node(0, &r, 128 * MIB);
	CHECK_EQ(0, purged_bytes(&other));
	check_ranges(&other);
	check_ranges(&r);
}

/* Takes memory of a node, and of the other one once the kernel would have to reclaim. */
static void fill_node(int node)
{
	unsigned long mask = 1ul << node;
	size_t free, step = 16 * MIB;

	CHECK_OK(syscall(SYS_set_mempolicy, MPOL_PREFERRED, &mask, 8 * sizeof(mask)));
	do {
		free = free_bytes_of(node);
		touch_anonymous(step);
	} while (free_bytes_of(node) + step / 2 < free);
	take_any_memory();
}

/* The node has fewer free pages than kswapd would leave, but nobody reclaims for it. */
CASE_LIMIT(limit_purges_no_more_because_a_node_is_full, 120)
{
	struct region r = { .fd = region_create(32 * MIB), .ranges = 32 * MIB / range_bytes() };

	cgroup_create("u");
	r.base = region_map(r.fd, 32 * MIB);
	IN_GROUP("u", (take_memory_of(0), write_ranges(&r, 0, RANGE_PAGES), unpin_ranges(&r)));
	fill_node(0);
	exceed("u", "u", MIB);
	CHECK_TAKEN(MIB, purged_bytes(&r));
	check_ranges(&r);
}

/* The ranges of two regions, each on a node, were unpinned by turns. */
CASE_LIMIT(limit_purges_the_oldest_of_both_nodes, 60)
{
	struct region r[2];
	size_t purged[2] = { 0 };

	cgroup_create("u");
	for (int node = 0; node < 2; node++) {
		r[node].fd = region_create(16 * MIB);
		r[node].base = region_map(r[node].fd, 16 * MIB);
		r[node].ranges = 16 * MIB / range_bytes();
		IN_GROUP("u", (take_memory_of(node), write_ranges(&r[node], 0, RANGE_PAGES)));
	}
	for (size_t i = 0; i < 2 * r[0].ranges; i++)
		unpin(r[i % 2].fd, i / 2 * RANGE_PAGES, RANGE_PAGES);
	run_on_node(1);
	exceed("u", "u", 4 * MIB);
	for (int node = 0; node < 2; node++) {
		for (size_t i = 0; i < r[node].ranges; i++) {
			bool taken = pin(r[node].fd, i * RANGE_PAGES, RANGE_PAGES);

			CHECK(!taken || purged[node] == i);
			purged[node] += taken;
		}
		printf("# %zu ranges purged on node %d\n", purged[node], node);
	}
	CHECK_TAKEN(4 * MIB, (purged[0] + purged[1]) * range_bytes());
	CHECK(purged[0] <= purged[1] + 1);
	CHECK(purged[1] <= purged[0] + 1);
}
