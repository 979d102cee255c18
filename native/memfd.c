// SPDX-License-Identifier: Apache-2.0
/* Memory without the driver: memfd, seals, holes, memory pressure. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim.h"

/* The maximum length of a name for memfd_create, in bytes. */
#define NAME_LIMIT 249

/* The maximum length of a trigger, in bytes. A trigger is a short line. */
#define TRIGGER_LIMIT 64

_Static_assert(F_SEAL_SHRINK == org_ashmem_Shim_SEAL_SHRINK, "F_SEAL_SHRINK");
_Static_assert(F_SEAL_GROW == org_ashmem_Shim_SEAL_GROW, "F_SEAL_GROW");
_Static_assert(F_SEAL_WRITE == org_ashmem_Shim_SEAL_WRITE, "F_SEAL_WRITE");
_Static_assert(F_SEAL_FUTURE_WRITE == org_ashmem_Shim_SEAL_FUTURE_WRITE,
	       "F_SEAL_FUTURE_WRITE");

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_memfd0(JNIEnv *env, jclass shim,
						  jbyteArray name)
{
	char copy[NAME_LIMIT + 1] = "";
	jsize length = (*env)->GetArrayLength(env, name);

	(void)shim;
	if (length > NAME_LIMIT)
		return -ENAMETOOLONG;
	(*env)->GetByteArrayRegion(env, name, 0, length, (jbyte *)copy);
	return RETRY(memfd_create(copy, MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_resize(JNIEnv *env, jclass shim,
						   jint fd, jlong size)
{
	(void)env;
	(void)shim;
	return RETRY(ftruncate(fd, (off_t)size));
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_seal(JNIEnv *env, jclass shim,
						 jint fd, jint seals)
{
	(void)env;
	(void)shim;
	return RETRY(fcntl(fd, F_ADD_SEALS, seals));
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_seals0(JNIEnv *env, jclass shim,
						  jint fd)
{
	(void)env;
	(void)shim;
	return RETRY(fcntl(fd, F_GET_SEALS));
}

JNIEXPORT jlong JNICALL Java_org_ashmem_Shim_fileSize(JNIEnv *env, jclass shim,
						      jint fd)
{
	struct statx stat;
	int result = STATX(fd, STATX_SIZE, &stat);

	(void)env;
	(void)shim;
	return result < 0 ? result : (jlong)stat.stx_size;
}

JNIEXPORT jlong JNICALL Java_org_ashmem_Shim_inode(JNIEnv *env, jclass shim,
						   jint fd)
{
	struct statx stat;
	int result = STATX(fd, STATX_INO, &stat);

	(void)env;
	(void)shim;
	return result < 0 ? result : (jlong)stat.stx_ino;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_isWritable(JNIEnv *env,
						       jclass shim, jint fd)
{
	int flags = RETRY(fcntl(fd, F_GETFL));

	(void)env;
	(void)shim;
	return flags < 0 ? flags : (flags & O_ACCMODE) == O_RDWR;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_link(JNIEnv *env, jclass shim,
						 jint fd, jbyteArray target)
{
	char path[sizeof("/proc/self/fd/-2147483648")], link[PATH_MAX];
	jsize room = (*env)->GetArrayLength(env, target);
	int length;

	(void)shim;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = (int)RETRY(readlink(path, link, sizeof(link)));
	if (length < 0)
		return length;
	if (length > room)
		length = room;
	(*env)->SetByteArrayRegion(env, target, 0, length, (jbyte *)link);
	return length;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_punch(JNIEnv *env, jclass shim,
						  jint fd, jlong offset,
						  jlong length)
{
	(void)env;
	(void)shim;
	return RETRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       (off_t)offset, (off_t)length));
}

JNIEXPORT jlong JNICALL Java_org_ashmem_Shim_nextData(JNIEnv *env, jclass shim,
						      jint fd, jlong offset)
{
	(void)env;
	(void)shim;
	return RETRY(lseek(fd, (off_t)offset, SEEK_DATA));
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_openPressure(JNIEnv *env,
							 jclass shim,
							 jbyteArray path,
							 jbyteArray trigger)
{
	char file[PATH_MAX], line[TRIGGER_LIMIT];
	jsize file_length = (*env)->GetArrayLength(env, path);
	jsize line_length = (*env)->GetArrayLength(env, trigger);
	int fd, result;

	(void)shim;
	if (file_length >= PATH_MAX || line_length > TRIGGER_LIMIT)
		return -ENAMETOOLONG;
	(*env)->GetByteArrayRegion(env, path, 0, file_length, (jbyte *)file);
	file[file_length] = '\0';
	(*env)->GetByteArrayRegion(env, trigger, 0, line_length, (jbyte *)line);
	fd = RETRY(open(file, O_RDWR | O_NONBLOCK | O_CLOEXEC));
	if (fd < 0)
		return fd;
	result = (int)RETRY(write(fd, line, (size_t)line_length));
	if (result < 0) {
		close(fd);
		return result;
	}
	return fd;
}

/*
 * Returns 0 on memory pressure, NO_PRESSURE if there was none in time, -ENODEV
 * if the file reports no more events.
 */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_waitForPressure(JNIEnv *env,
							    jclass shim,
							    jint fd,
							    jint milliseconds)
{
	struct pollfd file = { .fd = fd, .events = POLLPRI };
	int result = RETRY(poll(&file, 1, milliseconds));

	(void)env;
	(void)shim;
	if (result < 0)
		return result;
	if (!result)
		return org_ashmem_Shim_NO_PRESSURE;
	return file.revents & (POLLERR | POLLNVAL) ? -ENODEV : 0;
}
