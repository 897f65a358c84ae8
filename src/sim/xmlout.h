/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the elements of a reply. Whatever a client sent can stand in a text: it comes
 * back to the reader of XML as it was, save what XML cannot say, which becomes U+FFFD.
 */
#ifndef SIM_XMLOUT_H
#define SIM_XMLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct strmap;

#define SIM_XML_DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

void sim_xml_open(struct buf *out, const char *name);
void sim_xml_close(struct buf *out, const char *name);
/* <name>text</name>; nothing at all when text is NULL, <name/> when it is empty. */
void sim_xml_text(struct buf *out, const char *name, const char *text);
void sim_xml_int(struct buf *out, const char *name, int64_t value);
void sim_xml_bool(struct buf *out, const char *name, bool value);
/* 2026-01-31T10:15:00.000Z */
void sim_xml_time(struct buf *out, const char *name, int64_t wall_ms);
/* <set><item><key/><value/></item>...</set>; nothing when the map is empty. */
void sim_xml_map(struct buf *out, const char *set, const struct strmap *map,
	const char *key, const char *value);

#endif
