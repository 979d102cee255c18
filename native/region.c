// SPDX-License-Identifier: Apache-2.0
/* The requests of the ABI, one function per operation. */
#include <linux/ashmem.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "shim.h"

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_setName(JNIEnv *env, jclass shim,
						    jint fd, jbyteArray name)
{
	char copy[ASHMEM_NAME_LEN] = "";
	jsize length = (*env)->GetArrayLength(env, name);

	(void)shim;
	if (length >= ASHMEM_NAME_LEN)
		return -ENAMETOOLONG;
	(*env)->GetByteArrayRegion(env, name, 0, length, (jbyte *)copy);
	return RETRY(ioctl(fd, ASHMEM_SET_NAME, copy));
}

/* Returns the length of the name in bytes, without the NUL. */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_name(JNIEnv *env, jclass shim,
						 jint fd, jbyteArray name)
{
	char copy[ASHMEM_NAME_LEN] = "";
	jsize length;
	int result;

	(void)shim;
	result = RETRY(ioctl(fd, ASHMEM_GET_NAME, copy));
	if (result < 0)
		return result;
	length = (jsize)strnlen(copy, sizeof(copy));
	if (length > (*env)->GetArrayLength(env, name))
		return -ENAMETOOLONG;
	(*env)->SetByteArrayRegion(env, name, 0, length, (const jbyte *)copy);
	return length;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_setSize(JNIEnv *env, jclass shim,
						    jint fd, jlong size)
{
	(void)env;
	(void)shim;
	return RETRY(ioctl(fd, ASHMEM_SET_SIZE, (size_t)size));
}

/*
 * Android's request returns the size as an int. A second request returns a size
 * that does not fit.
 */
JNIEXPORT jlong JNICALL Java_org_ashmem_Shim_size(JNIEnv *env, jclass shim,
						  jint fd)
{
	__u64 size;
	int result = RETRY(ioctl(fd, ASHMEM_GET_SIZE));

	(void)env;
	(void)shim;
	if (result != -EOVERFLOW)
		return result;
	result = RETRY(ioctl(fd, ASHMEM_GET_SIZE64, &size));
	return result < 0 ? result : (jlong)size;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_setProtection(JNIEnv *env,
							  jclass shim, jint fd,
							  jint mask)
{
	(void)env;
	(void)shim;
	return RETRY(ioctl(fd, ASHMEM_SET_PROT_MASK, (unsigned long)mask));
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_protection(JNIEnv *env, jclass shim,
						       jint fd)
{
	(void)env;
	(void)shim;
	return RETRY(ioctl(fd, ASHMEM_GET_PROT_MASK));
}

/* Makes Android's request, or the 64-bit request if 32 bits are too few. */
static int request(int fd, unsigned long small, unsigned long large,
		   jlong offset, jlong length)
{
	struct ashmem_pin range = { (__u32)offset, (__u32)length };
	struct ashmem_pin64 wide = { (__u64)offset, (__u64)length };

	if (range.offset == wide.offset && range.len == wide.len)
		return RETRY(ioctl(fd, small, &range));
	return RETRY(ioctl(fd, large, &wide));
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_pin(JNIEnv *env, jclass shim,
						jint fd, jlong offset,
						jlong length)
{
	(void)env;
	(void)shim;
	return request(fd, ASHMEM_PIN, ASHMEM_PIN64, offset, length);
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_unpin(JNIEnv *env, jclass shim,
						  jint fd, jlong offset,
						  jlong length)
{
	(void)env;
	(void)shim;
	return request(fd, ASHMEM_UNPIN, ASHMEM_UNPIN64, offset, length);
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_pinStatus(JNIEnv *env, jclass shim,
						      jint fd, jlong offset,
						      jlong length)
{
	(void)env;
	(void)shim;
	return request(fd, ASHMEM_GET_PIN_STATUS, ASHMEM_GET_PIN_STATUS64,
		       offset, length);
}

/* A range of a vector as Java has it: offset, length and result. */
#define WORDS 3

/* Java sees the result as a number, the kernel writes an int. */
union element {
	struct ashmem_pin_result range;
	jlong words[WORDS];
};

_Static_assert(sizeof(struct ashmem_pin_result) == WORDS * sizeof(jlong) &&
	       offsetof(struct ashmem_pin_result, len) == sizeof(jlong) &&
	       offsetof(struct ashmem_pin_result, result) == 2 * sizeof(jlong),
	       "struct ashmem_pin_result");
_Static_assert(ASHMEM_VECTOR_PIN == org_ashmem_Shim_PIN, "ASHMEM_VECTOR_PIN");
_Static_assert(ASHMEM_VECTOR_UNPIN == org_ashmem_Shim_UNPIN,
	       "ASHMEM_VECTOR_UNPIN");

/*
 * Nothing can fail after the request: a purge is reported only once. The third
 * word is 0 before, and so is @reserved. After a signal, the kernel has changed
 * the vector such that the same request goes on where it ended.
 */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_pinVector(JNIEnv *env, jclass shim,
						      jint fd, jint operation,
						      jlongArray ranges)
{
	jsize words = (*env)->GetArrayLength(env, ranges), count = words / WORDS;
	union element few[64], *elements = few;
	struct ashmem_pin_vector vector = { .operation = (__u32)operation };
	int result;

	(void)shim;
	if ((size_t)count > sizeof(few) / sizeof(*few)) {
		elements = malloc((size_t)count * sizeof(*elements));
		if (!elements)
			return -ENOMEM;
	}
	(*env)->GetLongArrayRegion(env, ranges, 0, count * WORDS,
				   (jlong *)elements);
	vector.ranges = (uintptr_t)elements;
	vector.count = (__u64)count;
	result = RETRY(ioctl(fd, ASHMEM_PIN_VECTOR, &vector));
	for (jsize i = 0; i < count; i++)
		elements[i].words[2] = elements[i].range.result;
	(*env)->SetLongArrayRegion(env, ranges, 0, count * WORDS,
				   (const jlong *)elements);
	if (elements != few)
		free(elements);
	return result;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_purgeAllCaches(JNIEnv *env,
							   jclass shim, jint fd)
{
	(void)env;
	(void)shim;
	return RETRY(ioctl(fd, ASHMEM_PURGE_ALL_CACHES));
}

JNIEXPORT jlong JNICALL Java_org_ashmem_Shim_fileId(JNIEnv *env, jclass shim,
						    jint fd)
{
	unsigned long id = 0;
	int result = RETRY(ioctl(fd, ASHMEM_GET_FILE_ID, &id));

	(void)env;
	(void)shim;
	return result < 0 ? result : (jlong)id;
}
