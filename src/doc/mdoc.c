/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escapes of mdoc. A "\&" stops what follows from being a request, a macro or punctuation.
 */
#include "doc/mdoc.h"

#include "base/buf.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define WIDTH 79
/* Names of macros have two or three letters. */
#define MACRO_MAX 3

/* What formatters would show as something else, and how it is written. */
static const struct escape {
	char c;
	bool text; /* also in running text, where a quotation mark may well be curly */
	const char *written;
} escapes[] = {
	{'\\', true, "\\e"},
	{'~', true, "\\(ti"},
	{'^', true, "\\(ha"},
	{'`', true, "\\(ga"},
	{'"', false, "\\(dq"},
	{'\'', false, "\\(aq"},
	{'-', false, "\\-"},
	{0, false, NULL},
};

static void
add_char(struct buf *out, char c, bool text)
{
	for (const struct escape *e = escapes; e->written != NULL; e++) {
		if (e->c == c && (e->text || !text)) {
			buf_puts(out, e->written);
			return;
		}
	}
	buf_putc(out, c == '\n' ? ' ' : c);
}

/* "done." does, whatever follows; "e.g." only before a capital. */
static bool
ends_sentence(const char *word, size_t len, const char *next)
{
	while (len > 1 && strchr(")'\"", word[len - 1]) != NULL)
		len--;
	if (len < 2 || strchr(".?!", word[len - 1]) == NULL ||
		strchr("'\"", word[len - 2]) != NULL)
		return false;
	return !islower((unsigned char)*next) || memchr(word, '.', len - 1) == NULL;
}

void
mdoc_text(struct buf *out, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");
		const char *next = text + len + strspn(text + len, " ");

		if (column > 0 && column + 1 + len > WIDTH) {
			buf_putc(out, '\n');
			column = 0;
		}
		if (column > 0)
			buf_putc(out, ' ');
		else if (*text == '.' || *text == '\'')
			buf_puts(out, "\\&");
		for (size_t i = 0; i < len; i++)
			add_char(out, text[i], true);
		column += len + 1;
		if (len > 0 && *next != '\0' && ends_sentence(text, len, next)) {
			buf_putc(out, '\n');
			column = 0;
		}
		text = next;
	}
	buf_putc(out, '\n');
}

void
mdoc_arg(struct buf *out, const char *text)
{
	buf_putc(out, '"');
	if (strlen(text) <= MACRO_MAX || !isalnum((unsigned char)text[0]))
		buf_puts(out, "\\&");
	for (; *text != '\0'; text++)
		add_char(out, *text, false);
	buf_putc(out, '"');
}

void
mdoc_line(struct buf *out, const char *macro, const char *argument)
{
	buf_printf(out, "%s ", macro);
	mdoc_arg(out, argument);
	buf_putc(out, '\n');
}
