/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines as mdoc: options of programs, verbs of the client.
 */
#ifndef DOC_USAGE_H
#define DOC_USAGE_H

struct buf;
struct opts;
struct verb;

/* The options of a program, or NULL if it is none of ours. */
const struct opts *usage_find(const char *program);
/* ".Op Fl c Ar FILE" for each option. */
void usage_synopsis(const struct opts *set, struct buf *out);
/* The options as a list; nothing at all if there are none. */
void usage_options(const struct opts *set, struct buf *out);
/* ctl_verbs as a list, each with its own options. */
void usage_verbs(struct buf *out);

#endif
