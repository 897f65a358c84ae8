/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the text of one line to JSON, and from JSON to the nodes that field tables read;
 * and small helpers for building replies.
 */
#ifndef RPC_JSON_H
#define RPC_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct node;

#define JSON_DEPTH_MAX 32 /* of lists and objects in a request */

/* jansson aborts like all of us when memory is short. Once, before anything else. */
void json_use_xalloc(void);

/*
 * Any JSON value, or NULL and ERR_PARSE with the place: not JSON (RFC 8259), doubled keys,
 * NUL in a string, a number that fits no int64 or double, more than JSON_DEPTH_MAX levels.
 */
json_t *json_parse(const char *text, size_t len, struct err *err);

/* The same tree as nodes, without marks. The caller's. */
struct node *json_to_node(const json_t *value);

/* Appends without blanks. */
void json_print(const json_t *value, struct buf *out);

/* A string that is shown to others: what is no UTF-8 in it becomes U+FFFD. NULL is null. */
json_t *json_text(const char *text);
/* What AWS said; null if code is NULL or empty. */
json_t *json_aws(const char *code, const char *message, const char *request_id);
/* RFC 3339; 0 is null. */
json_t *json_time(int64_t wall_ms);

static inline void
auto_json(json_t **value)
{
	json_decref(*value);
}

#endif
