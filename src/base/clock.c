/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only reader of the system's clocks, and the arithmetic of dates: proleptic
 * Gregorian, UTC, without the C library's time zones.
 */
#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_DAY (INT64_C(86400) * MS_PER_SECOND)
#define DAYS_PER_ERA INT64_C(146097) /* 400 years */
#define EPOCH_DAYS INT64_C(719468)   /* from 0000-03-01 to 1970-01-01 */

static struct {
	bool on;
	int64_t boot_ms, wall_ms;
} fake;

/* A date and a time of day, as they are written. */
struct moment {
	unsigned year, month, day, hour, minute, second, ms;
};

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;
	int failed = clock_gettime(id, &ts);

	assert(failed == 0);
	(void)failed;
	return (int64_t)ts.tv_sec * MS_PER_SECOND + ts.tv_nsec / 1000000;
}

int64_t
clock_ms(void)
{
	return fake.on ? fake.boot_ms : read_clock(CLOCK_BOOTTIME);
}

int64_t
clock_wall_ms(void)
{
	return fake.on ? fake.wall_ms : read_clock(CLOCK_REALTIME);
}

void
clock_fake(int64_t boot_ms, int64_t wall_ms)
{
	fake.on = true;
	fake.boot_ms = boot_ms;
	fake.wall_ms = wall_ms;
}

void
clock_fake_advance(int64_t ms)
{
	assert(fake.on && ms >= 0);
	fake.boot_ms += ms;
	fake.wall_ms += ms;
}

void
clock_fake_wall_jump(int64_t ms)
{
	assert(fake.on);
	fake.wall_ms += ms;
}

bool
clock_is_fake(void)
{
	return fake.on;
}

void
clock_real(void)
{
	fake.on = false;
}

/* Days since 1970-01-01. Years are counted from March, so that a leap day is the last. */
static int64_t
days_of(const struct moment *m)
{
	int64_t year = (int64_t)m->year - (m->month <= 2 ? 1 : 0);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t month = (m->month + 9) % 12; /* March is 0 */
	int64_t day_of_year = (153 * month + 2) / 5 + m->day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
		day_of_year;

	return era * DAYS_PER_ERA + day_of_era - EPOCH_DAYS;
}

/* The inverse, for years 0 to 9999. */
static void
set_date(struct moment *m, int64_t days)
{
	int64_t shifted = days + EPOCH_DAYS;
	int64_t era = (shifted >= 0 ? shifted : shifted - DAYS_PER_ERA + 1) /
		DAYS_PER_ERA;
	int64_t day_of_era = shifted - era * DAYS_PER_ERA;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				      day_of_era / 146096) /
		365;
	int64_t day_of_year = day_of_era -
		(365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153; /* March is 0 */

	m->day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1);
	m->month = (unsigned)(month < 10 ? month + 3 : month - 9);
	m->year = (unsigned)(year_of_era + era * 400 + (m->month <= 2 ? 1 : 0));
}

static int64_t
wall_of(const struct moment *m)
{
	int64_t seconds = days_of(m) * 86400 + m->hour * 3600 + m->minute * 60 +
		m->second;

	return seconds * MS_PER_SECOND + m->ms;
}

static unsigned
days_in_month(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool
is_possible(const struct moment *m)
{
	if (m->month < 1 || m->month > 12)
		return false;
	if (m->day < 1 || m->day > days_in_month(m->year, m->month))
		return false;
	/* A leap second counts as the first one of the next minute. */
	return m->hour <= 23 && m->minute <= 59 && m->second <= 60;
}

/* The last `digits` digits of value, then one character. Returns the place behind them. */
static char *
put_digits(char *p, int digits, uint64_t value, char then)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		p[i] = (char)('0' + value % 10);
	p[digits] = then;
	return p + digits + 1;
}

char *
clock_format(int64_t wall_ms, char text[static CLOCK_TEXT_SIZE])
{
	const struct moment first = {.year = 0, .month = 1, .day = 1};
	const struct moment last = {9999, 12, 31, 23, 59, 59, 999};
	int64_t days;
	uint64_t rest;
	struct moment m;
	char *p = text;

	/* What four digits cannot say is shown as the nearest they can. */
	if (wall_ms < wall_of(&first))
		wall_ms = wall_of(&first);
	if (wall_ms > wall_of(&last))
		wall_ms = wall_of(&last);
	days = wall_ms / MS_PER_DAY - (wall_ms % MS_PER_DAY < 0 ? 1 : 0);
	rest = (uint64_t)(wall_ms - days * MS_PER_DAY);
	set_date(&m, days);
	p = put_digits(p, 4, m.year, '-');
	p = put_digits(p, 2, m.month, '-');
	p = put_digits(p, 2, m.day, 'T');
	p = put_digits(p, 2, rest / 3600000, ':');
	p = put_digits(p, 2, rest / 60000 % 60, ':');
	p = put_digits(p, 2, rest / 1000 % 60, '.');
	(void)put_digits(p, 3, rest % 1000, 'Z');
	text[24] = '\0';
	return text;
}

/* Exactly `digits` digits; moves *p behind them. */
static bool
read_digits(const char **p, int digits, unsigned *ret)
{
	unsigned value = 0;

	for (int i = 0; i < digits; i++, ++*p) {
		if (!isdigit((unsigned char)**p))
			return false;
		value = value * 10 + (unsigned)(**p - '0');
	}
	*ret = value;
	return true;
}

static bool
read_char(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

static bool
read_time_of_day(const char **p, struct moment *m)
{
	return read_digits(p, 2, &m->hour) && read_char(p, ':') &&
		read_digits(p, 2, &m->minute) && read_char(p, ':') &&
		read_digits(p, 2, &m->second);
}

/* ".123456": milliseconds count, what follows is read and dropped. */
static bool
read_fraction(const char **p, struct moment *m)
{
	unsigned scale = 100;

	if (!read_char(p, '.'))
		return true;
	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); ++*p, scale /= 10)
		m->ms += scale * (unsigned)(**p - '0');
	return true;
}

/* "Z", "+02:00" or "+0200": what the written time is ahead of UTC. */
static bool
read_zone(const char **p, int64_t *ret_ms)
{
	unsigned hours, minutes;
	bool west = **p == '-';

	*ret_ms = 0;
	if (read_char(p, 'Z'))
		return true;
	if (!read_char(p, west ? '-' : '+') || !read_digits(p, 2, &hours))
		return false;
	(void)read_char(p, ':'); /* optional */
	if (!read_digits(p, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_ms = (west ? -60000 : 60000) * (int64_t)(hours * 60 + minutes);
	return true;
}

int
clock_parse(const char *text, int64_t *ret_wall_ms)
{
	struct moment m = {.ms = 0};
	int64_t ahead_ms;

	if (!read_digits(&text, 4, &m.year) || !read_char(&text, '-') ||
		!read_digits(&text, 2, &m.month) || !read_char(&text, '-') ||
		!read_digits(&text, 2, &m.day) || !read_char(&text, 'T'))
		return -1;
	if (!read_time_of_day(&text, &m) || !read_fraction(&text, &m) ||
		!read_zone(&text, &ahead_ms))
		return -1;
	if (*text != '\0' || !is_possible(&m))
		return -1;
	*ret_wall_ms = wall_of(&m) - ahead_ms;
	return 0;
}

/* One of `count` three-letter names, as its index. */
static bool
read_name(const char **p, const char *const *names, size_t count, unsigned *ret)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(*p, names[i], 3) == 0) {
			*p += 3;
			*ret = (unsigned)i;
			return true;
		}
	return false;
}

int
clock_parse_http(const char *text, int64_t *ret_wall_ms)
{
	/* 1970-01-01 was a Thursday. */
	static const char *const weekdays[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue",
		"Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct moment m = {.ms = 0};
	unsigned weekday, month;

	if (!read_name(&text, weekdays, COUNT_OF(weekdays), &weekday) ||
		!read_char(&text, ',') || !read_char(&text, ' ') ||
		!read_digits(&text, 2, &m.day) || !read_char(&text, ' ') ||
		!read_name(&text, months, COUNT_OF(months), &month) ||
		!read_char(&text, ' ') || !read_digits(&text, 4, &m.year) ||
		!read_char(&text, ' ') || !read_time_of_day(&text, &m) ||
		strcmp(text, " GMT") != 0)
		return -1;
	m.month = month + 1;
	if (!is_possible(&m) || ((days_of(&m) % 7) + 7) % 7 != weekday)
		return -1;
	*ret_wall_ms = wall_of(&m);
	return 0;
}

/* The largest unit that fits, and the next one below it unless that is 0. */
static void
format_units(uint64_t seconds, const char *sign, char *text)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;
	uint64_t rest;
	int used;

	while (i < COUNT_OF(units) - 1 && seconds < units[i].seconds)
		i++;
	used = snprintf(text, CLOCK_TEXT_SIZE, "%s%" PRIu64 " %s", sign,
		seconds / units[i].seconds, units[i].name);
	rest = seconds % units[i].seconds;
	if (i + 1 < COUNT_OF(units) && rest >= units[i + 1].seconds)
		(void)snprintf(text + used, CLOCK_TEXT_SIZE - (size_t)used, " %d %s",
			(int)(rest / units[i + 1].seconds), units[i + 1].name);
}

char *
clock_span(int64_t ms, char text[static CLOCK_TEXT_SIZE])
{
	uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	const char *sign = size >= 100 && ms < 0 ? "-" : "";

	/* Below ten seconds a tenth matters to people. */
	if (size < 10000 && size % 1000 >= 100)
		(void)snprintf(text, CLOCK_TEXT_SIZE, "%s%d.%d s", sign,
			(int)(size / 1000), (int)(size % 1000 / 100));
	else
		format_units(size / 1000, sign, text);
	return text;
}
