/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines at the bottom of a terminal that change in place while something is waited for.
 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stddef.h>
#include <stdio.h>

/* A zeroed one draws nothing. */
struct progress {
	FILE *file;   /* borrowed; a terminal */
	size_t drawn; /* lines that stand there */
};

/* Takes the lines away, so that other text can be written. */
void progress_clear(struct progress *p);
/* Draws these instead; they are cut to the terminal's size. */
void progress_draw(struct progress *p, const char *const *lines, size_t count);

#endif
