/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which URLs may be asked, what proves to the agent who asks, and one question, repeated
 * once. The variables are those of this process; a token file is read at every look, for it
 * rotates.
 */
#include "ec2/container.h"

#include "base/buf.h"
#include "base/err.h"
#include "ec2/profile.h"
#include "sys/file.h"
#include "sys/http.h"
#include "sys/loop.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define RELATIVE_URI "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL_URI "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define ECS_AGENT "http://169.254.170.2"

#define CONNECT_MS 2000
#define TOTAL_MS 5000 /* some agents ask STS first */
#define REPLY_MAX 65535u
#define TOKEN_MAX 65536u

struct container_call {
	struct http *http; /* borrowed */
	char *url, *ca_file;
	struct secret token;
	struct err err; /* why nothing is asked at all, or none */
	bool repeated;
	keyset_done *done;
	void *arg;
	struct http_call *flight; /* under way, or NULL */
	struct loop_poke next;
};

bool
container_is_set(void)
{
	return ec2_env(RELATIVE_URI) != NULL || ec2_env(FULL_URI) != NULL;
}

/* 127/8, ::1 and the agents of ECS and EKS, as numbers: a name may be anybody's. */
static bool
is_near(const char *host)
{
	static const char *const four[] = {"169.254.170.2", "169.254.170.23"};
	static const char *const six[] = {"::1", "fd00:ec2::23"};
	struct in_addr a, b;
	struct in6_addr c, d;

	if (inet_pton(AF_INET, host, &a) == 1) {
		for (size_t i = 0; i < COUNT_OF(four); i++)
			if (inet_pton(AF_INET, four[i], &b) == 1 &&
				a.s_addr == b.s_addr)
				return true;
		return ntohl(a.s_addr) >> 24 == 127;
	}
	if (inet_pton(AF_INET6, host, &c) != 1)
		return false;
	for (size_t i = 0; i < COUNT_OF(six); i++)
		if (inet_pton(AF_INET6, six[i], &d) == 1 &&
			memcmp(&c, &d, sizeof(c)) == 0)
			return true;
	return false;
}

/* The host of what follows "http://", without brackets and port; NULL if it is none. */
static char *
host_of(const char *text)
{
	bool bracket = text[0] == '[';
	size_t len = bracket ? strcspn(text, "]") : strcspn(text, ":/?#");
	const char *rest = text + len + (bracket && text[len] == ']');

	if (bracket && text[len] != ']')
		return NULL;
	if (*rest == ':')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (*rest != '\0' && strchr("/?#", *rest) == NULL)
		return NULL;
	return xstrndup(text + bracket, len - bracket);
}

static bool
is_allowed(const char *url)
{
	AUTO(free) char *host = NULL;

	if (strncasecmp(url, "https://", 8) == 0)
		return true;
	if (strncasecmp(url, "http://", 7) != 0)
		return false;
	host = host_of(url + 7);
	return host != NULL && is_near(host);
}

int
container_url(char **ret_url, struct err *err)
{
	const char *relative = ec2_env(RELATIVE_URI), *full = ec2_env(FULL_URI);

	if (relative != NULL && relative[0] != '/')
		return err_set(err, ERR_CONFIG,
			RELATIVE_URI " does not begin with a slash");
	if (relative == NULL && (full == NULL || !is_allowed(full)))
		return err_set(err, ERR_CONFIG,
			FULL_URI
			" is neither https:// nor http:// to this machine or its link");
	*ret_url = relative != NULL ? xasprintf(ECS_AGENT "%s", relative)
				    : xstrdup(full);
	return 0;
}

/* Neither is logged: a token, and the name of a file with one. */
static int
read_token(struct secret *ret, struct err *err)
{
	const char *path = ec2_env(TOKEN_FILE), *token = ec2_env(TOKEN);
	AUTO(buf_wipe) struct buf text = {0};

	if (path != NULL) {
		if (file_read(path, TOKEN_MAX, false, &text, NULL, err) < 0)
			return err_wrap(err, TOKEN_FILE);
		while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]))
			text.data[--text.len] = '\0';
		token = buf_str(&text);
	}
	if (token != NULL && (token[0] == '\0' || strpbrk(token, "\r\n") != NULL))
		return err_set(err, ERR_CONFIG, "%s holds none that could be sent",
			path != NULL ? TOKEN_FILE : TOKEN);
	secret_set(ret, token);
	return 0;
}

static void
call_free(struct container_call *call)
{
	loop_poke_clear(&call->next);
	secret_fini(&call->token);
	free(call->url);
	free(call->ca_file);
	free(call);
}

void
container_cancel(struct container_call *call)
{
	if (call == NULL)
		return;
	http_cancel(call->flight);
	call_free(call);
}

static void
give(struct container_call *call, struct keyset *keys, struct err *err)
{
	if (keys == NULL)
		err_wrap(err, "container credentials");
	call->done(call->arg, keys != NULL ? LOOK_FOUND : LOOK_FAILED, keys, err);
	call_free(call);
}

static void
on_reply(void *arg, const struct http_reply *reply)
{
	struct container_call *call = arg;
	bool is_bad = !reply->complete || reply->status >= 500;
	bool may_pass = is_bad || reply->status == 429;
	AUTO(keyset) struct keyset keys = {0};
	struct err err = {0};

	call->flight = NULL;
	if (is_bad && !call->repeated) {
		call->repeated = true;
		loop_poke(&call->next);
		return;
	}
	if (!reply->complete)
		err_set(&err, ERR_NETWORK, "%s", reply->error);
	else if (reply->status != 200)
		err_set(&err, may_pass ? ERR_NETWORK : ERR_SERVICE, "HTTP status %ld",
			reply->status);
	else if (keyset_parse_json(reply->body, reply->body_len, &keys, &err) == 0)
		err_clear(&err);
	give(call, keys.id != NULL ? &keys : NULL, &err);
}

static void
on_next(void *arg)
{
	struct container_call *call = arg;
	const struct http_header header = {"Authorization", call->token.text};
	struct http_request request = {
		.method = "GET",
		.url = call->url,
		.headers = &header,
		.header_count = call->token.text != NULL,
		.ca_file = call->ca_file,
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS,
		.reply_max = REPLY_MAX,
	};

	if (call->url == NULL) {
		give(call, NULL, &call->err);
		return;
	}
	request.plain = strncasecmp(call->url, "http://", 7) == 0;
	request.no_proxy = request.plain;
	call->flight = http_start(call->http, &request, on_reply, call);
}

struct container_call *
container_start(struct loop *loop, struct http *http, const char *ca_file,
	keyset_done *done, void *arg)
{
	struct container_call *call = NEW(struct container_call);

	call->http = http;
	call->ca_file = xstrdup_opt(ca_file);
	call->done = done;
	call->arg = arg;
	if (read_token(&call->token, &call->err) == 0)
		(void)container_url(&call->url, &call->err); /* NULL then */
	loop_poke_init(&call->next, loop, on_next, call);
	loop_poke(&call->next);
	return call;
}
