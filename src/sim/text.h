/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about texts that clients send: wildcards, forms of ids. */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Filters and fault rules: '*' any run, '?' any byte, '\' takes the next as it is.
 * Never exponential.
 */
bool sim_text_matches(const char *pattern, const char *text);
/* prefix and min..max lower-case hex digits: "i-0123abcd". */
bool sim_text_is_id(const char *text, const char *prefix, size_t min, size_t max);
/* c7i.xlarge, u-6tb1.56xlarge: a family and a size. */
bool sim_text_is_type(const char *text);

#endif
