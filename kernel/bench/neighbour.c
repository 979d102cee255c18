// SPDX-License-Identifier: GPL-2.0-only
/*
 * The neighbours of a cache in one container: one takes anonymous memory and
 * frees it, again and again; the other reads a file. Both go on until they are
 * killed.
 *
 *	neighbour take MIB FIRST HOLD PAUSE
 *	neighbour stream FILE MIB RATE
 *
 * take sleeps for FIRST seconds. Then it writes MIB mebibytes, holds them for HOLD
 * seconds, frees them and sleeps for PAUSE seconds, again and again. It prints a
 * line for each time: the bytes that it had after one second, and the seconds until
 * it had all of them.
 *
 * stream makes FILE unless it is there, MIB mebibytes long and without blocks,
 * so that no disk sets the pace: a hole's pages take memory like any other page
 * of a file. It reads RATE mebibytes in a second.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "measure.h"

static double number(const char *word)
{
	char *end;
	double value = strtod(word, &end);

	if (end == word || *end || value < 0)
		errx(2, "'%s' is not a number", word);
	return value;
}

static void sleep_until(double when)
{
	double left;

	while ((left = when - now()) > 0)
		usleep(left * 1e6);
}

static void take(size_t bytes, double first, double hold, double pause)
{
	sleep_until(now() + first);
	for (;;) {
		size_t early = 0;
		double began;
		char *memory;

		began = now();
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			err(1, "map %zu bytes", bytes);
		for (size_t at = 0; at < bytes; at += PAGE) {
			memset(memory + at, 1, PAGE);
			if (now() - began <= 1)
				early = at + PAGE;
		}
		printf("%zu\t%.3f\n", early, now() - began);
		fflush(stdout);
		sleep_until(now() + hold);
		munmap(memory, bytes);
		sleep_until(now() + pause);
	}
}

static void stream(const char *path, off_t bytes, double rate)
{
	static char buffer[256 << 10];
	double next = now();
	off_t at = 0;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, bytes))
		err(1, "make %s", path);
	/* Pages that are in memory already would be paid for by somebody else. */
	if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		errx(1, "drop what is in memory of %s", path);
	for (;;) {
		ssize_t got = pread(fd, buffer, sizeof(buffer), at);

		if (got <= 0)
			err(1, "read %s", path);
		at = (at + got) % bytes;
		next += got / (rate * MIB);
		sleep_until(next);
	}
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "take"))
		take(number(argv[2]) * MIB, number(argv[3]), number(argv[4]),
		     number(argv[5]));
	else if (argc == 5 && !strcmp(argv[1], "stream"))
		stream(argv[2], number(argv[3]) * MIB, number(argv[4]));
	errx(2, "usage: neighbour take MIB FIRST HOLD PAUSE | neighbour stream FILE MIB RATE");
}
