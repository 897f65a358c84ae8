/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: {{ name }} is filled in, all else stands as it is. "{{" that is meant
 * literally is written {{ "{{" }}.
 */
#ifndef BASE_TMPL_H
#define BASE_TMPL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct tmpl;

/*
 * A value for a name; NULL if the name is unknown. Borrowed until the next call.
 */
typedef const char *tmpl_lookup(void *arg, const char *name);

/*
 * Parses. Returns NULL and err (with the line and column inside the text) if it is not
 * well-formed.
 */
struct tmpl *tmpl_parse(const char *text, struct err *err);
/* Every name must be known to lookup: -1 and err names the unknown one and its line. */
int tmpl_check(const struct tmpl *t, tmpl_lookup *lookup, void *arg, struct err *err);
/* Appends the filled-in text. -1 and err if a name is unknown. */
int tmpl_render(const struct tmpl *t, tmpl_lookup *lookup, void *arg, struct buf *out,
	struct err *err);
bool tmpl_uses(const struct tmpl *t, const char *name);

/*
 * As tmpl_render, but the one name `secret` stays a reference, so that the result can
 * be kept on disk: tmpl_thaw puts the value in later. The form is tmpl's own: 0x01 'S'
 * stands for the secret, 0x01 '1' for a byte 0x01 of the text.
 */
int tmpl_freeze(const struct tmpl *t, tmpl_lookup *lookup, void *arg,
	const char *secret, struct buf *out, struct err *err);
/*
 * -1 if frozen is not what tmpl_freeze makes. secret may be NULL only if it is not
 * referred to.
 */
int tmpl_thaw(const char *frozen, const char *secret, struct buf *out);

void tmpl_free(struct tmpl *t);

#endif
