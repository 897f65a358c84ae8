/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows, and what little is done with them.
 */
#include "core/options.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/opts.h"

static const struct field rows[] = {
	{.name = "config",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct options, config, char *),
		.def = SYSCONFDIR "/ec2workerd/ec2workerd.yaml",
		.example = "FILE",
		.doc = "Read this configuration."},
	{.name = "check",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct options, check, bool),
		.doc = "Show all problems of the configuration and leave."},
	{.name = "check_aws",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct options, check_aws, bool),
		.doc = "Ask AWS about the configuration too: credentials, images, types, key "
		       "pairs, groups, subnets, and whether workers may be started and ended."},
	{.name = "print_schema",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct options, print_schema, bool),
		.doc = "Print the JSON Schema of configurations, for editors, and leave."},
	{.name = "print_policy",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct options, print_policy, bool),
		.doc = "Print the least IAM policy for this configuration, and leave."},
	{.name = "verbose",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct options, verbose, int64_t),
		.def = "0",
		.doc = "Log one level more than log_level says."},
	{.name = "version",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct options, version, bool),
		.doc = "Show the version and leave."},
	{.name = "help",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct options, help, bool),
		.doc = "Show this and leave."},
	{.name = NULL},
};

const struct fields option_fields = {
	.name = "options",
	.rows = rows,
	.size = sizeof(struct options),
};

static const struct opt_letter letters[] = {{'c', "config"}, {'v', "verbose"},
	{'h', "help"}, {0, NULL}};
const struct opts option_opts = {.table = &option_fields, .letters = letters};

int
options_parse(struct options *o, char *const *argv, struct err *err)
{
	const struct opts set = {.table = &option_fields,
		.letters = letters,
		.fn = opts_set,
		.arg = o};
	int index = 1;

	*o = (struct options){.config = NULL};
	field_defaults(&option_fields, o);
	return opts_parse((const struct opts *[]){&set, NULL}, argv, &index, NULL, err);
}

void
options_help(struct buf *out)
{
	buf_puts(out,
		"Usage: ec2workerd [OPTION]...\n"
		"Keeps a pool of workers on EC2 for a build master.\n\n");
	opts_help(&option_opts, out);
}

void
options_fini(struct options *o)
{
	field_fini(&option_fields, o);
}
