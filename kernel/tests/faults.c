// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation in a call fails in turn, and each copy from or to user memory
 * (get_user and put_user do not count as copies; wide.c tests them). The call then
 * fails with ENOMEM or EFAULT and the region is unchanged. Made again, the call
 * returns what it returns without a fault.
 *
 * Needs a kernel with lockdep and fault injection (failslab, fail_page_alloc,
 * fail_usercopy): see vagrant/machines/debug.
 */
#include "client.h"

enum { PAGES = 8 };

/* A region, and all that a client can read of its state. */
struct subject {
	int fd;
	char *base;	/* mapping of the whole region, or NULL */
	char name[ASHMEM_NAME_LEN];
	int size, mask;
	struct ashmem_info info;
};

/* A call: its preparation, and the call itself. */
struct call {
	void (*prepare)(struct subject *s);
	int (*make)(struct subject *s);
	int at_least;	/* points that make it fail: more if slabs are empty */
	bool half_done;	/* if it fails, a part of it may have been done */
};

static void inject_everywhere(void)
{
	static const char *const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		char path[100];

		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 settings[i][0]);
		write_file(path, settings[i][1]);
	}
}

static void learn(struct subject *s)
{
	memset(s->name, 0, sizeof(s->name));
	CHECK_OK(ioctl(s->fd, ASHMEM_GET_NAME, s->name));
	s->size = CHECK_OK(get_size(s->fd));
	s->mask = CHECK_OK(get_mask(s->fd));
	memset(&s->info, 0, sizeof(s->info));
	s->info.struct_size = sizeof(s->info);
	CHECK_OK(ioctl(s->fd, ASHMEM_GET_INFO, &s->info));
}

static void check_unchanged(const struct subject *s)
{
	struct subject after = *s;

	learn(&after);
	CHECK(!strcmp(s->name, after.name));
	CHECK_EQ(s->size, after.size);
	CHECK_EQ(s->mask, after.mask);
	CHECK(!memcmp(&s->info, &after.info, sizeof(s->info)));
	if (s->base && !s->info.purged)
		CHECK_PAGES(s->base, 0, PAGES, 1);
}

static void forget(struct subject *s)
{
	if (s->base)
		CHECK_OK(munmap(s->base, PAGES * page_size));
	close(s->fd);
	s->base = NULL;
}

/* Makes the call and lets its @nth point fail. Return: does the call have so many? */
static bool make_with_fault(const struct call *call, struct subject *s, int nth,
			    int *result, int *error)
{
	int fd = CHECK_OK(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
	char text[16] = "";
	bool injected;

	snprintf(text, sizeof(text), "%d", nth);
	CHECK_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	errno = 0;
	*result = call->make(s);
	*error = errno;
	memset(text, 0, sizeof(text));
	/* The read has points too. If one of them fails, the call had too few. */
	injected = pread(fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;
	if (pwrite(fd, "0", 1, 0) < 0)
		CHECK_EQ(1, pwrite(fd, "0", 1, 0));
	close(fd);
	return injected;
}

/*
 * Makes the call without a fault; @after gets the region's state.
 *
 * Return: the result of the call.
 */
static int make_undisturbed(const struct call *call, struct ashmem_info *after)
{
	struct subject s = { .fd = -1 };
	int result;

	call->prepare(&s);
	result = CHECK_OK(call->make(&s));
	learn(&s);
	*after = s.info;
	forget(&s);
	return result;
}

static void check_done(struct subject *s, struct ashmem_info expected)
{
	learn(s);
	/* The only field that differs between two such regions. */
	expected.file_id = s->info.file_id;
	CHECK(!memcmp(&expected, &s->info, sizeof(expected)));
}

static void fail_in_turn(const struct call *call)
{
	int failed = 0, points = 0, result, error, expected;
	struct ashmem_info after;

	expected = make_undisturbed(call, &after);
	inject_everywhere();
	for (;; points++) {
		struct subject s = { .fd = -1 };
		bool injected;

		call->prepare(&s);
		learn(&s);
		injected = make_with_fault(call, &s, points + 1, &result, &error);
		if (result < 0) {
			if (!injected)
				FAIL("it failed with %s, but no fault was injected",
				     errno_name(error));
			if (error != ENOMEM && error != EFAULT)
				FAIL("point %d: %s", points + 1,
				     errno_name(error));
			failed++;
			if (!call->half_done)
				check_unchanged(&s);
			result = call->make(&s);
		}
		CHECK_EQ(expected, result);
		check_done(&s, after);
		forget(&s);
		if (!injected)
			break;
	}
	printf("# %d points, %d of them make it fail\n", points, failed);
	if (failed < call->at_least)
		FAIL("only %d points make it fail, expected at least %d", failed,
		     call->at_least);
}

#define FAILS_CLEANLY(name, prepare_, make_, at_least_)			\
	CASE_LIMIT(name##_fails_cleanly, 120)				\
	{								\
		fail_in_turn(&(struct call) {				\
			.prepare = prepare_, .make = make_,		\
			.at_least = at_least_ });			\
	}

static void prepare_sized(struct subject *s)
{
	s->fd = region_create(PAGES * page_size);
	CHECK_OK(ioctl(s->fd, ASHMEM_SET_NAME, "subject"));
}

static void prepare_mapped(struct subject *s)
{
	prepare_sized(s);
	s->base = region_map(s->fd, PAGES * page_size);
	write_pages(s->base, 0, PAGES, 1);
}

static void prepare_unpinned(struct subject *s)
{
	prepare_mapped(s);
	unpin(s->fd, 0, PAGES);
}

static void prepare_purged(struct subject *s)
{
	prepare_unpinned(s);
	purge_all();
}

static int make_open(struct subject *s)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	(void)s;
	if (fd < 0)
		return fd;
	return close(fd);
}

FAILS_CLEANLY(open, prepare_sized, make_open, 1)

static int make_set_name(struct subject *s)
{
	return ioctl(s->fd, ASHMEM_SET_NAME, "another name");
}

FAILS_CLEANLY(set_name, prepare_sized, make_set_name, 1)

static int make_get_info(struct subject *s)
{
	struct ashmem_info info = { .struct_size = sizeof(info) };

	return ioctl(s->fd, ASHMEM_GET_INFO, &info);
}

FAILS_CLEANLY(get_info, prepare_unpinned, make_get_info, 1)

static int make_map_shared(struct subject *s)
{
	return try_map(s->fd, PAGES * page_size, RW, MAP_SHARED, 0);
}

/* The first mmap makes the backing file. */
FAILS_CLEANLY(first_mmap, prepare_sized, make_map_shared, 1)

FAILS_CLEANLY(second_mmap, prepare_mapped, make_map_shared, 1)

static int make_map_private(struct subject *s)
{
	return try_map(s->fd, PAGES * page_size, RW, MAP_PRIVATE, 0);
}

FAILS_CLEANLY(first_private_mmap, prepare_sized, make_map_private, 1)

FAILS_CLEANLY(later_private_mmap, prepare_unpinned, make_map_private, 1)

static int make_unpin(struct subject *s)
{
	return unpin_bytes(s->fd, 0, 0);
}

FAILS_CLEANLY(unpin, prepare_mapped, make_unpin, 1)

static int make_unpin_middle(struct subject *s)
{
	return unpin_bytes(s->fd, 3 * page_size, 2 * page_size);
}

FAILS_CLEANLY(unpin_of_a_part, prepare_unpinned, make_unpin_middle, 1)

FAILS_CLEANLY(unpin_of_purged_pages, prepare_purged, make_unpin_middle, 1)

static int make_pin_middle(struct subject *s)
{
	return pin_bytes(s->fd, 3 * page_size, 2 * page_size);
}

FAILS_CLEANLY(pin_of_a_part, prepare_unpinned, make_pin_middle, 1)

FAILS_CLEANLY(pin_of_purged_pages, prepare_purged, make_pin_middle, 1)

static int make_status(struct subject *s)
{
	return status_bytes(s->fd, 0, 0);
}

FAILS_CLEANLY(pin_status, prepare_unpinned, make_status, 1)

static int make_vector(struct subject *s)
{
	struct ashmem_pin_result ranges[] = {
		{ .offset = 1 * page_size, .len = page_size },
		{ .offset = 5 * page_size, .len = page_size },
	};
	struct ashmem_pin_vector vector = {
		.ranges = (uintptr_t)ranges, .count = ARRAY_SIZE(ranges),
		.operation = ASHMEM_VECTOR_UNPIN,
	};
	int ret = ioctl(s->fd, ASHMEM_PIN_VECTOR, &vector);

	/* A range that lacks memory has the error in its own result. */
	for (size_t i = 0; !ret && i < ARRAY_SIZE(ranges); i++) {
		if (!ranges[i].result)
			continue;
		CHECK_EQ(-ENOMEM, ranges[i].result);
		errno = ENOMEM;
		return -1;
	}
	return ret;
}

CASE(vector_fails_cleanly)
{
	fail_in_turn(&(struct call) {
		.prepare = prepare_mapped, .make = make_vector,
		.at_least = 1, .half_done = true });
}

static int make_purge_all(struct subject *s)
{
	return ioctl(s->fd, ASHMEM_PURGE_ALL_CACHES);
}

FAILS_CLEANLY(purge_all, prepare_unpinned, make_purge_all, 0)

static int make_fork(struct subject *s)
{
	pid_t pid = fork();

	if (!pid) {
		CHECK_PAGES(s->base, 0, PAGES, 1);
		_exit(0);
	}
	if (pid < 0)
		return -1;
	CHECK_CHILD(pid);
	return 0;
}

static void prepare_to_fork(struct subject *s)
{
	/* The kernel logs it if a fork gets no stack. */
	expect_call_trace();
	prepare_mapped(s);
}

FAILS_CLEANLY(fork, prepare_to_fork, make_fork, 1)

/* The pages move to the new mapping; the old one remains and faults them in again. */
static int make_mremap(struct subject *s)
{
	size_t length = PAGES * page_size;
	char *p = mremap(s->base, length, length, MREMAP_MAYMOVE |
			 4 /* MREMAP_DONTUNMAP */, NULL);

	if (p == MAP_FAILED)
		return -1;
	CHECK_PAGES(p, 0, PAGES, 1);
	return munmap(p, length);
}

FAILS_CLEANLY(mremap, prepare_mapped, make_mremap, 1)

static int make_mprotect(struct subject *s)
{
	if (mprotect(s->base + 3 * page_size, page_size, PROT_READ))
		return -1;
	return mprotect(s->base, PAGES * page_size, RW);
}

FAILS_CLEANLY(mprotect_of_a_part, prepare_mapped, make_mprotect, 1)

static int make_read(struct subject *s)
{
	static char buffer[2 * 4096];
	ssize_t got = pread(s->fd, buffer, sizeof(buffer), 0);

	return got < 0 ? -1 : 0;
}

FAILS_CLEANLY(read, prepare_mapped, make_read, 1)

/*
 * lockdep knows each lock that was ever taken while another one was held. To it, an
 * allocation that may reclaim takes the lock fs_reclaim.
 */
CASE(nothing_is_allocated_under_the_lock_of_a_region)
{
	static int (*const calls[])(struct subject *s) = {
		make_set_name, make_get_info, make_map_shared, make_map_private, make_unpin,
		make_unpin_middle, make_pin_middle, make_status, make_purge_all,
	};
	static void (*const prepare[])(struct subject *s) = {
		prepare_sized, prepare_mapped, prepare_unpinned, prepare_purged,
	};
	bool here = false, seen = false;
	char line[512];
	FILE *f;

	for (size_t i = 0; i < ARRAY_SIZE(prepare); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(calls); k++) {
			struct subject s = {};

			prepare[i](&s);
			calls[k](&s);
			close(s.fd);
		}
	}
	f = fopen("/proc/lockdep", "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (*line != ' ')
			here = strstr(line, ": &region->lock\n");
		seen |= here;
		if (here && strstr(line, "] fs_reclaim\n"))
			FAIL("memory was allocated");
	}
	fclose(f);
	CHECK(seen);
}
