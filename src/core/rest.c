/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One list, for there are never many: what matches is found by comparing. A refusal is as
 * wide as the limit it speaks of (EC2.md 8), so that what shares the limit is spared too.
 */
#include "core/rest.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/health.h"

#include <string.h>
#include <utlist.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
/* So long others leave the answer to somebody's try to him. */
#define TRY_MS (30 * SECOND)

struct rests {
	struct rng *rng;       /* borrowed */
	struct health *health; /* borrowed, or NULL */
	struct rest *list;
};

/* By reason: how long it rests, and how it is tried meanwhile. */
static const struct rule {
	bool rests;
	enum rest_kind kind;
	int64_t rest_ms;         /* 0: until something ends it */
	int64_t base_ms, cap_ms; /* of the back-off between tries */
} rules[REASON_COUNT] = {
	[REASON_CAPACITY] = {true, REST_CANDIDATE, 3 * MINUTE, SECOND, MINUTE},
	[REASON_QUOTA] = {true, REST_CANDIDATE, 5 * MINUTE, 30 * SECOND, 5 * MINUTE},
	[REASON_CONFIG] = {true, REST_TEMPLATE, 0, 0, 0},
};

/* What a quota is about: those that do not share it may be tried. */
static const struct scope {
	const char *code;
	bool type, class, zone, subnet, market;
} quotas[] = {
	{.code = "VcpuLimitExceeded", .class = true, .market = true},
	{.code = "InstanceLimitExceeded", .type = true, .market = true},
	{.code = "InsufficientFreeAddressesInSubnet", .zone = true, .subnet = true},
};

/* Families of types with a vCPU quota of their own; all others share one. */
static const struct {
	const char *family, *class;
} classes[] = {
	{"dl", "dl"},
	{"f", "f"},
	{"g", "g"},
	{"gr", "g"},
	{"vt", "g"},
	{"hpc", "hpc"},
	{"inf", "inf"},
	{"mac", "mac"},
	{"p", "p"},
	{"trn", "trn"},
	{"u", "u"},
	{"x", "x"},
};

static const char *
class_of(const char *type)
{
	size_t len = strspn(type, "abcdefghijklmnopqrstuvwxyz");

	for (size_t n = 0; n < COUNT_OF(classes); n++)
		if (strlen(classes[n].family) == len &&
			strncmp(classes[n].family, type, len) == 0)
			return classes[n].class;
	return "standard";
}

static const char *
market_of(const struct rest_at *at)
{
	return at->spot ? "spot" : "on-demand";
}

/* Made from the same row of the file: their launches differ in names only. */
static bool
is_template(const struct conf_worker *a, const struct conf_worker *b)
{
	return a == b ||
		(b != NULL && a->line == b->line && conf_worker_launch_equal(a, b));
}

static bool
covers(const char *what, const char *is)
{
	return what == NULL || str_equal(what, is);
}

static bool
matches(const struct rest *rest, const struct rest_at *at)
{
	return strcmp(rest->cloud, at->cloud->key) == 0 &&
		covers(rest->type, at->type) &&
		covers(rest->class, class_of(at->type)) &&
		covers(rest->zone, at->zone) && covers(rest->subnet, at->subnet) &&
		covers(rest->market, market_of(at)) &&
		(rest->conf == NULL || is_template(rest->conf, at->conf));
}

static void
set_scope(struct rest *rest, const struct rest_at *at, const struct scope *scope)
{
	rest->type = scope->type ? xstrdup(at->type) : NULL;
	rest->class = scope->class ? xstrdup(class_of(at->type)) : NULL;
	rest->subnet = scope->subnet ? xstrdup_opt(at->subnet) : NULL;
	rest->zone = scope->zone ? xstrdup_opt(at->zone) : NULL;
	rest->market = scope->market ? market_of(at) : NULL;
}

static const struct scope *
quota_of(const struct err *why)
{
	static const struct scope all = {.code = NULL};

	for (size_t n = 0; n < COUNT_OF(quotas); n++)
		if (strcmp(quotas[n].code, why->origin) == 0)
			return &quotas[n];
	return &all;
}

static struct rest *
rest_new(enum rest_kind kind, const struct rest_at *at, const struct err *why)
{
	static const struct scope own = {.type = true, .subnet = true, .market = true};
	const struct scope exact = {.type = true,
		.zone = true,
		.subnet = at->zone == NULL, /* it stands for its zone */
		.market = true};
	struct rest *rest = NEW(struct rest);

	rest->kind = kind;
	rest->cloud = xstrdup(at->cloud->key);
	if (kind == REST_TEMPLATE) {
		rest->conf = conf_worker_ref(at->conf);
		set_scope(rest, at, &own);
	} else if (kind == REST_CANDIDATE && why->reason == REASON_QUOTA) {
		set_scope(rest, at, quota_of(why));
	} else if (kind == REST_CANDIDATE) {
		set_scope(rest, at, &exact);
	}
	return rest;
}

static void
rest_free(struct rest *rest)
{
	conf_worker_unref(rest->conf);
	free(rest->cloud);
	free(rest->type);
	free(rest->class);
	free(rest->zone);
	free(rest->subnet);
	free(rest);
}

/* What it is about, in the words of the file. */
static char *
subject_of(const struct rest *rest)
{
	const char *const parts[] = {rest->conf == NULL ? NULL : rest->conf->name,
		rest->type, rest->class, rest->zone, rest->subnet, rest->market};
	struct buf text = {0};

	for (size_t n = 0; n < COUNT_OF(parts); n++)
		if (parts[n] != NULL)
			buf_printf(&text, "%s%s", text.len == 0 ? "" : " ", parts[n]);
	return text.len == 0 ? NULL : buf_take(&text);
}

/* A want of capacity is everyday life and passes. */
static enum condition
condition_of(const struct rest *rest)
{
	static const enum condition by_kind[REST_KIND_COUNT] = {
		[REST_CANDIDATE] = CONDITION_QUOTA,
		[REST_TEMPLATE] = CONDITION_CONFIGURATION,
	};

	if (rest->kind == REST_CANDIDATE && rest->why.reason != REASON_QUOTA)
		return CONDITION_COUNT;
	return by_kind[rest->kind];
}

static void
tell(struct rests *r, const struct rest *rest, bool begins)
{
	AUTO(free) char *about = subject_of(rest);
	const struct trouble t = {.condition = condition_of(rest),
		.cloud = rest->cloud,
		.about = about};
	struct err err = rest->why;

	if (r->health == NULL || t.condition == CONDITION_COUNT)
		return;
	if (rest->conf != NULL)
		(void)err_wrap(&err, "%s and its like", rest->conf->name);
	if (begins)
		health_begin_until(r->health, &t, &err, rest->until_ms);
	else
		health_end(r->health, &t, NULL);
}

static void
drop(struct rests *r, struct rest *rest)
{
	tell(r, rest, false);
	DL_DELETE(r->list, rest);
	rest_free(rest);
}

static bool
is_over(const struct rest *rest)
{
	return clock_ms() >= rest->until_ms;
}

static void
drop_old(struct rests *r)
{
	struct rest *rest, *tmp;

	DL_FOREACH_SAFE(r->list, rest, tmp)
		if (is_over(rest))
			drop(r, rest);
}

static bool
same(const struct rest *a, const struct rest *b)
{
	return a->kind == b->kind && strcmp(a->cloud, b->cloud) == 0 &&
		str_equal(a->type, b->type) && str_equal(a->class, b->class) &&
		str_equal(a->zone, b->zone) && str_equal(a->subnet, b->subnet) &&
		str_equal(a->market, b->market) &&
		(a->conf == NULL || is_template(a->conf, b->conf));
}

/* The one in the list that is about the same; else this one joins. */
static struct rest *
join(struct rests *r, struct rest *fresh)
{
	struct rest *rest;

	DL_FOREACH(r->list, rest) {
		if (!same(rest, fresh))
			continue;
		rest_free(fresh);
		return rest;
	}
	fresh->since_wall = clock_wall_ms();
	DL_APPEND(r->list, fresh);
	return fresh;
}

bool
rests_refused(struct rests *r, const struct rest_at *at, const struct err *why)
{
	const struct rule *rule = &rules[why->reason];
	struct rest *rest;
	int64_t now = clock_ms();
	bool first;

	if (!rule->rests)
		return false;
	drop_old(r);
	rest = join(r, rest_new(rule->kind, at, why));
	first = rest->since_ms == 0;
	rest->why = *why;
	rest->since_ms = now;
	rest->until_ms = rule->rest_ms == 0 ? INT64_MAX : now + rule->rest_ms;
	if (rule->cap_ms == 0)
		rest->again_ms = INT64_MAX;
	else
		rest->again_ms = now +
			rng_backoff_ms(r->rng, rest->tries++, rule->base_ms,
				rule->cap_ms);
	tell(r, rest, true);
	return first;
}

const struct rest *
rests_find(const struct rests *r, const struct rest_at *at)
{
	const struct rest *rest, *found = NULL;

	DL_FOREACH(r->list, rest) {
		if (is_over(rest) || !matches(rest, at))
			continue;
		if (found == NULL || rest->again_ms > found->again_ms)
			found = rest;
	}
	return found;
}

void
rests_try(struct rests *r, const struct rest_at *at)
{
	struct rest *rest;
	int64_t now = clock_ms();

	DL_FOREACH(r->list, rest) {
		if (is_over(rest) || !matches(rest, at) || now < rest->again_ms)
			continue;
		rest->again_ms = now + TRY_MS;
	}
}

bool
rests_good(struct rests *r, const struct rest_at *at)
{
	struct rest *rest, *tmp;
	bool freed = false;

	DL_FOREACH_SAFE(r->list, rest, tmp) {
		if (!matches(rest, at))
			continue;
		freed |= !is_over(rest);
		drop(r, rest);
	}
	return freed;
}

void
rests_reload(struct rests *r)
{
	struct rest *rest, *tmp;

	DL_FOREACH_SAFE(r->list, rest, tmp) {
		if (rest->kind == REST_TEMPLATE)
			drop(r, rest);
	}
}

const struct rest *
rests_next(const struct rests *r, const struct rest *rest)
{
	for (rest = rest == NULL ? r->list : rest->next; rest != NULL;
		rest = rest->next)
		if (!is_over(rest))
			return rest;
	return NULL;
}

struct rests *
rests_new(struct rng *rng, struct health *health)
{
	struct rests *r = NEW(struct rests);

	r->rng = rng;
	r->health = health;
	return r;
}

void
rests_free(struct rests *r)
{
	struct rest *rest, *tmp;

	if (r == NULL)
		return;
	r->health = NULL; /* nothing passes by our end */
	DL_FOREACH_SAFE(r->list, rest, tmp)
		drop(r, rest);
	free(r);
}
