/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file is looked at, and which sections are a profile's.
 */
#include "ec2/profile.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/creds.h"
#include "ec2/ini.h"
#include "sys/file.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536u

/* One of the two files. */
struct place {
	char *path;          /* owned; NULL if there is no home to look in */
	bool prefixed;       /* its sections are "profile NAME" */
	bool open_to_others; /* it must not hold keys then */
	bool exists;
	struct ini ini;
};

struct profiles {
	struct place places[PROFILE_FILES];
};

const char *
ec2_env(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

const char *
profile_name(const struct ec2_creds_source *source)
{
	const char *name = source->profile;

	if (name == NULL)
		name = ec2_env("AWS_PROFILE");
	if (name == NULL)
		name = ec2_env("AWS_DEFAULT_PROFILE");
	return name != NULL ? name : "default";
}

/* NULL for a user without a home. */
static char *
home(void)
{
	const char *dir = ec2_env("HOME");
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
	const char *path = configured != NULL ? configured : ec2_env(variable);

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

void
profiles_free(struct profiles *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < PROFILE_FILES; i++) {
		free(p->places[i].path);
		ini_fini(&p->places[i].ini);
	}
	free(p);
}

struct profiles *
profiles_read(const struct ec2_creds_source *source, struct err *err)
{
	struct profiles *p = NEW(struct profiles);
	struct place *credentials = &p->places[PROFILE_CREDENTIALS];
	struct place *config = &p->places[PROFILE_CONFIG];

	credentials->path = find_path(source->shared_credentials_file,
		"AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
	config->path = find_path(source->config_file, "AWS_CONFIG_FILE", ".aws/config");
	config->prefixed = true;
	for (int i = 0; i < PROFILE_FILES; i++) {
		if (place_read(&p->places[i], err) < 0) {
			profiles_free(p);
			return NULL;
		}
	}
	return p;
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

const char *
profile_get(const struct profiles *p, const char *name, enum profile_file file,
	const char *key)
{
	const struct place *in = &p->places[file];
	const char *value = NULL;

	for (size_t i = 0; i < in->ini.count; i++) {
		const struct ini_pair *pair = &in->ini.pairs[i];

		if (strcmp(pair->key, key) == 0 && is_section(in, pair->section, name))
			value = pair->value;
	}
	return value != NULL && (value[0] != '\0' || key[0] == '\0') ? value : NULL;
}

bool
profile_exists(const struct profiles *p, const char *name)
{
	return profile_get(p, name, PROFILE_CREDENTIALS, "") != NULL ||
		profile_get(p, name, PROFILE_CONFIG, "") != NULL;
}

const char *
profile_path(const struct profiles *p, enum profile_file file)
{
	static const char *const usual[PROFILE_FILES] = {
		[PROFILE_CREDENTIALS] = "~/.aws/credentials",
		[PROFILE_CONFIG] = "~/.aws/config",
	};
	const char *path = p->places[file].path;

	return path != NULL ? path : usual[file];
}

bool
profile_open_to_others(const struct profiles *p, enum profile_file file)
{
	return p->places[file].open_to_others;
}

const char *
profile_seen(const struct profiles *p, const char *name, enum profile_file file)
{
	if (p->places[file].path == NULL)
		return "no home directory";
	if (!p->places[file].exists)
		return "no such file";
	return profile_get(p, name, file, "") != NULL ? "no keys in that profile"
						      : "no such profile";
}

char *
profile_region(const struct ec2_creds_source *source)
{
	struct profiles *p = profiles_read(source, NULL);
	const char *name = profile_name(source), *region;
	char *copy;

	if (p == NULL)
		return NULL;
	region = profile_get(p, name, PROFILE_CONFIG, "region");
	if (region == NULL)
		region = profile_get(p, name, PROFILE_CREDENTIALS, "region");
	copy = xstrdup_opt(region);
	profiles_free(p);
	return copy;
}
