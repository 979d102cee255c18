// SPDX-License-Identifier: GPL-2.0-only
/*
 * Purging under memory pressure: limits of cgroups, and a machine short of memory.
 * order.c tests which ranges are purged first.
 *
 * ABI, semantics: unpinned pages may be taken under memory pressure;
 *	NOT_PURGED promises every byte
 * defect 4: a failed allocation while pinning is ignored
 * What other drivers get wrong for containers: the OOM killer kills a process
 * although megabytes are unpinned.
 */
#include <sys/sysinfo.h>

#include "cgroup.h"

/* A region and other memory. Each fits under the limit, but not both. */
#define REGION	(12 * MIB)
#define OTHER	(8 * MIB)
#define LIMIT	(16 * MIB)

/*
 * A process in @group fills a region and other memory, more than the limit of
 * @limited allows.
 *
 * Return: the wait status of the process.
 */
static int exceed_limit(const char *limited, const char *group, bool unpinned)
{
	int status;
	pid_t pid;

	cgroup_set(limited, "memory.max", LIMIT);
	pid = fork_into(group);
	if (!pid) {
		struct filled f = filled_region(REGION);

		if (unpinned)
			unpin(f.fd, 0, f.pages);
		touch_anonymous(OTHER);
		CHECK_EQ(unpinned ? ASHMEM_WAS_PURGED : ASHMEM_NOT_PURGED,
			 pin(f.fd, 0, f.pages));
		_exit(0);
	}
	CHECK_OK(waitpid(pid, &status, 0));
	return status;
}

CASE_LIMIT(limit_purges_what_is_unpinned, 60)
{
	cgroup_create("a");
	CHECK_EQ(0, exceed_limit("a", "a", true));
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

CASE_LIMIT(limit_kills_where_all_is_pinned, 60)
{
	int status;

	expect_call_trace();
	cgroup_create("a");
	status = exceed_limit("a", "a", false);
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(SIGKILL, WTERMSIG(status));
	CHECK_EQ(1, cgroup_oom_kills("a"));
}

CASE_LIMIT(limit_of_a_parent_group_purges, 60)
{
	cgroup_create("a");
	cgroup_write("a", "cgroup.subtree_control", "+memory");
	cgroup_create("a/b");
	CHECK_EQ(0, exceed_limit("a", "a/b", true));
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

/*
 * A purge that has many mappings to change is put off while the limit of another group
 * presses. Here only a search finds the range, because it had no page when it was unpinned.
 */
CASE_LIMIT(limit_of_a_parent_group_purges_what_was_put_off, 60)
{
	pid_t pid;

	cgroup_create("a");
	cgroup_write("a", "cgroup.subtree_control", "+memory");
	cgroup_create("a/b");
	cgroup_set("a", "memory.max", LIMIT);
	pid = fork_into("a/b");
	if (!pid) {
		int fd;
		char *p = region_of_pages(&fd, REGION / page_size);

		for (int i = 0; i < 100; i++)
			region_map(fd, REGION);
		unpin(fd, 0, REGION / page_size);
		write_pages(p, 0, REGION / page_size, 1);
		touch_anonymous(OTHER);
		CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, REGION / page_size));
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

CASE_LIMIT(limit_leaves_the_pinned_pages, 60)
{
	pid_t pid;

	cgroup_create("a");
	cgroup_set("a", "memory.max", LIMIT);
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(REGION);

		/* Every fourth page stays pinned. */
		for (size_t i = 0; i < f.pages; i += 4)
			unpin(f.fd, i, 3);
		touch_anonymous(OTHER);
		for (size_t i = 3; i < f.pages; i += 4)
			CHECK_EQ(ASHMEM_NOT_PURGED, pin(f.fd, i, 1));
		CHECK(check_and_count_purged(&f) >=
		      (REGION + OTHER - LIMIT) / page_size);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

/* A file that a task has open has pages in the page cache, as tmpfs has not. */
static char *map_file(size_t bytes)
{
	char path[PATH_MAX];
	ssize_t length = CHECK_OK(readlink("/proc/self/exe", path, sizeof(path) - 8));
	char *file;
	int fd;

	strcpy(path + length, ".XXXXXX");
	fd = CHECK_OK(mkstemp(path));
	CHECK_OK(unlink(path));
	CHECK_OK(ftruncate(fd, bytes));
	file = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(file != MAP_FAILED);
	return file;
}

static void read_file(const char *file, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += page_size)
		CHECK_EQ(0, *(volatile const char *)&file[i]);
}

static bool all_in_memory(char *file, size_t bytes)
{
	unsigned char resident[bytes / page_size];
	size_t found = 0;

	CHECK_OK(mincore(file, bytes, resident));
	for (size_t i = 0; i < bytes / page_size; i++)
		found += resident[i] & 1;
	return found == bytes / page_size;
}

/*
 * Unpinned memory, and a group that has @room bytes for a file of @bytes. The group reads it
 * once, or until it has room for all of it. Return: bytes purged.
 */
static size_t read_beside_unpinned(size_t room, size_t bytes, bool until_it_fits)
{
	char *file = map_file(bytes);
	size_t purged = 0;
	int fd;

	cgroup_create("a");
	fd = region_create(4 * REGION);
	IN_GROUP("a", ({
		char *base = region_map(fd, 4 * REGION);

		write_pages(base, 0, 4 * REGION / page_size, 1);
		for (size_t i = 0; i < 4 * REGION / page_size; i += 16)
			unpin(fd, i, 16);
	}));
	limit_above("a", room);
	IN_GROUP("a", ({
		int times = 0;

		do {
			read_file(file, bytes);
			CHECK(++times < 1000);
		} while (until_it_fits && !all_in_memory(file, bytes));
	}));
	CHECK_EQ(0, cgroup_oom_kills("a"));
	for (size_t i = 0; i < 4 * REGION / page_size; i += 16)
		if (pin(fd, i, 16) == ASHMEM_WAS_PURGED)
			purged += 16 * page_size;
	printf("# %zu KiB purged\n", purged >> 10);
	return purged;
}

/* Readahead allocates without __GFP_FS. Else the group would read the file again and again. */
CASE_LIMIT(file_in_use_gets_the_memory_of_unpinned_ranges, 120)
{
	size_t purged = read_beside_unpinned(MIB, 8 * MIB, true);

	CHECK(purged >= 6 * MIB);
	CHECK(purged <= 16 * MIB);
}

/* There is enough page cache that nobody uses. */
CASE_LIMIT(file_that_is_read_once_leaves_unpinned_ranges_alone, 120)
{
	CHECK(read_beside_unpinned(64 * MIB, 160 * MIB, false) <= 4 * MIB);
}

CASE_LIMIT(owner_need_not_be_the_one_who_allocates, 60)
{
	struct meeting m = meeting_create();
	pid_t owner, other;

	cgroup_create("a");
	cgroup_set("a", "memory.max", LIMIT);
	owner = fork_into("a");
	if (!owner) {
		struct filled f = filled_region(REGION);

		unpin(f.fd, 0, f.pages);
		tell_parent(&m);
		wait_for_parent(&m);
		CHECK(check_and_count_purged(&f));
		_exit(0);
	}
	wait_for_child(&m);
	other = fork_into("a");
	if (!other) {
		touch_anonymous(OTHER);
		_exit(0);
	}
	CHECK_CHILD(other);
	tell_child(&m);
	CHECK_CHILD(owner);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

CASE_LIMIT(memory_is_found_though_another_group_unpinned_it, 60)
{
	struct meeting m = meeting_create();
	int fd = region_create(REGION);
	pid_t pid;

	cgroup_create("a");
	cgroup_set("a", "memory.max", LIMIT);
	pid = fork_into("a");
	if (!pid) {
		char *p = region_map(fd, REGION);

		write_pages(p, 0, REGION / page_size, 1);
		tell_parent(&m);
		wait_for_parent(&m);
		touch_anonymous(OTHER);
		CHECK_EQ(ASHMEM_WAS_PURGED, pin_bytes(fd, 0, 0));
		_exit(0);
	}
	wait_for_child(&m);
	CHECK_EQ(0, unpin_bytes(fd, 0, 0));
	tell_child(&m);
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

CASE_LIMIT(limit_leaves_other_groups_alone, 60)
{
	struct meeting m = meeting_create();
	pid_t pid;

	cgroup_create("a");
	cgroup_create("b");
	pid = fork_into("b");
	if (!pid) {
		struct filled f = filled_region(16 * MIB);

		unpin(f.fd, 0, f.pages);
		tell_parent(&m);
		wait_for_parent(&m);
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(f.fd, 0, f.pages));
		CHECK_PAGES(f.base, 0, f.pages, 1);
		_exit(0);
	}
	wait_for_child(&m);
	CHECK_EQ(0, exceed_limit("a", "a", true));
	tell_child(&m);
	CHECK_CHILD(pid);
}

CASE_LIMIT(region_outlives_its_group, 60)
{
	struct meeting m = meeting_create();
	char path[512];
	pid_t pid;

	cgroup_create("a");
	cgroup_write("a", "cgroup.subtree_control", "+memory");
	cgroup_create("a/dead");
	cgroup_create("a/alive");
	pid = fork_into("a/dead");
	if (!pid) {
		struct filled f = filled_region(8 * MIB);

		for (size_t i = 0; i < f.pages; i += 2)
			unpin(f.fd, i, 1);
		cgroup_enter("a/alive");
		tell_parent(&m);
		wait_for_parent(&m);
		/* The group is gone. Its memory is now charged to the parent group. */
		for (size_t i = 0; i < f.pages; i += 4) {
			CHECK_EQ(ASHMEM_NOT_PURGED, pin(f.fd, i, 1));
			unpin(f.fd, i, 2);
		}
		tell_parent(&m);
		wait_for_parent(&m);
		/* Not all 512: CPUs gave what they held in advance. */
		CHECK(check_and_count_purged(&f) >= 128);
		unpin(f.fd, 0, f.pages);
		CHECK_EQ(f.pages, purge_all());
		_exit(0);
	}
	wait_for_child(&m);
	cgroup_path(path, "a/dead", "");
	CHECK_OK(rmdir(path));
	tell_child(&m);
	wait_for_child(&m);
	cgroup_lower("a", "memory.max", 2 * MIB);
	tell_child(&m);
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

CASE_LIMIT(drop_caches_reaches_every_group, 60)
{
	enum { GROUPS = 8 };
	struct meeting m[GROUPS];
	pid_t pid[GROUPS];
	char name[8];

	for (int g = 0; g < GROUPS; g++) {
		m[g] = meeting_create();
		snprintf(name, sizeof(name), "g%d", g);
		cgroup_create(name);
		pid[g] = fork_into(name);
		if (!pid[g]) {
			struct filled f = filled_region(MIB);

			unpin(f.fd, 0, f.pages / 2);
			tell_parent(&m[g]);
			wait_for_parent(&m[g]);
			CHECK_EQ(f.pages / 2, check_and_count_purged(&f));
			_exit(0);
		}
		wait_for_child(&m[g]);
	}
	drop_caches("2");
	CHECK_EQ(0, purge_all());
	for (int g = 0; g < GROUPS; g++) {
		tell_child(&m[g]);
		CHECK_CHILD(pid[g]);
	}
}

/* One group has a few large ranges, another one has many small ranges. */
CASE_LIMIT(drop_caches_reaches_groups_of_every_kind, 60)
{
	struct meeting m = meeting_create();
	struct filled f;
	pid_t pid;

	cgroup_create("large");
	cgroup_create("small");
	pid = fork_into("large");
	if (!pid) {
		f = filled_region(8 * MIB);
		for (size_t i = 0; i < f.pages; i += 32)
			unpin(f.fd, i, 32);
		tell_parent(&m);
		wait_for_parent(&m);
		CHECK_EQ(f.pages, check_and_count_purged(&f));
		_exit(0);
	}
	wait_for_child(&m);
	cgroup_enter("small");
	f = filled_region(8 * MIB);
	for (size_t i = 0; i < f.pages; i += 2)
		unpin(f.fd, i, 1);
	drop_caches("2");
	CHECK_EQ(0, purge_all());
	tell_child(&m);
	CHECK_CHILD(pid);
	CHECK_EQ(f.pages / 2, check_and_count_purged(&f));
}

/*
 * Ranges of three unpinned pages, with a pinned page after each. To pin the middle
 * page of a range splits the range, which needs another range.
 */
enum { CUTS = 256, FILLERS = 100000 };

/*
 * Unpins separate pages, beginning after the first @done, until the group has no
 * memory left for another range. A purge gives none back: the module keeps purged
 * ranges too.
 */
static void exhaust_ranges(int fd, size_t *done)
{
	for (; *done < FILLERS; ++*done) {
		uint32_t offset = 2 * *done * page_size;

		if (!unpin_bytes(fd, offset, page_size))
			continue;
		CHECK_EQ(ENOMEM, errno);
		CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, offset, page_size));
		return;
	}
	/* Only ranges that are not charged never run out. */
	CHECK(driver_is_original());
}

/* In memory touched before: at the limit not even a write to a pipe succeeds. */
struct exhaustion {
	atomic_bool reached, lifted;
	atomic_int failures;
};

/* The OOM killer must not kill this process, so that its requests fail instead. */
CASE_LIMIT(defect_04_failed_allocation_while_pinning, 120)
{
	struct exhaustion *e = map_shared(sizeof(*e));
	pid_t pid;

	expect_call_trace();
	atomic_store(&e->failures, 0);
	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(4 * CUTS * page_size);
		int fd = region_create(2 * FILLERS * page_size);
		bool failed[CUTS] = { };
		size_t filled = 0;

		checked_map(fd, page_size, RW, MAP_SHARED | MAP_NORESERVE, 0);
		write_file("/proc/self/oom_score_adj", "-1000");
		for (size_t i = 0; i < CUTS; i++)
			unpin(f.fd, 4 * i, 3);
		CHECK_EQ(3 * CUTS, purge_all());
		cgroup_set("a", "memory.max",
			   cgroup_get("a", "memory.current", NULL) + MIB);
		for (size_t i = 0; i < CUTS && e->failures < 2; i++) {
			int result;

			/* Each time: another CPU may hold charged memory. */
			exhaust_ranges(fd, &filled);
			result = pin_bytes(f.fd, (4 * i + 1) * page_size,
					   page_size);
			failed[i] = result == -1;
			e->failures += failed[i];
			CHECK(result == ASHMEM_WAS_PURGED || errno == ENOMEM);
			CHECK_EQ(failed[i] ? ASHMEM_IS_UNPINNED :
				 ASHMEM_IS_PINNED, pin_status(f.fd, 4 * i + 1, 1));
			CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(f.fd, 4 * i, 1));
			CHECK_EQ(ASHMEM_IS_UNPINNED,
				 pin_status(f.fd, 4 * i + 2, 1));
		}
		atomic_store(&e->reached, true);
		WAIT_UNTIL(atomic_load(&e->lifted));
		for (size_t i = 0; i < CUTS; i++) {
			CHECK_EQ(ASHMEM_WAS_PURGED, pin(f.fd, 4 * i, 1));
			CHECK_EQ(ASHMEM_WAS_PURGED, pin(f.fd, 4 * i + 2, 1));
			if (failed[i])
				CHECK_EQ(ASHMEM_WAS_PURGED,
					 pin(f.fd, 4 * i + 1, 1));
			CHECK_ZERO(f.base, 4 * i, 3);
			CHECK_PAGES(f.base, 4 * i + 3, 1, 1);
		}
		_exit(0);
	}
	WAIT_UNTIL(atomic_load(&e->reached));
	cgroup_write("a", "memory.max", "max");
	atomic_store(&e->lifted, true);
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
	printf("# %d pins failed\n", e->failures);
	CHECK(e->failures || driver_is_original());
}

#define MIN_FREE	"/proc/sys/vm/min_free_kbytes"

static unsigned long min_free_at_start;

static unsigned long read_min_free(void)
{
	unsigned long kib = 0;
	FILE *f = fopen(MIN_FREE, "re");

	if (f) {
		if (fscanf(f, "%lu", &kib) != 1)
			kib = 0;
		fclose(f);
	}
	return kib;
}

static void write_min_free(unsigned long kib)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", kib);
	write_file(MIN_FREE, text);
}

__attribute__((constructor)) static void remember_min_free(void)
{
	min_free_at_start = read_min_free();
}

AFTER_EACH_CASE(restore_min_free)
{
	if (read_min_free() != min_free_at_start)
		write_min_free(min_free_at_start);
}

/*
 * To fill the memory would take long. Instead the kernel is told to keep most of it
 * free: kswapd wakes up at 5/4 of min_free_kbytes, and below that value a task that
 * allocates reclaims directly.
 */
CASE_LIMIT(machine_short_of_memory_purges, 60)
{
	struct filled f = filled_region(32 * MIB);
	struct sysinfo si;
	size_t free;
	char *page;

	CHECK(min_free_at_start);
	CHECK_OK(sysinfo(&si));
	CHECK_EQ(0, si.totalswap);
	free = (size_t)si.freeram * si.mem_unit;
	unpin(f.fd, 0, f.pages / 2);
	unpin(f.fd, f.pages / 2, f.pages / 2);
	write_file("/proc/self/oom_score_adj", "1000");
	page = map_anonymous(page_size);
	write_min_free((free - 48 * MIB) / 5 * 4 / 1024);
	for (size_t used = 0; used < free / 2; used += MIB) {
		touch_anonymous(MIB);
		/* Purging has begun when the first page, the oldest, is zero. */
		CHECK_EQ(page_size, pread(f.fd, page, page_size, 0));
		if (page_is_zero(page)) {
			printf("# after %zu MiB\n", used / MIB + 1);
			break;
		}
	}
	write_min_free(min_free_at_start);
	CHECK(check_and_count_purged(&f));
}
