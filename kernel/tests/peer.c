// SPDX-License-Identifier: GPL-2.0-only
/*
 * The peer of a program that sends and receives regions over a socket: the Java
 * test SharingOverSocketIT, which starts one case at a time. ASHMEM_SOCKET in the
 * environment is the path of the socket on which the test listens.
 *
 * A region is sent as one byte with one descriptor. A byte alone means that the
 * sender has finished its work on the region.
 */
#include <sys/un.h>

#include "client.h"

static int connect_to_java(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("ASHMEM_SOCKET");
	int s = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	CHECK(path && strlen(path) < sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	CHECK_OK(connect(s, (struct sockaddr *)&address, sizeof(address)));
	return s;
}

static void wait_for_java(int s)
{
	char byte;

	CHECK_EQ(1, read(s, &byte, 1));
}

static void tell_java(int s)
{
	CHECK_EQ(1, write(s, "x", 1));
}

/* Receives two pages of generation 1 and writes generation 2 to the first. */
CASE_LIMIT(receives_and_writes, 120)
{
	int s = connect_to_java(), fd = receive_descriptor(s);
	char name[ASHMEM_NAME_LEN], *p;

	CHECK_EQ(0, ioctl(fd, ASHMEM_GET_NAME, name));
	CHECK_STR("from Java", name);
	CHECK_EQ(2 * page_size, get_size(fd));
	p = region_map(fd, 2 * page_size);
	CHECK_PAGES(p, 0, 2, 1);
	write_pages(p, 0, 1, 2);
	unpin(fd, 1, 1);
	tell_java(s);
	wait_for_java(s);
	CHECK_EQ(ASHMEM_WAS_PURGED, pin(fd, 1, 1));
	CHECK_PAGES(p, 0, 1, 2);
	CHECK_ZERO(p, 1, 1);
}

/* The sender made the region read-only before it sent it, but still writes to it. */
CASE_LIMIT(receives_to_read_only, 120)
{
	int s = connect_to_java(), fd = receive_descriptor(s);
	char *p;

	CHECK_EQ(PROT_READ, get_mask(fd));
	CHECK_ERRNO(EPERM, try_map(fd, page_size, RW, MAP_SHARED, 0));
	CHECK_ERRNO(EINVAL, set_mask(fd, RW));
	p = checked_map(fd, 2 * page_size, PROT_READ, MAP_SHARED, 0);
	CHECK_ERRNO(EACCES, mprotect(p, page_size, RW));
	CHECK_PAGES(p, 0, 2, 1);
	tell_java(s);
	wait_for_java(s);
	CHECK_PAGES(p, 0, 2, 2);
}

/* The region sent ends in the middle of its last page. */
CASE_LIMIT(sends, 120)
{
	int s = connect_to_java(), fd = region_open();
	char *p;

	CHECK_EQ(0, ioctl(fd, ASHMEM_SET_NAME, "from C"));
	CHECK_EQ(0, set_size(fd, page_size + 100));
	p = region_map(fd, 2 * page_size);
	write_pages(p, 0, 1, 1);
	send_descriptor(s, fd);
	close(fd);
	wait_for_java(s);
	CHECK_PAGES(p, 0, 1, 2);
}
