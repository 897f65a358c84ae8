/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods of the daemon, one after the other, with what each says when it is refused.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/node.h"
#include "calls_rig.h"
#include "core/event.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "fake_cloud.h"
#include "rpc/bind.h"
#include "rpc/json.h"
#include "rpc/schema.h"
#include "rpc/view.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

START_TEST(test_bound)
{
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++)
		ck_assert_msg(rpc_calls[i] != NULL, "%s has no function",
			rpc_specs[i].name);
}
END_TEST

/* Every word that the core has for a state or an event is one of the rows'. */
START_TEST(test_words)
{
	const struct field *state = field_find(rpc_specs[RPC_WORKER_SHOW].result,
		"state");
	const struct field *timeline = field_find(rpc_specs[RPC_WORKER_SHOW].result,
		"timeline");
	const struct field *type = field_find(timeline->sub, "type");
	const struct field *wanted = field_find(rpc_specs[RPC_WORKER_LIST].params,
		"state");

	for (int i = 0; i < WORKER_STATE_COUNT; i++) {
		const char *name = worker_state_name((enum worker_state)i);

		ck_assert_str_eq(state->choices[i], name);
		ck_assert_str_eq(wanted->choices[i + 1], name);
	}
	ck_assert_ptr_null(state->choices[WORKER_STATE_COUNT]);
	for (int i = 0; i < EVENT_TYPE_COUNT; i++)
		ck_assert_str_eq(type->choices[i], event_type_name((enum event_type)i));
	ck_assert_ptr_null(type->choices[EVENT_TYPE_COUNT]);
}
END_TEST

START_TEST(test_list)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	reply = rig_call(&r, RPC_WORKER_LIST, "{}");
	check_member(reply, "workers.0.worker", "\"bot1\"");
	check_member(reply, "workers.6.worker", "\"w-5\"");
	check_member(reply, "workers.7", "");
	check_member(reply, "cursor", "");
	json_decref(reply);

	reply = rig_call(&r, RPC_WORKER_LIST, "{\"pattern\":\"w-*\",\"limit\":3}");
	check_member(reply, "workers.2.worker", "\"w-3\"");
	check_member(reply, "cursor", "\"w-3\"");
	json_decref(reply);
	reply = rig_call(&r, RPC_WORKER_LIST,
		"{\"pattern\":\"w-*\",\"limit\":3,\"cursor\":\"w-3\"}");
	check_member(reply, "workers.0.worker", "\"w-4\"");
	check_member(reply, "workers.1.worker", "\"w-5\"");
	check_member(reply, "cursor", "");
	json_decref(reply);

	rig_good(&r, RPC_WORKER_SUBSTANTIATE, "[\"made\"]");
	reply = rig_call(&r, RPC_WORKER_LIST, "{\"state\":\"substantiating\"}");
	check_member(reply, "workers.0.worker", "\"made\"");
	check_member(reply, "workers.1", "");
	json_decref(reply);
	rig_refused(&r, RPC_WORKER_LIST, "{\"cursor\":\"x\"}", -32602);
	rig_close(&r);
}
END_TEST

/* The object in each state of a life. */
START_TEST(test_show)
{
	AUTO(free) char *by = xasprintf("\"uid %u\"", getuid());
	struct rig r;

	rig_open(&r);
	check_show(&r, "state", "\"not_substantiated\"");
	check_show(&r, "phase", "null");
	check_show(&r, "instance", "null");
	check_show(&r, "deadline", "null");
	check_show(&r, "since", "null");
	check_show(&r, "timeline", "[]");

	rig_good(&r, RPC_WORKER_SUBSTANTIATE, "{\"worker\":\"bot1\"}");
	check_show(&r, "state", "\"substantiating\"");
	check_show(&r, "generation", "1");
	check_show(&r, "deadline.kind", "\"missing_timeout\"");
	check_show(&r, "deadline.at", "\"2026-09-21T14:18:20.000Z\"");
	rig_pass(&r, 60000);
	check_show(&r, "phase", "\"waiting\"");
	check_show(&r, "instance.state", "\"running\"");
	check_show(&r, "instance.market", "\"on-demand\"");
	rig_good(&r, RPC_WORKER_ATTACHED, "{\"worker\":\"bot1\",\"generation\":1}");
	check_show(&r, "state", "\"substantiated\"");
	check_show(&r, "attached", "true");
	check_show(&r, "stale", "false");
	check_show(&r, "timeline.0.by", by);

	rig_good(&r, RPC_WORKER_INSUBSTANTIATE, "{\"worker\":\"bot1\"}");
	check_show(&r, "state", "\"insubstantiating\"");
	rig_good(&r, RPC_WORKER_SUBSTANTIATE, "{\"worker\":\"bot1\"}");
	check_show(&r, "queued", "true");
	rig_refused(&r, RPC_WORKER_SHOW, "{\"worker\":\"nobody\"}", -32001);
	rig_close(&r);
}
END_TEST

START_TEST(test_configuration_without_secrets)
{
	struct rig r;
	json_t *reply;
	char *shown;

	rig_open(&r);
	check_show(&r, "configuration.instance_type", "[\"m5.large\"]");
	check_show(&r, "configuration.missing_timeout", "\"5m\"");
	check_show(&r, "configuration.tags", "{\"a\":\"b\"}");
	check_show(&r, "configuration.placement", "null");
	check_show(&r, "configuration.password", "");
	check_show(&r, "configuration.user_data", "");
	reply = rig_call(&r, RPC_WORKER_SHOW, "[\"made\"]");
	shown = result_member(reply, "configuration");
	ck_assert_ptr_null(strstr(shown, "hidden"));
	ck_assert_ptr_nonnull(strstr(shown, "AKIDTEST"));
	free(shown);
	json_decref(reply);
	rig_close(&r);
}
END_TEST

static const struct {
	const char *params;
	int64_t before, after; /* ms: no reply until then, reply by then */
} waits[] = {
	{"{\"worker\":\"bot1\"}", 0, 0},
	{"{\"worker\":\"bot1\",\"wait\":\"accepted\",\"timeout\":1}", 0, 0},
	{"{\"worker\":\"bot1\",\"wait\":\"running\"}", 1000, 60000},
	{"{\"worker\":\"bot1\",\"wait\":\"running\",\"timeout\":\"10m\"}", 1000, 60000},
};

START_TEST(test_wait_for_running)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	rig_ask(&r, RPC_WORKER_SUBSTANTIATE, waits[_i].params);
	if (waits[_i].before > 0) {
		rig_pass(&r, waits[_i].before);
		ck_assert_ptr_null(rig_answer(&r, RPC_WORKER_SUBSTANTIATE));
		rig_pass(&r, waits[_i].after);
	}
	reply = rig_answer(&r, RPC_WORKER_SUBSTANTIATE);
	check_member(reply, "worker", "\"bot1\"");
	check_member(reply, "generation", "1");
	check_member(reply, "instance.state", waits[_i].after > 0 ? "\"running\"" : "");
	json_decref(reply);
	ck_assert_uint_eq(rpc_pending_count(r.server.rpc), 0);
	rig_close(&r);
}
END_TEST

START_TEST(test_wait_for_attached)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	rig_ask(&r, RPC_WORKER_SUBSTANTIATE,
		"{\"worker\":\"bot1\",\"wait\":\"attached\"}");
	rig_pass(&r, 60000);
	ck_assert_ptr_null(rig_answer(&r, RPC_WORKER_SUBSTANTIATE));
	ck_assert_uint_eq(rpc_pending_count(r.server.rpc), 1);
	rig_ask(&r, RPC_WORKER_ATTACHED, "{\"worker\":\"bot1\"}");
	/* Two replies in either order; both have an id of 1. */
	reply = rig_answer(&r, RPC_WORKER_ATTACHED);
	json_decref(reply);
	free(client_line(&r.server, r.fd));
	ck_assert_uint_eq(rpc_pending_count(r.server.rpc), 0);
	rig_close(&r);
}
END_TEST

/* How a wait ends that does not reach what it waits for. */
static const struct {
	const char *up;
	const char *then; /* parameters of a stop, or NULL */
	int64_t ms;
	int code;
} failures[] = {
	{"{\"worker\":\"bot1\",\"wait\":\"attached\"}", "{\"worker\":\"bot1\"}", 100,
		-32005},
	{"{\"worker\":\"bot1\",\"wait\":\"attached\",\"timeout\":10}", NULL, 11000,
		-32011},
	{"{\"worker\":\"bot1\",\"wait\":\"attached\"}", NULL, 310000, -32006},
};

START_TEST(test_wait_that_fails)
{
	struct rig r;
	int found = 0;

	rig_open(&r);
	rig_ask(&r, RPC_WORKER_SUBSTANTIATE, failures[_i].up);
	if (failures[_i].then != NULL)
		rig_ask(&r, RPC_WORKER_INSUBSTANTIATE, failures[_i].then);
	rig_pass(&r, failures[_i].ms);
	for (json_t *reply;
		(reply = rig_answer(&r, RPC_WORKER_INSUBSTANTIATE)) != NULL;) {
		found += reply_code(reply) == failures[_i].code;
		json_decref(reply);
	}
	ck_assert_int_eq(found, 1);
	ck_assert_uint_eq(rpc_pending_count(r.server.rpc), 0);
	rig_close(&r);
}
END_TEST

START_TEST(test_wait_for_stopped)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	rig_bring_up(&r);
	rig_ask(&r, RPC_WORKER_INSUBSTANTIATE,
		"{\"worker\":\"bot1\",\"wait\":\"stopped\",\"reason\":\"tea\"}");
	ck_assert_ptr_null(rig_answer(&r, RPC_WORKER_INSUBSTANTIATE));
	rig_pass(&r, 180000);
	reply = rig_answer(&r, RPC_WORKER_INSUBSTANTIATE);
	check_member(reply, "generation", "1");
	json_decref(reply);
	check_show(&r, "state", "\"not_substantiated\"");
	/* It is down: said at once. */
	rig_good(&r, RPC_WORKER_INSUBSTANTIATE,
		"{\"worker\":\"bot1\",\"wait\":\"stopped\"}");
	rig_close(&r);
}
END_TEST

START_TEST(test_generations)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	rig_bring_up(&r);
	rig_good(&r, RPC_WORKER_INSUBSTANTIATE, "{\"worker\":\"bot1\"}");
	rig_pass(&r, 180000);
	rig_bring_up(&r);
	reply = rig_call(&r, RPC_WORKER_INSUBSTANTIATE,
		"{\"worker\":\"bot1\",\"generation\":1,\"wait\":\"stopped\"}");
	check_member(reply, "generation", "2");
	json_decref(reply);
	check_show(&r, "state", "\"substantiated\"");
	rig_refused(&r, RPC_WORKER_INSUBSTANTIATE,
		"{\"worker\":\"bot1\",\"generation\":3}", -32003);
	rig_refused(&r, RPC_WORKER_ATTACHED, "{\"worker\":\"bot1\",\"generation\":1}",
		-32003);
	rig_refused(&r, RPC_WORKER_DETACHED, "{\"worker\":\"bot1\",\"generation\":1}",
		-32003);
	rig_refused(&r, RPC_WORKER_BUILD_STARTED,
		"{\"worker\":\"bot1\",\"generation\":1}", -32003);
	rig_close(&r);
}
END_TEST

START_TEST(test_builds)
{
	struct rig r;

	rig_open(&r);
	rig_bring_up(&r);
	rig_good(&r, RPC_WORKER_BUILD_STARTED,
		"{\"worker\":\"bot1\",\"build\":\"b/1\"}");
	rig_good(&r, RPC_WORKER_BUILD_STARTED, "{\"worker\":\"bot1\"}");
	check_show(&r, "building", "2");
	rig_good(&r, RPC_WORKER_BUILD_FINISHED, "{\"worker\":\"bot1\"}");
	check_show(&r, "building", "1");
	rig_good(&r, RPC_WORKER_BUILD_STARTED, "{\"worker\":\"bot1\",\"building\":5}");
	check_show(&r, "building", "5");
	rig_good(&r, RPC_WORKER_BUILD_FINISHED, "{\"worker\":\"bot1\",\"building\":0}");
	check_show(&r, "building", "0");
	check_show(&r, "deadline.kind", "\"build_wait_timeout\"");
	rig_good(&r, RPC_WORKER_DETACHED, "{\"worker\":\"bot1\"}");
	check_show(&r, "attached", "false");
	rig_refused(&r, RPC_WORKER_BUILD_STARTED, "{\"worker\":\"x\"}", -32001);
	rig_refused(&r, RPC_WORKER_DETACHED, "{\"worker\":\"x\"}", -32001);
	rig_close(&r);
}
END_TEST

START_TEST(test_attach_without_launch)
{
	struct rig r;

	rig_open(&r);
	rig_refused(&r, RPC_WORKER_ATTACHED, "{\"worker\":\"bot1\"}", -32008);
	rig_bring_up(&r);
	rig_refused(&r, RPC_WORKER_ATTACHED,
		"{\"worker\":\"bot1\",\"instance_id\":\"i-00000000\"}", -32003);
	rig_close(&r);
}
END_TEST

START_TEST(test_password)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	reply = rig_call(&r, RPC_WORKER_PASSWORD, "{\"worker\":\"bot1\"}");
	check_member(reply, "password", "\"sekrit\"");
	json_decref(reply);
	rig_refused(&r, RPC_WORKER_PASSWORD, "{\"worker\":\"made\"}", -32007);
	rig_refused(&r, RPC_WORKER_PASSWORD, "{\"worker\":\"x\"}", -32001);
	rig_good(&r, RPC_WORKER_SUBSTANTIATE, "{\"worker\":\"made\"}");
	rig_good(&r, RPC_WORKER_PASSWORD, "{\"worker\":\"made\"}");
	rig_close(&r);
}
END_TEST

static void
check_check(struct rig *r, const char *ok, const char *message)
{
	AUTO(json)
	json_t *reply = rig_call(r, RPC_WORKER_CHECK, "{\"worker\":\"bot1\"}");
	AUTO(free) char *text = result_member(reply, "message");

	check_member(reply, "ok", ok);
	ck_assert_msg(strstr(text, message) != NULL, "%s", text);
}

START_TEST(test_check)
{
	struct rig r;

	rig_open(&r);
	check_check(&r, "false", "it is down");
	rig_good(&r, RPC_WORKER_SUBSTANTIATE, "{\"worker\":\"bot1\"}");
	check_check(&r, "true", "no instance yet: ");
	rig_pass(&r, 60000);
	check_check(&r, "true", " is running");
	rig_good(&r, RPC_WORKER_INSUBSTANTIATE, "{\"worker\":\"bot1\"}");
	check_check(&r, "false", " is being terminated: ");
	rig_refused(&r, RPC_WORKER_CHECK, "{\"worker\":\"x\"}", -32001);
	rig_close(&r);
}
END_TEST

START_TEST(test_history)
{
	struct rig r;
	json_t *all, *some;
	char *seq, *params;

	rig_open(&r);
	rig_bring_up(&r);
	rig_good(&r, RPC_WORKER_BUILD_STARTED,
		"{\"worker\":\"bot1\",\"build\":\"b/1\"}");
	all = rig_call(&r, RPC_WORKER_HISTORY, "{\"worker\":\"bot1\"}");
	check_member(all, "records.0.type", "\"build\"");
	seq = result_member(all, "records.1.seq");
	params = xasprintf("{\"worker\":\"bot1\",\"before\":%s,\"limit\":2}", seq);
	some = rig_call(&r, RPC_WORKER_HISTORY, params);
	ck_assert_uint_eq(json_array_size(
				  json_object_get(json_object_get(some, "result"),
					  "records")),
		2);
	for (int i = 0; i < 2; i++) {
		AUTO(free) char *path = xasprintf("records.%d", i);
		AUTO(free) char *later = xasprintf("records.%d", i + 2);
		AUTO(free) char *expected = result_member(all, later);

		check_member(some, path, expected);
	}
	free(seq);
	free(params);
	json_decref(all);
	json_decref(some);
	rig_refused(&r, RPC_WORKER_HISTORY, "{\"worker\":\"x\"}", -32001);
	rig_close(&r);
}
END_TEST

/* What EC2 refused shows at once. */
START_TEST(test_last_error)
{
	struct rig r;

	rig_open(&r);
	r.cloud->faults.refuse = 1000;
	rig_good(&r, RPC_WORKER_SUBSTANTIATE, "{\"worker\":\"bot1\"}");
	rig_pass(&r, 5000);
	check_show(&r, "state", "\"substantiating\"");
	check_show(&r, "last_error.kind", "\"failed\"");
	check_show(&r, "last_error.reason", "\"capacity\"");
	rig_close(&r);
}
END_TEST

static void
check_view(const struct fields *table, json_t *view, const char *expected)
{
	AUTO(node) struct node *node = json_to_node(view);
	AUTO(buf) struct buf text = {.data = NULL};
	struct err err;

	ck_assert_msg(field_match(table, node, &err) == 0, "%s", err.text);
	json_print(view, &text);
	ck_assert_str_eq(buf_str(&text), expected);
	json_decref(view);
}

/* The words of EC2, whatever bytes they are. */
START_TEST(test_views_of_aws)
{
	const struct event event = {
		.seq = 7,
		.epoch = 8,
		.at = RIG_WALL_MS,
		.type = EVENT_FAILED,
		.worker = "bot1",
		.generation = 3,
		.launch = "l",
		.instance = "i-1",
		.from = "a",
		.to = "b",
		.by = "EC2",
		.reason = "no\xff",
		.aws_code = "Code",
		.aws_message = "",
		.aws_request_id = "req",
	};
	const struct event bare = {.seq = 1, .at = RIG_WALL_MS, .type = EVENT_RELOAD};
	struct err err;

	check_view(&rpc_event_fields, view_event(&event),
		"{\"seq\":7,\"epoch\":8,\"at\":\"2026-09-21T14:13:20.000Z\",\"type\":"
		"\"failed\",\"worker\":\"bot1\",\"generation\":3,\"by\":\"EC2\",\"reason\":"
		"\"no\xef\xbf\xbd\",\"launch\":\"l\",\"instance\":\"i-1\",\"from\":\"a\","
		"\"to\":\"b\",\"aws\":{\"code\":\"Code\",\"message\":null,"
		"\"request_id\":\"req\"}}");
	check_view(&rpc_event_fields, view_event(&bare),
		"{\"seq\":1,\"epoch\":0,\"at\":\"2026-09-21T14:13:20.000Z\",\"type\":"
		"\"reload\",\"worker\":null,\"generation\":null,\"by\":null,\"reason\":null}");
	err_set(&err, ERR_SERVICE, "RunInstances: no");
	err.reason = REASON_QUOTA;
	err_origin(&err, "Limit", "Too many", NULL);
	check_view(&rpc_error_fields, view_error(&err),
		"{\"kind\":\"failed\",\"reason\":\"quota\",\"message\":\"RunInstances: "
		"no\",\"aws\":{\"code\":\"Limit\",\"message\":\"Too many\",\"request_id\":"
		"null}}");
}
END_TEST

START_TEST(test_version)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	reply = rig_call(&r, RPC_DAEMON_VERSION, "{}");
	check_member(reply, "version", "\"" VERSION "\"");
	check_member(reply, "protocol", "1");
	check_member(reply, "pool", "\"unit\"");
	check_member(reply, "started_at", "\"2026-09-21T14:13:20.000Z\"");
	json_decref(reply);
	rig_close(&r);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("calls");
	TCase *tc = tcase_create("calls");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, test_bound);
	tcase_add_test(tc, test_words);
	tcase_add_test(tc, test_list);
	tcase_add_test(tc, test_show);
	tcase_add_test(tc, test_configuration_without_secrets);
	tcase_add_loop_test(tc, test_wait_for_running, 0, COUNT_OF(waits));
	tcase_add_test(tc, test_wait_for_attached);
	tcase_add_loop_test(tc, test_wait_that_fails, 0, COUNT_OF(failures));
	tcase_add_test(tc, test_wait_for_stopped);
	tcase_add_test(tc, test_generations);
	tcase_add_test(tc, test_builds);
	tcase_add_test(tc, test_attach_without_launch);
	tcase_add_test(tc, test_password);
	tcase_add_test(tc, test_check);
	tcase_add_test(tc, test_history);
	tcase_add_test(tc, test_last_error);
	tcase_add_test(tc, test_views_of_aws);
	tcase_add_test(tc, test_version);
	suite_add_tcase(suite, tc);
	return suite;
}
