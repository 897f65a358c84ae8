/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flights and who is on them. EC2 refuses a whole question for one thing that it does not
 * know: then two of half the size are asked, until that one stands alone.
 */
#include "core/glance.h"

#include "base/field.h"
#include "base/mem.h"
#include "core/cloud.h"
#include "ec2/verdict.h"

#include <string.h>
#include <utlist.h>

enum kind { KIND_VOLUME, KIND_ADDRESS };

struct flight {
	struct glances *all; /* borrowed */
	struct cloud *cloud; /* borrowed: its riders need it */
	enum kind kind;
	struct ec2_call *op;
	size_t riders;
	struct flight *prev, *next;
};

struct glance_call {
	struct glances *all; /* borrowed */
	struct cloud *cloud; /* borrowed */
	enum kind kind;
	char *id;    /* owned */
	size_t most; /* that it may be asked about together with */
	union {
		glance_volume_done *volume;
		glance_address_done *address;
	} done;
	void *arg;
	struct flight *flight; /* NULL: waits for one */
	struct glance_call *prev, *next;
};

struct glances {
	struct loop *loop; /* borrowed */
	struct glance_call *calls;
	struct flight *flights;
	struct loop_poke poke;
};

static void
call_free(struct glance_call *call)
{
	DL_DELETE(call->all->calls, call);
	free(call->id);
	free(call);
}

static void
flight_free(struct flight *f)
{
	DL_DELETE(f->all->flights, f);
	free(f);
}

static bool
is_of(const struct glance_call *call, const struct cloud *cloud, enum kind kind)
{
	return call->cloud == cloud && call->kind == kind;
}

static bool
is_flying(const struct glances *all, const struct glance_call *call)
{
	const struct flight *f;

	DL_FOREACH(all->flights, f)
		if (is_of(call, f->cloud, f->kind))
			return true;
	return false;
}

static struct glance_call *
first_rider(const struct flight *f)
{
	struct glance_call *call;

	DL_FOREACH(f->all->calls, call)
		if (call->flight == f)
			return call;
	return NULL;
}

/* Whether smaller questions can be answered where this one was not. */
static bool
is_one_to_blame(const struct flight *f, const struct ec2_answer *a)
{
	return f->riders > 1 && a->verdict == VERDICT_REFUSED &&
		(a->class == EC2_CLASS_VOLUME || a->class == EC2_CLASS_CONFIG ||
			a->class == EC2_CLASS_UNKNOWN_CODE);
}

static void
split(struct flight *f)
{
	struct glance_call *call;

	DL_FOREACH(f->all->calls, call)
		if (call->flight == f) {
			call->most = (f->riders + 1) / 2;
			call->flight = NULL;
		}
}

/* The call leaves its flight; what follows may cancel others, and begin new ones. */
static struct glance_call
take_off(struct glance_call *call)
{
	struct glance_call copy = *call;

	copy.id = xstrdup(call->id);
	call_free(call);
	return copy;
}

static void
tell_volume(struct glance_call *call, const struct ec2_answer *a,
	const struct ec2_volumes *list)
{
	struct glance_call told = take_off(call);
	const struct ec2_volume *seen = NULL;

	for (size_t n = 0; n < list->count && seen == NULL; n++)
		if (strcmp(list->items[n].id, told.id) == 0)
			seen = &list->items[n];
	free(told.id);
	told.done.volume(told.arg, a, seen);
}

static void
tell_address(struct glance_call *call, const struct ec2_answer *a,
	const struct ec2_addresses *list)
{
	struct glance_call told = take_off(call);
	const struct ec2_address *seen = NULL;

	for (size_t n = 0; n < list->count && seen == NULL; n++)
		if (strcmp(list->items[n].public_ip, told.id) == 0)
			seen = &list->items[n];
	free(told.id);
	told.done.address(told.arg, a, seen);
}

/* Its answer has come, which may be about one of its riders only. */
static void
land(struct flight *f, const struct ec2_answer *a)
{
	f->op = NULL;
	if (is_one_to_blame(f, a))
		split(f);
}

static void
retire(struct flight *f)
{
	struct glances *all = f->all;

	flight_free(f);
	loop_poke(&all->poke);
}

static void
on_volumes(void *arg, const struct ec2_answer *a, struct ec2_volumes *list)
{
	struct flight *f = arg;
	struct glance_call *call;

	land(f, a);
	while ((call = first_rider(f)) != NULL)
		tell_volume(call, a, list);
	retire(f);
}

static void
on_addresses(void *arg, const struct ec2_answer *a, struct ec2_addresses *list)
{
	struct flight *f = arg;
	struct glance_call *call;

	land(f, a);
	while ((call = first_rider(f)) != NULL)
		tell_address(call, a, list);
	retire(f);
}

/* All that wait for the same, as far as they may go together; the first one decides. */
static void
gather(struct flight *f, struct glance_call *first, struct strings *ids)
{
	size_t most = first->most;
	struct glance_call *call;

	for (call = first; call != NULL && f->riders < most; call = call->next) {
		if (call->flight != NULL || !is_of(call, f->cloud, f->kind))
			continue;
		if (call->most < most)
			most = call->most;
		if (f->riders == most)
			break;
		call->flight = f;
		f->riders++;
		if (!strings_contain(ids, call->id))
			strings_add(ids, call->id);
	}
}

static void
take_on(struct glance_call *first)
{
	struct glances *all = first->all;
	struct flight *f = NEW(struct flight);
	struct cloud *c = first->cloud;
	struct strings ids = {0};

	f->all = all;
	f->cloud = c;
	f->kind = first->kind;
	gather(f, first, &ids);
	DL_APPEND(all->flights, f);
	f->op = f->kind == KIND_VOLUME
		? c->ops->volumes(c->self, &ids, on_volumes, f)
		: c->ops->addresses(c->self, &ids, on_addresses, f);
	strings_fini(&ids);
}

static void
on_poke(void *arg)
{
	struct glances *all = arg;
	struct glance_call *call;

	DL_FOREACH(all->calls, call)
		if (call->flight == NULL && !is_flying(all, call))
			take_on(call);
}

static struct glance_call *
call_new(struct glances *all, struct cloud *cloud, enum kind kind, const char *id,
	void *arg)
{
	struct glance_call *call = NEW(struct glance_call);

	call->all = all;
	call->cloud = cloud;
	call->kind = kind;
	call->id = xstrdup(id);
	call->most = GLANCE_MOST;
	call->arg = arg;
	DL_APPEND(all->calls, call);
	loop_poke(&all->poke);
	return call;
}

struct glance_call *
glance_volume(struct glances *all, struct cloud *cloud, const char *id,
	glance_volume_done *done, void *arg)
{
	struct glance_call *call = call_new(all, cloud, KIND_VOLUME, id, arg);

	call->done.volume = done;
	return call;
}

struct glance_call *
glance_address(struct glances *all, struct cloud *cloud, const char *public_ip,
	glance_address_done *done, void *arg)
{
	struct glance_call *call = call_new(all, cloud, KIND_ADDRESS, public_ip, arg);

	call->done.address = done;
	return call;
}

/* A flight that nobody is on any more is not waited for: its cloud may go. */
void
glance_cancel(struct glance_call *call)
{
	struct flight *f = call == NULL ? NULL : call->flight;

	if (call == NULL)
		return;
	call_free(call);
	if (f == NULL || f->op == NULL || first_rider(f) != NULL)
		return;
	f->cloud->ops->cancel(f->cloud->self, f->op);
	loop_poke(&f->all->poke);
	flight_free(f);
}

struct glances *
glances_new(struct loop *loop)
{
	struct glances *all = NEW(struct glances);

	all->loop = loop;
	loop_poke_init(&all->poke, loop, on_poke, all);
	return all;
}

void
glances_free(struct glances *all)
{
	if (all == NULL)
		return;
	while (all->calls != NULL)
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		glance_cancel(all->calls);
	loop_poke_clear(&all->poke);
	free(all);
}
