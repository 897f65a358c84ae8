/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What int() takes and what it makes of it. Values are compared and never computed with,
 * so their digits are all there is.
 */
#include "core/integer.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>

/* The zeros of all scripts (Unicode 16, decimal numbers); 1 to 9 follow each. */
static const uint32_t zeros[] = {
	0x30,
	0x660,
	0x6f0,
	0x7c0,
	0x966,
	0x9e6,
	0xa66,
	0xae6,
	0xb66,
	0xbe6,
	0xc66,
	0xce6,
	0xd66,
	0xde6,
	0xe50,
	0xed0,
	0xf20,
	0x1040,
	0x1090,
	0x17e0,
	0x1810,
	0x1946,
	0x19d0,
	0x1a80,
	0x1a90,
	0x1b50,
	0x1bb0,
	0x1c40,
	0x1c50,
	0xa620,
	0xa8d0,
	0xa900,
	0xa9d0,
	0xa9f0,
	0xaa50,
	0xabf0,
	0xff10,
	0x104a0,
	0x10d30,
	0x10d40,
	0x11066,
	0x110f0,
	0x11136,
	0x111d0,
	0x112f0,
	0x11450,
	0x114d0,
	0x11650,
	0x116c0,
	0x116d0,
	0x116da,
	0x11730,
	0x118e0,
	0x11950,
	0x11bf0,
	0x11c50,
	0x11d50,
	0x11da0,
	0x11f50,
	0x16130,
	0x16a60,
	0x16ac0,
	0x16b50,
	0x1ccf0,
	0x1d7ce,
	0x1d7d8,
	0x1d7e2,
	0x1d7ec,
	0x1d7f6,
	0x1e140,
	0x1e2f0,
	0x1e4f0,
	0x1e5f1,
	0x1e950,
	0x1fbf0,
};

/* Beyond ASCII; there it is isspace's, of the C locale. */
static bool
is_wide_blank(uint32_t c)
{
	return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
		c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool
is_blank(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || is_wide_blank(c);
}

/* 0 to 9, or -1. */
static int
digit_of(uint32_t c)
{
	size_t low = 0, high = COUNT_OF(zeros);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c < zeros[middle])
			high = middle;
		else if (c < zeros[middle] + 10)
			return (int)(c - zeros[middle]);
		else
			low = middle + 1;
	}
	return -1;
}

struct reader {
	const char *at, *end;
};

/* The bytes of the next character, 0 at the end and where there is no UTF-8. */
static size_t
look(const struct reader *r, uint32_t *ret_char)
{
	return utf8_next(r->at, (size_t)(r->end - r->at), ret_char);
}

static void
skip_blanks(struct reader *r)
{
	uint32_t c = 0;

	for (size_t size = look(r, &c); size > 0 && is_blank(c); size = look(r, &c))
		r->at += size;
}

static bool
skip_one(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* False if there is no digit; leading zeros are read and not kept. */
static bool
read_digit(struct reader *r, struct buf *digits)
{
	uint32_t c = 0;
	size_t size = look(r, &c);
	int digit = size > 0 ? digit_of(c) : -1;

	if (digit < 0)
		return false;
	r->at += size;
	if (digit > 0 || digits->len > 0)
		buf_putc(digits, (char)('0' + digit));
	return true;
}

static bool
read_digits(struct reader *r, struct buf *digits)
{
	do {
		if (!read_digit(r, digits))
			return false;
		while (read_digit(r, digits))
			;
	} while (skip_one(r, '_'));
	return true;
}

bool
integer_parse(const char *text, size_t len, struct integer *ret)
{
	struct reader r = {text, text + len};
	AUTO(integer) struct integer n = {.negative = false};

	skip_blanks(&r);
	n.negative = skip_one(&r, '-');
	if (!n.negative)
		(void)skip_one(&r, '+');
	if (!read_digits(&r, &n.digits))
		return false;
	skip_blanks(&r);
	if (r.at != r.end)
		return false;
	n.negative = n.negative && n.digits.len > 0;
	integer_fini(ret);
	*ret = n;
	n.digits = (struct buf){.data = NULL};
	return true;
}

/* Without leading zeros the longer one is the greater one. */
static int
compare_digits(const struct buf *a, const struct buf *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return a->len == 0 ? 0 : memcmp(a->data, b->data, a->len);
}

int
integer_compare(const struct integer *a, const struct integer *b)
{
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	return a->negative ? compare_digits(&b->digits, &a->digits)
			   : compare_digits(&a->digits, &b->digits);
}

void
integer_fini(struct integer *n)
{
	buf_fini(&n->digits);
	*n = (struct integer){.negative = false};
}
