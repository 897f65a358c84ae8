/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake cloud: tokens are honoured, effects and answers are separate events, and an
 * answer may never come although the effect does.
 */
#include "fake_cloud.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "ec2/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define PENDING_MS 20000
#define SHUTDOWN_MS 15000

/* An effect that happens whatever becomes of the process. */
struct fake_effect {
	int64_t due_ms;
	bool terminate;
	char id[24], token[40], launch[40], worker[72];
	int64_t generation;
	struct fake_effect *next, *prev;
};

enum kind {
	CALL_RUN,
	CALL_LIST,
	CALL_TOKEN,
	CALL_DESCRIBE,
	CALL_TERMINATE,
	CALL_CONSOLE
};

struct ec2_slot {
	struct loop_poke poke;
	loop_fn *granted;
	void *arg;
};

struct ec2_call {
	struct fake_cloud *cloud;
	enum kind kind;
	struct loop_timer timer;
	ec2_instances_done *done;
	ec2_console_done *console;
	void *arg;
	char key[80]; /* id or token */
	struct ec2_answer answer;
	int64_t seen_ms; /* the moment that a listing shows */
};

bool
fake_is_living(const struct fake_instance *i)
{
	return i->state == EC2_STATE_PENDING || i->state == EC2_STATE_RUNNING ||
		i->state == EC2_STATE_STOPPING || i->state == EC2_STATE_STOPPED;
}

static bool
chance(struct fake_cloud *f, unsigned thousandth)
{
	return rng_below(f->rng, 1000) < thousandth;
}

static void
violated(struct fake_cloud *f, const char *what, const struct fake_instance *i)
{
	if (f->violation[0] == '\0')
		(void)snprintf(f->violation, sizeof(f->violation),
			"%s: %s of worker %s, launch %s", what, i->id, i->worker,
			i->launch);
}

static struct fake_instance *
by_token(struct fake_cloud *f, const char *token)
{
	for (size_t n = 0; n < f->count; n++)
		if (strcmp(f->instances[n].token, token) == 0)
			return &f->instances[n];
	return NULL;
}

static struct fake_instance *
by_id(struct fake_cloud *f, const char *id)
{
	for (size_t n = 0; n < f->count; n++)
		if (strcmp(f->instances[n].id, id) == 0)
			return &f->instances[n];
	return NULL;
}

/* Invariant I1: at most one live instance per worker name, ever. */
static void
check_twins(struct fake_cloud *f, const struct fake_instance *i)
{
	for (size_t n = 0; n < f->count; n++) {
		struct fake_instance *other = &f->instances[n];

		if (other != i && fake_is_living(other) &&
			strcmp(other->worker, i->worker) == 0)
			violated(f, "twin", i);
	}
}

/* The dead make room: without that a long run would only ever grow. */
static struct fake_instance *
room(struct fake_cloud *f)
{
	if (f->count < FAKE_INSTANCES_MAX)
		return &f->instances[f->count++];
	for (size_t n = 0; n < f->count; n++)
		if (!fake_is_living(&f->instances[n]) && f->instances[n].died_ms != 0 &&
			clock_ms() - f->instances[n].died_ms > 3600 * 1000)
			return &f->instances[n];
	return NULL;
}

static void
apply_run(struct fake_cloud *f, const struct fake_effect *e)
{
	struct fake_instance *i = by_token(f, e->token);

	if (i != NULL)
		return;
	i = room(f);
	if (i == NULL) {
		(void)snprintf(f->violation, sizeof(f->violation),
			"the fake cloud is full");
		return;
	}
	memset(i, 0, sizeof(*i));
	(void)snprintf(i->id, sizeof(i->id), "i-%017" PRIx64, ++f->runs);
	(void)snprintf(i->token, sizeof(i->token), "%s", e->token);
	(void)snprintf(i->launch, sizeof(i->launch), "%s", e->launch);
	(void)snprintf(i->worker, sizeof(i->worker), "%s", e->worker);
	i->generation = e->generation;
	i->state = EC2_STATE_PENDING;
	i->born_ms = clock_ms();
	i->due_ms = clock_ms() + (int64_t)rng_below(f->rng, PENDING_MS);
	i->visible_ms = chance(f, f->faults.lag)
		? clock_ms() + (int64_t)rng_below(f->rng, 60000)
		: 0;
	check_twins(f, i);
}

static void
apply_terminate(struct fake_cloud *f, const struct fake_effect *e)
{
	struct fake_instance *i = by_id(f, e->id);

	if (i == NULL || i->state >= EC2_STATE_SHUTTING_DOWN)
		return;
	if (i->building && !i->may_die)
		violated(f, "killed with a build on it", i);
	i->state = EC2_STATE_SHUTTING_DOWN;
	i->due_ms = clock_ms() + (int64_t)rng_below(f->rng, SHUTDOWN_MS);
	i->attached = i->building = false;
}

static void
apply(struct fake_cloud *f, struct fake_effect *e)
{
	f->terminates += e->terminate;
	(e->terminate ? apply_terminate : apply_run)(f, e);
}

static void
effect_in(struct fake_cloud *f, const struct fake_effect *what, int64_t delay_ms)
{
	struct fake_effect *e;

	if (delay_ms == 0) {
		struct fake_effect now = *what;

		apply(f, &now);
		return;
	}
	e = NEW(struct fake_effect);
	*e = *what;
	e->due_ms = clock_ms() + delay_ms;
	DL_APPEND(f->effects, e);
}

void
fake_cloud_kill(struct fake_cloud *f, struct fake_instance *i, int state)
{
	(void)f;
	if (!fake_is_living(i))
		return;
	i->state = state;
	i->attached = i->building = false;
	i->may_die = true;
	i->due_ms = state == EC2_STATE_SHUTTING_DOWN ? clock_ms() + 5000 : 0;
	i->died_ms = state == EC2_STATE_TERMINATED ? clock_ms() : 0;
}

static void
advance(struct fake_instance *i)
{
	i->due_ms = 0;
	if (i->state == EC2_STATE_PENDING) {
		i->state = EC2_STATE_RUNNING;
	} else if (i->state == EC2_STATE_SHUTTING_DOWN) {
		i->state = EC2_STATE_TERMINATED;
		i->died_ms = clock_ms();
	}
}

int64_t
fake_cloud_tick(struct fake_cloud *f)
{
	int64_t now = clock_ms(), next = INT64_MAX;
	struct fake_effect *e, *tmp;

	DL_FOREACH_SAFE(f->effects, e, tmp) {
		if (e->due_ms <= now) {
			DL_DELETE(f->effects, e);
			apply(f, e);
			free(e);
		} else if (e->due_ms < next) {
			next = e->due_ms;
		}
	}
	for (size_t n = 0; n < f->count; n++) {
		struct fake_instance *i = &f->instances[n];

		if (i->due_ms != 0 && i->due_ms <= now)
			advance(i);
		else if (i->due_ms != 0 && i->due_ms < next)
			next = i->due_ms;
	}
	return next;
}

size_t
fake_cloud_living(const struct fake_cloud *f)
{
	size_t living = 0;

	for (size_t n = 0; n < f->count; n++)
		living += fake_is_living(&f->instances[n]);
	return living;
}

static void
show(const struct fake_instance *i, int64_t at, struct ec2_instance *out)
{
	memset(out, 0, sizeof(*out));
	out->id = xstrdup(i->id);
	out->state = (enum ec2_state)i->state;
	if (at < clock_ms() && i->state == EC2_STATE_TERMINATED && i->died_ms > at)
		out->state = EC2_STATE_RUNNING; /* a stale copy */
	out->token = xstrdup(i->token);
	if (i->state != EC2_STATE_TERMINATED) {
		out->launch = xstrdup(i->launch);
		out->worker = xstrdup(i->worker);
		out->generation = i->generation;
	}
	if (i->state == EC2_STATE_RUNNING)
		out->private_ip = xstrdup("10.0.0.1");
}

static bool
is_shown(const struct ec2_call *c, const struct fake_instance *i)
{
	const struct fake_cloud *f = c->cloud;

	int64_t at = c->seen_ms < clock_ms() ? c->seen_ms : clock_ms();

	if (i->id[0] == '\0' ||
		(c->kind != CALL_RUN && (at < i->visible_ms || at < i->born_ms)))
		return false;
	if (f->short_memory && i->died_ms != 0 && clock_ms() - i->died_ms > 600 * 1000)
		return false;
	switch (c->kind) {
	case CALL_TOKEN: return strcmp(i->token, c->key) == 0;
	case CALL_DESCRIBE:
	case CALL_TERMINATE: return strcmp(i->id, c->key) == 0;
	case CALL_RUN: return strcmp(i->token, c->key) == 0;
	case CALL_LIST: /* the dead lose their tags */
		return i->died_ms == 0 || clock_ms() - i->died_ms < 60 * 1000;
	case CALL_CONSOLE: break;
	}
	return false;
}

static void
collect(const struct ec2_call *c, struct ec2_instances *list)
{
	const struct fake_cloud *f = c->cloud;

	list->items = xcalloc(f->count + 1, sizeof(*list->items));
	for (size_t n = 0; n < f->count; n++)
		if (is_shown(c, &f->instances[n]))
			show(&f->instances[n], c->seen_ms, &list->items[list->count++]);
}

static void
show_console(struct ec2_call *c)
{
	const char *text = c->cloud->console == NULL ? "boot\n" : c->cloud->console;

	if (c->answer.verdict != VERDICT_DONE)
		text = "";
	c->console(c->arg, &c->answer, text, strlen(text), clock_wall_ms());
}

static void
on_answer(void *arg)
{
	struct ec2_call *c = arg;
	struct ec2_instances list = {0};

	if (c->kind == CALL_CONSOLE) {
		show_console(c);
		free(c);
		return;
	}
	if (c->answer.verdict == VERDICT_DONE)
		collect(c, &list);
	if (c->answer.verdict == VERDICT_DONE && list.count == 0 &&
		c->kind == CALL_DESCRIBE) {
		c->answer.verdict = VERDICT_MISSING;
		c->answer.class = EC2_CLASS_NOT_VISIBLE;
	}
	if (c->kind == CALL_RUN && list.count == 1 &&
		list.items[0].state == EC2_STATE_TERMINATED) {
		c->answer.verdict = VERDICT_REFUSED;
		c->answer.class = EC2_CLASS_TERMINATED;
		ec2_instances_fini(&list);
	}
	c->done(c->arg, &c->answer, &list);
	ec2_instances_fini(&list);
	free(c);
}

static struct ec2_call *
call_new(struct fake_cloud *f, enum kind kind, const char *key,
	ec2_instances_done *done, void *arg)
{
	struct ec2_call *c = NEW(struct ec2_call);

	c->cloud = f;
	c->kind = kind;
	(void)snprintf(c->key, sizeof(c->key), "%s", key);
	c->done = done;
	c->arg = arg;
	c->answer.verdict = VERDICT_DONE;
	c->answer.sent = true;
	c->answer.began_ms = clock_ms();
	c->seen_ms = chance(f, f->faults.stale) ? clock_ms() - 3000 : INT64_MAX;
	loop_timer_init(&c->timer, f->loop, on_answer, c);
	return c;
}

static void
fail(struct ec2_call *c, enum verdict verdict, enum ec2_class class,
	enum err_reason reason)
{
	c->answer.verdict = (int)verdict;
	c->answer.class = (int)class;
	err_set(&c->answer.err, verdict == VERDICT_LATER ? ERR_NETWORK : ERR_SERVICE,
		"injected");
	c->answer.err.reason = reason;
}

/* Answers after a while; a lost one shows as a time-out of 30 s. */
static struct ec2_call *
answer_later(struct ec2_call *c, bool lost)
{
	if (lost)
		fail(c, VERDICT_REPEAT, EC2_CLASS_PASSING, REASON_NETWORK);
	loop_timer_in(&c->timer,
		lost ? 30000 : 20 + (int64_t)rng_below(c->cloud->rng, 2000));
	return c;
}

static struct ec2_call *
scripted(struct ec2_call *c, struct fake_answer *answer,
	const struct fake_effect *effect)
{
	answer->times--;
	if (answer->effect)
		effect_in(c->cloud, effect, 0);
	if (answer->verdict != VERDICT_DONE)
		fail(c, (enum verdict)answer->verdict, (enum ec2_class)answer->class,
			REASON_INTERNAL);
	return answer_later(c, false);
}

/* One token, two instances: what EC2 promises not to do. */
static void
make_twin(struct fake_cloud *f, const struct fake_effect *effect)
{
	struct fake_effect twin = *effect;
	struct fake_instance *i;

	f->force_twin = false;
	twin.token[0] = '#';
	effect_in(f, &twin, 0);
	i = by_token(f, twin.token);
	(void)snprintf(i->token, sizeof(i->token), "%s", effect->token);
	f->violation[0] = '\0';
}

static struct ec2_call *
mutate(struct ec2_call *c, const struct fake_effect *effect)
{
	struct fake_cloud *f = c->cloud;

	if (f->deaf)
		return answer_later(c, true);
	for (size_t n = 0; c->kind == CALL_RUN && n < COUNT_OF(f->script); n++)
		if (f->script[n].times > 0)
			return scripted(c, &f->script[n], effect);
	if (f->force_twin && c->kind == CALL_RUN) {
		effect_in(f, effect, 0);
		make_twin(f, effect);
		return answer_later(c, true);
	}
	if (chance(f, f->faults.never_sent)) {
		fail(c, VERDICT_LATER, EC2_CLASS_NEVER_SENT, REASON_NETWORK);
	} else if (chance(f, f->faults.throttle)) {
		fail(c, VERDICT_LATER, EC2_CLASS_THROTTLE, REASON_THROTTLED);
	} else if (chance(f, f->faults.refuse) && by_token(f, effect->token) == NULL) {
		fail(c, VERDICT_REFUSED, EC2_CLASS_CAPACITY, REASON_CAPACITY);
	} else if (chance(f, f->faults.late_effect)) {
		effect_in(f, effect, 1 + (int64_t)rng_below(f->rng, 600000));
		return answer_later(c, true);
	} else {
		effect_in(f, effect, 0);
		return answer_later(c, chance(f, f->faults.lose_answer));
	}
	return answer_later(c, false);
}

static struct ec2_call *
read_later(struct ec2_call *c)
{
	if (c->cloud->deaf || chance(c->cloud, c->cloud->faults.fail_read))
		fail(c, VERDICT_REPEAT, EC2_CLASS_PASSING, REASON_NETWORK);
	return answer_later(c, false);
}

/* The value of a form parameter that is known to need no decoding, or "". */
static void
param(const char *body, const char *name, char *out, size_t size)
{
	AUTO(free) char *key = xasprintf("%s=", name);
	const char *at = strstr(body, key);
	size_t len = at == NULL ? 0 : strcspn(at + strlen(key), "&");

	(void)snprintf(out, size, "%.*s", (int)len, at == NULL ? "" : at + strlen(key));
}

static void
tag(const char *body, const char *name, char *out, size_t size)
{
	AUTO(free) char *key = xasprintf("Key=ec2workerd%%3A%s&", name);
	const char *at = strstr(body, key);

	out[0] = '\0';
	if (at != NULL)
		param(at, "Value", out, size);
}

static void
on_grant(void *arg)
{
	struct ec2_slot *s = arg;

	s->granted(s->arg);
}

static struct ec2_slot *
op_slot(void *self, loop_fn *granted, void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_slot *s = NEW(struct ec2_slot);

	s->granted = granted;
	s->arg = arg;
	loop_poke_init(&s->poke, f->loop, on_grant, s);
	loop_poke(&s->poke);
	return s;
}

static void
op_slot_free(void *self, struct ec2_slot *s)
{
	(void)self;
	loop_poke_clear(&s->poke);
	free(s);
}

static struct ec2_call *
op_run(void *self, struct ec2_slot *slot, const char *body, size_t len,
	ec2_instances_done *done, void *arg)
{
	struct fake_cloud *f = self;
	struct fake_effect e = {0};
	char generation[32];

	(void)len;
	op_slot_free(self, slot);
	param(body, "ClientToken", e.token, sizeof(e.token));
	tag(body, "launch", e.launch, sizeof(e.launch));
	tag(body, "worker", e.worker, sizeof(e.worker));
	tag(body, "generation", generation, sizeof(generation));
	e.generation = (int64_t)strtoll(generation, NULL, 10);
	return mutate(call_new(f, CALL_RUN, e.token, done, arg), &e);
}

static struct ec2_call *
op_list(void *self, const char *pool, ec2_instances_done *done, void *arg)
{
	struct fake_cloud *f = self;

	f->listings++;
	return read_later(call_new(f, CALL_LIST, pool, done, arg));
}

static struct ec2_call *
op_find_token(void *self, const char *token, ec2_instances_done *done, void *arg)
{
	return read_later(call_new(self, CALL_TOKEN, token, done, arg));
}

static struct ec2_call *
op_describe(void *self, const char *id, ec2_instances_done *done, void *arg)
{
	return read_later(call_new(self, CALL_DESCRIBE, id, done, arg));
}

static struct ec2_call *
op_terminate(void *self, const char *id, ec2_instances_done *done, void *arg)
{
	struct fake_effect e = {.terminate = true};

	(void)snprintf(e.id, sizeof(e.id), "%s", id);
	return mutate(call_new(self, CALL_TERMINATE, id, done, arg), &e);
}

static struct ec2_call *
op_console(void *self, const char *id, bool latest, ec2_console_done *done, void *arg)
{
	struct ec2_call *c = call_new(self, CALL_CONSOLE, id, NULL, arg);

	(void)latest;
	c->console = done;
	return read_later(c);
}

static void
op_cancel(void *self, struct ec2_call *c)
{
	(void)self;
	loop_timer_clear(&c->timer);
	free(c);
}

static void
op_free(void *self)
{
	(void)self; /* the cloud outlives the process */
}

static const struct cloud_ops ops = {
	.slot = op_slot,
	.slot_free = op_slot_free,
	.run = op_run,
	.list = op_list,
	.find_token = op_find_token,
	.describe = op_describe,
	.terminate = op_terminate,
	.console = op_console,
	.cancel = op_cancel,
	.free = op_free,
};

static struct cloud *
make(void *self, const struct conf *conf, const struct conf_worker *worker,
	const char *region)
{
	struct cloud *c = NEW(struct cloud);

	(void)conf;
	if (region == NULL && worker != NULL)
		region = worker->region;
	c->ops = &ops;
	c->self = self;
	c->region = xstrdup(region == NULL ? "us-east-1" : region);
	c->key = xasprintf("fake %s keys", c->region);
	c->credentials = xstrdup("keys");
	return c;
}

void
fake_cloud_init(struct fake_cloud *f, struct rng *rng)
{
	memset(f, 0, sizeof(*f));
	f->rng = rng;
	f->maker = (struct cloud_maker){.make = make, .self = f};
}

void
fake_cloud_attach(struct fake_cloud *f, struct loop *loop)
{
	f->loop = loop;
	f->deaf = false;
}

void
fake_cloud_fini(struct fake_cloud *f)
{
	struct fake_effect *e, *tmp;

	DL_FOREACH_SAFE(f->effects, e, tmp) {
		DL_DELETE(f->effects, e);
		free(e);
	}
}
