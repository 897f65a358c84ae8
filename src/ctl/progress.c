/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line that wrapped would take two of the screen and spoil the count, so none does; nor
 * does the first one leave at the top.
 */
#include "ctl/progress.h"
#include "ctl/text.h"

#include <string.h>
#include <sys/ioctl.h>

#define WIDTH_UNKNOWN 80
#define HEIGHT_UNKNOWN 24
#define PLAIN "\x1b[0m"

static struct winsize
size_of(FILE *file)
{
	struct winsize size;

	if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ||
		size.ws_row == 0)
		return (struct winsize){.ws_row = HEIGHT_UNKNOWN,
			.ws_col = WIDTH_UNKNOWN};
	return size;
}

void
progress_clear(struct progress *p)
{
	if (p->drawn == 0)
		return;
	fprintf(p->file, "\x1b[%zuA\r\x1b[J", p->drawn);
	fflush(p->file);
	p->drawn = 0;
}

/* A line that has room, colours taking none. */
static void
put_line(FILE *file, const char *line, size_t width)
{
	const char *end = text_cut(line, width);

	fprintf(file, "%.*s%s\n", (int)(end - line), line,
		strchr(line, '\x1b') != NULL ? PLAIN : "");
}

void
progress_draw(struct progress *p, const char *const *lines, size_t count)
{
	struct winsize size = size_of(p->file);
	size_t most = size.ws_row > 2 ? size.ws_row - 1u : 1;
	size_t shown = count <= most ? count : most - 1;

	progress_clear(p);
	for (size_t i = 0; i < shown; i++)
		put_line(p->file, lines[i], size.ws_col - 1u);
	if (shown < count)
		fprintf(p->file, "and %zu lines more\n", count - shown);
	fflush(p->file);
	p->drawn = count <= most ? count : most;
}
