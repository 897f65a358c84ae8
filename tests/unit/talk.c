/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/httpd.h"
#include "unit.h"

#include <string.h>

static void
check_header(const struct talk *t, struct httpd_request *r, const char *header)
{
	size_t len = strcspn(header, ":");
	AUTO(free) char *name = xstrndup(header, len);
	const char *value = httpd_header(r, name);
	const char *expected = header + len + 1 + (header[len + 1] == ' ');

	if (expected[0] == '\0')
		ck_assert_msg(value == NULL, "row %zu: %s: %s", t->next, name, value);
	else
		ck_assert_msg(str_equal(value, expected), "row %zu: %s: %s", t->next,
			name, value != NULL ? value : "none");
}

static bool
has_param(const char *body, const char *param, size_t len)
{
	for (const char *at = body; at != NULL; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, param, len) == 0 && (at[len] == '&' || at[len] == '\0'))
			return true;
	}
	return false;
}

static void
check_body(const struct talk *t, struct httpd_request *r, const char *params)
{
	size_t len;
	const char *bytes = httpd_body(r, &len);
	AUTO(free) char *body = xstrndup(bytes, len);

	while (*params != '\0') {
		size_t n = strcspn(params, "&");

		ck_assert_msg(has_param(body, params, n), "row %zu: no %.*s in %s",
			t->next, (int)n, params, body);
		params += n + (params[n] == '&');
	}
}

static void
on_request(void *arg, struct httpd_request *r)
{
	struct talk *t = arg;
	AUTO(free)
	char *asks = xasprintf("%s %s", httpd_method(r), httpd_target(r));
	const struct talk_row *row;

	ck_assert_msg(t->next < t->count, "nobody expects %s", asks);
	row = &t->rows[t->next];
	ck_assert_msg(strcmp(row->asks, asks) == 0, "row %zu: %s", t->next, asks);
	if (row->header != NULL)
		check_header(t, r, row->header);
	if (row->has != NULL)
		check_body(t, r, row->has);
	t->next++;
	switch (row->way) {
	case TALK_ANSWER:
		httpd_reply(r, row->status, "text/plain", row->body, strlen(row->body));
		return;
	case TALK_DROP: httpd_drop(r); return;
	case TALK_HOLD:
		ck_assert_ptr_null(t->held);
		t->held = r;
		return;
	}
}

void
talk_start(struct talk *t, struct loop *loop)
{
	struct err err = {0};

	*t = (struct talk){0};
	t->httpd = httpd_new(loop, "127.0.0.1:0", 1 << 20, on_request, t, &err);
	ck_assert_msg(t->httpd != NULL, "%s", err.text);
}

void
talk_script(struct talk *t, const struct talk_row *rows, size_t count)
{
	t->rows = rows;
	t->count = count;
	t->next = 0;
	if (t->held != NULL)
		httpd_drop(t->held);
	t->held = NULL;
}

char *
talk_url(const struct talk *t, const char *rest)
{
	return xasprintf("http://127.0.0.1:%u%s", httpd_port(t->httpd), rest);
}

void
talk_check(const struct talk *t)
{
	ck_assert_msg(t->next == t->count, "nobody asked %s",
		t->next < t->count ? t->rows[t->next].asks : "");
}

void
talk_stop(struct talk *t)
{
	talk_script(t, NULL, 0);
	httpd_free(t->httpd);
}
