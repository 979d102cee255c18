// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract: if PIN returns NOT_PURGED, every byte of the range is intact.
 * Threads of several processes pin, check every byte, write and unpin. All share
 * the same regions, and each has its own pages there. Meanwhile others purge, fork,
 * map, move mappings, pass descriptors, die, swap, make huge pages and reach a
 * limit. One lost byte fails the case.
 *
 *	stress [--seed=N] [--seconds=N] [CASE]...
 *
 * Each case lasts --seconds. Without it each thread and each process has to do some
 * rounds, and all go on until the last one has done them. The seed decides what each
 * thread does, but not how the threads interleave.
 *
 * ABI, semantics: NOT_PURGED; pinned pages are not purged; purged pages are
 *	zero; fork
 */
#include <pthread.h>

#include "cgroup.h"
#include "swap.h"

enum { REGIONS = 2, PROCESSES = 2, THREADS = 2, LONGEST_RUN = 12 };
enum { WORKERS = PROCESSES * THREADS };
enum { ROUNDS = 800 };		/* of each worker, at least */

/* What disturbs the workers. */
enum {
	PURGE_ALL	= 1 << 0,
	DROP_CACHES	= 1 << 1,
	MADVISE_REMOVE	= 1 << 2,
	LIVES		= 1 << 3,	/* regions, mappings, children come and go */
	DEATHS		= 1 << 4,	/* processes die in the middle of a call */
	RECLAIM		= 1 << 5,	/* memory.reclaim, or a lower memory.high */
	PAGE_OUT	= 1 << 6,
	HUGE_PAGES	= 1 << 7,	/* are allowed and forbidden */
	LAST_DISTURBER	= HUGE_PAGES,
};

struct region {
	int fd;
	size_t pages;
	unsigned char *owner;	/* for each page, the worker that uses it */
};

/* The counts of all processes together. */
struct totals {
	_Atomic uint64_t rounds, purged_pages, checked_pages;
	atomic_int unfinished;	/* workers and disturbers that have rounds to do */
	atomic_flag collapsing;
};

static struct region regions[REGIONS];
static struct totals *totals;
static int disturbers;

/* A worker: its own mapping, and the expected state of its pages. */
struct worker {
	unsigned int number;
	uint64_t random;
	struct region *region;
	char *base;
	uint64_t *generation;
	bool *unpinned;
	uint64_t next_generation;
	uint64_t rounds, purged;
};

static void regions_create(size_t pages)
{
	uint64_t random = test_seed;

	for (size_t r = 0; r < REGIONS; r++) {
		struct region *g = &regions[r];
		char *base;

		g->pages = pages;
		base = region_of_pages(&g->fd, pages);
		g->owner = calloc(pages, 1);
		for (size_t page = 0; page < pages;) {
			size_t run = 1 + random_below(&random, LONGEST_RUN);
			/* Worker w uses region w % REGIONS. */
			unsigned int w = r + REGIONS *
				random_below(&random, WORKERS / REGIONS);

			while (run-- && page < pages)
				g->owner[page++] = w;
		}
		/* One page at a time: the limit may be near. */
		for (size_t page = 0; page < pages; page++) {
			write_page(base + page * page_size, page, 0);
			unpin(g->fd, page, 1);
		}
		/* A page can be swapped out only if its owner alone maps it. */
		CHECK_OK(munmap(base, pages * page_size));
	}
}

static void lost(const struct worker *w, size_t page, const char *what)
{
	const char *p = w->base + page * page_size;

	FAIL("worker %u, round %" PRIu64 ", page %zu, generation %" PRIu64 ": %s; the page is %s (--seed=%" PRIu64 ")",
	     w->number, w->rounds, page, w->generation[page], what,
	     page_is(p, page, w->generation[page]) ? "intact" :
	     page_is_zero(p) ? "zero" : "neither intact nor zero", test_seed);
}

/* Chooses one of the worker's runs of pages, or a part of one. */
static void choose_range(struct worker *w, size_t *first, size_t *end)
{
	const struct region *g = w->region;
	size_t page;

	do
		page = random_below(&w->random, g->pages);
	while (g->owner[page] != w->number);
	*first = page;
	*end = page + 1;
	while (*end < g->pages && g->owner[*end] == w->number &&
	       random_below(&w->random, 6))
		++*end;
	while (*first && g->owner[*first - 1] == w->number &&
	       random_below(&w->random, 6))
		--*first;
}

static void pin_and_check(struct worker *w, size_t first, size_t end)
{
	int result = pin(w->region->fd, first, end - first);
	size_t zero = 0;

	for (size_t i = first; i < end; i++) {
		const char *p = w->base + i * page_size;

		if (page_is(p, i, w->generation[i]))
			continue;
		if (result == ASHMEM_NOT_PURGED)
			lost(w, i, "the pin returned NOT_PURGED");
		if (!w->unpinned[i])
			lost(w, i, "it was pinned");
		if (!page_is_zero(p))
			lost(w, i, "the pin returned WAS_PURGED");
		zero++;
	}
	if (result == ASHMEM_WAS_PURGED && !zero)
		lost(w, first, "the pin returned WAS_PURGED, but no page is lost");
	w->purged += zero;
	atomic_fetch_add(&totals->purged_pages, zero);
	atomic_fetch_add(&totals->checked_pages, end - first);
	for (size_t i = first; i < end; i++) {
		w->unpinned[i] = false;
		if (page_is_zero(w->base + i * page_size)) {
			w->generation[i] = w->next_generation;
			write_page(w->base + i * page_size, i,
				   w->generation[i]);
		}
	}
}

static void check_pinned(struct worker *w, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (!page_is(w->base + i * page_size, i, w->generation[i]))
			lost(w, i, "it is pinned");
	atomic_fetch_add(&totals->checked_pages, end - first);
}

static void check_pinned_by_read(struct worker *w, size_t page)
{
	char *buffer = aligned_alloc(page_size, page_size);

	CHECK_EQ(page_size, pread(w->region->fd, buffer, page_size,
				  page * page_size));
	if (!page_is(buffer, page, w->generation[page]))
		lost(w, page, "it is pinned, but read() returns something else");
	free(buffer);
}

static void check_pinned_in_child(struct worker *w, size_t first, size_t end)
{
	pid_t pid = checked_fork();

	if (!pid) {
		check_pinned(w, first, end);
		_exit(0);
	}
	CHECK_CHILD(pid);
}

static void unpin_range(struct worker *w, size_t first, size_t end)
{
	unpin(w->region->fd, first, end - first);
	for (size_t i = first; i < end; i++)
		w->unpinned[i] = true;
}

static void map_first(struct worker *w)
{
	size_t length = w->region->pages * page_size;

	w->base = map_aligned(w->region->fd, length);
	if (disturbers & HUGE_PAGES)
		CHECK_OK(madvise(w->base, length, MADV_HUGEPAGE));
}

static void map_anew(struct worker *w)
{
	CHECK_OK(munmap(w->base, w->region->pages * page_size));
	map_first(w);
}

static void move_mapping(struct worker *w)
{
	size_t length = w->region->pages * page_size;
	char *space = map_aligned(w->region->fd, length);
	char *p = mremap(w->base, length, length,
			 MREMAP_MAYMOVE | MREMAP_FIXED, space);

	if (p == MAP_FAILED)
		FAIL("mremap: %s", errno_name(errno));
	w->base = p;
}

/*
 * Only one worker at a time: the kernel charges the huge page before it frees the
 * small ones, which cannot be reclaimed meanwhile. Four workers at once would need
 * more than the limit, which would then kill however much is unpinned.
 */
static void collapse(struct worker *w)
{
	if (atomic_flag_test_and_set(&totals->collapsing))
		return;
	/* May fail: older kernels lack it, and there may be no free huge page. */
	madvise(w->base, w->region->pages * page_size, 25 /* MADV_COLLAPSE */);
	atomic_flag_clear(&totals->collapsing);
}

static void work_round(struct worker *w)
{
	size_t first, end, part;

	choose_range(w, &first, &end);
	w->next_generation++;
	pin_and_check(w, first, end);
	CHECK_EQ(ASHMEM_IS_PINNED, pin_status(w->region->fd, first,
					      end - first));
	for (size_t i = first; i < end; i++) {
		if (random_below(&w->random, 2))
			continue;
		w->generation[i] = w->next_generation;
		write_page(w->base + i * page_size, i, w->generation[i]);
	}
	switch (random_below(&w->random, 64)) {
	case 0:
		check_pinned_in_child(w, first, end);
		break;
	case 1:
		map_anew(w);
		break;
	case 2:
		move_mapping(w);
		break;
	case 3 ... 6:
		sleep_ms(random_below(&w->random, 3));
		break;
	case 13:
		if (disturbers & PAGE_OUT)
			CHECK_OK(madvise(w->base, w->region->pages * page_size,
					 MADV_PAGEOUT));
		break;
	case 14:
		if (disturbers & HUGE_PAGES)
			collapse(w);
		break;
	case 7 ... 12:
		check_pinned_by_read(w, first);
		break;
	}
	check_pinned(w, first, end);
	/* Mostly the whole range, sometimes only its beginning or its end. */
	part = first + random_below(&w->random, end - first);
	switch (random_below(&w->random, 8)) {
	case 0:
		unpin_range(w, first, part + 1);
		break;
	case 1:
		unpin_range(w, part, end);
		break;
	default:
		unpin_range(w, first, end);
	}
}

static bool goes_on(void)
{
	return race_goes_on(atomic_load(&totals->unfinished));
}

static void *run_worker(void *argument)
{
	struct worker *w = argument;

	w->generation = calloc(w->region->pages, sizeof(*w->generation));
	w->unpinned = calloc(w->region->pages, sizeof(*w->unpinned));
	memset(w->unpinned, true, w->region->pages);
	map_first(w);
	do {
		work_round(w);
		w->rounds++;
		atomic_fetch_add(&totals->rounds, 1);
		if (w->rounds == ROUNDS)
			atomic_fetch_sub(&totals->unfinished, 1);
	} while (goes_on());
	/* At the end, checks all its pages. */
	for (size_t i = 0; i < w->region->pages; i++) {
		if (w->region->owner[i] != w->number)
			continue;
		pin_and_check(w, i, i + 1);
		unpin_range(w, i, i + 1);
	}
	return NULL;
}

static void run_process(unsigned int process)
{
	struct worker workers[THREADS] = { };
	pthread_t threads[THREADS];

	for (unsigned int t = 0; t < THREADS; t++) {
		struct worker *w = &workers[t];

		w->number = process * THREADS + t;
		w->region = &regions[w->number % REGIONS];
		w->random = test_seed * (w->number + 2) + 1;
		CHECK_EQ(0, pthread_create(&threads[t], NULL, run_worker, w));
	}
	for (unsigned int t = 0; t < THREADS; t++) {
		CHECK_EQ(0, pthread_join(threads[t], NULL));
		printf("# worker %u: %" PRIu64 " rounds, %" PRIu64 " purged pages\n",
		       workers[t].number, workers[t].rounds,
		       workers[t].purged);
	}
	fflush(stdout);
}

static void disturb_by_madvise_remove(uint64_t *random, int fd, char *p,
				      size_t pages)
{
	size_t first = random_below(random, pages / 2);

	write_pages(p, first, pages / 4, 1);
	unpin(fd, first, pages / 4);
	CHECK_OK(madvise(p + first * page_size, pages / 2 * page_size,
			 MADV_REMOVE));
	if (random_below(random, 2))
		pin(fd, 0, pages);
}

static void disturb_by_lives(uint64_t *random)
{
	struct region *g = &regions[random_below(random, REGIONS)];
	size_t first = random_below(random, g->pages);
	char *p = checked_map(g->fd, (g->pages - first) * page_size, RW,
			      random_below(random, 2) ? MAP_SHARED :
			      MAP_PRIVATE, first * page_size), *q;
	int fd = CHECK_OK(dup(g->fd)), other;

	q = region_of_pages(&other, 16);
	write_pages(q, 0, 16, 1);
	unpin(other, 3, 7);
	CHECK_OK(munmap(p, (g->pages - first) * page_size));
	close(fd);
	close(other);
	CHECK_OK(munmap(q, 16 * page_size));
}

/* Passes a descriptor to a process that maps the region and reads a status. */
static void pass_descriptor(int fd, size_t length)
{
	int pair[2];
	pid_t pid;

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	send_descriptor(pair[0], fd);
	pid = checked_fork();
	if (!pid) {
		int got = receive_descriptor(pair[1]);

		pin_status(got, 0, 1);
		CHECK_OK(munmap(region_map(got, length), length));
		_exit(0);
	}
	close(pair[0]);
	close(pair[1]);
	CHECK_CHILD(pid);
}

/* Kills a child that uses its own region and a mapping of a shared one. */
static void disturb_by_deaths(uint64_t *random)
{
	const struct region *g = &regions[random_below(random, REGIONS)];
	pid_t pid = checked_fork();
	int fd;

	if (!pid) {
		char *p = region_of_pages(&fd, 64);

		for (;;) {
			size_t length = g->pages * page_size;

			write_pages(p, 0, 64, 1);
			unpin(fd, 0, 64);
			pin(fd, random_below(random, 64), 1);
			CHECK_OK(munmap(region_map(g->fd, length), length));
		}
	}
	sleep_ms(random_below(random, 20));
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_OK(waitpid(pid, NULL, 0));
}

static void disturb_by_reclaim(uint64_t *random)
{
	char path[512], text[32];
	size_t bytes = (1 + random_below(random, 1024)) * page_size;
	int fd;

	cgroup_path(path, "a", "memory.reclaim");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		snprintf(text, sizeof(text), "%zu", bytes);
		/* It is no error here if reclaim found less than was wanted. */
		if (write(fd, text, strlen(text)) < 0)
			CHECK_EQ(EAGAIN, errno);
		close(fd);
		return;
	}
	CHECK_EQ(ENOENT, errno);
	cgroup_set("a", "memory.high",
		   cgroup_get("a", "memory.current", NULL) / 2 + bytes);
	sleep_ms(1);
	cgroup_write("a", "memory.high", "max");
}

static void disturb_by_huge_pages(uint64_t *random)
{
	static const char *const modes[] = { "always", "advise", "never" };

	write_file(SHMEM_ENABLED, modes[random_below(random, 3)]);
}

/* Waits until the workers together have done some more rounds. */
static void wait_for_rounds(uint64_t rounds)
{
	rounds += atomic_load(&totals->rounds);
	WAIT_UNTIL(atomic_load(&totals->rounds) >= rounds || !goes_on());
}

static pid_t fork_disturber(int what)
{
	pid_t pid = checked_fork();
	unsigned int rounds = what <= DROP_CACHES ? 3 : what == LIVES ? 50 : 20;
	uint64_t random = test_seed + what;
	char *p;
	int fd;

	if (pid)
		return pid;
	p = region_of_pages(&fd, 128);
	for (unsigned int round = 1; goes_on(); round++) {
		switch (what) {
		case PURGE_ALL:
			purge_all();
			break;
		case DROP_CACHES:
			drop_caches("2");
			break;
		case MADVISE_REMOVE:
			disturb_by_madvise_remove(&random, fd, p, 128);
			break;
		case LIVES:
			disturb_by_lives(&random);
			pass_descriptor(regions[0].fd,
					regions[0].pages * page_size);
			break;
		case DEATHS:
			disturb_by_deaths(&random);
			break;
		case RECLAIM:
			disturb_by_reclaim(&random);
			break;
		case HUGE_PAGES:
			disturb_by_huge_pages(&random);
			break;
		}
		if (round == rounds)
			atomic_fetch_sub(&totals->unfinished, 1);
		/*
		 * A purge of everything must be rare, or it leaves nothing to
		 * the others: workers have to fill the regions in between.
		 */
		if (what <= DROP_CACHES)
			wait_for_rounds(random_below(&random, test_seconds ?
						     40000 : 2500));
		else
			sleep_ms(random_below(&random, what == LIVES ? 5 : 40));
	}
	_exit(0);
}

static void tell_totals(void)
{
	printf("# %" PRIu64 " rounds, %" PRIu64 " pages found purged, %" PRIu64
	       " MiB checked, seed %" PRIu64 "\n", totals->rounds, totals->purged_pages,
	       totals->checked_pages * page_size / MIB, test_seed);
	fflush(stdout);
}

/* Prints the counts every half minute of a run of many --seconds. */
static void tell_progress(void)
{
	double next = case_began + 30;
	siginfo_t child;

	while (next < case_began + test_seconds) {
		sleep_ms(1000);
		child.si_pid = 0;
		CHECK_OK(waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT));
		/* A child that ends before its time has failed. */
		if (child.si_pid)
			return;
		if (now() < next)
			continue;
		tell_totals();
		next += 30;
	}
}

static void run_stress(size_t pages, int against)
{
	pid_t pids[PROCESSES + 8];
	size_t count = 0;

	disturbers = against;
	totals = map_shared(sizeof(*totals));
	regions_create(pages);
	totals->unfinished = WORKERS;
	for (int what = 1; what <= LAST_DISTURBER; what <<= 1)
		totals->unfinished += !!(disturbers & what & ~PAGE_OUT);
	for (unsigned int process = 0; process < PROCESSES; process++) {
		pid_t pid = checked_fork();

		if (!pid) {
			run_process(process);
			_exit(0);
		}
		pids[count++] = pid;
	}
	for (int what = 1; what <= LAST_DISTURBER; what <<= 1)
		if (disturbers & what & ~PAGE_OUT)
			pids[count++] = fork_disturber(what);
	tell_progress();
	while (count)
		CHECK_CHILD(pids[--count]);
	tell_totals();
}

static void create_limited_group(size_t limit)
{
	cgroup_create("a");
	cgroup_set("a", "memory.max", limit);
}

/* The regions are larger than the limit: a task that reaches it purges. */
static void run_stress_at_a_limit(int against)
{
	size_t limit = cgroup_get("a", "memory.max", NULL);
	pid_t pid = fork_into("a");

	if (!pid) {
		run_stress(limit * 6 / 5 / REGIONS / page_size, against);
		_exit(0);
	}
	CHECK_CHILD(pid);
	CHECK_EQ(0, cgroup_oom_kills("a"));
}

CASE_LIMIT(no_byte_is_lost_to_purge_all, 100)
{
	run_stress(512, PURGE_ALL | LIVES);
}

CASE_LIMIT(no_byte_is_lost_to_drop_caches, 100)
{
	run_stress(512, DROP_CACHES | MADVISE_REMOVE);
}

CASE_LIMIT(no_byte_is_lost_at_a_limit, 100)
{
	create_limited_group(10 * MIB);
	run_stress_at_a_limit(0);
}

CASE_LIMIT(no_byte_is_lost_to_all_of_them, 100)
{
	create_limited_group(10 * MIB);
	run_stress_at_a_limit(PURGE_ALL | DROP_CACHES | MADVISE_REMOVE | LIVES);
}

/* Return: the sum of the named counters in /proc/vmstat or another such list. */
static uint64_t counters(const char *list, const char *names)
{
	FILE *f = fopen(list, "re");
	unsigned long long value;
	uint64_t sum = 0;
	char name[64];

	if (!f)
		FAIL("open %s: %s", list, errno_name(errno));
	while (fscanf(f, "%63s %llu", name, &value) == 2)
		if (strstr(names, name))
			sum += value;
	fclose(f);
	return sum;
}

struct counts {
	uint64_t swapped_out, huge, by_limit;
};

static struct counts count_all(void)
{
	return (struct counts) {
		.swapped_out = counters("/proc/vmstat", "pswpout"),
		.huge = counters("/proc/vmstat",
				 "thp_file_alloc thp_collapse_alloc"),
		.by_limit = counters("/sys/kernel/debug/ashmem/totals",
				     "purged_by_limit"),
	};
}

/* Return: what did not happen in a run, or NULL. */
static const char *missing(struct counts before, struct counts after)
{
	if (after.swapped_out == before.swapped_out)
		return "no page was swapped out";
	if (after.huge == before.huge)
		return "no huge page was made";
	if (after.by_limit == before.by_limit)
		return "nothing was purged at a limit";
	return NULL;
}

CASE_LIMIT(no_byte_is_lost_to_anything, 100)
{
	struct counts before, after;

	make_swap();
	/* A huge page needs 4 MiB while it is made; khugepaged makes some too. */
	create_limited_group(16 * MIB);
	before = count_all();
	/* Until each of these has happened: one run is not always enough. */
	for (;;) {
		run_stress_at_a_limit(2 * LAST_DISTURBER - 1);
		after = count_all();
		if (!missing(before, after) || test_seconds)
			break;
		printf("# once more: %s\n", missing(before, after));
		fflush(stdout);
	}
	printf("# %" PRIu64 " pages swapped out, %" PRIu64 " huge pages made, %" PRIu64 " bytes purged at a limit\n",
	       after.swapped_out - before.swapped_out, after.huge - before.huge,
	       after.by_limit - before.by_limit);
	fflush(stdout);
	if (missing(before, after))
		FAIL("%s", missing(before, after));
}
