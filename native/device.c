// SPDX-License-Identifier: Apache-2.0
/* Descriptors: open the device, recognize a region, duplicate, close. */
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "shim.h"

/* The major number of misc devices. ashmem is a misc device. */
#define MISC_MAJOR 10

/* The first descriptor after standard input, output and error. */
#define FIRST_FD 3

JNIEXPORT jstring JNICALL Java_org_ashmem_Shim_version(JNIEnv *env, jclass shim)
{
	(void)shim;
	return (*env)->NewStringUTF(env, ASHMEM_VERSION);
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_open(JNIEnv *env, jclass shim,
						 jbyteArray path)
{
	char copy[PATH_MAX];
	jsize length = (*env)->GetArrayLength(env, path);

	(void)shim;
	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	(*env)->GetByteArrayRegion(env, path, 0, length, (jbyte *)copy);
	copy[length] = '\0';
	return RETRY(open(copy, O_RDWR | O_CLOEXEC));
}

/*
 * Returns 0 if @fd can be a region. The caller may try an ioctl only in this
 * case, because other drivers use the same request numbers for other purposes.
 */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_probe(JNIEnv *env, jclass shim,
						  jint fd)
{
	struct statx stat;
	int result = STATX(fd, STATX_TYPE, &stat);

	(void)env;
	(void)shim;
	if (result < 0)
		return result;
	if (!S_ISCHR(stat.stx_mode) || stat.stx_rdev_major != MISC_MAJOR)
		return -ENOTTY;
	return 0;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_dup(JNIEnv *env, jclass shim,
						jint fd)
{
	(void)env;
	(void)shim;
	return RETRY(fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD));
}

/*
 * The call is never retried. Linux frees the number even if a signal interrupts
 * close(), and another file may have the number by now.
 */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_close(JNIEnv *env, jclass shim,
						  jint fd)
{
	(void)env;
	(void)shim;
	if (close(fd) == 0 || errno == EINTR)
		return 0;
	return -errno;
}
