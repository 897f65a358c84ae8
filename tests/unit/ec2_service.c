/* SPDX-License-Identifier: Apache-2.0 */
#include "ec2_service.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/httpd.h"
#include "unit.h"

#include <string.h>
#include <time.h>

static char *
header(const struct httpd_request *r, const char *name)
{
	return xstrdup_opt(httpd_header(r, name));
}

static void
keep(struct service *s, struct httpd_request *r)
{
	struct service_seen *seen = &s->seen[s->seen_count++];
	const char *body;
	size_t len;

	ck_assert_uint_lt(s->seen_count, SERVICE_SEEN_MAX);
	ck_assert_str_eq(httpd_method(r), "POST");
	ck_assert_str_eq(httpd_target(r), "/");
	body = httpd_body(r, &len);
	seen->body = xstrndup(body, len);
	seen->date = header(r, "X-Amz-Date");
	seen->token = header(r, "X-Amz-Security-Token");
	seen->authorization = header(r, "Authorization");
	seen->host = header(r, "Host");
	seen->type = header(r, "Content-Type");
	seen->target = header(r, "X-Amz-Target");
	ck_assert_ptr_null(httpd_header(r, "Expect"));
}

static void
add_date(struct httpd_request *r, int64_t clock_ms)
{
	time_t now = (time_t)((clock_wall_ms() + clock_ms) / 1000);
	char text[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	httpd_add_header(r, "Date", text);
}

static void
answer(struct httpd_request *r, const struct service_answer *a)
{
	const char *body = a->body != NULL ? a->body : "";

	if (a->way == SERVICE_DROP) {
		httpd_drop(r);
		return;
	}
	add_date(r, a->clock_ms);
	if (a->retry_after_ms != NULL)
		httpd_add_header(r, "x-amz-retry-after", a->retry_after_ms);
	if (a->way == SERVICE_CUT)
		httpd_reply_cut(r, a->status, "text/xml;charset=UTF-8", body,
			strlen(body) / 2, strlen(body));
	else
		httpd_reply(r, a->status, "text/xml;charset=UTF-8", body, strlen(body));
}

static void
on_request(void *arg, struct httpd_request *r)
{
	struct service *s = arg;
	const struct service_answer *a;

	ck_assert_uint_gt(s->script_len, 0);
	keep(s, r);
	if (s->on_request != NULL)
		s->on_request(s->arg);
	a = &s->script[s->next];
	if (s->next + 1 < s->script_len)
		s->next++;
	if (a->way == SERVICE_HOLD) {
		ck_assert_uint_lt(s->held_count, SERVICE_HELD_MAX);
		s->held[s->held_count++] = r;
	} else {
		answer(r, a);
	}
}

void
service_start(struct service *s, struct loop *loop)
{
	struct err err = {0};

	memset(s, 0, sizeof(*s));
	s->httpd = httpd_new(loop, "127.0.0.1:0", 1 << 20, on_request, s, &err);
	ck_assert_msg(s->httpd != NULL, "%s", err.text);
}

void
service_script(struct service *s, const struct service_answer *script, size_t len)
{
	s->script = script;
	s->script_len = len;
	s->next = 0;
}

char *
service_url(const struct service *s)
{
	return xasprintf("http://127.0.0.1:%u", httpd_port(s->httpd));
}

void
service_release(struct service *s, size_t held, const struct service_answer *a)
{
	struct httpd_request *r = s->held[held];

	ck_assert_uint_lt(held, s->held_count);
	ck_assert_ptr_nonnull(r);
	s->held[held] = NULL;
	answer(r, a);
}

bool
service_has(const struct service *s, size_t seen, const char *param)
{
	size_t len = strlen(param);

	ck_assert_uint_lt(seen, s->seen_count);
	for (const char *at = s->seen[seen].body; at != NULL; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, param, len) == 0 && (at[len] == '&' || at[len] == '\0'))
			return true;
	}
	return false;
}

size_t
service_count(const struct service *s, const char *param)
{
	size_t n = 0;

	for (size_t i = 0; i < s->seen_count; i++)
		n += service_has(s, i, param);
	return n;
}

void
service_stop(struct service *s)
{
	for (size_t i = 0; i < s->held_count; i++)
		if (s->held[i] != NULL)
			httpd_drop(s->held[i]);
	httpd_free(s->httpd);
	for (size_t i = 0; i < s->seen_count; i++) {
		free(s->seen[i].body);
		free(s->seen[i].date);
		free(s->seen[i].token);
		free(s->seen[i].authorization);
		free(s->seen[i].host);
		free(s->seen[i].type);
		free(s->seen[i].target);
	}
}
