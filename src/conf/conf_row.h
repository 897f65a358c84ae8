/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of conf/ share while a file is being loaded: the load, and one row of
 * `workers` before it is spread over its names.
 */
#ifndef CONF_ROW_H
#define CONF_ROW_H

#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct conf_places;
struct conf_user_data;
struct conf_worker;
struct file_info;
struct name_set;
struct regex;
struct strings;

struct conf_load {
	struct conf *conf; /* being filled */
	struct diags *ds;
	struct diags shared;         /* problems that lie in worker_defaults */
	const char *dir;             /* relative paths count from here */
	struct node *root;           /* owned */
	const struct node *defaults; /* the mapping worker_defaults, or NULL */
	struct mark defaults_end;    /* the last place in it */
	bool vars_known;             /* `vars` was read without an error */
	struct name_set *names;      /* owned; all that were made so far */
	struct conf_places *places;  /* NULL: nobody wants them */
	struct name_set *things;     /* owned; addresses and volumes, by who has them */
};

/* All pointers are borrowed for as long as the row is being loaded, unless noted. */
struct conf_row {
	struct conf_load *load;
	struct diags found;     /* owned; its problems, until they are reported */
	char *path;             /* owned; "workers.linux-[01-40]" */
	const struct node *key; /* linux-[01-40] */
	const struct node *own; /* its value as written */
	struct node *map;       /* owned; the value, and worker_defaults behind it */
	const struct strings *names; /* what the key makes; none if it is wrong */
	bool vars_known;             /* its vars and the pool's are all there */
	struct conf_user_data *data; /* counted; NULL until read, or if there is none */
	struct regex *ami_location;  /* counted; likewise */
};

/* Where a problem points: at a key, or at its value. */
enum row_place { ROW_KEY, ROW_VALUE };

/*
 * Whether own, a row's mapping, leaves the key of worker_defaults in force: it gives neither
 * that nor another way to an image.
 */
bool row_leaves(const struct node *own, const char *key);
/* The key's value if it is given here or in worker_defaults, else NULL. */
const struct node *row_get(const struct conf_row *row, const char *key);
/* A problem with a key, at its place; at the row's mapping if the key is missing. */
void row_problem(struct conf_row *row, enum diag_level level, enum row_place place,
	const char *key, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The same for a key inside the mapping that a key holds. */
void row_problem_inside(struct conf_row *row, const char *key, const struct node *inner,
	const char *text);
/* The line a key stands in, 0 if it is missing. */
unsigned row_line(const struct conf_row *row, const char *key);

/* Two keys that exclude each other. Of the two, one that is written here is blamed. */
void row_either(struct conf_row *row, const char *key, const char *other,
	const char *remedy);

/* Reports what was found, each problem of worker_defaults once, and frees. */
void row_fini(struct conf_row *row);

/* conf_check.c: the rules across the keys of a row, of worker_defaults, of the file. */
void check_row(struct conf_row *row, const struct conf_worker *w);
void check_defaults(struct conf_load *load);
void check_conf(struct conf_load *load);
/* conf_once.c: what no two workers may have. */
void check_once(struct conf_row *row, const struct conf_worker *w);
/* conf_device.c: between the members of a disk. */
void check_devices(struct conf_row *row, const struct conf_worker *w);

/* conf_secret.c */
/* Takes the password from its key or file; leaves NULL and the flag if generated. */
void row_password(struct conf_row *row, struct conf_worker *w);
/* Who else may read or write a file that holds secrets. */
void check_modes(struct conf_load *load, const struct file_info *info);

/* conf_dead_man.c */
/* NULL if a guard can stand in front of this user data (NULL: there is none), else why not. */
const char *dead_man_fault(const char *text);
/* The user data with its guard, which waits so long. Caller frees. */
char *dead_man_add(const char *text, int64_t life_ms);

/* conf_user_data.c */
/* Reads, parses and checks the user data; fills row->data. */
void row_user_data(struct conf_row *row, const struct conf_worker *w);
struct conf_user_data *user_data_ref(struct conf_user_data *data);
void user_data_unref(struct conf_user_data *data);
/* Makes w hold data (NULL: none) in place of its own text. */
void user_data_give(struct conf_user_data *data, struct conf_worker *w);

/* conf_image.c */
/* Checks what says which image to start; fills row->ami_location. */
void row_images(struct conf_row *row, const struct conf_worker *w);
/* Makes w hold that, and its owners have all their digits. */
void images_give(const struct conf_row *row, struct conf_worker *w);

/* conf_keys.c */
/*
 * Takes keys out of the mapping that are no keys here but are well known elsewhere, and
 * says where they belong. table: the name of its rows.
 */
void keys_weed(struct node *map, const char *table, const char *path, struct diags *ds);
/* Keys whose values are never shown, NULL-terminated. */
extern const char *const keys_secret[];

/* conf_places.c; none of them minds NULL */
/* Takes the mapping of a row whose first worker this is. */
void places_add(struct conf_places *places, struct conf_row *row, size_t worker);
void places_add_aws(struct conf_places *places, const struct node *aws);
void places_clear(struct conf_places *places);

/* conf_node.c */
/* The value that was loaded; takes anything, also NULL. */
struct node *map_get(const struct node *map, const char *key);
/* The key node itself, or NULL. */
const struct node *map_key(const struct node *map, const char *key);
void map_remove(struct node *map, size_t index);
/* The last place anywhere in the tree. */
struct mark tree_end(const struct node *tree);
int mark_compare(struct mark a, struct mark b);
/* Frees a tree that may hold secrets. */
void tree_wipe_free(struct node *tree);

/* path as seen from dir; the caller's. */
char *path_from(const char *dir, const char *path);

#endif
