// SPDX-License-Identifier: Apache-2.0
/* Wait for purges of regions on the device, and for this process's own calls. */
#include <linux/ashmem.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shim.h"

/* The number of regions that one call reports. */
#define MOST 64

/* Returns an eventfd that epoll waits for, too. Its key is 0. */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_openWake(JNIEnv *env, jclass shim,
						     jint epoll)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = RETRY(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	int result;

	(void)env;
	(void)shim;
	if (fd < 0)
		return fd;
	result = RETRY(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	if (result < 0) {
		close(fd);
		return result;
	}
	return fd;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_wake(JNIEnv *env, jclass shim,
						 jint fd)
{
	uint64_t one = 1;
	int result = (int)RETRY(write(fd, &one, sizeof(one)));

	(void)env;
	(void)shim;
	return result < 0 ? result : 0;
}

/*
 * The driver reports a purge until ASHMEM_GET_INFO is asked. Edge-triggered
 * events do not come again before that.
 */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_watchPurges(JNIEnv *env,
							jclass shim, jint epoll,
							jint fd, jlong key)
{
	struct epoll_event event = { .events = EPOLLPRI | EPOLLET,
				     .data.u64 = (uint64_t)key };

	(void)env;
	(void)shim;
	return RETRY(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

/* Waits, then writes the keys to the array and returns their number. */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_waitForPurges(JNIEnv *env,
							  jclass shim,
							  jint epoll, jint wake,
							  jlongArray keys)
{
	struct epoll_event events[MOST];
	jlong found[MOST];
	jsize room = (*env)->GetArrayLength(env, keys);
	uint64_t unused;
	int count;

	(void)shim;
	count = RETRY(epoll_wait(epoll, events, room < MOST ? room : MOST, -1));
	for (int i = 0; i < count; i++) {
		found[i] = (jlong)events[i].data.u64;
		if (!found[i] && read(wake, &unused, sizeof(unused)) < 0 &&
		    errno != EAGAIN)
			return -errno;
	}
	if (count > 0)
		(*env)->SetLongArrayRegion(env, keys, 0, count, found);
	return count;
}

/* Tells the driver that the purges until now are known. */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_acknowledge(JNIEnv *env,
							jclass shim, jint fd)
{
	struct ashmem_info info = { .struct_size = sizeof(info) };

	(void)env;
	(void)shim;
	return RETRY(ioctl(fd, ASHMEM_GET_INFO, &info));
}
