/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides what a message looks like on the wire: headers of RFC 5322 and MIME, encoded words
 * where ASCII is not enough, the body quoted-printable. Whatever text comes in, no line of it
 * can become a header, and no line is too long.
 */
#include "sys/mail.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#define SUBJECT_MAX 400u
#define BODY_MAX (256u << 10)
#define SUBJECT_LINE_MAX 66u /* with "Subject: " in front within 76 */
#define WORD_MAX 51u         /* encoded text in one word: 63 with its frame */
#define QP_LINE_MAX 75u      /* and one for the soft break */

/* What stands for a byte that is no text. */
#define REPLACEMENT "\xef\xbf\xbd"

/* The next character of text, as bytes that are well-formed. */
struct piece {
	const char *bytes;
	size_t len;
	uint32_t character;
};

static size_t
next_piece(const char *text, size_t len, struct piece *ret)
{
	size_t n = utf8_next(text, len, &ret->character);

	if (n == 0) {
		*ret = (struct piece){REPLACEMENT, 3, 0xfffd};
		return 1;
	}
	ret->bytes = text;
	ret->len = n;
	return n;
}

/* Addresses and ids: nothing that could end the line or the token. */
static void
add_token(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text > ' ' && *text <= '~' && *text != '<' && *text != '>')
			buf_putc(out, *text);
}

static void
add_date(struct buf *out, int64_t wall_ms)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	/* Not strftime, which follows the locale. */
	buf_printf(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d +0000\r\n",
		days + (ptrdiff_t)3 * tm.tm_wday, tm.tm_mday,
		months + (ptrdiff_t)3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour,
		tm.tm_min, tm.tm_sec);
}

static void
add_recipients(struct buf *out, const struct mail_message *m)
{
	buf_puts(out, "To: ");
	for (size_t i = 0; i < m->to_count; i++) {
		if (i > 0)
			buf_puts(out, ",\r\n ");
		add_token(out, m->to[i]);
	}
	buf_puts(out, "\r\n");
}

static bool
is_plain_subject(const char *text)
{
	if (strlen(text) > SUBJECT_LINE_MAX || strstr(text, "=?") != NULL ||
		text[strspn(text, " ")] == '\0')
		return false;
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static bool
is_word_safe(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		(c >= 'A' && c <= 'Z') ||
		(c != '\0' && strchr("-.,:/()+*!", c) != NULL);
}

/* RFC 2047's Q: no character is torn between two words. */
static void
add_encoded_words(struct buf *out, const char *text)
{
	size_t left = strlen(text), used = 0;

	buf_puts(out, "=?UTF-8?Q?");
	while (left > 0) {
		struct piece p;
		size_t n = next_piece(text, left, &p);

		if (used + 3 * p.len > WORD_MAX) {
			buf_puts(out, "?=\r\n =?UTF-8?Q?");
			used = 0;
		}
		for (size_t i = 0; i < p.len; i++) {
			unsigned char c = (unsigned char)p.bytes[i];
			size_t before = out->len;

			if (c == ' ')
				buf_putc(out, '_');
			else if (is_word_safe(c))
				buf_putc(out, (char)c);
			else
				buf_printf(out, "=%02X", (unsigned)c);
			used += out->len - before;
		}
		text += n;
		left -= n;
	}
	buf_puts(out, "?=");
}

static void
add_subject(struct buf *out, const char *subject)
{
	AUTO(buf) struct buf clean = {0};
	size_t left = strlen(subject);

	if (left > SUBJECT_MAX)
		left = utf8_cut(subject, SUBJECT_MAX);
	while (left > 0) {
		struct piece p;
		size_t n = next_piece(subject, left, &p);

		if (utf8_is_control(p.character))
			buf_putc(&clean, ' ');
		else
			buf_add(&clean, p.bytes, p.len);
		subject += n;
		left -= n;
	}
	buf_puts(out, "Subject: ");
	if (clean.len == 0 || is_plain_subject(buf_str(&clean)))
		buf_puts(out, buf_str(&clean));
	else
		add_encoded_words(out, buf_str(&clean));
	buf_puts(out, "\r\n");
}

/* One line of quoted-printable as it grows. */
struct qp {
	struct buf *out;
	size_t column;
};

static void
qp_newline(struct qp *qp)
{
	buf_puts(qp->out, "\r\n");
	qp->column = 0;
}

static void
qp_break(struct qp *qp)
{
	buf_putc(qp->out, '=');
	qp_newline(qp);
}

/* verbatim: as it stands; else escaped. */
static void
qp_byte(struct qp *qp, unsigned char c, bool verbatim)
{
	if (qp->column + (verbatim ? 1 : 3) > QP_LINE_MAX)
		qp_break(qp);
	/* A dot alone in its line would end the message. */
	if (verbatim && (c != '.' || qp->column > 0)) {
		buf_putc(qp->out, (char)c);
		qp->column++;
	} else {
		buf_printf(qp->out, "=%02X", (unsigned)c);
		qp->column += 3;
	}
}

/* at_end: the line ends behind it, where a blank would be lost. */
static void
qp_character(struct qp *qp, const struct piece *p, bool at_end)
{
	bool verbatim = p->character >= ' ' && p->character <= '~' &&
		p->character != '=';

	if (p->character == '\t' || p->character == ' ')
		verbatim = !at_end;
	for (size_t i = 0; i < p->len; i++)
		qp_byte(qp, (unsigned char)p->bytes[i], verbatim);
}

static bool
is_line_end(const char *text, size_t left)
{
	return left == 0 || *text == '\n' || *text == '\r';
}

static void
add_quoted(struct buf *out, const char *text, size_t left)
{
	struct qp qp = {.out = out};

	while (left > 0) {
		struct piece p;
		size_t n = next_piece(text, left, &p);

		if (p.character == '\r' && left > 1 && text[1] == '\n')
			n = 2;
		text += n;
		left -= n;
		if (p.character == '\n' || p.character == '\r') {
			qp_newline(&qp);
			continue;
		}
		if (utf8_is_control(p.character) && p.character != '\t')
			p = (struct piece){REPLACEMENT, 3, 0xfffd};
		qp_character(&qp, &p, is_line_end(text, left));
	}
	if (qp.column > 0)
		qp_newline(&qp);
}

static void
add_body(struct buf *out, const char *body)
{
	size_t len = strlen(body), kept = len;
	AUTO(buf) struct buf note = {0};

	if (len > BODY_MAX)
		kept = utf8_cut(body, BODY_MAX);
	add_quoted(out, body, kept);
	if (kept == len)
		return;
	buf_printf(&note, "[%zu more bytes are left out here]\n", len - kept);
	add_quoted(out, note.data, note.len);
}

void
mail_render(const struct mail_message *m, struct buf *out)
{
	add_date(out, m->date_ms);
	buf_puts(out, "From: ");
	add_token(out, m->from);
	buf_puts(out, "\r\n");
	add_recipients(out, m);
	add_subject(out, m->subject);
	buf_puts(out, "Message-ID: <");
	add_token(out, m->message_id);
	buf_puts(out,
		">\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n"
		"\r\n");
	add_body(out, m->body);
}
