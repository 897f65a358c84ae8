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
#include "ctl/ctl.h"
#include "ctl/render.h"
#include "ctl/run.h"

#include <ctype.h>
#include <string.h>

static const struct field follow_rows[] = {
	{
		.name = "follow",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct ctl_options, follow, bool),
		.doc = "Go on with what happens from now, until --timeout or for ever; a "
		       "daemon that is started again is found again.",
	},
	{.name = NULL},
};
static const struct fields follow_options = {"events", follow_rows,
	sizeof(struct ctl_options)};

const struct verb ctl_verbs[] = {
	{
		.name = "list",
		.method = RPC_WORKER_LIST,
		.run = run_pages,
		.words = {"pattern"},
		.optional = true,
		.render = render_workers,
		.example = "list 'linux-*' --state substantiated",
	},
	{
		.name = "show",
		.method = RPC_WORKER_SHOW,
		.run = run_once,
		.words = {"worker"},
		.render = render_worker,
		.example = "show bot1",
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
		.example = "up 'linux-*' --wait running --timeout 10m",
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
		.example = "down bot1 --fast --reason 'new image'",
	},
	{
		.name = "attached",
		.method = RPC_WORKER_ATTACHED,
		.run = run_once,
		.words = {"worker"},
		.example = "attached bot1 --generation 3",
	},
	{
		.name = "detached",
		.method = RPC_WORKER_DETACHED,
		.run = run_once,
		.words = {"worker"},
		.example = "detached bot1",
	},
	{
		.name = "build-started",
		.method = RPC_WORKER_BUILD_STARTED,
		.run = run_once,
		.words = {"worker"},
		.example = "build-started bot1 --build demo/7",
	},
	{
		.name = "build-finished",
		.method = RPC_WORKER_BUILD_FINISHED,
		.run = run_once,
		.words = {"worker"},
		.example = "build-finished bot1 --building 0",
	},
	{
		.name = "password",
		.method = RPC_WORKER_PASSWORD,
		.run = run_once,
		.words = {"worker"},
		.render = render_password,
		.example = "password bot1",
	},
	{
		.name = "check",
		.method = RPC_WORKER_CHECK,
		.run = run_check,
		.words = {"worker"},
		.render = render_check,
		.example = "check bot1",
	},
	{
		.name = "console",
		.method = RPC_WORKER_CONSOLE,
		.run = run_once,
		.words = {"worker"},
		.render = render_console,
		.example = "console bot1 --latest",
	},
	{
		.name = "history",
		.method = RPC_WORKER_HISTORY,
		.run = run_once,
		.words = {"worker"},
		.render = render_history,
		.example = "history bot1 --limit 20",
	},
	{
		.name = "hold",
		.method = RPC_WORKER_HOLD,
		.run = run_many,
		.words = {"worker"},
		.many = true,
		.example = "hold bot1",
	},
	{
		.name = "release",
		.method = RPC_WORKER_RELEASE,
		.run = run_many,
		.words = {"worker"},
		.many = true,
		.example = "release bot1",
	},
	{
		.name = "abandon",
		.method = RPC_WORKER_ABANDON,
		.run = run_once,
		.words = {"worker", "launch"},
		.optional = true,
		.example = "abandon bot1 0c8c4e7e-1f8c-4a53-9f5e-6a1c2b3d4e5f",
	},
	{
		.name = "status",
		.method = RPC_POOL_STATUS,
		.run = run_once,
		.render = render_status,
		.example = "status",
	},
	{
		.name = "pause",
		.method = RPC_POOL_PAUSE,
		.run = run_once,
		.example = "pause",
	},
	{
		.name = "resume",
		.method = RPC_POOL_RESUME,
		.run = run_once,
		.example = "resume",
	},
	{
		.name = "orphans",
		.method = RPC_POOL_ORPHANS,
		.run = run_once,
		.render = render_orphans,
		.example = "orphans --terminate",
	},
	{
		.name = "events",
		.method = RPC_EVENTS_SUBSCRIBE,
		.run = run_events,
		.options = &follow_options,
		.doc = "Shows what has happened, oldest first: all that is kept, or what came after --since.",
		.example = "events --follow --workers 'linux-*' --types state,failed",
	},
	{
		.name = "watch",
		.method = RPC_WORKER_LIST,
		.run = run_watch,
		.words = {"pattern"},
		.optional = true,
		.render = render_workers,
		.doc = "Shows the list of workers, and again whenever something happens to one.",
		.example = "watch 'linux-*'",
	},
	{
		.name = "reload",
		.method = RPC_DAEMON_RELOAD,
		.run = run_once,
		.render = render_reload,
		.example = "reload --dry-run",
	},
	{
		.name = "version",
		.method = RPC_DAEMON_VERSION,
		.run = run_once,
		.render = render_record,
		.example = "version",
	},
	{
		.name = "metrics",
		.method = RPC_DAEMON_METRICS,
		.run = run_once,
		.render = render_metrics,
		.example = "metrics",
	},
	{
		.name = "log-level",
		.method = RPC_DAEMON_LOG_LEVEL,
		.run = run_once,
		.words = {"level"},
		.optional = true,
		.render = render_log_level,
		.example = "log-level debug",
	},
	{
		.name = "stop",
		.method = RPC_DAEMON_STOP,
		.run = run_once,
		.example = "stop",
	},
	{
		.name = "call",
		.method = RPC_METHOD_COUNT,
		.run = run_call,
		.words = {"method", "json"},
		.optional = true,
		.render = render_any,
		.doc = "Calls any method, with its parameters as JSON.",
		.example = "call worker.show '{\"worker\": \"bot1\"}'",
	},
	{
		.name = "completion",
		.method = RPC_METHOD_COUNT,
		.run = run_completion,
		.words = {"shell"},
		.local = true,
		.doc = "Prints the script by which bash, zsh or fish completes our command lines.",
		.example = "completion bash",
	},
	{
		.name = "complete",
		.method = RPC_METHOD_COUNT,
		.run = run_complete,
		.words = {"word"},
		.optional = true,
		.many = true,
		.local = true,
		.hidden = true,
		.doc = "Prints how the last word of a command line may go on.",
		.example = "complete -- up linux-",
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
	size_t count = 0;

	for (const struct verb *v = ctl_verbs; v->name != NULL; v++)
		if (!v->hidden)
			names[count++] = v->name;
	names[count] = NULL;
	return diag_suggest(name, names);
}

const char *
verb_doc(const struct verb *v)
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
	buf_printf(out, " [OPTION]...\n%s\n\n", verb_doc(v));
	if (v->many)
		buf_puts(out, "WORKER may be a pattern such as 'linux-*'.\n\n");
	if (v->method < RPC_METHOD_COUNT)
		opts_help(&(struct opts){.table = rpc_specs[v->method].params,
				  .words = v->words},
			out);
	if (v->options != NULL)
		opts_help(&(struct opts){.table = v->options}, out);
	buf_printf(out, "\nExample:\n  ec2workerctl %s\n", v->example);
}

void
verb_help_all(struct buf *out)
{
	for (const struct verb *v = ctl_verbs; v->name != NULL; v++) {
		AUTO(buf) struct buf usage = {.data = NULL};

		if (v->hidden)
			continue;
		verb_usage(v, &usage);
		opts_help_line(buf_str(&usage), verb_doc(v), out);
	}
}
