/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides how a request is given to libcurl: every option, and why (EC2.md 11.1). Owns
 * what libcurl only borrows of it, and wipes that.
 */
#include "sys/http_setup.h"
#include "base/mem.h"
#include "sys/http.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MS 5000
#define TOTAL_MS 30000
#define REPLY_MAX (8u << 20)
#define LOW_SPEED_BYTES 10L
#define LOW_SPEED_SECONDS 30L

/* What every transfer has, EC2.md 11.1. */
static const struct {
	CURLoption option;
	long value;
} common_options[] = {
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_QUICK_EXIT, 1}, /* a hung resolver thread is left behind */
	{CURLOPT_SSL_VERIFYPEER, 1},
	{CURLOPT_SSL_VERIFYHOST, 2},
	{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_NETRC, CURL_NETRC_IGNORED},
};

static const struct {
	CURLoption option;
	long value;
} http_options[] = {
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	{CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
	{CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
	{CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES},
	{CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SECONDS},
};

/* As libcurl reads the environment, but for no_proxy: more is taken as proxied. */
static bool
has_proxy(const char *url)
{
	static const char *const of_http[] = {"http_proxy", "all_proxy", "ALL_PROXY",
		NULL};
	static const char *const of_https[] = {"https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY", NULL};
	const char *const *name = strncasecmp(url, "http:", 5) == 0 ? of_http
								    : of_https;

	for (; *name != NULL; name++) {
		const char *value = getenv(*name);

		if (value != NULL && *value != '\0')
			return true;
	}
	return false;
}

/* Remembers the first option that libcurl refuses. */
static void
note(struct http_setup *s, CURLcode code)
{
	if (s->code == CURLE_OK)
		s->code = (int)code;
}

static void
set_long(struct http_setup *s, CURLoption option, long value)
{
	note(s, curl_easy_setopt(s->easy, option, value));
}

static void
set_text(struct http_setup *s, CURLoption option, const char *value)
{
	note(s, curl_easy_setopt(s->easy, option, value));
}

static bool
has_line_break(const char *text)
{
	return strpbrk(text, "\r\n") != NULL;
}

static void
set_headers(struct http_setup *s, const struct http_request *r)
{
	for (size_t i = 0; i < r->header_count; i++) {
		const struct http_header *h = &r->headers[i];
		char *line;

		if (has_line_break(h->name) || has_line_break(h->value)) {
			s->error = "a header with a line break";
			note(s, CURLE_BAD_FUNCTION_ARGUMENT);
			return;
		}
		/* A header with nothing to say is written with a semicolon. */
		line = *h->value == '\0' ? xasprintf("%s;", h->name)
					 : xasprintf("%s: %s", h->name, h->value);
		s->headers = curl_slist_append(s->headers, line);
		str_wipe_free(line);
	}
	note(s, curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers));
}

/* Anything but GET goes as POST does, by another name: so no Expect, and a length. */
static void
set_method(struct http_setup *s, const struct http_request *r)
{
	if (strcmp(r->method, "GET") == 0) {
		set_long(s, CURLOPT_HTTPGET, 1);
		return;
	}
	s->body_len = r->body == NULL ? 0 : r->body_len;
	s->body = xmalloc(s->body_len + 1);
	if (r->body != NULL)
		memcpy(s->body, r->body, r->body_len);
	set_long(s, CURLOPT_POST, 1);
	if (strcmp(r->method, "POST") != 0)
		set_text(s, CURLOPT_CUSTOMREQUEST, r->method);
	note(s,
		curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)s->body_len));
	set_text(s, CURLOPT_POSTFIELDS, s->body);
}

static void
set_limits(struct http_setup *s, const struct http_request *r)
{
	s->connect_ms = r->connect_ms > 0 ? r->connect_ms : CONNECT_MS;
	s->reply_max = r->reply_max > 0 ? r->reply_max : REPLY_MAX;
	set_long(s, CURLOPT_CONNECTTIMEOUT_MS, (long)(s->connect_ms * 2));
	set_long(s, CURLOPT_TIMEOUT_MS,
		(long)(r->total_ms > 0 ? r->total_ms : TOTAL_MS));
	note(s,
		curl_easy_setopt(s->easy, CURLOPT_MAXFILESIZE_LARGE,
			(curl_off_t)s->reply_max));
}

static void
set_connection(struct http_setup *s, const struct http_request *r)
{
	set_text(s, CURLOPT_PROTOCOLS_STR, r->plain ? "http,https" : "https");
	if (r->ca_file != NULL)
		set_text(s, CURLOPT_CAINFO, r->ca_file);
	if (r->no_proxy)
		set_text(s, CURLOPT_NOPROXY, "*");
	s->proxied = !r->no_proxy && has_proxy(r->url);
	/* On a reused connection libcurl may send a POST twice by itself (measured). */
	set_long(s, CURLOPT_FRESH_CONNECT, r->mutating);
	set_long(s, CURLOPT_FORBID_REUSE, r->mutating);
}

int
http_setup_common(void *easy)
{
	struct http_setup s = {.easy = easy};

	for (size_t i = 0; i < COUNT_OF(common_options); i++)
		set_long(&s, common_options[i].option, common_options[i].value);
	return s.code;
}

void
http_setup_request(struct http_setup *s, void *easy, const struct http_request *r)
{
	s->easy = easy;
	note(s, (CURLcode)http_setup_common(easy));
	for (size_t i = 0; i < COUNT_OF(http_options); i++)
		set_long(s, http_options[i].option, http_options[i].value);
	set_text(s, CURLOPT_URL, r->url);
	set_connection(s, r);
	set_limits(s, r);
	set_method(s, r);
	set_headers(s, r);
}

void
http_setup_fini(struct http_setup *s)
{
	/* Signatures and session tokens. */
	for (struct curl_slist *h = s->headers; h != NULL; h = h->next)
		mem_wipe(h->data, strlen(h->data));
	curl_slist_free_all(s->headers);
	if (s->body != NULL)
		mem_wipe(s->body, s->body_len);
	free(s->body);
	*s = (struct http_setup){0};
}
