/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory cgroups of a case, and what is put under pressure in them. The groups
 * are all below one directory, which is removed behind each case, whatever
 * became of it.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include "client.h"

#define MIB		((size_t)1 << 20)
#define CGROUP_ROOT	"/sys/fs/cgroup"
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
	/* Killed processes leave it a moment later; one that lives never does. */
	while (rmdir(path) && errno == EBUSY && all_killed)
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

/* Group is one name, or one below another. */
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

/* The number in a file, or the one behind a key in it. */
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

/* Sets a limit to less than the group has now. */
static inline void cgroup_lower(const char *group, const char *file,
				uint64_t bytes)
{
	cgroup_set(group, file,
		   cgroup_get(group, "memory.current", NULL) - bytes);
}

static inline void cgroup_enter(const char *group)
{
	cgroup_write(group, "cgroup.procs", "0");
}

/* A child that is in the group from its start. */
static inline pid_t fork_into(const char *group)
{
	pid_t pid = checked_fork();

	if (!pid)
		cgroup_enter(group);
	return pid;
}

static inline uint64_t cgroup_oom_kills(const char *group)
{
	return cgroup_get(group, "memory.events", "oom_kill");
}

/* Anonymous memory, touched; it is the kernel's to find room for. */
static inline char *touch_anonymous(size_t bytes)
{
	char *p = map_anonymous(bytes);

	madvise(p, bytes, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < bytes; i += page_size)
		p[i] = 1;
	return p;
}

/* A region that is filled, and how its owner finds it after the pressure. */
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
 * Each page is intact, or it is zero and pinning it says so. By pread, for to
 * look at a purged page through a mapping makes a new one.
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
