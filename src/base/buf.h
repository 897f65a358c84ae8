/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable string: owns its bytes, always NUL-terminated, may hold NULs.
 * A zeroed struct buf is a valid empty one.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* owned; NULL only while nothing was ever added */
	size_t len;
	size_t cap;
};

void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Appends s as a JSON string, quotes included; what is no UTF-8 becomes U+FFFD. */
void buf_json(struct buf *b, const char *s);
/* Drops the first n bytes (n <= len). */
void buf_drop(struct buf *b, size_t n);
/* Empties, keeps the memory. */
void buf_clear(struct buf *b);
/* The bytes as a C string, never NULL. Borrowed until the next change. */
const char *buf_str(const struct buf *b);
/* Gives the string away (never NULL) and leaves b empty. */
char *buf_take(struct buf *b);
void buf_fini(struct buf *b);
/* Wipes the bytes first. */
void buf_wipe_fini(struct buf *b);

static inline void
auto_buf(struct buf *b)
{
	buf_fini(b);
}

static inline void
auto_buf_wipe(struct buf *b)
{
	buf_wipe_fini(b);
}

#endif
