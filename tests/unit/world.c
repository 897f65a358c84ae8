/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "core/worker_view.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

static const char head[] =
	"pool: test\nstate_dir: /nonexistent\naws: { region: us-east-1 }\n"
	"mail: { smtp_url: 'smtp://127.0.0.1:1', from: ec2workerd@example.org }\n";

/* What a worker has unless a key excludes it. */
static const struct {
	const char *text, *unless;
} defaults[] = {
	{"keypair_name: k", NULL},
	{"instance_type: m5.large", NULL},
	{"security_name: s", "subnet_id"},
	{"ami: ami-12345", "valid_ami_"},
};

static const struct cause tester = {"uid 0", "test"};

static struct conf *
parse(const char *workers)
{
	struct conf_problems *problems = conf_problems_new();
	AUTO(buf) struct buf text = {0}, out = {0};
	struct conf *conf;

	buf_printf(&text, "%sworker_defaults:\n", head);
	for (size_t n = 0; n < COUNT_OF(defaults); n++)
		if (defaults[n].unless == NULL ||
			strstr(workers, defaults[n].unless) == NULL)
			buf_printf(&text, "  %s\n", defaults[n].text);
	buf_printf(&text, "workers:\n%s", workers);
	conf = conf_parse(buf_str(&text), text.len, "test.yaml", "/", problems);
	conf_problems_print(problems, &out);
	ck_assert_msg(conf != NULL, "%s", buf_str(&out));
	conf_problems_free(problems);
	return conf;
}

static int
on_commit(void *arg)
{
	struct world *v = arg;
	struct err err = {.code = ERR_NONE};

	v->pool->degraded = v->disk_full;
	if (v->disk_full)
		return -1;
	v->committed = pool_commit(v->pool, &err);
	(void)snprintf(v->commit_text, sizeof(v->commit_text), "%s", err.text);
	ck_assert_msg(v->may_fail || v->committed == STORE_OK, "%s", err.text);
	return v->committed == STORE_OK ? 0 : -1;
}

static void
open_store(struct world *v)
{
	struct err err;

	v->store = store_open(v->dir, &err);
	ck_assert_msg(v->store != NULL, "%s", err.text);
}

static void
begin(struct world *v)
{
	struct err err;

	v->loop = loop_new(&err);
	ck_assert(v->loop != NULL);
	fake_cloud_attach(&v->cloud, v->loop);
	v->pool = pool_new(&(struct pool_parts){.loop = v->loop,
				   .store = v->store,
				   .maker = &v->cloud.maker,
				   .conf = v->conf,
				   .seed = 7},
		&err);
	ck_assert_msg(v->pool != NULL, "%s", err.text);
	loop_set_commit(v->loop, on_commit, v);
	pool_start(v->pool);
	world_turn(v);
}

/* Until all clouds are listed, for before that nothing is launched. */
static void
await_listings(struct world *v)
{
	const struct poller *p;

	for (p = v->pool->pollers; p != NULL; p = poller_next(p))
		while (poller_listed_ms(p) == 0)
			world_run(v, 1);
}

void
world_init(struct world *v, const char *workers)
{
	world_init_in(v, NULL, workers);
}

static void
init(struct world *v, const char *dir, const char *workers, bool trials)
{
	memset(v, 0, sizeof(*v));
	v->dir = dir;
	log_set_level(LOG_LEVEL_ERROR);
	clock_fake(INT64_C(1000000), INT64_C(1790000000000));
	rng_seed(&v->rng, 1);
	fake_cloud_init(&v->cloud, &v->rng);
	v->cloud.trials = trials;
	v->conf = parse(workers);
	open_store(v);
	begin(v);
	await_listings(v);
}

void
world_init_in(struct world *v, const char *dir, const char *workers)
{
	init(v, dir, workers, false);
}

void
world_init_tried(struct world *v, const char *workers)
{
	init(v, NULL, workers, true);
}

void
world_stop(struct world *v)
{
	v->cloud.deaf = true;
	pool_free(v->pool);
	loop_free(v->loop);
	if (v->dir != NULL)
		store_close(v->store);
}

void
world_again(struct world *v)
{
	if (v->dir != NULL)
		open_store(v);
	begin(v);
}

void
world_restart(struct world *v)
{
	world_stop(v);
	world_again(v);
}

void
world_reload(struct world *v, const char *workers)
{
	struct conf *old = v->conf;

	v->conf = parse(workers);
	pool_reload(v->pool, v->conf);
	conf_free(old);
	world_turn(v);
}

void
world_fini(struct world *v)
{
	pool_free(v->pool);
	loop_free(v->loop);
	store_close(v->store);
	fake_cloud_fini(&v->cloud);
	conf_free(v->conf);
	clock_real();
}

void
world_turn(struct world *v)
{
	(void)fake_cloud_tick(&v->cloud);
	loop_turn(v->loop, false);
}

void
world_run(struct world *v, int64_t ms)
{
	int64_t until = clock_ms() + ms;

	world_turn(v); /* what waits for no time */
	while (clock_ms() < until) {
		int64_t next = fake_cloud_tick(&v->cloud),
			due = loop_next_due_ms(v->loop);

		due = due < next ? due : next;
		due = due < until ? due : until;
		if (due > clock_ms())
			clock_fake_advance(due - clock_ms());
		world_turn(v);
	}
	for (int n = 0; n < 10; n++) /* what the last moment has set off */
		world_turn(v);
}

struct worker *
world_worker(struct world *v, const char *name)
{
	struct worker *w = pool_find(v->pool, name);

	ck_assert_msg(w != NULL, "no worker %s", name);
	return w;
}

void
world_up(struct world *v, const char *name)
{
	struct err err;

	ck_assert_msg(worker_substantiate(world_worker(v, name), &tester, NULL, &err) ==
			0,
		"%s", err.text);
	world_turn(v);
}

void
world_down(struct world *v, const char *name)
{
	struct err err;
	bool done;

	ck_assert(worker_insubstantiate(world_worker(v, name), 0, &tester, &done,
			  &err) == 0);
	world_turn(v);
}

void
world_attach(struct world *v, const char *name)
{
	struct err err;

	ck_assert_msg(worker_attached(world_worker(v, name), 0, NULL, &tester, &err) ==
			0,
		"%s", err.text);
	world_turn(v);
}

void
world_ready(struct world *v, const char *name)
{
	world_up(v, name);
	world_run(v, 30000);
	world_attach(v, name);
	world_run(v, 10);
	ck_assert_int_eq(worker_state(world_worker(v, name)), WORKER_SUBSTANTIATED);
}

void
world_on_told(void *arg, struct worker *w, const struct err *err)
{
	struct world_told *t = arg;

	ck_assert_ptr_nonnull(w);
	t->calls++;
	if (err != NULL)
		t->err = *err;
	else
		err_clear(&t->err);
}

struct fake_instance *
world_living(struct world *v, const char *name)
{
	for (size_t n = 0; n < v->cloud.count; n++)
		if (strcmp(v->cloud.instances[n].worker, name) == 0 &&
			fake_is_living(&v->cloud.instances[n]))
			return &v->cloud.instances[n];
	return NULL;
}
