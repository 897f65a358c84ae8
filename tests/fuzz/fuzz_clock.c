/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A time of any text, in both forms: refused, or printed so that it reads back as the same
 * millisecond.
 *
 * Parser: src/base/clock.c
 */
#include "fuzz.h"

#include "base/clock.h"
#include "base/mem.h"

#include <assert.h>

/* What four digits of a year can say. */
#define FIRST_MS INT64_C(-62167219200000)
#define LAST_MS INT64_C(253402300799999)

static void
check(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];
	int64_t again = 0;
	int result = clock_parse(clock_format(wall_ms, text), &again);

	assert(result == 0);
	/* A zone may lead over either end of the calendar, a leap second over the last. */
	assert(again == wall_ms || wall_ms < FIRST_MS || wall_ms > LAST_MS);
	(void)clock_span(wall_ms, text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup((const char *)data, size);
	int64_t wall_ms;

	if (clock_parse(text, &wall_ms) == 0)
		check(wall_ms);
	if (clock_parse_http(text, &wall_ms) == 0)
		check(wall_ms);
	return 0;
}
