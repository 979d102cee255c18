// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vector of ranges and signals: whatever signal comes, the request ends and goes
 * on where it was, and no result is lost.
 *
 * ashmem.h: ASHMEM_PIN_VECTOR
 */
#include <sched.h>

#include "cgroup.h"

#define UNTOUCHED	12345	/* a result that was never written */

/* What a case and its children share. */
struct request {
	struct ashmem_pin_vector v;
	atomic_bool returned;
	atomic_int handled;		/* calls of the signal handler */
};

static struct request *request;

static struct ashmem_pin_result range_of(size_t first, size_t pages)
{
	struct ashmem_pin_result r = {
		.offset = first * page_size,
		.len = pages * page_size,
		.result = UNTOUCHED,
	};

	return r;
}

static struct ashmem_pin_vector vector_of(uint32_t operation,
					  struct ashmem_pin_result *ranges,
					  uint64_t count)
{
	struct ashmem_pin_vector v = {
		.ranges = (uintptr_t)ranges,
		.count = count,
		.operation = operation,
	};

	return v;
}

#ifdef __LP64__
/*
 * A vector that takes minutes on any machine: its array is the same memory again and
 * again.
 */
enum { SAME = 4096 };

struct endless {
	struct ashmem_pin_result *ranges;
	size_t entries;			/* in the memory that is mapped SAME times */
	uint64_t rest;			/* ranges that are not done */
	pid_t pid;
};

static void make_ranges(struct endless *e)
{
	size_t bytes = sizeof(*e->ranges) * page_size * 64;
	int memory = CHECK_OK(memfd_create("ranges", MFD_CLOEXEC));
	char *room = checked_map(-1, bytes * SAME, PROT_NONE, MAP_PRIVATE |
				 MAP_ANONYMOUS | MAP_NORESERVE, 0);

	CHECK_OK(ftruncate(memory, bytes));
	for (size_t i = 0; i < SAME; i++)
		if (mmap(room + i * bytes, bytes, RW, MAP_SHARED | MAP_FIXED,
			 memory, 0) == MAP_FAILED)
			FAIL("mmap: %s", errno_name(errno));
	e->ranges = (void *)room;
	e->entries = bytes / sizeof(*e->ranges);
	e->rest = SAME * e->entries;
	for (size_t i = 0; i < e->entries; i++)
		e->ranges[i] = range_of(0, 1);
}

/* The result of the first range of the rest. */
static int *next_result(const struct endless *e)
{
	return &e->ranges[(SAME * e->entries - e->rest) % e->entries].result;
}

static void wait_for_progress(const struct endless *e)
{
	WAIT_UNTIL(__atomic_load_n(next_result(e), __ATOMIC_RELAXED) ==
		   ASHMEM_IS_PINNED);
}

/* Starts a plain user's process in group a that makes an endless request. */
static struct endless start_endless(void)
{
	struct endless e;

	make_ranges(&e);
	request = map_shared(sizeof(*request));
	request->v = vector_of(ASHMEM_VECTOR_GET_PIN_STATUS, e.ranges, e.rest);
	cgroup_create("a");
	e.pid = fork_into("a");
	if (!e.pid) {
		int fd;

		become_nobody();
		region_of_pages(&fd, 1);
		ioctl(fd, ASHMEM_PIN_VECTOR, &request->v);
		FAIL("the endless request ended");
	}
	wait_for_progress(&e);
	return e;
}

/* The request has ended for now: it must name the rest. */
static void check_rest(struct endless *e)
{
	uint64_t done = SAME * e->entries - request->v.count;

	CHECK(request->v.count > 0);
	CHECK(request->v.count < e->rest);
	CHECK_EQ((uintptr_t)(e->ranges + done), request->v.ranges);
	CHECK_EQ(ASHMEM_VECTOR_GET_PIN_STATUS, request->v.operation);
	CHECK_EQ(0, request->v.reserved);
	e->rest = request->v.count;
	*next_result(e) = UNTOUCHED;
}

static void end_endless(struct endless *e)
{
	int status;

	CHECK_OK(kill(e->pid, SIGKILL));
	CHECK_EQ(e->pid, waitpid(e->pid, &status, 0));
	CHECK(WIFSIGNALED(status));
}

static void stop(pid_t pid)
{
	int status;

	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(pid, waitpid(pid, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status));
}

CASE_LIMIT(endless_vector_is_stopped_and_goes_on, 60)
{
	struct endless e = start_endless();

	for (int i = 0; i < 5; i++) {
		stop(e.pid);
		check_rest(&e);
		CHECK_OK(kill(e.pid, SIGCONT));
		wait_for_progress(&e);
	}
	end_endless(&e);
}

CASE_LIMIT(endless_vector_is_frozen_and_goes_on, 60)
{
	struct endless e = start_endless();

	for (int i = 0; i < 5; i++) {
		cgroup_write("a", "cgroup.freeze", "1");
		WAIT_UNTIL(cgroup_get("a", "cgroup.events", "frozen") == 1);
		check_rest(&e);
		cgroup_write("a", "cgroup.freeze", "0");
		wait_for_progress(&e);
	}
	end_endless(&e);
}

CASE_LIMIT(endless_vector_is_killed, 60)
{
	struct endless e = start_endless();

	end_endless(&e);
}

#endif

static void count_signal(int signal)
{
	(void)signal;
	atomic_fetch_add(&request->handled, 1);
}

static void handle_signals(int flags)
{
	struct sigaction a = { .sa_handler = count_signal, .sa_flags = flags };

	CHECK_OK(sigaction(SIGUSR1, &a, NULL));
}

/*
 * Starts a child that sends a signal to this process again and again. Each signal
 * waits until the one before it was handled: else they would be merged into one.
 */
static pid_t start_signals(void)
{
	pid_t parent = getpid(), pid = checked_fork();

	if (!pid) {
		for (;;) {
			int seen = atomic_load(&request->handled);

			CHECK_OK(kill(parent, SIGUSR1));
			while (atomic_load(&request->handled) == seen)
				sched_yield();
		}
	}
	return pid;
}

static void stop_signals(pid_t pid)
{
	pid_t ended;

	CHECK_OK(kill(pid, SIGKILL));
	/* Its last signal may come only now. */
	do {
		ended = waitpid(pid, NULL, 0);
	} while (ended < 0 && errno == EINTR);
	CHECK_EQ(pid, ended);
}

/*
 * The region of these cases: every second page was purged. The vector pins each page
 * twice in a row. A range that is done once more, or whose result was lost, answers
 * as if it were intact.
 */
enum { PAGES = 20000 };

static struct ashmem_pin_result *half_purged(int *fd)
{
	struct ashmem_pin_result *r = (void *)map_anonymous(2 * PAGES * sizeof(*r));
	struct ashmem_pin_vector v;

	region_of_pages(fd, PAGES);
	for (size_t i = 0; i < PAGES / 2; i++)
		r[i] = range_of(2 * i, 1);
	v = vector_of(ASHMEM_VECTOR_UNPIN, r, PAGES / 2);
	CHECK_EQ(0, ioctl(*fd, ASHMEM_PIN_VECTOR, &v));
	CHECK_EQ(PAGES / 2, purge_all());
	for (size_t i = 0; i < PAGES; i++)
		r[2 * i] = r[2 * i + 1] = range_of(i, 1);
	return r;
}

static int expected(size_t i)
{
	return i % 4 ? ASHMEM_NOT_PURGED : ASHMEM_WAS_PURGED;
}

static void check_results(const struct ashmem_pin_result *r, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (r[i].result != expected(i))
			FAIL("the result of range %zu is %d", i, r[i].result);
}

CASE_LIMIT(handler_without_restart_ends_the_vector_which_tells_how_far_it_came, 60)
{
	unsigned int interrupted = 0;

	request = map_shared(sizeof(*request));
	handle_signals(0);
	for (int round = 0; race_goes_on(round < 3 || interrupted < 20); round++) {
		struct ashmem_pin_result *r;
		struct ashmem_pin_vector v;
		size_t done = 0, end;
		pid_t sender;
		int fd;

		r = half_purged(&fd);
		v = vector_of(ASHMEM_VECTOR_PIN, r, 2 * PAGES);
		sender = start_signals();
		while (ioctl(fd, ASHMEM_PIN_VECTOR, &v)) {
			CHECK_EQ(EINTR, errno);
			end = 2 * PAGES - v.count;
			CHECK(end > done);
			CHECK(end < 2 * PAGES);
			CHECK_EQ((uintptr_t)(r + end), v.ranges);
			check_results(r, done, end);
			/* From there on, nothing was done. */
			CHECK_EQ(UNTOUCHED, r[end].result);
			CHECK_EQ(end % 4 ? ASHMEM_IS_PINNED : ASHMEM_IS_UNPINNED,
				 pin_status(fd, end / 2, 1));
			done = end;
			interrupted++;
		}
		stop_signals(sender);
		check_results(r, done, 2 * PAGES);
		CHECK_OK(munmap(r, 2 * PAGES * sizeof(*r)));
		close(fd);
	}
	printf("# %u requests were interrupted\n", interrupted);
}

CASE_LIMIT(handler_with_restart_goes_on_without_a_word, 60)
{
	unsigned int restarted = 0;

	request = map_shared(sizeof(*request));
	handle_signals(SA_RESTART);
	for (int round = 0; race_goes_on(round < 3 || restarted < 3); round++) {
		struct ashmem_pin_result *r;
		struct ashmem_pin_vector v;
		pid_t sender;
		int fd;

		r = half_purged(&fd);
		v = vector_of(ASHMEM_VECTOR_PIN, r, 2 * PAGES);
		sender = start_signals();
		CHECK_EQ(0, ioctl(fd, ASHMEM_PIN_VECTOR, &v));
		stop_signals(sender);
		/* As the last signal left it. */
		CHECK_EQ((uintptr_t)(r + 2 * PAGES), v.ranges + v.count * sizeof(*r));
		restarted += v.count < 2 * PAGES;
		check_results(r, 0, 2 * PAGES);
		CHECK_EQ(ASHMEM_IS_PINNED, status_bytes(fd, 0, 0));
		CHECK_OK(munmap(r, 2 * PAGES * sizeof(*r)));
		close(fd);
	}
	printf("# %u requests went on, %d signals\n", restarted,
	       atomic_load(&request->handled));
}

/* Stopped and continued all the time, by a process that knows nothing of it. */
CASE_LIMIT(stopped_again_and_again_no_result_is_lost, 60)
{
	unsigned int stopped = 0;

	request = map_shared(sizeof(*request));
	for (int round = 0; race_goes_on(round < 3 || stopped < 10); round++) {
		int status;
		pid_t pid;

		request->v.count = 0;
		atomic_store(&request->returned, false);
		pid = checked_fork();
		if (!pid) {
			struct ashmem_pin_result *r;
			int fd;

			r = half_purged(&fd);
			request->v = vector_of(ASHMEM_VECTOR_PIN, r, 2 * PAGES);
			CHECK_EQ(0, ioctl(fd, ASHMEM_PIN_VECTOR, &request->v));
			atomic_store(&request->returned, true);
			check_results(r, 0, 2 * PAGES);
			_exit(0);
		}
		for (;;) {
			CHECK_OK(kill(pid, SIGSTOP));
			CHECK_EQ(pid, waitpid(pid, &status, WUNTRACED));
			if (!WIFSTOPPED(status))
				break;
			if (!atomic_load(&request->returned) &&
			    request->v.count && request->v.count < 2 * PAGES)
				stopped++;
			CHECK_OK(kill(pid, SIGCONT));
			sleep_ms(1);
		}
		CHECK(WIFEXITED(status));
		CHECK_EQ(0, WEXITSTATUS(status));
	}
	printf("# stopped %u times in the middle\n", stopped);
}

/* No signal ends the request before it has done a few ranges. */
CASE(vector_comes_on_however_often_signals_come)
{
	enum { RANGES = 256 };
	struct ashmem_pin_result r[RANGES];
	pid_t sender;
	int fd;

	request = map_shared(sizeof(*request));
	handle_signals(0);
	region_of_pages(&fd, RANGES);
	sender = start_signals();
	for (int i = 0; i < 2000; i++) {
		struct ashmem_pin_vector v;
		uint64_t before = RANGES;

		for (size_t j = 0; j < RANGES; j++)
			r[j] = range_of(j, 1);
		v = vector_of(ASHMEM_VECTOR_GET_PIN_STATUS, r, RANGES);
		while (ioctl(fd, ASHMEM_PIN_VECTOR, &v)) {
			CHECK_EQ(EINTR, errno);
			CHECK(v.count < before);
			before = v.count;
		}
		for (size_t j = 0; j < RANGES; j++)
			CHECK_EQ(ASHMEM_IS_PINNED, r[j].result);
	}
	stop_signals(sender);
}

/* A blocked signal is none, and without a signal the vector stays as it is. */
CASE(blocked_signal_changes_nothing)
{
	struct ashmem_pin_result *r;
	struct ashmem_pin_vector v;
	sigset_t set;
	int fd;

	request = map_shared(sizeof(*request));
	handle_signals(0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_OK(raise(SIGUSR1));
	r = half_purged(&fd);
	v = vector_of(ASHMEM_VECTOR_PIN, r, 2 * PAGES);
	CHECK_EQ(0, ioctl(fd, ASHMEM_PIN_VECTOR, &v));
	CHECK_EQ((uintptr_t)r, v.ranges);
	CHECK_EQ(2 * PAGES, v.count);
	check_results(r, 0, 2 * PAGES);
	CHECK_EQ(0, atomic_load(&request->handled));
}

/* The structure need not be writable, unless a signal comes. */
CASE_LIMIT(vector_that_cannot_be_written, 60)
{
	struct ashmem_pin_vector *v = (void *)map_anonymous(page_size);
	bool failed = false;

	request = map_shared(sizeof(*request));
	handle_signals(SA_RESTART);
	for (bool signals = false; race_goes_on(!failed); signals = true) {
		struct ashmem_pin_result *r;
		pid_t sender = 0;
		size_t done = 0;
		int fd;

		r = half_purged(&fd);
		CHECK_OK(mprotect(v, page_size, RW));
		*v = vector_of(ASHMEM_VECTOR_PIN, r, 2 * PAGES);
		CHECK_OK(mprotect(v, page_size, PROT_READ));
		if (signals)
			sender = start_signals();
		if (ioctl(fd, ASHMEM_PIN_VECTOR, v)) {
			CHECK_EQ(EFAULT, errno);
			CHECK(signals);
			failed = true;
		}
		if (signals)
			stop_signals(sender);
		CHECK_EQ((uintptr_t)r, v->ranges);
		CHECK_EQ(2 * PAGES, v->count);
		/* What was done has its results, and of the rest nothing was done. */
		while (done < 2 * PAGES && r[done].result != UNTOUCHED)
			done++;
		CHECK(failed ? done < 2 * PAGES : done == 2 * PAGES);
		check_results(r, 0, done);
		for (size_t i = done; i < 2 * PAGES; i++) {
			CHECK_EQ(UNTOUCHED, r[i].result);
			CHECK_EQ(expected(i), pin(fd, i / 2, 1));
		}
		CHECK_OK(munmap(r, 2 * PAGES * sizeof(*r)));
		close(fd);
	}
}
