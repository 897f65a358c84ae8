/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text to a tree of nodes, so that struct field reads scenarios and fault rules. */
#ifndef SIM_JSON_H
#define SIM_JSON_H

#include <stddef.h>

struct err;
struct node;

/* Gives jansson our allocators; before its first use. */
void sim_json_init(void);
/* NULL and err with the place. Depth at most 32, no name twice, any value at the top. */
struct node *sim_json_parse(const char *text, size_t len, struct err *err);

#endif
