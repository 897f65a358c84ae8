/* SPDX-License-Identifier: Apache-2.0 */
/* The search in what a scenario lists, and the names of zones. */
#include "sim/catalog.h"

#include "base/mem.h"
#include "sim/scenario.h"
#include "sim/text.h"

#include <stdio.h>
#include <string.h>

bool
sim_catalog_is_here(const char *its_region, const char *region)
{
	return its_region == NULL || strcmp(its_region, region) == 0;
}

const struct sim_image *
sim_catalog_image(const struct sim_scenario *s, const char *region, const char *id)
{
	const struct sim_image *images = s->images.items;

	for (size_t n = 0; n < s->images.count; n++)
		if (strcmp(images[n].id, id) == 0 &&
			sim_catalog_is_here(images[n].region, region))
			return &images[n];
	return NULL;
}

const struct sim_subnet *
sim_catalog_subnet(const struct sim_scenario *s, const char *region, const char *id)
{
	const struct sim_subnet *subnets = s->subnets.items;

	for (size_t n = 0; n < s->subnets.count; n++)
		if (strcmp(subnets[n].id, id) == 0 &&
			sim_zone_is_of(subnets[n].zone, region))
			return &subnets[n];
	return NULL;
}

bool
sim_zone_is_of(const char *zone, const char *region)
{
	size_t len = strlen(region);

	return strncmp(zone, region, len) == 0 && zone[len] >= 'a' &&
		zone[len] <= 'f' && zone[len + 1] == '\0';
}

uint64_t
sim_hash(const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return h;
}

char *
sim_zone_of_subnet(const char *region, const char *subnet)
{
	return xasprintf("%s%c", region, (char)('a' + (int)(sim_hash(subnet) % 3)));
}

/* A geography, the initials of a direction, a number: ap-northeast-3a is in apne3. */
const char *
sim_zone_id(const char *zone, char text[static SIM_ZONE_ID_SIZE])
{
	char area[8], direction[16], half[2] = "";
	char letter;
	int number;

	/* analyze: cert-err34-c: a number of one digit */
	if (sscanf(zone, "%7[a-z]-%15[a-z]-%1d%c", area, direction, &number, &letter) !=
		4)
		return zone;
	if (strlen(direction) > 5 && strcmp(direction, "central") != 0)
		half[0] = direction[5]; /* north and south have five letters */
	(void)snprintf(text, SIM_ZONE_ID_SIZE, "%s%c%s%d-az%d", area, direction[0],
		half, number, letter - 'a' + 1);
	return text;
}

const struct sim_key_pair *
sim_catalog_key_pair(const struct sim_scenario *s, const char *region, const char *name)
{
	const struct sim_key_pair *pairs = s->key_pairs.items;

	for (size_t n = 0; n < s->key_pairs.count; n++)
		if (strcmp(pairs[n].name, name) == 0 &&
			sim_catalog_is_here(pairs[n].region, region))
			return &pairs[n];
	return NULL;
}

const struct sim_group *
sim_catalog_group(const struct sim_scenario *s, const char *region, const char *id)
{
	const struct sim_group *groups = s->groups.items;

	for (size_t n = 0; n < s->groups.count; n++)
		if (strcmp(groups[n].id, id) == 0 &&
			sim_catalog_is_here(groups[n].region, region))
			return &groups[n];
	return NULL;
}

const struct sim_group *
sim_catalog_group_named(const struct sim_scenario *s, const char *region,
	const char *name)
{
	const struct sim_group *groups = s->groups.items;

	for (size_t n = 0; n < s->groups.count; n++)
		if (strcmp(groups[n].name, name) == 0 &&
			strcmp(groups[n].vpc, SIM_DEFAULT_VPC) == 0 &&
			sim_catalog_is_here(groups[n].region, region))
			return &groups[n];
	return NULL;
}

const struct sim_type *
sim_catalog_type(const struct sim_scenario *s, const char *name)
{
	const struct sim_type *types = s->types.items;

	for (size_t n = 0; n < s->types.count; n++)
		if (strcmp(types[n].name, name) == 0)
			return &types[n];
	return NULL;
}

bool
sim_type_is_offered(const struct sim_type *type, const char *zone)
{
	for (size_t n = 0; n < type->zones.count; n++)
		if (sim_text_matches(type->zones.items[n], zone))
			return true;
	return type->zones.count == 0;
}
