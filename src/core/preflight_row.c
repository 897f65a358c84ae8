/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a row of workers, as far as AWS can be asked: a list of checks, each
 * of which asks, and tells what follows from the answers. The trial launch comes last; it
 * is made of what the others found good, so that one fault does not hide the next.
 */
#include "core/preflight_priv.h"

#include "base/buf.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_places.h"
#include "core/bid.h"
#include "core/cloud.h"
#include "core/permit_text.h"
#include "core/preflight_try.h"

#include <stdio.h>
#include <string.h>

static bool
has_word(char *const *words, const char *word)
{
	for (; words != NULL && *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static char *
join(char *const *words)
{
	struct buf text = {.data = NULL};

	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		buf_printf(&text, "%s%s", i > 0 ? ", " : "", words[i]);
	buf_puts(&text, "");
	return buf_take(&text);
}

/*
 * Of two keys that do not go together, the one to blame: what the row says itself, not
 * what it has from the defaults, where it may suit the other rows.
 */
static void
tell_pair(struct preflight_row *r, enum preflight_level level, const char *key,
	int item, const char *other, const char *text)
{
	bool swap = !preflight_has(r, key) && preflight_has(r, other);

	preflight_tell(r, level, swap ? other : key, swap ? 0 : item, "%s", text);
}

/* True if the answer is a yes. A no is the caller's to tell. */
static bool
is_yes(struct preflight_row *r, const struct answer *a, const char *key, int item)
{
	if (a->found == FOUND_FORBIDDEN)
		preflight_tell_credentials(r, TELL_WARNING, "may not look: %s",
			a->err.text);
	else if (a->found == FOUND_UNKNOWN)
		preflight_tell(r, TELL_UNANSWERED, key, item, "cannot be checked: %s",
			a->err.text);
	return a->found == FOUND_YES;
}

/* Something that EC2 must know. Its answer if it does, else NULL, and that is told. */
static const struct answer *
must_be(struct preflight_row *r, enum question question, const char *what,
	const char *key, int item, const char *kind)
{
	const struct answer *a = preflight_ask(r, question, what);

	if (a == NULL || is_yes(r, a, key, item))
		return a;
	if (a->found == FOUND_NO) {
		AUTO(free)
		char *text = xasprintf("there is no %s %s in %s%s%s%s%s", kind, what,
			question == ASK_GROUP_NAME ? "the default network of " : "",
			r->cloud->region, a->err.origin[0] ? " (" : "", a->err.origin,
			a->err.origin[0] ? ")" : "");

		tell_pair(r, TELL_FAULT, key, item, "region", text);
	}
	return NULL;
}

/* Without its cloud nothing of a row can be asked. */
static bool
is_reached(struct preflight_row *r)
{
	const struct answer *a = preflight_ask(r, ASK_ZONES, "");

	if (a == NULL)
		return false;
	if (a->found == FOUND_UNKNOWN)
		preflight_tell_region(r, TELL_UNANSWERED, "%s cannot be asked: %s",
			r->cloud->region, a->err.text);
	else if (a->found == FOUND_FORBIDDEN && permit_is_missing(&a->err))
		preflight_tell_credentials(r, TELL_WARNING, "may not look: %s",
			a->err.text);
	else if (a->found == FOUND_FORBIDDEN)
		preflight_tell_credentials(r, TELL_FAULT, "no good in %s: %s",
			r->cloud->region, a->err.text);
	else
		return true;
	return permit_is_missing(&a->err);
}

static void
check_key_pair(struct preflight_row *r)
{
	const char *name = r->worker->keypair_name;

	if (must_be(r, ASK_KEY_PAIR, name, "keypair_name", 0, "key pair") != NULL)
		r->key = name;
}

/* The zone that the row names must be there. */
static void
check_placement(struct preflight_row *r)
{
	const struct answer *a = preflight_ask(r, ASK_ZONES, "");
	AUTO(free) char *zone = NULL, *zones = NULL;

	if (r->worker->placement == NULL || a->found != FOUND_YES)
		return;
	zone = xasprintf("%s%s", r->cloud->region, r->worker->placement);
	for (size_t i = 0; a->facts.words != NULL && a->facts.words[i] != NULL; i++)
		if (strcmp(a->facts.words[i], zone) == 0)
			r->zone = a->facts.words[i];
	if (r->zone != NULL)
		return;
	zones = join(a->facts.words);
	preflight_tell(r, TELL_FAULT, "placement", 0,
		"there is no zone %s for this account; there are %s", zone, zones);
}

static void
tell_zone(struct preflight_row *r, int item, const char *zone)
{
	AUTO(free)
	char *text = xasprintf("%s is in %s, and placement says %s",
		r->worker->subnet_id.items[item], zone, r->zone);

	tell_pair(r, TELL_FAULT, "subnet_id", item, "placement", text);
}

static void
check_subnet(struct preflight_row *r, int item)
{
	const char *id = r->worker->subnet_id.items[item];
	const struct answer *a = must_be(r, ASK_SUBNET, id, "subnet_id", item,
		"subnet");

	if (a == NULL)
		return;
	if (a->facts.state != NULL && strcmp(a->facts.state, "available") != 0)
		preflight_tell(r, TELL_FAULT, "subnet_id", item, "%s is %s", id,
			a->facts.state);
	else if (r->zone != NULL && !str_equal(a->facts.zone, r->zone))
		tell_zone(r, item, a->facts.zone);
	else if (r->subnet == NULL)
		r->subnet = id;
}

static void
check_subnets(struct preflight_row *r)
{
	for (size_t i = 0; i < r->worker->subnet_id.count; i++)
		check_subnet(r, (int)i);
}

/* Whether the row may start in this zone; what it says of zones is known by now. */
static bool
is_possible_zone(struct preflight_row *r, const char *zone)
{
	const struct strings *subnets = &r->worker->subnet_id;

	if (r->zone != NULL || subnets->count == 0)
		return r->zone == NULL || str_equal(r->zone, zone);
	for (size_t i = 0; i < subnets->count; i++) {
		const struct answer *a = preflight_ask(r, ASK_SUBNET,
			subnets->items[i]);

		if (a == NULL || a->found != FOUND_YES ||
			str_equal(a->facts.zone, zone))
			return true;
	}
	return false;
}

/* The first volume of a row that names no zone itself is what pins it to one. */
static void
check_volume(struct preflight_row *r, const char *id, int item)
{
	static const char *const good[] = {"available", "in-use", "creating"};
	const struct answer *a = must_be(r, ASK_VOLUME, id, "volumes", item, "volume");
	AUTO(free) char *text = NULL;
	bool usable = false;

	if (a == NULL)
		return;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		usable = usable || str_equal(a->facts.state, good[i]);
	if (!usable) {
		preflight_tell(r, TELL_FAULT, "volumes", item, "%s is %s", id,
			a->facts.state);
	} else if (!is_possible_zone(r, a->facts.zone)) {
		text = xasprintf("%s is in %s, where the worker does not start", id,
			a->facts.zone);
		tell_pair(r, TELL_FAULT, "volumes", item,
			r->worker->placement != NULL ? "placement" : "subnet_id", text);
	} else {
		r->zone = a->facts.zone;
	}
}

/* The subnet to try is one where the volumes are. */
static void
follow_volumes(struct preflight_row *r)
{
	const struct strings *subnets = &r->worker->subnet_id;

	r->subnet = NULL;
	for (size_t i = 0; i < subnets->count && r->subnet == NULL; i++) {
		const struct answer *a = preflight_ask(r, ASK_SUBNET,
			subnets->items[i]);

		if (a != NULL && a->found == FOUND_YES &&
			str_equal(a->facts.zone, r->zone))
			r->subnet = subnets->items[i];
	}
}

static void
check_volumes(struct preflight_row *r)
{
	const struct conf_volume *volumes = r->worker->volumes.items;

	for (size_t i = 0; i < r->worker->volumes.count; i++)
		check_volume(r, volumes[i].volume_id, (int)i);
	if (r->worker->volumes.count > 0 && r->zone != NULL)
		follow_volumes(r);
}

static void
check_address(struct preflight_row *r)
{
	if (r->worker->elastic_ip != NULL)
		(void)must_be(r, ASK_ADDRESS, r->worker->elastic_ip, "elastic_ip", 0,
			"elastic IP address");
}

/* A group and a subnet are of one network; told of the first pair that is not. */
static bool
is_in_network(struct preflight_row *r, const struct answer *group, int item)
{
	const struct strings *subnets = &r->worker->subnet_id;
	AUTO(free) char *text = NULL;

	for (size_t i = 0; i < subnets->count; i++) {
		const struct answer *a = preflight_ask(r, ASK_SUBNET,
			subnets->items[i]);

		if (a == NULL || a->found != FOUND_YES ||
			str_equal(a->facts.vpc, group->facts.vpc))
			continue;
		text = xasprintf("%s is of the network %s, and %s of %s",
			r->worker->security_group_ids.items[item], group->facts.vpc,
			subnets->items[i], a->facts.vpc);
		tell_pair(r, TELL_FAULT, "security_group_ids", item, "subnet_id", text);
		return false;
	}
	return true;
}

static void
check_groups(struct preflight_row *r)
{
	const struct strings *ids = &r->worker->security_group_ids;
	const char *name = r->worker->security_name;

	r->groups = true;
	if (name != NULL &&
		must_be(r, ASK_GROUP_NAME, name, "security_name", 0,
			"security group") == NULL)
		r->groups = false;
	for (size_t i = 0; i < ids->count; i++) {
		const struct answer *a = must_be(r, ASK_GROUP, ids->items[i],
			"security_group_ids", (int)i, "security group");

		if (a == NULL || !is_in_network(r, a, (int)i))
			r->groups = false;
	}
}

/* The key that says which image it is. */
static const char *
image_key(const struct conf_worker *w)
{
	if (w->ami != NULL)
		return "ami";
	if (w->ami_location != NULL)
		return "valid_ami_location_regex";
	if (w->ami_name != NULL)
		return "ami_name";
	return w->ami_filters.count > 0 ? "ami_filters" : "valid_ami_owners";
}

/* The image that a start would take now; NULL: none, or it is not known yet. */
static const char *
find_image(struct preflight_row *r)
{
	const struct conf_worker *w = r->worker;
	const char *parameter = conf_ami_parameter(w);
	const struct answer *a;

	if (w->ami != NULL && parameter == NULL)
		return w->ami;
	a = parameter != NULL ? preflight_ask(r, ASK_PARAMETER, parameter)
			      : preflight_ask(r, ASK_CHOICE, w->name);
	if (a == NULL || is_yes(r, a, image_key(w), 0))
		return a != NULL ? a->facts.id : NULL;
	if (a->found == FOUND_NO)
		preflight_tell(r, TELL_FAULT, image_key(w), 0, "%s", a->err.text);
	return NULL;
}

static void
check_image(struct preflight_row *r)
{
	const char *key = image_key(r->worker), *id = find_image(r);
	const struct answer *a = NULL;

	if (id != NULL)
		a = must_be(r, ASK_IMAGE, id, key, 0, "image");
	if (a == NULL)
		return;
	if (a->facts.state != NULL && strcmp(a->facts.state, "available") != 0) {
		preflight_tell(r, TELL_FAULT, key, 0, "%s is %s", id, a->facts.state);
		return;
	}
	r->image = id;
	r->architecture = a->facts.architecture;
}

/* How many of the zones that the row may start in have the type, and the first that has not. */
static size_t
count_zones(struct preflight_row *r, const struct answer *offers, size_t *ret_of,
	const char **ret_lacking)
{
	const struct strings *subnets = &r->worker->subnet_id;
	size_t count = 0;

	*ret_of = 0;
	for (size_t i = 0; i < (r->zone != NULL ? 1 : subnets->count); i++) {
		const struct answer *a = r->zone != NULL
			? NULL
			: preflight_ask(r, ASK_SUBNET, subnets->items[i]);
		const char *zone = a != NULL ? a->facts.zone : r->zone;

		if (zone == NULL)
			continue;
		++*ret_of;
		if (has_word(offers->facts.words, zone))
			count++;
		else if (*ret_lacking == NULL)
			*ret_lacking = zone;
	}
	return count;
}

/* Whether a launch of this type can find a place. */
static bool
is_offered(struct preflight_row *r, const char *type, int item)
{
	const struct answer *a = preflight_ask(r, ASK_OFFERS, type);
	AUTO(free) char *text = NULL, *zones = NULL;
	const char *lacking = NULL;
	size_t of, count;

	if (a == NULL)
		return false;
	if (a->found == FOUND_NO) {
		text = xasprintf("%s cannot be had in %s", type, r->cloud->region);
		tell_pair(r, TELL_FAULT, "instance_type", item, "region", text);
		return false;
	}
	if (!is_yes(r, a, "instance_type", item))
		return true;
	count = count_zones(r, a, &of, &lacking);
	if (lacking != NULL) {
		zones = join(a->facts.words);
		text = xasprintf("%s cannot be had in %s, but in %s", type, lacking,
			zones);
		tell_pair(r, count > 0 ? TELL_WARNING : TELL_FAULT, "instance_type",
			item, r->zone != NULL ? "placement" : "subnet_id", text);
	}
	return of == 0 || count > 0;
}

static bool
is_of_image(struct preflight_row *r, const char *type, int item, const struct answer *a)
{
	AUTO(free) char *can = NULL, *text = NULL;

	if (r->architecture == NULL || a->facts.words == NULL ||
		has_word(a->facts.words, r->architecture))
		return true;
	can = join(a->facts.words);
	text = xasprintf("%s is for %s, and the image %s for %s", type, can, r->image,
		r->architecture);
	tell_pair(r, TELL_FAULT, "instance_type", item, image_key(r->worker), text);
	return false;
}

static void
check_types(struct preflight_row *r)
{
	const struct strings *types = &r->worker->instance_type;

	for (size_t i = 0; i < types->count; i++) {
		const char *type = types->items[i];
		const struct answer *a = must_be(r, ASK_TYPE, type, "instance_type",
			(int)i, "instance type");
		bool good = a != NULL && is_of_image(r, type, (int)i, a);

		if (a != NULL && is_offered(r, type, (int)i) && good && r->type == NULL)
			r->type = type;
	}
}

/* Without a history the bid is a guess. */
static void
check_price(struct preflight_row *r, const char *type)
{
	const char *product = r->worker->product_description;
	const char *place = r->zone != NULL ? r->zone : r->cloud->region;
	AUTO(free)
	char *what = xasprintf("%s %s %s", type, r->zone != NULL ? r->zone : "-",
		product);
	const struct answer *a = preflight_ask(r, ASK_PRICES, what);

	if (a != NULL && !is_yes(r, a, "spot_instance", 0) && a->found == FOUND_NO)
		preflight_tell(r, TELL_WARNING, "product_description", 0,
			"there was no spot price of %s for %s in %s within a day, so the "
			"bid would be a guess; where all instances are in a VPC it may be "
			"that of Linux/UNIX (Amazon VPC)",
			type, product, place);
}

static void
check_prices(struct preflight_row *r)
{
	const struct strings *types = &r->worker->instance_type;

	for (size_t i = 0; i < types->count; i++)
		if (r->worker->spot_instance && bid_needs_mean(r->worker))
			check_price(r, types->items[i]);
}

typedef void check(struct preflight_row *r);

/* In this order: each may use what those before it have found. */
static check *const checks[] = {
	check_key_pair,
	check_placement,
	check_subnets,
	check_volumes,
	check_address,
	check_groups,
	check_image,
	check_types,
	check_prices,
	try_terminate,
	try_launch,
};

void
preflight_examine(struct preflight_row *r)
{
	if (!is_reached(r))
		return;
	for (size_t i = 0; i < COUNT_OF(checks); i++)
		checks[i](r);
}
