/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mail spool. A mail is in the ledger with the event that caused it, leaves after that
 * commit, and is tried until the relay takes it, refuses it, or three days have passed.
 */
#include "core/notice.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/notice_digest.h"
#include "core/notice_text.h"
#include "core/worker.h"
#include "sys/crypto.h"
#include "sys/mail.h"

#include <utlist.h>

#define RETRY_BASE_MS 60000
#define RETRY_CAP_MS (60 * 60 * 1000)
#define GIVE_UP_MS (INT64_C(3) * 24 * 3600 * 1000)
#define CONSOLE_WAIT_MS 8000
#define SPOOL_MAX 1000
/* A relay that takes nothing for so long is in trouble, not busy. */
#define RELAY_SLOW_MS (INT64_C(10) * 60 * 1000)
#define FULL_TOLD_MS (60 * 60 * 1000)

struct notices {
	struct loop *loop;
	struct http *http;       /* borrowed; NULL: nothing is sent */
	const struct conf *conf; /* borrowed */
	struct health *health;   /* borrowed, or NULL */
	struct notice_counts counts;
	struct notice_row *rows; /* owned, oldest first */
	size_t count;            /* of those that are not over */
	int64_t last_id;
	bool started;
	struct notice_row *sending;   /* one at a time */
	struct notice_lately *lately; /* owned */
	struct mail_call *call;
	struct loop_timer timer;
};

static void
row_free(struct notice_row *row)
{
	free(row->recipient);
	free(row->subject);
	free(row->body);
	free(row->message_id);
	free(row->console_of);
	free(row);
}

static void
drop(struct notices *n, struct notice_row *row)
{
	row->over = true;
	row->dirty = true;
	n->count--;
}

/* It never arrives. */
static void
give_up(struct notices *n, struct notice_row *row)
{
	n->counts.dropped++;
	drop(n, row);
}

/* The wall clock may have been ahead: that must not hold mail for longer than a retry would. */
static void
mend_times(struct notice_row *row, int64_t now)
{
	if (row->created_wall > now)
		row->created_wall = now;
	if (row->next_wall > now + RETRY_CAP_MS)
		row->next_wall = now + RETRY_CAP_MS;
}

static void
arm(struct notices *n)
{
	struct notice_row *row, *next = NULL;
	int64_t now = clock_wall_ms();

	if (!n->started || n->http == NULL || n->sending != NULL)
		return;
	DL_FOREACH(n->rows, row) {
		if (row->over || (row->dirty && !row->at_once))
			continue;
		mend_times(row, now);
		if (next == NULL || row->next_wall < next->next_wall)
			next = row;
	}
	if (next == NULL)
		loop_timer_clear(&n->timer);
	else
		loop_timer_in(&n->timer,
			next->next_wall < now ? 0 : next->next_wall - now);
}

/* text: why it takes no mail; NULL: it has answered. */
static void
judge_relay(struct notices *n, const struct notice_row *row, const char *text)
{
	const struct trouble relay = {.condition = CONDITION_MAIL, .about = "relay"};
	struct err err;

	if (n->health == NULL)
		return;
	if (text == NULL) {
		health_end(n->health, &relay, NULL);
	} else if (clock_wall_ms() - row->created_wall >= RELAY_SLOW_MS) {
		err_set(&err, ERR_NETWORK, "%s", text);
		health_begin(n->health, &relay, &err, NULL);
	}
}

static void
on_sent(void *arg, enum mail_outcome outcome, const char *text)
{
	struct notices *n = arg;
	struct notice_row *row = n->sending;
	int64_t wait = RETRY_BASE_MS;

	n->call = NULL;
	n->sending = NULL;
	row->dirty = true;
	judge_relay(n, row, outcome == MAIL_LATER ? text : NULL);
	switch (outcome) {
	case MAIL_ACCEPTED:
		FP("mail.after_accept");
		log_info("mail", "to %s: %s", row->recipient, row->subject);
		n->counts.accepted++;
		notice_lately_mailed(n->lately, row->recipient);
		drop(n, row);
		break;
	case MAIL_REFUSED:
		log_error("mail", "to %s refused and dropped: %s", row->recipient,
			text);
		give_up(n, row);
		break;
	case MAIL_LATER:
		n->counts.put_off++;
		for (unsigned k = 0; k < row->tries && wait < RETRY_CAP_MS; k++)
			wait *= 2;
		row->tries++;
		row->next_wall = clock_wall_ms() +
			(wait < RETRY_CAP_MS ? wait : RETRY_CAP_MS);
		if (clock_wall_ms() - row->created_wall >= GIVE_UP_MS) {
			log_error("mail", "to %s given up after three days: %s",
				row->recipient, text);
			give_up(n, row);
		} else {
			log_warning("mail", "to %s is tried again later: %s",
				row->recipient, text);
		}
		break;
	}
	arm(n); /* for those that wait for no commit */
}

static void
send_row(struct notices *n, struct notice_row *row)
{
	const struct conf_mail *conf = &n->conf->mail;
	const char *to[] = {row->recipient};
	struct mail_relay relay = {.url = conf->smtp_url,
		.starttls = MAIL_TLS_OPTIONAL};
	struct mail_message message = {
		.from = conf->from,
		.to = to,
		.to_count = 1,
		.subject = row->subject,
		.body = row->body,
		.message_id = row->message_id,
		.date_ms = row->created_wall,
	};

	FP("mail.before_send");
	n->sending = row;
	n->call = mail_send(n->http, &relay, &message, on_sent, n);
}

/* Not so soon after another one to the same: it may have company then. */
static bool
is_put_off(const struct notices *n, struct notice_row *row)
{
	bool may = notice_may_fold(row) || (row->at_once && row->tries == 0);
	int64_t due = may ? notice_lately_due(n->lately, row->recipient) : 0;

	if (due <= clock_wall_ms())
		return false;
	row->next_wall = due;
	row->put_off = true;
	return true;
}

/* It has company: then it leaves as their digest, when that is written. */
static bool
is_folded(struct notices *n, struct notice_row *row)
{
	size_t count;

	if (!row->put_off || !notice_may_fold(row))
		return false;
	row->put_off = false;
	count = notice_fold(n->rows, row, n->conf->pool);
	n->count -= count - 1;
	return count > 1;
}

static void
on_timer(void *arg)
{
	struct notices *n = arg;
	struct notice_row *row;
	int64_t now = clock_wall_ms();

	DL_FOREACH(n->rows, row) {
		if (row->over || (row->dirty && !row->at_once) || row->next_wall > now)
			continue;
		if (n->conf->mail.smtp_url != NULL) {
			if (is_put_off(n, row) || is_folded(n, row))
				continue;
			send_row(n, row);
			return;
		}
		log_warning("mail", "to %s dropped, for mail.smtp_url is gone: %s",
			row->recipient, row->subject);
		give_up(n, row);
	}
	arm(n);
}

struct notices *
notices_new(struct loop *loop, struct http *http, const struct conf *conf)
{
	struct notices *n = NEW(struct notices);

	n->loop = loop;
	n->http = http;
	n->conf = conf;
	n->lately = notice_lately_new();
	loop_timer_init(&n->timer, loop, on_timer, n);
	return n;
}

void
notices_set_conf(struct notices *n, const struct conf *conf)
{
	n->conf = conf;
}

void
notices_set_health(struct notices *n, struct health *health)
{
	n->health = health;
}

struct notice_row *
notices_rows(struct notices *n)
{
	return n->rows;
}

const struct notice_counts *
notices_counts(const struct notices *n)
{
	return &n->counts;
}

size_t
notices_count(const struct notices *n)
{
	return n->count;
}

void
notices_skip(struct notices *n, int64_t id)
{
	if (id > n->last_id)
		n->last_id = id;
}

void
notices_adopt(struct notices *n, struct notice_row *row)
{
	DL_APPEND(n->rows, row);
	n->count++;
	notices_skip(n, row->id);
}

bool
notices_dirty(const struct notices *n)
{
	const struct notice_row *row;

	DL_FOREACH(n->rows, row) {
		if (row->dirty)
			return true;
	}
	return false;
}

void
notices_written(struct notices *n)
{
	struct notice_row *row, *tmp;

	DL_FOREACH_SAFE(n->rows, row, tmp) {
		row->dirty = false;
		if (!row->over)
			continue;
		DL_DELETE(n->rows, row);
		row_free(row);
	}
	arm(n);
}

/* That it has been full is worth knowing for a while. */
static void
spool_is_full(struct notices *n)
{
	const struct trouble full = {.condition = CONDITION_MAIL, .about = "spool"};
	struct err err;

	if (n->health == NULL)
		return;
	err_set(&err, ERR_LIMIT, "the spool is full, and the oldest mails are dropped");
	health_begin_until(n->health, &full, &err, clock_ms() + FULL_TOLD_MS);
}

/* The spool is bounded: the oldest go first, with a line in the log. */
static void
make_room(struct notices *n)
{
	struct notice_row *row;

	if (n->count < SPOOL_MAX)
		return;
	DL_FOREACH(n->rows, row) {
		if (row->over || row == n->sending)
			continue;
		log_error("mail", "the spool is full: the mail to %s of %s is dropped",
			row->recipient, row->subject);
		spool_is_full(n);
		give_up(n, row);
		return;
	}
}

static struct notice_row *
spool(struct notices *n, const char *to, const char *subject, const char *body,
	const char *console_of)
{
	struct notice_row *row = NEW(struct notice_row);
	char uuid[CRYPTO_UUID_SIZE];

	make_room(n);
	row->id = ++n->last_id;
	row->recipient = xstrdup(to);
	row->subject = xstrdup(subject);
	row->body = xstrdup(body);
	row->message_id = xasprintf("%s@ec2workerd", crypto_uuid(uuid));
	row->console_of = xstrdup_opt(console_of);
	row->created_wall = clock_wall_ms();
	row->next_wall = row->created_wall + (console_of == NULL ? 0 : CONSOLE_WAIT_MS);
	row->dirty = true;
	DL_APPEND(n->rows, row);
	n->count++;
	n->counts.spooled++;
	FP("mail.before_spooled");
	return row;
}

void
notice_missing(struct notices *n, const struct worker *w, const struct instance *i,
	const struct err *err)
{
	const struct strings *to = w->conf == NULL ? NULL : &w->conf->notify_on_missing;
	AUTO(free) char *subject = NULL;
	AUTO(free) char *body = NULL;
	char address[320];

	if (to == NULL || to->count == 0)
		return;
	subject = notice_missing_subject(n->conf->pool, w, err);
	body = notice_missing_body(n->conf->pool, w, i, err);
	if (n->conf->mail.smtp_url == NULL) {
		log_warning("mail", "not sent, for there is no mail.smtp_url: %s",
			subject);
		return;
	}
	for (size_t k = 0; k < to->count; k++)
		if (mail_address(to->items[k], address, sizeof(address)) == 0)
			(void)spool(n, address, subject, body, /* nothing more to say */
				i == NULL || err->code != ERR_MISSING ? NULL : i->id);
}

static void
add_recipients(const struct conf_worker *c, struct strings *to)
{
	char address[320];

	for (size_t k = 0; k < c->notify_on_missing.count; k++)
		if (mail_address(c->notify_on_missing.items[k], address,
			    sizeof(address)) == 0 &&
			!strings_contain(to, address))
			strings_add(to, address);
}

static void
tell_all(struct notices *n, const char *subject, const char *body, bool at_once)
{
	struct strings to = {0};

	for (size_t k = 0; k < n->conf->worker_count; k++)
		add_recipients(n->conf->workers[k], &to);
	if (to.count > 0 && n->conf->mail.smtp_url == NULL)
		log_warning("mail", "not sent, for there is no mail.smtp_url: %s",
			subject);
	for (size_t k = 0; k < to.count && n->conf->mail.smtp_url != NULL; k++)
		spool(n, to.items[k], subject, body, NULL)->at_once = at_once;
	strings_fini(&to);
	if (at_once)
		arm(n);
}

void
notice_condition(struct notices *n, const struct episode *e)
{
	AUTO(free)
	char *subject = xasprintf("ec2workerd %s: %s", n->conf->pool,
		conditions[e->condition].subject);
	AUTO(free) char *body = notice_condition_body(n->conf->pool, e);

	tell_all(n, subject, body, e->condition == CONDITION_LEDGER);
}

void
notices_console(struct notices *n, const struct instance *i, const char *text,
	size_t len)
{
	struct notice_row *row;

	DL_FOREACH(n->rows, row) {
		char *longer;

		if (row->over || !str_equal(row->console_of, i->id))
			continue;
		longer = notice_with_console(row->body, i, text, len);
		free(row->body);
		row->body = longer;
		free(row->console_of);
		row->console_of = NULL;
		row->next_wall = clock_wall_ms();
		row->dirty = true;
	}
}

void
notices_start(struct notices *n)
{
	n->started = true;
	arm(n);
}

void
notices_free(struct notices *n)
{
	struct notice_row *row, *tmp;

	if (n == NULL)
		return;
	if (n->call != NULL)
		mail_cancel(n->call);
	loop_timer_clear(&n->timer);
	DL_FOREACH_SAFE(n->rows, row, tmp) {
		DL_DELETE(n->rows, row);
		row_free(row);
	}
	notice_lately_free(n->lately);
	free(n);
}
