/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of any XML come in pairs, by paths that fit, and all of them if it is well-formed.
 *
 * Parser: src/sys/xml.c
 */
#include "fuzz.h"

#include "base/err.h"
#include "base/utf8.h"
#include "sys/xml.h"

#include <assert.h>
#include <string.h>

static void
on_start(void *arg, const char *path)
{
	unsigned *depth = arg;

	++*depth;
	assert(*depth <= XML_DEPTH_MAX);
	assert(strlen(path) < XML_PATH_MAX && utf8_valid(path, strlen(path)));
}

static void
on_end(void *arg, const char *path, const char *text)
{
	unsigned *depth = arg;

	assert(*depth > 0);
	--*depth;
	assert(path[0] != '\0' && text != NULL);
	assert(utf8_valid(text, strlen(text)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct xml_events events = {on_start, on_end};
	struct err err = {0};
	unsigned depth = 0;

	if (xml_parse((const char *)data, size, &events, &depth, &err) == 0)
		assert(depth == 0);
	else
		assert(err.code == ERR_PARSE && err.text[0] != '\0');
	return 0;
}
