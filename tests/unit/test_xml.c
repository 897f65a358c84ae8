/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes out of a document, in order, as one line per event; and which documents
 * are none.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/xml.h"

#include <stdlib.h>
#include <string.h>

static void
on_start(void *arg, const char *path)
{
	buf_printf(arg, "+%s\n", path);
}

static void
on_end(void *arg, const char *path, const char *text)
{
	buf_printf(arg, "-%s=%s\n", path, text);
}

static const struct xml_events events = {on_start, on_end};

static int
parse(const char *text, size_t len, struct buf *out, struct err *err)
{
	err_clear(err);
	return xml_parse(text, len, &events, out, err);
}

static const struct {
	int line;
	const char *text, *events;
} documents[] = {
	{__LINE__, "<a/>", "+a\n-a=\n"},
	{__LINE__, "<a></a>\n \n", "+a\n-a=\n"},
	{__LINE__, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>x</a>",
		"+a\n-a=x\n"},
	{__LINE__, "\xef\xbb\xbf<a>x</a>", "+a\n-a=x\n"},
	{__LINE__, "<a><b>1</b><b>2</b></a>", "+a\n+a/b\n-a/b=1\n+a/b\n-a/b=2\n-a=\n"},
	/* Text beside elements belongs to nobody. */
	{__LINE__, "<a>x<b>1</b>y</a>", "+a\n+a/b\n-a/b=1\n-a=\n"},
	{__LINE__, "<a>x<b/>y</a>", "+a\n+a/b\n-a/b=\n-a=\n"},
	/* A leaf's text is whole, whatever stands in it. */
	{__LINE__, "<a>1<![CDATA[<2>&]]>3<!-- no -->4<?pi no?>5&amp;&#x41;&lt;</a>",
		"+a\n-a=1<2>&345&A<\n"},
	{__LINE__, "<a> \r\n x\ty </a>", "+a\n-a= \n x\ty \n"},
	/* Names are local, attributes are skipped. */
	{__LINE__,
		"<r xmlns=\"http://ec2.example/doc/2016-11-15/\" id='1'><s>t</s></r>",
		"+r\n+r/s\n-r/s=t\n-r=\n"},
	{__LINE__, "<n:r xmlns:n='urn:x'><n:s/><s xmlns='urn:y'/></n:r>",
		"+r\n+r/s\n-r/s=\n+r/s\n-r/s=\n-r=\n"},
	{__LINE__, "<a>gr\xc3\xbc\xc3\x9f</a>", "+a\n-a=gr\xc3\xbc\xc3\x9f\n"},
	/* What is declared does not count: it is UTF-8. */
	{__LINE__, "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xc3\xbc</a>",
		"+a\n-a=\xc3\xbc\n"},
};

START_TEST(accepted)
{
	for (size_t i = 0; i < COUNT_OF(documents); i++) {
		AUTO(buf) struct buf out = {0};
		struct err err;

		ck_assert_msg(parse(documents[i].text, strlen(documents[i].text), &out,
				      &err) == 0,
			"line %d: %s", documents[i].line, err.text);
		ck_assert_msg(strcmp(buf_str(&out), documents[i].events) == 0,
			"line %d:\n%s", documents[i].line, out.data);
	}
}
END_TEST

static const struct {
	int line;
	const char *text, *words; /* which the error holds */
} refusals[] = {
	{__LINE__, "", "line 1, column 1: no element found"},
	{__LINE__, "  \n", "line 2, column 1: no element found"},
	{__LINE__, "hello", "column 1: syntax error"},
	{__LINE__, "{\"a\": 1}", "not well-formed (invalid token)"},
	{__LINE__, "<a>", "no element found"},
	{__LINE__, "<a><b></a>", "line 1, column 9: mismatched tag"},
	{__LINE__, "<a></a", "unclosed token"},
	{__LINE__, "<a/>\n<b/>", "line 2, column 1: junk after document element"},
	{__LINE__, "<a/>x", "junk after document element"},
	{__LINE__, "<a>\xff</a>", "not well-formed (invalid token)"},
	{__LINE__, "<a>\xc3</a>", "not well-formed (invalid token)"},
	{__LINE__, "<a>\xed\xa0\x80</a>",
		"not well-formed (invalid token)"}, /* a surrogate */
	{__LINE__, "<a>\xc0\x80</a>",
		"not well-formed (invalid token)"}, /* too long a NUL */
	{__LINE__, "<a>&#0;</a>", "reference to invalid character number"},
	{__LINE__, "<a>\x01</a>", "not well-formed (invalid token)"},
	{__LINE__, "<a>&x;</a>", "undefined entity"},
	{__LINE__, "<a><n:b/></a>", "unbound prefix"},
	{__LINE__, "<a x='1' x='2'/>", "duplicate attribute"},
	{__LINE__, "<!DOCTYPE html><html><body><br></body></html>",
		"a document type is not accepted"},
	{__LINE__, "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
		"line 1, column 13: a document type is not accepted"},
	{__LINE__,
		"<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
		"<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]><a>&c;</a>",
		"a document type is not accepted"},
	{__LINE__, "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
		"a document type is not accepted"},
	{__LINE__, "<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1/'> %p;]><a/>",
		"a document type is not accepted"},
};

START_TEST(refused)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		AUTO(buf) struct buf out = {0};
		struct err err;

		ck_assert_msg(parse(refusals[i].text, strlen(refusals[i].text), &out,
				      &err) == -1,
			"line %d", refusals[i].line);
		ck_assert_int_eq(err.code, ERR_PARSE);
		ck_assert_msg(strstr(err.text, refusals[i].words) != NULL,
			"line %d: %s", refusals[i].line, err.text);
	}
}
END_TEST

START_TEST(nuls)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {{"\xff\xfe<\0a\0/\0>\0", 10}, /* UTF-16 */
		{"<a>\0</a>", 8}, {"<a/>\0", 5}, {"<a/>\0x", 6}, {"\0", 1}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(buf) struct buf out = {0};
		struct err err;

		ck_assert_int_eq(parse(cases[i].text, cases[i].len, &out, &err), -1);
		ck_assert_int_eq(err.code, ERR_PARSE);
	}
}
END_TEST

/* A body that did not arrive whole is refused wherever it was cut. */
START_TEST(cut_anywhere)
{
	static const char text[] = "<?xml version='1.0'?>\n<a xmlns='urn:x'><b>1&lt;"
				   "<![CDATA[2]]></b><!-- c --><d e='f'/></a>";

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		AUTO(buf) struct buf out = {0};
		struct err err;

		ck_assert_msg(parse(text, len, &out, &err) == -1, "%zu", len);
	}
}
END_TEST

static void
add_levels(struct buf *b, size_t levels, bool close)
{
	for (size_t i = 0; i < levels; i++)
		buf_puts(b, "<d>");
	for (size_t i = 0; close && i < levels; i++)
		buf_puts(b, "</d>");
}

START_TEST(depth)
{
	static const struct {
		size_t levels;
		int rc;
	} cases[] = {{1, 0}, {XML_DEPTH_MAX, 0}, {XML_DEPTH_MAX + 1, -1},
		{1000000, -1}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(buf) struct buf text = {0};
		AUTO(buf) struct buf out = {0};
		struct err err;

		add_levels(&text, cases[i].levels, true);
		ck_assert_int_eq(parse(text.data, text.len, &out, &err), cases[i].rc);
		if (cases[i].rc < 0)
			ck_assert_ptr_nonnull(strstr(err.text, "too many levels"));
	}
}
END_TEST

/* The 65th level may be one that ends at once: nothing of it is told. */
START_TEST(depth_of_an_empty_element)
{
	AUTO(buf) struct buf text = {0};
	AUTO(buf) struct buf out = {0};
	struct err err;

	add_levels(&text, XML_DEPTH_MAX, false);
	buf_puts(&text, "<e/>");
	ck_assert_int_eq(parse(text.data, text.len, &out, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "too many levels"));
	ck_assert_ptr_null(strchr(out.data, 'e'));
	ck_assert_ptr_null(strchr(out.data, '-'));
}
END_TEST

START_TEST(path_length)
{
	for (size_t len = XML_PATH_MAX - 4; len < XML_PATH_MAX + 3; len++) {
		AUTO(buf) struct buf text = {0};
		AUTO(buf) struct buf out = {0};
		struct err err;
		/* "a/" and the name and the NUL */
		int want = len + 3 <= XML_PATH_MAX ? 0 : -1;

		buf_puts(&text, "<a><");
		for (size_t i = 0; i < len; i++)
			buf_putc(&text, 'n');
		buf_puts(&text, "/></a>");
		ck_assert_int_eq(parse(text.data, text.len, &out, &err), want);
		if (want < 0)
			ck_assert_ptr_nonnull(strstr(err.text, "names too long"));
	}
}
END_TEST

START_TEST(long_text_is_whole)
{
	AUTO(buf) struct buf text = {0};
	AUTO(buf) struct buf out = {0};
	struct err err;
	size_t count = 300000;

	buf_puts(&text, "<a>");
	for (size_t i = 0; i < count; i++)
		buf_puts(&text, "\xc3\xbc\n");
	buf_puts(&text, "</a>");
	ck_assert_int_eq(parse(text.data, text.len, &out, &err), 0);
	ck_assert_uint_eq(out.len, strlen("+a\n-a=\n") + 3 * count);
	ck_assert_mem_eq(out.data + 6, text.data + 3, 3 * count);
}
END_TEST

START_TEST(err_may_be_null)
{
	AUTO(buf) struct buf out = {0};

	ck_assert_int_eq(xml_parse("<a>", 3, &events, &out, NULL), -1);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("xml");
	TCase *tc = tcase_create("xml");

	tcase_add_test(tc, accepted);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, nuls);
	tcase_add_test(tc, cut_anywhere);
	tcase_add_test(tc, depth);
	tcase_add_test(tc, depth_of_an_empty_element);
	tcase_add_test(tc, path_length);
	tcase_add_test(tc, long_text_is_whole);
	tcase_add_test(tc, err_may_be_null);
	suite_add_tcase(suite, tc);
	return suite;
}
