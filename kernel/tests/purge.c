// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a purge by PURGE_ALL_CACHES or by drop_caches takes and what it leaves.
 * pressure.c tests purges by memory limits.
 *
 * ABI, ioctls: PURGE_ALL_CACHES
 * ABI, semantics: purged pages are zero; NOT_PURGED promises every byte
 * defect 13: private huge pages lost on purge
 */
#include "client.h"

CASE(purge_all_sums_up_all_regions)
{
	enum { REGIONS = 50 };
	long expected = 0;
	int fd[REGIONS];

	for (int i = 0; i < REGIONS; i++) {
		region_of_pages(&fd[i], 60);
		unpin(fd[i], 1, i + 1);
		expected += i + 1;
	}
	CHECK_EQ(expected, purge_all());
	CHECK_EQ(0, purge_all());
	for (int i = 0; i < REGIONS; i++) {
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd[i], 0, 1));
		CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd[i], 1, i + 1));
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd[i], i + 2, 1));
	}
}

CASE(purge_all_takes_many_ranges)
{
	enum { RANGES = 10000 };
	int fd;

	region_of_pages(&fd, 2 * RANGES);
	for (size_t i = 0; i < RANGES; i++)
		unpin(fd, 2 * i, 1);
	CHECK_EQ(RANGES, purge_all());
	for (size_t i = 0; i < 2 * RANGES; i++)
		CHECK_EQ(i % 2 ? ASHMEM_NOT_PURGED : ASHMEM_WAS_PURGED,
			 pin(fd, i, 1));
}

CASE(purge_all_reaches_other_processes)
{
	struct meeting m = meeting_create();
	pid_t pid = checked_fork();

	if (!pid) {
		int fd;
		char *p = region_of_pages(&fd, 10);

		write_pages(p, 0, 10, 1);
		unpin(fd, 0, 5);
		tell_parent(&m);
		wait_for_parent(&m);
		CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 5));
		CHECK_ZERO(p, 0, 5);
		CHECK_PAGES(p, 5, 5, 1);
		_exit(0);
	}
	wait_for_child(&m);
	CHECK_EQ(5, purge_all());
	tell_child(&m);
	CHECK_CHILD(pid);
}

CASE(purge_is_seen_through_every_mapping)
{
	int fd;
	char *p = region_of_pages(&fd, 8), *q = region_map(fd, 8 * page_size);
	char *r = checked_map(fd, 3 * page_size, PROT_READ, MAP_SHARED,
			      2 * page_size);
	struct meeting m = meeting_create();
	pid_t pid;

	write_pages(p, 0, 8, 1);
	CHECK_PAGES(q, 0, 8, 1);
	CHECK(page_is(r, 2, 1));
	pid = checked_fork();
	if (!pid) {
		CHECK_PAGES(p, 0, 8, 1);
		tell_parent(&m);
		wait_for_parent(&m);
		CHECK_PAGES(q, 0, 3, 1);
		CHECK_ZERO(q, 3, 2);
		CHECK_PAGES(p, 5, 3, 1);
		_exit(0);
	}
	wait_for_child(&m);
	unpin(fd, 3, 2);
	CHECK_EQ(2, purge_all());
	CHECK_ZERO(p, 3, 2);
	CHECK_ZERO(q, 3, 2);
	CHECK(page_is(r, 2, 1));
	CHECK_ZERO(r, 1, 2);
	CHECK_PAGES(q, 5, 3, 1);
	tell_child(&m);
	CHECK_CHILD(pid);
	write_pages(q, 3, 2, 2);
	CHECK_PAGES(p, 3, 2, 2);
}

CASE(purge_gives_the_memory_back)
{
	enum { PAGES = 2048 };
	int fd;
	char *p = region_of_pages(&fd, PAGES);

	write_pages(p, 0, PAGES, 1);
	CHECK_EQ(0, lseek(fd, 0, SEEK_DATA));
	unpin(fd, 0, PAGES);
	CHECK_EQ(PAGES, purge_all());
	CHECK_ERRNO(ENXIO, lseek(fd, 0, SEEK_DATA));
	for (size_t i = 0; i < PAGES; i++) {
		unsigned char there;

		CHECK_OK(mincore(p + i * page_size, page_size, &there));
		CHECK_EQ(0, there & 1);
	}
}

CASE(drop_caches_2_purges_what_is_unpinned)
{
	int fd;
	char *p = region_of_pages(&fd, 64);

	write_pages(p, 0, 64, 1);
	unpin(fd, 0, 1);
	unpin(fd, 10, 20);
	unpin(fd, 63, 1);
	drop_caches("2");
	CHECK_EQ(0, purge_all());
	CHECK_ZERO(p, 0, 1);
	CHECK_PAGES(p, 1, 9, 1);
	CHECK_ZERO(p, 10, 20);
	CHECK_PAGES(p, 30, 33, 1);
	CHECK_ZERO(p, 63, 1);
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 30, 33));
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 64));
}

CASE(drop_caches_2_purges_a_single_page)
{
	int fd;
	char *p = region_of_pages(&fd, 1);

	write_pages(p, 0, 1, 1);
	unpin(fd, 0, 1);
	drop_caches("2");
	CHECK_ZERO(p, 0, 1);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 1));
}

CASE(drop_caches_2_purges_ranges_of_every_size)
{
	enum { PAGES = 4096 };
	uint64_t random = test_seed;
	size_t first = 0;
	int fd;
	char *p = region_of_pages(&fd, PAGES);

	write_pages(p, 0, PAGES, 1);
	while (first < PAGES) {
		size_t pages = 1 + random_below(&random,
						random_below(&random, 4) ?
						3 : 500);

		if (pages > PAGES - first)
			pages = PAGES - first;
		unpin(fd, first, pages);
		first += pages;
	}
	drop_caches("2");
	CHECK_ZERO(p, 0, PAGES);
	CHECK_EQ(0, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, PAGES));
}

/* If the shrinker reports too few objects, the last of these ranges remains. */
CASE(drop_caches_2_leaves_no_rest)
{
	static const size_t sizes[] = { 4, 4, 2, 1 };
	size_t first = 0;
	int fd;
	char *p = region_of_pages(&fd, 11);

	write_pages(p, 0, 11, 1);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		unpin(fd, first, sizes[i]);
		first += sizes[i];
	}
	drop_caches("2");
	CHECK_ZERO(p, 0, 11);
	CHECK_EQ(0, purge_all());
}

CASE(drop_caches_2_leaves_no_rest_of_a_few_ranges)
{
	uint64_t random = test_seed;

	for (int round = 0; round < 100; round++) {
		size_t ranges = 1 + random_below(&random, 6), pages = 0;
		int fd;
		char *p = region_of_pages(&fd, 60);

		write_pages(p, 0, 60, 1);
		while (ranges--) {
			size_t size = 1 + random_below(&random, 9);

			unpin(fd, pages, size);
			/* Some are pinned again; some are also unpinned again. */
			switch (random_below(&random, 4)) {
			case 0:
				pin(fd, pages, size);
				break;
			case 1:
				pin(fd, pages, size);
				unpin(fd, pages, size);
				break;
			}
			pages += size;
		}
		drop_caches("2");
		CHECK_EQ(0, purge_all());
		close(fd);
		CHECK_OK(munmap(p, 60 * page_size));
	}
}

CASE(drop_caches_2_purges_ranges_unpinned_again_and_again)
{
	int fd;
	char *p = region_of_pages(&fd, 200);

	write_pages(p, 0, 200, 1);
	for (int round = 0; round < 10; round++) {
		for (size_t i = 0; i < 200; i += 2) {
			pin(fd, i, 1);
			unpin(fd, i, 1);
		}
	}
	drop_caches("2");
	for (size_t i = 0; i < 200; i += 2) {
		CHECK_ZERO(p, i, 1);
		CHECK_PAGES(p, i + 1, 1, 1);
		CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, i, 1));
	}
}

CASE(drop_caches_1_purges_nothing)
{
	int fd;
	char *p = region_of_pages(&fd, 64);

	write_pages(p, 0, 64, 1);
	unpin(fd, 0, 64);
	drop_caches("1");
	CHECK_PAGES(p, 0, 64, 1);
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 64));
}

CASE(pinned_again_is_safe_from_every_purge)
{
	int fd;
	char *p = region_of_pages(&fd, 64);

	write_pages(p, 0, 64, 1);
	for (int round = 0; round < 20; round++) {
		unpin(fd, 0, 64);
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, 64));
		if (round % 2)
			drop_caches("2");
		else
			CHECK_EQ(0, purge_all());
		CHECK_PAGES(p, 0, 64, 1);
	}
}

CASE(locked_pages_are_purged_when_unpinned)
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	write_pages(p, 0, 8, 1);
	CHECK_OK(mlock(p, 8 * page_size));
	unpin(fd, 2, 3);
	CHECK_EQ(3, purge_all());
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 8));
	CHECK_PAGES(p, 0, 2, 1);
	CHECK_ZERO(p, 2, 3);
	CHECK_PAGES(p, 5, 3, 1);
}

static bool in_memory(char *page)
{
	unsigned char resident;

	CHECK_OK(mincore(page, page_size, &resident));
	return resident & 1;
}

/* Return: does a process sleep where only SIGKILL wakes it, as in waiting for a lock? */
static bool sleeps_for_a_lock(pid_t pid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	CHECK(f);
	CHECK_EQ(1, fscanf(f, "%*d (%*[^)]) %c", &state));
	fclose(f);
	return state == 'D';
}

/*
 * A request purges every other page of a region, one after the other. Many mappings have
 * each. A client that waits for that is killed: it ends before the last page is purged. A
 * round counts if the client slept.
 */
enum { PAGES = 1024, MAPPINGS = 400 };

static void kill_what_waits_for_a_purge(int fd, char *base, void (*call)(int fd))
{
	bool seen = false;
	int status;

	while (race_goes_on(!seen)) {
		char *first = base, *last = base + (PAGES - 2) * page_size;
		pid_t purger, client;
		int start[2];

		for (size_t i = 0; i < PAGES; i++)
			base[i * page_size] = 1;
		for (size_t i = 0; i < PAGES; i += 2)
			unpin(fd, i, 1);
		CHECK_OK(pipe(start));
		client = checked_fork();
		if (!client) {
			CHECK_EQ(1, read(start[0], &status, 1));
			call(fd);
			_exit(0);
		}
		purger = checked_fork();
		if (!purger) {
			purge_all();
			_exit(0);
		}
		WAIT_UNTIL(!in_memory(first));
		CHECK_EQ(1, write(start[1], "x", 1));
		WAIT_UNTIL(sleeps_for_a_lock(client) || !in_memory(last));
		seen = sleeps_for_a_lock(client);
		CHECK_OK(kill(client, SIGKILL));
		CHECK_EQ(client, waitpid(client, &status, 0));
		seen = seen && WIFSIGNALED(status) && in_memory(last);
		CHECK_OK(kill(purger, SIGKILL));
		CHECK_EQ(purger, waitpid(purger, NULL, 0));
		close(start[0]);
		close(start[1]);
	}
}

static void call_pin(int fd)
{
	pin(fd, 0, 1);
}

static void call_unpin(int fd)
{
	unpin(fd, 0, 1);
}

static void call_status(int fd)
{
	pin_status(fd, 0, 1);
}

static void call_set_size(int fd)
{
	set_size(fd, page_size);
}

static void call_set_mask(int fd)
{
	set_mask(fd, PROT_READ);
}

static void call_get_info(int fd)
{
	region_info(fd);
}

static void call_get_name(int fd)
{
	char name[ASHMEM_NAME_LEN];

	ioctl(fd, ASHMEM_GET_NAME, name);
}

static void call_purge_all(int fd)
{
	ioctl(fd, ASHMEM_PURGE_ALL_CACHES);
}

static void call_mmap(int fd)
{
	try_map(fd, page_size, PROT_READ, MAP_PRIVATE, 0);
}

CASE_LIMIT(clients_that_wait_for_a_purge_can_be_killed, 120)
{
	static void (*const calls[])(int fd) = {
		call_pin, call_unpin, call_status, call_set_size, call_set_mask,
		call_get_info, call_get_name, call_purge_all, call_mmap,
	};
	int fd;
	char *base = region_of_pages(&fd, PAGES);

	/* A fork would wait for the purge at each mapping. */
	CHECK_OK(madvise(base, PAGES * page_size, MADV_DONTFORK));
	for (int i = 1; i < MAPPINGS; i++)
		CHECK_OK(madvise(region_map(fd, PAGES * page_size), PAGES * page_size,
				 MADV_DONTFORK));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		kill_what_waits_for_a_purge(fd, base, calls[i]);
}

CASE(private_mappings_keep_their_memory)
{
	int fd;
	char *p = region_of_pages(&fd, 16);
	char *q = checked_map(fd, 16 * page_size, RW, MAP_PRIVATE, 0);

	write_pages(p, 0, 16, 1);
	write_pages(q, 0, 16, 2);
	unpin(fd, 4, 8);
	CHECK_EQ(8, purge_all());
	CHECK_PAGES(p, 0, 4, 1);
	CHECK_ZERO(p, 4, 8);
	CHECK_PAGES(q, 0, 16, 2);
	unpin(fd, 0, 16);
	drop_caches("2");
	CHECK_PAGES(q, 0, 16, 2);
}

static size_t huge_bytes_at(const char *address)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool found = false;
	char text[1400];

	CHECK(f);
	while (fgets(text, sizeof(text), f)) {
		unsigned long start, end, kib;

		if (sscanf(text, "%lx-%lx ", &start, &end) == 2)
			found = (unsigned long)address >= start &&
				(unsigned long)address < end;
		if (found && sscanf(text, "AnonHugePages: %lu kB", &kib) == 1) {
			fclose(f);
			return kib << 10;
		}
	}
	FAIL("smaps has no AnonHugePages for %p", address);
}

#define THP_ENABLED	"/sys/kernel/mm/transparent_hugepage/enabled"

static char thp_at_start[64];

static void read_thp(char word[64])
{
	FILE *f = fopen(THP_ENABLED, "re");
	char text[64] = "";
	const char *selected;

	*word = 0;
	if (!f)
		return;
	selected = fgets(text, sizeof(text), f) ? strchr(text, '[') : NULL;
	if (selected)
		sscanf(selected, "[%63[a-z]]", word);
	fclose(f);
}

__attribute__((constructor)) static void remember_thp(void)
{
	read_thp(thp_at_start);
}

AFTER_EACH_CASE(restore_thp)
{
	char text[64];

	read_thp(text);
	if (strcmp(text, thp_at_start))
		write_file(THP_ENABLED, thp_at_start);
}

CASE(defect_13_private_huge_pages_are_not_lost_on_purge)
{
	enum { HUGE = 2 << 20, REGION = 4 * HUGE };
	const size_t pages = REGION / page_size;
	int fd = region_create(REGION);
	char *p = region_map(fd, REGION), *space, *q;

	CHECK(*thp_at_start);
	write_file(THP_ENABLED, "always");
	space = map_anonymous(REGION + HUGE);
	space = (char *)(((uintptr_t)space + HUGE - 1) & -(uintptr_t)HUGE);
	q = mmap(space, REGION, RW, MAP_PRIVATE | MAP_FIXED, fd, 0);
	CHECK(q == space);
	write_pages(q, 0, pages, 2);
	write_pages(p, 0, pages, 1);
	/* Without huge pages the case would show nothing. */
	CHECK(huge_bytes_at(q) >= HUGE);
	unpin(fd, 0, pages);
	CHECK_EQ(pages, purge_all());
	CHECK_ZERO(p, 0, pages);
	CHECK_PAGES(q, 0, pages, 2);
	write_pages(p, 0, pages, 3);
	unpin(fd, 0, pages);
	drop_caches("2");
	CHECK_PAGES(q, 0, pages, 2);
}
