/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes from a line of text, for tests below any real parser. Flow style alone:
 * {a: b, c: [d, "e f"]}. What is malformed ends the test program.
 */
#ifndef FLOW_H
#define FLOW_H

struct node;

/* Bare words are NODE_PLAIN, as a YAML file has them. Caller frees. */
struct node *flow_yaml(const char *text);
/* Bare words are JSON's numbers, booleans and null. */
struct node *flow_json(const char *text);

#endif
