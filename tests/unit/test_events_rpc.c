/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions: what is sent, in which order, to whom; from the past without gap or
 * double, over a crash, and to a reader that does not read.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/field.h"
#include "base/node.h"
#include "core/event.h"
#include "core/pool.h"
#include "core/store_load.h"
#include "rpc/json.h"
#include "rpc/schema.h"
#include "rpc_world.h"
#include "sys/db.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char workers[] = "  bot1: { password: sekrit }\n"
			      "  bot2: { password: sekrit }\n"
			      "  other: { password: sekrit }\n";

#define DAY_MS (INT64_C(24) * 3600 * 1000)

/* An event of the pool, as a reload makes one; the number stands in its reason. */
static void
emit(struct rpc_world *w, int number)
{
	char reason[32];
	struct event e = {.type = EVENT_RELOAD, .by = "test", .reason = reason};

	(void)snprintf(reason, sizeof(reason), "%d", number);
	event_emit(w->world.pool->events, NULL, &e);
	server_run(&w->server);
}

static int64_t
last_seq(const struct rpc_world *w)
{
	return events_last_seq(w->world.pool->events);
}

static int64_t
subscribe(struct rpc_world *w, int fd, const char *params)
{
	AUTO(json)
	json_t *result = rpc_world_result(w, fd, "events.subscribe", params);

	ck_assert_int_eq(int_of(result, "epoch"), store_meta(w->world.store)->epoch);
	return int_of(result, "seq");
}

/* The next notification must have this seq; checks the event's shape. */
static void
expect_seq(struct rpc_world *w, int fd, int64_t seq)
{
	AUTO(json) json_t *event = rpc_world_event(w, fd);
	struct node *node;
	struct err err;

	ck_assert_msg(event != NULL, "no event, where %lld should be", (long long)seq);
	ck_assert_int_eq(int_of(event, "seq"), seq);
	node = json_to_node(event);
	ck_assert_msg(field_match(&rpc_event_fields, node, &err) == 0, "%s", err.text);
	node_free(node);
}

static void
expect_nothing(struct rpc_world *w, int fd)
{
	AUTO(json) json_t *event = rpc_world_event(w, fd);

	ck_assert_msg(event == NULL, "an event that nobody asked for");
}

START_TEST(test_live)
{
	struct rpc_world w;
	int fd, idle;
	int64_t seq;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	idle = server_connect(&w.server);
	emit(&w, 0);
	seq = subscribe(&w, fd, "{}");
	ck_assert_int_eq(seq, last_seq(&w));
	expect_nothing(&w, fd);
	world_up(&w.world, "bot1");
	ck_assert_int_gt(last_seq(&w), seq);
	while (seq < last_seq(&w))
		expect_seq(&w, fd, ++seq);
	expect_nothing(&w, fd);
	expect_nothing(&w, idle);
	close(fd);
	close(idle);
	server_run(&w.server);
	emit(&w, 1);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_members)
{
	struct rpc_world w;
	json_t *event;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	(void)subscribe(&w, fd, "{\"types\":[\"state\"]}");
	world_up(&w.world, "bot1");
	event = rpc_world_event(&w, fd);
	ck_assert_str_eq(text_of(event, "type"), "state");
	ck_assert_str_eq(text_of(event, "worker"), "bot1");
	ck_assert_int_eq(int_of(event, "generation"), 1);
	ck_assert_str_eq(text_of(event, "from"), "not_substantiated");
	ck_assert_str_eq(text_of(event, "to"), "substantiating");
	ck_assert_str_eq(text_of(event, "by"), "uid 0");
	json_decref(event);
	rpc_world_fini(&w);
	close(fd);
}
END_TEST

/* Events of two workers and one of the pool, filtered. */
static const struct {
	const char *params;
	bool bot1, bot2, pool;
	int line;
} filters[] = {
	{"{}", true, true, true, __LINE__},
	{"{\"workers\":\"*\"}", true, true, true, __LINE__},
	{"{\"workers\":\"bot1\"}", true, false, true, __LINE__},
	{"{\"workers\":\"bot[2-9]\"}", false, true, true, __LINE__},
	{"{\"workers\":\"x*\"}", false, false, true, __LINE__},
	{"{\"types\":[\"state\"]}", true, true, false, __LINE__},
	{"{\"types\":[\"reload\"]}", false, false, true, __LINE__},
	{"{\"types\":[\"state\",\"reload\"],\"workers\":\"bot2\"}", false, true, true,
		__LINE__},
	{"{\"types\":[\"build\"]}", false, false, false, __LINE__},
	{"{\"types\":[]}", true, true, true, __LINE__},
	{"{\"since\":0}", true, true, true, __LINE__},
	{"{\"since\":0,\"workers\":\"bot1\"}", true, false, true, __LINE__},
	{"[\"bot1\",[\"state\"],0]", true, false, false, __LINE__},
};

START_TEST(test_filters)
{
	bool bot1 = false, bot2 = false, pool = false;
	struct rpc_world w;
	json_t *event;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	(void)subscribe(&w, fd, filters[_i].params);
	world_up(&w.world, "bot1");
	world_up(&w.world, "bot2");
	emit(&w, 1);
	while ((event = rpc_world_event(&w, fd)) != NULL) {
		const json_t *worker = json_object_get(event, "worker");

		if (json_is_null(worker))
			pool = true;
		else if (strcmp(json_string_value(worker), "bot1") == 0)
			bot1 = true;
		else
			bot2 = true;
		json_decref(event);
	}
	ck_assert_msg(bot1 == filters[_i].bot1 && bot2 == filters[_i].bot2 &&
			pool == filters[_i].pool,
		"line %d", filters[_i].line);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

static const struct {
	const char *params;
	const char *text;
} refused[] = {
	{"{\"types\":[\"phases\"]}", "types"},
	{"{\"types\":\"phase\"}", "types"},
	{"{\"types\":[7]}", "types"},
	{"{\"since\":-1}", "since"},
	{"{\"since\":\"now\"}", "since"},
	{"{\"worker\":\"bot1\"}", "worker"},
};

START_TEST(test_refused)
{
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	ck_assert_int_eq(rpc_world_code(&w, fd, "events.subscribe", refused[_i].params,
				 refused[_i].text),
		-32602);
	emit(&w, 1);
	expect_nothing(&w, fd);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* More pages than one, then live; each seq once and in order. */
START_TEST(test_since)
{
	struct rpc_world w;
	int64_t seq;
	int fd;

	rpc_world_init(&w, workers, NULL);
	for (int n = 0; n < 1000; n++) {
		struct event e = {.type = EVENT_RELOAD, .by = "test"};

		event_emit(w.world.pool->events, NULL, &e);
	}
	world_turn(&w.world);
	fd = server_connect(&w.server);
	ck_assert_int_eq(subscribe(&w, fd, "{\"since\":100}"), last_seq(&w));
	for (seq = 101; seq <= 500; seq++)
		expect_seq(&w, fd, seq);
	emit(&w, 1); /* in the middle of the replay */
	for (; seq <= last_seq(&w); seq++)
		expect_seq(&w, fd, seq);
	expect_nothing(&w, fd);
	emit(&w, 2);
	expect_seq(&w, fd, last_seq(&w));
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_since_after_crash)
{
	struct rpc_world w;
	int64_t seq = 0;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	(void)subscribe(&w, fd, "{\"since\":0}");
	world_up(&w.world, "bot1");
	for (int n = 0; n < 2; n++)
		expect_seq(&w, fd, ++seq);
	rpc_world_restart(&w);
	close(fd);
	world_run(&w.world, 30000);
	fd = server_connect(&w.server);
	(void)subscribe(&w, fd, "{\"since\":2}");
	world_down(&w.world, "bot1");
	while (seq < last_seq(&w))
		expect_seq(&w, fd, ++seq);
	ck_assert_int_gt(seq, 6);
	expect_nothing(&w, fd);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* A place that this ledger has not reached: from now on, and the reply shows it. */
START_TEST(test_since_of_the_future)
{
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	emit(&w, 1);
	fd = server_connect(&w.server);
	ck_assert_int_eq(subscribe(&w, fd, "{\"since\":1000000}"), last_seq(&w));
	expect_nothing(&w, fd);
	emit(&w, 2);
	expect_seq(&w, fd, last_seq(&w));
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_replaced_and_ended)
{
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	(void)subscribe(&w, fd, "{}");
	(void)subscribe(&w, fd, "{\"types\":[\"build\"]}");
	emit(&w, 1);
	expect_nothing(&w, fd);
	(void)subscribe(&w, fd, "{}");
	emit(&w, 2);
	expect_seq(&w, fd, last_seq(&w));
	expect_nothing(&w, fd);
	for (int n = 0; n < 2; n++) {
		json_decref(rpc_world_result(&w, fd, "events.unsubscribe", "{}"));
		emit(&w, 3);
		expect_nothing(&w, fd);
	}
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* Old events are purged, the newest of all excepted; who asks for them is told. */
START_TEST(test_lost)
{
	struct rpc_world w;
	json_t *event;
	int64_t seq;
	int fd;

	rpc_world_init(&w, workers, NULL);
	for (int n = 0; n < 10; n++)
		emit(&w, n);
	seq = last_seq(&w);
	world_run(&w.world, 40 * DAY_MS);
	emit(&w, 10); /* its commit purges */
	rpc_world_restart(&w);
	fd = server_connect(&w.server);
	(void)subscribe(&w, fd, "{\"since\":3,\"types\":[\"reload\"]}");
	event = rpc_world_event(&w, fd);
	ck_assert_str_eq(text_of(event, "type"), "pool");
	ck_assert_msg(strncmp(text_of(event, "reason"), "lost: ", 6) == 0, "%s",
		text_of(event, "reason"));
	ck_assert_int_eq(int_of(event, "seq"), seq);
	json_decref(event);
	expect_seq(&w, fd, seq + 1);
	expect_nothing(&w, fd);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* With a full disk the past can be read, and what is new waits for its commit. */
START_TEST(test_full_disk)
{
	struct rpc_world w;
	int64_t seq;
	int fd;

	rpc_world_init(&w, workers, NULL);
	emit(&w, 1);
	emit(&w, 2);
	seq = last_seq(&w);
	w.world.disk_full = true;
	emit(&w, 3);
	fd = server_connect(&w.server);
	ck_assert_int_eq(subscribe(&w, fd, "{\"since\":0}"), seq);
	for (int64_t next = 1; next <= seq; next++)
		expect_seq(&w, fd, next);
	expect_nothing(&w, fd);
	w.world.disk_full = false;
	expect_seq(&w, fd, seq + 1);
	expect_nothing(&w, fd);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* What only a later version can say is left out, and nothing is lost for it. */
START_TEST(test_types_of_a_later_version)
{
	struct rpc_world w;
	int64_t seq;
	int fd;

	rpc_world_init(&w, workers, NULL);
	for (int n = 0; n < 600; n++)
		emit(&w, n);
	seq = last_seq(&w);
	ck_assert_int_eq(db_exec(w.world.store->db,
				 "UPDATE history SET type = 'melted' WHERE seq < 595",
				 NULL),
		DB_DONE);
	fd = server_connect(&w.server);
	(void)subscribe(&w, fd, "{\"since\":0}");
	for (int64_t next = 595; next <= seq; next++)
		expect_seq(&w, fd, next);
	expect_nothing(&w, fd);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* What waits for a reader that does not read is bounded, and all of it comes in the end. */
START_TEST(test_slow_reader)
{
	static const struct rpc_limits limits = {
		.line_max = 64 * 1024,
		.batch_max = 64,
		.conns = 2,
		.conns_a_uid = 2,
		.pending = 10,
		.out_total = 160 * 1024, /* less than half of what is sent */
		.out_pause = 256 * 1024,
	};
	struct rpc_world w;
	int64_t seq;
	int fd, size = 4096;

	rpc_world_init(&w, workers, &limits);
	fd = server_connect(&w.server);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	seq = subscribe(&w, fd, "{}");
	for (int n = 0; n < 3000; n++)
		emit(&w, n);
	ck_assert_uint_eq(rpc_conn_count(w.server.rpc), 1);
	while (seq < last_seq(&w))
		expect_seq(&w, fd, ++seq);
	expect_nothing(&w, fd);
	emit(&w, 1);
	expect_seq(&w, fd, ++seq);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* A peer that has closed its sending side still listens. */
START_TEST(test_half_closed)
{
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	(void)subscribe(&w, fd, "{}");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	server_run(&w.server);
	emit(&w, 1);
	expect_seq(&w, fd, last_seq(&w));
	close(fd);
	world_run(&w.world, 10000);
	ck_assert_uint_eq(rpc_conn_count(w.server.rpc), 0);
	rpc_world_fini(&w);
}
END_TEST

/* The rows name the core's types, in the core's order. */
START_TEST(test_type_names)
{
	size_t n;

	for (n = 0; rpc_event_types[n] != NULL; n++)
		ck_assert_str_eq(rpc_event_types[n],
			event_type_name((enum event_type)n));
	ck_assert_uint_eq(n, EVENT_TYPE_COUNT);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("events_rpc");
	TCase *tc = tcase_create("events_rpc");

	tcase_add_test(tc, test_live);
	tcase_add_test(tc, test_members);
	tcase_add_loop_test(tc, test_filters, 0, COUNT_OF(filters));
	tcase_add_loop_test(tc, test_refused, 0, COUNT_OF(refused));
	tcase_add_test(tc, test_since);
	tcase_add_test(tc, test_since_after_crash);
	tcase_add_test(tc, test_since_of_the_future);
	tcase_add_test(tc, test_replaced_and_ended);
	tcase_add_test(tc, test_lost);
	tcase_add_test(tc, test_full_disk);
	tcase_add_test(tc, test_types_of_a_later_version);
	tcase_add_test(tc, test_slow_reader);
	tcase_add_test(tc, test_half_closed);
	tcase_add_test(tc, test_type_names);
	suite_add_tcase(suite, tc);
	return suite;
}
