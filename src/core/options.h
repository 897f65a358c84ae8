/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's command line as rows: its help and its manual page are made from them.
 */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct fields;
struct opts;

struct options {
	char *config; /* path of the configuration */
	bool check, check_aws, print_schema, print_policy, version, help;
	int64_t verbose; /* how often it was given */
};

extern const struct fields option_fields;
/* The same with their letters: for help and manual. */
extern const struct opts option_opts;

/* Fills o, which is safe to options_fini in any case. -1 and ERR_INVALID: wrong usage. */
int options_parse(struct options *o, char *const *argv, struct err *err);
void options_help(struct buf *out);
void options_fini(struct options *o);

#endif
