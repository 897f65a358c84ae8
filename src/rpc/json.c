/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The depth is counted on the text, before jansson builds anything: a byte of JSON costs
 * up to 80 bytes of memory, and its own bound of 2048 levels is deeper than our recursion
 * should go.
 */
#include "rpc/json.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

void
json_use_xalloc(void)
{
	json_set_alloc_funcs(xmalloc, free);
}

/* The deepest nesting of brackets outside strings; well-formedness is the parser's matter. */
static unsigned
text_depth(const char *text, size_t len)
{
	unsigned depth = 0, deepest = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '[' || c == '{'))
			deepest = ++depth > deepest ? depth : deepest;
		else if (!in_string && (c == ']' || c == '}') && depth > 0)
			depth--;
	}
	return deepest;
}

json_t *
json_parse(const char *text, size_t len, struct err *err)
{
	json_error_t why;
	json_t *value;

	if (text_depth(text, len) > JSON_DEPTH_MAX) {
		err_set(err, ERR_PARSE, "nested deeper than %d levels", JSON_DEPTH_MAX);
		return NULL;
	}
	value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (value == NULL)
		err_set(err, ERR_PARSE, "not JSON: %s (byte %d)", why.text,
			why.position);
	return value;
}

static struct node *
number_node(const json_t *value)
{
	AUTO(free) char *text = json_dumps(value, JSON_ENCODE_ANY);

	return node_scalar(NODE_NUMBER, text, (struct mark){0});
}

static struct node *
list_node(const json_t *list)
{
	struct node *n = node_list((struct mark){0});

	for (size_t i = 0; i < json_array_size(list); i++)
		node_append(n, json_to_node(json_array_get(list, i)));
	return n;
}

static struct node *
map_node(const json_t *map)
{
	struct node *n = node_map((struct mark){0});

	/* jansson's iterators take no const, and change nothing. */
	for (void *i = json_object_iter((json_t *)(uintptr_t)map); i != NULL;
		i = json_object_iter_next((json_t *)(uintptr_t)map, i))
		node_put(n,
			node_scalar(NODE_STRING, json_object_iter_key(i),
				(struct mark){0}),
			json_to_node(json_object_iter_value(i)));
	return n;
}

struct node *
json_to_node(const json_t *value)
{
	const struct mark nowhere = {0};

	switch (json_typeof(value)) {
	case JSON_OBJECT: return map_node(value);
	case JSON_ARRAY: return list_node(value);
	case JSON_STRING:
		return node_scalar(NODE_STRING, json_string_value(value), nowhere);
	case JSON_INTEGER:
	case JSON_REAL: return number_node(value);
	case JSON_TRUE: return node_scalar(NODE_BOOL, "true", nowhere);
	case JSON_FALSE: return node_scalar(NODE_BOOL, "false", nowhere);
	case JSON_NULL: break;
	}
	return node_scalar(NODE_NULL, "null", nowhere);
}

static int
add_dump(const char *data, size_t len, void *arg)
{
	buf_add(arg, data, len);
	return 0;
}

void
json_print(const json_t *value, struct buf *out)
{
	(void)json_dump_callback(value, add_dump, out, JSON_COMPACT | JSON_ENCODE_ANY);
}

json_t *
json_text(const char *text)
{
	AUTO(buf) struct buf clean = {0};
	size_t left;

	if (text == NULL)
		return json_null();
	left = strlen(text);
	if (utf8_valid(text, left))
		return json_stringn_nocheck(text, left);
	while (left > 0) {
		size_t n = utf8_next(text, left, NULL);

		if (n > 0)
			buf_add(&clean, text, n);
		else
			buf_puts(&clean, "\xef\xbf\xbd");
		n = n > 0 ? n : 1;
		text += n;
		left -= n;
	}
	return json_stringn_nocheck(buf_str(&clean), clean.len);
}

static const char *
or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

json_t *
json_aws(const char *code, const char *message, const char *request_id)
{
	if (or_null(code) == NULL)
		return json_null();
	return json_pack("{s:o,s:o,s:o}", "code", json_text(code), "message",
		json_text(or_null(message)), "request_id",
		json_text(or_null(request_id)));
}

json_t *
json_time(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms != 0 ? json_string_nocheck(clock_format(wall_ms, text))
			    : json_null();
}
