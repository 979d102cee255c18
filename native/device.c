// SPDX-License-Identifier: Apache-2.0
/* Descriptors: opening the device, telling one that is not ours, closing. */
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "shim.h"

/* The major number of miscellaneous devices, of which ashmem is one. */
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
 * 0 if @fd can be a region: only then may an ioctl be tried on it, since other
 * drivers give the same request number another meaning.
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
 * Never made again: Linux frees the number even if a signal interrupts the
 * call, and by now it may be another file's.
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
