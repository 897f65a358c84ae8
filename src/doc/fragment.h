/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fragments that documents are filled with, by name.
 */
#ifndef DOC_FRAGMENT_H
#define DOC_FRAGMENT_H

struct buf;
struct err;

/* A kind of fragment, for --help; ends with a name of NULL. */
struct fragment {
	const char *name;
	const char *arg; /* what its argument names, or NULL */
	const char *doc;
	int (*part)(const char *arg, struct buf *out); /* -1: no such argument */
	void (*whole)(struct buf *out);                /* for those without argument */
};
extern const struct fragment fragments[];

/* Appends one. arg: NULL for those without. -1 and ERR_INVALID if there is none such. */
int fragment_make(const char *name, const char *arg, struct buf *out, struct err *err);

/*
 * Copies a document and fills it. In a page, a line "@NAME ARG@" is replaced by the
 * fragment, and @SYSCONFDIR@ and its like inside a line by the path. In Markdown, what
 * stands between the lines "<!-- docgen: name arg -->" and "<!-- end -->" is. -1, and the
 * line in err, for a marker that is not understood.
 */
int fragment_fill(const char *text, struct buf *out, struct err *err);

#endif
