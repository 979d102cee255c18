// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an operator sees: fdinfo, debugfs and tracepoints. Also the parameter that
 * turns purging off.
 *
 * README.md of the module, section "What an operator sees"
 */
#include <pthread.h>

#include "cgroup.h"
#include "debugfs.h"
#include "tracing.h"

#define PURGE	"/sys/module/ashmem/parameters/purge"

static uint64_t inode_of(int fd)
{
	unsigned long id;

	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_FILE_ID, &id));
	return id;
}

static int named_region(const char *name, size_t pages)
{
	char text[ASHMEM_NAME_LEN] = "";
	int fd = region_open();

	snprintf(text, sizeof(text), "%s", name);
	CHECK_EQ(0, ioctl(fd, ASHMEM_SET_NAME, text));
	CHECK_EQ(0, set_size(fd, pages * page_size));
	return fd;
}

CASE(fdinfo_of_a_new_region)
{
	int fd = region_open();

	CHECK(fdinfo_number(fd, "region") > 0);
	CHECK_STR("dev/ashmem", fdinfo(fd, "name"));
	CHECK_STR("0", fdinfo(fd, "size"));
	CHECK_STR("rwx", fdinfo(fd, "prot"));
	CHECK_STR("0", fdinfo(fd, "pinned"));
	CHECK_STR("0", fdinfo(fd, "unpinned"));
	CHECK_STR("0", fdinfo(fd, "purged"));
}

CASE(fdinfo_follows_the_region)
{
	int fd = named_region("tiles", 8);

	CHECK_EQ(0, set_mask(fd, PROT_READ | PROT_WRITE));
	region_map(fd, 8 * page_size);
	CHECK_STR("tiles", fdinfo(fd, "name"));
	CHECK_STR("rw-", fdinfo(fd, "prot"));
	CHECK_EQ(8 * page_size, fdinfo_number(fd, "size"));
	unpin(fd, 0, 5);
	CHECK_EQ(5, purge_all());
	unpin(fd, 6, 1);
	CHECK_EQ(2 * page_size, fdinfo_number(fd, "pinned"));
	CHECK_EQ(page_size, fdinfo_number(fd, "unpinned"));
	CHECK_EQ(5 * page_size, fdinfo_number(fd, "purged"));
}

/* A name may contain any byte, but it must not add lines to fdinfo or regions. */
CASE(names_cannot_forge_lines)
{
	int fd = named_region("a\nashmem-size:\t1\\", 1);

	CHECK_STR("a\\012ashmem-size:\t1\\134", fdinfo(fd, "name"));
	CHECK_EQ(page_size, fdinfo_number(fd, "size"));
	CHECK_STR("a\\012ashmem-size:\t1\\134", row_of(fd).name);
}

CASE(regions_lists_each_region)
{
	int fd = named_region("with a space", 10);
	struct row row = row_of(fd);
	char *p;

	CHECK_EQ(0, row.file_id);
	CHECK_STR("0", row.memcgs);
	CHECK_EQ(10 * page_size, row.pinned);
	p = region_map(fd, 10 * page_size);
	row = row_of(fd);
	CHECK_STR("0", row.memcgs);
	write_pages(p, 0, 1, 1);
	unpin(fd, 0, 5);
	CHECK_EQ(5, purge_all());
	unpin(fd, 6, 1);
	row = row_of(fd);
	CHECK_EQ(getpid(), row.pid);
	CHECK_EQ(inode_of(fd), row.file_id);
	CHECK(strcmp("0", row.memcgs));
	CHECK_EQ(10 * page_size, row.size);
	CHECK_EQ(4 * page_size, row.pinned);
	CHECK_EQ(page_size, row.unpinned);
	CHECK_EQ(5 * page_size, row.purged);
	CHECK_STR("rwx", row.prot);
	CHECK_STR("with a space", row.name);
}

static unsigned long long inode_of_group(const char *group)
{
	char path[512];
	struct stat st;

	cgroup_path(path, group, "");
	CHECK_OK(stat(path, &st));
	return st.st_ino;
}

CASE(regions_shows_the_cgroup)
{
	struct meeting m = meeting_create();
	unsigned long long *region = map_shared(page_size);
	char expected[32];
	struct row row;
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		int fd;

		write_pages(region_of_pages(&fd, 1), 0, 1, 1);
		*region = fdinfo_number(fd, "region");
		tell_parent(&m);
		wait_for_parent(&m);
		_exit(0);
	}
	wait_for_child(&m);
	CHECK(find_row(*region, &row));
	snprintf(expected, sizeof(expected), "%llu", inode_of_group("a"));
	CHECK_STR(expected, row.memcgs);
	CHECK_EQ(pid, row.pid);
	tell_child(&m);
	CHECK_CHILD(pid);
	CHECK(!find_row(*region, &row));
}

static void write_page_in(const char *group, char *p)
{
	pid_t pid = fork_into(group);

	if (!pid) {
		*p = 1;
		_exit(0);
	}
	CHECK_CHILD(pid);
}

/* Not the cgroup that made the region, nor one that touched no page first. */
CASE(regions_shows_each_cgroup_that_has_pages)
{
	unsigned long long a, b;
	char expected[2][64];
	int fd;
	char *p = region_of_pages(&fd, 2);
	struct row row;

	cgroup_create("a");
	cgroup_create("b");
	cgroup_create("c");
	a = inode_of_group("a");
	b = inode_of_group("b");
	write_page_in("a", p);
	write_page_in("c", p);
	snprintf(expected[0], sizeof(expected[0]), "%llu", a);
	row = row_of(fd);
	CHECK_STR(expected[0], row.memcgs);
	write_page_in("b", p + page_size);
	snprintf(expected[0], sizeof(expected[0]), "%llu,%llu", a, b);
	snprintf(expected[1], sizeof(expected[1]), "%llu,%llu", b, a);
	row = row_of(fd);
	if (strcmp(expected[0], row.memcgs))
		CHECK_STR(expected[1], row.memcgs);
}

CASE(regions_of_many_are_all_listed)
{
	enum { REGIONS = 500 };
	static unsigned long long region[REGIONS];
	static int fd[REGIONS];
	char line[1400];
	int listed = 0;
	FILE *f;

	for (int i = 0; i < REGIONS; i++) {
		fd[i] = region_create(page_size);
		region[i] = fdinfo_number(fd[i], "region");
	}
	f = fopen(DEBUGFS "regions", "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long long id = strtoull(line, NULL, 10);

		for (int i = 0; i < REGIONS; i++)
			listed += region[i] == id;
	}
	fclose(f);
	CHECK_EQ(REGIONS, listed);
}

struct listing {
	atomic_bool stop;
	atomic_int rounds;
};

static void *read_what_there_is(void *argument)
{
	struct listing *l = argument;
	char text[4096];

	while (!atomic_load(&l->stop)) {
		static const char *const files[] = { "regions", "totals" };

		for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
			char path[64];
			int fd;

			snprintf(path, sizeof(path), DEBUGFS "%s", files[i]);
			fd = CHECK_OK(open(path, O_RDONLY));
			while (CHECK_OK(read(fd, text, sizeof(text))) > 0)
				;
			close(fd);
		}
		atomic_fetch_add(&l->rounds, 1);
	}
	return NULL;
}

CASE_LIMIT(regions_come_and_go_while_they_are_listed, 60)
{
	struct listing l = { .stop = false };
	pthread_t thread;

	CHECK_EQ(0, pthread_create(&thread, NULL, read_what_there_is, &l));
	for (int round = 0;
	     race_goes_on(round < 100 || atomic_load(&l.rounds) < 50);
	     round++) {
		int fd[50];

		for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
			char *p = region_of_pages(&fd[i], 4);

			*p = 1;
			unpin(fd[i], 0, 2);
			CHECK_OK(munmap(p, 4 * page_size));
		}
		for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
			close(fd[i]);
	}
	atomic_store(&l.stop, true);
	CHECK_EQ(0, pthread_join(thread, NULL));
}

CASE(totals_add_up)
{
	uint64_t regions = total("regions"), size = total("size");
	uint64_t pinned = total("pinned"), purged = total("purged");
	uint64_t requested = total("purged_by_request");
	int a, b;

	region_of_pages(&a, 10);
	region_of_pages(&b, 20);
	unpin(a, 0, 3);
	unpin(b, 0, 4);
	CHECK_EQ(7, purge_all());
	unpin(b, 10, 5);
	CHECK_EQ(regions + 2, total("regions"));
	CHECK_EQ(size + 30 * page_size, total("size"));
	CHECK_EQ(pinned + 18 * page_size, total("pinned"));
	CHECK_EQ(5 * page_size, total("unpinned"));
	CHECK_EQ(purged + 7 * page_size, total("purged"));
	CHECK_EQ(requested + 7 * page_size, total("purged_by_request"));
}

/* Ages grow while they are read: each is compared with one before and one after. */
CASE(totals_tell_the_age_of_the_lru)
{
	uint64_t before, age;
	int a, b;

	write_pages(region_of_pages(&a, 2), 0, 2, 1);
	write_pages(region_of_pages(&b, 2), 0, 2, 1);
	CHECK_EQ(0, total("lru_age_ms"));
	unpin(a, 0, 1);
	WAIT_UNTIL(total("lru_age_ms") >= 200);
	unpin(b, 0, 1);
	before = row_of(b).age_ms;
	CHECK(row_of(a).age_ms >= before + 150);
	before = row_of(a).age_ms;
	age = total("lru_age_ms");
	CHECK(age >= before);
	CHECK(age <= row_of(a).age_ms);
	pin(a, 0, 1);
	CHECK_EQ(0, row_of(a).age_ms);
	before = row_of(b).age_ms;
	age = total("lru_age_ms");
	CHECK(age >= before);
	CHECK(age <= row_of(b).age_ms);
	pin(b, 0, 1);
	CHECK_EQ(0, total("lru_age_ms"));
}

CASE(totals_tell_who_purged)
{
	uint64_t before = total("purged_by_drop_caches");
	int fd;

	write_pages(region_of_pages(&fd, 6), 0, 6, 1);
	unpin(fd, 0, 6);
	drop_caches("2");
	CHECK_EQ(before + 6 * page_size, total("purged_by_drop_caches"));
}

/* Reclaim gains nothing from pages that were never touched. A request purges them too. */
CASE(ranges_without_memory_are_left_to_requests)
{
	uint64_t before = total("purged_by_drop_caches");
	int fd;
	char *p = region_of_pages(&fd, 6);

	unpin(fd, 0, 2);
	unpin(fd, 2, 4);
	sleep_ms(20);
	CHECK_EQ(0, row_of(fd).age_ms);
	drop_caches("2");
	CHECK_EQ(before, total("purged_by_drop_caches"));
	CHECK_EQ(6 * page_size, fdinfo_number(fd, "unpinned"));
	/* One page is enough, and it may come after the unpin. */
	write_pages(p, 5, 1, 1);
	drop_caches("2");
	CHECK_EQ(before + 4 * page_size, total("purged_by_drop_caches"));
	CHECK_EQ(2, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 2));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 2, 4));
}

CASE_LIMIT(limits_leave_ranges_without_memory, 60)
{
	pid_t pid;

	cgroup_create("a");
	cgroup_set("a", "memory.max", 32 * MIB);
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(24 * MIB);
		int fd;

		region_of_pages(&fd, f.pages);
		unpin(fd, 0, f.pages);
		unpin(f.fd, 0, f.pages);
		touch_anonymous(20 * MIB);
		CHECK(fdinfo_number(f.fd, "purged") >= 8 * MIB);
		CHECK_EQ(24 * MIB, fdinfo_number(fd, "unpinned"));
		CHECK_EQ(0, fdinfo_number(fd, "purged"));
		_exit(0);
	}
	CHECK_CHILD(pid);
}

CASE_LIMIT(totals_tell_what_limits_purged, 60)
{
	uint64_t before = total("purged_by_limit");
	pid_t pid;

	cgroup_create("a");
	cgroup_set("a", "memory.max", 32 * MIB);
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(24 * MIB);

		unpin(f.fd, 0, f.pages);
		touch_anonymous(20 * MIB);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK(total("purged_by_limit") >= before + 8 * MIB);
}

CASE(only_root_sees_all_regions)
{
	struct stat st;

	CHECK_OK(stat(DEBUGFS "regions", &st));
	CHECK_EQ(0400, st.st_mode & 0777);
	CHECK_OK(stat(DEBUGFS "totals", &st));
	CHECK_EQ(0400, st.st_mode & 0777);
}

AFTER_EACH_CASE(purge_again)
{
	int fd = open(PURGE, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "Y", 1) != 1)
		printf("# %s: %s\n", PURGE, errno_name(errno));
	close(fd);
}

CASE(purging_can_be_switched_off)
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	write_file(PURGE, "N");
	unpin(fd, 0, 8);
	drop_caches("2");
	CHECK_PAGES(p, 0, 8, 1);
	CHECK_EQ(8 * page_size, fdinfo_number(fd, "unpinned"));
	write_file(PURGE, "Y");
	drop_caches("2");
	CHECK_EQ(8 * page_size, fdinfo_number(fd, "purged"));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 8));
}

CASE(a_request_purges_though_purging_is_switched_off)
{
	int fd;

	region_of_pages(&fd, 8);
	write_file(PURGE, "N");
	unpin(fd, 0, 8);
	CHECK_EQ(8, purge_all());
}

/* The kernel no longer asks a shrinker that reports to be empty; this one must not. */
CASE_LIMIT(purging_under_a_limit_can_be_switched_on_again, 60)
{
	struct meeting m = meeting_create();
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(24 * MIB);

		unpin(f.fd, 0, f.pages);
		tell_parent(&m);
		wait_for_parent(&m);
		CHECK_EQ(0, fdinfo_number(f.fd, "purged"));
		touch_anonymous(20 * MIB);
		CHECK(fdinfo_number(f.fd, "purged") >= 8 * MIB);
		_exit(0);
	}
	wait_for_child(&m);
	write_file(PURGE, "N");
	cgroup_lower("a", "memory.high", 4 * MIB);
	cgroup_write("a", "memory.high", "max");
	write_file(PURGE, "Y");
	cgroup_set("a", "memory.max", 32 * MIB);
	tell_child(&m);
	CHECK_CHILD(pid);
}

static const char *const events[] = {
	"create", "map", "pin", "unpin", "purge", "shrink_start", "shrink_end",
};

#define CHECK_TRACED(event, ...)					\
	do {								\
		char text[512];						\
									\
		snprintf(text, sizeof(text), __VA_ARGS__);		\
		if (!traced(event, text))				\
			FAIL("no event %s was traced with %s", event, text); \
	} while (0)

CASE(every_tracepoint_is_there)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		char path[128];

		snprintf(path, sizeof(path), TRACING "events/ashmem/ashmem_%s/format",
			 events[i]);
		CHECK_OK(access(path, R_OK));
	}
}

CASE(a_region_s_life_can_be_traced)
{
	size_t p = page_size;
	unsigned long long region;
	int fd;

	start_tracing(NULL);
	fd = named_region("traced one", 8);
	checked_map(fd, 4 * p, PROT_READ, MAP_SHARED, 2 * p);
	region = fdinfo_number(fd, "region");
	unpin(fd, 1, 3);
	pin(fd, 1, 1);
	CHECK_EQ(2, purge_all());
	pin(fd, 0, 8);
	CHECK_ERRNO(EINVAL, unpin_bytes(fd, 1, 0));

	CHECK_TRACED("create", "region=%llu\n", region);
	CHECK_TRACED("map", "region=%llu file_id=%" PRIu64 " size=%zu offset=%zu len=%zu prot=r--s name=traced one\n",
		     region, inode_of(fd), 8 * p, 2 * p, 4 * p);
	CHECK_TRACED("unpin", "region=%llu offset=%zu len=%zu ret=0\n", region, p, 3 * p);
	CHECK_TRACED("pin", "region=%llu offset=%zu len=%zu ret=0\n", region, p, p);
	CHECK_TRACED("purge", "region=%llu file_id=%" PRIu64 " memcg=0 offset=%zu pages=2 freed=0 reason=request latency_ns=",
		     region, inode_of(fd), 2 * p);
	CHECK_TRACED("pin", "region=%llu offset=0 len=%zu ret=1\n", region, 8 * p);
	CHECK_TRACED("unpin", "region=%llu offset=1 len=0 ret=-22\n", region);
}

CASE(a_purge_tells_how_long_it_took)
{
	unsigned long long latency;
	const char *found;
	char text[64];
	double around;
	int fd;
	char *p = region_of_pages(&fd, 64);

	write_pages(p, 0, 64, 1);
	unpin(fd, 0, 64);
	snprintf(text, sizeof(text), "region=%llu ",
		 (unsigned long long)fdinfo_number(fd, "region"));
	start_tracing(NULL);
	around = now();
	CHECK_EQ(64, purge_all());
	around = now() - around;
	found = traced("purge", text);
	CHECK(found);
	CHECK(strstr(found, " pages=64 freed=64 "));
	CHECK_EQ(1, sscanf(strstr(found, "latency_ns="), "latency_ns=%llu", &latency));
	CHECK(latency > 0);
	/* The purge lies within the request, however long both take. */
	CHECK(latency < around * 1e9);
}

CASE(a_vector_is_traced_range_by_range)
{
	struct ashmem_pin_result r[2] = {
		{ .offset = 0, .len = page_size },
		{ .offset = 2 * page_size, .len = page_size },
	};
	struct ashmem_pin_vector v = {
		.ranges = (uintptr_t)r,
		.count = 2,
		.operation = ASHMEM_VECTOR_UNPIN,
	};
	unsigned long long region;
	const char *first;
	int fd;

	region_of_pages(&fd, 4);
	region = fdinfo_number(fd, "region");
	start_tracing(NULL);
	CHECK_EQ(0, ioctl(fd, ASHMEM_PIN_VECTOR, &v));
	CHECK_EQ(2, purge_all());
	v.operation = ASHMEM_VECTOR_PIN;
	CHECK_EQ(0, ioctl(fd, ASHMEM_PIN_VECTOR, &v));
	CHECK_TRACED("unpin", "region=%llu offset=0 len=%zu ret=0\n", region, page_size);
	CHECK_TRACED("unpin", "region=%llu offset=%zu len=%zu ret=0\n", region,
		     2 * page_size, page_size);
	/* A pin is traced once, with the result that the caller got. */
	first = traced("pin", "offset=0 ");
	CHECK(first && strstr(first, "ret=1"));
}

CASE(shrinking_is_traced)
{
	int fd;

	write_pages(region_of_pages(&fd, 6), 0, 6, 1);
	unpin(fd, 0, 6);
	start_tracing(NULL);
	drop_caches("2");
	CHECK_TRACED("shrink_start", "reason=drop_caches asked=");
	CHECK_TRACED("purge", "region=%llu ", (unsigned long long)fdinfo_number(fd, "region"));
	CHECK_TRACED("shrink_end", "reason=drop_caches purged=6 freed=6\n");
}

CASE_LIMIT(purges_by_a_limit_are_traced_with_their_cgroup, 60)
{
	unsigned long long memcg;
	pid_t pid;

	cgroup_create("a");
	cgroup_set("a", "memory.max", 32 * MIB);
	memcg = inode_of_group("a");
	start_tracing(NULL);
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(24 * MIB);

		unpin(f.fd, 0, f.pages);
		touch_anonymous(20 * MIB);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_TRACED("shrink_start", " memcg=%llu reason=limit asked=", memcg);
	CHECK_TRACED("purge", " memcg=%llu offset=0 ", memcg);
}
