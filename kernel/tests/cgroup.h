/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory cgroups of a case, and regions and other memory to fill them. All
 * groups are below one directory, which is removed after each case, even after a
 * failed one.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <sys/resource.h>

#include "client.h"

#define MIB		((size_t)1 << 20)
#ifndef CGROUP_ROOT
#define CGROUP_ROOT	"/sys/fs/cgroup"
#endif
#define CGROUP_TOP	CGROUP_ROOT "/ashmem-test"

static void remove_cgroup(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);
	char child[512];

	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
		remove_cgroup(child);
	}
	closedir(d);
	/* A killed process leaves its group a moment later; a stuck one never does. */
	for (int i = 0; rmdir(path) && errno == EBUSY && i < 60000; i++)
		sleep_ms(1);
}

AFTER_EACH_CASE(remove_cgroups)
{
	remove_cgroup(CGROUP_TOP);
}

static inline void cgroup_path(char path[512], const char *group,
			       const char *file)
{
	snprintf(path, 512, "%s/%s%s%s", CGROUP_TOP, group, *file ? "/" : "",
		 file);
}

static inline void cgroup_write(const char *group, const char *file,
				const char *text)
{
	char path[512];

	cgroup_path(path, group, file);
	write_file(path, text);
}

static inline void cgroup_set(const char *group, const char *file,
			      uint64_t bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, bytes);
	cgroup_write(group, file, text);
}

/* @group is a name, or the path of a group below another. */
static inline void cgroup_create(const char *group)
{
	char path[512];

	if (mkdir(CGROUP_TOP, 0755)) {
		if (errno != EEXIST)
			FAIL("mkdir %s: %s", CGROUP_TOP, errno_name(errno));
	} else {
		write_file(CGROUP_TOP "/cgroup.subtree_control", "+memory");
	}
	cgroup_path(path, group, "");
	if (mkdir(path, 0755))
		FAIL("mkdir %s: %s", path, errno_name(errno));
}

/* Return: the number in a file or, with @key, the number after the key. */
static inline uint64_t cgroup_get(const char *group, const char *file,
				  const char *key)
{
	char path[512], name[64], text[128];
	unsigned long long value;
	FILE *f;

	cgroup_path(path, group, file);
	f = fopen(path, "re");
	if (!f)
		FAIL("open %s: %s", path, errno_name(errno));
	while (fgets(text, sizeof(text), f)) {
		if (key ? sscanf(text, "%63s %llu", name, &value) == 2 &&
			  !strcmp(name, key) :
			  sscanf(text, "%llu", &value) == 1) {
			fclose(f);
			return value;
		}
	}
	FAIL("%s has no %s", path, key ? key : "number");
}

static inline uint64_t current_bytes(const char *group)
{
	return cgroup_get(group, "memory.current", NULL);
}

/* Sets a limit @bytes below the group's present usage. */
static inline void cgroup_lower(const char *group, const char *file,
				uint64_t bytes)
{
	cgroup_set(group, file, current_bytes(group) - bytes);
}

/* Sets the limit of a group @bytes above its present usage. */
static inline void limit_above(const char *group, size_t bytes)
{
	cgroup_set(group, "memory.max", current_bytes(group) + bytes);
}

/* Creates a group that has groups below it. */
static inline void create_parent(const char *group)
{
	cgroup_create(group);
	cgroup_write(group, "cgroup.subtree_control", "+memory");
}

static inline void cgroup_enter(const char *group)
{
	cgroup_write(group, "cgroup.procs", "0");
}

/* Forks a child that enters the group first. */
static inline pid_t fork_into(const char *group)
{
	pid_t pid = checked_fork();

	if (!pid)
		cgroup_enter(group);
	return pid;
}

/* Runs the statement in a process in @group, which ends before the case goes on. */
#define IN_GROUP(group, statement)					\
	do {								\
		pid_t in_group = fork_into(group);			\
									\
		if (!in_group) {					\
			statement;					\
			_exit(0);					\
		}							\
		CHECK_CHILD(in_group);					\
	} while (0)

static inline uint64_t cgroup_oom_kills(const char *group)
{
	return cgroup_get(group, "memory.events", "oom_kill");
}

/* Maps and touches anonymous memory, for which the kernel has to find room. */
static inline char *touch_anonymous(size_t bytes)
{
	char *p = map_anonymous(bytes);

	madvise(p, bytes, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < bytes; i += page_size)
		p[i] = 1;
	return p;
}

/* Return: how often this process has gone to sleep. */
static inline long waits(void)
{
	struct rusage usage;

	CHECK_OK(getrusage(RUSAGE_SELF, &usage));
	return usage.ru_nvcsw;
}

/* A region that was filled, for a look at it after memory pressure. */
struct filled {
	int fd;
	char *base;
	size_t pages;
};

static inline struct filled filled_region(size_t bytes)
{
	struct filled f = { .pages = bytes / page_size };

	f.base = region_of_pages(&f.fd, f.pages);
	write_pages(f.base, 0, f.pages, 1);
	return f;
}

/*
 * Each page must be intact, or be zero and reported as purged by its pin. Purged
 * pages are read by pread(): an access by a mapping would allocate them again.
 */
static inline size_t check_and_count_purged(const struct filled *f)
{
	char *page = map_anonymous(page_size);
	size_t purged = 0;

	for (size_t i = 0; i < f->pages; i++) {
		if (pin(f->fd, i, 1) == ASHMEM_WAS_PURGED) {
			CHECK_EQ(page_size, pread(f->fd, page, page_size,
						  i * page_size));
			CHECK_ZERO(page, 0, 1);
			purged++;
		} else {
			CHECK_PAGES(f->base, i, 1, 1);
		}
	}
	return purged;
}

#endif /* CGROUP_H */
