/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any JSON as the result or the error of any verb: whoever answers at the socket, what the
 * client shows is UTF-8 without anything that a terminal would act upon, our own colours
 * apart, and with --json one line of ASCII.
 *
 * Parser: src/ctl/render.c src/ctl/text.c src/ctl/table.c
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "ctl/ctl.h"
#include "ctl/render.h"
#include "ctl/text.h"
#include "ctl/verb.h"

#include <assert.h>
#include <string.h>

static bool
is_colour(const char *text)
{
	static const char *const known[] = {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m",
		"\x1b[32m", "\x1b[33m"};

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (strncmp(text, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

/* What people are shown. */
static void
check_text(const char *text, size_t len, bool colour)
{
	size_t left = len;

	assert(strlen(text) == len);
	while (left > 0) {
		uint32_t character = 0;
		size_t n = utf8_next(text, left, &character);

		assert(n > 0);
		assert(!utf8_is_control(character) || character == '\n' ||
			character == '\t' || (colour && is_colour(text)));
		text += n;
		left -= n;
	}
}

/* A cut line is not wider than asked, and what is left is the rest of it. */
static void
check_cut(const char *text)
{
	const char *end = text_cut(text, 10);
	AUTO(free) char *part = xstrndup(text, (size_t)(end - text));

	assert(end >= text && end <= text + strlen(text));
	assert(strchr(part, '\x1b') != NULL || text_width(part) <= 10);
}

static void
check_render(const struct verb *v, verb_render *render, const json_t *value,
	bool colour)
{
	json_t *params = json_pack("{s:s}", "wait", "attached");
	const struct ctl c = {.out = stdout,
		.err = stderr,
		.colour = colour,
		.verb = v,
		.params = params};
	AUTO(buf) struct buf out = {.data = NULL};

	render(&c, value, &out);
	check_text(buf_str(&out), out.len, colour);
	check_cut(buf_str(&out));
	json_decref(params);
}

/* The same on a stream: an error, or a result with --json. */
static void
check_stream(const json_t *value, bool json)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	const struct ctl c = {.out = file, .err = file, .options = {.json = json}};

	(void)ctl_show_error(&c, "bot1", value, json ? NULL : "bot2");
	if (json)
		ctl_print_json(&c, value);
	fclose(file);
	if (!json) {
		check_text(text, len, false);
	} else {
		assert(strchr(text, '\n') != NULL && text[len - 1] == '\n');
		for (size_t i = 0; i < len; i++)
			assert(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *value = json_loadb((const char *)data, size,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

	if (value == NULL)
		return 0;
	for (const struct verb *v = ctl_verbs; v->name != NULL; v++)
		if (v->render != NULL) {
			check_render(v, v->render, value, false);
			check_render(v, v->render, value, true);
		}
	check_render(verb_find("events"), render_event, value, true);
	check_stream(value, false);
	check_stream(value, true);
	json_decref(value);
	return 0;
}
