/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expat's events by path of local names. Stops at a DOCTYPE, at 64 levels and at bad
 * UTF-8; namespaces are dropped; the text of a leaf arrives whole.
 */
#ifndef SYS_XML_H
#define SYS_XML_H

#include <stddef.h>

struct err;

#define XML_DEPTH_MAX 64u
#define XML_PATH_MAX 1024u /* bytes of a path, NUL included; longer ones are an error */

struct xml_events {
	/* An element begins; path is "Root/a/item". */
	void (*on_start)(void *arg, const char *path);
	/*
	 * An element ends; text is its own character data, "" if it had children or
	 * none.
	 */
	void (*on_end)(void *arg, const char *path, const char *text);
};

/*
 * 0 if the document was well-formed, closed, and nothing but white space followed. It
 * must be UTF-8, whatever it declares. Comments, attributes and processing instructions
 * are skipped. On -1 what was reported before must be thrown away. ERR_PARSE, with the
 * place.
 */
int xml_parse(const char *text, size_t len, const struct xml_events *events, void *arg,
	struct err *err);

#endif
