/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key pairs, groups, types, offerings and zones are what tests have said; an offering is
 * filtered and never refused, as EC2 does it.
 */
#include "fake_region.h"
#include "fake_things.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static void
show_key_pairs(struct ec2_call *c)
{
	const struct ec2_key_pairs *all = &c->cloud->key_pairs;
	struct ec2_key_pairs list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t i = 0; i < all->count; i++) {
		const struct ec2_key_pair *from = &all->items[i];

		if (fake_is_named(&c->ids, from->name))
			list.items[list.count++].name = xstrdup(from->name);
	}
	if (!fake_is_answered(c, list.count, EC2_CLASS_CONFIG))
		ec2_key_pairs_fini(&list);
	c->done.key_pairs(c->arg, &c->answer, &list);
	ec2_key_pairs_fini(&list);
}

struct ec2_call *
fake_key_pairs(void *self, const struct strings *names, ec2_key_pairs_done *done,
	void *arg)
{
	struct ec2_call *c = fake_thing_call(self, NULL, show_key_pairs, arg);

	fake_copy_strings(&c->ids, names);
	c->done.key_pairs = done;
	return fake_read_later(c);
}

static void
show_groups(struct ec2_call *c)
{
	const struct ec2_groups *all = &c->cloud->groups;
	struct ec2_groups list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t i = 0; i < all->count; i++) {
		const struct ec2_group *from = &all->items[i];

		if (fake_is_named(&c->ids, from->id) ||
			fake_is_named(&c->ids, from->name))
			list.items[list.count++] = (struct ec2_group){
				.id = xstrdup(from->id),
				.name = xstrdup_opt(from->name),
				.vpc = xstrdup_opt(from->vpc),
			};
	}
	if (!fake_is_answered(c, list.count, EC2_CLASS_CONFIG))
		ec2_groups_fini(&list);
	c->done.groups(c->arg, &c->answer, &list);
	ec2_groups_fini(&list);
}

struct ec2_call *
fake_groups(void *self, const struct strings *names, const struct strings *ids,
	ec2_groups_done *done, void *arg)
{
	struct ec2_call *c = fake_thing_call(self, NULL, show_groups, arg);

	fake_copy_strings(&c->ids, names);
	fake_copy_strings(&c->ids, ids);
	c->done.groups = done;
	return fake_read_later(c);
}

static void
show_types(struct ec2_call *c)
{
	const struct ec2_types *all = &c->cloud->types;
	struct ec2_types list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t i = 0; i < all->count; i++) {
		const struct ec2_type *from = &all->items[i];

		if (!fake_is_named(&c->ids, from->name))
			continue;
		list.items[list.count].name = xstrdup(from->name);
		fake_copy_strings(&list.items[list.count++].architectures,
			&from->architectures);
	}
	if (!fake_is_answered(c, list.count, EC2_CLASS_CONFIG))
		ec2_types_fini(&list);
	c->done.types(c->arg, &c->answer, &list);
	ec2_types_fini(&list);
}

struct ec2_call *
fake_types(void *self, const struct strings *names, ec2_types_done *done, void *arg)
{
	struct ec2_call *c = fake_thing_call(self, NULL, show_types, arg);

	fake_copy_strings(&c->ids, names);
	c->done.types = done;
	return fake_read_later(c);
}

static void
show_offerings(struct ec2_call *c)
{
	const struct ec2_offerings *all = &c->cloud->offerings;
	struct ec2_offerings list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t i = 0; i < all->count; i++) {
		const struct ec2_offering *from = &all->items[i];

		if (fake_is_named(&c->owners, from->type))
			list.items[list.count++] = (struct ec2_offering){
				.type = xstrdup(from->type),
				.zone = xstrdup(from->zone),
			};
	}
	if (!fake_is_answered(c, list.count, EC2_CLASS_CONFIG))
		ec2_offerings_fini(&list);
	c->done.offerings(c->arg, &c->answer, &list);
	ec2_offerings_fini(&list);
}

struct ec2_call *
fake_offerings(void *self, const struct strings *types, ec2_offerings_done *done,
	void *arg)
{
	struct ec2_call *c = fake_thing_call(self, NULL, show_offerings, arg);

	fake_copy_strings(&c->owners, types);
	c->done.offerings = done;
	return fake_read_later(c);
}

static void
show_zones(struct ec2_call *c)
{
	const struct ec2_zones *all = &c->cloud->zones;
	struct ec2_zones list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t i = 0; i < all->count; i++) {
		const struct ec2_zone *from = &all->items[i];

		bool out = str_equal(from->name, c->cloud->out);

		list.items[list.count].name = xstrdup(from->name);
		list.items[list.count++].state = xstrdup(!out ? from->state
				: c->cloud->out_state == NULL ? "impaired"
							      : c->cloud->out_state);
	}
	if (!fake_is_answered(c, list.count, EC2_CLASS_CONFIG))
		ec2_zones_fini(&list);
	c->done.zones(c->arg, &c->answer, &list);
	ec2_zones_fini(&list);
}

struct ec2_call *
fake_zones(void *self, ec2_zones_done *done, void *arg)
{
	struct ec2_call *c = fake_thing_call(self, NULL, show_zones, arg);

	c->done.zones = done;
	return fake_read_later(c);
}

static void
show_trial(struct ec2_call *c)
{
	c->done.plain(c->arg, &c->answer);
}

static struct ec2_call *
try_it(struct fake_cloud *f, struct fake_trial *trial, const char *what, ec2_done *done,
	void *arg)
{
	struct ec2_call *c = fake_thing_call(f, NULL, show_trial, arg);

	trial->asked++;
	(void)snprintf(trial->what, sizeof(trial->what), "%s", what);
	c->done.plain = done;
	c->answer.class = EC2_CLASS_DRY_RUN;
	if (trial->silent)
		return c;
	if (trial->code != NULL)
		fake_run_refuse(trial->code, &c->answer);
	else if (trial->class != EC2_CLASS_NONE)
		fake_fail(c, (enum verdict)trial->verdict, (enum ec2_class)trial->class,
			(enum err_reason)trial->reason);
	return fake_read_later(c);
}

struct ec2_call *
fake_dry_run(void *self, const char *body, size_t len, ec2_done *done, void *arg)
{
	struct fake_cloud *f = self;

	(void)len;
	return try_it(f, &f->dry_run, body, done, arg);
}

struct ec2_call *
fake_dry_terminate(void *self, const char *instance, ec2_done *done, void *arg)
{
	struct fake_cloud *f = self;

	struct ec2_call *c = try_it(f, &f->dry_terminate, instance, done, arg);

	c->kind = CALL_TRIAL;
	if (f->may_not_terminate && c->answer.verdict == VERDICT_DONE)
		fake_run_refuse("UnauthorizedOperation", &c->answer);
	return c;
}

/* One more of it, all zeroes. */
static void *
grow(void *array, size_t *count, size_t size)
{
	array = xreallocarray(array, *count + 1, size);
	memset((char *)array + (*count)++ * size, 0, size);
	return array;
}

#define GROW(list)                                                                     \
	((list)->items = grow((list)->items, &(list)->count, sizeof(*(list)->items)),  \
		&(list)->items[(list)->count - 1])

void
fake_add_key_pair(struct fake_cloud *f, const char *name)
{
	struct ec2_key_pair *k = GROW(&f->key_pairs);

	k->name = xstrdup(name);
}

void
fake_add_group(struct fake_cloud *f, const char *id, const char *name, const char *vpc)
{
	struct ec2_group *g = GROW(&f->groups);

	g->id = xstrdup(id);
	g->name = xstrdup(name);
	g->vpc = xstrdup_opt(vpc);
}

static struct ec2_type *
find_type(struct fake_cloud *f, const char *name)
{
	for (size_t i = 0; i < f->types.count; i++)
		if (strcmp(f->types.items[i].name, name) == 0)
			return &f->types.items[i];
	return NULL;
}

void
fake_add_type(struct fake_cloud *f, const char *name, const char *architectures,
	const char *zone)
{
	AUTO(free) char *words = xstrdup(architectures);
	struct ec2_offering *o = GROW(&f->offerings);
	struct ec2_type *t = find_type(f, name);
	char *rest;

	o->type = xstrdup(name);
	o->zone = xstrdup(zone);
	if (t != NULL)
		return;
	t = GROW(&f->types);
	t->name = xstrdup(name);
	for (char *word = strtok_r(words, " ", &rest); word != NULL;
		word = strtok_r(NULL, " ", &rest))
		strings_add(&t->architectures, word);
}

void
fake_add_zone(struct fake_cloud *f, const char *name)
{
	struct ec2_zone *z = GROW(&f->zones);

	z->name = xstrdup(name);
	z->state = xstrdup("available");
}

void
fake_region_fini(struct fake_cloud *f)
{
	ec2_key_pairs_fini(&f->key_pairs);
	ec2_groups_fini(&f->groups);
	ec2_types_fini(&f->types);
	ec2_offerings_fini(&f->offerings);
	ec2_zones_fini(&f->zones);
}
