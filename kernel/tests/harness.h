/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test program is a list of cases. Each case runs in its own child process, in
 * its own process group, under a time limit. A case that crashes or hangs does
 * not stop the others. The output is KTAP.
 *
 *	CASE(purged_pages_read_as_zero) { ... CHECK_EQ(0, *p); ... }
 *
 *	PROGRAM [--list] [--from=N] [--seed=N] [--seconds=N] [--without=NAME]...
 *		[PART_OF_A_NAME]...
 *
 * --without leaves a case out; --from begins with the Nth of the other cases. If
 * a process cannot be killed, the kernel is stuck, and the program ends with exit
 * status 3.
 *
 * Any process or thread of a case may fail a check. The first failure is kept and
 * ends the whole case. TIME_SCALE=N in the environment raises the time limits, for
 * kernels with debugging options.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define DEFAULT_LIMIT	20	/* seconds */
#define MOST_LIMIT	1800	/* seconds, however slow the machine is */

struct test_case {
	const char *name;
	void (*run)(void);
	unsigned int limit;
	bool selected, left_out;
	struct test_case *next;
};

static struct test_case *first_case, **last_case = &first_case;

#define CASE(name)	CASE_LIMIT(name, DEFAULT_LIMIT)

#define CASE_LIMIT(id, seconds)						\
	static void id(void);						\
	static struct test_case case_##id = {				\
		.name = #id, .run = id, .limit = (seconds)		\
	};								\
	__attribute__((constructor)) static void register_##id(void)	\
	{								\
		*last_case = &case_##id;				\
		last_case = &case_##id.next;				\
	}								\
	static void id(void)

/* Cleans up what a case may leave outside its processes; runs in the parent. */
#define AFTER_EACH_CASE(id)						\
	static void id(void);						\
	static struct cleanup cleanup_##id = { .run = id };		\
	__attribute__((constructor)) static void register_##id(void)	\
	{								\
		cleanup_##id.next = first_cleanup;			\
		first_cleanup = &cleanup_##id;				\
	}								\
	static void id(void)

struct cleanup {
	void (*run)(void);
	struct cleanup *next;
};

static struct cleanup *first_cleanup;

/* --seed and --seconds. */
static uint64_t test_seed;
static unsigned int test_seconds;

/* When the case began: for --seconds and the case's time limit only. */
static double case_began;

/* Shared by all processes of the case. */
struct verdict {
	atomic_int failed;
	atomic_int complete;
	atomic_int trace_expected;
	char reason[512];
};

static struct verdict *verdict;

static inline const char *errno_name(int e)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
#define NAME(e) { e, #e }
		NAME(EPERM), NAME(ENOENT), NAME(ESRCH), NAME(EINTR), NAME(EIO),
		NAME(ENXIO), NAME(EBADF), NAME(ECHILD), NAME(EAGAIN),
		NAME(ENOMEM), NAME(EACCES), NAME(EFAULT), NAME(EBUSY),
		NAME(EEXIST), NAME(ENODEV), NAME(ENOTDIR), NAME(EISDIR),
		NAME(EINVAL), NAME(EMFILE), NAME(ENFILE), NAME(ENOTTY),
		NAME(E2BIG), NAME(EFBIG), NAME(ENOSPC), NAME(ESPIPE), NAME(EROFS),
		NAME(EPIPE), NAME(ERANGE), NAME(EDEADLK), NAME(ENOSYS),
		NAME(ENODATA), NAME(ETIME), NAME(EOVERFLOW), NAME(EOPNOTSUPP),
		NAME(ETIMEDOUT), NAME(ENOKEY), NAME(ENOEXEC), NAME(ETXTBSY),
#undef NAME
	};

	if (!e)
		return "success";
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == e)
			return names[i].name;
	return strerror(e);
}

/* Only the first failure is kept; later ones wait to be killed with the case. */
static __attribute__((noreturn, cold, noinline, format(printf, 3, 4)))
void fail(const char *file, int line, const char *format, ...)
{
	if (!atomic_exchange(&verdict->failed, 1)) {
		const char *base = strrchr(file, '/');
		va_list ap;
		int n;

		va_start(ap, format);
		n = vsnprintf(verdict->reason, sizeof(verdict->reason) - 64,
			      format, ap);
		va_end(ap);
		if (n < 0 || n > (int)sizeof(verdict->reason) - 65)
			n = strlen(verdict->reason);
		snprintf(verdict->reason + n, sizeof(verdict->reason) - n,
			 " %s:%d", base ? base + 1 : file, line);
		atomic_store(&verdict->complete, 1);
		kill(0, SIGKILL);
	}
	for (;;)
		pause();
}

#define FAIL(...)	fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition)						\
	do {								\
		if (!(condition))					\
			FAIL("%s does not hold", #condition);		\
	} while (0)

/* There are many checks. Out of line, they compile much faster. */
#define OUT_OF_LINE	static __attribute__((unused, noinline))

OUT_OF_LINE void check_equal(const char *file, int line, const char *text,
			     long long expected, long long actual)
{
	if (expected != actual)
		fail(file, line, "%s is %lld%s%s, expected %lld", text, actual,
		     actual == -1 ? " with " : "",
		     actual == -1 ? errno_name(errno) : "", expected);
}

OUT_OF_LINE long long check_ok(const char *file, int line, const char *text,
			       long long result)
{
	if (result == -1)
		fail(file, line, "%s failed with %s", text, errno_name(errno));
	return result;
}

OUT_OF_LINE void check_errno(const char *file, int line, const char *text,
			     int expected, long long result)
{
	if (result != -1)
		fail(file, line, "%s is %lld, expected %s", text, result,
		     errno_name(expected));
	if (errno != expected)
		fail(file, line, "%s failed with %s, expected %s", text,
		     errno_name(errno), errno_name(expected));
}

OUT_OF_LINE void check_string(const char *file, int line, const char *text,
			      const char *expected, const char *actual)
{
	if (strcmp(expected, actual))
		fail(file, line, "%s is \"%s\", expected \"%s\"", text, actual,
		     expected);
}

/* Waits for a child, which must exit with status 0. */
OUT_OF_LINE void check_child(const char *file, int line, pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		fail(file, line, "waitpid: %s", errno_name(errno));
	if (WIFSIGNALED(status))
		fail(file, line, "the child was killed by signal %d (%s)",
		     WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (status)
		fail(file, line, "the child's exit status is %d",
		     WEXITSTATUS(status));
}

#define CHECK_EQ(expected, actual)					\
	check_equal(__FILE__, __LINE__, #actual, expected, actual)

/* For a call that returns -1 and sets errno if it fails. Return: its value. */
#define CHECK_OK(call)							\
	check_ok(__FILE__, __LINE__, #call, (call))

#define CHECK_ERRNO(expected, call)					\
	check_errno(__FILE__, __LINE__, #call, expected, (call))

#define CHECK_STR(expected, actual)					\
	check_string(__FILE__, __LINE__, #actual, expected, actual)

#define CHECK_CHILD(pid)						\
	check_child(__FILE__, __LINE__, pid)

/* fork() that must not fail. The child ends by _exit(0) or by a failed check. */
static inline pid_t checked_fork(void)
{
	fflush(stdout);
	return CHECK_OK(fork());
}

/* This thread, and what it starts, runs on one processor from now on. */
static inline void stay_on_processor(int processor)
{
	cpu_set_t processors;

	CPU_ZERO(&processors);
	CPU_SET(processor, &processors);
	CHECK_OK(sched_setaffinity(0, sizeof(processors), &processors));
}

/* Two pipes by which a parent and its child wait for each other. */
struct meeting {
	int to_parent[2], to_child[2];
};

static inline struct meeting meeting_create(void)
{
	struct meeting m;

	CHECK_OK(pipe(m.to_parent));
	CHECK_OK(pipe(m.to_child));
	return m;
}

static inline void tell_parent(const struct meeting *m)
{
	CHECK_EQ(1, write(m->to_parent[1], "x", 1));
}

static inline void tell_child(const struct meeting *m)
{
	CHECK_EQ(1, write(m->to_child[1], "x", 1));
}

/* Each side keeps the write ends open: a wait ends by a byte, never by EOF. */
static inline void wait_for_child(const struct meeting *m)
{
	char byte;

	CHECK_EQ(1, read(m->to_parent[0], &byte, 1));
}

static inline void wait_for_parent(const struct meeting *m)
{
	char byte;

	CHECK_EQ(1, read(m->to_child[0], &byte, 1));
}

static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static inline void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* Waits for a condition. Only the case's time limit ends the wait otherwise. */
#define WAIT_UNTIL(condition)						\
	do {								\
		while (!(condition))					\
			sleep_ms(1);					\
	} while (0)

/*
 * Does a race go on? With --seconds=N it lasts N seconds. Otherwise it lasts as
 * long as @more is true: until the case has done its rounds and has seen all that
 * it needs. A slow machine takes longer, but it does not see less.
 */
static inline bool race_goes_on(bool more)
{
	return test_seconds ? now() < case_began + test_seconds : more;
}

/* xorshift64*: each thread has its own state; no lock; the same on 32 bits. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state ? *state : 0x9e3779b97f4a7c15;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1d;
}

static inline uint32_t random_below(uint64_t *state, uint32_t bound)
{
	return (random_next(state) >> 33) % bound;
}

static inline void mark_kernel_log(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror("/dev/kmsg");
	close(fd);
}

#define TRACE_BEGIN	"ashmem test: a call trace that is no complaint may follow"
#define TRACE_END	"ashmem test: from here on a call trace is a complaint"

/*
 * The OOM killer, for example, logs a call trace although nothing is wrong. Two
 * marks in the kernel's log enclose it for the script that searches the log for
 * complaints.
 */
static inline void expect_call_trace(void)
{
	if (!atomic_exchange(&verdict->trace_expected, 1))
		mark_kernel_log(TRACE_BEGIN);
}

static inline unsigned int time_scale(void)
{
	const char *s = getenv("TIME_SCALE");

	return s && atoi(s) > 0 ? atoi(s) : 1;
}

static inline void print_file(const char *what, const char *path)
{
	char text[2048];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return;
	text[n] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		printf("#   %s %s\n", what, line);
}

/* Prints where each thread of the process group waits, for a case that hangs. */
static void print_where_stuck(pid_t group)
{
	struct dirent *e, *t;
	DIR *proc = opendir("/proc");

	while (proc && (e = readdir(proc))) {
		pid_t pid = atoi(e->d_name);
		char path[64];
		DIR *tasks;

		if (pid <= 0 || getpgid(pid) != group)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task", pid);
		tasks = opendir(path);
		while (tasks && (t = readdir(tasks))) {
			int tid = atoi(t->d_name);

			if (tid <= 0)
				continue;
			printf("# process %d thread %d\n", pid, tid);
			snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall",
				 pid, tid);
			print_file("syscall", path);
			snprintf(path, sizeof(path), "/proc/%d/task/%d/stack",
				 pid, tid);
			print_file("stack", path);
		}
		if (tasks)
			closedir(tasks);
	}
	if (proc)
		closedir(proc);
}

/* Reaps all descendants: the harness is their subreaper. */
static bool reap_all(double seconds)
{
	double end = now() + seconds;

	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return true;
		if (pid > 0)
			continue;
		if (now() > end)
			return false;
		sleep_ms(1);
	}
}

/* Return: 0 if the case passed, 1 if it failed, 3 if nothing can be tested now. */
static int run_case(const struct test_case *c, unsigned int number)
{
	/* Not less than three times the limit: other guests may use the processors. */
	double start = now();
	double limit = c->limit * (2 + time_scale());
	bool ended = false, all_killed;
	char reason[sizeof(verdict->reason) + 64] = "";
	int status = 0;
	sigset_t child;
	pid_t pid;

	/* A case that is stuck must not use up the time of those after it. */
	if (limit > MOST_LIMIT)
		limit = MOST_LIMIT;
	limit += test_seconds;
	case_began = start;
	memset(verdict, 0, sizeof(*verdict));
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		printf("not ok %u %s # fork: %s\n", number, c->name,
		       errno_name(errno));
		return 1;
	}
	if (!pid) {
		setpgid(0, 0);
		sigprocmask(SIG_UNBLOCK, &child, NULL);
		c->run();
		fflush(stdout);
		_exit(0);
	}
	setpgid(pid, pid);
	while (!ended && !atomic_load(&verdict->complete) &&
	       now() < start + limit) {
		struct timespec tick = { .tv_nsec = 200000000 };

		if (waitpid(pid, &status, WNOHANG) == pid)
			ended = true;
		else
			sigtimedwait(&child, NULL, &tick);
	}
	if (!ended && !atomic_load(&verdict->failed))
		print_where_stuck(pid);
	kill(-pid, SIGKILL);
	all_killed = reap_all(60);
	for (struct cleanup *a = first_cleanup; a; a = a->next)
		a->run();

	if (atomic_load(&verdict->trace_expected))
		mark_kernel_log(TRACE_END);

	if (atomic_load(&verdict->failed))
		snprintf(reason, sizeof(reason), "%s", verdict->reason);
	else if (!ended)
		snprintf(reason, sizeof(reason), "no end within %.0f s", limit);
	else if (WIFSIGNALED(status))
		snprintf(reason, sizeof(reason), "killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		snprintf(reason, sizeof(reason), "exit status %d",
			 WEXITSTATUS(status));
	if (!all_killed) {
		print_where_stuck(pid);
		strcat(reason, " and a process cannot be killed");
	}
	for (char *p = reason; *p; p++)
		if (*p == '\n')
			*p = ' ';
	if (now() - start > 1)
		printf("# %s took %.1f s\n", c->name, now() - start);
	if (*reason)
		printf("not ok %u %s # %s\n", number, c->name, reason);
	else
		printf("ok %u %s\n", number, c->name);
	if (!all_killed)
		printf("Bail out! %s left a process that cannot be killed\n",
		       c->name);
	fflush(stdout);
	return all_killed ? !!*reason : 3;
}

static bool leave_out(const char *name)
{
	bool found = false;

	for (struct test_case *c = first_case; c; c = c->next)
		if (!strcmp(c->name, name))
			c->left_out = found = true;
	return found;
}

/*
 * Takes memory of the first node while there is some: each node has its own order of
 * purges. A kernel without nodes refuses this.
 */
static void prefer_one_node(void)
{
	enum { PREFERRED = 1 };
	unsigned long first = 1;

	syscall(SYS_set_mempolicy, PREFERRED, &first, 8 * sizeof(first));
}

int main(int argc, char **argv)
{
	unsigned int selected = 0, number = 0, failed = 0, from = 1;
	bool list = false, all = true;
	struct test_case *c;

	prefer_one_node();
	test_seed = (uint64_t)time(NULL) << 20 ^ getpid();
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--list")) {
			list = true;
		} else if (!strncmp(argv[i], "--from=", 7)) {
			from = atoi(argv[i] + 7);
		} else if (!strncmp(argv[i], "--seed=", 7)) {
			test_seed = strtoull(argv[i] + 7, NULL, 0);
		} else if (!strncmp(argv[i], "--seconds=", 10)) {
			test_seconds = atoi(argv[i] + 10);
		} else if (!strncmp(argv[i], "--without=", 10)) {
			if (!leave_out(argv[i] + 10)) {
				fprintf(stderr, "%s: no case %s\n", argv[0],
					argv[i] + 10);
				return 2;
			}
		} else if (argv[i][0] == '-') {
			fprintf(stderr, "usage: %s [--list] [--from=N] [--seed=N] [--seconds=N] [--without=NAME]... [PART_OF_A_NAME]...\n",
				argv[0]);
			return 2;
		} else {
			all = false;
			for (c = first_case; c; c = c->next)
				if (strstr(c->name, argv[i]))
					c->selected = true;
		}
	}
	for (c = first_case; c; c = c->next) {
		c->selected = (c->selected || all) && !c->left_out;
		if (c->selected && from > 1) {
			c->selected = false;
			from--;
		}
		selected += c->selected;
		if (list && c->selected)
			puts(c->name);
	}
	if (list)
		return 0;
	if (!selected) {
		fprintf(stderr, "%s: no such case\n", argv[0]);
		return 2;
	}

	verdict = mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (verdict == MAP_FAILED ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) {
		perror(argv[0]);
		return 1;
	}
	printf("KTAP version 1\n1..%u\n# seed %" PRIu64 "\n", selected,
	       test_seed);
	for (c = first_case; c; c = c->next) {
		int result = c->selected ? run_case(c, ++number) : 0;

		if (result > 1)
			return result;
		failed += result;
	}
	if (failed)
		printf("# %u of %u failed, seed %" PRIu64 "\n", failed,
		       selected, test_seed);
	return failed ? 1 : 0;
}

#endif /* HARNESS_H */
