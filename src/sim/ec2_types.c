/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DescribeInstanceTypes and DescribeInstanceTypeOfferings. Without a scenario a type is
 * there when it is asked for by name.
 */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/listing.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/text.h"
#include "sim/xmlout.h"

#include <stdio.h>
#include <string.h>

static const struct sim_page_rule type_pages = {"InstanceType.1", "instanceType", 5,
	100};
static const struct sim_page_rule offer_pages = {NULL, NULL, 5, 1000};

/* A type somewhere: what an offering is. All borrowed. */
struct offering {
	const struct sim_type *type;
	const char *kind, *place;
};

#define GET(name, expression) SIM_FILTER_GET(name, struct sim_type, t, expression)

GET(current, "true")
GET(name, t->name)

static bool
test_architecture(const void *obj, const struct sim_filter *f)
{
	const struct sim_type *t = obj;

	if (t->architectures.count == 0)
		return sim_filter_takes(f, sim_ec2_architecture(t->name));
	return sim_filter_takes_any(f, t->architectures.items, t->architectures.count);
}

static bool
test_usage(const void *obj, const struct sim_filter *f)
{
	(void)obj;
	return sim_filter_takes(f, "spot") || sim_filter_takes(f, "on-demand");
}

static const struct sim_filter_row type_filters[] = {
	{"current-generation", get_current, NULL},
	{"instance-type", get_name, NULL},
	{"processor-info.supported-architecture", NULL, test_architecture},
	{"supported-usage-class", NULL, test_usage},
	{NULL, NULL, NULL},
};

static void
put_names(struct buf *out, const char *set, const struct strings *names,
	const char *otherwise)
{
	sim_xml_open(out, set);
	for (size_t n = 0; n < names->count; n++)
		sim_xml_text(out, "item", names->items[n]);
	if (names->count == 0)
		sim_xml_text(out, "item", otherwise);
	sim_xml_close(out, set);
}

static void
put_type(const void *obj, const void *before, struct buf *out)
{
	const struct sim_type *t = obj;

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "instanceType", t->name);
	sim_xml_bool(out, "currentGeneration", true);
	buf_puts(out,
		"<supportedUsageClasses><item>on-demand</item><item>spot</item>"
		"</supportedUsageClasses><processorInfo>");
	put_names(out, "supportedArchitectures", &t->architectures,
		sim_ec2_architecture(t->name));
	buf_puts(out, "</processorInfo><vCpuInfo>");
	sim_xml_int(out, "defaultVCpus", t->vcpus);
	buf_puts(out, "</vCpuInfo><memoryInfo>");
	sim_xml_int(out, "sizeInMiB", t->memory);
	buf_puts(out, "</memoryInfo></item>");
}

static bool
is_type(const struct sim_call *call, const char *name)
{
	return sim_text_is_type(name) &&
		(call->scenario->types.count == 0 ||
			sim_catalog_type(call->scenario, name) != NULL);
}

static int
check_names(struct sim_call *call)
{
	AUTO(buf) struct buf missing = {0};
	const char *name;

	for (size_t n = 1;
		(name = sim_params_getf(call->params, "InstanceType.%zu", n)) != NULL;
		n++)
		if (!is_type(call, name))
			buf_printf(&missing, "%s%.100s", missing.len > 0 ? ", " : "",
				name);
	if (missing.len == 0)
		return 0;
	return sim_fail(&call->error, SIM_INVALID_INSTANCE_TYPE,
		"The following supplied instance types do not exist: [%.300s]",
		buf_str(&missing));
}

static void
invent_type(const char *name, struct sim_type *ret_type)
{
	field_defaults(&sim_type_fields, ret_type);
	ret_type->name = xstrdup(name);
}

static void
list_types(struct sim_listing *l)
{
	const struct sim_type *types = l->call->scenario->types.items;
	const struct sim_params *p = l->call->params;
	const char *name;

	for (size_t n = 0; n < l->call->scenario->types.count; n++)
		if (sim_params_lists(p, "InstanceType", types[n].name) &&
			!sim_listing_offer(l, n + 1, &types[n]))
			return;
	if (l->call->scenario->types.count > 0)
		return;
	for (size_t n = 1; (name = sim_params_getf(p, "InstanceType.%zu", n)) != NULL;
		n++) {
		struct sim_type t = {0};

		invent_type(name, &t);
		sim_listing_offer(l, n, &t);
		field_fini(&sim_type_fields, &t);
	}
}

static int
describe_instance_types(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &type_pages,
		.set = "instanceTypeSet",
		.put = put_type};

	if (sim_listing_begin(&l, type_filters) != 0 || check_names(call) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	list_types(&l);
	sim_listing_end(&l);
	return 0;
}

static const char *
get_offered(const void *obj, char text[static SIM_FILTER_TEXT])
{
	(void)text;
	return ((const struct offering *)obj)->type->name;
}

static const char *
get_location(const void *obj, char text[static SIM_FILTER_TEXT])
{
	(void)text;
	return ((const struct offering *)obj)->place;
}

static const struct sim_filter_row offer_filters[] = {
	{"instance-type", get_offered, NULL},
	{"location", get_location, NULL},
	{NULL, NULL, NULL},
};

static void
put_offering(const void *obj, const void *before, struct buf *out)
{
	const struct offering *o = obj;

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "instanceType", o->type->name);
	sim_xml_text(out, "locationType", o->kind);
	sim_xml_text(out, "location", o->place);
	buf_puts(out, "</item>");
}

/* A type in each zone it is offered in, or once for the region. */
static void
offer_type(struct sim_listing *l, const struct sim_type *t, const char *kind,
	uint64_t *key)
{
	const char *region = l->call->region;

	for (int letter = 'a'; letter <= 'f'; letter++) {
		AUTO(free) char *zone = xasprintf("%s%c", region, letter);
		struct offering o = {t, kind, zone};
		char id[SIM_ZONE_ID_SIZE];

		++*key;
		if (!sim_type_is_offered(t, zone))
			continue;
		if (strcmp(kind, "region") == 0)
			o.place = region;
		else if (strcmp(kind, "availability-zone-id") == 0)
			o.place = sim_zone_id(zone, id);
		if (!sim_listing_offer(l, *key, &o) || o.place == region)
			return;
	}
}

/* Without a scenario: the types whose names are values of the filter, as they are. */
static void
offer_named(struct sim_listing *l, const char *kind)
{
	uint64_t key = 0;

	for (size_t n = 0; n < l->filters.count; n++) {
		const struct sim_filter *f = &l->filters.items[n];

		if (f->row->get != get_offered)
			continue;
		for (size_t v = 0; v < f->count; v++) {
			struct sim_type t = {0};

			if (!sim_text_is_type(f->values[v]))
				continue;
			invent_type(f->values[v], &t);
			offer_type(l, &t, kind, &key);
			field_fini(&sim_type_fields, &t);
		}
	}
}

static int
describe_instance_type_offerings(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &offer_pages,
		.set = "instanceTypeOfferingSet",
		.put = put_offering};
	const struct sim_type *types = call->scenario->types.items;
	const char *kind = sim_params_get(call->params, "LocationType");
	uint64_t key = 0;

	if (kind == NULL)
		kind = "region";
	if (sim_listing_begin(&l, offer_filters) != 0 || sim_call_dry_run(call) != 0)
		return -1;
	for (size_t n = 0; n < call->scenario->types.count; n++) {
		key = n * 6;
		offer_type(&l, &types[n], kind, &key);
	}
	if (call->scenario->types.count == 0)
		offer_named(&l, kind);
	sim_listing_end(&l);
	return 0;
}

static const char *const places[] = {"region", "availability-zone",
	"availability-zone-id", NULL};

static const struct sim_param_row types_params[] = {
	{.name = "InstanceType.N"},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = NULL},
};

static const struct sim_param_row offerings_params[] = {
	{.name = "LocationType", .type = SIM_PARAM_CHOICE, .choices = places},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = NULL},
};

const struct sim_action sim_ec2_type_actions[] = {
	{
		.name = "DescribeInstanceTypes",
		.run = describe_instance_types,
		.params = types_params,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "DescribeInstanceTypeOfferings",
		.run = describe_instance_type_offerings,
		.params = offerings_params,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
