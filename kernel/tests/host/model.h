/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ranges.c against a model of two bits and a time for each page. A step is one
 * call, and after it the whole structure is compared with the model. A failure
 * prints the steps that led to it, in the form that replay takes.
 *
 * A step as text is a letter and two pages, each a digit or a letter:
 *
 *	uAB	unpin the pages A to B
 *	pAB	pin them
 *	iAB	pin them unless one was purged
 *	gAB	purge the ranges from the one with page A on, as long as they lie side
 *		by side, up to the one with page B
 *	oAB	purge the least recently unpinned range
 *	dAB	drop the parked range with page A
 *	sAB	give A modulo 3 spare ranges before each call from here on
 *	cAB	clear: every page is pinned
 *
 * A # begins a comment, up to the line's end; all else is skipped.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>

/* Pages that a step can name. */
#define MODEL_PAGES	62
/* Steps that a model remembers; it has to be freed before it made more. */
#define MODEL_STEPS	400

struct model;

struct model *model_new(void);
void model_free(struct model *model);
void model_step(struct model *model, char what, unsigned int from, unsigned int to);
/* Runs all steps of a text on a new model. */
void model_replay(const char *text, size_t length);
/* Prints the steps so far of the model made last, if there is one. */
void model_tell_steps(void);

#endif /* MODEL_H */
