// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names, and how /proc/PID/maps shows them.
 *
 * ABI, ioctls: SET_NAME, GET_NAME
 * ABI, errors: SET_NAME after the first mmap; bad pointer
 * ABI, semantics: /dev/ashmem/NAME (deleted), /dev/ashmem (deleted)
 * defect 11: SET_NAME always copies 256 bytes
 * Part of defect 5: the name that mmap shows is the one that GET_NAME returns.
 */
#include <pthread.h>

#include "client.h"

#define POISON	0x5a

static int set_name(int fd, const char *name)
{
	return ioctl(fd, ASHMEM_SET_NAME, name);
}

/* GET_NAME writes the name and its NUL, and no byte more. */
static void check_name(const char *file, int line, int fd, const char *expected)
{
	char name[ASHMEM_NAME_LEN + 16];

	memset(name, POISON, sizeof(name));
	if (ioctl(fd, ASHMEM_GET_NAME, name))
		fail(file, line, "GET_NAME: %s", errno_name(errno));
	if (strcmp(name, expected))
		fail(file, line, "the name is \"%s\", expected \"%s\"", name,
		     expected);
	for (size_t i = strlen(name) + 1; i < sizeof(name); i++)
		if (name[i] != POISON)
			fail(file, line, "GET_NAME wrote byte %zu, after \"%s\"",
			     i, expected);
}

#define CHECK_NAME(fd, expected)	check_name(__FILE__, __LINE__, fd, expected)

static char *buffer_at_end_of_page(size_t bytes)
{
	char *p = map_anonymous(2 * page_size);

	CHECK_OK(munmap(p + page_size, page_size));
	return p + page_size - bytes;
}

CASE(unnamed_region_answers_the_default)
{
	int fd = region_create(page_size);

	CHECK_NAME(fd, "dev/ashmem");
	region_map(fd, page_size);
	CHECK_NAME(fd, "dev/ashmem");
}

CASE(name_is_answered_as_set)
{
	int fd = region_open();

	CHECK_EQ(0, set_name(fd, "dalvik-heap"));
	CHECK_NAME(fd, "dalvik-heap");
	CHECK_EQ(0, set_name(fd, "x"));
	CHECK_NAME(fd, "x");
	CHECK_EQ(0, set_name(fd, "a name / with \t\n\\ \xff\x80\x01 and ) (deleted)"));
	CHECK_NAME(fd, "a name / with \t\n\\ \xff\x80\x01 and ) (deleted)");
}

CASE(empty_name_is_no_name)
{
	int fd = region_create(page_size);

	CHECK_EQ(0, set_name(fd, "something"));
	CHECK_EQ(0, set_name(fd, ""));
	CHECK_NAME(fd, "dev/ashmem");
	CHECK_STR("/dev/ashmem (deleted)",
		  maps_line_at(region_map(fd, page_size)).path);
}

CASE(long_names_are_cut_at_255)
{
	static const size_t lengths[] = { 254, 255, 256, 257, 300, 511 };
	char name[512], cut[ASHMEM_NAME_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		int fd = region_open();

		memset(name, 'n', sizeof(name));
		name[lengths[i]] = 0;
		snprintf(cut, sizeof(cut), "%.255s", name);
		CHECK_EQ(0, set_name(fd, name));
		CHECK_NAME(fd, cut);
		close(fd);
	}
}

CASE(shorter_name_leaves_nothing_of_the_longer)
{
	char name[ASHMEM_NAME_LEN];
	int fd = region_create(page_size);

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	CHECK_EQ(0, set_name(fd, name));
	CHECK_EQ(0, set_name(fd, "short"));
	CHECK_NAME(fd, "short");
	CHECK_STR("/dev/ashmem/short (deleted)",
		  maps_line_at(region_map(fd, page_size)).path);
}

CASE(get_name_writes_only_the_name)
{
	int fd = region_open();
	char *end = buffer_at_end_of_page(6);

	CHECK_EQ(0, set_name(fd, "short"));
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_NAME, end));
	CHECK_STR("short", end);
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_GET_NAME, end + 1));
	CHECK_EQ(0, set_name(fd, ""));
	end = buffer_at_end_of_page(sizeof(ASHMEM_NAME_DEF));
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_NAME, end));
	CHECK_STR(ASHMEM_NAME_DEF, end);
}

CASE(get_name_of_255_fills_the_buffer_exactly)
{
	char *end = buffer_at_end_of_page(ASHMEM_NAME_LEN);
	int fd = region_open();
	char name[300];

	memset(name, 'n', sizeof(name));
	name[299] = 0;
	CHECK_EQ(0, set_name(fd, name));
	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_NAME, end));
	CHECK_EQ(255, strlen(end));
}

CASE(get_name_refuses_bad_pointers)
{
	int fd = region_open();
	char *read_only = checked_map(-1, page_size, PROT_READ,
				      MAP_PRIVATE | MAP_ANONYMOUS, 0);

	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_GET_NAME, NULL));
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_GET_NAME, (void *)-page_size));
	CHECK_ERRNO(EFAULT, ioctl(fd, ASHMEM_GET_NAME, read_only));
}

CASE(defect_11_short_name_at_the_end_of_a_page)
{
	static const char *const names[] = { "", "x", "short", "dalvik-heap" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t bytes = strlen(names[i]) + 1;
		char *end = buffer_at_end_of_page(bytes);
		int fd = region_open();

		memcpy(end, names[i], bytes);
		CHECK_EQ(0, set_name(fd, end));
		CHECK_NAME(fd, *names[i] ? names[i] : ASHMEM_NAME_DEF);
		close(fd);
	}
}

CASE(defect_11_full_buffer_at_the_end_of_a_page)
{
	char *end = buffer_at_end_of_page(ASHMEM_NAME_LEN);
	char cut[ASHMEM_NAME_LEN];
	int fd = region_open();

	memset(end, 'n', ASHMEM_NAME_LEN);
	snprintf(cut, sizeof(cut), "%.255s", end);
	CHECK_EQ(0, set_name(fd, end));
	CHECK_NAME(fd, cut);
}

CASE(bad_pointer_leaves_the_name_as_it_was)
{
	char *end = buffer_at_end_of_page(100);
	int fd = region_open();

	CHECK_ERRNO(EFAULT, set_name(fd, NULL));
	CHECK_NAME(fd, "dev/ashmem");
	CHECK_EQ(0, set_name(fd, "before"));
	memset(end, 'n', 100);
	CHECK_ERRNO(EFAULT, set_name(fd, end));
	CHECK_ERRNO(EFAULT, set_name(fd, (void *)-page_size));
	CHECK_ERRNO(EFAULT, set_name(fd, NULL));
	CHECK_NAME(fd, "before");
}

CASE(name_is_fixed_by_the_first_mmap)
{
	int fd = region_create(page_size);
	char *p;

	CHECK_EQ(0, set_name(fd, "fixed"));
	p = region_map(fd, page_size);
	CHECK_ERRNO(EINVAL, set_name(fd, "other"));
	CHECK_ERRNO(EINVAL, set_name(fd, "fixed"));
	CHECK_ERRNO(EINVAL, set_name(fd, ""));
	CHECK_OK(munmap(p, page_size));
	CHECK_ERRNO(EINVAL, set_name(fd, "other"));
	CHECK_NAME(fd, "fixed");
	CHECK_STR("/dev/ashmem/fixed (deleted)",
		  maps_line_at(region_map(fd, page_size)).path);
}

CASE(name_is_fixed_by_a_private_mmap_too)
{
	int fd = region_create(page_size);

	checked_map(fd, page_size, RW, MAP_PRIVATE, 0);
	CHECK_ERRNO(EINVAL, set_name(fd, "late"));
	CHECK_NAME(fd, "dev/ashmem");
}

CASE(bad_pointer_after_mmap_changes_nothing)
{
	int fd = region_create(page_size);

	CHECK_EQ(0, set_name(fd, "fixed"));
	region_map(fd, page_size);
	/* Two errors at once: clients know both answers. */
	CHECK_EQ(-1, set_name(fd, NULL));
	CHECK(errno == EINVAL || errno == EFAULT);
	CHECK_NAME(fd, "fixed");
}

CASE(name_may_be_set_before_and_after_the_size)
{
	int fd = region_open();

	CHECK_EQ(0, set_name(fd, "one"));
	CHECK_EQ(0, set_size(fd, page_size));
	CHECK_EQ(0, set_name(fd, "two"));
	CHECK_STR("/dev/ashmem/two (deleted)",
		  maps_line_at(region_map(fd, page_size)).path);
}

CASE(maps_shows_an_unnamed_region)
{
	int fd = region_create(page_size);

	CHECK_STR("/dev/ashmem (deleted)",
		  maps_line_at(region_map(fd, page_size)).path);
	CHECK_STR("/dev/ashmem (deleted)",
		  maps_line_at(checked_map(fd, page_size, RW, MAP_PRIVATE, 0))
		  .path);
}

CASE(maps_shows_the_name_of_each_kind_of_mapping)
{
	int fd = region_create(2 * page_size);
	struct maps_line l;
	char *p;

	CHECK_EQ(0, set_name(fd, "cache of pages"));
	p = region_map(fd, 2 * page_size);
	l = maps_line_at(p);
	CHECK_STR("/dev/ashmem/cache of pages (deleted)", l.path);
	CHECK_STR("rw-s", l.flags);
	CHECK_EQ(2 * page_size, l.end - l.start);
	p = checked_map(fd, page_size, PROT_READ, MAP_SHARED, page_size);
	l = maps_line_at(p);
	CHECK_STR("/dev/ashmem/cache of pages (deleted)", l.path);
	CHECK_STR("r--s", l.flags);
	p = checked_map(fd, page_size, RW, MAP_PRIVATE, 0);
	l = maps_line_at(p);
	CHECK_STR("/dev/ashmem/cache of pages (deleted)", l.path);
	CHECK_STR("rw-p", l.flags);
	close(fd);
	CHECK_STR("/dev/ashmem/cache of pages (deleted)",
		  maps_line_at(p).path);
}

CASE(maps_escapes_a_newline)
{
	int fd = region_create(page_size);

	CHECK_EQ(0, set_name(fd, "two\nlines"));
	CHECK_STR("/dev/ashmem/two\\012lines (deleted)",
		  maps_line_at(region_map(fd, page_size)).path);
}

CASE(maps_shows_the_longest_name)
{
	int fd = region_create(page_size);
	char name[ASHMEM_NAME_LEN], path[300];

	memset(name, 'n', 255);
	name[255] = 0;
	CHECK_EQ(0, set_name(fd, name));
	snprintf(path, sizeof(path), "/dev/ashmem/%s (deleted)", name);
	CHECK_STR(path, maps_line_at(region_map(fd, page_size)).path);
}

CASE(maps_of_a_forked_child_shows_the_name)
{
	int fd = region_create(page_size);
	pid_t pid;
	char *p;

	CHECK_EQ(0, set_name(fd, "inherited"));
	p = region_map(fd, page_size);
	pid = checked_fork();
	if (!pid) {
		CHECK_STR("/dev/ashmem/inherited (deleted)",
			  maps_line_at(p).path);
		CHECK_NAME(fd, "inherited");
		_exit(0);
	}
	CHECK_CHILD(pid);
}

/* A region that one thread names while another one reads the name. */
struct naming {
	int fd;
	atomic_bool stop;
};

static void *keep_naming(void *argument)
{
	struct naming *n = argument;
	char a[ASHMEM_NAME_LEN], b[ASHMEM_NAME_LEN];

	memset(a, 'a', 255);
	memset(b, 'b', 100);
	a[255] = 0;
	b[100] = 0;
	while (!atomic_load(&n->stop)) {
		CHECK_EQ(0, set_name(n->fd, a));
		CHECK_EQ(0, set_name(n->fd, b));
	}
	return NULL;
}

CASE(names_are_never_mixed)
{
	struct naming n = { .fd = region_open() };
	bool a_seen = false, b_seen = false;
	char name[ASHMEM_NAME_LEN];
	pthread_t thread;

	CHECK_EQ(0, set_name(n.fd, "a"));
	CHECK_EQ(0, pthread_create(&thread, NULL, keep_naming, &n));
	for (int i = 0; race_goes_on(i < 20000 || !a_seen || !b_seen); i++) {
		size_t length;

		CHECK_EQ(0, ioctl(n.fd, ASHMEM_GET_NAME, name));
		length = strlen(name);
		for (size_t i = 0; i < length; i++)
			CHECK_EQ(name[0], name[i]);
		CHECK(length == 1 || length == (name[0] == 'a' ? 255 : 100));
		a_seen |= length == 255;
		b_seen |= length == 100;
	}
	atomic_store(&n.stop, true);
	CHECK_EQ(0, pthread_join(thread, NULL));
}

static void *name_once(void *argument)
{
	struct naming *n = argument;

	while (!atomic_load(&n->stop))
		;
	if (set_name(n->fd, "new"))
		CHECK_EQ(EINVAL, errno);
	return NULL;
}

CASE(defect_05_name_set_while_mmap_runs)
{
	for (int i = 0; race_goes_on(i < 400); i++) {
		struct naming n = { .fd = region_create(page_size) };
		char name[ASHMEM_NAME_LEN], path[300];
		pthread_t thread;
		char *p;

		CHECK_EQ(0, set_name(n.fd, "old"));
		CHECK_EQ(0, pthread_create(&thread, NULL, name_once, &n));
		atomic_store(&n.stop, true);
		p = region_map(n.fd, page_size);
		CHECK_EQ(0, pthread_join(thread, NULL));
		CHECK_EQ(0, ioctl(n.fd, ASHMEM_GET_NAME, name));
		snprintf(path, sizeof(path), "/dev/ashmem/%s (deleted)", name);
		CHECK_STR(path, maps_line_at(p).path);
		CHECK_OK(munmap(p, page_size));
		close(n.fd);
	}
}
