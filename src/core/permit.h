/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether keys may launch, and end what they launch. DryRun of RunInstances and of
 * TerminateInstances asks on a cloud's first launch, and the latter once more about the
 * first instance; only a refusal for want of permission counts. So does EC2's final word
 * on real calls. A refusal stops the launches of the whole credential set, in all its
 * clouds, until what was refused is allowed. Terminates go on. Kept in memory only.
 */
#ifndef CORE_PERMIT_H
#define CORE_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

struct cloud;
struct ec2_answer;
struct err;
struct instance;
struct launch;
struct permits;
struct placement;
struct pool;
struct worker;

/* No instance has this id: what a terminate is tried on as long as the pool has none. */
#define PERMIT_NOBODY "i-00000000000000000"

enum permit_answer {
	PERMIT_GOOD,   /* nothing is known against it */
	PERMIT_ASKING, /* workers that wait for a place look again when it is answered */
	PERMIT_LATER,  /* somebody's launch decides: err, and when to look again */
	PERMIT_REFUSED, /* err */
};

struct permits *permits_new(struct pool *pool);
void permits_free(struct permits *all);
/* May the keys of this cloud launch? Nothing is asked. */
enum permit_answer permits_check(const struct permits *all, const struct cloud *cloud,
	int64_t *ret_again_ms, struct err *err);
/*
 * The same before a launch of w there is reserved: what has not been asked yet is asked. A
 * question that gets no answer in ten seconds, or none that says anything, keeps nothing
 * from being launched.
 */
enum permit_answer permits_ask(struct permits *all, struct cloud *cloud,
	const struct worker *w, const struct placement *at, int64_t *ret_again_ms,
	struct err *err);
/* An answer is still awaited there. */
bool permits_is_asking(const struct permits *all, const struct cloud *cloud);
/* A launch is reserved there. */
void permits_trying(struct permits *all, const struct cloud *cloud);
/* EC2's final word on a launch: refused for want of permission or good keys; or started. */
void permits_launch_refused(struct permits *all, const struct launch *l,
	const struct err *err);
void permits_launched(struct permits *all, const struct launch *l);
/* Its keys have been refused since that moment (boottime). */
bool permits_refused_since(const struct permits *all, const struct cloud *cloud,
	int64_t since_ms);
/* An instance runs: a terminate can be tried on it. */
void permits_running(struct permits *all, const struct instance *i);
/*
 * What became of a real terminate. A refusal counts at once if nothing else runs there;
 * otherwise DryRun about another instance decides, for this one alone may be out of reach.
 */
void permits_terminated(struct permits *all, const struct instance *i,
	const struct ec2_answer *a);
/* The configuration may be another: what was refused is asked anew by the next launch. */
void permits_reload(struct permits *all);
/* The cloud goes. */
void permits_forget(struct permits *all, const struct cloud *cloud);

#endif
