/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a set is looked for, and what becomes of the outcome. One look serves all who wait;
 * they are answered one by one, and any of them may let go of the set meanwhile. Nothing
 * here wakes the daemon: keys are renewed when somebody asks for them.
 */
#include "ec2/creds.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "ec2/keyset.h"
#include "ec2/profile.h"
#include "ec2/seek.h"
#include "ec2/sigv4.h"
#include "sys/crypto.h"
#include "sys/loop.h"

#include <string.h>
#include <utlist.h>

/*
 * EC2.md 9: from 15 minutes before their end keys are renewed behind the scenes, from 10
 * minutes on everybody waits for that; keys with a short life have a share of it instead.
 */
#define RENEW_MS 900000
#define MUST_MS 600000
#define JITTER_MS 60000
/* A source that is down is asked again after 5 to 10 minutes as long as keys last. */
#define PAUSE_MIN_MS 300000
#define PAUSE_MAX_MS 600000
/* Without keys that work, whoever asks makes us look; but not in a hammering way. */
#define FLOOR_MS 1000

struct ec2_creds {
	unsigned refs;
	struct loop *loop; /* borrowed, as is http */
	struct http *http;
	char *identifier, *profile, *credentials_file, *config_file;
	char *role_arn, *external_id, *session_name;
	char *region, *sts_endpoint, *imds_endpoint, *ca_file;
	struct secret secret, token;
	struct ec2_creds_source source; /* borrows from the members above */
	char *name;
	struct rng rng;

	struct keyset keys; /* in use; id NULL: none yet */
	unsigned serial;
	bool stale;          /* refused: look again before the next answer */
	int64_t renew_wall;  /* from then on they are renewed; 0: never */
	int64_t must_wall;   /* from then on that is waited for; 0: never */
	int64_t lifetime_ms; /* what they had left when they came; 0: no end */

	struct seek *seek; /* under way, or NULL */
	bool outcome;      /* it has ended: all who wait are answered with that */
	bool has_looked, has_asked, can_change; /* the last look */
	int64_t looked_ms;
	int64_t pause_ms; /* after it, while keys last */
	struct err err;   /* of the last look; no code: it was good */
	int64_t trouble_wall;
	struct buf trouble; /* the sentence that was asked for last */
	void (*watch)(void *arg);
	void *watch_arg;

	struct ec2_creds_call *waiting, *answering;
	struct loop_poke poke;
};

struct ec2_creds_call {
	struct ec2_creds_call **list; /* the one it is in */
	ec2_creds_done *done;
	void *arg;
	struct ec2_creds_call *prev, *next;
};

static bool
has_keys(const struct ec2_creds *c)
{
	return c->keys.id != NULL;
}

static bool
is_usable(const struct ec2_creds *c)
{
	return has_keys(c) && !c->stale;
}

static bool
has_passed(int64_t wall)
{
	return wall != 0 && clock_wall_ms() >= wall;
}

/* Whoever asks waits for a look. */
static bool
must_look(const struct ec2_creds *c)
{
	return !is_usable(c) || has_passed(c->must_wall);
}

static bool
may_look(const struct ec2_creds *c)
{
	int64_t pause = is_usable(c) ? c->pause_ms : c->has_asked ? FLOOR_MS : 0;

	return !c->has_looked || clock_ms() - c->looked_ms >= pause;
}

static int64_t
below(struct ec2_creds *c, int64_t bound)
{
	return bound > 0 ? (int64_t)rng_below(&c->rng, (uint64_t)bound) : 0;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * Keys that have ended already may be good all the same: that is for EC2 to say, and others
 * are asked for in a while.
 */
static void
plan_renewal(struct ec2_creds *c)
{
	int64_t left = c->keys.expires_wall - clock_wall_ms();

	c->renew_wall = c->must_wall = c->lifetime_ms = 0;
	if (c->keys.expires_wall == 0)
		return;
	if (left <= 0) {
		c->renew_wall = clock_wall_ms();
		return;
	}
	c->lifetime_ms = left;
	c->must_wall = c->keys.expires_wall - least(MUST_MS, left / 6);
	c->renew_wall = c->keys.expires_wall - least(RENEW_MS, left / 4) -
		below(c, least(JITTER_MS, left / 16));
}

static int64_t
pause_of(struct ec2_creds *c)
{
	int64_t pause = PAUSE_MIN_MS + below(c, PAUSE_MAX_MS - PAUSE_MIN_MS);

	return c->lifetime_ms > 0 ? least(pause, c->lifetime_ms / 8) : pause;
}

/* A source that has trouble of its own hands out what it has: ours may be better. */
static bool
is_worse(const struct ec2_creds *c, const struct keyset *found)
{
	return is_usable(c) && found->expires_wall != 0 &&
		found->expires_wall <= clock_wall_ms() &&
		(c->keys.expires_wall == 0 ||
			c->keys.expires_wall >= found->expires_wall);
}

static void
take_keys(struct ec2_creds *c, struct keyset *found)
{
	err_clear(&c->err);
	if (found->expires_wall != 0 && found->expires_wall <= clock_wall_ms())
		err_set(&c->err, ERR_SERVICE, "the source hands out expired keys");
	if (!is_worse(c, found)) {
		keyset_move(&c->keys, found);
		plan_renewal(c);
	}
}

static void
note_trouble(struct ec2_creds *c)
{
	bool was = c->trouble_wall != 0, is = has_keys(c) && c->err.code != ERR_NONE;

	if (is && !was)
		c->trouble_wall = clock_wall_ms();
	else if (!is)
		c->trouble_wall = 0;
	if (is != was && c->watch != NULL)
		c->watch(c->watch_arg);
}

static void
on_found(void *arg, const struct seek_result *result)
{
	struct ec2_creds *c = arg;

	c->seek = NULL;
	c->has_looked = true;
	c->looked_ms = clock_ms();
	c->has_asked = result->has_asked;
	if (result->keys != NULL) {
		c->can_change = result->can_change;
		take_keys(c, result->keys);
	} else {
		c->err = *result->err;
	}
	c->stale = false;
	c->serial++;
	c->pause_ms = c->err.code != ERR_NONE ? pause_of(c) : 0;
	note_trouble(c);
	c->outcome = true;
	loop_poke(&c->poke);
}

static void
answer_all(struct ec2_creds *c)
{
	struct ec2_creds_call *call;
	struct err err = c->err;

	/* Those who ask from now on are answered in another round. */
	DL_FOREACH(c->waiting, call)
		call->list = &c->answering;
	c->answering = c->waiting;
	c->waiting = NULL;
	while ((call = c->answering) != NULL) {
		const struct sigv4_keys keys = {
			.id = c->keys.id,
			.secret = c->keys.secret.text,
			.token = c->keys.token.text,
		};

		DL_DELETE(c->answering, call);
		call->done(call->arg, keys.id != NULL ? &keys : NULL, &err);
		free(call);
	}
}

static void
on_poke(void *arg)
{
	struct ec2_creds *c = arg;
	bool must = must_look(c);

	if (!c->outcome && c->seek == NULL && c->waiting != NULL &&
		(must || has_passed(c->renew_wall)) && may_look(c))
		c->seek = seek_start(c->loop, c->http, &c->source, on_found, c);
	if (c->seek != NULL && must)
		return;
	c->outcome = false;
	ec2_creds_ref(c);
	answer_all(c);
	ec2_creds_unref(c);
}

static void
copy_source(struct ec2_creds *c, const struct ec2_creds_source *source)
{
	secret_set(&c->secret, source->secret);
	secret_set(&c->token, source->session_token);
	c->source = (struct ec2_creds_source){
		.identifier = c->identifier = xstrdup_opt(source->identifier),
		.secret = c->secret.text,
		.session_token = c->token.text,
		.profile = c->profile = xstrdup_opt(source->profile),
		.shared_credentials_file = c->credentials_file = xstrdup_opt(
			source->shared_credentials_file),
		.config_file = c->config_file = xstrdup_opt(source->config_file),
		.role_arn = c->role_arn = xstrdup_opt(source->role_arn),
		.external_id = c->external_id = xstrdup_opt(source->external_id),
		.session_name = c->session_name = xstrdup_opt(source->session_name),
		.region = c->region = xstrdup_opt(source->region),
		.sts_endpoint = c->sts_endpoint = xstrdup_opt(source->sts_endpoint),
		.imds_endpoint = c->imds_endpoint = xstrdup_opt(source->imds_endpoint),
		.ca_file = c->ca_file = xstrdup_opt(source->ca_file),
	};
}

struct ec2_creds *
ec2_creds_new(struct loop *loop, struct http *http,
	const struct ec2_creds_source *source)
{
	struct ec2_creds *c = NEW(struct ec2_creds);
	uint64_t seed;

	c->refs = 1;
	c->loop = loop;
	c->http = http;
	copy_source(c, source);
	c->name = seek_name(&c->source);
	crypto_random(&seed, sizeof(seed));
	rng_seed(&c->rng, seed);
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

static void
free_source(struct ec2_creds *c)
{
	char *const texts[] = {c->identifier, c->profile, c->credentials_file,
		c->config_file, c->role_arn, c->external_id, c->session_name, c->region,
		c->sts_endpoint, c->imds_endpoint, c->ca_file};

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		free(texts[i]);
	secret_fini(&c->secret);
	secret_fini(&c->token);
}

void
ec2_creds_unref(struct ec2_creds *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	seek_cancel(c->seek);
	loop_poke_clear(&c->poke);
	free_calls(c->waiting);
	free_calls(c->answering);
	keyset_fini(&c->keys);
	buf_fini(&c->trouble);
	free_source(c);
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
	const char *const pairs[][2] = {
		{own->identifier, source->identifier},
		{own->secret, source->secret},
		{own->session_token, source->session_token},
		{own->profile, source->profile},
		{own->shared_credentials_file, source->shared_credentials_file},
		{own->config_file, source->config_file},
		{own->role_arn, source->role_arn},
		{own->external_id, source->external_id},
		{own->session_name, source->session_name},
		{own->region, source->region},
		{own->sts_endpoint, source->sts_endpoint},
		{own->imds_endpoint, source->imds_endpoint},
		{own->ca_file, source->ca_file},
	};

	for (size_t i = 0; i < COUNT_OF(pairs); i++)
		if (!str_equal(pairs[i][0], pairs[i][1]))
			return false;
	return true;
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
	if (!c->can_change)
		return false;
	if (serial != c->serial)
		return true; /* there are others by now */
	if (c->has_asked && clock_ms() - c->looked_ms < FLOOR_MS)
		return false;
	c->stale = true;
	return true;
}

bool
ec2_creds_trouble(struct ec2_creds *c, struct ec2_creds_trouble *ret)
{
	char span[CLOCK_TEXT_SIZE];
	int64_t left = c->keys.expires_wall - clock_wall_ms();

	if (c->trouble_wall == 0)
		return false;
	buf_clear(&c->trouble);
	if (c->keys.expires_wall == 0)
		buf_puts(&c->trouble, "the keys in use stay: ");
	else
		buf_printf(&c->trouble,
			left > 0 ? "the keys in use last another %s: "
				 : "the keys in use have expired %s ago: ",
			clock_span(left > 0 ? left : -left, span));
	buf_puts(&c->trouble, c->err.text);
	*ret = (struct ec2_creds_trouble){buf_str(&c->trouble), c->trouble_wall};
	return true;
}

void
ec2_creds_watch(struct ec2_creds *c, void (*fn)(void *arg), void *arg)
{
	c->watch = fn;
	c->watch_arg = arg;
}

char *
ec2_default_region(const struct ec2_creds_source *source)
{
	const char *region = ec2_env("AWS_REGION");
	char *of_profile;

	if (region == NULL)
		region = ec2_env("AWS_DEFAULT_REGION");
	if (region != NULL)
		return xstrdup(region);
	of_profile = profile_region(source);
	return of_profile != NULL ? of_profile : xstrdup("us-east-1");
}
