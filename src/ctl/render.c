/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member that the daemon leaves out or gives another type shows as "-": the renderers
 * ask for nothing and believe nothing.
 */
#include "ctl/render.h"
#include "base/buf.h"
#include "base/field.h"
#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/table.h"
#include "ctl/text.h"

#include <string.h>

static enum text_colour
colour_of_state(const char *state)
{
	static const struct {
		const char *state;
		enum text_colour colour;
	} colours[] = {
		{"substantiated", TEXT_GREEN},
		{"substantiating", TEXT_YELLOW},
		{"insubstantiating", TEXT_YELLOW},
		{"not_substantiated", TEXT_DIM},
	};

	for (size_t i = 0; i < COUNT_OF(colours); i++)
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	return TEXT_PLAIN;
}

static enum text_colour
colour_of_error(const char *error)
{
	return strcmp(error, "-") != 0 ? TEXT_RED : TEXT_PLAIN;
}

static const struct column worker_columns[] = {
	{.title = "WORKER", .path = "worker"},
	{.title = "STATE", .path = "state", .colour = colour_of_state},
	{.title = "PHASE", .path = "phase"},
	{.title = "SINCE", .path = "since", .age = true},
	{.title = "GEN", .path = "generation"},
	{.title = "ATTACHED", .path = "attached"},
	{.title = "BUILDS", .path = "building"},
	{.title = "INSTANCE", .path = "instance.id"},
	{.title = "TYPE", .path = "instance.type"},
	{.title = "ZONE", .path = "instance.zone"},
	{.title = "ERROR", .path = "last_error.message", .colour = colour_of_error},
	{.title = NULL},
};

static const struct column event_columns[] = {
	{.title = "SEQ", .path = "seq"},
	{.title = "AT", .path = "at"},
	{.title = "GEN", .path = "generation"},
	{.title = "TYPE", .path = "type"},
	{.title = "FROM", .path = "from"},
	{.title = "TO", .path = "to"},
	{.title = "INSTANCE", .path = "instance"},
	{.title = "BY", .path = "by"},
	{.title = "REASON", .path = "reason"},
	{.title = NULL},
};

void
render_workers(const struct ctl *c, const json_t *result, struct buf *out)
{
	table_add(out, worker_columns, json_object_get(result, "workers"), c->colour);
}

void
render_history(const struct ctl *c, const json_t *result, struct buf *out)
{
	table_add(out, event_columns, json_object_get(result, "records"), c->colour);
}

/* The time stands at the end, where the eye is; in a pipe only the output. */
void
render_console(const struct ctl *c, const json_t *result, struct buf *out)
{
	const char *output = json_string_value(json_object_get(result, "output"));

	text_add_lines(out, output != NULL ? output : "");
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_putc(out, '\n');
	if (!ctl_is_terminal(c->out))
		return;
	buf_puts(out, "taken: ");
	text_add_value(out, json_object_get(result, "at"));
	buf_putc(out, '\n');
}

void
render_log_level(const struct ctl *c, const json_t *result, struct buf *out)
{
	(void)c;
	text_add_value(out, json_object_get(result, "level"));
	buf_putc(out, '\n');
}

static void
add_padded(struct buf *out, const json_t *value, int width)
{
	AUTO(buf) struct buf text = {.data = NULL};

	text_add_value(&text, value);
	buf_printf(out, "%-*s ", width, buf_str(&text));
}

static enum text_colour
colour_of_event(const char *type)
{
	static const char *const bad[] = {"missing", "failed", "lost", "interrupting"};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (strcmp(bad[i], type) == 0)
			return TEXT_RED;
	return TEXT_PLAIN;
}

static void
add_type(const struct ctl *c, struct buf *out, const json_t *type)
{
	AUTO(buf) struct buf text = {.data = NULL};

	add_padded(&text, type, 12);
	text_add_coloured(out, c->colour,
		json_is_string(type) ? colour_of_event(json_string_value(type))
				     : TEXT_PLAIN,
		buf_str(&text));
}

static void
add_step(struct buf *out, const json_t *from, const json_t *to)
{
	if (from != NULL) {
		text_add_value(out, from);
		buf_putc(out, ' ');
	}
	if (to != NULL) {
		buf_puts(out, "-> ");
		text_add_value(out, to);
		buf_putc(out, ' ');
	}
}

/* Who did it, and why if anybody said. */
static void
add_cause(struct buf *out, const json_t *by, const json_t *reason)
{
	buf_puts(out, "by ");
	text_add_value(out, by);
	if (json_is_string(reason)) {
		buf_puts(out, ": ");
		text_add_value(out, reason);
	}
}

/* Columns that fit most; a stream has no last row to measure. */
void
render_event(const struct ctl *c, const json_t *result, struct buf *out)
{
	const json_t *instance = json_object_get(result, "instance");

	add_padded(out, json_object_get(result, "seq"), 6);
	add_padded(out, json_object_get(result, "at"), 24);
	add_padded(out, json_object_get(result, "worker"), 16);
	add_padded(out, json_object_get(result, "generation"), 4);
	add_type(c, out, json_object_get(result, "type"));
	add_step(out, json_object_get(result, "from"), json_object_get(result, "to"));
	if (instance != NULL) {
		text_add_value(out, instance);
		buf_putc(out, ' ');
	}
	add_cause(out, json_object_get(result, "by"),
		json_object_get(result, "reason"));
	buf_putc(out, '\n');
}

static void
add_line(struct buf *out, const char *prefix, const char *name, const json_t *value)
{
	AUTO(buf) struct buf shown = {.data = NULL};

	text_add(&shown, prefix);
	text_add(&shown, name);
	buf_printf(out, "%-24s ", buf_str(&shown));
	text_add_value(out, value);
	buf_putc(out, '\n');
}

/* The scalars of an object by its rows, objects inside flattened; lists are others' matter. */
static void
add_members(struct buf *out, const char *prefix, const struct fields *table,
	const json_t *object)
{
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		const json_t *value = json_object_get(object, row->name);
		AUTO(free) char *inside = NULL;

		if (value == NULL || row->type == FIELD_LIST || row->type == FIELD_ANY)
			continue;
		if (row->type == FIELD_OBJECT && json_is_object(value)) {
			inside = xasprintf("%s%s.", prefix, row->name);
			add_members(out, inside, row->sub, value);
		} else {
			add_line(out, prefix, row->name, value);
		}
	}
}

static void
add_title(const struct ctl *c, struct buf *out, const char *title)
{
	buf_putc(out, '\n');
	text_add_coloured(out, c->colour, TEXT_BOLD, title);
	buf_putc(out, '\n');
}

static bool
is_nothing(const json_t *value)
{
	return json_is_null(value) ||
		(json_is_array(value) && json_array_size(value) == 0) ||
		(json_is_object(value) && json_object_size(value) == 0);
}

static void
add_configuration(struct buf *out, const json_t *configuration)
{
	json_t *object =
		(json_t *)(uintptr_t)configuration; /* jansson's takes no const */

	for (void *i = json_object_iter(object); i != NULL;
		i = json_object_iter_next(object, i))
		if (!is_nothing(json_object_iter_value(i)))
			add_line(out, "", json_object_iter_key(i),
				json_object_iter_value(i));
}

static const struct column degraded_columns[] = {
	{.title = "KIND", .path = "kind", .colour = colour_of_error},
	{.title = "SINCE", .path = "since", .age = true},
	{.title = "CLOUD", .path = "cloud"},
	{.title = "ABOUT", .path = "about"},
	{.title = "MESSAGE", .path = "message"},
	{.title = NULL},
};

static const struct column cloud_columns[] = {
	{.title = "CLOUD", .path = "cloud"},
	{.title = "REGION", .path = "region"},
	{.title = "LISTED", .path = "listed_at", .age = true},
	{.title = "WINDOW", .path = "run_instances.window"},
	{.title = "IN FLIGHT", .path = "run_instances.in_flight"},
	{.title = "QUEUED", .path = "run_instances.queued"},
	{.title = "THROTTLED", .path = "throttled"},
	{.title = NULL},
};

static const struct column orphan_columns[] = {
	{.title = "KIND", .path = "kind"},
	{.title = "ID", .path = "id"},
	{.title = "REGION", .path = "region"},
	{.title = "STATE", .path = "state"},
	{.title = "GIB", .path = "size"},
	{.title = "WORKER", .path = "worker"},
	{.title = "GEN", .path = "generation"},
	{.title = "LAUNCHED", .path = "launched_at", .age = true},
	{.title = "VERDICT", .path = "verdict", .colour = colour_of_error},
	{.title = "REASON", .path = "reason"},
	{.title = NULL},
};

void
render_orphans(const struct ctl *c, const json_t *result, struct buf *out)
{
	const json_t *hold = json_object_get(result, "hold");

	if (json_is_object(hold)) {
		buf_puts(out, "HOLD since ");
		text_add_value(out, json_object_get(hold, "since"));
		buf_puts(out, ": ");
		text_add_value(out, json_object_get(hold, "reason"));
		buf_puts(out, "\n\n");
	}
	table_add(out, orphan_columns, json_object_get(result, "orphans"), c->colour);
}

static const struct column call_columns[] = {
	{.title = "ACTION", .path = "action"},
	{.title = "COUNT", .path = "count"},
	{.title = NULL},
};

static void
add_calls(const struct ctl *c, struct buf *out, const json_t *cloud)
{
	AUTO(buf) struct buf title = {.data = NULL};

	buf_puts(&title, "Calls to ");
	text_add_value(&title, json_object_get(cloud, "cloud"));
	add_title(c, out, buf_str(&title));
	table_add(out, call_columns, json_object_get(cloud, "calls"), c->colour);
}

/* Those of a kind have one remedy, and stand together. */
static void
add_remedies(const struct ctl *c, const json_t *degraded, struct buf *out)
{
	const json_t *last = NULL;

	add_title(c, out, "What to do");
	for (size_t i = 0; i < json_array_size(degraded); i++) {
		const json_t *one = json_array_get(degraded, i);
		const json_t *kind = json_object_get(one, "kind");

		if (last != NULL && json_equal(last, kind))
			continue;
		last = kind;
		text_add_value(out, kind);
		buf_puts(out, ": ");
		text_add_value(out, json_object_get(one, "remedy"));
		buf_putc(out, '\n');
	}
}

void
render_status(const struct ctl *c, const json_t *result, struct buf *out)
{
	const json_t *degraded = json_object_get(result, "degraded");
	const json_t *clouds = json_object_get(result, "clouds");

	add_members(out, "", rpc_specs[RPC_POOL_STATUS].result, result);
	if (json_array_size(degraded) > 0) {
		add_title(c, out, "Degraded");
		table_add(out, degraded_columns, degraded, c->colour);
		add_remedies(c, degraded, out);
	}
	if (json_array_size(clouds) > 0) {
		add_title(c, out, "Clouds");
		table_add(out, cloud_columns, clouds, c->colour);
	}
	for (size_t i = 0; i < json_array_size(clouds); i++)
		add_calls(c, out, json_array_get(clouds, i));
}

static const struct column metric_columns[] = {
	{.title = "METRIC", .path = "name"},
	{.title = "OF", .path = "labels"},
	{.title = "VALUE", .path = "value"},
	{.title = NULL},
};

/* "DescribeInstances, done": the names of labels go without saying. */
static json_t *
label_values(const json_t *labels)
{
	json_t *list = json_array();
	json_t *object = (json_t *)(uintptr_t)labels; /* jansson's takes no const */

	for (void *i = json_object_iter(object); i != NULL;
		i = json_object_iter_next(object, i))
		(void)json_array_append(list, json_object_iter_value(i));
	return list;
}

static void
add_samples(json_t *rows, const json_t *metric)
{
	const json_t *samples = json_object_get(metric, "samples");

	for (size_t i = 0; i < json_array_size(samples); i++) {
		const json_t *sample = json_array_get(samples, i);
		const json_t *labels = json_object_get(sample, "labels");
		json_t *row = json_object();

		(void)json_object_set(row, "name", json_object_get(metric, "name"));
		if (json_object_size(labels) > 0)
			(void)json_object_set_new(row, "labels", label_values(labels));
		(void)json_object_set(row, "value", json_object_get(sample, "value"));
		(void)json_array_append_new(rows, row);
	}
}

void
render_metrics(const struct ctl *c, const json_t *result, struct buf *out)
{
	const json_t *list = json_object_get(result, "metrics");
	json_t *rows = json_array();

	for (size_t i = 0; i < json_array_size(list); i++)
		add_samples(rows, json_array_get(list, i));
	table_add(out, metric_columns, rows, c->colour);
	json_decref(rows);
}

void
render_worker(const struct ctl *c, const json_t *result, struct buf *out)
{
	add_members(out, "", rpc_specs[RPC_WORKER_SHOW].result, result);
	add_title(c, out, "Timeline");
	table_add(out, event_columns, json_object_get(result, "timeline"), c->colour);
	add_title(c, out, "Configuration");
	add_configuration(out, json_object_get(result, "configuration"));
}

void
render_record(const struct ctl *c, const json_t *result, struct buf *out)
{
	add_members(out, "", rpc_specs[c->verb->method].result, result);
}

static void
add_who(struct buf *out, const json_t *result)
{
	text_add_value(out, json_object_get(result, "worker"));
	buf_puts(out, ": ");
}

static void
add_generation(struct buf *out, const json_t *result)
{
	buf_puts(out, "generation ");
	text_add_value(out, json_object_get(result, "generation"));
}

void
render_up(const struct ctl *c, const json_t *result, struct buf *out)
{
	const json_t *id = table_member(result, "instance.id");
	const char *wait = json_string_value(json_object_get(c->params, "wait"));

	add_who(out, result);
	text_add(out, wait != NULL ? wait : "accepted");
	buf_puts(out, ", ");
	add_generation(out, result);
	if (id != NULL) {
		buf_puts(out, ", ");
		text_add_value(out, id);
	}
	buf_putc(out, '\n');
}

void
render_down(const struct ctl *c, const json_t *result, struct buf *out)
{
	const char *wait = json_string_value(json_object_get(c->params, "wait"));

	add_who(out, result);
	text_add(out, wait != NULL ? wait : "accepted");
	buf_puts(out, ", ");
	add_generation(out, result);
	buf_putc(out, '\n');
}

void
render_check(const struct ctl *c, const json_t *result, struct buf *out)
{
	bool ok = json_is_true(json_object_get(result, "ok"));

	text_add_coloured(out, c->colour, ok ? TEXT_GREEN : TEXT_RED,
		ok ? "good" : "bad");
	buf_puts(out, ": ");
	text_add_value(out, json_object_get(result, "message"));
	buf_puts(out, ", as of ");
	text_add_value(out, json_object_get(result, "at"));
	buf_putc(out, '\n');
}

void
render_password(const struct ctl *c, const json_t *result, struct buf *out)
{
	(void)c;
	text_add_value(out, json_object_get(result, "password"));
	buf_putc(out, '\n');
}

void
render_reload(const struct ctl *c, const json_t *result, struct buf *out)
{
	const struct fields *table = rpc_specs[RPC_DAEMON_RELOAD].result;
	size_t before = out->len;

	for (const struct field *row = table->rows; row->name != NULL; row++)
		if (json_array_size(json_object_get(result, row->name)) > 0)
			add_line(out, "", row->name,
				json_object_get(result, row->name));
	if (out->len == before)
		buf_puts(out, "no worker has changed\n");
	else if (json_is_true(json_object_get(c->params, "dry_run")))
		buf_puts(out, "nothing was changed: dry run\n");
}

static int
add_dump(const char *data, size_t len, void *arg)
{
	buf_add(arg, data, len);
	return 0;
}

/* jansson escapes the control characters of ASCII alone, so what it prints is cleaned too. */
void
render_any(const struct ctl *c, const json_t *result, struct buf *out)
{
	AUTO(buf) struct buf text = {.data = NULL};

	(void)c;
	(void)json_dump_callback(result, add_dump, &text,
		JSON_INDENT(2) | JSON_ENCODE_ANY);
	text_add_lines(out, buf_str(&text));
	buf_putc(out, '\n');
}
