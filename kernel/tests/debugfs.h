/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads what the module shows of its regions: fdinfo and its files in debugfs. */
#ifndef DEBUGFS_H
#define DEBUGFS_H

#include "client.h"

#define DEBUGFS	"/sys/kernel/debug/ashmem/"

/*
 * Finds the line of a file that begins with @start; @line gets the rest of that line.
 * Return: false if there is no such line.
 */
static inline bool find_line(const char *path, const char *start, char line[1400])
{
	FILE *f = fopen(path, "re");
	size_t length = strlen(start);
	bool found = false;

	if (!f)
		FAIL("open %s: %s", path, errno_name(errno));
	while (!found && fgets(line, 1400, f)) {
		line[strcspn(line, "\n")] = 0;
		found = !strncmp(line, start, length);
	}
	fclose(f);
	if (found)
		memmove(line, line + length, strlen(line + length) + 1);
	return found;
}

static inline const char *fdinfo(int fd, const char *key)
{
	static char line[1400];
	char path[64], start[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(start, sizeof(start), "ashmem-%s:\t", key);
	if (!find_line(path, start, line))
		FAIL("%s has no %s", path, start);
	return line;
}

static inline uint64_t fdinfo_number(int fd, const char *key)
{
	return strtoull(fdinfo(fd, key), NULL, 10);
}

static inline uint64_t total(const char *key)
{
	char line[1400], start[64];

	snprintf(start, sizeof(start), "%s ", key);
	if (!find_line(DEBUGFS "totals", start, line))
		FAIL("totals has no %s", key);
	return strtoull(line, NULL, 10);
}

/* A line of the file regions. */
struct row {
	unsigned long long region, file_id, size, pinned, unpinned, purged;
	unsigned int age_ms;
	int pid;
	char memcgs[256], prot[8], name[300];
};

static inline bool find_row(unsigned long long region, struct row *row)
{
	char line[1400], start[32];
	int n;

	snprintf(start, sizeof(start), "%llu ", region);
	if (!find_line(DEBUGFS "regions", start, line))
		return false;
	row->region = region;
	if (sscanf(line, "%d %llu %255s %llu %llu %llu %llu %u %7s %n", &row->pid,
		   &row->file_id, row->memcgs, &row->size, &row->pinned, &row->unpinned,
		   &row->purged, &row->age_ms, row->prot, &n) != 9)
		FAIL("a row of regions cannot be read: %s", line);
	snprintf(row->name, sizeof(row->name), "%s", line + n);
	return true;
}

static inline struct row row_of(int fd)
{
	struct row row;

	if (!find_row(fdinfo_number(fd, "region"), &row))
		FAIL("the region is not listed");
	return row;
}

#endif /* DEBUGFS_H */
