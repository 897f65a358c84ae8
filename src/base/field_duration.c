/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durations as people write them, in whole milliseconds: exact integers, no floating
 * point.
 */
#include "base/field.h"
#include "base/buf.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* From the longest; the first that divides a duration is how it is printed. */
static const struct unit {
	char letter;
	int64_t ms;
} units[] = {
	{'d', 86400000},
	{'h', 3600000},
	{'m', 60000},
	{'s', 1000},
};

/* Digits, at least one, as a number. */
static bool
read_whole(const char **p, int64_t *ret)
{
	int64_t value = 0;

	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); ++*p)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, **p - '0', &value))
			return false;
	*ret = value;
	return true;
}

/* ".5" as numerator and denominator; digits behind the ninth are read and do not count. */
static bool
read_fraction(const char **p, int64_t *ret_part, int64_t *ret_of)
{
	*ret_part = 0;
	*ret_of = 1;
	if (**p != '.')
		return true;
	if (!isdigit((unsigned char)*++*p))
		return false;
	for (; isdigit((unsigned char)**p); ++*p)
		if (*ret_of < 1000000000) {
			*ret_part = *ret_part * 10 + (**p - '0');
			*ret_of *= 10;
		}
	return true;
}

/* Nothing is seconds; 0 if it is no unit. */
static int64_t
read_unit(const char *p)
{
	if (*p == '\0')
		return 1000;
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (p[0] == units[i].letter && p[1] == '\0')
			return units[i].ms;
	return 0;
}

int
field_parse_duration(const char *text, int64_t *ret_ms)
{
	bool negative = *text == '-';
	const char *p = negative ? text + 1 : text;
	int64_t whole, part, of, unit, ms;

	if (!read_whole(&p, &whole) || !read_fraction(&p, &part, &of))
		return -1;
	unit = read_unit(p);
	if (unit == 0 || __builtin_mul_overflow(whole, unit, &ms) ||
		__builtin_add_overflow(ms, part * unit / of, &ms))
		return -1;
	*ret_ms = negative ? -ms : ms;
	return 0;
}

/* "1.5s": what no unit divides, without trailing zeros. */
static void
print_seconds(uint64_t ms, struct buf *out)
{
	int digits = ms % 10 != 0 ? 3 : ms % 100 != 0 ? 2 : 1;
	uint64_t rest = ms % 1000;

	for (int i = digits; i < 3; i++)
		rest /= 10;
	buf_printf(out, "%" PRIu64 ".%0*" PRIu64 "s", ms / 1000, digits, rest);
}

void
field_print_duration(int64_t ms, struct buf *out)
{
	uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	size_t i = size == 0 ? COUNT_OF(units) - 1 : 0;

	if (ms < 0)
		buf_putc(out, '-');
	while (i < COUNT_OF(units) && size % (uint64_t)units[i].ms != 0)
		i++;
	if (i < COUNT_OF(units))
		buf_printf(out, "%" PRIu64 "%c", size / (uint64_t)units[i].ms,
			units[i].letter);
	else
		print_seconds(size, out);
}
