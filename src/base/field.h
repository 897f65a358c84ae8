/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One typed, documented row for every value: a YAML key, an RPC parameter or result
 * member, a CLI argument. Loader, diagnostics, schema, help and man pages read the rows.
 */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include "strings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct diags;
struct err;
struct node;

/* The member's C type stands behind each. */
enum field_type {
	FIELD_BOOL,     /* bool */
	FIELD_OPTBOOL,  /* int: 0 or 1; -1 when absent */
	FIELD_INT,      /* int64_t; min/max bound it */
	FIELD_NUMBER,   /* double, finite; min/max bound it; NAN when absent */
	FIELD_DURATION, /* int64_t, ms: seconds (0.5 too), or 90s, 20m, 2h, 1d */
	FIELD_STRING,   /* char *, owned; NULL when absent; min/max bound its bytes */
	FIELD_SECRET,   /* struct secret */
	FIELD_ENUM,     /* int: index into choices; -1 when absent */
	FIELD_OBJECT,   /* a struct embedded by value; sub describes it */
	FIELD_STRINGS,  /* struct strings: list of scalars */
	FIELD_LIST,     /* struct field_list of sub->size structs */
	FIELD_STRMAP,   /* struct strmap; in schemas with sub: names to objects */
	FIELD_ANY,      /* schema only (results): any JSON value */
};

/* Flags of a row; from 0x10000 up they are the table's own. */
#define FIELD_REQUIRED 0x01u /* must be given */
#define FIELD_MANY 0x02u     /* a lone element stands for a list of one */
#define FIELD_NULLABLE 0x04u /* null is allowed, and makes the member look absent */
#define FIELD_RESTART 0x08u  /* a reload refuses to change it */
#define FIELD_NONEMPTY 0x10u /* neither it nor a string inside may be empty */
#define FIELD_EXTERN 0x20u   /* documented here, read by somebody else */
#define FIELD_NEGATIVE 0x40u /* a duration may be negative: out of any bounds, never */
#define FIELD_PARTIAL 0x80u  /* schema only: sub's required members may be missing */
#define FIELD_PRIVATE 0x100u /* kept from replies and dumps, as secrets are */
/* Of FIELD_LIST: an element is a list of all values of sub, in the order of its rows. */
#define FIELD_TUPLES 0x200u
#define FIELD_POSITIVE 0x400u /* a number is above 0, whatever its bounds */

/* What null and an absent integer or duration without default look like. */
#define FIELD_NULL INT64_MIN

struct field_list {
	void *items; /* owned array of count structs */
	size_t count;
};

struct field;

/* A table: the rows of one struct. */
struct fields {
	const char *name;         /* "worker", "aws": in schema and man page */
	const struct field *rows; /* ends with a row whose name is NULL */
	size_t size;              /* of the struct; 0: schema only, never loaded */
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
	size_t offset;    /* FIELD_AT(struct, member, ctype) */
	const char *def;  /* default in the file's own syntax, or NULL */
	int64_t min, max; /* both 0: no bound; max < min: no upper one */
	/* NULL-terminated: of FIELD_ENUM, or of FIELD_STRINGS whose check allows no others. */
	const char *const *choices;
	const struct fields *sub; /* FIELD_OBJECT, FIELD_LIST; see FIELD_STRMAP */
	/*
	 * FIELD_LIST, or NULL: a mapping stands for a list too. A key becomes the first
	 * member of sub, a string; its value, null included, is read by these rows, which
	 * describe the same struct.
	 */
	const struct fields *keyed;
	const char
		*names; /* FIELD_STRMAP: what keys match, for schemas; or NULL: any */
	const char
		*pattern; /* FIELD_STRING: what check asks for, for schemas; or NULL */
	field_check *check;  /* or NULL; of lists and maps, for each element */
	const char *example; /* for sample file and man page, or NULL */
	const char *doc;     /* a sentence or two */
};

/* Refuses to compile for a member of another type. */
#define FIELD_AT(stype, member, ctype)                                                 \
	(offsetof(stype, member) + 0 * _Generic(((stype *)0)->member, ctype : 1))

/*
 * Fills obj (zeroed, of table->size) from a mapping node: defaults first, then what is
 * given. Every problem goes to ds, prefixed by path ("workers.bot1"; NULL for the root).
 * Unknown keys are errors with a suggestion, missing required ones point at the mapping.
 * Returns 0 if no error was added. obj is always safe to field_fini afterwards.
 */
int field_load(const struct fields *table, const struct node *map, void *obj,
	const char *path, struct diags *ds);
/* As field_load without a mapping: the defaults alone. */
void field_defaults(const struct fields *table, void *obj);
/* A list of positional parameters as a mapping. NULL and err if it is too long. */
struct node *field_positional(const struct fields *table, const struct node *list,
	struct err *err);
/* Sets one member from text in the file's syntax, as defaults and arguments are. */
int field_set(const struct field *row, void *obj, const char *text, struct err *err);
/* Frees what the members own and zeroes them. */
void field_fini(const struct fields *table, void *obj);
/* The row of that name, or NULL. */
const struct field *field_find(const struct fields *table, const char *name);
/* Whether all members are equal; ret_name (may be NULL) gets the first that differs. */
bool field_equal(const struct fields *table, const void *a, const void *b,
	const char **ret_name);

/* What a row expects, for messages and pages: "a whole number, from 1 to 5". */
void field_expects(const struct field *row, struct buf *out);

/* The table as a JSON Schema object (draft 2020-12): of JSON, for rpc.discover. */
void field_schema(const struct fields *table, struct buf *out);
/* Of a YAML file, for --print-schema: a string may be a bare number there. */
void field_schema_yaml(const struct fields *table, struct buf *out);

/* Checks a JSON result against the table: 0, or -1 and the path and reason in err. */
int field_match(const struct fields *table, const struct node *map, struct err *err);

/* Adds the names of all secrets, sub-tables included: for struct diags. */
void field_secret_names(const struct fields *table, struct strings *out);

/* A duration in the file's syntax; -1 if it is none or out of range. */
int field_parse_duration(const char *text, int64_t *ret_ms);
/* The shortest text that field_parse_duration reads back: "90s", "2h", "1.5s". */
void field_print_duration(int64_t ms, struct buf *out);

#endif
