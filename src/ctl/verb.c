/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of verbs, and the help that is made from it.
 */
#include "ctl/verb.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/field.h"
#include "base/mem.h"
#include "base/opts.h"
#include "ctl/render.h"
#include "ctl/run.h"

#include <ctype.h>
#include <string.h>

const struct verb ctl_verbs[] = {
	{
		.name = "list",
		.method = RPC_WORKER_LIST,
		.run = run_pages,
		.words = {"pattern"},
		.optional = true,
		.render = render_workers,
	},
	{
		.name = "show",
		.method = RPC_WORKER_SHOW,
		.run = run_once,
		.words = {"worker"},
		.render = render_worker,
	},
	{
		.name = "up",
		.method = RPC_WORKER_SUBSTANTIATE,
		.run = run_many,
		.words = {"worker"},
		.many = true,
		.preset = "wait",
		.preset_value = "attached",
		.render = render_up,
		.doc = "Brings workers up and waits until they are attached.",
	},
	{
		.name = "down",
		.method = RPC_WORKER_INSUBSTANTIATE,
		.run = run_many,
		.words = {"worker"},
		.many = true,
		.preset = "wait",
		.preset_value = "stopped",
		.render = render_down,
		.doc = "Brings workers down and waits until they are stopped.",
	},
	{
		.name = "attached",
		.method = RPC_WORKER_ATTACHED,
		.run = run_once,
		.words = {"worker"},
	},
	{
		.name = "detached",
		.method = RPC_WORKER_DETACHED,
		.run = run_once,
		.words = {"worker"},
	},
	{
		.name = "build-started",
		.method = RPC_WORKER_BUILD_STARTED,
		.run = run_once,
		.words = {"worker"},
	},
	{
		.name = "build-finished",
		.method = RPC_WORKER_BUILD_FINISHED,
		.run = run_once,
		.words = {"worker"},
	},
	{
		.name = "password",
		.method = RPC_WORKER_PASSWORD,
		.run = run_once,
		.words = {"worker"},
		.render = render_password,
	},
	{
		.name = "check",
		.method = RPC_WORKER_CHECK,
		.run = run_check,
		.words = {"worker"},
		.render = render_check,
	},
	{
		.name = "history",
		.method = RPC_WORKER_HISTORY,
		.run = run_once,
		.words = {"worker"},
		.render = render_history,
	},
	{
		.name = "reload",
		.method = RPC_DAEMON_RELOAD,
		.run = run_once,
		.render = render_reload,
	},
	{
		.name = "version",
		.method = RPC_DAEMON_VERSION,
		.run = run_once,
		.render = render_record,
	},
	{
		.name = "stop",
		.method = RPC_DAEMON_STOP,
		.run = run_once,
	},
	{
		.name = "call",
		.method = RPC_METHOD_COUNT,
		.run = run_call,
		.words = {"method", "json"},
		.optional = true,
		.render = render_any,
		.doc = "Calls any method, with its parameters as JSON.",
	},
	{.name = NULL},
};

const struct verb *
verb_find(const char *name)
{
	for (const struct verb *v = ctl_verbs; v->name != NULL; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

const char *
verb_suggest(const char *name)
{
	const char *names[COUNT_OF(ctl_verbs)];

	for (size_t i = 0; i < COUNT_OF(ctl_verbs); i++)
		names[i] = ctl_verbs[i].name;
	return diag_suggest(name, names);
}

static const char *
doc_of(const struct verb *v)
{
	return v->doc != NULL ? v->doc : rpc_specs[v->method].doc;
}

static void
add_upper(struct buf *out, const char *word)
{
	for (; *word != '\0'; word++)
		buf_putc(out, (char)toupper((unsigned char)*word));
}

void
verb_usage(const struct verb *v, struct buf *out)
{
	buf_puts(out, v->name);
	for (size_t i = 0; v->words[i] != NULL; i++) {
		bool optional = v->optional && v->words[i + 1] == NULL;

		buf_puts(out, optional ? " [" : " ");
		add_upper(out, v->words[i]);
		buf_puts(out, optional ? "]" : v->many ? "..." : "");
	}
}

void
verb_help(const struct verb *v, struct buf *out)
{
	buf_puts(out, "Usage: ec2workerctl ");
	verb_usage(v, out);
	buf_printf(out, " [OPTION]...\n%s\n\n", doc_of(v));
	if (v->many)
		buf_puts(out, "WORKER may be a pattern such as 'linux-*'.\n\n");
	if (v->method < RPC_METHOD_COUNT)
		opts_help(&(struct opts){.table = rpc_specs[v->method].params,
				  .words = v->words},
			out);
}

void
verb_help_all(struct buf *out)
{
	for (const struct verb *v = ctl_verbs; v->name != NULL; v++) {
		AUTO(buf) struct buf usage = {.data = NULL};

		verb_usage(v, &usage);
		opts_help_line(buf_str(&usage), doc_of(v), out);
	}
}
