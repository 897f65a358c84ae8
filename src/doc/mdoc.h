/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text as mdoc(7) source: whatever it holds, it is shown and not obeyed.
 */
#ifndef DOC_MDOC_H
#define DOC_MDOC_H

struct buf;

/* Running text: a source line for each sentence, wrapped, with a newline at its end. */
void mdoc_text(struct buf *out, const char *text);
/* One argument of a macro, quoted. */
void mdoc_arg(struct buf *out, const char *text);
/* "Macro argument" and a newline. */
void mdoc_line(struct buf *out, const char *macro, const char *argument);

#endif
