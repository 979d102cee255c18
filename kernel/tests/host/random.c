// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes random steps on many models.
 *
 *	random [--seed=N] [--steps=N] [--replay=FILE]
 */
#include <inttypes.h>
#include <sanitizer/common_interface_defs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model.h"

static uint64_t state;

static uint32_t random_below(uint32_t bound)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % bound;
}

/* With few pages ranges meet often; with many pages there are many ranges. */
static unsigned int one_model(uint64_t steps_left)
{
	static const char often[] = "uuuuuuuppppppiiggooqmdd";
	struct model *model = model_new();
	unsigned int pages = 1 + random_below(MODEL_PAGES), longest = 1 + random_below(pages);
	unsigned int steps = 1 + random_below(MODEL_STEPS - 1);

	if (steps > steps_left)
		steps = steps_left;
	for (unsigned int i = 0; i < steps; i++) {
		unsigned int from = random_below(pages), to = from + random_below(longest);
		char what = often[random_below(sizeof(often) - 1)];

		if (!random_below(100))
			what = random_below(4) ? 's' : 'c';
		model_step(model, what, from, to < pages ? to : pages - 1);
	}
	model_free(model);
	return steps;
}

static int replay(const char *name)
{
	static char text[1 << 20];
	FILE *file = fopen(name, "r");

	if (!file) {
		perror(name);
		return 2;
	}
	model_replay(text, fread(text, 1, sizeof(text), file));
	fclose(file);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t seed = time(NULL), steps = 1000000, done = 0;

	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--seed=", 7)) {
			seed = strtoull(argv[i] + 7, NULL, 0);
		} else if (!strncmp(argv[i], "--steps=", 8)) {
			steps = strtoull(argv[i] + 8, NULL, 0);
		} else if (!strncmp(argv[i], "--replay=", 9)) {
			return replay(argv[i] + 9);
		} else {
			fprintf(stderr, "usage: random [--seed=N] [--steps=N] [--replay=FILE]\n");
			return 2;
		}
	}
#ifdef __SANITIZE_ADDRESS__
	/* A sanitizer that finds a fault ends the program itself. */
	__sanitizer_set_death_callback(model_tell_steps);
#endif
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	state = seed * 0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d;
	state = state ? state : 1;
	while (done < steps)
		done += one_model(steps - done);
	printf("%" PRIu64 " steps\n", done);
	return 0;
}
