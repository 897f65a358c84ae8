/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides how a mail is handed to the relay and what its answers mean. libcurl connects,
 * encrypts and logs in; the dialogue from MAIL to QUIT is ours, for libcurl 7.88 waits
 * for the answers to the final dot and to QUIT without looking at the loop (measured).
 */
#include "sys/mail.h"
#include "base/buf.h"
#include "base/mem.h"
#include "sys/http.h"
#include "sys/loop.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_SIZE 384
#define REPLY_TEXT_SIZE 256
#define REPLY_LINE_MAX 8192u
#define READ_SIZE 4096
#define CONNECT_MS 10000L
#define TOTAL_MS 120000

/* Whose reply comes next. */
enum stage {
	STAGE_LOGIN,     /* greeting, EHLO, STARTTLS, AUTH: libcurl's business */
	STAGE_SENDER,    /* MAIL FROM */
	STAGE_RECIPIENT, /* RCPT TO, one after the other */
	STAGE_DATA,
	STAGE_MESSAGE, /* the final dot */
	STAGE_OVER,    /* the relay has had its last word */
	STAGE_BROKEN,  /* it has not, and will not */
};

struct recipient {
	char address[ADDRESS_SIZE]; /* empty: it is none */
	int code;                   /* the relay's, 0 before its reply */
	char text[REPLY_TEXT_SIZE];
};

struct mail_call {
	struct http *http; /* borrowed, outlives us */
	struct http_call *transfer;
	CURL *easy; /* borrowed from transfer */
	struct loop_fd *watch;
	struct loop_timer limit;
	mail_done *done;
	void *arg;
	bool completing;

	char *url, *username, *ca_file;
	struct secret password;
	enum mail_starttls starttls;
	int64_t total_ms;
	char sender[ADDRESS_SIZE]; /* empty: it is none */
	struct recipient *recipients;
	size_t recipient_count;
	struct buf message;

	enum stage stage;
	size_t at; /* the recipient whose reply comes next */
	struct buf out;
	size_t out_pos; /* its first bytes have left */
	struct buf in;  /* at most one unfinished line and one read */
	int code;       /* of the last reply, 0 before the first */
	char text[REPLY_TEXT_SIZE];
	char error[CURL_ERROR_SIZE];
};

static void
call_free(struct mail_call *call)
{
	loop_timer_clear(&call->limit);
	loop_fd_free(call->watch);
	http_cancel(call->transfer);
	free(call->url);
	free(call->username);
	free(call->ca_file);
	secret_fini(&call->password);
	free(call->recipients);
	buf_fini(&call->message);
	buf_fini(&call->out);
	buf_fini(&call->in);
	free(call);
}

/* A relay that wants a login may take the same mail after one. RFC 4954, 6. */
static bool
is_about_login(int code)
{
	return code >= 530 && code <= 538;
}

static enum mail_outcome
outcome_of(int code)
{
	if (code / 100 == 2)
		return MAIL_ACCEPTED;
	return code / 100 == 5 && !is_about_login(code) ? MAIL_REFUSED : MAIL_LATER;
}

/* What all good recipients share: the answer to sender, DATA or the final dot. */
static enum mail_outcome
common_outcome(const struct mail_call *call)
{
	if (call->sender[0] == '\0')
		return MAIL_REFUSED;
	return call->stage == STAGE_OVER ? outcome_of(call->code) : MAIL_LATER;
}

enum mail_outcome
mail_recipient_outcome(const struct mail_call *call, size_t index,
	const char **ret_text)
{
	const struct recipient *r = &call->recipients[index];
	const char *text = call->text;
	enum mail_outcome outcome = common_outcome(call);

	if (r->address[0] == '\0') {
		text = r->text;
		outcome = MAIL_REFUSED;
	} else if (r->code != 0 && r->code / 100 != 2) {
		text = r->text;
		outcome = outcome_of(r->code);
	}
	if (ret_text != NULL)
		*ret_text = text;
	return outcome;
}

/* The best of all, and the words that belong to it. */
static enum mail_outcome
best_outcome(const struct mail_call *call, const char **ret_text)
{
	enum mail_outcome best = mail_recipient_outcome(call, 0, ret_text);

	for (size_t i = 1; i < call->recipient_count; i++) {
		const char *text;
		enum mail_outcome outcome = mail_recipient_outcome(call, i, &text);

		if (outcome < best) {
			best = outcome;
			*ret_text = text;
		}
	}
	return best;
}

static void
complete(struct mail_call *call)
{
	const char *text;
	enum mail_outcome outcome = best_outcome(call, &text);

	call->completing = true;
	call->done(call->arg, outcome, text);
	call_free(call);
}

/* Keeps what can be shown anywhere. */
static void
set_text(char *to, size_t size, const char *from, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++)
		if (from[i] != '\r' && from[i] != '\n')
			to[n++] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[n] = '\0';
}

static void
break_off(struct mail_call *call, const char *why)
{
	set_text(call->text, sizeof(call->text), why, strlen(why));
	call->stage = STAGE_BROKEN;
}

/* The next good recipient from `from` on. */
static size_t
next_recipient(const struct mail_call *call, size_t from)
{
	while (from < call->recipient_count &&
		call->recipients[from].address[0] == '\0')
		from++;
	return from;
}

static bool
is_any_accepted(const struct mail_call *call)
{
	for (size_t i = 0; i < call->recipient_count; i++)
		if (call->recipients[i].code / 100 == 2)
			return true;
	return false;
}

/* RCPT for the recipient whose turn it is, or DATA after the last. */
static void
say_next_recipient(struct mail_call *call, size_t from)
{
	call->at = next_recipient(call, from);
	if (call->at < call->recipient_count) {
		call->stage = STAGE_RECIPIENT;
		buf_printf(&call->out, "RCPT TO:<%s>\r\n",
			call->recipients[call->at].address);
	} else if (is_any_accepted(call)) {
		call->stage = STAGE_DATA;
		buf_puts(&call->out, "DATA\r\n");
	} else {
		call->stage = STAGE_OVER;
	}
}

/* The message has no line that begins with a dot: mail_render sees to that. */
static void
say_message(struct mail_call *call)
{
	call->stage = STAGE_MESSAGE;
	buf_add(&call->out, call->message.data, call->message.len);
	buf_puts(&call->out, ".\r\n");
}

/* A whole reply is in code and text; which one follows from those before. */
static void
take_reply(struct mail_call *call)
{
	struct recipient *r;

	switch (call->stage) {
	case STAGE_SENDER:
		if (call->code / 100 == 2)
			say_next_recipient(call, 0);
		else
			call->stage = STAGE_OVER;
		break;
	case STAGE_RECIPIENT:
		r = &call->recipients[call->at];
		r->code = call->code;
		memcpy(r->text, call->text, sizeof(r->text));
		say_next_recipient(call, call->at + 1);
		break;
	case STAGE_DATA:
		if (call->code == 354)
			say_message(call);
		else
			call->stage = STAGE_OVER;
		break;
	case STAGE_MESSAGE: call->stage = STAGE_OVER; break;
	case STAGE_LOGIN:
	case STAGE_OVER:
	case STAGE_BROKEN: break;
	}
}

/* "250-more" goes on, "250 last" and "250" are the end of a reply. -1: it is none. */
static int
parse_reply_line(struct mail_call *call, const char *line, size_t len)
{
	int code = 0;

	for (size_t i = 0; i < 3; i++) {
		if (i >= len || line[i] < '0' || line[i] > '9')
			return -1;
		code = code * 10 + (line[i] - '0');
	}
	if (len > 3 && line[3] == '-')
		return 0;
	call->code = code;
	set_text(call->text, sizeof(call->text), line, len);
	return 1;
}

static bool
is_talking(const struct mail_call *call)
{
	return call->stage != STAGE_OVER && call->stage != STAGE_BROKEN;
}

static void
take_lines(struct mail_call *call)
{
	char *newline;

	while (is_talking(call) && call->in.len > 0 &&
		(newline = memchr(call->in.data, '\n', call->in.len)) != NULL) {
		size_t len = (size_t)(newline - call->in.data);
		int end = parse_reply_line(call, call->in.data, len);

		buf_drop(&call->in, len + 1);
		if (end < 0)
			break_off(call, "the relay does not speak SMTP");
		else if (end > 0)
			take_reply(call);
	}
	if (is_talking(call) && call->in.len > REPLY_LINE_MAX)
		break_off(call, "the relay's reply is too long");
}

/* Sends what there is; false when no more can be sent for now. */
static bool
send_some(struct mail_call *call)
{
	while (call->out_pos < call->out.len) {
		size_t n = 0;
		CURLcode code = curl_easy_send(call->easy,
			call->out.data + call->out_pos, call->out.len - call->out_pos,
			&n);

		call->out_pos += n;
		if (code == CURLE_AGAIN)
			return false;
		if (code != CURLE_OK) {
			break_off(call, "the connection broke in sending");
			return false;
		}
	}
	buf_clear(&call->out);
	call->out_pos = 0;
	return true;
}

/* Reads what there is: TLS may hold more than the socket shows. */
static void
receive_some(struct mail_call *call)
{
	while (is_talking(call)) {
		char bytes[READ_SIZE];
		size_t n = 0;
		CURLcode code = curl_easy_recv(call->easy, bytes, sizeof(bytes), &n);

		if (code == CURLE_AGAIN)
			return;
		if (code != CURLE_OK || n == 0) {
			break_off(call, "the relay closed the connection");
			return;
		}
		buf_add(&call->in, bytes, n);
		take_lines(call);
	}
}

/* Said, not waited for: the mail's fate is known. */
static void
say_quit(struct mail_call *call)
{
	size_t n;

	(void)curl_easy_send(call->easy, "QUIT\r\n", 6, &n);
}

/* Goes on as far as it can without waiting. */
static void
talk(struct mail_call *call)
{
	bool sent = send_some(call);

	if (is_talking(call))
		receive_some(call);
	if (is_talking(call) && sent && call->out.len > 0)
		sent = send_some(call);
	if (is_talking(call)) {
		loop_fd_want(call->watch, sent ? LOOP_READ : LOOP_READ | LOOP_WRITE);
		return;
	}
	if (call->stage == STAGE_OVER)
		say_quit(call);
	complete(call);
}

static void
on_ready(void *arg, int fd, unsigned what)
{
	(void)fd;
	(void)what;
	talk(arg);
}

static void
on_limit(void *arg)
{
	struct mail_call *call = arg;

	break_off(call, "the relay takes too long");
	complete(call);
}

/* libcurl hands each line of a reply to us as a header: the last one says why. */
static size_t
on_login_line(char *line, size_t size, size_t count, void *arg)
{
	struct mail_call *call = arg;

	(void)parse_reply_line(call, line, size * count);
	return size * count;
}

/* A password never goes in clear. */
static long
use_ssl(const struct mail_call *call)
{
	if (call->username != NULL)
		return CURLUSESSL_ALL;
	switch (call->starttls) {
	case MAIL_TLS_OPTIONAL: return CURLUSESSL_TRY;
	case MAIL_TLS_REQUIRED: return CURLUSESSL_ALL;
	case MAIL_TLS_OFF: return CURLUSESSL_NONE;
	}
	return CURLUSESSL_ALL;
}

static void
set_login(struct mail_call *call, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_URL, call->url);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	/* An HTTP proxy of the environment is none for mail. */
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_USE_SSL, use_ssl(call));
	curl_easy_setopt(easy, CURLOPT_USERNAME, call->username);
	curl_easy_setopt(easy, CURLOPT_PASSWORD, call->password.text);
	if (call->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, call->ca_file);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->total_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_login_line);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
}

static void on_login_done(void *arg, int curl_code);

static void
start_login(struct mail_call *call)
{
	call->stage = STAGE_LOGIN;
	call->code = 0;
	call->text[0] = call->error[0] = '\0';
	call->easy = curl_easy_init();
	/* Nothing to send: without a URL it fails at once, in its turn. */
	if (call->sender[0] != '\0' && next_recipient(call, 0) < call->recipient_count)
		set_login(call, call->easy);
	call->transfer = http_start_easy(call->http, call->easy, on_login_done, call);
}

/* TLS is optional, and it is TLS that failed: nothing of the mail has been said yet. */
static bool
may_go_without_tls(const struct mail_call *call, int curl_code)
{
	return use_ssl(call) == CURLUSESSL_TRY &&
		strncmp(call->url, "smtps:", 6) != 0 &&
		(curl_code == CURLE_PEER_FAILED_VERIFICATION ||
			curl_code == CURLE_SSL_CONNECT_ERROR);
}

static void
fail_login(struct mail_call *call, int curl_code)
{
	const char *why = curl_easy_strerror((CURLcode)curl_code);
	AUTO(free) char *text = NULL;

	if (call->sender[0] == '\0')
		why = "the sender is no address";
	else if (curl_code == CURLE_USE_SSL_FAILED)
		why = "the relay offers no TLS";
	else if (call->error[0] != '\0')
		why = call->error;
	text = call->code >= 400 ? xasprintf("%s: %s", why, call->text) : xstrdup(why);
	break_off(call, text);
	complete(call);
}

static void
on_login_done(void *arg, int curl_code)
{
	struct mail_call *call = arg;
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (may_go_without_tls(call, curl_code)) {
		http_cancel(call->transfer);
		call->starttls = MAIL_TLS_OFF;
		start_login(call);
		return;
	}
	if (curl_code == CURLE_OK)
		curl_easy_getinfo(call->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD) {
		fail_login(call, curl_code);
		return;
	}
	call->stage = STAGE_SENDER;
	buf_printf(&call->out, "MAIL FROM:<%s>\r\n", call->sender);
	call->watch = loop_fd_new(http_loop(call->http), fd, 0, on_ready, call);
	talk(call);
}

static void
add_recipient(struct mail_call *call, const char *address)
{
	struct recipient *r = &call->recipients[call->recipient_count++];

	if (mail_address(address, r->address, sizeof(r->address)) == 0)
		return;
	r->address[0] = '\0';
	(void)snprintf(r->text, sizeof(r->text), "the recipient is no address");
}

struct mail_call *
mail_send(struct http *http, const struct mail_relay *relay,
	const struct mail_message *m, mail_done *done, void *arg)
{
	struct mail_call *call = NEW(struct mail_call);

	call->http = http;
	call->done = done;
	call->arg = arg;
	call->url = xstrdup(relay->url);
	call->username = xstrdup_opt(relay->username);
	call->ca_file = xstrdup_opt(relay->ca_file);
	secret_set(&call->password, relay->password);
	call->starttls = relay->starttls;
	call->total_ms = relay->total_ms > 0 ? relay->total_ms : TOTAL_MS;
	if (mail_address(m->from, call->sender, sizeof(call->sender)) != 0)
		call->sender[0] = '\0';
	call->recipients = xcalloc(m->to_count, sizeof(*call->recipients));
	for (size_t i = 0; i < m->to_count; i++)
		add_recipient(call, m->to[i]);
	mail_render(m, &call->message);
	loop_timer_init(&call->limit, http_loop(http), on_limit, call);
	loop_timer_in(&call->limit, call->total_ms);
	start_login(call);
	return call;
}

void
mail_cancel(struct mail_call *call)
{
	if (call == NULL || call->completing)
		return;
	call_free(call);
}
