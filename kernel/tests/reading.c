// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading without a pin, as the cache for Java does it. Each page begins with a
 * marker, the generation of what it holds. The writer stores the markers of a slot
 * and then the rest; a reader loads the marker, copies, and loads the marker again.
 * Ten million reads race with purges and with writers that fill the slots anew, on a
 * region and on private memory that is freed lazily. One wrong word fails the
 * case.
 *
 *	reading [--seed=N] [--seconds=N] [CASE]...
 *
 * An emulator of arm64 on x86 runs arm64's instructions and its kernel, but orders
 * memory accesses more strictly than arm64's processors may.
 * cache/src/test/alloy/reading.als is about those.
 *
 * ABI, semantics: purged pages are zero; a purge takes a page as a whole
 */
#include <pthread.h>

#include "client.h"

#if defined(__aarch64__)
#define STORE_STORE_FENCE()	asm volatile("dmb ishst" ::: "memory")
#define LOAD_LOAD_FENCE()	asm volatile("dmb ishld" ::: "memory")
#elif defined(__x86_64__)
#define STORE_STORE_FENCE()	asm volatile("" ::: "memory")
#define LOAD_LOAD_FENCE()	asm volatile("" ::: "memory")
#endif

enum { SLOTS = 8, SLOT_PAGES = 4, THREADS = 3, MOST_WORDS = 64 };
enum { READS = 10 * 1000 * 1000 };	/* of all threads together */

/* Of so many reads, one stops on the way, or comes with a fill or a purge. */
enum { READS_PER_FILL = 512, READS_PER_STOP = 4096, READS_PER_PURGE = 16384 };

#define HELD		(1ull << 63)	/* the page is not purgeable */

static int fd;				/* of the region, or -1 */
static uint64_t *words;
static size_t page_words;

/* The generation that can be read in each slot. A later one may be written already. */
static _Atomic uint64_t published[SLOTS];

/* Who holds a slot's pages does not meet who fills the slot. */
static pthread_mutex_t locks[SLOTS];

static _Atomic uint64_t last_generation;

/* What a thread has done and seen. */
struct reader {
	uint64_t random;
	uint64_t intact, lost, torn, held, fills, purges;
};

static uint64_t *slot_words(size_t slot)
{
	return words + slot * SLOT_PAGES * page_words;
}

static uint64_t word_at(uint64_t generation, size_t number)
{
	return generation << 20 | number;
}

static uint64_t marker(const uint64_t *page)
{
	return __atomic_load_n(page, __ATOMIC_ACQUIRE) & ~HELD;
}

static void slot_pin(size_t slot)
{
	if (fd >= 0)
		pin(fd, slot * SLOT_PAGES, SLOT_PAGES);
}

static void slot_unpin(size_t slot)
{
	if (fd >= 0)
		unpin(fd, slot * SLOT_PAGES, SLOT_PAGES);
	else
		CHECK_OK(madvise(slot_words(slot), SLOT_PAGES * page_size,
				 MADV_FREE));
}

/* Fills a slot anew, unless another thread does. */
static void fill_slot(struct reader *r, size_t slot)
{
	uint64_t *base = slot_words(slot), generation;

	if (pthread_mutex_trylock(&locks[slot]))
		return;
	generation = atomic_fetch_add(&last_generation, 1) + 1;
	slot_pin(slot);
	for (size_t page = 0; page < SLOT_PAGES; page++)
		__atomic_store_n(base + page * page_words, generation,
				 __ATOMIC_RELAXED);
	STORE_STORE_FENCE();
	for (size_t i = 0; i < SLOT_PAGES * page_words; i++)
		if (i % page_words)
			base[i] = word_at(generation, i);
	atomic_store_explicit(&published[slot], generation,
			      memory_order_release);
	slot_unpin(slot);
	pthread_mutex_unlock(&locks[slot]);
	r->fills++;
}

static void purge_slots(void)
{
	if (fd >= 0)
		purge_all();
	else
		CHECK_OK(madvise(words, SLOTS * SLOT_PAGES * page_size,
				 MADV_PAGEOUT));
}

static void check_copy(const uint64_t *copy, uint64_t generation, size_t first,
		       size_t count, const char *how)
{
	for (size_t i = 0; i < count; i++)
		if ((first + i) % page_words &&
		    copy[i] != word_at(generation, first + i))
			FAIL("%s, word %zu of generation %" PRIu64 " is %" PRIx64 " (--seed=%" PRIu64 ")",
			     how, first + i, generation, copy[i], test_seed);
}

/*
 * Reads some words of a slot, in one page or two. May stop on the way.
 *
 * Return: whether they were there.
 */
static bool read_slot(struct reader *r, size_t slot, size_t first, size_t count,
		      bool stops)
{
	uint64_t generation = atomic_load_explicit(&published[slot],
						   memory_order_acquire);
	const uint64_t *base = slot_words(slot);
	size_t first_page = first / page_words;
	size_t last_page = (first + count - 1) / page_words;
	uint64_t copy[MOST_WORDS];
	size_t at = first;

	for (size_t page = first_page; page <= last_page; page++) {
		size_t end = (page + 1) * page_words;

		if (!generation ||
		    marker(base + page * page_words) != generation) {
			r->lost++;
			return false;
		}
		if (stops)
			sched_yield();
		for (; at < end && at < first + count; at++)
			copy[at - first] = base[at];
	}
	LOAD_LOAD_FENCE();
	for (size_t page = first_page; page <= last_page; page++) {
		if (marker(base + page * page_words) != generation) {
			r->torn++;
			return false;
		}
	}
	check_copy(copy, generation, first, count, "a copy is wrong");
	r->intact++;
	return true;
}

/*
 * Purges everything while a page is held, if that is there: the compare-exchange
 * makes it dirty. It stays until it is unpinned again.
 */
static void purge_beside(struct reader *r, size_t slot, size_t page)
{
	uint64_t *m = slot_words(slot) + page * page_words;
	uint64_t generation, expected;

	pthread_mutex_lock(&locks[slot]);
	generation = expected = atomic_load(&published[slot]);
	slot_pin(slot);
	if (generation &&
	    __atomic_compare_exchange_n(m, &expected, generation | HELD, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		purge_slots();
		check_copy(m, generation, page * page_words, page_words,
			   "a page that is held is wrong");
		CHECK(*m == (generation | HELD));
		__atomic_store_n(m, generation, __ATOMIC_RELEASE);
		r->held++;
	}
	slot_unpin(slot);
	pthread_mutex_unlock(&locks[slot]);
	purge_slots();
	r->purges++;
}

static void *read_slots(void *reader)
{
	struct reader *r = reader;

	/* A machine with one processor may need longer to see each outcome. */
	for (unsigned int n = 1;
	     race_goes_on(n <= READS / THREADS || !r->lost || !r->torn ||
			  !r->held);
	     n++) {
		size_t slot = random_below(&r->random, SLOTS);
		size_t count = 1 + random_below(&r->random, MOST_WORDS);
		size_t first = random_below(&r->random, SLOT_PAGES *
					    page_words - count);

		if (n % READS_PER_PURGE == 0)
			purge_beside(r, slot, first / page_words);
		if (!read_slot(r, slot, first, count, n % READS_PER_STOP == 0) ||
		    n % READS_PER_FILL == 0)
			fill_slot(r, slot);
	}
	return NULL;
}

static void race(void)
{
	struct reader readers[THREADS] = { 0 }, all = { 0 };
	pthread_t threads[THREADS];

	page_words = page_size / sizeof(*words);
	for (size_t slot = 0; slot < SLOTS; slot++)
		CHECK_EQ(0, pthread_mutex_init(&locks[slot], NULL));
	for (size_t i = 0; i < THREADS; i++) {
		readers[i].random = test_seed + i;
		CHECK_EQ(0, pthread_create(&threads[i], NULL, read_slots,
					   &readers[i]));
	}
	for (size_t i = 0; i < THREADS; i++) {
		CHECK_EQ(0, pthread_join(threads[i], NULL));
		all.intact += readers[i].intact;
		all.lost += readers[i].lost;
		all.torn += readers[i].torn;
		all.held += readers[i].held;
		all.fills += readers[i].fills;
		all.purges += readers[i].purges;
	}
	printf("# %" PRIu64 " reads intact, %" PRIu64 " lost before, %" PRIu64 " lost during the copy, %" PRIu64 " pages held; %" PRIu64 " fills, %" PRIu64 " purges\n",
	       all.intact, all.lost, all.torn, all.held, all.fills, all.purges);
	CHECK(all.intact > READS / 2 || test_seconds);
}

CASE_LIMIT(reads_of_a_region_race_with_purges, 60)
{
	words = (uint64_t *)region_of_pages(&fd, SLOTS * SLOT_PAGES);
	race();
}

/* No huge page: the kernel frees none of it while a part is in use. */
CASE_LIMIT(reads_of_lazily_freed_memory_race_with_reclaim, 60)
{
	size_t bytes = SLOTS * SLOT_PAGES * page_size;

	fd = -1;
	words = (uint64_t *)map_anonymous(bytes);
	if (madvise(words, bytes, MADV_NOHUGEPAGE))
		CHECK_EQ(EINVAL, errno);
	race();
}
