/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake cloud: tokens are honoured, effects and answers are separate events, and an
 * answer may never come although the effect does.
 */
#include "fake_leftovers.h"
#include "fake_region.h"
#include "fake_state.h"
#include "fake_tags.h"
#include "fake_things.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "ec2/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

struct ec2_slot {
	struct loop_poke poke;
	loop_fn *granted;
	void *arg;
};

static void
show(const struct fake_cloud *f, const struct fake_instance *i, int64_t at,
	struct ec2_instance *out)
{
	memset(out, 0, sizeof(*out));
	out->id = xstrdup(i->id);
	out->state = (enum ec2_state)i->state;
	if (at < clock_ms() && i->state == EC2_STATE_TERMINATED && i->died_ms > at)
		out->state = EC2_STATE_RUNNING; /* a stale copy */
	out->token = i->token[0] == '\0' ? NULL : xstrdup(i->token);
	if (i->state != EC2_STATE_TERMINATED && !fake_is_bare(i)) {
		out->launch = xstrdup(i->launch);
		out->worker = xstrdup(i->worker);
		out->generation = i->generation;
		out->lineage = i->lineage[0] == '\0' ? NULL : xstrdup(i->lineage);
		out->epoch = i->epoch;
		out->lease = i->lease[0] != '\0' ? xstrdup(i->lease) : NULL;
	}
	out->launched_at = i->born_wall;
	out->zone = xstrdup_opt(f->zone);
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
		return !i->untagged && !fake_is_bare(i) &&
			(i->died_ms == 0 || clock_ms() - i->died_ms < 60 * 1000);
	case CALL_CONSOLE:
	case CALL_TRIAL:
	case CALL_THING: break;
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
			show(f, &f->instances[n], c->seen_ms,
				&list->items[list->count++]);
}

static void
show_console(struct ec2_call *c)
{
	const char *text = c->cloud->console == NULL ? "boot\n" : c->cloud->console;

	if (c->answer.verdict != VERDICT_DONE)
		text = "";
	c->done.console(c->arg, &c->answer, text, strlen(text), clock_wall_ms());
}

static unsigned
running(const struct fake_cloud *f)
{
	unsigned count = 0;

	for (size_t n = 0; n < f->count; n++)
		count += f->instances[n].state == EC2_STATE_RUNNING;
	return count;
}

/*
 * What the process learns by an answer about what it may end. By a real refusal only that
 * this one may not be ended, as long as it can try others.
 */
static void
tell(const struct ec2_call *c)
{
	struct fake_cloud *f = c->cloud;

	if (c->kind != CALL_TERMINATE && c->kind != CALL_TRIAL)
		return;
	if (c->answer.class == EC2_CLASS_AUTH && c->kind == CALL_TERMINATE &&
		running(f) > 1)
		return;
	if (c->answer.class == EC2_CLASS_AUTH)
		f->told_ms = f->told_ms == 0 ? clock_ms() : f->told_ms;
	else if (c->answer.verdict == VERDICT_DONE)
		f->told_ms = 0;
}

static void
on_answer(void *arg)
{
	struct ec2_call *c = arg;
	struct ec2_instances list = {0};

	tell(c);
	if (c->show != NULL) {
		c->show(c);
		fake_call_free(c);
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
	c->done.instances(c->arg, &c->answer, &list);
	ec2_instances_fini(&list);
	fake_call_free(c);
}

void
fake_call_free(struct ec2_call *c)
{
	loop_timer_clear(&c->timer);
	strings_fini(&c->ids);
	strings_fini(&c->owners);
	free(c);
}

struct ec2_call *
fake_call_new(struct fake_cloud *f, enum fake_kind kind, const char *key,
	ec2_instances_done *done, void *arg)
{
	struct ec2_call *c = NEW(struct ec2_call);

	c->cloud = f;
	c->kind = kind;
	(void)snprintf(c->key, sizeof(c->key), "%s", key == NULL ? "" : key);
	c->done.instances = done;
	c->arg = arg;
	c->answer.verdict = VERDICT_DONE;
	c->answer.sent = true;
	c->answer.began_ms = clock_ms();
	c->seen_ms = fake_chance(f, f->faults.stale) ? clock_ms() - 3000 : INT64_MAX;
	loop_timer_init(&c->timer, f->loop, on_answer, c);
	return c;
}

void
fake_fail(struct ec2_call *c, enum verdict verdict, enum ec2_class class,
	enum err_reason reason)
{
	c->answer.verdict = (int)verdict;
	c->answer.class = (int)class;
	err_set(&c->answer.err, verdict == VERDICT_LATER ? ERR_NETWORK : ERR_SERVICE,
		"injected");
	c->answer.err.reason = reason;
}

struct ec2_call *
fake_answer_later(struct ec2_call *c, bool lost)
{
	if (lost)
		fake_fail(c, VERDICT_REPEAT, EC2_CLASS_PASSING, REASON_NETWORK);
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
		fake_effect_in(c->cloud, effect, 0);
	if (answer->verdict != VERDICT_DONE)
		fake_fail(c, (enum verdict)answer->verdict,
			(enum ec2_class)answer->class, REASON_INTERNAL);
	return fake_answer_later(c, false);
}

/* One token, two instances: what EC2 promises not to do. */
static void
make_twin(struct fake_cloud *f, const struct fake_effect *effect)
{
	struct fake_effect twin = *effect;
	struct fake_instance *i;

	f->force_twin = false;
	twin.token[0] = '#';
	fake_effect_in(f, &twin, 0);
	i = fake_by_token(f, twin.token);
	(void)snprintf(i->token, sizeof(i->token), "%s", effect->token);
	f->violation[0] = '\0';
}

static void
refuse_else(struct ec2_call *c)
{
	static const char *const codes[] = {"VcpuLimitExceeded", "VcpuLimitExceeded",
		"InsufficientFreeAddressesInSubnet", "InvalidParameterValue",
		"UnauthorizedOperation"};
	struct fake_cloud *f = c->cloud;
	const struct fake_asked *a = fake_run_asked(&f->runs_asked,
		f->runs_asked.count - 1);
	bool price = strcmp(a->market, "spot") == 0 && rng_below(f->rng, 3) > 0;

	fake_run_refuse(price ? "SpotMaxPriceTooLow"
			      : codes[rng_below(f->rng, COUNT_OF(codes))],
		&c->answer);
}

static struct ec2_call *
mutate(struct ec2_call *c, const struct fake_effect *effect)
{
	struct fake_cloud *f = c->cloud;

	if (f->deaf)
		return fake_answer_later(c, true);
	if (c->kind == CALL_RUN && fake_run_refused(&f->runs_asked, &c->answer))
		return fake_answer_later(c, false);
	for (size_t n = 0; c->kind == CALL_RUN && n < COUNT_OF(f->script); n++)
		if (f->script[n].times > 0)
			return scripted(c, &f->script[n], effect);
	if (f->may_not_terminate && c->kind == CALL_TERMINATE) {
		fake_run_refuse("UnauthorizedOperation", &c->answer);
		return fake_answer_later(c, false);
	}
	if (f->force_twin && c->kind == CALL_RUN) {
		fake_effect_in(f, effect, 0);
		make_twin(f, effect);
		return fake_answer_later(c, true);
	}
	if (fake_chance(f, f->faults.never_sent)) {
		fake_fail(c, VERDICT_LATER, EC2_CLASS_NEVER_SENT, REASON_NETWORK);
	} else if (fake_chance(f, f->faults.throttle)) {
		fake_fail(c, VERDICT_LATER, EC2_CLASS_THROTTLE, REASON_THROTTLED);
	} else if (fake_chance(f, f->faults.refuse) &&
		fake_by_token(f, effect->token) == NULL) {
		fake_fail(c, VERDICT_REFUSED, EC2_CLASS_CAPACITY, REASON_CAPACITY);
	} else if (c->kind == CALL_RUN && f->faults.refuse_else > 0 &&
		fake_chance(f, f->faults.refuse_else) &&
		fake_by_token(f, effect->token) == NULL) {
		refuse_else(c);
	} else if (fake_chance(f, f->faults.late_effect)) {
		fake_effect_in(f, effect, 1 + (int64_t)rng_below(f->rng, 600000));
		return fake_answer_later(c, true);
	} else {
		fake_effect_in(f, effect, 0);
		return fake_answer_later(c, fake_chance(f, f->faults.lose_answer));
	}
	return fake_answer_later(c, false);
}

struct ec2_call *
fake_read_later(struct ec2_call *c)
{
	if (c->cloud->deaf || fake_chance(c->cloud, c->cloud->faults.fail_read))
		fake_fail(c, VERDICT_REPEAT, EC2_CLASS_PASSING, REASON_NETWORK);
	return fake_answer_later(c, false);
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
	char number[32];

	(void)len;
	op_slot_free(self, slot);
	param(body, "ClientToken", e.token, sizeof(e.token));
	if (f->told_ms != 0 && clock_ms() > f->told_ms &&
		!fake_run_is_known(&f->runs_asked, e.token) && f->violation[0] == '\0')
		(void)snprintf(f->violation, sizeof(f->violation),
			"launched what may not be ended");
	if (!fake_run_note(&f->runs_asked, body) && f->violation[0] == '\0')
		(void)snprintf(f->violation, sizeof(f->violation),
			"a token is used for another request");
	tag(body, "launch", e.launch, sizeof(e.launch));
	tag(body, "worker", e.worker, sizeof(e.worker));
	tag(body, "lineage", e.lineage, sizeof(e.lineage));
	tag(body, "generation", number, sizeof(number));
	e.generation = (int64_t)strtoll(number, NULL, 10);
	tag(body, "epoch", number, sizeof(number));
	e.epoch = (int64_t)strtoll(number, NULL, 10);
	tag(body, "lease", e.lease, sizeof(e.lease));
	return mutate(fake_call_new(f, CALL_RUN, e.token, done, arg), &e);
}

static struct ec2_call *
op_list(void *self, const char *pool, ec2_instances_done *done, void *arg)
{
	struct fake_cloud *f = self;

	struct ec2_call *c = fake_call_new(f, CALL_LIST, pool, done, arg);

	f->listings++;
	if (f->out != NULL)
		fake_run_refuse("Unavailable", &c->answer);
	if (f->may_not_list)
		fake_run_refuse("UnauthorizedOperation", &c->answer);
	return fake_read_later(c);
}

static struct ec2_call *
op_find_token(void *self, const char *token, ec2_instances_done *done, void *arg)
{
	return fake_read_later(fake_call_new(self, CALL_TOKEN, token, done, arg));
}

static struct ec2_call *
op_describe(void *self, const char *id, ec2_instances_done *done, void *arg)
{
	struct fake_cloud *f = self;

	f->describes++;
	return fake_read_later(fake_call_new(f, CALL_DESCRIBE, id, done, arg));
}

static struct ec2_call *
op_terminate(void *self, const char *id, ec2_instances_done *done, void *arg)
{
	struct fake_effect e = {.kind = EFFECT_TERMINATE};

	(void)snprintf(e.id, sizeof(e.id), "%s", id);
	return mutate(fake_call_new(self, CALL_TERMINATE, id, done, arg), &e);
}

static struct ec2_call *
op_console(void *self, const char *id, bool latest, ec2_console_done *done, void *arg)
{
	struct ec2_call *c = fake_call_new(self, CALL_CONSOLE, id, NULL, arg);

	(void)latest;
	c->done.console = done;
	c->show = show_console;
	return fake_read_later(c);
}

static void
op_cancel(void *self, struct ec2_call *c)
{
	(void)self;
	fake_call_free(c);
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
	.images = fake_images,
	.parameter = fake_parameter,
	.prices = fake_prices,
	.subnets = fake_subnets,
	.volumes = fake_volumes,
	.addresses = fake_addresses,
	.associate = fake_associate,
	.attach = fake_attach,
	.tag = fake_tag,
	.key_pairs = fake_key_pairs,
	.groups = fake_groups,
	.types = fake_types,
	.offerings = fake_offerings,
	.zones = fake_zones,
	.list_leftovers = fake_list_leftovers,
	.look_at_leftover = fake_look_at_leftover,
	.end_leftover = fake_end_leftover,
	.dry_run = fake_dry_run,
	.dry_terminate = fake_dry_terminate,
	.cancel = op_cancel,
	.free = op_free,
};

static struct cloud *
make(void *self, const struct conf *conf, const struct conf_worker *worker,
	const char *region)
{
	struct fake_cloud *f = self;
	struct cloud *c = NEW(struct cloud);
	const char *keys = worker != NULL && worker->identifier != NULL
		? worker->identifier
		: "keys";

	(void)conf;
	if (region == NULL && worker != NULL)
		region = worker->region;
	f->ops = ops;
	if (!f->trials)
		f->ops.dry_run = NULL;
	if (!f->trials)
		f->ops.dry_terminate = NULL;
	c->ops = &f->ops;
	c->self = self;
	c->region = xstrdup(region == NULL ? "us-east-1" : region);
	c->key = xasprintf("fake %s %s", c->region, keys);
	c->credentials = xstrdup(keys);
	c->set = xstrdup(keys);
	return c;
}

void
fake_cloud_init(struct fake_cloud *f, struct rng *rng)
{
	memset(f, 0, sizeof(*f));
	f->rng = rng;
	rng_seed(&f->left_rng, 1);
	f->maker = (struct cloud_maker){.make = make, .self = f};
}

void
fake_cloud_attach(struct fake_cloud *f, struct loop *loop)
{
	f->loop = loop;
	f->deaf = false;
	f->told_ms = 0;
}

void
fake_cloud_fini(struct fake_cloud *f)
{
	struct fake_effect *e, *tmp;

	DL_FOREACH_SAFE(f->effects, e, tmp) {
		DL_DELETE(f->effects, e);
		free(e);
	}
	fake_things_fini(f);
	fake_leftovers_fini(f);
	fake_region_fini(f);
}
