/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RPC interface as mdoc: methods, the objects in their results, errors, limits, events.
 */
#ifndef DOC_METHODS_H
#define DOC_METHODS_H

struct buf;

/* A subsection for each method: role, parameters, result. */
void methods_list(struct buf *out);
/* A subsection for each object that results are made of. */
void methods_objects(struct buf *out);
/* Code, word and sentences for each kind of error. */
void methods_errors(struct buf *out);
void methods_limits(struct buf *out);
/* The types of events that are sent. */
void methods_events(struct buf *out);

#endif
