/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells are made once, as text, and then measured; a daemon's page is 1000 rows at most.
 */
#include "ctl/table.h"
#include "base/buf.h"
#include "base/mem.h"

#include <string.h>

#define GAP 2

const json_t *
table_member(const json_t *object, const char *path)
{
	while (object != NULL && *path != '\0') {
		size_t len = strcspn(path, ".");
		AUTO(free) char *name = xstrndup(path, len);

		object = json_object_get(object, name);
		path += len + (path[len] == '.');
	}
	return object;
}

static size_t
count_columns(const struct column *columns)
{
	size_t n = 0;

	while (columns[n].title != NULL)
		n++;
	return n;
}

static char *
make_cell(const struct column *column, const json_t *row)
{
	const json_t *value = table_member(row, column->path);
	struct buf cell = {.data = NULL};

	if (column->age)
		text_add_age(&cell, value);
	else
		text_add_value(&cell, value);
	return buf_take(&cell);
}

static void
add_cell(struct buf *out, const struct column *column, const char *cell, size_t width,
	bool colour)
{
	bool tinted = colour && column->colour != NULL;

	text_add_coloured(out, tinted, tinted ? column->colour(cell) : TEXT_PLAIN,
		cell);
	if (column[1].title != NULL)
		buf_printf(out, "%*s", (int)(width - text_width(cell) + GAP), "");
}

static void
add_titles(struct buf *out, const struct column *columns, const size_t *widths,
	bool colour)
{
	AUTO(buf) struct buf line = {.data = NULL};

	for (; columns->title != NULL; columns++, widths++)
		add_cell(&line, columns, columns->title, *widths, false);
	text_add_coloured(out, colour, TEXT_BOLD, buf_str(&line));
	buf_putc(out, '\n');
}

void
table_add(struct buf *out, const struct column *columns, const json_t *rows,
	bool colour)
{
	size_t across = count_columns(columns), down = json_array_size(rows);
	char **cells = xcalloc(across * down + 1, sizeof(*cells));
	size_t *widths = xcalloc(across, sizeof(*widths));

	for (size_t x = 0; x < across; x++)
		widths[x] = strlen(columns[x].title);
	for (size_t i = 0; i < across * down; i++) {
		size_t x = i % across;

		cells[i] = make_cell(&columns[x], json_array_get(rows, i / across));
		if (text_width(cells[i]) > widths[x])
			widths[x] = text_width(cells[i]);
	}
	add_titles(out, columns, widths, colour);
	for (size_t i = 0; i < across * down; i++) {
		add_cell(out, &columns[i % across], cells[i], widths[i % across],
			colour);
		if (i % across == across - 1)
			buf_putc(out, '\n');
		free(cells[i]);
	}
	free(cells);
	free(widths);
}
