/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One typed, documented row for every value: a YAML key, an RPC parameter or result
 * member, a CLI argument. Loader, diagnostics, schema, help and man pages read the
 * rows.
 */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include "mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct diags;
struct err;
struct node;
struct mark;

/* The member's C type stands behind each. */
enum field_type {
	FIELD_BOOL,   /* bool */
	FIELD_INT,    /* int64_t; min/max bound it */
	FIELD_NUMBER, /* double, finite; min/max bound it (whole numbers) */
	/* int64_t, milliseconds: seconds, or 90s, 20m, 2h, 1d; fractions as 0.5 */
	FIELD_DURATION,
	FIELD_STRING, /* char *, owned; NULL when absent; min/max bound its length */
	FIELD_SECRET, /* struct secret */
	FIELD_ENUM,   /* int: index into choices */
	FIELD_OBJECT, /* a struct embedded by value; sub describes it */
	/*
	 * struct strings: list of scalars; with FIELD_MANY a lone one is a list of one
	 */
	FIELD_STRINGS,
	/* struct field_list of sub->size structs; with FIELD_MANY one or many */
	FIELD_LIST,
	FIELD_STRMAP, /* struct strmap: mapping of string to string */
	FIELD_ANY,    /* schema only (results): any JSON value */
};

/* Flags of a row. */
#define FIELD_REQUIRED 0x01u /* must be given */
#define FIELD_MANY 0x02u     /* one or many: a scalar stands for a list of one */
/* null is allowed: a duration or number becomes FIELD_NULL, a string NULL */
#define FIELD_NULLABLE 0x04u
#define FIELD_RESTART 0x08u  /* a reload refuses to change it */
#define FIELD_NONEMPTY 0x10u /* an empty string or list is an error */
/* documented here, read by somebody else (a map of workers) */
#define FIELD_EXTERN 0x20u
#define FIELD_NEGATIVE 0x40u /* a duration may be negative */

/* What null and an absent duration without default look like. */
#define FIELD_NULL INT64_MIN

struct strings {
	char **items; /* owned */
	size_t count;
};

struct strmap {
	char **keys;   /* owned */
	char **values; /* owned */
	size_t count;
};

struct field_list {
	void *items; /* owned array of count structs */
	size_t count;
};

struct field;

/* A table: the rows of one struct. */
struct fields {
	/* "worker", "aws": in schema, man page and messages */
	const char *name;
	const struct field *rows; /* ends with a row whose name is NULL */
	size_t size;              /* of the struct; 0 if schema only */
};

/*
 * Checks the finished value of a row (text form for strings). Returns 0, or -1 with the
 * reason in err.
 */
typedef int field_check(const char *value, struct err *err);

struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	size_t offset;              /* FIELD_AT(struct, member, ctype) */
	const char *def;            /* default in the file's own syntax, or NULL */
	int64_t min, max;           /* both 0: no bound; for durations milliseconds */
	const char *const *choices; /* FIELD_ENUM: NULL-terminated */
	/* FIELD_OBJECT, FIELD_LIST; element schema of results */
	const struct fields *sub;
	/* or NULL; for lists and maps applied to each element/value */
	field_check *check;
	const char *example; /* for the sample file and the man page, or NULL */
	const char *doc;     /* a sentence or two */
};

/* Refuses to compile for a member of another type. */
/* clang-format off */
#define FIELD_AT(stype, member, ctype) \
	(offsetof(stype, member) + 0 * sizeof(char[_Generic( \
		((stype *)0)->member, ctype : 1, default : -1)]))
/* clang-format on */

/*
 * Fills obj (zeroed, of table->size) from a mapping node: defaults first, then what is
 * given. Every problem goes to ds, prefixed by path ("workers.bot1"; NULL for the
 * root). Unknown keys are errors with a suggestion, missing required ones point at the
 * mapping. Returns 0 if no error was added. obj is always safe to field_fini
 * afterwards.
 */
int field_load(const struct fields *table, const struct node *map, void *obj,
	const char *path, struct diags *ds);

/* As field_load without a mapping: the defaults alone. */
void field_defaults(const struct fields *table, void *obj);

/*
 * Turns a list node into a mapping by the order of the rows (positional parameters).
 * NULL and err if too long.
 */
struct node *field_positional(const struct fields *table, const struct node *list,
	struct err *err);

/*
 * Sets one member from text in the file's syntax; for defaults and command-line
 * arguments.
 */
int field_set(const struct field *row, void *obj, const char *text, struct err *err);

/* Frees what the members own and zeroes them. */
void field_fini(const struct fields *table, void *obj);

/* The row of that name, or NULL. */
const struct field *field_find(const struct fields *table, const char *name);

/*
 * Whether two objects have equal members; ret_name (may be NULL) gets the first that
 * differs.
 */
bool field_equal(const struct fields *table, const void *a, const void *b,
	const char **ret_name);

/*
 * "seconds, or a duration such as 90s, 20m, 2h": what a row expects, for messages and
 * pages.
 */
void field_expects(const struct field *row, struct buf *out);

/*
 * The table as a JSON Schema object (draft 2020-12), for --print-schema and
 * rpc.discover.
 */
void field_schema(const struct fields *table, struct buf *out);

/* Parses a duration in the file's syntax. -1 if it is none or out of int64 range. */
int field_parse_duration(const char *text, int64_t *ret_ms);

bool strings_contain(const struct strings *list, const char *s);
void strings_add(struct strings *list, const char *s);
void strings_fini(struct strings *list);
const char *strmap_get(const struct strmap *map, const char *key);
void strmap_put(struct strmap *map, const char *key, const char *value); /* replaces */
void strmap_fini(struct strmap *map);

#endif
