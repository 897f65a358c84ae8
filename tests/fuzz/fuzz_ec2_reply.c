/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC2's replies, of any bytes: refused as unreadable with nothing touched, or instances that
 * all have a well-formed id.
 *
 * Parser: src/ec2/reply.c
 */
#include "fuzz.h"

#include "base/err.h"
#include "base/mem.h"
#include "ec2/items.h"
#include "ec2/query.h"
#include "ec2/query_region.h"
#include "ec2/reply.h"

#include <assert.h>
#include <string.h>

typedef int parse_fn(const char *body, size_t len, struct ec2_instances *ret,
	struct err *err);

static void
check_instances(parse_fn *parse, const char *body, size_t len)
{
	struct ec2_instances list = {0};
	struct err err = {0};

	if (parse(body, len, &list, &err) < 0) {
		assert(err.code == ERR_PARSE && err.text[0] != '\0');
		assert(list.items == NULL && list.count == 0);
		return;
	}
	assert(list.count <= ITEMS_MAX);
	for (size_t i = 0; i < list.count; i++)
		assert(ec2_instance_id_check(list.items[i].id) == 0);
	assert(list.next_token == NULL || list.next_token[0] != '\0');
	ec2_instances_fini(&list);
}

/* What an item of each shape must have. */
static void
check_image(const void *item)
{
	const struct ec2_image *i = item;

	assert(items_name_check(i->id, "ami-") == 0);
}

static void
check_price(const void *item)
{
	const struct ec2_price *p = item;
	char *end;

	assert(p->type != NULL && p->zone != NULL);
	assert(strtod(p->price, &end) >= 0 && *end == '\0');
}

static void
check_subnet(const void *item)
{
	const struct ec2_subnet *s = item;

	assert(items_name_check(s->id, "subnet-") == 0 && s->zone != NULL);
}

static void
check_volume(const void *item)
{
	const struct ec2_volume *v = item;

	assert(items_name_check(v->id, "vol-") == 0 && v->zone != NULL);
	assert(v->state != NULL && v->size >= 0);
	assert(v->attachment_count <= EC2_ATTACHMENTS_MAX);
	for (size_t i = 0; i < v->attachment_count; i++)
		assert(v->attachments[i].instance == NULL ||
			ec2_instance_id_check(v->attachments[i].instance) == 0);
}

static void
check_address(const void *item)
{
	const struct ec2_address *a = item;

	assert(a->public_ip != NULL);
	assert(a->instance == NULL || ec2_instance_id_check(a->instance) == 0);
}

static void
check_key_pair(const void *item)
{
	const struct ec2_key_pair *k = item;

	assert(k->name != NULL);
}

static void
check_group(const void *item)
{
	const struct ec2_group *g = item;

	assert(items_name_check(g->id, "sg-") == 0);
}

static void
check_type(const void *item)
{
	const struct ec2_type *t = item;

	assert(t->name != NULL && t->architectures.count <= 16);
}

static void
check_offering(const void *item)
{
	const struct ec2_offering *o = item;

	assert(o->type != NULL && o->zone != NULL);
}

static void
check_zone(const void *item)
{
	const struct ec2_zone *z = item;

	assert(z->name != NULL);
}

static const struct {
	const struct item_shape *shape;
	void (*check)(const void *item);
} shapes[] = {
	{&ec2_images_shape, check_image},
	{&ec2_prices_shape, check_price},
	{&ec2_subnets_shape, check_subnet},
	{&ec2_volumes_shape, check_volume},
	{&ec2_addresses_shape, check_address},
	{&ec2_key_pairs_shape, check_key_pair},
	{&ec2_groups_shape, check_group},
	{&ec2_types_shape, check_type},
	{&ec2_offerings_shape, check_offering},
	{&ec2_zones_shape, check_zone},
};

static void
check_items(size_t n, const char *body, size_t len)
{
	const struct item_shape *shape = shapes[n].shape;
	struct items list = {0};
	struct err err = {0};

	if (items_parse(shape, body, len, &list, &err) < 0) {
		assert(err.code == ERR_PARSE && err.text[0] != '\0');
		assert(list.array == NULL && list.count == 0);
		return;
	}
	assert(list.count <= ITEMS_MAX);
	for (size_t i = 0; i < list.count; i++)
		shapes[n].check((const char *)list.array + i * shape->size);
	items_fini(shape, &list);
}

static void
check_changes(const char *body, size_t len)
{
	struct err err = {0};

	if (ec2_parse_associate(body, len, &err) < 0)
		assert(err.code == ERR_PARSE);
	if (ec2_parse_attach(body, len, "vol-12345678", "i-12345678", &err) == 0)
		assert(memmem(body, len, "vol-12345678", 12) != NULL);
}

static void
check_console(const char *body, size_t len)
{
	AUTO(free) char *output = NULL;
	struct err err = {0};
	size_t output_len = 0;
	int64_t at = 0;

	if (ec2_parse_console(body, len, &output, &output_len, &at, &err) == 0)
		assert(output != NULL && output[output_len] == '\0');
	else
		assert(err.code == ERR_PARSE && output == NULL);
}

static void
check_error(const char *body, size_t len)
{
	struct err err = {0};

	if (ec2_parse_error(body, len, &err) == 0)
		assert(err.origin[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;

	check_instances(ec2_parse_run, body, size);
	check_instances(ec2_parse_describe, body, size);
	check_instances(ec2_parse_terminate, body, size);
	check_console(body, size);
	check_error(body, size);
	check_changes(body, size);
	for (size_t n = 0; n < COUNT_OF(shapes); n++)
		check_items(n, body, size);
	return 0;
}
