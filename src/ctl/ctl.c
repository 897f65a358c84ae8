/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the command line to the verb that does it, and how errors look.
 */
#include "ctl/ctl.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "base/opts.h"
#include "ctl/client.h"
#include "ctl/params.h"
#include "ctl/text.h"
#include "ctl/verb.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "ec2workerctl"
#define DEFAULT_SOCKET RUNSTATEDIR "/ec2workerd/rpc.sock"

static const struct field rows[] = {
	{
		.name = "socket",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct ctl_options, socket, char *),
		.example = "PATH",
		.doc = "The daemon's socket; else EC2WORKERD_SOCKET, else " DEFAULT_SOCKET
		       ".",
	},
	{
		.name = "json",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct ctl_options, json, bool),
		.doc = "Print results as the daemon sends them.",
	},
	{
		.name = "timeout",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct ctl_options, timeout, int64_t),
		.min = 1,
		.max = INT64_MAX / 2,
		.example = "T",
		.doc = "Wait for T at most, such as 90s or 20m; the daemon goes on with it.",
	},
	{
		.name = "help",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct ctl_options, help, bool),
		.doc = "Show this, or the options of a verb, and leave.",
	},
	{
		.name = "version",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct ctl_options, version, bool),
		.doc = "Show the client's version and leave.",
	},
	{.name = NULL},
};
static const struct fields table = {"options", rows, sizeof(struct ctl_options)};
static const struct opt_letter letters[] = {{'s', "socket"}, {'h', "help"}, {0, NULL}};
const struct opts ctl_opts = {.table = &table, .letters = letters};

enum ctl_exit
ctl_complain(const struct ctl *c, enum ctl_exit code, const char *fmt, ...)
{
	AUTO(buf) struct buf text = {.data = NULL};
	AUTO(buf) struct buf clean = {.data = NULL};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	text_add(&clean, buf_str(&text));
	(void)fprintf(c->err, PROGRAM ": %s\n", buf_str(&clean));
	return code;
}

/* DEL stands for itself in JSON, and jansson leaves it; a terminal might not. */
static int
print_part(const char *data, size_t len, void *arg)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] == '\x7f')
			(void)fputs("\\u007f", arg);
		else
			(void)fputc(data[i], arg);
	return 0;
}

void
ctl_print_json(const struct ctl *c, const json_t *value)
{
	(void)json_dump_callback(value, print_part, c->out,
		JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	(void)fputc('\n', c->out);
}

enum ctl_exit
ctl_worse(enum ctl_exit a, enum ctl_exit b)
{
	return a == b ? a : CTL_FAILED;
}

static enum ctl_exit
code_of(const char *kind)
{
	if (kind != NULL && strcmp(kind, "forbidden") == 0)
		return CTL_FORBIDDEN;
	if (kind != NULL && strcmp(kind, "timeout") == 0)
		return CTL_TIMED_OUT;
	return CTL_FAILED;
}

/* The daemon's sentence without the name that the line begins with already. */
static void
add_message(struct buf *out, const char *worker, const json_t *message)
{
	const char *text = json_string_value(message);
	size_t len = worker != NULL ? strlen(worker) : 0;

	if (text != NULL && len > 0 && strncmp(text, worker, len) == 0 &&
		strncmp(text + len, ": ", 2) == 0)
		text_add(out, text + len + 2);
	else
		text_add_value(out, message);
}

/* "bot1: failed (capacity): sentence" */
static void
add_error(struct buf *out, const char *worker, const json_t *error, const char *near)
{
	const json_t *data = json_object_get(error, "data");
	const json_t *reason = json_object_get(data, "reason");
	const json_t *diagnostics = json_object_get(data, "diagnostics");

	text_add(out, worker != NULL ? worker : PROGRAM);
	buf_puts(out, ": ");
	text_add_value(out, json_object_get(data, "kind"));
	if (json_is_string(reason)) {
		buf_puts(out, " (");
		text_add_value(out, reason);
		buf_puts(out, ")");
	}
	buf_puts(out, ": ");
	add_message(out, worker, json_object_get(error, "message"));
	if (near != NULL) {
		buf_puts(out, "; did you mean '");
		text_add(out, near);
		buf_puts(out, "'?");
	}
	buf_putc(out, '\n');
	if (json_is_string(diagnostics))
		text_add_lines(out, json_string_value(diagnostics));
}

enum ctl_exit
ctl_show_error(const struct ctl *c, const char *worker, const json_t *error,
	const char *near)
{
	AUTO(buf) struct buf text = {.data = NULL};
	json_t *whole;

	if (c->options.json) {
		whole = json_pack("{s:O}", "error", (json_t *)(uintptr_t)error);
		if (worker != NULL)
			(void)json_object_set_new(whole, "worker", json_string(worker));
		ctl_print_json(c, whole);
		json_decref(whole);
	} else {
		add_error(&text, worker, error, near);
		(void)fputs(buf_str(&text), c->err);
	}
	return code_of(json_string_value(
		json_object_get(json_object_get(error, "data"), "kind")));
}

static enum ctl_exit
show_help(const struct ctl *c, const struct opts *globals, const struct verb *v)
{
	AUTO(buf) struct buf text = {.data = NULL};

	if (v != NULL) {
		verb_help(v, &text);
		buf_putc(&text, '\n');
	} else {
		buf_puts(&text,
			"Usage: " PROGRAM " [OPTION]... VERB [WORD]...\n\nVerbs:\n");
		verb_help_all(&text);
		buf_puts(&text, "\nOptions:\n");
	}
	opts_help(globals, &text);
	(void)fputs(buf_str(&text), c->out);
	return CTL_DONE;
}

static enum ctl_exit
unknown_verb(const struct ctl *c, const char *name)
{
	const char *near = verb_suggest(name);

	if (near != NULL)
		return ctl_complain(c, CTL_USAGE,
			"there is no verb '%s'; did you mean '%s'?", name, near);
	return ctl_complain(c, CTL_USAGE, "there is no verb '%s'; --help lists all",
		name);
}

static const char *
socket_path(const struct ctl *c)
{
	const char *path = c->options.socket;

	if (path == NULL)
		path = getenv("EC2WORKERD_SOCKET");
	return path != NULL && path[0] != '\0' ? path : DEFAULT_SOCKET;
}

int
ctl_connect(struct ctl *c, struct err *err)
{
	c->client = client_open(socket_path(c), err);
	return c->client != NULL ? 0 : -1;
}

bool
ctl_is_terminal(FILE *file)
{
	return fileno(file) >= 0 && isatty(fileno(file));
}

static bool
wants_colour(FILE *file)
{
	const char *no = getenv("NO_COLOR");

	return ctl_is_terminal(file) && (no == NULL || no[0] == '\0');
}

static enum ctl_exit
run(struct ctl *c, const struct verb *v)
{
	struct err err;

	c->verb = v;
	c->colour = wants_colour(c->out);
	c->progress = ctl_is_terminal(c->err);
	if (!v->local && ctl_connect(c, &err) != 0)
		return ctl_complain(c,
			err.code == ERR_FORBIDDEN ? CTL_FORBIDDEN : CTL_NO_DAEMON, "%s",
			err.text);
	v->run(c, v);
	client_free(c->client);
	return c->code;
}

/* The daemon waits as long as we do. */
static int
add_presets(struct params *p, const struct ctl *c, const struct verb *v,
	struct err *err)
{
	AUTO(buf) struct buf timeout = {.data = NULL};

	if (v->preset != NULL && params_preset(p, v->preset, v->preset_value, err) != 0)
		return -1;
	if (c->options.timeout == FIELD_NULL)
		return 0;
	field_print_duration(c->options.timeout, &timeout);
	return params_preset(p, "timeout", buf_str(&timeout), err);
}

/* argv from index on: what stands behind the verb. */
static enum ctl_exit
run_verb(struct ctl *c, const struct opts *globals, const struct verb *v,
	char *const *argv, int index)
{
	static const struct field no_rows[] = {{.name = NULL}};
	static const struct fields none = {.name = "none", .rows = no_rows};
	struct strings words = {.items = NULL};
	struct params params;
	const struct opts own = {.table = v->options,
		.fn = opts_set,
		.arg = &c->options};
	const struct opts mine = {
		.table = v->method < RPC_METHOD_COUNT ? rpc_specs[v->method].params
						      : &none,
		.words = v->words,
		.fn = params_set,
		.arg = &params,
	};
	enum ctl_exit code;
	struct err err;
	bool good;

	params_init(&params, mine.table);
	/* analyze: autoVariables: taken back below */
	c->words = &words;
	c->params = params.json;
	good = opts_parse((const struct opts *[]){globals, &mine,
				  v->options != NULL ? &own : NULL, NULL},
		       argv, &index, &words, &err) == 0;
	if (good && c->options.help)
		code = show_help(c, globals, v);
	else if (good && params_words(&params, v, &words, &err) == 0 &&
		add_presets(&params, c, v, &err) == 0)
		code = run(c, v);
	else
		code = ctl_complain(c, CTL_USAGE, "%s", err.text);
	c->words = NULL;
	c->params = NULL;
	params_fini(&params);
	strings_fini(&words);
	return code;
}

static enum ctl_exit
run_line(struct ctl *c, const struct opts *globals, char *const *argv)
{
	const struct verb *v;
	int index = 1;
	struct err err;

	if (opts_parse_first((const struct opts *[]){globals, NULL}, argv, &index,
		    &err) != 0)
		return ctl_complain(c, CTL_USAGE, "%s", err.text);
	if (c->options.version) {
		(void)fprintf(c->out, PROGRAM " %s\n", VERSION);
		return CTL_DONE;
	}
	if (argv[index] == NULL) {
		if (c->options.help)
			return show_help(c, globals, NULL);
		return ctl_complain(c, CTL_USAGE,
			"a verb is missing; --help lists all");
	}
	v = verb_find(argv[index]);
	if (v == NULL)
		return unknown_verb(c, argv[index]);
	return run_verb(c, globals, v, argv, index + 1);
}

enum ctl_exit
ctl_main(char *const *argv, FILE *out, FILE *err)
{
	struct ctl c = {.out = out, .err = err};
	const struct opts globals = {.table = &table,
		.letters = letters,
		.fn = opts_set,
		.arg = &c.options};
	enum ctl_exit code;

	json_set_alloc_funcs(xmalloc, free);
	field_defaults(&table, &c.options);
	code = run_line(&c, &globals, argv);
	field_fini(&table, &c.options);
	if ((fflush(out) != 0 || ferror(out)) && code == CTL_DONE)
		code = ctl_complain(&c, CTL_FAILED, "the output could not be written");
	return code;
}
