/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML of any kind becomes nodes or problems with a place inside the text, never nothing.
 *
 * Parser: src/sys/yaml.c
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/utf8.h"
#include "sys/yaml.h"

#include <assert.h>
#include <string.h>

static void
check_problems(struct diags *ds, size_t size)
{
	AUTO(buf) struct buf out = {0};

	diag_print(ds, &out);
	assert(out.len > 0 || ds->count == 0);
	for (size_t i = 0; i < ds->count; i++)
		assert(ds->items[i].mark.line <= size + 1);
}

/* Levels are few, places are places, text is UTF-8, keys are scalars. */
static void
check_tree(const struct node *n, unsigned level)
{
	bool scalar = n->kind == NODE_PLAIN || n->kind == NODE_STRING;

	assert(n->mark.line > 0 && n->mark.col > 0);
	assert(scalar ? utf8_valid(n->text, strlen(n->text)) : level < YAML_DEPTH_MAX);
	for (size_t i = 0; i < n->count; i++) {
		assert(n->kind == NODE_LIST || n->keys[i]->text != NULL);
		check_tree(n->items[i], level + 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup((const char *)data, size);
	AUTO(diags) struct diags ds = {.name = "input", .source = text};
	AUTO(node) struct node *node = yaml_parse((const char *)data, size, &ds);
	AUTO(node) struct node *copy = NULL;

	assert(node != NULL || ds.errors > 0);
	if (node != NULL) {
		check_tree(node, 0);
		copy = node_copy(node);
	}
	check_problems(&ds, size);
	return 0;
}
