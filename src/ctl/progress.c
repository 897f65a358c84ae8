/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line that wrapped would take two of the screen and spoil the count, so none does; nor
 * does the first one leave at the top.
 */
#include "ctl/progress.h"
#include "base/buf.h"
#include "base/mem.h"
#include "ctl/text.h"

#include <string.h>
#include <sys/ioctl.h>

#define WIDTH_UNKNOWN 80
#define HEIGHT_UNKNOWN 24
#define PLAIN "\x1b[0m"
#define CLEAR_REST "\x1b[K"
#define CLEAR_BELOW "\x1b[J"

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

/* To the first of the lines that stand there. */
static void
go_up(const struct progress *p, struct buf *out)
{
	if (p->drawn > 0)
		buf_printf(out, "\x1b[%zuA\r", p->drawn);
}

/* In one piece, so that nobody sees half of it. */
static void
put(const struct progress *p, const struct buf *out)
{
	(void)fputs(buf_str(out), p->file);
	(void)fflush(p->file);
}

void
progress_clear(struct progress *p)
{
	AUTO(buf) struct buf out = {.data = NULL};

	if (p->drawn == 0)
		return;
	go_up(p, &out);
	buf_puts(&out, CLEAR_BELOW);
	put(p, &out);
	p->drawn = 0;
}

/* A line that has room, colours taking none. */
static void
add_line(struct buf *out, const char *line, size_t width)
{
	buf_add(out, line, (size_t)(text_cut(line, width) - line));
	if (strchr(line, '\x1b') != NULL)
		buf_puts(out, PLAIN);
	buf_puts(out, CLEAR_REST "\n");
}

void
progress_draw(struct progress *p, const char *const *lines, size_t count)
{
	struct winsize size = size_of(p->file);
	size_t most = size.ws_row > 2 ? size.ws_row - 1u : 1;
	size_t shown = count <= most ? count : most - 1;
	AUTO(buf) struct buf out = {.data = NULL};

	go_up(p, &out);
	for (size_t i = 0; i < shown; i++)
		add_line(&out, lines[i], size.ws_col - 1u);
	if (shown < count)
		buf_printf(&out, "and %zu lines more" CLEAR_REST "\n", count - shown);
	buf_puts(&out, CLEAR_BELOW);
	put(p, &out);
	p->drawn = count <= most ? count : most;
}
