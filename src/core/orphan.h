/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The orphan collector: instances, unattached volumes and spot requests that carry our
 * pool's tag and are in no row. Each has a verdict; only one of them leads to an end, and
 * only through EC2.md 14's eight conditions. HOLD begins and ends by instances alone.
 */
#ifndef CORE_ORPHAN_H
#define CORE_ORPHAN_H

#include "core/types.h"

struct accepted_set;
struct ec2_instance;
struct ec2_leftover;
struct orphans;
struct pool;
struct poller;
struct worker;

enum orphan_kind {
	ORPHAN_INSTANCE,
	ORPHAN_VOLUME,
	ORPHAN_REQUEST, /* of spot */
	ORPHAN_KIND_COUNT
};

/* Why it still lives. The first that holds. */
enum orphan_verdict {
	ORPHAN_SELF,       /* the machine we run on */
	ORPHAN_ASIDE,      /* its worker's rows were set aside */
	ORPHAN_CONFIGURED, /* a volume that the configuration names */
	ORPHAN_COPIED, /* a launch of ours is in its tags, but not that launch's token */
	ORPHAN_UNTAGGED, /* not all of our tags, or none that we would write */
	ORPHAN_FOREIGN,  /* another ledger's */
	ORPHAN_NEWER, /* of an epoch or generation that this ledger has not reached */
	ORPHAN_KEPT,  /* a volume that is not to go by itself */
	ORPHAN_YOUNG, /* younger than orphans.grace */
	ORPHAN_ONCE,  /* not in two listings an interval apart yet */
	ORPHAN_HELD,  /* HOLD is on */
	ORPHAN_REPORTED, /* orphans.action is report */
	ORPHAN_RIPE,     /* looked at once more, then condemned */
	ORPHAN_COUNT
};

/* One sighting. All strings owned. */
struct orphan {
	char *id;
	enum orphan_kind kind;
	char *state, *type, *zone, *worker, *launch, *token, *lineage;
	char *instance,
		*price; /* that a request has started, and that it pays at most */
	int64_t size;   /* GiB of a volume */
	int64_t generation, epoch;
	int64_t launched_wall; /* or made; 0: not known */
	int64_t first_wall;    /* first listed */
	enum orphan_verdict verdict;

	struct poller *poller; /* borrowed; it forgets us before it goes */
	int64_t first_ms;  /* boottime of the start of the first listing that had it */
	int64_t began_ms;  /* of the latest one */
	bool copied;       /* the tags are not its own */
	bool accepted;     /* an admin has seen it and ended the HOLD; accepted.h */
	bool ordered;      /* an admin wants its end */
	bool ordered_kept; /* even if it was to be kept */
	bool disposable;   /* a volume of a launch of which nothing was to stay */
	bool ending;       /* the look under way is the last before its end */
	struct orphans *all;
	struct pool *pool; /* borrowed */
	struct ec2_call *look;
	struct loop_outbox written; /* leftover.c's: its end is in the history */
	UT_hash_handle hh;
};

/* "instance", "volume", "spot_request" */
const char *orphan_kind_name(enum orphan_kind kind);
const char *orphan_verdict_name(enum orphan_verdict verdict);
/* A sentence for people. */
const char *orphan_verdict_doc(enum orphan_verdict verdict);

struct orphans *orphans_new(struct pool *pool);
void orphans_free(struct orphans *all);
/* Of all clouds; ->hh.next leads on. */
const struct orphan *orphans_first(const struct orphans *all);

/*
 * A listing that began at began_ms (boottime) has it, alive, and no row does. copied: its
 * launch tag is that of a launch of ours which it is not.
 */
void orphans_seen(struct orphans *all, struct poller *poller,
	const struct ec2_instance *seen, int64_t began_ms, bool copied);
/* The same of a volume that nothing has, or of a spot request; of no launch that lives. */
void orphans_left(struct orphans *all, struct poller *poller, enum orphan_kind kind,
	const struct ec2_leftover *seen, int64_t began_ms);
/*
 * That listing, of all of a kind, was whole and has been applied: what it does not have is
 * forgotten, the rest judged.
 */
void orphans_listed(struct orphans *all, struct poller *poller, enum orphan_kind kind,
	int64_t began_ms);
/* NULL if it is not among them. */
struct orphan *orphans_find(const struct orphans *all, const char *id);
/* orphan_judge.c: at this moment; the ledger is not asked. */
enum orphan_verdict orphan_judge(const struct orphan *o);
/* An admin may end it, whatever else holds; kept: also what is not to go by itself. */
bool orphan_is_orderable(const struct orphan *o, bool kept);
/* Now, after the last look: ordered, or as ripe as before it. */
bool orphan_may_end(const struct orphan *o);
/* The poller goes. */
void orphans_forget(struct orphans *all, const struct poller *poller);

/*
 * An instance of this name may be asked for: that poller's cloud has been listed since the
 * start, and none is alive that no row knows, as it would be of a ledger that was lost or
 * is an old copy. -1: not now, and why; worker_may_launch_again comes when that changes.
 */
int orphans_allow(const struct orphans *all, const struct poller *poller,
	const char *worker, struct err *err);
/* What orphans_accept has said so far, for the ledger. */
struct accepted_set *orphans_accepted(const struct orphans *all);
/* By an admin: HOLD is over for what is seen now, whatever restarts. */
void orphans_accept(struct orphans *all);
/*
 * By an admin: what this ledger has launched ends now, HOLD, age and brake
 * notwithstanding; kept: volumes that are not to go by themselves too. How many that were.
 */
size_t orphans_terminate(struct orphans *all, bool kept, const struct cause *cause);

#endif
