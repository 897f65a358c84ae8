/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compact JSON with line breaks and indentation, for people.
 */
#ifndef BASE_PRETTY_H
#define BASE_PRETTY_H

struct buf;

/* Appends json, which is valid and without blanks outside strings, and a newline. */
void pretty_json(const char *json, struct buf *out);

#endif
