/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The growable string. Memory at least doubles when it grows, so that adding stays cheap.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BUF_SIZE_MIN 64u

/* Makes room for len more bytes and the NUL. */
static void
reserve(struct buf *b, size_t len)
{
	size_t need, cap;

	/* An impossible size is what xrealloc aborts on. */
	if (__builtin_add_overflow(b->len, len, &need) ||
		__builtin_add_overflow(need, 1, &need))
		need = SIZE_MAX;
	if (need <= b->cap)
		return;
	cap = b->cap > SIZE_MAX / 2 ? need : b->cap * 2;
	if (cap < BUF_SIZE_MIN)
		cap = BUF_SIZE_MIN;
	b->cap = cap < need ? need : cap;
	b->data = xrealloc(b->data, b->cap);
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	reserve(b, len);
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	reserve(b, BUF_SIZE_MIN);
	n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
	assert(n >= 0); /* our formats have no wide characters, the only way to fail */
	if ((size_t)n >= b->cap - b->len) {
		reserve(b, (size_t)n);
		(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
	}
	b->len += (size_t)n;
	va_end(again);
}

static void
add_json_char(struct buf *b, uint32_t character, const char *bytes, size_t len)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *short_form = character < 0x80 && character > 0
		? strchr(from, (int)character)
		: NULL;

	if (short_form != NULL) {
		buf_putc(b, '\\');
		buf_putc(b, to[short_form - from]);
	} else if (utf8_is_control(character))
		buf_printf(b, "\\u%04x", (unsigned)character);
	else
		buf_add(b, bytes, len);
}

void
buf_json(struct buf *b, const char *s)
{
	size_t left = strlen(s);

	buf_putc(b, '"');
	while (left > 0) {
		uint32_t character;
		size_t n = utf8_next(s, left, &character);

		if (n > 0)
			add_json_char(b, character, s, n);
		else
			buf_puts(b, "\\ufffd");
		n = n > 0 ? n : 1;
		s += n;
		left -= n;
	}
	buf_putc(b, '"');
}

void
buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->data[b->len] = '\0';
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

const char *
buf_str(const struct buf *b)
{
	return b->data != NULL ? b->data : "";
}

char *
buf_take(struct buf *b)
{
	char *s = b->data != NULL ? b->data : xstrdup("");

	*b = (struct buf){.data = NULL};
	return s;
}

void
buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.data = NULL};
}

void
buf_wipe_fini(struct buf *b)
{
	if (b->data != NULL)
		mem_wipe(b->data, b->cap);
	buf_fini(b);
}
