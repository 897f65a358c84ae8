/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frozen request of a launch: made once before `reserved` (L1), kept with references
 * instead of secrets, and rebuilt to the same bytes for every send (L4).
 */
#ifndef CORE_LAUNCH_FREEZE_H
#define CORE_LAUNCH_FREEZE_H

struct buf;
struct err;
struct launch;
struct placement;
struct worker;

/* Fills the frozen members of a new launch. ERR_CONFIG, reason config. */
int launch_freeze(struct launch *l, const struct worker *w, const struct placement *at,
	struct err *err);
/*
 * Appends the body that a launch of w would have there, for trying whether it is allowed:
 * without a token, user data, and the tag that tells launches apart.
 */
void launch_trial(const struct worker *w, const struct placement *at, struct buf *out);
/*
 * Appends the finished body, secrets filled in. ERR_INTERNAL if its digest is not the
 * recorded one: then it must not be sent.
 */
int launch_thaw(const struct launch *l, struct buf *body, struct err *err);

#endif
