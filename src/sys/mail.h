/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail: rendering a message (RFC 5322, MIME, quoted-printable) and handing it to one
 * SMTP relay by libcurl on the loop. Knows no spool and no retry.
 */
#ifndef SYS_MAIL_H
#define SYS_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct http;
struct mail_call;

enum mail_starttls { MAIL_TLS_OPTIONAL, MAIL_TLS_REQUIRED, MAIL_TLS_OFF };

/* Borrowed for the call only. */
struct mail_relay {
	const char *url;                 /* smtp://host:port or smtps:// */
	const char *username, *password; /* NULL: no AUTH */
	const char *ca_file;
	enum mail_starttls starttls;
};

struct mail_message {
	const char *from;
	const char *const *to; /* bare addresses */
	size_t to_count;
	const char *subject;    /* UTF-8; control characters become blanks */
	const char *body;       /* UTF-8 text */
	const char *message_id; /* without <> */
	int64_t date_ms;        /* wall */
};

enum mail_outcome {
	MAIL_ACCEPTED,
	MAIL_LATER,   /* 4xx, network, unclear: again with the same Message-ID */
	MAIL_REFUSED, /* 5xx: not again */
};

/* text: the relay's words or the transport's, borrowed. */
typedef void mail_done(void *arg, enum mail_outcome outcome, const char *text);

/* The whole message with CRLF line ends. */
void mail_render(const struct mail_message *m, struct buf *out);
struct mail_call *mail_send(struct http *http, const struct mail_relay *relay,
	const struct mail_message *m, mail_done *done, void *arg);
void mail_cancel(struct mail_call *call);

/*
 * One address as Buildbot takes it: a@b, <a@b>, Name <a@b>; the domain needs no dot; no
 * CR, LF or NUL. Copies the bare address to ret (size bytes). -1 if it is none.
 */
int mail_address(const char *text, char *ret, size_t size);

#endif
