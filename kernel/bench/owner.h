/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory, regions with many ranges, and the processes that own them. */
#ifndef OWNER_H
#define OWNER_H

#include <linux/ashmem.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "cgroup.h"
#include "measure.h"

#define RW	(PROT_READ | PROT_WRITE)

static inline void *map_memory(size_t bytes, int flags)
{
	void *p = mmap(NULL, bytes, RW, MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		err(1, "map %zu bytes", bytes);
	if (flags & MAP_PRIVATE)
		madvise(p, bytes, MADV_NOHUGEPAGE);
	return p;
}

static inline void touch(char *base, size_t page, size_t pages)
{
	for (size_t i = page; i < page + pages; i++)
		*(volatile char *)(base + i * PAGE) = 1;
}

/* A region with ranges of the same size, separated by at least one page. */
struct region {
	int fd;
	char *base;
	size_t ranges;
	size_t pages;	/* in a range */
	size_t stride;	/* from the start of a range to that of the next one */
};

static inline size_t region_bytes(const struct region *r)
{
	return r->ranges * r->stride * PAGE;
}

/* Opens a region. The process that maps it and writes to it pays for its memory. */
static inline struct region region_open(size_t ranges, size_t pages)
{
	struct region r = {
		.ranges = ranges, .pages = pages, .stride = pages + 1,
	};
	uint64_t bytes = region_bytes(&r);

	r.fd = open("/dev/ashmem", O_RDWR | O_CLOEXEC);
	if (r.fd < 0 || ioctl(r.fd, ASHMEM_SET_SIZE64, &bytes))
		err(1, "open a region of %" PRIu64 " bytes", bytes);
	return r;
}

static inline void region_map(struct region *r)
{
	r->base = mmap(NULL, region_bytes(r), RW, MAP_SHARED | MAP_NORESERVE,
		       r->fd, 0);
	if (r->base == MAP_FAILED)
		err(1, "map a region");
}

static inline void region_touch(const struct region *r, size_t range)
{
	touch(r->base, range * r->stride, r->pages);
}

static inline void region_pin(const struct region *r)
{
	struct ashmem_pin64 whole = { 0, region_bytes(r) };

	if (ioctl(r->fd, ASHMEM_PIN64, &whole) < 0)
		err(1, "pin a region");
}

/* Pins or unpins each range. Returns how many of them were purged. */
static inline size_t region_apply(const struct region *r, uint32_t operation)
{
	enum { BATCH = 4096 };
	static struct ashmem_pin_result results[BATCH];
	size_t purged = 0;

	for (size_t first = 0, count; first < r->ranges; first += count) {
		struct ashmem_pin_vector vector = {
			.ranges = (uintptr_t)results, .operation = operation,
		};

		count = r->ranges - first < BATCH ? r->ranges - first : BATCH;
		for (size_t i = 0; i < count; i++)
			results[i] = (struct ashmem_pin_result){
				.offset = (first + i) * r->stride * PAGE,
				.len = r->pages * PAGE,
			};
		vector.count = count;
		if (ioctl(r->fd, ASHMEM_PIN_VECTOR, &vector))
			err(1, "pin or unpin %zu ranges", count);
		for (size_t i = 0; i < count; i++) {
			if (results[i].result < 0)
				errx(1, "pin or unpin: error %d",
				     -results[i].result);
			purged += results[i].result == ASHMEM_WAS_PURGED;
		}
	}
	return purged;
}

static inline size_t region_pin_each(const struct region *r)
{
	return region_apply(r, ASHMEM_VECTOR_PIN);
}

static inline void region_unpin_each(const struct region *r)
{
	region_apply(r, ASHMEM_VECTOR_UNPIN);
}

/* A process that owns a region, and does what the main process asks for. */
struct owner {
	pid_t pid;
	int ask, answer;
	size_t result;
};

static inline struct owner owner_start(const char *group, struct region *r,
				       size_t (*act)(struct region *, char))
{
	int ask[2], answer[2];
	struct owner o;
	char what;

	if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		err(1, "pipe");
	o.pid = fork_into(group);
	if (!o.pid) {
		while (read(ask[0], &what, 1) == 1) {
			size_t result = act(r, what);

			if (write(answer[1], &result, sizeof(result)) < 0)
				err(1, "answer");
		}
		_exit(0);
	}
	close(ask[0]);
	close(answer[1]);
	o.ask = ask[1];
	o.answer = answer[0];
	return o;
}

static inline void owner_ask(const struct owner *o, char what)
{
	if (write(o->ask, &what, 1) != 1)
		err(1, "ask the owner of a region");
}

static inline size_t owner_answer(const struct owner *o)
{
	size_t result;

	if (read(o->answer, &result, sizeof(result)) != sizeof(result))
		errx(1, "the owner of a region died");
	return result;
}

static inline size_t owner_do(const struct owner *o, char what)
{
	owner_ask(o, what);
	return owner_answer(o);
}

static inline void owner_stop(const struct owner *o)
{
	close(o->ask);
	close(o->answer);
	kill(o->pid, SIGKILL);
	waitpid(o->pid, NULL, 0);
}

#endif /* OWNER_H */
