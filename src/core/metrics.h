/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers about the whole, a row each: /metrics, daemon.metrics and the manual are made
 * from these rows. No worker, instance or key is named by any of them, so their count does
 * not grow with the pool.
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include <stdint.h>

#define METRIC_PREFIX "ec2workerd_"
#define METRIC_LABELS 2

struct buf;
struct daemon;
struct metric_walk;

enum metric_type {
	METRIC_COUNTER, /* only grows, until the daemon starts anew */
	METRIC_GAUGE,
	METRIC_TYPE_COUNT
};

/* Reads the present values and gives them to metric_say. */
typedef void metric_read(struct metric_walk *walk, const struct daemon *d);

struct metric {
	const char *name; /* METRIC_PREFIX stands before it */
	enum metric_type type;
	const char *labels[METRIC_LABELS]; /* names, or NULL */
	const char *doc;                   /* a sentence, with the unit */
	metric_read *read;
};

/* Ends with a row without a name. */
extern const struct metric metrics[];

/* values: of the labels, in their order; borrowed for the call. */
typedef void metric_fn(void *arg, const struct metric *metric,
	const char *const *values, double value);
/* All values, row by row. */
void metrics_walk(const struct daemon *d, metric_fn *fn, void *arg);
/* Within metric_read: one value. a, b: of the labels, or NULL where there are none. */
void metric_say(struct metric_walk *walk, const char *a, const char *b, double value);

/* "counter", "gauge" */
const char *metric_type_name(enum metric_type type);
/* All as Prometheus reads it (text format 0.0.4). */
void metrics_text(const struct daemon *d, struct buf *out);

#endif
