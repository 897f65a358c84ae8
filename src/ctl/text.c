/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing here decides what is shown, only how.
 */
#include "ctl/text.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>

static void
add_escaped(struct buf *out, const char *text, bool lines)
{
	size_t left = strlen(text);

	while (left > 0) {
		uint32_t character = 0;
		size_t n = utf8_next(text, left, &character);
		bool harmless = n > 0 && !utf8_is_control(character);

		if (harmless || (lines && (*text == '\n' || *text == '\t')))
			buf_add(out, text, n);
		else
			for (size_t i = 0; i < (n > 0 ? n : 1); i++)
				buf_printf(out, "\\x%02x", (unsigned char)text[i]);
		n = n > 0 ? n : 1;
		text += n;
		left -= n;
	}
}

void
text_add(struct buf *out, const char *text)
{
	add_escaped(out, text, false);
}

void
text_add_lines(struct buf *out, const char *text)
{
	add_escaped(out, text, true);
}

static void
add_list(struct buf *out, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (i > 0)
			buf_puts(out, ", ");
		text_add_value(out, json_array_get(list, i));
	}
}

static void
add_map(struct buf *out, const json_t *map)
{
	const char *comma = "";

	/* jansson's iterators take no const, and change nothing. */
	for (void *i = json_object_iter((json_t *)(uintptr_t)map); i != NULL;
		i = json_object_iter_next((json_t *)(uintptr_t)map, i)) {
		buf_puts(out, comma);
		text_add(out, json_object_iter_key(i));
		buf_puts(out, "=");
		text_add_value(out, json_object_iter_value(i));
		comma = ", ";
	}
}

void
text_add_value(struct buf *out, const json_t *value)
{
	if (value == NULL) {
		buf_putc(out, '-');
		return;
	}
	switch (json_typeof(value)) {
	case JSON_STRING: text_add(out, json_string_value(value)); break;
	case JSON_INTEGER:
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL: buf_printf(out, "%g", json_real_value(value)); break;
	case JSON_TRUE: buf_puts(out, "yes"); break;
	case JSON_FALSE: buf_puts(out, "no"); break;
	case JSON_NULL: buf_putc(out, '-'); break;
	case JSON_ARRAY: add_list(out, value); break;
	case JSON_OBJECT: add_map(out, value); break;
	}
}

void
text_add_age(struct buf *out, const json_t *time)
{
	const char *text = json_string_value(time);
	char span[CLOCK_TEXT_SIZE];
	int64_t at, now = clock_wall_ms();

	if (text == NULL || clock_parse(text, &at) != 0)
		text_add_value(out, time);
	else
		buf_puts(out, clock_span(at < now ? now - at : at - now, span));
}

size_t
text_width(const char *text)
{
	size_t left = strlen(text), width = 0;

	while (left > 0) {
		size_t n = utf8_next(text, left, NULL);

		n = n > 0 ? n : 1;
		text += n;
		left -= n;
		width++;
	}
	return width;
}

/* Bytes of a colour's sequence at text, 0 if there is none. */
static size_t
colour_length(const char *text)
{
	size_t n;

	if (text[0] != '\x1b' || text[1] != '[')
		return 0;
	n = 2 + strspn(text + 2, "0123456789;");
	return text[n] == 'm' ? n + 1 : 0;
}

const char *
text_cut(const char *text, size_t width)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t n = colour_length(text);

		if (n == 0 && width-- == 0)
			break;
		if (n == 0)
			n = utf8_next(text, left, NULL);
		n = n > 0 ? n : 1;
		text += n;
		left -= n;
	}
	return text;
}

void
text_add_coloured(struct buf *out, bool wanted, enum text_colour colour,
	const char *text)
{
	static const char *const codes[] = {
		[TEXT_PLAIN] = NULL,
		[TEXT_GREEN] = "32",
		[TEXT_YELLOW] = "33",
		[TEXT_RED] = "31",
		[TEXT_DIM] = "2",
		[TEXT_BOLD] = "1",
	};

	if (wanted && codes[colour] != NULL)
		buf_printf(out, "\x1b[%sm%s\x1b[0m", codes[colour], text);
	else
		buf_puts(out, text);
}
