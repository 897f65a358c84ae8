/* SPDX-License-Identifier: Apache-2.0 */
/* DescribeKeyPairs, and the key pair of a launch. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/listing.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/xmlout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct sim_page_rule pages = {NULL, NULL, 1, 1000}; /* it has none */

/* An id is made from the name: key- and 17 digits. */
static const char *
id_of(const struct sim_key_pair *k, char text[static SIM_FILTER_TEXT])
{
	(void)snprintf(text, SIM_FILTER_TEXT, "key-0%016" PRIx64, sim_hash(k->name));
	return text;
}

#define GET(name, expression) SIM_FILTER_GET(name, struct sim_key_pair, k, expression)

GET(fingerprint, k->fingerprint)
GET(id, id_of(k, text))
GET(name, k->name)

SIM_FILTER_TEST_TAG(struct sim_key_pair)

static const struct sim_filter_row filters[] = {
	{"fingerprint", get_fingerprint, NULL},
	{"key-name", get_name, NULL},
	{"key-pair-id", get_id, NULL},
	{"tag-key", NULL, test_tag},
	{"tag-value", NULL, test_tag},
	{"tag:", NULL, test_tag},
	{NULL, NULL, NULL},
};

static void
put_key_pair(const void *obj, const void *before, struct buf *out)
{
	const struct sim_key_pair *k = obj;
	char text[SIM_FILTER_TEXT];

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "keyPairId", id_of(k, text));
	sim_xml_text(out, "keyName", k->name);
	sim_xml_text(out, "keyFingerprint", k->fingerprint);
	sim_xml_text(out, "keyType", "rsa");
	sim_xml_map(out, "tagSet", &k->tags, "key", "value");
	buf_puts(out, "</item>");
}

int
sim_ec2_check_key_pair(struct sim_call *call, const char *name)
{
	if (call->scenario->key_pairs.count == 0 ||
		sim_catalog_key_pair(call->scenario, call->region, name) != NULL)
		return 0;
	return sim_fail(&call->error, SIM_INVALID_KEY_PAIR_NOT_FOUND,
		"The key pair '%.255s' does not exist", name);
}

static bool
has_id(const struct sim_call *call, const char *id)
{
	const struct sim_key_pair *pairs = call->scenario->key_pairs.items;
	char text[SIM_FILTER_TEXT];

	for (size_t n = 0; n < call->scenario->key_pairs.count; n++)
		if (sim_catalog_is_here(pairs[n].region, call->region) &&
			strcmp(id_of(&pairs[n], text), id) == 0)
			return true;
	return false;
}

static int
check_named(struct sim_call *call)
{
	const char *text;

	for (size_t n = 1;
		(text = sim_params_getf(call->params, "KeyName.%zu", n)) != NULL; n++)
		if (sim_ec2_check_key_pair(call, text) != 0)
			return -1;
	for (size_t n = 1;
		(text = sim_params_getf(call->params, "KeyPairId.%zu", n)) != NULL; n++)
		if (!has_id(call, text))
			return sim_fail(&call->error, SIM_INVALID_KEY_PAIR_NOT_FOUND,
				"The key pair '%.255s' does not exist", text);
	return 0;
}

static void
list_key_pairs(struct sim_listing *l)
{
	const struct sim_key_pair *pairs = l->call->scenario->key_pairs.items;
	const struct sim_params *p = l->call->params;
	char text[SIM_FILTER_TEXT];

	for (size_t n = 0; n < l->call->scenario->key_pairs.count; n++)
		if (sim_catalog_is_here(pairs[n].region, l->call->region) &&
			sim_params_lists(p, "KeyName", pairs[n].name) &&
			sim_params_lists(p, "KeyPairId", id_of(&pairs[n], text)))
			sim_listing_offer(l, n + 1, &pairs[n]);
}

/* Without a scenario each name is a key pair. */
static void
invent_key_pairs(struct sim_listing *l)
{
	const char *name;

	for (size_t n = 1;
		(name = sim_params_getf(l->call->params, "KeyName.%zu", n)) != NULL;
		n++) {
		struct sim_key_pair k = {0};

		field_defaults(&sim_key_pair_fields, &k);
		k.name = xstrdup(name);
		sim_listing_offer(l, n, &k);
		field_fini(&sim_key_pair_fields, &k);
	}
}

static int
describe_key_pairs(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &pages,
		.set = "keySet",
		.put = put_key_pair};

	if (sim_listing_begin(&l, filters) != 0 || check_named(call) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	if (call->scenario->key_pairs.count > 0)
		list_key_pairs(&l);
	else
		invent_key_pairs(&l);
	sim_listing_end(&l);
	return 0;
}

static const struct sim_param_row keys_params[] = {
	{.name = "KeyName.N"},
	{.name = "KeyPairId.N"},
	{.name = "IncludePublicKey", .type = SIM_PARAM_BOOL},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = NULL},
};

const struct sim_action sim_ec2_key_actions[] = {
	{
		.name = "DescribeKeyPairs",
		.run = describe_key_pairs,
		.params = keys_params,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
