// SPDX-License-Identifier: GPL-2.0-only
/*
 * PIN, UNPIN, GET_PIN_STATUS and purging in any order, against a model with two
 * bits for each page: unpinned (it may be purged) and purged (its next pin must
 * report that).
 *
 *	UNPIN	sets unpinned
 *	purge	clears unpinned and sets purged
 *	PIN	clears both; returns WAS_PURGED if a page was purged
 *	status	returns UNPINNED if a page has either bit
 *	PURGE_ALL_CACHES returns how many pages were unpinned
 *
 *	model [--seed=N] [--seconds=N]
 *
 * ABI, ioctls: PIN, UNPIN, GET_PIN_STATUS, PURGE_ALL_CACHES
 * ABI, semantics: all pages are pinned at first; purged pages are zero;
 *	NOT_PURGED promises that every byte is intact
 * Part of defects 14 and 15: merges and counts are right in any order of calls.
 */
#include "client.h"

/* Each page has a content, which a purge takes away. */
enum { MOST_PAGES = 48 };

struct model {
	int fd;
	char *base;
	size_t pages;
	bool unpinned[MOST_PAGES], purged[MOST_PAGES];
	uint64_t generation[MOST_PAGES];	/* 0 while zero */
};

static void model_write(struct model *m, size_t first, size_t end,
			uint64_t generation)
{
	for (size_t i = first; i < end; i++) {
		write_page(m->base + i * page_size, i, generation);
		m->generation[i] = generation;
	}
}

static void model_unpin(struct model *m, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		m->unpinned[i] = true;
}

static int model_pin(struct model *m, size_t first, size_t end)
{
	int result = ASHMEM_NOT_PURGED;

	for (size_t i = first; i < end; i++) {
		if (m->purged[i])
			result = ASHMEM_WAS_PURGED;
		m->unpinned[i] = false;
		m->purged[i] = false;
	}
	return result;
}

static int model_status(const struct model *m, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (m->unpinned[i] || m->purged[i])
			return ASHMEM_IS_UNPINNED;
	return ASHMEM_IS_PINNED;
}

static long model_purge(struct model *m)
{
	long pages = 0;

	for (size_t i = 0; i < m->pages; i++) {
		if (!m->unpinned[i])
			continue;
		m->unpinned[i] = false;
		m->purged[i] = true;
		m->generation[i] = 0;
		pages++;
	}
	return pages;
}

static void model_check_content(const struct model *m, const char *after)
{
	for (size_t i = 0; i < m->pages; i++) {
		const char *page = m->base + i * page_size;

		if (m->generation[i] ? !page_is(page, i, m->generation[i]) :
				       !page_is_zero(page))
			FAIL("%s, page %zu of %zu should be %s, but is %s",
			     after, i, m->pages,
			     m->generation[i] ? "intact" : "zero",
			     page_is_zero(page) ? "zero" : "not");
	}
}

static bool any_purged(const struct model *m, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (m->purged[i])
			return true;
	return false;
}

/*
 * Makes some hundred random calls; each result must be the model's. Without
 * @all_kinds it calls like a well-behaved client, which pins a purged page before
 * it unpins it.
 */
static void run_model(uint64_t *random, bool all_kinds)
{
	struct model m = { .pages = 1 + random_below(random, MOST_PAGES) };

	m.base = region_of_pages(&m.fd, m.pages);
	for (uint64_t step = 1; step <= 300; step++) {
		size_t first = random_below(random, m.pages);
		size_t end = first + 1 + random_below(random, m.pages - first);
		uint32_t offset = first * page_size;
		uint32_t len = end == m.pages && random_below(random, 2) ?
			       0 : (end - first) * page_size;

		switch (random_below(random, 16)) {
		case 0 ... 4:
			if (!all_kinds && any_purged(&m, first, end))
				break;
			model_unpin(&m, first, end);
			CHECK_EQ(0, unpin_bytes(m.fd, offset, len));
			break;
		case 5 ... 9:
			CHECK_EQ(model_pin(&m, first, end),
				 pin_bytes(m.fd, offset, len));
			break;
		case 10 ... 12:
			CHECK_EQ(model_status(&m, first, end),
				 status_bytes(m.fd, offset, len));
			break;
		case 13 ... 14:
			model_write(&m, first, end, step);
			break;
		case 15:
			if (random_below(random, 3) == 0) {
				CHECK_EQ(model_purge(&m), purge_all());
			} else if (all_kinds && random_below(random, 64) == 0) {
				/* Only ranges with pages are purged; this touches all. */
				model_check_content(&m, "before drop_caches");
				drop_caches("2");
				model_purge(&m);
				model_check_content(&m, "after drop_caches");
			}
			break;
		}
		if (step % 16 == 0)
			model_check_content(&m, "on the way");
	}
	model_check_content(&m, "at the end");
	for (size_t i = 0; i < m.pages; i++) {
		CHECK_EQ(model_status(&m, i, i + 1), pin_status(m.fd, i, 1));
		CHECK_EQ(model_pin(&m, i, i + 1), pin(m.fd, i, 1));
	}
	CHECK_OK(munmap(m.base, m.pages * page_size));
	close(m.fd);
}

static void run_models(bool all_kinds)
{
	uint64_t random = test_seed;

	for (int i = 0; race_goes_on(i < 300); i++)
		run_model(&random, all_kinds);
}

CASE_LIMIT(random_calls_agree_with_the_model, 600)
{
	run_models(false);
}

CASE_LIMIT(random_calls_of_all_kinds_agree_with_the_model, 600)
{
	run_models(true);
}
