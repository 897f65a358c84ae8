/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/field.h"
#include "core/event.h"
#include "rpc/args.h"
#include "rpc/schema.h"
#include "rpc/spec.h"
#include "unit.h"

#include <ctype.h>
#include <string.h>

/* A sentence: starts with a capital or a word of the interface, ends with a full stop. */
static void
check_doc(const char *name, const char *doc)
{
	ck_assert_msg(doc != NULL && strlen(doc) > 3, "%s: no doc", name);
	ck_assert_msg(doc[strlen(doc) - 1] == '.', "%s: '%s' is no sentence", name,
		doc);
}

static bool
is_identifier(const char *name)
{
	if (!islower((unsigned char)name[0]))
		return false;
	for (; *name != '\0'; name++)
		if (!islower((unsigned char)*name) && !isdigit((unsigned char)*name) &&
			*name != '_')
			return false;
	return true;
}

static void
check_rows(const struct fields *table, const char *method)
{
	ck_assert_msg(table != NULL && table->name != NULL, "%s: no table", method);
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		ck_assert_msg(is_identifier(row->name), "%s: %s", method, row->name);
		ck_assert_msg(field_find(table, row->name) == row, "%s: %s twice",
			method, row->name);
		check_doc(row->name, row->doc);
		ck_assert_msg((row->type == FIELD_ENUM) == (row->choices != NULL) ||
				(row->type == FIELD_STRINGS && row->check != NULL),
			"%s: %s: choices", method, row->name);
		ck_assert_msg((row->type == FIELD_OBJECT || row->type == FIELD_LIST) ==
				(row->sub != NULL),
			"%s: %s: sub", method, row->name);
		if (row->sub != NULL)
			check_rows(row->sub, method);
	}
}

START_TEST(test_methods)
{
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++) {
		const struct rpc_spec *spec = &rpc_specs[i];

		ck_assert_msg(spec->name != NULL, "method %zu has no row", i);
		ck_assert_msg(strchr(spec->name, '.') != NULL, "%s", spec->name);
		ck_assert_msg(spec->role > RPC_NOBODY && spec->role < RPC_ROLE_COUNT,
			"%s has no role", spec->name);
		check_doc(spec->name, spec->doc);
		check_rows(spec->params, spec->name);
		check_rows(spec->result, spec->name);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(spec->name, rpc_specs[k].name);
	}
}
END_TEST

/* What a row demands of a parameter must hold for its default too. */
START_TEST(test_defaults)
{
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++) {
		const struct fields *params = rpc_specs[i].params;
		void *args = xcalloc(1, params->size + 1);

		field_defaults(params, args);
		for (const struct field *row = params->rows; row->name != NULL; row++) {
			struct err err;

			ck_assert_uint_lt(row->offset, params->size);
			if (row->def == NULL)
				continue;
			ck_assert_msg(field_set(row, args, row->def, &err) == 0,
				"%s: %s: %s", rpc_specs[i].name, row->name, err.text);
		}
		field_fini(params, args);
		free(args);
	}
}
END_TEST

START_TEST(test_absent_parameters)
{
	struct rpc_up_args up = {.worker = NULL};
	struct rpc_down_args down = {.worker = NULL};
	struct rpc_build_args build = {.worker = NULL};
	struct rpc_list_args list = {.pattern = NULL};

	field_defaults(&rpc_up_params, &up);
	ck_assert_int_eq(up.wait, RPC_UP_ACCEPTED);
	ck_assert(up.timeout == FIELD_NULL);
	field_defaults(&rpc_down_params, &down);
	ck_assert_int_eq(down.wait, RPC_DOWN_ACCEPTED);
	ck_assert_int_eq(down.generation, 0);
	ck_assert(!down.fast);
	field_defaults(&rpc_build_params, &build);
	ck_assert_int_lt(build.building, 0);
	field_defaults(&rpc_list_params, &list);
	ck_assert_int_eq(list.state, 0);
	ck_assert_int_eq(list.limit, 1000);
}
END_TEST

static const struct {
	enum err_code code;
	int number;
	const char *kind;
	int line;
} numbers[] = {
	{ERR_PARSE, -32700, "parse", __LINE__},
	{ERR_REQUEST, -32600, "request", __LINE__},
	{ERR_METHOD_UNKNOWN, -32601, "method_unknown", __LINE__},
	{ERR_INVALID, -32602, "invalid", __LINE__},
	{ERR_INTERNAL, -32603, "internal", __LINE__},
	{ERR_WORKER_UNKNOWN, -32001, "worker_unknown", __LINE__},
	{ERR_FORBIDDEN, -32002, "forbidden", __LINE__},
	{ERR_STALE_GENERATION, -32003, "stale_generation", __LINE__},
	{ERR_FAILED, -32004, "failed", __LINE__},
	{ERR_CANCELLED, -32005, "cancelled", __LINE__},
	{ERR_MISSING, -32006, "missing", __LINE__},
	{ERR_UNAVAILABLE, -32007, "unavailable", __LINE__},
	{ERR_UNEXPECTED_ATTACH, -32008, "unexpected_attach", __LINE__},
	{ERR_LIMIT, -32009, "limit", __LINE__},
	{ERR_OWNED, -32010, "owned", __LINE__},
	{ERR_TIMEOUT, -32011, "timeout", __LINE__},
};

START_TEST(test_error_numbers)
{
	ck_assert_int_eq(rpc_errors[numbers[_i].code].code, numbers[_i].number);
	ck_assert_str_eq(rpc_errors[numbers[_i].code].kind, numbers[_i].kind);
}
END_TEST

START_TEST(test_errors_complete)
{
	for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		const struct rpc_error *row = &rpc_errors[i];

		ck_assert_msg(row->kind != NULL, "error %d has no row", i);
		ck_assert_msg((row->code <= -32600 && row->code >= -32700) ||
				(row->code <= -32001 && row->code >= -32011),
			"%s: %d", row->kind, row->code);
		check_doc(row->kind, row->doc);
	}
}
END_TEST

static const struct {
	enum err_code code;
	enum err_reason reason;
	bool retryable;
} retries[] = {
	{ERR_FAILED, REASON_NONE, true},
	{ERR_FAILED, REASON_CAPACITY, true},
	{ERR_FAILED, REASON_QUOTA, true},
	{ERR_FAILED, REASON_PRICE, true},
	{ERR_FAILED, REASON_THROTTLED, true},
	{ERR_FAILED, REASON_NETWORK, true},
	{ERR_FAILED, REASON_INSTANCE_DIED, true},
	{ERR_FAILED, REASON_CONFIG, false},
	{ERR_FAILED, REASON_AUTH, false},
	{ERR_FAILED, REASON_INTERNAL, false},
	{ERR_MISSING, REASON_NONE, true},
	{ERR_UNAVAILABLE, REASON_NONE, true},
	{ERR_LIMIT, REASON_NONE, true},
	{ERR_TIMEOUT, REASON_NONE, true},
	{ERR_WORKER_UNKNOWN, REASON_NONE, false},
	{ERR_FORBIDDEN, REASON_NONE, false},
	{ERR_INVALID, REASON_NONE, false},
	{ERR_STALE_GENERATION, REASON_NONE, false},
};

START_TEST(test_retryable)
{
	struct err err = {.code = retries[_i].code, .reason = retries[_i].reason};

	ck_assert_int_eq(rpc_retryable(&err), retries[_i].retryable);
}
END_TEST

START_TEST(test_roles)
{
	ck_assert_str_eq(rpc_role_name(RPC_NOBODY), "nobody");
	ck_assert_str_eq(rpc_role_name(RPC_OBSERVE), "observe");
	ck_assert_str_eq(rpc_role_name(RPC_OPERATE), "operate");
	ck_assert_str_eq(rpc_role_name(RPC_ADMIN), "admin");
	ck_assert_int_lt(RPC_OBSERVE, RPC_OPERATE);
	ck_assert_int_lt(RPC_OPERATE, RPC_ADMIN);
}
END_TEST

START_TEST(test_roles_of_parameters)
{
	static const struct {
		enum rpc_role method;
		unsigned flags;
		enum rpc_role role;
		int line;
	} cases[] = {
		{RPC_OBSERVE, 0, RPC_OBSERVE, __LINE__},
		{RPC_OBSERVE, FIELD_NONEMPTY, RPC_OBSERVE, __LINE__},
		{RPC_OBSERVE, RPC_PARAM_OPERATE, RPC_OPERATE, __LINE__},
		{RPC_OPERATE, RPC_PARAM_OPERATE, RPC_OPERATE, __LINE__},
		{RPC_ADMIN, RPC_PARAM_OPERATE, RPC_ADMIN, __LINE__},
	};

	for (size_t n = 0; n < COUNT_OF(cases); n++) {
		const struct rpc_spec spec = {.role = cases[n].method};
		const struct field row = {.flags = cases[n].flags};

		ck_assert_msg(rpc_param_role(&spec, &row) == cases[n].role, "line %d",
			cases[n].line);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("spec");
	TCase *tc = tcase_create("spec");

	tcase_add_test(tc, test_methods);
	tcase_add_test(tc, test_defaults);
	tcase_add_test(tc, test_absent_parameters);
	tcase_add_loop_test(tc, test_error_numbers, 0, COUNT_OF(numbers));
	tcase_add_test(tc, test_errors_complete);
	tcase_add_loop_test(tc, test_retryable, 0, COUNT_OF(retries));
	tcase_add_test(tc, test_roles);
	tcase_add_test(tc, test_roles_of_parameters);
	suite_add_tcase(suite, tc);
	return suite;
}
