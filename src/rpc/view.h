/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the core knows, as the JSON of replies and events. Each function makes a new value,
 * the caller's, of the shape that schema.c documents.
 */
#ifndef RPC_VIEW_H
#define RPC_VIEW_H

#include <jansson.h>

struct err;
struct event;
struct fields;
struct instance;
struct strings;
struct worker;

json_t *view_worker(const struct worker *w);
/* As view_worker, with timeline and configuration. */
json_t *view_worker_whole(const struct worker *w);
/* NULL is null. */
json_t *view_instance(const struct instance *i);
json_t *view_event(const struct event *e);
/* ERR_NONE is null. */
json_t *view_error(const struct err *err);
json_t *view_strings(const struct strings *list);
/* A struct by its rows, in the file's syntax, without what is secret or private. */
json_t *view_fields(const struct fields *table, const void *obj);

#endif
