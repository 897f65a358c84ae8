/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface as an OpenRPC document, made from the rows: what is said here cannot differ
 * from what the dispatcher checks.
 */
#include "base/buf.h"
#include "base/field.h"
#include "rpc/calls.h"
#include "rpc/json.h"
#include "rpc/schema.h"
#include "rpc/spec.h"

#define OPENRPC "1.3.2"

static json_t *
schema_of(const struct fields *table)
{
	AUTO(buf) struct buf text = {0};

	field_schema(table, &text);
	return json_loadb(buf_str(&text), text.len, 0, NULL);
}

/* The rows in their order, which is that of positional parameters. */
static json_t *
view_params(const struct rpc_spec *spec)
{
	AUTO(json) json_t *schema = schema_of(spec->params);
	const json_t *members = json_object_get(schema, "properties");
	json_t *view = json_array();

	for (const struct field *row = spec->params->rows; row->name != NULL; row++) {
		json_t *param = json_pack("{s:s,s:s,s:b,s:O}", "name", row->name,
			"description", row->doc, "required",
			(row->flags & FIELD_REQUIRED) != 0, "schema",
			json_object_get(members, row->name));
		enum rpc_role role = rpc_param_role(spec, row);

		if (role != spec->role)
			(void)json_object_set_new(param, "x-role",
				json_string(rpc_role_name(role)));
		(void)json_array_append_new(view, param);
	}
	return view;
}

/* One of several rows that are the same on the wire speaks for all. */
static bool
is_first_of_kind(enum err_code code)
{
	for (int before = ERR_NONE + 1; before < (int)code; before++)
		if (str_equal(rpc_errors[before].kind, rpc_errors[code].kind))
			return false;
	return true;
}

/* Some row of this one's kind may be said. */
static bool
kind_may_be_said(const struct rpc_spec *spec, const char *kind)
{
	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++)
		if (rpc_may_fail(spec, (enum err_code)code) &&
			str_equal(rpc_errors[code].kind, kind))
			return true;
	return false;
}

static json_t *
view_errors(const struct rpc_spec *spec)
{
	json_t *view = json_array();

	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		const char *kind = rpc_errors[code].kind;
		AUTO(free) char *place = xasprintf("#/components/errors/%s", kind);

		if (is_first_of_kind((enum err_code)code) &&
			kind_may_be_said(spec, kind))
			(void)json_array_append_new(view,
				json_pack("{s:s}", "$ref", place));
	}
	return view;
}

static json_t *
view_method(const struct rpc_spec *spec)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:{s:s,s:o},s:o,s:s}", "name", spec->name,
		"summary", spec->doc, "paramStructure", "either", "params",
		view_params(spec), "result", "name", spec->result->name, "schema",
		schema_of(spec->result), "errors", view_errors(spec), "x-role",
		rpc_role_name(spec->role));
}

static json_t *
view_methods(void)
{
	json_t *view = json_array();

	for (size_t n = 0; n < RPC_METHOD_COUNT; n++)
		(void)json_array_append_new(view, view_method(&rpc_specs[n]));
	return view;
}

static json_t *
view_components(void)
{
	json_t *errors = json_object();

	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++)
		if (is_first_of_kind((enum err_code)code))
			(void)json_object_set_new(errors, rpc_errors[code].kind,
				json_pack("{s:i,s:s}", "code", rpc_errors[code].code,
					"message", rpc_errors[code].doc));
	return json_pack("{s:o,s:{s:o}}", "errors", errors, "schemas", "event",
		schema_of(&rpc_event_fields));
}

const struct rpc_result *
call_discover(struct command *cmd, const void *args)
{
	(void)args;
	return rpc_reply_take(cmd,
		json_pack("{s:s,s:{s:s,s:s},s:o,s:o}", "openrpc", OPENRPC, "info",
			"title", "ec2workerd", "version", VERSION, "methods",
			view_methods(), "components", view_components()));
}
