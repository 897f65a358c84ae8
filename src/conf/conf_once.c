/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only one worker of a pool may have, an address or a volume: who has it is named when
 * another asks for it.
 */
#include "conf/conf.h"
#include "conf/conf_device.h"
#include "conf/conf_names.h"
#include "conf/conf_row.h"

#include "base/mem.h"
#include "base/node.h"

/* A row of several names can have none. */
static void
check_alone(struct conf_row *row, const char *key, const char *what)
{
	if (row_get(row, key) != NULL && row->names->count > 1)
		row_problem(row, DIAG_ERROR, ROW_KEY, key,
			"%s serves one worker, and this row makes %zu", what,
			row->names->count);
}

/* at: where the thing stands. */
static void
claim(struct conf_row *row, const char *path, struct mark at, const char *thing)
{
	unsigned own = row->key->mark.line;
	unsigned line = names_claim(&row->load->things, thing, own);

	if (line == 0)
		return;
	if (line == own)
		diag_add(&row->found, DIAG_ERROR, at, path, "%s is here twice", thing);
	else
		diag_add(&row->found, DIAG_ERROR, at, path,
			"%s belongs to the worker of line %u already", thing, line);
}

static void
check_address(struct conf_row *row, const struct conf_worker *w)
{
	AUTO(free) char *path = xasprintf("%s.elastic_ip", row->path);

	check_alone(row, "elastic_ip", "an address");
	if (w->elastic_ip != NULL)
		claim(row, path, row_get(row, "elastic_ip")->mark, w->elastic_ip);
}

static bool
is_device_before(const struct conf_volume *volumes, size_t i)
{
	for (size_t n = 0; n < i; n++)
		if (str_equal(volumes[n].device, volumes[i].device))
			return true;
	return false;
}

/* The disk is there before the volume comes, and EC2 would refuse to attach it. */
static bool
is_disk(const struct conf_worker *w, const char *device)
{
	const struct conf_device *disks = w->block_device_map.items;

	for (size_t n = 0; n < w->block_device_map.count; n++)
		if (disks[n].no_device == NULL &&
			str_equal(disks[n].device_name, device))
			return true;
	return false;
}

static void
check_volume(struct conf_row *row, const struct conf_worker *w, size_t i,
	const struct node *pair)
{
	AUTO(free) char *path = xasprintf("%s.volumes[%zu]", row->path, i);
	const struct conf_volume *volumes = w->volumes.items;

	if (volumes[i].volume_id != NULL)
		claim(row, path, pair->mark, volumes[i].volume_id);
	if (volumes[i].device != NULL && is_device_before(volumes, i))
		diag_add(&row->found, DIAG_ERROR, pair->mark, path,
			"%s is another volume's device already", volumes[i].device);
	if (volumes[i].device != NULL && is_disk(w, volumes[i].device))
		diag_add(&row->found, DIAG_ERROR, pair->mark, path,
			"%s is a disk of block_device_map", volumes[i].device);
}

void
check_once(struct conf_row *row, const struct conf_worker *w)
{
	const struct node *list = row_get(row, "volumes");

	check_address(row, w);
	if (w->volumes.count == 0)
		return;
	check_alone(row, "volumes", "a volume");
	for (size_t i = 0; i < w->volumes.count; i++)
		check_volume(row, w, i, list->items[i]);
}
