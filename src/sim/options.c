/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the options, and their walk. */
#include "sim/options.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/fault.h"
#include "sim/scenario.h"

#include <string.h>

#define HELP_WIDTH 79
#define HELP_INDENT 8

static const char *const throttles[] = {
	[SIM_THROTTLE_OFF] = "off",
	[SIM_THROTTLE_AWS] = "aws",
	NULL,
};

static int
check_credentials(const char *value, struct err *err)
{
	const char *colon = strchr(value, ':');

	if (colon == NULL || colon == value || colon[1] == '\0')
		return err_set(err, ERR_INVALID, "expected ID:SECRET");
	return 0;
}

static const struct field rows[] = {
	{
		.name = "listen",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_options, listen, char *),
		.def = "127.0.0.1:5000",
		.example = "ADDRESS:PORT",
		.doc = "Where to listen; port 0 takes a free one, which is printed.",
	},
	{
		.name = "scenario",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_options, scenario, char *),
		.example = "FILE",
		.doc = "A JSON object that says what this EC2 is like: delays, capacity, faults.",
	},
	{
		.name = "pending",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_options, pending, int64_t),
		.def = "2s",
		.max = 86400000,
		.example = "T",
		.doc = "How long an instance stays pending.",
	},
	{
		.name = "shutdown",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_options, shutdown, int64_t),
		.def = "2s",
		.max = 86400000,
		.example = "T",
		.doc = "How long it stays shutting-down or stopping.",
	},
	{
		.name = "run-user-data",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct sim_options, run_user_data, bool),
		.def = "false",
		.doc = "Runs the user data of each instance as a local process, as this user, from "
		       "running to its end. Only for user data that you trust.",
	},
	{
		.name = "credentials",
		.type = FIELD_SECRET,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_options, credentials, struct secret),
		.check = check_credentials,
		.example = "ID:SECRET",
		.doc = "The only access key that is good. Without it any key id is, if its secret is "
		       "the word test or the id once more.",
	},
	{
		.name = "throttle",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct sim_options, throttle, int),
		.choices = throttles,
		.def = "off",
		.example = "off|aws",
		.doc = "aws: the token buckets of EC2, and RequestLimitExceeded above them.",
	},
	{
		.name = "seed",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_options, seed, int64_t),
		.def = "0",
		.min = 0,
		.max = INT64_MAX,
		.example = "N",
		.doc = "Makes ids and faults the same in every run; 0 does not.",
	},
	{
		.name = "help",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct sim_options, help, bool),
		.def = "false",
		.doc = "Prints this.",
	},
	{
		.name = "version",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct sim_options, version, bool),
		.def = "false",
		.doc = "Prints the version.",
	},
	{.name = NULL},
};

const struct fields sim_option_fields = {"options", rows, sizeof(struct sim_options)};

static int
unknown(const char *name, struct err *err)
{
	const char *names[COUNT_OF(rows)];
	const char *near;

	for (size_t n = 0; n < COUNT_OF(rows); n++)
		names[n] = rows[n].name;
	near = diag_suggest(name, names);
	if (near != NULL)
		return err_set(err, ERR_INVALID,
			"--%.100s: unknown option; did you mean --%s?", name, near);
	return err_set(err, ERR_INVALID, "--%.100s: unknown option", name);
}

/* One option; *used says whether next was its value. */
static int
set_option(const char *arg, const char *next, struct sim_options *o, bool *used,
	struct err *err)
{
	const char *equals = strchr(arg, '=');
	AUTO(free)
	char *name = xstrndup(arg,
		equals != NULL ? (size_t)(equals - arg) : strlen(arg));
	const struct field *row = field_find(&sim_option_fields, name);
	const char *value = equals != NULL ? equals + 1 : next;

	*used = false;
	if (row == NULL)
		return unknown(name, err);
	if (row->type == FIELD_BOOL) {
		if (equals != NULL)
			return err_set(err, ERR_INVALID, "--%s takes no value", name);
		value = "true";
	} else {
		*used = equals == NULL;
	}
	if (value == NULL)
		return err_set(err, ERR_INVALID, "--%s needs a value", name);
	if (field_set(row, o, value, err) != 0)
		return err_wrap(err, "--%s", name);
	return 0;
}

int
sim_options_parse(int argc, char *const *argv, struct sim_options *ret_options,
	struct err *err)
{
	struct sim_options o = {0};

	field_defaults(&sim_option_fields, &o);
	for (int n = 1; n < argc; n++) {
		bool used = false;
		int failed;

		if (strncmp(argv[n], "--", 2) != 0)
			failed = err_set(err, ERR_INVALID, "%.100s: not an option",
				argv[n]);
		else
			failed = set_option(argv[n] + 2, argv[n + 1], &o, &used, err);
		if (failed != 0) {
			sim_options_fini(&o);
			return -1;
		}
		n += used;
	}
	*ret_options = o;
	return 0;
}

/* Text in lines of HELP_WIDTH, indented. */
static void
put_wrapped(struct buf *out, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (column != 0 && column + 1 + word > HELP_WIDTH) {
			buf_putc(out, '\n');
			column = 0;
		}
		buf_printf(out, "%*s", column == 0 ? HELP_INDENT : 1, "");
		column += (column == 0 ? HELP_INDENT : 1) + word;
		buf_add(out, text, word);
		text += word;
		text += strspn(text, " ");
	}
	buf_putc(out, '\n');
}

/* The rows of a table; prefix stands before each name. */
static void
put_rows(struct buf *out, const struct fields *table, const char *prefix)
{
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		buf_printf(out, "  %s%s", prefix, row->name);
		if (row->example != NULL && prefix[0] != '\0')
			buf_printf(out, " %s", row->example);
		if (row->def != NULL && row->type != FIELD_BOOL)
			buf_printf(out, "  (%s)", row->def);
		buf_putc(out, '\n');
		put_wrapped(out, row->doc);
	}
}

void
sim_options_help(struct buf *out)
{
	buf_puts(out,
		"usage: ec2sim [OPTION]...\n\n"
		"Plays EC2's Query API for tests and demonstrations. T is a number of seconds,\n"
		"or a duration such as 0.5s, 90s, 20m, 2h.\n\n");
	put_rows(out, &sim_option_fields, "--");
	buf_puts(out, "\nA scenario is a JSON object with these keys:\n\n");
	put_rows(out, &sim_scenario_fields, "");
	buf_puts(out,
		"\nA fault rule is an object with these; the first rule that fires decides:\n\n");
	put_rows(out, &sim_fault_fields, "");
	buf_puts(out, "\nGET /_sim/ lists what can be seen and done while it runs.\n");
}

void
sim_options_fini(struct sim_options *o)
{
	field_fini(&sim_option_fields, o);
}
