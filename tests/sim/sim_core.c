/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated lives of the core: random wishes, machines and faults, a crash at any turn,
 * and after each life the question whether anything leaked, doubled or was wrongly killed.
 *
 * sim_core [--seeds N] [--seed S] [--steps N] [--first-only 1] [--log LEVEL]
 */
#include "fake_cloud.h"
#include "fake_state.h"
#include "layout.h"
#include "strays.h"

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pause.h"
#include "core/pool.h"
#include "core/request.h"
#include "core/store.h"
#include "core/worker.h"
#include "core/worker_view.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BOOT_MS (INT64_C(1000) * 1000)
#define WALL_MS (INT64_C(1790000000) * 1000)
#define QUIET_MS (INT64_C(4) * 3600 * 1000)

enum crash { CRASH_NONE, CRASH_BEFORE_COMMIT, CRASH_AFTER_COMMIT };

/* What a client was told about a request of its own. */
struct told {
	char key[24];
	char worker[72];
	int64_t generation;
};

struct life {
	uint64_t seed;
	struct rng rng;
	struct fake_cloud cloud;
	struct conf *conf;
	struct store *store;
	struct loop *loop;
	struct pool *pool;
	enum crash crash; /* in the present turn */
	bool disk_full;   /* no commit succeeds, and nothing leaves */
	bool strays;      /* there are instances that no launch of ours has made */
	unsigned crashes;
	uint64_t keys;         /* used so far */
	struct told told[200]; /* the latest, in turn */
	unsigned told_count;
	uint64_t equipped; /* times that a worker with all its things was seen ready */
	size_t looked_at;  /* launches whose image was */
	char failure[600];
};

static void
failed(struct life *v, const char *what)
{
	if (v->failure[0] == '\0')
		(void)snprintf(v->failure, sizeof(v->failure), "%s", what);
}

static int
on_commit(void *arg)
{
	struct life *v = arg;
	struct err err;

	v->pool->degraded = v->disk_full;
	if (v->crash == CRASH_BEFORE_COMMIT || v->disk_full)
		return -1;
	if (pool_commit(v->pool, &err) != STORE_OK) {
		failed(v, err.text);
		return -1;
	}
	if (v->crash == CRASH_AFTER_COMMIT)
		v->cloud.deaf = true;
	return 0;
}

static void
start(struct life *v)
{
	struct err err;

	v->crash = CRASH_NONE;
	v->loop = loop_new(&err);
	fake_cloud_attach(&v->cloud, v->loop);
	v->pool = v->loop == NULL ? NULL
				  : pool_new(&(struct pool_parts){.loop = v->loop,
						     .store = v->store,
						     .maker = &v->cloud.maker,
						     .conf = v->conf,
						     .seed = rng_u64(&v->rng)},
					    &err);
	if (v->pool == NULL) {
		failed(v, err.text);
		return;
	}
	loop_set_commit(v->loop, on_commit, v);
	pool_start(v->pool);
}

static void
die(struct life *v)
{
	v->cloud.deaf = true;
	pool_free(v->pool);
	loop_free(v->loop);
	v->pool = NULL;
	v->loop = NULL;
}

/* One turn; false if the process died in it and what was told may not be on disk. */
static bool
turn(struct life *v, unsigned crash_thousandth)
{
	bool kept;

	if (rng_below(&v->rng, 1000) < crash_thousandth)
		v->crash = rng_below(&v->rng, 2) == 0 ? CRASH_BEFORE_COMMIT
						      : CRASH_AFTER_COMMIT;
	kept = v->crash != CRASH_BEFORE_COMMIT && !v->disk_full;
	loop_turn(v->loop, false);
	if (v->crash != CRASH_NONE) {
		v->crashes++;
		die(v);
		start(v);
	}
	return kept;
}

static struct worker *
any_worker(struct life *v)
{
	uint64_t skip = rng_below(&v->rng, v->conf->worker_count);
	struct worker *w = pool_first(v->pool);

	while (skip-- > 0)
		w = pool_next(w);
	return w;
}

static struct fake_instance *
any_instance(struct life *v)
{
	for (int tries = 0; v->cloud.count > 0 && tries < 20; tries++) {
		struct fake_instance *i =
			&v->cloud.instances[rng_below(&v->rng, v->cloud.count)];

		if (fake_is_living(i) &&
			(i->origin == FAKE_LAUNCHED ||
				pool_instance(v->pool, i->id) != NULL))
			return i;
	}
	return NULL;
}

static void
allow_deaths(struct life *v, const char *worker)
{
	for (size_t n = 0; n < v->cloud.count; n++)
		if (strcmp(v->cloud.instances[n].worker, worker) == 0)
			v->cloud.instances[n].may_die = true;
}

static const struct cause actor = {"uid 0", "simulation"};

/* A request under a key; a client that got its reply remembers what that said. */
static void
act_up(struct life *v, unsigned crash)
{
	struct worker *w = any_worker(v);
	struct told t;
	struct request_ask ask = {.key = t.key, .what = REQUEST_UP, .worker = t.worker};
	const struct request *past;
	struct err err;

	(void)snprintf(t.key, sizeof(t.key), "%" PRIu64, v->keys++);
	(void)snprintf(t.worker, sizeof(t.worker), "%s", w->name);
	if (requests_look(v->pool->requests, &ask, &past, &err) < 0 || past != NULL ||
		worker_substantiate(w, &actor, NULL, &err) < 0) {
		failed(v, "a start under a new key was refused");
		return;
	}
	requests_add(v->pool->requests, &ask, w);
	t.generation = w->generation;
	if (turn(v, crash))
		v->told[v->told_count++ % COUNT_OF(v->told)] = t;
}

/* Whoever asks again gets the same answer, whatever has crashed since. */
static void
act_repeat(struct life *v, unsigned crash)
{
	size_t count = v->told_count < COUNT_OF(v->told) ? v->told_count
							 : COUNT_OF(v->told);
	const struct told *t = &v->told[count == 0 ? 0 : rng_below(&v->rng, count)];
	struct request_ask ask = {.key = t->key,
		.what = REQUEST_UP,
		.worker = t->worker};
	const struct request *r = NULL;
	struct err err;

	if (count == 0)
		return;
	if (requests_look(v->pool->requests, &ask, &r, &err) < 0)
		failed(v, err.text);
	else if (r == NULL)
		failed(v, "a request is forgotten that was told to be accepted");
	else if (r->generation != t->generation)
		failed(v, "a repeated request is answered for another generation");
	(void)turn(v, crash);
}

static void
act_down(struct life *v, unsigned crash)
{
	struct worker *w = any_worker(v);
	struct err err;
	bool done;

	allow_deaths(v, w->name);
	if (worker_insubstantiate(w, 0, &actor, &done, &err) < 0)
		failed(v, err.text);
	(void)turn(v, crash);
}

/* A machine that runs reports itself; what was not on disk it will report again. */
static void
act_attach(struct life *v, unsigned crash)
{
	struct fake_instance *i = any_instance(v);
	struct worker *w = i == NULL ? NULL : pool_find(v->pool, i->worker);
	struct err err;

	if (w == NULL || i->state != EC2_STATE_RUNNING)
		return;
	if (worker_attached(w, i->generation, NULL, &actor, &err) == 0 && w->attached &&
		turn(v, crash))
		i->attached = true;
}

static void
act_build(struct life *v, unsigned crash)
{
	struct fake_instance *i = any_instance(v);
	struct worker *w = i == NULL ? NULL : pool_find(v->pool, i->worker);
	struct err err;

	if (w == NULL || !i->attached)
		return;
	if (i->building) {
		i->building = false;
		(void)worker_build_finished(w, i->generation, NULL, 0, &actor,
			&err); /* may be stale */
		(void)turn(v, crash);
	} else if (w->attached &&
		worker_build_started(w, i->generation, "b", 1, &actor, &err) == 0 &&
		turn(v, crash)) {
		i->building = fake_is_living(i) && !i->may_die;
	}
}

static void
act_detach(struct life *v, unsigned crash)
{
	struct fake_instance *i = any_instance(v);
	struct worker *w = i == NULL ? NULL : pool_find(v->pool, i->worker);
	struct err err;

	if (w == NULL || !i->attached)
		return;
	i->attached = i->building = false;
	(void)worker_detached(w, i->generation, NULL, &actor, &err); /* may be stale */
	(void)turn(v, crash);
}

static void
act_kill(struct life *v, unsigned crash)
{
	static const int states[] = {EC2_STATE_SHUTTING_DOWN, EC2_STATE_TERMINATED,
		EC2_STATE_STOPPED};
	struct fake_instance *i = any_instance(v);

	if (i != NULL)
		fake_cloud_kill(&v->cloud, i, states[rng_below(&v->rng, 3)]);
	(void)turn(v, crash);
}

static void
act_reload(struct life *v, unsigned crash)
{
	pool_reload(v->pool, v->conf);
	v->cloud.told_ms = 0; /* everything is asked anew */
	(void)turn(v, crash);
}

/* Seldom, and for some minutes. */
static void
act_policy(struct life *v, unsigned crash)
{
	if (v->cloud.may_not_terminate || rng_below(&v->rng, 10) == 0)
		v->cloud.may_not_terminate = !v->cloud.may_not_terminate;
	(void)turn(v, crash);
}

static void
act_fill_disk(struct life *v, unsigned crash)
{
	v->disk_full = !v->disk_full;
	(void)turn(v, crash);
}

static void
act_stray(struct life *v, unsigned crash)
{
	if (!v->strays || v->disk_full)
		return;
	(void)turn(v, 0); /* what is known of the worker is in the ledger */
	strays_add(&v->cloud, v->store, any_worker(v));
	(void)turn(v, crash);
}

/* An admin has looked at what HOLD is on for. */
static void
act_resume(struct life *v, unsigned crash)
{
	pool_resume(v->pool, &actor);
	(void)turn(v, crash);
}

static const struct action {
	void (*act)(struct life *v, unsigned crash);
	unsigned weight;
} actions[] = {
	{act_up, 12},
	{act_repeat, 3},
	{act_down, 6},
	{act_attach, 30},
	{act_build, 20},
	{act_detach, 2},
	{act_kill, 1},
	{act_reload, 1},
	{act_fill_disk, 1},
	{act_stray, 2},
	{act_resume, 1},
	{act_policy, 1},
};

static void
act(struct life *v, unsigned crash)
{
	unsigned total = 0, at;

	for (size_t n = 0; n < COUNT_OF(actions); n++)
		total += actions[n].weight;
	at = (unsigned)rng_below(&v->rng, total);
	for (size_t n = 0; n < COUNT_OF(actions); n++) {
		if (at < actions[n].weight) {
			actions[n].act(v, crash);
			return;
		}
		at -= actions[n].weight;
	}
}

/* Time goes on to the next thing that happens, at most by `most`. */
static void
pass(struct life *v, int64_t most, unsigned crash)
{
	int64_t until = clock_ms() + most, next = fake_cloud_tick(&v->cloud), due;

	while (clock_ms() < until && v->failure[0] == '\0') {
		due = v->loop == NULL ? INT64_MAX : loop_next_due_ms(v->loop);
		due = due < next ? due : next;
		due = due < until ? due : until;
		if (due > clock_ms())
			clock_fake_advance(due - clock_ms());
		next = fake_cloud_tick(&v->cloud);
		(void)turn(v, crash);
		next = fake_cloud_tick(&v->cloud);
	}
}

static bool
is_quiet(const struct life *v)
{
	const struct worker *w;

	for (w = pool_first(v->pool); w != NULL; w = pool_next(w))
		if (worker_state(w) != WORKER_NOT_SUBSTANTIATED)
			return false;
	return v->pool->launches == NULL && v->pool->instances == NULL &&
		v->cloud.effects == NULL && strays_are_over(&v->cloud, v->pool);
}

/* Faults stop, all wishes are withdrawn: what is left after the longest window is a leak. */
static void
settle(struct life *v)
{
	struct worker *w;
	struct err err;
	bool done;
	int64_t limit = clock_ms() + QUIET_MS;

	memset(&v->cloud.faults, 0, sizeof(v->cloud.faults));
	v->disk_full = false;
	v->cloud.may_not_terminate = false;
	for (w = pool_first(v->pool); w != NULL; w = pool_next(w)) {
		allow_deaths(v, w->name);
		if (worker_insubstantiate(w, 0, &actor, &done, &err) < 0)
			failed(v, err.text);
	}
	while (!is_quiet(v) && clock_ms() < limit && v->failure[0] == '\0') {
		pass(v, 10000, 0);
		pool_resume(v->pool, &actor);
	}
	if (v->cloud.violation[0] != '\0')
		failed(v, v->cloud.violation);
	if (fake_cloud_living(&v->cloud) > fake_cloud_strangers(&v->cloud))
		failed(v, "leak: an instance lives that nobody wants");
	if (!is_quiet(v))
		failed(v, "not at rest long after all wishes were withdrawn");
}

static bool
has_volumes(struct life *v, const struct conf_worker *c, const char *instance)
{
	const struct conf_volume *volumes = c->volumes.items;

	for (size_t n = 0; n < c->volumes.count; n++) {
		const struct ec2_volume *seen = fake_volume(&v->cloud,
			volumes[n].volume_id);

		if (seen->attachment_count != 1 ||
			strcmp(seen->attachments[0].instance, instance) != 0 ||
			strcmp(seen->attachments[0].state, "attached") != 0)
			return false;
	}
	return true;
}

/* Whoever names no image gets the one that is chosen, and nobody else does. */
static void
check_images(struct life *v)
{
	const struct fake_runs *runs = &v->cloud.runs_asked;

	for (; v->looked_at < runs->count; v->looked_at++) {
		const struct fake_asked *a = fake_run_asked(runs, v->looked_at);
		bool chooses = strncmp(a->worker, "found-", 6) == 0 ||
			strncmp(a->worker, "named-", 6) == 0;

		if (strcmp(a->image, chooses ? LAYOUT_CHOSEN : LAYOUT_GIVEN) != 0)
			failed(v, "launched from another image than its own");
	}
}

/* L15: whoever is offered, and still runs, has all of its things. */
static void
check_equipped(struct life *v)
{
	const struct worker *w;

	for (w = pool_first(v->pool); w != NULL; w = pool_next(w)) {
		const struct conf_worker *c = w->conf;
		const struct instance *i = worker_instance(w);
		const struct fake_instance *real;

		if (worker_state(w) != WORKER_SUBSTANTIATED ||
			(c->volumes.count == 0 && c->elastic_ip == NULL))
			continue;
		real = fake_by_id(&v->cloud, i->id);
		if (real == NULL || real->state != EC2_STATE_RUNNING ||
			real->origin != FAKE_LAUNCHED)
			continue;
		if (!has_volumes(v, c, i->id) ||
			(c->elastic_ip != NULL &&
				!str_equal(fake_address(&v->cloud, c->elastic_ip)
						   ->instance,
					i->id)))
			failed(v, "ready without its address or a volume");
		v->equipped++;
	}
}

static void
life_run(struct life *v, unsigned steps)
{
	static const struct fake_faults mild = {30, 10, 30, 50, 20, 50, 100, 30, 50};
	static const struct fake_faults wild = {200, 100, 150, 150, 100, 200, 300, 200,
		200};

	v->cloud.faults = rng_below(&v->rng, 3) == 0 ? wild : mild;
	v->cloud.short_memory = rng_below(&v->rng, 2) == 0;
	v->strays = rng_below(&v->rng, 3) == 0;
	for (unsigned n = 0; n < steps && v->failure[0] == '\0'; n++) {
		act(v, 10);
		pass(v, (int64_t)rng_below(&v->rng, 8000), 3);
		if (v->cloud.violation[0] != '\0')
			failed(v, v->cloud.violation);
		check_equipped(v);
		check_images(v);
	}
	if (v->failure[0] == '\0')
		settle(v);
}

/* Over all lives. */
struct tally {
	uint64_t runs, crashes, equipped, strays;
};

/* One life from a seed. True if nothing broke. */
static bool
live(uint64_t seed, unsigned steps, struct tally *tally)
{
	struct life *v = NEW(struct life);
	struct err err;
	bool good;

	v->seed = seed;
	rng_seed(&v->rng, seed);
	clock_fake(BOOT_MS, WALL_MS);
	fake_cloud_init(&v->cloud, &v->rng);
	v->cloud.trials = true;
	layout_fill(&v->cloud);
	v->conf = layout_conf();
	v->store = store_open(NULL, &err);
	if (v->conf == NULL || v->store == NULL) {
		failed(v, "no configuration or no ledger");
	} else {
		start(v);
		if (v->pool != NULL)
			life_run(v, steps);
	}
	good = v->failure[0] == '\0';
	if (!good)
		(void)printf("SEED=%" PRIu64 ": %s\n", seed, v->failure);
	tally->runs += v->cloud.runs;
	tally->crashes += v->crashes;
	tally->equipped += v->equipped;
	for (size_t n = 0; n < v->cloud.count; n++)
		tally->strays += v->cloud.instances[n].origin != FAKE_LAUNCHED;
	pool_free(v->pool);
	if (v->loop != NULL)
		loop_free(v->loop);
	store_close(v->store);
	fake_cloud_fini(&v->cloud);
	conf_free(v->conf);
	free(v);
	return good;
}

int
main(int argc, char **argv)
{
	uint64_t seed = 1;
	struct tally tally = {0};
	unsigned seeds = 40, steps = 400, passed = 0, done = 0;
	bool first_only = false;
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_set_level(LOG_LEVEL_ERROR);
	log_set_fd(nowhere); /* HOLD is an error, and all in a life's work here */
	for (int n = 1; n + 1 < argc; n += 2) {
		uint64_t value = strtoull(argv[n + 1], NULL, 10);

		if (strcmp(argv[n], "--seeds") == 0)
			seeds = (unsigned)value;
		else if (strcmp(argv[n], "--seed") == 0)
			seed = value;
		else if (strcmp(argv[n], "--steps") == 0)
			steps = (unsigned)value;
		else if (strcmp(argv[n], "--first-only") == 0)
			first_only = value != 0;
		else if (strcmp(argv[n], "--log") == 0) {
			log_set_level((enum log_level)value);
			log_set_fd(STDERR_FILENO);
		}
	}
	for (; done < seeds && !(first_only && passed < done); done++)
		passed += live(seed + done, steps, &tally);
	(void)printf("sim_core: %u seeds from %" PRIu64 ", %" PRIu64
		     " launches, %" PRIu64 " crashes, %" PRIu64
		     " times equipped, %" PRIu64 " strays\n",
		done, seed, tally.runs, tally.crashes, tally.equipped, tally.strays);
	(void)printf("sim: %u passed, %u failed\n", passed, done - passed);
	(void)close(nowhere);
	return passed == done ? 0 : 1;
}
