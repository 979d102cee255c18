// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll() on a region: POLLPRI from the moment something of it was purged until
 * ASHMEM_GET_INFO is asked. All else is as for a file without poll.
 *
 * ashmem.h: poll
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "cgroup.h"
#include "debugfs.h"

#define ALWAYS		(POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)
#define EVERYTHING	(ALWAYS | POLLPRI | POLLRDBAND | POLLWRBAND)

static int events_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = EVERYTHING };

	CHECK_EQ(1, poll(&p, 1, -1));
	return p.revents;
}

static struct ashmem_info ask(int fd)
{
	struct ashmem_info info = { .struct_size = sizeof(info) };

	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_INFO, &info));
	return info;
}

#define CHECK_REPORTED(fd)	CHECK_EQ(ALWAYS | POLLPRI, events_of(fd))
#define CHECK_SILENT(fd)	CHECK_EQ(ALWAYS, events_of(fd))

static void purge_one_page(int fd)
{
	unpin(fd, 0, 1);
	CHECK(purge_all() >= 1);
}

CASE(region_is_always_readable_and_writable)
{
	int fd = region_open();

	CHECK_SILENT(fd);
	CHECK_OK(set_size(fd, 4 * page_size));
	CHECK_SILENT(fd);
	region_map(fd, 4 * page_size);
	CHECK_SILENT(fd);
	unpin(fd, 0, 4);
	CHECK_SILENT(fd);
	purge_all();
	pin(fd, 0, 4);
	ask(fd);
	CHECK_SILENT(fd);
	CHECK_SILENT(CHECK_OK(open(DEVICE, O_RDONLY)));
	CHECK_SILENT(CHECK_OK(open(DEVICE, O_WRONLY)));
}

CASE(purge_is_reported_until_info_is_asked)
{
	int fd;

	region_of_pages(&fd, 4);
	for (int i = 0; i < 3; i++) {
		CHECK_SILENT(fd);
		unpin(fd, 0, 2);
		CHECK_SILENT(fd);
		CHECK_EQ(2, purge_all());
		CHECK_REPORTED(fd);
		CHECK_REPORTED(fd);
		CHECK_EQ(2 * page_size, ask(fd).purged);
		CHECK_SILENT(fd);
		/* Still purged, but nothing more. */
		CHECK_EQ(0, purge_all());
		CHECK_SILENT(fd);
		unpin(fd, 3, 1);
		CHECK_EQ(1, purge_all());
		CHECK_REPORTED(fd);
		/* To pin the pages is not to ask. */
		CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 4));
		CHECK_REPORTED(fd);
		CHECK_EQ(0, ask(fd).purged);
	}
}

/* An operator who looks takes nothing away from the client, nor does a bad request. */
CASE(only_the_request_for_info_takes_the_report_away)
{
	struct ashmem_info info = { .struct_size = 8 };
	int fd;

	region_of_pages(&fd, 4);
	purge_one_page(fd);
	CHECK_EQ(page_size, fdinfo_number(fd, "purged"));
	CHECK_EQ(page_size, row_of(fd).purged);
	CHECK(total("purged") >= page_size);
	CHECK_ERRNO(EINVAL, ioctl(fd, ASHMEM_GET_INFO, &info));
	CHECK_EQ(ASHMEM_IS_UNPINNED, pin_status(fd, 0, 4));
	CHECK_EQ(4 * page_size, get_size(fd));
	unpin(fd, 0, 1);
	CHECK_REPORTED(fd);
	ask(fd);
	CHECK_SILENT(fd);
}

CASE(purge_of_another_region_is_not_reported)
{
	enum { REGIONS = 64 };
	struct pollfd p[REGIONS];

	for (size_t i = 0; i < REGIONS; i++) {
		region_of_pages(&p[i].fd, 2);
		p[i].events = EVERYTHING;
	}
	drop_caches("2");
	for (size_t i = 3; i < REGIONS; i += 20)
		unpin(p[i].fd, 1, 1);
	CHECK_EQ(4, purge_all());
	CHECK_EQ(REGIONS, poll(p, REGIONS, -1));
	for (size_t i = 0; i < REGIONS; i++)
		CHECK_EQ(i % 20 == 3 ? ALWAYS | POLLPRI : ALWAYS, p[i].revents);
}

CASE(select_reports_a_purge_as_an_exception)
{
	fd_set in, out, except;
	int fd;

	region_of_pages(&fd, 1);
	for (int purged = 0; purged < 2; purged++) {
		FD_ZERO(&in);
		FD_ZERO(&out);
		FD_ZERO(&except);
		FD_SET(fd, &in);
		FD_SET(fd, &out);
		FD_SET(fd, &except);
		CHECK_EQ(2 + purged, select(fd + 1, &in, &out, &except, NULL));
		CHECK_EQ(purged, !!FD_ISSET(fd, &except));
		purge_one_page(fd);
	}
}

/* A thread that waits for POLLPRI in @wait. */
struct waiter {
	int fd;
	int (*wait)(int fd);
	atomic_int tid;
	int events;
	pthread_t thread;
};

static int wait_in_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLPRI };

	CHECK_EQ(1, poll(&p, 1, -1));
	return p.revents;
}

static int wait_in_epoll(int fd)
{
	struct epoll_event e = { .events = EPOLLPRI, .data.fd = fd };
	int epoll = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));

	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
	CHECK_EQ(1, epoll_wait(epoll, &e, 1, -1));
	CHECK_EQ(fd, e.data.fd);
	close(epoll);
	return e.events;
}

static void *wait_for_purge(void *argument)
{
	struct waiter *w = argument;

	atomic_store(&w->tid, syscall(SYS_gettid));
	w->events = w->wait(w->fd);
	return NULL;
}

/* Return: does the thread sleep in a system call? */
static bool sleeps(int tid)
{
	char path[64], text[256] = "", *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = CHECK_OK(open(path, O_RDONLY | O_CLOEXEC));
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

static struct waiter *waiter_start(int fd, int (*wait)(int fd))
{
	struct waiter *w = calloc(1, sizeof(*w));

	CHECK(w);
	w->fd = fd;
	w->wait = wait;
	CHECK_EQ(0, pthread_create(&w->thread, NULL, wait_for_purge, w));
	WAIT_UNTIL(atomic_load(&w->tid) && sleeps(w->tid));
	return w;
}

/* A purge must wake the waiter, which then sees @events. */
static void waiter_end(struct waiter *w, int events)
{
	CHECK_EQ(0, pthread_join(w->thread, NULL));
	CHECK_EQ(events, w->events);
	free(w);
}

static void purge_by_request(void)
{
	CHECK(purge_all() >= 1);
}

static void purge_by_drop_caches(void)
{
	drop_caches("2");
}

static void wake_by(void (*purge)(void))
{
	int fd;
	char *p = region_of_pages(&fd, 8);

	for (int i = 0; i < 4; i++) {
		struct waiter *w = waiter_start(fd, i % 2 ? wait_in_epoll :
						    wait_in_poll);
		struct waiter *w2 = waiter_start(fd, wait_in_poll);

		write_pages(p, i, 2, 1);
		unpin(fd, i, 2);
		purge();
		waiter_end(w, POLLPRI);
		waiter_end(w2, POLLPRI);
		CHECK_REPORTED(fd);
		ask(fd);
	}
}

CASE(purge_by_request_wakes)
{
	wake_by(purge_by_request);
}

CASE(purge_by_drop_caches_wakes)
{
	wake_by(purge_by_drop_caches);
}

CASE_LIMIT(purge_by_a_limit_wakes, 60)
{
	pid_t pid;

	cgroup_create("a");
	pid = fork_into("a");
	if (!pid) {
		struct filled f = filled_region(8 * MIB);
		struct waiter *w = waiter_start(f.fd, wait_in_poll);
		struct waiter *w2 = waiter_start(f.fd, wait_in_epoll);

		for (size_t i = 0; i < f.pages; i += 16)
			unpin(f.fd, i, 16);
		cgroup_lower("a", "memory.high", 2 * MIB);
		waiter_end(w, POLLPRI);
		waiter_end(w2, POLLPRI);
		cgroup_write("a", "memory.high", "max");
		CHECK(ask(f.fd).purged);
		CHECK_SILENT(f.fd);
		_exit(0);
	}
	CHECK_CHILD(pid);
}

static void note_signal(int signal)
{
	(void)signal;
}

/* A signal ends the wait, and a purge before the wait is not missed. */
CASE(wait_ends_at_a_signal)
{
	struct sigaction a = { .sa_handler = note_signal };
	struct pollfd p = { .events = POLLPRI };
	pid_t parent = getpid(), pid;
	sigset_t set;

	CHECK_OK(sigaction(SIGUSR1, &a, NULL));
	region_of_pages(&p.fd, 1);
	pid = checked_fork();
	if (!pid) {
		for (;;) {
			CHECK_OK(kill(parent, SIGUSR1));
			sleep_ms(1);
		}
	}
	CHECK_ERRNO(EINTR, poll(&p, 1, -1));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
	purge_one_page(p.fd);
	CHECK_EQ(1, poll(&p, 1, -1));
	CHECK_EQ(POLLPRI, p.revents);
}

/* With EPOLLET, each purge after a request for information is one event. */
CASE(edge_triggered_epoll_reports_each_purge_once)
{
	struct epoll_event e = { .events = EPOLLPRI | EPOLLET };
	int epoll = CHECK_OK(epoll_create1(EPOLL_CLOEXEC)), fd;

	region_of_pages(&fd, 4);
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
	CHECK_EQ(0, epoll_wait(epoll, &e, 1, 0));
	for (int i = 0; i < 100; i++) {
		purge_one_page(fd);
		CHECK_EQ(1, epoll_wait(epoll, &e, 1, 0));
		CHECK_EQ(EPOLLPRI, e.events);
		CHECK_EQ(0, epoll_wait(epoll, &e, 1, 0));
		ask(fd);
		CHECK_EQ(0, epoll_wait(epoll, &e, 1, 0));
	}
}

/* The state is the region's: whoever has it sees the same, and asks for all. */
CASE(copies_of_a_descriptor_share_the_report)
{
	struct meeting m = meeting_create();
	int socket[2], fd, copy;
	pid_t pid;

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, socket));
	pid = checked_fork();
	if (!pid) {
		int received = receive_descriptor(socket[1]);

		CHECK_SILENT(received);
		tell_parent(&m);
		CHECK_EQ(POLLPRI, wait_in_poll(received));
		CHECK_REPORTED(received);
		CHECK_EQ(page_size, ask(received).purged);
		CHECK_SILENT(received);
		tell_parent(&m);
		wait_for_parent(&m);
		CHECK_REPORTED(received);
		_exit(0);
	}
	region_of_pages(&fd, 4);
	copy = CHECK_OK(dup(fd));
	send_descriptor(socket[0], fd);
	wait_for_child(&m);
	purge_one_page(fd);
	wait_for_child(&m);
	CHECK_SILENT(fd);
	CHECK_SILENT(copy);
	unpin(copy, 2, 1);
	purge_all();
	CHECK_REPORTED(fd);
	CHECK_REPORTED(copy);
	tell_child(&m);
	CHECK_CHILD(pid);
}

/*
 * The wait keeps the region: its unpinned pages are purged, and the purge wakes. Only
 * then does poll() see that the descriptor is closed.
 */
CASE(closed_while_another_thread_polls)
{
	/* Opened now: later it would get the number of the closed descriptor. */
	int purger = region_open();

	for (int i = 0; i < 20; i++) {
		struct waiter *w;
		int fd;

		region_of_pages(&fd, 4);
		w = waiter_start(fd, wait_in_poll);
		unpin(fd, 0, 2);
		CHECK_OK(close(fd));
		CHECK_EQ(2, ioctl(purger, ASHMEM_PURGE_ALL_CACHES));
		waiter_end(w, POLLNVAL);
	}
}

/* epoll does not keep it: the region is gone, and epoll forgets it. */
CASE(closed_while_epoll_watches)
{
	struct epoll_event e = { .events = EPOLLPRI };
	int epoll = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));

	for (int i = 0; i < 100; i++) {
		char *p;
		int fd;

		p = region_of_pages(&fd, 4);
		CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
		unpin(fd, 0, 2);
		if (i % 2)
			CHECK_EQ(2, purge_all());
		CHECK_OK(close(fd));
		CHECK_EQ(0, purge_all());
		CHECK_EQ(0, epoll_wait(epoll, &e, 1, 0));
		CHECK_OK(munmap(p, 4 * page_size));
	}
}

CASE(killed_while_it_polls)
{
	for (int i = 0; i < 20; i++) {
		struct meeting m = meeting_create();
		pid_t pid = checked_fork();
		int status;

		if (!pid) {
			int fd;

			region_of_pages(&fd, 4);
			waiter_start(fd, i % 2 ? wait_in_epoll : wait_in_poll);
			unpin(fd, 0, 2);
			tell_parent(&m);
			for (;;)
				pause();
		}
		wait_for_child(&m);
		/* The purge and the end of the waiter race. */
		CHECK_OK(kill(pid, SIGKILL));
		purge_all();
		CHECK_EQ(pid, waitpid(pid, &status, 0));
		CHECK_EQ(0, purge_all());
	}
}

/* No purge is missed between a look at the region and the next wait. */
static atomic_int seen;

static void *look_at_each_purge(void *argument)
{
	int fd = *(int *)argument;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };

		CHECK_EQ(1, poll(&p, 1, -1));
		if (ask(fd).purged)
			atomic_fetch_add(&seen, 1);
	}
	return NULL;
}

CASE_LIMIT(no_purge_is_missed, 60)
{
	enum { ROUNDS = 2000 };
	pthread_t thread;
	int fd;

	region_of_pages(&fd, 1);
	CHECK_EQ(0, pthread_create(&thread, NULL, look_at_each_purge, &fd));
	for (int i = 1; i <= ROUNDS; i++) {
		purge_one_page(fd);
		while (atomic_load(&seen) < i)
			sched_yield();
		CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 0, 1));
	}
}
