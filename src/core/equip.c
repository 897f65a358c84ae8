/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thing at a time: looked at; taken if it is free; waited for while it is on its way,
 * or while whoever has it is dying. The two kinds of things differ in what is asked and in
 * what the answer means, and share the rest.
 */
#include "core/equip.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/mem.h"
#include "conf/conf_device.h"
#include "core/cloud.h"
#include "core/event.h"
#include "core/glance.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS 15000
#define SOON_BASE_MS 200
#define SOON_CAP_MS 2000

enum act {
	ACT_LOOK,   /* who has it */
	ACT_TAKE,   /* nobody has it */
	ACT_HOLDER, /* somebody has it of whom we know nothing: does that one live */
};

struct thing;
typedef struct glance_call *look_at(struct equip *e, const struct thing *t);
typedef struct ec2_call *take(struct equip *e, const struct thing *t);

static look_at look_at_address, look_at_volume;
static take take_address, take_volume;

struct kind {
	const char *name;
	look_at *look;
	take *take;
};

static const struct kind address_kind = {"address", look_at_address, take_address};
static const struct kind volume_kind = {"volume", look_at_volume, take_volume};

struct thing {
	const struct kind *kind;
	char *id;     /* owned; an address, or a volume's id */
	char *device; /* owned; of a volume */
};

struct equip {
	struct instance *instance; /* borrowed */
	struct thing *things;      /* owned */
	size_t count, at;          /* at: the first that it may not have */
	enum act act;
	struct glance_call *look; /* awaited, or NULL */
	struct ec2_call *call;    /* in flight, or NULL */
	char *allocation;         /* owned; of the address, once looked at */
	char *holder;             /* owned; who has the thing, for ACT_HOLDER */
	unsigned tries;
	int64_t try_ms; /* boottime: not before */
	bool failed;
	bool noted;     /* as the worker's last error */
	struct err why; /* it failed */
	char *told;     /* owned; what was last said of it to the world */
};

static const struct thing *
present(const struct equip *e)
{
	return &e->things[e->at];
}

static struct cloud *
cloud_of(const struct equip *e)
{
	return e->instance->launch->cloud;
}

void
equip_describe(const struct equip *e, char *text, size_t size)
{
	const struct thing *t = present(e);

	(void)snprintf(text, size, "%s %s%s%s", t->kind->name, t->id,
		t->device == NULL ? "" : " as ", t->device == NULL ? "" : t->device);
}

/* The worker's history tells it, once. */
static void
tell(struct equip *e, const char *by, const char *reason)
{
	const struct launch *l = e->instance->launch;
	const char *phase = instance_phase_name(e->instance->phase);

	if (str_equal(e->told, reason))
		return;
	free(e->told);
	e->told = xstrdup(reason);
	worker_event(l->worker, EVENT_PHASE, l, phase, phase,
		&(struct cause){by, reason});
}

/* What EC2 said, or what is waited for; in the end it troubles nobody any more. */
static void
note(struct equip *e, const struct err *err)
{
	const struct launch *l = e->instance->launch;
	const struct err none = {0};

	if (err == NULL && !e->noted)
		return;
	worker_note_error(l->worker, l->generation, err == NULL ? &none : err);
	e->noted = err != NULL;
}

/* Looked at again after a while, which grows as long as nothing changes. */
static void
look_again(struct equip *e, int64_t at_least_ms)
{
	int64_t wait = rng_backoff_ms(&e->instance->pool->rng, e->tries++,
		RETRY_BASE_MS, RETRY_CAP_MS);

	e->act = ACT_LOOK;
	e->try_ms = clock_ms() + (wait > at_least_ms ? wait : at_least_ms);
}

/* It is on its way, and that takes moments. */
static void
look_soon(struct equip *e)
{
	e->act = ACT_LOOK;
	e->try_ms = clock_ms() +
		rng_backoff_ms(&e->instance->pool->rng, e->tries++, SOON_BASE_MS,
			SOON_CAP_MS);
}

/* Waits for what will pass: text says for what. */
static void
wait_for(struct equip *e, const char *text)
{
	char what[EQUIP_TEXT_SIZE];
	struct err err;

	equip_describe(e, what, sizeof(what));
	err_set(&err, ERR_FAILED, "%s: %s", what, text);
	tell(e, "EC2", err.text);
	note(e, &err);
	look_again(e, 0);
}

static void
fail(struct equip *e, const struct err *why)
{
	char what[EQUIP_TEXT_SIZE];

	equip_describe(e, what, sizeof(what));
	e->failed = true;
	e->why = *why;
	err_wrap(&e->why, "%s", what);
}

/* It is not as the configuration says, and no waiting mends that. */
__attribute__((format(printf, 2, 3))) static void
fail_config(struct equip *e, const char *fmt, ...)
{
	AUTO(buf) struct buf text = {0};
	struct err err;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	err_set(&err, ERR_FAILED, "%s", buf_str(&text));
	err.reason = REASON_CONFIG;
	fail(e, &err);
}

static void
have_it(struct equip *e)
{
	char what[EQUIP_TEXT_SIZE];
	AUTO(free) char *text = NULL;

	equip_describe(e, what, sizeof(what));
	text = xasprintf("has %s", what);
	tell(e, "EC2", text);
	note(e, NULL);
	FP("equip.before_record");
	e->at++;
	e->act = ACT_LOOK;
	e->tries = 0;
	e->try_ms = 0;
}

/* Nobody else has it. What is in flight at the end of a process happens or does not. */
static void
take_it(struct equip *e)
{
	e->act = ACT_TAKE;
	e->try_ms = 0;
}

/* Who has it keeps it until the end: is that one at its end? */
static void
held_by(struct equip *e, const char *id)
{
	const struct instance *holder = pool_instance(e->instance->pool, id);
	AUTO(free) char *text = NULL;

	if (holder == NULL) {
		free(e->holder);
		e->holder = xstrdup(id);
		e->act = ACT_HOLDER;
		e->try_ms = 0;
	} else if (holder->phase == INSTANCE_CONDEMNED || instance_is_dying(holder)) {
		text = xasprintf("waits until %s is terminated", id);
		wait_for(e, text);
	} else {
		fail_config(e, "it belongs to %s of worker %s", id,
			holder->launch->worker->name);
	}
}

/* Whether the answer is one to go by; else it is asked again, or was refused for good. */
static bool
is_answered(struct equip *e, const struct ec2_answer *a)
{
	e->call = NULL;
	e->look = NULL;
	loop_poke(&e->instance->poke);
	if (a->verdict == VERDICT_DONE)
		return true;
	if (a->verdict == VERDICT_REFUSED) {
		fail(e, &a->err);
		return false;
	}
	note(e, &a->err);
	look_again(e, a->retry_after_ms);
	return false;
}

static void
judge_address(struct equip *e, const struct ec2_address *a)
{
	if (str_equal(a->instance, e->instance->id)) {
		have_it(e);
	} else if (a->instance != NULL) {
		held_by(e, a->instance);
	} else if (a->association != NULL) {
		fail_config(e, "it belongs to the network interface %s",
			a->interface == NULL ? "of something else" : a->interface);
	} else if (a->allocation == NULL) {
		fail_config(e, "it is no address for a VPC");
	} else {
		free(e->allocation);
		e->allocation = xstrdup(a->allocation);
		take_it(e);
	}
}

static void
on_address(void *arg, const struct ec2_answer *a, const struct ec2_address *seen)
{
	struct equip *e = arg;

	if (!is_answered(e, a))
		return;
	if (seen != NULL)
		judge_address(e, seen);
	else
		fail_config(e, "EC2 knows no such address");
}

static bool
is_state(const char *state, const char *name)
{
	return state != NULL && strcmp(state, name) == 0;
}

static void
judge_attachment(struct equip *e, const struct ec2_attachment *a)
{
	if (a->instance == NULL)
		fail_config(e, "it belongs to something that is no instance");
	else if (strcmp(a->instance, e->instance->id) != 0)
		held_by(e, a->instance);
	else if (!str_equal(a->device, present(e)->device))
		fail_config(e, "it is attached as %s",
			a->device == NULL ? "something else" : a->device);
	else if (is_state(a->state, "attached"))
		have_it(e);
	else
		look_soon(e);
}

static void
judge_volume(struct equip *e, const struct ec2_volume *v)
{
	const char *zone = e->instance->zone;
	AUTO(free) char *text = NULL;

	for (size_t n = 0; n < v->attachment_count; n++)
		if (!is_state(v->attachments[n].state, "detached")) {
			judge_attachment(e, &v->attachments[n]);
			return;
		}
	if (zone != NULL && strcmp(zone, v->zone) != 0) {
		fail_config(e, "it is in zone %s, and the instance in %s", v->zone,
			zone);
	} else if (is_state(v->state, "available")) {
		take_it(e);
	} else if (is_state(v->state, "creating") || is_state(v->state, "in-use")) {
		text = xasprintf("waits until it is available; it is %s", v->state);
		wait_for(e, text);
	} else {
		fail_config(e, "its state is %s", v->state);
	}
}

static void
on_volume(void *arg, const struct ec2_answer *a, const struct ec2_volume *seen)
{
	struct equip *e = arg;

	if (!is_answered(e, a))
		return;
	if (seen != NULL)
		judge_volume(e, seen);
	else
		fail_config(e, "EC2 knows no such volume");
}

/* What it has is known by looking, not by this. */
static void
on_taken(void *arg, const struct ec2_answer *a)
{
	struct equip *e = arg;

	if (!is_answered(e, a))
		return;
	FP("equip.after_accept");
	e->tries = 0;
	look_soon(e);
}

static void
on_holder(void *arg, const struct ec2_answer *a, struct ec2_instances *list)
{
	struct equip *e = arg;
	AUTO(free) char *text = NULL;
	bool missing = a->verdict == VERDICT_MISSING;

	if (!missing && !is_answered(e, a))
		return;
	if (missing) {
		e->call = NULL;
		loop_poke(&e->instance->poke);
	}
	if (!missing && list->count == 1 &&
		list->items[0].state < EC2_STATE_SHUTTING_DOWN) {
		fail_config(e, "it belongs to %s, which is %s", e->holder,
			ec2_state_name(list->items[0].state));
		return;
	}
	text = xasprintf("waits until %s is terminated", e->holder);
	wait_for(e, text);
}

static struct glance_call *
look_at_address(struct equip *e, const struct thing *t)
{
	return glance_address(e->instance->pool->glances, cloud_of(e), t->id,
		on_address, e);
}

static struct glance_call *
look_at_volume(struct equip *e, const struct thing *t)
{
	return glance_volume(e->instance->pool->glances, cloud_of(e), t->id, on_volume,
		e);
}

static struct ec2_call *
take_address(struct equip *e, const struct thing *t)
{
	struct cloud *c = cloud_of(e);

	FP("equip.before_address");
	(void)t;
	return c->ops->associate(c->self, e->allocation, e->instance->id, on_taken, e);
}

static struct ec2_call *
take_volume(struct equip *e, const struct thing *t)
{
	struct cloud *c = cloud_of(e);

	FP("equip.before_volume");
	return c->ops->attach(c->self, t->id, e->instance->id, t->device, on_taken, e);
}

static void
ask(struct equip *e)
{
	const struct thing *t = present(e);
	struct cloud *c = cloud_of(e);

	switch (e->act) {
	case ACT_LOOK: e->look = t->kind->look(e, t); break;
	case ACT_TAKE: e->call = t->kind->take(e, t); break;
	case ACT_HOLDER:
		e->call = c->ops->describe(c->self, e->holder, on_holder, e);
		break;
	}
}

static bool
is_asking(const struct equip *e)
{
	return e->look != NULL || e->call != NULL;
}

enum equip_outcome
equip_step(struct equip *e, struct err *err)
{
	if (e->failed) {
		*err = e->why;
		return EQUIP_FAILED;
	}
	if (e->at == e->count)
		return EQUIP_DONE;
	if (!is_asking(e) && clock_ms() >= e->try_ms)
		ask(e);
	return EQUIP_BUSY;
}

int64_t
equip_due_ms(const struct equip *e)
{
	return e == NULL || is_asking(e) ? INT64_MAX : e->try_ms;
}

static void
add_thing(struct equip *e, const struct kind *kind, const char *id, const char *device)
{
	e->things = xreallocarray(e->things, e->count + 1, sizeof(*e->things));
	e->things[e->count++] = (struct thing){
		.kind = kind,
		.id = xstrdup(id),
		.device = xstrdup_opt(device),
	};
}

char *
equip_freeze_volumes(const struct field_list *volumes)
{
	const struct conf_volume *items = volumes->items;
	struct buf text = {0};

	if (volumes->count == 0)
		return NULL;
	for (size_t i = 0; i < volumes->count; i++)
		buf_printf(&text, "%s%s %s", i == 0 ? "" : "\n", items[i].volume_id,
			items[i].device);
	return buf_take(&text);
}

static void
add_volumes(struct equip *e, const char *frozen)
{
	AUTO(free) char *text = xstrdup(frozen);
	char *rest;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
		line = strtok_r(NULL, "\n", &rest)) {
		char *device = strchr(line, ' ');

		if (device == NULL)
			continue; /* no version of ours wrote that */
		*device++ = '\0';
		add_thing(e, &volume_kind, line, device);
	}
}

struct equip *
equip_new(struct instance *i)
{
	struct equip *e = NEW(struct equip);
	const struct launch *l = i->launch;

	e->instance = i;
	if (l->elastic_ip != NULL)
		add_thing(e, &address_kind, l->elastic_ip, NULL);
	if (l->volumes != NULL)
		add_volumes(e, l->volumes);
	return e;
}

void
equip_free(struct equip *e)
{
	if (e == NULL)
		return;
	glance_cancel(e->look);
	if (e->call != NULL)
		cloud_of(e)->ops->cancel(cloud_of(e)->self, e->call);
	for (size_t n = 0; n < e->count; n++) {
		free(e->things[n].id);
		free(e->things[n].device);
	}
	free(e->things);
	free(e->allocation);
	free(e->holder);
	free(e->told);
	free(e);
}
