/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phase tables of worker, launch and instance as graphs.
 */
#ifndef DOC_PHASES_H
#define DOC_PHASES_H

struct buf;

/* For Markdown: a Mermaid flowchart for each machine. */
void phases_mermaid(struct buf *out);
/* One graph for dot(1), a cluster for each machine. */
void phases_dot(struct buf *out);

#endif
