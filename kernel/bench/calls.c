// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the system calls of one of the library's benchmarks (src/jmh) in C.
 * Prints how many nanoseconds they take in a process with two threads, and then
 * in a process with one thread.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ashmem.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define REGION_BYTES	(16 * PAGE)
#define WARMUP_SECONDS	0.05
#define BATCH_SECONDS	0.2

static int region;

static void pin_setup(void)
{
	struct ashmem_pin page = { 0, PAGE };
	void *base;

	region = open("/dev/ashmem", O_RDWR | O_CLOEXEC);
	if (region < 0)
		err(1, "open /dev/ashmem");
	if (ioctl(region, ASHMEM_SET_SIZE, REGION_BYTES))
		err(1, "set a size of %lu bytes", REGION_BYTES);
	/* The driver does not pin a range before the first mmap. */
	base = mmap(NULL, PAGE, PROT_NONE, MAP_SHARED, region, 0);
	if (base == MAP_FAILED || munmap(base, PAGE))
		err(1, "map");
	if (ioctl(region, ASHMEM_UNPIN, &page) < 0)
		err(1, "unpin");
}

static void pin(void)
{
	struct ashmem_pin page = { 0, PAGE };

	if (ioctl(region, ASHMEM_PIN, &page) < 0 ||
	    ioctl(region, ASHMEM_UNPIN, &page) < 0)
		err(1, "pin or unpin");
}

/* Creates and closes a region on memfd, and writes a byte if requested. */
static void live(int write)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char *base;

	if (fd < 0)
		err(1, "memfd_create");
	if (ftruncate(fd, REGION_BYTES) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		err(1, "size or seal");
	base = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	if (base == MAP_FAILED)
		err(1, "map");
	if (write)
		*(volatile char *)base = 1;
	if (munmap(base, REGION_BYTES) || close(fd))
		err(1, "unmap or close");
}

static void create(void)
{
	live(0);
}

static void create_and_write(void)
{
	live(1);
}

static void nothing(void)
{
}

static const struct row {
	const char *name;
	void (*setup)(void);
	void (*call)(void);
} rows[] = {
	{ "pin", pin_setup, pin },
	{ "create", nothing, create },
	{ "createAndWrite", nothing, create_and_write },
	{ "createInArena", nothing, create_and_write },
};

static void *idle(void *unused)
{
	pause();
	return unused;
}

/*
 * A JVM has several threads, and files that threads share cost the kernel more:
 * each call counts its use of the file with two atomic instructions.
 */
static void start_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, idle, NULL);
	if (errno)
		err(1, "start a thread");
}

/* Nanoseconds for a call, the mean of the calls during that time. */
static double per_call(void (*call)(void), double seconds)
{
	double began = now(), took;
	uint64_t calls = 0;

	do {
		for (int i = 0; i < 64; i++)
			call();
		calls += 64;
		took = now() - began;
	} while (took < seconds);
	return took * 1e9 / calls;
}

static double measure(void (*call)(void))
{
	per_call(call, WARMUP_SECONDS);
	return per_call(call, BATCH_SECONDS);
}

int main(int argc, char **argv)
{
	double single;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (argc != 2 || strcmp(argv[1], rows[i].name))
			continue;
		rows[i].setup();
		single = measure(rows[i].call);
		start_thread();
		printf("%.9g %.9g\n", measure(rows[i].call), single);
		return 0;
	}
	fputs("usage: calls BENCHMARK      BENCHMARK: name of the benchmark's method\n", stderr);
	return 2;
}
