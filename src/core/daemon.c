/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon as a whole: start, the commit of each turn, signals, watchdog, reload, stop.
 */
#include "core/daemon.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "core/cloud_ec2.h"
#include "core/event.h"
#include "core/health.h"
#include "core/monitor.h"
#include "core/pause.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "sys/crypto.h"
#include "sys/http.h"
#include "sys/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* How long on_stop: terminate waits for everything to shut down; below TimeoutStopSec. */
#define STOP_LIMIT_MS 25000
/* A ledger that cannot be written is tried again so often. */
#define COMMIT_RETRY_MS 1000
/* What a start may take besides its waiting. */
#define START_MS 30000
/* The problems of a refused file, when only a signal asked. */
#define PROBLEMS_LOGGED 20

static const struct trouble unwritable = {.condition = CONDITION_LEDGER};

static void
degrade(struct pool *p, const struct err *why)
{
	if (p->degraded)
		return;
	p->degraded = true;
	p->degraded_text = xstrdup(why->text);
	health_begin(p->health, &unwritable, why, NULL);
}

static void
recover(struct pool *p)
{
	if (!p->degraded)
		return;
	p->degraded = false;
	free(p->degraded_text);
	p->degraded_text = NULL;
	health_end(p->health, &unwritable, NULL);
	pool_launches_again(p);
}

/*
 * The end of a turn. An error that leaves it open what is on the disk ends the process: the
 * next start reads what is really there.
 */
static int
on_commit(void *arg)
{
	struct daemon *d = arg;
	struct err err;

	FP("turn.before_commit");
	switch ((enum store_result)pool_commit(d->pool, &err)) {
	case STORE_OK: recover(d->pool); return 0;
	case STORE_LATER:
		degrade(d->pool, &err);
		loop_timer_in(&d->commit_retry, COMMIT_RETRY_MS);
		return -1;
	case STORE_FATAL: break;
	}
	log_error("ledger", "fails, so the daemon ends here and starts anew: %s",
		err.text);
	d->failed = true;
	loop_stop(d->loop);
	return -1;
}

static void
on_retry(void *arg)
{
	(void)arg; /* the timer makes a turn, and the turn commits */
}

static void
on_watchdog(void *arg)
{
	struct daemon *d = arg;

	notify_send("WATCHDOG=1");
	loop_timer_in(&d->watchdog, notify_watchdog_ms());
}

/* Nobody waits for the answer to a signal: the log has it all. */
static void
log_problems(const struct daemon *d, const struct conf_problems *problems)
{
	const struct diags *ds = conf_problems_diags(problems);

	for (size_t n = 0; n < ds->count && n < PROBLEMS_LOGGED; n++)
		log_error(NULL, "%s:%u:%u: %s: %s", d->conf_path,
			ds->items[n].mark.line, ds->items[n].mark.col,
			ds->items[n].key == NULL ? "" : ds->items[n].key,
			ds->items[n].text);
}

static void
on_hangup(void *arg)
{
	struct daemon *d = arg;
	struct daemon_reload changes = {0};
	struct conf_problems *problems = conf_problems_new();
	struct err err;

	if (daemon_reload(d, false, &changes, problems, &err) < 0) {
		log_error(NULL, "reload refused, the old configuration stays: %s",
			err.text);
		log_problems(d, problems);
	}
	daemon_reload_fini(&changes);
	conf_problems_free(problems);
}

static void
on_terminate(void *arg)
{
	daemon_stop(arg, &(struct cause){"signal", NULL});
}

static void
init_timers(struct daemon *d)
{
	loop_timer_init(&d->watchdog, d->loop, on_watchdog, d);
	loop_timer_init(&d->commit_retry, d->loop, on_retry, d);
}

static void
on_keys(void *arg)
{
	const struct daemon *d = arg;

	pool_look_at_clouds(d->pool);
}

/* systemd restarts what has died at once and for ever, without a growing delay of its own. */
static void
wait_after_deaths(const struct store *store)
{
	unsigned deaths;
	int64_t delay = store_start_delay_ms(store, &deaths);
	struct timespec left = {delay / 1000, 0};
	AUTO(free) char *state = NULL;

	if (delay == 0)
		return;
	log_error(NULL,
		"%u starts in a row have died; this one waits for %" PRId64 " s",
		deaths, delay / 1000);
	state = xasprintf(
		"STATUS=%u starts have died, waiting\nEXTEND_TIMEOUT_USEC=%" PRId64,
		deaths, (delay + START_MS) * 1000);
	notify_send(state);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

static int
open_parts(struct daemon *d, struct err *err)
{
	uint64_t seed;

	d->loop = loop_new(err);
	if (d->loop == NULL)
		return -1;
	init_timers(d);
	d->store = store_open(d->conf->state_dir, err);
	if (d->store == NULL)
		return -1;
	wait_after_deaths(d->store);
	d->http = http_new(d->loop, "ec2workerd/" VERSION, err);
	if (d->http == NULL)
		return -1;
	d->ec2 = cloud_ec2_new(d->loop, d->http);
	crypto_random(&seed, sizeof(seed));
	d->pool = pool_new(
		&(struct pool_parts){
			.loop = d->loop,
			.store = d->store,
			.http = d->http,
			.maker = cloud_ec2_maker(d->ec2),
			.conf = d->conf,
			.seed = seed,
		},
		err);
	if (d->pool == NULL)
		return -1;
	cloud_ec2_watch(d->ec2, on_keys, d);
	return 0;
}

struct daemon *
daemon_new(const char *conf_path, struct conf *conf, struct err *err)
{
	struct daemon *d = NEW(struct daemon);

	d->conf_path = xstrdup(conf_path);
	d->conf = conf;
	d->started_wall = clock_wall_ms();
	if (open_parts(d, err) < 0) {
		daemon_free(d);
		return NULL;
	}
	return d;
}

void
daemon_start(struct daemon *d)
{
	static const struct {
		int number;
		loop_fn *fn;
	} wanted[DAEMON_SIGNALS] = {
		{SIGTERM, on_terminate},
		{SIGINT, on_terminate},
		{SIGHUP, on_hangup},
	};

	for (size_t n = 0; n < DAEMON_SIGNALS; n++)
		d->signals[n] = loop_signal_new(d->loop, wanted[n].number, wanted[n].fn,
			d);
	loop_set_commit(d->loop, on_commit, d);
	pool_start(d->pool);
	d->monitor = monitor_new(d);
	if (notify_watchdog_ms() > 0)
		loop_timer_in(&d->watchdog, notify_watchdog_ms());
	FP("start.before_ready");
	notify_send("READY=1");
}

int
daemon_run(struct daemon *d)
{
	loop_run(d->loop);
	return d->failed ? 1 : 0;
}

static void
collect_warnings(const struct conf_problems *problems, struct strings *warnings)
{
	const struct diags *ds = conf_problems_diags(problems);

	for (size_t n = 0; n < ds->count; n++) {
		AUTO(free)
		char *text = xasprintf("%u:%u: %s", ds->items[n].mark.line,
			ds->items[n].mark.col, ds->items[n].text);

		strings_add(warnings, text);
	}
}

int
daemon_log_level(const struct conf *conf, int64_t verbose)
{
	int64_t level = conf->log_level + verbose;

	return level < LOG_LEVEL_COUNT ? (int)level : LOG_LEVEL_COUNT - 1;
}

static void
swap_conf(struct daemon *d, struct conf *fresh, const struct daemon_reload *changes)
{
	struct conf *old = d->conf;
	AUTO(free)
	char *text = xasprintf("%zu added, %zu removed, %zu changed, %zu stale",
		changes->added.count, changes->removed.count, changes->changed.count,
		changes->stale.count);
	struct event event = {.type = EVENT_RELOAD, .by = "reload", .reason = text};

	d->conf = fresh;
	pool_reload(d->pool, fresh);
	if (d->monitor != NULL)
		monitor_take(d->monitor);
	log_set_level((enum log_level)daemon_log_level(fresh, d->verbose));
	event_emit(d->pool->events, NULL, &event);
	log_info(NULL, "configuration read again: %s", text);
	for (size_t n = 0; n < changes->stale.count; n++)
		log_warning(changes->stale.items[n],
			"what runs was made from the old configuration; the new one counts from its next start");
	for (size_t n = 0; n < changes->warnings.count; n++)
		log_warning(NULL, "%s", changes->warnings.items[n]);
	if (d->on_reloaded != NULL)
		d->on_reloaded(d->on_reloaded_arg);
	conf_free(old);
}

static void
drop_conf(struct daemon *d, struct conf *fresh)
{
	if (d->monitor != NULL)
		monitor_drop(d->monitor);
	conf_free(fresh);
}

int
daemon_reload(struct daemon *d, bool dry_run, struct daemon_reload *ret,
	struct conf_problems *problems, struct err *err)
{
	struct conf *fresh = conf_load(d->conf_path, problems);
	struct pool_change change = {&ret->added, &ret->removed, &ret->changed,
		&ret->stale, &ret->warnings};
	const char *key;

	if (fresh == NULL) {
		(void)diag_to_err(conf_problems_diags(problems), ERR_CONFIG, err);
		err->reason = REASON_CONFIG;
		return -1;
	}
	key = conf_restart_key(d->conf, fresh);
	if (key != NULL) {
		conf_free(fresh);
		err_set(err, ERR_CONFIG,
			"%s has changed, which only a restart can take over", key);
		err->reason = REASON_CONFIG;
		return -1;
	}
	FP("reload.before_swap");
	if (d->monitor != NULL &&
		monitor_prepare(d->monitor, fresh->metrics.listen, err) != 0) {
		conf_free(fresh);
		err->reason = REASON_CONFIG;
		return -1;
	}
	pool_compare(d->pool, fresh, &change);
	collect_warnings(problems, &ret->warnings);
	if (!dry_run)
		swap_conf(d, fresh, ret);
	else
		drop_conf(d, fresh);
	FP("reload.after_swap");
	return 0;
}

void
daemon_reload_fini(struct daemon_reload *r)
{
	strings_fini(&r->added);
	strings_fini(&r->removed);
	strings_fini(&r->changed);
	strings_fini(&r->stale);
	strings_fini(&r->warnings);
}

static void
leave(void *arg)
{
	struct daemon *d = arg;

	loop_stop(d->loop);
}

static void
on_settled(void *arg)
{
	struct daemon *d = arg;

	if (pool_living(d->pool) == 0)
		loop_poke(&d->leaving);
}

void
daemon_stop(struct daemon *d, const struct cause *cause)
{
	bool keep = d->conf->on_stop == CONF_STOP_KEEP;

	if (d->stopping)
		return;
	d->stopping = true;
	d->pool->stopping = true;
	log_info(NULL, "stopping, by %s: instances %s", cause->by,
		keep ? "stay" : "are terminated");
	notify_send("STOPPING=1");
	loop_poke_init(&d->leaving, d->loop, leave, d);
	if (keep) {
		loop_poke(&d->leaving);
		return;
	}
	pool_condemn_all(d->pool, &(struct cause){"on_stop", cause->by});
	d->pool->on_settled = on_settled;
	d->pool->on_settled_arg = d;
	loop_timer_init(&d->stop_limit, d->loop, leave, d);
	loop_timer_in(&d->stop_limit, STOP_LIMIT_MS);
	on_settled(d);
}

void
daemon_free(struct daemon *d)
{
	if (d == NULL)
		return;
	for (size_t n = 0; n < DAEMON_SIGNALS; n++)
		loop_signal_free(d->signals[n]);
	monitor_free(d->monitor);
	if (d->ec2 != NULL)
		cloud_ec2_watch(d->ec2, NULL, NULL);
	pool_free(d->pool);
	cloud_ec2_free(d->ec2);
	http_free(d->http);
	store_close(d->store);
	if (d->loop != NULL) {
		loop_timer_clear(&d->watchdog);
		loop_timer_clear(&d->commit_retry);
		loop_timer_clear(&d->stop_limit);
		loop_poke_clear(&d->leaving);
		loop_free(d->loop);
	}
	conf_free(d->conf);
	free(d->conf_path);
	free(d);
}
