/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From words and options to the parameters of a call, by the method's rows: what the daemon
 * would refuse is refused here, with the option's name.
 */
#ifndef CTL_PARAMS_H
#define CTL_PARAMS_H

#include <jansson.h>

struct err;
struct field;
struct fields;
struct strings;
struct verb;

/* Being gathered. */
struct params {
	json_t *json; /* owned until it is given away */
	const struct fields *table;
	void *scratch; /* owned; of the table's size, to check values against the rows */
};

void params_init(struct params *p, const struct fields *table);
/* An opts_fn: arg is a struct params; text NULL switches on. */
int params_set(void *arg, const struct field *row, const char *text, struct err *err);
/* The verb's words; a repeated one is left to the verb. ERR_INVALID: too few, too many. */
int params_words(struct params *p, const struct verb *v, const struct strings *words,
	struct err *err);
/* By name, if the table has it and nothing was given yet. */
int params_preset(struct params *p, const char *name, const char *text,
	struct err *err);
void params_fini(struct params *p);

#endif
