/* SPDX-License-Identifier: Apache-2.0 */
/* The list of addresses, and the rows of a scenario's. */
#include "sim/address.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sim/cloud.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

struct sim_addresses {
	struct sim_address *list; /* owned */
	struct strings past;      /* associations that have ended */
	uint64_t made;
};

static const struct field rows[] = {
	{
		.name = "public_ip",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_address_row, public_ip, char *),
		.max = 15,
		.example = "203.0.113.7",
		.doc = "The address.",
	},
	{
		.name = "allocation_id",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_address_row, allocation_id, char *),
		.max = SIM_ID_SIZE - 1,
		.example = "eipalloc-0123456789abcdef0",
		.doc = "Its id; one is made up without.",
	},
	{
		.name = "region",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_address_row, region, char *),
		.def = "us-east-1",
		.doc = "Where it is.",
	},
	{
		.name = "tags",
		.type = FIELD_STRMAP,
		.offset = FIELD_AT(struct sim_address_row, tags, struct strmap),
		.doc = "Its tags.",
	},
	{.name = NULL},
};

const struct fields sim_address_fields = {"address", rows,
	sizeof(struct sim_address_row)};

struct sim_addresses *
sim_addresses_new(void)
{
	return NEW(struct sim_addresses);
}

void
sim_addresses_clear(struct sim_addresses *as)
{
	while (as->list != NULL) {
		struct sim_address *a = as->list;

		LL_DELETE(as->list, a);
		free(a->public_ip);
		free(a->region);
		strmap_fini(&a->tags);
		free(a);
	}
	strings_fini(&as->past);
	as->made = 0;
}

void
sim_addresses_free(struct sim_addresses *as)
{
	if (as == NULL)
		return;
	sim_addresses_clear(as);
	free(as);
}

static bool
is_taken(const struct sim_addresses *as, const char *public_ip)
{
	const struct sim_address *a;

	LL_FOREACH(as->list, a)
		if (!a->released && strcmp(a->public_ip, public_ip) == 0)
			return true;
	return false;
}

static char *
pick_ip(const struct sim_addresses *as)
{
	for (int host = 1;; host++) {
		char *ip = host < 255
			? xasprintf("203.0.113.%d", host)
			: xasprintf("198.51.%d.%d", 100 + host / 255 - 1, host % 255);

		if (!is_taken(as, ip))
			return ip;
		free(ip);
	}
}

struct sim_address *
sim_addresses_add(struct sim_addresses *as, struct sim_cloud *cloud, const char *region,
	const char *public_ip)
{
	struct sim_address *a = NEW(struct sim_address);

	sim_cloud_make_id(cloud, "eipalloc-", a->allocation);
	a->seq = ++as->made;
	a->public_ip = public_ip != NULL ? xstrdup(public_ip) : pick_ip(as);
	a->region = xstrdup(region);
	a->made_wall_ms = clock_wall_ms();
	LL_APPEND(as->list, a);
	return a;
}

void
sim_addresses_add_rows(struct sim_addresses *as, struct sim_cloud *cloud,
	const struct sim_address_row *list, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		const struct sim_address_row *r = &list[n];
		struct sim_address *a;

		if (is_taken(as, r->public_ip))
			continue;
		a = sim_addresses_add(as, cloud, r->region, r->public_ip);
		if (r->allocation_id != NULL)
			(void)snprintf(a->allocation, sizeof(a->allocation), "%s",
				r->allocation_id);
		for (size_t t = 0; t < r->tags.count; t++)
			strmap_put(&a->tags, r->tags.keys[t], r->tags.values[t]);
	}
}

struct sim_address *
sim_addresses_first(const struct sim_addresses *as)
{
	return as->list;
}

struct sim_address *
sim_addresses_find(const struct sim_addresses *as, const char *region,
	const char *public_ip, const char *allocation, const char *association)
{
	struct sim_address *a;

	LL_FOREACH(as->list, a) {
		if (a->released || strcmp(a->region, region) != 0)
			continue;
		if ((public_ip != NULL && strcmp(a->public_ip, public_ip) == 0) ||
			(allocation != NULL &&
				strcmp(a->allocation, allocation) == 0) ||
			(association != NULL && a->association[0] != '\0' &&
				strcmp(a->association, association) == 0))
			return a;
	}
	return NULL;
}

size_t
sim_addresses_count(const struct sim_addresses *as, const char *region)
{
	const struct sim_address *a;
	size_t count = 0;

	LL_FOREACH(as->list, a)
		count += !a->released && strcmp(a->region, region) == 0;
	return count;
}

bool
sim_addresses_knew(const struct sim_addresses *as, const char *association)
{
	return strings_contain(&as->past, association);
}

void
sim_address_free_up(struct sim_addresses *as, struct sim_address *a)
{
	if (a->instance == NULL)
		return;
	strings_add(&as->past, a->association);
	a->association[0] = '\0';
	a->instance->address = NULL;
	a->instance = NULL;
}

void
sim_address_associate(struct sim_addresses *as, struct sim_address *a,
	struct sim_instance *i, struct sim_cloud *cloud)
{
	if (a->instance == i)
		return;
	sim_address_free_up(as, a);
	if (i->address != NULL)
		sim_address_free_up(as, i->address);
	sim_cloud_make_id(cloud, "eipassoc-", a->association);
	a->instance = i;
	i->address = a;
}

void
sim_address_release(struct sim_addresses *as, struct sim_address *a)
{
	sim_address_free_up(as, a);
	a->released = true;
	a->ended_wall_ms = clock_wall_ms();
}
