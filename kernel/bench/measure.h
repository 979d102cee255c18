/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs that measure share: the clock, random numbers, sorting. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define PAGE	4096UL
#define MIB	(1UL << 20)

/* Seconds. */
static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* xorshift64* */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
	return (random_next(state) >> 33) % bound;
}

static inline int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static inline void sort(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
}

#endif /* MEASURE_H */
