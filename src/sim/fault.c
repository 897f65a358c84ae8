/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a fault rule, and which rule fires. What its effect does stands in exchange.c. */
#include "sim/fault.h"

#include "base/err.h"
#include "base/rng.h"
#include "sim/cloud.h"
#include "sim/params.h"
#include "sim/text.h"

#include <math.h>
#include <string.h>
#include <utlist.h>

#define WORKER_TAG "ec2workerd:worker"

struct sim_faults {
	struct rng rng;
	uint64_t ids;
	struct sim_rule *rules;
};

static const char *const effect_names[] = {
	[SIM_EFFECT_ERROR] = "error",
	[SIM_EFFECT_THROTTLE] = "throttle",
	[SIM_EFFECT_DROP] = "drop",
	[SIM_EFFECT_RESET] = "reset",
	[SIM_EFFECT_CUT] = "cut",
	[SIM_EFFECT_LENGTH] = "length",
	[SIM_EFFECT_DELAY] = "delay",
	[SIM_EFFECT_TWICE] = "twice",
	[SIM_EFFECT_HTML] = "html",
	[SIM_EFFECT_GARBAGE] = "garbage",
	[SIM_EFFECT_EMPTY] = "empty",
	[SIM_EFFECT_STICK] = "stick",
	[SIM_EFFECT_FAIL] = "fail",
	[SIM_EFFECT_COUNT] = NULL,
};

/* Effects on a reply need one, so the action is done whatever `after` says. */
static const bool needs_reply[SIM_EFFECT_COUNT] = {
	[SIM_EFFECT_CUT] = true,
	[SIM_EFFECT_LENGTH] = true,
	[SIM_EFFECT_DELAY] = true,
	[SIM_EFFECT_TWICE] = true,
	[SIM_EFFECT_STICK] = true,
	[SIM_EFFECT_FAIL] = true,
};

static const struct field rows[] = {
	{
		.name = "action",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_fault, action, char *),
		.def = "*",
		.example = "RunInstances",
		.doc = "Pattern of the actions it is about. One that is only tried, by "
		       "DryRun, is called DryRun:RunInstances.",
	},
	{
		.name = "worker",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_fault, worker, char *),
		.example = "bot1",
		.doc = "Pattern of the tag " WORKER_TAG
		       ", in the request or on an instance it names.",
	},
	{
		.name = "instance",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_fault, instance, char *),
		.doc = "Pattern of an instance id that the request names.",
	},
	{
		.name = "tags",
		.type = FIELD_STRMAP,
		.offset = FIELD_AT(struct sim_fault, tags, struct strmap),
		.doc = "Tags and patterns of their values, all in the request or on one instance it names.",
	},
	{
		.name = "params",
		.type = FIELD_STRMAP,
		.offset = FIELD_AT(struct sim_fault, params, struct strmap),
		.doc = "Parameters of the request and patterns of their values: "
		       "{\"DryRun\": \"true\"}.",
	},
	{
		.name = "nth",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_fault, nth, int64_t),
		.min = 1,
		.max = 0,
		.doc = "Only the nth request that matches.",
	},
	{
		.name = "every",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_fault, every, int64_t),
		.min = 1,
		.max = 0,
		.doc = "Every nth request that matches.",
	},
	{
		.name = "probability",
		.type = FIELD_NUMBER,
		.offset = FIELD_AT(struct sim_fault, probability, double),
		.min = 0,
		.max = 1,
		.doc = "Each request that matches, with this probability. Without nth, every and "
		       "probability: each.",
	},
	{
		.name = "count",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_fault, count, int64_t),
		.min = 1,
		.max = 0,
		.doc = "Fires that often at most.",
	},
	{
		.name = "effect",
		.type = FIELD_ENUM,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct sim_fault, effect, int),
		.choices = effect_names,
		.doc = "error: an error of EC2 (code, message, status). throttle: RequestLimitExceeded "
		       "(retry_after). drop, reset: the connection closes without an answer, in peace or "
		       "by a TCP reset. cut: the answer breaks off at byte `at`. length: the answer "
		       "announces `at` bytes whatever it has. delay: nothing else. twice: delivered "
		       "twice, one answer. html: a page of a load balancer (status). garbage, empty: a "
		       "200 with a body that is no XML, or none. stick, fail: the answer is right, but the "
		       "instances it starts stay for ever in `state` once they come there, or end "
		       "as terminated instead of running, with `code` as stateReason.",
	},
	{
		.name = "state",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct sim_fault, state, int),
		.choices = sim_state_names,
		.doc = "Of stick; pending without it.",
	},
	{
		.name = "after",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct sim_fault, after, bool),
		.def = "false",
		.doc = "The action is done first, and its true answer lost. Without it nothing was done.",
	},
	{
		.name = "code",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_fault, code, char *),
		.max = 64,
		.example = "InsufficientInstanceCapacity",
		.doc = "Error code of `error` (InternalError) and `throttle` (RequestLimitExceeded), "
		       "stateReason of `fail` (Server.InternalError).",
	},
	{
		.name = "message",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_fault, message, char *),
		.max = 400,
		.doc = "Its sentence.",
	},
	{
		.name = "status",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_fault, status, int64_t),
		.min = 200,
		.max = 599,
		.doc = "HTTP status; by default what EC2 sends with the code, and 503 for html.",
	},
	{
		.name = "at",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_fault, at, int64_t),
		.def = "0",
		.min = 0,
		.max = 1 << 30,
		.doc = "Bytes of the body, for cut and length.",
	},
	{
		.name = "delay",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_fault, delay, int64_t),
		.def = "0",
		.min = 0,
		.max = 86400000,
		.doc = "Waits so long before anything is done, or with `after` before the answer.",
	},
	{
		.name = "retry_after",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_fault, retry_after, int64_t),
		.def = "0",
		.min = 0,
		.max = 86400000,
		.doc = "Retry-After header of error, throttle and html, in whole seconds.",
	},
	{.name = NULL},
};

const struct fields sim_fault_fields = {"fault", rows, sizeof(struct sim_fault)};

const char *
sim_effect_name(enum sim_effect effect)
{
	return effect_names[effect];
}

bool
sim_fault_acts(const struct sim_fault *fault)
{
	return fault->after || needs_reply[fault->effect];
}

int
sim_fault_check(const struct sim_fault *fault, struct err *err)
{
	if ((fault->nth != FIELD_NULL) + (fault->every != FIELD_NULL) +
			!isnan(fault->probability) >
		1)
		return err_set(err, ERR_INVALID,
			"only one of nth, every and probability can be given");
	if (fault->effect == SIM_EFFECT_DELAY && fault->delay == 0)
		return err_set(err, ERR_INVALID, "the effect delay needs a delay");
	return 0;
}

static void
copy_map(struct strmap *to, const struct strmap *from)
{
	*to = (struct strmap){0};
	for (size_t n = 0; n < from->count; n++)
		strmap_put(to, from->keys[n], from->values[n]);
}

void
sim_fault_copy(struct sim_fault *to, const struct sim_fault *from)
{
	*to = *from;
	to->action = xstrdup_opt(from->action);
	to->worker = xstrdup_opt(from->worker);
	to->instance = xstrdup_opt(from->instance);
	to->code = xstrdup_opt(from->code);
	to->message = xstrdup_opt(from->message);
	copy_map(&to->tags, &from->tags);
	copy_map(&to->params, &from->params);
}

struct sim_faults *
sim_faults_new(uint64_t seed)
{
	struct sim_faults *f = NEW(struct sim_faults);

	rng_seed(&f->rng, seed);
	return f;
}

uint64_t
sim_faults_add(struct sim_faults *f, struct sim_fault *fault)
{
	struct sim_rule *r = NEW(struct sim_rule);

	r->fault = *fault;
	memset(fault, 0, sizeof(*fault));
	r->id = ++f->ids;
	r->users = 1;
	LL_APPEND(f->rules, r);
	return r->id;
}

void
sim_rule_release(struct sim_rule *rule)
{
	if (rule == NULL || --rule->users > 0)
		return;
	field_fini(&sim_fault_fields, &rule->fault);
	free(rule);
}

size_t
sim_faults_remove(struct sim_faults *f, uint64_t id)
{
	struct sim_rule *r;
	struct sim_rule *next;
	size_t count = 0;

	LL_FOREACH_SAFE(f->rules, r, next) {
		if (id != 0 && r->id != id)
			continue;
		LL_DELETE(f->rules, r);
		sim_rule_release(r);
		count++;
	}
	return count;
}

void
sim_faults_free(struct sim_faults *f)
{
	if (f == NULL)
		return;
	sim_faults_remove(f, 0);
	free(f);
}

const struct sim_rule *
sim_faults_list(const struct sim_faults *f)
{
	return f->rules;
}

static bool
tags_match(const struct sim_fault *fault, const struct strmap *tags)
{
	const char *worker = strmap_get(tags, WORKER_TAG);

	if (fault->worker != NULL &&
		(worker == NULL || !sim_text_matches(fault->worker, worker)))
		return false;
	for (size_t n = 0; n < fault->tags.count; n++) {
		const char *value = strmap_get(tags, fault->tags.keys[n]);

		if (value == NULL || !sim_text_matches(fault->tags.values[n], value))
			return false;
	}
	return true;
}

/* The tags of the request itself: those of the instances it is to launch. */
static void
request_tags(const struct sim_params *p, struct strmap *ret_tags)
{
	const char *type;
	const char *key;

	for (size_t n = 1; (type = sim_params_getf(p,
				    "TagSpecification.%zu.ResourceType", n)) != NULL;
		n++) {
		if (strcmp(type, "instance") != 0)
			continue;
		for (size_t m = 1;
			(key = sim_params_getf(p, "TagSpecification.%zu.Tag.%zu.Key", n,
				 m)) != NULL;
			m++) {
			const char *value = sim_params_getf(p,
				"TagSpecification.%zu.Tag.%zu.Value", n, m);

			strmap_put(ret_tags, key, value != NULL ? value : "");
		}
	}
}

static bool
params_match(const struct sim_fault *fault, const struct sim_params *p)
{
	for (size_t n = 0; n < fault->params.count; n++) {
		const char *value = sim_params_get(p, fault->params.keys[n]);

		if (value == NULL || !sim_text_matches(fault->params.values[n], value))
			return false;
	}
	return true;
}

static bool
instance_matches(const struct sim_fault *fault, const struct sim_fault_subject *s,
	const char *id)
{
	const struct sim_instance *i = sim_cloud_find(s->cloud, s->region, id);

	if (fault->instance != NULL && !sim_text_matches(fault->instance, id))
		return false;
	if (fault->worker == NULL && fault->tags.count == 0)
		return true;
	return i != NULL && tags_match(fault, &i->tags);
}

/* Whether the request, or an instance it names, is one that the rule is about. */
static bool
is_about(const struct sim_fault *fault, const struct sim_fault_subject *s)
{
	const char *id = sim_params_get(s->params, "InstanceId");
	struct strmap tags = {0};
	bool found;

	if (!params_match(fault, s->params))
		return false;
	if (fault->worker == NULL && fault->instance == NULL && fault->tags.count == 0)
		return true;
	if (id != NULL && instance_matches(fault, s, id))
		return true;
	for (size_t n = 1;
		(id = sim_params_getf(s->params, "InstanceId.%zu", n)) != NULL; n++)
		if (instance_matches(fault, s, id))
			return true;
	if (fault->instance != NULL)
		return false;
	request_tags(s->params, &tags);
	found = tags.count > 0 && tags_match(fault, &tags);
	strmap_fini(&tags);
	return found;
}

/* For a request that matches: whether now is the time. */
static bool
fires(struct sim_faults *f, struct sim_rule *r)
{
	const struct sim_fault *fault = &r->fault;

	r->matched++;
	if (fault->nth != FIELD_NULL)
		return r->matched == fault->nth;
	if (fault->every != FIELD_NULL)
		return r->matched % fault->every == 0;
	if (!isnan(fault->probability))
		return rng_unit(&f->rng) < fault->probability;
	return true;
}

struct sim_rule *
sim_faults_pick(struct sim_faults *f, const struct sim_fault_subject *subject)
{
	struct sim_rule *r;

	LL_FOREACH(f->rules, r) {
		const struct sim_fault *fault = &r->fault;

		if (fault->count != FIELD_NULL && r->fired >= fault->count)
			continue;
		if (!sim_text_matches(fault->action, subject->action) ||
			!is_about(fault, subject) || !fires(f, r))
			continue;
		r->fired++;
		r->users++;
		return r;
	}
	return NULL;
}
