// SPDX-License-Identifier: GPL-2.0-only
/*
 * All that a process can do with a descriptor of the device, with garbage as
 * arguments. Threads of several processes do so, and close and replace each other's
 * descriptors. A call may return anything, but it must return: the process lives,
 * and the kernel does not complain.
 *
 *	garbage [--seed=N] [--seconds=N]
 */
#include <poll.h>
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "client.h"

enum { PROCESSES = 2, THREADS = 3, SLOTS = 6, MAPPINGS = 6, BUFFER = 8192 };
enum { MOST = 1 << 20 };	/* bytes of a mapping */
enum { CALLS = 8000 };		/* each thread makes at least so many */

/* Descriptors of all threads of a process. A thread closes what it takes out. */
static _Atomic int slots[SLOTS];

struct thug {
	uint64_t random;
	char *buffer;		/* the page after it cannot be accessed */
	struct { char *base; size_t length; } mappings[MAPPINGS];
	uint64_t calls, *accepted;
};

static uint32_t any(struct thug *t, uint32_t bound)
{
	return random_below(&t->random, bound);
}

static uint64_t any_number(struct thug *t)
{
	static const uint64_t edges[] = {
		0, 1, 2, 7, 8, 4095, 4096, 4097, 8192, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, 1ull << 40, INT64_MAX, 1ull << 63,
		UINT64_MAX - 4095, UINT64_MAX,
	};

	switch (any(t, 4)) {
	case 0:
		return any(t, 65536);
	case 1:
		return any(t, 64) * 4096;
	case 2:
		return random_next(&t->random);
	default:
		return edges[any(t, ARRAY_SIZE(edges))];
	}
}

/* Return: a request's argument: a number, or a pointer to any kind of place. */
static unsigned long any_argument(struct thug *t)
{
	uint64_t *words = (uint64_t *)t->buffer;
	size_t i;

	switch (any(t, 8)) {
	case 0:
		return any_number(t);
	case 1:
		/* Near the end of the accessible memory. */
		return (unsigned long)t->buffer + BUFFER - any(t, 300);
	case 2:
		return 0xffff888000000000ul + any(t, 1 << 20);
	default:
		for (i = 0; i < 8; i++)
			words[i] = any_number(t);
		if (any(t, 2))
			*(uint32_t *)t->buffer = any(t, 100);
		if (any(t, 4) == 0)
			words[0] = (unsigned long)t->buffer + 512;
		for (; i < 64; i++)
			words[i] = any(t, 16) * 4096;
		return (unsigned long)t->buffer + any(t, 2) * any(t, 64);
	}
}

static unsigned long any_request(struct thug *t)
{
	static const unsigned long known[] = {
		ASHMEM_SET_NAME, ASHMEM_GET_NAME, ASHMEM_SET_SIZE,
		ASHMEM_GET_SIZE, ASHMEM_SET_PROT_MASK, ASHMEM_GET_PROT_MASK,
		ASHMEM_PIN, ASHMEM_UNPIN, ASHMEM_GET_PIN_STATUS,
		ASHMEM_PURGE_ALL_CACHES, ASHMEM_GET_FILE_ID, ASHMEM_GET_INFO,
		ASHMEM_SET_SIZE64, ASHMEM_GET_SIZE64, ASHMEM_PIN64,
		ASHMEM_UNPIN64, ASHMEM_GET_PIN_STATUS64, ASHMEM_PIN_VECTOR,
	};
	unsigned long request = known[any(t, ARRAY_SIZE(known))];

	switch (any(t, 12)) {
	case 0:
		return request ^ (1ul << any(t, 32));
	case 1:
		return _IOC(any(t, 4), 0x77, any(t, 256), any(t, 1 << 14));
	default:
		return request;
	}
}

static int any_slot(struct thug *t)
{
	return atomic_load(&slots[any(t, SLOTS)]);
}

static long act_replace(struct thug *t)
{
	int fd = any(t, 3) ? open(DEVICE, any(t, 4) ? O_RDWR : O_RDONLY) :
			     dup(any_slot(t));
	int old;

	/* With a size, the other calls get further. */
	if (fd >= 0 && any(t, 2))
		set_size(fd, 4096 * (1 + any(t, 64)));
	old = atomic_exchange(&slots[any(t, SLOTS)], fd);
	return old >= 0 ? close(old) : fd;
}

static long act_ioctl(struct thug *t)
{
	unsigned long request = any_request(t);

	/* It purges all regions, so it is made only now and then. */
	if (request == ASHMEM_PURGE_ALL_CACHES && any(t, 20))
		request = ASHMEM_PIN;
	/* A vector of 2^64 ranges ends at the first one that cannot be read. */
	return ioctl(any_slot(t), request, any_argument(t));
}

static long act_map(struct thug *t)
{
	static const int flags[] = {
		MAP_SHARED, MAP_SHARED, MAP_SHARED, MAP_PRIVATE,
		MAP_SHARED_VALIDATE, MAP_SHARED | MAP_POPULATE,
		MAP_SHARED | MAP_NORESERVE, MAP_SHARED | MAP_LOCKED,
		MAP_SHARED_VALIDATE | MAP_SYNC, MAP_PRIVATE | MAP_GROWSDOWN,
		MAP_SHARED | MAP_HUGETLB, 0, MAP_SHARED | MAP_NONBLOCK,
	};
	size_t i = any(t, MAPPINGS);
	size_t length = any(t, 8) ? 4096 * (1 + any(t, 64)) : any_number(t);
	off_t offset = any(t, 3) ? 0 : any(t, 8) ? 4096 * any(t, 64) :
		       any_number(t);
	void *p;

	/* Some mappings are populated at once, so they must not be large. */
	if (length > MOST)
		length &= MOST - 1;
	if (t->mappings[i].base)
		munmap(t->mappings[i].base, t->mappings[i].length);
	t->mappings[i].base = NULL;
	p = mmap(NULL, length, any(t, 8), flags[any(t, ARRAY_SIZE(flags))],
		 any_slot(t), offset);
	if (p == MAP_FAILED)
		return -1;
	t->mappings[i].base = p;
	t->mappings[i].length = length;
	return 0;
}

static long act_on_mapping(struct thug *t)
{
	static const int advices[] = {
		MADV_NORMAL, MADV_DONTNEED, MADV_REMOVE, MADV_DONTFORK,
		MADV_DOFORK, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP,
		MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_FREE,
		22 /* MADV_POPULATE_READ */, 23 /* MADV_POPULATE_WRITE */,
		25 /* MADV_COLLAPSE */,
	};
	size_t i = any(t, MAPPINGS), length = t->mappings[i].length;
	size_t first, grown;
	char *base = t->mappings[i].base;
	void *p;

	if (!base || length < 4096)
		return -1;
	first = any(t, length / 4096) * 4096;
	switch (any(t, 6)) {
	case 0:
		return mprotect(base + first, length - first, any(t, 8));
	case 1:
		return msync(base + first, length - first, any(t, 8));
	case 2:
		grown = 4096 * (1 + any(t, 64));
		p = mremap(base, length, grown, MREMAP_MAYMOVE);
		if (p == MAP_FAILED)
			return -1;
		t->mappings[i].base = p;
		t->mappings[i].length = grown;
		return 0;
	case 3:
		return munlock(base, length);
	default:
		return madvise(base + first, any(t, length - first + 1),
			       advices[any(t, ARRAY_SIZE(advices))]);
	}
}

static long act_as_file(struct thug *t)
{
	struct iovec parts[] = {
		{ t->buffer, any(t, BUFFER) },
		{ t->buffer + BUFFER - any(t, 64), any(t, 128) },
	};
	struct pollfd p = { .fd = any_slot(t), .events = any(t, 64) };
	int fd = any_slot(t);
	struct stat status;

	switch (any(t, 14)) {
	case 0:
		return read(fd, t->buffer, any(t, BUFFER));
	case 1:
		return pread(fd, t->buffer, any(t, BUFFER), any_number(t));
	case 2:
		return readv(fd, parts, ARRAY_SIZE(parts));
	case 3:
		return lseek(fd, any_number(t), any(t, 6));
	case 4:
		return write(fd, t->buffer, any(t, BUFFER));
	case 5:
		return pwritev(fd, parts, ARRAY_SIZE(parts), any_number(t));
	case 6:
		return poll(&p, 1, 0);
	case 7:
		return ftruncate(fd, any_number(t));
	case 8:
		return fallocate(fd, any(t, 128), any_number(t), any_number(t));
	case 9:
		return fstat(fd, &status);
	case 10:
		return fsync(fd);
	case 11:
		/* Not F_DUPFD, which is 0: the new descriptor would never be closed. */
		return fcntl(fd, 1 + any(t, 20),
			     any_number(t) & ~(unsigned long)O_ASYNC);
	case 12:
		return sendfile(any_slot(t), fd, NULL, any(t, BUFFER));
	default:
		return posix_fadvise(fd, any_number(t), any_number(t), any(t, 6));
	}
}

static long act_look(struct thug *t)
{
	char path[64];
	long got;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd%s/%d",
		 any(t, 4) ? "info" : "", any_slot(t));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	got = read(fd, t->buffer, BUFFER);
	close(fd);
	return got;
}

static long act_fork(struct thug *t)
{
	pid_t pid;

	if (any(t, 10))
		return -1;
	pid = checked_fork();
	if (!pid) {
		for (int i = 0; i < 20; i++)
			ioctl(any_slot(t), any_request(t), any_argument(t));
		/*
		 * If this fails, the mapping may be gone, and another thread
		 * could map its buffer there. The child has no other thread.
		 */
		for (int i = 0; i < MAPPINGS; i++)
			if (t->mappings[i].base)
				syscall(SYS_remap_file_pages,
					t->mappings[i].base,
					t->mappings[i].length, 0, any(t, 64), 0);
		_exit(0);
	}
	CHECK_CHILD(pid);
	return 0;
}

static long (*const acts[])(struct thug *t) = {
	act_replace, act_ioctl, act_ioctl, act_ioctl, act_ioctl, act_map,
	act_on_mapping, act_on_mapping, act_as_file, act_look, act_fork,
};

/* Return: the first kind of call that never succeeded, and so has tested nothing. */
static size_t first_refused(const struct thug *t)
{
	size_t act = 0;

	while (act < ARRAY_SIZE(acts) &&
	       (acts[act] == act_fork || t->accepted[act]))
		act++;
	return act;
}

static void *run_thug(void *argument)
{
	struct thug *t = argument;

	t->buffer = checked_map(-1, BUFFER + 4096, RW,
				MAP_PRIVATE | MAP_ANONYMOUS, 0);
	CHECK_OK(mprotect(t->buffer + BUFFER, 4096, PROT_NONE));
	t->accepted = calloc(ARRAY_SIZE(acts), sizeof(*t->accepted));
	while (race_goes_on(t->calls < CALLS) ||
	       (first_refused(t) < ARRAY_SIZE(acts) &&
		t->calls < 100 * CALLS)) {
		size_t act = any(t, ARRAY_SIZE(acts));

		t->accepted[act] += acts[act](t) >= 0;
		t->calls++;
	}
	if (first_refused(t) < ARRAY_SIZE(acts))
		FAIL("no call of kind %zu succeeded, of %" PRIu64 " calls",
		     first_refused(t), t->calls);
	return NULL;
}

static void run_process(unsigned int process)
{
	struct thug thugs[THREADS] = { };
	pthread_t threads[THREADS];

	for (size_t i = 0; i < SLOTS; i++)
		slots[i] = region_create(16 * page_size);
	for (unsigned int i = 0; i < THREADS; i++) {
		thugs[i].random = test_seed * (process * THREADS + i + 2) + 1;
		CHECK_EQ(0, pthread_create(&threads[i], NULL, run_thug,
					   &thugs[i]));
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		CHECK_EQ(0, pthread_join(threads[i], NULL));
		printf("# %" PRIu64 " calls\n", thugs[i].calls);
	}
	fflush(stdout);
}

CASE_LIMIT(garbage_does_no_harm, 300)
{
	pid_t pids[PROCESSES];

	for (unsigned int i = 0; i < PROCESSES; i++) {
		pids[i] = checked_fork();
		if (!pids[i]) {
			run_process(i);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < PROCESSES; i++)
		CHECK_CHILD(pids[i]);
	CHECK_OK(purge_all());
}
