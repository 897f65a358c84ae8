/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line that wrapped would take two of the screen and spoil the count, so none does.
 */
#include "ctl/progress.h"
#include "base/utf8.h"

#include <string.h>
#include <sys/ioctl.h>

#define WIDTH_UNKNOWN 80

static size_t
width_of(FILE *file)
{
	struct winsize size;

	if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return WIDTH_UNKNOWN;
	return size.ws_col;
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

void
progress_draw(struct progress *p, const char *const *lines, size_t count)
{
	size_t width = width_of(p->file);

	progress_clear(p);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(lines[i]);

		if (len >= width)
			len = utf8_cut(lines[i], width - 1);
		fprintf(p->file, "%.*s\n", (int)len, lines[i]);
	}
	fflush(p->file);
	p->drawn = count;
}
