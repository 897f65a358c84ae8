/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people: whatever came over the socket is made harmless to a terminal first.
 */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;

enum text_colour { TEXT_PLAIN, TEXT_GREEN, TEXT_YELLOW, TEXT_RED, TEXT_DIM, TEXT_BOLD };

/* Control characters and what is no UTF-8 become \xNN; of several lines only if allowed. */
void text_add(struct buf *out, const char *text);
void text_add_lines(struct buf *out, const char *text);
/* A scalar as people write it: yes, no, "-" for null. Lists with commas. */
void text_add_value(struct buf *out, const json_t *value);
/* A time as "3 min" ago or ahead of now; else as text_add_value. */
void text_add_age(struct buf *out, const json_t *time);
/* How many columns a terminal gives it, characters of East Asia not counted apart. */
size_t text_width(const char *text);
/* The end of as much of it as fits into so many columns; colours take none. */
const char *text_cut(const char *text, size_t width);
/* Escape sequences around text, where colour is wanted. */
void text_add_coloured(struct buf *out, bool wanted, enum text_colour colour,
	const char *text);

#endif
