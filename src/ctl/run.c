/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of one call, and the list that comes in pages.
 */
#include "ctl/run.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "ctl/client.h"
#include "ctl/ctl.h"

#include <string.h>

/* What came back; both NULL: nothing yet. Owned. */
struct answer {
	json_t *result, *error;
};

static void
on_answer(void *arg, const json_t *result, const json_t *error)
{
	struct answer *a = arg;

	a->result = json_incref((json_t *)(uintptr_t)result);
	a->error = json_incref((json_t *)(uintptr_t)error);
}

static void
answer_fini(struct answer *a)
{
	json_decref(a->result);
	json_decref(a->error);
}

void
run_show(const struct ctl *c, const struct verb *v, const json_t *result)
{
	AUTO(buf) struct buf text = {.data = NULL};

	if (c->options.json) {
		ctl_print_json(c, result);
	} else if (v->render != NULL) {
		v->render(c, result, &text);
		fputs(buf_str(&text), c->out);
	}
}

int64_t
run_patience(const struct ctl *c, const struct verb *v)
{
	bool waits = v->method < RPC_METHOD_COUNT &&
		field_find(rpc_specs[v->method].params, "timeout") != NULL;

	if (c->options.timeout != FIELD_NULL)
		return c->options.timeout + (waits ? RUN_GRACE_MS : 0);
	return waits ? 0 : RUN_PATIENCE_MS;
}

void
run_lost(struct ctl *c, const struct err *err)
{
	enum ctl_exit code = CTL_NO_DAEMON;

	if (err->code == ERR_TIMEOUT)
		code = CTL_TIMED_OUT;
	else if (err->code == ERR_FORBIDDEN)
		code = CTL_FORBIDDEN;
	c->code = ctl_complain(c, code, "%s", err->text);
}

/* Calls and waits; false when there is no result (and c->code says why). */
static bool
ask(struct ctl *c, const struct verb *v, const char *method, json_t *params,
	struct answer *a)
{
	const char *worker = json_string_value(json_object_get(params, "worker"));
	struct err err;

	client_call(c->client, method, params, on_answer, a);
	if (client_run(c->client, run_patience(c, v), &err) != 0) {
		run_lost(c, &err);
		return false;
	}
	if (a->error != NULL)
		c->code = ctl_show_error(c, worker, a->error);
	return a->error == NULL;
}

void
run_once(struct ctl *c, const struct verb *v)
{
	struct answer a = {NULL, NULL};

	if (ask(c, v, rpc_specs[v->method].name, c->params, &a))
		run_show(c, v, a.result);
	answer_fini(&a);
}

void
run_check(struct ctl *c, const struct verb *v)
{
	struct answer a = {NULL, NULL};

	if (ask(c, v, rpc_specs[v->method].name, c->params, &a)) {
		run_show(c, v, a.result);
		if (!json_is_true(json_object_get(a.result, "ok")))
			c->code = CTL_FAILED;
	}
	answer_fini(&a);
}

/* One page more; false at the end. */
static bool
next_page(struct ctl *c, const struct verb *v, json_t *params, json_t *workers)
{
	struct answer a = {NULL, NULL};
	const json_t *cursor;
	bool more;

	if (!ask(c, v, rpc_specs[RPC_WORKER_LIST].name, params, &a)) {
		answer_fini(&a);
		return false;
	}
	(void)json_array_extend(workers, json_object_get(a.result, "workers"));
	cursor = json_object_get(a.result, "cursor");
	more = json_is_string(cursor);
	if (more)
		(void)json_object_set(params, "cursor", (json_t *)(uintptr_t)cursor);
	answer_fini(&a);
	return more;
}

bool
run_list(struct ctl *c, const struct verb *v, json_t *params, json_t *workers)
{
	/* A limit that the user sets is for the whole list, and then one page is enough. */
	bool limited = json_object_get(params, "limit") != NULL;

	while (next_page(c, v, params, workers) && !limited)
		;
	return c->code == CTL_DONE;
}

void
run_pages(struct ctl *c, const struct verb *v)
{
	json_t *result = json_pack("{s:[]}", "workers");

	if (run_list(c, v, c->params, json_object_get(result, "workers")))
		run_show(c, v, result);
	json_decref(result);
}

/* call METHOD [JSON] */
void
run_call(struct ctl *c, const struct verb *v)
{
	const struct strings *words = c->words;
	struct answer a = {NULL, NULL};
	json_error_t why;
	json_t *params = json_object();

	if (words->count == 2) {
		json_decref(params);
		params = json_loads(words->items[1], JSON_REJECT_DUPLICATES, &why);
	}
	if (params == NULL) {
		c->code = ctl_complain(c, CTL_USAGE, "the parameters are not JSON: %s",
			why.text);
		return;
	}
	if (ask(c, v, words->items[0], params, &a))
		run_show(c, v, a.result);
	json_decref(params);
	answer_fini(&a);
}
