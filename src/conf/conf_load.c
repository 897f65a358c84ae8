/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to a finished struct conf. The defaults are merged into each row of `workers`
 * as nodes, so every value keeps its place; a row is read and checked once and then spread
 * over its names. A configuration with an error is thrown away as a whole.
 */
#include "conf/conf_load.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_names.h"
#include "conf/conf_problems.h"
#include "conf/conf_row.h"
#include "sys/crypto.h"
#include "sys/file.h"
#include "sys/yaml.h"

#include <stdlib.h>
#include <string.h>

#define ERRORS_MAX 100u /* after so many no further row is looked at */

/* The rows of a worker without FIELD_REQUIRED, for worker_defaults need not be whole. */
static struct field *
optional_rows(void)
{
	const struct field *rows = conf_worker_fields.rows;
	struct field *copy;
	size_t count = 0;

	while (rows[count].name != NULL)
		count++;
	copy = xcalloc(count + 1, sizeof(*copy));
	memcpy(copy, rows, count * sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		copy[i].flags &= ~FIELD_REQUIRED;
	return copy;
}

/* Looks at the defaults by themselves, so that a slip in them is theirs and told once. */
static void
load_defaults(struct conf_load *load)
{
	struct node *map = map_get(load->root, "worker_defaults");
	AUTO(free) struct field *rows = NULL;
	struct conf_worker scratch = {.refs = 0};
	struct fields table;

	if (map == NULL || node_is_null(map))
		return;
	keys_weed(map, conf_worker_fields.name, "worker_defaults", &load->shared);
	rows = optional_rows();
	table = (struct fields){conf_worker_fields.name, rows, sizeof(scratch)};
	(void)field_load(&table, map, &scratch, "worker_defaults", &load->shared);
	field_fini(&table, &scratch);
	if (map->kind != NODE_MAP)
		return;
	load->defaults = map;
	load->defaults_end = tree_end(map);
	check_defaults(load);
}

static void
put_copy(struct node *map, const struct node *from, size_t i)
{
	node_put(map, node_copy(from->keys[i]), node_copy(from->items[i]));
}

/* The row's keys, and those of the defaults that it leaves in force. Whole values. */
static struct node *
merge(const struct node *own, const struct node *defaults)
{
	struct node *map;

	if (own->kind != NODE_MAP && !node_is_null(own))
		return node_copy(own);
	map = node_map(own->mark);
	for (size_t i = 0; i < own->count; i++)
		put_copy(map, own, i);
	for (size_t i = 0; defaults != NULL && i < defaults->count; i++) {
		const char *key = defaults->keys[i]->text;

		/* An unknown one has been reported with the defaults. */
		if (row_leaves(own, key) &&
			field_find(&conf_worker_fields, key) != NULL)
			put_copy(map, defaults, i);
	}
	return map;
}

static void
merge_vars(struct strmap *vars, const struct strmap *pool)
{
	struct strmap all = {.keys = NULL};

	for (size_t i = 0; i < pool->count; i++)
		strmap_put(&all, pool->keys[i], pool->values[i]);
	for (size_t i = 0; i < vars->count; i++)
		strmap_put(&all, vars->keys[i], vars->values[i]);
	strmap_fini(vars);
	*vars = all;
}

/* What a worker takes from outside its row. */
static void
inherit(const struct conf_load *load, struct conf_worker *w)
{
	conf_device_finish(&w->block_device_map);
	if (w->region == NULL)
		w->region = xstrdup_opt(load->conf->aws.region);
	if (w->vars.count + load->conf->vars.count > 0)
		merge_vars(&w->vars, &load->conf->vars);
}

static struct conf_worker *
worker_new(void)
{
	struct conf_worker *w = NEW(struct conf_worker);

	w->refs = 1;
	return w;
}

/* Reads and checks the row as a worker without a name. */
static struct conf_worker *
load_first(struct conf_row *row)
{
	struct conf_worker *w = worker_new();
	bool sound = field_load(&conf_worker_fields, row->map, w, row->path,
			     &row->found) == 0;

	row->vars_known = row->load->vars_known &&
		(sound || row_get(row, "vars") == NULL);
	if (row->map->kind == NODE_MAP) {
		check_row(row, w);
		row_images(row, w);
	}
	inherit(row->load, w);
	w->max_spot_price_given = row_get(row, "max_spot_price") != NULL;
	row_password(row, w);
	row_user_data(row, w);
	user_data_give(row->data, w);
	images_give(row, w);
	return w;
}

/* Another worker of a row that is known to be sound; its files are not read again. */
static struct conf_worker *
load_again(const struct conf_row *row, const struct conf_worker *first)
{
	AUTO(diags) struct diags none = {.name = NULL};
	struct conf_worker *w = worker_new();

	(void)field_load(&conf_worker_fields, row->map, w, row->path, &none);
	inherit(row->load, w);
	secret_set(&w->password, first->password.text);
	w->password_generated = first->password_generated;
	w->max_spot_price_given = first->max_spot_price_given;
	user_data_give(row->data, w);
	images_give(row, w);
	return w;
}

static void
add_worker(struct conf *conf, const struct conf_row *row, const char *name,
	struct conf_worker *w)
{
	w->name = xstrdup(name);
	w->line = row->key->mark.line;
	conf->workers = xreallocarray(conf->workers, conf->worker_count + 1,
		sizeof(*conf->workers));
	conf->workers[conf->worker_count++] = w;
}

/* After an error only the names count, to find those that are made twice. */
static void
spread(const struct conf_row *row, struct conf_worker *first)
{
	bool sound = row->found.errors == 0 && row->load->ds->errors == 0;

	for (size_t i = 0; i < row->names->count; i++) {
		struct conf_worker *w = first;

		if (i > 0)
			w = sound ? load_again(row, first) : worker_new();
		add_worker(row->load->conf, row, row->names->items[i], w);
	}
	if (row->names->count == 0)
		conf_worker_unref(first);
}

/* Of a row that repeats another's names, the first is told. */
static void
claim_names(struct conf_row *row)
{
	struct mark mark = row->key->mark;

	for (size_t i = 0; i < row->names->count; i++) {
		const char *name = row->names->items[i];
		unsigned line = names_claim(&row->load->names, name, mark.line);

		if (line == 0)
			continue;
		diag_add(&row->found, DIAG_ERROR, mark, row->path,
			"makes the worker %s, as line %u does already", name, line);
		return;
	}
}

static void
load_row(struct conf_load *load, const struct node *key, struct node *value)
{
	struct strings names = {.items = NULL};
	struct conf_row row = {
		.load = load,
		.path = xasprintf("workers.%s", key->text),
		.key = key,
		.own = value,
		.names = &names,
	};
	struct err err;

	if (names_expand(key->text, NAMES_MAX - load->conf->worker_count, &names,
		    &err) != 0)
		diag_add(&row.found, DIAG_ERROR, key->mark, row.path, "%s", err.text);
	claim_names(&row);
	keys_weed(value, conf_worker_fields.name, row.path, &row.found);
	row.map = merge(value, load->defaults);
	spread(&row, load_first(&row));
	places_add(load->places, &row, load->conf->worker_count - names.count);
	row_fini(&row);
	strings_fini(&names);
}

/* Whether to stop at this row; says why. */
static bool
is_enough(const struct conf_load *load, const struct node *key)
{
	if (load->conf->worker_count >= NAMES_MAX)
		diag_add(load->ds, DIAG_ERROR, key->mark, "workers",
			"more than %u workers", NAMES_MAX);
	else if (load->ds->errors + load->shared.errors >= ERRORS_MAX)
		diag_add(load->ds, DIAG_ERROR, key->mark, "workers",
			"too many errors; the workers from here on were not looked at");
	else
		return false;
	return true;
}

static void
load_workers(struct conf_load *load)
{
	struct node *workers = map_get(load->root, "workers");

	if (workers == NULL || node_is_null(workers))
		return;
	if (workers->kind != NODE_MAP) {
		diag_add(load->ds, DIAG_ERROR, workers->mark, "workers",
			"expected a mapping from names to workers, got %s",
			node_kind_name(workers));
		return;
	}
	for (size_t i = 0; i < workers->count && !is_enough(load, workers->keys[i]);
		i++)
		load_row(load, workers->keys[i], workers->items[i]);
}

static void
load_top(struct conf_load *load)
{
	keys_weed(load->root, conf_fields.name, NULL, load->ds);
	keys_weed(map_get(load->root, "aws"), "aws", "aws", load->ds);
	load->vars_known = field_load(&conf_fields, load->root, load->conf, NULL,
				   load->ds) == 0 ||
		map_get(load->root, "vars") == NULL;
	places_add_aws(load->places, map_get(load->root, "aws"));
}

static int
compare_names(const void *a, const void *b)
{
	const struct conf_worker *x = *(const struct conf_worker *const *)a;
	const struct conf_worker *y = *(const struct conf_worker *const *)b;

	return strcmp(x->name, y->name);
}

/* What follows from a configuration without errors. */
static void
finish(struct conf *conf, const struct conf_problems *problems, const char *dir)
{
	char **const paths[] = {&conf->aws.shared_credentials_file,
		&conf->aws.config_file, &conf->aws.ca_file};

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		AUTO(free) char *was = *paths[i];

		*paths[i] = was != NULL ? path_from(dir, was) : NULL;
	}
	conf->socket_mode = (unsigned)strtoul(conf->socket_mode_text, NULL, 8);
	conf->by_name = xcalloc(conf->worker_count + 1, sizeof(*conf->by_name));
	for (size_t i = 0; i < conf->worker_count; i++)
		conf->by_name[i] = conf->workers[i];
	qsort(conf->by_name, conf->worker_count, sizeof(*conf->by_name), compare_names);
	(void)crypto_sha256_hex(problems->text, problems->len, conf->digest);
}

static void
load_tree(struct conf_load *load, const struct file_info *info)
{
	load_top(load);
	load_defaults(load);
	load_workers(load);
	check_conf(load);
	if (info != NULL)
		check_modes(load, info);
	for (size_t i = 0; i < load->shared.count; i++) {
		const struct diag *d = &load->shared.items[i];

		diag_add(load->ds, d->level, d->mark, d->key, "%s", d->text);
	}
	for (size_t i = 0; i < load->shared.secret_count; i++)
		diag_secret(load->ds, load->shared.secrets[i]);
	diag_fini(&load->shared);
	names_forget(load->names);
	names_forget(load->things);
}

/* info: of the file the text is from, or NULL. */
static struct conf *
load_text(struct conf_problems *problems, const char *dir, const struct file_info *info)
{
	struct conf_load load = {.ds = &problems->ds,
		.dir = dir,
		.places = problems->places};

	load.root = yaml_parse(problems->text, problems->len, load.ds);
	if (load.root == NULL)
		return NULL;
	load.conf = NEW(struct conf);
	load_tree(&load, info);
	tree_wipe_free(load.root);
	if (load.ds->errors > 0) {
		conf_free(load.conf);
		return NULL;
	}
	finish(load.conf, problems, dir);
	return load.conf;
}

struct conf *
conf_parse(const char *text, size_t len, const char *name, const char *dir,
	struct conf_problems *problems)
{
	problems_set_source(problems, name, text, len);
	return load_text(problems, dir, NULL);
}

/* Everything before the last slash; the caller's. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

struct conf *
conf_load(const char *path, struct conf_problems *problems)
{
	AUTO(free) char *dir = directory_of(path);
	struct buf text = {.data = NULL};
	struct file_info info;
	struct conf *conf = NULL;
	struct err err;

	if (file_read(path, YAML_SIZE_MAX, false, &text, &info, &err) != 0) {
		problems_set_source(problems, NULL, "", 0);
		diag_add(&problems->ds, DIAG_ERROR, (struct mark){0, 0}, NULL, "%s",
			err.text);
	} else {
		problems_set_source(problems, path, buf_str(&text), text.len);
		conf = load_text(problems, dir, &info);
	}
	buf_wipe_fini(&text);
	return conf;
}
