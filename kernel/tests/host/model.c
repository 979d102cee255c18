// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../ranges.h"
#include "model.h"

static const char pages[MODEL_PAGES + 1] =
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char steps[] = "upigoqmdsc";

struct model {
	struct ashmem_ranges ranges;
	struct ashmem_queue queues[2];
	struct ashmem_queue *chosen;		/* or NULL */
	uint64_t unpinned, purged;		/* one bit for each page */
	unsigned int unpinned_at[MODEL_PAGES];	/* in which step */
	unsigned int queued_at[MODEL_PAGES];
	struct ashmem_queue *queue[MODEL_PAGES]; /* of an unpinned or parked range */
	unsigned int spare;
	unsigned int nr_steps;
	char text[4 * MODEL_STEPS + 1];
};

#define CHECK(condition)						\
	do {								\
		if (!(condition))					\
			failed(model, #condition, __LINE__);		\
	} while (0)

static const struct model *at_work;

void model_tell_steps(void)
{
	if (at_work)
		fprintf(stderr, "ranges: after these steps: %s\n", at_work->text);
}

static void failed(const struct model *model, const char *condition, int line)
{
	fprintf(stderr, "ranges: model.c:%d: not so: %s\n", line, condition);
	at_work = model;
	model_tell_steps();
	abort();
}

static uint64_t bits(unsigned long start, unsigned long end)
{
	return (end - start >= 64 ? ~0ull : (1ull << (end - start)) - 1) << start;
}

static struct ashmem_range *range_new(const struct model *model)
{
	struct ashmem_range *range = malloc(sizeof(*range));

	CHECK(range);
	memset(range, 0xa5, sizeof(*range));
	return range;
}

/* Takes ranges back as region.c does. Return: how many. */
static unsigned int take_back(struct model *model, struct list_head *left)
{
	struct ashmem_range *range, *next;
	unsigned int taken = 0;

	list_for_each_entry_safe(range, next, left, age) {
		list_del_init(&range->age);
		if (model->ranges.nr_spare < ASHMEM_RANGES_SPARE)
			ashmem_ranges_give(&model->ranges, range);
		else
			free(range);
		taken++;
	}
	return taken;
}

/* The first range of the tree that lies in [start, end) as a whole, or NULL. */
static struct ashmem_range *range_inside(const struct rb_root *root, unsigned long start,
					 unsigned long end)
{
	struct rb_node *node;

	for (node = rb_first(root); node; node = rb_next(node)) {
		struct ashmem_range *range = rb_entry(node, struct ashmem_range, node);

		if (range->start >= start && range->end <= end)
			return range;
	}
	return NULL;
}

/* Does a range that is not parked reach beyond both ends of [start, end)? */
static bool splits(const struct rb_root *root, unsigned long start, unsigned long end)
{
	struct rb_node *node;

	for (node = rb_first(root); node; node = rb_next(node)) {
		struct ashmem_range *range = rb_entry(node, struct ashmem_range, node);

		if (!range->parked && range->start < start && range->end > end)
			return true;
	}
	return false;
}

static void check_tree(const struct model *model, const struct rb_root *root, uint64_t expected,
		       bool merged)
{
	struct rb_node *node;
	unsigned long behind = 0;
	uint64_t seen = 0;
	bool found = !model->ranges.found || root != &model->ranges.unpinned;
	bool first = true;

	for (node = rb_first(root); node; node = rb_next(node)) {
		struct ashmem_range *range = rb_entry(node, struct ashmem_range, node);

		CHECK(range->start < range->end && range->end <= MODEL_PAGES);
		CHECK(first || (merged ? range->start > behind : range->start >= behind));
		first = false;
		behind = range->end;
		found |= range == model->ranges.found;
		if (!range->parked)
			seen |= bits(range->start, range->end);
		if (merged || range->parked || !range->queue)
			CHECK(list_empty(&range->age));
		else
			CHECK(!list_empty(&range->age));
		for (unsigned long i = range->start; !merged && i < range->end; i++) {
			CHECK(model->queue[i] == range->queue);
			CHECK(range->parked || model->unpinned_at[i] == range->unpinned_at);
		}
	}
	CHECK(seen == expected);
	CHECK(found);
}

/* The unpinned pages that are in that queue. */
static uint64_t queued(const struct model *model, const struct ashmem_queue *queue)
{
	uint64_t pages = 0;

	for (uint64_t left = model->unpinned; left; left &= left - 1)
		if (model->queue[__builtin_ctzll(left)] == queue)
			pages |= left & -left;
	return pages;
}

/* The parts of a range that was cut stay at its place, in the order of their pages. */
static void check_queue(const struct model *model, const struct ashmem_queue *queue)
{
	const struct ashmem_range *range, *last = NULL;
	unsigned long parked = 0;
	struct rb_node *node;
	uint64_t seen = 0;

	for (node = rb_first(&model->ranges.unpinned); node; node = rb_next(node)) {
		range = rb_entry(node, struct ashmem_range, node);
		parked += range->parked && range->queue == queue;
	}
	CHECK(queue->nr_parked == parked);
	list_for_each_entry(range, &queue->ranges, age) {
		unsigned int at = model->queued_at[range->start];

		CHECK(!range->parked && range->queue == queue);
		CHECK(!last || at > model->queued_at[last->start] ||
		      (at == model->queued_at[last->start] && range->start > last->start));
		last = range;
		seen |= bits(range->start, range->end);
	}
	CHECK(seen == queued(model, queue));
	CHECK(queue->pages == (unsigned long)__builtin_popcountll(seen));
}

static void check_at(const struct model *model, unsigned long start, unsigned long end)
{
	const struct ashmem_range *range = ashmem_ranges_at(&model->ranges, start, end);
	uint64_t pages = model->unpinned & bits(start, end);
	unsigned long first;

	CHECK(!range == !pages);
	if (!range)
		return;
	first = __builtin_ctzll(pages);
	CHECK(!range->parked && range->start <= first && first < range->end);
}

static void check_all(const struct model *model)
{
	const struct ashmem_ranges *ranges = &model->ranges;
	struct ashmem_range *range;
	unsigned int spare = 0;

	check_tree(model, &ranges->unpinned, model->unpinned, false);
	check_tree(model, &ranges->purged, model->purged, true);
	check_queue(model, &model->queues[0]);
	check_queue(model, &model->queues[1]);
	list_for_each_entry(range, &ranges->spare, age)
		spare++;
	CHECK(spare == ranges->nr_spare && spare <= ASHMEM_RANGES_SPARE);
	CHECK(ranges->nr_unpinned == (unsigned long)__builtin_popcountll(model->unpinned));
	CHECK(ranges->nr_purged == (unsigned long)__builtin_popcountll(model->purged));
	CHECK(ranges->nr_both ==
	      (unsigned long)__builtin_popcountll(model->unpinned & model->purged));
	CHECK(ashmem_ranges_not_pinned(ranges) ==
	      (unsigned long)__builtin_popcountll(model->unpinned | model->purged));
}

static void give(struct model *model, unsigned int spare)
{
	while (model->ranges.nr_spare < spare)
		ashmem_ranges_give(&model->ranges, range_new(model));
}

typedef int call_t(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
		   struct list_head *left);

/*
 * Makes a call with the spare ranges that the model has. If the call needs more, it
 * must change nothing, and is made again with all.
 */
static int call(struct model *model, call_t *function, unsigned long start, unsigned long end,
		unsigned int needs)
{
	struct list_head left;
	bool lacking;
	int ret;

	give(model, model->spare);
	lacking = model->ranges.nr_spare < needs;
	INIT_LIST_HEAD(&left);
	ret = function(&model->ranges, start, end, &left);
	CHECK((ret == -ENOBUFS) == lacking);
	if (lacking) {
		CHECK(list_empty(&left));
		check_all(model);
		give(model, ASHMEM_RANGES_SPARE);
		ret = function(&model->ranges, start, end, &left);
		CHECK(ret != -ENOBUFS);
	}
	take_back(model, &left);
	return ret;
}

static struct ashmem_range *renewed; /* the last result of unpin() */

static int unpin(struct ashmem_ranges *ranges, unsigned long start, unsigned long end,
		 struct list_head *left)
{
	renewed = ashmem_ranges_unpin(ranges, start, end, left);
	return renewed ? 0 : -ENOBUFS;
}

static void queue_range(struct model *model, struct ashmem_range *range)
{
	if (model->chosen)
		ashmem_queue_add(model->chosen, range);
	else
		ashmem_queue_forget(range);
	CHECK(range->queue == model->chosen);
	for (unsigned long i = range->start; i < range->end; i++) {
		model->queue[i] = model->chosen;
		model->queued_at[i] = model->nr_steps;
	}
}

/* The first range inside becomes the whole one, and remembers its queue. */
static void step_unpin(struct model *model, unsigned long start, unsigned long end)
{
	const struct rb_root *unpinned = &model->ranges.unpinned;
	const struct ashmem_range *whole = range_inside(unpinned, start, end);
	struct ashmem_queue *queue = whole ? whole->queue : NULL;
	unsigned int needs = whole ? 0 : 1 + splits(unpinned, start, end);

	CHECK(!call(model, unpin, start, end, needs));
	CHECK(!whole || renewed == whole);
	CHECK(renewed->start == start && renewed->end == end && !renewed->parked);
	CHECK(renewed->queue == queue);
	renewed->unpinned_at = model->nr_steps;
	model->unpinned |= bits(start, end);
	for (unsigned long i = start; i < end; i++) {
		model->unpinned_at[i] = model->nr_steps;
		model->queued_at[i] = model->nr_steps;
		model->queue[i] = queue;
	}
	if (!queue)
		queue_range(model, renewed);
}

static void step_pin(struct model *model, unsigned long start, unsigned long end, bool intact)
{
	bool purged = model->purged & bits(start, end);
	unsigned int needs = splits(&model->ranges.unpinned, start, end) +
			     splits(&model->ranges.purged, start, end);

	if (intact)
		CHECK(call(model, ashmem_ranges_pin_intact, start, end, purged ? 0 : needs) ==
		      purged);
	else
		CHECK(call(model, ashmem_ranges_pin, start, end, needs) == purged);
	if (!intact || !purged) {
		model->unpinned &= ~bits(start, end);
		model->purged &= ~bits(start, end);
	}
}

/* All pages of [start, end) must be unpinned, and ranges must begin and end there. */
static void purge(struct model *model, unsigned long start, unsigned long end)
{
	struct list_head left;

	INIT_LIST_HEAD(&left);
	ashmem_ranges_purge(&model->ranges, start, end, &left);
	take_back(model, &left);
	model->unpinned &= ~bits(start, end);
	model->purged |= bits(start, end);
}

/* The unpinned or parked range with that page, or NULL. */
static struct ashmem_range *range_at(const struct model *model, unsigned long page)
{
	struct rb_node *node;

	for (node = rb_first(&model->ranges.unpinned); node; node = rb_next(node)) {
		struct ashmem_range *range = rb_entry(node, struct ashmem_range, node);

		if (range->start <= page && page < range->end)
			return range;
	}
	return NULL;
}

static void step_purge(struct model *model, unsigned long from, unsigned long to)
{
	struct ashmem_range *range = range_at(model, from);
	unsigned long start, end;

	if (!range || range->parked)
		return;
	start = range->start;
	end = range->end;
	while (end <= to) {
		range = range_at(model, end);
		if (!range || range->parked)
			break;
		end = range->end;
	}
	purge(model, start, end);
}

static void step_purge_oldest(struct model *model)
{
	struct ashmem_range *range;
	uint64_t pages;

	if (!model->chosen)
		return;
	range = ashmem_queue_oldest(model->chosen);
	pages = queued(model, model->chosen);
	CHECK(!range == !pages);
	if (!range)
		return;
	for (unsigned int i = 0; i < MODEL_PAGES; i++)
		CHECK(!(pages & bits(i, i + 1)) ||
		      model->queued_at[i] >= model->queued_at[range->start]);
	purge(model, range->start, range->end);
}

static void step_move(struct model *model, unsigned long page)
{
	struct ashmem_range *range = range_at(model, page);

	if (range && !range->parked)
		queue_range(model, range);
}

static void step_drop(struct model *model, unsigned int max)
{
	unsigned int parked = 0;
	struct list_head left;
	struct rb_node *node;

	if (model->unpinned)
		return;
	for (node = rb_first(&model->ranges.unpinned); node; node = rb_next(node))
		parked++;
	INIT_LIST_HEAD(&left);
	CHECK(ashmem_ranges_drop_parked(&model->ranges, max, &left) == (parked <= max));
	CHECK(take_back(model, &left) == (parked < max ? parked : max));
}

static void step_clear(struct model *model)
{
	struct ashmem_range *range, *next;
	struct list_head left;

	INIT_LIST_HEAD(&left);
	ashmem_ranges_clear(&model->ranges, &left);
	list_for_each_entry_safe(range, next, &left, age)
		free(range);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK(list_empty(&model->queues[i].ranges));
		ashmem_queue_init(&model->queues[i]);
	}
	model->unpinned = 0;
	model->purged = 0;
}

struct model *model_new(void)
{
	struct model *model = calloc(1, sizeof(*model));

	CHECK(model);
	at_work = model;
	ashmem_ranges_init(&model->ranges);
	ashmem_queue_init(&model->queues[0]);
	ashmem_queue_init(&model->queues[1]);
	model->chosen = &model->queues[0];
	model->spare = ASHMEM_RANGES_SPARE;
	return model;
}

void model_free(struct model *model)
{
	step_clear(model);
	at_work = NULL;
	free(model);
}

void model_step(struct model *model, char what, unsigned int from, unsigned int to)
{
	unsigned int start = from < to ? from : to, end = (from < to ? to : from) + 1;
	char *text = model->text + 4 * model->nr_steps;

	CHECK(model->nr_steps < MODEL_STEPS && end <= MODEL_PAGES);
	text[0] = what;
	text[1] = pages[from];
	text[2] = pages[to];
	text[3] = ' ';
	model->nr_steps++;
	switch (what) {
	case 'u':
		step_unpin(model, start, end);
		break;
	case 'p':
		step_pin(model, start, end, false);
		break;
	case 'i':
		step_pin(model, start, end, true);
		break;
	case 'g':
		step_purge(model, start, end - 1);
		break;
	case 'o':
		step_purge_oldest(model);
		break;
	case 'q':
		model->chosen = from % 3 < 2 ? &model->queues[from % 3] : NULL;
		break;
	case 'm':
		step_move(model, from);
		break;
	case 'd':
		step_drop(model, from);
		break;
	case 's':
		model->spare = from % (ASHMEM_RANGES_SPARE + 1);
		break;
	case 'c':
		step_clear(model);
		break;
	}
	CHECK(ashmem_ranges_pinned(&model->ranges, start, end) ==
	      !((model->unpinned | model->purged) & bits(start, end)));
	check_at(model, start, end);
	check_all(model);
}

static int page_of(char c)
{
	const char *at = c ? strchr(pages, c) : NULL;

	return at ? at - pages : -1;
}

void model_replay(const char *text, size_t length)
{
	struct model *model = model_new();
	size_t i = 0;

	while (i + 2 < length && model->nr_steps < MODEL_STEPS) {
		int from = page_of(text[i + 1]), to = page_of(text[i + 2]);

		if (text[i] == '#') {
			const char *line_end = memchr(text + i, '\n', length - i);

			i = line_end ? line_end - text : length;
		} else if (text[i] && strchr(steps, text[i]) && from >= 0 && to >= 0) {
			model_step(model, text[i], from, to);
			i += 3;
		} else {
			i++;
		}
	}
	model_free(model);
}
