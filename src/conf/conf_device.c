/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules between the members of a disk. They point at the member in the file, in the
 * spelling in which it is written there.
 */
#include "conf/conf_device.h"

#include "base/buf.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_row.h"

#include <stdarg.h>
#include <string.h>

#define KEY "block_device_map"
#define DEVICES_MAX 128u

/* Members in both spellings. */
static const char *const members[][2] = {
	{"VolumeType", "volume_type"},
	{"Iops", "iops"},
};

/* A device under examination: the struct, and where it stands. */
struct place {
	struct conf_row *row;
	const struct conf_device *device;
	const struct node *name; /* in the file */
	const struct node *map;  /* its members, Ebs apart */
	const struct node *ebs;  /* the members of Ebs; map in the older spelling */
};

bool
conf_device_has_ebs(const struct conf_device *device)
{
	struct conf_device none = {.device_name = NULL};
	const struct field *row = field_find(&conf_device_fields, "Ebs");

	field_defaults(&conf_device_fields, &none);
	return !field_equal(row->sub, &device->ebs, &none.ebs, NULL);
}

void
conf_device_finish(struct field_list *devices)
{
	struct conf_device *items = devices->items;

	for (size_t i = 0; i < devices->count; i++)
		if (conf_device_has_ebs(&items[i]) &&
			items[i].ebs.delete_on_termination < 0)
			items[i].ebs.delete_on_termination = 1;
}

static bool
is_old(const struct place *at)
{
	return at->ebs == at->map;
}

/* How a member is called here. */
static const char *
spelt(const struct place *at, const char *member)
{
	for (size_t i = 0; is_old(at) && i < COUNT_OF(members); i++)
		if (strcmp(members[i][0], member) == 0)
			return members[i][1];
	return member;
}

/* At a member of the device, or at its name if that is NULL. */
__attribute__((format(printf, 4, 5))) static void
problem(const struct place *at, enum diag_level level, const char *member,
	const char *fmt, ...)
{
	const struct node *key = at->name;
	AUTO(buf) struct buf text = {.data = NULL};
	AUTO(free) char *path = NULL;
	va_list ap;

	if (member != NULL) {
		member = spelt(at, member);
		key = map_key(at->ebs, member);
		if (key == NULL)
			key = map_key(at->map, member);
	}
	path = xasprintf("%s.%s.%s%s%s", at->row->path, KEY, at->name->text,
		member != NULL ? "." : "", member != NULL ? member : "");
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	diag_add(&at->row->found, level, key->mark, path, "%s", buf_str(&text));
}

static bool
is_one_of(const char *type, const char *const *types)
{
	for (; type != NULL && *types != NULL; types++)
		if (strcmp(type, *types) == 0)
			return true;
	return false;
}

static void
check_kind(const struct place *at)
{
	const struct conf_device *d = at->device;
	bool ebs = at->ebs != NULL && at->ebs->count > 0;

	if (d->no_device != NULL && (ebs || d->virtual_name != NULL))
		problem(at, DIAG_ERROR, "NoDevice",
			"takes the device away, so it stands alone");
	else if (d->virtual_name != NULL && ebs)
		problem(at, DIAG_ERROR, "VirtualName", "not together with Ebs");
	else if (d->no_device == NULL && d->virtual_name == NULL && !ebs &&
		at->row->found.errors == 0)
		problem(at, DIAG_WARNING, NULL,
			"names no disk; EC2 wants Ebs, VirtualName or NoDevice");
}

static void
check_type(const struct place *at)
{
	static const char *const known[] = {"gp3", "gp2", "io2", "io1", "st1", "sc1",
		"standard", NULL};
	const char *type = at->device->ebs.volume_type;
	const char *near;

	if (type == NULL || is_one_of(type, known))
		return;
	near = diag_suggest(type, known);
	problem(at, DIAG_WARNING, "VolumeType", "%s is none of the known types%s%s%s",
		type, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		near != NULL ? "'?" : "");
}

static void
check_speed(const struct place *at)
{
	static const char *const needy[] = {"io1", "io2", NULL};
	static const char *const plain[] = {"gp2", "st1", "sc1", "standard", NULL};
	const struct conf_ebs *ebs = &at->device->ebs;
	bool gp3 = ebs->volume_type == NULL || strcmp(ebs->volume_type, "gp3") == 0;

	if (is_one_of(ebs->volume_type, needy) && ebs->iops == FIELD_NULL &&
		map_key(at->ebs, spelt(at, "Iops")) == NULL)
		problem(at, DIAG_ERROR, "VolumeType", "%s needs %s beside it",
			ebs->volume_type, spelt(at, "Iops"));
	if (is_one_of(ebs->volume_type, plain) && ebs->iops != FIELD_NULL)
		problem(at, DIAG_ERROR, "Iops", "a volume of type %s has none to set",
			ebs->volume_type);
	if (ebs->throughput != FIELD_NULL && !gp3)
		problem(at, DIAG_ERROR, "Throughput", "only of type gp3, not of %s",
			ebs->volume_type);
}

static void
check_encryption(const struct place *at)
{
	const struct conf_ebs *ebs = &at->device->ebs;

	if (ebs->kms_key_id != NULL && ebs->encrypted != 1)
		problem(at, DIAG_ERROR, "KmsKeyId", "needs Encrypted: true beside it");
}

/* Of two devices of one name the second is blamed. */
static void
check_twice(const struct place *at, const struct conf_device *first)
{
	const char *name = at->device->device_name;

	for (; first < at->device && name != NULL; first++)
		if (str_equal(first->device_name, name)) {
			problem(at, DIAG_ERROR, NULL,
				"there are two devices of this name");
			return;
		}
}

static void
check_device(const struct place *at, const struct conf_device *first)
{
	check_twice(at, first);
	check_kind(at);
	check_type(at);
	check_speed(at);
	check_encryption(at);
}

/* Devices without a name have been reported; what else is wrong with them is not told. */
static bool
find_place(const struct node *map, size_t i, struct place *at)
{
	at->map = map->items[i];
	at->name = map->kind == NODE_MAP ? map->keys[i]
					 : map_get(at->map, "DeviceName");
	at->ebs = map->kind == NODE_MAP ? at->map : map_get(at->map, "Ebs");
	return at->name != NULL && at->name->text != NULL;
}

void
check_devices(struct conf_row *row, const struct conf_worker *w)
{
	const struct node *map = row_get(row, KEY);
	const struct conf_device *items = w->block_device_map.items;
	struct place at = {.row = row};

	for (size_t i = 0; i < w->block_device_map.count; i++) {
		at.device = &items[i];
		if (find_place(map, i, &at))
			check_device(&at, items);
	}
	if (w->block_device_map.count > DEVICES_MAX)
		row_problem(row, DIAG_ERROR, ROW_KEY, KEY, "%zu devices; at most %u",
			w->block_device_map.count, DEVICES_MAX);
}
