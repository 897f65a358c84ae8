/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of JSON: what was understood is printed on one line and understood again, as the
 * same value.
 *
 * Parser: src/rpc/json.c src/base/node.c
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "rpc/json.h"

#include <assert.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(json) json_t *value = NULL;
	AUTO(json) json_t *again = NULL;
	AUTO(node) struct node *node = NULL;
	AUTO(buf) struct buf out = {0};
	struct err err = {0};

	value = json_parse((const char *)data, size, &err);
	if (value == NULL) {
		assert(err.code == ERR_PARSE && err.text[0] != '\0');
		return 0;
	}
	node = json_to_node(value);
	assert(node != NULL);
	json_print(value, &out);
	assert(memchr(out.data, '\n', out.len) == NULL);
	again = json_parse(out.data, out.len, &err);
	assert(again != NULL && json_equal(value, again));
	return 0;
}
