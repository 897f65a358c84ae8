/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be wrong, and what is counted, as mdoc.
 */
#ifndef DOC_MONITOR_H
#define DOC_MONITOR_H

struct buf;

/* Each condition, what it means, and what to do. */
void monitor_conditions(struct buf *out);
/* Each number, of what it is, and its kind. */
void monitor_metrics(struct buf *out);

#endif
