// SPDX-License-Identifier: Apache-2.0
/* Mappings: create, advise, replace by a tombstone, unmap; which pages are resident. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim.h"

_Static_assert(PROT_READ == org_ashmem_Shim_READ, "PROT_READ");
_Static_assert(PROT_WRITE == org_ashmem_Shim_WRITE, "PROT_WRITE");
_Static_assert(PROT_EXEC == org_ashmem_Shim_EXECUTE, "PROT_EXEC");
_Static_assert(MADV_DONTNEED == org_ashmem_Shim_DROP, "MADV_DONTNEED");
_Static_assert(MADV_FREE == org_ashmem_Shim_FREE, "MADV_FREE");
_Static_assert(MADV_DONTFORK == org_ashmem_Shim_NOT_IN_CHILDREN,
	       "MADV_DONTFORK");
_Static_assert(MADV_NOHUGEPAGE == org_ashmem_Shim_NO_HUGE_PAGES,
	       "MADV_NOHUGEPAGE");
#ifdef MADV_PAGEOUT
_Static_assert(MADV_PAGEOUT == org_ashmem_Shim_PAGE_OUT, "MADV_PAGEOUT");
#endif

JNIEXPORT jlong JNICALL Java_org_ashmem_Shim_pageSize0(JNIEnv *env, jclass shim)
{
	(void)env;
	(void)shim;
	return sysconf(_SC_PAGESIZE);
}

/*
 * Creates the region's backing file. The driver creates it on the first mmap()
 * and keeps it after munmap(). PROT_NONE is allowed by every protection mask.
 */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_back(JNIEnv *env, jclass shim,
						 jint fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *address = mmap(NULL, page, PROT_NONE, MAP_SHARED, fd, 0);

	(void)env;
	(void)shim;
	if (address == MAP_FAILED || munmap(address, page) == -1)
		return -errno;
	return 0;
}

/*
 * Returns the mapping's address or -errno. An address is never in [-4095, -1].
 * If @fd is negative, the mapping is private anonymous memory.
 */
JNIEXPORT jlong JNICALL Java_org_ashmem_Shim_map(JNIEnv *env, jclass shim,
						 jint fd, jint protection,
						 jboolean shared, jlong offset,
						 jlong length)
{
	void *address = mmap(NULL, (size_t)length, protection,
			     shared ? MAP_SHARED :
			     fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS :
				      MAP_PRIVATE,
			     fd, fd < 0 ? 0 : (off_t)offset);

	(void)env;
	(void)shim;
	return address == MAP_FAILED ? -errno : (jlong)(intptr_t)address;
}

/* Whether the kernel reserves memory for every writable mapping. */
static int overcommits_never(void)
{
	int fd = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
	char mode = '2';

	if (fd >= 0) {
		if (RETRY(read(fd, &mode, 1)) != 1)
			mode = '2';
		close(fd);
	}
	return mode == '2';
}

static void *anonymous(void *address, size_t size, int flags)
{
	return mmap(address, size, PROT_READ | PROT_WRITE,
		    MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

JNIEXPORT jlong JNICALL Java_org_ashmem_Shim_mapLazily0(JNIEnv *env,
							jclass shim,
							jlong length)
{
	void *address = anonymous(NULL, (size_t)length, MAP_PRIVATE);

	(void)env;
	(void)shim;
	return address == MAP_FAILED ? -errno : (jlong)(intptr_t)address;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_advise(JNIEnv *env, jclass shim,
						   jlong address, jlong length,
						   jint advice)
{
	(void)env;
	(void)shim;
	return RETRY(madvise((void *)(intptr_t)address, (size_t)length,
			     advice));
}

/*
 * Replaces the mapping by anonymous memory. A later read or write through an
 * old buffer then accesses zeros instead of causing a fault.
 *
 * If the kernel reserves memory, this function first allocates the anonymous
 * memory at another address and then moves it. With MAP_FIXED, Linux before
 * 6.12 removes the old mapping first. If the reservation then fails, a hole is
 * left. The memory is shared because the kernel reserves shared memory only
 * once. For private memory it would check the reservation again on the move.
 */
JNIEXPORT jint JNICALL Java_org_ashmem_Shim_bury(JNIEnv *env, jclass shim,
						 jlong address, jlong length)
{
	void *old = (void *)(intptr_t)address;
	size_t size = (size_t)length;
	void *tombstone;
	int error;

	(void)env;
	(void)shim;
	if (!overcommits_never()) {
		tombstone = anonymous(old, size, MAP_PRIVATE | MAP_FIXED);
		return tombstone == MAP_FAILED ? -errno : 0;
	}
	tombstone = anonymous(NULL, size, MAP_SHARED);
	if (tombstone == MAP_FAILED)
		return -errno;
	if (mremap(tombstone, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, old) ==
	    MAP_FAILED) {
		error = errno;
		munmap(tombstone, size);
		return -error;
	}
	return 0;
}

JNIEXPORT jint JNICALL Java_org_ashmem_Shim_unmap(JNIEnv *env, jclass shim,
						  jlong address, jlong length)
{
	(void)env;
	(void)shim;
	if (munmap((void *)(intptr_t)address, (size_t)length) == -1)
		return -errno;
	return 0;
}

/* The pages of one call of mincore(), which writes a byte for each. */
#define PAGES 4096

/* The bytes that are mapped at once to count their pages. */
#define WINDOW (1LL << 30)

/* Returns the number of resident pages of a mapping, or -errno. */
static jlong count_resident(char *address, jlong length)
{
	jlong page = sysconf(_SC_PAGESIZE), resident = 0, part;
	unsigned char in_core[PAGES];
	int result;

	for (jlong done = 0; done < length; done += part) {
		part = length - done < PAGES * page ? length - done :
						      PAGES * page;
		do
			result = RETRY(mincore(address + done, (size_t)part,
					       in_core));
		while (result == -EAGAIN);
		if (result)
			return result;
		for (jlong i = 0; i * page < part; i++)
			resident += in_core[i] & 1;
	}
	return resident;
}

JNIEXPORT jlong JNICALL Java_org_ashmem_Shim_residentMapped(JNIEnv *env,
							    jclass shim,
							    jlong address,
							    jlong length)
{
	(void)env;
	(void)shim;
	return count_resident((char *)(intptr_t)address, length);
}

/*
 * Returns the number of resident pages of a file. The mapping allows no access,
 * so that every protection mask and seal allows it, and no page is touched.
 */
JNIEXPORT jlong JNICALL Java_org_ashmem_Shim_residentPages(JNIEnv *env,
							   jclass shim, jint fd,
							   jlong size)
{
	jlong resident = 0, counted, length;
	char *address;

	(void)env;
	(void)shim;
	for (jlong at = 0; at < size; at += length) {
		length = size - at < WINDOW ? size - at : WINDOW;
		address = mmap(NULL, (size_t)length, PROT_NONE, MAP_SHARED, fd,
			       (off_t)at);
		if (address == MAP_FAILED)
			return -errno;
		counted = count_resident(address, length);
		munmap(address, (size_t)length);
		if (counted < 0)
			return counted;
		resident += counted;
	}
	return resident;
}

/* Returns a direct buffer over memory, or NULL if the JVM cannot create one. */
JNIEXPORT jobject JNICALL Java_org_ashmem_Shim_buffer(JNIEnv *env, jclass shim,
						      jlong address,
						      jlong length)
{
	(void)shim;
	return (*env)->NewDirectByteBuffer(env, (void *)(intptr_t)address,
					   length);
}
