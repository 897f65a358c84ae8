/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the text: brackets and commas break the line, strings are copied.
 */
#include "base/pretty.h"

#include "base/buf.h"

#include <string.h>

static void
break_line(struct buf *out, unsigned depth)
{
	buf_printf(out, "\n%*s", (int)depth * 2, "");
}

/* The length of the string literal at p, quotes included. */
static size_t
literal(const char *p)
{
	size_t len = 1;

	while (p[len] != '"')
		len += p[len] == '\\' ? 2 : 1;
	return len + 1;
}

void
pretty_json(const char *json, struct buf *out)
{
	unsigned depth = 0;

	for (size_t len = 1; *json != '\0'; json += len, len = 1) {
		if (*json == '"')
			len = literal(json);
		else if (strchr("{[", *json) != NULL && strchr("}]", json[1]) != NULL)
			len = 2;
		if (len == 1 && strchr("}]", *json) != NULL)
			break_line(out, --depth);
		buf_add(out, json, len);
		if (len == 1 && *json == ':')
			buf_putc(out, ' ');
		else if (len == 1 && strchr("{[", *json) != NULL)
			break_line(out, ++depth);
		else if (*json == ',')
			break_line(out, depth);
	}
	buf_putc(out, '\n');
}
