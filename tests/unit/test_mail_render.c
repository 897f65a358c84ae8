/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is rendered is parsed back by a reader of our own: lines, headers, encoded words and
 * quoted-printable, as RFC 5322, 2045 and 2047 have them.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "sys/mail.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const one_recipient[] = {"admin@example.org"};

static struct mail_message
message_with(const char *subject, const char *body)
{
	return (struct mail_message){
		.from = "ec2workerd@example.org",
		.to = one_recipient,
		.to_count = 1,
		.subject = subject,
		.body = body,
		.message_id = "abc.1@pool",
		.date_ms = INT64_C(784111777000),
	};
}

/* Every line ends in CRLF, is short enough, is ASCII, and none begins with a dot. */
static void
check_lines(const struct buf *mail)
{
	const char *line = mail->data, *end = mail->data + mail->len;

	ck_assert_uint_eq(strlen(mail->data), mail->len);
	while (line < end) {
		const char *newline = strchr(line, '\n');

		ck_assert_ptr_nonnull(newline);
		ck_assert_int_eq(newline[-1], '\r');
		ck_assert_int_le(newline - 1 - line, 76);
		ck_assert_int_ne(*line, '.');
		for (const char *c = line; c < newline - 1; c++)
			ck_assert((*c >= ' ' && *c <= '~') || *c == '\t');
		line = newline + 1;
	}
}

static int
hex_digit(char c)
{
	const char *digits = "0123456789ABCDEF", *at = strchr(digits, c);

	ck_assert(c != '\0' && at != NULL);
	return (int)(at - digits);
}

static char
unescape(const char *at)
{
	return (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
}

/* The unfolded value of a header, "" if there is none. */
static char *
header_of(const struct buf *mail, const char *name)
{
	struct buf value = {0};
	const char *line = mail->data;

	while (strncmp(line, "\r\n", 2) != 0) {
		const char *end = strstr(line, "\r\n");

		if (strncasecmp(line, name, strlen(name)) == 0 &&
			line[strlen(name)] == ':') {
			const char *from = line + strlen(name) + 1;

			buf_add(&value, from, (size_t)(end - from));
			while (end[2] == ' ') {
				line = end + 2;
				end = strstr(line, "\r\n");
				buf_add(&value, line, (size_t)(end - line));
			}
			ck_assert_int_eq(value.data[0], ' ');
			buf_drop(&value, 1);
			break;
		}
		line = end + 2;
	}
	return buf_take(&value);
}

static int
count_headers(const struct buf *mail)
{
	const char *line = mail->data;
	int count = 0;

	while (strncmp(line, "\r\n", 2) != 0) {
		count += *line != ' ';
		line = strstr(line, "\r\n") + 2;
	}
	return count;
}

/* Joins encoded words, between which white space counts for nothing. */
static char *
decode_words(const char *value)
{
	struct buf text = {0};

	while (*value != '\0') {
		const char *end;

		if (strncmp(value, "=?", 2) != 0) {
			buf_putc(&text, *value++);
			continue;
		}
		ck_assert_int_eq(strncmp(value, "=?UTF-8?Q?", 10), 0);
		end = strstr(value + 10, "?=");
		ck_assert_ptr_nonnull(end);
		ck_assert_int_le(end + 2 - value, 75);
		{
			size_t begin = text.len;

			for (const char *c = value + 10; c < end; c++) {
				if (*c == '=') {
					buf_putc(&text, unescape(c));
					c += 2;
				} else {
					buf_putc(&text, *c == '_' ? ' ' : *c);
				}
			}
			ck_assert(utf8_valid(text.data + begin, text.len - begin));
		}
		value = end + 2;
		if (strncmp(value, " =?", 3) == 0)
			value++;
	}
	return buf_take(&text);
}

/* Line ends become \n. */
static char *
decode_body(const struct buf *mail)
{
	struct buf text = {0};
	const char *c = strstr(mail->data, "\r\n\r\n") + 4;

	while (*c != '\0') {
		if (strncmp(c, "=\r\n", 3) == 0) {
			c += 3;
		} else if (*c == '=') {
			buf_putc(&text, unescape(c));
			c += 3;
		} else if (strncmp(c, "\r\n", 2) == 0) {
			/* What a relay may strip must not be there. */
			ck_assert(c[-1] != ' ' && c[-1] != '\t');
			buf_putc(&text, '\n');
			c += 2;
		} else {
			buf_putc(&text, *c++);
		}
	}
	return buf_take(&text);
}

START_TEST(test_headers)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
		{"Date", "Sun, 06 Nov 1994 08:49:37 +0000"},
		{"From", "ec2workerd@example.org"},
		{"To", "admin@example.org, second@example.org, root@localhost"},
		{"Subject", "pool linux-master: bot1 is missing"},
		{"Message-ID", "<abc.1@pool>"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	};
	static const char *const to[] = {"admin@example.org", "second@example.org",
		"root@localhost"};
	struct mail_message m = message_with("pool linux-master: bot1 is missing",
		"x\n");
	struct buf mail = {0};

	m.to = to;
	m.to_count = COUNT_OF(to);
	mail_render(&m, &mail);
	check_lines(&mail);
	ck_assert_int_eq(count_headers(&mail), COUNT_OF(rows));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(free) char *value = header_of(&mail, rows[i].name);

		ck_assert_str_eq(value, rows[i].value);
	}
	buf_fini(&mail);
}
END_TEST

#define TEN "0123456789"
#define EURO "\xe2\x82\xac"
#define LOST "\xef\xbf\xbd"

static const struct {
	const char *subject;
	const char *raw;     /* the header's value; NULL: encoded */
	const char *decoded; /* NULL: the subject */
	int line;
} subjects_rows[] = {
	{"bot1 is missing", "bot1 is missing", NULL, __LINE__},
	{"", "", NULL, __LINE__},
	{" ", NULL, NULL, __LINE__},
	{"a?b=c_d", "a?b=c_d", NULL, __LINE__},
	{"=?UTF-8?Q?evil?=", NULL, NULL, __LINE__},
	{"caf\xc3\xa9", "=?UTF-8?Q?caf=C3=A9?=", NULL, __LINE__},
	{"two\r\nBcc: thief@example.org", "two  Bcc: thief@example.org",
		"two  Bcc: thief@example.org", __LINE__},
	{"tab\there\x1b[31m", "tab here [31m", "tab here [31m", __LINE__},
	{"c1 \xc2\x9b control", "c1   control", "c1   control", __LINE__},
	{"bad \xff byte", NULL, "bad " LOST " byte", __LINE__},
	{TEN TEN TEN TEN TEN TEN "123456", TEN TEN TEN TEN TEN TEN "123456", NULL,
		__LINE__},
	{TEN TEN TEN TEN TEN TEN "1234567", NULL, NULL, __LINE__},
	{EURO EURO EURO EURO EURO EURO EURO EURO EURO EURO EURO EURO EURO EURO, NULL,
		NULL, __LINE__},
	{TEN EURO TEN " " EURO TEN "\xf0\x9f\x90\xa7" TEN EURO "?" TEN, NULL, NULL,
		__LINE__},
};

START_TEST(test_subjects)
{
	struct mail_message m = message_with(subjects_rows[_i].subject, "x\n");
	struct buf mail = {0};
	AUTO(free) char *raw, *decoded;
	const char *expected = subjects_rows[_i].decoded;

	mail_render(&m, &mail);
	check_lines(&mail);
	ck_assert_int_eq(count_headers(&mail), 9);
	raw = header_of(&mail, "Subject");
	decoded = decode_words(raw);
	if (subjects_rows[_i].raw != NULL)
		ck_assert_str_eq(raw, subjects_rows[_i].raw);
	else
		ck_assert_int_eq(strncmp(raw, "=?UTF-8?Q?", 10), 0);
	ck_assert_msg(strcmp(decoded,
			      expected != NULL ? expected
					       : subjects_rows[_i].subject) == 0,
		"line %d: %s", subjects_rows[_i].line, raw);
	buf_fini(&mail);
}
END_TEST

START_TEST(test_long_subject_is_cut)
{
	struct buf subject = {0}, mail = {0};
	struct mail_message m;
	AUTO(free) char *raw, *decoded;

	for (int i = 0; i < 1000; i++)
		buf_puts(&subject, EURO);
	m = message_with(buf_str(&subject), "x\n");
	mail_render(&m, &mail);
	check_lines(&mail);
	raw = header_of(&mail, "Subject");
	decoded = decode_words(raw);
	ck_assert_uint_eq(strlen(decoded), 399);
	ck_assert_int_eq(strncmp(decoded, subject.data, 399), 0);
	buf_fini(&subject);
	buf_fini(&mail);
}
END_TEST

static const struct {
	const char *body;
	const char *encoded; /* NULL: not looked at */
	const char *decoded; /* NULL: the body */
	int line;
} bodies_rows[] = {
	{"hello\n", "hello\r\n", NULL, __LINE__},
	{"", "", NULL, __LINE__},
	{"no newline", "no newline\r\n", "no newline\n", __LINE__},
	{"\n\n", "\r\n\r\n", NULL, __LINE__},
	{"dos\r\nunix\nmac\rend", "dos\r\nunix\r\nmac\r\nend\r\n",
		"dos\nunix\nmac\nend\n", __LINE__},
	{"a = b\n", "a =3D b\r\n", NULL, __LINE__},
	{"blank \ntab\t\n", "blank=20\r\ntab=09\r\n", NULL, __LINE__},
	{"blank ", "blank=20\r\n", "blank \n", __LINE__},
	{"in  the\tmiddle\n", "in  the\tmiddle\r\n", NULL, __LINE__},
	{".\n..\na.b\n", "=2E\r\n=2E.\r\na.b\r\n", NULL, __LINE__},
	{"caf\xc3\xa9\n", "caf=C3=A9\r\n", NULL, __LINE__},
	{"\x1b[31mred\x07\x7f\n", NULL, LOST "[31mred" LOST LOST "\n", __LINE__},
	{"bad \xff\xc3\n", NULL, "bad " LOST LOST "\n", __LINE__},
	{TEN TEN TEN TEN TEN TEN TEN "12345\n", TEN TEN TEN TEN TEN TEN TEN "12345\r\n",
		NULL, __LINE__},
	{TEN TEN TEN TEN TEN TEN TEN "123456\n",
		TEN TEN TEN TEN TEN TEN TEN "12345=\r\n6\r\n", NULL, __LINE__},
	{TEN TEN TEN TEN TEN TEN TEN "12345.\n", NULL, NULL, __LINE__},
	{TEN TEN TEN TEN TEN TEN TEN "1234=\n", NULL, NULL, __LINE__},
	{TEN TEN TEN TEN TEN TEN TEN "123 \n", NULL, NULL, __LINE__},
};

START_TEST(test_bodies)
{
	struct mail_message m = message_with("s", bodies_rows[_i].body);
	struct buf mail = {0};
	AUTO(free) char *decoded;
	const char *expected = bodies_rows[_i].decoded, *body;

	mail_render(&m, &mail);
	check_lines(&mail);
	body = strstr(mail.data, "\r\n\r\n") + 4;
	decoded = decode_body(&mail);
	if (bodies_rows[_i].encoded != NULL)
		ck_assert_str_eq(body, bodies_rows[_i].encoded);
	ck_assert_msg(strcmp(decoded,
			      expected != NULL ? expected : bodies_rows[_i].body) == 0,
		"line %d: %s", bodies_rows[_i].line, body);
	buf_fini(&mail);
}
END_TEST

/* FAULTS M9: a megabyte of reason. */
START_TEST(test_long_body_is_cut)
{
	struct buf body = {0}, mail = {0};
	struct mail_message m;
	AUTO(free) char *decoded;

	for (int i = 0; i < (1 << 20) / 3; i++)
		buf_puts(&body, EURO);
	m = message_with("s", buf_str(&body));
	mail_render(&m, &mail);
	check_lines(&mail);
	decoded = decode_body(&mail);
	ck_assert_uint_lt(strlen(decoded), (256 << 10) + 100);
	ck_assert_ptr_nonnull(
		strstr(decoded, EURO "\n[786432 more bytes are left out here]\n"));
	ck_assert(utf8_valid(decoded, strlen(decoded)));
	buf_fini(&body);
	buf_fini(&mail);
}
END_TEST

/* Nothing in an address or an id can begin a header. */
START_TEST(test_tokens_cannot_inject)
{
	static const char *const to[] = {"a@b>\r\nBcc: x@y", "c@d\nX: y"};
	struct mail_message m = message_with("s", "b\n");
	struct buf mail = {0};
	AUTO(free) char *value;

	m.from = "me@here\r\nBcc: thief@example.org";
	m.to = to;
	m.to_count = COUNT_OF(to);
	m.message_id = "id\r\n\r\nbody> <";
	mail_render(&m, &mail);
	check_lines(&mail);
	ck_assert_int_eq(count_headers(&mail), 9);
	value = header_of(&mail, "Message-ID");
	ck_assert_str_eq(value, "<idbody>");
	buf_fini(&mail);
}
END_TEST

/* Random bytes of a nasty alphabet: always well-formed, and all text survives. */
START_TEST(test_random_text)
{
	static const char *const parts[] = {"a", " ", "\n", "\r", "\r\n", ".", "=",
		"\t", EURO, "\xf0\x9f\x90\xa7", "\xff", "\x01", "?", "=?", "Bcc: x",
		TEN};
	struct rng rng;

	rng_seed(&rng, (uint64_t)_i);
	for (int round = 0; round < 200; round++) {
		struct buf text = {0}, mail = {0}, again = {0};
		struct mail_message m;
		AUTO(free) char *decoded, *raw, *subject;

		for (uint64_t n = rng_below(&rng, 200); n > 0; n--)
			buf_puts(&text, parts[rng_below(&rng, COUNT_OF(parts))]);
		m = message_with(buf_str(&text), buf_str(&text));
		mail_render(&m, &mail);
		check_lines(&mail);
		ck_assert_int_eq(count_headers(&mail), 9);
		raw = header_of(&mail, "Subject");
		subject = decode_words(raw);
		ck_assert(utf8_valid(subject, strlen(subject)));
		/* What was decoded is rendered to the same message again. */
		decoded = decode_body(&mail);
		m = message_with(buf_str(&text), decoded);
		mail_render(&m, &again);
		ck_assert_int_eq(strcmp(mail.data, again.data), 0);
		buf_fini(&text);
		buf_fini(&mail);
		buf_fini(&again);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("mail_render");
	TCase *tc = tcase_create("render");

	tcase_add_test(tc, test_headers);
	tcase_add_loop_test(tc, test_subjects, 0, COUNT_OF(subjects_rows));
	tcase_add_test(tc, test_long_subject_is_cut);
	tcase_add_loop_test(tc, test_bodies, 0, COUNT_OF(bodies_rows));
	tcase_add_test(tc, test_long_body_is_cut);
	tcase_add_test(tc, test_tokens_cannot_inject);
	tcase_add_loop_test(tc, test_random_text, 1, 6);
	suite_add_tcase(suite, tc);
	return suite;
}
