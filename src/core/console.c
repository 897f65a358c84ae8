/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question about a console belongs to its cloud, not to the instance: that may end while
 * EC2 still answers. So what the answer needs of it is kept here.
 */
#include "core/console.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "core/cloud.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"

#include <string.h>

struct console_call {
	struct cloud *cloud; /* borrowed from the pool, which keeps it for us */
	struct ec2_call *op;
	struct secret password; /* that the machine may print */
	console_done *done;
	void *arg;
};

static void
mask(char *text, size_t len, const struct secret *secret)
{
	size_t secret_len = secret->text == NULL ? 0 : strlen(secret->text);
	char *at = text;

	if (secret_len == 0 || len == 0)
		return;
	while ((at = memmem(at, len - (size_t)(at - text), secret->text, secret_len)) !=
		NULL)
		at = memset(at, '*', secret_len);
}

static void
put_character(struct buf *out, const char *at, size_t size, uint32_t character)
{
	if (size == 0 || (utf8_is_control(character) && strchr("\n\t", *at) == NULL) ||
		character == 0)
		buf_putc(out, '.');
	else
		buf_add(out, at, size);
}

static char *
printable(const char *text, size_t len)
{
	struct buf out = {0};

	for (size_t n = 0; n < len;) {
		uint32_t character = 0;
		size_t size = utf8_next(text + n, len - n, &character);

		if (character != '\r')
			put_character(&out, text + n, size, character);
		n += size > 0 ? size : 1;
	}
	return buf_take(&out);
}

/* The last max bytes, from the beginning of a character on. */
static void
keep_end(char *text, size_t max)
{
	size_t len = strlen(text), cut = max == 0 || len <= max ? 0 : len - max;

	while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
		cut++;
	memmove(text, text + cut, len - cut + 1);
}

/* Masked once more at the end: without its carriage returns a text may be a password. */
static char *
show(const struct secret *password, const char *output, size_t len, size_t max)
{
	struct buf copy = {0};
	char *text;

	buf_add(&copy, output, len);
	mask(copy.data, len, password);
	text = printable(copy.data, len);
	mask(text, strlen(text), password);
	keep_end(text, max);
	buf_wipe_fini(&copy);
	return text;
}

char *
console_text(const struct launch *l, const char *output, size_t len, size_t max)
{
	struct secret password = {NULL};
	char *text;

	launch_password(l, &password);
	text = show(&password, output, len, max);
	secret_fini(&password);
	return text;
}

static void
call_free(struct console_call *call)
{
	call->cloud->questions--;
	secret_fini(&call->password);
	free(call);
}

/* An instance that EC2 does not know has no console, now or later. */
static struct err
error_of(const struct ec2_answer *a)
{
	struct err err = a->err;

	if (a->verdict == VERDICT_MISSING)
		err.code = ERR_UNAVAILABLE;
	return err;
}

static void
on_console(void *arg, const struct ec2_answer *a, const char *output, size_t len,
	int64_t at)
{
	struct console_call *call = arg;
	AUTO(free) char *text = show(&call->password, output, len, 0);
	struct err err = error_of(a);
	console_done *done = call->done;
	void *done_arg = call->arg;

	call_free(call);
	if (a->verdict == VERDICT_DONE)
		done(done_arg, NULL, text, at);
	else
		done(done_arg, &err, NULL, 0);
}

struct console_call *
console_ask(struct worker *w, bool latest, console_done *done, void *arg,
	struct err *err)
{
	const struct instance *i = worker_instance(w);
	struct console_call *call;

	if (i == NULL) {
		err_set(err, ERR_UNAVAILABLE, "%s has no instance", w->name);
		return NULL;
	}
	call = NEW(struct console_call);
	call->cloud = i->launch->cloud;
	call->cloud->questions++;
	call->done = done;
	call->arg = arg;
	launch_password(i->launch, &call->password);
	call->op = call->cloud->ops->console(call->cloud->self, i->id, latest,
		on_console, call);
	return call;
}

void
console_cancel(struct console_call *call)
{
	if (call == NULL)
		return;
	call->cloud->ops->cancel(call->cloud->self, call->op);
	call_free(call);
}
