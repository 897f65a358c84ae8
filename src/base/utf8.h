/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bytes of the well-formed character at s, 0 if there is none. ret_char may be
 * NULL.
 */
size_t utf8_next(const char *s, size_t len, uint32_t *ret_char);
bool utf8_valid(const char *s, size_t len);
/*
 * Where to cut s (longer than max bytes) so that at most max bytes stay and no
 * character is torn.
 */
size_t utf8_cut(const char *s, size_t max);
/*
 * What a terminal or a log reader might act upon: C0 and C1 controls and DEL, line
 * separators, and what turns the direction of text, so that it reads otherwise than it is
 * (Unicode TR 36, 2.11.2).
 */
bool utf8_is_control(uint32_t character);

#endif
