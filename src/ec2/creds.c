/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of places where keys may come from, and those who wait for them. Looking is
 * done once in a turn for all who asked in it; they are answered one by one, and any of
 * them may let go of the set meanwhile.
 */
#include "ec2/creds.h"

#include "base/err.h"
#include "base/mem.h"
#include "ec2/profile.h"
#include "ec2/sigv4.h"
#include "sys/loop.h"

#include <string.h>
#include <utlist.h>

/* A link of the chain. */
struct provider {
	char *(*name)(const struct ec2_creds_source *); /* NULL: does not apply */
	enum look (
		*look)(const struct ec2_creds_source *, struct keyset *, struct err *);
	bool can_change; /* while we run */
};

struct ec2_creds {
	unsigned refs;
	char *identifier, *profile, *credentials_file, *config_file;
	struct secret secret, token;
	struct ec2_creds_source source; /* borrows from the members above */
	char *name;
	const struct provider *provider; /* where the keys in use come from, or NULL */
	struct keyset keys;              /* in use; id NULL: none yet */
	unsigned serial;
	bool stale; /* refused: look again before the next answer */
	struct ec2_creds_call *waiting, *answering;
	struct loop_poke poke;
};

struct ec2_creds_call {
	struct ec2_creds_call **list; /* the one it is in */
	ec2_creds_done *done;
	void *arg;
	struct ec2_creds_call *prev, *next;
};

static const char *
env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static enum look
take(const char *id, const char *secret, const char *token, struct keyset *ret)
{
	ret->id = xstrdup(id);
	secret_set(&ret->secret, secret);
	secret_set(&ret->token, token);
	return LOOK_FOUND;
}

static enum look
half(struct err *err, const char *has, const char *lacks)
{
	err_set(err, ERR_CONFIG, "%s is given without %s", has, lacks);
	err->reason = REASON_AUTH;
	return LOOK_FAILED;
}

static char *
name_explicit(const struct ec2_creds_source *source)
{
	return source->identifier != NULL ? xasprintf("keys:%s", source->identifier)
					  : NULL;
}

static enum look
look_explicit(const struct ec2_creds_source *source, struct keyset *ret,
	struct err *err)
{
	if (source->identifier == NULL)
		return LOOK_NONE;
	if (source->secret == NULL)
		return half(err, "identifier", "secret_identifier");
	return take(source->identifier, source->secret, source->session_token, ret);
}

static bool
is_environment(const struct ec2_creds_source *source)
{
	return source->profile == NULL && env("AWS_ACCESS_KEY_ID") != NULL;
}

static char *
name_environment(const struct ec2_creds_source *source)
{
	return is_environment(source) ? xstrdup("environment") : NULL;
}

static enum look
look_environment(const struct ec2_creds_source *source, struct keyset *ret,
	struct err *err)
{
	if (!is_environment(source))
		return LOOK_NONE;
	if (env("AWS_SECRET_ACCESS_KEY") == NULL)
		return half(err, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
	return take(env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY"),
		env("AWS_SESSION_TOKEN"), ret);
}

static char *
name_profile(const struct ec2_creds_source *source)
{
	return xasprintf("profile:%s", profile_name(source));
}

static const struct provider providers[] = {
	{name_explicit, look_explicit, false},
	{name_environment, look_environment, false},
	{name_profile, profile_keys, true},
};

static void
set_name(struct ec2_creds *c)
{
	for (size_t i = 0; c->name == NULL && i < COUNT_OF(providers); i++)
		c->name = providers[i].name(&c->source);
}

/* Keys that were good once outlive a look that finds none. */
static void
look(struct ec2_creds *c, struct err *err)
{
	struct keyset found = {0};
	enum look result = LOOK_NONE;
	size_t i;

	for (i = 0; result == LOOK_NONE && i < COUNT_OF(providers); i++)
		result = providers[i].look(&c->source, &found, err);
	c->stale = false;
	c->serial++;
	if (result != LOOK_FOUND)
		return;
	keyset_fini(&c->keys);
	c->keys = found;
	c->provider = &providers[i - 1];
}

static void
answer_all(struct ec2_creds *c, const struct err *err)
{
	while (c->answering != NULL) {
		struct ec2_creds_call *call = c->answering;
		const struct sigv4_keys keys = {
			.id = c->keys.id,
			.secret = c->keys.secret.text,
			.token = c->keys.token.text,
		};

		DL_DELETE(c->answering, call);
		call->done(call->arg, keys.id != NULL ? &keys : NULL, err);
		free(call);
	}
}

static void
on_poke(void *arg)
{
	struct ec2_creds *c = ec2_creds_ref(arg);
	struct ec2_creds_call *call;
	struct err err = {0};

	/* Those who ask from now on are answered in another round. */
	DL_FOREACH(c->waiting, call)
		call->list = &c->answering;
	c->answering = c->waiting;
	c->waiting = NULL;
	if (c->answering != NULL && (c->keys.id == NULL || c->stale))
		look(c, &err);
	answer_all(c, &err);
	ec2_creds_unref(c);
}

struct ec2_creds *
ec2_creds_new(struct loop *loop, const struct ec2_creds_source *source)
{
	struct ec2_creds *c = NEW(struct ec2_creds);

	c->refs = 1;
	c->identifier = xstrdup_opt(source->identifier);
	c->profile = xstrdup_opt(source->profile);
	c->credentials_file = xstrdup_opt(source->shared_credentials_file);
	c->config_file = xstrdup_opt(source->config_file);
	secret_set(&c->secret, source->secret);
	secret_set(&c->token, source->session_token);
	c->source = (struct ec2_creds_source){
		.identifier = c->identifier,
		.secret = c->secret.text,
		.session_token = c->token.text,
		.profile = c->profile,
		.shared_credentials_file = c->credentials_file,
		.config_file = c->config_file,
	};
	set_name(c);
	loop_poke_init(&c->poke, loop, on_poke, c);
	return c;
}

struct ec2_creds *
ec2_creds_ref(struct ec2_creds *c)
{
	c->refs++;
	return c;
}

static void
free_calls(struct ec2_creds_call *list)
{
	struct ec2_creds_call *call, *tmp;

	DL_FOREACH_SAFE(list, call, tmp)
		free(call);
}

void
ec2_creds_unref(struct ec2_creds *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	loop_poke_clear(&c->poke);
	free_calls(c->waiting);
	free_calls(c->answering);
	keyset_fini(&c->keys);
	secret_fini(&c->secret);
	secret_fini(&c->token);
	free(c->identifier);
	free(c->profile);
	free(c->credentials_file);
	free(c->config_file);
	free(c->name);
	free(c);
}

const char *
ec2_creds_name(const struct ec2_creds *c)
{
	return c->name;
}

bool
ec2_creds_is(const struct ec2_creds *c, const struct ec2_creds_source *source)
{
	const struct ec2_creds_source *own = &c->source;

	return str_equal(own->identifier, source->identifier) &&
		str_equal(own->secret, source->secret) &&
		str_equal(own->session_token, source->session_token) &&
		str_equal(own->profile, source->profile) &&
		str_equal(own->shared_credentials_file,
			source->shared_credentials_file) &&
		str_equal(own->config_file, source->config_file);
}

struct ec2_creds_call *
ec2_creds_get(struct ec2_creds *c, ec2_creds_done *done, void *arg)
{
	struct ec2_creds_call *call = NEW(struct ec2_creds_call);

	call->list = &c->waiting;
	call->done = done;
	call->arg = arg;
	DL_APPEND(c->waiting, call);
	loop_poke(&c->poke);
	return call;
}

void
ec2_creds_cancel(struct ec2_creds_call *call)
{
	if (call == NULL)
		return;
	DL_DELETE(*call->list, call);
	free(call);
}

unsigned
ec2_creds_serial(const struct ec2_creds *c)
{
	return c->serial;
}

bool
ec2_creds_invalidate(struct ec2_creds *c, unsigned serial)
{
	if (c->provider == NULL || !c->provider->can_change)
		return false;
	if (serial == c->serial)
		c->stale = true;
	return true;
}

char *
ec2_default_region(const struct ec2_creds_source *source)
{
	const char *region = env("AWS_REGION");
	char *of_profile;

	if (region == NULL)
		region = env("AWS_DEFAULT_REGION");
	if (region != NULL)
		return xstrdup(region);
	of_profile = profile_region(source);
	return of_profile != NULL ? of_profile : xstrdup("us-east-1");
}
