/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory cgroups of a program that measures, and processes in them. */
#ifndef CGROUP_H
#define CGROUP_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUPS		"/sys/fs/cgroup"
#define NO_LIMIT	UINT64_MAX

/* All cgroups are below one directory. An empty name is that directory. */
static char top[64];

static const char *groups[8];
static int nr_groups;

static inline void group_path(char path[256], const char *group, const char *file)
{
	snprintf(path, 256, "%s/%s/%s", top, group, file);
}

static inline void group_write(const char *group, const char *file, const char *text)
{
	char path[256];
	int fd;

	group_path(path, group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "write %s to %s", text, path);
	close(fd);
}

/* The number in a file or, with a key, the number after the key. */
static inline uint64_t group_read(const char *group, const char *file, const char *key)
{
	char path[256], line[128], word[64];
	uint64_t value;
	FILE *f;

	group_path(path, group, file);
	f = fopen(path, "re");
	if (!f)
		err(1, "open %s", path);
	while (fgets(line, sizeof(line), f)) {
		if (key ? sscanf(line, "%63s %" SCNu64, word, &value) == 2 &&
			  !strcmp(word, key) :
			  sscanf(line, "%" SCNu64, &value) == 1) {
			fclose(f);
			return value;
		}
	}
	errx(1, "%s has no %s", path, key ? key : "number");
}

static inline uint64_t group_usage(const char *group)
{
	return group_read(group, "memory.current", NULL);
}

/* How often an allocation reached the group's limit. */
static inline uint64_t group_hits(const char *group)
{
	return group_read(group, "memory.events", "max");
}

static inline void group_limit(const char *group, uint64_t bytes)
{
	char text[32] = "max";

	if (bytes != NO_LIMIT)
		snprintf(text, sizeof(text), "%" PRIu64, bytes);
	group_write(group, "memory.max", text);
}

static inline void group_create(const char *group)
{
	char path[256];

	if (!nr_groups) {
		snprintf(top, sizeof(top), CGROUPS "/bench-%d", getpid());
		if (mkdir(top, 0755))
			err(1, "create %s", top);
		group_write("", "cgroup.subtree_control", "+memory");
	}
	group_path(path, group, "");
	if (mkdir(path, 0755))
		err(1, "create %s", path);
	groups[nr_groups++] = group;
}

static inline void group_create_parent(const char *group)
{
	group_create(group);
	group_write(group, "cgroup.subtree_control", "+memory");
}

/* A process that was killed leaves its group a moment later. */
static inline void directory_remove(const char *path)
{
	for (int i = 0; rmdir(path) && errno == EBUSY && i < 60000; i++)
		usleep(1000);
}

static inline void groups_remove(void)
{
	char path[256];

	while (nr_groups) {
		group_path(path, groups[--nr_groups], "");
		directory_remove(path);
	}
	directory_remove(top);
}

/* Forks a process that enters the group, and ends with this one. */
static inline pid_t fork_into(const char *group)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL))
			err(1, "prctl");
		group_write(group, "cgroup.procs", "0");
	}
	return pid;
}

static inline void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		err(1, "wait");
	if (status)
		errx(1, "a process ended with status 0x%x%s", status,
		     WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ?
		     ": was there an OOM kill?" : "");
}

#endif /* CGROUP_H */
