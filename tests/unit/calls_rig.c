/* SPDX-License-Identifier: Apache-2.0 */
#include "calls_rig.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/log.h"
#include "base/node.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/store.h"
#include "fake_cloud.h"
#include "rpc/bind.h"
#include "rpc/json.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

#define BOOT_MS 1000000

static const char conf_text[] =
	"pool: unit\n"
	"state_dir: /nonexistent\n"
	"aws: { region: us-east-1 }\n"
	"worker_defaults: { keypair_name: k, security_name: s, instance_type: m5.large,\n"
	"                   ami: ami-12345, missing_timeout: 5m }\n"
	"workers:\n"
	"  bot1: { password: sekrit, user_data: 'private {{ password }}', tags: { a: b } }\n"
	"  made: { password: generated, secret_identifier: hidden, identifier: AKIDTEST }\n"
	"  \"w-[1-5]\": { password: x }\n";

static int
on_commit(void *arg)
{
	struct rig *r = arg;

	ck_assert_int_eq(pool_commit(r->daemon.pool, NULL), STORE_OK);
	return 0;
}

void
rig_pass(struct rig *r, int64_t ms)
{
	for (; ms > 0; ms -= 100) {
		clock_fake_advance(100);
		fake_cloud_tick(r->cloud);
		server_run(&r->server);
	}
}

/* Before that nothing is launched. */
static void
await_listings(struct rig *r)
{
	const struct poller *p;

	for (p = r->daemon.pool->pollers; p != NULL; p = poller_next(p))
		while (poller_listed_ms(p) == 0)
			rig_pass(r, 100);
}

void
rig_open(struct rig *r)
{
	struct conf_problems *problems = conf_problems_new();
	struct daemon *d = &r->daemon;
	struct err err;

	clock_fake(BOOT_MS, RIG_WALL_MS);
	log_set_level(LOG_LEVEL_ERROR);
	*r = (struct rig){.cloud = NEW(struct fake_cloud)};
	server_open(&r->server, NULL);
	rng_seed(&r->rng, 7);
	fake_cloud_init(r->cloud, &r->rng);
	fake_cloud_attach(r->cloud, r->server.loop);
	d->loop = r->server.loop;
	d->conf = conf_parse(conf_text, strlen(conf_text), "unit.yaml", "/", problems);
	ck_assert_ptr_nonnull(d->conf);
	conf_problems_free(problems);
	d->store = store_open(NULL, &err);
	ck_assert_ptr_nonnull(d->store);
	d->started_wall = clock_wall_ms();
	d->pool = pool_new(&(struct pool_parts){.loop = d->loop,
				   .store = d->store,
				   .maker = &r->cloud->maker,
				   .conf = d->conf,
				   .seed = 7},
		&err);
	ck_assert_ptr_nonnull(d->pool);
	loop_set_commit(d->loop, on_commit, r);
	pool_start(d->pool);
	r->server.service.specs = rpc_specs;
	r->server.service.calls = rpc_calls;
	r->server.service.count = RPC_METHOD_COUNT;
	r->server.service.context = d;
	r->fd = server_connect(&r->server);
	await_listings(r);
	clock_fake(clock_ms(), RIG_WALL_MS);
}

void
rig_close(struct rig *r)
{
	close(r->fd);
	rpc_free(r->server.rpc);
	pool_free(r->daemon.pool);
	store_close(r->daemon.store);
	conf_free(r->daemon.conf);
	fake_cloud_fini(r->cloud);
	free(r->cloud);
	loop_free(r->server.loop);
}

static void
check_shape(enum rpc_method method, const json_t *result)
{
	AUTO(node) struct node *node = json_to_node(result);
	struct err err;

	ck_assert_msg(field_match(rpc_specs[method].result, node, &err) == 0, "%s: %s",
		rpc_specs[method].name, err.text);
}

void
rig_ask(struct rig *r, enum rpc_method method, const char *params)
{
	AUTO(free)
	char *line = xasprintf(
		"{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":%s,\"id\":1}\n",
		rpc_specs[method].name, params);

	client_send(&r->server, r->fd, line, strlen(line));
}

json_t *
rig_answer(struct rig *r, enum rpc_method method)
{
	AUTO(free) char *line = client_line(&r->server, r->fd);
	json_t *reply = line != NULL ? json_loads(line, 0, NULL) : NULL;
	const json_t *result = json_object_get(reply, "result");

	if (result != NULL)
		check_shape(method, result);
	return reply;
}

json_t *
rig_call(struct rig *r, enum rpc_method method, const char *params)
{
	json_t *reply;

	rig_ask(r, method, params);
	reply = rig_answer(r, method);
	ck_assert_msg(reply != NULL, "%s %s: no reply", rpc_specs[method].name, params);
	return reply;
}

void
rig_good(struct rig *r, enum rpc_method method, const char *params)
{
	AUTO(json) json_t *reply = rig_call(r, method, params);

	ck_assert_msg(json_object_get(reply, "result") != NULL, "%s %s: %s",
		rpc_specs[method].name, params,
		json_string_value(
			json_object_get(json_object_get(reply, "error"), "message")));
}

void
rig_refused(struct rig *r, enum rpc_method method, const char *params, int code)
{
	AUTO(json) json_t *reply = rig_call(r, method, params);

	ck_assert_msg(reply_code(reply) == code, "%s %s: %d, not %d",
		rpc_specs[method].name, params, reply_code(reply), code);
}

static const json_t *
step_into(const json_t *value, const char *name)
{
	if (json_is_array(value))
		return json_array_get(value, strtoul(name, NULL, 10));
	return json_object_get(value, name);
}

char *
result_member(const json_t *reply, const char *path)
{
	const json_t *value = json_object_get(reply, "result");
	AUTO(buf) struct buf text = {.data = NULL};

	while (value != NULL && *path != '\0') {
		size_t len = strcspn(path, ".");
		AUTO(free) char *name = xstrndup(path, len);

		value = step_into(value, name);
		path += len + (path[len] == '.');
	}
	if (value != NULL)
		json_print(value, &text);
	return buf_take(&text);
}

void
check_member(const json_t *reply, const char *path, const char *expected)
{
	AUTO(free) char *text = result_member(reply, path);

	ck_assert_msg(strcmp(text, expected) == 0, "%s: %s, not %s", path, text,
		expected);
}

void
check_show(struct rig *r, const char *path, const char *expected)
{
	AUTO(json)
	json_t *reply = rig_call(r, RPC_WORKER_SHOW, "{\"worker\":\"bot1\"}");

	check_member(reply, path, expected);
}

void
rig_bring_up(struct rig *r)
{
	rig_good(r, RPC_WORKER_SUBSTANTIATE, "{\"worker\":\"bot1\"}");
	rig_pass(r, 60000);
	rig_good(r, RPC_WORKER_ATTACHED, "{\"worker\":\"bot1\"}");
}
