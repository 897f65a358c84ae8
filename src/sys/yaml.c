/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's events to a tree. What a configuration has no use for, and what libyaml lets
 * pass, is refused here: aliases and anchors, tags, merge keys, equal keys, collections as
 * keys, depth. Reading ends at the first thing that leaves no sense in what follows.
 */
#include "sys/yaml.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/node.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; owned */
	const char *text;   /* borrowed */
	size_t len;
	unsigned depth; /* collections that are open */
	unsigned errors;
	struct diags *ds;
};

static int read_node(struct reader *r, struct node **ret_node);

static struct mark
mark_of(const yaml_mark_t *mark)
{
	return (struct mark){(unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

static struct mark
event_mark(const struct reader *r)
{
	return mark_of(&r->event.start_mark);
}

/* The place of a byte; columns count characters, as libyaml's do. */
static struct mark
offset_mark(const struct reader *r, size_t offset)
{
	struct mark m = {1, 1};

	for (size_t i = 0; i < offset && i < r->len; i++) {
		if (r->text[i] == '\n')
			m = (struct mark){m.line + 1, 1};
		else if (((unsigned char)r->text[i] & 0xc0) != 0x80)
			m.col++;
	}
	return m;
}

/* Whether a tab stands before the first word of a line. */
static bool
is_indented_by_tab(const struct reader *r, unsigned line)
{
	const char *p = r->text, *end = r->text + r->len;

	while (p != NULL && --line > 0) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p != NULL ? p + 1 : NULL;
	}
	while (p != NULL && p < end && *p == ' ')
		p++;
	return p != NULL && p < end && *p == '\t';
}

/* Reports it. -1 if so many were reported that there is no point in reading on. */
__attribute__((format(printf, 4, 5))) static int
problem(struct reader *r, struct mark mark, const char *key, const char *fmt, ...)
{
	AUTO(buf) struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	diag_add(r->ds, DIAG_ERROR, mark, key, "%s", buf_str(&text));
	if (++r->errors < YAML_ERRORS_MAX)
		return 0;
	diag_add(r->ds, DIAG_ERROR, mark, NULL,
		"too many errors; the rest was not read");
	return -1;
}

static void
syntax_problem(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	struct mark mark = mark_of(&p->problem_mark);
	const char *tab = "";

	if (p->error == YAML_MEMORY_ERROR)
		mem_exhausted(); /* libyaml has no hook for our allocators */
	if (p->error == YAML_READER_ERROR) {
		diag_add(r->ds, DIAG_ERROR, offset_mark(r, p->problem_offset), NULL,
			"%s", p->problem);
		return;
	}
	if (is_indented_by_tab(r, mark.line))
		tab = "; indent with spaces, not with tabs";
	if (p->context != NULL && p->context_mark.line + 1 != mark.line)
		diag_add(r->ds, DIAG_ERROR, mark, NULL, "%s %s of line %u%s",
			p->problem, p->context, (unsigned)p->context_mark.line + 1,
			tab);
	else
		diag_add(r->ds, DIAG_ERROR, mark, NULL, "%s%s%s%s", p->problem,
			p->context != NULL ? " " : "",
			p->context != NULL ? p->context : "", tab);
}

/* On to the next event. -1 if there is none. */
static int
advance(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return 0;
	syntax_problem(r);
	return -1;
}

static int
check_properties(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL &&
		problem(r, event_mark(r), NULL,
			"anchors are not supported; write the value where it is "
			"needed") < 0)
		return -1;
	if (tag != NULL &&
		problem(r, event_mark(r), NULL,
			"tags are not supported; each key knows its type") < 0)
		return -1;
	return 0;
}

static int
read_scalar(struct reader *r, struct node **ret_node)
{
	const char *value = (const char *)r->event.data.scalar.value;
	bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (check_properties(r, r->event.data.scalar.anchor, r->event.data.scalar.tag) <
		0)
		return -1;
	if (strlen(value) != r->event.data.scalar.length &&
		problem(r, event_mark(r), NULL, "text cannot hold a NUL") < 0)
		return -1;
	*ret_node = node_scalar(plain ? NODE_PLAIN : NODE_STRING, value, event_mark(r));
	return 0;
}

/* A list or a map begins. */
static int
enter(struct reader *r)
{
	if (++r->depth <= YAML_DEPTH_MAX)
		return 0;
	diag_add(r->ds, DIAG_ERROR, event_mark(r), NULL, "more than %u levels",
		YAML_DEPTH_MAX);
	return -1;
}

static int
read_list(struct reader *r, struct node **ret_node)
{
	AUTO(node) struct node *list = node_list(event_mark(r));

	if (enter(r) < 0 ||
		check_properties(r, r->event.data.sequence_start.anchor,
			r->event.data.sequence_start.tag) < 0)
		return -1;
	for (;;) {
		struct node *item = NULL;

		if (advance(r) < 0)
			return -1;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		if (read_node(r, &item) < 0)
			return -1;
		if (item != NULL)
			node_append(list, item);
	}
	r->depth--;
	*ret_node = TAKE(list);
	return 0;
}

/* 1 if the key can be one, 0 if its pair is to be left out. */
static int
check_key(struct reader *r, const struct node *key)
{
	if (key == NULL) /* an alias, and reported */
		return 0;
	if (key->kind == NODE_LIST || key->kind == NODE_MAP)
		return problem(r, key->mark, NULL,
			"a key must be a word or a string, not %s",
			node_kind_name(key));
	if (key->kind == NODE_PLAIN && strcmp(key->text, "<<") == 0)
		return problem(r, key->mark, NULL,
			"merge keys are not supported; write the keys where they are needed");
	return 1;
}

static int
read_pair(struct reader *r, struct node *map)
{
	AUTO(node) struct node *key = NULL;
	AUTO(node) struct node *value = NULL;
	int good;

	if (read_node(r, &key) < 0 || (good = check_key(r, key)) < 0)
		return -1;
	if (advance(r) < 0 || read_node(r, &value) < 0)
		return -1;
	if (good && value != NULL)
		node_put(map, TAKE(key), TAKE(value));
	return 0;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a;
	const struct node *y = *(const struct node *const *)b;
	int order = strcmp(x->text, y->text);

	if (order == 0)
		order = x->mark.line < y->mark.line ? -1 : x->mark.line > y->mark.line;
	if (order == 0)
		order = x->mark.col < y->mark.col ? -1 : x->mark.col > y->mark.col;
	return order;
}

/* Sorting finds equal keys in n log n, whatever the keys are. */
static int
check_duplicates(struct reader *r, const struct node *map)
{
	AUTO(free) struct node **keys = xreallocarray(NULL, map->count, sizeof(*keys));
	const struct node *first = NULL;

	if (map->count > 0)
		memcpy(keys, map->keys, map->count * sizeof(*keys));
	qsort(keys, map->count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < map->count; i++) {
		if (first == NULL || strcmp(first->text, keys[i]->text) != 0)
			first = keys[i];
		else if (problem(r, keys[i]->mark, keys[i]->text,
				 "this key is there already, in line %u",
				 first->mark.line) < 0)
			return -1;
	}
	return 0;
}

static int
read_map(struct reader *r, struct node **ret_node)
{
	AUTO(node) struct node *map = node_map(event_mark(r));

	if (enter(r) < 0 ||
		check_properties(r, r->event.data.mapping_start.anchor,
			r->event.data.mapping_start.tag) < 0)
		return -1;
	for (;;) {
		if (advance(r) < 0)
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			break;
		if (read_pair(r, map) < 0)
			return -1;
	}
	if (check_duplicates(r, map) < 0)
		return -1;
	r->depth--;
	*ret_node = TAKE(map);
	return 0;
}

/*
 * Reads what the current event begins; afterwards its last event is the current one.
 * An alias leaves NULL. Recursion ends at YAML_DEPTH_MAX.
 */
static int
read_node(struct reader *r, struct node **ret_node)
{
	if (r->event.type == YAML_SCALAR_EVENT)
		return read_scalar(r, ret_node);
	if (r->event.type == YAML_SEQUENCE_START_EVENT)
		return read_list(r, ret_node);
	if (r->event.type == YAML_MAPPING_START_EVENT)
		return read_map(r, ret_node);
	/* libyaml's grammar leaves nothing else here. */
	assert(r->event.type == YAML_ALIAS_EVENT);
	return problem(r, event_mark(r), NULL,
		"aliases are not supported; write the value where it is needed");
}

static bool
is_nothing(const struct node *node)
{
	return node == NULL || (node->kind == NODE_PLAIN && node->text[0] == '\0');
}

/* The current event begins a document. */
static int
read_document(struct reader *r, struct node **ret_node)
{
	const void *tags = r->event.data.document_start.tag_directives.start;
	struct mark mark = event_mark(r);

	if (tags != r->event.data.document_start.tag_directives.end &&
		problem(r, mark, NULL,
			"tags are not supported; each key knows its type") < 0)
		return -1;
	if (advance(r) < 0 || read_node(r, ret_node) < 0)
		return -1;
	if (is_nothing(*ret_node)) {
		node_free(*ret_node);
		*ret_node = node_map(mark);
	}
	return advance(r); /* to the document's end */
}

static int
read_stream(struct reader *r, struct node **ret_node)
{
	if (advance(r) < 0) /* the stream's start */
		return -1;
	if (advance(r) < 0)
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT) {
		*ret_node = node_map((struct mark){1, 1});
		return 0;
	}
	if (read_document(r, ret_node) < 0 || advance(r) < 0)
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return 0;
	(void)problem(r, event_mark(r), NULL,
		"a second document begins here; only one is read");
	return -1;
}

/* A line break that YAML knows and editors do not. */
static bool
is_odd_break(const char *s, size_t len)
{
	if (s[0] == '\r')
		return len < 2 || s[1] != '\n';
	if (len > 1 && memcmp(s, "\xc2\x85", 2) == 0) /* NEL */
		return true;
	return len > 2 && memcmp(s, "\xe2\x80", 2) == 0 && /* LS, PS */
		(s[2] == '\xa8' || s[2] == '\xa9');
}

/* Lines are counted alike by libyaml, by whoever quotes them, and by the reader's editor. */
static int
check_breaks(const struct reader *r)
{
	for (size_t i = 0; i < r->len; i++) {
		if (!is_odd_break(r->text + i, r->len - i))
			continue;
		diag_add(r->ds, DIAG_ERROR, offset_mark(r, i), NULL,
			"lines end with LF or CR LF, not with another kind of line break");
		return -1;
	}
	return 0;
}

struct node *
yaml_parse(const char *text, size_t len, struct diags *ds)
{
	static const char bom[] = {'\xef', '\xbb', '\xbf'};
	struct reader r = {.text = len > 0 ? text : "", .len = len, .ds = ds};
	AUTO(node) struct node *node = NULL;
	int rc;

	if (len > YAML_SIZE_MAX) {
		diag_add(ds, DIAG_ERROR, (struct mark){0, 0}, NULL,
			"%zu bytes; more than %u are not read", len, YAML_SIZE_MAX);
		return NULL;
	}
	if (len >= sizeof(bom) && memcmp(text, bom, sizeof(bom)) == 0) {
		r.text += sizeof(bom);
		r.len -= sizeof(bom);
	}
	if (check_breaks(&r) < 0)
		return NULL;
	if (!yaml_parser_initialize(&r.parser))
		mem_exhausted();
	/* Without this, other byte order marks would make it something else than UTF-8. */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, r.len);
	rc = read_stream(&r, &node);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	return rc < 0 ? NULL : TAKE(node);
}
