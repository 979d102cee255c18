// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures what reclaim does to unpinned ranges at the limit of a cgroup: how long an
 * allocation waits for it, how much it purges, whom it slows down, and which ranges it
 * takes first. Prints a line per figure:
 *
 *	SIDE<tab>NAME<tab>VALUE
 *
 * The sides of a row are measured in turn in the same way, so that their ratio does
 * not depend on the machine. The measured processes have no swap, and nothing but
 * unpinned ranges and pages freed by MADV_FREE can be reclaimed from them.
 */
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "owner.h"

#define KIB		1024UL

/* How often an allocation must reach the limit while something is measured. */
#define FEWEST_HITS	8

static void figure(const char *side, const char *name, double value)
{
	printf("%s\t%s\t%.9g\n", side, name, value);
	fflush(stdout);
}

static double median(double *values, size_t count)
{
	sort(values, count);
	return values[count / 2];
}

/*
 * The slowest fault of a sibling.
 *
 * Two parents are measured in turn. Each has a limit and two children: the owner of a
 * region, and the sibling, which touches fresh memory at the parent's limit. In one
 * of them the region has no unpinned range, in the other it has all that are wanted.
 * The sibling always has 8 MiB of its own that reclaim can take at once.
 *
 * The figure is the median of the rounds' slowest faults. A fault that takes too
 * long is ended: pinning the region leaves nothing to purge. Its duration so far is
 * the figure then.
 */
enum {
	FAULTS = 2048,
	FAULT_ROUNDS = 7,
	FEWEST_ROUNDS = 3,
	LONGEST_FAULT = 20,	/* seconds */
	LONGEST_ROW = 60,
	MAPPINGS = 5000,
};

#define MOST_RANGES	1000000UL
/* Memory that stays free when the ranges' pages were touched. */
#define SPARE_MEMORY	(448 * MIB)
/* The module's memory for a range, or more. */
#define RANGE_STRUCTURE	256UL

enum side { NONE, RANGES };

static const char *const side_names[] = { "none", "ranges" };

/* If all ranges are touched, there are only as many as memory suffices for. */
static const struct fault_row {
	const char *name;
	size_t step;	/* every range whose number is a multiple is touched; 0: none */
	int mappings;
} fault_rows[] = {
	{ "touched", 1, 1 },
	{ "untouched", 0, 1 },
	{ "mapped", 10, MAPPINGS },
};

#define FAULT_ROWS	(sizeof(fault_rows) / sizeof(*fault_rows))

static const struct fault_row *fault_row;

/* What the sibling reports: when its present fault began, or 0, and all durations. */
static struct faults {
	_Atomic double began;
	double took[FAULTS];
} *faults;

static size_t faults_map(struct region *r, char what)
{
	(void)what;
	for (int i = 0; i < fault_row->mappings; i++)
		region_map(r);
	return 0;
}

/* Do at least 90 % of the ranges wait to be purged? */
static bool faults_filled(const struct region *r)
{
	struct ashmem_info info = { .struct_size = sizeof(info) };
	uint64_t bytes = r->ranges * r->pages * PAGE;

	if (ioctl(r->fd, ASHMEM_GET_INFO, &info))
		err(1, "information on a region");
	return info.unpinned >= bytes / 10 * 9 && info.purged <= bytes / 10;
}

static size_t faults_fill(struct region *r, char what)
{
	if (what == 'm')
		return faults_map(r, what);
	if (faults_filled(r))
		return 0;
	region_pin(r);
	for (size_t i = 0; fault_row->step && i < r->ranges;
	     i += fault_row->step)
		region_touch(r, i);
	region_unpin_each(r);
	return 0;
}

static void faults_of_sibling(const char *parent)
{
	size_t ahead = 8 * MIB / PAGE;
	char *p = map_memory((ahead + FAULTS) * PAGE, MAP_PRIVATE);

	touch(p, 0, ahead);
	if (madvise(p, ahead * PAGE, MADV_FREE))
		err(1, "MADV_FREE");
	group_limit(parent, group_usage(parent) + 64 * KIB);
	for (size_t i = 0; i < FAULTS; i++) {
		double began = now();

		atomic_store(&faults->began, began);
		touch(p, ahead + i, 1);
		atomic_store(&faults->began, 0);
		faults->took[i] = now() - began;
		if (i % 256 == 255)
			madvise(p + (ahead + i - 255) * PAGE, 256 * PAGE,
				MADV_FREE);
	}
	_exit(0);
}

/* Waits for the sibling. Returns false if one of its faults took too long. */
static bool faults_watch(pid_t sibling, const struct region *r)
{
	bool pinned = false;
	siginfo_t info;

	for (;;) {
		double began = atomic_load(&faults->began);

		info.si_pid = 0;
		if (waitid(P_PID, sibling, &info, WEXITED | WNOHANG | WNOWAIT))
			err(1, "wait");
		if (info.si_pid) {
			wait_for(sibling);
			return !pinned;
		}
		if (began && !pinned && now() - began > LONGEST_FAULT) {
			region_pin(r);
			pinned = true;
		}
		usleep(10000);
	}
}

/* Returns the slowest fault in seconds, as a negative number if it had to be ended. */
static double faults_slowest(const char *parent, const char *group,
			     const struct region *r)
{
	uint64_t hits = group_hits(parent);
	pid_t pid = fork_into(group);
	bool ended;

	if (!pid)
		faults_of_sibling(parent);
	ended = !faults_watch(pid, r);
	hits = group_hits(parent) - hits;
	if (!ended && hits < FEWEST_HITS)
		errx(1, "the limit was reached only %" PRIu64 " times", hits);
	group_limit(parent, NO_LIMIT);
	sort(faults->took, FAULTS);
	return ended ? -faults->took[FAULTS - 1] : faults->took[FAULTS - 1];
}

static size_t touched_ranges(void)
{
	unsigned long kib = 0, bytes;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	if (!f)
		err(1, "open /proc/meminfo");
	while (!kib && fgets(line, sizeof(line), f))
		sscanf(line, "MemAvailable: %lu", &kib);
	fclose(f);
	bytes = kib * KIB;
	if (bytes < 2 * SPARE_MEMORY)
		errx(1, "only %lu MiB of memory are available", bytes / MIB);
	bytes -= SPARE_MEMORY;
	bytes /= PAGE + RANGE_STRUCTURE;
	return bytes < MOST_RANGES ? bytes / 1000 * 1000 : MOST_RANGES;
}

static void bench_faults(const struct fault_row *row)
{
	static const char *const siblings[] = {
		"none/sibling", "ranges/sibling",
	};
	size_t n = row->step == 1 ? touched_ranges() : MOST_RANGES;
	double slowest[2][FAULT_ROUNDS], p999[2][FAULT_ROUNDS];
	double ended = 0, began = now();
	struct region r[2];
	struct owner o[2];
	char name[64];
	int rounds = 0;

	fault_row = row;
	faults = map_memory(sizeof(*faults), MAP_SHARED);
	for (int side = NONE; side <= RANGES; side++) {
		group_create_parent(side_names[side]);
		group_create(side == NONE ? "none/owner" : "ranges/owner");
		group_create(siblings[side]);
		r[side] = region_open(n, 1);
	}
	o[NONE] = owner_start("none/owner", &r[NONE], faults_map);
	o[RANGES] = owner_start("ranges/owner", &r[RANGES], faults_fill);
	owner_do(&o[NONE], 'm');
	owner_do(&o[RANGES], 'm');

	while (rounds < FAULT_ROUNDS && !ended &&
	       (rounds < FEWEST_ROUNDS || now() - began < LONGEST_ROW)) {
		owner_do(&o[RANGES], 'f');
		for (int side = NONE; side <= RANGES; side++) {
			double t = faults_slowest(side_names[side],
						  siblings[side], &r[side]);

			if (t < 0)
				ended = -t;
			slowest[side][rounds] = t;
			p999[side][rounds] = faults->took[FAULTS - 1 -
							  FAULTS / 1000];
		}
		rounds++;
	}

	snprintf(name, sizeof(name), "%s-ranges", row->name);
	figure("ranges", name, n);
	snprintf(name, sizeof(name), "%s-slowest", row->name);
	figure("none", name, median(slowest[NONE], rounds) * 1e3);
	figure("ranges", name,
	       (ended ? ended : median(slowest[RANGES], rounds)) * 1e3);
	snprintf(name, sizeof(name), "%s-p999", row->name);
	for (int side = NONE; side <= RANGES; side++)
		figure(side_names[side], name,
		       median(p999[side], rounds) * 1e3);
	owner_stop(&o[NONE]);
	owner_stop(&o[RANGES]);
}

/*
 * The purged bytes, beside those that were missing.
 *
 * One group has 16 regions with 256 unpinned ranges of 64 KiB each, so that tasks can
 * purge side by side, and tasks that touch 16 MiB of fresh memory together. In the row
 * "growth", its limit is what it uses when they begin. In the row "lowered", it gets a
 * limit while they allocate: 8 MiB below what it used when they began. Only a purge can
 * make room, so what is missing is known: what the group used, and the tasks' memory,
 * less the limit.
 *
 * Each reclaiming task may purge one range more. The task that lowers the limit is
 * one of them. A range counts as purged in whole, as its owner has lost it. The
 * figures are those of the round with the worst ratio.
 */
enum {
	PURGE_REGIONS = 16,
	PURGE_RANGES = 256,
	PURGE_PAGES = 16,
	PURGE_ROUNDS = 5,
	PURGE_TASKS = 16,
};

#define TASKS_BYTES	(16 * MIB)
#define LOWERED_BYTES	(8 * MIB)
/* A page table maps this many bytes. */
#define TABLE_BYTES	(2 * MIB)

/* 'm': maps, 'f': fills and unpins, 'p': pins, and returns how many ranges it lost. */
static size_t purge_act(struct region *regions, char what)
{
	size_t purged = 0;

	for (struct region *r = regions; r < regions + PURGE_REGIONS; r++) {
		if (what == 'm')
			region_map(r);
		if (what == 'p')
			purged += region_pin_each(r);
		if (what != 'f')
			continue;
		for (size_t i = 0; i < r->ranges; i++)
			region_touch(r, i);
		region_unpin_each(r);
	}
	return purged;
}

/* Pipes by which tasks report that they are ready, and wait until they may go on. */
struct gate {
	int ready[2], go[2];
};

static struct gate gate_open(void)
{
	struct gate g;

	if (pipe2(g.ready, O_CLOEXEC) || pipe2(g.go, O_CLOEXEC))
		err(1, "pipe");
	return g;
}

static void gate_close(const struct gate *g)
{
	for (int i = 0; i < 2; i++) {
		close(g->ready[i]);
		close(g->go[i]);
	}
}

/* A task stops here until gate_let_go(). */
static void gate_stop(const struct gate *g)
{
	char byte = 0;

	if (write(g->ready[1], &byte, 1) != 1 || read(g->go[0], &byte, 1) != 1)
		err(1, "a task");
}

static void gate_let_go(const struct gate *g, int tasks)
{
	char bytes[PURGE_TASKS] = { };

	if (write(g->go[1], bytes, tasks) != tasks)
		err(1, "let the tasks go on");
}

/* Waits until all tasks are at the gate. No task may end before. */
static void gate_wait(const struct gate *g, int tasks)
{
	struct pollfd ready = { .fd = g->ready[0], .events = POLLIN };
	siginfo_t info;
	char byte;

	while (tasks) {
		if (poll(&ready, 1, 100) > 0) {
			if (read(g->ready[0], &byte, 1) != 1)
				err(1, "wait for the tasks");
			tasks--;
			continue;
		}
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) ||
		    info.si_pid)
			errx(1, "a task died: was there an OOM kill?");
	}
}

/*
 * Touches one page for each page table, then, after a stop, the other pages. Keeps
 * the memory until all tasks have theirs.
 */
static void purge_task(size_t bytes, const struct gate *start,
		       const struct gate *end)
{
	char *p = map_memory(bytes, MAP_PRIVATE);

	for (size_t i = 0; i < bytes; i += TABLE_BYTES)
		touch(p, i / PAGE, 1);
	touch(p, bytes / PAGE - 1, 1);
	gate_stop(start);
	touch(p, 0, bytes / PAGE);
	gate_stop(end);
	_exit(0);
}

struct purge {
	double missing, purged, granted, ratio;
};

static struct purge purge_round(const struct owner *o, int tasks, bool lowered)
{
	size_t bytes = TASKS_BYTES / tasks, touched;
	struct gate start = gate_open(), end = gate_open();
	pid_t pids[PURGE_TASKS];
	uint64_t usage, limit;
	struct purge p;

	owner_do(o, 'f');
	for (int i = 0; i < tasks; i++) {
		pids[i] = fork_into("group");
		if (!pids[i])
			purge_task(bytes, &start, &end);
	}
	gate_wait(&start, tasks);
	touched = ((bytes + TABLE_BYTES - 1) / TABLE_BYTES + 1) * PAGE;
	usage = group_usage("group");
	limit = lowered ? usage - LOWERED_BYTES : usage;
	if (!lowered)
		group_limit("group", limit);
	gate_let_go(&start, tasks);
	if (lowered) {
		usleep(1000);
		group_limit("group", limit);
	}
	gate_wait(&end, tasks);
	group_limit("group", NO_LIMIT);
	gate_let_go(&end, tasks);
	for (int i = 0; i < tasks; i++)
		wait_for(pids[i]);
	gate_close(&start);
	gate_close(&end);

	p.missing = usage + tasks * (bytes - touched) - limit;
	p.purged = owner_do(o, 'p') * PURGE_PAGES * PAGE;
	p.granted = (tasks + lowered) * PURGE_PAGES * PAGE;
	p.ratio = (p.purged - p.granted) / p.missing;
	return p;
}

static void bench_purge(const char *name, int tasks, bool lowered)
{
	struct region regions[PURGE_REGIONS];
	struct purge worst = { .ratio = -1 };
	struct owner o;

	for (int i = 0; i < PURGE_REGIONS; i++)
		regions[i] = region_open(PURGE_RANGES, PURGE_PAGES);
	group_create("group");
	o = owner_start("group", regions, purge_act);
	owner_do(&o, 'm');
	for (int round = 0; round < PURGE_ROUNDS; round++) {
		struct purge p = purge_round(&o, tasks, lowered);

		if (p.ratio > worst.ratio)
			worst = p;
	}
	figure("missing", name, worst.missing / MIB);
	figure("purged", name, worst.purged / MIB);
	figure("granted", name, worst.granted / MIB);
	owner_stop(&o);
}

/*
 * A stream beside a busy region.
 *
 * A parent at its limit has two children: the owner of a region with 200,000 unpinned
 * ranges, and the stream, which touches fresh memory and frees it by MADV_FREE. The
 * owner keeps its processor busy all the time. In turn, it pins and unpins all ranges, or
 * makes empty system calls. Every 800th range has memory: the owner writes to it while it
 * is pinned, so that there is always something to purge. It does so as often when it is
 * idle, because what it writes takes memory from the stream, too.
 *
 * The owner pins range by range, or the whole region at once, which holds the
 * region's lock for a long time.
 */
enum {
	STREAM_RANGES = 200000,
	STREAM_TOUCHED = 800,
	STREAM_ROUNDS = 5,
};

/* Far more than fits, so that the limit presses all the time. */
#define STREAM_BYTES	(256 * MIB)
#define STREAM_ROOM	(16 * MIB)
#define STREAM_WARMUP	5.0	/* seconds, at most */
#define STREAM_SECONDS	3.0

static bool stream_at_once;

static struct stream {
	atomic_bool stop;
	atomic_size_t pages;
} *stream;

static void run_on(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(1, "processor %d", cpu);
}

/* Pins, writes and unpins the ranges that have memory, and no others. */
static void stream_refill(const struct region *r)
{
	for (size_t i = 0; i < r->ranges; i += STREAM_TOUCHED) {
		struct ashmem_pin64 range = { i * r->stride * PAGE, r->pages * PAGE };

		if (ioctl(r->fd, ASHMEM_PIN64, &range) < 0)
			err(1, "pin a range");
		region_touch(r, i);
		if (ioctl(r->fd, ASHMEM_UNPIN64, &range) < 0)
			err(1, "unpin a range");
	}
}

/* 'b': busy, 'i': idle, until told to stop. Returns the number of cycles. */
static size_t stream_act(struct region *r, char what)
{
	static double cycle; /* how long one takes while the owner is busy, in seconds */
	double began = now();
	size_t cycles = 0;

	if (!r->base) {
		run_on(1);
		region_map(r);
		region_unpin_each(r);
	}
	while (!atomic_load(&stream->stop)) {
		if (what == 'i') {
			stream_refill(r);
			cycles++;
			while (now() < began + cycles * cycle && !atomic_load(&stream->stop))
				syscall(SYS_getppid);
			continue;
		}
		if (stream_at_once)
			region_pin(r);
		else
			region_pin_each(r);
		for (size_t i = 0; i < r->ranges; i += STREAM_TOUCHED)
			region_touch(r, i);
		region_unpin_each(r);
		cycles++;
	}
	if (what == 'b')
		cycle = (now() - began) / cycles;
	return cycles;
}

static void stream_run(void)
{
	char *p = map_memory(STREAM_BYTES, MAP_PRIVATE);

	run_on(0);
	for (;;) {
		for (size_t i = 0; i < STREAM_BYTES; i += MIB) {
			for (size_t j = 0; j < MIB; j += PAGE) {
				touch(p, (i + j) / PAGE, 1);
				atomic_fetch_add(&stream->pages, 1);
			}
			if (madvise(p + i, MIB, MADV_FREE))
				err(1, "MADV_FREE");
		}
	}
}

/* Waits until the stream has passed what was left from before. */
static void stream_warm_up(void)
{
	size_t pages = atomic_load(&stream->pages) + STREAM_ROOM / PAGE;
	double began = now();

	do {
		usleep(500000);
	} while (atomic_load(&stream->pages) < pages &&
		 now() - began < STREAM_WARMUP);
}

/* MiB per second while the owner is busy ('b') or idle ('i'). */
static double stream_rate(const struct owner *o, char what)
{
	uint64_t hits = group_hits("parent");
	double began, took;
	size_t pages;

	atomic_store(&stream->stop, false);
	owner_ask(o, what);
	stream_warm_up();
	pages = atomic_load(&stream->pages);
	began = now();
	usleep(STREAM_SECONDS * 1e6);
	pages = atomic_load(&stream->pages) - pages;
	took = now() - began;
	atomic_store(&stream->stop, true);
	if (!owner_answer(o))
		errx(1, "the owner of the region did nothing");
	if (pages * PAGE > STREAM_BYTES / 4 &&
	    group_hits("parent") - hits < FEWEST_HITS)
		errx(1, "the stream did not reach the limit");
	return pages * PAGE / took / MIB;
}

static void bench_stream(const char *name, bool at_once)
{
	double idle[STREAM_ROUNDS], busy[STREAM_ROUNDS];
	struct region r = region_open(STREAM_RANGES, 1);
	struct owner o;
	pid_t pid;

	stream_at_once = at_once;
	stream = map_memory(sizeof(*stream), MAP_SHARED);
	group_create_parent("parent");
	group_create("parent/owner");
	group_create("parent/stream");
	atomic_store(&stream->stop, true);
	o = owner_start("parent/owner", &r, stream_act);
	owner_do(&o, 'i');
	group_limit("parent", group_usage("parent") + STREAM_ROOM);
	pid = fork_into("parent/stream");
	if (!pid)
		stream_run();
	for (int round = 0; round < STREAM_ROUNDS; round++) {
		busy[round] = stream_rate(&o, 'b');
		idle[round] = stream_rate(&o, 'i');
	}
	figure("idle", name, median(idle, STREAM_ROUNDS));
	figure("busy", name, median(busy, STREAM_ROUNDS));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	owner_stop(&o);
}

/*
 * The order of purges.
 *
 * A group has 64 regions with 64 ranges each, which are unpinned in random order
 * across the regions. In the row "again", half of them are then pinned and unpinned
 * again in another random order. Half of all ranges have to go, little by little:
 * first the process allocates at the limit, then the limit is lowered. After each
 * step mincore() shows which ranges are still in memory.
 *
 * A purged range is in order unless a range that was last unpinned before it is still
 * in memory after the step.
 */
enum {
	ORDER_REGIONS = 64,
	ORDER_RANGES = 64,
	ORDER_PAGES = 4,
	ORDER_ALL = ORDER_REGIONS * ORDER_RANGES,
	ORDER_ROUNDS = 3,
	ORDER_STEP = 8,		/* pages */
};

static struct order {
	size_t purged, in_order;
} *order;

struct order_range {
	const struct region *region;
	size_t number;
	bool gone;
};

static void order_request(const struct order_range *range, unsigned long request)
{
	const struct region *r = range->region;
	struct ashmem_pin64 pin = {
		range->number * r->stride * PAGE, r->pages * PAGE,
	};

	if (ioctl(r->fd, request, &pin))
		err(1, "pin or unpin a range");
}

static void shuffle(struct order_range *ranges, size_t count, uint64_t *random)
{
	for (size_t i = count - 1; i > 0; i--) {
		size_t j = random_below(random, i + 1);
		struct order_range other = ranges[i];

		ranges[i] = ranges[j];
		ranges[j] = other;
	}
}

/* Sets @ranges to all ranges in the order of their last unpin. */
static void order_unpin(struct order_range *ranges, const struct region *regions,
			bool again, uint64_t *random)
{
	static struct order_range old[ORDER_ALL];
	size_t once = 0, twice = ORDER_ALL;

	for (size_t i = 0; i < ORDER_ALL; i++)
		ranges[i] = (struct order_range){
			.region = &regions[i / ORDER_RANGES],
			.number = i % ORDER_RANGES,
		};
	shuffle(ranges, ORDER_ALL, random);
	for (size_t i = 0; i < ORDER_ALL; i++)
		order_request(&ranges[i], ASHMEM_UNPIN64);
	if (!again)
		return;
	memcpy(old, ranges, sizeof(old));
	for (size_t i = 0; i < ORDER_ALL; i++) {
		if (random_below(random, 2))
			ranges[--twice] = old[i];
		else
			ranges[once++] = old[i];
	}
	shuffle(ranges + twice, ORDER_ALL - twice, random);
	for (size_t i = twice; i < ORDER_ALL; i++) {
		order_request(&ranges[i], ASHMEM_PIN64);
		order_request(&ranges[i], ASHMEM_UNPIN64);
	}
}

/* Looks which ranges went in the last step. */
static void order_look(struct order_range *ranges, const struct region *regions)
{
	static unsigned char resident[ORDER_REGIONS][2 * ORDER_RANGES *
						     ORDER_PAGES];
	size_t oldest = ORDER_ALL, purged = 0, later = 0;

	for (size_t i = 0; i < ORDER_REGIONS; i++)
		if (mincore(regions[i].base, region_bytes(&regions[i]),
			    resident[i]))
			err(1, "mincore");
	for (size_t i = 0; i < ORDER_ALL; i++) {
		const struct region *r = ranges[i].region;
		const unsigned char *page = resident[r - regions] +
					    ranges[i].number * r->stride;
		size_t pages = 0;

		if (ranges[i].gone)
			continue;
		for (size_t j = 0; j < r->pages; j++)
			pages += page[j] & 1;
		ranges[i].gone = pages < r->pages;
		if (!ranges[i].gone && oldest == ORDER_ALL)
			oldest = i;
		if (ranges[i].gone) {
			purged++;
			later += i > oldest;
		}
	}
	order->purged += purged;
	order->in_order += purged - later;
}

static void order_round(const char *group, bool again, uint64_t random)
{
	static struct order_range ranges[ORDER_ALL];
	struct region regions[ORDER_REGIONS];
	size_t most = ORDER_ALL * ORDER_PAGES, steps;
	size_t begin = order->purged;
	char *p = map_memory(most * PAGE, MAP_PRIVATE);

	for (size_t i = 0; i < ORDER_REGIONS; i++) {
		regions[i] = region_open(ORDER_RANGES, ORDER_PAGES);
		region_map(&regions[i]);
		for (size_t j = 0; j < ORDER_RANGES; j++)
			region_touch(&regions[i], j);
	}
	order_unpin(ranges, regions, again, &random);
	order_look(ranges, regions);
	if (order->purged != begin)
		errx(1, "ranges were purged before the limit was set");
	group_limit(group, group_usage(group));
	for (steps = 0; order->purged - begin < ORDER_ALL / 4; steps++) {
		if (steps == most / ORDER_STEP)
			errx(1, "the limit purged too few ranges");
		touch(p, steps * ORDER_STEP, ORDER_STEP);
		order_look(ranges, regions);
	}
	for (steps = 0; order->purged - begin < ORDER_ALL / 2; steps++) {
		if (steps == most / ORDER_STEP)
			errx(1, "a lower limit purged too few ranges");
		group_limit(group, group_usage(group) - ORDER_STEP * PAGE);
		order_look(ranges, regions);
	}
	_exit(0);
}

static void bench_order(const char *name, bool again)
{
	order = map_memory(sizeof(*order), MAP_SHARED);
	group_create("group");
	for (int round = 0; round < ORDER_ROUNDS; round++) {
		pid_t pid = fork_into("group");

		if (!pid)
			order_round("group", again, round + 1);
		wait_for(pid);
		group_limit("group", NO_LIMIT);
	}
	figure("purged", name, order->purged);
	figure("in-order", name, order->in_order);
}

static void usage(FILE *out)
{
	fputs("usage: reclaim ROW\n"
	      "  touched      slowest fault of a sibling at the parent's limit, ms: beside a region without\n"
	      "               unpinned ranges, and beside as many touched ones as memory suffices for\n"
	      "  untouched    the same with 1,000,000 ranges that were never touched\n"
	      "  mapped       the same with 1,000,000 ranges, every tenth of them touched, in a region\n"
	      "               that is mapped 5,000 times\n"
	      "  growth-N     purged bytes while N tasks allocate at their group's limit, beside those that\n"
	      "               were missing, MiB\n"
	      "  lowered-N    the same while a group's limit is lowered and N of its tasks allocate\n"
	      "  busy-each    rate of a stream at the limit beside a region whose owner pins and unpins\n"
	      "               200,000 ranges one by one, and beside an idle one, MiB/s\n"
	      "  busy-whole   the same with an owner that pins all ranges at once\n"
	      "  order-once   purged ranges of 64 regions, and how many were purged in order\n"
	      "  order-again  the same when half of the ranges were unpinned again\n"
	      "Prints side, name and figure, separated by tabs. Needs root and memory cgroups.\n", out);
}

static bool bench(const char *row)
{
	size_t i = 0;
	int tasks;

	while (i < FAULT_ROWS && strcmp(row, fault_rows[i].name))
		i++;
	if (i < FAULT_ROWS)
		bench_faults(&fault_rows[i]);
	else if ((sscanf(row, "growth-%d", &tasks) == 1 ||
		  sscanf(row, "lowered-%d", &tasks) == 1) &&
		 tasks > 0 && tasks <= PURGE_TASKS)
		bench_purge(row, tasks, *row == 'l');
	else if (!strcmp(row, "busy-each"))
		bench_stream(row, false);
	else if (!strcmp(row, "busy-whole"))
		bench_stream(row, true);
	else if (!strcmp(row, "order-once"))
		bench_order(row, false);
	else if (!strcmp(row, "order-again"))
		bench_order(row, true);
	else
		return false;
	groups_remove();
	return true;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	if (argc != 2 || !bench(argv[1])) {
		usage(stderr);
		return 2;
	}
	return 0;
}
