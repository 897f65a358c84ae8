/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expat as a source of paths and texts. It decides what is not worth reading on: a
 * document type (so no entity can ever be declared), too many levels, too long a path.
 */
#include "sys/xml.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <expat.h>

/* Between namespace and local name. No local name can hold it. */
#define NAMESPACE_END '\n'

struct reader {
	const struct xml_events *events;
	void *arg;
	XML_Parser parser;
	const char *refused;        /* why we stopped the parser, or NULL */
	size_t depth;               /* elements that are open */
	size_t ends[XML_DEPTH_MAX]; /* length of the path outside each of them */
	size_t path_len;
	char path[XML_PATH_MAX];
	bool leaf;       /* nothing has ended since the last element began */
	struct buf text; /* of that element */
};

static void
refuse(struct reader *r, const char *why)
{
	r->refused = why;
	XML_StopParser(r->parser, XML_FALSE);
}

static const char *
local_name(const char *name)
{
	const char *end = strrchr(name, NAMESPACE_END);

	return end != NULL ? end + 1 : name;
}

/* Adds "/name", or "name" for the root. */
static int
path_enter(struct reader *r, const char *name)
{
	size_t slash = r->depth > 0 ? 1 : 0, len = strlen(name);

	if (len + slash >= sizeof(r->path) - r->path_len)
		return -1;
	r->ends[r->depth++] = r->path_len;
	if (slash > 0)
		r->path[r->path_len] = '/';
	memcpy(r->path + r->path_len + slash, name, len + 1);
	r->path_len += slash + len;
	return 0;
}

static void
path_leave(struct reader *r)
{
	r->path_len = r->ends[--r->depth];
	r->path[r->path_len] = '\0';
}

static void XMLCALL
on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;

	(void)attributes;
	if (r->refused != NULL) /* expat may end what it is at after it was stopped */
		return;
	if (r->depth == XML_DEPTH_MAX) {
		refuse(r, "too many levels");
		return;
	}
	if (path_enter(r, local_name(name)) < 0) {
		refuse(r, "names too long");
		return;
	}
	r->leaf = true;
	buf_clear(&r->text);
	r->events->on_start(r->arg, r->path);
}

static void XMLCALL
on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;

	(void)name;
	if (r->refused != NULL)
		return;
	r->events->on_end(r->arg, r->path, r->leaf ? buf_str(&r->text) : "");
	path_leave(r);
	r->leaf = false;
}

static void XMLCALL
on_text(void *arg, const XML_Char *text, int len)
{
	struct reader *r = arg;

	if (r->refused == NULL && r->leaf)
		buf_add(&r->text, text, (size_t)len);
}

static void XMLCALL
on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
	const XML_Char *public_id, int has_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_subset;
	refuse(arg, "a document type is not accepted");
}

static XML_Parser
parser_new(struct reader *r)
{
	static const XML_Memory_Handling_Suite memory = {xmalloc, xrealloc, free};
	static const char namespace_end[] = {NAMESPACE_END, '\0'};
	XML_Parser parser = XML_ParserCreate_MM("UTF-8", &memory, namespace_end);

	if (parser == NULL) /* our allocators do not fail: expat could not even begin */
		mem_exhausted();
	XML_SetUserData(parser, r);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	XML_SetStartDoctypeDeclHandler(parser, on_doctype);
	return parser;
}

static int
fail(const struct reader *r, struct err *err)
{
	const char *why = r->refused;

	if (why == NULL)
		why = XML_ErrorString(XML_GetErrorCode(r->parser));
	return err_set(err, ERR_PARSE, "XML, line %lu, column %lu: %s",
		(unsigned long)XML_GetCurrentLineNumber(r->parser),
		(unsigned long)XML_GetCurrentColumnNumber(r->parser) + 1, why);
}

int
xml_parse(const char *text, size_t len, const struct xml_events *events, void *arg,
	struct err *err)
{
	struct reader r = {.events = events, .arg = arg};
	int rc = 0;

	if (len > INT_MAX)
		return err_set(err, ERR_PARSE, "XML: %zu bytes are too many", len);
	/* expat would read UTF-16 in spite of what we tell it; its markup is full of NULs. */
	if (len > 0 && memchr(text, '\0', len) != NULL)
		return err_set(err, ERR_PARSE, "XML: not UTF-8 (there is a NUL in it)");
	r.parser = parser_new(&r);
	if (XML_Parse(r.parser, text, (int)len, 1) != XML_STATUS_OK)
		rc = fail(&r, err);
	XML_ParserFree(r.parser);
	buf_wipe_fini(&r.text); /* it may have been a secret */
	return rc;
}
