// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process that can open the device, or has received a descriptor, can do
 * to other processes. SECURITY.md names these cases. protection.c tests what the
 * mask does to mmap and mprotect, abi.c which processes may request a purge.
 *
 * defect 7: mask bypass through the mapped file
 */
#include <linux/falloc.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "cgroup.h"

enum { PAGES = 4, OWNER = 1234 };

/* System calls missing in the C library's headers; same number on all architectures. */
enum {
	IO_URING_SETUP = 425, IO_URING_ENTER = 426, IO_URING_REGISTER = 427,
	PIDFD_OPEN = 434, PIDFD_GETFD = 438,
};

#define CHECK_REFUSED(call)						\
	do {								\
		CHECK_EQ(-1, (call));					\
		if (errno != EPERM && errno != EACCES)			\
			FAIL("%s failed with %s", #call,		\
			     errno_name(errno));			\
	} while (0)

/*
 * Makes the process look as if that user had started it. After a change of user a
 * process is not dumpable, which would protect it.
 */
static void live_as(uid_t user)
{
	if (user)
		become_user(user);
	CHECK_OK(prctl(PR_SET_DUMPABLE, 1));
}

/* A process with a region that others attack. */
struct victim {
	pid_t pid;
	int fd;
	char *base;
	struct meeting m;
};

static struct victim victim_start(uid_t user)
{
	struct victim v = { .m = meeting_create() };

	v.base = region_of_pages(&v.fd, PAGES);
	write_pages(v.base, 0, PAGES, 1);
	v.pid = checked_fork();
	if (!v.pid) {
		live_as(user);
		tell_parent(&v.m);
		wait_for_parent(&v.m);
		CHECK_PAGES(v.base, 0, PAGES, 1);
		CHECK_EQ(ASHMEM_NOT_PURGED, pin(v.fd, 0, PAGES));
		_exit(0);
	}
	wait_for_child(&v.m);
	return v;
}

static void victim_end(struct victim *v)
{
	tell_child(&v->m);
	CHECK_CHILD(v->pid);
}

static int open_of(const struct victim *v, const char *what, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/%s", v->pid, what);
	return open(path, flags | O_CLOEXEC);
}

static int open_fd_of(const struct victim *v, const char *folder, int flags)
{
	char what[64];

	snprintf(what, sizeof(what), "%s/%d", folder, v->fd);
	return open_of(v, what, flags);
}

static int open_map_of(const struct victim *v, int flags)
{
	char what[64];

	snprintf(what, sizeof(what), "map_files/%lx-%lx",
		 (unsigned long)v->base,
		 (unsigned long)v->base + PAGES * page_size);
	return open_of(v, what, flags);
}

static ssize_t vm_read_of(const struct victim *v, char *to)
{
	struct iovec local = { to, page_size }, remote = { v->base, page_size };

	return process_vm_readv(v->pid, &local, 1, &remote, 1, 0);
}

static ssize_t vm_write_of(const struct victim *v)
{
	struct iovec local = { "x", 1 }, remote = { v->base, 1 };

	return process_vm_writev(v->pid, &local, 1, &remote, 1, 0);
}

static int take_descriptor_of(const struct victim *v)
{
	int pidfd = CHECK_OK(syscall(PIDFD_OPEN, v->pid, 0));

	return syscall(PIDFD_GETFD, pidfd, v->fd, 0);
}

/* Closes all that a forked process has of the victim, but for the victim's PID. */
static void forget(const struct victim *v)
{
	CHECK_OK(munmap(v->base, PAGES * page_size));
	close(v->fd);
}

static void check_stranger(uid_t user)
{
	struct victim v = victim_start(user);
	pid_t pid = checked_fork();

	if (!pid) {
		char *page = map_anonymous(page_size);

		forget(&v);
		live_as(NOBODY);
		CHECK_REFUSED(open_fd_of(&v, "fd", O_RDWR));
		CHECK_REFUSED(open_fd_of(&v, "fd", O_RDONLY));
		CHECK_REFUSED(open_fd_of(&v, "fdinfo", O_RDONLY));
		CHECK_REFUSED(open_map_of(&v, O_RDONLY));
		CHECK_REFUSED(open_map_of(&v, O_RDWR));
		CHECK_REFUSED(open_of(&v, "maps", O_RDONLY));
		CHECK_REFUSED(open_of(&v, "mem", O_RDONLY));
		CHECK_REFUSED(open_of(&v, "mem", O_RDWR));
		CHECK_REFUSED(ptrace(PTRACE_ATTACH, v.pid, 0, 0));
		CHECK_REFUSED(ptrace(PTRACE_SEIZE, v.pid, 0, 0));
		CHECK_REFUSED(vm_read_of(&v, page));
		CHECK_REFUSED(vm_write_of(&v));
		CHECK_REFUSED(take_descriptor_of(&v));
		CHECK_REFUSED(kill(v.pid, SIGKILL));
		_exit(0);
	}
	CHECK_CHILD(pid);
	victim_end(&v);
}

CASE(another_user_gets_at_nothing_of_root)
{
	check_stranger(0);
}

CASE(another_user_gets_at_nothing_of_a_user)
{
	check_stranger(OWNER);
}

/* Otherwise the cases above would show nothing. */
CASE(same_user_gets_at_what_another_user_does_not)
{
	struct victim v = victim_start(OWNER);
	pid_t pid = checked_fork();

	if (!pid) {
		char *page = map_anonymous(page_size);
		int fd;

		forget(&v);
		live_as(OWNER);
		CHECK_OK(open_fd_of(&v, "fdinfo", O_RDONLY));
		CHECK_OK(open_of(&v, "maps", O_RDONLY));
		CHECK_OK(open_of(&v, "mem", O_RDONLY));
		CHECK_EQ(page_size, vm_read_of(&v, page));
		CHECK_PAGES(page, 0, 1, 1);
		fd = CHECK_OK(take_descriptor_of(&v));
		CHECK_EQ(PAGES * page_size, get_size(fd));
		/* An open through /proc/PID/fd opens the device anew. */
		fd = CHECK_OK(open_fd_of(&v, "fd", O_RDWR));
		CHECK_EQ(0, get_size(fd));
		/* /proc/PID/map_files is refused. */
		CHECK_REFUSED(open_map_of(&v, O_RDONLY));
		_exit(0);
	}
	CHECK_CHILD(pid);
	victim_end(&v);
}

/*
 * An owner sets the mask, which takes away at least PROT_WRITE, and passes the
 * descriptor to another user.
 */
static void give_to(uid_t user, unsigned long mask, void (*use)(int fd))
{
	int fd, sockets[2];
	char *p = region_of_pages(&fd, PAGES);
	pid_t pid;

	write_pages(p, 0, PAGES, 1);
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	pid = checked_fork();
	if (!pid) {
		CHECK_OK(munmap(p, PAGES * page_size));
		close(fd);
		live_as(user);
		use(receive_descriptor(sockets[1]));
		_exit(0);
	}
	CHECK_EQ(0, set_mask(fd, mask));
	send_descriptor(sockets[0], fd);
	CHECK_CHILD(pid);
	CHECK_PAGES(p, 0, PAGES, 1);
	CHECK_EQ(ASHMEM_NOT_PURGED, pin(fd, 0, PAGES));
	/* The owner's mapping keeps its rights. */
	write_pages(p, 0, PAGES, 2);
	CHECK_PAGES(p, 0, PAGES, 2);
	CHECK_OK(madvise(p, page_size, MADV_REMOVE));
	CHECK_ZERO(p, 0, 1);
	CHECK_PAGES(p, 1, PAGES - 1, 2);
}

static char *map_read_only(int fd)
{
	char *p = checked_map(fd, PAGES * page_size, PROT_READ, MAP_SHARED, 0);

	CHECK_PAGES(p, 0, PAGES, 1);
	return p;
}

static void widen_the_mask(int fd)
{
	int copy = CHECK_OK(dup(fd)), new;
	char path[64];

	CHECK_ERRNO(EINVAL, set_mask(fd, RW));
	CHECK_ERRNO(EINVAL, set_mask(copy, PROT_READ | PROT_EXEC));
	CHECK_EQ(PROT_READ, get_mask(fd));
	CHECK_ERRNO(EPERM, try_map(copy, page_size, RW, MAP_SHARED, 0));
	CHECK_ERRNO(EINVAL, set_size(fd, 2 * PAGES * page_size));
	/* Opening the device again gives another, empty region. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	new = CHECK_OK(open(path, O_RDWR | O_CLOEXEC));
	CHECK_EQ(0, get_size(new));
	CHECK_EQ(0, set_size(new, PAGES * page_size));
	CHECK_ZERO(region_map(new, PAGES * page_size), 0, PAGES);
	CHECK_ERRNO(EPERM, try_map(fd, page_size, RW, MAP_SHARED, 0));
}

CASE(receiver_cannot_widen_the_mask)
{
	give_to(NOBODY, PROT_READ, widen_the_mask);
}

static void write_as_to_a_file(int fd)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE,
		FALLOC_FL_INSERT_RANGE,
	};
	int other = CHECK_OK(memfd_create("other", MFD_CLOEXEC)), ends[2];
	struct iovec v = { "x", 1 };
	loff_t at = 0;

	CHECK_EQ(1, write(other, "x", 1));
	CHECK_OK(pipe(ends));
	CHECK_EQ(1, write(ends[1], "x", 1));
	CHECK_EQ(-1, write(fd, "x", 1));
	CHECK_EQ(-1, pwrite(fd, "x", 1, 0));
	CHECK_EQ(-1, writev(fd, &v, 1));
	CHECK_EQ(-1, pwritev2(fd, &v, 1, 0, 0));
	CHECK_EQ(-1, sendfile(fd, other, &at, 1));
	CHECK_EQ(-1, splice(ends[0], NULL, fd, NULL, 1, 0));
	CHECK_EQ(-1, splice(ends[0], NULL, fd, &at, 1, 0));
	CHECK_EQ(-1, copy_file_range(other, NULL, fd, NULL, 1, 0));
	CHECK_EQ(-1, ftruncate(fd, 0));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		CHECK_EQ(-1, fallocate(fd, modes[i], 0, page_size));
	CHECK_EQ(-1, fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
}

CASE(receiver_cannot_write_as_to_a_file)
{
	give_to(NOBODY, PROT_READ, write_as_to_a_file);
}

static void write_by_advice(int fd)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED,
		MADV_FREE, 23 /* MADV_POPULATE_WRITE */,
	};
	char *p = map_read_only(fd);

	CHECK_ERRNO(EACCES, madvise(p, page_size, MADV_REMOVE));
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++) {
		if (!madvise(p, PAGES * page_size, advices[i]))
			CHECK(i < 4);
		CHECK_PAGES(p, 0, PAGES, 1);
	}
}

CASE(receiver_cannot_punch_holes_by_advice)
{
	give_to(NOBODY, PROT_READ, write_by_advice);
}

/*
 * Writes as a debugger. Ptrace can write to a page that its target may only read:
 * in a private mapping, to a copy.
 */
static long poke(char *p)
{
	long word;
	int status;
	pid_t pid = checked_fork();

	if (!pid) {
		CHECK_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
		raise(SIGSTOP);
		_exit(0);
	}
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	CHECK(WIFSTOPPED(status));
	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, pid, p, 0);
	CHECK_EQ(0, errno);
	CHECK(!memcmp(&word, p, sizeof(word)));
	word = ptrace(PTRACE_POKEDATA, pid, p, ~word);
	status = errno;
	kill(pid, SIGKILL);
	CHECK_EQ(pid, waitpid(pid, NULL, 0));
	errno = status;
	return word;
}

static void write_as_a_debugger(int fd)
{
	char *own = map_anonymous(page_size);

	CHECK_OK(mprotect(own, page_size, PROT_READ));
	CHECK_EQ(0, poke(own));
	CHECK_ERRNO(EIO, poke(map_read_only(fd)));
}

CASE(receiver_cannot_write_as_a_debugger)
{
	give_to(NOBODY, PROT_READ, write_as_a_debugger);
}

static void write_by_userfaultfd(int fd)
{
	int uffd = CHECK_OK(syscall(SYS_userfaultfd, O_CLOEXEC));
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int own;
	char *p = region_of_pages(&own, PAGES);
	int refused = EPERM;

	CHECK_OK(ioctl(uffd, UFFDIO_API, &api));
	r.range.len = PAGES * page_size;
	r.range.start = (uintptr_t)p;
	/* Older kernels serve only shmem's own mappings. */
	if (ioctl(uffd, UFFDIO_REGISTER, &r)) {
		CHECK_EQ(EINVAL, errno);
		refused = EINVAL;
	}
	r.range.start = (uintptr_t)map_read_only(fd);
	CHECK_ERRNO(refused, ioctl(uffd, UFFDIO_REGISTER, &r));
}

/* As root, which may use all of userfaultfd on every kernel. */
CASE(receiver_cannot_fill_holes_by_userfaultfd)
{
	give_to(0, PROT_READ, write_by_userfaultfd);
}

/* An io_uring for one request at a time. */
struct ring {
	int fd;
	struct io_uring_params p;
	char *queues;
	struct io_uring_sqe *sqe;
};

static struct ring ring_open(void)
{
	struct ring r = { };

	r.fd = CHECK_OK(syscall(IO_URING_SETUP, 1, &r.p));
	CHECK(r.p.features & IORING_FEAT_SINGLE_MMAP);
	r.queues = checked_map(r.fd, r.p.cq_off.cqes +
			       r.p.cq_entries * sizeof(struct io_uring_cqe), RW,
			       MAP_SHARED | MAP_POPULATE, IORING_OFF_SQ_RING);
	r.sqe = (void *)checked_map(r.fd, sizeof(*r.sqe), RW,
				    MAP_SHARED | MAP_POPULATE, IORING_OFF_SQES);
	return r;
}

/* Return: the request's result, bytes or a negative error number. */
static int ring_do(struct ring *r, struct io_uring_sqe sqe)
{
	atomic_uint *tail = (void *)(r->queues + r->p.sq_off.tail);
	atomic_uint *head = (void *)(r->queues + r->p.cq_off.head);
	struct io_uring_cqe *cqes = (void *)(r->queues + r->p.cq_off.cqes);
	unsigned int mask = *(unsigned int *)(r->queues +
					      r->p.cq_off.ring_mask);
	int result;

	*r->sqe = sqe;
	*(unsigned int *)(r->queues + r->p.sq_off.array) = 0;
	atomic_fetch_add(tail, 1);
	CHECK_EQ(1, syscall(IO_URING_ENTER, r->fd, 1, 1,
			    IORING_ENTER_GETEVENTS, NULL, 0));
	result = cqes[atomic_load(head) & mask].res;
	atomic_fetch_add(head, 1);
	return result;
}

static int ring_read(struct ring *r, int from, char *to)
{
	return ring_do(r, (struct io_uring_sqe){
		.opcode = IORING_OP_READ, .fd = from, .len = 1,
		.addr = (uintptr_t)to,
	});
}

static int ring_punch(struct ring *r, int fd)
{
	return ring_do(r, (struct io_uring_sqe){
		.opcode = IORING_OP_FALLOCATE, .fd = fd, .addr = page_size,
		.len = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	});
}

static int ring_register(struct ring *r, char *page)
{
	struct iovec v = { page, page_size };

	return syscall(IO_URING_REGISTER, r->fd, IORING_REGISTER_BUFFERS, &v, 1);
}

static void write_by_io_uring(int fd)
{
	int other = CHECK_OK(memfd_create("other", MFD_CLOEXEC));
	char *own = map_anonymous(page_size), *p = map_read_only(fd);
	struct ring r = ring_open();

	CHECK_EQ(0, ring_punch(&r, other));
	CHECK(ring_punch(&r, fd) < 0);
	CHECK_EQ(1, write(other, "x", 1));
	CHECK(ring_do(&r, (struct io_uring_sqe){
		.opcode = IORING_OP_WRITE, .fd = fd, .len = 1,
		.addr = (uintptr_t)own }) < 0);
	CHECK_EQ(1, ring_read(&r, other, own));
	CHECK_EQ('x', *own);
	CHECK_EQ(-EFAULT, ring_read(&r, other, p));
	CHECK_EQ(-1, ring_register(&r, p));
	CHECK_OK(ring_register(&r, own));
}

CASE(receiver_cannot_write_by_io_uring)
{
	give_to(NOBODY, PROT_READ, write_by_io_uring);
}

/* The link of /proc to the file of a mapping. */
static void map_file_path(const char *base, char path[64])
{
	snprintf(path, 64, "/proc/self/map_files/%lx-%lx", (unsigned long)base,
		 (unsigned long)base + PAGES * page_size);
}

static void open_the_mapped_file(int fd)
{
	char path[64];

	map_file_path(map_read_only(fd), path);
	CHECK_ERRNO(EPERM, open(path, O_RDWR));
	CHECK_ERRNO(EPERM, open(path, O_RDONLY));
	CHECK_ERRNO(EPERM, truncate(path, 0));
	/* Root of a user namespace may not either. */
	CHECK_OK(unshare(CLONE_NEWUSER));
	CHECK_ERRNO(EPERM, open(path, O_RDWR));
	CHECK_ERRNO(EPERM, open(path, O_RDONLY));
}

CASE(receiver_cannot_open_the_mapped_file)
{
	give_to(NOBODY, PROT_READ, open_the_mapped_file);
}

/* A process that may follow such links, as root may, can read but not write. */
static void write_to_the_mapped_file(int fd)
{
	char path[64], *p;
	int file;

	map_file_path(map_read_only(fd), path);
	CHECK_ERRNO(ETXTBSY, open(path, O_RDWR));
	CHECK_ERRNO(ETXTBSY, open(path, O_WRONLY | O_TRUNC));
	CHECK_ERRNO(ETXTBSY, open(path, O_RDONLY | O_TRUNC));
	CHECK_ERRNO(ETXTBSY, truncate(path, page_size));
	file = CHECK_OK(open(path, O_RDONLY | O_CLOEXEC));
	CHECK_EQ(-1, write(file, "x", 1));
	CHECK_EQ(-1, ftruncate(file, 0));
	CHECK_EQ(-1, fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, page_size));
	CHECK_EQ(-1, fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
	CHECK_ERRNO(EACCES, try_map(file, page_size, RW, MAP_SHARED, 0));
	p = map_read_only(file);
	CHECK_ERRNO(EACCES, mprotect(p, page_size, RW));
	CHECK_ERRNO(EACCES, madvise(p, page_size, MADV_REMOVE));
	/* A private mapping of the file, not of the region, is a copy. */
	p = checked_map(file, page_size, RW, MAP_PRIVATE, 0);
	*p = ~*p;
}

CASE(root_cannot_write_to_the_mapped_file)
{
	give_to(0, PROT_READ, write_to_the_mapped_file);
}

/* A private mapping has its own memory; its file is empty. */
CASE(root_cannot_write_to_the_file_of_a_private_mapping)
{
	int fd = region_create(PAGES * page_size);
	char *p = checked_map(fd, PAGES * page_size, RW, MAP_PRIVATE, 0);
	char path[64];

	write_pages(p, 0, PAGES, 1);
	map_file_path(p, path);
	CHECK_ERRNO(ETXTBSY, open(path, O_RDWR));
	CHECK_ERRNO(ETXTBSY, truncate(path, 0));
	CHECK_PAGES(p, 0, PAGES, 1);
}

/* The mask allows writing, but the device was opened read-only. */
CASE(read_only_descriptor_does_not_write)
{
	int fd = CHECK_OK(open(DEVICE, O_RDONLY | O_CLOEXEC));
	char *p;

	CHECK_EQ(0, set_size(fd, PAGES * page_size));
	p = checked_map(fd, PAGES * page_size, PROT_READ, MAP_SHARED, 0);
	CHECK_ZERO(p, 0, PAGES);
	CHECK_ERRNO(EACCES, mprotect(p, page_size, RW));
	CHECK_ERRNO(EACCES, try_map(fd, page_size, RW, MAP_SHARED, 0));
	CHECK_ERRNO(EACCES, madvise(p, page_size, MADV_REMOVE));
	CHECK_ERRNO(EIO, poke(p));
	CHECK_ZERO(p, 0, PAGES);
}

#if defined(__x86_64__)
static const uint8_t returns[] = { 0xc3 };
#elif defined(__aarch64__)
static const uint8_t returns[] = { 0xc0, 0x03, 0x5f, 0xd6 };
#endif

/* Return: the signal that ended the child, or 0. */
static int execute(char *p)
{
	int status;
	pid_t pid;

	memcpy(p, returns, sizeof(returns));
	__builtin___clear_cache(p, p + sizeof(returns));
	pid = checked_fork();
	if (!pid) {
		((void (*)(void))p)();
		_exit(0);
	}
	CHECK_EQ(pid, waitpid(pid, &status, 0));
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

CASE(written_memory_is_not_executed)
{
	int fd = region_create(page_size);
	char *p, *own = map_anonymous(page_size);

	CHECK_EQ(0, set_mask(fd, RW));
	p = region_map(fd, page_size);
	CHECK_EQ(SIGSEGV, execute(p));
	CHECK_ERRNO(EACCES, mprotect(p, page_size, PROT_READ | PROT_EXEC));
	CHECK_EQ(SIGSEGV, execute(p));
	/* The same code runs in executable memory. */
	CHECK_OK(mprotect(own, page_size, RW | PROT_EXEC));
	CHECK_EQ(0, execute(own));
}
