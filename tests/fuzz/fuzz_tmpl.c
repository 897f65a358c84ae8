/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A template of any text: what is frozen with its secret left out, and thawed again, is what
 * would have been rendered at once.
 *
 * Parser: src/base/tmpl.c
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/tmpl.h"

#include <assert.h>
#include <string.h>

#define SECRET "\x01S{{ sekrit"

static const char *
lookup(void *arg, const char *name)
{
	(void)arg;
	if (str_equal(name, "password"))
		return SECRET;
	return str_equal(name, "worker") ? "bot\x01" : NULL;
}

static void
check(const struct tmpl *t)
{
	AUTO(buf) struct buf rendered = {0};
	AUTO(buf) struct buf frozen = {0};
	AUTO(buf) struct buf thawed = {0};
	struct err err = {0};

	if (tmpl_render(t, lookup, NULL, &rendered, &err) < 0) {
		assert(tmpl_check(t, lookup, NULL, NULL) < 0);
		return;
	}
	assert(tmpl_check(t, lookup, NULL, &err) == 0);
	assert(tmpl_freeze(t, lookup, NULL, "password", &frozen, &err) == 0);
	assert(tmpl_thaw(buf_str(&frozen), SECRET, &thawed) == 0);
	assert(strcmp(buf_str(&rendered), buf_str(&thawed)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup((const char *)data, size);
	AUTO(buf) struct buf out = {0};
	struct err err = {0};
	struct tmpl *t = tmpl_parse(text, &err);

	(void)tmpl_thaw(text, SECRET, &out); /* a ledger may hold anything */
	if (t == NULL)
		assert(err.text[0] != '\0');
	else
		check(t);
	tmpl_free(t);
	return 0;
}
