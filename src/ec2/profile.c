/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file is looked at, which section is the profile's, and which of its keys decides
 * where credentials come from. A way that we cannot go is an error: other keys that happen
 * to lie about would be somebody else's.
 */
#include "ec2/profile.h"

#include "base/buf.h"
#include "base/err.h"
#include "ec2/creds.h"
#include "ec2/ini.h"
#include "sys/file.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536u

enum { CREDENTIALS, CONFIG, FILES };

/* One of the two files. */
struct place {
	char *path;          /* owned; NULL if there is no home to look in */
	bool prefixed;       /* its sections are "profile NAME" */
	bool open_to_others; /* it must not hold keys then */
	bool exists;
	struct ini ini;
};

struct profile {
	const char *name; /* borrowed */
	struct place places[FILES];
};

/* Why a profile has the credentials it has, in boto3's order. */
static const struct way {
	const char *key; /* its presence chooses this way */
	bool in[FILES];
	const char *unsupported; /* what it would take, or NULL: keys beside it */
} ways[] = {
	{"role_arn", {true, true}, "assuming a role"},
	{"web_identity_token_file", {true, true}, "a web identity"},
	{"sso_session", {true, true}, "single sign-on"},
	{"sso_start_url", {true, true}, "single sign-on"},
	{"aws_access_key_id", {[CREDENTIALS] = true}, NULL},
	{"credential_process", {true, true}, "a program that prints credentials"},
	{"aws_access_key_id", {[CONFIG] = true}, NULL},
};

static const char *
env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

const char *
profile_name(const struct ec2_creds_source *source)
{
	const char *name = source->profile;

	if (name == NULL)
		name = env("AWS_PROFILE");
	if (name == NULL)
		name = env("AWS_DEFAULT_PROFILE");
	return name != NULL ? name : "default";
}

/* NULL for a user without a home. */
static char *
home(void)
{
	const char *dir = env("HOME");
	char memory[4096];
	struct passwd pw, *found = NULL;

	if (dir != NULL)
		return xstrdup(dir);
	if (getpwuid_r(getuid(), &pw, memory, sizeof(memory), &found) != 0 ||
		found == NULL || pw.pw_dir == NULL || pw.pw_dir[0] == '\0')
		return NULL;
	return xstrdup(pw.pw_dir);
}

static char *
find_path(const char *configured, const char *variable, const char *below_home)
{
	AUTO(free) char *dir = home();
	const char *path = configured != NULL ? configured : env(variable);

	if (path != NULL && strncmp(path, "~/", 2) != 0)
		return xstrdup(path);
	if (dir == NULL)
		return NULL;
	return xasprintf("%s/%s", dir, path != NULL ? path + 2 : below_home);
}

static int
place_read(struct place *p, struct err *err)
{
	AUTO(buf_wipe) struct buf text = {0};
	struct file_info info;
	struct stat st;

	if (p->path == NULL)
		return 0;
	if (lstat(p->path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (file_read(p->path, FILE_MAX, true, &text, &info, err) < 0)
		return -1;
	if (ini_parse(buf_str(&text), text.len, &p->ini, err) < 0)
		return err_wrap(err, "%s", p->path);
	p->exists = true;
	p->open_to_others = info.others_read || info.others_write;
	return 0;
}

static void
profile_fini(struct profile *p)
{
	for (int i = 0; i < FILES; i++) {
		free(p->places[i].path);
		ini_fini(&p->places[i].ini);
	}
}

static int
profile_read(const struct ec2_creds_source *source, struct profile *p, struct err *err)
{
	*p = (struct profile){
		.name = profile_name(source),
		.places =
			{
				[CREDENTIALS] =
					{
						.path = find_path(
							source->shared_credentials_file,
							"AWS_SHARED_CREDENTIALS_FILE",
							".aws/credentials"),
					},
				[CONFIG] =
					{
						.path = find_path(source->config_file,
							"AWS_CONFIG_FILE",
							".aws/config"),
						.prefixed = true,
					},
			},
	};
	for (int i = 0; i < FILES; i++)
		if (place_read(&p->places[i], err) < 0)
			return -1;
	return 0;
}

/* "profile NAME", with any blanks between and perhaps quotes around the name. */
static bool
is_prefixed(const char *section, const char *name)
{
	static const char word[] = "profile";
	size_t len = strlen(name), blanks;
	const char *at = section + strlen(word);

	if (strncmp(section, word, strlen(word)) != 0)
		return false;
	blanks = strspn(at, " \t");
	at += blanks;
	if (blanks == 0)
		return false;
	if (*at != '"' && *at != '\'')
		return strcmp(at, name) == 0;
	return strncmp(at + 1, name, len) == 0 && at[len + 1] == *at &&
		at[len + 2] == '\0';
}

static bool
is_section(const struct place *p, const char *section, const char *name)
{
	if (!p->prefixed || strcmp(name, "default") == 0)
		if (strcmp(section, name) == 0)
			return true;
	return p->prefixed && is_prefixed(section, name);
}

/* The last value of a key, or NULL; an empty one counts as none. key "" finds the section. */
static const char *
get(const struct profile *p, int place, const char *key)
{
	const struct place *in = &p->places[place];
	const char *value = NULL;

	for (size_t i = 0; i < in->ini.count; i++) {
		const struct ini_pair *pair = &in->ini.pairs[i];

		if (strcmp(pair->key, key) == 0 &&
			is_section(in, pair->section, p->name))
			value = pair->value;
	}
	return value != NULL && (value[0] != '\0' || key[0] == '\0') ? value : NULL;
}

static enum look
fail(struct err *err)
{
	if (err != NULL)
		err->reason = REASON_AUTH;
	return LOOK_FAILED;
}

static enum look
take_keys(const struct profile *p, int place, struct keyset *ret, struct err *err)
{
	const char *secret = get(p, place, "aws_secret_access_key");
	const char *path = p->places[place].path;

	if (secret == NULL) {
		err_set(err, ERR_CONFIG,
			"%s: profile '%s' has aws_access_key_id without "
			"aws_secret_access_key",
			path, p->name);
		return fail(err);
	}
	if (p->places[place].open_to_others) {
		err_set(err, ERR_CONFIG,
			"%s: holds AWS keys and can be read or written by group or "
			"others; chmod 600 it",
			path);
		return fail(err);
	}
	ret->id = xstrdup(get(p, place, "aws_access_key_id"));
	secret_set(&ret->secret, secret);
	secret_set(&ret->token, get(p, place, "aws_session_token"));
	return LOOK_FOUND;
}

static enum look
take_way(const struct profile *p, const struct way *way, int place, struct keyset *ret,
	struct err *err)
{
	if (way->unsupported == NULL)
		return take_keys(p, place, ret, err);
	err_set(err, ERR_CONFIG, "%s: profile '%s' has %s, but %s is not supported yet",
		p->places[place].path, p->name, way->key, way->unsupported);
	return fail(err);
}

static const char *
seen(const struct profile *p, int place)
{
	if (p->places[place].path == NULL)
		return "no home directory";
	if (!p->places[place].exists)
		return "no such file";
	return get(p, place, "") != NULL ? "no keys in that profile"
					 : "no such profile";
}

static enum look
find_way(const struct profile *p, struct keyset *ret, struct err *err)
{
	const struct place *places = p->places;

	for (size_t i = 0; i < COUNT_OF(ways); i++)
		for (int place = 0; place < FILES; place++)
			if (ways[i].in[place] && get(p, place, ways[i].key) != NULL)
				return take_way(p, &ways[i], place, ret, err);
	err_set(err, ERR_CONFIG,
		"no credentials: none in the configuration or the environment; profile "
		"'%s' in %s: %s; in %s: %s",
		p->name,
		places[CREDENTIALS].path != NULL ? places[CREDENTIALS].path
						 : "~/.aws/credentials",
		seen(p, CREDENTIALS),
		places[CONFIG].path != NULL ? places[CONFIG].path : "~/.aws/config",
		seen(p, CONFIG));
	(void)fail(err); /* sets the reason only */
	return LOOK_NONE;
}

enum look
profile_keys(const struct ec2_creds_source *source, struct keyset *ret, struct err *err)
{
	struct profile p;
	enum look look;

	if (profile_read(source, &p, err) < 0)
		look = fail(err);
	else
		look = find_way(&p, ret, err);
	profile_fini(&p);
	return look;
}

char *
profile_region(const struct ec2_creds_source *source)
{
	const char *region = NULL;
	struct profile p;
	char *copy;

	if (profile_read(source, &p, NULL) == 0) {
		region = get(&p, CONFIG, "region");
		if (region == NULL)
			region = get(&p, CREDENTIALS, "region");
	}
	copy = xstrdup_opt(region);
	profile_fini(&p);
	return copy;
}

void
keyset_fini(struct keyset *k)
{
	free(k->id);
	secret_fini(&k->secret);
	secret_fini(&k->token);
	*k = (struct keyset){0};
}
