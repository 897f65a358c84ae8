/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of the places, as boto3 has it (EC2.md 9), is the table below. A place has
 * nothing, and the next is asked; or it has keys; or it was meant and fails, and nobody else
 * is asked: other keys would be somebody else's.
 */
#include "ec2/seek.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/container.h"
#include "ec2/creds.h"
#include "ec2/imds.h"
#include "ec2/keyset.h"
#include "ec2/plan.h"
#include "ec2/profile.h"
#include "ec2/sts.h"
#include "sys/file.h"
#include "sys/http.h"
#include "sys/loop.h"

#include <string.h>

#define TOKEN_MAX 65536u

#define WEB_ROLE "AWS_ROLE_ARN"
#define WEB_TOKEN_FILE "AWS_WEB_IDENTITY_TOKEN_FILE"

struct seek {
	struct loop *loop; /* borrowed, as are these */
	struct http *http;
	const struct ec2_creds_source *source;
	seek_done *done;
	void *arg;

	size_t place;     /* the next to be asked */
	size_t role;      /* the next to be assumed, once there are keys */
	struct plan plan; /* of the profile; the configured role is its last one */
	bool plan_first;  /* it goes before a web identity of the environment */
	enum look plan_look;
	struct err plan_err;
	struct keyset keys;
	struct buf tried; /* "place: what was seen; ..." */
	bool can_change, has_asked;

	/* At most one of these is under way. */
	struct imds_call *imds;
	struct container_call *container;
	struct sts_call *sts;
	struct loop_poke next;
};

/* pending: it will be answered. */
typedef enum look ask_fn(struct seek *s, bool *ret_pending, struct err *err);

static void on_keys(void *arg, enum look look, struct keyset *keys,
	const struct err *err);

static enum look
none(struct err *err, const char *why)
{
	err_set(err, ERR_CONFIG, "%s", why);
	return LOOK_NONE;
}

static enum look
half(struct err *err, const char *has, const char *lacks)
{
	err_set(err, ERR_CONFIG, "%s is given without %s", has, lacks);
	return LOOK_FAILED;
}

static enum look
take(struct seek *s, const char *id, const char *secret, const char *token)
{
	s->keys.id = xstrdup(id);
	secret_set(&s->keys.secret, secret);
	secret_set(&s->keys.token, token);
	return LOOK_FOUND;
}

static enum look
ask_configuration(struct seek *s, bool *ret_pending, struct err *err)
{
	const struct ec2_creds_source *source = s->source;

	(void)ret_pending;
	if (source->identifier == NULL)
		return none(err, "no identifier");
	if (source->secret == NULL)
		return half(err, "identifier", "secret_identifier");
	return take(s, source->identifier, source->secret, source->session_token);
}

static enum look
take_environment(struct seek *s, struct err *err)
{
	if (ec2_env("AWS_ACCESS_KEY_ID") == NULL)
		return none(err, "no AWS_ACCESS_KEY_ID");
	if (ec2_env("AWS_SECRET_ACCESS_KEY") == NULL)
		return half(err, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
	return take(s, ec2_env("AWS_ACCESS_KEY_ID"), ec2_env("AWS_SECRET_ACCESS_KEY"),
		ec2_env("AWS_SESSION_TOKEN"));
}

static enum look
ask_environment(struct seek *s, bool *ret_pending, struct err *err)
{
	(void)ret_pending;
	if (s->source->profile != NULL)
		return none(err, "a profile is configured");
	return take_environment(s, err);
}

static struct sts_conf
sts_of(const struct seek *s)
{
	return (struct sts_conf){
		.loop = s->loop,
		.http = s->http,
		.endpoint = s->source->sts_endpoint,
		.region = s->source->region != NULL ? s->source->region : "us-east-1",
		.ca_file = s->source->ca_file,
	};
}

/* The file is read anew each time, for it rotates; in pods it is a symbolic link. */
static enum look
start_web(struct seek *s, const struct role *role, const char *path, bool *ret_pending,
	struct err *err)
{
	const struct sts_conf conf = sts_of(s);
	AUTO(buf_wipe) struct buf token = {0};

	if (file_read(path, TOKEN_MAX, false, &token, NULL, err) < 0)
		return LOOK_FAILED;
	while (token.len > 0 && strchr(" \t\r\n", token.data[token.len - 1]) != NULL)
		token.data[--token.len] = '\0';
	if (token.len == 0 || strlen(token.data) != token.len) {
		err_set(err, ERR_CONFIG, "%s holds no token", path);
		return LOOK_FAILED;
	}
	s->sts = sts_web_identity(&conf, role, token.data, on_keys, s);
	*ret_pending = true;
	return LOOK_NONE;
}

static enum look
start_imds(struct seek *s, bool *ret_pending, struct err *err)
{
	AUTO(free) char *endpoint = imds_endpoint(s->source->imds_endpoint);

	if (imds_is_disabled())
		return none(err,
			"instance metadata: turned off by AWS_EC2_METADATA_DISABLED");
	s->imds = imds_start(s->loop, s->http, endpoint, on_keys, s);
	*ret_pending = true;
	return LOOK_NONE;
}

static enum look
start_container(struct seek *s, bool *ret_pending, struct err *err)
{
	if (!container_is_set())
		return none(err,
			"no AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI");
	s->container = container_start(s->loop, s->http, s->source->ca_file, on_keys,
		s);
	*ret_pending = true;
	return LOOK_NONE;
}

/* A place that a profile names must have keys. */
static enum look
must(enum look look, bool pending)
{
	return look == LOOK_NONE && !pending ? LOOK_FAILED : look;
}

static enum look
follow_plan(struct seek *s, bool *ret_pending, struct err *err)
{
	enum look look = LOOK_NONE;

	switch (s->plan.base) {
	case PLAN_KEYS:
		keyset_move(&s->keys, &s->plan.keys);
		s->can_change = true; /* files do */
		return LOOK_FOUND;
	case PLAN_ENVIRONMENT: look = take_environment(s, err); break;
	case PLAN_CONTAINER: look = start_container(s, ret_pending, err); break;
	case PLAN_IMDS: look = start_imds(s, ret_pending, err); break;
	case PLAN_WEB_IDENTITY:
		look = start_web(s, &s->plan.web, s->plan.token_file, ret_pending, err);
		break;
	}
	return must(look, *ret_pending);
}

static enum look
ask_profile(struct seek *s, bool *ret_pending, struct err *err)
{
	if (s->plan_look != LOOK_FOUND) {
		*err = s->plan_err;
		return s->plan_look;
	}
	return follow_plan(s, ret_pending, err);
}

static enum look
ask_profile_role(struct seek *s, bool *ret_pending, struct err *err)
{
	s->plan_look = plan_read(s->source, &s->plan, &s->plan_first, &s->plan_err);
	err_clear(err); /* the profile has its turn again */
	return s->plan_first ? ask_profile(s, ret_pending, err) : LOOK_NONE;
}

static bool
has_web_environment(const struct ec2_creds_source *source)
{
	return source->profile == NULL && ec2_env(WEB_TOKEN_FILE) != NULL;
}

static enum look
ask_web(struct seek *s, bool *ret_pending, struct err *err)
{
	const char *session = ec2_env("AWS_ROLE_SESSION_NAME");
	struct role role = {.duration_s = 0};
	enum look look;

	if (!has_web_environment(s->source))
		return none(err,
			s->source->profile != NULL ? "a profile is configured"
						   : "no " WEB_TOKEN_FILE);
	if (ec2_env(WEB_ROLE) == NULL)
		return half(err, WEB_TOKEN_FILE, WEB_ROLE);
	role.arn = xstrdup(ec2_env(WEB_ROLE));
	role.session = xstrdup_opt(session != NULL ? session : s->source->session_name);
	look = start_web(s, &role, ec2_env(WEB_TOKEN_FILE), ret_pending, err);
	role_fini(&role);
	return look;
}

/* name: NULL where the error says it itself. */
static const struct {
	const char *name;
	ask_fn *ask;
} places[] = {
	{"configuration", ask_configuration},
	{"environment", ask_environment},
	{NULL, ask_profile_role},
	{"web identity", ask_web},
	{NULL, ask_profile},
	{"container", start_container},
	{NULL, start_imds},
};

static void
seek_free(struct seek *s)
{
	loop_poke_clear(&s->next);
	plan_fini(&s->plan);
	keyset_fini(&s->keys);
	buf_fini(&s->tried);
	free(s);
}

void
seek_cancel(struct seek *s)
{
	if (s == NULL)
		return;
	imds_cancel(s->imds);
	container_cancel(s->container);
	sts_cancel(s->sts);
	seek_free(s);
}

static void
finish(struct seek *s, const struct err *err)
{
	const struct seek_result result = {
		.keys = s->keys.id != NULL ? &s->keys : NULL,
		.err = err,
		.can_change = s->can_change || s->has_asked,
		.has_asked = s->has_asked,
	};

	s->done(s->arg, &result);
	seek_free(s);
}

/* What was meant comes first: the list behind it may be cut. */
static void
give_up(struct seek *s, const struct err *why)
{
	struct err err = *why;

	keyset_fini(&s->keys);
	if (s->tried.len > 0)
		err_set(&err, why->code, "no credentials: %s; before that, %s",
			why->text, buf_str(&s->tried));
	else
		err_set(&err, why->code, "no credentials: %s", why->text);
	err_origin(&err, why->origin, why->origin_text, why->request_id);
	err.reason = REASON_AUTH;
	finish(s, &err);
}

/* Somebody who is never there is no fault that passes, unless we were told of him. */
static void
give_up_all(struct seek *s, const struct err *last)
{
	bool is_meant = s->source->imds_endpoint != NULL && last->code == ERR_NETWORK;
	struct err err;

	err_set(&err, is_meant ? ERR_NETWORK : ERR_CONFIG, "no credentials: %s",
		buf_str(&s->tried));
	err.reason = REASON_AUTH;
	finish(s, &err);
}

static void
note(struct seek *s, const char *place, const struct err *err)
{
	if (err->text[0] == '\0')
		return;
	if (s->tried.len > 0)
		buf_puts(&s->tried, "; ");
	if (place != NULL)
		buf_printf(&s->tried, "%s: ", place);
	buf_puts(&s->tried, err->text);
}

static void
take_look(struct seek *s, enum look look, const struct err *err)
{
	switch (look) {
	case LOOK_FOUND: loop_poke(&s->next); return;
	case LOOK_FAILED: give_up(s, err); return;
	case LOOK_NONE:
		note(s, places[s->place - 1].name, err);
		if (s->place < COUNT_OF(places))
			loop_poke(&s->next);
		else
			give_up_all(s, err);
		return;
	}
}

static void
on_keys(void *arg, enum look look, struct keyset *keys, const struct err *err)
{
	struct seek *s = arg;

	s->imds = NULL;
	s->container = NULL;
	s->sts = NULL;
	s->has_asked = true;
	if (keys != NULL)
		keyset_move(&s->keys, keys);
	/* What a plan names is not passed over. */
	if (look == LOOK_NONE && places[s->place - 1].ask != start_imds)
		look = LOOK_FAILED;
	take_look(s, look, err);
}

static void
assume(struct seek *s)
{
	const struct role *role = &s->plan.roles[s->role++];
	const struct sts_conf conf = sts_of(s);

	s->sts = sts_assume(&conf, &s->keys, role, on_keys, s);
}

static void
ask(struct seek *s)
{
	bool pending = false;
	struct err err = {0};
	enum look look;
	size_t place = s->place++;

	look = places[place].ask(s, &pending, &err);
	if (pending)
		return;
	if (look == LOOK_FAILED && places[place].name != NULL)
		err_wrap(&err, "%s", places[place].name);
	take_look(s, look, &err);
}

static void
add_configured_role(struct seek *s)
{
	const struct ec2_creds_source *source = s->source;
	struct role role = {
		.arn = xstrdup(source->role_arn),
		.external_id = xstrdup_opt(source->external_id),
		.session = xstrdup_opt(source->session_name),
	};

	plan_add_role(&s->plan, &role);
}

static void
on_next(void *arg)
{
	struct seek *s = arg;

	if (s->keys.id == NULL) {
		ask(s);
		return;
	}
	/* The profile's roles count only if its keys are those that were found. */
	if (s->role == 0 && places[s->place - 1].ask != ask_profile_role)
		plan_fini(&s->plan);
	if (s->role == 0 && s->source->role_arn != NULL)
		add_configured_role(s);
	if (s->role < s->plan.role_count)
		assume(s);
	else
		finish(s, NULL);
}

struct seek *
seek_start(struct loop *loop, struct http *http, const struct ec2_creds_source *source,
	seek_done *done, void *arg)
{
	struct seek *s = NEW(struct seek);

	s->loop = loop;
	s->http = http;
	s->source = source;
	s->done = done;
	s->arg = arg;
	loop_poke_init(&s->next, loop, on_next, s);
	loop_poke(&s->next);
	return s;
}

/* Without asking anybody: whether the profile leads anywhere. */
static bool
has_profile(const struct ec2_creds_source *source)
{
	struct plan plan = {.base = PLAN_KEYS};
	bool first;
	enum look look = plan_read(source, &plan, &first, NULL);

	if (look == LOOK_FOUND)
		plan_fini(&plan);
	return look != LOOK_NONE;
}

char *
seek_name(const struct ec2_creds_source *source)
{
	if (source->role_arn != NULL)
		return xasprintf("role:%s", source->role_arn);
	if (source->identifier != NULL)
		return xasprintf("keys:%s", source->identifier);
	if (source->profile == NULL && ec2_env("AWS_ACCESS_KEY_ID") != NULL)
		return xstrdup("environment");
	if (has_web_environment(source) && ec2_env(WEB_ROLE) != NULL)
		return xasprintf("web-identity:%s", ec2_env(WEB_ROLE));
	if (source->profile == NULL && !has_profile(source)) {
		if (container_is_set())
			return xstrdup("container");
		if (!imds_is_disabled())
			return xstrdup("imds");
	}
	return xasprintf("profile:%s", profile_name(source));
}
