/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of a client of the device, one function each, and pages whose content
 * identifies the page and its generation.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <grp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <linux/ashmem.h>

#include "harness.h"

#define DEVICE	"/dev/ashmem"
#define RW	(PROT_READ | PROT_WRITE)

static size_t page_size;

__attribute__((constructor)) static void read_page_size(void)
{
	page_size = sysconf(_SC_PAGESIZE);
}

/* Is the driver Debian's build of Android's? Few tests need to know. */
static inline bool driver_is_original(void)
{
	return access("/sys/module/ashmem_linux/refcnt", F_OK) == 0;
}

static inline int set_size(int fd, size_t size)
{
	return ioctl(fd, ASHMEM_SET_SIZE, size);
}

static inline int get_size(int fd)
{
	return ioctl(fd, ASHMEM_GET_SIZE);
}

static inline int set_mask(int fd, unsigned long mask)
{
	return ioctl(fd, ASHMEM_SET_PROT_MASK, mask);
}

static inline int get_mask(int fd)
{
	return ioctl(fd, ASHMEM_GET_PROT_MASK);
}

/* Opens a new, empty region. */
static inline int region_open(void)
{
	return CHECK_OK(open(DEVICE, O_RDWR | O_CLOEXEC));
}

static inline int region_create(uint64_t size)
{
	int fd = region_open();

	CHECK_OK(set_size(fd, size));
	return fd;
}

static inline char *checked_map(int fd, size_t length, int prot, int flags,
				off_t offset)
{
	void *p = mmap(NULL, length, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		FAIL("mmap of %zu bytes at %lld, prot %d, flags 0x%x: %s",
		     length, (long long)offset, prot, flags,
		     errno_name(errno));
	return p;
}

/* Maps a region from its first byte: readable, writable, shared. */
static inline char *region_map(int fd, size_t length)
{
	return checked_map(fd, length, RW, MAP_SHARED, 0);
}

static inline char *map_anonymous(size_t length)
{
	return checked_map(-1, length, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);
}

/* Zeroed memory that a case and its children share. */
static inline void *map_shared(size_t bytes)
{
	return checked_map(-1, bytes, RW, MAP_SHARED | MAP_ANONYMOUS, 0);
}

/* Return, for CHECK_ERRNO: 0, or -1 with errno set. */
static inline int try_map(int fd, size_t length, int prot, int flags,
			  off_t offset)
{
	void *p = mmap(NULL, length, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -1;
	munmap(p, length);
	return 0;
}

/* Creates and maps a region. The caller owns @fd. */
static inline char *region_of_pages(int *fd, size_t pages)
{
	*fd = region_create(pages * page_size);
	return region_map(*fd, pages * page_size);
}

static inline int range_request(int fd, unsigned long request, uint32_t offset,
				uint32_t len)
{
	struct ashmem_pin range = { .offset = offset, .len = len };

	return ioctl(fd, request, &range);
}

/* Offset and length in bytes, as in the ABI: any range, also an invalid one. */
static inline int pin_bytes(int fd, uint32_t offset, uint32_t len)
{
	return range_request(fd, ASHMEM_PIN, offset, len);
}

static inline int unpin_bytes(int fd, uint32_t offset, uint32_t len)
{
	return range_request(fd, ASHMEM_UNPIN, offset, len);
}

static inline int status_bytes(int fd, uint32_t offset, uint32_t len)
{
	return range_request(fd, ASHMEM_GET_PIN_STATUS, offset, len);
}

/* In pages; the call must succeed. */
static inline int pin(int fd, size_t first, size_t pages)
{
	return CHECK_OK(pin_bytes(fd, first * page_size, pages * page_size));
}

static inline void unpin(int fd, size_t first, size_t pages)
{
	CHECK_EQ(0, unpin_bytes(fd, first * page_size, pages * page_size));
}

static inline int pin_status(int fd, size_t first, size_t pages)
{
	return CHECK_OK(status_bytes(fd, first * page_size,
				     pages * page_size));
}

static inline struct ashmem_info region_info(int fd)
{
	struct ashmem_info info = { .struct_size = sizeof(info) };

	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_INFO, &info));
	return info;
}

/* Return: the number of pages, of all regions, that were unpinned. */
static inline long purge_all(void)
{
	int fd = region_open();
	long pages = CHECK_OK(ioctl(fd, ASHMEM_PURGE_ALL_CACHES));

	close(fd);
	return pages;
}

/* Sends a descriptor over a Unix socket, as SCM_RIGHTS. */
static inline void send_descriptor(int socket, int fd)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec v = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	CHECK_EQ(1, sendmsg(socket, &m, 0));
}

static inline int receive_descriptor(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec v = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	CHECK_EQ(1, recvmsg(socket, &m, 0));
	CHECK(CMSG_FIRSTHDR(&m));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

#define NOBODY	65534

/* Becomes a user without any capability. */
static inline void become_user(uid_t user)
{
	CHECK_OK(setgroups(0, NULL));
	CHECK_OK(setresgid(user, user, user));
	CHECK_OK(setresuid(user, user, user));
}

static inline void become_nobody(void)
{
	become_user(NOBODY);
}

static inline void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		FAIL("open %s: %s", path, errno_name(errno));
	if (write(fd, text, strlen(text)) < 0)
		FAIL("write \"%s\" to %s: %s", text, path, errno_name(errno));
	close(fd);
}

/* 1: the page cache; 2: all that shrinkers can free, which includes unpinned pages. */
static inline void drop_caches(const char *what)
{
	write_file("/proc/sys/vm/drop_caches", what);
}

/* The first word of a page's content. Each page and generation has another one. */
static inline uint64_t word_of_page(size_t number, uint64_t generation)
{
	return (number + 1) * 0x9e3779b97f4a7c15 ^
	       (generation + 1) * 0xc2b2ae3d27d4eb4f;
}

OUT_OF_LINE void write_page(char *page, size_t number, uint64_t generation)
{
	uint64_t word = word_of_page(number, generation);
	uint64_t *words = (uint64_t *)page;

	for (size_t i = 0; i < page_size / sizeof(*words); i++)
		words[i] = word + i;
}

OUT_OF_LINE bool page_is(const char *page, size_t number,
			   uint64_t generation)
{
	uint64_t word = word_of_page(number, generation), differ = 0;
	const uint64_t *words = (const uint64_t *)page;

	for (size_t i = 0; i < page_size / sizeof(*words); i++)
		differ |= words[i] ^ (word + i);
	return !differ;
}

OUT_OF_LINE bool page_is_zero(const char *page)
{
	const uint64_t *words = (const uint64_t *)page;
	uint64_t differ = 0;

	for (size_t i = 0; i < page_size / sizeof(*words); i++)
		differ |= words[i];
	return !differ;
}

static inline void write_pages(char *base, size_t first, size_t pages,
			       uint64_t generation)
{
	for (size_t i = first; i < first + pages; i++)
		write_page(base + i * page_size, i, generation);
}

OUT_OF_LINE void check_pages(const char *file, int line, const char *base,
			     size_t first, size_t pages, uint64_t generation)
{
	for (size_t i = first; i < first + pages; i++) {
		const char *page = base + i * page_size;

		if (!page_is(page, i, generation))
			fail(file, line, "page %zu lost its content%s", i,
			     page_is_zero(page) ? ": it is zero" : "");
	}
}

OUT_OF_LINE void check_zero(const char *file, int line, const char *base,
			    size_t first, size_t pages)
{
	for (size_t i = first; i < first + pages; i++)
		if (!page_is_zero(base + i * page_size))
			fail(file, line, "page %zu is not zero", i);
}

#define CHECK_PAGES(base, first, pages, generation)			\
	check_pages(__FILE__, __LINE__, base, first, pages, generation)

#define CHECK_ZERO(base, first, pages)					\
	check_zero(__FILE__, __LINE__, base, first, pages)

/* A line of /proc/PID/maps. */
struct maps_line {
	unsigned long start, end, inode;
	char flags[8];
	char path[1200];
};

static inline struct maps_line maps_line_at(const void *address)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	struct maps_line l;
	char text[1400];
	int n;

	if (!maps)
		FAIL("open /proc/self/maps: %s", errno_name(errno));
	while (fgets(text, sizeof(text), maps)) {
		memset(&l, 0, sizeof(l));
		if (sscanf(text, "%lx-%lx %7s %*s %*s %lu %n", &l.start,
			   &l.end, l.flags, &l.inode, &n) < 4)
			FAIL("a line of maps cannot be read: %s", text);
		snprintf(l.path, sizeof(l.path), "%s", text + n);
		l.path[strcspn(l.path, "\n")] = 0;
		if ((unsigned long)address >= l.start &&
		    (unsigned long)address < l.end) {
			fclose(maps);
			return l;
		}
	}
	FAIL("no mapping at %p", address);
}

#endif /* CLIENT_H */
