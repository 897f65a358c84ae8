/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may stand where the cursor is, from the rows of verbs, options and methods, and for
 * workers from the daemon itself. The shells' scripts only ask: `complete -- WORD...` gets
 * the words up to the cursor, the last one unfinished, and prints a candidate a line, what
 * it is behind a tab. ":files" stands for the names of files.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "base/opts.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/run.h"
#include "ctl/script.h"

#include <string.h>

/* Who waits for a prompt does not wait long. */
#define NAMES_MS 1000

struct completion {
	struct ctl *ctl;             /* borrowed */
	const struct verb *verb;     /* NULL: is still to come, or there is none */
	struct strings words;        /* behind the verb */
	const struct field *waiting; /* for its value */
	bool only_words;             /* behind "--" */
	const char *before,
		*unfinished; /* the last word: what stays, what is completed */
};

static void
candidate(const struct completion *x, const char *text, const char *doc)
{
	if (strncmp(text, x->unfinished, strlen(x->unfinished)) != 0)
		return;
	(void)fprintf(x->ctl->out, "%s%s", x->before, text);
	if (doc != NULL)
		(void)fprintf(x->ctl->out, "\t%s", doc);
	(void)fputc('\n', x->ctl->out);
}

/* Workers */

/* No shell must find anything to do in a name, whoever answers at the socket. */
static bool
is_harmless(const char *name)
{
	static const char good[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789._-";

	return name != NULL && name[0] != '-' && name[strspn(name, good)] == '\0';
}

static void
on_names(void *arg, const json_t *result, const json_t *error)
{
	const struct completion *x = arg;
	const json_t *workers = json_object_get(result, "workers");

	(void)error; /* then there are no candidates */
	for (size_t i = 0; i < json_array_size(workers); i++) {
		const json_t *worker = json_array_get(workers, i);
		const char *name = json_string_value(json_object_get(worker, "worker"));
		const char *state = json_string_value(json_object_get(worker, "state"));

		if (is_harmless(name) && !strings_contain(&x->words, name))
			candidate(x, name, is_harmless(state) ? state : NULL);
	}
}

static void
complete_worker(struct completion *x)
{
	struct ctl *c = x->ctl;
	AUTO(buf) struct buf pattern = {.data = NULL};
	json_t *params;
	struct err err;

	if (ctl_connect(c, &err) != 0)
		return;
	buf_printf(&pattern, "%s*", x->unfinished);
	params = json_pack("{s:s}", "pattern", buf_str(&pattern));
	if (params != NULL) {
		client_call(c->client, rpc_specs[RPC_WORKER_LIST].name, params,
			on_names, x);
		(void)client_run(c->client, NAMES_MS, &err);
	}
	json_decref(params);
	client_free(c->client);
	c->client = NULL;
}

/* Values by the name of their row. */

static void
complete_method(struct completion *x)
{
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++)
		candidate(x, rpc_specs[i].name, rpc_specs[i].doc);
}

static void
complete_shell(struct completion *x)
{
	for (const struct script *s = scripts; s->shell != NULL; s++)
		candidate(x, s->shell, NULL);
}

static void
complete_file(struct completion *x)
{
	(void)fputs(":files\n", x->ctl->out);
}

static const struct {
	const char *row;
	void (*complete)(struct completion *x);
} kinds[] = {
	{"worker", complete_worker},
	{"workers", complete_worker},
	{"pattern", complete_worker},
	{"method", complete_method},
	{"shell", complete_shell},
	{"socket", complete_file},
};

static void
complete_kind(struct completion *x, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i].row, name) == 0)
			kinds[i].complete(x);
}

static void
complete_choice(struct completion *x, const struct field *row)
{
	const char *const *choice = row->choices;

	for (; choice != NULL && *choice != NULL; choice++)
		candidate(x, *choice, NULL);
	complete_kind(x, row->name);
}

/* Of a list the last element. */
static void
complete_value(struct completion *x, const struct field *row)
{
	const char *comma = strrchr(x->unfinished, ',');
	AUTO(free) char *before = NULL;

	if (row->type != FIELD_STRINGS || comma == NULL) {
		complete_choice(x, row);
		return;
	}
	before = xasprintf("%s%.*s,", x->before, (int)(comma - x->unfinished),
		x->unfinished);
	x->before = before;
	x->unfinished = comma + 1;
	complete_choice(x, row);
}

/* The line */

/* The sets of options that hold where the cursor is; ret ends with NULL. */
struct sets {
	struct opts method, own;
	const struct opts *all[4];
};

static void
find_sets(const struct verb *v, struct sets *ret)
{
	size_t n = 0;

	ret->all[n++] = &ctl_opts;
	if (v != NULL && v->method < RPC_METHOD_COUNT) {
		ret->method = (struct opts){.table = rpc_specs[v->method].params,
			.words = v->words};
		ret->all[n++] = &ret->method;
	}
	if (v != NULL && v->options != NULL) {
		ret->own = (struct opts){.table = v->options};
		ret->all[n++] = &ret->own;
	}
	ret->all[n] = NULL;
}

static void
complete_option(struct completion *x)
{
	struct sets sets;

	find_sets(x->verb, &sets);
	for (const struct opts *const *set = sets.all; *set != NULL; set++)
		for (const struct field *row = (*set)->table->rows; row->name != NULL;
			row++) {
			AUTO(free) char *name = opts_name(row);
			AUTO(free) char *option = xasprintf("--%s", name);

			if (opts_has(*set, row))
				candidate(x, option, row->doc);
		}
}

static void
complete_verb(struct completion *x)
{
	for (const struct verb *v = ctl_verbs; v->name != NULL; v++)
		if (!v->hidden)
			candidate(x, v->name, verb_doc(v));
}

/* A word behind the verb. */
static void
complete_word(struct completion *x)
{
	const struct verb *v = x->verb;
	size_t i = v->many ? 0 : x->words.count;
	const struct field *row;

	if (i >= COUNT_OF(v->words) || v->words[i] == NULL)
		return;
	row = v->method < RPC_METHOD_COUNT
		? field_find(rpc_specs[v->method].params, v->words[i])
		: NULL;
	if (row != NULL)
		complete_value(x, row);
	else
		complete_kind(x, v->words[i]);
}

/* "--wait=run": the value is completed, and what stands before it stays. */
static bool
is_assignment(struct completion *x, char **ret_before)
{
	const char *equals = strchr(x->unfinished, '=');
	struct sets sets;
	const char *value;

	if (strncmp(x->unfinished, "--", 2) != 0 || equals == NULL)
		return false;
	find_sets(x->verb, &sets);
	x->waiting = opts_find(sets.all, x->unfinished, &value);
	*ret_before = xstrndup(x->unfinished, (size_t)(equals + 1 - x->unfinished));
	x->before = *ret_before;
	x->unfinished = equals + 1;
	return true;
}

static void
complete(struct completion *x)
{
	AUTO(free) char *before = NULL;

	if (x->waiting == NULL && !x->only_words && is_assignment(x, &before)) {
		if (x->waiting != NULL)
			complete_value(x, x->waiting);
	} else if (x->waiting != NULL) {
		complete_value(x, x->waiting);
	} else if (!x->only_words && x->unfinished[0] == '-') {
		complete_option(x);
	} else if (x->verb != NULL) {
		complete_word(x);
	} else if (x->words.count == 0) {
		complete_verb(x);
	}
}

static void
take_value(struct completion *x, const struct field *row, const char *value)
{
	if (strcmp(row->name, "socket") != 0)
		return;
	free(x->ctl->options.socket);
	x->ctl->options.socket = xstrdup(value);
}

static void
take_option(struct completion *x, const char *arg)
{
	struct sets sets;
	const char *value = NULL;
	const struct field *row;

	find_sets(x->verb, &sets);
	row = opts_find(sets.all, arg, &value);
	if (row == NULL || !opts_takes_value(row))
		return;
	if (value != NULL)
		take_value(x, row, value);
	else
		x->waiting = row;
}

/* bash makes a word of the sign in --wait=running. */
static bool
is_equals(const char *word)
{
	return strcmp(word, "=") == 0;
}

/* A finished word of the line. */
static void
take(struct completion *x, const char *word)
{
	if (x->waiting != NULL) {
		if (is_equals(word))
			return;
		take_value(x, x->waiting, word);
		x->waiting = NULL;
	} else if (!x->only_words && strcmp(word, "--") == 0) {
		x->only_words = true;
	} else if (!x->only_words && word[0] == '-') {
		take_option(x, word);
	} else if (x->verb == NULL && x->words.count == 0) {
		x->verb = verb_find(word);
		if (x->verb == NULL)
			strings_add(&x->words, word);
	} else {
		strings_add(&x->words, word);
	}
}

void
run_complete(struct ctl *c, const struct verb *v)
{
	struct completion x = {.ctl = c, .before = "", .unfinished = ""};
	const struct strings *line = c->words;

	(void)v;
	for (size_t i = 0; i + 1 < line->count; i++)
		take(&x, line->items[i]);
	if (line->count > 0)
		x.unfinished = line->items[line->count - 1];
	if (x.waiting != NULL && is_equals(x.unfinished))
		x.unfinished = "";
	complete(&x);
	strings_fini(&x.words);
}
