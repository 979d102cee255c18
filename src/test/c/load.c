// SPDX-License-Identifier: Apache-2.0
/*
 * Loads the shim as a JVM does, and calls some of its functions that need no JVM.
 * This tests the shim with C libraries for which no JVM is available.
 *
 * usage: load LIBRARY
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PREFIX "Java_org_ashmem_Shim_"

static void *library;

static void *function(const char *name)
{
	char symbol[64];
	void *found;

	snprintf(symbol, sizeof(symbol), PREFIX "%s", name);
	found = dlsym(library, symbol);
	if (!found) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return found;
}

static void equal(const char *name, int64_t wanted, int64_t got)
{
	if (got == wanted)
		return;
	fprintf(stderr, "%s: %lld, not %lld\n", name, (long long)got,
		(long long)wanted);
	exit(1);
}

int main(int argc, char **argv)
{
	int64_t (*page_size)(void *, void *);
	int32_t (*probe)(void *, void *, int32_t);
	int64_t (*map)(void *, void *, int32_t, int32_t, uint8_t, int64_t,
		       int64_t);
	int64_t (*map_lazily)(void *, void *, int64_t);
	int32_t (*advise)(void *, void *, int64_t, int64_t, int32_t);
	int64_t (*resident)(void *, void *, int64_t, int64_t);
	int32_t (*bury)(void *, void *, int64_t, int64_t);
	int32_t (*unmap)(void *, void *, int64_t, int64_t);
	int64_t address, page;

	library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
	if (!library) {
		fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "usage: load LIBRARY");
		return 1;
	}
	page_size = function("pageSize0");
	probe = function("probe");
	map = function("map");
	map_lazily = function("mapLazily0");
	advise = function("advise");
	resident = function("residentMapped");
	bury = function("bury");
	unmap = function("unmap");

	page = page_size(NULL, NULL);
	equal("pageSize0", sysconf(_SC_PAGESIZE), page);
	equal("probe", -EBADF, probe(NULL, NULL, -1));
	address = map(NULL, NULL, -1, 3, 0, 0, page);
	*(char *)(intptr_t)address = 7;
	equal("bury", 0, bury(NULL, NULL, address, page));
	equal("a byte of the buried page", 0, *(char *)(intptr_t)address);
	equal("unmap", 0, unmap(NULL, NULL, address, page));
	address = map_lazily(NULL, NULL, 3 * page);
	*(char *)(intptr_t)(address + page) = 7;
	equal("residentMapped", 1, resident(NULL, NULL, address, 3 * page));
	equal("advise to free", 0,
	      advise(NULL, NULL, address, 3 * page, MADV_FREE));
	equal("advise to drop", 0,
	      advise(NULL, NULL, address, 3 * page, MADV_DONTNEED));
	equal("residentMapped", 0, resident(NULL, NULL, address, 3 * page));
	equal("advise", -EINVAL, advise(NULL, NULL, address + 1, page, MADV_FREE));
	equal("unmap", 0, unmap(NULL, NULL, address, 3 * page));
	equal("map", -EBADF, map(NULL, NULL, 99999, 3, 1, 0, page));
	return 0;
}
