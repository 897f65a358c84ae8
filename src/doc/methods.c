/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the rows of rpc/spec.c. A shape that several results share is described once, as an
 * object, and referred to.
 */
#include "doc/methods.h"

#include "base/buf.h"
#include "base/field.h"
#include "base/mem.h"
#include "core/event.h"
#include "doc/mdoc.h"
#include "doc/rows.h"
#include "rpc/json.h"
#include "rpc/rpc.h"
#include "rpc/spec.h"

#include <inttypes.h>
#include <string.h>

static bool
is_empty(const struct fields *table)
{
	return table->rows[0].name == NULL;
}

static void
collect_objects(struct table_set *set)
{
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++)
		table_set_add_below(set, rpc_specs[i].result);
}

/* Those that take more than their method does. */
static void
add_param_roles(const struct rpc_spec *spec, struct buf *out)
{
	for (const struct field *row = spec->params->rows; row->name != NULL; row++) {
		enum rpc_role role = rpc_param_role(spec, row);

		if (role == spec->role)
			continue;
		mdoc_line(out, ".Fa", row->name);
		buf_printf(out, "takes the role\n.Cm %s .\n", rpc_role_name(role));
	}
}

static void
add_params(const struct rpc_spec *spec, struct buf *out)
{
	if (is_empty(spec->params)) {
		buf_puts(out, "No parameters.\n");
		return;
	}
	buf_puts(out, ".Pp\nParameters:\n");
	rows_list(spec->params, ROWS_PARAMS, out);
	buf_puts(out, ".Pp\n");
	add_param_roles(spec, out);
}

static void
add_result(const struct rpc_spec *spec, const struct table_set *objects,
	struct buf *out)
{
	if (is_empty(spec->result)) {
		buf_puts(out, "The result is an empty object.\n");
	} else if (table_set_has(objects, spec->result)) {
		buf_printf(out, "The result is an object as under\n.Sx %s .\n",
			spec->result->name);
	} else {
		buf_puts(out, "Result:\n");
		rows_list(spec->result, ROWS_RESULTS, out);
	}
}

void
methods_list(struct buf *out)
{
	struct table_set objects = {.items = NULL};

	collect_objects(&objects);
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++) {
		const struct rpc_spec *spec = &rpc_specs[i];

		mdoc_line(out, ".Ss", spec->name);
		mdoc_text(out, spec->doc);
		buf_printf(out, "Role:\n.Cm %s .\n", rpc_role_name(spec->role));
		add_params(spec, out);
		add_result(spec, &objects, out);
	}
	table_set_fini(&objects);
}

void
methods_objects(struct buf *out)
{
	struct table_set objects = {.items = NULL};

	collect_objects(&objects);
	for (size_t i = 0; i < objects.count; i++) {
		mdoc_line(out, ".Ss", objects.items[i]->name);
		rows_list(objects.items[i], ROWS_RESULTS, out);
	}
	table_set_fini(&objects);
}

static bool
is_first_of_kind(size_t code)
{
	for (size_t i = ERR_NONE + 1; i < code; i++)
		if (strcmp(rpc_errors[i].kind, rpc_errors[code].kind) == 0)
			return false;
	return true;
}

/* Several of our errors are one kind for clients. */
void
methods_errors(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (size_t i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		const char *kind = rpc_errors[i].kind;

		if (!is_first_of_kind(i))
			continue;
		buf_printf(out, ".It Li \\-%d Cm ", -rpc_errors[i].code);
		mdoc_arg(out, kind);
		buf_putc(out, '\n');
		for (size_t k = i; k < ERR_COUNT; k++)
			if (strcmp(rpc_errors[k].kind, kind) == 0)
				mdoc_text(out, rpc_errors[k].doc);
	}
	buf_puts(out, ".El\n");
}

static void
add_count(uintmax_t count, struct buf *out)
{
	buf_printf(out, "%ju", count);
}

static void
add_size(uintmax_t bytes, struct buf *out)
{
	bool mega = bytes % (1024 * 1024) == 0;

	buf_printf(out, "%ju %s", bytes / (mega ? 1024 * 1024 : 1024),
		mega ? "MiB" : "KiB");
}

static void
add_time(uintmax_t ms, struct buf *out)
{
	field_print_duration((int64_t)ms, out);
}

void
methods_limits(struct buf *out)
{
	const struct rpc_limits *l = &rpc_limits;
	const struct {
		const char *doc;
		void (*add)(uintmax_t value, struct buf *out);
		uintmax_t value;
	} rows[] = {
		{"a request, with its newline", add_size, l->line_max},
		{"levels of lists and objects in it", add_count, JSON_DEPTH_MAX},
		{"requests in a batch", add_count, l->batch_max},
		{"connections", add_count, l->conns},
		{"connections of one user", add_count, l->conns_a_uid},
		{"calls of one connection that wait", add_count, l->pending},
		{"output held for all connections", add_size, l->out_total},
		{"without taking any of its output", add_time, (uintmax_t)l->unread_ms},
		{"with a line unfinished", add_time, (uintmax_t)l->line_ms},
	};

	buf_puts(out, ".Bl -tag -width \"10000 MiB\" -compact\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		buf_puts(out, ".It ");
		rows[i].add(rows[i].value, out);
		buf_printf(out, "\n%s\n", rows[i].doc);
	}
	buf_puts(out, ".El\n");
}

void
methods_events(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
		const char *doc = event_type_doc((enum event_type)type);

		if (doc == NULL)
			continue;
		buf_puts(out, ".It ");
		mdoc_line(out, "Cm", event_type_name((enum event_type)type));
		mdoc_text(out, doc);
	}
	buf_puts(out, ".El\n");
}
