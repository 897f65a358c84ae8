/* SPDX-License-Identifier: Apache-2.0 */
/* The states of volumes and of their attachments, and the rows of a scenario's. */
#include "sim/volume.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sim/cloud.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

struct sim_volumes {
	const int64_t *delay_ms;   /* borrowed */
	struct sim_volume *by_id;  /* hash, owned */
	struct sim_volume *moving; /* those with a due_ms */
	uint64_t made;
};

static const char *const states[SIM_VOLUME_STATE_COUNT] = {
	[SIM_VOLUME_CREATING] = "creating",
	[SIM_VOLUME_AVAILABLE] = "available",
	[SIM_VOLUME_HELD] = "in-use",
	[SIM_VOLUME_DELETED] = "deleted",
};

static const char *const attachments[SIM_ATTACHMENT_COUNT] = {
	[SIM_DETACHED] = "detached",
	[SIM_ATTACHING] = "attaching",
	[SIM_ATTACHED] = "attached",
	[SIM_DETACHING] = "detaching",
};

static const struct field rows[] = {
	{
		.name = "id",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_volume_row, id, char *),
		.max = SIM_ID_SIZE - 1,
		.example = "vol-0123456789abcdef0",
		.doc = "Its id.",
	},
	{
		.name = "zone",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_volume_row, zone, char *),
		.def = "us-east-1a",
		.doc = "Its zone; the name without the letter at its end is its region.",
	},
	{
		.name = "size",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_volume_row, size, int64_t),
		.def = "8",
		.min = 1,
		.max = 65536,
		.doc = "In GiB.",
	},
	{
		.name = "type",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_volume_row, type, char *),
		.def = "gp2",
		.doc = "Its volume type.",
	},
	{
		.name = "tags",
		.type = FIELD_STRMAP,
		.offset = FIELD_AT(struct sim_volume_row, tags, struct strmap),
		.doc = "Its tags.",
	},
	{.name = NULL},
};

const struct fields sim_volume_fields = {"volume", rows, sizeof(struct sim_volume_row)};

const char *
sim_volume_state_name(enum sim_volume_state state)
{
	return states[state];
}

const char *
sim_attachment_name(enum sim_attachment attachment)
{
	return attachments[attachment];
}

struct sim_volumes *
sim_volumes_new(const int64_t *delay_ms)
{
	struct sim_volumes *vs = NEW(struct sim_volumes);

	vs->delay_ms = delay_ms;
	return vs;
}

static void
volume_free(struct sim_volume *v)
{
	free(v->region);
	free(v->zone);
	free(v->type);
	free(v->token);
	free(v->digest);
	free(v->device);
	strmap_fini(&v->tags);
	free(v);
}

void
sim_volumes_clear(struct sim_volumes *vs)
{
	struct sim_volume *v;
	struct sim_volume *next;

	HASH_ITER(hh, vs->by_id, v, next) {
		HASH_DEL(vs->by_id, v);
		volume_free(v);
	}
	vs->moving = NULL;
	vs->made = 0;
}

void
sim_volumes_free(struct sim_volumes *vs)
{
	if (vs == NULL)
		return;
	sim_volumes_clear(vs);
	free(vs);
}

/* It moves on at due_ms; INT64_MAX: no more by itself. */
static void
set_due(struct sim_volumes *vs, struct sim_volume *v, int64_t due_ms)
{
	if (v->due_ms != INT64_MAX)
		DL_DELETE(vs->moving, v);
	v->due_ms = due_ms;
	if (due_ms != INT64_MAX)
		DL_APPEND(vs->moving, v);
}

struct sim_volume *
sim_volumes_add(struct sim_volumes *vs, const char *id, const char *region,
	const char *zone)
{
	struct sim_volume *v = NEW(struct sim_volume);

	(void)snprintf(v->id, sizeof(v->id), "%s", id);
	v->seq = ++vs->made;
	v->region = xstrdup(region);
	v->zone = xstrdup(zone);
	v->made_ms = clock_ms();
	v->made_wall_ms = clock_wall_ms();
	v->due_ms = INT64_MAX;
	set_due(vs, v, v->made_ms + *vs->delay_ms);
	HASH_ADD_STR(vs->by_id, id, v);
	return v;
}

static void
copy_tags(struct strmap *to, const struct strmap *from)
{
	for (size_t n = 0; n < from->count; n++)
		strmap_put(to, from->keys[n], from->values[n]);
}

void
sim_volumes_add_rows(struct sim_volumes *vs, const struct sim_volume_row *list,
	size_t count)
{
	for (size_t n = 0; n < count; n++) {
		const struct sim_volume_row *r = &list[n];
		AUTO(free) char *region = xstrndup(r->zone, strlen(r->zone) - 1);
		struct sim_volume *v;

		HASH_FIND_STR(vs->by_id, r->id, v);
		if (v != NULL)
			continue;
		v = sim_volumes_add(vs, r->id, region, r->zone);
		v->type = xstrdup(r->type);
		v->size = r->size;
		copy_tags(&v->tags, &r->tags);
		v->state = SIM_VOLUME_AVAILABLE;
		set_due(vs, v, INT64_MAX);
	}
}

struct sim_volume *
sim_volumes_first(const struct sim_volumes *vs)
{
	return vs->by_id;
}

struct sim_volume *
sim_volumes_find(const struct sim_volumes *vs, const char *region, const char *id)
{
	struct sim_volume *v;

	HASH_FIND_STR(vs->by_id, id, v);
	return v != NULL && v->state != SIM_VOLUME_DELETED &&
			strcmp(v->region, region) == 0
		? v
		: NULL;
}

static void
join(struct sim_volumes *vs, struct sim_volume *v, struct sim_instance *i,
	const char *device)
{
	free(v->device);
	v->device = xstrdup(device);
	v->instance = i;
	v->attached_wall_ms = clock_wall_ms();
	v->state = SIM_VOLUME_HELD;
	v->attachment = SIM_ATTACHING;
	LL_APPEND2(i->volumes, v, next_of);
	set_due(vs, v, INT64_MAX);
}

static void
part(struct sim_volumes *vs, struct sim_volume *v)
{
	LL_DELETE2(v->instance->volumes, v, next_of);
	v->next_of = NULL;
	v->instance = NULL;
	v->attachment = SIM_DETACHED;
	v->state = SIM_VOLUME_AVAILABLE;
	set_due(vs, v, INT64_MAX);
}

void
sim_volume_attach(struct sim_volumes *vs, struct sim_volume *v, struct sim_instance *i,
	const char *device)
{
	join(vs, v, i, device);
	/* What comes to an instance later outlives it (EC2, EbsInstanceBlockDevice). */
	v->delete_on_termination = false;
	set_due(vs, v, clock_ms() + *vs->delay_ms);
}

void
sim_volume_detach(struct sim_volumes *vs, struct sim_volume *v)
{
	if (v->attachment == SIM_DETACHING)
		return;
	v->attachment = SIM_DETACHING;
	set_due(vs, v, clock_ms() + *vs->delay_ms);
}

static void
delete_at(struct sim_volumes *vs, struct sim_volume *v, int64_t late_ms)
{
	v->state = SIM_VOLUME_DELETED;
	v->ended_ms = clock_ms() - late_ms;
	v->ended_wall_ms = clock_wall_ms() - late_ms;
	set_due(vs, v, INT64_MAX);
}

void
sim_volume_delete(struct sim_volumes *vs, struct sim_volume *v)
{
	delete_at(vs, v, 0);
}

static void
move_on(struct sim_volumes *vs, struct sim_volume *v)
{
	set_due(vs, v, INT64_MAX);
	if (v->attachment == SIM_ATTACHING)
		v->attachment = SIM_ATTACHED;
	else if (v->attachment == SIM_DETACHING)
		part(vs, v);
	else if (v->state == SIM_VOLUME_CREATING)
		v->state = SIM_VOLUME_AVAILABLE;
}

void
sim_volumes_advance(struct sim_volumes *vs, int64_t now_ms)
{
	struct sim_volume *v;
	struct sim_volume *next;

	DL_FOREACH_SAFE(vs->moving, v, next)
		if (v->due_ms <= now_ms)
			move_on(vs, v);
}

static void
equip_with(struct sim_volumes *vs, struct sim_instance *i, const struct sim_disk *disk,
	const char *id)
{
	const struct sim_launch *l = i->launch;
	struct sim_volume *v = sim_volumes_add(vs, id, l->region, l->zone);

	v->type = xstrdup(disk->type);
	v->size = disk->size;
	copy_tags(&v->tags, &l->volume_tags);
	v->maker = i;
	LL_APPEND2(i->made, v, next_made);
	join(vs, v, i, disk->device);
	v->delete_on_termination = disk->delete_on_termination;
}

void
sim_volumes_equip(struct sim_volumes *vs, struct sim_instance *i,
	struct sim_cloud *cloud)
{
	const struct sim_launch *l = i->launch;

	for (size_t d = 0; d < l->disk_count; d++) {
		char id[SIM_ID_SIZE];

		sim_cloud_make_id(cloud, "vol-", id);
		equip_with(vs, i, &l->disks[d], id);
	}
}

static void
let_go(struct sim_volumes *vs, struct sim_volume *v, int64_t late_ms)
{
	part(vs, v);
	if (v->delete_on_termination)
		delete_at(vs, v, late_ms);
}

void
sim_volumes_on_state(struct sim_volumes *vs, struct sim_instance *i, int64_t late_ms)
{
	struct sim_volume *v;
	struct sim_volume *next;

	LL_FOREACH_SAFE2(i->volumes, v, next, next_of)
	{
		if (i->state == SIM_TERMINATED) {
			let_go(vs, v, late_ms);
		} else if (i->state == SIM_SHUTTING_DOWN) {
			v->attachment = SIM_DETACHING;
			set_due(vs, v, INT64_MAX);
		} else if (i->state == SIM_RUNNING && v->attachment == SIM_ATTACHING &&
			v->due_ms == INT64_MAX) {
			v->attachment = SIM_ATTACHED;
		}
	}
}

int64_t
sim_volume_billed_ms(const struct sim_volume *v, int64_t now_ms)
{
	return (v->ended_ms != 0 ? v->ended_ms : now_ms) - v->made_ms;
}
