/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds error sentences. The arguments of a sentence may lie in the very struct that is
 * written, so each is formatted aside first.
 */
#include "base/err.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const reason_names[REASON_COUNT] = {
	[REASON_CAPACITY] = "capacity",
	[REASON_QUOTA] = "quota",
	[REASON_PRICE] = "price",
	[REASON_CONFIG] = "config",
	[REASON_AUTH] = "auth",
	[REASON_THROTTLED] = "throttled",
	[REASON_NETWORK] = "network",
	[REASON_INSTANCE_DIED] = "instance_died",
	[REASON_INTERNAL] = "internal",
};

/* A sentence under construction. */
struct text {
	char bytes[sizeof(((struct err *)NULL)->text)];
	size_t len;
};

static void
copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size)
		len = utf8_cut(from, size - 1);
	memmove(to, from, len);
	to[len] = '\0';
}

static void
add(struct text *t, const char *s)
{
	copy(t->bytes + t->len, sizeof(t->bytes) - t->len, s);
	t->len += strlen(t->bytes + t->len);
}

__attribute__((format(printf, 2, 0))) static void
format(struct text *t, const char *fmt, va_list ap)
{
	char wide[sizeof(t->bytes) + 4]; /* sees the character that a cut would tear */
	int n = vsnprintf(wide, sizeof(wide), fmt, ap);

	t->len = 0;
	t->bytes[0] = '\0';
	if (n > 0)
		add(t, wide);
}

static int
finish(struct err *err, enum err_code code, const struct text *t)
{
	*err = (struct err){.code = code};
	memcpy(err->text, t->bytes, t->len + 1);
	return -1;
}

int
err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	struct text t;
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	format(&t, fmt, ap);
	va_end(ap);
	return finish(err, code, &t);
}

int
err_set_errno(struct err *err, enum err_code code, int errnum, const char *fmt, ...)
{
	char reason[128];
	struct text t;
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	format(&t, fmt, ap);
	va_end(ap);
	add(&t, ": ");
	add(&t, strerror_r(errnum, reason, sizeof(reason)));
	return finish(err, code, &t);
}

int
err_wrap(struct err *err, const char *fmt, ...)
{
	struct text t;
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	format(&t, fmt, ap);
	va_end(ap);
	if (err->text[0] != '\0') {
		add(&t, ": ");
		add(&t, err->text);
	}
	memcpy(err->text, t.bytes, t.len + 1);
	return -1;
}

void
err_origin(struct err *err, const char *code, const char *message,
	const char *request_id)
{
	if (err == NULL)
		return;
	copy(err->origin, sizeof(err->origin), code != NULL ? code : "");
	copy(err->origin_text, sizeof(err->origin_text),
		message != NULL ? message : "");
	copy(err->request_id, sizeof(err->request_id),
		request_id != NULL ? request_id : "");
}

void
err_clear(struct err *err)
{
	if (err != NULL)
		*err = (struct err){.code = ERR_NONE};
}

const char *
err_reason_name(enum err_reason reason)
{
	return reason_names[reason];
}

enum err_reason
err_reason_find(const char *name)
{
	if (name == NULL)
		return REASON_NONE;
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
		if (strcmp(reason_names[i], name) == 0)
			return (enum err_reason)i;
	return REASON_NONE;
}
