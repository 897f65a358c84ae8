/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that people bring along from elsewhere: arguments of Buildbot's class that are none
 * of ours, names from the AWS tools, keys at the wrong level. They are unknown keys like
 * any other, but the message says where they belong.
 */
#include "conf/conf_keys.h"

#include "base/field.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_row.h"

#include <string.h>

#define STAYS_WITH_MASTER "it stays in master.cfg, with the class of the plugin"
#define TABLE_TOP "configuration"
#define TABLE_AWS "aws"
#define TABLE_WORKER "worker"

const char *const keys_secret[] = {
	"password",
	"secret_identifier",
	"session_token",
	"secret_access_key",
	NULL,
};

const struct conf_stranger conf_strangers[] = {
	{TABLE_TOP, "region", "put it below aws, or below a worker"},
	{TABLE_WORKER, "aws_id_file_path",
		"put the keys into a file in the AWS format and name it in "
		"aws.shared_credentials_file, with aws.profile"},
	{TABLE_WORKER, "session",
		"the section aws says how to reach AWS: profile, role_arn, endpoint_url"},
	{TABLE_WORKER, "name", "a worker's name is the key of its mapping"},
	{TABLE_WORKER, "max_builds", STAYS_WITH_MASTER},
	{TABLE_WORKER, "keepalive_interval", STAYS_WITH_MASTER},
	{TABLE_WORKER, "locks", STAYS_WITH_MASTER},
	{TABLE_WORKER, "properties", STAYS_WITH_MASTER},
	{TABLE_WORKER, "defaultProperties", STAYS_WITH_MASTER},
	{TABLE_WORKER, "machine_name", STAYS_WITH_MASTER},
	{TABLE_WORKER, "check_instance_interval", STAYS_WITH_MASTER},
	{TABLE_AWS, "aws_id_file_path",
		"put the keys into a file in the AWS format and name it in "
		"shared_credentials_file, with profile"},
	{TABLE_AWS, "aws_access_key_id", "it is called identifier here"},
	{TABLE_AWS, "access_key_id", "it is called identifier here"},
	{TABLE_AWS, "aws_secret_access_key", "it is called secret_identifier here"},
	{TABLE_AWS, "secret_access_key", "it is called secret_identifier here"},
	{TABLE_AWS, "aws_session_token", "it is called session_token here"},
	{.key = NULL},
};

static const char *
stranger_remedy(const char *table, const char *key)
{
	for (const struct conf_stranger *s = conf_strangers; s->key != NULL; s++)
		if (strcmp(s->table, table) == 0 && strcmp(s->key, key) == 0)
			return s->remedy;
	return NULL;
}

/* A key of another table: it stands at the wrong level. */
static const char *
wrong_level(const char *table, const char *key)
{
	const struct field *aws = field_find(&conf_fields, TABLE_AWS);
	bool in_worker = strcmp(table, TABLE_WORKER) == 0;

	if (!in_worker && field_find(&conf_worker_fields, key) != NULL)
		return "it is a worker's key: put it below worker_defaults or a worker";
	if (in_worker && field_find(&conf_fields, key) != NULL)
		return "it belongs at the top level of the file";
	if (strcmp(table, TABLE_AWS) != 0 && field_find(aws->sub, key) != NULL)
		return "put it below aws";
	return NULL;
}

static bool
is_known(const char *table, const char *key)
{
	const struct field *aws = field_find(&conf_fields, TABLE_AWS);

	if (strcmp(table, TABLE_WORKER) == 0)
		return field_find(&conf_worker_fields, key) != NULL;
	if (strcmp(table, TABLE_AWS) == 0)
		return field_find(aws->sub, key) != NULL;
	return field_find(&conf_fields, key) != NULL;
}

static void
tell(const char *path, const struct node *key, const char *remedy, struct diags *ds)
{
	AUTO(free)
	char *full = path != NULL ? xasprintf("%s.%s", path, key->text) : NULL;

	diag_add(ds, DIAG_ERROR, key->mark, full != NULL ? full : key->text,
		"unknown key; %s", remedy);
}

void
keys_weed(struct node *map, const char *table, const char *path, struct diags *ds)
{
	if (map == NULL || map->kind != NODE_MAP)
		return;
	for (size_t i = 0; i < map->count;) {
		const struct node *key = map->keys[i];
		const char *remedy = NULL;

		if (!is_known(table, key->text)) {
			remedy = stranger_remedy(table, key->text);
			if (remedy == NULL)
				remedy = wrong_level(table, key->text);
		}
		if (remedy != NULL) {
			tell(path, key, remedy, ds);
			map_remove(map, i);
		} else {
			i++;
		}
	}
}
