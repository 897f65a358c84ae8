/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parser as small as the tests of the node tree need; it keeps marks as libyaml would.
 */
#include "flow.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/node.h"

#include <assert.h>
#include <string.h>

struct flow {
	const char *p;
	struct mark mark;
	bool json;
};

static char
take(struct flow *f)
{
	char c = *f->p++;

	assert(c != '\0');
	if (c == '\n')
		f->mark = (struct mark){f->mark.line + 1, 1};
	else if (((unsigned char)c & 0xc0) != 0x80)
		f->mark.col++;
	return c;
}

static void
skip_space(struct flow *f)
{
	while (*f->p == ' ' || *f->p == '\n' || *f->p == '\t')
		take(f);
}

static bool
accept(struct flow *f, char c)
{
	skip_space(f);
	if (*f->p != c)
		return false;
	take(f);
	return true;
}

static enum node_kind
bare_kind(const struct flow *f, const char *word)
{
	if (!f->json)
		return NODE_PLAIN;
	if (strcmp(word, "null") == 0)
		return NODE_NULL;
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		return NODE_BOOL;
	assert(strchr("-0123456789", word[0]) != NULL);
	return NODE_NUMBER;
}

static struct node *
scalar(struct flow *f)
{
	AUTO(buf) struct buf text = {.data = NULL};
	enum node_kind kind = NODE_STRING;
	struct mark mark = f->mark;

	if (*f->p == '"') {
		for (take(f); *f->p != '"';) {
			if (*f->p == '\\')
				take(f);
			buf_putc(&text, take(f));
		}
		take(f);
	} else {
		while (*f->p != '\0' && strchr(",:]}\n", *f->p) == NULL)
			buf_putc(&text, take(f));
		kind = bare_kind(f, buf_str(&text));
	}
	return node_scalar(kind, buf_str(&text), mark);
}

static struct node *
value(struct flow *f)
{
	struct node *node;

	skip_space(f);
	if (*f->p == '[') {
		node = node_list(f->mark);
		take(f);
		while (!accept(f, ']')) {
			node_append(node, value(f));
			(void)accept(f, ','); /* the last has none */
		}
		return node;
	}
	if (*f->p != '{')
		return scalar(f);
	node = node_map(f->mark);
	take(f);
	while (!accept(f, '}')) {
		struct node *key = scalar(f);
		bool colon = accept(f, ':');

		assert(colon);
		(void)colon;
		node_put(node, key, value(f));
		(void)accept(f, ',');
	}
	return node;
}

static struct node *
parse(const char *text, bool json)
{
	struct flow f = {.p = text, .mark = {1, 1}, .json = json};
	struct node *node = value(&f);

	skip_space(&f);
	assert(*f.p == '\0');
	return node;
}

struct node *
flow_yaml(const char *text)
{
	return parse(text, false);
}

struct node *
flow_json(const char *text)
{
	return parse(text, true);
}
