/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users see of a worker, computed from what is wanted and what is there.
 */
#ifndef CORE_WORKER_VIEW_H
#define CORE_WORKER_VIEW_H

#include "core/worker.h"

enum worker_state worker_state(const struct worker *w);
const char *worker_state_name(enum worker_state state);
/* WORKER_STATE_COUNT if there is none of that name. */
enum worker_state worker_state_find(const char *name);
/* "placing", "sending", "pending", ...; NULL when down. */
const char *worker_phase_name(const struct worker *w);
/* Wanted, but waiting for what is left of an earlier generation. */
bool worker_is_queued(const struct worker *w);
/* The instance to show: the wanted one, else the one on its way out, else NULL. */
const struct instance *worker_instance(const struct worker *w);
/* The instance of a generation that is not gone yet, or NULL. */
const struct instance *worker_instance_of(const struct worker *w, int64_t generation);
/* Since when the worker is in its present phase (wall ms). */
int64_t worker_since(const struct worker *w);
/* The next deadline: its kind ("missing_timeout", ...) and wall time; NULL if none. */
const char *worker_next_deadline(const struct worker *w, int64_t *ret_wall);
bool worker_is_wanted(const struct worker *w);
/* An instance runs that was made from another configuration than the present one. */
bool worker_is_stale(const struct worker *w);
/* Removed from the configuration and nothing is left of it: no one sees it any more. */
bool worker_is_hidden(const struct worker *w);

#endif
