/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DescribeImages: those of the scenario, or without any one for each id that is asked
 * for.
 */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/clock.h"
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

/* Any size from one on; boto3 asks for whole listings unless told otherwise. */
static const struct sim_page_rule pages = {NULL, NULL, 1, 1000};

static const char *
location(const struct sim_image *i, char text[static SIM_FILTER_TEXT])
{
	if (i->location != NULL)
		return i->location;
	(void)snprintf(text, SIM_FILTER_TEXT, "%.20s/%.120s", i->owner, i->name);
	return text;
}

#define GET(name, expression) SIM_FILTER_GET(name, struct sim_image, i, expression)

GET(architecture, i->architecture)
GET(created, i->created)
GET(description, i->description)
GET(disk, "ebs")
GET(hypervisor, "xen")
GET(id, i->id)
GET(kind, "machine")
GET(alias, i->alias)
GET(owner, i->owner)
GET(location, location(i, text))
GET(name, i->name)
GET(platform, i->platform)
GET(open, i->open ? "true" : "false")
GET(root, SIM_ROOT_DEVICE)
GET(state, sim_image_state_name(i->state))
GET(virtualization, "hvm")

SIM_FILTER_TEST_TAG(struct sim_image)

static const struct sim_filter_row filters[] = {
	{"architecture", get_architecture, NULL},
	{"creation-date", get_created, NULL},
	{"description", get_description, NULL},
	{"hypervisor", get_hypervisor, NULL},
	{"image-id", get_id, NULL},
	{"image-type", get_kind, NULL},
	{"is-public", get_open, NULL},
	{"manifest-location", get_location, NULL},
	{"name", get_name, NULL},
	{"owner-alias", get_alias, NULL},
	{"owner-id", get_owner, NULL},
	{"platform-details", get_platform, NULL},
	{"root-device-name", get_root, NULL},
	{"root-device-type", get_disk, NULL},
	{"state", get_state, NULL},
	{"tag-key", NULL, test_tag},
	{"tag-value", NULL, test_tag},
	{"tag:", NULL, test_tag},
	{"virtualization-type", get_virtualization, NULL},
	{NULL, NULL, NULL},
};

static void
put_image(const void *obj, const void *before, struct buf *out)
{
	const struct sim_image *i = obj;
	char text[SIM_FILTER_TEXT];

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "imageId", i->id);
	sim_xml_text(out, "imageLocation", location(i, text));
	sim_xml_text(out, "imageState", sim_image_state_name(i->state));
	sim_xml_text(out, "imageOwnerId", i->owner);
	sim_xml_text(out, "imageOwnerAlias", i->alias);
	sim_xml_text(out, "creationDate", i->created);
	sim_xml_bool(out, "isPublic", i->open);
	sim_xml_text(out, "architecture", i->architecture);
	sim_xml_text(out, "imageType", "machine");
	sim_xml_text(out, "name", i->name);
	sim_xml_text(out, "description", i->description);
	sim_xml_text(out, "platformDetails", i->platform);
	sim_xml_text(out, "rootDeviceType", "ebs");
	sim_xml_text(out, "rootDeviceName", SIM_ROOT_DEVICE);
	sim_xml_text(out, "virtualizationType", "hvm");
	sim_xml_text(out, "hypervisor", "xen");
	sim_xml_text(out, "deprecationTime", i->deprecated);
	sim_xml_map(out, "tagSet", &i->tags, "key", "value");
	buf_puts(out, "</item>");
}

static bool
is_owner(const struct sim_image *i, const char *owner)
{
	if (strcmp(owner, "self") == 0)
		owner = SIM_OWNER_ID;
	return strcmp(owner, i->owner) == 0 || str_equal(i->alias, owner);
}

/* Whether one of a list of the request is what the image has; true without a list. */
static bool
is_any(const struct sim_params *p, const char *list, const struct sim_image *i,
	bool (*has)(const struct sim_image *, const char *))
{
	const char *value = sim_params_getf(p, "%s.1", list);

	if (value == NULL)
		return true;
	for (size_t n = 1; (value = sim_params_getf(p, "%s.%zu", list, n)) != NULL; n++)
		if (has(i, value))
			return true;
	return false;
}

/* "all" stands for what is public, anything else for what was shared with an account. */
static bool
is_executable_by(const struct sim_image *i, const char *whom)
{
	return i->open == (strcmp(whom, "all") == 0);
}

static bool
is_deprecated(const struct sim_image *i)
{
	int64_t at_ms;

	return i->deprecated != NULL && clock_parse(i->deprecated, &at_ms) == 0 &&
		at_ms <= clock_wall_ms() && strcmp(i->owner, SIM_OWNER_ID) != 0;
}

static bool
is_asked_for(const struct sim_call *call, const struct sim_image *i)
{
	const struct sim_params *p = call->params;

	return is_any(p, "Owner", i, is_owner) &&
		is_any(p, "ExecutableBy", i, is_executable_by) &&
		(!is_deprecated(i) || sim_params_true(p, "IncludeDeprecated"));
}

/* Malformed or unknown: an error that names what is missing. */
static int
check_ids(struct sim_call *call)
{
	AUTO(buf) struct buf missing = {0};
	const char *id;
	size_t count = 0;

	for (size_t n = 1;
		(id = sim_params_getf(call->params, "ImageId.%zu", n)) != NULL; n++) {
		if (!sim_text_is_id(id, "ami-", 1, 17))
			return sim_fail(&call->error, SIM_INVALID_AMI_ID_MALFORMED,
				"Invalid id: \"%.100s\" (expecting \"ami-...\")", id);
		if (call->scenario->images.count == 0 ||
			sim_catalog_image(call->scenario, call->region, id) != NULL)
			continue;
		buf_printf(&missing, "%s%s", count++ > 0 ? ", " : "", id);
	}
	if (count > 0)
		return sim_fail(&call->error, SIM_INVALID_AMI_ID_NOT_FOUND,
			count > 1 ? "The image ids '[%.400s]' do not exist"
				  : "The image id '[%.400s]' does not exist",
			buf_str(&missing));
	return 0;
}

static void
list_images(struct sim_listing *l)
{
	const struct sim_image *images = l->call->scenario->images.items;

	/* Keys count from 1: the first of the page stands behind the last of the one before. */
	for (size_t n = (size_t)l->page->after; n < l->call->scenario->images.count;
		n++)
		if (sim_catalog_is_here(images[n].region, l->call->region) &&
			sim_params_lists(l->call->params, "ImageId", images[n].id) &&
			is_asked_for(l->call, &images[n]) &&
			!sim_listing_offer(l, n + 1, &images[n]))
			return;
}

/* Without a scenario each id names an image. */
static void
invent_images(struct sim_listing *l)
{
	const char *id;
	bool more = true;

	for (size_t n = 1; more &&
		(id = sim_params_getf(l->call->params, "ImageId.%zu", n)) != NULL;
		n++) {
		struct sim_image i = {0};

		field_defaults(&sim_image_fields, &i);
		i.id = xstrdup(id);
		if (is_asked_for(l->call, &i))
			more = sim_listing_offer(l, n, &i);
		field_fini(&sim_image_fields, &i);
	}
}

static int
describe_images(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &pages,
		.set = "imagesSet",
		.put = put_image};

	if (sim_listing_begin(&l, filters) != 0 || check_ids(call) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	if (call->scenario->images.count > 0)
		list_images(&l);
	else
		invent_images(&l);
	sim_listing_end(&l);
	return 0;
}

static const struct sim_param_row images_params[] = {
	{.name = "ImageId.N"},
	{.name = "Owner.N"},
	{.name = "ExecutableBy.N"},
	{.name = "IncludeDeprecated", .type = SIM_PARAM_BOOL},
	{.name = "IncludeDisabled", .type = SIM_PARAM_BOOL},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = NULL},
};

const struct sim_action sim_ec2_image_actions[] = {
	{
		.name = "DescribeImages",
		.run = describe_images,
		.params = images_params,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
