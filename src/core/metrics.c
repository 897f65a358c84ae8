/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows, and how each number is found: most are read from what is there, so that they
 * cannot disagree with pool.status.
 */
#include "core/metrics.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/daemon.h"
#include "core/event.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/orphan.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/tally.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"

#include <string.h>

struct metric_walk {
	const struct metric *metric;
	metric_fn *fn;
	void *arg;
};

static void
say(struct metric_walk *w, double value)
{
	metric_say(w, NULL, NULL, value);
}

static void
read_build(struct metric_walk *w, const struct daemon *d)
{
	(void)d;
	metric_say(w, VERSION, NULL, 1);
}

static void
read_start(struct metric_walk *w, const struct daemon *d)
{
	say(w, (double)d->started_wall / 1000);
}

static void
read_epoch(struct metric_walk *w, const struct daemon *d)
{
	say(w, (double)store_meta(d->store)->epoch / 1000);
}

static void
read_healthy(struct metric_walk *w, const struct daemon *d)
{
	say(w, strcmp(health_word(d->pool->health), "down") != 0);
}

static void
read_conditions(struct metric_walk *w, const struct daemon *d)
{
	unsigned counts[CONDITION_COUNT] = {0};

	for (const struct episode *e = health_next(d->pool->health, NULL); e != NULL;
		e = health_next(d->pool->health, e))
		counts[e->condition]++;
	for (unsigned n = 0; n < CONDITION_COUNT; n++)
		metric_say(w, conditions[n].name, NULL, counts[n]);
}

static void
read_workers(struct metric_walk *w, const struct daemon *d)
{
	unsigned counts[WORKER_STATE_COUNT] = {0};

	for (const struct worker *one = pool_first(d->pool); one != NULL;
		one = pool_next(one))
		counts[worker_state(one)]++;
	for (unsigned n = 0; n < WORKER_STATE_COUNT; n++)
		metric_say(w, worker_state_name((enum worker_state)n), NULL, counts[n]);
}

static void
read_building(struct metric_walk *w, const struct daemon *d)
{
	unsigned count = 0;

	for (const struct worker *one = pool_first(d->pool); one != NULL;
		one = pool_next(one))
		count += one->building > 0;
	say(w, count);
}

static void
read_launches(struct metric_walk *w, const struct daemon *d)
{
	unsigned counts[LAUNCH_COUNT] = {0};

	for (const struct launch *l = d->pool->launches; l != NULL; l = l->hh.next)
		counts[l->phase]++;
	for (unsigned n = 0; n < LAUNCH_GONE; n++)
		metric_say(w, launch_phase_name((enum launch_phase)n), NULL, counts[n]);
}

static void
read_results(struct metric_walk *w, const struct daemon *d)
{
	for (unsigned n = 0; n < REASON_COUNT; n++) {
		const char *reason = err_reason_name((enum err_reason)n);

		metric_say(w, reason == NULL ? "good" : reason, NULL,
			(double)d->pool->tally->launches[n]);
	}
}

static void
read_instances(struct metric_walk *w, const struct daemon *d)
{
	unsigned counts[INSTANCE_COUNT] = {0};

	for (const struct instance *i = d->pool->instances; i != NULL; i = i->hh.next)
		counts[i->phase]++;
	for (unsigned n = 0; n < INSTANCE_GONE; n++)
		metric_say(w, instance_phase_name((enum instance_phase)n), NULL,
			counts[n]);
}

static void
read_outstanding(struct metric_walk *w, const struct daemon *d)
{
	unsigned count = 0;

	for (const struct instance *i = d->pool->instances; i != NULL; i = i->hh.next)
		count += i->phase == INSTANCE_CONDEMNED && !instance_is_dying(i);
	say(w, count);
}

static void
read_condemned(struct metric_walk *w, const struct daemon *d)
{
	int64_t age = 0, now = clock_ms();

	for (const struct instance *i = d->pool->instances; i != NULL; i = i->hh.next)
		if (i->phase == INSTANCE_CONDEMNED && now - i->condemned_ms > age)
			age = now - i->condemned_ms;
	say(w, (double)age / 1000);
}

static void
read_orphans(struct metric_walk *w, const struct daemon *d)
{
	unsigned counts[ORPHAN_COUNT] = {0};

	for (const struct orphan *o = orphans_first(d->pool->orphans); o != NULL;
		o = o->hh.next)
		counts[o->verdict]++;
	for (unsigned n = 0; n < ORPHAN_COUNT; n++)
		metric_say(w, orphan_verdict_name((enum orphan_verdict)n), NULL,
			counts[n]);
}

/* Of all clouds, those that a reload has ended among them. */
static void
sum_counts(const struct daemon *d, struct ec2_counts *sum)
{
	struct ec2_counts one;

	*sum = d->pool->tally->retired;
	for (const struct poller *p = d->pool->pollers; p != NULL; p = poller_next(p)) {
		cloud_counts(poller_cloud(p), &one);
		cloud_counts_add(sum, &one);
	}
}

static void
read_requests(struct metric_walk *w, const struct daemon *d)
{
	struct ec2_counts sum;

	sum_counts(d, &sum);
	for (unsigned n = 0; n < EC2_ACTION_COUNT; n++)
		metric_say(w, ec2_action_name((enum ec2_action)n), NULL,
			(double)sum.calls[n]);
}

static void
read_answers(struct metric_walk *w, const struct daemon *d)
{
	struct ec2_counts sum;

	sum_counts(d, &sum);
	for (unsigned n = 0; n < EC2_ACTION_COUNT; n++)
		for (unsigned v = 0; v < EC2_VERDICTS; v++)
			if (sum.answers[n][v] > 0)
				metric_say(w, ec2_action_name((enum ec2_action)n),
					ec2_verdict_name((enum verdict)v),
					(double)sum.answers[n][v]);
}

static void
read_throttled(struct metric_walk *w, const struct daemon *d)
{
	struct ec2_counts sum;

	sum_counts(d, &sum);
	say(w, (double)sum.throttled);
}

static void
read_lane(struct metric_walk *w, const struct daemon *d)
{
	struct ec2_counts sum;

	sum_counts(d, &sum);
	metric_say(w, "window", NULL, sum.window);
	metric_say(w, "in_flight", NULL, sum.in_flight);
	metric_say(w, "queued", NULL, sum.queued);
}

static void
read_events(struct metric_walk *w, const struct daemon *d)
{
	for (unsigned n = 0; n < EVENT_TYPE_COUNT; n++)
		metric_say(w, event_type_name((enum event_type)n), NULL,
			(double)events_count(d->pool->events, (enum event_type)n));
}

static void
read_mails(struct metric_walk *w, const struct daemon *d)
{
	const struct notice_counts *counts = notices_counts(d->pool->notices);

	metric_say(w, "spooled", NULL, (double)counts->spooled);
	metric_say(w, "accepted", NULL, (double)counts->accepted);
	metric_say(w, "put_off", NULL, (double)counts->put_off);
	metric_say(w, "dropped", NULL, (double)counts->dropped);
}

static void
read_spool(struct metric_walk *w, const struct daemon *d)
{
	say(w, (double)notices_count(d->pool->notices));
}

static void
read_commits(struct metric_walk *w, const struct daemon *d)
{
	metric_say(w, "good", NULL, (double)d->pool->tally->commits);
	metric_say(w, "failed", NULL, (double)d->pool->tally->commits_failed);
}

static void
read_turns(struct metric_walk *w, const struct daemon *d)
{
	say(w, (double)loop_stats(d->loop)->turns);
}

static void
read_busy(struct metric_walk *w, const struct daemon *d)
{
	say(w, (double)loop_stats(d->loop)->busy_ms / 1000);
}

static void
read_longest(struct metric_walk *w, const struct daemon *d)
{
	say(w, (double)loop_stats(d->loop)->longest_ms / 1000);
}

static void
read_log(struct metric_walk *w, const struct daemon *d)
{
	(void)d;
	say(w, (double)log_lost());
}

/* clang-format off */
const struct metric metrics[] = {
	{"build_info", METRIC_GAUGE, {"version"}, "Always 1; says which version runs.", read_build},
	{"start_time_seconds", METRIC_GAUGE, {NULL}, "When the daemon was started, in seconds since 1970.", read_start},
	{"ledger_epoch_seconds", METRIC_GAUGE, {NULL}, "When the ledger was made, in seconds since 1970.", read_epoch},
	{"healthy", METRIC_GAUGE, {NULL}, "1, or 0 while something keeps workers from coming up.", read_healthy},
	{"conditions", METRIC_GAUGE, {"kind"}, "What is wrong, by kind: how often.", read_conditions},
	{"workers", METRIC_GAUGE, {"state"}, "Workers by state.", read_workers},
	{"workers_building", METRIC_GAUGE, {NULL}, "Workers with a build on them.", read_building},
	{"launches", METRIC_GAUGE, {"phase"}, "Launches that are not over, by phase.", read_launches},
	{"launch_results_total", METRIC_COUNTER, {"result"}, "Launches that ended with an instance (good), and refusals by reason.", read_results},
	{"instances", METRIC_GAUGE, {"phase"}, "Instances that are not known to be gone, by phase.", read_instances},
	{"terminates_outstanding", METRIC_GAUGE, {NULL}, "Condemned instances that are not seen to shut down yet.", read_outstanding},
	{"condemned_age_seconds", METRIC_GAUGE, {NULL}, "For how many seconds the oldest of those that are not gone is condemned.", read_condemned},
	{"orphans", METRIC_GAUGE, {"verdict"}, "Instances with the pool's tags that nobody owns, by the collector's verdict.", read_orphans},
	{"ec2_requests_total", METRIC_COUNTER, {"action"}, "Requests that left, repeated ones too.", read_requests},
	{"ec2_answers_total", METRIC_COUNTER, {"action", "verdict"}, "What was concluded from each of them.", read_answers},
	{"ec2_throttled_total", METRIC_COUNTER, {NULL}, "Answers that asked for fewer requests.", read_throttled},
	{"ec2_launch_lane", METRIC_GAUGE, {"what"}, "RunInstances that may be under way, are, and wait for a place.", read_lane},
	{"events_total", METRIC_COUNTER, {"type"}, "Events by type.", read_events},
	{"mails_total", METRIC_COUNTER, {"what"}, "Mails that were written, taken by the relay, put off, and dropped.", read_mails},
	{"mails_spooled", METRIC_GAUGE, {NULL}, "Mails in the spool.", read_spool},
	{"ledger_commits_total", METRIC_COUNTER, {"result"}, "Turns whose changes were written, or could not be.", read_commits},
	{"loop_turns_total", METRIC_COUNTER, {NULL}, "Turns of the event loop.", read_turns},
	{"loop_busy_seconds_total", METRIC_COUNTER, {NULL}, "Seconds that turns took, without the waiting.", read_busy},
	{"loop_turn_longest_seconds", METRIC_GAUGE, {NULL}, "Seconds that the longest turn took.", read_longest},
	{"log_lines_lost_total", METRIC_COUNTER, {NULL}, "Log lines that could not be written.", read_log},
	{.name = NULL},
};
/* clang-format on */

const char *
metric_type_name(enum metric_type type)
{
	static const char *const names[METRIC_TYPE_COUNT] = {
		[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
	};

	return names[type];
}

void
metric_say(struct metric_walk *walk, const char *a, const char *b, double value)
{
	const char *const values[METRIC_LABELS] = {a, b};

	walk->fn(walk->arg, walk->metric, values, value);
}

void
metrics_walk(const struct daemon *d, metric_fn *fn, void *arg)
{
	struct metric_walk walk = {.fn = fn, .arg = arg};

	for (walk.metric = metrics; walk.metric->name != NULL; walk.metric++)
		walk.metric->read(&walk, d);
}

/* Milliseconds and counts both come out whole. */
static void
add_value(struct buf *out, double value)
{
	if (value > -1e15 && value < 1e15 && (double)(int64_t)value == value)
		buf_printf(out, "%.0f\n", value);
	else
		buf_printf(out, "%.3f\n", value);
}

/* As the format escapes the value of a label. */
static void
add_label(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			buf_putc(out, '\\');
		if (*value == '\n')
			buf_puts(out, "\\n");
		else
			buf_putc(out, *value);
	}
	buf_putc(out, '"');
}

struct text {
	struct buf *out;
	const struct metric *last; /* whose head is written */
};

static void
add_text(void *arg, const struct metric *m, const char *const *values, double value)
{
	struct text *t = arg;

	if (t->last != m)
		buf_printf(t->out,
			"# HELP " METRIC_PREFIX "%s %s\n# TYPE " METRIC_PREFIX
			"%s %s\n",
			m->name, m->doc, m->name, metric_type_name(m->type));
	t->last = m;
	buf_printf(t->out, METRIC_PREFIX "%s", m->name);
	for (size_t n = 0; n < METRIC_LABELS && m->labels[n] != NULL; n++) {
		buf_putc(t->out, n == 0 ? '{' : ',');
		add_label(t->out, m->labels[n], values[n]);
	}
	buf_puts(t->out, m->labels[0] == NULL ? " " : "} ");
	add_value(t->out, value);
}

void
metrics_text(const struct daemon *d, struct buf *out)
{
	struct text text = {.out = out};

	metrics_walk(d, add_text, &text);
}
