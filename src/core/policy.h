/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least IAM policy with which a configuration works: what it starts, it may start with
 * the tag of its pool only, and what bears that tag it may end. So EC2 itself keeps a
 * broken daemon inside its pool.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

struct buf;
struct conf;
struct conf_worker;
struct strings;

/* The region that a worker means; the caller's. */
typedef char *policy_region(const struct conf *conf, const struct conf_worker *worker);

/*
 * Appends the policy as JSON, the same for the same configuration, and what a reader must
 * know besides to notes.
 */
void policy_make(const struct conf *conf, policy_region *region, struct buf *out,
	struct strings *notes);

#endif
