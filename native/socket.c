// SPDX-License-Identifier: Apache-2.0
/*
 * Pass a descriptor over a connected Unix socket, with one byte of data, and
 * wait for sockets.
 */
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim.h"

/* The kernel's SCM_MAX_FD, the maximum number of descriptors in a message. */
#define MOST 253

_Static_assert(EPOLLIN == org_ashmem_Shim_READABLE, "EPOLLIN");
_Static_assert(EPOLLOUT == org_ashmem_Shim_WRITABLE, "EPOLLOUT");

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_send(JNIEnv *env, jclass shim,
						 jint socket, jint fd,
						 jboolean wait)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = "";
	struct iovec byte = { "", 1 };
	struct msghdr message = {
		.msg_iov = &byte, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	(void)env;
	(void)shim;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return RETRY((int)sendmsg(socket, &message,
				  MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT)));
}

/*
 * This function closes all descriptors of a bad message itself, because it
 * cannot return more than one descriptor to Java.
 */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_receive(JNIEnv *env, jclass shim,
						    jint socket, jboolean wait)
{
	/* Includes room for credentials, which SO_PASSCRED adds. */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST * sizeof(int)) +
					      CMSG_SPACE(sizeof(struct ucred))];
	char data;
	struct iovec byte = { &data, 1 };
	struct msghdr message = {
		.msg_iov = &byte, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int received, fds[MOST], count = 0;

	(void)env;
	(void)shim;
	received = RETRY((int)recvmsg(socket, &message,
				      MSG_CMSG_CLOEXEC |
					      (wait ? 0 : MSG_DONTWAIT)));
	if (received < 0)
		return received;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
	     c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(*fds));
		memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(*fds));
	}
	if (count == 1 && !(message.msg_flags & MSG_CTRUNC))
		return fds[0];
	for (int i = 0; i < count; i++)
		close(fds[i]);
	if (message.msg_flags & MSG_CTRUNC)
		return org_ashmem_Shim_LOST;
	if (count)
		return org_ashmem_Shim_SEVERAL;
	return received ? org_ashmem_Shim_NONE : org_ashmem_Shim_END;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_epoll(JNIEnv *env, jclass shim)
{
	(void)env;
	(void)shim;
	return RETRY(epoll_create1(EPOLL_CLOEXEC));
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_watch(JNIEnv *env, jclass shim,
						  jint epoll, jint fd,
						  jint event)
{
	struct epoll_event watched = {
		.events = (uint32_t)event | EPOLLONESHOT,
		.data.fd = fd,
	};

	(void)env;
	(void)shim;
	return RETRY(epoll_ctl(epoll, event ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd,
			       &watched));
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_nextReady(JNIEnv *env, jclass shim,
						      jint epoll,
						      jint milliseconds)
{
	struct epoll_event ready;
	int count = RETRY(epoll_wait(epoll, &ready, 1, milliseconds));

	(void)env;
	(void)shim;
	if (count < 0)
		return count;
	return count ? ready.data.fd : -ETIMEDOUT;
}
