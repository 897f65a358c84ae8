/* SPDX-License-Identifier: Apache-2.0 */
/* jansson's tree copied to ours; its values have no places, so neither have the nodes. */
#include "sim/json.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#define DEPTH_MAX 32

static const struct mark nowhere;

static struct node *copy(const json_t *json, unsigned depth);

static struct node *
copy_number(const json_t *json)
{
	char text[64];

	if (json_is_integer(json))
		(void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
			json_integer_value(json));
	else
		(void)snprintf(text, sizeof(text), "%.17g", json_real_value(json));
	return node_scalar(NODE_NUMBER, text, nowhere);
}

static struct node *
copy_list(const json_t *json, unsigned depth)
{
	struct node *list = node_list(nowhere);

	for (size_t n = 0; n < json_array_size(json); n++) {
		struct node *item = copy(json_array_get(json, n), depth + 1);

		if (item == NULL) {
			node_free(list);
			return NULL;
		}
		node_append(list, item);
	}
	return list;
}

static struct node *
copy_map(const json_t *json, unsigned depth)
{
	struct node *map = node_map(nowhere);
	const char *key;
	const json_t *value;

	/* json_object_foreach takes no const object. */
	for (void *it = json_object_iter((json_t *)(uintptr_t)json); it != NULL;
		it = json_object_iter_next((json_t *)(uintptr_t)json, it)) {
		struct node *item;

		key = json_object_iter_key(it);
		value = json_object_iter_value(it);
		item = copy(value, depth + 1);
		if (item == NULL) {
			node_free(map);
			return NULL;
		}
		node_put(map, node_scalar(NODE_STRING, key, nowhere), item);
	}
	return map;
}

/* NULL when it is too deep. */
static struct node *
copy(const json_t *json, unsigned depth)
{
	if (depth > DEPTH_MAX)
		return NULL;
	switch (json_typeof(json)) {
	case JSON_OBJECT: return copy_map(json, depth);
	case JSON_ARRAY: return copy_list(json, depth);
	case JSON_STRING:
		return node_scalar(NODE_STRING, json_string_value(json), nowhere);
	case JSON_INTEGER:
	case JSON_REAL: return copy_number(json);
	case JSON_TRUE: return node_scalar(NODE_BOOL, "true", nowhere);
	case JSON_FALSE: return node_scalar(NODE_BOOL, "false", nowhere);
	case JSON_NULL: return node_scalar(NODE_NULL, "null", nowhere);
	}
	return NULL;
}

void
sim_json_init(void)
{
	json_set_alloc_funcs(xmalloc, free);
}

struct node *
sim_json_parse(const char *text, size_t len, struct err *err)
{
	json_error_t problem;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);
	struct node *node;

	if (json == NULL) {
		err_set(err, ERR_PARSE, "%d:%d: %s", problem.line, problem.column,
			problem.text);
		return NULL;
	}
	node = copy(json, 0);
	json_decref(json);
	if (node == NULL)
		err_set(err, ERR_PARSE, "nested deeper than %d levels", DEPTH_MAX);
	return node;
}
