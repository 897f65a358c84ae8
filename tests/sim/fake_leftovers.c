/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked for by its id is shown whatever its state; a listing has only what EC2's would. */
#include "fake_leftovers.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fake_things.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool
is_kind(const struct ec2_leftover *l, int kind)
{
	return strncmp(l->id, kind == EC2_LEFTOVER_VOLUME ? "vol-" : "sir-", 4) == 0;
}

static bool
is_listed(const struct ec2_leftover *l)
{
	return strcmp(l->state, "in-use") != 0 && strcmp(l->state, "closed") != 0;
}

static struct ec2_leftover
copy(const struct ec2_leftover *from)
{
	struct ec2_leftover to = *from;

	to.id = xstrdup(from->id);
	to.state = xstrdup(from->state);
	to.status = xstrdup_opt(from->status);
	to.instance = xstrdup_opt(from->instance);
	to.zone = xstrdup_opt(from->zone);
	to.type = xstrdup_opt(from->type);
	to.price = xstrdup_opt(from->price);
	to.worker = xstrdup_opt(from->worker);
	to.launch = xstrdup_opt(from->launch);
	to.lineage = xstrdup_opt(from->lineage);
	return to;
}

static void
show(struct ec2_call *c)
{
	const struct ec2_leftovers *all = &c->cloud->leftovers;
	struct ec2_leftovers list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t n = 0; n < all->count; n++)
		if (is_kind(&all->items[n], c->left_kind) &&
			(c->key[0] == '\0' ? is_listed(&all->items[n])
					   : strcmp(all->items[n].id, c->key) == 0))
			list.items[list.count++] = copy(&all->items[n]);
	if (!fake_is_answered(c, list.count, EC2_CLASS_VOLUME))
		ec2_leftovers_fini(&list);
	c->done.leftovers(c->arg, &c->answer, &list);
	ec2_leftovers_fini(&list);
}

static struct ec2_call *
ask(struct fake_cloud *f, enum ec2_leftover_kind kind, const char *id,
	ec2_leftovers_done *done, void *arg)
{
	struct rng *shared = f->rng;
	struct ec2_call *c;

	f->rng = &f->left_rng;
	c = fake_thing_call(f, id, show, arg);
	c->left_kind = (int)kind;
	c->done.leftovers = done;
	(void)fake_read_later(c);
	f->rng = shared;
	return c;
}

struct ec2_call *
fake_list_leftovers(void *self, enum ec2_leftover_kind kind, const char *pool,
	ec2_leftovers_done *done, void *arg)
{
	struct fake_cloud *f = self;

	(void)pool;
	f->leftover_lists[kind]++;
	return ask(f, kind, NULL, done, arg);
}

struct ec2_call *
fake_look_at_leftover(void *self, enum ec2_leftover_kind kind, const char *id,
	ec2_leftovers_done *done, void *arg)
{
	return ask(self, kind, id, done, arg);
}

static void
show_plain(struct ec2_call *c)
{
	c->done.plain(c->arg, &c->answer);
}

static void
set(char **member, const char *text)
{
	free(*member);
	*member = xstrdup(text);
}

struct ec2_leftover *
fake_leftover(struct fake_cloud *f, const char *id)
{
	for (size_t n = 0; n < f->leftovers.count; n++)
		if (strcmp(f->leftovers.items[n].id, id) == 0)
			return &f->leftovers.items[n];
	return NULL;
}

/* A request that fills while it is cancelled keeps its instance. */
static void
cancel(struct fake_cloud *f, struct ec2_leftover *l)
{
	if (f->fills_late != NULL) {
		set(&l->instance, f->fills_late);
		f->fills_late = NULL;
	}
	set(&l->state, "cancelled");
	set(&l->status,
		l->instance != NULL ? "request-canceled-and-instance-running"
				    : "canceled-before-fulfillment");
}

static void
drop(struct fake_cloud *f, struct ec2_leftover *l)
{
	size_t at = (size_t)(l - f->leftovers.items);

	if (f->left_volumes > 0 && f->violation[0] == '\0')
		(void)snprintf(f->violation, sizeof(f->violation),
			"volume %s is deleted without an order", l->id);
	ec2_leftover_fini(l);
	memmove(l, l + 1, (--f->leftovers.count - at) * sizeof(*l));
}

struct ec2_call *
fake_end_leftover(void *self, enum ec2_leftover_kind kind, const char *id,
	ec2_done *done, void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_call *c = fake_thing_call(f, id, show_plain, arg);
	struct ec2_leftover *l = fake_leftover(f, id);

	c->done.plain = done;
	f->leftover_ends++;
	if (f->deaf)
		return fake_answer_later(c, true);
	if (l == NULL || (kind == EC2_LEFTOVER_VOLUME && l->instance != NULL))
		fake_fail(c, VERDICT_REFUSED, EC2_CLASS_VOLUME, REASON_CONFIG);
	else if (kind == EC2_LEFTOVER_VOLUME)
		drop(f, l);
	else
		cancel(f, l);
	return fake_answer_later(c, false);
}

struct ec2_leftover *
fake_add_leftover(struct fake_cloud *f, enum ec2_leftover_kind kind,
	const struct fake_instance *of)
{
	bool volume = kind == EC2_LEFTOVER_VOLUME;
	struct ec2_leftovers *list = &f->leftovers;
	struct ec2_leftover *l;

	list->items = xreallocarray(list->items, list->count + 1, sizeof(*list->items));
	l = &list->items[list->count++];
	*l = (struct ec2_leftover){
		.id = xasprintf("%s%08zx", volume ? "vol-" : "sir-", list->count),
		.state = xstrdup(volume ? "available" : "open"),
		.zone = volume ? xstrdup("us-east-1a") : NULL,
		.type = xstrdup(volume ? "gp3" : "m5.large"),
		.price = volume ? NULL : xstrdup("0.05"),
		.size = volume ? 8 : 0,
		.made_at = of->born_wall,
		.worker = xstrdup(of->worker),
		.launch = xstrdup(of->launch),
		.lineage = of->lineage[0] == '\0' ? NULL : xstrdup(of->lineage),
		.generation = of->generation,
		.epoch = of->epoch,
	};
	return l;
}

void
fake_leftovers_fini(struct fake_cloud *f)
{
	ec2_leftovers_fini(&f->leftovers);
}
