/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon as a whole: start, reload and its refusals, both ways to stop, a ledger that
 * cannot be written, what the service manager hears.
 */
#include "core/daemon.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/field.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "daemon_rig.h"
#include "scratch.h"
#include "sim/sim.h"
#include "sys/loop.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define PLAIN "pool: test\n"
#define TERMINATE "pool: test\non_stop: terminate\n"
#define TWO                                                                            \
	"  a: { password: x, build_wait_timeout: -1 }\n"                               \
	"  b: { password: y, build_wait_timeout: -1 }\n"

static struct daemon_rig *rig = &daemon_rig;
static const struct cause tester = {"uid 0", "test"};

/* What is wrong with the disk: errno of each call, 0 good. */
static struct {
	int write, sync;
} disk;

ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	errno = disk.write;
	return disk.write == 0 ? syscall(SYS_pwrite64, fd, data, size, at) : -1;
}

int
fdatasync(int fd)
{
	errno = disk.sync;
	return disk.sync == 0 ? (int)syscall(SYS_fdatasync, fd) : -1;
}

static void
teardown(void)
{
	memset(&disk, 0, sizeof(disk));
	daemon_rig_teardown();
}

/* A reload and what it said. */
struct reload {
	struct daemon_reload changes;
	struct buf problems;
	struct err err;
	int result;
};

static void
reload(struct reload *r, bool dry_run)
{
	struct conf_problems *problems = conf_problems_new();

	memset(r, 0, sizeof(*r));
	r->result = daemon_reload(rig->daemon, dry_run, &r->changes, problems, &r->err);
	conf_problems_print(problems, &r->problems);
	conf_problems_free(problems);
}

static void
reload_fini(struct reload *r)
{
	daemon_reload_fini(&r->changes);
	buf_fini(&r->problems);
}

static void
check_words(const struct strings *list, const char *expected)
{
	AUTO(buf) struct buf text = {0};

	for (size_t n = 0; n < list->count; n++)
		buf_printf(&text, "%s ", list->items[n]);
	ck_assert_str_eq(buf_str(&text), expected);
}

static void
count_call(void *arg)
{
	++*(int *)arg;
}

START_TEST(test_reload)
{
	struct reload r;
	int told = 0;

	daemon_rig_start(PLAIN, TWO);
	daemon_rig_ready("a");
	daemon_rig_ready("b");
	rig->daemon->on_reloaded = count_call;
	rig->daemon->on_reloaded_arg = &told;
	daemon_rig_write("pool: test\nlog_level: warning\nvars: { unused: x }\n",
		"  a: { password: x, build_wait_timeout: 5m }\n"
		"  c: { password: z, instance_type: c7i.large }\n");
	reload(&r, true);
	ck_assert_msg(r.result == 0, "%s", r.err.text);
	check_words(&r.changes.added, "c ");
	check_words(&r.changes.removed, "b ");
	check_words(&r.changes.changed, "a ");
	check_words(&r.changes.stale, "");
	reload_fini(&r);
	/* So far nothing has changed. */
	ck_assert_ptr_null(pool_find(rig->daemon->pool, "c"));
	ck_assert(!daemon_rig_worker("b")->removed);
	ck_assert_int_eq(told, 0);
	reload(&r, false);
	ck_assert_int_eq(r.result, 0);
	check_words(&r.changes.added, "c ");
	reload_fini(&r);
	ck_assert_ptr_nonnull(pool_find(rig->daemon->pool, "c"));
	ck_assert(daemon_rig_worker("b")->removed);
	ck_assert_int_eq(told, 1);
	ck_assert_int_eq(rig->daemon->conf->log_level, LOG_LEVEL_WARNING);
	ck_assert_uint_eq(daemon_rig_living(), 2);
	(void)daemon_rig_run(60000);
	ck_assert_uint_eq(daemon_rig_living(), 2);
}
END_TEST

/* What runs was made from another configuration: named. */
START_TEST(test_reload_names_the_stale)
{
	struct reload r;

	daemon_rig_start(PLAIN, TWO);
	daemon_rig_ready("a");
	daemon_rig_write(PLAIN,
		"  a: { password: x, instance_type: c7i.large }\n"
		"  b: { password: y, instance_type: c7i.large }\n");
	reload(&r, false);
	ck_assert_int_eq(r.result, 0);
	check_words(&r.changes.changed, "a b ");
	check_words(&r.changes.stale, "a ");
	reload_fini(&r);
	ck_assert(worker_is_stale(daemon_rig_worker("a")));
	ck_assert(!worker_is_stale(daemon_rig_worker("b")));
	/* The same file again is no change. */
	reload(&r, false);
	check_words(&r.changes.changed, "");
	check_words(&r.changes.stale, "");
	reload_fini(&r);
}
END_TEST

/* A file that cannot be used, or asks for what only a restart can do: the old one stays. */
static const struct {
	const char *top, *workers, *says;
	int line;
} refusals[] = {
	{"pool: test\npol: x\n", TWO, "unknown key", __LINE__},
	{"pool: test\n", "  a: { password: x, missing_timeout: soon }\n",
		"missing_timeout", __LINE__},
	{"pool: [\n", TWO, "conf.yaml:", __LINE__},
	{"pool: other\n", TWO, "pool has changed, which only a restart", __LINE__},
	{"pool: test\nsocket_mode: '0600'\n", TWO, "socket_mode has changed", __LINE__},
	{"pool: test\nsocket_group: root\n", TWO, "socket_group has changed", __LINE__},
};

START_TEST(test_reload_refused)
{
	struct reload r;
	struct conf *before;
	int told = 0;

	daemon_rig_start(PLAIN, TWO);
	before = rig->daemon->conf;
	rig->daemon->on_reloaded = count_call;
	rig->daemon->on_reloaded_arg = &told;
	daemon_rig_write(refusals[_i].top, refusals[_i].workers);
	reload(&r, false);
	ck_assert_msg(r.result == -1, "line %d: taken", refusals[_i].line);
	ck_assert_int_eq(r.err.code, ERR_CONFIG);
	ck_assert_int_eq(r.err.reason, REASON_CONFIG);
	ck_assert_msg(strstr(r.err.text, refusals[_i].says) != NULL ||
			strstr(buf_str(&r.problems), refusals[_i].says) != NULL,
		"line %d: %s, %s", refusals[_i].line, r.err.text, buf_str(&r.problems));
	check_words(&r.changes.added, "");
	ck_assert_ptr_eq(rig->daemon->conf, before);
	ck_assert_int_eq(told, 0);
	reload_fini(&r);
	/* A signal fares no better, and the daemon goes on. */
	ck_assert_int_eq(raise(SIGHUP), 0);
	ck_assert(!daemon_rig_run(1000));
	ck_assert_ptr_eq(rig->daemon->conf, before);
}
END_TEST

START_TEST(test_hangup_reloads)
{
	daemon_rig_start(PLAIN, TWO);
	daemon_rig_write(PLAIN, TWO "  c: { password: z }\n");
	ck_assert_int_eq(raise(SIGHUP), 0);
	ck_assert(!daemon_rig_run(500));
	ck_assert_ptr_nonnull(pool_find(rig->daemon->pool, "c"));
}
END_TEST

/* Warnings of a good file are told, and do not keep it out. */
START_TEST(test_reload_with_warnings)
{
	struct reload r;

	daemon_rig_start(PLAIN, TWO);
	ck_assert_int_eq(chmod("conf.yaml", 0644), 0); /* it holds passwords */
	reload(&r, true);
	ck_assert_msg(r.result == 0, "%s", r.err.text);
	ck_assert_uint_eq(r.changes.warnings.count, 1);
	ck_assert_msg(strstr(r.changes.warnings.items[0], "password") != NULL, "%s",
		r.changes.warnings.items[0]);
	reload_fini(&r);
}
END_TEST

/* on_stop: keep ends at once and leaves all as it is. */
static const int stop_signals[] = {SIGTERM, SIGINT, 0};

START_TEST(test_stop_keeps)
{
	daemon_rig_start(PLAIN, TWO);
	daemon_rig_ready("a");
	if (stop_signals[_i] != 0)
		ck_assert_int_eq(raise(stop_signals[_i]), 0);
	else
		daemon_stop(rig->daemon, &tester);
	ck_assert(daemon_rig_run(1000));
	ck_assert_int_eq(daemon_run(rig->daemon), 0);
	ck_assert_uint_eq(daemon_rig_living(), 1);
	daemon_rig_restart();
	ck_assert_int_eq(worker_state(daemon_rig_worker("a")), WORKER_SUBSTANTIATED);
	(void)daemon_rig_run(60000);
	ck_assert_uint_eq(daemon_rig_living(), 1);
}
END_TEST

/* on_stop: terminate condemns all, and leaves when each is seen shutting down. */
START_TEST(test_stop_terminates)
{
	int64_t began;
	struct err err;

	daemon_rig_start(TERMINATE, TWO);
	daemon_rig_ready("a");
	daemon_rig_up("b");
	daemon_stop(rig->daemon, &tester);
	daemon_stop(rig->daemon, &tester); /* nothing more */
	ck_assert_int_eq(worker_substantiate(daemon_rig_worker("a"), &tester, NULL,
				 &err),
		-1);
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	began = clock_ms();
	ck_assert(daemon_rig_run(60000));
	ck_assert_int_lt(clock_ms() - began, 20000);
	ck_assert_int_eq(daemon_run(rig->daemon), 0);
	ck_assert_uint_eq(daemon_rig_living(), 0);
}
END_TEST

START_TEST(test_stop_with_nothing_to_terminate)
{
	daemon_rig_start(TERMINATE, TWO);
	daemon_stop(rig->daemon, &tester);
	ck_assert(daemon_rig_run(100));
}
END_TEST

/* EC2 cannot be reached: after 25 s it leaves, and goes on where it was next time. */
START_TEST(test_stop_limit)
{
	struct err err;

	daemon_rig_start(TERMINATE, TWO);
	daemon_rig_ready("a");
	sim_free(rig->sim);
	rig->sim = NULL;
	daemon_stop(rig->daemon, &tester);
	ck_assert(!daemon_rig_run(24900));
	ck_assert(daemon_rig_run(200));
	ck_assert_int_eq(daemon_run(rig->daemon), 0);
	rig->sim = sim_new(rig->sim_loop, &rig->options, &err);
	daemon_free(rig->daemon);
	ck_assert_int_eq(daemon_rig_new(&err), 0);
	ck_assert_int_eq(daemon_rig_worker("a")->launches->instance->phase,
		INSTANCE_CONDEMNED);
}
END_TEST

/* The ledger cannot be written: said, tried again each second, and over when it can. */
START_TEST(test_degraded_and_back)
{
	const struct pool *p;

	daemon_rig_start(PLAIN, TWO);
	daemon_rig_ready("a");
	p = rig->daemon->pool;
	disk.write = ENOSPC;
	daemon_rig_up("b");
	(void)daemon_rig_run(5000);
	ck_assert(p->degraded);
	ck_assert_ptr_nonnull(strstr(p->degraded_text, "full"));
	ck_assert_uint_eq(daemon_rig_living(), 1);
	ck_assert(loop_next_due_ms(rig->daemon->loop) - clock_ms() <= 1000);
	/* The next try gives the reserve up, which on this disk helps nobody. */
	(void)daemon_rig_run(5000);
	ck_assert(p->degraded);
	disk.write = 0;
	(void)daemon_rig_run(2100);
	ck_assert(!p->degraded);
	ck_assert_ptr_null(p->degraded_text);
	(void)daemon_rig_run(20000);
	ck_assert_uint_eq(daemon_rig_living(), 2);
}
END_TEST

/* What is on the disk is unknown: the process ends with 1, and nothing more has left it. */
START_TEST(test_ledger_fails)
{
	daemon_rig_start(PLAIN, TWO);
	disk.sync = EIO;
	daemon_rig_up("a");
	ck_assert(daemon_rig_run(2000));
	ck_assert_int_eq(daemon_run(rig->daemon), 1);
	ck_assert_uint_eq(daemon_rig_living(), 0);
	disk.sync = 0;
	daemon_rig_restart();
	ck_assert(!rig->daemon->failed);
}
END_TEST

/* What makes a start impossible is ERR_CONFIG: exit 78. */
START_TEST(test_cannot_start)
{
	struct daemon *first;
	struct err err;

	daemon_rig_start(PLAIN, TWO);
	first = rig->daemon;
	ck_assert_int_eq(daemon_rig_new(&err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "state"));
	rig->daemon = first;
	daemon_rig_ready("a");
	daemon_rig_write("pool: renamed\n", TWO);
	daemon_free(first);
	ck_assert_int_eq(daemon_rig_new(&err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "pool test"));
	daemon_free(NULL);
}
END_TEST

static const struct {
	int64_t level, verbose;
	int expected, line;
} levels[] = {
	{LOG_LEVEL_INFO, 0, LOG_LEVEL_INFO, __LINE__},
	{LOG_LEVEL_INFO, 1, LOG_LEVEL_INFO + 1, __LINE__},
	{LOG_LEVEL_ERROR, 1, LOG_LEVEL_ERROR + 1, __LINE__},
	{LOG_LEVEL_INFO, 100, LOG_LEVEL_COUNT - 1, __LINE__},
};

START_TEST(test_log_level)
{
	struct conf conf = {.log_level = (int)levels[_i].level};

	ck_assert_msg(daemon_log_level(&conf, levels[_i].verbose) ==
			levels[_i].expected,
		"line %d", levels[_i].line);
}
END_TEST

/* The service manager's end of the datagrams. */
static int
manager_listen(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%.90s/manager",
		scratch_path());
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", sun.sun_path, 1), 0);
	return fd;
}

static void
check_told(int manager, const char *expected)
{
	char text[256];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	ck_assert_str_eq(text, expected);
}

START_TEST(test_what_the_manager_hears)
{
	int manager = manager_listen();

	ck_assert_int_eq(setenv("WATCHDOG_USEC", "2000000", 1), 0);
	daemon_rig_write(PLAIN, TWO);
	daemon_rig_start(PLAIN, TWO);
	check_told(manager, "READY=1");
	check_told(manager, "WATCHDOG=1");
	check_told(manager, "");
	(void)daemon_rig_run(3000);
	for (int n = 0; n < 3; n++)
		check_told(manager, "WATCHDOG=1");
	check_told(manager, "");
	daemon_stop(rig->daemon, &tester);
	check_told(manager, "STOPPING=1");
	(void)close(manager);
	ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
	ck_assert_int_eq(unsetenv("WATCHDOG_USEC"), 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("daemon");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, daemon_rig_setup, teardown);
	tcase_add_test(t, test_reload);
	tcase_add_test(t, test_reload_names_the_stale);
	tcase_add_loop_test(t, test_reload_refused, 0, COUNT_OF(refusals));
	tcase_add_test(t, test_hangup_reloads);
	tcase_add_test(t, test_reload_with_warnings);
	tcase_add_loop_test(t, test_stop_keeps, 0, COUNT_OF(stop_signals));
	tcase_add_test(t, test_stop_terminates);
	tcase_add_test(t, test_stop_with_nothing_to_terminate);
	tcase_add_test(t, test_stop_limit);
	tcase_add_test(t, test_degraded_and_back);
	tcase_add_test(t, test_ledger_fails);
	tcase_add_test(t, test_cannot_start);
	tcase_add_loop_test(t, test_log_level, 0, COUNT_OF(levels));
	tcase_add_test(t, test_what_the_manager_hears);
	suite_add_tcase(s, t);
	return s;
}
