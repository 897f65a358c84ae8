/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All names, page by page: who mistypes one has the time.
 */
#include "ctl/nearest.h"
#include "base/diag.h"
#include "base/field.h"
#include "base/mem.h"
#include "ctl/client.h"
#include "rpc/spec.h"

#include <string.h>

struct nearest {
	struct client *client; /* borrowed, outlives us */
	char *name;            /* owned */
	char *found;           /* owned; or NULL */
	nearest_fn *fn;
	void *arg;
};

bool
nearest_helps(const json_t *error)
{
	const char *kind = json_string_value(
		json_object_get(json_object_get(error, "data"), "kind"));

	return kind != NULL && strcmp(kind, rpc_errors[ERR_WORKER_UNKNOWN].kind) == 0;
}

/* The nearest of a page and of what was found before. */
static void
look_at(struct nearest *n, const json_t *workers)
{
	struct strings names = {.items = NULL};

	if (n->found != NULL)
		strings_add(&names, n->found);
	for (size_t i = 0; i < json_array_size(workers); i++) {
		const char *name = json_string_value(
			json_object_get(json_array_get(workers, i), "worker"));

		if (name != NULL)
			strings_add(&names, name);
	}
	if (names.count > 0) {
		const char *near = diag_suggest(n->name,
			(const char *const *)names.items);

		free(n->found);
		n->found = xstrdup_opt(near);
	}
	strings_fini(&names);
}

static void ask_page(struct nearest *n, const char *cursor);

static void
on_page(void *arg, const json_t *result, const json_t *error)
{
	struct nearest *n = arg;
	const char *cursor = json_string_value(json_object_get(result, "cursor"));

	(void)error; /* without the right to look there is no suggestion */
	look_at(n, json_object_get(result, "workers"));
	if (cursor != NULL)
		ask_page(n, cursor);
	else if (n->fn != NULL)
		n->fn(n->arg, n->found);
}

static void
ask_page(struct nearest *n, const char *cursor)
{
	json_t *params = json_object();

	if (cursor != NULL)
		(void)json_object_set_new(params, "cursor", json_string(cursor));
	client_call(n->client, rpc_specs[RPC_WORKER_LIST].name, params, on_page, n);
	json_decref(params);
}

struct nearest *
nearest_ask(struct client *client, const char *name, nearest_fn *fn, void *arg)
{
	struct nearest *n = NEW(struct nearest);

	n->client = client;
	n->name = xstrdup(name);
	n->fn = fn;
	n->arg = arg;
	ask_page(n, NULL);
	return n;
}

const char *
nearest_found(const struct nearest *n)
{
	return n->found;
}

void
nearest_free(struct nearest *n)
{
	if (n == NULL)
		return;
	free(n->name);
	free(n->found);
	free(n);
}
