/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs as data: which method each calls, which words stand for which parameters, and
 * how the result looks. Options come from the method's rows.
 */
#ifndef CTL_VERB_H
#define CTL_VERB_H

#include "rpc/spec.h"

#include <jansson.h>

struct buf;
struct ctl;
struct verb;

/* Does the verb's work; the connection is open. Sets c->code. */
typedef void verb_run(struct ctl *c, const struct verb *v);
/* Appends the text of a result. */
typedef void verb_render(const struct ctl *c, const json_t *result, struct buf *out);

struct verb {
	const char *name;
	enum rpc_method method; /* RPC_METHOD_COUNT: none, or a word names it */
	verb_run *run;
	const char *words[3]; /* parameters that stand as words, in this order */
	bool optional;        /* of the last word */
	bool many;            /* the one word may be repeated, and may be a glob */
	const char *preset,
		*preset_value;        /* a parameter that is not left to the daemon */
	const struct fields *options; /* of its own, in struct ctl_options; or NULL */
	bool local;                   /* works without a daemon */
	bool hidden;                  /* for programs: in no help */
	verb_render *render;          /* NULL: nothing is said */
	const char *doc;              /* NULL: the method's */
	const char *example;          /* what stands behind the program's name */
};

extern const struct verb ctl_verbs[]; /* ends with a name of NULL */

/* NULL if there is none. */
const struct verb *verb_find(const char *name);
/* The verb whose name is nearest, or NULL. */
const char *verb_suggest(const char *name);
const char *verb_doc(const struct verb *v);
/* "up WORKER... [OPTION]..." */
void verb_usage(const struct verb *v, struct buf *out);
void verb_help(const struct verb *v, struct buf *out);
void verb_help_all(struct buf *out);

#endif
