/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ranges.c against a model with two bits, two times and a queue for each page. A step
 * is one call; after each step the whole structure is compared with the model. A failure
 * prints the steps that led to it, in the form that --replay takes.
 *
 * A step is written as a letter and two pages, each of these a digit or a letter:
 *
 *	uAB	unpin the pages A to B; a range without a queue joins the chosen one
 *	pAB	pin them
 *	iAB	pin them unless one was purged
 *	gAB	purge the range with page A and those after it up to the one with page
 *		B, as long as each begins where the one before ends
 *	oAB	purge the oldest range of the chosen queue
 *	qAB	choose the queue A modulo 3; 2 is none
 *	mAB	move the unpinned range with page A to the end of the chosen queue
 *	dAB	drop at most A parked ranges, if no page is unpinned
 *	sAB	from here on, give A modulo 3 spare ranges before each call
 *	cAB	clear: every page is pinned
 *
 * A # begins a comment, which ends with the line; any other text is skipped.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>

/* Pages that a step can name. */
#define MODEL_PAGES	62
/* Steps that a model records; it must be freed before it makes more. */
#define MODEL_STEPS	400

struct model;

struct model *model_new(void);
void model_free(struct model *model);
void model_step(struct model *model, char what, unsigned int from, unsigned int to);
/* Makes all steps of a text on a new model. */
void model_replay(const char *text, size_t length);
/* Prints the steps so far of the model that was made last, if it is not freed. */
void model_tell_steps(void);

#endif /* MODEL_H */
