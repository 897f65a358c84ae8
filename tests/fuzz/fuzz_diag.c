/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A problem at any place of any text: what is quoted holds no control character and nothing
 * of the secret behind its mark, and the caret stands alone on its line.
 *
 * Input: line and column of the problem, then of the secret, a byte each; then the text.
 *
 * Parser: src/base/diag.c
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

#define SECRET '\x7e'

static void
check_output(const char *out, bool hidden)
{
	const char *caret = strrchr(out, '^'), *p = out;

	for (size_t left = strlen(out), n; left > 0; left -= n, p += n) {
		uint32_t character = 0;

		n = utf8_next(p, left, &character);
		assert(n > 0 && (character == '\n' || !utf8_is_control(character)));
	}
	if (caret == NULL)
		return;
	assert(strcmp(caret, "^\n") == 0);
	while (caret > out && caret[-1] == ' ')
		caret--;
	assert(caret > out && caret[-1] == '\n');
	assert(!hidden || memchr(out, SECRET, (size_t)(caret - out)) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(diags) struct diags ds = {.name = "f"};
	AUTO(buf) struct buf out = {.data = NULL};
	AUTO(free) char *text = NULL;

	if (size < 4)
		return 0;
	text = xstrndup((const char *)data + 4, size - 4);
	ds.source = text;
	diag_add(&ds, DIAG_ERROR, (struct mark){data[0], data[1]}, "k", "text");
	diag_secret(&ds, (struct mark){data[2], data[3]});
	diag_print(&ds, &out);
	/* The whole line is the secret: none of its letters may be seen. */
	check_output(buf_str(&out), data[0] == data[2] && data[3] <= 1);
	return 0;
}
