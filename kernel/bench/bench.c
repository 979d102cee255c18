// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures the speed of one or two ashmem drivers. Prints a line per figure:
 *
 *	DRIVER<tab>NAME<tab>VALUE
 *
 * The machine may have other work to do. So each figure is the best of many short
 * batches, which is the least disturbed one. Two drivers take turns after each
 * batch.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ashmem.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define PURGE_BYTES	(512 * MIB)
#define PURGE_ROUNDS	2
#define TRACING		"/sys/kernel/tracing/events/kmem"

/* The drivers to compare, in the order in which they take turns. */
static struct driver {
	const char *name;
	const char *device;
} drivers[2];

static int nr_drivers;

struct region {
	int fd;
	char *base;
	size_t bytes;
};

static void region_open(struct region *r, const struct driver *driver,
			size_t bytes)
{
	r->bytes = bytes;
	r->fd = open(driver->device, O_RDWR | O_CLOEXEC);
	if (r->fd < 0)
		err(1, "open %s", driver->device);
	if (ioctl(r->fd, ASHMEM_SET_SIZE, bytes))
		err(1, "set a size of %zu bytes", bytes);
	r->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_NORESERVE, r->fd, 0);
	if (r->base == MAP_FAILED)
		err(1, "map %zu bytes", bytes);
}

static void region_close(struct region *r)
{
	munmap(r->base, r->bytes);
	close(r->fd);
}

/* Below 4 GiB uses Android's request, because all drivers have it. */
static void request(const struct region *r, unsigned long number, size_t page,
		    size_t pages)
{
	struct ashmem_pin range = { page * PAGE, pages * PAGE };
	struct ashmem_pin64 wide = { page * PAGE, pages * PAGE };
	int result;

	if (r->bytes <= UINT32_MAX)
		result = ioctl(r->fd, number, &range);
	else
		result = ioctl(r->fd, number == ASHMEM_PIN ? ASHMEM_PIN64 :
						ASHMEM_UNPIN64, &wide);
	if (result < 0)
		err(1, "pin or unpin %zu pages from %zu", pages, page);
}

static void pin_and_unpin(const struct region *r, size_t page)
{
	request(r, ASHMEM_PIN, page, 1);
	request(r, ASHMEM_UNPIN, page, 1);
}

/* Unpins every second page, n pages in total. */
static void unpin_separate_pages(const struct region *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		request(r, ASHMEM_UNPIN, 2 * i, 1);
}

static void figure(int driver, const char *name, double value)
{
	printf("%s\t%s\t%.9g\n", drivers[driver].name, name, value);
	fflush(stdout);
}

static void least(double *best, double value)
{
	if (!*best || value < *best)
		*best = value;
}

/* Microseconds to pin and unpin one random page of n unpinned pages. */
static void bench_pin(const char *name, size_t n)
{
	double best[2] = { }, end;
	int count[2] = { 64, 64 };
	struct region r[2];
	uint64_t random = n;

	for (int d = 0; d < nr_drivers; d++) {
		region_open(&r[d], &drivers[d], 2 * n * PAGE);
		unpin_separate_pages(&r[d], n);
	}
	end = now() + nr_drivers;
	for (int batch = 0; batch < 8 || now() < end; batch++) {
		for (int d = 0; d < nr_drivers; d++) {
			double began = now(), took;

			for (int i = 0; i < count[d]; i++)
				pin_and_unpin(&r[d],
					      2 * random_below(&random, n));
			took = now() - began;
			least(&best[d], took / count[d]);
			if (took < 2e-3)
				count[d] *= 2;
		}
	}
	for (int d = 0; d < nr_drivers; d++) {
		region_close(&r[d]);
		figure(d, name, best[d] * 1e6);
	}
}

/* The call that a thread repeats until it must stop. */
struct worker {
	pthread_t thread;
	int cpu;
	const struct region *region;	/* to pin and unpin; NULL: getppid */
	uint64_t calls;
};

static atomic_bool go, stop;
static atomic_int ready;

static void *work(void *argument)
{
	struct worker *w = argument;
	uint64_t calls = 0;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(w->cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(1, "processor %d", w->cpu);
	atomic_fetch_add(&ready, 1);
	while (!atomic_load_explicit(&go, memory_order_acquire))
		;
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (int i = 0; i < 16; i++) {
			if (w->region)
				pin_and_unpin(w->region, 0);
			else
				syscall(SYS_getppid);
		}
		calls += 16;
	}
	w->calls = calls;
	return NULL;
}

/* Calls per second of all threads together. Each thread has its own processor. */
static double calls_per_second(struct worker *workers, int count)
{
	uint64_t calls = 0;
	double began;

	atomic_store(&ready, 0);
	atomic_store(&go, false);
	atomic_store(&stop, false);
	for (int i = 0; i < count; i++) {
		workers[i].cpu = i;
		errno = pthread_create(&workers[i].thread, NULL, work,
				       &workers[i]);
		if (errno)
			err(1, "thread");
	}
	while (atomic_load(&ready) < count)
		usleep(100);
	began = now();
	atomic_store(&go, true);
	usleep(50000);
	atomic_store(&stop, true);
	for (int i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		calls += workers[i].calls;
	}
	return calls / (now() - began);
}

/* Improves the best rates, with one and with two threads, by one more try. */
static void try_threads(double best[2], struct region r[2])
{
	for (int count = 1; count <= 2; count++) {
		struct worker w[2] = {
			{ .region = r ? &r[0] : NULL },
			{ .region = r ? &r[1] : NULL },
		};
		double rate = calls_per_second(w, count);

		if (rate > best[count - 1])
			best[count - 1] = rate;
	}
}

/*
 * The gain of a second thread: for pinning two regions, and for a system call that
 * shares nothing, which shows the most that the machine allows.
 */
static void bench_threads(void)
{
	double nothing[2] = { }, pins[2][2] = { };
	struct region r[2][2];

	for (int d = 0; d < nr_drivers; d++) {
		for (int i = 0; i < 2; i++) {
			region_open(&r[d][i], &drivers[d], PAGE);
			request(&r[d][i], ASHMEM_UNPIN, 0, 1);
		}
	}
	for (int round = 0; round < 20; round++) {
		try_threads(nothing, NULL);
		for (int d = 0; d < nr_drivers; d++)
			try_threads(pins[d], r[d]);
	}
	for (int d = 0; d < nr_drivers; d++) {
		double gain = pins[d][1] / pins[d][0];

		region_close(&r[d][0]);
		region_close(&r[d][1]);
		figure(d, "syscall", 1e6 / nothing[0]);
		figure(d, "threads-syscall", nothing[1] / nothing[0]);
		figure(d, "pin-two", 2e6 / pins[d][1]);
		figure(d, "threads-pin", gain);
		figure(d, "threads", gain / (nothing[1] / nothing[0]));
	}
}

/* Microseconds to open, size, map, unmap and close a region. */
static void bench_open(void)
{
	double best[2] = { }, end = now() + nr_drivers;

	while (now() < end) {
		for (int d = 0; d < nr_drivers; d++) {
			double began = now();

			for (int i = 0; i < 32; i++) {
				struct region r;

				region_open(&r, &drivers[d], 16 * PAGE);
				region_close(&r);
			}
			least(&best[d], (now() - began) / 32);
		}
	}
	for (int d = 0; d < nr_drivers; d++)
		figure(d, "open", best[d] * 1e6);
}

/* Pins and unpins another region continuously, and records each duration. */
struct witness {
	struct region region;
	pthread_t thread;
	double began[1 << 20], took[1 << 20];
	size_t count;
};

static struct witness witness;

static void *testify(void *argument)
{
	(void)argument;
	while (!atomic_load_explicit(&stop, memory_order_relaxed) &&
	       witness.count < sizeof(witness.took) / sizeof(*witness.took)) {
		double began = now();

		pin_and_unpin(&witness.region, 0);
		witness.began[witness.count] = began;
		witness.took[witness.count++] = now() - began;
	}
	return NULL;
}

/* The longest wait, as time and as a share of the purge, and the 99th percentile. */
struct testimony {
	double p99, max, share;
};

/* The waits that overlap the time from began to ended. */
static struct testimony hear_witness(double began, double ended)
{
	struct testimony t;
	size_t count = 0;

	for (size_t i = 0; i < witness.count; i++)
		if (witness.began[i] < ended &&
		    witness.began[i] + witness.took[i] > began)
			witness.took[count++] = witness.took[i];
	if (!count)
		errx(1, "no range was pinned while pages were purged");
	sort(witness.took, count);
	t.p99 = witness.took[count * 99 / 100];
	t.max = witness.took[count - 1];
	t.share = t.max / (ended - began);
	return t;
}

/* Writes and unpins pages, as one range or separately. Returns their number. */
static size_t purgeable(struct region *r, const struct driver *driver,
			bool separate)
{
	size_t pages = PURGE_BYTES / PAGE;

	region_open(r, driver, PURGE_BYTES);
	for (size_t i = 0; i < pages; i++)
		r->base[i * PAGE] = 1;
	if (separate) {
		pages /= 2;
		unpin_separate_pages(r, pages);
	} else {
		request(r, ASHMEM_UNPIN, 0, pages);
	}
	return pages;
}

static void purge(const struct region *r, size_t pages)
{
	int purged = ioctl(r->fd, ASHMEM_PURGE_ALL_CACHES);

	if (purged < 0)
		err(1, "purge");
	/* If the witness pins meanwhile, there may be one more. */
	if ((size_t)purged < pages)
		errx(1, "%d of %zu pages purged", purged, pages);
}

/* Microseconds for a page. Each driver is the first one in every other round. */
static void bench_purge(const char *name, bool separate)
{
	double best[2] = { };

	for (int round = 0; round < PURGE_ROUNDS; round++) {
		for (int i = 0; i < nr_drivers; i++) {
			int d = (i + round) % nr_drivers;
			struct region r;
			size_t pages = purgeable(&r, &drivers[d], separate);
			double began = now();

			purge(&r, pages);
			least(&best[d], (now() - began) / pages);
			region_close(&r);
		}
	}
	for (int d = 0; d < nr_drivers; d++)
		figure(d, name, best[d] * 1e6);
}

static struct testimony wait_for_purge(const struct driver *driver)
{
	struct region r;
	size_t pages = purgeable(&r, driver, false);
	double began, ended;

	region_open(&witness.region, driver, PAGE);
	request(&witness.region, ASHMEM_UNPIN, 0, 1);
	memset(witness.took, 0, sizeof(witness.took));
	memset(witness.began, 0, sizeof(witness.began));
	witness.count = 0;
	atomic_store(&stop, false);
	errno = pthread_create(&witness.thread, NULL, testify, NULL);
	if (errno)
		err(1, "thread");
	usleep(20000);
	began = now();
	purge(&r, pages);
	ended = now();
	usleep(20000);
	atomic_store(&stop, true);
	pthread_join(witness.thread, NULL);
	region_close(&witness.region);
	region_close(&r);
	return hear_witness(began, ended);
}

/* How long a client of another region waits while pages are purged. */
static void bench_wait(void)
{
	struct testimony best[2] = { };

	for (int round = 0; round < PURGE_ROUNDS; round++) {
		for (int d = 0; d < nr_drivers; d++) {
			struct testimony t = wait_for_purge(&drivers[d]);

			least(&best[d].p99, t.p99);
			least(&best[d].max, t.max);
			least(&best[d].share, t.share);
		}
	}
	for (int d = 0; d < nr_drivers; d++) {
		figure(d, "wait-p99", best[d].p99 * 1e6);
		figure(d, "wait-max", best[d].max * 1e6);
		figure(d, "wait-share", best[d].share);
	}
}

/* Counts how often this thread hits a tracepoint; -1 if this kernel lacks it. */
static int count_event(const char *name)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr),
		.sample_period = 1, .disabled = 1,
	};
	char path[128];
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), TRACING "/%s/id", name);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%llu", &attr.config) != 1)
		errx(1, "%s has no number", path);
	fclose(f);
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	if (fd < 0)
		err(1, "count %s", name);
	return fd;
}

/*
 * The slab allocations in 2,000 unpins and pins of one range. This is the lowest of
 * several counts, because interrupts count too.
 */
static void bench_allocations(int driver)
{
	static const char *const events[] = {
		"kmem_cache_alloc", "kmem_cache_alloc_node", "kmalloc",
		"kmalloc_node",
	};
	enum { EVENTS = sizeof(events) / sizeof(*events) };
	uint64_t fewest = UINT64_MAX;
	int fds[EVENTS], known = 0;
	struct region r;

	for (int i = 0; i < EVENTS; i++) {
		fds[i] = count_event(events[i]);
		known += fds[i] >= 0;
	}
	if (known < 2)
		errx(1, "this kernel does not count allocations");
	region_open(&r, &drivers[driver], 16 * PAGE);
	request(&r, ASHMEM_UNPIN, 4, 8);
	for (int round = 0; round < 10; round++) {
		uint64_t sum = 0, count;

		for (int i = 0; i < EVENTS; i++)
			if (fds[i] >= 0 &&
			    (ioctl(fds[i], PERF_EVENT_IOC_RESET, 0) ||
			     ioctl(fds[i], PERF_EVENT_IOC_ENABLE, 0)))
				err(1, "start counting");
		for (int i = 0; i < 2000; i++) {
			request(&r, ASHMEM_PIN, 4, 8);
			request(&r, ASHMEM_UNPIN, 4, 8);
		}
		for (int i = 0; i < EVENTS; i++) {
			if (fds[i] < 0)
				continue;
			if (ioctl(fds[i], PERF_EVENT_IOC_DISABLE, 0) ||
			    read(fds[i], &count, sizeof(count)) !=
			    sizeof(count))
				err(1, "stop counting");
			sum += count;
		}
		if (sum < fewest)
			fewest = sum;
	}
	region_close(&r);
	figure(driver, "allocations", fewest);
}

static void usage(FILE *out)
{
	fputs("usage: bench NAME=DEVICE [NAME=DEVICE] ROW...\n"
	      "  NAME=DEVICE  a driver and its device: ours=/dev/ashmem\n"
	      "  pin-N        pin + unpin of a random one of N separate unpinned pages, us\n"
	      "  threads      pin + unpin by two threads on two regions, us, and the gain over one\n"
	      "               thread, also relative to the gain of an empty system call\n"
	      "  open         open, size, map, unmap, close of a region, us\n"
	      "  purge-range  purging 512 MiB that were unpinned as one range, us a page\n"
	      "  purge-pages  purging every other page of 512 MiB, us a page\n"
	      "  wait         duration of pin + unpin of another region during a purge, us, and the\n"
	      "               longest as a share of the purge\n"
	      "  allocations  slab allocations in 2,000 unpins and pins of a range\n"
	      "Prints driver, name and figure, separated by tabs. Needs root.\n", out);
}

static bool bench(const char *row)
{
	if (!strncmp(row, "pin-", 4) && atol(row + 4) > 0)
		bench_pin(row, atol(row + 4));
	else if (!strcmp(row, "threads"))
		bench_threads();
	else if (!strcmp(row, "open"))
		bench_open();
	else if (!strcmp(row, "purge-range"))
		bench_purge(row, false);
	else if (!strcmp(row, "purge-pages"))
		bench_purge(row, true);
	else if (!strcmp(row, "wait"))
		bench_wait();
	else if (!strcmp(row, "allocations"))
		for (int d = 0; d < nr_drivers; d++)
			bench_allocations(d);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *device = strchr(argv[i], '=');

		if (!strcmp(argv[i], "--help")) {
			usage(stdout);
			return 0;
		} else if (device && nr_drivers < 2) {
			*device = 0;
			drivers[nr_drivers].name = argv[i];
			drivers[nr_drivers++].device = device + 1;
		} else if (!nr_drivers || !bench(argv[i])) {
			usage(stderr);
			return 2;
		}
	}
	if (!nr_drivers)
		usage(stderr);
	return nr_drivers ? 0 : 2;
}
