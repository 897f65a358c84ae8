/* SPDX-License-Identifier: Apache-2.0 */
/* Elements, escaped text, and the few types that EC2's replies have. */
#include "sim/xmlout.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
sim_xml_open(struct buf *out, const char *name)
{
	buf_putc(out, '<');
	buf_puts(out, name);
	buf_putc(out, '>');
}

void
sim_xml_close(struct buf *out, const char *name)
{
	buf_puts(out, "</");
	buf_puts(out, name);
	buf_putc(out, '>');
}

/* What stands for a byte in a text, or NULL if it stands for itself. */
static const char *
escape(unsigned char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '\r': /* bare, a parser would read it as a newline */ return "&#13;";
	case '\t':
	case '\n': return NULL;
	default: return c < 0x20 ? "\xef\xbf\xbd" : NULL;
	}
}

static void
put_escaped(struct buf *out, const char *text)
{
	const char *start = text;

	for (; *text != '\0'; text++) {
		const char *instead = escape((unsigned char)*text);

		if (instead == NULL)
			continue;
		buf_add(out, start, (size_t)(text - start));
		buf_puts(out, instead);
		start = text + 1;
	}
	buf_add(out, start, (size_t)(text - start));
}

void
sim_xml_text(struct buf *out, const char *name, const char *text)
{
	if (text == NULL)
		return;
	buf_putc(out, '<');
	buf_puts(out, name);
	if (text[0] == '\0') {
		buf_puts(out, "/>");
		return;
	}
	buf_putc(out, '>');
	put_escaped(out, text);
	sim_xml_close(out, name);
}

void
sim_xml_int(struct buf *out, const char *name, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	sim_xml_text(out, name, text);
}

void
sim_xml_bool(struct buf *out, const char *name, bool value)
{
	sim_xml_text(out, name, value ? "true" : "false");
}

void
sim_xml_time(struct buf *out, const char *name, int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	sim_xml_text(out, name, clock_format(wall_ms, text));
}

void
sim_xml_map(struct buf *out, const char *set, const struct strmap *map, const char *key,
	const char *value)
{
	if (map->count == 0)
		return;
	sim_xml_open(out, set);
	for (size_t i = 0; i < map->count; i++) {
		buf_puts(out, "<item>");
		sim_xml_text(out, key, map->keys[i]);
		sim_xml_text(out, value, map->values[i]);
		buf_puts(out, "</item>");
	}
	sim_xml_close(out, set);
}
