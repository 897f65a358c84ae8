/* SPDX-License-Identifier: Apache-2.0 */
/* What the door /_sim/ tells, as JSON. All return new references. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include <jansson.h>
#include <stdint.h>

struct sim_bids;
struct sim_cloud;
struct sim_faults;
struct sim_instance;
struct sim_journal;
struct sim_prices;

/*
 * {instances: [{id, state, worker, tags, launched_at, ended_at, billed_seconds, ...}]}.
 * ended_at is when it began to end; billed_seconds the time in running, to the
 * millisecond; charged_seconds the same as EC2 charges it: each run rounded up, and 60 s
 * at least. states: [{state, at}] are all it was in, runs: [{from, to}] what is billed,
 * to null while it goes on. Volumes and addresses stand beside them, paid from made_at to ended_at: a
 * volume with made_by, available, is what a launch has left behind. Spot requests are
 * those of RequestSpotInstances; an open one may still start an instance.
 */
json_t *sim_report_ledger(const struct sim_cloud *cloud, const struct sim_bids *bids);
/* One of them. */
json_t *sim_report_instance(const struct sim_instance *i);
/* {ACTION: n}; "?" for what is no action. */
json_t *sim_report_calls(const struct sim_journal *journal);
/* {first, last, requests: [...]}: those after `since`, at most `limit`. */
json_t *sim_report_requests(struct sim_journal *journal, uint64_t since,
	uint64_t limit);
/* [{type, zone, product, price, at}], the oldest first. */
json_t *sim_report_prices(const struct sim_prices *prices);
/* [{id, matched, fired, action, effect, ...}] */
json_t *sim_report_faults(const struct sim_faults *faults);

#endif
