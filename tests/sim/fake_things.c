/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookups copy what there is; changes are refused as EC2 would refuse them, and happen
 * whatever becomes of their answers.
 */
#include "fake_things.h"

#include "base/clock.h"
#include "base/mem.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* How long a volume is "attaching", at most. */
#define ATTACH_MS 3000

struct ec2_call *
fake_thing_call(struct fake_cloud *f, const char *key, void (*show)(struct ec2_call *c),
	void *arg)
{
	struct ec2_call *c = fake_call_new(f, CALL_THING, key, NULL, arg);

	c->show = show;
	if (f->may_not_ask)
		fake_fail(c, VERDICT_REFUSED, EC2_CLASS_AUTH, REASON_AUTH);
	return c;
}

void
fake_copy_strings(struct strings *to, const struct strings *from)
{
	for (size_t i = 0; from != NULL && i < from->count; i++)
		strings_add(to, from->items[i]);
}

bool
fake_is_named(const struct strings *names, const char *name)
{
	return names->count == 0 || (name != NULL && strings_contain(names, name));
}

bool
fake_is_answered(struct ec2_call *c, size_t found, enum ec2_class class)
{
	if (c->answer.verdict == VERDICT_DONE && found < c->ids.count)
		fake_fail(c, VERDICT_REFUSED, class, REASON_CONFIG);
	return c->answer.verdict == VERDICT_DONE;
}

static void
show_images(struct ec2_call *c)
{
	const struct ec2_images *all = &c->cloud->images;
	struct ec2_images list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t i = 0; i < all->count; i++) {
		const struct ec2_image *from = &all->items[i];
		struct ec2_image *to = &list.items[list.count];

		if (!fake_is_named(&c->ids, from->id) ||
			!fake_is_named(&c->owners, from->owner) ||
			(c->key[0] != '\0' &&
				(from->name == NULL ||
					fnmatch(c->key, from->name, 0) != 0)))
			continue;
		*to = *from;
		to->id = xstrdup_opt(from->id);
		to->location = xstrdup_opt(from->location);
		to->name = xstrdup_opt(from->name);
		to->state = xstrdup_opt(from->state);
		to->owner = xstrdup_opt(from->owner);
		to->architecture = xstrdup_opt(from->architecture);
		list.count++;
	}
	if (!fake_is_answered(c, list.count, EC2_CLASS_CONFIG))
		ec2_images_fini(&list);
	c->done.images(c->arg, &c->answer, &list);
	ec2_images_fini(&list);
}

struct ec2_call *
fake_images(void *self, const struct ec2_image_query *q, ec2_images_done *done,
	void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_call *c = fake_thing_call(f, q->name, show_images, arg);

	f->image_lists++;
	fake_copy_strings(&c->owners, q->owners);
	fake_copy_strings(&c->ids, q->ids);
	c->done.images = done;
	return fake_read_later(c);
}

static void
show_parameter(struct ec2_call *c)
{
	const char *value = c->cloud->parameter;

	if (c->answer.verdict == VERDICT_DONE && value == NULL)
		fake_fail(c, VERDICT_REFUSED, EC2_CLASS_CONFIG, REASON_CONFIG);
	c->done.parameter(c->arg, &c->answer,
		c->answer.verdict == VERDICT_DONE ? value : NULL);
}

struct ec2_call *
fake_parameter(void *self, const char *name, ec2_parameter_done *done, void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_call *c = fake_thing_call(f, name, show_parameter, arg);

	f->parameters_read++;
	c->done.parameter = done;
	return fake_read_later(c);
}

static void
show_prices(struct ec2_call *c)
{
	const struct ec2_prices *all = &c->cloud->prices;
	struct ec2_prices list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t i = 0; i < all->count; i++) {
		const struct ec2_price *from = &all->items[i];
		struct ec2_price *to = &list.items[list.count];

		if (strcmp(from->type, c->key) != 0 ||
			(c->zone[0] != '\0' && strcmp(from->zone, c->zone) != 0))
			continue;
		*to = *from;
		to->type = xstrdup(from->type);
		to->zone = xstrdup(from->zone);
		to->price = xstrdup(from->price);
		list.count++;
	}
	if (!fake_is_answered(c, list.count, EC2_CLASS_CONFIG))
		ec2_prices_fini(&list);
	c->done.prices(c->arg, &c->answer, &list);
	ec2_prices_fini(&list);
}

struct ec2_call *
fake_prices(void *self, const struct ec2_price_query *q, ec2_prices_done *done,
	void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_call *c = fake_thing_call(f, q->type, show_prices, arg);

	f->price_lists++;
	(void)snprintf(c->zone, sizeof(c->zone), "%s", q->zone == NULL ? "" : q->zone);
	c->done.prices = done;
	return fake_read_later(c);
}

static void
show_subnets(struct ec2_call *c)
{
	const struct ec2_subnets *all = &c->cloud->subnets;
	struct ec2_subnets list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t i = 0; i < all->count; i++) {
		const struct ec2_subnet *from = &all->items[i];

		if (fake_is_named(&c->ids, from->id))
			list.items[list.count++] = (struct ec2_subnet){
				.id = xstrdup(from->id),
				.zone = xstrdup(from->zone),
				.vpc = xstrdup_opt(from->vpc),
				.state = xstrdup_opt(from->state),
			};
	}
	if (!fake_is_answered(c, list.count, EC2_CLASS_CONFIG))
		ec2_subnets_fini(&list);
	c->done.subnets(c->arg, &c->answer, &list);
	ec2_subnets_fini(&list);
}

struct ec2_call *
fake_subnets(void *self, const struct strings *ids, ec2_subnets_done *done, void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_call *c = fake_thing_call(f, NULL, show_subnets, arg);

	f->subnet_lists++;
	fake_copy_strings(&c->ids, ids);
	c->done.subnets = done;
	return fake_read_later(c);
}

static struct ec2_volume
copy_volume(const struct ec2_volume *from)
{
	struct ec2_volume to = *from;

	to.id = xstrdup(from->id);
	to.zone = xstrdup(from->zone);
	to.state = xstrdup(from->state);
	to.attachments = xcalloc(from->attachment_count + 1, sizeof(*to.attachments));
	for (size_t i = 0; i < from->attachment_count; i++)
		to.attachments[i] = (struct ec2_attachment){
			.instance = xstrdup_opt(from->attachments[i].instance),
			.device = xstrdup_opt(from->attachments[i].device),
			.state = xstrdup_opt(from->attachments[i].state),
		};
	return to;
}

static void
show_volumes(struct ec2_call *c)
{
	const struct ec2_volumes *all = &c->cloud->volumes;
	struct ec2_volumes list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t i = 0; i < all->count; i++)
		if (fake_is_named(&c->ids, all->items[i].id))
			list.items[list.count++] = copy_volume(&all->items[i]);
	if (!fake_is_answered(c, list.count, EC2_CLASS_VOLUME))
		ec2_volumes_fini(&list);
	c->done.volumes(c->arg, &c->answer, &list);
	ec2_volumes_fini(&list);
}

struct ec2_call *
fake_volumes(void *self, const struct strings *ids, ec2_volumes_done *done, void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_call *c = fake_thing_call(f, NULL, show_volumes, arg);

	f->volume_lists++;
	fake_copy_strings(&c->ids, ids);
	c->done.volumes = done;
	return fake_read_later(c);
}

static void
show_addresses(struct ec2_call *c)
{
	const struct ec2_addresses *all = &c->cloud->addresses;
	struct ec2_addresses list = {xcalloc(all->count + 1, sizeof(*all->items)), 0};

	for (size_t i = 0; i < all->count; i++) {
		const struct ec2_address *from = &all->items[i];

		if (fake_is_named(&c->ids, from->public_ip))
			list.items[list.count++] = (struct ec2_address){
				.public_ip = xstrdup(from->public_ip),
				.allocation = xstrdup_opt(from->allocation),
				.association = xstrdup_opt(from->association),
				.instance = xstrdup_opt(from->instance),
				.interface = xstrdup_opt(from->interface),
			};
	}
	if (!fake_is_answered(c, list.count, EC2_CLASS_VOLUME))
		ec2_addresses_fini(&list);
	c->done.addresses(c->arg, &c->answer, &list);
	ec2_addresses_fini(&list);
}

struct ec2_call *
fake_addresses(void *self, const struct strings *public_ips, ec2_addresses_done *done,
	void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_call *c = fake_thing_call(f, NULL, show_addresses, arg);

	f->address_lists++;
	fake_copy_strings(&c->ids, public_ips);
	c->done.addresses = done;
	return fake_read_later(c);
}

struct ec2_volume *
fake_volume(struct fake_cloud *f, const char *id)
{
	for (size_t i = 0; i < f->volumes.count; i++)
		if (strcmp(f->volumes.items[i].id, id) == 0)
			return &f->volumes.items[i];
	return NULL;
}

struct ec2_address *
fake_address(struct fake_cloud *f, const char *public_ip)
{
	for (size_t i = 0; i < f->addresses.count; i++)
		if (strcmp(f->addresses.items[i].public_ip, public_ip) == 0)
			return &f->addresses.items[i];
	return NULL;
}

static struct ec2_address *
find_allocation(struct fake_cloud *f, const char *allocation)
{
	for (size_t i = 0; i < f->addresses.count; i++)
		if (str_equal(f->addresses.items[i].allocation, allocation))
			return &f->addresses.items[i];
	return NULL;
}

static void
set(char **member, const char *text)
{
	free(*member);
	*member = xstrdup_opt(text);
}

void
fake_give_volume(struct ec2_volume *v, const char *instance, const char *device)
{
	for (size_t i = 0; i < v->attachment_count; i++) {
		free(v->attachments[i].instance);
		free(v->attachments[i].device);
		free(v->attachments[i].state);
	}
	free(v->attachments);
	v->attachments = NULL;
	v->attachment_count = 0;
	set(&v->state, instance == NULL ? "available" : "in-use");
	if (instance == NULL)
		return;
	v->attachments = xcalloc(1, sizeof(*v->attachments));
	v->attachments[v->attachment_count++] = (struct ec2_attachment){
		.instance = xstrdup(instance),
		.device = xstrdup(device),
		.state = xstrdup("attached"),
	};
}

void
fake_give_address(struct ec2_address *a, const char *instance)
{
	set(&a->instance, instance);
	set(&a->interface, instance == NULL ? NULL : "eni-0123456789abcdef0");
	set(&a->association, instance == NULL ? NULL : "eipassoc-0123456789abcdef0");
}

static bool
is_running(struct fake_cloud *f, const char *id)
{
	const struct fake_instance *i = fake_by_id(f, id);

	return i != NULL && i->state == EC2_STATE_RUNNING;
}

void
fake_apply_associate(struct fake_cloud *f, const struct fake_effect *e)
{
	struct ec2_address *a = find_allocation(f, e->thing);

	if (a != NULL && a->instance == NULL && is_running(f, e->id))
		fake_give_address(a, e->id);
}

void
fake_apply_attach(struct fake_cloud *f, const struct fake_effect *e)
{
	struct ec2_volume *v = fake_volume(f, e->thing);
	struct fake_effect attached;

	if (v == NULL || v->attachment_count > 0 || !is_running(f, e->id))
		return;
	fake_give_volume(v, e->id, e->device);
	set(&v->attachments[0].state, "attaching");
	attached = *e;
	attached.kind = EFFECT_ATTACHED;
	fake_effect_in(f, &attached, 1 + (int64_t)rng_below(f->rng, ATTACH_MS));
}

void
fake_apply_attached(struct fake_cloud *f, const struct fake_effect *e)
{
	struct ec2_volume *v = fake_volume(f, e->thing);

	if (v != NULL && v->attachment_count > 0 &&
		strcmp(v->attachments[0].instance, e->id) == 0)
		set(&v->attachments[0].state, "attached");
}

static void
show_plain(struct ec2_call *c)
{
	c->done.plain(c->arg, &c->answer);
}

/* What EC2 would say to it at this moment; then perhaps something goes wrong. */
static struct ec2_call *
change(struct ec2_call *c, const struct fake_effect *e, enum ec2_class refused)
{
	struct fake_cloud *f = c->cloud;

	if (f->deaf)
		return fake_answer_later(c, true);
	if (f->thing_answer.times > 0) {
		f->thing_answer.times--;
		if (f->thing_answer.effect)
			fake_effect_in(f, e, 0);
		if (f->thing_answer.verdict != VERDICT_DONE)
			fake_fail(c, (enum verdict)f->thing_answer.verdict,
				(enum ec2_class)f->thing_answer.class,
				(enum err_reason)f->thing_answer.reason);
	} else if (!is_running(f, e->id) || refused == EC2_CLASS_STATE) {
		fake_fail(c, VERDICT_REPEAT, EC2_CLASS_STATE, REASON_INTERNAL);
	} else if (refused != EC2_CLASS_NONE) {
		fake_fail(c, VERDICT_REFUSED, refused, REASON_CONFIG);
	} else if (fake_chance(f, f->faults.never_sent)) {
		fake_fail(c, VERDICT_LATER, EC2_CLASS_NEVER_SENT, REASON_NETWORK);
	} else if (fake_chance(f, f->faults.throttle)) {
		fake_fail(c, VERDICT_LATER, EC2_CLASS_THROTTLE, REASON_THROTTLED);
	} else if (fake_chance(f, f->faults.late_effect)) {
		fake_effect_in(f, e, 1 + (int64_t)rng_below(f->rng, 60000));
		return fake_answer_later(c, true);
	} else {
		fake_effect_in(f, e, 0);
		return fake_answer_later(c, fake_chance(f, f->faults.lose_answer));
	}
	return fake_answer_later(c, false);
}

struct ec2_call *
fake_associate(void *self, const char *allocation, const char *instance, ec2_done *done,
	void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_call *c = fake_thing_call(f, instance, show_plain, arg);
	const struct ec2_address *a = find_allocation(f, allocation);
	struct fake_effect e = {.kind = EFFECT_ASSOCIATE};
	enum ec2_class refused = EC2_CLASS_NONE;

	f->associates++;
	c->done.plain = done;
	(void)snprintf(e.id, sizeof(e.id), "%s", instance);
	(void)snprintf(e.thing, sizeof(e.thing), "%s", allocation);
	if (a == NULL)
		refused = EC2_CLASS_VOLUME;
	else if (a->instance != NULL && strcmp(a->instance, instance) != 0)
		refused = EC2_CLASS_STATE;
	return change(c, &e, refused);
}

struct ec2_call *
fake_attach(void *self, const char *volume, const char *instance, const char *device,
	ec2_done *done, void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_call *c = fake_thing_call(f, instance, show_plain, arg);
	const struct ec2_volume *v = fake_volume(f, volume);
	struct fake_effect e = {.kind = EFFECT_ATTACH};
	enum ec2_class refused = EC2_CLASS_NONE;

	f->attaches++;
	c->done.plain = done;
	(void)snprintf(e.id, sizeof(e.id), "%s", instance);
	(void)snprintf(e.thing, sizeof(e.thing), "%s", volume);
	(void)snprintf(e.device, sizeof(e.device), "%s", device);
	if (v == NULL)
		refused = EC2_CLASS_VOLUME;
	else if (v->attachment_count > 0)
		refused = EC2_CLASS_STATE;
	return change(c, &e, refused);
}

static bool
is_terminated(struct fake_cloud *f, const char *id)
{
	const struct fake_instance *i = id == NULL ? NULL : fake_by_id(f, id);

	return i != NULL && i->state == EC2_STATE_TERMINATED;
}

void
fake_things_tick(struct fake_cloud *f)
{
	for (size_t i = 0; i < f->volumes.count; i++) {
		struct ec2_volume *v = &f->volumes.items[i];

		if (v->attachment_count > 0 &&
			is_terminated(f, v->attachments[0].instance))
			fake_give_volume(v, NULL, NULL);
	}
	for (size_t i = 0; i < f->addresses.count; i++) {
		struct ec2_address *a = &f->addresses.items[i];

		if (a->instance != NULL && is_terminated(f, a->instance))
			fake_give_address(a, NULL);
	}
}

/* Room for one more: every list grows by this. */
#define GROW(list)                                                                     \
	((list)->items = xreallocarray((list)->items, (list)->count + 1,               \
		 sizeof(*(list)->items)),                                              \
		&(list)->items[(list)->count++])

void
fake_add_image(struct fake_cloud *f, const char *id, const char *location,
	const char *state)
{
	size_t owner = location == NULL ? 0 : strcspn(location, "/");

	*GROW(&f->images) = (struct ec2_image){
		.id = xstrdup(id),
		.location = xstrdup_opt(location),
		.state = xstrdup(state),
		.owner = location == NULL ? NULL : xstrndup(location, owner),
		.architecture = xstrdup("x86_64"),
	};
}

void
fake_add_price(struct fake_cloud *f, const char *type, const char *zone,
	const char *price)
{
	*GROW(&f->prices) = (struct ec2_price){
		.type = xstrdup(type),
		.zone = xstrdup(zone),
		.price = xstrdup(price),
		.at = clock_wall_ms(),
	};
}

void
fake_add_subnet(struct fake_cloud *f, const char *id, const char *zone)
{
	*GROW(&f->subnets) = (struct ec2_subnet){
		.id = xstrdup(id),
		.zone = xstrdup(zone),
		.vpc = xstrdup("vpc-0123456789abcdef0"),
		.state = xstrdup("available"),
	};
}

void
fake_add_volume(struct fake_cloud *f, const char *id, const char *zone)
{
	*GROW(&f->volumes) = (struct ec2_volume){
		.id = xstrdup(id),
		.zone = xstrdup(zone),
		.state = xstrdup("available"),
		.size = 10,
	};
}

const char *
fake_add_address(struct fake_cloud *f, const char *public_ip)
{
	struct ec2_address *a = GROW(&f->addresses);

	*a = (struct ec2_address){
		.public_ip = xstrdup(public_ip),
		.allocation = xasprintf("eipalloc-%08zx", f->addresses.count),
	};
	return a->allocation;
}

void
fake_things_fini(struct fake_cloud *f)
{
	ec2_images_fini(&f->images);
	ec2_prices_fini(&f->prices);
	ec2_subnets_fini(&f->subnets);
	ec2_volumes_fini(&f->volumes);
	ec2_addresses_fini(&f->addresses);
}
