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

/* For smtp://; smtps:// is TLS from the beginning. Certificates are always verified. */
enum mail_starttls {
	MAIL_TLS_OPTIONAL, /* if the relay offers it and has a good certificate */
	MAIL_TLS_REQUIRED, /* also whenever there is a username */
	MAIL_TLS_OFF,
};

/* Borrowed for the call only. */
struct mail_relay {
	const char *url;                 /* smtp://host:port or smtps:// */
	const char *username, *password; /* NULL: no AUTH */
	const char *ca_file;
	enum mail_starttls starttls;
	int64_t total_ms; /* for the whole dialogue; 0: 120000 */
};

struct mail_message {
	const char *from;
	const char *const *to; /* bare addresses, at least one */
	size_t to_count;
	const char *subject;    /* UTF-8; control characters become blanks */
	const char *body;       /* UTF-8 text; cut after 256 KiB */
	const char *message_id; /* without <> */
	int64_t date_ms;        /* wall */
};

enum mail_outcome {
	MAIL_ACCEPTED,
	MAIL_LATER,   /* 4xx, network, login, unclear: again with the same Message-ID */
	MAIL_REFUSED, /* 5xx to this mail: not again */
};

/*
 * outcome: the best that any recipient got. text: the relay's words or the transport's,
 * in ASCII, borrowed.
 */
typedef void mail_done(void *arg, enum mail_outcome outcome, const char *text);

/* The whole message with CRLF line ends. Text that is not UTF-8 is mended. */
void mail_render(const struct mail_message *m, struct buf *out);
/*
 * Hands the message to the relay; http is borrowed and outlives the call. A bad address of ours or a recipient's is refused by
 * done, like one that the relay refuses.
 */
struct mail_call *mail_send(struct http *http, const struct mail_relay *relay,
	const struct mail_message *m, mail_done *done, void *arg);
/*
 * Within done: the outcome for the recipient at that place in m->to, and why (may be
 * NULL; borrowed).
 */
enum mail_outcome mail_recipient_outcome(const struct mail_call *call, size_t index,
	const char **ret_text);
/* Immediate and final: no callback. Within its own callback it does nothing. */
void mail_cancel(struct mail_call *call);

/*
 * One address as Buildbot takes it: a@b, <a@b>, Name <a@b>; the domain needs no dot; no
 * CR, LF or NUL. Copies the bare address to ret (size bytes). -1 if it is none.
 */
int mail_address(const char *text, char *ret, size_t size);

#endif
