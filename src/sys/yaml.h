/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's events to nodes with marks. One document; at most 1 MiB and 16 levels;
 * aliases, anchors, tags, merge keys and duplicate keys are errors, each with its
 * place.
 */
#ifndef SYS_YAML_H
#define SYS_YAML_H

#include <stddef.h>

struct diags;
struct node;

#define YAML_SIZE_MAX (1024u * 1024u)
#define YAML_DEPTH_MAX 16u
#define YAML_ERRORS_MAX 100u /* after so many the rest is not read */

/*
 * NULL if the text could not be read to its end; ds says why. A tree with errors in ds
 * is for finding more of them: what was refused (the value of an alias, a pair with a
 * list as its key) is left out of it, of equal keys all are there. An empty document is
 * an empty map; plain scalars are NODE_PLAIN, quoted and block scalars NODE_STRING.
 */
struct node *yaml_parse(const char *text, size_t len, struct diags *ds);

#endif
