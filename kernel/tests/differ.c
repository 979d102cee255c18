// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the same random calls on two drivers of the device and compares the
 * results. The original is the oracle, except for the differences listed in
 * DIFFERENCES.md. These are counted; if one leaves the two regions in different
 * states, the sequence ends.
 *
 *	ORIGINAL=DEVICE OURS=DEVICE [SEQUENCES=N] differ [--seed=N]
 *
 * SEQUENCES is 10,000 by default. A difference that is not listed fails the case,
 * and the calls that led to it are printed.
 */
#include "client.h"

enum { PAGES = 16, MOST_CALLS = 40, LONGEST_TEXT = 160 };

/* One of the two drivers: its region, and its last result. */
struct side {
	const char *device;
	int fd;
	char *base;		/* its mapping, or NULL */
	long result;
	int error;
	char data[300];		/* copied to user space */
};

/* A sequence of calls, and the state that both regions are in after them. */
struct sequence {
	struct side side[2];
	uint64_t seed, random;
	size_t size;		/* as set */
	size_t length;		/* of the last mapping */
	int prot;		/* its protection */
	bool shared;
	bool unpinned[PAGES], purged[PAGES];
	bool merged;		/* purged pages, or pages beside them, were unpinned */
	bool empty;		/* a range without a page was unpinned */
	unsigned int calls;
	char text[MOST_CALLS][LONGEST_TEXT];
};

/* The entry of DIFFERENCES.md that a difference belongs to. */
enum reason {
	NONE,
	GET_SIZE_OF_2_GIB,
	FILE_ID,
	MAPPING_BEYOND_THE_END,
	COMMITTED_MEMORY,
	PURGED_NEIGHBOUR,
	REASONS
};

static const char *const reasons[REASONS] = {
	[GET_SIZE_OF_2_GIB] = "GET_SIZE of 2 GiB or more",
	[FILE_ID] = "GET_FILE_ID",
	[MAPPING_BEYOND_THE_END] = "a mapping that reaches beyond the end",
	[COMMITTED_MEMORY] = "the size counted as committed memory",
	[PURGED_NEIGHBOUR] = "pages unpinned at or beside purged ones",
};

static uint32_t any(struct sequence *s, uint32_t bound)
{
	return random_below(&s->random, bound);
}

static size_t size_in_pages(const struct sequence *s)
{
	return (s->size + page_size - 1) / page_size;
}

__attribute__((format(printf, 2, 3)))
static void tell(struct sequence *s, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(s->text[s->calls++], LONGEST_TEXT, format, arguments);
	va_end(arguments);
}

#define BOTH(s, i) for (struct side *i = (s)->side; i < (s)->side + 2; i++)

/* Makes a call on both sides and keeps the results. */
#define ANSWER(s, i, call)						\
	BOTH(s, i) {							\
		errno = 0;						\
		i->result = (call);					\
		i->error = i->result < 0 ? errno : 0;			\
	}

static bool same(const struct sequence *s)
{
	const struct side *a = &s->side[0], *b = &s->side[1];

	return a->result == b->result && a->error == b->error &&
	       !memcmp(a->data, b->data, sizeof(a->data));
}

static enum reason call_name(struct sequence *s)
{
	char name[300];
	size_t length = any(s, 4) ? any(s, 20) : any(s, 299);

	memset(name, 'a' + any(s, 26), sizeof(name));
	name[length] = '\0';
	tell(s, "SET_NAME of %zu bytes", length);
	ANSWER(s, i, ioctl(i->fd, ASHMEM_SET_NAME, name));
	return NONE;
}

static enum reason call_get_name(struct sequence *s)
{
	tell(s, "GET_NAME");
	ANSWER(s, i, ioctl(i->fd, ASHMEM_GET_NAME, i->data));
	return NONE;
}

static enum reason call_size(struct sequence *s)
{
	static const size_t sizes[] = {
		0, 1, 4095, 4096, 4097, 3 * 4096, 8 * 4096 + 5, PAGES * 4096,
		PAGES * 4096, PAGES * 4096, 0x7fffffff, 0x80000000,
	};
	size_t size = sizes[any(s, ARRAY_SIZE(sizes))];

	tell(s, "SET_SIZE %zu", size);
	ANSWER(s, i, set_size(i->fd, size));
	if (!s->side[1].result)
		s->size = size;
	return NONE;
}

static enum reason call_get_size(struct sequence *s)
{
	tell(s, "GET_SIZE");
	ANSWER(s, i, get_size(i->fd));
	return s->size > INT32_MAX ? GET_SIZE_OF_2_GIB : NONE;
}

static enum reason call_mask(struct sequence *s)
{
	unsigned long mask = any(s, 6) ? any(s, 8) : any(s, 64);

	tell(s, "SET_PROT_MASK 0x%lx", mask);
	ANSWER(s, i, set_mask(i->fd, mask));
	return NONE;
}

static enum reason call_get_mask(struct sequence *s)
{
	tell(s, "GET_PROT_MASK");
	ANSWER(s, i, get_mask(i->fd));
	return NONE;
}

static enum reason call_file_id(struct sequence *s)
{
	unsigned long id;

	tell(s, "GET_FILE_ID");
	ANSWER(s, i, ioctl(i->fd, ASHMEM_GET_FILE_ID, &id));
	return FILE_ID;
}

static enum reason call_unknown(struct sequence *s)
{
	unsigned long request = _IO(0x77, 11 + any(s, 40));

	tell(s, "request 0x%lx", request);
	ANSWER(s, i, ioctl(i->fd, request, 0));
	return NONE;
}

static void forget_mapping(struct sequence *s)
{
	BOTH(s, i) {
		if (i->base)
			CHECK_OK(munmap(i->base, s->length));
		i->base = NULL;
	}
}

static enum reason call_map(struct sequence *s)
{
	size_t pages = size_in_pages(s);
	size_t offset = any(s, 6) ? 0 : any(s, PAGES) * page_size;
	size_t length = any(s, 4) && pages && pages <= PAGES ? s->size :
			1 + any(s, PAGES * page_size);
	int prot = any(s, 3) ? RW : (int)any(s, 8);
	bool shared = any(s, 5);

	forget_mapping(s);
	tell(s, "mmap %zu bytes at %zu, prot %d, %s", length, offset, prot,
	     shared ? "shared" : "private");
	BOTH(s, i) {
		char *p = mmap(NULL, length, prot, shared ? MAP_SHARED :
			       MAP_PRIVATE, i->fd, offset);

		i->error = p == MAP_FAILED ? errno : 0;
		i->result = p == MAP_FAILED ? -1 : 0;
		i->base = p == MAP_FAILED ? NULL : p;
	}
	s->length = length;
	s->prot = prot;
	s->shared = shared;
	if (!same(s)) {
		/* Only one side has a mapping: unmap it, so that both have none. */
		BOTH(s, i) {
			if (i->base)
				CHECK_OK(munmap(i->base, length));
			i->base = NULL;
		}
	}
	if ((offset + length + page_size - 1) / page_size > pages)
		return MAPPING_BEYOND_THE_END;
	return s->size > 1 << 30 && s->side[0].error == ENOMEM ?
	       COMMITTED_MEMORY : NONE;
}

static enum reason call_unmap(struct sequence *s)
{
	tell(s, "munmap");
	forget_mapping(s);
	return NONE;
}

static enum reason call_protect(struct sequence *s)
{
	int prot = any(s, 8);

	if (!s->side[0].base)
		return NONE;
	tell(s, "mprotect %d", prot);
	ANSWER(s, i, mprotect(i->base, s->length, prot));
	if (!s->side[1].result)
		s->prot = prot;
	return NONE;
}

static enum reason call_write_memory(struct sequence *s)
{
	size_t at;

	if (!s->side[0].base || (s->prot & RW) != RW)
		return NONE;
	at = any(s, s->length);
	tell(s, "write a byte at %zu", at);
	BOTH(s, i)
		i->base[at] = s->calls;
	return NONE;
}

/* Purged pages are zero on both sides; after a merge one side may have more of them. */
static enum reason call_read_memory(struct sequence *s)
{
	if (!s->side[0].base || !(s->prot & PROT_READ))
		return NONE;
	tell(s, "compare the memory");
	s->side[0].result = 0;
	s->side[1].result = memcmp(s->side[0].base, s->side[1].base, s->length);
	return s->merged ? PURGED_NEIGHBOUR : NONE;
}

/* Return: a range of whole pages, mostly inside the region; sometimes nonsense. */
static struct ashmem_pin any_range(struct sequence *s)
{
	size_t pages = size_in_pages(s);
	struct ashmem_pin range;

	if (!any(s, 8) || !pages || pages > PAGES) {
		range.offset = any(s, 2) ? any(s, PAGES + 2) * page_size :
			       (uint32_t)random_next(&s->random);
		range.len = any(s, 2) ? any(s, PAGES + 2) * page_size :
			    (uint32_t)random_next(&s->random);
		return range;
	}
	range.offset = any(s, pages) * page_size;
	range.len = any(s, 4) ? (1 + any(s, pages - range.offset / page_size)) *
		    page_size : 0;
	return range;
}

static bool at_the_end(const struct sequence *s, struct ashmem_pin range)
{
	return !range.len && range.offset == size_in_pages(s) * page_size;
}

static void range_in_pages(const struct sequence *s, struct ashmem_pin range,
			   size_t *first, size_t *end)
{
	*first = range.offset / page_size;
	*end = range.len ? *first + range.len / page_size : size_in_pages(s);
}

static enum reason call_unpin(struct sequence *s)
{
	struct ashmem_pin range = any_range(s);
	size_t first, end;

	tell(s, "UNPIN %u, %u", range.offset, range.len);
	ANSWER(s, i, ioctl(i->fd, ASHMEM_UNPIN, &range));
	s->empty = at_the_end(s, range);
	if (s->side[1].result)
		return NONE;
	range_in_pages(s, range, &first, &end);
	for (size_t i = first ? first - 1 : 0; i < end + 1 && i < PAGES; i++)
		s->merged |= s->purged[i];
	for (size_t i = first; i < end && i < PAGES; i++)
		s->unpinned[i] = true;
	return NONE;
}

static enum reason call_pin(struct sequence *s)
{
	struct ashmem_pin range = any_range(s);
	size_t first, end;

	tell(s, "PIN %u, %u", range.offset, range.len);
	ANSWER(s, i, ioctl(i->fd, ASHMEM_PIN, &range));
	if (s->side[1].result < 0)
		return NONE;
	range_in_pages(s, range, &first, &end);
	for (size_t i = first; i < end && i < PAGES; i++)
		s->unpinned[i] = s->purged[i] = false;
	return s->merged ? PURGED_NEIGHBOUR : NONE;
}

static enum reason call_status(struct sequence *s)
{
	struct ashmem_pin range = any_range(s);

	tell(s, "GET_PIN_STATUS %u, %u", range.offset, range.len);
	ANSWER(s, i, ioctl(i->fd, ASHMEM_GET_PIN_STATUS, &range));
	return NONE;
}

static enum reason call_bad_pointer(struct sequence *s)
{
	static const unsigned long requests[] = {
		ASHMEM_SET_NAME, ASHMEM_GET_NAME, ASHMEM_PIN, ASHMEM_UNPIN,
		ASHMEM_GET_PIN_STATUS,
	};
	unsigned long request = requests[any(s, ARRAY_SIZE(requests))];

	tell(s, "request 0x%lx with a bad pointer", request);
	ANSWER(s, i, ioctl(i->fd, request, 16));
	return NONE;
}

static enum reason call_purge(struct sequence *s)
{
	enum reason reason = s->merged ? PURGED_NEIGHBOUR : NONE;

	tell(s, "PURGE_ALL_CACHES");
	ANSWER(s, i, ioctl(i->fd, ASHMEM_PURGE_ALL_CACHES));
	for (size_t i = 0; i < PAGES; i++) {
		s->purged[i] |= s->unpinned[i];
		s->unpinned[i] = false;
	}
	return reason;
}

static enum reason call_read(struct sequence *s)
{
	size_t count = any(s, sizeof(s->side[0].data));

	tell(s, "read %zu bytes", count);
	ANSWER(s, i, read(i->fd, i->data, count));
	return s->merged ? PURGED_NEIGHBOUR : NONE;
}

static enum reason call_seek(struct sequence *s)
{
	int whence = any(s, 6);
	off_t offset = any(s, PAGES * page_size);

	if (!any(s, 3))
		offset = (int32_t)random_next(&s->random);
	tell(s, "lseek %lld, %d", (long long)offset, whence);
	ANSWER(s, i, lseek(i->fd, offset, whence));
	return s->merged ? PURGED_NEIGHBOUR : NONE;
}

static enum reason call_write(struct sequence *s)
{
	tell(s, "write");
	ANSWER(s, i, write(i->fd, "x", 1));
	return NONE;
}

static enum reason call_stat(struct sequence *s)
{
	struct stat status;

	tell(s, "fstat");
	ANSWER(s, i, fstat(i->fd, &status) ? -1 : status.st_size);
	return NONE;
}

/* The region remains, as the other descriptor does. */
static enum reason call_dup(struct sequence *s)
{
	tell(s, "dup and close");
	BOTH(s, i) {
		int fd = CHECK_OK(dup(i->fd));

		close(i->fd);
		i->fd = fd;
	}
	return NONE;
}

static enum reason (*const calls[])(struct sequence *s) = {
	call_name, call_get_name, call_size, call_get_size, call_mask,
	call_get_mask, call_file_id, call_unknown, call_map, call_map, call_map,
	call_unmap, call_protect, call_write_memory, call_write_memory,
	call_write_memory, call_read_memory, call_read_memory, call_unpin,
	call_unpin, call_unpin, call_unpin, call_pin, call_pin, call_pin,
	call_status, call_status, call_bad_pointer, call_purge, call_read,
	call_seek, call_seek, call_write, call_stat, call_dup,
};

static void print_difference(const struct sequence *s)
{
	printf("# not the same, sequence %" PRIu64 ":\n", s->seed);
	for (unsigned int i = 0; i < s->calls; i++)
		printf("#\t%s\n", s->text[i]);
	for (int i = 0; i < 2; i++)
		printf("# %s: %ld %s\n", s->side[i].device, s->side[i].result,
		       s->side[i].error ? errno_name(s->side[i].error) : "");
}

/*
 * Counts the differences; the index REASONS counts those that are not listed.
 *
 * Return: the number of calls made.
 */
static unsigned int run_sequence(struct sequence *s, uint64_t *differences)
{
	unsigned int made = 0;

	BOTH(s, i)
		i->fd = CHECK_OK(open(i->device, O_RDWR | O_CLOEXEC));
	/* Mostly the region has a size from the start. */
	if (any(s, 8)) {
		s->size = PAGES * page_size;
		BOTH(s, i)
			CHECK_OK(set_size(i->fd, s->size));
		tell(s, "SET_SIZE %zu", s->size);
	}
	while (s->calls < MOST_CALLS) {
		enum reason why;

		BOTH(s, i) {
			memset(i->data, 0, sizeof(i->data));
			i->result = 0;
			i->error = 0;
		}
		why = calls[any(s, ARRAY_SIZE(calls))](s);
		made++;
		if (!same(s)) {
			if (why == NONE)
				print_difference(s);
			differences[why == NONE ? REASONS : why]++;
			if (why != FILE_ID && why != GET_SIZE_OF_2_GIB)
				break;
		}
		/* From here on the original answers wrong. */
		if (s->empty || !any(s, 60))
			break;
	}
	forget_mapping(s);
	BOTH(s, i)
		close(i->fd);
	return made;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		FAIL("%s is not set: it must name a device", name);
	return value;
}

CASE_LIMIT(random_calls_are_answered_the_same, 3600)
{
	const char *const devices[] = { variable("ORIGINAL"), variable("OURS") };
	const char *sequences = getenv("SEQUENCES");
	uint64_t count = sequences ? strtoull(sequences, NULL, 0) : 10000;
	uint64_t differences[REASONS + 1] = { }, made = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct sequence s = { .seed = test_seed + i };

		s.random = s.seed * 0x9e3779b97f4a7c15 + 1;
		for (int j = 0; j < 2; j++)
			s.side[j].device = devices[j];
		made += run_sequence(&s, differences);
	}
	printf("# %" PRIu64 " sequences, %" PRIu64 " calls\n", count, made);
	for (int i = 1; i < REASONS; i++)
		printf("# %" PRIu64 " intended differences: %s\n",
		       differences[i], reasons[i]);
	fflush(stdout);
	CHECK_EQ(0, differences[REASONS]);
}
