/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of a profile's keys decides where its credentials come from, in boto3's order. A way
 * that we cannot go is an error: other keys that happen to lie about would be somebody
 * else's.
 */
#include "ec2/plan.h"

#include "base/err.h"
#include "base/mem.h"
#include "ec2/creds.h"
#include "ec2/profile.h"

#include <stdbool.h>
#include <string.h>

#define PROFILES_MAX 8u /* that lead from one to the next */
#define DURATION_MIN_S 900u
#define DURATION_MAX_S 43200u

struct planner {
	struct profiles *files;
	const struct ec2_creds_source *source;
	const char *visited[PROFILES_MAX];
	size_t visited_count;
	struct plan plan; /* its roles from the outermost inwards */
	struct err *err;
};

typedef enum look take_fn(struct planner *p, const char *name, enum profile_file file);

static enum look take_role(struct planner *p, const char *name, enum profile_file file);
static enum look take_web(struct planner *p, const char *name, enum profile_file file);
static enum look take_keys(struct planner *p, const char *name, enum profile_file file);

/* Its presence chooses this way. unsupported: what it would take. */
static const struct way {
	const char *key;
	bool in[PROFILE_FILES];
	take_fn *take;
	const char *unsupported;
} ways[] = {
	{"web_identity_token_file", {true, true}, take_web, NULL},
	{"role_arn", {true, true}, take_role, NULL},
	{"sso_session", {true, true}, NULL, "single sign-on, which needs a person"},
	{"sso_start_url", {true, true}, NULL, "single sign-on, which needs a person"},
	{"aws_access_key_id", {[PROFILE_CREDENTIALS] = true}, take_keys, NULL},
	{"credential_process", {true, true}, NULL,
		"a program that prints credentials, which is never run"},
	{"aws_access_key_id", {[PROFILE_CONFIG] = true}, take_keys, NULL},
};

static const struct {
	const char *word;
	enum plan_base base;
} sources[] = {
	{"Environment", PLAN_ENVIRONMENT},
	{"EcsContainer", PLAN_CONTAINER},
	{"Ec2InstanceMetadata", PLAN_IMDS},
};

static enum look
fail(struct planner *p)
{
	if (p->err != NULL)
		p->err->reason = REASON_AUTH;
	return LOOK_FAILED;
}

/* Both files are one: what stands in the credentials file goes before the other. */
static const char *
get(const struct planner *p, const char *name, const char *key)
{
	const char *value = profile_get(p->files, name, PROFILE_CREDENTIALS, key);

	return value != NULL ? value : profile_get(p->files, name, PROFILE_CONFIG, key);
}

static enum look
take_keys(struct planner *p, const char *name, enum profile_file file)
{
	const char *id = profile_get(p->files, name, file, "aws_access_key_id");
	const char *secret = profile_get(p->files, name, file, "aws_secret_access_key");
	struct keyset *keys = &p->plan.keys;

	if (secret == NULL) {
		err_set(p->err, ERR_CONFIG,
			"%s: profile '%s' has aws_access_key_id without "
			"aws_secret_access_key",
			profile_path(p->files, file), name);
		return fail(p);
	}
	if (profile_open_to_others(p->files, file)) {
		err_set(p->err, ERR_CONFIG,
			"%s: holds AWS keys and can be read or written by group or "
			"others; chmod 600 it",
			profile_path(p->files, file));
		return fail(p);
	}
	p->plan.base = PLAN_KEYS;
	keys->id = xstrdup(id);
	secret_set(&keys->secret, secret);
	secret_set(&keys->token,
		profile_get(p->files, name, file, "aws_session_token"));
	return LOOK_FOUND;
}

/* Whatever is said of a role except where its keys come from. */
static int
read_role(struct planner *p, const char *name, struct role *ret)
{
	const char *duration = get(p, name, "duration_seconds");
	const char *session = get(p, name, "role_session_name");
	char *end = NULL;
	unsigned long seconds = 0;

	if (duration != NULL) {
		seconds = strtoul(duration, &end, 10);
		if (*end != '\0' || seconds < DURATION_MIN_S ||
			seconds > DURATION_MAX_S)
			return err_set(p->err, ERR_CONFIG,
				"profile '%s': duration_seconds is not a number from %u to %u",
				name, DURATION_MIN_S, DURATION_MAX_S);
	}
	*ret = (struct role){
		.arn = xstrdup_opt(get(p, name, "role_arn")),
		.external_id = xstrdup_opt(get(p, name, "external_id")),
		.session = xstrdup_opt(
			session != NULL ? session : p->source->session_name),
		.duration_s = (unsigned)seconds,
	};
	return 0;
}

static enum look
take_web(struct planner *p, const char *name, enum profile_file file)
{
	(void)file;
	if (get(p, name, "role_arn") == NULL) {
		err_set(p->err, ERR_CONFIG,
			"profile '%s' has web_identity_token_file without role_arn",
			name);
		return fail(p);
	}
	if (read_role(p, name, &p->plan.web) < 0)
		return fail(p);
	p->plan.base = PLAN_WEB_IDENTITY;
	p->plan.token_file = xstrdup(get(p, name, "web_identity_token_file"));
	return LOOK_FOUND;
}

static enum look
take_source(struct planner *p, const char *name, const char *source)
{
	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		if (strcmp(sources[i].word, source) != 0)
			continue;
		p->plan.base = sources[i].base;
		return LOOK_FOUND;
	}
	err_set(p->err, ERR_CONFIG,
		"profile '%s': credential_source is '%s', not Environment, EcsContainer or "
		"Ec2InstanceMetadata",
		name, source);
	return fail(p);
}

static enum look
take_way(struct planner *p, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		const struct way *way = &ways[i];

		for (int f = 0; f < PROFILE_FILES; f++) {
			enum profile_file file = (enum profile_file)f;

			if (!way->in[f] ||
				profile_get(p->files, name, file, way->key) == NULL)
				continue;
			if (way->take != NULL)
				return way->take(p, name, file);
			err_set(p->err, ERR_CONFIG,
				"%s: profile '%s' has %s, but %s, is not supported",
				profile_path(p->files, file), name, way->key,
				way->unsupported);
			return fail(p);
		}
	}
	return LOOK_NONE;
}

static enum look
take_static_keys(struct planner *p, const char *name)
{
	for (int f = 0; f < PROFILE_FILES; f++)
		if (profile_get(p->files, name, (enum profile_file)f,
			    "aws_access_key_id") != NULL)
			return take_keys(p, name, (enum profile_file)f);
	return LOOK_NONE;
}

/* One more profile on the way, which must not come back to one before. */
static int
visit(struct planner *p, const char *name, const char *source)
{
	for (size_t i = 0; i < p->visited_count; i++)
		if (strcmp(p->visited[i], source) == 0)
			return err_set(p->err, ERR_CONFIG,
				"profile '%s': source_profile leads back to '%s'", name,
				source);
	if (p->visited_count == PROFILES_MAX)
		return err_set(p->err, ERR_CONFIG,
			"profile '%s': more than %u profiles lead from one to the next",
			name, PROFILES_MAX);
	p->visited[p->visited_count++] = source;
	return 0;
}

/* The profile that a role's keys come from: keys of its own go before a role of its own. */
static enum look
take_profile(struct planner *p, const char *name, const char *source)
{
	enum look look = take_static_keys(p, source);

	if (look != LOOK_NONE)
		return look;
	if (visit(p, name, source) < 0)
		return fail(p);
	look = take_way(p, source);
	if (look != LOOK_NONE)
		return look;
	err_set(p->err, ERR_CONFIG, "profile '%s': its source_profile '%s' %s", name,
		source,
		profile_exists(p->files, source) ? "has no keys" : "is nowhere");
	return fail(p);
}

static enum look
take_role(struct planner *p, const char *name, enum profile_file file)
{
	const char *profile = get(p, name, "source_profile");
	const char *source = get(p, name, "credential_source");
	const char *wrong = NULL;
	struct role role;

	(void)file;
	if (get(p, name, "mfa_serial") != NULL)
		wrong = "has mfa_serial, but nobody is here who could type a code";
	else if (profile == NULL && source == NULL)
		wrong = "has role_arn without source_profile or credential_source";
	else if (profile != NULL && source != NULL)
		wrong = "has both source_profile and credential_source";
	if (wrong != NULL) {
		err_set(p->err, ERR_CONFIG, "profile '%s' %s", name, wrong);
		return fail(p);
	}
	if (read_role(p, name, &role) < 0)
		return fail(p);
	plan_add_role(&p->plan, &role);
	return profile != NULL ? take_profile(p, name, profile)
			       : take_source(p, name, source);
}

/* A profile that somebody named must be there; one that is there may have no keys. */
static enum look
say_none(struct planner *p, const char *name)
{
	bool meant = p->source->profile != NULL || strcmp(name, "default") != 0;

	err_set(p->err, ERR_CONFIG, "%s: %s; %s: %s",
		profile_path(p->files, PROFILE_CREDENTIALS),
		profile_seen(p->files, name, PROFILE_CREDENTIALS),
		profile_path(p->files, PROFILE_CONFIG),
		profile_seen(p->files, name, PROFILE_CONFIG));
	err_wrap(p->err, "profile '%s'", name);
	(void)fail(p); /* sets the reason only */
	return meant && !profile_exists(p->files, name) ? LOOK_FAILED : LOOK_NONE;
}

static void
reverse_roles(struct plan *p)
{
	for (size_t i = 0; i < p->role_count / 2; i++) {
		struct role *a = &p->roles[i], *b = &p->roles[p->role_count - 1 - i];
		struct role kept = *a;

		*a = *b;
		*b = kept;
	}
}

static bool
has_role(const struct planner *p, const char *name)
{
	return get(p, name, "role_arn") != NULL &&
		get(p, name, "web_identity_token_file") == NULL;
}

enum look
plan_read(const struct ec2_creds_source *source, struct plan *ret, bool *ret_first,
	struct err *err)
{
	struct planner p = {.source = source, .err = err};
	const char *name = profile_name(source);
	enum look look;

	*ret_first = true;
	p.files = profiles_read(source, err);
	if (p.files == NULL)
		return fail(&p);
	*ret_first = has_role(&p, name);
	p.visited[p.visited_count++] = name;
	look = take_way(&p, name);
	if (look == LOOK_NONE)
		look = say_none(&p, name);
	profiles_free(p.files);
	if (look != LOOK_FOUND) {
		plan_fini(&p.plan);
		return look;
	}
	reverse_roles(&p.plan);
	*ret = p.plan;
	return look;
}

void
plan_add_role(struct plan *p, struct role *role_taken)
{
	p->roles = xreallocarray(p->roles, p->role_count + 1, sizeof(*p->roles));
	p->roles[p->role_count++] = *role_taken;
	*role_taken = (struct role){0};
}

void
role_fini(struct role *r)
{
	free(r->arn);
	free(r->external_id);
	free(r->session);
	*r = (struct role){0};
}

void
plan_fini(struct plan *p)
{
	for (size_t i = 0; i < p->role_count; i++)
		role_fini(&p->roles[i]);
	free(p->roles);
	role_fini(&p->web);
	free(p->token_file);
	keyset_fini(&p->keys);
	*p = (struct plan){0};
}
