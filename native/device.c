// SPDX-License-Identifier: Apache-2.0
/* Descriptors: open the device, recognize a region, duplicate, close. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

/* The major number of misc devices. ashmem is a misc device. */
#define MISC_MAJOR 10

/* The name of the misc device. */
#define MISC_NAME "ashmem"

/* The first descriptor after standard input, output and error. */
#define FIRST_FD 3

JNIEXPORT jstring JNICALL Java_org_ashmem_Shim_version(JNIEnv *env, jclass shim)
{
	(void)shim;
	return (*env)->NewStringUTF(env, ASHMEM_VERSION);
}

/*
 * Returns 0 if the misc device with this minor number is ashmem, -ENOTTY if it
 * is another device, -ENODEV if no driver has the number.
 */
static int check_minor(unsigned int minor)
{
	char path[sizeof("/sys/dev/char/10:4294967295")];
	char link[PATH_MAX], line[64], number[sizeof("4294967295 ")], *name;
	ssize_t length;
	size_t digits;
	FILE *list;
	int result = -ENODEV;

	snprintf(path, sizeof(path), "/sys/dev/char/%d:%u", MISC_MAJOR, minor);
	length = readlink(path, link, sizeof(link) - 1);
	if (length > 0) {
		link[length] = '\0';
		name = strrchr(link, '/');
		return name && !strcmp(name + 1, MISC_NAME) ? 0 : -ENOTTY;
	}
	/* A sandbox may lack /sys. */
	list = fopen("/proc/misc", "re");
	if (!list)
		return -ENODEV;
	digits = (size_t)snprintf(number, sizeof(number), "%3u ", minor);
	while (result == -ENODEV && fgets(line, sizeof(line), list))
		if (!strncmp(line, number, digits))
			result = strcmp(line + digits, MISC_NAME "\n") ?
					 -ENOTTY : 0;
	fclose(list);
	return result;
}

/*
 * Returns 0 if a file with these attributes is the device ashmem. Only then may
 * it get an ioctl: other drivers use the same request numbers for other purposes.
 */
static int check_device(const struct statx *stat)
{
	if (!S_ISCHR(stat->stx_mode) || stat->stx_rdev_major != MISC_MAJOR)
		return -ENOTTY;
	return check_minor(stat->stx_rdev_minor);
}

/* Opens a file, with @flags besides O_CLOEXEC. Returns the descriptor. */
static int open_path(JNIEnv *env, jbyteArray path, int flags)
{
	char copy[PATH_MAX];
	jsize length = (*env)->GetArrayLength(env, path);

	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	(*env)->GetByteArrayRegion(env, path, 0, length, (jbyte *)copy);
	copy[length] = '\0';
	return RETRY(open(copy, flags | O_CLOEXEC));
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_openFile(JNIEnv *env, jclass shim,
						     jbyteArray path)
{
	(void)shim;
	return open_path(env, path, O_RDWR);
}

/* O_PATH does not reach the driver: to open a device may have an effect. */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_probePath(JNIEnv *env, jclass shim,
						      jbyteArray path)
{
	struct statx stat;
	int fd = open_path(env, path, O_PATH);
	int result;

	(void)shim;
	if (fd < 0)
		return fd;
	result = STATX(fd, STATX_TYPE, &stat);
	close(fd);
	return result < 0 ? result : check_device(&stat);
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_probe(JNIEnv *env, jclass shim,
						  jint fd)
{
	struct statx stat;
	int result = STATX(fd, STATX_TYPE, &stat);

	(void)env;
	(void)shim;
	if (result < 0)
		return result;
	return check_device(&stat) < 0 ? -ENOTTY : 0;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_dup0(JNIEnv *env, jclass shim,
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
