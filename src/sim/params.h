/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters of one request: a form or query string, decoded, sorted by name, and
 * checked against the rows of its action. Knows how EC2 flattens lists (EC2-WIRE.md 1).
 */
#ifndef SIM_PARAMS_H
#define SIM_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_error;

#define SIM_PARAMS_MAX 20000 /* of one request: 50 filters of 200 values, twice */
#define SIM_PARAM_NAME_MAX 256

struct sim_param {
	const char *name; /* both borrowed from the params' text, NUL-terminated */
	const char *value;
};

/* A zeroed struct is a valid empty one. */
struct sim_params {
	char *text;              /* owned: the decoded bytes */
	struct sim_param *items; /* owned: sorted by name, each name once */
	size_t count;
};

enum sim_param_type {
	SIM_PARAM_STRING, /* max bounds its length, 0: no bound */
	SIM_PARAM_INT,    /* min..max, both 0: any */
	SIM_PARAM_NUMBER, /* decimal, above 0 */
	SIM_PARAM_BOOL,   /* true or false */
	SIM_PARAM_CHOICE, /* one of choices */
	SIM_PARAM_ANY, /* a group of names this server has no opinion on: "Prefix.*" */
	SIM_PARAM_ROWS /* the rows of another table, which others have too; needs a name */
};

/* What an action takes. In a name, N stands for a number counted from 1. */
struct sim_param_row {
	const char *name;
	enum sim_param_type type;
	bool required; /* of a list: its first item */
	int64_t min, max;
	const char *const *choices; /* NULL-terminated */
	const struct sim_param_row *rows;
};

/* What many actions of EC2 take, for rows of the type SIM_PARAM_ROWS. */
extern const char *const sim_ec2_volume_types[]; /* choices */
extern const struct sim_param_row sim_ec2_filter_params[];
extern const struct sim_param_row sim_ec2_page_params[]; /* see page.h */
extern const struct sim_param_row
	sim_ec2_instances_params[];                     /* InstanceId.N, required */
extern const struct sim_param_row sim_ec2_run_params[]; /* all of RunInstances */

/* -1 and MalformedQueryString or InvalidCharacter: bad %, NUL, not UTF-8, a name twice. */
int sim_params_parse(const char *text, size_t len, struct sim_params *ret_params,
	struct sim_error *error);
void sim_params_fini(struct sim_params *p);

/* The value, or NULL. Borrowed. */
const char *sim_params_get(const struct sim_params *p, const char *name);
/* The same with a name made by printf. */
const char *sim_params_getf(const struct sim_params *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Whether any name begins with prefix. */
bool sim_params_under(const struct sim_params *p, const char *prefix);
/* Whether list.1, list.2 ... has the value, or there is no such list. */
bool sim_params_lists(const struct sim_params *p, const char *list, const char *value);
bool sim_params_true(const struct sim_params *p, const char *name);
/* For values that sim_params_check has passed. */
int64_t sim_params_int(const struct sim_params *p, const char *name, int64_t absent);

/*
 * Every name must be in a row (of two tables that end with a NULL name; common may be NULL), every value of the
 * row's type, every list without gaps, every required one there.
 */
int sim_params_check(const struct sim_params *p, const struct sim_param_row *rows,
	const struct sim_param_row *common, struct sim_error *error);

/* Lower-case hex SHA-256 over all names and values but Action, Version and DryRun. */
void sim_params_digest(const struct sim_params *p, char hex[static 65]);

static inline void
auto_sim_params(struct sim_params *p)
{
	sim_params_fini(p);
}

#endif
