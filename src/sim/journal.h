/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was asked: every request with its parameters, signature and outcome, the newest
 * 10,000 of them (32 MiB at most), and how often each action was called since the reset.
 * One that is only tried has a name of its own: SIM_DRY_RUN and the action's.
 */
#ifndef SIM_JOURNAL_H
#define SIM_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_JOURNAL_MAX 10000
#define SIM_JOURNAL_BYTES (32 * 1024 * 1024)
#define SIM_DRY_RUN "DryRun:"

struct sim_journal;

/* A request; the strings are owned by the journal. */
struct sim_record {
	uint64_t seq; /* from 1 */
	int64_t wall_ms;
	const char *action; /* the journal's; NULL: unknown */
	char *text; /* method, target, authorization, body: four strings, each with its NUL */
	size_t body_len;
	char request_id[37];
	char code
		[40]; /* of the error that was answered, empty for none; cut when too long */
	int status;     /* 0: not yet, or no answer */
	bool done;      /* the action had its effect, whatever was answered */
	uint64_t fault; /* the rule that fired, 0 for none */
};

/* How often an action was called. */
struct sim_count {
	char *action; /* owned */
	uint64_t calls;
};

struct sim_journal *sim_journal_new(void);
void sim_journal_clear(struct sim_journal *j);
void sim_journal_free(struct sim_journal *j);
/*
 * A new record, for the caller to fill while no other is added: it keeps its seq and asks
 * again by it. action is copied; NULL: unknown.
 */
struct sim_record *sim_journal_add(struct sim_journal *j, const char *action,
	const char *const head[3], const char *body, size_t body_len);
/* The record of that number, or NULL when it is gone. */
struct sim_record *sim_journal_find(struct sim_journal *j, uint64_t seq);
/* The oldest that is kept; last + 1 when none is. */
uint64_t sim_journal_first(const struct sim_journal *j);
uint64_t sim_journal_last(const struct sim_journal *j);
/* The n-th of its strings. */
const char *sim_record_text(const struct sim_record *r, unsigned n);
/* Calls by action, in the order of their first call. */
const struct sim_count *sim_journal_counts(const struct sim_journal *j,
	size_t *ret_count);

#endif
