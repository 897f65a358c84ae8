/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's events to nodes with marks. One document; at most 1 MiB and 16 levels;
 * aliases, anchors, tags and duplicate keys are errors, each with its place.
 */
#ifndef SYS_YAML_H
#define SYS_YAML_H

#include <stddef.h>

struct diags;
struct node;

#define YAML_SIZE_MAX (1024u * 1024u)
#define YAML_DEPTH_MAX 16u

/* NULL if the text could not be read to its end; ds says why. An empty document is an empty map. */
struct node *yaml_parse(const char *text, size_t len, struct diags *ds);

#endif
