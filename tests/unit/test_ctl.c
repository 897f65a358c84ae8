/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines and what comes of them: what the daemon is asked, what stands on the two
 * outputs, and the exit code.
 */
#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl_run.h"
#include "unit.h"

#include <string.h>

#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":" result "}"
#define ERROR(id, kind, reason, message)                                               \
	"{\"jsonrpc\":\"2.0\",\"id\":" #id                                             \
	",\"error\":{\"code\":-32004,\"message\":\"" message                           \
	"\",\"data\":{\"kind\":\"" kind "\",\"reason\":" reason "}}}"
#define REQUEST(id, method, params)                                                    \
	"{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":" params            \
	",\"id\":" #id "}\n"

/* A key of the client's own making. */
#define KEY ",\"request\":\"KEY\""

#define WORKER(name, state)                                                            \
	"{\"worker\":\"" name "\",\"state\":\"" state                                  \
	"\",\"phase\":null,\"generation\":3,\"since\":null,\"attached\":true,"         \
	"\"building\":0,\"instance\":null,\"last_error\":null}"

#define EVENT(seq, worker, type, more)                                                 \
	"{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"seq\":" #seq          \
	",\"worker\":\"" worker "\",\"type\":\"" type                                  \
	"\",\"generation\":1,\"at\":\"2026-01-02T03:04:05.006Z\",\"by\":\"uid 0\""     \
	"," more "}}"

/* requests, out, err: NULL is not looked at. */
static const struct {
	const char *args[8];
	const char *replies[5];
	enum ctl_exit code;
	const char *requests, *out, *err;
	int line;
} cases[] = {
	/* list */
	{{"list"}, {RESULT(1, "{\"workers\":[" WORKER("bot1", "substantiated") "]}")},
		CTL_DONE, REQUEST(1, "worker.list", "{}"),
		"WORKER  STATE          PHASE  SINCE  GEN  ATTACHED  BUILDS  INSTANCE  TYPE  "
		"ZONE  ERROR\n"
		"bot1    substantiated  -      -      3    yes       0       -         -     "
		"-     -\n",
		"", __LINE__},
	{{"list", "b*", "--state", "substantiated"}, {RESULT(1, "{\"workers\":[]}")},
		CTL_DONE,
		REQUEST(1, "worker.list",
			"{\"state\":\"substantiated\",\"pattern\":\"b*\"}"),
		NULL, "", __LINE__},
	{{"--json", "list"},
		{RESULT(1, "{\"workers\":[{\"worker\":\"a\"}],\"cursor\":\"a\"}"),
			RESULT(2, "{\"workers\":[{\"worker\":\"b\"}]}")},
		CTL_DONE,
		REQUEST(1, "worker.list", "{}")
			REQUEST(2, "worker.list", "{\"cursor\":\"a\"}"),
		"{\"workers\":[{\"worker\":\"a\"},{\"worker\":\"b\"}]}\n", "",
		__LINE__},
	{{"list", "--limit=1", "--json"},
		{RESULT(1, "{\"workers\":[{\"worker\":\"a\"}],\"cursor\":\"a\"}")},
		CTL_DONE, REQUEST(1, "worker.list", "{\"limit\":1}"),
		"{\"workers\":[{\"worker\":\"a\"}]}\n", "", __LINE__},

	/* One worker. */
	{{"password", "bot1"},
		{RESULT(1, "{\"password\":\"s3cret\",\"generation\":1}")}, CTL_DONE,
		REQUEST(1, "worker.password", "{\"worker\":\"bot1\"}"), "s3cret\n", "",
		__LINE__},
	{{"check", "bot1"},
		{RESULT(1, "{\"ok\":true,\"message\":\"i-1 is running\",\"at\":null}")},
		CTL_DONE, REQUEST(1, "worker.check", "{\"worker\":\"bot1\"}"),
		"good: i-1 is running, as of -\n", "", __LINE__},
	{{"check", "bot1", "--fresh"},
		{RESULT(1, "{\"ok\":true,\"message\":\"i-1 is running\",\"at\":null}")},
		CTL_DONE,
		REQUEST(1, "worker.check", "{\"fresh\":true,\"worker\":\"bot1\"}"),
		"good: i-1 is running, as of -\n", "", __LINE__},
	{{"check", "bot1"},
		{RESULT(1, "{\"ok\":false,\"message\":\"it is down\",\"at\":null}")},
		CTL_FAILED, NULL, "bad: it is down, as of -\n", "", __LINE__},
	{{"attached", "bot1", "--generation", "7", "--instance-id=i-1"},
		{RESULT(1, "{}")}, CTL_DONE,
		REQUEST(1, "worker.attached",
			"{\"generation\":7,\"instance_id\":\"i-1\",\"worker\":\"bot1\"}"),
		"", "", __LINE__},
	{{"build-finished", "bot1", "--building", "0"}, {RESULT(1, "{}")}, CTL_DONE,
		REQUEST(1, "worker.build_finished",
			"{\"building\":0,\"worker\":\"bot1\"}"),
		"", "", __LINE__},
	{{"history", "bot1", "--before", "9"}, {RESULT(1, "{\"records\":[]}")},
		CTL_DONE,
		REQUEST(1, "worker.history", "{\"before\":9,\"worker\":\"bot1\"}"),
		"SEQ  AT  GEN  TYPE  FROM  TO  INSTANCE  BY  REASON\n", "", __LINE__},

	/* Names that are not known. */
	{{"show", "bot9"},
		{ERROR(1, "worker_unknown", "null", "there is no worker 'bot9'"),
			RESULT(2, "{\"workers\":[{\"worker\":\"linux\"}]}")},
		CTL_FAILED,
		REQUEST(1, "worker.show", "{\"worker\":\"bot9\"}")
			REQUEST(2, "worker.list", "{}"),
		"", "bot9: worker_unknown: there is no worker 'bot9'\n", __LINE__},
	{{"show", "lunux-1"},
		{ERROR(1, "worker_unknown", "null", "no"),
			RESULT(2,
				"{\"workers\":[{\"worker\":\"linux-2\"},{},7],\"cursor\":\"c\"}"),
			RESULT(3, "{\"workers\":[{\"worker\":\"linux-1\"}]}")},
		CTL_FAILED, NULL, "",
		"lunux-1: worker_unknown: no; did you mean 'linux-1'?\n", __LINE__},
	{{"show", "bot9"},
		{ERROR(1, "worker_unknown", "null", "no"),
			ERROR(2, "forbidden", "null", "no")},
		CTL_FAILED, NULL, "", "bot9: worker_unknown: no\n", __LINE__},
	{{"show", "bot9"}, {ERROR(1, "worker_unknown", "null", "no")}, CTL_FAILED, NULL,
		"", "bot9: worker_unknown: no\n", __LINE__},
	{{"up", "bot9", "bot1"},
		{ERROR(1, "worker_unknown", "null", "no"),
			RESULT(2,
				"{\"worker\":\"bot1\",\"generation\":3,\"instance\":null}"),
			RESULT(3, "{\"workers\":[{\"worker\":\"bot1\"}]}")},
		CTL_FAILED, NULL, "bot1: attached, generation 3\n",
		"bot9: worker_unknown: no; did you mean 'bot1'?\n", __LINE__},
	{{"--json", "show", "bot9"}, {ERROR(1, "worker_unknown", "null", "no")},
		CTL_FAILED, NULL,
		"{\"error\":{\"code\":-32004,\"message\":\"no\",\"data\":{\"kind\":"
		"\"worker_unknown\",\"reason\":null}},\"worker\":\"bot9\"}\n",
		"", __LINE__},

	{{"console", "bot1", "--latest"},
		{RESULT(1, "{\"output\":\"login:\\n\\u001b[31m\\ttea\",\"at\":null}")},
		CTL_DONE,
		REQUEST(1, "worker.console", "{\"latest\":true,\"worker\":\"bot1\"}"),
		"login:\n\\x1b[31m\ttea\n", "", __LINE__},
	{{"console", "bot1"}, {RESULT(1, "{\"output\":\"\"}")}, CTL_DONE, NULL, "", "",
		__LINE__},
	{{"abandon", "bot1", "l-1"}, {RESULT(1, "{}")}, CTL_DONE,
		REQUEST(1, "worker.abandon",
			"{\"worker\":\"bot1\",\"launch\":\"l-1\"}"),
		"", "", __LINE__},
	{{"hold", "a", "b"}, {RESULT(1, "{}"), RESULT(2, "{}")}, CTL_DONE,
		REQUEST(1, "worker.hold", "{\"worker\":\"a\"}")
			REQUEST(2, "worker.hold", "{\"worker\":\"b\"}"),
		"", "", __LINE__},
	{{"release", "a*"},
		{RESULT(1, "{\"workers\":[{\"worker\":\"a1\"}]}"),
			ERROR(2, "invalid", "null", "a1 is not held")},
		CTL_FAILED, NULL, "", "a1: invalid: a1 is not held\n", __LINE__},

	/* Up and down. */
	{{"up", "bot1"},
		{RESULT(1,
			"{\"worker\":\"bot1\",\"generation\":3,\"instance\":{\"id\":\"i-1\"}}")},
		CTL_DONE,
		REQUEST(1, "worker.substantiate",
			"{\"wait\":\"attached\",\"worker\":\"bot1\"" KEY "}"),
		"bot1: attached, generation 3, i-1\n", "", __LINE__},
	{{"up", "bot1", "--wait", "running", "--timeout", "90s"},
		{RESULT(1, "{\"worker\":\"bot1\",\"generation\":3,\"instance\":null}")},
		CTL_DONE,
		REQUEST(1, "worker.substantiate",
			"{\"wait\":\"running\",\"timeout\":\"90s\",\"worker\":\"bot1\"" KEY
			"}"),
		"bot1: running, generation 3\n", "", __LINE__},
	{{"up", "a", "b", "a"},
		{RESULT(1, "{\"worker\":\"a\",\"generation\":1,\"instance\":null}"),
			ERROR(2, "failed", "\"capacity\"", "b: none left")},
		CTL_FAILED,
		REQUEST(1, "worker.substantiate",
			"{\"wait\":\"attached\",\"worker\":\"a\"" KEY "}")
			REQUEST(2, "worker.substantiate",
				"{\"wait\":\"attached\",\"worker\":\"b\"" KEY "}"),
		"a: attached, generation 1\n", "b: failed (capacity): none left\n",
		__LINE__},
	{{"down", "l*", "bot1", "--fast"},
		{RESULT(1, "{\"workers\":[{\"worker\":\"l1\"},{\"worker\":\"bot1\"}]}"),
			RESULT(2, "{\"worker\":\"l1\",\"generation\":1}"),
			RESULT(3, "{\"worker\":\"bot1\",\"generation\":2}")},
		CTL_DONE,
		REQUEST(1, "worker.list", "{\"pattern\":\"l*\"}") REQUEST(2,
			"worker.insubstantiate",
			"{\"fast\":true,\"wait\":\"stopped\",\"worker\":\"l1\"" KEY
			"}") REQUEST(3, "worker.insubstantiate",
			"{\"fast\":true,\"wait\":\"stopped\",\"worker\":\"bot1\"" KEY
			"}"),
		"l1: stopped, generation 1\nbot1: stopped, generation 2\n", "",
		__LINE__},
	{{"up", "x*"}, {RESULT(1, "{\"workers\":[]}")}, CTL_FAILED, NULL, "",
		"ec2workerctl: no worker matches 'x*'\n", __LINE__},
	{{"up", "a"}, {ERROR(1, "timeout", "null", "a: not yet")}, CTL_TIMED_OUT, NULL,
		"", "a: timeout: not yet\n", __LINE__},
	{{"up", "a", "b"},
		{ERROR(1, "timeout", "null", "a: not yet"),
			ERROR(2, "timeout", "null", "b: not yet")},
		CTL_TIMED_OUT, NULL, "", "a: timeout: not yet\nb: timeout: not yet\n",
		__LINE__},

	/* The daemon. */
	{{"reload", "--dry-run"},
		{RESULT(1,
			"{\"added\":[\"a\",\"b\"],\"removed\":[],\"changed\":[],\"stale\":[],"
			"\"warnings\":[]}")},
		CTL_DONE, REQUEST(1, "daemon.reload", "{\"dry_run\":true}"),
		"added                    a, b\nnothing was changed: dry run\n", "",
		__LINE__},
	{{"reload"}, {RESULT(1, "{\"added\":[]}")}, CTL_DONE, NULL,
		"no worker has changed\n", "", __LINE__},
	{{"reload"},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32004,\"message\":\"bad\","
		 "\"data\":{\"kind\":\"failed\",\"reason\":\"config\",\"diagnostics\":\"f:1:2: "
		 "error: x\\n\\tx: 1\\n\"}}}"},
		CTL_FAILED, NULL, "",
		"ec2workerctl: failed (config): bad\nf:1:2: error: x\n\tx: 1\n",
		__LINE__},
	{{"status"},
		{RESULT(1,
			"{\"pool\":\"p\",\"workers\":{\"substantiated\":2},\"queues\":{"
			"\"mails\":0},\"paused\":null,\"hold\":true,\"degraded\":[{\"kind\":"
			"\"endpoint\",\"message\":\"no\\u001b\",\"since\":null,\"cloud\":\"c\","
			"\"about\":null,\"remedy\":\"Do it.\"}],"
			"\"clouds\":[{\"cloud\":\"c\\n\",\"region\":\"r\",\"listed_at\":null,"
			"\"throttled\":1,\"run_instances\":{\"window\":4,\"in_flight\":1,"
			"\"queued\":0},\"calls\":[{\"action\":\"RunInstances\",\"count\":7}]}]}")},
		CTL_DONE, REQUEST(1, "pool.status", "{}"),
		"pool                     p\n"
		"workers.substantiated    2\n"
		"queues.mails             0\n"
		"paused                   -\n"
		"hold                     yes\n"
		"\nDegraded\n"
		"KIND      SINCE  CLOUD  ABOUT  MESSAGE\n"
		"endpoint  -      c      -      no\\x1b\n"
		"\nWhat to do\n"
		"endpoint: Do it.\n"
		"\nClouds\n"
		"CLOUD  REGION  LISTED  WINDOW  IN FLIGHT  QUEUED  THROTTLED\n"
		"c\\x0a  r       -       4       1          0       1\n"
		"\nCalls to c\\x0a\n"
		"ACTION        COUNT\n"
		"RunInstances  7\n",
		"", __LINE__},
	{{"metrics"},
		{RESULT(1,
			"{\"metrics\":[{\"name\":\"a\",\"samples\":[{\"labels\":{},"
			"\"value\":1.5}]},{\"name\":\"bb\",\"samples\":[{\"labels\":{"
			"\"x\":\"y\\u001b\",\"z\":\"w\"},\"value\":7}]}]}")},
		CTL_DONE, REQUEST(1, "daemon.metrics", "{}"),
		"METRIC  OF        VALUE\n"
		"a       -         1.5\n"
		"bb      y\\x1b, w  7\n",
		"", __LINE__},
	{{"metrics"}, {RESULT(1, "{\"metrics\":[7,{\"samples\":{}}]}")}, CTL_DONE,
		REQUEST(1, "daemon.metrics", "{}"), "METRIC  OF  VALUE\n", "",
		__LINE__},
	{{"status"}, {RESULT(1, "{\"clouds\":7,\"degraded\":{},\"workers\":[]}")},
		CTL_DONE, NULL, NULL, "", __LINE__},
	{{"pause"}, {RESULT(1, "{}")}, CTL_DONE, REQUEST(1, "pool.pause", "{}"), "", "",
		__LINE__},
	{{"resume"}, {RESULT(1, "{}")}, CTL_DONE, REQUEST(1, "pool.resume", "{}"), "",
		"", __LINE__},
	{{"log-level", "debug"}, {RESULT(1, "{\"level\":\"debug\"}")}, CTL_DONE,
		REQUEST(1, "daemon.log_level", "{\"level\":\"debug\"}"), "debug\n", "",
		__LINE__},
	{{"log-level"}, {RESULT(1, "{\"level\":\"info\"}")}, CTL_DONE,
		REQUEST(1, "daemon.log_level", "{}"), "info\n", "", __LINE__},
	{{"log-level", "loud"}, {NULL}, CTL_USAGE, "", "", NULL, __LINE__},
	{{"stop"}, {RESULT(1, "{}")}, CTL_DONE, REQUEST(1, "daemon.stop", "{}"), "", "",
		__LINE__},
	{{"stop"}, {ERROR(1, "forbidden", "null", "daemon.stop is for the role admin")},
		CTL_FORBIDDEN, NULL, "",
		"ec2workerctl: forbidden: daemon.stop is for the role admin\n",
		__LINE__},

	/* events */
	{{"events", "--since=2"},
		{RESULT(1, "{\"seq\":4,\"epoch\":1}") "\n" EVENT(3, "bot1", "phase",
			"\"from\":\"a\",\"to\":\"b\",\"reason\":null") "\n" EVENT(4,
			"bot2", "lost", "\"instance\":\"i-1\",\"reason\":\"x\\n\"")},
		CTL_DONE, REQUEST(1, "events.subscribe", "{\"since\":2}"),
		"3      2026-01-02T03:04:05.006Z bot1             1    phase        a -> b "
		"by uid 0\n"
		"4      2026-01-02T03:04:05.006Z bot2             1    lost         i-1 "
		"by uid 0: x\\x0a\n",
		"", __LINE__},
	{{"events", "--json", "--workers", "b*", "--types", "lost,failed"},
		{RESULT(1, "{\"seq\":9,\"epoch\":1}") "\n" EVENT(3, "bot1", "phase",
			"\"x\":1") "\n" EVENT(4, "xot2", "lost",
			"\"x\":2") "\n" EVENT(5, "bot3", "lost",
			"\"x\":3") "\n" EVENT(9, "bot3", "phase",
			"\"x\":4") "\n" EVENT(10, "bot3", "lost", "\"x\":5")},
		CTL_DONE, REQUEST(1, "events.subscribe", "{\"since\":0}"),
		"{\"seq\":5,\"worker\":\"bot3\",\"type\":\"lost\",\"generation\":1,"
		"\"at\":\"2026-01-02T03:04:05.006Z\",\"by\":\"uid 0\",\"x\":3}\n",
		"", __LINE__},
	{{"events"}, {RESULT(1, "{\"seq\":0,\"epoch\":1}")}, CTL_DONE, NULL, "", "",
		__LINE__},
	{{"events"}, {RESULT(1, "{\"seq\":1,\"epoch\":1}"), ctl_hangup}, CTL_NO_DAEMON,
		NULL, "", "ec2workerctl: the daemon has closed the connection\n",
		__LINE__},
	{{"events"}, {ERROR(1, "forbidden", "null", "no")}, CTL_FORBIDDEN, NULL, "",
		"ec2workerctl: forbidden: no\n", __LINE__},
	{{"events", "--follow", "--types=hold", "--timeout=0.6"},
		{RESULT(1, "{\"seq\":4,\"epoch\":1}") "\n" EVENT(5, "bot1", "hold",
			 "\"reason\":\"x\""),
			ctl_hangup,
			RESULT(1, "{\"seq\":6,\"epoch\":1}") "\n" EVENT(6, "bot1",
				"hold", "\"reason\":\"y\"")},
		CTL_DONE,
		REQUEST(1, "events.subscribe", "{\"types\":[\"hold\"]}") REQUEST(1,
			"events.subscribe", "{\"types\":[\"hold\"],\"since\":5}"),
		"5      2026-01-02T03:04:05.006Z bot1             1    hold         by uid 0: "
		"x\n"
		"6      2026-01-02T03:04:05.006Z bot1             1    hold         by uid 0: "
		"y\n",
		"", __LINE__},
	{{"events", "--types", "phase,nothing"}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: --types: [1]: there is no event type 'nothing'\n",
		__LINE__},

	/* watch */
	{{"watch", "b*", "--json", "--timeout=0.3s"},
		{RESULT(1, "{\"seq\":4,\"epoch\":1}"),
			RESULT(2, "{\"workers\":[{\"worker\":\"bot1\"}]}")},
		CTL_DONE,
		REQUEST(1, "events.subscribe", "{\"workers\":\"b*\"}")
			REQUEST(2, "worker.list", "{\"pattern\":\"b*\"}"),
		"{\"workers\":[{\"worker\":\"bot1\"}]}\n", NULL, __LINE__},
	{{"watch"}, {ERROR(1, "forbidden", "null", "no")}, CTL_FORBIDDEN, NULL, "",
		"ec2workerctl: forbidden: no\n", __LINE__},

	/* call */
	{{"call", "x.y", "[1,{\"a\":null}]"}, {RESULT(1, "[1]")}, CTL_DONE,
		REQUEST(1, "x.y", "[1,{\"a\":null}]"), "[\n  1\n]\n", "", __LINE__},
	{{"call", "x.y"}, {RESULT(1, "7")}, CTL_DONE, REQUEST(1, "x.y", "{}"), "7\n",
		"", __LINE__},
	{{"call", "x.y", "{1"}, {NULL}, CTL_USAGE, "", "", NULL, __LINE__},

	/* Wrong usage never reaches the daemon. */
	{{NULL}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: a verb is missing; --help lists all\n", __LINE__},
	{{"lst"}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: there is no verb 'lst'; did you mean 'list'?\n",
		__LINE__},
	{{"qqqqq"}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: there is no verb 'qqqqq'; --help lists all\n", __LINE__},
	{{"show"}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: show: too few words; usage: ec2workerctl show WORKER\n",
		__LINE__},
	{{"show", "a", "b"}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: show: too many words; usage: ec2workerctl show WORKER\n",
		__LINE__},
	{{"stop", "a"}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: stop: too many words; usage: ec2workerctl stop\n",
		__LINE__},
	{{"up", "a", "--wait", "ready"}, {NULL}, CTL_USAGE, "", "", NULL, __LINE__},
	{{"up", "a", "--timout", "1"}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: --timout: unknown option; did you mean --timeout?\n",
		__LINE__},
	{{"up", "a", "--timeout", "soon"}, {NULL}, CTL_USAGE, "", "", NULL, __LINE__},
	{{"history", "a", "--limit", "0"}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: --limit: must be from 1 to 1000\n", __LINE__},
	{{"down", "a", "--fast=yes"}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: --fast takes no value\n", __LINE__},
	{{"attached", "a\xff"}, {NULL}, CTL_USAGE, "", "",
		"ec2workerctl: worker: not UTF-8\n", __LINE__},

	/* Whoever answers may be broken or hostile. */
	{{"list"}, {NULL}, CTL_NO_DAEMON, NULL, "",
		"ec2workerctl: the daemon has closed the connection\n", __LINE__},
	{{"list"}, {"hello"}, CTL_NO_DAEMON, NULL, "",
		"ec2workerctl: the other side does not speak JSON-RPC\n", __LINE__},
	{{"list"}, {"[]"}, CTL_NO_DAEMON, NULL, "",
		"ec2workerctl: the other side does not speak JSON-RPC\n", __LINE__},
	{{"list"}, {RESULT(2, "{}")}, CTL_NO_DAEMON, NULL, "",
		"ec2workerctl: the other side does not speak JSON-RPC\n", __LINE__},
	{{"list"}, {"{\"id\":1}"}, CTL_NO_DAEMON, NULL, "",
		"ec2workerctl: the other side does not speak JSON-RPC\n", __LINE__},
	{{"list"}, {"{\"id\":1,\"result\":{},\"error\":{}}"}, CTL_NO_DAEMON, NULL, "",
		"ec2workerctl: the other side does not speak JSON-RPC\n", __LINE__},
	{{"list"}, {ERROR(null, "forbidden", "null", "no role")}, CTL_FORBIDDEN, NULL,
		"", "ec2workerctl: no role\n", __LINE__},
	{{"list"}, {ERROR(null, "limit", "null", "too many")}, CTL_NO_DAEMON, NULL, "",
		"ec2workerctl: too many\n", __LINE__},
	{{"list"}, {RESULT(1, "7")}, CTL_DONE, NULL, NULL, "", __LINE__},
	{{"list"}, {RESULT(1, "{\"workers\":7}")}, CTL_DONE, NULL, NULL, "", __LINE__},
	{{"show", "a"}, {RESULT(1, "[]")}, CTL_DONE, NULL, NULL, "", __LINE__},
	{{"show", "a"},
		{RESULT(1,
			"{\"worker\":{},\"instance\":7,\"timeline\":{},\"configuration\":1}")},
		CTL_DONE, NULL, NULL, "", __LINE__},
	{{"version"}, {RESULT(1, "{\"version\":\"\\u001b[31m\\u0085\\n\"}")}, CTL_DONE,
		NULL, "version                  \\x1b[31m\\xc2\\x85\\x0a\n", "",
		__LINE__},
	{{"password", "a"}, {RESULT(1, "{\"password\":null}")}, CTL_DONE, NULL, "-\n",
		"", __LINE__},
	{{"call", "x"}, {RESULT(1, "\"\\u001b\\u009b\"")}, CTL_DONE, NULL,
		"\"\\u001B\\xc2\\x9b\"\n", "", __LINE__},
	{{"--json", "call", "x"}, {RESULT(1, "\"\\u009b\x7f\"")}, CTL_DONE, NULL,
		"\"\\u009B\\u007f\"\n", "", __LINE__},
	{{"stop"}, {"{\"id\":1,\"error\":{\"message\":\"\\u001b[2J\"}}"}, CTL_FAILED,
		NULL, "", "ec2workerctl: -: \\x1b[2J\n", __LINE__},
	{{"stop"}, {"{\"id\":1,\"error\":{\"message\":[1],\"data\":7}}"}, CTL_FAILED,
		NULL, "", "ec2workerctl: -: 1\n", __LINE__},
};

static void
check_text(int line, const char *what, const char *expected, const char *text)
{
	ck_assert_msg(expected == NULL || strcmp(expected, text) == 0,
		"line %d: %s: %s", line, what, text);
}

/* Keys are new each time, and long enough that nobody else makes the same. */
static void
mask_keys(char *requests)
{
	static const char member[] = "\"request\":\"";
	char *at = requests;

	while ((at = strstr(at, member)) != NULL) {
		at += strlen(member);
		ck_assert_uint_ge(strspn(at, "0123456789abcdef"), 32);
		memmove(at + 3, strchr(at, '"'), strlen(strchr(at, '"')) + 1);
		memcpy(at, "KEY", 3);
	}
}

START_TEST(test_command_lines)
{
	struct outcome o;

	outcome_of(cases[_i].args, cases[_i].replies, &o);
	ck_assert_msg(o.code == (int)cases[_i].code, "line %d: exit %d: %s",
		cases[_i].line, o.code, o.err);
	mask_keys(o.requests);
	check_text(cases[_i].line, "requests", cases[_i].requests, o.requests);
	check_text(cases[_i].line, "output", cases[_i].out, o.out);
	check_text(cases[_i].line, "errors", cases[_i].err, o.err);
	ck_assert_msg((cases[_i].code == CTL_DONE) == (strlen(o.err) == 0) ||
			cases[_i].err != NULL || strlen(o.err) > 0,
		"line %d: not a word", cases[_i].line);
	outcome_fini(&o);
}
END_TEST

START_TEST(test_no_daemon)
{
	const char *args[] = {"list", NULL};
	struct outcome o;

	outcome_of(args, NULL, &o);
	ck_assert_int_eq(o.code, CTL_NO_DAEMON);
	ck_assert_str_eq(o.out, "");
	ck_assert_ptr_nonnull(strstr(o.err, "ec2workerctl: cannot connect to "));
	outcome_fini(&o);
}
END_TEST

/* Whole verbs of the interface in the help, and each verb's own. */
START_TEST(test_help)
{
	const char *args[] = {"--help", NULL};
	const char *up[] = {"up", "--help", NULL};
	struct outcome o;

	outcome_of(args, NULL, &o);
	ck_assert_int_eq(o.code, CTL_DONE);
	ck_assert_ptr_nonnull(strstr(o.out, "\n  list [PATTERN]  "));
	ck_assert_ptr_nonnull(strstr(o.out, "\n  up WORKER...  "));
	ck_assert_ptr_nonnull(strstr(o.out, "\n  -s, --socket PATH  "));
	outcome_fini(&o);

	outcome_of(up, NULL, &o);
	ck_assert_int_eq(o.code, CTL_DONE);
	ck_assert_ptr_nonnull(strstr(o.out, "Usage: ec2workerctl up WORKER..."));
	ck_assert_ptr_nonnull(strstr(o.out, "--wait accepted|running|attached"));
	ck_assert_ptr_null(strstr(o.out, "--worker"));
	outcome_fini(&o);
}
END_TEST

START_TEST(test_version)
{
	const char *args[] = {"--version", NULL};
	struct outcome o;

	outcome_of(args, NULL, &o);
	ck_assert_int_eq(o.code, CTL_DONE);
	ck_assert_str_eq(o.out, "ec2workerctl " VERSION "\n");
	outcome_fini(&o);
}
END_TEST

/* Neither -s nor the default, if the environment names a socket. */
START_TEST(test_socket_of_environment)
{
	char program[] = "ec2workerctl", verb[] = "stop";
	char *argv[] = {program, verb, NULL};
	char *text = NULL;
	size_t size;
	FILE *err = open_memstream(&text, &size);

	setenv("EC2WORKERD_SOCKET", "/nowhere/at/all.sock", 1);
	ck_assert_int_eq(ctl_main(argv, stdout, err), CTL_NO_DAEMON);
	fclose(err);
	ck_assert_ptr_nonnull(strstr(text, "/nowhere/at/all.sock"));
	free(text);
}
END_TEST

START_TEST(test_several_outcomes)
{
	ck_assert_int_eq(ctl_worse(CTL_DONE, CTL_DONE), CTL_DONE);
	ck_assert_int_eq(ctl_worse(CTL_TIMED_OUT, CTL_TIMED_OUT), CTL_TIMED_OUT);
	ck_assert_int_eq(ctl_worse(CTL_DONE, CTL_TIMED_OUT), CTL_FAILED);
	ck_assert_int_eq(ctl_worse(CTL_FORBIDDEN, CTL_TIMED_OUT), CTL_FAILED);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("ctl");
	TCase *tc = tcase_create("ctl");

	tcase_add_loop_test(tc, test_command_lines, 0, COUNT_OF(cases));
	tcase_add_test(tc, test_no_daemon);
	tcase_add_test(tc, test_help);
	tcase_add_test(tc, test_version);
	tcase_add_test(tc, test_socket_of_environment);
	tcase_add_test(tc, test_several_outcomes);
	suite_add_tcase(suite, tc);
	return suite;
}
